"""Losses of axis-aligned boxes: how far a predicted box is from its target, whatever their size and place.

Everything is made of differences between the two boxes' edges, each axis in units of the smallest box around both: a
box far from the origin, very large or very small loses no digits, and neither does a loss next to 0.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .._core.backends import namespace
from .._core.check import checking, described, floating, real, refuse, same_shape
from .._core.options import known_reduction, one_of, plain, positive
from .._core.reduce import counted, reduce
from .._core.types import A, Bool, Float, Reduction

if TYPE_CHECKING:
    from .._core.backends.protocol import Namespace

__all__ = ["iou_loss", "giou_loss", "diou_loss", "ciou_loss"]

BoxFormat = Literal["xyxy", "xywh", "cxcywh"]

_RIGHT_WAY: dict[str, str] = {"xyxy": "x1 <= x2 and y1 <= y2", "xywh": "w and h >= 0", "cxcywh": "w and h >= 0"}


def iou_loss(
    boxes_pred: Float[A, "*items 4"],
    boxes_target: Float[A, "*items 4"],
    weights: Float[A, "*leading"] | None = None,
    *,
    fmt: BoxFormat = "xyxy",
    power: float = 1.0,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """The share of two boxes' union that is not in both.

        1 − IoU^power,  IoU = |pred ∩ target| / |pred ∪ target|

    Boxes that do not overlap all have loss 1 and no gradient; `giou_loss`, `diou_loss` and `ciou_loss` have one there.
    An axis on which both boxes are one and the same point does not count, so two equal lines or points have IoU 1.
    Otherwise a union without area has IoU 0.

    Args:
        boxes_pred: one box along the last axis, any shape before it, any unit.
        boxes_target: boxes of the shape and the unit of `boxes_pred`; integers are promoted.
        weights: a factor per box, of the shape of `boxes_pred` without its last axis or a leading part of it; 0 drops
            the box.
        fmt: "xyxy" (two corners, x1 ≤ x2 and y1 ≤ y2), "xywh" (corner x1, y1 and sides) or "cxcywh" (centre and sides).
        power: > 0, the α of α-IoU: above 1 it stresses boxes that already fit well, below 1 those that do not.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum" (the number of positives, say).
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none" (one
            per box).

    Returns:
        In [0, 1], without unit: the same for boxes shifted or scaled together. 0 only for equal boxes. Gradient: 0 for
        boxes that do not overlap and for equal ones; of two one-sided slopes, where edges meet, the mean.

    Raises:
        ValueError: shapes differ or do not end in 4, a box with a negative side, an unknown `fmt`, an option out of
            its range. Where values cannot be looked at, such a box has loss 1 and no gradient.
        TypeError: predictions that are not floating point, or arrays of two frameworks.

    Source:
        Rezatofighi et al. 2019, "Generalized intersection over union", arXiv:1902.09630, algorithm 2; power: He et al.
        2021, "Alpha-IoU", arXiv:2110.13675, section 3.

    Example:
        >>> pred, target = np.array([0.0, 0.0, 2.0, 2.0]), np.array([1.0, 0.0, 3.0, 2.0])
        >>> iou_loss(pred, target).round(4).item()  # 1 − 2 / 6
        0.6667
    """
    return _per_pair(
        "iou_loss", _iou, boxes_pred, boxes_target, weights, fmt, power, mask, normalizer, reduction, worst=1.0
    )


def giou_loss(
    boxes_pred: Float[A, "*items 4"],
    boxes_target: Float[A, "*items 4"],
    weights: Float[A, "*leading"] | None = None,
    *,
    fmt: BoxFormat = "xyxy",
    power: float = 1.0,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """`iou_loss`, plus how empty the smallest box around both is: it draws boxes together that do not overlap.

        1 − IoU^power + (|hull ∖ (pred ∪ target)| / |hull|)^power,  hull the smallest box that holds both

    An axis on which both boxes are one and the same point does not count, so two equal lines or points have loss 0.

    Args:
        boxes_pred: one box along the last axis, any shape before it, any unit.
        boxes_target: boxes of the shape and the unit of `boxes_pred`; integers are promoted.
        weights: a factor per box, of the shape of `boxes_pred` without its last axis or a leading part of it; 0 drops
            the box.
        fmt: "xyxy" (two corners, x1 ≤ x2 and y1 ≤ y2), "xywh" (corner x1, y1 and sides) or "cxcywh" (centre and sides).
        power: > 0, the α of α-IoU: above 1 it stresses boxes that already fit well, below 1 those that do not.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum" (the number of positives, say).
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none" (one
            per box).

    Returns:
        In [0, 2], without unit: the same for boxes shifted or scaled together. 0 only for equal boxes, 1 or more for
        boxes that do not overlap, towards 2 far apart (or for points). Gradient: finite, not 0 for boxes that do not
        overlap, 0 for equal ones.

    Raises:
        ValueError: shapes differ or do not end in 4, a box with a negative side, an unknown `fmt`, an option out of
            its range. Where values cannot be looked at, such a box has loss 2 and no gradient.
        TypeError: predictions that are not floating point, or arrays of two frameworks.

    Source:
        Rezatofighi et al. 2019, "Generalized intersection over union", arXiv:1902.09630, algorithms 1 and 2; power: He
        et al. 2021, "Alpha-IoU", arXiv:2110.13675, section 3.

    Example:
        >>> pred, target = np.array([0.0, 0.0, 1.0, 1.0]), np.array([2.0, 0.0, 4.0, 1.0])
        >>> giou_loss(pred, target).item()  # apart: 1 + (4 − 3) / 4
        1.25
    """
    return _per_pair(
        "giou_loss", _giou, boxes_pred, boxes_target, weights, fmt, power, mask, normalizer, reduction, worst=2.0
    )


def diou_loss(
    boxes_pred: Float[A, "*items 4"],
    boxes_target: Float[A, "*items 4"],
    weights: Float[A, "*leading"] | None = None,
    *,
    fmt: BoxFormat = "xyxy",
    power: float = 1.0,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """`iou_loss`, plus how far apart the centres are: converges faster than `giou_loss` where one box holds the other.

        1 − IoU^power + (distance² / diagonal²)^power,  between the centres, and of the smallest box that holds both

    An axis on which both boxes are one and the same point does not count, so two equal lines or points have loss 0.

    Args:
        boxes_pred: one box along the last axis, any shape before it, any unit.
        boxes_target: boxes of the shape and the unit of `boxes_pred`; integers are promoted.
        weights: a factor per box, of the shape of `boxes_pred` without its last axis or a leading part of it; 0 drops
            the box.
        fmt: "xyxy" (two corners, x1 ≤ x2 and y1 ≤ y2), "xywh" (corner x1, y1 and sides) or "cxcywh" (centre and sides).
        power: > 0, the α of α-IoU: above 1 it stresses boxes that already fit well, below 1 those that do not.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum" (the number of positives, say).
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none" (one
            per box).

    Returns:
        In [0, 2], without unit: the same for boxes shifted or scaled together. 0 only for equal boxes, 1 or more for
        boxes that do not overlap. Gradient: finite and not 0 for boxes that do not overlap; 0 for equal ones.

    Raises:
        ValueError: shapes differ or do not end in 4, a box with a negative side, an unknown `fmt`, an option out of
            its range. Where values cannot be looked at, such a box has loss 2 and no gradient.
        TypeError: predictions that are not floating point, or arrays of two frameworks.

    Source:
        Zheng et al. 2020, "Distance-IoU loss", arXiv:1911.08287, eq. 7; power: He et al. 2021, "Alpha-IoU",
        arXiv:2110.13675, section 3.

    Example:
        >>> pred, target = np.array([0.0, 0.0, 1.0, 1.0]), np.array([2.0, 0.0, 3.0, 1.0])
        >>> diou_loss(pred, target).item()  # apart: 1 + 2² / (3² + 1²)
        1.4
    """
    return _per_pair(
        "diou_loss", _diou, boxes_pred, boxes_target, weights, fmt, power, mask, normalizer, reduction, worst=2.0
    )


def ciou_loss(
    boxes_pred: Float[A, "*items 4"],
    boxes_target: Float[A, "*items 4"],
    weights: Float[A, "*leading"] | None = None,
    *,
    fmt: BoxFormat = "xyxy",
    power: float = 1.0,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """`diou_loss`, plus how much the shapes differ: overlap, distance of the centres and aspect ratio.

        1 − IoU^power + (distance² / diagonal²)^power + (α v)^power
        v = (2 / π · (atan(w_target / h_target) − atan(w_pred / h_pred)))²,  α = v / (1 − IoU + v)

    α is a constant to the gradient, as in the paper. A point has no shape: v is 0 there. The gradient is that of the
    formula; the paper's own code leaves the factor 1 / (w² + h²) out of that of v.

    Args:
        boxes_pred: one box along the last axis, any shape before it, any unit.
        boxes_target: boxes of the shape and the unit of `boxes_pred`; integers are promoted.
        weights: a factor per box, of the shape of `boxes_pred` without its last axis or a leading part of it; 0 drops
            the box.
        fmt: "xyxy" (two corners, x1 ≤ x2 and y1 ≤ y2), "xywh" (corner x1, y1 and sides) or "cxcywh" (centre and sides).
        power: > 0, the α of α-IoU: above 1 it stresses boxes that already fit well, below 1 those that do not.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum" (the number of positives, say).
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none" (one
            per box).

    Returns:
        In [0, 2.5), without unit: the same for boxes shifted or scaled together. 0 only for equal boxes, 1 or more for
        boxes that do not overlap. Gradient: finite, for lines and points too; not 0 for boxes that do not overlap; 0
        for equal ones.

    Raises:
        ValueError: shapes differ or do not end in 4, a box with a negative side, an unknown `fmt`, an option out of
            its range. Where values cannot be looked at, such a box has loss 3 and no gradient.
        TypeError: predictions that are not floating point, or arrays of two frameworks.

    Source:
        Zheng et al. 2020, "Distance-IoU loss", arXiv:1911.08287, eq. 8–11; power: He et al. 2021, "Alpha-IoU",
        arXiv:2110.13675, section 3.

    Example:
        >>> pred, target = np.array([0.0, 0.0, 2.0, 2.0]), np.array([0.0, 0.0, 2.0, 2.0])
        >>> ciou_loss(pred, target).item()
        0.0
    """
    return _per_pair(
        "ciou_loss", _ciou, boxes_pred, boxes_target, weights, fmt, power, mask, normalizer, reduction, worst=3.0
    )


# ---- the frame ----


def _per_pair(
    loss: str,
    formula: Callable[..., Any],
    boxes_pred: Any,
    boxes_target: Any,
    weights: Any,
    fmt: str,
    power: float,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
    *,
    worst: float,
) -> Any:
    """`formula(xp, pair, power)` → one loss per box, checked before and reduced after."""
    one_of(loss, "fmt", fmt, tuple(_RIGHT_WAY))
    plain(loss, power=power)
    power = positive(loss, power=power)
    known_reduction(loss, reduction, None, normalizer)
    xp = namespace(loss, boxes_pred=boxes_pred, boxes_target=boxes_target, weights=weights, mask=mask)
    same_shape(loss, boxes_pred=boxes_pred, boxes_target=boxes_target)
    if tuple(boxes_pred.shape)[-1:] != (4,):
        raise ValueError(f"{loss}: expected boxes of shape (..., 4); got {described(boxes_pred=boxes_pred)}")
    floating(loss, xp, boxes_pred=boxes_pred)
    real(loss, xp, boxes_target=boxes_target)
    pred, target = xp.promote(boxes_pred, boxes_target)
    items = counted(loss, xp, pred.shape[:-1], weights, mask, pred)
    if items is not None:  # two equal points: loss 0
        keep = xp.expand_dims(items.keep, axis=-1)
        pred, target = xp.select(keep, pred, 0.0), xp.select(keep, target, 0.0)
    pred, target = 0.25 * pred, 0.25 * target  # which costs no digit: then no sum of sides overflows
    turned = _turned(loss, xp, fmt, boxes_pred=pred, boxes_target=target)
    if turned is not None:
        keep = ~xp.expand_dims(turned, axis=-1)
        pred, target = xp.where(keep, pred, 0.0), xp.where(keep, target, 0.0)
    pair = xp.quietly(_pair, xp, pred, target, fmt)
    losses = xp.quietly(formula, xp, pair, power)
    if turned is not None:
        losses = xp.where(turned, worst, losses)
    return reduce(loss, xp, losses, items, normalizer=normalizer, reduction=reduction)


def _turned(loss: str, xp: Namespace, fmt: str, **boxes: Any) -> Any:
    """Which pairs (of boxes / 4) hold one with a negative side, an error where that is seen; None if there is none."""
    found = None
    for name, array in boxes.items():
        sides = xp.quietly(_sides, array, fmt)
        expected = f"{loss}: expected {name} with sides >= 0 ({_RIGHT_WAY[fmt]}, as fmt {fmt!r} says); got sides"
        if xp.visible(sides):
            if 0 in sides.shape:
                continue
            least, most = xp.extent(sides)
            if least >= 0:
                continue
            if least < 0 and checking.level is not False:  # a NaN is not: it goes through, to be seen in the result
                raise ValueError(f"{expected} from {4 * least:g} to {4 * most:g}")
        turned = xp.any(sides < 0, axis=-1)
        if checking.level:
            refuse(xp, ~turned, f"{expected} below 0")
        found = turned if found is None else found | turned
    return found


def _sides(boxes: Any, fmt: str) -> Any:
    return boxes[..., 2:] - boxes[..., :2] if fmt == "xyxy" else boxes[..., 2:]


# ---- the formulas, per axis (the last one, of size 2) and in units of the hull ----


class _Pair(NamedTuple):
    """Two boxes by their differences. Nothing is a difference of other lengths, which would cancel."""

    low: Any  # pred's low edge less target's
    high: Any  # pred's high edge less target's
    pred: Any  # sides
    target: Any
    inner: Any  # side of the intersection; negative across a gap
    hull: Any  # side of the smallest box that holds both
    growth: Any  # pred's side less target's


def _pair(xp: Namespace, pred: Any, target: Any, fmt: str) -> _Pair:
    first_pred, last_pred, first_target, last_target = pred[..., :2], pred[..., 2:], target[..., :2], target[..., 2:]
    shift = first_pred - first_target
    if fmt == "xyxy":
        low, high = shift, last_pred - last_target
        side_pred, side_target, growth = last_pred - first_pred, last_target - first_target, high - low
        reach_pred, reach_target = last_pred - first_target, last_target - first_pred
    else:
        below = 0.5 if fmt == "cxcywh" else 0.0  # the share of a side that lies below the point the box is given by
        side_pred, side_target, growth = last_pred, last_target, last_pred - last_target
        low, high = shift - below * growth, shift + (1 - below) * growth
        reach_pred = shift + (1 - below) * side_pred + below * side_target
        reach_target = (1 - below) * side_target + below * side_pred - shift
    # Which box's edges bound the intersection: 1 pred's, 0 target's, and ½ where they meet, as for the slope of |x|.
    by_low = xp.stop_gradient(0.5 + 0.5 * xp.sign(low))
    by_high = xp.stop_gradient(0.5 - 0.5 * xp.sign(high))
    inner = by_high * (by_low * side_pred + (1 - by_low) * reach_pred)
    inner = inner + (1 - by_high) * (by_low * reach_target + (1 - by_low) * side_target)
    hull = 0.5 * (side_pred + side_target + (xp.abs(low) + xp.abs(high)))
    return _Pair(low, high, side_pred, side_target, inner, hull, growth)


def _in_hulls(xp: Namespace, pair: _Pair) -> _Pair:
    """Each axis in units of the hull's side; where both boxes are one point every side is 1: it does not count."""
    point = pair.hull == 0
    unit = xp.stop_gradient(xp.where(point, 1.0, pair.hull))

    def side(length: Any) -> Any:
        return xp.where(point, 1.0, length / unit)

    low, high, growth = (xp.where(point, 0.0, length / unit) for length in (pair.low, pair.high, pair.growth))
    return _Pair(low, high, side(pair.pred), side(pair.target), side(pair.inner), side(pair.hull), growth)


def _iou(xp: Namespace, pair: _Pair, power: float) -> Any:
    return _lost(xp, *_areas(xp, _in_hulls(xp, pair)), power)


def _giou(xp: Namespace, pair: _Pair, power: float) -> Any:
    pair = _in_hulls(xp, pair)
    single, shared = _areas(xp, pair)
    empty = _share(xp, _empty(xp, pair), single + shared)
    return _lost(xp, single, shared, power) + _powered(xp, empty, power)


def _diou(xp: Namespace, pair: _Pair, power: float) -> Any:
    return _iou(xp, pair, power) + _powered(xp, _distance(xp, pair), power)


def _ciou(xp: Namespace, pair: _Pair, power: float) -> Any:
    single, shared = _areas(xp, _in_hulls(xp, pair))
    shape = (2 / pi * _angle_between_shapes(xp, pair)) ** 2
    total = _share(xp, single, shared) + shape
    trade_off = xp.stop_gradient(shape / xp.where(total == 0, 1.0, total))
    near = _lost(xp, single, shared, power) + _powered(xp, _distance(xp, pair), power)
    return near + _powered(xp, trade_off * shape, power)


def _areas(xp: Namespace, pair: _Pair) -> tuple[Any, Any]:
    """The area that is in one box alone, by parts that are (a difference of areas would cancel), and that in both."""
    apart = pair.inner < 0
    inner = xp.where(apart, 0.0, pair.inner)
    only_pred, only_target = _beyond(xp, pair)
    single = _area_beyond(xp.where(apart, pair.pred, only_pred), pair.pred, inner)
    single = single + _area_beyond(xp.where(apart, pair.target, only_target), pair.target, inner)
    return single, inner[..., 0] * inner[..., 1]


def _lost(xp: Namespace, single: Any, shared: Any, power: float) -> Any:
    """1 − IoU^power."""
    lost = _share(xp, single, shared)
    if power == 1:
        return lost
    near = lost < 0.5
    by_lost = -xp.expm1(power * xp.log1p(-xp.where(near, lost, 0.0)))
    iou = xp.where(shared == 0, 0.0 * shared, _share(xp, shared, single))
    return xp.where(near, by_lost, 1 - _powered(xp, iou, power))


def _area_beyond(beyond: Any, side: Any, inner: Any) -> Any:
    return beyond[..., 0] * side[..., 1] + inner[..., 0] * beyond[..., 1]


def _beyond(xp: Namespace, pair: _Pair) -> tuple[Any, Any]:
    """How far pred reaches beyond target, and target beyond pred, where they overlap."""
    return _above(xp, -pair.low) + _above(xp, pair.high), _above(xp, pair.low) + _above(xp, -pair.high)


def _above(xp: Namespace, x: Any) -> Any:
    """max(x, 0), with slope ½ at 0: pulls from the two sides of an edge that meets the other box's then cancel."""
    return 0.5 * (xp.abs(x) + x)


def _share(xp: Namespace, part: Any, rest: Any) -> Any:
    """part / (part + rest) by the smaller over the larger, whose slope does not cancel; 1 for 0 / 0."""
    less = part < rest
    large = xp.where(less, rest, part)
    ratio = xp.where(less, part, rest) / xp.where(large == 0, 1.0, large)
    return xp.where(less, ratio, 1.0) / (1 + ratio)


def _powered(xp: Namespace, x: Any, power: float) -> Any:
    """x^power, with slope 0 at 0."""
    if power == 1:
        return x
    zero = x == 0
    return xp.where(zero, 0.0, xp.where(zero, 1.0, x) ** power)


def _empty(xp: Namespace, pair: _Pair) -> Any:
    """The area of the hull that is in neither box."""
    only_pred, only_target = _beyond(xp, pair)
    gap = xp.where(pair.inner < 0, -pair.inner, 0.0)

    def apart(along: int, across: int) -> Any:
        beside = pair.pred[..., along] * only_target[..., across] + pair.target[..., along] * only_pred[..., across]
        return gap[..., along] * pair.hull[..., across] + beside

    # Boxes that overlap leave those corners empty whose two outer edges belong to different boxes.
    low_x, low_y, high_x, high_y = pair.low[..., 0], pair.low[..., 1], pair.high[..., 0], pair.high[..., 1]
    corners = _above(xp, -low_x * low_y) + _above(xp, low_x * high_y)
    corners = corners + (_above(xp, high_x * low_y) + _above(xp, -high_x * high_y))
    return xp.where(gap[..., 0] > 0, apart(0, 1), xp.where(gap[..., 1] > 0, apart(1, 0), corners))


def _distance(xp: Namespace, pair: _Pair) -> Any:
    """The squared distance of the centres over the squared diagonal of the hull."""
    unit = _longer(xp, pair.hull)
    shift, hull = 0.5 * (pair.low + pair.high) / unit, pair.hull / unit
    diagonal = xp.sum(hull * hull, axis=-1)
    return xp.sum(shift * shift, axis=-1) / xp.where(diagonal == 0, 1.0, diagonal)


def _longer(xp: Namespace, sides: Any) -> Any:
    """The longer side as a unit; 1 for a point."""
    longer = xp.stop_gradient(xp.max(sides, axis=-1, keepdims=True))
    return xp.where(longer == 0, 1.0, longer)


def _angle_between_shapes(xp: Namespace, pair: _Pair) -> Any:
    """atan(w_target / h_target) − atan(w_pred / h_pred) as one angle: neither cancels nor divides by a side."""
    unit = _longer(xp, pair.target)
    pred, target = pair.pred / _longer(xp, pair.pred), pair.target / unit
    # Of boxes nearly alike the cross product cancels, unless it is taken with their difference.
    alike = xp.abs(pair.low) + xp.abs(pair.high) < pair.target
    alike = alike[..., 0] & alike[..., 1]
    growth = xp.where(xp.expand_dims(alike, axis=-1), pair.growth, 0.0 * pair.growth) / unit
    cross = xp.where(
        alike,
        pred[..., 0] * growth[..., 1] - pred[..., 1] * growth[..., 0],
        target[..., 0] * pred[..., 1] - pred[..., 0] * target[..., 1],
    )
    dot = pred[..., 0] * target[..., 0] + pred[..., 1] * target[..., 1]
    steep = xp.abs(cross) > dot
    base = xp.where(steep, cross, dot)
    angle = xp.atan(xp.where(steep, dot, cross) / xp.where(base == 0, 1.0, base))
    return xp.where(steep, xp.stop_gradient(xp.sign(cross)) * (pi / 2) - angle, angle)
