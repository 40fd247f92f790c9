"""NumPy: the reference. No gradient, so `stop_gradient` is the identity."""
# NumPy's stubs leave many reductions partly unknown.
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import abs as abs
from numpy import argmax as argmax
from numpy import broadcast_to as broadcast_to
from numpy import expand_dims as expand_dims
from numpy import isfinite as isfinite
from numpy import maximum as maximum
from numpy import minimum as minimum
from numpy import ones_like as ones_like
from numpy import reshape as reshape
from numpy import sign as sign
from numpy import squeeze as squeeze
from numpy import take_along_axis as take_along_axis
from numpy import tanh as tanh

from .composed import log_odds_by_parts

NAME = "numpy"
CHANNEL_AXIS = -1

Array = np.ndarray[Any, Any]
Axes = int | Sequence[int] | None
_HERE: Any = sys.modules[__name__]
_KINDS = {"f": "float", "V": "float", "i": "int", "u": "int", "b": "bool", "c": "complex"}  # V: ml_dtypes.bfloat16


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` without NumPy's warnings: exp 200 = inf, log 0 = −inf and log −1 = NaN are answers here."""
    return np.errstate(all="ignore")(function)


exp = _quiet(np.exp)
expm1 = _quiet(np.expm1)
log = _quiet(np.log)
log1p = _quiet(np.log1p)
multiply = _quiet(np.multiply)


def where(condition: Array, x: Any, y: Any, /) -> Array:
    # A Python number takes the other side's dtype, as in torch and JAX; np.where would make float64 of it.
    dtype = x.dtype if hasattr(x, "dtype") else y.dtype
    return np.where(condition, np.asarray(x, dtype=dtype), np.asarray(y, dtype=dtype))


def _axes(axis: Axes) -> Any:
    return axis if axis is None or isinstance(axis, int) else tuple(axis)


@_quiet
def sum(x: Array, /, *, axis: Axes, keepdims: bool = False) -> Array:
    # float64 sums: NumPy adds naively along every axis but the last one.
    total = np.sum(x, axis=_axes(axis), keepdims=keepdims, dtype=np.float64 if x.dtype.kind == "f" else None)
    return np.asarray(total).astype(x.dtype) if x.dtype.kind == "f" else np.asarray(total)


@_quiet
def mean(x: Array, /, *, axis: Axes) -> Array:
    return np.asarray(np.mean(x, axis=_axes(axis), dtype=np.float64)).astype(x.dtype)


def max(x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
    return np.asarray(np.max(x, axis=axis, keepdims=keepdims))


def any(x: Array, /, *, axis: Axes) -> Array:
    return np.asarray(np.any(x, axis=_axes(axis)))


def relu(x: Array, /) -> Array:
    return np.asarray(np.maximum(x, 0))


def clip(x: Array, low: float, high: float, /) -> Array:
    return np.asarray(np.clip(x, low, high))


def hypot(x: Array, y: float, /) -> Array:
    return np.hypot(x, np.asarray(y, dtype=x.dtype))


@_quiet
def softplus(x: Array, /) -> Array:
    return np.logaddexp(x, np.zeros((), x.dtype))


def sigmoid(x: Array, /) -> Array:
    # By the smaller exponential, which never overflows and keeps both tails' relative accuracy.
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def stop_gradient(x: Array, /) -> Array:
    return x


def positions(x: Array, /, *, axis: int) -> Array:
    return np.arange(x.shape[axis]).reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])


@_quiet
def log_odds(logits: Array, index: Array, /, *, axis: int) -> Array:
    return log_odds_by_parts(_HERE, logits, index, axis=axis)


def plain_cross_entropy(logits: Array, shares: Array, /, *, axis: int) -> None:
    return None


@_quiet
def pointwise(
    formula: Callable[..., Any],
    x: Array,
    /,
    *others: Array,
    difference: bool = False,
    native: str | None = None,
    **options: Any,
) -> Array:
    return np.asarray(formula(_HERE, x, *others, **options)[0])


@_quiet
def quietly(function: Callable[..., Any], /, *args: Any) -> Any:
    return function(*args)


def all_zero_or_one(x: Array, /) -> bool:
    return False


def native_mean(native: str, x: Array, other: Array, /, **options: Any) -> None:
    return None


def select(keep: Array, x: Array, fill: float, /) -> Array:
    return x if keep.all() else np.where(keep, x, np.asarray(fill, dtype=x.dtype))


def kind(x: Array, /) -> str:
    return _KINDS.get(x.dtype.kind, str(x.dtype))


def promote(*arrays: Array) -> tuple[Array, ...]:
    floating = [array.dtype for array in arrays if kind(array) == "float"]
    wide = np.float64 if np.float64 in floating else np.float32
    return tuple(np.asarray(array, dtype=wide) for array in arrays)


def indices(labels: Array, /) -> Array:
    return labels.astype(np.int64, copy=False)


def astype(x: Array, like: Array, /) -> Array:
    return x.astype(like.dtype, copy=False)


def asarray(values: Any, like: Array, /) -> Array:
    return np.asarray(values, dtype=like.dtype)


def visible(x: Array, /) -> bool:
    return True


def tracing(x: Array, /) -> bool:
    return False


def extent(x: Array, /) -> tuple[float, float]:
    return x.min().item(), x.max().item()


def require(ok: Array, message: str, /) -> None:
    if not ok:
        raise ValueError(message)
