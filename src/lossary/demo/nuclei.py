"""Nuclei under the microscope, from the installed package stardist: one image and its mask, cut into tiles."""

# matplotlib's own annotations are partial:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from matplotlib.image import imread

from .training import Array

__all__ = ["TEST_TILES", "TILE", "TILES", "Nuclei", "best_threshold", "draw_nuclei"]

TILE = 128
"""Pixels along the side of a tile; the image has 512."""
TILES = 16
TEST_TILES = 4
WINDOW = 64
"""Pixels along the side of what the network is trained on: a quarter of a tile."""


@dataclass(frozen=True)
class Nuclei:
    """Logarithms of brightness, with mean 0 and standard deviation 1 over the training tiles; True where a nucleus is.

    All of shape (items, height, width).
    """

    windows: Array
    masks: Array
    test_tiles: Array
    test_masks: Array


def draw_nuclei(rng: np.random.Generator) -> Nuclei:
    """Tiles drawn at random for the test, and the others cut smaller for training: no pixel is in both."""
    image, mask = _image_and_mask()
    order = rng.permutation(TILES)
    test, train = order[:TEST_TILES], order[TEST_TILES:]
    tiles, masks = cut(image, TILE), cut(mask, TILE)
    tiles = ((tiles - tiles[train].mean()) / tiles[train].std()).astype(np.float32)
    windows, window_masks = (np.concatenate([cut(tile, WINDOW) for tile in whole[train]]) for whole in (tiles, masks))
    return Nuclei(windows, window_masks, tiles[test], masks[test])


def cut(image: Array, side: int) -> Array:
    """The squares of an image, row by row."""
    height, width = image.shape
    squares = image.reshape(height // side, side, width // side, side)
    return squares.swapaxes(1, 2).reshape(-1, side, side)


def best_threshold(windows: Array, masks: Array) -> float:
    """The brightness above which most pixels are right: what can be had without a network."""
    thresholds = np.linspace(-1.0, 2.0, 61)
    right = (windows[..., None] > thresholds) == masks[..., None]
    return float(thresholds[right.mean(axis=(0, 1, 2)).argmax()])


@cache
def _image_and_mask() -> tuple[Array, Array]:
    """Stardist's own example of two dimensions; the package is found, but not imported, as that takes long."""
    folder = Path(str(distribution("stardist").locate_file("stardist/data/images")))
    brightness = imread(folder / "img2d.tif").astype(np.float32)
    return np.log1p(brightness), imread(folder / "mask2d.tif") > 0
