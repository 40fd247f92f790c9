"""Seam operations written once over the others, for the frameworks whose compiler fuses them (JAX, torch.compile)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import frexp, inf
from operator import add
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .protocol import Namespace


def log_odds_by_parts(xp: Namespace, logits: Any, index: Any, /, *, axis: int) -> Any:
    """log p / (1 − p) of entry `index` under the softmax: its own logit less the logsumexp of the others.

    1 − p is never formed by subtraction, so the result keeps its relative accuracy however close p is to 1.
    """
    index = xp.expand_dims(index, axis=axis)
    own = xp.take_along_axis(logits, index, axis=axis)
    own = xp.where(own == inf, own - own, own)  # NaN: an infinite logit is no answer
    others = xp.put_along_axis(logits, index, -inf, axis=axis)
    top = xp.stop_gradient(xp.max(others, axis=axis, keepdims=True))
    top = xp.where(top == -inf, 0.0, top)  # no other class is possible: exp(−inf − 0) is the right 0
    rest = xp.sum(xp.exp(others - top), axis=axis, keepdims=True)
    alone = rest == 0
    # own − top first: the logsumexp itself would be rounded at the size of an offset that all logits share.
    odds = xp.where(alone, own + inf + rest, (own - top) - xp.log(xp.where(alone, 1.0, rest)))
    return xp.squeeze(odds, axis=axis)


def elsewhere(xp: Namespace, x: Any, index: Any, /, *, axis: int) -> Any:
    """0 at entry `index`, 1 at every other."""
    gap = xp.astype(xp.positions(x, axis=axis), x) - xp.astype(index, x)
    return xp.minimum(gap * gap, xp.ones_like(gap))


def surprise_by_odds(xp: Namespace, logits: Any, index: Any, /, *, axis: int, spread: float = 0.0) -> Any:
    """−log p of entry `index` under the softmax, plus `spread` times its lead over each, for any derivative."""
    losses = xp.softplus(-xp.log_odds(logits, index, axis=axis))
    if not spread:
        return losses
    own = xp.take_along_axis(logits, xp.expand_dims(index, axis=axis), axis=axis)
    return losses + spread * xp.sum(own - logits, axis=axis)


UNCERTAIN = 0.25  # −log p, above which a plain log-softmax has all its digits


def surprise_by_parts(xp: Namespace, logits: Any, index: Any, /, *, axis: int, spread: float) -> tuple[Any, Any]:
    """−log p of entry `index` under the softmax, plus `spread` times its lead over each entry; and the slope.

    That is a function of the logits once more: a compiler that is shown them apart does not write out what the two
    have in common. By the lead of the largest logit and the sum of the other powers: nothing cancels where p is near 1.
    """
    index = xp.expand_dims(index, axis=axis)
    own = xp.take_along_axis(logits, index, axis=axis)
    absent, top, behind, rest, total = seen_from_top(xp, logits, index, own, axis=axis)
    losses = surprise_from_top(xp, behind, rest, total)
    if spread:
        losses = losses + spread * xp.sum(own - logits, axis=axis, keepdims=True)

    def slope(logits: Any) -> Any:
        lacking, shares = -rest / total, xp.exp(logits - top) / total
        chosen = absent == 0
        if not spread:
            return xp.where(chosen, lacking, shares)
        return xp.where(chosen, lacking + (logits.shape[axis] - 1) * spread, shares - spread)

    return xp.squeeze(losses, axis=axis), slope


def seen_from_top(xp: Namespace, logits: Any, index: Any, own: Any, /, *, axis: int) -> tuple[Any, Any, Any, Any, Any]:
    """0 at entry `index` and 1 elsewhere; the largest logit, and how far that entry's `own` is behind it; and, in units
    of the largest power, the sum of the other entries' powers and of all.
    """
    absent = elsewhere(xp, logits, index, axis=axis)
    top = xp.stop_gradient(xp.max(logits, axis=axis, keepdims=True))
    rest = xp.sum(absent * xp.exp(logits - top), axis=axis, keepdims=True)
    behind = top - own
    return absent, top, behind, rest, rest + xp.exp(-behind)


def surprise_from_top(xp: Namespace, behind: Any, rest: Any, total: Any, /) -> Any:
    """−log p of an entry, of which nothing cancels where p is near 1."""
    return behind + xp.log1p(xp.where(behind == 0, rest, total - 1))


def class_shares(xp: Namespace, logits: Any, index: Any, /, *, axis: int) -> tuple[Any, Any, Any]:
    """The softmax, where in it entry `index` stands, and what that lacks of 1."""
    index = xp.expand_dims(index, axis=axis)
    shares = xp.softmax(logits, axis=axis)
    positions = xp.positions(shares, axis=axis)
    largest = xp.expand_dims(xp.argmax(logits, axis=axis), axis=axis)
    # The largest share as what the others leave: its own slope p (1 − p) has no digits where p is near 1.
    top, own = positions == largest, positions == index
    others = xp.where(top, 0.0, shares)
    rest = xp.sum(others, axis=axis, keepdims=True)
    missing = xp.where(largest == index, rest, 1 - xp.sum(xp.where(own, others, 0.0), axis=axis, keepdims=True))
    return xp.where(top, 1 - rest, others), own, missing


def class_overlap_by_parts(
    xp: Namespace, logits: Any, index: Any, factor: Any, /, *, axis: int, per_example: bool, entropy: bool
) -> tuple[Any, Any, Any, Any]:
    """The sums of `class_shares` over the pixels."""
    shares, own, missing = class_shares(xp, logits, index, axis=axis)
    parts = [xp.where(own, shares, 0.0), xp.where(own, 0.0, shares), xp.where(own, missing, 0.0)]
    if factor is not None:
        factor = xp.expand_dims(factor, axis=axis)
        parts = [xp.multiply(factor, part) for part in parts]
    axes = pixel_axes(len(logits.shape), axis, per_example)
    agreed, over, under = (xp.sum(part, axis=axes) if axes else part for part in parts)
    return xp.surprise(logits, index, axis=axis) if entropy else None, agreed, over, under


def pixel_axes(ndim: int, axis: int, per_example: bool) -> tuple[int, ...]:
    """All but that of the classes and, if each has sums of its own, that of the examples."""
    batch = [0 if axis > 0 else 1] if per_example else []
    return tuple(i for i in range(ndim) if i != axis and i not in batch)


def hypot_of_number(xp: Namespace, root: Callable[[Any], Any], x: Any, y: Any, /) -> Any:
    """√(x² + y²) for a number y > 0; `root` is the framework's own."""
    size = xp.abs(x)
    # In this unit y² neither vanishes nor overflows, and beside x² = 10³⁶ it does not count.
    unit = _unit_of(y)
    scaled, y = (size, y) if unit is None else (size / unit, y / unit)
    scaled = xp.minimum(scaled, 1e18)
    both = root(scaled * scaled + y * y)
    return xp.maximum(both if unit is None else both * unit, size)


def hypot_of_array(xp: Namespace, x: Any, y: Any, /) -> Any:
    """√(x² + y²) for an array y > 0, with slopes in both."""
    unit = xp.stop_gradient(xp.maximum(xp.abs(x), xp.broadcast_to(y, x.shape)))
    unit = xp.where(unit == inf, 1.0, unit)
    x, y = x / unit, y / unit
    return unit * xp.sqrt(x * x + y * y)


def _unit_of(y: float) -> Any:
    """A power of two beside y, which moves no digit; None: 1 will do."""
    return None if 1e-9 < y < 1e9 else 2.0 ** frexp(y)[1]


def sqrt_with_zero(xp: Namespace, root: Callable[[Any], Any], x: Any, /) -> Any:
    """√x with gradient 0, not ∞, at 0; `root` is the framework's own."""
    zero = x == 0
    return xp.where(zero, 0.0, root(xp.where(zero, 1.0, x)))


def norm_scaled(xp: Namespace, x: Any, /, *, axis: int, keepdims: bool = False) -> Any:
    """Euclidean norm, by its largest entry: squares neither overflow nor vanish. Gradient 0 at the zero vector."""
    top = xp.stop_gradient(xp.max(xp.abs(x), axis=axis, keepdims=True))
    scale = xp.where((top == 0) | (top == inf), 1.0, top)
    scaled = x / scale
    size = scale * xp.sqrt(xp.sum(scaled * scaled, axis=axis, keepdims=True))
    return size if keepdims else xp.squeeze(size, axis=axis)


def unit_vectors(xp: Namespace, x: Any, /, *, axis: int) -> Any:
    """x / |x|; the zero vector has no direction: it stays 0, and its gradient is 0."""
    # Scaled first: |x| itself may overflow, and its reciprocal may.
    top = xp.stop_gradient(xp.max(xp.abs(x), axis=axis, keepdims=True))
    zero = top == 0
    x = xp.where(zero, 0.0, x / xp.where(zero, 1.0, top))
    size = xp.sqrt(xp.sum(x * x, axis=axis, keepdims=True))
    return x / xp.where(zero, 1.0, size)


def logsumexp_of_any(xp: Namespace, x: Any, /, *, axis: int, keepdims: bool = False) -> Any:
    """log Σ exp x; where nothing but −inf is added up it is −inf, with gradient 0."""
    top = xp.stop_gradient(xp.max(x, axis=axis, keepdims=True))
    top = xp.where((top == -inf) | (top == inf), 0.0, top)
    total = xp.sum(xp.exp(x - top), axis=axis, keepdims=True)
    nothing = total == 0
    result = xp.where(nothing, -inf, xp.log(xp.where(nothing, 1.0, total)) + top)
    return result if keepdims else xp.squeeze(result, axis=axis)


def half_exp_above_tangent_by_fraction(xp: Namespace, x: Any, /) -> tuple[Any, Callable[[], Any]]:
    """Up to |x| = 1 by Euler's continued fraction e^x = 1 + 2x / (2 − x + t), t = x² / (6 + x² / (10 + x² / (14 + …))),
    which turns the difference into the product x (x − t) / (2 − x + t); six levels are right to 1e-15 there.
    """
    near = xp.clip(x, -1.0, 1.0)
    square = near * near
    t = square / 26
    for level in (22, 18, 14, 10, 6):
        t = square / (level + t)
    s = xp.expm1(0.5 * x)
    rise = 0.5 * s * (s + 2)  # twice the range of ½ expm1(x), and no cancellation
    return xp.where(xp.abs(x) <= 1, 0.5 * near * (near - t) / (2 - near + t), rise - 0.5 * x), lambda: rise


# What the largest coordinate is raised to before it is squared: the squares of gaps from 1e-32 of it on are in range.
# Where its exponent is below the least, it is raised less, so that slopes on the way back are in range too.
RAISED, LEAST_EXPONENT = 2.0**45, -32


def distances_direct(xp: Namespace, x: Any, y: Any, /, *, squared: bool) -> Any:
    """By subtraction, which the matrix-product form |x|² + |y|² − 2x·y has lost near equal points."""
    if squared and 0 < x.shape[-1] <= 8:  # coordinate by coordinate: XLA on the CPU then takes a tenth of the time
        gaps = [xp.expand_dims(x[..., k], axis=-1) - xp.expand_dims(y[..., k], axis=-2) for k in range(x.shape[-1])]
        return reduce(add, (gap * gap for gap in gaps))
    difference = xp.expand_dims(x, axis=-2) - xp.expand_dims(y, axis=-3)
    return xp.sum(difference * difference, axis=-1) if squared else xp.norm(difference, axis=-1)


def window_moments_shifted(
    xp: Namespace, means: Any, variances: Any, shares: Sequence[float], /, *, axis: int
) -> tuple[Any, Any]:
    """Mean and variance of the mixtures, by their windows' middle: the two sums that are subtracted last are then never
    larger than 1 + 1 / shares[middle] times what is left, wherever the numbers lie.
    """
    middle = len(shares) // 2
    count = means.shape[axis] - len(shares) + 1

    def neighbour(x: Any, k: int) -> Any:
        return x[(slice(None),) * axis + (slice(k, k + count),)]

    centre = neighbour(means, middle)
    offset, square = xp.zeros_like(centre), xp.zeros_like(centre)
    within = None if variances is None else shares[middle] * neighbour(variances, middle)
    for k, share in enumerate(shares):
        if k != middle:
            step = neighbour(means, k) - centre
            offset = offset + share * step
            square = square + share * (step * step)
            within = None if within is None else within + share * neighbour(variances, k)
    between = square - offset * offset
    return centre + offset, between if within is None else between + within


def nearest_in_blocks(xp: Namespace, x: Any, y: Any, keep: Any, /, *, chunk_size: int | None) -> Any:
    """By the distances of all pairs, those of `chunk_size` of the `x` at a time."""
    # A power of two, which moves no digit, brings the squares of very large or very small numbers into range.
    top = xp.max(xp.abs(xp.reshape(xp.concat([x, y], axis=-2), (-1,))), axis=0)
    scale = xp.where(top > 2.0**60, 2.0**-70, xp.where(top < 2.0**-40, 2.0**80, xp.ones_like(top)))

    def search(x: Any, y: Any, *absent: Any) -> Any:
        table = xp.distances(x, y, squared=True)
        return xp.argmin(xp.where(absent[0], inf, table) if absent else table, axis=-1)

    shared = (y * scale,) if keep is None else (y * scale, xp.expand_dims(~keep, axis=-2))
    found = xp.by_rows(search, (x * scale,), shared, chunk_size=chunk_size, axis=len(x.shape) - 2)
    if keep is None:
        return found
    # Where no distance is finite, the first of those to keep: never one that is not.
    first = xp.argmin(xp.astype(~keep, x), axis=-1)
    return xp.where(xp.take_along_axis(keep, found, axis=-1), found, xp.expand_dims(first, axis=-1))
