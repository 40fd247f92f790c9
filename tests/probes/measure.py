"""How wrong an answer is; and the three frameworks in float32, measured once for all tests."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.probes.probe import Probe
from tests.support.frameworks import OnJax, OnNumpy, OnTorch, Outcome, row

# ---- how wrong an answer is ----


def errors(found: np.ndarray, exact: np.ndarray, dtype: Any = np.float32) -> np.ndarray:
    """Per item: |found − exact| / |exact|, with Euclidean norms where an item is a row.

    Where the exact number is too large for `dtype`, infinity is the right answer. Where it is within a factor
    of 100 of the subnormal numbers, which XLA takes for 0, any number as small is.
    """
    info, found = np.finfo(dtype), np.asarray(found, np.float64)
    assert found.shape == exact.shape, (found.shape, exact.shape)
    exact = np.where(np.abs(exact) > float(info.max), np.copysign(np.inf, exact), exact)
    with np.errstate(invalid="ignore"):
        difference = np.where(found == exact, 0.0, np.abs(found - exact))
    nothing = 100 * float(info.tiny)
    difference = np.where((np.abs(exact) < nothing) & (np.abs(found) <= nothing), 0.0, difference)
    difference, exact = difference.reshape(len(exact), -1), exact.reshape(len(exact), -1)
    size = np.sqrt(np.sum(np.where(np.isfinite(exact), exact, 0.0) ** 2, axis=1))
    off = np.sqrt(np.sum(difference**2, axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(off == 0, 0.0, off / size)
    return np.where(np.isnan(relative), np.inf, relative)


def norm_error(found: np.ndarray, exact: np.ndarray) -> float:
    """‖found − exact‖ / ‖exact‖ over the whole array."""
    return float(errors(np.asarray(found).reshape(1, -1), exact.reshape(1, -1))[0])


def one_each(probes: list[Probe]) -> list[Probe]:
    """The first probe of each loss."""
    return list({probe.loss: probe for probe in reversed(probes)}.values())


_ROWS = [row(kind, "f32") for kind in (OnNumpy, OnTorch, OnJax)]
NUMPY_F32, TORCH_F32, JAX_F32 = (one.values[0] for one in _ROWS)
every_framework = pytest.mark.parametrize("framework", _ROWS)
without_compiling = pytest.mark.parametrize("framework", _ROWS[:2])
with_gradients = pytest.mark.parametrize("framework", _ROWS[1:])
on_torch = pytest.mark.parametrize("framework", _ROWS[1:2])
on_jax = pytest.mark.parametrize("framework", _ROWS[2:])


def over(probes: list[Probe]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("probe", probes, ids=str)


@cache
def measured(framework: OnNumpy, probe: Probe) -> Outcome:
    """What the loss gives per item, with gradients; compiled on JAX."""
    return framework.outcome(probe.fn, probe.kwargs)
