"""Distances between distributions that are known by samples: clouds of points, compared pair by pair.

Every one is 2 E D(x, y) − E D(x, x') − E D(y, y') with its own dissimilarity D of two points, D(x, x) = 0. A kernel k
has D(x, y) = ½ k(x, x) + ½ k(y, y) − k(x, y), which gives E k(x, x') + E k(y, y') − 2 E k(x, y) and cancels less.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..._core.backends import namespace
from ..._core.check import (
    array_or_none,
    at_least_one,
    described,
    dtype_name,
    floating,
    in_range,
    known_reduction,
    non_negative,
    one_of,
    plain,
    positive,
    real,
    true_or_false,
)
from ..._core.reduce import Counted, counted, reduce
from ..._core.types import A, Bool, Float, Reduction
from ...streaming.pairs import ChunkSize, known_chunk_size, over_rows

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

KERNELS = ("rbf", "laplace", "linear", "polynomial")
MEDIAN_OF = 1024  # points, whose pairwise distances "median" takes its median of

Table = Callable[..., Any]  # (xp, points, others, *parameters) → their dissimilarities, a table


def maximum_mean_discrepancy(
    predictions: Float[A, "*batch n dims"],
    targets: Float[A, "*batch m dims"],
    weights: Float[A, "*leading"] | None = None,
    *,
    kernel_type: Literal["rbf", "laplace", "linear", "polynomial"] = "rbf",
    kernel_bandwidth: float | Literal["median"] | Sequence[float] = 1.0,
    degree: int = 2,
    gamma: float = 1.0,
    coef0: float = 1.0,
    unbiased: bool = False,
    squared: bool = False,
    chunk_size: ChunkSize = "auto",
    pred_weights: Float[A, "*batch n"] | None = None,
    target_weights: Float[A, "*batch m"] | None = None,
    pred_mask: Bool[A, "*batch n"] | None = None,
    target_mask: Bool[A, "*batch m"] | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How far apart two samples are on average, as a kernel sees them: it compares distributions, not pairs of points.

        MMD² = E k(x, x') + E k(y, y') − 2 E k(x, y),  x, x' from predictions, y, y' from targets
        rbf         exp(−|x − y|² / 2σ²),  σ = kernel_bandwidth; of several σ the sum
        laplace     exp(−|x − y| / σ)
        linear      x·y,  so that MMD is the distance of the means
        polynomial  (gamma · x·y + coef0)^degree

    Averages are over all pairs of the two samples (the V-statistic), which gives the distance of the two samples as
    they are. `unbiased` leaves out the pairs of a point with itself (the U-statistic): then MMD² is right on average
    for the distributions behind the samples, and for equal ones it is below 0 half of the time. With a bandwidth far
    below the distance of the samples the gradient vanishes: take "median" or several.

    Args:
        predictions: n points, (..., n, dims); everything before the points are independent problems.
        targets: m points, (..., m, dims); m need not be n.
        weights: a factor per problem, of the leading shape or a leading part of it; 0 drops the problem.
        kernel_type: "rbf", "laplace", "linear" or "polynomial".
        kernel_bandwidth: σ > 0 in the unit of the points, for rbf and laplace; several, whose kernels are summed; or
            "median": the median distance of any two points of both samples (of 1024 evenly spaced ones, where there
            are more), through which no gradient flows; 1 where it is 0.
        degree: ≥ 1, an integer, for the polynomial kernel.
        gamma: > 0, for the polynomial kernel.
        coef0: ≥ 0, for the polynomial kernel.
        unbiased: leave out the pairs of a point with itself.
        squared: return MMD² as it is; False takes the root of what is above 0.
        chunk_size: points whose pairs are computed at a time; "auto" bounds the memory, None takes all at once.
        pred_weights: how much each point of `predictions` counts, ≥ 0, (..., n); 0 drops the point.
        target_weights: the same for `targets`, (..., m).
        pred_mask: which points of `predictions` count, (..., n); True counts.
        target_mask: the same for `targets`, (..., m).
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (over problems), "sum", "batch_sum" or "none" (one per problem).

    Returns:
        In [0, ∞); for rbf and laplace at most √2 per bandwidth (2 if squared), and MMD² may be slightly negative if
        unbiased and squared. 0 for equal samples, and for equal samples only with rbf and laplace. A problem without a
        point in either sample is as removed. Gradient: finite; 0 where MMD² ≤ 0, unless squared.

    Raises:
        ValueError: shapes that do not fit, an option out of its range, a bandwidth for a kernel without one, a sample
            of fewer than 2 points if unbiased.
        TypeError: predictions that are not floating point, or arrays of two frameworks.

    Source:
        Gretton et al. 2012, "A kernel two-sample test", JMLR 13, eq. 3 (unbiased) and eq. 5 (all pairs).

    Example:
        >>> x, y = np.array([[0.0], [2.0]]), np.array([[4.0]])
        >>> maximum_mean_discrepancy(x, y, kernel_type="linear").item()  # means 1 and 4
        3.0
        >>> maximum_mean_discrepancy(np.array([[0.0]]), np.array([[1.0]]), squared=True).round(4).item()  # 2 − 2 e^−½
        0.7869
    """
    name = "maximum_mean_discrepancy"
    kernel = _kernel(name, kernel_type, kernel_bandwidth, degree, gamma, coef0)
    known_chunk_size(name, chunk_size)
    true_or_false(name, unbiased=unbiased, squared=squared)
    known_reduction(name, reduction, None, normalizer)
    given = {"predictions": predictions, "targets": targets}
    points = PointWeights(pred_weights, target_weights, pred_mask, target_mask)
    clouds = _clouds(name, given, points, weights, mask, unbiased, _arrays_of(kernel_bandwidth))
    discrepancy = _statistic(clouds, kernel, unbiased, chunk_size)
    return _reduced(name, clouds, discrepancy, squared, normalizer, reduction)


def energy_distance(
    predictions: Float[A, "*batch n dims"],
    targets: Float[A, "*batch m dims"],
    weights: Float[A, "*leading"] | None = None,
    *,
    beta: float = 1.0,
    unbiased: bool = False,
    squared: bool = True,
    chunk_size: ChunkSize = "auto",
    pred_weights: Float[A, "*batch n"] | None = None,
    target_weights: Float[A, "*batch m"] | None = None,
    pred_mask: Bool[A, "*batch n"] | None = None,
    target_mask: Bool[A, "*batch m"] | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How much farther apart points of different samples are than points of the same one.

        D² = 2 E|x − y|^beta − E|x − x'|^beta − E|y − y'|^beta,  x, x' from predictions, y, y' from targets

    It needs no bandwidth. D², the default, is what the field calls energy distance; its root D (`squared=False`) is a
    metric, D² is not. At beta = 2 it is 2 |mean x − mean y|², which sees nothing but the means. Averages are over all
    pairs (the V-statistic); `unbiased` leaves out the pairs of a point with itself.

    Args:
        predictions: n points, (..., n, dims); everything before the points are independent problems.
        targets: m points, (..., m, dims); m need not be n.
        weights: a factor per problem, of the leading shape or a leading part of it; 0 drops the problem.
        beta: in (0, 2], a power of the distance.
        unbiased: leave out the pairs of a point with itself.
        squared: return D² as it is; False takes the root of what is above 0.
        chunk_size: points whose pairs are computed at a time; "auto" bounds the memory, None takes all at once.
        pred_weights: how much each point of `predictions` counts, ≥ 0, (..., n); 0 drops the point.
        target_weights: the same for `targets`, (..., m).
        pred_mask: which points of `predictions` count, (..., n); True counts.
        target_mask: the same for `targets`, (..., m).
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (over problems), "sum", "batch_sum" or "none" (one per problem).

    Returns:
        In [0, ∞), in the unit of the points to the power beta (beta / 2 for the root), possibly slightly negative if
        unbiased. 0 for equal samples, and for beta < 2 only for them. A problem without a point in either sample is
        as removed. Gradient: finite;
        pairs of equal points add nothing to it; 0 where D² ≤ 0, unless squared.

    Raises:
        ValueError: shapes that do not fit, beta outside (0, 2], a sample of fewer than 2 points if unbiased, an
            unknown reduction.
        TypeError: predictions that are not floating point, or arrays of two frameworks.

    Source:
        Székely and Rizzo 2013, "Energy statistics: a class of statistics based on distances",
        doi:10.1016/j.jspi.2013.03.018, eq. 2.5.

    Example:
        >>> x, y = np.array([[0.0], [2.0]]), np.array([[4.0]])
        >>> energy_distance(x, y).item()  # 2 · 3 − 1 − 0
        5.0
        >>> energy_distance(np.array([[0.0]]), np.array([[8.0]]), squared=False).item()
        4.0
    """
    name = "energy_distance"
    plain(name, beta=beta)
    positive(name, beta=beta)
    if beta > 2:
        raise ValueError(f"{name}: expected beta in (0, 2]; got beta {beta!r}")
    known_chunk_size(name, chunk_size)
    true_or_false(name, unbiased=unbiased, squared=squared)
    known_reduction(name, reduction, None, normalizer)
    given = {"predictions": predictions, "targets": targets}
    points = PointWeights(pred_weights, target_weights, pred_mask, target_mask)
    clouds = _clouds(name, given, points, weights, mask, unbiased, {})
    if beta == 2:
        energy = 2 * _statistic(clouds, None, unbiased, chunk_size)
    else:
        energy = _statistic(clouds, Dissimilarity(_powers(beta)), unbiased, chunk_size)
    return _reduced(name, clouds, energy, squared, normalizer, reduction)


# ---- the statistic, whatever the dissimilarity ----


class Dissimilarity(NamedTuple):
    """D of two points."""

    table: Table
    bandwidth: Any = ()  # what the table takes besides the points


def _statistic(clouds: Clouds, between: Dissimilarity | None, unbiased: bool, chunk_size: ChunkSize) -> Any:
    """2 E D(x, y) − E D(x, x') − E D(y, y'), one per problem; without a D for ½ |x − y|²."""
    xp, (x, y) = clouds.xp, clouds.both
    if 0 in (x.points.shape[-2], y.points.shape[-2]):  # no pairs: 0, and still part of the graph
        return xp.sum(0.0 * x.points, axis=(-2, -1)) + xp.sum(0.0 * y.points, axis=(-2, -1))
    if between is None:
        return _of_means(clouds, unbiased)
    return _of_pairs(clouds, between.table, _bandwidths(clouds, between.bandwidth), unbiased, chunk_size)


def _of_pairs(clouds: Clouds, table: Table, parameters: tuple[Any, ...], unbiased: bool, chunk_size: ChunkSize) -> Any:
    """By tables, as the mean over both clouds of how much farther off than its own the other cloud is."""
    xp, (x, y) = clouds.xp, clouds.both
    total = 0.0
    for own, other in ((x, y), (y, x)):
        gaps, within = _gaps(xp, table, own, other, parameters, chunk_size)
        total = total + _average(xp, gaps, own.shares)
        if unbiased:
            total = total - _average(xp, within, own.shares) * _surplus(xp, own)
    return total


def _gaps(
    xp: Namespace, table: Table, own: Cloud, other: Cloud, parameters: tuple[Any, ...], chunk_size: ChunkSize
) -> Any:
    """For every point of `own`: how much farther the other cloud is than its own, and how far its own is."""
    count = own.points.shape[-2]
    shares = () if own.shares is None else (xp.concat([own.shares, other.shares], axis=-1),)

    def of_block(points: Any, others: Any, *rest: Any) -> tuple[Any, Any]:
        distances = table(xp, points, others, *rest[len(shares) :])  # one table: equal clouds are exactly equally far
        if shares:
            distances = xp.multiply(distances, xp.expand_dims(rest[0], axis=-2))
        near, far = distances[..., :count], distances[..., count:]
        if shares:
            within = xp.sum(near, axis=-1)
            return xp.sum(far, axis=-1) - within, within
        within = xp.mean(near, axis=-1)
        if near.shape == far.shape:  # subtracted pair by pair, and rounded at the size of the difference
            return xp.mean(far - near, axis=-1), within
        return xp.mean(far, axis=-1) - within, within

    pooled = xp.concat([own.points, other.points], axis=-2)
    shape = tuple(pooled.shape)
    shared = (pooled, *shares, *parameters)
    entries = shape[-2] * prod(shape[:-2])
    return over_rows(xp, of_block, (own.points,), shared, entries=entries, chunk_size=chunk_size, axis=len(shape) - 2)


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


def _kernel(
    loss: str, kernel_type: str, bandwidth: Any, degree: Any, gamma: float, coef0: float
) -> Dissimilarity | None:
    """The kernel's dissimilarity; None for the linear one, which needs no table."""
    one_of(loss, "kernel_type", kernel_type, KERNELS)
    if isinstance(bandwidth, str) and bandwidth != "median":
        raise ValueError(f'{loss}: expected kernel_bandwidth to be a number, several or "median"; got {bandwidth!r}')
    several = _several(bandwidth)
    if not several:
        raise ValueError(f"{loss}: expected at least one kernel_bandwidth; got {bandwidth!r}")
    for number in several:
        if number != "median":
            positive(loss, kernel_bandwidth=number)
    at_least_one(loss, degree=degree)
    positive(loss, gamma=gamma)
    non_negative(loss, coef0=coef0)
    if kernel_type in ("rbf", "laplace"):
        return Dissimilarity(_rbf if kernel_type == "rbf" else _laplace, bandwidth)
    if not isinstance(bandwidth, (int, float)) or bandwidth != 1:
        got = f"got kernel_bandwidth {bandwidth!r} with kernel_type {kernel_type!r}"
        raise ValueError(f"{loss}: expected kernel_bandwidth only with kernel_type 'rbf' or 'laplace'; {got}")
    return None if kernel_type == "linear" else Dissimilarity(_polynomial(degree, gamma, coef0))


def _several(bandwidth: Any) -> list[Any]:
    """The bandwidths one by one."""
    return [*bandwidth] if isinstance(bandwidth, (list, tuple)) else [bandwidth]


def _rbf(xp: Namespace, points: Any, others: Any, *bandwidths: Any) -> Any:
    squares = xp.distances(points, others, squared=True)
    # Divided twice: the square of a bandwidth may be out of range.
    return _summed(-xp.expm1(-0.5 * (squares / sigma) / sigma) for sigma in bandwidths)


def _laplace(xp: Namespace, points: Any, others: Any, *bandwidths: Any) -> Any:
    distances = xp.distances(points, others)
    return _summed(-xp.expm1(-distances / sigma) for sigma in bandwidths)


def _polynomial(degree: int, gamma: float, coef0: float) -> Table:
    def table(xp: Namespace, points: Any, others: Any) -> Any:
        at_points = (gamma * xp.sum(points * points, axis=-1, keepdims=True) + coef0) ** degree
        at_others = (gamma * xp.sum(others * others, axis=-1, keepdims=True) + coef0) ** degree
        between = (gamma * xp.matmul(points, xp.moveaxis(others, -1, -2)) + coef0) ** degree
        return 0.5 * (at_points + xp.moveaxis(at_others, -1, -2)) - between

    return table


def _powers(beta: float) -> Table:
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
    return tuple(clouds.xp.asarray(number, clouds.both[0].points) for number in _several(bandwidth))


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


# ---- the frame ----


class PointWeights(NamedTuple):
    """How much each point counts, and whether it does."""

    pred_weights: Any
    target_weights: Any
    pred_mask: Any
    target_mask: Any


class Cloud(NamedTuple):
    """One sample, or several along leading axes."""

    points: Any
    shares: Any  # what each point counts, of which the sum is 1 (0 if none counts); None: all alike


class Clouds(NamedTuple):
    """Both samples, checked, and with what does not count replaced."""

    xp: Namespace
    both: tuple[Cloud, Cloud]
    items: Counted | None  # which problems count: not those without points


def _clouds(
    loss: str,
    given: dict[str, Any],
    points: PointWeights,
    weights: Any,
    mask: Any,
    unbiased: bool,
    options: dict[str, Any],
) -> Clouds:
    xp = namespace(loss, **given, weights=weights, **points._asdict(), mask=mask, **options)
    _shapes(loss, **given)
    floating(loss, xp, predictions=given["predictions"])
    real(loss, xp, targets=given["targets"])
    if unbiased and any(array.shape[-2] == 1 for array in given.values()):
        raise ValueError(f"{loss}: expected at least 2 points in each sample if unbiased; got {described(**given)}")
    x, y = xp.promote(*given.values())
    batch = x.shape[:-2]
    asked = counted(loss, xp, batch, weights, mask, x)
    shares = [
        _shares(loss, xp, "pred", x, points.pred_weights, points.pred_mask, asked),
        _shares(loss, xp, "target", y, points.target_weights, points.target_mask, asked),
    ]
    empty = None
    for share in shares:
        if share is not None:
            nothing = ~xp.any(share != 0, axis=-1)
            empty = nothing if empty is None else empty | nothing
    items = asked if empty is None else counted(loss, xp, batch, weights, mask, x, dropped=empty)
    both: list[Cloud] = []
    for cloud, share, other in ((x, shares[0], shares[1]), (y, shares[1], shares[0])):
        if items is not None:
            cloud = xp.select(_spread(xp, items.keep, cloud), cloud, 0.0)
        if share is not None:
            cloud = xp.select(_spread(xp, share != 0, cloud), cloud, 0.0)
        elif other is not None:
            share = xp.ones_like(cloud[..., 0]) / max(1, cloud.shape[-2])
        both.append(Cloud(cloud, share))
    return Clouds(xp, (both[0], both[1]), items)


def _spread(xp: Namespace, keep: Any, like: Any) -> Any:
    """A boolean per point or per problem, as one per number of `like`."""
    return xp.broadcast_to(xp.reshape(keep, (*keep.shape, *[1] * (len(like.shape) - len(keep.shape)))), like.shape)


def _shares(loss: str, xp: Namespace, side: str, cloud: Any, weights: Any, mask: Any, asked: Counted | None) -> Any:
    """How much each point counts, of 1; None where all count alike."""
    if weights is None and mask is None:
        return None
    shape = tuple(cloud.shape[:-1])
    for name, array in ((f"{side}_weights", weights), (f"{side}_mask", mask)):
        if array is not None and tuple(array.shape) != shape:
            raise ValueError(
                f"{loss}: expected {name} of shape {shape}, one per point; got {described(**{name: array})}"
            )
    if mask is not None and xp.kind(mask) != "bool":
        raise TypeError(f"{loss}: expected {side}_mask of dtype bool (True counts); got {side}_mask {dtype_name(mask)}")
    if weights is None:
        weights = xp.astype(mask, cloud)
    else:
        real(loss, xp, **{f"{side}_weights": weights})
        weights = xp.astype(weights, cloud)
        if asked is not None:  # the points of a problem that does not count may have any weight
            weights = xp.select(_spread(xp, asked.keep, weights), weights, 1.0)
        if mask is not None:
            weights = xp.select(mask, weights, 0.0)
        weights = in_range(loss, xp, f"{side}_weights", weights, low=0.0)
    total = xp.sum(weights, axis=-1, keepdims=True)
    return weights / xp.where(total == 0, 1.0, total)


def _reduced(loss: str, clouds: Clouds, values: Any, squared: bool, normalizer: Any, reduction: Reduction) -> Any:
    xp = clouds.xp
    if clouds.items is not None:
        values = xp.select(xp.broadcast_to(clouds.items.keep, values.shape), values, 0.0)
    if not squared:
        values = xp.sqrt(xp.relu(values))
    return reduce(loss, xp, values, clouds.items, normalizer=normalizer, reduction=reduction)


def _shapes(loss: str, **given: Any) -> None:
    predictions, targets = (tuple(array.shape) for array in given.values())
    if len(predictions) < 2 or len(targets) < 2:
        raise ValueError(f"{loss}: expected points of shape (..., points, dims); got {described(**given)}")
    if predictions[:-2] != targets[:-2] or predictions[-1] != targets[-1]:
        raise ValueError(f"{loss}: expected one batch and one number of dims; got {described(**given)}")


def _arrays_of(bandwidth: Any) -> dict[str, Any]:
    """Bandwidths that are arrays, to be checked for their framework."""
    return {f"kernel_bandwidth[{i}]": array_or_none(number) for i, number in enumerate(_several(bandwidth))}
