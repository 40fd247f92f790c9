"""Losses of scores against one of many classes.

Everything here rests on `xp.surprise`, −log p of one class under the softmax, which keeps its digits where p is near 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.backends import namespace
from ..._core.check import (
    checking,
    class_axis,
    described,
    dtype_name,
    floating,
    laid_along,
    per_class,
    refuse,
    rows_in_range,
)
from ..._core.options import (
    array_or_none,
    class_options,
    is_single,
    known_reduction,
    non_negative,
    only,
    plain,
    smoothing,
)
from ..._core.reduce import Counted, counted, reduce
from ..._core.types import A, Bool, Float, Int, Reduction

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def cross_entropy_loss(
    logits: Float[A, "*batch classes"],
    labels: Int[A, "*batch"],
    weights: Float[A, "*leading"] | None = None,
    *,
    class_weights: Sequence[float] | A | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = -100,
    channel_axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How surprised the softmax of the logits is by the true class, in nats.

        −v_y log p_y,  p = softmax(logits), y the label, v = class_weights
        with smoothing ε over K classes:  −(1 − ε) v_y log p_y − (ε / K) Σ_c v_c log p_c

    The mean divides by Σ w_i v_{y_i}: the weight that the labels carry, before smoothing.

    Args:
        logits: unnormalised log-probabilities, with classes along `channel_axis`; any shape otherwise (dense
            prediction too).
        labels: class indices in [0, K), of the shape of `logits` without its class axis.
        weights: a factor per item, of the shape of `labels` or a leading part of it; 0 drops the item.
        class_weights: one factor ≥ 0 per class.
        label_smoothing: ε in [0, 1), the share of the target that is spread evenly over all K classes.
        ignore_index: items with this label are as if removed; None ignores nothing.
        channel_axis: the class axis; 1 for torch, −1 for JAX and NumPy.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wvℓ / Σ wv), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [0, ∞), in nats; log K for equal logits, near 0 only where p_y is near 1 (with smoothing never 0).
        Gradient: p − target, within ±1 for each logit before weights.

    Raises:
        ValueError: shapes that do not fit, a label out of range, class_weights of the wrong length, an option out of
            its range.
        TypeError: labels that are not integers (probabilities go to `soft_cross_entropy_loss`), logits that are not
            floating point.

    Source:
        Good 1952, "Rational decisions"; label smoothing: Szegedy et al. 2016, arXiv:1512.00567, §7.

    Example:
        >>> cross_entropy_loss(np.array([[0.0, 0.0, 0.0, 0.0]]), np.array([2])).round(4).item()  # log 4
        1.3863
    """
    name = "cross_entropy_loss"
    smoothing(name, label_smoothing)
    items = labelled(
        name, logits, labels, weights, class_weights, ignore_index, channel_axis, mask, normalizer, reduction
    )
    losses = entropies(items, label_smoothing)
    return reduced(name, items, losses, normalizer, reduction)


def entropies(items: Indexed, label_smoothing: float) -> Any:
    """The cross entropy of each label, smoothed and weighted by its class."""
    xp = items.xp
    if items.class_weights is None:  # −log p_c = −log p_y + (x_y − x_c): the even share needs no second softmax
        return surprise(xp, items, spread=label_smoothing / items.classes)
    losses = surprise(xp, items)
    return xp.quietly(_smoothed, items, losses, label_smoothing) if label_smoothing else items.label_weight * losses


def _smoothed(items: Indexed, losses: Any, smoothing: float) -> Any:
    xp, axis, logits = items.xp, items.axis, items.logits
    gaps = xp.take_along_axis(logits, xp.expand_dims(items.index, axis=axis), axis=axis) - logits
    spread = smoothing / items.classes
    v = laid_along(xp, items.class_weights, axis, logits)
    gaps = xp.where(v == 0, 0.0, gaps)  # an impossible class of weight 0: 0 · ∞ is 0 here
    share = (1 - smoothing) * items.label_weight + spread * xp.sum(items.class_weights, axis=None)
    return share * losses + spread * xp.sum(v * gaps, axis=axis)


def soft_cross_entropy_loss(
    logits: Float[A, "*batch classes"],
    probs: Float[A, "*batch classes"],
    weights: Float[A, "*leading"] | None = None,
    *,
    class_weights: Sequence[float] | A | None = None,
    label_smoothing: float = 0.0,
    channel_axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Cross entropy against a distribution over the classes (mixup, distillation, several annotators), in nats.

        −Σ_c v_c q_c log p_c,  p = softmax(logits), q = (1 − ε) probs + (ε / K) Σ probs, v = class_weights

    The mean divides by Σ_i w_i Σ_c v_c probs_ic, so one-hot targets give what `cross_entropy_loss` gives for their
    labels; without
    class weights the divisor is Σ_i w_i, whatever a row of `probs` sums to.

    Args:
        logits: unnormalised log-probabilities, with classes along `channel_axis`.
        probs: target probabilities in [0, 1], of the shape of `logits`.
        weights: a factor per item, of the shape of `logits` without its class axis or a leading part of it; 0 drops
            the item.
        class_weights: one factor ≥ 0 per class.
        label_smoothing: ε in [0, 1), the share of the target that is spread evenly over all K classes.
        channel_axis: the class axis; 1 for torch, −1 for JAX and NumPy.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean", "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [H(q), ∞), in nats, smallest where p = q; H(q) is the entropy of the target. Gradient: p − q for each
        logit, if q sums to 1.

    Raises:
        ValueError: shapes that do not fit, a probability outside [0, 1], class_weights of the wrong length, an
            option out of its range.
        TypeError: probs that are class indices (they go to `cross_entropy_loss`), logits that are not floating point.

    Source:
        Good 1952, "Rational decisions"; soft targets: Hinton et al. 2015, arXiv:1503.02531, §2.

    Example:
        >>> soft_cross_entropy_loss(np.array([[0.0, 0.0]]), np.array([[0.5, 0.5]])).round(4).item()  # log 2
        0.6931
    """
    name = "soft_cross_entropy_loss"
    class_options(name, None, channel_axis, class_weights=class_weights)
    smoothing(name, label_smoothing)
    known_reduction(name, reduction, None, normalizer)
    xp = namespace(
        name, logits=logits, probs=probs, weights=weights, mask=mask, class_weights=array_or_none(class_weights)
    )
    floating(name, xp, logits=logits)
    floating(name, xp, "; for class indices use cross_entropy_loss", probs=probs)
    if probs.shape != logits.shape:
        got = described(logits=logits, probs=probs)
        raise ValueError(f"{name}: expected arrays of one shape; got {got}; for class indices use cross_entropy_loss")
    axis = class_axis(name, xp, channel_axis, logits)
    logits, probs = xp.promote(logits, probs)
    items = counted(name, xp, _without(axis, logits.shape), weights, mask, logits)
    if items is not None:
        keep = xp.expand_dims(xp.broadcast_to(items.keep, _without(axis, logits.shape)), axis=axis)
        logits, probs = xp.select(keep, logits, 0.0), xp.select(keep, probs, 0.0)
    probs, poison = rows_in_range(name, xp, "probs", probs, 0.0, 1.0, axis=axis)
    divisor = None
    shares = probs
    if label_smoothing:
        spread = label_smoothing / logits.shape[axis]
        shares = (1 - label_smoothing) * probs + spread * xp.sum(probs, axis=axis, keepdims=True)
    if class_weights is not None:
        v = laid_along(
            xp, per_class(name, xp, "class_weights", class_weights, logits.shape[axis], logits), axis, logits
        )
        shares = v * shares
        divisor = xp.sum(v * probs, axis=axis)
        divisor = divisor if items is None else divisor * items.factor
    losses = xp.quietly(_cross_entropy, xp, logits, shares, axis, class_weights is None)
    losses = losses if poison is None else poison * losses
    return reduce(name, xp, losses, items, normalizer=normalizer, reduction=reduction, divisor=divisor)


def _cross_entropy(xp: Namespace, logits: Any, shares: Any, axis: int, unweighted: bool) -> Any:
    """−Σ_c shares_c log p_c"""

    def by_gaps(logits: Any, shares: Any) -> Any:
        """Σ_c shares_c (x_top − x_c) − (Σ shares) log p_top: terms ≥ 0 only, so nothing cancels."""
        # 0 · ∞ is 0: a class that is impossible and asked for by no one costs nothing.
        least, gaps = _below_top(xp, logits, axis, (logits == -inf) & (shares == 0))
        return xp.sum(shares * gaps, axis=axis) + xp.sum(shares, axis=axis) * least

    return xp.soft_surprise(logits, shares, by_gaps, axis=axis) if unweighted else by_gaps(logits, shares)


def _below_top(xp: Namespace, logits: Any, axis: int, without: Any = None) -> tuple[Any, Any]:
    """−log p of the likeliest class, and by how much each class is more surprising: terms ≥ 0, 0 for those `without`.

    No gap at the top itself, whose gradient would drown in rounding.
    """
    index = xp.argmax(logits, axis=axis)
    top = xp.take_along_axis(logits, xp.expand_dims(index, axis=axis), axis=axis)
    least = xp.surprise(logits, index, axis=axis)
    itself = xp.positions(logits, axis=axis) == xp.expand_dims(index, axis=axis)
    nothing = itself if without is None else itself | without
    return least, xp.where(nothing, 0.0, top - logits)


def focal_loss(
    logits: Float[A, "*batch classes"],
    labels: Int[A, "*batch"],
    weights: Float[A, "*leading"] | None = None,
    *,
    alpha: float | Sequence[float] | A | None = None,
    gamma: float = 2.0,
    label_smoothing: float = 0.0,
    ignore_index: int | None = -100,
    channel_axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Softmax cross entropy that fades out the items which are right already.

        −alpha_y (1 − p_y)^gamma log p_y,  p = softmax(logits), y the label
        with smoothing ε over K classes:  (1 − ε) ℓ_y + (ε / K) Σ_c ℓ_c,  ℓ_c the above for class c

    `alpha` scales the loss and stays out of the denominator: the mean is over the items that count, as in the
    paper's detector code.

    Args:
        logits: unnormalised log-probabilities, with classes along `channel_axis`; any shape otherwise (dense
            prediction too).
        labels: class indices in [0, K), of the shape of `logits` without its class axis.
        weights: a factor per item, of the shape of `labels` or a leading part of it; 0 drops the item.
        alpha: one factor ≥ 0 per class, which balances the classes; or one number for all, which only rescales the
            loss.
        gamma: ≥ 0; 0 is cross entropy, larger values fade easy items more.
        label_smoothing: ε in [0, 1), the share of the target that is spread evenly over all K classes.
        ignore_index: items with this label are as if removed; None ignores nothing.
        channel_axis: the class axis; 1 for torch, −1 for JAX and NumPy.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [0, ∞), in nats, at most the cross entropy if alpha ≤ 1; near 0 only where p_y is near 1 (with smoothing
        never 0). Gradient: finite everywhere, for every gamma; without smoothing 0 where p_y = 1.

    Raises:
        ValueError: shapes that do not fit, a label out of range, alpha of the wrong length, gamma < 0.
        TypeError: labels that are not integers, logits that are not floating point.

    Source:
        Lin et al. 2017, "Focal loss for dense object detection", arXiv:1708.02002, eq. 5, with the softmax's p_y for
        p_t; smoothed as in Keras (`CategoricalFocalCrossentropy`).

    Example:
        >>> focal_loss(np.array([[0.0, 0.0]]), np.array([1])).round(4).item()  # ½² log 2
        0.1733
    """
    name = "focal_loss"
    plain(name, gamma=gamma)
    gamma = non_negative(name, gamma=gamma)
    smoothing(name, label_smoothing)
    single = is_single(alpha)
    if single and alpha is not None:
        alpha = non_negative(name, alpha=only(alpha))
    items = labelled(
        name,
        logits,
        labels,
        weights,
        None if single else alpha,
        ignore_index,
        channel_axis,
        mask,
        normalizer,
        reduction,
        "alpha",
    )
    xp = items.xp
    if label_smoothing:
        losses = _where_valid(xp, items, xp.quietly(_smoothed_focal, items, gamma, label_smoothing))
    else:
        losses = xp.pointwise(_faded, surprise(xp, items), gamma=gamma)
        losses = losses if items.class_weights is None else items.label_weight * losses
    if single and alpha is not None:
        losses = (alpha if array_or_none(alpha) is None else xp.astype(alpha, losses)) * losses
    return reduced(name, items, losses, normalizer, reduction, weighted_mean=False)


def _smoothed_focal(items: Indexed, gamma: float, smoothing: float) -> Any:
    xp, axis = items.xp, items.axis
    least, gaps = _below_top(xp, items.logits, axis)
    losses = xp.pointwise(_faded, xp.expand_dims(least, axis=axis) + gaps, gamma=gamma)
    if items.class_weights is not None:
        v = laid_along(xp, items.class_weights, axis, losses)
        losses = v * xp.where(v == 0, 0.0, losses)  # an impossible class of weight 0: 0 · ∞ is 0 here
    own = xp.take_along_axis(losses, xp.expand_dims(items.index, axis=axis), axis=axis)
    return (1 - smoothing) * xp.squeeze(own, axis=axis) + smoothing / items.classes * xp.sum(losses, axis=axis)


def _faded(xp: Namespace, surprise: Any, *, gamma: float) -> Any:
    """(1 − p)^gamma s for s = −log p."""
    miss = -xp.expm1(-surprise)
    certain = miss == 0
    fade = xp.where(certain, 0.0, xp.where(certain, 1.0, miss) ** gamma) if gamma else xp.ones_like(surprise)

    def slope() -> Any:
        held = xp.minimum(surprise, 1e3)  # where p is 0: 0 · ∞
        small = surprise < 1e-18  # s / (1 − e^−s) is 1, and the square that its own slope divides by might underflow
        return fade * (1 + gamma * (1 - miss) * xp.where(small, 1.0, held / xp.where(small, 1.0, miss)))

    return fade * surprise, slope


class Indexed(NamedTuple):
    """Logits and labels, checked, with what does not count replaced."""

    xp: Namespace
    logits: Any
    index: Any  # labels, 0 where they do not count or are out of range
    valid: Any  # which labels are in range, where that is not known beforehand; else None
    axis: int
    classes: int
    counted: Counted | None
    class_weights: Any

    @property
    def label_weight(self) -> Any:
        """The class weight of each label."""
        return None if self.class_weights is None else self.class_weights[self.index]


def labelled(
    loss: str,
    logits: Any,
    labels: Any,
    weights: Any,
    class_weights: Any,
    ignore_index: int | None,
    channel_axis: int | None,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
    class_weights_name: str = "class_weights",
) -> Indexed:
    """`indexed`, behind the check of the reduction."""
    class_options(loss, ignore_index, channel_axis, **{class_weights_name: class_weights})
    known_reduction(loss, reduction, None, normalizer)
    return indexed(loss, logits, labels, weights, class_weights, ignore_index, channel_axis, mask, class_weights_name)


def indexed(
    loss: str,
    logits: Any,
    labels: Any,
    weights: Any,
    class_weights: Any,
    ignore_index: int | None,
    channel_axis: int | None,
    mask: Any,
    class_weights_name: str = "class_weights",
    soft: str = "soft_cross_entropy_loss",
    called: str = "logits",
    classes: int | None = None,
) -> Indexed:
    """Checked arguments, and what does not count replaced; `soft` is the loss that takes probabilities instead.

    Features, from which logits of so many `classes` will come, may stand for the logits.
    """
    xp = namespace(
        loss,
        **{called: logits},
        labels=labels,
        weights=weights,
        mask=mask,
        **{class_weights_name: array_or_none(class_weights)},
    )
    floating(loss, xp, **{called: logits})
    if xp.kind(labels) != "int":
        hint = f"for class probabilities use {soft}"
        raise TypeError(
            f"{loss}: expected labels of an integer dtype (class indices); got labels {dtype_name(labels)}; {hint}"
        )
    axis = class_axis(loss, xp, channel_axis, logits, called)
    shape = _without(axis, logits.shape)
    if tuple(labels.shape) != shape:
        got = described(**{called: logits}, labels=labels)
        hint = f"; for one-hot or soft targets use {soft}" if labels.shape == logits.shape else ""
        which = "class" if called == "logits" else "last"
        raise ValueError(
            f"{loss}: expected labels of shape {shape}, {called} without their {which} axis {axis}; got {got}{hint}"
        )
    count = logits.shape[axis] if classes is None else classes
    (logits,) = xp.promote(logits)
    labels = xp.indices(labels)
    seen = xp.extent(labels) if xp.visible(labels) and 0 not in shape else None
    absent = ignore_index is None or (seen is not None and not seen[0] <= ignore_index <= seen[1])
    items = counted(loss, xp, shape, weights, mask, logits, dropped=None if absent else labels == ignore_index)
    if items is not None:
        seen = None
        keep = xp.broadcast_to(items.keep, shape)
        labels = xp.where(keep, labels, 0)
        logits = xp.select(xp.expand_dims(keep, axis=axis), logits, 0.0)
    labels, valid = _in_classes(loss, xp, labels, seen, count, ignore_index)
    v = None if class_weights is None else per_class(loss, xp, class_weights_name, class_weights, count, logits)
    return Indexed(xp, logits, labels, valid, axis, count, items, v)


def _in_classes(
    loss: str, xp: Namespace, labels: Any, seen: Any, classes: int, ignore_index: int | None
) -> tuple[Any, Any]:
    """(labels, None) where all are known to lie in [0, classes); else (labels safe to look up, which were right).

    `seen` is their extent, where somebody has looked already.
    """
    if 0 in labels.shape:
        return labels, None
    if seen is not None or xp.visible(labels):
        least, most = seen or xp.extent(labels)
        if least >= 0 and most < classes:
            return labels, None
        if checking.level is not False:
            raise ValueError(f"{_expected_labels(loss, classes, ignore_index)} from {least} to {most}")
    valid = (labels >= 0) & (labels < classes)
    if checking.level:
        refuse(xp, valid, f"{_expected_labels(loss, classes, ignore_index)} outside it")
    return xp.where(valid, labels, 0), valid


def _expected_labels(loss: str, classes: int, ignore_index: int | None) -> str:
    ignored = "" if ignore_index is None else f" or ignore_index {ignore_index}"
    return f"{loss}: expected labels in [0, {classes}){ignored}; got labels"


def surprise(xp: Namespace, items: Indexed, *, spread: float = 0.0) -> Any:
    """−log p of the labelled class, plus `spread` times its lead over each."""
    return _where_valid(xp, items, xp.surprise(items.logits, items.index, axis=items.axis, spread=spread))


def log_odds(xp: Namespace, items: Indexed) -> Any:
    """log p / (1 − p) of the labelled class."""
    return _where_valid(xp, items, xp.log_odds(items.logits, items.index, axis=items.axis))


def _where_valid(xp: Namespace, items: Indexed, values: Any) -> Any:
    if items.valid is None:
        return values
    # A factor, not a selection, which would give the item no slope: who asks for the gradient alone must see it too.
    return values * xp.where(items.valid, xp.ones_like(values), nan)


def reduced(
    loss: str, items: Indexed, losses: Any, normalizer: Any, reduction: Reduction, weighted_mean: bool = True
) -> Any:
    """The losses of labels as `reduction` says; their mean divides by the class weights as well."""
    divisor = items.label_weight if weighted_mean else None
    if divisor is not None and items.counted is not None:
        divisor = divisor * items.counted.factor
    return reduce(loss, items.xp, losses, items.counted, normalizer=normalizer, reduction=reduction, divisor=divisor)


def _without(axis: int, shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(n for i, n in enumerate(shape) if i != axis)
