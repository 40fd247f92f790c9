"""JAX: functions whose slope is ours, at a kink or where the framework's own has lost its digits."""
# jax.numpy's own annotations leave some parameters partly unknown.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero
from jax.lax import optimization_barrier as _untyped_barrier
from jax.nn import sigmoid as sigmoid

from .composed import UNCERTAIN, hypot_of_number

_HERE: Any = sys.modules[__name__]
optimization_barrier: Callable[[Any], Any] = _untyped_barrier


@jax.custom_jvp
def abs(x: Array, /) -> Array:
    return jnp.abs(x)


@abs.defjvp
def _abs_jvp(primals: Any, tangents: Any) -> Any:
    return abs(primals[0]), tangents[0] * jnp.sign(primals[0])


def _own(x: Array, number: float) -> Array:
    """`number` as a scalar of its own: XLA on the CPU writes out, at full size, a constant that two loops share."""
    return optimization_barrier(jnp.asarray(number, x.dtype))


@jax.custom_jvp
def _beyond(x: Array, bound: Array) -> Array:
    return jnp.maximum(x, bound)


@_beyond.defjvp
def _beyond_jvp(primals: Any, tangents: Any) -> Any:
    x, bound = primals
    return _beyond(x, bound), tangents[0] * (x > bound)  # 0 at the kink, where jnp.maximum has ½


@jax.custom_jvp
def _within(x: Array, bound: Array) -> Array:
    return jnp.minimum(x, bound)


@_within.defjvp
def _within_jvp(primals: Any, tangents: Any) -> Any:
    x, bound = primals
    return _within(x, bound), tangents[0] * (x < bound)


def maximum(x: Array, y: Any, /) -> Array:
    return jnp.maximum(x, y) if isinstance(y, Array) else _beyond(x, _own(x, y))


def minimum(x: Array, y: Any, /) -> Array:
    return jnp.minimum(x, y) if isinstance(y, Array) else _within(x, _own(x, y))


def relu(x: Array, /) -> Array:
    return maximum(x, 0.0)


def clip(x: Array, low: float, high: float, /) -> Array:
    return minimum(maximum(x, low), high)


@jax.custom_jvp
def softplus(x: Array, /) -> Array:
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


@softplus.defjvp
def _softplus_jvp(primals: Any, tangents: Any) -> Any:
    return softplus(primals[0]), tangents[0] * sigmoid(primals[0])


@jax.custom_jvp
def abs_with_slope(x: Array, /) -> Array:
    return jnp.abs(x)


@abs_with_slope.defjvp
def _abs_with_slope_jvp(primals: Any, tangents: Any) -> Any:
    return abs_with_slope(primals[0]), tangents[0] * (2 * step(primals[0]) - 1)


def divide(x: Array, y: Any, /) -> Array:
    return _divide(x, y) if isinstance(y, Array) else x / y


@jax.custom_jvp
def _divide(x: Array, y: Array) -> Array:
    return x / y


@_divide.defjvp
def _divide_jvp(primals: Any, tangents: Any) -> Any:
    (x, y), (step_of_x, step_of_y) = primals, tangents
    quotient = _divide(x, y)
    return quotient, _divide(step_of_x - quotient * step_of_y, y)  # JAX's own has y⁻², beyond float32 from 1e19 on


def step(x: Array, /) -> Array:
    return (x > 0).astype(x.dtype)


def is_zero(tangent: Any) -> bool:
    return isinstance(tangent, SymbolicZero)


def soft_surprise(logits: Array, shares: Array, careful: Callable[[Array, Array], Array], /, *, axis: int) -> Array:
    # On the CPU XLA's own reductions are several times as fast as the careful way, and have all their digits where no
    # item is nearly certain. Accelerators fuse the careful way, and would wait to be told which to take.
    plainly = logits.size and jax.default_backend() == "cpu"
    return _soft_surprise(logits, shares, careful, axis) if plainly else careful(logits, shares)


@partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _soft_surprise(logits: Array, shares: Array, careful: Callable[[Array, Array], Array], axis: int) -> Array:
    losses = _plain_surprise(logits, shares, axis)
    return jax.lax.cond(_uncertain(losses), lambda: losses, lambda: careful(logits, shares))


def _plain_surprise(logits: Array, shares: Array, axis: int) -> Array:
    return -jnp.sum(shares * jax.nn.log_softmax(logits, axis), axis)


def _uncertain(losses: Array) -> Array:
    return jnp.min(losses) > UNCERTAIN  # a NaN (0 · ∞ too) is no `>`


@partial(_soft_surprise.defjvp, symbolic_zeros=True)
def _soft_surprise_jvp(
    careful: Callable[[Array, Array], Array], axis: int, primals: Any, tangents: Any
) -> tuple[Array, Array]:
    (logits, shares), (step, step_of_shares) = primals, tangents

    def careful_slope() -> Array:
        losses, pull = jax.vjp(lambda x: careful(x, shares), logits)  # pyright: ignore[reportUnknownLambdaType]
        return pull(jnp.ones_like(losses))[0]

    def plain_slope() -> Array:
        return jax.nn.softmax(logits, axis) * jnp.sum(shares, axis, keepdims=True) - shares

    losses = _soft_surprise(logits, shares, careful, axis)
    tangent = jnp.zeros_like(losses)
    if not is_zero(step):
        uncertain = _uncertain(_plain_surprise(logits, shares, axis))
        tangent += jnp.sum(jax.lax.cond(uncertain, plain_slope, careful_slope) * step, axis)
    if not is_zero(step_of_shares):
        tangent += jax.jvp(partial(careful, logits), (shares,), (step_of_shares,))[1]
    return losses, tangent


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def hypot(x: Array, y: float, /) -> Array:
    return hypot_of_number(_HERE, jnp.sqrt, x, y)


@hypot.defjvp
def _hypot_jvp(y: float, primals: Any, tangents: Any) -> Any:
    root = hypot(primals[0], y)
    return root, tangents[0] * (primals[0] / root)
