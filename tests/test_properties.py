"""Properties: what the mathematics says of each loss for any input, and of losses among each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lossary
from tests.catalog import CASES, Case, Options, options, short
from tests.support.frameworks import split
from tests.support.properties import Property

LAWS = [
    pytest.param(case, options, law, id=f"{case.name}-{short(options)}-{law.__name__}")
    for case in CASES
    for options in case.symmetric_options
    for law in case.properties
]
often = settings(max_examples=15, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(("case", "options", "law"), LAWS)
@often
@given(seed=seeds)
def test_law(case: Case, options: Options, law: Property, seed: int) -> None:
    law(lambda kwargs: case.items(**kwargs), case.inputs(options, seed=seed))


@options(where=lambda case: case.per_item)
@often
@given(seed=seeds, scale=st.sampled_from([1e-6, 1.0, 100.0]))
def test_declared_range(case: Case, options: Options, seed: int, scale: float) -> None:
    kwargs = case.inputs(options, seed=seed)
    wide = {"predictions", "targets", "reconstruction"} if case.layout.of == "predictions" else {"logits"}
    if "from_logits" not in kwargs:
        kwargs |= {name: kwargs[name] * scale for name in wide & set(split(kwargs)[0])}
    losses = case.items(**kwargs)
    assert (losses >= case.range[0]).all()
    assert (losses <= case.range[1]).all()


# ---- losses among each other ----

Pair = tuple[Callable[..., Any], Callable[..., Any]]


def one_hot(labels: np.ndarray) -> np.ndarray:
    return np.eye(5)[labels]


REGRESSION: dict[str, Pair] = {
    "smooth L1 = Huber / beta": (
        lambda p, t: lossary.smooth_l1_loss(p, t, beta=0.5),
        lambda p, t: lossary.huber_loss(p, t, delta=0.5) / 0.5,
    ),
    "smooth L1 at beta 0 = MAE": (lambda p, t: lossary.smooth_l1_loss(p, t, beta=0.0), lossary.mae_loss),
    "wide Huber = half MSE": (
        lambda p, t: lossary.huber_loss(p, t, delta=1e6),
        lambda p, t: lossary.mse_loss(p, t) / 2,
    ),
    "balanced asymmetric = MSE": (lambda p, t: lossary.asymmetric_mse_loss(p, t, over_penalty=1.0), lossary.mse_loss),
    "asymmetric, mirrored": (
        lambda p, t: lossary.asymmetric_mse_loss(p, t, over_penalty=4.0),
        lambda p, t: 4 * lossary.asymmetric_mse_loss(t, p, over_penalty=0.25),
    ),
    "sharp Charbonnier = MAE": (lambda p, t: lossary.charbonnier_loss(p, t, epsilon=1e-14), lossary.mae_loss),
    "squared Charbonnier = MSE + epsilon²": (
        lambda p, t: lossary.charbonnier_loss(p, t, epsilon=0.5, alpha=2.0),
        lambda p, t: lossary.mse_loss(p, t) + 0.25,
    ),
    "Gaussian likelihood = −half MSE": (
        lambda p, t: lossary.log_likelihood(t, p).mean(),
        lambda p, t: -lossary.mse_loss(p, t) / 2,
    ),
    "Laplace likelihood = −MAE": (
        lambda p, t: lossary.log_likelihood(t, p, likelihood="laplace").mean(),
        lambda p, t: -lossary.mae_loss(p, t),
    ),
    "batch sum = sum over features of means": (
        lambda p, t: lossary.mse_loss(p, t, reduction="batch_sum"),
        lambda p, t: lossary.mse_loss(p, t, axis=0).sum(),
    ),
    "divergence from the standard normal, two ways": (
        lossary.gaussian_kl_divergence,
        lambda p, t: lossary.kl_divergence_diag_gaussian(p, t).mean(),
    ),
    "standard normal as the given prior": (
        lossary.kl_divergence_diag_gaussian,
        lambda p, t: lossary.kl_divergence_diag_gaussian(p, t, 0 * p, 0 * t),
    ),
}
BINARY: dict[str, Pair] = {
    "binary = cross entropy of two classes": (
        lossary.binary_cross_entropy_loss,
        lambda z, t: lossary.soft_cross_entropy_loss(
            np.stack([0 * z, z], -1), np.stack([1 - t, t], -1), channel_axis=-1
        ),
    ),
    "of logits = of probabilities": (
        lossary.binary_cross_entropy_loss,
        lambda z, t: lossary.binary_cross_entropy_loss(1 / (1 + np.exp(-z)), t, from_logits=False),
    ),
    "focal at gamma 0 = binary cross entropy": (
        lambda z, t: lossary.binary_focal_loss(z, t, alpha=None, gamma=0.0),
        lossary.binary_cross_entropy_loss,
    ),
    "balanced focal = half": (
        lambda z, t: lossary.binary_focal_loss(z, t, alpha=0.5),
        lambda z, t: lossary.binary_focal_loss(z, t, alpha=None) / 2,
    ),
    "smoothing = smoothed targets": (
        lambda z, t: lossary.binary_cross_entropy_loss(z, t, label_smoothing=0.25),
        lambda z, t: lossary.binary_cross_entropy_loss(z, 0.75 * t + 0.125),
    ),
    "Bernoulli likelihood = −binary cross entropy": (
        lambda z, t: lossary.log_likelihood(t, z, likelihood="bernoulli").mean(),
        lambda z, t: -lossary.binary_cross_entropy_loss(z, t),
    ),
}
CATEGORICAL: dict[str, Pair] = {
    "labels = one-hot distributions": (
        lambda z, y: lossary.cross_entropy_loss(z, y, class_weights=(1, 2, 3, 4, 5), label_smoothing=0.25),
        lambda z, y: lossary.soft_cross_entropy_loss(
            z, one_hot(y), class_weights=(1, 2, 3, 4, 5), label_smoothing=0.25
        ),
    ),
    "smoothing = smoothed distributions": (
        lambda z, y: lossary.cross_entropy_loss(z, y, label_smoothing=0.25),
        lambda z, y: lossary.soft_cross_entropy_loss(z, 0.75 * one_hot(y) + 0.05),
    ),
    "focal at gamma 0 = cross entropy": (lambda z, y: lossary.focal_loss(z, y, gamma=0.0), lossary.cross_entropy_loss),
    "alpha of one number only rescales": (
        lambda z, y: lossary.focal_loss(z, y, alpha=0.25),
        lambda z, y: lossary.focal_loss(z, y) / 4,
    ),
    "categorical likelihood = −cross entropy": (
        lambda z, y: lossary.log_likelihood(y, z, likelihood="categorical").mean(),
        lambda z, y: -lossary.cross_entropy_loss(z, y),
    ),
    "class weights = weights of items": (
        lambda z, y: lossary.cross_entropy_loss(z, y, class_weights=(1, 2, 3, 4, 5)),
        lambda z, y: lossary.cross_entropy_loss(z, y, np.array([1.0, 2, 3, 4, 5])[y]),
    ),
    "focal of two classes = binary focal": (
        lambda z, y: lossary.focal_loss(z[:, :2], y % 2),
        lambda z, y: lossary.binary_focal_loss(z[:, 1] - z[:, 0], (y % 2).astype(float), alpha=None),
    ),
}


@pytest.mark.parametrize(("first", "second"), REGRESSION.values(), ids=REGRESSION.keys())
@often
@given(seed=seeds)
def test_relation_of_regression_losses(first: Any, second: Any, seed: int) -> None:
    predictions, targets = np.random.default_rng(seed).normal(size=(2, 6, 5))
    np.testing.assert_allclose(first(predictions, targets), second(predictions, targets), rtol=1e-11)


@pytest.mark.parametrize(("first", "second"), BINARY.values(), ids=BINARY.keys())
@often
@given(seed=seeds)
def test_relation_of_binary_losses(first: Any, second: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, targets = rng.normal(size=(6, 5)), rng.random((6, 5))
    np.testing.assert_allclose(first(logits, targets), second(logits, targets), rtol=1e-11)


@pytest.mark.parametrize(("first", "second"), CATEGORICAL.values(), ids=CATEGORICAL.keys())
@often
@given(seed=seeds)
def test_relation_of_categorical_losses(first: Any, second: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(size=(6, 5)), rng.integers(0, 5, 6)
    np.testing.assert_allclose(first(logits, labels), second(logits, labels), rtol=1e-11)


@pytest.mark.parametrize("reduction", ["mean", "sum", "batch_sum"])
@options(where=lambda case: case.reducible and case.per_item)
def test_reducing_the_items_is_reducing_the_loss(case: Case, options: Options, reduction: str) -> None:
    if reduction == "mean" and {"class_weights", "ignore_index", "mining"} & set(options):
        return  # whose mean divides by more than the number of items
    if reduction == "batch_sum" and "ignore_index" in options:
        return
    kwargs = case.inputs(options)
    found = lossary.reduce_loss(case.items(**kwargs), reduction=reduction)
    whole = case.fn(**kwargs, reduction=reduction)
    np.testing.assert_allclose(found, getattr(whole, "objective", whole), rtol=1e-12)


def test_convexity_says_where_expectiles_are() -> None:
    """The minimum of the asymmetric loss over a constant lies below the mean if over-estimates cost more."""
    sample = np.random.default_rng(0).normal(size=1000)
    grid = np.linspace(-1, 1, 201)
    losses = [lossary.asymmetric_mse_loss(np.full_like(sample, c), sample, over_penalty=4.0) for c in grid]
    assert grid[np.argmin(losses)] < sample.mean() - 0.1
