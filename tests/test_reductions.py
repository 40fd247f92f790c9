"""Reduction: one rule everywhere. What does not count is as if it were not there, and nothing that counts is hidden."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossary
from tests.catalog import Case, Options, cases, options
from tests.support.frameworks import (
    NUMPY,
    Kwargs,
    OnJax,
    OnNumpy,
    OnTorch,
    every_framework,
    floating,
    frameworks_with_gradients,
    objective,
    row,
    split,
)
from tests.support.inputs import SHAPES
from tests.support.reduction import factors, reduced, weightings

REDUCTIONS: tuple[Options, ...] = (
    {"reduction": "mean"},
    {"reduction": "sum"},
    {"reduction": "none"},
    {"reduction": "batch_sum"},
    {"reduction": "mean", "normalizer": 2.5},
    {"reduction": "batch_sum", "normalizer": 2.5},
)
MASKS: tuple[Options, ...] = ({}, {"mask": np.array(True)}, {"mask": np.array(False)})
ALONG_AXES: tuple[Options, ...] = (
    *({"reduction": reduction, "axis": axis} for reduction in ("mean", "sum") for axis in (0, -1, (0, 1))),
    {"reduction": "mean", "axis": 1, "normalizer": 2.5},
)


def reduces(case: Case) -> bool:
    return case.reducible and case.per_item


def weighs(case: Case) -> bool:
    return reduces(case) and "weights" in case.parameters


def drops_by_weight(case: Case) -> bool:
    """Is an item of weight 0 as if it were not there? (Not where the others are compared with it.)"""
    return weighs(case) and case.independent


def masks(case: Case) -> bool:
    return reduces(case) and case.masks == "items" and "mask" in case.parameters


def accumulates(case: Case) -> bool:
    return reduces(case) and case.independent and "normalizer" in case.parameters


def ways(case: Case, shape: tuple[int, ...], rng: np.random.Generator) -> dict[str, Any]:
    """The ways to weigh the items of a case."""
    found = weightings(shape, rng)
    if not case.independent:  # dropping an item changes the losses of the others
        found = {name: way for name, way in found.items() if name in ("plain", "weights", "example-weights")}
    known = {name: way for name, way in found.items() if set(way) <= case.parameters}
    return {name: way for name, way in known.items() if case.masks == "items" or "mask" not in way}


def reductions(case: Case, shape: tuple[int, ...]) -> tuple[Options, ...]:
    known = REDUCTIONS + (ALONG_AXES if "axis" in case.parameters and len(shape) > 1 else ())
    return tuple(reduction for reduction in known if set(reduction) <= case.parameters)


def alike_along_axes(options: Options) -> bool:
    """Does no option belong to one axis of the items, so that they can be laid in a row?"""
    return np.ndim(options.get("pos_weight", 0.0)) == 0


def counting(case: Case, kwargs: Kwargs, shape: tuple[int, ...], way: dict[str, Any]) -> np.ndarray:
    """What each item's loss is multiplied by: weight, mask, and 0 where its label is ignored."""
    factor = factors(shape, **way)
    ignore_index = kwargs.get("ignore_index")
    return factor if ignore_index is None else np.where(kwargs[case.ignored or ""] == ignore_index, 0.0, factor)


# ---- the rule ----


@options(where=reduces)
def test_rule(case: Case, options: Options, rng: np.random.Generator) -> None:
    for shape in case.shapes:
        kwargs = case.inputs(options, shape)
        losses = case.items(**kwargs)
        for name, way in ways(case, losses.shape, rng).items():
            for reduction in reductions(case, losses.shape):
                factor = counting(case, kwargs, losses.shape, way)
                share = 1.0 if reduction["reduction"] == "batch_sum" else case.share(kwargs)
                expected = reduced(losses, factor, share=share, **reduction)
                found = objective(case.fn(**kwargs, **way, **reduction))
                assert found.shape == np.shape(expected), (shape, name, reduction)
                rtol = 1e-12 * case.factor
                np.testing.assert_allclose(found, expected, rtol, atol=1e-14, err_msg=f"{shape} {name} {reduction}")


@pytest.mark.parametrize("framework", [row(OnTorch, "f32"), row(OnJax, "f32")])
@cases(where=reduces)
def test_rule_on_other_frameworks(case: Case, framework: OnNumpy, rng: np.random.Generator) -> None:
    kwargs = case.inputs(case.options[0])
    shape = case.layout.shape(split(kwargs)[0])
    for name, way in ways(case, shape, rng).items():
        for reduction in reductions(case, shape):
            found = framework.value(case.fn, kwargs | way | reduction)
            expected = NUMPY.value(case.fn, kwargs | way | reduction)
            assert found.shape == expected.shape, (name, reduction)
            scale = abs(expected).max(initial=0.0)
            rtol = 2e-6 * case.factor
            np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * scale, err_msg=f"{name} {reduction}")


@cases(where=reduces)
@every_framework
def test_mean_is_one_number(case: Case, framework: OnNumpy) -> None:
    for reduction in ("mean", "sum", "batch_sum"):
        assert framework.value(case.fn, case.inputs(case.options[0]) | {"reduction": reduction}).shape == ()


@cases(where=weighs, sampled="loss")
@every_framework
def test_scale_of_weights_does_not_change_a_mean(case: Case, framework: OnNumpy, rng: np.random.Generator) -> None:
    kwargs = case.inputs(case.options[0])
    weights = rng.integers(1, 9, case.layout.shape(split(kwargs)[0])) / 4
    once = framework.outcome(case.fn, kwargs | {"weights": weights})
    twice = framework.outcome(case.fn, kwargs | {"weights": 2 * weights})
    np.testing.assert_array_equal(once.value, twice.value)
    for name in set(once.gradients) - {"weights"}:
        np.testing.assert_array_equal(once.gradients[name], twice.gradients[name], err_msg=name)


@options(where=weighs)
def test_equal_weights_are_no_weights(case: Case, options: Options) -> None:
    kwargs = case.inputs(options)
    shape = case.layout.shape(split(kwargs)[0])
    expected = objective(case.fn(**kwargs))
    everything = {"weights": np.full(shape, 3.0)} | ({"mask": np.full(shape, True)} if masks(case) else {})
    for name, value in everything.items():
        np.testing.assert_allclose(objective(case.fn(**kwargs, **{name: value})), expected, rtol=1e-13)


@options(where=drops_by_weight)
def test_integer_weights_are_repetition(case: Case, options: Options, rng: np.random.Generator) -> None:
    kwargs = case.inputs(options)
    counts = rng.integers(0, 4, SHAPES["rows"][0])
    counts[0] = 2
    repeated = {name: np.repeat(kwargs[name], counts, axis=0) for name in case.examples}
    for reduction in ("mean", "sum"):
        weighted = objective(case.fn(**kwargs, weights=counts.astype(float), reduction=reduction))
        expected = objective(case.fn(**kwargs | repeated, reduction=reduction))
        np.testing.assert_allclose(weighted, expected, rtol=1e-12)


@every_framework
def test_weights_of_examples_never_meet_the_last_axis(framework: OnNumpy) -> None:
    square = {"predictions": np.arange(9.0).reshape(3, 3), "targets": np.zeros((3, 3))}
    weights = np.array([1.0, 0.0, 0.0])  # the first example, not the first feature
    assert framework.value(lossary.mse_loss, square | {"weights": weights}) == pytest.approx((0 + 1 + 4) / 3)
    assert framework.value(lossary.mse_loss, square | {"mask": weights == 1}) == pytest.approx((0 + 1 + 4) / 3)


@every_framework
def test_axis_beside_weights_of_examples(framework: OnNumpy) -> None:
    arrays = {"predictions": np.array([[1.0, 2.0], [3.0, 4.0]]), "targets": np.zeros((2, 2))}
    found = framework.value(lossary.mse_loss, arrays | {"weights": np.array([1.0, 3.0]), "axis": 0})
    np.testing.assert_allclose(found, [(1 + 27) / 4, (4 + 48) / 4])


# ---- what does not count ----


def drop(case: Case, kwargs: Kwargs, keep: np.ndarray, garbage: float) -> Kwargs:
    """The arguments with garbage where items do not count: NaN or inf, and labels of no class."""
    spoiled = dict(kwargs)
    for name in case.examples:
        array = kwargs[name]
        gone = ~case.layout.spread(keep, array)
        spoiled[name] = np.where(gone, garbage if array.dtype.kind == "f" else 77, array)
    return spoiled


def check_dropped(framework: OnNumpy, case: Case, kwargs: Kwargs, keep: np.ndarray, way: dict[str, Any]) -> None:
    """With garbage where `keep` is False, everything is as without those items, and their own gradients are 0."""
    names = set(case.examples)
    kept = {name: case.layout.take(kwargs[name], keep) for name in names}
    expected = framework.outcome(case.fn, kwargs | kept)
    for garbage in (np.nan, np.inf):
        found = framework.outcome(case.fn, drop(case, kwargs, keep, garbage) | way)
        np.testing.assert_allclose(found.value, expected.value, rtol=1e-6, atol=1e-7)
        for name, gradient in found.gradients.items():
            assert np.isfinite(gradient).all(), name
            if name in names:
                others = case.layout.take(gradient, keep)
                np.testing.assert_allclose(others, expected.gradients[name], rtol=1e-5, atol=1e-7, err_msg=name)
            if name in names or name == "weights":
                own = gradient[~case.layout.spread(keep, gradient)]
                assert not own.any(), f"{name}: what does not count has the gradient {own}"


def some(case: Case, kwargs: Kwargs) -> np.ndarray:
    """True where items are to count: not in every fourth, nor in the first."""
    keep = np.full(case.layout.shape(split(kwargs)[0]), True)
    keep.flat[::4] = False
    return keep


@cases(where=masks, sampled="loss")
@every_framework
def test_masked_is_removed(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    keep = some(case, kwargs)
    check_dropped(framework, case, kwargs, keep, {"mask": keep})


@cases(where=lambda case: "mask" in case.parameters)
def test_mask_without_axes_is_for_all(case: Case) -> None:
    kwargs = case.inputs(case.options[0])
    alone, kept, dropped = (objective(case.fn(**kwargs, **mask)) for mask in MASKS)
    np.testing.assert_allclose(kept, alone, rtol=1e-12)
    assert case.masks == "values" or not np.any(dropped)  # an autoencoder's code is not masked


@cases(where=drops_by_weight, sampled="loss")
@every_framework
def test_weight_zero_is_removed(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    keep = some(case, kwargs)
    check_dropped(framework, case, kwargs, keep, {"weights": keep.astype(float)})


@options(where=masks, which=alike_along_axes)
def test_masked_is_removed_with_every_option(case: Case, options: Options) -> None:
    kwargs = case.inputs(options)
    keep = some(case, kwargs)
    check_dropped(NUMPY, case, kwargs, keep, {"mask": keep})


@cases(where=lambda case: case.ignored is not None)
@every_framework
def test_ignored_is_removed(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    keep = some(case, kwargs)
    target = str(case.ignored)
    kept = {name: case.layout.take(kwargs[name], keep) for name in case.examples}
    expected = framework.outcome(case.fn, kwargs | kept)
    for garbage in (np.nan, np.inf):
        spoiled = drop(case, kwargs, keep, garbage)
        spoiled |= {target: np.where(keep, kwargs[target], -1), "ignore_index": -1}
        found = framework.outcome(case.fn, spoiled)
        np.testing.assert_allclose(found.value, expected.value, rtol=1e-6)
        for name, gradient in found.gradients.items():
            if name not in case.examples:
                continue
            assert not gradient[~case.layout.spread(keep, kwargs[name])].any(), name
            others = case.layout.take(gradient, keep)
            np.testing.assert_allclose(others, expected.gradients[name], rtol=1e-5, atol=1e-7, err_msg=name)


@cases(where=lambda case: case.masks == "values" and "reconstruction" in case.parameters)
@every_framework
def test_masked_data_of_an_autoencoder_are_removed(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    mask = np.arange(kwargs["targets"].size).reshape(kwargs["targets"].shape) % 3 > 0
    gone = ~mask if kwargs["reconstruction"].ndim == mask.ndim else np.expand_dims(~mask, 1)
    gone = np.broadcast_to(gone, kwargs["reconstruction"].shape)
    found = []
    for garbage in (np.nan, -np.inf, 0.5):
        target = garbage if kwargs["targets"].dtype.kind == "f" else 77
        data = {
            "reconstruction": np.where(gone, garbage, kwargs["reconstruction"]),
            "targets": np.where(mask, kwargs["targets"], target),
        }
        outcome = framework.outcome(case.fn, kwargs | data | {"mask": mask})
        assert np.isfinite(outcome.value)
        if outcome.gradients:
            assert not outcome.gradients["reconstruction"][gone].any()
        found.append(outcome.value)
    assert found[0] == found[1] == found[2]


def test_masked_pixel_leaves_the_likelihood_only() -> None:
    images, code = np.array([[1.0, 2.0]]), np.array([[1.0]])
    arguments = {"reconstruction": images, "targets": 0 * images, "mean": code, "logvar": 0 * code}
    masked = lossary.elbo_loss(**arguments, likelihood="gaussian", mask=np.array([[True, False]]))
    assert masked.components == {"log_likelihood": -0.5, "kl_divergence": 0.5, "elbo": -1.0}


# ---- nothing counts ----


NOTHING_REDUCED: tuple[Options, ...] = ({}, {"reduction": "batch_sum"}, {"normalizer": 2.0}, {"reduction": "mean"})


def nothing(case: Case, shape: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    ways: dict[str, dict[str, Any]] = {}
    if case.independent and "weights" in case.parameters:
        ways |= {"weights": {"weights": np.zeros(shape)}, "example-weights": {"weights": np.zeros(shape[:1])}}
    if case.masks == "items" and "mask" in case.parameters:
        ways |= {"mask": {"mask": np.full(shape, False)}, "example-mask": {"mask": np.full(shape[:1], False)}}
    return ways


@cases(where=lambda case: case.reducible, sampled="loss")
@every_framework
def test_nothing_counted_is_zero(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    shape = case.layout.shape(split(kwargs)[0])
    spoiled = drop(case, kwargs, np.full(shape, False), np.nan)
    reductions = (reduction for reduction in NOTHING_REDUCED if set(reduction) <= case.parameters)
    for (name, way), reduction in zip(nothing(case, shape).items(), reductions, strict=False):
        check_zero(framework, case, spoiled | way | reduction, name)


@cases(where=lambda case: case.reducible and case.ignored is not None)
@every_framework
def test_everything_ignored_is_zero(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    ignored = np.full_like(kwargs[str(case.ignored)], -1)
    check_zero(framework, case, kwargs | {str(case.ignored): ignored, "ignore_index": -1}, "ignored")


EMPTY = {"rows": ((0, 5), "mean"), "dense": ((0, 5, 3), "batch_sum")}


@cases(where=lambda case: case.reducible, sampled="loss")
@every_framework
def test_empty_batch_is_zero(case: Case, framework: OnNumpy) -> None:
    for form in case.shapes:
        shape, reduction = EMPTY[form]
        kwargs = case.arrays(shape) | case.fixed | case.options[0]
        if len(shape) > 2 and "channel_axis" in case.parameters:
            kwargs |= {"channel_axis": 1}
        check_zero(framework, case, kwargs | {"reduction": reduction}, reduction)


@cases(where=lambda case: case.layout.kind == "element" and case.reducible and "dense" in case.shapes)
@every_framework
def test_examples_without_items_are_zero(case: Case, framework: OnNumpy) -> None:
    kwargs = case.arrays((4, 0)) | case.fixed | case.options[0]
    check_zero(framework, case, kwargs, "mean")


@cases(where=lambda case: not case.reducible and case.per_item)
@every_framework
def test_empty_batch_of_a_function_that_does_not_reduce(case: Case, framework: OnNumpy) -> None:
    kwargs = case.arrays((0, 5)) | case.fixed | case.options[0]
    assert framework.value(case.fn, kwargs).shape == case.fn(**kwargs).shape
    assert len(case.fn(**kwargs)) == 0


def check_zero(framework: OnNumpy, case: Case, kwargs: Kwargs, name: str) -> None:
    """Exactly 0, one number, part of the graph, with a gradient of exactly 0."""
    found = framework.outcome(case.fn, kwargs)
    assert (found.value.shape, found.value.item()) == ((), 0.0), (name, found.value)
    for argument, gradient in found.gradients.items():
        assert not gradient.any(), f"{name}: gradient towards {argument} {gradient}"
    if isinstance(framework, OnTorch):
        assert objective(case.fn(**framework.leaves(kwargs))).requires_grad, name


# ---- accumulation ----


@options(where=accumulates)
def test_micro_batches_with_a_normalizer_are_one_batch(case: Case, options: Options) -> None:
    check_accumulation(NUMPY, case, options)


@cases(where=accumulates, sampled="family")
@frameworks_with_gradients
def test_micro_batches_accumulate_gradients(case: Case, framework: OnNumpy) -> None:
    check_accumulation(framework, case, case.options[0])


def check_accumulation(framework: OnNumpy, case: Case, options: Options) -> None:
    parts = [case.inputs(options, seed=seed) for seed in range(4)]
    of_items = case.examples
    parts = [parts[0] | {name: part[name] for name in of_items} for part in parts]
    whole = parts[0] | {name: np.concatenate([part[name] for part in parts]) for name in of_items}
    shape = case.layout.shape(split(whole)[0])
    counted = np.broadcast_to(counting(case, whole, shape, {}) * case.share(whole), shape).sum()
    expected = framework.outcome(case.fn, whole)
    found = [framework.outcome(case.fn, part | {"normalizer": float(counted)}) for part in parts]
    np.testing.assert_allclose(sum(outcome.value for outcome in found), expected.value, rtol=1e-6 * case.factor)
    for name in set(expected.gradients) & set(of_items):
        joined = np.concatenate([outcome.gradients[name] for outcome in found])
        np.testing.assert_allclose(joined, expected.gradients[name], rtol=1e-5, atol=1e-7, err_msg=name)


@every_framework
def test_normalizer_may_be_an_array(framework: OnNumpy) -> None:
    """As it is where it was summed over devices or micro-batches."""
    kwargs = {"predictions": np.array([3.0, 1.0]), "targets": np.array([0.0, 0.0]), "normalizer": np.array(4.0)}
    assert framework.value(lossary.mse_loss, kwargs) == 2.5
    assert framework.value(lossary.mse_loss, kwargs | {"mask": np.array([True, False])}) == 2.25


# ---- NaN ----


@cases()
@every_framework
def test_nan_that_counts_is_seen(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    for name in floating(kwargs):
        spoiled = kwargs[name].copy()
        spoiled.flat[0] = np.nan
        found = framework.outcome(case.fn, kwargs | {name: spoiled})
        assert np.isnan(found.value).any(), f"NaN in {name} gave {found.value}"
        if not found.gradients or case.name == "reduce_loss":  # whose gradient does not depend on the losses
            continue
        if name not in case.not_differentiable:
            assert any(np.isnan(gradient).any() for gradient in found.gradients.values()), f"NaN in {name}"


@cases(where=weighs)
@every_framework
def test_nan_weight_is_seen(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    weights = np.ones(case.layout.shape(split(kwargs)[0]))
    weights.flat[0] = np.nan
    for reduction in ("mean", "sum", "batch_sum"):
        assert np.isnan(framework.value(case.fn, kwargs | {"weights": weights, "reduction": reduction}))
