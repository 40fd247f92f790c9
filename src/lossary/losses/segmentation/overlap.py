"""What the Dice, Jaccard and Tversky losses share: the share of two masks that does not overlap.

    missed / (agreed + missed + smooth)

    Dice, Tversky  agreed = 2 Σ p t,  missed = 2 α Σ p (1 − t) + 2 β Σ (1 − p) t;  Dice is α = β = ½
    Jaccard        agreed = Σ p t,    missed = Σ p (1 − t) + Σ (1 − p) t

This is 1 − (agreed + smooth) / (agreed + missed + smooth), which cancels as it stands; `missed` is a sum of terms ≥ 0,
so a loss near 0 keeps its digits, and none leaves [0, 1].
"""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.backends import namespace
from ..._core.check import class_axis, described, floating, in_range, laid_along, real, same_shape
from ..._core.options import class_options, known_reduction, non_negative, one_of, plain, true_or_false
from ..._core.reduce import Counted, counted, reduce
from ..._core.types import Reduction
from ..classification.categorical import Indexed, indexed

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


class Measure(NamedTuple):
    """What a unit of each kind weighs."""

    agreed: float
    over: float  # predicted, not there
    under: float  # there, not predicted


DICE = Measure(2.0, 1.0, 1.0)
JACCARD = Measure(1.0, 1.0, 1.0)


def tversky(loss: str, alpha: float, beta: float) -> Measure:
    """Twice the weights, so that ½ and ½ are Dice."""
    plain(loss, alpha=alpha, beta=beta)
    alpha, beta = non_negative(loss, alpha=alpha, beta=beta)
    if alpha + beta == 0:
        raise ValueError(f"{loss}: expected alpha + beta > 0; got alpha {alpha!r}, beta {beta!r}")
    return Measure(2.0, 2.0 * alpha, 2.0 * beta)


class Overlap(NamedTuple):
    """Sums over pixels: one for all, or one per example, per class, or both."""

    xp: Namespace
    agreed: Any
    missed: Any
    class_at: int | None  # the axis of the sums along which the classes lie
    classes: Counted | None  # which classes count, and how much
    examples: Counted | None  # which examples count, and how much


def scored(
    loss: str, found: Overlap, smooth: Any, normalizer: Any, reduction: Reduction, *, exponent: Any = None
) -> Any:
    """The share that is missed, averaged over the classes and reduced over the examples."""
    xp = found.xp
    losses = _missed_share(xp, found.agreed, found.missed, non_negative(loss, smooth=smooth))
    if exponent is not None:
        gone = losses == 0  # where a root would have an infinite slope
        losses = xp.where(gone, 0.0, xp.where(gone, 1.0, losses) ** exponent)
    if found.class_at is not None:
        losses = over_classes(loss, xp, losses, found.classes, found.class_at)
    return reduce(loss, xp, losses, found.examples, normalizer=normalizer, reduction=reduction)


def over_classes(loss: str, xp: Namespace, losses: Any, classes: Counted | None, axis: int) -> Any:
    """Their mean, which rounding does not take above 1."""
    mean = reduce(loss, xp, losses, classes, axis=axis)
    return xp.where(mean > 1, mean - xp.stop_gradient(mean - 1), mean)  # not `minimum`, which has no slope there


def _missed_share(xp: Namespace, agreed: Any, missed: Any, smooth: Any) -> Any:
    whole = agreed + missed + smooth
    nothing = whole == 0  # two empty masks, not smoothed
    # In units of itself: the gradient of a quotient holds a square, which leaves the range of float32 before it does.
    unit = xp.stop_gradient(xp.where(nothing, 1.0, whole))
    return xp.where(nothing, 0.0, (missed / unit) / xp.where(nothing, 1.0, whole / unit))


# ---- yes or no for each pixel, or for each pixel and class ----


def binary_overlap(
    loss: str,
    probs: Any,
    targets: Any,
    weights: Any,
    measure: Measure,
    smooth: Any,
    *,
    from_logits: bool,
    per_example: bool,
    average: str,
    channel_axis: int | None,
    ignore_index: int | None,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
) -> Overlap:
    """Checked arguments, and the sums of one answer for each pixel."""
    true_or_false(loss, from_logits=from_logits, per_example=per_example)
    class_options(loss, ignore_index, channel_axis)
    smooth = non_negative(loss, smooth=smooth)
    one_of(loss, "average", average, ("micro", "macro"))
    known_reduction(loss, reduction, None, normalizer)
    xp = namespace(loss, probs=probs, targets=targets, weights=weights, mask=mask)
    same_shape(loss, probs=probs, targets=targets)
    floating(loss, xp, probs=probs)
    real(loss, xp, targets=targets)
    shape = tuple(probs.shape)
    class_at = class_axis(loss, xp, channel_axis, probs, "probs") if average == "macro" else None
    if per_example:
        batched(loss, "probs", probs)
        one_per_example(loss, probs, weights)
        if class_at == 0:
            raise ValueError(f"{loss}: expected channel_axis behind the batch axis 0, as per_example=True; got 0")
    ignored = None if ignore_index is None else targets == ignore_index
    probs, targets = xp.promote(probs, targets)
    items = counted(loss, xp, shape, weights, mask, probs, dropped=ignored)
    if items is not None:
        probs, targets = xp.select(items.keep, probs, 0.0), xp.select(items.keep, targets, 0.0)
    targets = in_range(loss, xp, "targets", targets, 0.0, 1.0)
    if not from_logits:
        probs = in_range(loss, xp, "probs", probs, 0.0, 1.0, note=" (logits need from_logits=True)")
    agreed = xp.pointwise(_agreed_of_logits, probs, targets) if from_logits else probs * targets
    missed = xp.pointwise(
        _missed_of_logits if from_logits else _missed, probs, targets, over=measure.over, under=measure.under
    )
    kept_axes = [i for i in range(len(shape)) if i == class_at or (per_example and i == 0)]
    axes = tuple(i for i in range(len(shape)) if i not in kept_axes)
    position = None if class_at is None else kept_axes.index(class_at)
    pixels, examples = pixels_and_examples(xp, items, shape, weights if per_example else None, per_example, probs)
    classes = None
    if pixels is not None:
        agreed, missed = xp.multiply(pixels.factor, agreed), xp.multiply(pixels.factor, missed)
        if class_at is not None:  # a class without a pixel that counts leaves the mean
            seen = _any(xp, xp.broadcast_to(pixels.keep, shape), axes)
            classes = Counted(seen, xp.astype(seen, probs))
    agreed, missed = _summed(xp, agreed, axes), _summed(xp, missed, axes)
    return Overlap(xp, measure.agreed * agreed, missed, position, classes, examples)


def _missed(xp: Namespace, probs: Any, targets: Any, *, over: float, under: float) -> Any:
    absent = 1 - targets
    return over * probs * absent + under * (1 - probs) * targets, lambda: over * absent - under * targets


def _agreed_of_logits(xp: Namespace, logits: Any, targets: Any) -> Any:
    probs = xp.sigmoid(logits)
    return probs * targets, lambda: probs * xp.sigmoid(-logits) * targets


def _missed_of_logits(xp: Namespace, logits: Any, targets: Any, *, over: float, under: float) -> Any:
    probs, rest, absent = xp.sigmoid(logits), xp.sigmoid(-logits), 1 - targets  # 1 − probs would cancel
    loss = over * probs * absent + under * rest * targets
    return loss, lambda: probs * rest * (over * absent - under * targets)


# ---- one of many classes for each pixel ----


def labelled_overlap(
    loss: str,
    logits: Any,
    labels: Any,
    weights: Any,
    measure: Measure,
    smooth: Any,
    *,
    classes: str,
    class_weights: Any,
    include_background: bool,
    average: str,
    per_example: bool,
    ignore_index: int | None,
    channel_axis: int | None,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
) -> Overlap:
    """Checked arguments, and the sums of each class."""
    true_or_false(loss, include_background=include_background)
    overlap_options(loss, smooth, classes, average)
    known_reduction(loss, reduction, None, normalizer)
    found = regions(
        loss, logits, labels, weights, class_weights, ignore_index, channel_axis, mask, per_example, soft="dice_loss"
    )
    overlap, _ = overlap_of_classes(
        loss, found, measure, weights if per_example else None, classes, include_background, average, per_example
    )
    return overlap


def regions(
    loss: str,
    logits: Any,
    labels: Any,
    weights: Any,
    class_weights: Any,
    ignore_index: int | None,
    channel_axis: int | None,
    mask: Any,
    per_example: bool,
    soft: str,
) -> Indexed:
    """Checked logits and labels; `soft` is the loss that takes probabilities instead."""
    true_or_false(loss, per_example=per_example)
    class_options(loss, ignore_index, channel_axis, class_weights=class_weights)
    namespace(loss, logits=logits, labels=labels, weights=weights, mask=mask)
    if per_example:
        one_per_example(loss, labels, weights)
    found = indexed(loss, logits, labels, weights, class_weights, ignore_index, channel_axis, mask, soft=soft)
    if per_example:
        batched(loss, "labels", labels)
    return found


def overlap_options(loss: str, smooth: Any, classes: str, average: str) -> Any:
    """The options of every multi-class overlap, checked; given back is `smooth`."""
    smooth = non_negative(loss, smooth=smooth)
    one_of(loss, "classes", classes, ("all", "present"))
    one_of(loss, "average", average, ("macro", "micro"))
    return smooth


def overlap_of_classes(
    loss: str,
    found: Indexed,
    measure: Measure,
    example_weights: Any,
    classes: str,
    include_background: bool,
    average: str,
    per_example: bool,
    entropy: bool = False,
) -> tuple[Overlap, Any]:
    """The sums of each class, of arguments that have been checked; and −log p of the labels, if asked for."""
    xp, axis, shape = found.xp, found.axis, tuple(found.index.shape)
    pixels, examples = pixels_and_examples(xp, found.counted, shape, example_weights, per_example, found.logits)
    factor = None if pixels is None else xp.broadcast_to(pixels.factor, shape)
    if found.valid is not None:
        factor = xp.where(found.valid, xp.astype(found.valid, found.logits) if factor is None else factor, nan)
    entropies, agreed, over, under = xp.class_overlap(
        found.logits, found.index, factor, axis=axis, per_example=per_example, entropy=entropy
    )
    if entropies is not None and found.valid is not None:
        entropies = xp.where(found.valid, entropies, nan)
    position = 1 if per_example and axis > 0 else 0
    present = agreed + under != 0 if classes == "present" else None  # the weight of the pixels labelled so
    counting = class_factor(loss, found, agreed, position, present, include_background)
    agreed, missed = measure.agreed * agreed, measure.over * over + measure.under * under
    if average == "macro":
        return Overlap(xp, agreed, missed, position, counting, examples), entropies
    if counting is not None:
        agreed, missed = xp.multiply(counting.factor, agreed), xp.multiply(counting.factor, missed)
    overlap = Overlap(xp, xp.sum(agreed, axis=position), xp.sum(missed, axis=position), None, None, examples)
    return overlap, entropies


def class_factor(
    loss: str, found: Indexed, losses: Any, position: int, present: Any, include_background: bool
) -> Counted | None:
    """How much each class counts, for `losses` with the classes along `position`; `present` says which may."""
    xp = found.xp
    if not include_background and found.classes < 2:
        raise ValueError(f"{loss}: expected at least 2 classes, as include_background=False; got {found.classes}")
    if present is None and include_background and found.class_weights is None:
        return None
    factor = xp.ones_like(losses)
    if found.class_weights is not None:
        factor = xp.multiply(factor, laid_along(xp, found.class_weights, position, losses))
    if not include_background:
        factor = xp.where(xp.positions(losses, axis=position) == 0, 0.0, factor)
    if present is not None:
        factor = xp.where(present, factor, 0.0)
    return Counted(factor != 0, factor)


# ---- what counts ----


def one_per_example(loss: str, array: Any, weights: Any) -> None:
    """Where each example has a loss, weights are factors of the examples."""
    if weights is not None and len(array.shape) > 0:
        counted(loss, namespace(loss, weights=weights), array.shape[:1], weights, None, weights)


def batched(loss: str, name: str, array: Any) -> None:
    """Where each example has a loss, there must be examples."""
    if len(array.shape) == 0:
        got = described(**{name: array})
        raise ValueError(f"{loss}: expected {name} with a batch axis, as per_example=True; got {got}")


def pixels_and_examples(
    xp: Namespace, items: Counted | None, shape: tuple[int, ...], weights: Any, per_example: bool, like: Any
) -> tuple[Counted | None, Counted | None]:
    """Weights belong to the pixels, or, where each example has a loss, to the examples."""
    if items is None or not per_example:
        return items, None
    kept = _any(xp, xp.broadcast_to(items.keep, shape), tuple(range(1, len(shape))))
    factor = xp.astype(kept, like)
    if weights is not None:
        factor = xp.where(kept, xp.astype(weights, like), 0.0)
    return Counted(items.keep, xp.astype(items.keep, like)), Counted(kept, factor)


def _summed(xp: Namespace, x: Any, axes: tuple[int, ...]) -> Any:
    return xp.sum(x, axis=axes) if axes else x


def _any(xp: Namespace, x: Any, axes: tuple[int, ...]) -> Any:
    return xp.any(x, axis=axes) if axes else x
