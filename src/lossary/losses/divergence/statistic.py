"""How much farther points of different samples are than points of the same one, whatever 'far' means.

Every one is 2 E D(x, y) − E D(x, x') − E D(y, y') with its own dissimilarity D of two points, D(x, x) = 0. A kernel k
has D(x, y) = ½ k(x, x) + ½ k(y, y) − k(x, y), which gives E k(x, x') + E k(y, y') − 2 E k(x, y) and cancels less; only
where pairs of a point with itself are left out and points count differently, something is left of k(x, x).
"""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from ..._core.reduce import Counted
from ...streaming.pairs import ChunkSize, over_rows, reduced_over_rows
from .clouds import Cloud, Clouds
from .kernels import Alone, Dissimilarity, Table, fitted, unit_of
from .moved import moved_a_little, of_moved

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def statistic(loss: str, clouds: Clouds, between: Dissimilarity, unbiased: bool, chunk_size: ChunkSize) -> Any:
    """2 E D(x, y) − E D(x, x') − E D(y, y'), one per problem; of a kernel E k(x, x') + E k(y, y') − 2 E k(x, y)."""
    xp, (x, y) = clouds.xp, clouds.both
    if 0 in (*x.points.shape[-2:], y.points.shape[-2]):  # no pairs, or all alike: 0, and still part of the graph
        return xp.sum(0.0 * x.points, axis=(-2, -1)) + xp.sum(0.0 * y.points, axis=(-2, -1))
    clouds, options = _in_units(clouds, between, fitted(clouds, between.options))

    def by_tables() -> Any:
        return _of_pairs(loss, clouds, between.table, options, unbiased, chunk_size)

    if unbiased:
        found = _of_means(clouds, unbiased) if between.by_means else by_tables()
        return found if between.alone is None else found - _of_points_alone(clouds, between.alone, options)
    if between.by_means:
        return _of_means(clouds, unbiased)
    if x.points.shape != y.points.shape:
        return by_tables()
    near = moved_a_little(clouds, between, options)
    return xp.either(near, lambda: of_moved(loss, clouds, near, between, options, chunk_size), by_tables)


def _in_units(clouds: Clouds, between: Dissimilarity, options: tuple[Any, ...]) -> tuple[Clouds, tuple[Any, ...]]:
    if between.unit == 1:
        return clouds, options
    unit = between.unit
    if unit is None:  # the options are bandwidths, of which nothing is known beforehand
        unit = unit_of(clouds.xp, options)
        options = tuple(option / unit for option in options)
    x, y = (Cloud(cloud.points / unit, cloud.shares) for cloud in clouds.both)
    return clouds._replace(both=(x, y)), options


def _of_pairs(
    loss: str, clouds: Clouds, table: Table, parameters: tuple[Any, ...], unbiased: bool, chunk_size: ChunkSize
) -> Any:
    """By tables, as the mean over both clouds of how much farther off than its own the other cloud is."""
    xp, (x, y) = clouds.xp, clouds.both
    return sum(
        _farther(loss, xp, table, own, other, parameters, unbiased, chunk_size) for own, other in ((x, y), (y, x))
    )


def _farther(
    loss: str,
    xp: Namespace,
    table: Table,
    own: Cloud,
    other: Cloud,
    parameters: tuple[Any, ...],
    unbiased: bool,
    chunk_size: ChunkSize,
) -> Any:
    """How much farther the other cloud is than its own, on average over the points of `own`."""
    count = own.points.shape[-2]
    shares = () if own.shares is None else (xp.concat([own.shares, other.shares], axis=-1),)
    surplus = _surplus(xp, own) if unbiased else 0.0
    raised = () if own.shares is None or not unbiased else (surplus,)

    def of_block(points: Any, others: Any, *rest: Any) -> Any:
        given = rest[len(shares) + len(raised) :]
        distances = table(xp, points, others, *given)  # one table: equal clouds are exactly equally far
        if shares:
            distances = xp.multiply(distances, xp.expand_dims(rest[0], axis=-2))
        near, far = xp.split(distances, count, axis=-1)
        average = partial(xp.sum if shares else xp.mean, axis=-1)
        if shares or near.shape != far.shape:
            gaps = average(far) - average(near)
        else:  # subtracted pair by pair, and rounded at the size of the difference
            gaps = average(far - near)
        if not unbiased:
            return gaps
        return gaps - average(near) * (xp.expand_dims(rest[1], axis=-1) if raised else surplus)

    pooled = xp.concat([own.points, other.points], axis=-2)
    shape = tuple(pooled.shape)
    shared = (pooled, *shares, *raised, *parameters)
    entries = shape[-2] * prod(shape[:-2])
    if len(shape) == 2:
        return reduced_over_rows(
            loss,
            xp,
            of_block,
            (own.points,),
            shared,
            like=own.points[:, 0],
            entries=entries,
            chunk_size=chunk_size,
            items=None if own.shares is None else Counted(own.shares != 0, own.shares),
            normalizer=None,
            reduction="mean" if own.shares is None else "sum",
        )
    axis = len(shape) - 2
    each = over_rows(loss, xp, of_block, (own.points,), shared, entries=entries, chunk_size=chunk_size, axis=axis)
    return _average(xp, each, own.shares)


def _of_means(clouds: Clouds, unbiased: bool) -> Any:
    """The same for D = ½ |x − y|²: the squared distance of the means, less their own variance if unbiased."""
    xp, (x, y) = clouds.xp, clouds.both
    # Seen from a point nearby, so that an offset common to both clouds costs no digits.
    centre = xp.stop_gradient(_mean_point(xp, xp.concat([x.points, y.points], axis=-2), None))
    centred = [Cloud(cloud.points - centre, cloud.shares) for cloud in (x, y)]
    means = [_mean_point(xp, cloud.points, cloud.shares) for cloud in centred]
    if x.shares is None and x.points.shape == y.points.shape:  # point by point, which keeps the digits of a small shift
        step = _mean_point(xp, x.points - y.points, None)
    else:
        step = means[0] - means[1]
    total = xp.sum(step * step, axis=(-2, -1))
    if unbiased:
        for cloud, mean in zip(centred, means, strict=True):
            spread = xp.sum((cloud.points - mean) ** 2, axis=-1)
            total = total - _average(xp, spread, cloud.shares) * _surplus(xp, cloud)
    return total


def _of_points_alone(clouds: Clouds, alone: Alone, options: tuple[Any, ...]) -> Any:
    """Σ share (share − Σ share²) k(x, x) / (1 − Σ share²) of both clouds, by which the dissimilarity's average exceeds
    that of the kernel where the pairs of a point with itself are left out: nothing where all points count alike.
    """
    xp = clouds.xp
    total: Any = 0.0
    for cloud in clouds.both:
        if cloud.shares is not None:
            # The factors add up to 0: k(x, x) may be seen from any point, and is smallest from within the cloud.
            centre = xp.stop_gradient(_mean_point(xp, *cloud))
            own = xp.sum(cloud.shares * cloud.shares, axis=-1, keepdims=True)
            factors = cloud.shares * (cloud.shares - own)
            excess = xp.sum(factors * alone(xp, cloud.points, centre, *options), axis=-1)
            total = total + excess * (1 + _surplus(xp, cloud))
    return total


def _mean_point(xp: Namespace, points: Any, shares: Any) -> Any:
    if shares is None:
        return xp.expand_dims(xp.mean(points, axis=-2), axis=-2)
    return xp.sum(points * xp.expand_dims(shares, axis=-1), axis=-2, keepdims=True)


def _average(xp: Namespace, values: Any, shares: Any) -> Any:
    return xp.mean(values, axis=-1) if shares is None else xp.sum(values * shares, axis=-1)


def _surplus(xp: Namespace, cloud: Cloud) -> Any:
    """1 / (1 − Σ share²) − 1, by which leaving out the pairs of a point with itself raises an average: 1 / (n − 1)."""
    if cloud.shares is None:
        return 1 / (cloud.points.shape[-2] - 1)
    alone = xp.sum(cloud.shares * cloud.shares, axis=-1)
    single = alone == 1
    return xp.where(single, 0.0, alone / xp.where(single, 1.0, 1 - alone))
