"""How the arrays of a loss lie over its items: what one item is, which numbers belong to it, how to take it away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

CLASS_AXIS = 1  # in all inputs of the catalog, on every framework


@dataclass(frozen=True)
class Layout:
    """`of` is an argument with one number per item ("element"), its classes ("class") or channels ("pixel"), or a row
    each ("example").
    """

    kind: Literal["element", "class", "example", "pixel"]
    of: str

    def shape(self, arrays: Mapping[str, np.ndarray]) -> tuple[int, ...]:
        """One loss each."""
        shape = arrays[self.of].shape
        if self.kind in ("class", "pixel"):
            return shape[:CLASS_AXIS] + shape[CLASS_AXIS + 1 :]
        return shape[:1] if self.kind == "example" else shape

    def spread(self, items: np.ndarray, like: np.ndarray) -> np.ndarray:
        """A boolean per item, as one per number of `like`."""
        if self.kind in ("class", "pixel") and like.ndim > items.ndim:
            items = np.expand_dims(items, CLASS_AXIS)
        elif self.kind == "example":
            items = items.reshape(items.shape + (1,) * (like.ndim - 1))
        return np.broadcast_to(items, like.shape)

    def take(self, array: np.ndarray, keep: np.ndarray) -> np.ndarray:
        """Only the items to keep: in one row, with their classes or whatever belongs to them behind."""
        if self.kind in ("class", "pixel") and array.ndim > keep.ndim:
            array = np.moveaxis(array, CLASS_AXIS, -1)
        return array[keep]


ELEMENT = Layout("element", "predictions")
ANSWERED = Layout("element", "targets")
LABELLED = Layout("class", "logits")
EXAMPLES = Layout("example", "mean")
