"""Overlap of predicted and true regions, where each pixel belongs to one of several classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..._core.options import positive
from ..._core.types import A, Bool, Float, Int, Reduction
from .overlap import DICE, JACCARD, labelled_overlap, scored, tversky


def multiclass_dice_loss(
    logits: Float[A, "*batch classes"],
    labels: Int[A, "*batch"],
    weights: Float[A, "*leading"] | None = None,
    *,
    smooth: float = 1.0,
    class_weights: Sequence[float] | A | None = None,
    include_background: bool = True,
    classes: Literal["all", "present"] = "all",
    average: Literal["macro", "micro"] = "macro",
    per_example: bool = False,
    ignore_index: int | None = -100,
    channel_axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How badly the regions of the classes overlap the true ones: 1 − Dice coefficient, averaged over the classes.

        1/K Σ_c [1 − (2 Σ p_c t_c + smooth) / (Σ p_c + Σ t_c + smooth)],  p = softmax(logits), t_c = 1 where label = c

    Small classes weigh as much as large ones. The sums run over the whole batch; with `per_example` each example has a
    loss of its own, the mean over its classes. In each, `class_weights` replace the mean by Σ v_c ℓ_c / Σ v_c.

    Args:
        logits: unnormalised log-probabilities, with classes along `channel_axis`; any shape otherwise (images, volumes,
            points). Probabilities p come in as log p.
        labels: class indices in [0, K), of the shape of `logits` without its class axis.
        weights: a factor per pixel, of the shape of `labels` or a leading part of it, as if the pixel were there that
            often; with `per_example` one factor per example, for the mean.
        smooth: ≥ 0, counted as pixels that agree, in each class. With 0, a class neither predicted nor there scores 0.
        class_weights: one factor ≥ 0 per class, for the mean over the classes.
        include_background: False leaves class 0 out of the mean (its pixels still count as errors of the others).
        classes: "all"; or "present" to leave out the classes that no pixel is labelled with, whose loss is near 1 for
            large images and can hardly be lowered.
        average: "macro" scores each class and averages; "micro" adds up the pixels of all classes first.
        per_example: one loss for each example along axis 0 instead of one for the batch.
        ignore_index: pixels with this label are as if removed; None ignores nothing.
        channel_axis: the class axis; 1 for torch, −1 for JAX and NumPy.
        mask: True counts; of the shape of `labels` or a leading part of it.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum", the number of losses.
        reduction: "mean", "sum", "batch_sum" or "none" of the losses: one per example, or one in all.

    Returns:
        In [0, 1], no unit; near 0 only where every label has probability near 1. An absent class costs what is
        predicted of it, up to 1. Gradient: finite everywhere.

    Raises:
        ValueError: shapes that do not fit, a label out of range, an option out of its range.
        TypeError: labels that are not integers (probabilities and one-hot targets go to `dice_loss` with
            average="macro"), logits that are not floating point.

    Source:
        Milletari et al. 2016, arXiv:1606.04797, §3, with plain instead of squared sums below (Drozdzal et al. 2016,
        arXiv:1608.04117) and a mean over the classes.

    Example:
        >>> logits, labels = np.log([[0.75, 0.25], [0.25, 0.75]]), np.array([0, 1])
        >>> multiclass_dice_loss(logits, labels, smooth=0.0).round(4).item()  # 1 − 2 · ¾ / 2 for both classes
        0.25
    """
    name = "multiclass_dice_loss"
    found = labelled_overlap(
        name,
        logits,
        labels,
        weights,
        DICE,
        smooth,
        classes=classes,
        class_weights=class_weights,
        include_background=include_background,
        average=average,
        per_example=per_example,
        ignore_index=ignore_index,
        channel_axis=channel_axis,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
    )
    return scored(name, found, smooth, normalizer, reduction)


def multiclass_jaccard_loss(
    logits: Float[A, "*batch classes"],
    labels: Int[A, "*batch"],
    weights: Float[A, "*leading"] | None = None,
    *,
    smooth: float = 1.0,
    class_weights: Sequence[float] | A | None = None,
    include_background: bool = True,
    classes: Literal["all", "present"] = "all",
    average: Literal["macro", "micro"] = "macro",
    per_example: bool = False,
    ignore_index: int | None = -100,
    channel_axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How badly the regions of the classes overlap the true ones: 1 − mean intersection over union.

        1/K Σ_c [1 − (Σ p_c t_c + smooth) / (Σ p_c + Σ t_c − Σ p_c t_c + smooth)]
        p = softmax(logits), t_c = 1 where label = c

    What it approaches, where the softmax is certain, is 1 − mIoU. See `jaccard_loss` for yes-or-no masks.

    Args:
        logits: unnormalised log-probabilities, with classes along `channel_axis`; any shape otherwise (images, volumes,
            points). Probabilities p come in as log p.
        labels: class indices in [0, K), of the shape of `logits` without its class axis.
        weights: a factor per pixel, of the shape of `labels` or a leading part of it, as if the pixel were there that
            often; with `per_example` one factor per example, for the mean.
        smooth: ≥ 0, counted as pixels that agree, in each class. With 0, a class neither predicted nor there scores 0.
        class_weights: one factor ≥ 0 per class, for the mean over the classes.
        include_background: False leaves class 0 out of the mean (its pixels still count as errors of the others).
        classes: "all"; or "present" to leave out the classes that no pixel is labelled with, whose loss is near 1 for
            large images and can hardly be lowered.
        average: "macro" scores each class and averages; "micro" adds up the pixels of all classes first.
        per_example: one loss for each example along axis 0 instead of one for the batch.
        ignore_index: pixels with this label are as if removed; None ignores nothing.
        channel_axis: the class axis; 1 for torch, −1 for JAX and NumPy.
        mask: True counts; of the shape of `labels` or a leading part of it.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum", the number of losses.
        reduction: "mean", "sum", "batch_sum" or "none" of the losses: one per example, or one in all.

    Returns:
        In [0, 1], no unit; near 0 only where every label has probability near 1. An absent class costs what is
        predicted of it, up to 1. Gradient: finite everywhere.

    Raises:
        ValueError: shapes that do not fit, a label out of range, an option out of its range.
        TypeError: labels that are not integers (probabilities and one-hot targets go to `jaccard_loss` with
            average="macro"), logits that are not floating point.

    Source:
        Rahman and Wang 2016, "Optimizing intersection-over-union in deep neural networks for image segmentation",
        with a mean over the classes.

    Example:
        >>> logits, labels = np.log([[0.75, 0.25], [0.25, 0.75]]), np.array([0, 1])
        >>> multiclass_jaccard_loss(logits, labels, smooth=0.0).round(4).item()  # 1 − ¾ / (2 − ¾) for both classes
        0.4
    """
    name = "multiclass_jaccard_loss"
    found = labelled_overlap(
        name,
        logits,
        labels,
        weights,
        JACCARD,
        smooth,
        classes=classes,
        class_weights=class_weights,
        include_background=include_background,
        average=average,
        per_example=per_example,
        ignore_index=ignore_index,
        channel_axis=channel_axis,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
    )
    return scored(name, found, smooth, normalizer, reduction)


def multiclass_tversky_loss(
    logits: Float[A, "*batch classes"],
    labels: Int[A, "*batch"],
    weights: Float[A, "*leading"] | None = None,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 1.0,
    class_weights: Sequence[float] | A | None = None,
    include_background: bool = True,
    classes: Literal["all", "present"] = "all",
    average: Literal["macro", "micro"] = "macro",
    per_example: bool = False,
    ignore_index: int | None = -100,
    channel_axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Multi-class Dice loss that prices the two kinds of error apart, for each class against the others.

        1/K Σ_c [1 − (2 Σ p_c t_c + smooth) / (2 Σ p_c t_c + 2 alpha Σ p_c (1 − t_c) + 2 beta Σ (1 − p_c) t_c + smooth)]
        p = softmax(logits), t_c = 1 where label = c

    alpha = beta = ½ is exactly `multiclass_dice_loss`. What one class misses is another's false alarm, so the weights
    matter most with `include_background=False`.

    Args:
        logits: unnormalised log-probabilities, with classes along `channel_axis`; any shape otherwise (images, volumes,
            points). Probabilities p come in as log p.
        labels: class indices in [0, K), of the shape of `logits` without its class axis.
        weights: a factor per pixel, of the shape of `labels` or a leading part of it, as if the pixel were there that
            often; with `per_example` one factor per example, for the mean.
        alpha: ≥ 0, the weight of false positives.
        beta: ≥ 0, the weight of false negatives.
        smooth: ≥ 0, counted as in `multiclass_dice_loss`.
        class_weights: one factor ≥ 0 per class, for the mean over the classes.
        include_background: False leaves class 0 out of the mean (its pixels still count as errors of the others).
        classes: "all"; or "present" to leave out the classes that no pixel is labelled with, whose loss is near 1 for
            large images and can hardly be lowered.
        average: "macro" scores each class and averages; "micro" adds up the pixels of all classes first.
        per_example: one loss for each example along axis 0 instead of one for the batch.
        ignore_index: pixels with this label are as if removed; None ignores nothing.
        channel_axis: the class axis; 1 for torch, −1 for JAX and NumPy.
        mask: True counts; of the shape of `labels` or a leading part of it.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum", the number of losses.
        reduction: "mean", "sum", "batch_sum" or "none" of the losses: one per example, or one in all.

    Returns:
        In [0, 1], no unit; near 0 only where every label has probability near 1. Gradient: finite everywhere.

    Raises:
        ValueError: shapes that do not fit, a label out of range, an option out of its range.
        TypeError: labels that are not integers (probabilities and one-hot targets go to `tversky_loss` with
            average="macro"), logits that are not floating point.

    Source:
        Salehi et al. 2017, arXiv:1706.05721, with a mean over the classes.

    Example:
        >>> logits, labels = np.log([[0.75, 0.25], [0.25, 0.75]]), np.array([0, 1])
        >>> multiclass_tversky_loss(logits, labels, alpha=1.0, beta=1.0, smooth=0.0).round(4).item()  # as Jaccard
        0.4
    """
    name = "multiclass_tversky_loss"
    measure = tversky(name, alpha, beta)
    found = labelled_overlap(
        name,
        logits,
        labels,
        weights,
        measure,
        smooth,
        classes=classes,
        class_weights=class_weights,
        include_background=include_background,
        average=average,
        per_example=per_example,
        ignore_index=ignore_index,
        channel_axis=channel_axis,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
    )
    return scored(name, found, smooth, normalizer, reduction)


def multiclass_focal_tversky_loss(
    logits: Float[A, "*batch classes"],
    labels: Int[A, "*batch"],
    weights: Float[A, "*leading"] | None = None,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 0.75,
    smooth: float = 1.0,
    class_weights: Sequence[float] | A | None = None,
    include_background: bool = True,
    classes: Literal["all", "present"] = "all",
    average: Literal["macro", "micro"] = "macro",
    per_example: bool = False,
    ignore_index: int | None = -100,
    channel_axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Multi-class Tversky loss whose classes are raised to a power, so that hard and easy classes weigh differently.

        1/K Σ_c ℓ_c^gamma,  ℓ_c the loss of class c in `multiclass_tversky_loss`

    `gamma` is the exponent itself, as in the authors' code; the paper writes 1/γ, and its best γ = 4/3 is our 0.75. The
    paper adds the classes up; this is their mean.

    Args:
        logits: unnormalised log-probabilities, with classes along `channel_axis`; any shape otherwise (images, volumes,
            points). Probabilities p come in as log p.
        labels: class indices in [0, K), of the shape of `logits` without its class axis.
        weights: a factor per pixel, of the shape of `labels` or a leading part of it, as if the pixel were there that
            often; with `per_example` one factor per example, for the mean.
        alpha: ≥ 0, the weight of false positives (the paper's β).
        beta: ≥ 0, the weight of false negatives (the paper's α).
        gamma: > 0, the exponent; 1 is `multiclass_tversky_loss`.
        smooth: ≥ 0, counted as in `multiclass_dice_loss`.
        class_weights: one factor ≥ 0 per class, for the mean over the classes.
        include_background: False leaves class 0 out of the mean (its pixels still count as errors of the others).
        classes: "all"; or "present" to leave out the classes that no pixel is labelled with, whose loss is near 1 for
            large images and can hardly be lowered.
        average: "macro" scores each class and averages; "micro" adds up the pixels of all classes first.
        per_example: one loss for each example along axis 0 instead of one for the batch.
        ignore_index: pixels with this label are as if removed; None ignores nothing.
        channel_axis: the class axis; 1 for torch, −1 for JAX and NumPy.
        mask: True counts; of the shape of `labels` or a leading part of it.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum", the number of losses.
        reduction: "mean", "sum", "batch_sum" or "none" of the losses: one per example, or one in all.

    Returns:
        In [0, 1], no unit; near 0 only where every label has probability near 1. Gradient: finite; for gamma < 1 it
        grows towards a perfect class and is 0 at it.

    Raises:
        ValueError: shapes that do not fit, a label out of range, an option out of its range.
        TypeError: labels that are not integers (probabilities and one-hot targets go to `focal_tversky_loss` with
            average="macro"), logits that are not floating point.

    Source:
        Abraham and Khan 2019, "A novel focal Tversky loss function", arXiv:1810.07842.

    Example:
        >>> logits, labels = np.log([[0.75, 0.25], [0.25, 0.75]]), np.array([0, 1])
        >>> options = {"alpha": 0.5, "beta": 0.5, "gamma": 2.0, "smooth": 0.0}
        >>> multiclass_focal_tversky_loss(logits, labels, **options).round(4).item()  # ¼² for both classes
        0.0625
    """
    name = "multiclass_focal_tversky_loss"
    measure = tversky(name, alpha, beta)
    gamma = positive(name, gamma=gamma)
    found = labelled_overlap(
        name,
        logits,
        labels,
        weights,
        measure,
        smooth,
        classes=classes,
        class_weights=class_weights,
        include_background=include_background,
        average=average,
        per_example=per_example,
        ignore_index=ignore_index,
        channel_axis=channel_axis,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
    )
    return scored(name, found, smooth, normalizer, reduction, exponent=gamma)
