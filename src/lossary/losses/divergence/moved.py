"""The statistic of two clouds of which one is the other, a little moved: it is of the order of the step squared."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ..._core.changes import Pairs
from ...streaming.pairs import ChunkSize, over_rows, reduced_over_rows
from .clouds import Clouds
from .kernels import Dissimilarity

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

TABLES = 8  # at a time: four changes, and the four values that they lie between


def moved_a_little(clouds: Clouds, between: Dissimilarity, bandwidths: tuple[Any, ...]) -> Any:
    """For each problem: are the points of both clouds, one by one, close to each other?"""
    xp, (x, y) = clouds.xp, clouds.both
    points = xp.stop_gradient(x.points)
    steps = xp.norm(xp.stop_gradient(y.points) - points, axis=-1, keepdims=True)
    reach = between.reach(xp, points, *(xp.stop_gradient(width) for width in bandwidths))
    return ~xp.any(~(steps <= reach), axis=(-2, -1))


def of_moved(
    loss: str, clouds: Clouds, here: Any, between: Dissimilarity, bandwidths: tuple[Any, ...], chunk_size: ChunkSize
) -> Any:
    """2 E D(x, y) − E D(x, x') − E D(y, y') where `here`; elsewhere any finite number."""
    xp, (x, y) = clouds.xp, clouds.both
    here = xp.expand_dims(xp.expand_dims(here, axis=-1), axis=-1)
    first, last = (xp.where(here, cloud.points, 0.0) for cloud in (x, y))
    cloud = (first, last, last - first)
    count = first.shape[-2]
    shares = () if x.shares is None else (x.shares, clouds.gain)

    def of_block(x: Any, y: Any, steps: Any, *rest: Any) -> Any:
        own, rest = rest[: len(shares)], rest[len(shares) :]
        (other_x, other_y, other_steps), rest = rest[:3], rest[3:]
        others, rest = rest[: len(shares)], rest[len(shares) :]
        changes = between.changes(xp, Pairs(x, y, steps, other_x, other_y, other_steps), *rest)
        if not shares:
            return -xp.mean(changes.both, axis=-1) / count
        return -_weighed(xp, changes, own, others)

    shape = tuple(first.shape)
    entries = TABLES * count * prod(shape[:-2])
    rows, shared = (*cloud, *shares), (*cloud, *shares, *bandwidths)
    if len(shape) > 2:
        axis = len(shape) - 2
        each = over_rows(loss, xp, of_block, rows, shared, entries=entries, chunk_size=chunk_size, axis=axis)
        return xp.sum(each, axis=-1)
    return reduced_over_rows(
        loss,
        xp,
        of_block,
        rows,
        shared,
        like=first[:, 0],
        entries=entries,
        chunk_size=chunk_size,
        items=None,
        normalizer=None,
        reduction="sum",
    )


def _weighed(xp: Namespace, changes: Any, own: Any, others: Any) -> Any:
    """With shares w of x and w + g of y: w w' both + 2 w g' (first + both) + g g' end, over the columns."""
    (own_share, own_gain), (share, gain) = own, (xp.expand_dims(array, axis=-2) for array in others)
    after_first = changes.first + changes.both
    end = changes.start + changes.second + after_first
    by_share = xp.sum(share * changes.both + 2 * gain * after_first, axis=-1)
    return own_share * by_share + own_gain * xp.sum(gain * end, axis=-1)
