"""The rule of reduction in plain NumPy, and the ways to weigh items that it is tried with."""

from __future__ import annotations

from typing import Any

import numpy as np


def factors(shape: tuple[int, ...], weights: Any = None, mask: Any = None) -> np.ndarray:
    """w·m for items of `shape`, from arrays that align with its leading axes."""
    factor = np.ones(shape)
    for array in (weights, mask):
        if array is not None:
            factor = factor * array.reshape(array.shape + (1,) * (len(shape) - array.ndim))
    return factor


def reduced(
    losses: Any, factor: Any, *, reduction: str = "mean", axis: Any = None, normalizer: Any = None, share: Any = 1.0
) -> Any:
    """Σ w·m·ℓ / Σ w·m·share; `share` is what a loss with class weights puts in its denominator."""
    total = np.where(factor == 0, 0.0, losses) * factor
    if reduction == "none":
        return total
    if reduction == "batch_sum":
        counted = factor.reshape(len(factor), -1).max(1).sum()
    else:
        counted = (factor * share).sum(axis)
    counted = 1.0 if reduction == "sum" else np.where((factor != 0).any(axis), normalizer or counted, 1.0)
    return total.sum(axis) / counted


def weightings(shape: tuple[int, ...], rng: np.random.Generator) -> dict[str, dict[str, np.ndarray]]:
    """Weights and masks for items of `shape`: whole and per example, alone and together, some items not counting."""
    weights = rng.integers(1, 9, shape) / 4.0
    mask = rng.random(shape) < 0.7
    mask.flat[0], mask.flat[-1] = True, False
    some = weights * (rng.random(shape) < 0.7)
    some.flat[0], some.flat[-1] = 0.0, 1.5
    return {
        "plain": {},
        "weights": {"weights": weights},
        "example-weights": {"weights": weights.reshape(len(weights), -1)[:, 0]},
        "zero-weights": {"weights": some},
        "mask": {"mask": mask},
        "example-mask": {"mask": mask.reshape(len(mask), -1)[:, -1] | (np.arange(len(mask)) == 0)},
        "weights-and-mask": {"weights": some, "mask": mask},
    }
