"""The frame of every loss that compares two arrays item by item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .backends import namespace
from .check import floating, real, same_shape
from .options import array_or_none, known_reduction
from .reduce import Counted, counted, reduce
from .types import Axis, Reduction

if TYPE_CHECKING:
    from .backends.protocol import Namespace


MEANS = ("mean", "batch_sum")
_PLAIN = {float, int, bool, str, type(None)}  # of options that are no arrays


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
    if not xp.matched(predictions, targets):
        same_shape(loss, predictions=predictions, targets=targets)
        floating(loss, xp, predictions=predictions)
        real(loss, xp, targets=targets)
        predictions, targets = xp.promote(predictions, targets)
    items = counted(loss, xp, predictions.shape, weights, mask, predictions)
    if items is not None:  # what does not count is replaced before the formula: a NaN times 0 is still NaN
        predictions, targets = xp.select(items.keep, predictions, 0.0), xp.select(items.keep, targets, 0.0)
    arrays, options = (predictions, targets), {"difference": True, "native": native, **options}
    return pointwise_reduced(loss, xp, formula, arrays, items, axis, normalizer, reduction, **options)


def pointwise_reduced(
    loss: str,
    xp: Namespace,
    formula: Callable[..., Any],
    arrays: Sequence[Any],
    items: Counted | None,
    axis: Axis,
    normalizer: Any,
    reduction: Reduction,
    **options: Any,
) -> Any:
    """`xp.pointwise`, reduced: in one go where every item of a mean counts alike."""
    formula, arrays, options = _with_trained(xp, formula, arrays, options)
    shape = arrays[0].shape
    if items is None and axis is None and normalizer is None and reduction in MEANS and 0 not in shape:
        count = None if reduction == "mean" else shape[0] if shape else 1
        return xp.pointwise_mean(formula, *arrays, count=count, **options)
    losses = xp.pointwise(formula, *arrays, **options)
    return reduce(loss, xp, losses, items, axis=axis, normalizer=normalizer, reduction=reduction)


def _with_trained(
    xp: Namespace, formula: Callable[..., Any], arrays: Sequence[Any], options: dict[str, Any]
) -> tuple[Callable[..., Any], Sequence[Any], dict[str, Any]]:
    """Options that are arrays, trained or traced, among the arrays, whose derivatives are taken."""
    if _PLAIN.issuperset(map(type, options.values())):
        return formula, arrays, options
    trained = {name: value for name, value in options.items() if array_or_none(value) is not None}
    if not trained:
        return formula, arrays, options
    first = len(arrays)

    def of_all(xp: Namespace, *arrays: Any, **options: Any) -> Any:
        return formula(xp, *arrays[:first], **dict(zip(trained, arrays[first:], strict=True)), **options)

    rest = {
        name: value for name, value in options.items() if name not in trained and name not in ("difference", "native")
    }
    return of_all, (*arrays, *(xp.astype(value, arrays[0]) for value in trained.values())), rest
