"""Losses of features: their cases, and the papers' formulas written straight down.

Channels lie along axis 1, on every framework; one layer each (`test_perceptual.py` has several).
"""

from __future__ import annotations

from math import inf, log
from typing import Any

import numpy as np

import lossary
from tests.support import properties as law
from tests.support.case import Case
from tests.support.inputs import Arrays, Shape, f32
from tests.support.layout import Layout
from tests.support.properties import CLOSE, Kwargs, Losses, named
from tests.support.references import Array, Reference, tensor

ARRAYS = {"predictions", "targets"}
OPTIONS = {"layer_weights", "distance_fn", "band_width", "epsilon", "max_samples", "chunk_size", "key"}
EXAMPLE = "style"
IMAGE = (7, 2, 3)  # no axis as long as the batch, which torch.compile would take for the same number
FIRST = {"channel_axis": 1}

# ---- from outside ----


def reconstruction(predictions: Array, targets: Array, distance_fn: Any = None) -> Array:
    errors = abs(predictions - targets)
    powers = errors if distance_fn is lossary.mae_loss else errors**2
    return powers.reshape(len(powers), -1).mean(1)


def by_torch(predictions: Array, targets: Array, distance_fn: Any = None) -> Array:
    import torch.nn.functional as F

    distance = F.l1_loss if distance_fn is lossary.mae_loss else F.mse_loss
    pairs = zip(tensor(predictions), tensor(targets), strict=True)
    return np.array([distance(*pair).item() for pair in pairs])


def style(predictions: Array, targets: Array) -> Array:
    """Johnson's: C × C matrices, divided by C · H · W."""
    grams = [np.einsum("bchw,bdhw->bcd", x, x) / x[0].size for x in (predictions, targets)]
    return ((grams[0] - grams[1]) ** 2).sum((1, 2))


def contextual(predictions: Array, targets: Array, band_width: float = 0.1, epsilon: float = 1e-5, **how: Any) -> Array:
    """Mechrez', equation by equation."""

    def one(x: Array, y: Array) -> float:
        x, y = (array.reshape(len(array), -1).T for array in (x, y))
        centre = y.mean(0)
        x, y = ((array - centre) / np.linalg.norm(array - centre, axis=1, keepdims=True) for array in (x, y))
        distance = 1 - x @ y.T
        relative = distance / (distance.min(1, keepdims=True) + epsilon)
        similarity = np.exp((1 - relative) / band_width)
        similarity /= similarity.sum(1, keepdims=True)
        return -log(similarity.max(0).mean())

    return np.array([one(x, y) for x, y in zip(predictions, targets, strict=True)])


# ---- what is true of them ----


def shuffled(losses: Losses, kwargs: Kwargs) -> None:
    """Where a feature is does not matter."""
    turned = {**kwargs, "predictions": kwargs["predictions"][:, :, ::-1, ::-1].copy()}
    np.testing.assert_allclose(losses(turned), losses(kwargs), **CLOSE)


def resized(losses: Losses, kwargs: Kwargs) -> None:
    """Each feature twice: the same statistics, in a map of another size."""
    twice = {**kwargs, "targets": np.repeat(kwargs["targets"], 2, axis=2)}
    np.testing.assert_allclose(losses(twice), losses(kwargs), **CLOSE)


def scaled(losses: Losses, kwargs: Kwargs) -> None:
    """Only directions count, as seen from the mean of the target."""
    moved = {**kwargs, **{name: 2 * kwargs[name] + 3 for name in sorted(ARRAYS)}}
    np.testing.assert_allclose(losses(moved), losses(kwargs), rtol=1e-9, atol=1e-12)


def features(rng: np.random.Generator, shape: Shape) -> Arrays:
    return {name: f32(rng.normal(size=(shape[0], *IMAGE))) for name in ("predictions", "targets")}


def kinks(*pairs: tuple[float, float]) -> Arrays:
    """Two multiples of one map each: equal maps, and a map of 0 beside one that is not."""
    one = f32(np.random.default_rng(11).normal(size=IMAGE))
    return {name: np.stack([pair[i] * one for pair in pairs]) for i, name in enumerate(("predictions", "targets"))}


COMMON: dict[str, Any] = {
    "layout": Layout("example", "predictions"),
    "make": features,
    "shapes": ("rows",),
    "layers": True,
}
EVEN = (law.permutation_equivariant, law.zero_where_equal("predictions", "targets"))

CASES = (
    Case(
        name="feature_reconstruction",
        fn=lossary.feature_reconstruction_loss,
        references=(Reference("closed form", reconstruction), Reference("torch", by_torch)),
        kinks=kinks((1, 1), (0, 1)),
        range=(0.0, inf),
        options=({}, {"distance_fn": lossary.mae_loss}),
        properties=(
            *EVEN,
            law.symmetric("predictions", "targets"),
            law.translation_invariant("predictions", "targets"),
            law.convex("predictions"),
        ),
        **COMMON,
    ),
    Case(
        name="style",
        fn=lossary.style_loss,
        fixed=FIRST,
        references=(Reference("closed form", style),),
        kinks=kinks((1, 1)),
        range=(0.0, inf),
        properties=(
            *EVEN,
            law.symmetric("predictions", "targets"),
            law.homogeneous(4, "predictions", "targets"),
            named("shuffled", shuffled),
            named("resized", resized),
        ),
        **COMMON,
    ),
    Case(
        name="contextual",
        fn=lossary.contextual_loss,
        fixed=FIRST,
        references=(Reference("closed form", contextual),),
        kinks=kinks((1, 1)),  # in a flat map all are equally near, and rounding would choose
        range=(0.0, log(6)),
        options=(
            {},
            {"band_width": 0.5},
            {"epsilon": 0.1, "band_width": 0.2},
            {"max_samples": None, "chunk_size": 3},
            {"chunk_size": None},
        ),
        properties=(law.permutation_equivariant, named("shuffled", shuffled), named("scaled", scaled)),
        many=2048,
        factor=64,
        reason="the rounding of unit vectors is divided by the nearest distance and by band_width",
        **COMMON,
    ),
)
