"""Inputs that losses get wrong, with the right answers: ordinary ones, tails (losses next to 0) and extremes.

A module a family, each with three functions `ordinary()`, `tails()` and `extremes()` that yield its probes.
The answers come from `tests.exact`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from tests.probes.measure import JAX_F32 as JAX_F32
from tests.probes.measure import NUMPY_F32 as NUMPY_F32
from tests.probes.measure import TORCH_F32 as TORCH_F32
from tests.probes.measure import compiled_over as compiled_over
from tests.probes.measure import errors as errors
from tests.probes.measure import every_framework as every_framework
from tests.probes.measure import every_framework_but_jax_slowly as every_framework_but_jax_slowly
from tests.probes.measure import everywhere as everywhere
from tests.probes.measure import measured as measured
from tests.probes.measure import norm_error as norm_error
from tests.probes.measure import on_jax as on_jax
from tests.probes.measure import on_torch as on_torch
from tests.probes.measure import one_each as one_each
from tests.probes.measure import over as over
from tests.probes.measure import with_gradients as with_gradients
from tests.probes.measure import with_gradients_over as with_gradients_over
from tests.probes.measure import without_compiling as without_compiling
from tests.probes.probe import ITEMS as ITEMS
from tests.probes.probe import Probe as Probe
from tests.support.families import merged, modules


def _of_all(name: str) -> Callable[[], Iterator[Probe]]:
    def probes() -> Iterator[Probe]:
        for module in modules("probes"):
            yield from getattr(module, name)()

    return probes


def _told_apart(probe: Probe, seen: Counter[str]) -> Probe:
    """The probe, with a number in its name where another has that name."""
    seen[str(probe)] += 1
    again = seen[str(probe)]
    return probe if again == 1 else replace(probe, note="-".join(filter(None, [probe.note, f"again-{again}"])))


ordinary, tails, extremes = _of_all("ordinary"), _of_all("tails"), _of_all("extremes")
_seen: Counter[str] = Counter()
ORDINARY, TAILS, EXTREMES = (
    [_told_apart(probe, _seen).rounded(np.float32) for probe in probes()] for probes in (ordinary, tails, extremes)
)
UNPROBED = merged("probes", "UNPROBED")  # losses without probes, and why
