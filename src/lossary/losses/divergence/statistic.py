"""How much farther points of different samples are than points of the same one, whatever 'far' means.

Every one is 2 E D(x, y) − E D(x, x') − E D(y, y') with its own dissimilarity D of two points, D(x, x) = 0. A kernel k
has D(x, y) = ½ k(x, x) + ½ k(y, y) − k(x, y), which gives E k(x, x') + E k(y, y') − 2 E k(x, y) and cancels less.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf, prod
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.check import at_least_one, non_negative, one_of, positive
from ..._core.reduce import Counted
from ...streaming.pairs import ChunkSize, over_rows, reduced_over_rows
from .clouds import Cloud, Clouds

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

KERNELS = ("rbf", "laplace", "linear", "polynomial")
MEDIAN_OF = 1024  # points, whose pairwise distances "median" takes its median of

Table = Callable[..., Any]  # (xp, points, others, *parameters) → their dissimilarities, a table


class Dissimilarity(NamedTuple):
    """D of two points."""

    table: Table
    bandwidth: Any = ()  # what the table takes besides the points


def statistic(loss: str, clouds: Clouds, between: Dissimilarity | None, unbiased: bool, chunk_size: ChunkSize) -> Any:
    """2 E D(x, y) − E D(x, x') − E D(y, y'), one per problem; without a D for ½ |x − y|²."""
    xp, (x, y) = clouds.xp, clouds.both
    if 0 in (x.points.shape[-2], y.points.shape[-2]):  # no pairs: 0, and still part of the graph
        return xp.sum(0.0 * x.points, axis=(-2, -1)) + xp.sum(0.0 * y.points, axis=(-2, -1))
    if between is None:
        return _of_means(clouds, unbiased)
    return _of_pairs(loss, clouds, between.table, _bandwidths(clouds, between.bandwidth), unbiased, chunk_size)


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
        gaps, within = _gaps(xp, distances, count, weighted=bool(shares))
        if not unbiased:
            return gaps
        return gaps - within * (xp.expand_dims(rest[1], axis=-1) if raised else surplus)

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


def _gaps(xp: Namespace, distances: Any, count: int, weighted: bool) -> tuple[Any, Any]:
    """For each row: how much farther the others are than the first `count`, and how far these are."""
    near, far = distances[..., :count], distances[..., count:]
    if weighted:
        within = xp.sum(near, axis=-1)
        return xp.sum(far, axis=-1) - within, within
    within = xp.mean(near, axis=-1)
    if near.shape == far.shape:  # subtracted pair by pair, and rounded at the size of the difference
        return xp.mean(far - near, axis=-1), within
    return xp.mean(far, axis=-1) - within, within


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


# ---- dissimilarities ----


def kernel_of(
    loss: str, kernel_type: str, bandwidth: Any, degree: Any, gamma: float, coef0: float
) -> Dissimilarity | None:
    """The kernel's dissimilarity; None for the linear one, which needs no table."""
    one_of(loss, "kernel_type", kernel_type, KERNELS)
    if isinstance(bandwidth, str) and bandwidth != "median":
        raise ValueError(f'{loss}: expected kernel_bandwidth to be a number, several or "median"; got {bandwidth!r}')
    given = several(bandwidth)
    if not given:
        raise ValueError(f"{loss}: expected at least one kernel_bandwidth; got {bandwidth!r}")
    for number in given:
        if number != "median":
            positive(loss, kernel_bandwidth=number)
    at_least_one(loss, degree=degree)
    positive(loss, gamma=gamma)
    non_negative(loss, coef0=coef0)
    if kernel_type in ("rbf", "laplace"):
        table = _rbf if kernel_type == "rbf" else _laplace
        if all(isinstance(number, (int, float)) for number in given):
            return Dissimilarity(partial(table, numbers=tuple(given)))
        return Dissimilarity(table, bandwidth)
    if not isinstance(bandwidth, (int, float)) or bandwidth != 1:
        got = f"got kernel_bandwidth {bandwidth!r} with kernel_type {kernel_type!r}"
        raise ValueError(f"{loss}: expected kernel_bandwidth only with kernel_type 'rbf' or 'laplace'; {got}")
    return None if kernel_type == "linear" else Dissimilarity(_polynomial(degree, gamma, coef0))


def several(bandwidth: Any) -> list[Any]:
    """The bandwidths one by one."""
    return [*bandwidth] if isinstance(bandwidth, (list, tuple)) else [bandwidth]


def _rbf(xp: Namespace, points: Any, others: Any, *arrays: Any, numbers: tuple[float, ...] = ()) -> Any:
    return xp.pointwise(_far_by_squares, xp.distances(points, others, squared=True), *arrays, numbers=numbers)


def _laplace(xp: Namespace, points: Any, others: Any, *arrays: Any, numbers: tuple[float, ...] = ()) -> Any:
    return xp.pointwise(_far_by_distances, xp.distances(points, others), *arrays, numbers=numbers)


def _far_by_squares(xp: Namespace, squares: Any, *arrays: Any, numbers: tuple[float, ...]) -> Any:
    """Σ_σ 1 − exp(−d² / 2σ²), and its slope in d²; divided twice, as the square of a bandwidth may be out of range."""
    sigmas = [*numbers, *arrays]
    exponents = [(squares / sigma) * (-0.5 / sigma) for sigma in sigmas]
    pairs = list(zip(exponents, sigmas, strict=True))
    far = _summed(-xp.expm1(exponent) for exponent in exponents)
    return far, lambda: _summed((xp.exp(exponent) / sigma) * (0.5 / sigma) for exponent, sigma in pairs)


def _far_by_distances(xp: Namespace, distances: Any, *arrays: Any, numbers: tuple[float, ...]) -> Any:
    """Σ_σ 1 − exp(−d / σ), and its slope in d."""
    sigmas = [*numbers, *arrays]
    exponents = [distances / -sigma for sigma in sigmas]
    pairs = list(zip(exponents, sigmas, strict=True))
    far = _summed(-xp.expm1(exponent) for exponent in exponents)
    return far, lambda: _summed(xp.exp(exponent) / sigma for exponent, sigma in pairs)


def _polynomial(degree: int, gamma: float, coef0: float) -> Table:
    def table(xp: Namespace, points: Any, others: Any) -> Any:
        at_points = (gamma * xp.sum(points * points, axis=-1, keepdims=True) + coef0) ** degree
        at_others = (gamma * xp.sum(others * others, axis=-1, keepdims=True) + coef0) ** degree
        between = (gamma * xp.matmul(points, xp.moveaxis(others, -1, -2)) + coef0) ** degree
        return 0.5 * (at_points + xp.moveaxis(at_others, -1, -2)) - between

    return table


def powers_of_distance(beta: float) -> Table:
    """|x − y|^beta, with gradient 0 at equal points."""

    def table(xp: Namespace, points: Any, others: Any) -> Any:
        distances = xp.distances(points, others)
        if beta == 1:
            return distances
        equal = distances == 0
        return xp.where(equal, 0.0, xp.where(equal, 1.0, distances) ** beta)

    return table


def _summed(tables: Any) -> Any:
    first, *rest = tables
    for table in rest:
        first = first + table
    return first


def _bandwidths(clouds: Clouds, bandwidth: Any) -> tuple[Any, ...]:
    if bandwidth == "median":
        return (_median_distance(clouds),)
    return tuple(clouds.xp.asarray(number, clouds.both[0].points) for number in several(bandwidth))


def _median_distance(clouds: Clouds) -> Any:
    """The median over all pairs of different points of both clouds, as a table that fits theirs; 1 where it is 0."""
    xp, (x, y) = clouds.xp, clouds.both
    pooled = xp.stop_gradient(xp.concat([x.points, y.points], axis=-2))
    step = -(-pooled.shape[-2] // MEDIAN_OF)
    pooled = pooled[..., ::step, :]
    count, batch = pooled.shape[-2], pooled.shape[:-2]
    itself = xp.positions(pooled, axis=-2) == xp.moveaxis(xp.positions(pooled, axis=-2), -1, -2)
    distances = xp.where(itself, inf, xp.distances(pooled, pooled))
    pairs = count * (count - 1)
    if x.shares is None:
        found = xp.sort(xp.reshape(distances, (*batch, count * count)), axis=-1)
        middle = 0.5 * (found[..., max(0, pairs // 2 - 1)] + found[..., pairs // 2])
    else:
        there = xp.concat([x.shares, y.shares], axis=-1)[..., ::step] != 0
        distances = xp.where(xp.expand_dims(there, axis=-1) & xp.expand_dims(there, axis=-2), distances, inf)
        found = xp.sort(xp.reshape(distances, (*batch, count * count)), axis=-1)
        points = xp.sum(xp.where(there, 1, xp.zeros_like(xp.indices(there))), axis=-1, keepdims=True)
        half = points * (points - 1) // 2
        low = xp.take_along_axis(found, xp.where(half > 0, half - 1, half), axis=-1)
        middle = xp.squeeze(0.5 * (low + xp.take_along_axis(found, half, axis=-1)), axis=-1)
    unusable = (middle == 0) | (middle == inf)
    return xp.reshape(xp.where(unusable, 1.0, middle), (*batch, 1, 1))
