"""JAX: nearly its own namespace; what differs is the sub-gradient at kinks and a mean that cannot overflow."""
# jax.numpy's own annotations leave some parameters partly unknown.
# pyright: reportUnknownLambdaType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from math import inf, prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.lax import stop_gradient as stop_gradient
from jax.nn import softmax as _softmax
from jax.numpy import any as any
from jax.numpy import broadcast_to as broadcast_to
from jax.numpy import exp as exp
from jax.numpy import expand_dims as expand_dims
from jax.numpy import expm1 as expm1
from jax.numpy import isfinite as isfinite
from jax.numpy import isnan as isnan
from jax.numpy import log as log
from jax.numpy import log1p as log1p
from jax.numpy import max as max
from jax.numpy import min as min
from jax.numpy import moveaxis as moveaxis
from jax.numpy import multiply as multiply
from jax.numpy import ones_like as ones_like
from jax.numpy import reshape as reshape
from jax.numpy import sign as sign
from jax.numpy import sort as sort
from jax.numpy import squeeze as squeeze
from jax.numpy import stack as stack
from jax.numpy import sum as sum
from jax.numpy import take_along_axis as take_along_axis
from jax.numpy import tanh as tanh
from jax.numpy import where as where
from jax.numpy import zeros_like as zeros_like

from ..result import LossResult, flatten, unflatten
from .composed import (
    class_overlap_by_parts,
    half_exp_above_tangent_by_fraction,
    hypot_of_array,
    log_odds_by_parts,
    logsumexp_of_any,
    nearest_in_blocks,
    norm_scaled,
    sqrt_with_zero,
    surprise_by_odds,
    unit_vectors,
    window_moments_shifted,
)
from .jax_kinks import abs as abs
from .jax_kinks import abs_with_slope as abs_with_slope
from .jax_kinks import clip as clip
from .jax_kinks import divide as divide
from .jax_kinks import hypot as _hypot_of_number
from .jax_kinks import is_zero, optimization_barrier
from .jax_kinks import maximum as maximum
from .jax_kinks import minimum as minimum
from .jax_kinks import relu as relu
from .jax_kinks import sigmoid as sigmoid
from .jax_kinks import soft_surprise as soft_surprise
from .jax_kinks import softplus as softplus
from .jax_kinks import step as step
from .jax_rows import by_rows_again, distances_by_coordinates, projections_by_coordinates, total_with_slopes

NAME = "jax"
CHANNEL_AXIS = -1

Axes = int | Sequence[int] | None
_HERE: Any = sys.modules[__name__]
_FEW = 16  # entries, over which one reduction of values and indices is faster than two plain ones

jax.tree_util.register_pytree_node(LossResult, lambda result: (flatten(result)[0], tuple(result.terms)), unflatten)


def mean(x: Array, /, *, axis: Axes) -> Array:
    # A power of two before the sum, the rest behind it: a sum may overflow where its mean does not. It costs no digit.
    count = x.size if axis is None else prod(x.shape[i] for i in ([axis] if isinstance(axis, int) else axis))
    scale = 2.0 ** -(count - 1).bit_length()
    return jnp.sum(x * scale if scale < 1 else x, axis=axis) * (1 / (count * scale))


def atan(x: Array, /) -> Array:
    return jnp.arctan(x)


def argsort(x: Array, /, *, axis: int) -> Array:
    return jnp.argsort(x, axis=axis, stable=True)


def searchsorted(x: Array, values: Array, /, *, right: bool = False) -> Array:
    search = partial(jnp.searchsorted, side="right" if right else "left")
    for _ in range(x.ndim - 1):
        search = jax.vmap(search)
    return search(x, values)


def cumulative_sum(x: Array, /, *, axis: int) -> Array:
    return jnp.cumsum(x, axis=axis)


def matmul(x: Array, y: Array, /) -> Array:
    return jnp.matmul(x, y, precision=jax.lax.Precision.HIGHEST)  # accelerators would round the factors


def linear(x: Array, weight: Array, /) -> Array:
    return matmul(x, weight.T)


def take(x: Array, indices: Array, /, *, axis: int) -> Array:
    return jnp.take(x, indices, axis=axis)


def concat(arrays: Sequence[Array], /, *, axis: int) -> Array:
    return jnp.concatenate(arrays, axis=axis)


def split(x: Array, count: int, /, *, axis: int) -> tuple[Array, Array]:
    first, others = jnp.split(x, (count,), axis=axis)
    return first, others


def sqrt(x: Array, /) -> Array:
    return sqrt_with_zero(_HERE, jnp.sqrt, x)


def norm(x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
    return norm_scaled(_HERE, x, axis=axis, keepdims=keepdims)


def unit(x: Array, /, *, axis: int) -> Array:
    return unit_vectors(_HERE, x, axis=axis)


def once(x: Array, /) -> Array:
    return x


def positions(x: Array, /, *, axis: int) -> Array:
    return jax.lax.broadcasted_iota(
        jnp.int32, [n if i == axis % x.ndim else 1 for i, n in enumerate(x.shape)], axis % x.ndim
    )


def argmax(x: Array, /, *, axis: int) -> Array:
    return argmin(-x, axis=axis)


def argmin(x: Array, /, *, axis: int) -> Array:
    x = stop_gradient(x)
    count = x.shape[axis]
    if count <= _FEW:
        return _argmin_in_one_pass(x, axis)
    # Two plain reductions, over many entries several times as fast on the CPU as XLA's own, over pairs. XLA may compute
    # x for each, and round it differently: where the second finds nothing as small, the slow way is taken.
    least = jnp.min(x, axis=axis, keepdims=True)
    smallest = (x <= least) | ((least != least) & (x != x))  # or the first NaN
    found = jnp.min(jnp.where(smallest, positions(x, axis=axis), count), axis=axis)
    again = partial(_argmin_in_one_pass, axis=axis)
    return jax.lax.cond(jnp.any(found == count), again, lambda _: found, x)


def _argmin_in_one_pass(x: Array, axis: int) -> Array:
    return jax.lax.argmin(x, axis % x.ndim, jnp.int32)


def half_exp_above_tangent(x: Array, /) -> tuple[Array, Callable[[], Array]]:
    return half_exp_above_tangent_by_fraction(_HERE, x)


def log_odds(logits: Array, index: Array, /, *, axis: int) -> Array:
    return log_odds_by_parts(_HERE, logits, index, axis=axis)


def surprise(logits: Array, index: Array, /, *, axis: int, spread: float = 0.0) -> Array:
    return surprise_by_odds(_HERE, logits, index, axis=axis, spread=spread)


def pointwise(
    formula: Callable[..., Any],
    x: Array,
    /,
    *others: Array,
    difference: bool = False,
    native: str | None = None,
    **options: Any,
) -> Array:
    @jax.custom_jvp
    def losses(x: Array, *others: Array) -> Array:
        return formula(_HERE, x, *others, **options)[0]

    @partial(losses.defjvp, symbolic_zeros=True)
    def _(primals: Any, tangents: Any) -> Any:
        x, *others = primals
        # XLA on the CPU writes out whatever value and slope have in common, were it a constant laid out at full size:
        # the value gets an axis of its own, and the slope sees the arguments apart.
        value = formula(_HERE, *(array[None] for array in primals), **options)[0][0]
        _, found = formula(_HERE, *optimization_barrier(primals), **options)
        slope, *slopes = found if isinstance(found, tuple) else (found,)
        tangent = None if is_zero(tangents[0]) else slope() * tangents[0]
        for i, along in enumerate(tangents[1:]):  # zeros are left out: 0 · ∞ would poison the sum
            if is_zero(along):
                continue
            if slopes:
                step = slopes[i]() * along
            elif difference:
                step = -slope() * along
            else:
                rest = partial(_with_other, formula, options, x, others, i)
                step = jax.jvp(rest, (others[i],), (along,))[1]
            tangent = step if tangent is None else tangent + step
        return value, jnp.zeros_like(value) if tangent is None else tangent

    return losses(x, *others)


def _with_other(
    formula: Callable[..., Any], options: dict[str, Any], x: Array, others: list[Array], i: int, other: Array
) -> Array:
    return formula(_HERE, x, *others[:i], other, *others[i + 1 :], **options)[0]


def hypot(x: Array, y: Any, /) -> Array:
    return hypot_of_array(_HERE, x, y) if isinstance(y, Array) else _hypot_of_number(x, y)


def turns(answers: Array, /) -> None:
    return None


def signed(size: Array, x: Array, /) -> Array:
    return (2 * step(x) - 1) * size


def quietly(function: Callable[..., Any], /, *args: Any) -> Any:
    return function(*args)


def pointwise_mean(
    formula: Callable[..., Any], x: Array, /, *others: Array, count: int | None = None, **how: Any
) -> Array:
    found = mean(pointwise(formula, x, *others, **how), axis=None)
    return found if count is None else found * (x.size / count)


def logsumexp(x: Array, /, *, axis: int, keepdims: bool = False) -> Array:
    return logsumexp_of_any(_HERE, x, axis=axis, keepdims=keepdims)


def softmax(x: Array, /, *, axis: int) -> Array:
    return _softmax(x, axis=axis)


def distances(x: Array, y: Array, /, *, squared: bool = False) -> Array:
    return distances_by_coordinates(x, y, squared=squared)


def projections(steps: Array, x: Array, y: Array, /) -> Array:
    return projections_by_coordinates(steps, x, y)


def nearest(x: Array, y: Array, keep: Array | None, /, *, chunk_size: int | None) -> Array:
    return _nearest(stop_gradient(x), stop_gradient(y), keep, chunk_size)


@partial(jax.jit, static_argnums=3)  # compiled once, in eager use too
def _nearest(x: Array, y: Array, keep: Array | None, chunk_size: int | None) -> Array:
    return nearest_in_blocks(_HERE, x, y, keep, chunk_size=chunk_size)


def put_along_axis(x: Array, indices: Array, value: Any, /, *, axis: int) -> Array:
    return jnp.where(positions(x, axis=axis) == indices, value, x)  # fused, where XLA runs a scatter one by one


def without(table: Array, index: Array, /) -> Array:
    return put_along_axis(table, index[:, None], -inf, axis=1)


def segment_sum(values: Array, segments: Array, count: int, /) -> Array:
    return jax.ops.segment_sum(values, segments, count)


def pad(x: Array, widths: Sequence[tuple[int, int]], /, *, mode: str) -> Array:
    return jnp.pad(x, tuple(widths), mode=mode)


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
    return by_rows_again(function, rows, shared, chunk_size, axis)


def class_overlap(
    logits: Array, index: Array, factor: Array | None, /, *, axis: int, per_example: bool, entropy: bool = False
) -> tuple[Any, Array, Array, Array]:
    return class_overlap_by_parts(_HERE, logits, index, factor, axis=axis, per_example=per_example, entropy=entropy)


def unrolls() -> bool:
    return False


def total_by_rows(
    function: Callable[..., Any], rows: Sequence[Array], shared: Sequence[Array], /, *, chunk_size: int | None
) -> Array:
    if chunk_size is None or rows[0].shape[0] <= chunk_size:
        return sum(function(*rows, *shared), axis=None)
    return total_with_slopes(function, rows, shared, chunk_size)


def either(condition: Array, yes: Callable[[], Array], no: Callable[[], Array], /) -> Array:
    if visible(condition):
        if bool(condition.all()):
            return yes()
        if not bool(condition.any()):
            return no()
    return jnp.where(condition, yes(), no()) if condition.ndim else jax.lax.cond(condition, yes, no)


def iterate(step: Callable[[Any], Any], state: Any, times: int, /) -> Any:
    return jax.lax.scan(lambda carry, _: (step(carry), None), state, None, length=times)[0]


def gradient(function: Callable[[Any], Any], x: Array, /) -> Array:
    return jax.grad(lambda x: jnp.sum(function(x)))(x)


def normal(key: Array, shape: Sequence[int], like: Array, /) -> Array:
    return jax.random.normal(key, tuple(shape), like.dtype)


def uniform(key: Array, shape: Sequence[int], like: Array, /) -> Array:
    return jax.random.uniform(key, tuple(shape), like.dtype)


def select(keep: Array, x: Array, fill: float, /) -> Array:
    return jnp.where(keep, x, fill)


def kind(x: Array, /) -> str:
    dtype = x.dtype
    if jnp.issubdtype(dtype, jnp.floating):
        return "float"
    return "complex" if jnp.issubdtype(dtype, jnp.complexfloating) else "bool" if dtype == jnp.bool_ else "int"


def matched(*arrays: Array) -> bool:
    return False


def numbers(like: Array, /, *values: Any) -> Sequence[Any]:
    return values


def promote(*arrays: Array) -> tuple[Array, ...]:
    wide = jnp.float64 if jnp.float64 in [array.dtype for array in arrays] else jnp.float32
    return tuple(array.astype(wide) for array in arrays)


def indices(labels: Array, /) -> Array:
    # Narrower ones would wrap where they are compared with the number of classes.
    return labels if labels.dtype in (jnp.int32, jnp.int64) else labels.astype(jnp.int32)


def astype(x: Array, like: Array, /) -> Array:
    return x.astype(like.dtype)


def asarray(values: Any, like: Array, /) -> Array:
    return jnp.asarray(values, dtype=like.dtype)


def visible(x: Array, /) -> bool:
    return not isinstance(x, Tracer) and x.is_fully_addressable and all(d.platform == "cpu" for d in x.devices())


def tracing(x: Array, /) -> bool:
    return isinstance(x, Tracer)


def extent(x: Array, /) -> tuple[float, float]:
    host = np.asarray(x)  # not x.min(): under jit that would be staged, even of a constant
    return host.min().item(), host.max().item()


def require(ok: Array, message: str, /) -> None:
    def complain(ok: Any) -> None:
        if not ok.all():
            raise ValueError(message)

    jax.debug.callback(complain, ok)
