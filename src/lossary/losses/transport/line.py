"""Wasserstein distances where they are exact: between samples of numbers, and between points projected onto lines."""

from __future__ import annotations

from math import inf, lcm, prod
from typing import TYPE_CHECKING, Any

from ..._core.backends import namespace
from ..._core.check import axis_of, described, same_shape
from ..._core.options import at_least_one, drawn, key_of, known_reduction, plain, true_or_false, whole
from ..._core.reduce import reduce
from ..._core.types import A, Bool, Float, Reduction
from ...streaming.pairs import ChunkSize, known_chunk_size, over_rows
from .samples import Side, known_clouds, no_losses, promoted, sides

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

LARGEST_POWER = 1e30  # what a gap of no share may count for in float32: only a slope towards masses sees it


def wasserstein_distance(
    p_samples: Float[A, "*shape"],
    q_samples: Float[A, "*other_shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    p: float = 1.0,
    axis: int = -1,
    power: bool = False,
    p_weights: Float[A, "*shape"] | None = None,
    q_weights: Float[A, "*other_shape"] | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How far the numbers of one sample must move to become the other sample: the p-Wasserstein distance on the line.

        W_p = (∫₀¹ |P⁻¹(u) − Q⁻¹(u)|^p du)^(1/p),  P⁻¹ and Q⁻¹ the quantile functions of the two samples
            = (mean_i |sort(p_samples)_i − sort(q_samples)_i|^p)^(1/p)   where both samples have one size

    Exact for sizes that differ and for samples that weigh more or less. Every row along `axis` is a distribution of its
    own; rows are never pooled. It is a distance between samples; the critic of a Wasserstein GAN has another loss, the
    dual one. O(n log n) in time.

    Args:
        p_samples: numbers along `axis`, any unit; the other axes are those of the items.
        q_samples: in the same unit and shape, but for the size of `axis`.
        weights: a factor per item (the shape without `axis`, or a leading part of it); 0 drops the item.
        p: ≥ 1. Of large p only the farthest move counts.
        axis: where the samples are.
        power: return W_p^p, as POT's `wasserstein_1d` does: for p = 2 a smooth loss, the mean squared move.
        p_weights: ≥ 0, of the shape of `p_samples`: what each sample weighs; only ratios matter. 0 drops the sample,
            so a mask of samples is given here.
        q_weights: the same for `q_samples`.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" over the items, "sum", "batch_sum", or "none" for one distance per item.

    Returns:
        In [0, ∞), in the unit of the samples (`power`: to the p-th); 0 where the distributions are equal, and for an
        item with a side that has no samples. Gradient: for p = 1 ±1/n per sample, towards its partner; 0 where the
        distributions are equal. Towards the weights it is right wherever there is one, else that of one side.

    Raises:
        ValueError: shapes that differ off `axis`, p < 1, negative weights, an unknown axis or reduction.
        TypeError: p_samples that are not floating point, or arrays of two frameworks.

    Source:
        Peyré and Cuturi 2019, "Computational optimal transport", arXiv:1803.00567, §2.6, eqs. 2.30 and 2.33.

    Example:
        >>> wasserstein_distance(np.array([0.0, 1.0, 3.0]), np.array([5.0, 6.0, 8.0])).item()
        5.0
        >>> wasserstein_distance(np.array([0.0, 1.0]), np.array([0.0, 0.0, 3.0]), p=1).round(4).item()
        0.8333
    """
    name = "wasserstein_distance"
    true_or_false(name, power=power)
    known_reduction(name, reduction, None, normalizer)
    _known_order(name, p)
    whole(name, axis=axis)
    masses = {"p_weights": p_weights, "q_weights": q_weights}
    xp = namespace(name, p_samples=p_samples, q_samples=q_samples, weights=weights, **masses, mask=mask)
    where = axis_of(name, "axis", axis, "p_samples", p_samples)
    if _without(p_samples, where) != _without(q_samples, where) or len(p_samples.shape) != len(q_samples.shape):
        raise ValueError(
            f"{name}: expected samples of one shape but for axis {axis}; "
            f"got {described(p_samples=p_samples, q_samples=q_samples)}"
        )
    same_shape(name, p_samples=p_samples, p_weights=p_weights)
    same_shape(name, q_samples=q_samples, q_weights=q_weights)
    arrays = promoted(name, xp, {"p_samples": p_samples, "q_samples": q_samples}, masses)
    x, y, *given = (None if array is None else xp.moveaxis(array, where, -1) for array in arrays)
    pair = sides(name, xp, x, y, dict(zip(masses, given, strict=True)), weights, mask, coordinates=0)
    if pair.empty:
        losses, items = no_losses(xp, pair, 0)
        return reduce(name, xp, losses, items, normalizer=normalizer, reduction=reduction)
    losses = xp.quietly(_on_the_line, xp, pair.first, pair.second, p, power)
    return reduce(name, xp, losses, pair.counted, normalizer=normalizer, reduction=reduction)


def sliced_wasserstein_distance(
    x: Float[A, "*batch n d"],
    y: Float[A, "*batch m d"],
    weights: Float[A, "*leading"] | None = None,
    *,
    p: float = 2.0,
    num_projections: int = 50,
    power: bool = False,
    chunk_size: ChunkSize = "auto",
    key: Any = None,
    projections: Float[A, "count d"] | None = None,
    x_weights: Float[A, "*batch n"] | None = None,
    y_weights: Float[A, "*batch m"] | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How far two clouds of points are apart on average over directions: the sliced p-Wasserstein distance.

        SW_p = (mean_θ W_p(x·θ, y·θ)^p)^(1/p),  θ of length 1, W_p the `wasserstein_distance` of the projections

    Directions are drawn evenly from the sphere, anew with every `key`, or given. A loss from few directions is a noisy
    estimate of that over all; its gradient averages out over the steps of a training. O(num_projections · n log n).

    Args:
        x: points, (n, d), or clouds (…, n, d) of one item each; any unit.
        y: (m, d) or (…, m, d), in the same unit.
        weights: a factor per item (one number for a single pair of clouds); 0 drops the item.
        p: ≥ 1.
        num_projections: how many directions to draw.
        power: return SW_p^p.
        chunk_size: directions at a time; None takes all at once, "auto" what fits.
        key: where randomness comes from: a torch.Generator, a JAX key, or a numpy.random.Generator. All items share the
            directions.
        projections: directions, (count, d), of any length but 0; in place of `key`. Under `torch.compile` give these.
        x_weights: ≥ 0, (…, n): what each point weighs; only ratios matter. 0 drops the point.
        y_weights: the same for `y`.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" over the items, "sum", "batch_sum", or "none" for one distance per item.

    Returns:
        In [0, ∞), in the unit of the points (`power`: to the p-th); 0 for equal clouds, in whatever order, and for an
        item with a side that has no points. For p = 2 about 1/√d of the Wasserstein distance. Gradient: finite
        everywhere, 0 for equal clouds.

    Raises:
        ValueError: neither key nor projections, shapes that do not fit, p < 1, num_projections < 1, negative weights.
        TypeError: a key of another framework, x that is not floating point, or arrays of two frameworks.

    Source:
        Bonneel, Rabin, Peyré and Pfister 2015, "Sliced and Radon Wasserstein barycenters of measures",
        doi:10.1007/s10851-014-0506-3.

    Example:
        >>> points, axes = np.array([[0.0, 0.0], [1.0, 2.0]]), np.eye(2)
        >>> round(sliced_wasserstein_distance(points, points + [3.0, 4.0], projections=axes).item(), 4)
        3.5355
    """
    name = "sliced_wasserstein_distance"
    true_or_false(name, power=power)
    known_reduction(name, reduction, None, normalizer)
    _known_order(name, p)
    known_chunk_size(name, chunk_size)
    at_least_one(name, num_projections=num_projections)
    others = {"projections": projections, "x_weights": x_weights, "y_weights": y_weights}
    xp = namespace(name, x=x, y=y, weights=weights, **others, mask=mask)
    known_clouds(name, x, y, x_weights, y_weights)
    x, y, projections, a, b = promoted(name, xp, {"x": x, "y": y}, others)
    directions = xp.unit(_directions(name, xp, projections, x, num_projections, key), axis=-1)
    pair = sides(name, xp, x, y, {"x_weights": a, "y_weights": b}, weights, mask, coordinates=1)
    if pair.empty:
        losses, items = no_losses(xp, pair, 1)
        return reduce(name, xp, losses, items, normalizer=normalizer, reduction=reduction)
    losses = xp.quietly(_sliced, xp, pair.first, pair.second, directions, p, power, chunk_size)
    return reduce(name, xp, losses, pair.counted, normalizer=normalizer, reduction=reduction)


# ---- checks ----


def _known_order(loss: str, p: Any) -> None:
    plain(loss, p=p)
    if isinstance(p, bool) or not isinstance(p, (int, float)):
        raise TypeError(f"{loss}: expected p to be a number; got p {p!r}")
    if not 1 <= p < inf:
        raise ValueError(f"{loss}: expected p >= 1; got p {p!r}")


def _without(array: Any, axis: int) -> tuple[int, ...]:
    return tuple(n for i, n in enumerate(array.shape) if i != axis)


def _directions(loss: str, xp: Namespace, projections: Any, like: Any, count: int, key: Any) -> Any:
    size = like.shape[-1]
    if projections is not None:
        if len(projections.shape) != 2 or projections.shape[0] == 0 or projections.shape[1] != size:
            raise ValueError(
                f"{loss}: expected projections of shape (count, {size}); got {described(projections=projections)}"
            )
        return projections
    if key is None:
        raise ValueError(
            f"{loss}: expected key ({key_of(xp)}) or projections; got neither; directions are random, and so differ "
            "from call to call only where the key does"
        )
    return drawn(loss, xp, xp.normal, key, (count, size), like)


# ---- formulas ----


def _on_the_line(xp: Namespace, first: Side, second: Side, p: float, power: bool) -> Any:
    gaps, shares = _matched(xp, first, second)
    return _power_mean(xp, gaps, shares, p, power)


def _matched(xp: Namespace, first: Side, second: Side, steps: Any = None) -> tuple[Any, Any]:
    """The differences of the two quantile functions where both are constant, and the lengths of those intervals.

    `steps` are second − first, sample by sample, or None. A gap x_i − y_j is taken as x_i − x_j − steps_j: where the
    two samples are nearly equal, i is mostly j, and nothing is rounded at the size of the samples.
    """
    (x, a), (y, b) = first, second
    n, m = x.shape[-1], y.shape[-1]
    if a is None and b is None:
        if steps is not None:
            of_x, of_y = xp.argsort(x, axis=-1), xp.argsort(y, axis=-1)
            gaps = xp.take_along_axis(x, of_x, axis=-1) - xp.take_along_axis(x, of_y, axis=-1)
            return gaps - xp.take_along_axis(steps, of_y, axis=-1), None
        x, y = xp.sort(x, axis=-1), xp.sort(y, axis=-1)
        if n == m:
            return x - y, None
        shares, of_x, of_y = _levels(n, m)
        places = xp.positions(x, axis=-1)  # for its dtype: one that can index
        x = xp.take(x, xp.asarray(of_x, places), axis=-1)
        return x - xp.take(y, xp.asarray(of_y, places), axis=-1), xp.asarray(shares, x)
    base, paired = x, None if steps is None else (_masses(xp, x, a) != 0) & (_masses(xp, y, b) != 0)
    x, x_order, a = _by_size(xp, x, a)
    y, y_order, b = _by_size(xp, y, b)
    all_a, all_b = a[..., -1:], b[..., -1:]
    # Not divided by the totals: masses that are whole numbers, masks too, give exact levels, and so exact ties.
    levels = xp.concat([a * all_b, b * all_a], axis=-1)
    order = xp.argsort(levels, axis=-1)
    ends = xp.take_along_axis(levels, order, axis=-1)
    starts = xp.concat([xp.zeros_like(ends[..., :1]), ends[..., :-1]], axis=-1)
    from_x = xp.indices(order < n)
    of_x = xp.cumulative_sum(from_x, axis=-1) - from_x  # how many samples of x end before an interval
    of_y = xp.positions(order, axis=-1) - of_x
    of_x = xp.take_along_axis(x_order, xp.where(of_x < n, of_x, n - 1), axis=-1)
    of_y = xp.take_along_axis(y_order, xp.where(of_y < m, of_y, m - 1), axis=-1)
    if paired is not None:
        y = xp.where(paired, base, y)
    gaps = xp.take_along_axis(x, of_x, axis=-1) - xp.take_along_axis(y, of_y, axis=-1)
    if paired is not None:
        gaps = gaps - xp.take_along_axis(xp.where(paired, steps, 0.0), of_y, axis=-1)
    return gaps, xp.divide(ends - starts, all_a * all_b)


def _levels(n: int, m: int) -> tuple[list[float], list[int], list[int]]:
    """The intervals of [0, 1] in which neither of two quantile functions steps: lengths, and the sample of each."""
    total = lcm(n, m)
    ends = sorted({*range(total // n, total + 1, total // n), *range(total // m, total + 1, total // m)})
    starts = [0, *ends[:-1]]
    lengths = [(end - start) / total for start, end in zip(starts, ends, strict=True)]
    return lengths, [start * n // total for start in starts], [start * m // total for start in starts]


def _masses(xp: Namespace, samples: Any, masses: Any) -> Any:
    return xp.ones_like(samples) if masses is None else masses


def _in_range(xp: Namespace, masses: Any) -> Any:
    """Masses of which two may be multiplied: very large or small ones times a power of two, which moves no digit."""
    top = xp.max(xp.stop_gradient(masses), axis=-1, keepdims=True)
    return masses * xp.where(top > 2.0**40, 2.0**-80, xp.where(top < 2.0**-40, 2.0**80, xp.ones_like(top)))


def _by_size(xp: Namespace, samples: Any, masses: Any) -> tuple[Any, Any, Any]:
    """The samples, their order by size, and the masses up to each of them in that order."""
    masses = _in_range(xp, _masses(xp, samples, masses))
    # What has no mass lies among the rest, where its distance to others cannot be out of all proportion.
    samples = xp.where(masses == 0, xp.stop_gradient(_heaviest(xp, samples, masses)), samples)
    order = xp.argsort(samples, axis=-1)
    return samples, order, xp.cumulative_sum(xp.take_along_axis(masses, order, axis=-1), axis=-1)


def _heaviest(xp: Namespace, samples: Any, masses: Any) -> Any:
    place = xp.argmax(xp.stop_gradient(masses), axis=-1)
    return xp.take_along_axis(samples, xp.expand_dims(place, axis=-1), axis=-1)


def _power_mean(xp: Namespace, gaps: Any, shares: Any, p: float, power: bool) -> Any:
    """(Σ share · |gap|^p)^(1/p) along the last axis, without the root if `power`; shares are all alike if None."""
    if p == 1:
        sizes = xp.stop_gradient(xp.sign(gaps)) * gaps
        total = xp.mean(sizes, axis=-1) if shares is None else xp.sum(sizes * shares, axis=-1)
        return xp.where(total == 0, 0.0, total)  # equal distributions: no slope towards the shares either
    live = xp.abs(gaps) if shares is None else xp.where(shares == 0, 0.0, xp.abs(gaps))
    top = xp.stop_gradient(xp.max(live, axis=-1))
    equal = top == 0
    scale = xp.where(equal, 1.0, top)
    ratios = gaps / xp.expand_dims(scale, axis=-1)
    if shares is not None:  # a gap of no share may be of any size, and must not give ∞ · 0
        limit = LARGEST_POWER ** (1 / p)
        ratios = xp.clip(ratios, -limit, limit)
    if p % 2 != 0:
        ratios = xp.abs(ratios)
    none = (ratios == 0) & (p < 2)  # there the second derivative is infinite
    powers = xp.where(none, 0.0, xp.where(none, 1.0, ratios) ** p)
    mean = xp.mean(powers, axis=-1) if shares is None else xp.sum(powers * shares, axis=-1)
    mean = xp.where(equal, 1.0, mean)
    return xp.where(equal, 0.0, scale**p * mean if power else scale * mean ** (1 / p))


def _sliced(
    xp: Namespace, first: Side, second: Side, directions: Any, p: float, power: bool, chunk_size: ChunkSize
) -> Any:
    middle = xp.stop_gradient(_centre(xp, first))
    # Moved to the origin together: a projection is rounded at the size of the coordinates.
    x, y = first.points - middle, second.points - middle
    masses = [side.masses for side in (first, second) if side.masses is not None]
    steps = [second.points - first.points] if x.shape == y.shape else []

    def distances(directions: Any, x: Any, y: Any, *rest: Any) -> Any:
        given, moved = iter(rest), [_onto(xp, step, directions) for step in rest[len(masses) :]]
        a, b = (None if side.masses is None else _for_each(xp, next(given), directions) for side in (first, second))
        sides = Side(_onto(xp, x, directions), a), Side(_onto(xp, y, directions), b)
        return _power_mean(xp, *_matched(xp, *sides, *moved), p, False)

    entries = prod(x.shape[:-1]) + prod(y.shape[:-1])
    name, shared = "sliced_wasserstein_distance", [x, y, *masses, *steps]
    each = over_rows(name, xp, distances, [directions], shared, entries=entries, chunk_size=chunk_size)
    return _power_mean(xp, xp.moveaxis(each, 0, -1), None, p, power)


def _centre(xp: Namespace, side: Side) -> Any:
    points, masses = side
    if masses is None:
        return xp.sum(points / points.shape[-2], axis=-2, keepdims=True)
    shares = masses / xp.sum(masses, axis=-1, keepdims=True)
    return xp.sum(points * xp.expand_dims(shares, axis=-1), axis=-2, keepdims=True)


def _onto(xp: Namespace, points: Any, directions: Any) -> Any:
    """(…, n, d) points along (count, d) directions: (count, …, n)."""
    flat = xp.matmul(xp.reshape(points, (-1, points.shape[-1])), xp.moveaxis(directions, 0, 1))
    return xp.moveaxis(xp.reshape(flat, (*points.shape[:-1], directions.shape[0])), -1, 0)


def _for_each(xp: Namespace, masses: Any, directions: Any) -> Any:
    return xp.broadcast_to(xp.expand_dims(masses, axis=0), (directions.shape[0], *masses.shape))
