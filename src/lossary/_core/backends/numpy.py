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
from numpy import argmin as argmin
from numpy import broadcast_to as broadcast_to
from numpy import expand_dims as expand_dims
from numpy import isfinite as isfinite
from numpy import isnan as isnan
from numpy import maximum as maximum
from numpy import minimum as minimum
from numpy import moveaxis as moveaxis
from numpy import ones_like as ones_like
from numpy import reshape as reshape
from numpy import sign as sign
from numpy import sort as sort
from numpy import squeeze as squeeze
from numpy import stack as stack
from numpy import take as take
from numpy import take_along_axis as take_along_axis
from numpy import tanh as tanh
from numpy import zeros_like as zeros_like

from .composed import (
    class_overlap_by_parts,
    half_exp_above_tangent_by_fraction,
    log_odds_by_parts,
    logsumexp_of_any,
    nearest_in_blocks,
    norm_scaled,
    sqrt_with_zero,
    surprise_by_parts,
    unit_vectors,
    window_moments_shifted,
)
from .trees import nearest_by_tree

NAME = "numpy"
CHANNEL_AXIS = -1

Array = np.ndarray[Any, Any]
Axes = int | Sequence[int] | None
_HERE: Any = sys.modules[__name__]
_KINDS = {"f": "float", "i": "int", "u": "int", "b": "bool", "c": "complex"}


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` without NumPy's warnings: exp 200 = inf, log 0 = −inf and log −1 = NaN are answers here."""
    return np.errstate(all="ignore")(function)


exp = _quiet(np.exp)
expm1 = _quiet(np.expm1)
log = _quiet(np.log)
log1p = _quiet(np.log1p)
multiply = _quiet(np.multiply)
divide = _quiet(np.divide)
matmul = _quiet(np.matmul)
atan = _quiet(np.arctan)


def linear(x: Array, weight: Array, /) -> Array:
    return matmul(x, weight.T)


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


def min(x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
    return np.asarray(np.min(x, axis=axis, keepdims=keepdims))


def argsort(x: Array, /, *, axis: int) -> Array:
    return np.argsort(x, axis=axis, kind="stable")


def searchsorted(x: Array, values: Array, /, *, right: bool = False) -> Array:
    rows, wanted = x.reshape(-1, x.shape[-1]), values.reshape(-1, values.shape[-1])
    pairs = zip(rows, wanted, strict=True)
    found = [np.searchsorted(row, value, "right" if right else "left") for row, value in pairs]
    return np.asarray(found, np.int64).reshape(values.shape)


def cumulative_sum(x: Array, /, *, axis: int) -> Array:
    return np.cumsum(x, axis=axis, dtype=np.float64).astype(x.dtype) if x.dtype.kind == "f" else np.cumsum(x, axis=axis)


def concat(arrays: Sequence[Array], /, *, axis: int) -> Array:
    return np.concatenate(arrays, axis=axis)


def split(x: Array, count: int, /, *, axis: int) -> tuple[Array, Array]:
    first, others = np.split(x, (count,), axis=axis)
    return first, others


def any(x: Array, /, *, axis: Axes) -> Array:
    return np.asarray(np.any(x, axis=_axes(axis)))


def relu(x: Array, /) -> Array:
    return np.asarray(np.maximum(x, 0))


def clip(x: Array, low: float, high: float, /) -> Array:
    return np.asarray(np.clip(x, low, high))


def hypot(x: Array, y: float, /) -> Array:
    return np.hypot(x, np.asarray(y, dtype=x.dtype))


@_quiet
def sqrt(x: Array, /) -> Array:
    return sqrt_with_zero(_HERE, np.sqrt, x)


@_quiet
def norm(x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
    return norm_scaled(_HERE, x, axis=axis, keepdims=keepdims)


@_quiet
def unit(x: Array, /, *, axis: int) -> Array:
    return unit_vectors(_HERE, x, axis=axis)


@_quiet
def softplus(x: Array, /) -> Array:
    return np.logaddexp(x, np.zeros((), x.dtype))


def sigmoid(x: Array, /) -> Array:
    # By the smaller exponential, which never overflows and keeps both tails' relative accuracy.
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def abs_with_slope(x: Array, /) -> Array:
    return np.abs(x)


def step(x: Array, /) -> Array:
    return (x > 0).astype(x.dtype)


def stop_gradient(x: Array, /) -> Array:
    return x


def once(x: Array, /) -> Array:
    return x


def positions(x: Array, /, *, axis: int) -> Array:
    return np.arange(x.shape[axis]).reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])


@_quiet
def half_exp_above_tangent(x: Array, /) -> tuple[Array, Callable[[], Array]]:
    return half_exp_above_tangent_by_fraction(_HERE, x)


@_quiet
def log_odds(logits: Array, index: Array, /, *, axis: int) -> Array:
    return log_odds_by_parts(_HERE, logits, index, axis=axis)


@_quiet
def surprise(logits: Array, index: Array, /, *, axis: int, spread: float = 0.0) -> Array:
    return surprise_by_parts(_HERE, logits, index, axis=axis, spread=spread)[0]


def soft_surprise(logits: Array, shares: Array, careful: Callable[[Array, Array], Array], /, *, axis: int) -> Array:
    return careful(logits, shares)


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


def turns(answers: Array, /) -> None:
    return None


def signed(size: Array, x: Array, /) -> Array:
    return (2 * step(x) - 1) * size


@_quiet
def quietly(function: Callable[..., Any], /, *args: Any) -> Any:
    return function(*args)


@_quiet
def pointwise_mean(
    formula: Callable[..., Any], x: Array, /, *others: Array, count: int | None = None, **how: Any
) -> Array:
    found = mean(pointwise(formula, x, *others, **how), axis=None)
    return found if count is None else np.asarray(found * (x.size / count))


@_quiet
def logsumexp(x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
    return logsumexp_of_any(_HERE, x, axis=axis, keepdims=keepdims)


@_quiet
def softmax(x: Array, /, *, axis: int) -> Array:
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / sum(powers, axis=axis, keepdims=True)


@_quiet
def distances(x: Array, y: Array, /, *, squared: bool = False) -> Array:
    # One coordinate after the other: no array has a third axis.
    top = np.maximum(np.abs(x).max(initial=0.0), np.abs(y).max(initial=0.0))
    scale = 1.0 if squared or not 0 < top < np.inf else np.exp2(np.floor(np.log2(np.float64(top))))
    total = np.zeros((*x.shape[:-1], y.shape[-2]), np.float64)
    for k in range(x.shape[-1]):
        total += ((x[..., :, None, k] - y[..., None, :, k]).astype(np.float64) / scale) ** 2
    return (total if squared else scale * np.sqrt(total)).astype(x.dtype)


@_quiet
def projections(steps: Array, x: Array, y: Array, /) -> Array:
    wide, centre = steps.astype(np.float64), y.mean(axis=-2, keepdims=True, dtype=np.float64)
    along = sum(wide * (x - centre), axis=-1, keepdims=True) - wide @ np.swapaxes(y - centre, -1, -2)
    return along.astype(steps.dtype)


@_quiet
def nearest(x: Array, y: Array, keep: Array | None, /, *, chunk_size: int | None) -> Array:
    found = nearest_by_tree(x, y, keep)
    return nearest_in_blocks(_HERE, x, y, keep, chunk_size=chunk_size) if found is None else found


def put_along_axis(x: Array, indices: Array, value: Any, /, *, axis: int) -> Array:
    x = x.copy()
    np.put_along_axis(x, indices, value, axis)
    return x


def without(table: Array, index: Array, /) -> Array:
    return put_along_axis(table, index[:, None], -np.inf, axis=1)


def segment_sum(values: Array, segments: Array, count: int, /) -> Array:
    total = np.zeros((count, *values.shape[1:]), values.dtype)
    np.add.at(total, segments, values)
    return total


def pad(x: Array, widths: Sequence[tuple[int, int]], /, *, mode: str) -> Array:
    return np.pad(x, list(widths), mode="reflect" if mode == "reflect" else "constant")


@_quiet
def window_moments(
    means: Array, variances: Array | None, shares: Sequence[float], /, *, axis: int
) -> tuple[Array, Array]:
    return window_moments_shifted(_HERE, means, variances, shares, axis=axis)


def by_rows(
    function: Callable[..., Any],
    rows: Sequence[Array],
    shared: Sequence[Array],
    /,
    *,
    chunk_size: int | None,
    axis: int = 0,
) -> Any:
    if chunk_size is None or rows[0].shape[axis] <= chunk_size:
        return function(*rows, *shared)
    cuts = range(chunk_size, rows[0].shape[axis], chunk_size)
    parts = [function(*block, *shared) for block in zip(*(np.split(row, cuts, axis) for row in rows), strict=True)]
    if not isinstance(parts[0], tuple):
        return np.concatenate(parts, axis=axis)
    return tuple(np.concatenate(part, axis=axis) for part in zip(*parts, strict=True))


def class_overlap(
    logits: Array, index: Array, factor: Array | None, /, *, axis: int, per_example: bool, entropy: bool = False
) -> tuple[Any, Array, Array, Array]:
    return class_overlap_by_parts(_HERE, logits, index, factor, axis=axis, per_example=per_example, entropy=entropy)


def unrolls() -> bool:
    return False


def total_by_rows(
    function: Callable[..., Any], rows: Sequence[Array], shared: Sequence[Array], /, *, chunk_size: int | None
) -> Array:
    return sum(by_rows(function, rows, shared, chunk_size=chunk_size), axis=None)


def either(condition: Array, yes: Callable[[], Any], no: Callable[[], Any], /) -> Any:
    if condition.all():
        return yes()
    return np.where(condition, yes(), no()) if condition.any() else no()


def iterate(step: Callable[[Any], Any], state: Any, times: int, /) -> Any:
    for _ in range(times):
        state = step(state)
    return state


def gradient(function: Callable[[Any], Any], x: Array, /) -> Array:
    raise TypeError("gradient: expected torch or JAX arrays, which can be differentiated; got numpy")


def normal(key: np.random.Generator, shape: Sequence[int], like: Array, /) -> Array:
    return key.standard_normal(tuple(shape)).astype(like.dtype)


def uniform(key: np.random.Generator, shape: Sequence[int], like: Array, /) -> Array:
    return key.random(tuple(shape)).astype(like.dtype)


def select(keep: Array, x: Array, fill: float, /) -> Array:
    return x if keep.all() else np.where(keep, x, np.asarray(fill, dtype=x.dtype))


def kind(x: Array, /) -> str:
    # ml_dtypes.bfloat16 has the kind of a record.
    return _KINDS.get(x.dtype.kind, "float" if "float" in x.dtype.name else str(x.dtype))


def matched(*arrays: Array) -> bool:
    return False


def numbers(like: Array, /, *values: Any) -> Sequence[Any]:
    return values


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
