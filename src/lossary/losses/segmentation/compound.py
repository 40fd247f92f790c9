"""Overlap and cross entropy in one objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..._core.options import non_negative, true_or_false
from ..._core.result import LossResult, Term
from ..._core.types import A, Bool, Float, Int
from ..classification.categorical import reduced
from .overlap import DICE, overlap_of_classes, overlap_options, regions, scored


def dice_cross_entropy_loss(
    logits: Float[A, "*batch classes"],
    labels: Int[A, "*batch"],
    weights: Float[A, "*leading"] | None = None,
    *,
    ce_weight: float = 0.5,
    dice_weight: float = 0.5,
    smooth: float = 1.0,
    class_weights: Sequence[float] | A | None = None,
    include_background: bool = True,
    classes: Literal["all", "present"] = "all",
    average: Literal["macro", "micro"] = "macro",
    per_example: bool = False,
    ignore_index: int | None = -100,
    channel_axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
) -> LossResult:
    """Cross entropy, which scores every pixel, and Dice loss, which scores every region, in one objective.

        ce_weight · cross_entropy_loss(logits, labels) + dice_weight · multiclass_dice_loss(logits, labels)

    Cross entropy gives a gradient wherever a pixel is wrong, Dice keeps small classes from drowning in large ones.

    Args:
        logits: unnormalised log-probabilities, with classes along `channel_axis`; any shape otherwise (images, volumes,
            points).
        labels: class indices in [0, K), of the shape of `logits` without its class axis.
        weights: a factor per pixel, of the shape of `labels` or a leading part of it; with `per_example` one factor per
            example.
        ce_weight: ≥ 0, the weight of the cross entropy.
        dice_weight: ≥ 0, the weight of the Dice loss.
        smooth: ≥ 0, as in `multiclass_dice_loss`.
        class_weights: one factor ≥ 0 per class, in both terms.
        include_background: False leaves class 0 out of the Dice loss; the cross entropy keeps it.
        classes: of the Dice loss: "all", or "present" to leave out the classes that no pixel is labelled with.
        average: of the Dice loss: "macro" averages the classes, "micro" adds up their pixels.
        per_example: the Dice loss is the mean of one loss per example, instead of one for the batch.
        ignore_index: pixels with this label are as if removed; None ignores nothing.
        channel_axis: the class axis; 1 for torch, −1 for JAX and NumPy.
        mask: True counts; of the shape of `labels` or a leading part of it.

    Returns:
        A `LossResult`: `objective` in [0, ∞), and the terms "cross_entropy" (in nats, a mean over the pixels) and
        "dice" (in [0, 1]), neither multiplied by its weight; near 0 only where every label has probability near 1.
        Gradient: the weighted sum of both.

    Raises:
        ValueError: shapes that do not fit, a label out of range, an option out of its range.
        TypeError: labels that are not integers, logits that are not floating point.

    Source:
        Isensee et al. 2018, "nnU-Net", arXiv:1809.10486, whose loss is the unweighted sum of both.

    Example:
        >>> logits, labels = np.log([[0.75, 0.25], [0.25, 0.75]]), np.array([0, 1])
        >>> result = dice_cross_entropy_loss(logits, labels, smooth=0.0)
        >>> result.objective.round(4).item(), result["dice"].round(4).item()  # ½ log 4/3 + ½ · ¼
        (0.2688, 0.25)
    """
    name = "dice_cross_entropy_loss"
    ce_weight, dice_weight = non_negative(name, ce_weight=ce_weight, dice_weight=dice_weight)
    true_or_false(name, include_background=include_background)
    smooth = overlap_options(name, smooth, classes, average)
    soft = "dice_loss and soft_cross_entropy_loss"
    found = regions(
        name, logits, labels, weights, class_weights, ignore_index, channel_axis, mask, per_example, soft=soft
    )
    example_weights = weights if per_example else None
    overlap, losses = overlap_of_classes(
        name, found, DICE, example_weights, classes, include_background, average, per_example, entropy=True
    )
    if found.label_weight is not None:
        losses = found.label_weight * losses
    entropy = reduced(name, found, losses, None, "mean")
    dice = scored(name, overlap, smooth, None, "mean")
    terms = {
        "cross_entropy": Term(entropy, ce_weight, ce_weight * entropy),
        "dice": Term(dice, dice_weight, dice_weight * dice),
    }
    return LossResult(ce_weight * entropy + dice_weight * dice, terms)
