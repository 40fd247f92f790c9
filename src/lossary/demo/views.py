"""Views of digits for contrastive learning: the same image, shifted and slightly warped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .training import Array

__all__ = ["Views", "draw_views"]

SIDE = 28
WARPS = 500
SHIFT = 2.0
"""At most so many pixels in either direction."""
BEND = 0.25
"""At most so far are the entries of the linear map from those of the identity: turns, stretches and slants."""


@dataclass(frozen=True)
class Views:
    """Warps to choose from."""

    sources: Array
    """(warps, pixels): for each pixel of a view the pixel of the image that it shows; one more is black."""

    def of(self, images: Array, rng: np.random.Generator) -> Array:
        """A view of each image, by a warp chosen at random."""
        with_black = np.pad(images, ((0, 0), (0, 1)))
        return np.take_along_axis(with_black, self.sources[rng.integers(0, len(self.sources), len(images))], axis=1)


def draw_views(rng: np.random.Generator) -> Views:
    """Linear maps around the middle of the image, and shifts, drawn at random; each pixel takes the nearest one."""
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    pixels = np.stack(np.meshgrid(axis, axis, indexing="ij")).reshape(2, -1)
    maps = np.eye(2) + rng.uniform(-BEND, BEND, (WARPS, 2, 2))
    places = np.rint(maps @ pixels + rng.uniform(-SHIFT, SHIFT, (WARPS, 2, 1)) + (SIDE - 1) / 2).astype(int)
    inside = ((places >= 0) & (places < SIDE)).all(axis=1)
    return Views(np.where(inside, places[:, 0] * SIDE + places[:, 1], SIDE * SIDE))
