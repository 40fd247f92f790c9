"""Values and gradients against 120-digit arithmetic: rows of the contract's table, with its tolerances and no wider."""

from __future__ import annotations

from inspect import signature
from math import fsum
from typing import Any

import mpmath
import numpy as np
import pytest

import lossary
from tests.exact import EXACT, Exact, mp
from tests.probes import (
    EXTREMES,
    ORDINARY,
    TAILS,
    UNPROBED,
    Probe,
    errors,
    every_framework,
    every_framework_but_jax_slowly,
    everywhere,
    measured,
    norm_error,
    one_each,
    ordinary,
    over,
    tails,
    with_gradients,
)
from tests.support.families import sampled
from tests.support.frameworks import TORCH_F64, OnJax, OnNumpy, OnTorch, Outcome, row

EPS32, EPS64 = float(np.finfo(np.float32).eps), float(np.finfo(np.float64).eps)


in_float64 = pytest.mark.parametrize("framework", [row(OnNumpy, "f64"), row(OnTorch, "f64")])


def checked(probe: Probe, found: Outcome) -> list[str]:
    """The arguments whose gradient is compared: all of them, on a framework that has gradients."""
    return [name for name in probe.exact.gradients if found.gradients]


def off(probe: Probe, found: Outcome, name: str = "", dtype: Any = np.float32) -> np.ndarray:
    """How wrong each item's value is, or its gradient towards an argument."""
    got, exact = (one.gradients[name] if name else one.value for one in (found, probe.exact))
    return errors(probe.by_item(got), probe.by_item(exact), dtype)


def worst(probe: Probe, found: Outcome, name: str = "", dtype: Any = np.float32) -> float:
    return float(off(probe, found, name, dtype).max(initial=0.0))


# ---- the probes and the reference themselves ----


def test_every_loss_is_probed_everywhere() -> None:
    modules = [getattr(lossary.losses, family) for family in lossary.losses.FAMILIES]
    public = {name for module in modules for name in module.__all__}
    assert set(EXACT) | set(UNPROBED) == public
    for probes in (ORDINARY, TAILS, EXTREMES):
        assert {probe.loss for probe in probes} | set(UNPROBED) == public


def test_probes_are_told_apart() -> None:
    names = [str(probe) for probe in (*ORDINARY, *TAILS, *EXTREMES)]
    assert len(set(names)) == len(names)


@over([probe for probe in ORDINARY if isinstance(EXACT[probe.loss], Exact)])
def test_slopes_of_the_reference_are_derivatives_of_its_values(probe: Probe) -> None:
    probe = probe.first(3)
    exact = EXACT[probe.loss]
    names = list(probe.arrays)
    for i in range(3):
        item = [array[i].tolist() for array in probe.arrays.values()]
        slopes = dict(zip(exact.wrt, exact.slopes(*item, **probe.options), strict=False))
        for position, name in enumerate(names):
            if name in slopes and _smooth_at(probe, name, item[position]):
                _same_slope(exact.value, item, position, probe.options, slopes[name])


def _smooth_at(probe: Probe, name: str, value: Any) -> bool:
    """A target of 0 or 1 has a derivative to one side only."""
    return name != "targets" or "binary" not in probe.loss or value not in (0.0, 1.0)


def _same_slope(value: Any, item: list[Any], position: int, options: dict[str, Any], slopes: Any) -> None:
    entries = range(len(slopes)) if isinstance(slopes, list) else [None]
    for entry in entries:

        def along(x: Any, entry: Any = entry) -> Any:
            given = x if entry is None else [x if j == entry else v for j, v in enumerate(item[position])]
            return value(*item[:position], given, *item[position + 1 :], **options)

        at = item[position] if entry is None else item[position][entry]
        found = mp.diff(along, mp.mpf(at))
        assert mp.almosteq(found, slopes if entry is None else slopes[entry], rel_eps=1e-30, abs_eps=1e-30)


# ---- ordinary inputs: "fp32 ordinary", <= 4 eps in value, <= 8 eps norm-wise in gradient ----


@everywhere(ORDINARY)
def test_ordinary(probe: Probe, framework: OnNumpy) -> None:
    found = measured(framework, probe)
    assert norm_error(found.value, probe.exact.value) <= 4 * EPS32 * probe.factor
    for name in checked(probe, found):
        assert norm_error(found.gradients[name], probe.exact.gradients[name]) <= 8 * EPS32 * probe.factor


REDUCED = [probe for probe in one_each(ORDINARY) if probe.weighs and probe.small]
MANY = 100_000


@everywhere(REDUCED)
def test_ordinary_mean_over_many_items(probe: Probe, framework: OnNumpy, rng: np.random.Generator) -> None:
    pick = rng.integers(0, probe.items, MANY)
    weights = rng.uniform(0.1, 2, MANY).astype(np.float32).astype(float)
    many = {name: array[pick] for name, array in probe.arrays.items()}
    found = framework.outcome(probe.fn, {**probe.kwargs, **many, "weights": weights, "reduction": "mean"})
    total = fsum(weights)
    exact = probe.exact.value[pick] * weights
    assert abs(float(found.value) - fsum(exact) / total) <= 4 * EPS32 * fsum(np.abs(exact)) / total
    for name in checked(probe, found):
        slopes = probe.exact.gradients[name][pick]
        slopes = slopes * (weights / total).reshape(-1, *[1] * (slopes.ndim - 1))
        assert norm_error(found.gradients[name], slopes) <= 8 * EPS32


@every_framework
@over(REDUCED[:4])
def test_ordinary_sum_over_many_items(probe: Probe, framework: OnNumpy, rng: np.random.Generator) -> None:
    pick = rng.integers(0, probe.items, MANY)
    many = {name: array[pick] for name, array in probe.arrays.items()}
    value = framework.value(probe.fn, {**probe.kwargs, **many, "reduction": "sum"})
    exact = fsum(probe.exact.value[pick])
    assert abs(float(value) - exact) <= 4 * EPS32 * abs(exact)


@every_framework
def test_ordinary_over_many_latent_variables(framework: OnNumpy, rng: np.random.Generator) -> None:
    probe = next(probe for probe in ORDINARY if probe.loss == "kl_divergence_diag_gaussian")
    pick = rng.integers(0, probe.items, MANY)
    value = framework.value(probe.fn, {name: array[pick] for name, array in probe.arrays.items()})
    exact = fsum(probe.exact.value[pick])
    assert abs(float(value) - exact) <= 4 * EPS32 * exact


# ---- tails: 1e-4 in value, 2e-4 in gradient, per item ----


@everywhere(TAILS)
def test_tail(probe: Probe, framework: OnNumpy) -> None:
    found = measured(framework, probe)
    assert worst(probe, found) <= 1e-4 * probe.factor
    for name in checked(probe, found):
        assert worst(probe, found, name) <= 2e-4 * probe.factor


# ---- extremes: 5e-4 in value, 1e-3 in gradient on every probe, and 1e-6, 2e-5 at the 95th percentile ----


@everywhere(EXTREMES)
def test_extreme(probe: Probe, framework: OnNumpy) -> None:
    found = measured(framework, probe)
    assert worst(probe, found) <= 5e-4 * probe.factor
    for name in checked(probe, found):
        assert worst(probe, found, name) <= 1e-3 * probe.factor


@every_framework_but_jax_slowly
@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["sample", "whole"])
def test_extremes_are_mostly_right_to_the_last_digits(framework: OnNumpy, whole: bool) -> None:
    """The contract's percentile is over calls of one item; here each item of a batch is one."""
    probes = [probe for probe in EXTREMES if probe.factor == 1 and (whole or sampled(probe.family, str(probe)))]
    found = [(probe, measured(framework, probe)) for probe in probes]
    assert np.quantile(np.concatenate([off(probe, one) for probe, one in found]), 0.95) <= 1e-6
    gradients = [off(probe, one, name) for probe, one in found for name in checked(probe, one)]
    if gradients:
        assert np.quantile(np.concatenate(gradients), 0.95) <= 2e-5


REGRESSION = ["mse_loss", "mae_loss", "huber_loss", "smooth_l1_loss", "log_cosh_loss", "charbonnier_loss"]
HUGE = [(loss, {}) for loss in REGRESSION] + [
    ("huber_loss", {"delta": 1e18}),
    ("charbonnier_loss", {"alpha": 2.0}),
    ("asymmetric_mse_loss", {}),
    ("asymmetric_mse_loss", {"over_penalty": 50.0}),
]


@every_framework
@pytest.mark.parametrize("items", [1_000, 70_000])
@pytest.mark.parametrize(("loss", "options"), HUGE)
def test_a_mean_of_huge_losses_does_not_overflow(
    loss: str, options: dict[str, Any], items: int, framework: OnNumpy
) -> None:
    far = np.full(items, 1e18, np.float32)
    probe = Probe(loss, {"predictions": far, "targets": -far}, options)
    found = framework.outcome(probe.fn, {**probe.kwargs, "reduction": "mean"})
    one = probe.first(1).exact
    assert abs(float(found.value) - one.value[0]) <= 5e-4 * one.value[0]
    if found.gradients:
        slopes = np.broadcast_to(one.gradients["predictions"] / items, far.shape)
        assert norm_error(found.gradients["predictions"], slopes) <= 1e-3


@every_framework
def test_a_mean_of_tiny_losses_does_not_vanish(framework: OnNumpy) -> None:
    """Down to N times the smallest normal number: below that XLA, which divides before it adds, has 0."""
    error = np.full(MANY, 1e-16, np.float32)
    exact = float(error[0]) ** 2
    assert exact / MANY > np.finfo(np.float32).tiny
    value = framework.value(lossary.mse_loss, {"predictions": error, "targets": np.zeros_like(error)})
    assert abs(float(value) - exact) <= 1e-4 * exact


@every_framework
@pytest.mark.parametrize("weight", [1e-30, 1e-20, 100.0, 1e15])
def test_weights_may_be_of_any_size(weight: float, framework: OnNumpy) -> None:
    """The mean divides by them: neither their size nor the loss's may overflow on the way."""
    for size in (1e-15, 1e18):
        error = np.full(1_000, size, np.float32)
        arrays = {"predictions": error, "targets": -error, "weights": np.full(1_000, weight, np.float32)}
        value = framework.value(lossary.mse_loss, arrays)
        assert abs(float(value) - (2 * float(error[0])) ** 2) <= 5e-4 * (2 * float(error[0])) ** 2


@with_gradients
@pytest.mark.parametrize("size", [1e-20, 1e20])
@pytest.mark.parametrize(
    ("loss", "name"),
    [("mse_loss", "weights"), ("energy_distance", "pred_weights"), ("earth_mover_distance", "x_weights")],
)
def test_slopes_towards_weights_of_any_size(
    loss: str, name: str, size: float, framework: OnNumpy, rng: np.random.Generator
) -> None:
    """The slope of a quotient holds the square of what was divided by, which is out of range long before it is."""
    arrays = [rng.normal(size=(5, 2)), rng.normal(size=(5, 2))]
    weights = size * rng.uniform(0.5, 2, 5)
    given = zip(signature(getattr(lossary, loss)).parameters, arrays, strict=False)
    kwargs = {key: array.astype(np.float32).astype(float) for key, array in (*given, (name, weights))}
    found, exact = (on.outcome(getattr(lossary, loss), kwargs).gradients[name] for on in (framework, TORCH_F64))
    assert norm_error(found, exact) <= 1e-4


# ---- float64: 8 eps of float64 ----


def _in_float64(probe: Probe, framework: OnNumpy) -> None:
    found = framework.outcome(probe.fn, probe.kwargs)
    assert found.value.dtype == np.float64
    assert norm_error(found.value, probe.exact.value) <= 8 * EPS64 * probe.factor_f64
    for name in checked(probe, found):
        assert norm_error(found.gradients[name], probe.exact.gradients[name]) <= 8 * EPS64 * probe.factor_f64


ORDINARY_F64 = [probe.first(24) for probe in ordinary()]


@in_float64
@over(ORDINARY_F64)
def test_ordinary_in_float64(probe: Probe, framework: OnNumpy) -> None:
    _in_float64(probe, framework)


@pytest.mark.parametrize("framework", [row(OnJax, "f64")])
@over(one_each(ORDINARY_F64))
def test_ordinary_in_float64_on_jax(probe: Probe, framework: OnNumpy) -> None:
    _in_float64(probe, framework)


@in_float64
@over([probe.first(24) for probe in tails()])
def test_tail_in_float64(probe: Probe, framework: OnNumpy) -> None:
    found = framework.outcome(probe.fn, probe.kwargs)
    assert worst(probe, found, dtype=np.float64) <= 1e-4 * probe.factor
    for name in checked(probe, found):
        assert worst(probe, found, name, np.float64) <= 2e-4 * probe.factor


def test_the_reference_has_enough_digits() -> None:
    assert mp.dps >= 120
    assert mpmath.mp.dps == 15  # its context is its own: no other test sees more digits
