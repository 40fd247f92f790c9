"""Dissimilarities of two points: what a kernel, or a power of their distance, makes of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from math import frexp, inf
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ..._core import changes
from ..._core.changes import Changes, Pairs
from ..._core.options import array_or_none, at_least_one, non_negative, one_of, positive
from .clouds import Clouds

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

KERNELS = ("rbf", "laplace", "linear", "polynomial")
MEDIAN_OF = 1024  # points, whose pairwise distances "median" takes its median of
USUAL = 20  # binary orders of magnitude of a bandwidth, within which no square leaves the range of float32
STEP = 32  # binary orders of magnitude from one unit to the next, where the bandwidth is an array
UNITS = (STEP, 2 * STEP, 3 * STEP)

Table = Callable[..., Any]  # (xp, points, others, *bandwidths) → their dissimilarities, a table
Alone = Callable[..., Any]  # (xp, points, centre, *options) → k(x, x) − k(centre, centre) of every point
ChangesOf = Callable[..., Changes]  # (xp, pairs, *bandwidths) → what becomes of that table where the points move


class Dissimilarity(NamedTuple):
    """D of two points."""

    table: Table
    changes: ChangesOf
    reach: Callable[..., Any]  # (xp, points, *bandwidths) → the longest step that still counts as a little
    options: tuple[Any, ...] = ()  # what the functions take besides the points
    unit: float | None = 1.0  # a power of two that keeps the points' squares in range; None: as the options say
    alone: Alone | None = None  # of a kernel whose k(x, x) is not the same everywhere
    by_means: bool = False  # D = ½ |x − y|², of which the means of the clouds are enough


def kernel_of(loss: str, kernel_type: str, bandwidth: Any, degree: Any, gamma: Any, coef0: Any) -> Dissimilarity:
    """The kernel's dissimilarity."""
    one_of(loss, "kernel_type", kernel_type, KERNELS)
    given = _several(loss, bandwidth)
    at_least_one(loss, degree=degree)
    gamma, coef0 = positive(loss, gamma=gamma), non_negative(loss, coef0=coef0)
    if kernel_type in ("rbf", "laplace"):
        return _decaying(kernel_type, given)
    if not isinstance(bandwidth, (int, float)) or bandwidth != 1:
        got = f"got kernel_bandwidth {bandwidth!r} with kernel_type {kernel_type!r}"
        raise ValueError(f"{loss}: expected kernel_bandwidth only with kernel_type 'rbf' or 'laplace'; {got}")
    if kernel_type == "linear":
        return _polynomial(1, 1.0, 0.0)._replace(by_means=True)
    return _polynomial(degree, gamma, coef0)


def _several(loss: str, bandwidth: Any) -> list[Any]:
    """The bandwidths one by one, of a list or of an array alike."""
    alone = isinstance(bandwidth, (int, float))  # of which torch.compile may make a symbol, without attributes
    listed = not alone and (_is_listed(bandwidth) or len(getattr(bandwidth, "shape", ())) == 1)
    bandwidth = cast(Any, bandwidth)
    given = [bandwidth[i] for i in range(len(bandwidth))] if listed else [bandwidth]
    if not given:
        raise ValueError(f"{loss}: expected at least one kernel_bandwidth; got {bandwidth!r}")
    return [_one(loss, bandwidth, number) for number in given]


def _one(loss: str, bandwidth: Any, number: Any) -> Any:
    if not isinstance(number, str):
        return positive(loss, kernel_bandwidth=number)
    if number != "median":
        wanted = 'expected kernel_bandwidth to be a number, several or "median"'
        raise ValueError(f"{loss}: {wanted}; got {bandwidth!r}")
    return number


def _is_listed(option: object) -> bool:
    return isinstance(option, (list, tuple))


def arrays_of(**options: Any) -> dict[str, Any]:
    """Those options, or entries of options, that are arrays, to be checked for their framework."""
    arrays: dict[str, Any] = {}
    for name, option in options.items():
        if _is_listed(option):
            arrays |= {f"{name}[{i}]": array_or_none(entry) for i, entry in enumerate(option)}
        else:
            arrays[name] = array_or_none(option)
    return arrays


def fitted(clouds: Clouds, options: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a dissimilarity takes besides the points, as arrays that fit the clouds' tables."""
    return tuple(_fitted(clouds, option) for option in options)


def _fitted(clouds: Clouds, option: Any) -> Any:
    if isinstance(option, str):
        return _median_distance(clouds)
    xp, like = clouds.xp, clouds.both[0].points
    return xp.asarray(option, like) if array_or_none(option) is None else xp.astype(option, like)


def unit_of(xp: Namespace, bandwidths: tuple[Any, ...]) -> Any:
    """A power of two near the least of `bandwidths`; 1 where no square leaves the range of float32 without it."""
    least = xp.stop_gradient(_least(xp, bandwidths))
    unit = xp.ones_like(least)
    for order in UNITS:
        unit = xp.where(least < 2.0 ** (STEP // 2 - order), 2.0**-order, unit)
        unit = xp.where(least > 2.0 ** (order - STEP // 2), 2.0**order, unit)
    return unit


# ---- exponentials of a distance or its square ----


def _decaying(kernel_type: str, given: list[Any]) -> Dissimilarity:
    table, changed = (_rbf, _rbf_changes) if kernel_type == "rbf" else (_laplace, _laplace_changes)
    if not all(isinstance(number, (int, float)) for number in given):
        return Dissimilarity(table, changed, _half_the_least, tuple(given), unit=None)
    order = frexp(min(given))[1]
    unit = 2.0**order if abs(order) > USUAL else 1.0
    numbers = tuple(number / unit for number in given)
    with_numbers = partial(partial, numbers=numbers)
    return Dissimilarity(with_numbers(table), with_numbers(changed), with_numbers(_half_the_least), unit=unit)


def _half_the_least(xp: Namespace, points: Any, *arrays: Any, numbers: tuple[float, ...] = ()) -> Any:
    return 0.5 * (_least(xp, arrays) if arrays else min(numbers))


def _least(xp: Namespace, arrays: tuple[Any, ...]) -> Any:
    return reduce(xp.minimum, arrays)


def _rbf(xp: Namespace, points: Any, others: Any, *arrays: Any, numbers: tuple[float, ...] = ()) -> Any:
    return xp.pointwise(_far_by_squares, xp.distances(points, others, squared=True), *arrays, numbers=numbers)


def _laplace(xp: Namespace, points: Any, others: Any, *arrays: Any, numbers: tuple[float, ...] = ()) -> Any:
    return xp.pointwise(_far_by_distances, xp.distances(points, others), *arrays, numbers=numbers)


def _far_by_squares(xp: Namespace, squares: Any, *arrays: Any, numbers: tuple[float, ...]) -> Any:
    """Σ_σ 1 − exp(−d² / 2σ²), and its slope in d²; divided twice, as the square of a bandwidth may be out of range."""
    sigmas = [*numbers, *arrays]
    exponents = [(squares / sigma) * (-0.5 / sigma) for sigma in sigmas]
    pairs = list(zip(exponents, sigmas, strict=True))
    far = reduce(add, (-xp.expm1(exponent) for exponent in exponents))
    return far, lambda: reduce(add, ((xp.exp(exponent) / sigma) * (0.5 / sigma) for exponent, sigma in pairs))


def _far_by_distances(xp: Namespace, distances: Any, *arrays: Any, numbers: tuple[float, ...]) -> Any:
    """Σ_σ 1 − exp(−d / σ), and its slope in d."""
    sigmas = [*numbers, *arrays]
    exponents = [distances / -sigma for sigma in sigmas]
    pairs = list(zip(exponents, sigmas, strict=True))
    far = reduce(add, (-xp.expm1(exponent) for exponent in exponents))
    return far, lambda: reduce(add, (xp.exp(exponent) / sigma for exponent, sigma in pairs))


def _rbf_changes(xp: Namespace, pairs: Pairs, *arrays: Any, numbers: tuple[float, ...] = ()) -> Changes:
    squares = changes.of_squares(xp, pairs)
    each = (changes.decays(xp, squares.times(1 / sigma).times(0.5 / sigma)) for sigma in (*numbers, *arrays))
    return reduce(Changes.plus, each)


def _laplace_changes(xp: Namespace, pairs: Pairs, *arrays: Any, numbers: tuple[float, ...] = ()) -> Changes:
    distances, _ = changes.of_distances(xp, pairs)
    return reduce(Changes.plus, (changes.decays(xp, distances.times(1 / sigma)) for sigma in (*numbers, *arrays)))


# ---- powers of a product or of a distance ----


def _polynomial(degree: int, gamma: Any, coef0: Any) -> Dissimilarity:
    def table(xp: Namespace, points: Any, others: Any, gamma: Any, coef0: Any) -> Any:
        at_points = (gamma * xp.sum(points * points, axis=-1, keepdims=True) + coef0) ** degree
        at_others = (gamma * xp.sum(others * others, axis=-1, keepdims=True) + coef0) ** degree
        between = (gamma * xp.matmul(points, xp.moveaxis(others, -1, -2)) + coef0) ** degree
        return 0.5 * (at_points + xp.moveaxis(at_others, -1, -2)) - between

    def changed(xp: Namespace, pairs: Pairs, gamma: Any, coef0: Any) -> Changes:
        product = changes.of_products(xp, pairs).times(gamma)
        base = product._replace(start=product.start + coef0)
        return reduce(Changes.product, [base] * degree).times(-1.0)

    def alone(xp: Namespace, points: Any, centre: Any, gamma: Any, coef0: Any) -> Any:
        away = points - centre
        gain = gamma * xp.sum(away * (away + 2 * centre), axis=-1)  # |x|² − |centre|², without subtracting them
        base = gamma * xp.sum(centre * centre, axis=-1) + coef0
        return gain * reduce(add, ((base + gain) ** k * base ** (degree - 1 - k) for k in range(degree)))

    return Dissimilarity(table, changed, _any_step, (gamma, coef0), alone=alone)


def _any_step(xp: Namespace, points: Any, *options: Any) -> float:
    return inf


def powers_of_distance(beta: float) -> Dissimilarity:
    """|x − y|^beta, with gradient 0 at equal points; half of it if beta is 2."""
    if beta == 2:
        return _polynomial(1, 1.0, 0.0)._replace(by_means=True, alone=None)

    def table(xp: Namespace, points: Any, others: Any) -> Any:
        distances = xp.distances(points, others)
        if beta == 1:
            return distances
        equal = distances == 0
        return xp.where(equal, 0.0, xp.where(equal, 1.0, distances) ** beta)

    def changed(xp: Namespace, pairs: Pairs) -> Changes:
        distances, ends = changes.of_distances(xp, pairs)
        return distances if beta == 1 else changes.powers(xp, distances, ends, beta)

    return Dissimilarity(table, changed, _half_the_spread)


def _half_the_spread(xp: Namespace, points: Any) -> Any:
    centre = xp.expand_dims(xp.mean(points, axis=-2), axis=-2)
    away = xp.norm(points - centre, axis=-1, keepdims=True)
    return 0.5 * xp.expand_dims(xp.mean(away, axis=-2), axis=-2)


# ---- the bandwidth of the data ----


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
