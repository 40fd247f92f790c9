"""Distances between clouds of points: each point is compared with its nearest in the other cloud.

The neighbours are searched for without gradients; the distances, and so the gradients, come from the pairs found.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..._core.backends import namespace
from ..._core.check import described, floating, in_range, one_per_point, real
from ..._core.options import known_reduction, one_of, true_or_false
from ..._core.reduce import Counted, counted, reduce
from ..._core.types import A, Bool, Float, Reduction
from ...streaming.pairs import BLOCK, ChunkSize, known_chunk_size, rows_at_once, told_if_too_large

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

Direction = Literal["both", "forward", "backward"]
DIRECTIONS: tuple[Direction, ...] = ("both", "forward", "backward")
Combine = Literal["sum", "mean", "max"]
SEARCH = BLOCK // 4
COMBINE: tuple[Combine, ...] = ("sum", "mean", "max")


def chamfer_distance(
    pred_points: Float[A, "*batch n d"],
    target_points: Float[A, "*batch m d"],
    weights: Float[A, "*leading"] | None = None,
    *,
    squared: bool = True,
    direction: Direction = "both",
    combine: Combine = "sum",
    chunk_size: ChunkSize = "auto",
    pred_weights: Float[A, "*batch n"] | None = None,
    target_weights: Float[A, "*batch m"] | None = None,
    pred_mask: Bool[A, "*batch n"] | None = None,
    target_mask: Bool[A, "*batch m"] | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How far the points of two clouds lie, on average, from the nearest point of the other cloud.

        forward + backward
        forward  = mean_x min_y |x − y|²,  x in pred_points, y in target_points
        backward = mean_y min_x |x − y|²

    One number for each pair of clouds. Three conventions are in use that differ in value: squared distances with the
    two directions added (the default), plain distances (`squared=False`), and half the sum (`combine="mean"`). The
    first and the last differ by a factor of 2, and no factor leads from squared distances to plain ones.

    It asks for no correspondence and no equal density: many predicted points may share one target.
    `earth_mover_distance` matches one to one.

    Args:
        pred_points: one cloud (n, d), or a batch of them (*batch, n, d); any d ≥ 1, any unit.
        target_points: (*batch, m, d), in the same unit; m may differ from n.
        weights: a factor per pair of clouds, of the shape of the batch or a leading part of it; 0 drops the pair.
        squared: whether the distances are squared.
        direction: "both"; "forward" alone (each predicted point near a target), or "backward" alone (each target near
            a predicted point).
        combine: for "both": their "sum", "mean" or "max".
        chunk_size: points of one cloud that are compared with all of the other at a time; None takes all,
            "auto" as many as keep the memory bounded. It changes the memory and the time, not the result.
        pred_weights: a factor ≥ 0 per predicted point in its direction's mean, (*batch, n); 0 drops the point.
        target_weights: the same per target point, (*batch, m).
        pred_mask: True counts, (*batch, n), for clouds of unequal sizes in one batch. A point that does not count is as
            if removed, as a neighbour too, and may be NaN.
        target_mask: the same, (*batch, m).
        mask: True counts, per pair of clouds; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum": the number of pairs.
        reduction: over the batch: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" or "none".

    Returns:
        In [0, ∞), in the unit of the points squared (in their own unit if not `squared`); 0 only where each point
        lies on one of the other cloud. A pair with an empty cloud has no distance and does not count.
        Gradient: that of the distances to the neighbours found; 0 at equal points. It jumps where a nearest neighbour
        changes: of several that are equally near the first counts (any one, where scipy's k-d tree finds them: among
        many points of at most 8 coordinates, on NumPy and torch's CPU).

    Raises:
        ValueError: shapes that do not fit, or an option out of its range.
        TypeError: points that are not of a floating dtype, a mask that is not boolean, or arrays of two frameworks.

    Source:
        Fan, Su and Guibas 2017, "A point set generation network", arXiv:1612.00603, §4.2; with means for its sums:
        Gkioxari et al. 2019, "Mesh R-CNN", arXiv:1906.02739, eq. 1; "max" of plain distances: Yang et al. 2018,
        "FoldingNet", arXiv:1712.07262, eq. 1.

    Example:
        >>> chamfer_distance(np.array([[0.0, 0.0], [3.0, 0.0]]), np.array([[0.0, 4.0]])).item()  # (16 + 25) / 2 + 16
        36.5
    """
    name = "chamfer_distance"
    true_or_false(name, squared=squared)
    one_of(name, "direction", direction, DIRECTIONS)
    one_of(name, "combine", combine, COMBINE)
    known_chunk_size(name, chunk_size)
    known_reduction(name, reduction, None, normalizer)
    clouds = _clouds(
        name, pred_points, target_points, weights, mask, pred_weights, target_weights, pred_mask, target_mask
    )

    xp = clouds.xp

    def mean(cloud: Cloud, other: Cloud) -> Any:
        return reduce(name, xp, _to_nearest(name, xp, cloud, other, squared, chunk_size), cloud.items, axis=-1)

    losses = xp.quietly(_combined, xp, clouds, mean, direction, combine)
    return reduce(name, xp, losses, clouds.pairs, normalizer=normalizer, reduction=reduction)


def hausdorff_distance(
    pred_points: Float[A, "*batch n d"],
    target_points: Float[A, "*batch m d"],
    weights: Float[A, "*leading"] | None = None,
    *,
    direction: Direction = "both",
    chunk_size: ChunkSize = "auto",
    pred_mask: Bool[A, "*batch n"] | None = None,
    target_mask: Bool[A, "*batch m"] | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How far the worst point of two clouds lies from the nearest point of the other cloud.

        max(forward, backward)
        forward  = max_x min_y |x − y|,  x in pred_points, y in target_points
        backward = max_y min_x |x − y|

    One point decides, and so only one pair of points is pulled together at each step: take `chamfer_distance` to fit a
    shape, and this one to bound its worst error.

    Args:
        pred_points: one cloud (n, d), or a batch of them (*batch, n, d); any d ≥ 1, any unit.
        target_points: (*batch, m, d), in the same unit; m may differ from n.
        weights: a factor per pair of clouds, of the shape of the batch or a leading part of it; 0 drops the pair.
        direction: "both"; "forward" or "backward" alone (the directed distance).
        chunk_size: points of one cloud that are compared with all of the other at a time; None takes all,
            "auto" as many as keep the memory bounded. It changes the memory and the time, not the result.
        pred_mask: True counts, (*batch, n), for clouds of unequal sizes in one batch. A point that does not count is as
            if removed, as a neighbour too, and may be NaN.
        target_mask: the same, (*batch, m).
        mask: True counts, per pair of clouds; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum": the number of pairs.
        reduction: over the batch: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" or "none".

    Returns:
        In [0, ∞), in the unit of the points; 0 only where the clouds are the same set of points (one direction: a part
        of it). A pair with an empty cloud has no distance and does not count.
        Gradient: a unit vector to the worst point and its opposite to the neighbour, shared evenly among points that
        are equally bad; 0 where the distance is 0.

    Raises:
        ValueError: shapes that do not fit, or an option out of its range.
        TypeError: points that are not of a floating dtype, a mask that is not boolean, or arrays of two frameworks.

    Source:
        Huttenlocher, Klanderman and Rucklidge 1993, "Comparing images using the Hausdorff distance",
        doi:10.1109/34.232073, eq. 1 and 2.

    Example:
        >>> hausdorff_distance(np.array([[0.0, 0.0], [3.0, 0.0]]), np.array([[0.0, 4.0]])).item()
        5.0
    """
    name = "hausdorff_distance"
    one_of(name, "direction", direction, DIRECTIONS)
    known_chunk_size(name, chunk_size)
    known_reduction(name, reduction, None, normalizer)
    clouds = _clouds(name, pred_points, target_points, weights, mask, None, None, pred_mask, target_mask)
    xp = clouds.xp

    def worst(cloud: Cloud, other: Cloud) -> Any:
        distances = _to_nearest(name, xp, cloud, other, False, chunk_size)
        if cloud.items is not None:
            distances = xp.where(cloud.items.keep, distances, 0.0)
        return xp.max(distances, axis=-1)

    losses = xp.quietly(_combined, xp, clouds, worst, direction, "max")
    return reduce(name, xp, losses, clouds.pairs, normalizer=normalizer, reduction=reduction)


class Cloud(NamedTuple):
    """The points of each pair, 0 where they do not count."""

    points: Any
    items: Counted | None  # which points count in a mean, and how much


class Clouds(NamedTuple):
    """What a loss of two clouds starts from, once everything is checked."""

    xp: Namespace
    pred: Cloud
    target: Cloud
    pairs: Counted | None


def _clouds(
    loss: str,
    pred_points: Any,
    target_points: Any,
    weights: Any,
    mask: Any,
    pred_weights: Any,
    target_weights: Any,
    pred_mask: Any,
    target_mask: Any,
) -> Clouds:
    xp = namespace(
        loss,
        pred_points=pred_points,
        target_points=target_points,
        weights=weights,
        pred_weights=pred_weights,
        target_weights=target_weights,
        pred_mask=pred_mask,
        target_mask=target_mask,
        mask=mask,
    )
    floating(loss, xp, pred_points=pred_points)
    real(loss, xp, target_points=target_points)
    shape, other = tuple(pred_points.shape), tuple(target_points.shape)
    if len(shape) < 2 or shape[:-2] != other[:-2] or shape[-1] != other[-1]:
        got = described(pred_points=pred_points, target_points=target_points)
        raise ValueError(
            f"{loss}: expected pred_points (*batch, n, d) and target_points (*batch, m, d) of one batch and one d; "
            f"got {got}"
        )
    pred, target = xp.promote(pred_points, target_points)
    pred = _cloud(loss, xp, "pred", pred, pred_weights, pred_mask)
    target = _cloud(loss, xp, "target", target, target_weights, target_mask)
    empty = None
    for cloud in (pred, target):
        if cloud.items is not None:
            nothing = ~xp.any(cloud.items.keep, axis=-1)
            empty = nothing if empty is None else empty | nothing
    pairs = counted(loss, xp, shape[:-2], weights, mask, pred.points, dropped=empty)
    if pairs is not None:
        keep = xp.reshape(xp.broadcast_to(pairs.keep, shape[:-2]), (*shape[:-2], 1, 1))
        pred, target = (c._replace(points=xp.select(keep, c.points, 0.0)) for c in (pred, target))
    return Clouds(xp, pred, target, pairs)


def _cloud(loss: str, xp: Namespace, side: str, points: Any, weights: Any, mask: Any) -> Cloud:
    shape = tuple(points.shape[:-1])
    one_per_point(loss, xp, side, shape, weights, mask)
    if weights is not None:
        real(loss, xp, **{f"{side}_weights": weights})
        weights = in_range(loss, xp, f"{side}_weights", xp.astype(weights, points), low=0.0)
    items = counted(loss, xp, shape, weights, mask, points)
    return Cloud(points if items is None else xp.select(xp.expand_dims(items.keep, axis=-1), points, 0.0), items)


def _to_nearest(loss: str, xp: Namespace, cloud: Cloud, other: Cloud, squared: bool, chunk_size: ChunkSize) -> Any:
    """From each point of `cloud` to the nearest of `other`."""
    shape, count = tuple(cloud.points.shape), other.points.shape[-2]
    if chunk_size == "auto":  # a search, which keeps nothing, gains nothing from a table held whole
        chunk_size = max(1, SEARCH // (count * prod(shape[:-2])))
    chunk = rows_at_once(chunk_size, shape[-2], count)
    search: Callable[..., Any] = partial(xp.nearest, chunk_size=chunk)
    if chunk_size is None:
        search = told_if_too_large(loss, search, shape[-2], count)
    index = search(cloud.points, other.points, None if other.items is None else other.items.keep)
    index = xp.broadcast_to(xp.expand_dims(index, axis=-1), shape)
    gap = cloud.points - xp.take_along_axis(other.points, index, axis=-2)
    return xp.sum(gap * gap, axis=-1) if squared else xp.norm(gap, axis=-1)


def _combined(
    xp: Namespace, clouds: Clouds, total: Callable[[Cloud, Cloud], Any], direction: Direction, combine: Combine
) -> Any:
    """`total` of the distances from one cloud to the other in the directions asked for, one number per pair."""
    pred, target = clouds.pred, clouds.target
    if 0 in pred.points.shape or 0 in target.points.shape:  # no pair of points: 0, and still part of the graph
        return xp.sum(pred.points[..., :0, :], axis=(-2, -1)) + xp.sum(target.points[..., :0, :], axis=(-2, -1))
    if direction != "both":
        return total(pred, target) if direction == "forward" else total(target, pred)
    forward, backward = total(pred, target), total(target, pred)
    if combine == "max":
        return xp.maximum(forward, backward)
    return forward + backward if combine == "sum" else 0.5 * forward + 0.5 * backward
