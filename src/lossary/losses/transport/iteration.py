"""Sinkhorn's iteration on logarithms: clouds with shares, tables of costs by rows, and the potentials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf, prod
from typing import TYPE_CHECKING, Any, NamedTuple

from ...streaming.pairs import ChunkSize, over_rows, rows_at_once, told_if_too_large
from .samples import Side

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

OVER, COOLING = 1.9, 0.9  # relaxation, and the part of the iterations in which the blur shrinks: best of those tried
USUAL_OVER, USUAL_COOLING = 1.8, 0.5  # the same for the larger blurs of the divergence
FLOOR = -80.0  # e^−80 is far below the rounding of 1


# ---- clouds ----


class Cloud(NamedTuple):
    """Points with their shares of the mass, which add up to 1."""

    points: Any  # (…, n, d)
    shares: Any  # (…, n)

    def held(self, xp: Namespace) -> Cloud:
        """Without a gradient."""
        return Cloud(*map(xp.stop_gradient, self))

    def once(self, xp: Namespace) -> Cloud:
        """With a first derivative only."""
        return Cloud(*map(xp.once, self))


def shared_out(xp: Namespace, side: Side) -> Cloud:
    """The points, and what each has of the mass."""
    points, masses = side
    if masses is None:
        return Cloud(points, xp.ones_like(points[..., 0]) / points.shape[-2])
    shares = xp.divide(masses, xp.sum(masses, axis=-1, keepdims=True))
    # A point that is not there waits at the centre, where it is not far from anything.
    there = xp.expand_dims(masses, axis=-1) != 0
    centre = xp.sum(points * xp.expand_dims(shares, axis=-1), axis=-2, keepdims=True)
    return Cloud(xp.where(there, points, xp.stop_gradient(centre)), shares)


def equal(xp: Namespace, first: Cloud, second: Cloud) -> Any:
    """For each problem: are both the same, point by point?"""
    if first.points.shape != second.points.shape:
        return xp.zeros_like(first.shares[..., 0]) != 0
    return ~(xp.any(first.points != second.points, axis=(-2, -1)) | xp.any(first.shares != second.shares, axis=-1))


def log_of(xp: Namespace, shares: Any) -> Any:
    """−∞ of a point that is not there."""
    none = shares == 0
    return xp.where(none, -inf, xp.log(xp.where(none, 1.0, shares)))


# ---- tables ----


class Blocks(NamedTuple):
    """Whose tables they are, and how many rows are held at a time."""

    loss: str
    chunk_size: ChunkSize


def by_rows(
    xp: Namespace, rows: Sequence[Any], columns: Sequence[Any], table: Callable[..., Any], blocks: Blocks
) -> Callable[..., Any]:
    """`call(function, *shared)` gives function(table(*rows, *columns), *shared), of which each row has a result."""
    axis, entries = len(rows[0].shape) - 2, prod(rows[0].shape[:-2]) * columns[0].shape[-2]
    if rows_at_once(blocks.chunk_size, rows[0].shape[axis], entries) is None:
        whole = told_if_too_large(blocks.loss, table, rows[0].shape[axis], entries)(*rows, *columns)

        def at_once(function: Callable[..., Any], *shared: Any) -> Any:
            return function(whole, *shared)

        return at_once
    count = len(rows) + len(columns)

    def by_blocks(function: Callable[..., Any], *shared: Any) -> Any:
        def of_block(*arrays: Any) -> Any:
            return function(table(*arrays[:count]), *arrays[count:])

        of_all = [*columns, *shared]
        chunk = blocks.chunk_size
        return over_rows(blocks.loss, xp, of_block, rows, of_all, entries=entries, chunk_size=chunk, axis=axis)

    return by_blocks


def costs_by_rows(xp: Namespace, x: Any, y: Any, p: int, blocks: Blocks) -> Callable[..., Any]:
    """The same of the table of costs."""
    return by_rows(xp, [x], [y], partial(_costs, xp, p=p), blocks)


def _costs(xp: Namespace, x: Any, y: Any, p: int) -> Any:
    return xp.distances(x, y, squared=p == 2)


def over_columns(xp: Namespace, values: Any) -> Any:
    """One number per column, as a row of the table."""
    return xp.expand_dims(values, axis=-2)


def over_table(xp: Namespace, number: Any) -> Any:
    """One number per table."""
    return xp.expand_dims(xp.expand_dims(number, axis=-1), axis=-1)


def smooth_over(xp: Namespace) -> Callable[..., Any]:
    """−epsilon log Σ_j b_j exp((g_j − C_ij) / epsilon): the potential of the rows from that of the columns."""

    def transform(costs: Any, potential: Any, log_shares: Any, epsilon: Any) -> Any:
        epsilon = xp.expand_dims(epsilon, axis=-1)
        exponents = over_columns(xp, log_shares + potential / epsilon) - costs / xp.expand_dims(epsilon, axis=-1)
        top = xp.stop_gradient(xp.max(exponents, axis=-1))
        # exp takes ten times as long where it underflows, and what is below the floor is lost in the sum anyway.
        below = xp.maximum(exponents - xp.expand_dims(top, axis=-1), FLOOR)
        return -epsilon * (top + xp.log(xp.sum(xp.exp(below), axis=-1)))

    return transform


# ---- the iteration ----


def sharp_potentials(
    xp: Namespace, of_x: Any, of_y: Any, log_a: Any, log_b: Any, start: Any, final: Any, iterations: int
) -> tuple[Any, Any]:
    """f and g of Sinkhorn's iteration, whose blur shrinks from `start` to `final`."""
    smooth, cooling = smooth_over(xp), cooling_of(xp, start, final, COOLING * iterations)

    def step(state: Any) -> Any:
        f, g, epsilon = state
        f = f + OVER * (of_x(smooth, g, log_b, epsilon) - f)
        g = g + OVER * (of_y(smooth, f, log_a, epsilon) - g)
        return f, g, xp.maximum(epsilon * cooling, final)

    f, g, _ = xp.iterate(step, (xp.zeros_like(log_a), xp.zeros_like(log_b), start), iterations)
    return f, g


def fair_potential(
    xp: Namespace, of_x: Any, of_y: Any, log_a: Any, log_b: Any, start: Any, final: Any, iterations: int
) -> Any:
    """g, the mean over beginning with x and beginning with y.

    Between clouds that are nearly equal f − g converges slowly, but then what is left of it has opposite signs in the
    two, so that the difference to the clouds' own potentials is right long before each of them is.
    """
    smooth, cooling = smooth_over(xp), cooling_of(xp, start, final, USUAL_COOLING * iterations)

    def step(state: Any) -> Any:
        f, g, other_f, other_g, epsilon = state
        f = f + USUAL_OVER * (of_x(smooth, g, log_b, epsilon) - f)
        g = g + USUAL_OVER * (of_y(smooth, f, log_a, epsilon) - g)
        other_g = other_g + USUAL_OVER * (of_y(smooth, other_f, log_a, epsilon) - other_g)
        other_f = other_f + USUAL_OVER * (of_x(smooth, other_g, log_b, epsilon) - other_f)
        return f, g, other_f, other_g, xp.maximum(epsilon * cooling, final)

    # Four arrays: the compiled loop refuses one that comes twice, as its results might be one too.
    none = [xp.zeros_like(shares) for shares in (log_a, log_b, log_a, log_b)]
    _, g, _, other_g, _ = xp.iterate(step, (*none, start), iterations)
    return 0.5 * (g + other_g)


def own_potential(xp: Namespace, of_x: Any, log_a: Any, start: Any, final: Any, iterations: int) -> Any:
    """That of a cloud and itself, where the average of a step and the one before converges at once."""
    smooth, cooling = smooth_over(xp), cooling_of(xp, start, final, USUAL_COOLING * iterations)

    def step(state: Any) -> Any:
        f, epsilon = state
        return 0.5 * (f + of_x(smooth, f, log_a, epsilon)), xp.maximum(epsilon * cooling, final)

    return xp.iterate(step, (xp.zeros_like(log_a), start), iterations)[0]


def cooling_of(xp: Namespace, start: Any, final: Any, steps: float) -> Any:
    """What the blur is multiplied by in each step, to come from `start` to `final`."""
    return xp.exp(xp.log(final / start) / max(1.0, steps))


def largest_of(xp: Namespace, of_x: Any) -> Any:
    """The largest cost of each item, 1 where that is 0."""

    def farthest(costs: Any) -> Any:
        return xp.max(costs, axis=-1)

    largest = xp.max(of_x(farthest), axis=-1)
    return xp.where(largest == 0, 1.0, largest)
