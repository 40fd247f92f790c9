"""The frame of every loss that compares two arrays item by item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .backends import namespace
from .check import floating, known_reduction, real, same_shape
from .reduce import counted, reduce
from .types import Axis, Reduction


def per_element(
    loss: str,
    formula: Callable[..., Any],
    predictions: Any,
    targets: Any,
    weights: Any,
    *,
    axis: Axis,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
    native: str | None = None,
    **options: Any,
) -> Any:
    """`formula(xp, predictions, targets, **options)` → (losses, slope towards the predictions), checked before and
    reduced after.

    `native` names torch's own kernel for the same formula.
    """
    known_reduction(loss, reduction, axis, normalizer)
    xp = namespace(loss, predictions=predictions, targets=targets, weights=weights, mask=mask)
    same_shape(loss, predictions=predictions, targets=targets)
    floating(loss, xp, predictions=predictions)
    real(loss, xp, targets=targets)
    predictions, targets = xp.promote(predictions, targets)
    items = counted(loss, xp, predictions.shape, weights, mask, predictions)
    if items is not None:  # what does not count is replaced before the formula: a NaN times 0 is still NaN
        predictions, targets = xp.select(items.keep, predictions, 0.0), xp.select(items.keep, targets, 0.0)
    elif native is not None and reduction == "mean" and axis is None and normalizer is None:
        mean = xp.native_mean(native, predictions, targets, **options)
        if mean is not None:
            return mean
    losses = xp.pointwise(formula, predictions, targets, difference=True, native=native, **options)
    return reduce(loss, xp, losses, items, axis=axis, normalizer=normalizer, reduction=reduction)
