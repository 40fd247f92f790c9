"""JAX: tables of pairs, a block of rows at a time."""
# jax.numpy's own annotations leave some parameters partly unknown.
# pyright: reportUnknownLambdaType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from operator import add
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero

from .composed import LEAST_EXPONENT, RAISED, sqrt_with_zero

_NUMPY: Any = jnp
COORDINATES = 2  # at a time: so many tables the backward pass has at once


def by_rows_again(
    function: Callable[..., Any], rows: Sequence[Array], shared: Sequence[Array], chunk: int, axis: int
) -> Any:
    """`function(*rows, *shared)` by blocks, joined; the backward pass computes each block again."""
    again = jax.checkpoint(lambda block: function(*block, *shared))
    blocks, rest = _blocks(rows, chunk, axis)
    results = jax.tree.map(lambda part: _joined(part, axis), jax.lax.map(again, blocks))
    if rest is None:
        return results
    last = function(*rest, *shared)
    return jax.tree.map(lambda *parts: jnp.concatenate(parts, axis=axis), results, last)


def total_with_slopes(
    function: Callable[..., Any], rows: Sequence[Array], shared: Sequence[Array], chunk: int
) -> Array:
    """Σ function(*rows, *shared). A sum has one gradient but for a factor: where one is wanted, it is taken while the
    block is there, and nothing is computed twice.
    """
    count = len(rows)

    def value(arrays: tuple[Array, ...]) -> Array:
        return jnp.sum(by_rows_again(function, arrays[:count], arrays[count:], chunk, 0))

    def pushed(primals: Any, tangents: Any) -> Any:
        (arrays,), (steps,) = primals, tangents
        towards = [i for i, step in enumerate(steps) if not isinstance(step, SymbolicZero)]
        total, slopes = _value_and_slopes(function, arrays, count, chunk, towards)
        return total, sum(jnp.vdot(slope, steps[i]) for i, slope in zip(towards, slopes, strict=True))

    total = jax.custom_jvp(value)
    total.defjvp(pushed, symbolic_zeros=True)
    return total((*rows, *shared))


def _value_and_slopes(
    function: Callable[..., Any], arrays: tuple[Array, ...], count: int, chunk: int, towards: list[int]
) -> tuple[Array, list[Array]]:
    rows, shared = arrays[:count], arrays[count:]
    of_rows = [i for i in towards if i < count]
    of_shared = [i for i in towards if i >= count]

    @jax.checkpoint  # a second derivative computes each block again instead of keeping it
    def step(totals: Any, block: Any) -> Any:
        def total(chosen: Any) -> Array:
            given = dict(zip(towards, chosen, strict=True))
            return jnp.sum(function(*(given.get(i, array) for i, array in enumerate((*block, *shared)))))

        part, found = jax.value_and_grad(total)([(*block, *shared)[i] for i in towards])
        totals = jax.tree.map(add, totals, (part, found[len(of_rows) :]))
        return totals, found[: len(of_rows)]

    blocks, rest = _blocks(rows, chunk, 0)
    dtype = jax.eval_shape(function, *arrays).dtype
    start = (jnp.zeros((), dtype), [jnp.zeros_like(arrays[i]) for i in of_shared])
    (value, shared_slopes), row_slopes = jax.lax.scan(step, start, blocks)
    row_slopes = [_joined(slope, 0) for slope in row_slopes]
    if rest is not None:
        (value, shared_slopes), last = step((value, shared_slopes), rest)
        row_slopes = [jnp.concatenate(parts) for parts in zip(row_slopes, last, strict=True)]
    return value, [*row_slopes, *shared_slopes]


def _blocks(rows: Sequence[Array], chunk: int, axis: int) -> tuple[tuple[Array, ...], tuple[Array, ...] | None]:
    """The whole blocks, stacked along a new first axis, and the rows that are left over."""
    count = rows[0].shape[axis]
    whole = count // chunk * chunk

    def stacked(row: Array) -> Array:
        full = jax.lax.slice_in_dim(row, 0, whole, axis=axis)
        parts = full.reshape(*row.shape[:axis], whole // chunk, chunk, *row.shape[axis + 1 :])
        return jnp.moveaxis(parts, axis, 0)

    rest = tuple(jax.lax.slice_in_dim(row, whole, count, axis=axis) for row in rows)
    return tuple(stacked(row) for row in rows), None if whole == count else rest


def _joined(part: Array, axis: int) -> Array:
    part = jnp.moveaxis(part, 0, axis)
    return part.reshape(*part.shape[:axis], -1, *part.shape[axis + 2 :])


@partial(jax.jit, static_argnames="squared")  # compiled once, in eager use too
def distances_by_coordinates(x: Array, y: Array, squared: bool) -> Array:
    """By subtraction, which the matrix-product form |x|² + |y|² − 2x·y has lost near equal points."""
    if squared:
        return _over_coordinates(_squares, x, y)
    unit = jax.lax.stop_gradient(_unit(x, y))
    return unit * sqrt_with_zero(_NUMPY, jnp.sqrt, _over_coordinates(_squares, x / unit, y / unit))


def _squares(x: Array, y: Array) -> Array:
    gaps = x[..., :, None] - y[..., None, :]
    return gaps * gaps


@jax.jit
def projections_by_coordinates(steps: Array, x: Array, y: Array) -> Array:
    """By subtraction: x · step − y · step is rounded at the size of the points, not of their difference."""
    return _over_coordinates(lambda s, x, y: s[..., :, None] * (x[..., :, None] - y[..., None, :]), steps, x, y)


def _over_coordinates(term: Callable[..., Array], *points: Array) -> Array:
    """Σ term of one coordinate of each, along their last axis.

    XLA on the CPU writes out an array with the coordinates as a third axis for the gradient, and sums it number by
    number.
    """
    features = points[0].shape[-1]
    several = min(COORDINATES, max(1, features))

    def by_parts(array: Array) -> Array:
        whole = jnp.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, -features % several)])
        first = jnp.moveaxis(whole, -1, 0)
        return first.reshape(first.shape[0] // several, several, *first.shape[1:])

    @jax.checkpoint
    def part(total: Array, columns: Sequence[Array]) -> tuple[Array, None]:
        return total + reduce(add, (term(*(column[k] for column in columns)) for k in range(several))), None

    columns = [by_parts(array) for array in points]
    start = jnp.zeros_like(jax.eval_shape(term, *(array[..., 0] for array in points)))
    return jax.lax.scan(part, start, columns)[0]


def _unit(x: Array, y: Array) -> Array:
    """The largest coordinate in units of RAISED, as a power of two: to divide by it costs no digit."""
    top = jnp.maximum(jnp.max(jnp.abs(x), initial=0.0), jnp.max(jnp.abs(y), initial=0.0))
    unit = jnp.ldexp(jnp.ones_like(top), jnp.maximum(jnp.frexp(top)[1], LEAST_EXPONENT)) / RAISED
    return jnp.where((top > 0) & (top < jnp.inf), unit, 1.0)
