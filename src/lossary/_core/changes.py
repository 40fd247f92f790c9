"""What a function of two points changes by where both move a little, without subtracting its values.

Of a cloud x and the same points moved, y, the terms f(x, x') − f(x, y') − f(y, x') + f(y, y') are of the order of the
step squared, where f is rounded at its own size. They are carried through a formula instead, from |x − x'|² outwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .backends.protocol import Namespace

FAR = 40.0  # change of an exponent, from which on both exponentials are 0 in comparison with those of other pairs


class Pairs(NamedTuple):
    """Some points, and all of them, before and after they moved; `steps` are the differences."""

    x: Any
    y: Any
    steps: Any
    other_x: Any
    other_y: Any
    other_steps: Any


class Changes(NamedTuple):
    """Tables of a function f of two points."""

    start: Any  # f(x, x')
    first: Any  # f(y, x') − f(x, x')
    second: Any  # f(x, y') − f(x, x')
    both: Any  # f(y, y') − f(y, x') − f(x, y') + f(x, x')

    def times(self, factor: Any) -> Changes:
        """Of factor · f."""
        return Changes(*(factor * table for table in self))

    def plus(self, other: Changes) -> Changes:
        """Of f + g."""
        return Changes(*(a + b for a, b in zip(self, other, strict=True)))

    def product(self, other: Changes) -> Changes:
        """Of f · g."""
        f, g = self, other
        first = f.first * (g.start + g.first) + f.start * g.first
        second = f.second * (g.start + g.second) + f.start * g.second
        crossed = f.first * g.second + f.second * g.first
        at_end = g.start + g.first + g.second + g.both
        both = f.both * at_end + (f.start + f.first + f.second) * g.both + crossed
        return Changes(f.start * g.start, first, second, both)


class Ends(NamedTuple):
    """The values of a function of two points before, between and after these changes."""

    start: Any
    after_first: Any
    after_second: Any
    last: Any


def of_squares(xp: Namespace, pairs: Pairs) -> Changes:
    """|x − x'|²."""
    forward = xp.projections(pairs.steps, pairs.x, pairs.other_x)
    back = _turned(xp, xp.projections(pairs.other_steps, pairs.other_x, pairs.x))
    return Changes(
        xp.distances(pairs.x, pairs.other_x, squared=True),
        2 * forward + _squared_lengths(xp, pairs.steps),
        2 * back + _turned(xp, _squared_lengths(xp, pairs.other_steps)),
        -2 * xp.matmul(pairs.steps, _turned(xp, pairs.other_steps)),
    )


def of_distances(xp: Namespace, pairs: Pairs) -> tuple[Changes, Ends]:
    """|x − x'|: its squares' changes, divided by the sums of the two distances between which it changes."""
    squares = of_squares(xp, pairs)
    ends = _ends(xp, pairs)
    start, after_first, after_second, last = ends
    first = _share(xp, squares.first, after_first + start)
    second = _share(xp, squares.second, after_second + start)
    second_after_first = _share(xp, squares.second + squares.both, last + after_first)
    both = _share(xp, squares.both, last + after_second)
    both = both - first * _share(xp, second_after_first + second, last + after_second)
    return Changes(start, first, second, both), ends


def _ends(xp: Namespace, pairs: Pairs) -> Ends:
    return Ends(
        xp.distances(pairs.x, pairs.other_x),
        xp.distances(pairs.y, pairs.other_x),
        xp.distances(pairs.x, pairs.other_y),
        xp.distances(pairs.y, pairs.other_y),
    )


def of_products(xp: Namespace, pairs: Pairs) -> Changes:
    """x · x'."""
    others, steps = _turned(xp, pairs.other_x), _turned(xp, pairs.other_steps)
    tables = ((pairs.x, others), (pairs.steps, others), (pairs.x, steps), (pairs.steps, steps))
    return Changes(*(xp.matmul(one, other) for one, other in tables))


def decays(xp: Namespace, f: Changes) -> Changes:
    """1 − e^−f, f ≥ 0."""
    kept = xp.exp(-f.start)
    first, second, both = (xp.expm1(xp.clip(-change, -FAR, FAR)) for change in f[1:])
    together = first * second + (1 + first) * (1 + second) * both
    return Changes(-xp.expm1(-f.start), -kept * first, -kept * second, -kept * together)


def powers(xp: Namespace, f: Changes, ends: Ends, exponent: float) -> Changes:
    """f^exponent, f ≥ 0, by the changes of its logarithm; next to 0, where these are large, by subtraction."""
    near = f.start <= 2 * (xp.abs(f.first) + xp.abs(f.second))
    close, far = _subtracted(xp, ends, near, exponent), _multiplied(xp, f, near, exponent)
    return Changes(*(xp.where(near, a, b) for a, b in zip(close, far, strict=True)))


def _multiplied(xp: Namespace, f: Changes, out: Any, exponent: float) -> Changes:
    start, first, second, both = (
        xp.where(out, fill, table) for fill, table in zip((1.0, 0.0, 0.0, 0.0), f, strict=True)
    )
    crossed = (both * start - first * second) / ((start + first) * (start + second))
    first, second, both = (xp.expm1(exponent * xp.log1p(change)) for change in (first / start, second / start, crossed))
    power = start**exponent
    both = first * second + (1 + first) * (1 + second) * both
    return Changes(power, power * first, power * second, power * both)


def _subtracted(xp: Namespace, ends: Ends, where: Any, exponent: float) -> Changes:
    some = [where & (end != 0) for end in ends]
    start, after_first, after_second, last = (
        xp.where(one, xp.where(one, end, 1.0) ** exponent, 0.0) for one, end in zip(some, ends, strict=True)
    )
    return Changes(start, after_first - start, after_second - start, (last - after_first) - (after_second - start))


def _share(xp: Namespace, change: Any, of: Any) -> Any:
    """change / of, 0 at 0 / 0."""
    nothing = of == 0
    return xp.where(nothing, 0.0, change / xp.where(nothing, 1.0, of))


def _squared_lengths(xp: Namespace, vectors: Any) -> Any:
    return xp.sum(vectors * vectors, axis=-1, keepdims=True)


def _turned(xp: Namespace, table: Any) -> Any:
    return xp.moveaxis(table, -1, -2)
