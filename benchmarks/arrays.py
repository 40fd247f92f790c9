"""Inputs: ordinary values, the same in every run."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


def normal(shape: Shape, seed: int = 0, scale: float = 2.0) -> Array:
    """float32; errors of this scale meet both sides of every kink."""
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32) * np.float32(scale)


def pair(shape: Shape) -> list[Array]:
    return [normal(shape, 0), normal(shape, 1)]


def binary(shape: Shape) -> list[Array]:
    return [normal(shape), np.random.default_rng(1).integers(0, 2, shape).astype(np.float32)]


def labelled(shape: Shape) -> list[Array]:
    return [normal(shape), np.random.default_rng(1).integers(0, shape[1], shape[:1])]


MAP = (8, 21, 256, 256)  # examples, classes, height, width
SMALL_MAP = (2, 5, 16, 16)


def map_within(items: int) -> Shape:
    """The small one where there is to be little to compute."""
    return MAP if items >= prod(MAP) // 4 else SMALL_MAP


def class_map(shape: Shape) -> list[Array]:
    return [normal(shape), np.random.default_rng(1).integers(0, shape[1], (shape[0], *shape[2:]))]


def soft(shape: Shape) -> list[Array]:
    probs = np.exp(normal(shape, 1))
    return [normal(shape), probs / probs.sum(1, keepdims=True)]


def latent(shape: Shape) -> list[Array]:
    return [normal(shape, 0, 1.0), normal(shape, 1, 0.5)]


def latents(shape: Shape) -> list[Array]:
    return [normal(shape, 0, 1.0), normal(shape, 1, 0.5), normal(shape, 2, 1.0), normal(shape, 3, 0.5)]


def autoencoder(shape: Shape) -> list[Array]:
    return [*binary(shape), *latent((shape[0], 8))]


Maker = Callable[[Shape], list[Array]]


def rows_of(classes: int, items: int) -> Shape:
    """The shape with `classes` columns and about `items` entries."""
    return max(1, items // classes), classes


def entries(shape: Shape) -> int:
    return prod(shape)
