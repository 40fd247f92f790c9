"""What all transport losses prepare alike: the two distributions of every item, cleaned of what does not count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.check import described, floating, in_range, real
from ..._core.reduce import Counted, counted

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


class Side(NamedTuple):
    """One of the two distributions: points of shape (…, n), or (…, n, d), and what each weighs."""

    points: Any
    masses: Any  # (…, n), ≥ 0; 0: the point is not there, and its place holds a 0. None: all weigh the same


class Pair(NamedTuple):
    """Both distributions of every item, and which items count."""

    first: Side
    second: Side
    counted: Counted | None

    @property
    def empty(self) -> bool:
        """Is there, whatever the numbers, nothing to move?"""
        return any(0 in side.points.shape for side in self[:2])


def promoted(loss: str, xp: Namespace, points: dict[str, Any], others: dict[str, Any]) -> tuple[Any, ...]:
    """All of them in one dtype; None stays."""
    first, second = points
    floating(loss, xp, **{first: points[first]})
    real(loss, xp, **{second: points[second]}, **others)
    arrays = (*points.values(), *others.values())
    given = iter(xp.promote(*(array for array in arrays if array is not None)))
    return tuple(array if array is None else next(given) for array in arrays)


def known_clouds(loss: str, x: Any, y: Any, x_weights: Any, y_weights: Any) -> None:
    """Points (…, n, d) and (…, m, d), and a weight for each."""
    rank = len(x.shape)
    fits = len(y.shape) == rank >= 2 and x.shape[-1] == y.shape[-1] > 0 and x.shape[:-2] == y.shape[:-2]
    if not fits:
        raise ValueError(
            f"{loss}: expected points x (…, n, d) and y (…, m, d) alike but for n and m; got {described(x=x, y=y)}"
        )
    for name, points, masses in (("x", x, x_weights), ("y", y, y_weights)):
        if masses is not None and masses.shape != points.shape[:-1]:
            arrays = {name: points, f"{name}_weights": masses}
            raise ValueError(f"{loss}: expected {name}_weights with one number per point; got {described(**arrays)}")


def sides(
    loss: str, xp: Namespace, x: Any, y: Any, masses: dict[str, Any], weights: Any, mask: Any, *, coordinates: int
) -> Pair:
    """`coordinates` is the number of axes behind that of the points. `masses` are the two named arrays, or None."""
    shape = tuple(x.shape[: len(x.shape) - 1 - coordinates])
    items = counted(loss, xp, shape, weights, mask, x)
    cleaned: list[Side] = []
    without: Any = None
    for points, (name, mass) in zip((x, y), masses.items(), strict=True):
        if items is not None:
            points = xp.select(_behind(xp, items.keep, 1 + coordinates), points, 0.0)
        if mass is not None:
            if items is not None:
                mass = xp.select(_behind(xp, items.keep, 1), mass, 1.0)
            mass = in_range(loss, xp, name, mass, 0.0)
            there = mass != 0
            points = xp.select(_behind(xp, there, coordinates), points, 0.0)
            nothing = ~xp.any(there, axis=-1)
            without = nothing if without is None else without | nothing
            mass = xp.where(there, mass, 0.0)
        cleaned.append(Side(points, mass))
    if without is not None:
        items = counted(loss, xp, shape, weights, mask, x, without)
        empty = _behind(xp, without, 1)
        cleaned = [
            side if side.masses is None else Side(side.points, xp.where(empty, 1.0, side.masses)) for side in cleaned
        ]
    return Pair(cleaned[0], cleaned[1], items)


def no_losses(xp: Namespace, pair: Pair, coordinates: int) -> tuple[Any, Counted]:
    """A 0 for every item of an empty pair, and that none of them counts."""
    axes = (-1,) if coordinates == 0 else (-2, -1)
    losses = sum(xp.sum(side.points[(..., slice(0), *[slice(None)] * coordinates)], axis=axes) for side in pair[:2])
    return losses, Counted(losses != 0, xp.zeros_like(losses))


def _behind(xp: Namespace, array: Any, axes: int) -> Any:
    return xp.reshape(array, (*array.shape, *[1] * axes))
