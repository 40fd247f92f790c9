"""Half precision: computed and reduced in float32, gradients in the input's own dtype, rounded once.

The reference is torch in float64 on the rounded inputs, which `test_precision.py` holds against 120-digit arithmetic.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import lossary
from tests.probes import Probe, errors, extremes, norm_error, one_each, ordinary, over, tails
from tests.support.frameworks import TORCH_F64, OnJax, OnNumpy, OnTorch, Outcome

EPS32 = float(np.finfo(np.float32).eps)
HALF_ULP = {"float16": 4.9e-4, "bfloat16": 3.9e-3}  # the contract's figures: 2⁻¹¹ and 2⁻⁸, rounded
HALVES = {"float16": np.dtype(np.float16), "bfloat16": np.dtype(ml_dtypes.bfloat16)}

TORCH_OR_JAX = [pytest.param(kind, half, id=f"{kind.name}-{half}") for kind in (OnTorch, OnJax) for half in HALVES]
EVERYWHERE = [pytest.param(OnNumpy, half, id=f"numpy-{half}") for half in HALVES] + TORCH_OR_JAX
everywhere = pytest.mark.parametrize(("kind", "half"), EVERYWHERE)
with_gradients = pytest.mark.parametrize(("kind", "half"), TORCH_OR_JAX)


@cache
def in_half(kind: type[OnNumpy], half: str) -> OnNumpy:
    """A framework whose floating arrays are half-precision; results keep their dtype in NumPy."""
    pytest.importorskip(kind.name)

    class Half(kind):  # type: ignore[misc, valid-type]
        def array(self, values: np.ndarray) -> Any:
            return _native(kind, values.astype(HALVES[half]) if values.dtype.kind == "f" else values)

        def numpy(self, array: Any) -> np.ndarray:
            return _in_numpy(array)

    return Half("f32")


def _native(kind: type[OnNumpy], values: np.ndarray) -> Any:
    if kind is OnTorch:
        import torch

        if values.dtype == HALVES["bfloat16"]:
            return torch.from_numpy(values.astype(np.float32)).to(torch.bfloat16)
        return torch.from_numpy(np.array(values))
    if kind is OnJax:
        import jax.numpy as jnp

        return jnp.asarray(values)
    return values


def _in_numpy(array: Any) -> np.ndarray:
    if "bfloat16" in str(array.dtype) and hasattr(array, "detach"):
        return array.detach().float().numpy().astype(ml_dtypes.bfloat16)
    return np.asarray(array.detach() if hasattr(array, "detach") else array)


@cache
def on_grid(probe: Probe, half: str) -> Probe:
    """The probe on inputs that the half dtype holds, too large ones at its largest number, as float64."""
    dtype = HALVES[half]
    limit = float(ml_dtypes.finfo(dtype).max)

    def rounded(a: np.ndarray) -> np.ndarray:
        return np.where(np.isfinite(a), np.clip(a, -limit, limit), a).astype(dtype).astype(np.float64)

    return replace(probe, arrays={k: rounded(a) if a.dtype.kind == "f" else a for k, a in probe.arrays.items()})


@cache
def reference(probe: Probe) -> Outcome:
    pytest.importorskip("torch")
    return TORCH_F64.outcome(probe.fn, probe.kwargs)


def rounding(found: np.ndarray, exact: np.ndarray, half: str) -> float:
    """The largest relative error of an item's gradient; what the dtype cannot hold may be infinite or subnormal."""
    info = ml_dtypes.finfo(HALVES[half])
    found, exact = found.astype(np.float64), np.asarray(exact, np.float64)
    unheld = (np.abs(exact) >= float(info.max)) & (np.sign(found) == np.sign(exact))
    tiny = np.abs(exact) < float(info.smallest_normal)
    with np.errstate(invalid="ignore"):
        off = np.abs(found - exact)
    off = np.where(unheld | (tiny & (off <= float(info.smallest_normal) * float(info.eps))), 0.0, off)
    off, exact = off.reshape(len(off), -1), exact.reshape(len(exact), -1)
    size = np.sqrt(np.sum(np.where(np.isfinite(exact), exact, 0) ** 2, axis=1))
    length = np.sqrt(np.sum(off**2, axis=1))
    return float(np.max(np.where(length == 0, 0.0, length / np.where(size == 0, 1e-300, size)), initial=0.0))


ORDINARY, TAILS, EXTREMES = list(ordinary()), list(tails()), list(extremes())


def outcome(kind: type[OnNumpy], half: str, probe: Probe) -> tuple[Outcome, Outcome]:
    probe = on_grid(probe, half)
    found = in_half(kind, half).outcome(probe.fn, probe.kwargs)
    assert found.value.dtype == np.float32
    assert {g.dtype for g in found.gradients.values()} <= {HALVES[half]}
    return found, reference(probe)


def gradients_are_rounded_once(probe: Probe, found: Outcome, exact: Outcome, half: str) -> None:
    for name in probe.wrt or found.gradients:
        gradients = (probe.by_item(one.gradients[name]) for one in (found, exact))
        assert rounding(*gradients, half) <= HALF_ULP[half], name


def worst(probe: Probe, found: Outcome, exact: Outcome) -> float:
    return float(errors(probe.by_item(found.value), probe.by_item(exact.value)).max(initial=0.0))


# Compiling takes JAX's time: every loss in float16, every third in bfloat16.
ON_JAX = [
    pytest.param(half, probe, id=f"{probe}-{half}")
    for half, step in (("float16", 1), ("bfloat16", 3))
    for probe in one_each(ORDINARY)[::step]
]


# ---- "fp16/bf16 in, value vs float64 on the rounded input" <= 8 eps32, gradient <= half an ulp of the dtype ----


@pytest.mark.parametrize("half", HALVES)
@over(ORDINARY)
def test_ordinary_on_torch(probe: Probe, half: str) -> None:
    found, exact = outcome(OnTorch, half, probe)
    assert norm_error(found.value, exact.value) <= 8 * EPS32 * probe.factor
    gradients_are_rounded_once(probe, found, exact, half)


@pytest.mark.parametrize(("half", "probe"), ON_JAX)
def test_ordinary_on_jax(probe: Probe, half: str) -> None:
    found, exact = outcome(OnJax, half, probe)
    assert norm_error(found.value, exact.value) <= 8 * EPS32 * probe.factor
    gradients_are_rounded_once(probe, found, exact, half)


@pytest.mark.parametrize("half", HALVES)
@over(ORDINARY)
def test_ordinary_on_numpy(probe: Probe, half: str) -> None:
    found, exact = outcome(OnNumpy, half, probe)
    assert norm_error(found.value, exact.value) <= 8 * EPS32 * probe.factor


# ---- tails: 1e-4 per item; extremes: 5e-4, and infinite only where float32 must be ----


@pytest.mark.parametrize("half", HALVES)
@over(TAILS)
def test_tail_on_torch(probe: Probe, half: str) -> None:
    found, exact = outcome(OnTorch, half, probe)
    assert worst(probe, found, exact) <= 1e-4 * probe.factor
    gradients_are_rounded_once(probe, found, exact, half)


@pytest.mark.parametrize("half", HALVES)
@over(EXTREMES)
def test_extreme_on_torch(probe: Probe, half: str) -> None:
    found, exact = outcome(OnTorch, half, probe)
    assert worst(probe, found, exact) <= 5e-4 * probe.factor
    for gradient in found.gradients.values():
        assert not np.isnan(gradient.astype(np.float32)).any()


@pytest.mark.parametrize("half", HALVES)
@over(one_each(EXTREMES))
def test_extreme_on_jax(probe: Probe, half: str) -> None:
    found, exact = outcome(OnJax, half, probe)
    assert worst(probe, found, exact) <= 5e-4 * probe.factor
    for gradient in found.gradients.values():
        assert not np.isnan(gradient.astype(np.float32)).any()


# ---- sums ----


@everywhere
@pytest.mark.parametrize("reduction", ["sum", "mean", "batch_sum"])
def test_a_sum_may_exceed_the_largest_half(kind: type[OnNumpy], half: str, reduction: str) -> None:
    predictions = np.full((5, 20_000), 3.0)
    kwargs = {"predictions": predictions, "targets": np.zeros_like(predictions), "reduction": reduction}
    value = in_half(kind, half).value(lossary.mse_loss, kwargs)
    assert value.dtype == np.float32
    assert float(value) == {"sum": 900_000.0, "mean": 9.0, "batch_sum": 180_000.0}[reduction]


@everywhere
def test_one_loss_may_exceed_the_largest_half(kind: type[OnNumpy], half: str) -> None:
    kwargs = {"predictions": np.array([300.0, -60_000.0]), "targets": np.array([-300.0, 60_000.0])}
    value = in_half(kind, half).value(lossary.mse_loss, {**kwargs, "reduction": "none"})
    exact = (2 * kwargs["predictions"].astype(HALVES[half]).astype(float)) ** 2
    assert value.tolist() == exact.astype(np.float32).tolist()


@with_gradients
def test_the_gradient_of_a_mean_over_many(kind: type[OnNumpy], half: str) -> None:
    """1 / N is no normal float16 at N = 10⁵, and the gradient is still the nearest number that it has."""
    predictions = np.full(100_000, 2.0)
    kwargs = {"predictions": predictions, "targets": np.zeros_like(predictions)}
    gradient = in_half(kind, half).outcome(lossary.mse_loss, kwargs).gradients["predictions"]
    assert gradient.dtype == HALVES[half]
    assert set(gradient.astype(float)) == {float(np.float32(4e-5).astype(HALVES[half]))}


@everywhere
def test_weights_and_mask(kind: type[OnNumpy], half: str, rng: np.random.Generator) -> None:
    predictions, targets, weights = rng.normal(size=(3, 40)).astype(HALVES[half]).astype(float)
    weights, mask = np.abs(weights), rng.random(40) < 0.7
    kwargs = {"predictions": predictions, "targets": targets, "weights": weights, "mask": mask}
    value = in_half(kind, half).value(lossary.mse_loss, kwargs)
    exact = np.sum(weights * mask * (predictions - targets) ** 2) / np.sum(weights * mask)
    assert abs(float(value) - exact) <= 8 * EPS32 * exact


# ---- mixed dtypes ----

INTEGERS = [np.uint8, np.int8, np.int16, np.int32, np.int64, np.bool_]


@everywhere
@pytest.mark.parametrize("dtype", INTEGERS, ids=lambda dtype: dtype.__name__)
def test_integer_targets_are_promoted_not_wrapped(kind: type[OnNumpy], half: str, dtype: Any) -> None:
    targets = np.array([1, 0, 1]) if dtype is np.bool_ else np.array([100, 0, 127])
    kwargs = {"predictions": np.array([0.0, 20.0, 250.0]), "targets": targets.astype(dtype), "reduction": "none"}
    value = in_half(kind, half).value(lossary.mse_loss, kwargs)
    assert value.tolist() == [float((p - t) ** 2) for p, t in zip([0, 20, 250], targets.tolist(), strict=True)]


@everywhere
@pytest.mark.parametrize("dtype", INTEGERS, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("loss", [lossary.binary_cross_entropy_loss, lossary.binary_focal_loss])
def test_yes_or_no_in_any_dtype(kind: type[OnNumpy], half: str, loss: Any, dtype: Any) -> None:
    kwargs = {"logits": np.array([0.5, -2.0, 3.0]), "targets": np.array([1.0, 0.0, 0.0])}
    framework = in_half(kind, half)
    same = framework.value(loss, {**kwargs, "targets": kwargs["targets"].astype(dtype)})
    assert same == framework.value(loss, kwargs)


@everywhere
@pytest.mark.parametrize("dtype", [t for t in INTEGERS if t is not np.bool_], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("loss", [lossary.cross_entropy_loss, lossary.focal_loss])
def test_labels_in_any_integer_dtype(kind: type[OnNumpy], half: str, loss: Any, dtype: Any) -> None:
    """uint8 cannot hold the default ignore_index of −100, and need not."""
    kwargs = {"logits": np.array([[0.5, -2.0, 3.0], [1.0, 0.0, 0.25]]), "labels": np.array([2, 0])}
    framework = in_half(kind, half)
    assert framework.value(loss, {**kwargs, "labels": kwargs["labels"].astype(dtype)}) == framework.value(loss, kwargs)


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("kind", [OnTorch, OnJax], ids=lambda kind: kind.name)
def test_half_predictions_with_float32_targets(kind: type[OnNumpy], half: str, rng: np.random.Generator) -> None:
    predictions, targets = rng.normal(size=(2, 64)).astype(np.float32)
    predictions = predictions.astype(HALVES[half])
    value, gradients = _mixed(kind, predictions, targets)
    exact = predictions.astype(float) - targets.astype(float)
    assert (value.dtype, *[g.dtype for g in gradients]) == (np.float32, HALVES[half], np.float32)
    assert abs(float(value) - np.mean(exact**2)) <= 8 * EPS32 * np.mean(exact**2)
    assert rounding(gradients[0], 2 * exact / 64, half) <= HALF_ULP[half]
    assert norm_error(gradients[1], -2 * exact / 64) <= 8 * EPS32


def _mixed(kind: type[OnNumpy], *arrays: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """mse_loss and its gradients, each array in its own dtype."""
    pytest.importorskip(kind.name)
    given = [_native(kind, array) for array in arrays]
    if kind is OnTorch:
        value = lossary.mse_loss(*[array.requires_grad_() for array in given])
        value.backward()
        return _in_numpy(value), [_in_numpy(array.grad) for array in given]
    import jax

    value, gradients = jax.value_and_grad(lossary.mse_loss, argnums=(0, 1))(*given)
    return _in_numpy(value), [_in_numpy(gradient) for gradient in gradients]


def test_float64_beside_half_is_float64(rng: np.random.Generator) -> None:
    predictions, targets = rng.normal(size=(2, 8)).astype(np.float16), rng.normal(size=(2, 8))
    value = lossary.mse_loss(predictions, targets)
    assert value.dtype == np.float64
    assert value == np.mean((predictions.astype(float) - targets) ** 2)


def test_autocast_changes_nothing(torch: Any, rng: np.random.Generator) -> None:
    """Under autocast torch would run some operations in bfloat16; a loss must not."""
    for probe in one_each(ORDINARY):
        arrays = {
            k: torch.tensor(a, dtype=torch.float32 if a.dtype.kind == "f" else None) for k, a in probe.arrays.items()
        }
        kwargs = {**probe.kwargs, **arrays}
        plain = probe.fn(**kwargs)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            cast = probe.fn(**kwargs)
        plain, cast = (getattr(result, "objective", result) for result in (plain, cast))
        assert cast.dtype == torch.float32
        assert torch.equal(plain, cast), probe.loss
