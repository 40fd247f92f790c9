"""Inputs of the catalog: how arrays are drawn, and the places where formulas change their branch.

Numbers are representable in float32, so that every precision sees the same inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.support.layout import CLASS_AXIS

Arrays = dict[str, np.ndarray]
Shape = tuple[int, ...]
Maker = Callable[[np.random.Generator, Shape], Arrays]

SHAPES: dict[str, Shape] = {"rows": (6, 5), "dense": (2, 5, 3)}
CLASSES = 5
LATENT = 3
PER_CLASS = (0.5, 2.0, 1.0, 3.0, 0.25)
ONE_WITHOUT = (0.0, 2.0, 1.0, 3.0, 0.25)


def f32(values: Any) -> np.ndarray:
    """Numbers that float32 can hold, in float64."""
    return np.asarray(values, dtype=np.float32).astype(np.float64)


def pair(first: str, second: str) -> Maker:
    return lambda rng, shape: {first: f32(2 * rng.normal(size=shape)), second: f32(2 * rng.normal(size=shape))}


def answers(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Strictly between 0 and 1."""
    return rng.integers(1, 16, shape) / 16.0


def scores_and_answers(logits: str = "logits", targets: str = "targets") -> Maker:
    return lambda rng, shape: {logits: f32(3 * rng.normal(size=shape)), targets: answers(rng, shape)}


def without_classes(shape: Shape) -> Shape:
    return shape[:CLASS_AXIS] + shape[CLASS_AXIS + 1 :]


def scores_and_labels(logits: str = "logits", labels: str = "labels") -> Maker:
    def make(rng: np.random.Generator, shape: Shape) -> Arrays:
        indices = rng.integers(0, shape[CLASS_AXIS], without_classes(shape))
        return {logits: f32(3 * rng.normal(size=shape)), labels: indices}

    return make


def scores_and_probs(rng: np.random.Generator, shape: Shape) -> Arrays:
    classes = shape[CLASS_AXIS]
    counts = 1 + rng.multinomial(16 - classes, np.full(classes, 1 / classes), without_classes(shape))
    return {"logits": f32(3 * rng.normal(size=shape)), "probs": np.moveaxis(counts, -1, CLASS_AXIS) / 16.0}


def features_and_labels(rng: np.random.Generator, shape: Shape) -> Arrays:
    """A linear layer's input and matrix, and the classes of its output."""
    return {
        "features": f32(rng.normal(size=shape)),
        "weight": f32(rng.normal(size=(CLASSES, shape[-1]))),
        "labels": rng.integers(0, CLASSES, shape[:-1]),
    }


def gaussians(*names: str) -> Maker:
    return lambda rng, shape: {name: f32(rng.normal(size=shape)) for name in names}


def autoencoder(data: Maker, samples: int | None = None) -> Maker:
    def make(rng: np.random.Generator, shape: Shape) -> Arrays:
        arrays = data(rng, shape)
        if samples:
            arrays["reconstruction"] = f32(rng.normal(size=(shape[0], samples, *shape[1:])))
        return arrays | gaussians("mean", "logvar")(rng, (shape[0], LATENT))

    return make


# ---- kinks ----

ERRORS = np.array([[0.0, 0.25, -0.25, 0.5, -0.5], [1.0, -1.0, 8.0, -8.0, 3.0]])
TIES = np.array([[0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [2, 2, 2, -1, -1], [8, 0, 0, 0, 0], [-8, 8, 0, 0, 0]], dtype=float)
TIE_LABELS = np.array([0, 0, 3, 0, 0])
SCORES = np.array([[0, 0, 0, 8, -8], [8, -8, 1, -1, 0]], dtype=float)
ANSWERS = np.array([[0, 0.5, 1, 1, 0], [0.5, 0.5, 1, 0, 1]], dtype=float)
NO_ERROR = {"predictions": ERRORS, "targets": np.zeros_like(ERRORS)}
MEANS = np.array([[0.0, 1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 2.0]])
LOGVARS = np.array([[0.0, 0.0, 0.0, 1.0, -1.0], [1.0, -1.0, 0.0, 1.0, -1.0]])  # e^x − 1 − x changes its form at ±1
LATENT_KINKS = {"mean": MEANS, "logvar": LOGVARS}
