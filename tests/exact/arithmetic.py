"""Many digits, and what an exact answer is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import mpmath
import numpy as np

mp = mpmath.MPContext()
mp.dps = 120

Row = Sequence[float]
Options = Mapping[str, Any]
Answer = tuple[Any, dict[str, Any]]  # the loss, and its slope towards each argument


class Exact(NamedTuple):
    """The loss of one item and its slopes, as functions of the item's numbers in the order of the loss's arguments.

    A slope is a list for an argument that is a row (of classes, or of latent variables).
    """

    value: Callable[..., Any]
    slopes: Callable[..., tuple[Any, ...]]
    wrt: tuple[str, ...] = ("logits",)

    def answer(self, item: Mapping[str, np.ndarray], options: Options, wrt: tuple[str, ...] = ()) -> Answer:
        """The loss of an item and its slopes towards `wrt`, all of them unless given."""
        numbers = [_plain(array) for array in item.values()]
        names = [name for name in self.wrt if name in item]
        slopes = dict(zip(names, self.slopes(*numbers, **options), strict=False))
        return self.value(*numbers, **options), {name: slopes[name] for name in wrt or names}


def _plain(array: np.ndarray) -> Any:
    return (array.astype(np.float64) if array.dtype.kind not in "iub" else array).tolist()
