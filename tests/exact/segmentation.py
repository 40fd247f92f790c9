"""Overlaps, as their definitions stand: one example, or one batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.exact.arithmetic import mp
from tests.exact.arrays import log, over_arrays, sigmoid, softmax

HALF = mp.mpf(1) / 2


def _index(p: Any, t: Any, alpha: Any, beta: Any, smooth: Any) -> Any:
    """Tversky's, with the smoothing that makes it Dice's at ½ and ½."""
    agreed = 2 * (p * t).sum()
    return (agreed + smooth) / (agreed + 2 * alpha * (p * (1 - t)).sum() + 2 * beta * ((1 - p) * t).sum() + smooth)


def _probs(probs: Any, from_logits: bool) -> Any:
    return sigmoid(probs) if from_logits else probs


def dice(probs: Any, targets: Any, smooth: float = 1.0, from_logits: bool = False) -> Any:
    p = _probs(probs, from_logits)
    return 1 - (2 * (p * targets).sum() + smooth) / (p.sum() + targets.sum() + smooth)


def jaccard(probs: Any, targets: Any, smooth: float = 1.0, from_logits: bool = False) -> Any:
    p = _probs(probs, from_logits)
    agreed = (p * targets).sum()
    return 1 - (agreed + smooth) / (p.sum() + targets.sum() - agreed + smooth)


def tversky(
    probs: Any, targets: Any, alpha: float = 0.5, beta: float = 0.5, smooth: float = 1.0, from_logits: bool = False
) -> Any:
    return 1 - _index(_probs(probs, from_logits), targets, mp.mpf(alpha), mp.mpf(beta), smooth)


def focal_tversky(
    probs: Any,
    targets: Any,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 0.75,
    smooth: float = 1.0,
    from_logits: bool = False,
) -> Any:
    return tversky(probs, targets, alpha, beta, smooth, from_logits) ** mp.mpf(gamma)


# ---- classes along axis 0 of one example, axis 1 of a batch ----


def _classes(logits: Any, labels: Any) -> list[tuple[Any, Any]]:
    """(p, t) of each class."""
    axis = np.ndim(logits) - np.ndim(labels) - 1 + (np.ndim(labels) > 1)
    shares = np.moveaxis(softmax(logits, axis), axis, 0)
    return [(p, np.where(labels == c, mp.mpf(1), mp.mpf(0))) for c, p in enumerate(shares)]


def _mean(losses: list[Any], labels: Any, class_weights: Any, include_background: bool, classes: str) -> Any:
    weights = [mp.mpf(1)] * len(losses) if class_weights is None else [mp.mpf(v) for v in class_weights]
    for c in range(len(losses)):
        if (c == 0 and not include_background) or (classes == "present" and not (labels == c).any()):
            weights[c] = mp.mpf(0)
    return sum(v * loss for v, loss in zip(weights, losses, strict=True)) / sum(weights)


def _multiclass(of_class: Any) -> Any:
    def formula(
        logits: Any,
        labels: Any,
        class_weights: Any = None,
        include_background: bool = True,
        classes: str = "all",
        channel_axis: int = 1,
        **options: Any,
    ) -> Any:
        assert channel_axis == 1
        losses = [of_class(p, t, **options) for p, t in _classes(logits, labels)]
        return _mean(losses, labels, class_weights, include_background, classes)

    return formula


multiclass_dice = _multiclass(dice)


def _dice_cross_entropy(
    logits: Any,
    labels: Any,
    ce_weight: float = 0.5,
    dice_weight: float = 0.5,
    class_weights: Any = None,
    channel_axis: int = 1,
    **options: Any,
) -> Any:
    pairs = _classes(logits, labels)
    weights = [1.0] * len(pairs) if class_weights is None else class_weights
    surprise = -sum(v * (t * log(p)).sum() for v, (p, t) in zip(weights, pairs, strict=True))
    entropy = surprise / sum(v * t.sum() for v, (_, t) in zip(weights, pairs, strict=True))
    overlap = multiclass_dice(logits, labels, class_weights=class_weights, channel_axis=channel_axis, **options)
    return mp.mpf(ce_weight) * entropy + mp.mpf(dice_weight) * overlap


# ---- Lovász ----


def _jaccard_of(wrong: set[int], true: set[int]) -> Any:
    """The Jaccard loss of a mask that is wrong in these pixels."""
    union = len(true | wrong)
    return mp.mpf(0) if union == 0 else 1 - mp.mpf(len(true - wrong)) / union


def _extension(errors: Any, truth: Any) -> Any:
    errors, truth = errors.ravel(), truth.ravel()
    order = sorted(range(errors.size), key=lambda i: -errors[i])
    true = {i for i in range(truth.size) if truth[i] == 1}
    steps = [_jaccard_of(set(order[: n + 1]), true) - _jaccard_of(set(order[:n]), true) for n in range(len(order))]
    return sum(max(errors[i], mp.mpf(0)) * step for i, step in zip(order, steps, strict=True))


def _lovasz_hinge(logits: Any, targets: Any) -> Any:
    return _extension(1 - logits * (2 * targets - 1), targets)


def _lovasz_softmax(
    logits: Any,
    labels: Any,
    class_weights: Any = None,
    include_background: bool = True,
    classes: str = "present",
    channel_axis: int = 1,
) -> Any:
    assert channel_axis == 1
    losses = [_extension(abs(t - p), t) for p, t in _classes(logits, labels)]
    return _mean(losses, labels, class_weights, include_background, classes)


EXACT = {
    "dice_loss": over_arrays(dice, ("probs", "targets")),
    "jaccard_loss": over_arrays(jaccard, ("probs", "targets")),
    "tversky_loss": over_arrays(tversky, ("probs", "targets")),
    "focal_tversky_loss": over_arrays(focal_tversky, ("probs", "targets")),
    "multiclass_dice_loss": over_arrays(multiclass_dice, ("logits",)),
    "multiclass_jaccard_loss": over_arrays(_multiclass(jaccard), ("logits",)),
    "multiclass_tversky_loss": over_arrays(_multiclass(tversky), ("logits",)),
    "multiclass_focal_tversky_loss": over_arrays(_multiclass(focal_tversky), ("logits",)),
    "dice_cross_entropy_loss": over_arrays(_dice_cross_entropy, ("logits",)),
    "lovasz_hinge_loss": over_arrays(_lovasz_hinge, ("logits",)),
    "lovasz_softmax_loss": over_arrays(_lovasz_softmax, ("logits",)),
}
