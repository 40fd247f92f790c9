"""For every test and example."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

import numpy as np
import pytest

# Faces show the docstrings of their functions, whose examples run where the functions are.
collect_ignore = ["src/lossary/torch/__init__.py", "src/lossary/flax/__init__.py"]


@pytest.fixture(autouse=True)
def _arrays_in_examples(doctest_namespace: dict[str, Any]) -> None:
    """Examples in docstrings are written with `np`, which a reader knows; those that need gradients with `xp`."""
    doctest_namespace["np"] = np
    for framework in ("torch", "jax.numpy"):
        with suppress(ImportError):
            doctest_namespace.setdefault("xp", import_module(framework))
