"""How wrong an answer is; and the three frameworks in float32, measured once for all tests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.probes.probe import Probe
from tests.support.frameworks import OnJax, OnNumpy, OnTorch, Outcome, later_on_jax, row

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
every_framework_but_jax_slowly = pytest.mark.parametrize(
    "framework", [*_ROWS[:2], pytest.param(JAX_F32, id=_ROWS[2].id, marks=[*_ROWS[2].marks, pytest.mark.slow])]
)
without_compiling = pytest.mark.parametrize("framework", _ROWS[:2])
with_gradients = pytest.mark.parametrize("framework", _ROWS[1:])
on_torch = pytest.mark.parametrize("framework", _ROWS[1:2])
on_jax = pytest.mark.parametrize("framework", _ROWS[2:])


def on(frameworks: Sequence[Any], probes: list[Probe]) -> pytest.MarkDecorator:
    """Each probe on each framework; what JAX has to compile is slow but for the first probe of a loss."""
    first = {id(probe) for probe in one_each(probes)}
    params = [
        pytest.param(
            *framework.values,
            probe,
            id=f"{probe}-{framework.id}",
            marks=[*framework.marks, *later_on_jax(framework, id(probe) in first)],
        )
        for framework in frameworks
        for probe in probes
    ]
    return pytest.mark.parametrize(("framework", "probe"), params)


def everywhere(probes: list[Probe]) -> pytest.MarkDecorator:
    return on(_ROWS, probes)


def with_gradients_over(probes: list[Probe]) -> pytest.MarkDecorator:
    return on(_ROWS[1:], probes)


def compiled_over(probes: list[Probe]) -> pytest.MarkDecorator:
    """Each probe, where a test compiles it for JAX: slow but for the first probe of a loss."""
    first = {id(probe) for probe in one_each(probes)}
    params = [pytest.param(p, id=str(p), marks=() if id(p) in first else pytest.mark.slow) for p in probes]
    return pytest.mark.parametrize("probe", params)


def over(probes: list[Probe]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("probe", probes, ids=str)


@cache
def measured(framework: OnNumpy, probe: Probe) -> Outcome:
    """What the loss gives per item, with gradients; compiled on JAX."""
    return framework.outcome(probe.fn, probe.kwargs)
