"""Losses of a score against yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.backends import namespace
from ..._core.check import class_axis, floating, in_range, laid_along, per_class, real, same_shape
from ..._core.elementwise import pointwise_reduced
from ..._core.options import (
    array_or_none,
    class_options,
    fraction,
    is_single,
    known_reduction,
    non_negative,
    only,
    plain,
    smoothing,
    true_or_false,
)
from ..._core.reduce import Counted, counted
from ..._core.types import A, Axis, Bool, Float, Reduction
from .curves import cross_entropy, cross_entropy_of_probability, focal

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def binary_cross_entropy_loss(
    logits: Float[A, "*shape"],
    targets: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    from_logits: bool = True,
    pos_weight: float | Sequence[float] | A | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    channel_axis: int | None = None,
    axis: Axis = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How surprised the sigmoid of the logits is by yes-or-no answers, in nats: binary and multi-label classification.

        −v t log p − (1 − t) log(1 − p),  p = sigmoid(logits), t = (1 − ε) targets + ε / 2, v = pos_weight

    `pos_weight` scales the loss of positives and stays out of the denominator, as in torch.

    Args:
        logits: log-odds of yes, any shape; probabilities in [0, 1] if `from_logits` is False.
        targets: in [0, 1], of the shape of `logits`; booleans and integers are promoted.
        weights: a factor per item, of the shape of `logits` or a leading part of it; 0 drops the item.
        from_logits: False says that `logits` holds probabilities.
        pos_weight: > 0, how many times more a positive counts; one number, or one per class along `channel_axis`.
        label_smoothing: ε in [0, 1), pulls the targets towards ½.
        ignore_index: items with this target are as if removed; None ignores nothing.
        channel_axis: the class axis of a `pos_weight` with several numbers; 1 for torch, −1 for JAX and NumPy.
        axis: the axis or axes to reduce, with "mean" and "sum"; None reduces all.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [0, ∞), in nats; log 2 at logit 0, smallest (the entropy of t, 0 for hard targets) where p = t.
        A probability of exactly 0 for a positive costs ∞. Gradient: p − t for each logit.

    Raises:
        ValueError: shapes differ, targets (or probabilities) outside [0, 1], an option out of its range.
        TypeError: logits that are not floating point, or arrays of two frameworks.

    Source:
        Good 1952, "Rational decisions"; Bishop 2006, "Pattern recognition and machine learning", eq. 4.90.

    Example:
        >>> binary_cross_entropy_loss(np.array([0.0, 0.0]), np.array([0.0, 1.0])).round(4).item()  # log 2
        0.6931
    """
    name = "binary_cross_entropy_loss"
    true_or_false(name, from_logits=from_logits)
    smoothing(name, label_smoothing)
    single = is_single(pos_weight)
    if single and pos_weight is not None:
        pos_weight = non_negative(name, pos_weight=only(pos_weight))
    class_options(name, ignore_index, channel_axis, pos_weight=None if single else pos_weight)
    fill = 0.0 if from_logits else 0.5
    items = _answered(name, logits, targets, weights, ignore_index, axis, mask, normalizer, reduction, pos_weight, fill)
    xp = items.xp
    if single:
        pull: Any = 1.0 if pos_weight is None else pos_weight
    else:
        channel = class_axis(name, xp, channel_axis, items.logits)
        pull = per_class(name, xp, "pos_weight", pos_weight, items.logits.shape[channel], items.logits)
        pull = xp.broadcast_to(laid_along(xp, pull, channel, items.logits), items.logits.shape)
    logits = (
        items.logits
        if from_logits
        else in_range(name, xp, "logits", items.logits, 0.0, 1.0, note=" (probabilities, as from_logits=False says)")
    )
    formula = cross_entropy if from_logits else cross_entropy_of_probability
    given = (logits, items.targets) if single else (logits, items.targets, pull)
    options = {"pos_weight": pull} if single else {}
    return pointwise_reduced(
        name, xp, formula, given, items.counted, axis, normalizer, reduction, smoothing=label_smoothing, **options
    )


def binary_focal_loss(
    logits: Float[A, "*shape"],
    targets: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    alpha: float | A | None = 0.25,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    axis: Axis = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Binary cross entropy that fades out the items which are right already: rare positives among easy negatives.

        alpha_t (1 − p_t)^gamma BCE(logits, t),  p = sigmoid(logits), t = (1 − ε) targets + ε / 2
        p_t = p t + (1 − p)(1 − t),  alpha_t = alpha t + (1 − alpha)(1 − t)

    Args:
        logits: log-odds of yes, any shape.
        targets: in [0, 1], of the shape of `logits`; booleans and integers are promoted.
        weights: a factor per item, of the shape of `logits` or a leading part of it; 0 drops the item.
        alpha: in [0, 1], the weight of positives, 1 − alpha that of negatives; None weighs both with 1. The default
            is the paper's.
        gamma: ≥ 0; 0 is weighted cross entropy, larger values fade easy items more.
        label_smoothing: ε in [0, 1), pulls the targets towards ½.
        ignore_index: items with this target are as if removed; None ignores nothing.
        axis: the axis or axes to reduce, with "mean" and "sum"; None reduces all.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum" (the paper's detector divides by the
            number of positives).
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [0, ∞), in nats, at most the binary cross entropy; near 0 where p_t is near 1. Gradient: finite
        everywhere, for every gamma.

    Raises:
        ValueError: shapes differ, targets outside [0, 1], an option out of its range.
        TypeError: logits that are not floating point, or arrays of two frameworks.

    Source:
        Lin et al. 2017, "Focal loss for dense object detection", arXiv:1708.02002, eq. 5.

    Example:
        >>> binary_focal_loss(np.array([0.0]), np.array([1.0])).round(4).item()  # ¼ · ½² · log 2
        0.0433
    """
    name = "binary_focal_loss"
    class_options(name, ignore_index, None)
    if alpha is not None:
        alpha = fraction(name, alpha=alpha)
    plain(name, gamma=gamma)
    gamma = non_negative(name, gamma=gamma)
    smoothing(name, label_smoothing)
    items = _answered(name, logits, targets, weights, ignore_index, axis, mask, normalizer, reduction)
    arrays, options = (items.logits, items.targets), {"alpha": alpha, "gamma": gamma, "smoothing": label_smoothing}
    return pointwise_reduced(name, items.xp, focal, arrays, items.counted, axis, normalizer, reduction, **options)


class _Answered(NamedTuple):
    """What a loss of logits and yes-or-no targets starts from, once everything is checked."""

    xp: Namespace
    logits: Any
    targets: Any
    counted: Counted | None


def _answered(
    loss: str,
    logits: Any,
    targets: Any,
    weights: Any,
    ignore_index: int | None,
    axis: Axis,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
    pos_weight: Any = None,
    fill: float = 0.0,
) -> _Answered:
    known_reduction(loss, reduction, axis, normalizer)
    xp = namespace(
        loss, logits=logits, targets=targets, weights=weights, mask=mask, pos_weight=array_or_none(pos_weight)
    )
    same_shape(loss, logits=logits, targets=targets)
    floating(loss, xp, logits=logits)
    real(loss, xp, targets=targets)
    ignored = None if ignore_index is None else targets == ignore_index
    logits, targets = xp.promote(logits, targets)
    items = counted(loss, xp, logits.shape, weights, mask, logits, dropped=ignored)
    if items is not None:
        logits, targets = xp.select(items.keep, logits, fill), xp.select(items.keep, targets, fill)
    targets = in_range(loss, xp, "targets", targets, 0.0, 1.0)
    return _Answered(xp, logits, targets, items)
