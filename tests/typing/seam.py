"""Each framework module gives all that the losses ask of one. Read by `test_typing.py`, never run."""

from lossary._core.backends import jax, numpy, torch
from lossary._core.backends.protocol import Namespace

of_numpy: Namespace = numpy
of_torch: Namespace = torch
of_jax: Namespace = jax
no_framework: Namespace = 3  # wrong
