"""Overlap of predicted and true masks, where each pixel (or each pixel and label) is answered by yes or no."""

from __future__ import annotations

from typing import Literal

from ..._core.options import positive
from ..._core.types import A, Bool, Float, Reduction
from .overlap import DICE, JACCARD, binary_overlap, scored, tversky


def dice_loss(
    probs: Float[A, "*shape"],
    targets: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    smooth: float = 1.0,
    from_logits: bool = False,
    per_example: bool = False,
    average: Literal["micro", "macro"] = "micro",
    channel_axis: int | None = None,
    ignore_index: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How badly a predicted mask overlaps the true one: 1 − the Dice coefficient, which is the F1 score of the pixels.

        1 − (2 Σ p t + smooth) / (Σ p + Σ t + smooth),  t = targets, p = probs (or sigmoid(logits))

    The sums run over the whole batch: small objects and images without any count with the pixels they have. With
    `per_example` each example has a loss of its own. It is 2J / (1 + J) that is scored, J the intersection over union
    of `jaccard_loss`. Targets between 0 and 1 are allowed, but p = t is then not the minimum.

    Args:
        probs: probabilities in [0, 1], of any shape (images, volumes, points); logits if `from_logits`.
        targets: in [0, 1], of the shape of `probs`; booleans and integers are promoted.
        weights: a factor per pixel, of the shape of `probs` or a leading part of it, as if the pixel were there that
            often; with `per_example` one factor per example, for the mean.
        smooth: ≥ 0, counted as pixels that agree; the larger, the gentler the slope where both masks are (nearly)
            empty, 1 / smooth at most. With 0, two empty masks have loss 0 and no gradient.
        from_logits: True says that `probs` holds log-odds.
        per_example: one loss for each example along axis 0 instead of one for the batch.
        average: "micro" adds up the pixels of all labels; "macro" scores each label along `channel_axis` and averages.
        channel_axis: the axis of the labels for "macro"; 1 for torch, −1 for JAX and NumPy.
        ignore_index: pixels with this target are as if removed; None ignores nothing.
        mask: True counts; of the shape of `probs` or a leading part of it.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum", the number of losses.
        reduction: "mean", "sum", "batch_sum" or "none" of the losses: one per example, or one in all.

    Returns:
        In [0, 1], no unit; 0 only at probs = targets in {0, 1}, two empty masks included. `smooth` keeps it below 1:
        at most 1 − smooth / (Σ p + Σ t + smooth). Gradient: finite everywhere, and towards an empty mask where the
        target is empty.

    Raises:
        ValueError: shapes differ, probs or targets outside [0, 1], an option out of its range.
        TypeError: probs that are not floating point, or arrays of two frameworks.

    Source:
        Dice 1945, doi:10.2307/1932409; as a loss: Milletari et al. 2016, arXiv:1606.04797, §3, with plain instead of
        squared sums below (Drozdzal et al. 2016, arXiv:1608.04117).

    Example:
        >>> dice_loss(np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0]), smooth=0.0).round(4).item()  # 1 − 2/3
        0.3333
        >>> dice_loss(np.zeros(3), np.zeros(3)).item()
        0.0
    """
    name = "dice_loss"
    found = binary_overlap(
        name,
        probs,
        targets,
        weights,
        DICE,
        smooth,
        from_logits=from_logits,
        per_example=per_example,
        average=average,
        channel_axis=channel_axis,
        ignore_index=ignore_index,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
    )
    return scored(name, found, smooth, normalizer, reduction)


def jaccard_loss(
    probs: Float[A, "*shape"],
    targets: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    smooth: float = 1.0,
    from_logits: bool = False,
    per_example: bool = False,
    average: Literal["micro", "macro"] = "micro",
    channel_axis: int | None = None,
    ignore_index: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How badly a predicted mask overlaps the true one: 1 − intersection over union, also called soft IoU loss.

        1 − (Σ p t + smooth) / (Σ p + Σ t − Σ p t + smooth),  t = targets, p = probs (or sigmoid(logits))

    Without smoothing it is 2D / (1 + D) of the Dice loss D: both order masks alike, and it is stricter in between.

    Args:
        probs: probabilities in [0, 1], of any shape (images, volumes, points); logits if `from_logits`.
        targets: in [0, 1], of the shape of `probs`; booleans and integers are promoted.
        weights: a factor per pixel, of the shape of `probs` or a leading part of it, as if the pixel were there that
            often; with `per_example` one factor per example, for the mean.
        smooth: ≥ 0, counted as pixels that agree.
        from_logits: True says that `probs` holds log-odds.
        per_example: one loss for each example along axis 0 instead of one for the batch.
        average: "micro" adds up the pixels of all labels; "macro" scores each label along `channel_axis` and averages.
        channel_axis: the axis of the labels for "macro"; 1 for torch, −1 for JAX and NumPy.
        ignore_index: pixels with this target are as if removed; None ignores nothing.
        mask: True counts; of the shape of `probs` or a leading part of it.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum", the number of losses.
        reduction: "mean", "sum", "batch_sum" or "none" of the losses: one per example, or one in all.

    Returns:
        In [0, 1], no unit; 0 only at probs = targets in {0, 1}, two empty masks included. Gradient: finite everywhere,
        and towards an empty mask where the target is empty.

    Raises:
        ValueError: shapes differ, probs or targets outside [0, 1], an option out of its range.
        TypeError: probs that are not floating point, or arrays of two frameworks.

    Source:
        Jaccard 1912, doi:10.1111/j.1469-8137.1912.tb05611.x; as a loss: Rahman and Wang 2016, "Optimizing
        intersection-over-union in deep neural networks for image segmentation".

    Example:
        >>> jaccard_loss(np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0]), smooth=0.0).item()  # 1 − 1/2
        0.5
    """
    name = "jaccard_loss"
    found = binary_overlap(
        name,
        probs,
        targets,
        weights,
        JACCARD,
        smooth,
        from_logits=from_logits,
        per_example=per_example,
        average=average,
        channel_axis=channel_axis,
        ignore_index=ignore_index,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
    )
    return scored(name, found, smooth, normalizer, reduction)


def tversky_loss(
    probs: Float[A, "*shape"],
    targets: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 1.0,
    from_logits: bool = False,
    per_example: bool = False,
    average: Literal["micro", "macro"] = "micro",
    channel_axis: int | None = None,
    ignore_index: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Dice loss that prices the two kinds of error apart: `alpha` for what is predicted and not there, `beta` missed.

        1 − (2 Σ p t + smooth) / (2 Σ p t + 2 alpha Σ p (1 − t) + 2 beta Σ (1 − p) t + smooth)

    alpha = beta = ½ is exactly `dice_loss`, smoothing included; alpha = beta = 1 is `jaccard_loss` with half of it.
    beta > alpha finds more of small objects, at the price of false alarms. A formula without the factors 2 has half our
    `smooth`.

    Args:
        probs: probabilities in [0, 1], of any shape (images, volumes, points); logits if `from_logits`.
        targets: in [0, 1], of the shape of `probs`; booleans and integers are promoted.
        weights: a factor per pixel, of the shape of `probs` or a leading part of it, as if the pixel were there that
            often; with `per_example` one factor per example, for the mean.
        alpha: ≥ 0, the weight of false positives.
        beta: ≥ 0, the weight of false negatives.
        smooth: ≥ 0, counted as in `dice_loss`.
        from_logits: True says that `probs` holds log-odds.
        per_example: one loss for each example along axis 0 instead of one for the batch.
        average: "micro" adds up the pixels of all labels; "macro" scores each label along `channel_axis` and averages.
        channel_axis: the axis of the labels for "macro"; 1 for torch, −1 for JAX and NumPy.
        ignore_index: pixels with this target are as if removed; None ignores nothing.
        mask: True counts; of the shape of `probs` or a leading part of it.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum", the number of losses.
        reduction: "mean", "sum", "batch_sum" or "none" of the losses: one per example, or one in all.

    Returns:
        In [0, 1], no unit; 0 at probs = targets in {0, 1}, two empty masks included. Gradient: finite everywhere; an
        error of weight 0 is not pushed at all.

    Raises:
        ValueError: shapes differ, probs or targets outside [0, 1], an option out of its range, alpha + beta = 0.
        TypeError: probs that are not floating point, or arrays of two frameworks.

    Source:
        Salehi et al. 2017, arXiv:1706.05721; the index: Tversky 1977, doi:10.1037/0033-295X.84.4.327.

    Example:
        >>> probs, targets = np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])
        >>> tversky_loss(probs, targets, alpha=0.25, beta=0.75, smooth=0.0).item()  # 1 − 1 / (1 + ¼)
        0.2
    """
    name = "tversky_loss"
    measure = tversky(name, alpha, beta)
    found = binary_overlap(
        name,
        probs,
        targets,
        weights,
        measure,
        smooth,
        from_logits=from_logits,
        per_example=per_example,
        average=average,
        channel_axis=channel_axis,
        ignore_index=ignore_index,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
    )
    return scored(name, found, smooth, normalizer, reduction)


def focal_tversky_loss(
    probs: Float[A, "*shape"],
    targets: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 0.75,
    smooth: float = 1.0,
    from_logits: bool = False,
    per_example: bool = False,
    average: Literal["micro", "macro"] = "micro",
    channel_axis: int | None = None,
    ignore_index: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Tversky loss raised to a power, which shifts the weight between masks that are nearly right and those that fail.

        (1 − (2 Σ p t + smooth) / (2 Σ p t + 2 alpha Σ p (1 − t) + 2 beta Σ (1 − p) t + smooth))^gamma

    gamma < 1 keeps pushing masks that are nearly right, gamma > 1 lets go of them. `gamma` is the exponent itself, as
    in the authors' code; the paper writes 1/γ, and its best γ = 4/3 is our 0.75.

    Args:
        probs: probabilities in [0, 1], of any shape (images, volumes, points); logits if `from_logits`.
        targets: in [0, 1], of the shape of `probs`; booleans and integers are promoted.
        weights: a factor per pixel, of the shape of `probs` or a leading part of it, as if the pixel were there that
            often; with `per_example` one factor per example, for the mean.
        alpha: ≥ 0, the weight of false positives (the paper's β).
        beta: ≥ 0, the weight of false negatives (the paper's α).
        gamma: > 0, the exponent; 1 is `tversky_loss`.
        smooth: ≥ 0, counted as in `dice_loss`.
        from_logits: True says that `probs` holds log-odds.
        per_example: one loss for each example along axis 0 instead of one for the batch.
        average: "micro" adds up the pixels of all labels; "macro" scores each label along `channel_axis` and averages
            what has been raised to the power.
        channel_axis: the axis of the labels for "macro"; 1 for torch, −1 for JAX and NumPy.
        ignore_index: pixels with this target are as if removed; None ignores nothing.
        mask: True counts; of the shape of `probs` or a leading part of it.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum", the number of losses.
        reduction: "mean", "sum", "batch_sum" or "none" of the losses: one per example, or one in all.

    Returns:
        In [0, 1], no unit; 0 at probs = targets in {0, 1}, two empty masks included. Gradient: finite; for gamma < 1
        it grows towards a perfect mask and is 0 at it.

    Raises:
        ValueError: shapes differ, probs or targets outside [0, 1], an option out of its range, alpha + beta = 0.
        TypeError: probs that are not floating point, or arrays of two frameworks.

    Source:
        Abraham and Khan 2019, "A novel focal Tversky loss function", arXiv:1810.07842.

    Example:
        >>> probs, targets = np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])
        >>> focal_tversky_loss(probs, targets, alpha=0.25, beta=0.75, gamma=2.0, smooth=0.0).round(4).item()  # (1/5)²
        0.04
    """
    name = "focal_tversky_loss"
    measure = tversky(name, alpha, beta)
    gamma = positive(name, gamma=gamma)
    found = binary_overlap(
        name,
        probs,
        targets,
        weights,
        measure,
        smooth,
        from_logits=from_logits,
        per_example=per_example,
        average=average,
        channel_axis=channel_axis,
        ignore_index=ignore_index,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
    )
    return scored(name, found, smooth, normalizer, reduction, exponent=gamma)
