"""Exact answers of formulas in arrays, for losses whose item is a small problem: two boxes, an image, two clouds.

The arrays hold numbers of 120 digits, so that `+ - * / ** @`, comparisons, `abs`, `sum`, `max`, `np.maximum`,
`np.where` and indexing work as they always do. The functions below are those that NumPy has not for such numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tests.exact.arithmetic import Answer, Options, mp

STEP = mp.mpf("1e-40")  # of central differences: their error is some 1e-80 of the third derivative

exp, log, sqrt = (np.frompyfunc(function, 1, 1) for function in (mp.exp, mp.log, mp.sqrt))
sin, cos, tanh, cosh = (np.frompyfunc(function, 1, 1) for function in (mp.sin, mp.cos, mp.tanh, mp.cosh))
arctan, arccos, arcsin = (np.frompyfunc(function, 1, 1) for function in (mp.atan, mp.acos, mp.asin))
sign, floor, lgamma = (np.frompyfunc(function, 1, 1) for function in (mp.sign, mp.floor, mp.loggamma))
arctan2, power = (np.frompyfunc(function, 2, 1) for function in (mp.atan2, mp.power))


def logsumexp(x: Any, axis: int = -1) -> Any:
    return log(exp(x).sum(axis))


def softmax(x: Any, axis: int = -1) -> Any:
    powers = exp(x)
    return powers / powers.sum(axis, keepdims=True)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + exp(-x))


def norm(x: Any, axis: int = -1, keepdims: bool = False) -> Any:
    return sqrt((x * x).sum(axis, keepdims=keepdims))


def lifted(array: np.ndarray) -> np.ndarray:
    """The same numbers with 120 digits; integers and booleans, which index and select, stay what they are."""
    if array.dtype.kind in "iub":
        return array
    exact = np.empty(array.shape, object)
    for index in np.ndindex(array.shape):
        exact[index] = mp.mpf(float(array[index]))
    return exact


class OverArrays(NamedTuple):
    """A formula whose parameters are named as the loss's; its slopes are central differences."""

    formula: Callable[..., Any]
    wrt: tuple[str, ...]

    def answer(self, item: Mapping[str, Any], options: Options, wrt: tuple[str, ...] = ()) -> Answer:
        """The loss of an item and its slopes towards `wrt`, all of them unless given."""
        given = {name: lifted(np.asarray(array)) for name, array in item.items()}

        def loss(**moved: np.ndarray) -> Any:
            return self.formula(**{name: array[()] for name, array in (given | moved).items()}, **options)

        names = wrt or tuple(name for name in self.wrt if name in item)
        return loss(), {name: _slopes(loss, name, given[name]) for name in names}


def _slopes(loss: Callable[..., Any], name: str, at: np.ndarray) -> np.ndarray:
    found = np.empty(at.shape, object)
    for index in np.ndindex(at.shape):
        ends = []
        for step in (STEP, -STEP):
            moved = at.copy()
            moved[index] = moved[index] + step
            ends.append(loss(**{name: moved}))
        found[index] = (ends[0] - ends[1]) / (2 * STEP)
    return found


def over_arrays(formula: Callable[..., Any], wrt: tuple[str, ...] = ("predictions",)) -> OverArrays:
    """The exact answer by a plain formula, which gives one number for an item (or for all of a `whole` probe)."""
    return OverArrays(formula, wrt)
