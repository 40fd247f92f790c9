"""Distances between distributions that are known by samples: clouds of points, compared pair by pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from ..._core.options import known_reduction, plain, positive, true_or_false
from ..._core.reduce import reduce
from ..._core.types import A, Bool, Float, Reduction
from ...streaming.pairs import ChunkSize, known_chunk_size
from .clouds import Clouds, PointWeights, checked_clouds
from .kernels import arrays_of, kernel_of, powers_of_distance
from .statistic import statistic


def maximum_mean_discrepancy(
    predictions: Float[A, "*batch n dims"],
    targets: Float[A, "*batch m dims"],
    weights: Float[A, "*leading"] | None = None,
    *,
    kernel_type: Literal["rbf", "laplace", "linear", "polynomial"] = "rbf",
    kernel_bandwidth: float | Literal["median"] | Sequence[float | Literal["median"]] = 1.0,
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
    they are. `unbiased` leaves out the pairs of a point with itself (the U-statistic; with shares a of the weights a
    pair i ≠ j counts a_i a_j / (1 − Σ a²)): then MMD² is right on average for the distributions behind the samples, and
    for equal ones it is below 0 half of the time. With a bandwidth far
    below the distance of the samples the gradient vanishes: take "median" or several.

    Args:
        predictions: n points, (..., n, dims); everything before the points are independent problems.
        targets: m points, (..., m, dims); m need not be n.
        weights: a factor per problem, of the leading shape or a leading part of it; 0 drops the problem.
        kernel_type: "rbf", "laplace", "linear" or "polynomial".
        kernel_bandwidth: σ > 0 in the unit of the points, for rbf and laplace; several, as a list or an array of one
            axis, whose kernels are summed; or, alone or in a list, "median": the median distance of any two points of
            both samples (of 1024 evenly spaced ones, where there are more), through which no gradient flows; 1 where
            it is 0.
        degree: ≥ 1, an integer, for the polynomial kernel.
        gamma: > 0, for the polynomial kernel. A number, or a trained array without axes; so is coef0.
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
    kernel = kernel_of(name, kernel_type, kernel_bandwidth, degree, gamma, coef0)
    known_chunk_size(name, chunk_size)
    true_or_false(name, unbiased=unbiased, squared=squared)
    known_reduction(name, reduction, None, normalizer)
    given = {"predictions": predictions, "targets": targets}
    points = PointWeights(pred_weights, target_weights, pred_mask, target_mask)
    options = arrays_of(kernel_bandwidth=kernel_bandwidth, gamma=gamma, coef0=coef0)
    clouds = checked_clouds(name, given, points, weights, mask, unbiased, options)
    discrepancy = statistic(name, clouds, kernel, unbiased, chunk_size)
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
        as removed. Gradient: finite; pairs of equal points add nothing to it; 0 where D² ≤ 0, unless squared.

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
    beta = positive(name, beta=beta)
    if beta > 2:
        raise ValueError(f"{name}: expected beta in (0, 2]; got beta {beta!r}")
    known_chunk_size(name, chunk_size)
    true_or_false(name, unbiased=unbiased, squared=squared)
    known_reduction(name, reduction, None, normalizer)
    given = {"predictions": predictions, "targets": targets}
    points = PointWeights(pred_weights, target_weights, pred_mask, target_mask)
    clouds = checked_clouds(name, given, points, weights, mask, unbiased, {})
    energy = statistic(name, clouds, powers_of_distance(beta), unbiased, chunk_size)
    return _reduced(name, clouds, 2 * energy if beta == 2 else energy, squared, normalizer, reduction)


def _reduced(loss: str, clouds: Clouds, values: Any, squared: bool, normalizer: Any, reduction: Reduction) -> Any:
    xp = clouds.xp
    if clouds.items is not None:
        values = xp.select(xp.broadcast_to(clouds.items.keep, values.shape), values, 0.0)
    if not squared:
        values = xp.sqrt(xp.relu(values))
    return reduce(loss, xp, values, clouds.items, normalizer=normalizer, reduction=reduction)
