"""The convex surrogates of the Jaccard loss that Lovász's extension of set functions gives."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan, prod
from typing import TYPE_CHECKING, Any, Literal

from ..._core.backends import namespace
from ..._core.backends.composed import class_shares
from ..._core.check import floating, in_range, real, same_shape
from ..._core.options import class_options, known_reduction, one_of, true_or_false
from ..._core.reduce import counted, reduce
from ..._core.types import A, Bool, Float, Int, Reduction
from .overlap import batched, class_factor, one_per_example, over_classes, pixels_and_examples, regions

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def lovasz_hinge_loss(
    logits: Float[A, "*shape"],
    targets: Float[A, "*shape"],
    weights: Float[A, "*leading"] | None = None,
    *,
    per_example: bool = False,
    ignore_index: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    r"""The Jaccard loss of a thresholded mask, made continuous: hinge errors, weighed by what each costs in overlap.

        Σ_i max(0, m_i) [Δ({1…i}) − Δ({1…i−1})],  m = 1 − logits · (2 targets − 1), sorted downwards
        Δ(S) = 1 − |true \ S| / |true ∪ S|, the Jaccard loss of a mask that is wrong exactly in S

    Args:
        logits: scores, above 0 for yes; any shape.
        targets: 0 or 1, of the shape of `logits`; booleans and integers are promoted. Values in between interpolate.
        weights: a factor per pixel, of the shape of `logits` or a leading part of it, as if the pixel were there that
            often; with `per_example` one factor per example, for the mean.
        per_example: one loss for each example along axis 0 instead of one for the batch.
        ignore_index: pixels with this target are as if removed; None ignores nothing.
        mask: True counts; of the shape of `logits` or a leading part of it.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum", the number of losses.
        reduction: "mean", "sum", "batch_sum" or "none" of the losses: one per example, or one in all.

    Returns:
        In [0, ∞), no unit, at least the Jaccard loss of the mask logits > 0; 0 where every pixel is right by a margin
        of 1. Convex. Gradient: finite, piecewise constant, with jumps where two errors are equal.

    Raises:
        ValueError: shapes differ, targets outside [0, 1], an option out of its range.
        TypeError: logits that are not floating point, or arrays of two frameworks.

    Source:
        Berman et al. 2018, "The Lovász-Softmax loss", arXiv:1705.08790, §3 and algorithm 1; Yu and Blaschko 2015,
        "Learning submodular losses with the Lovász hinge".

    Example:
        >>> lovasz_hinge_loss(np.array([1.0, -1.0, 0.0]), np.array([1.0, 0.0, 0.0])).item()  # Δ({3}) = 1 − 1/2
        0.5
    """
    name = "lovasz_hinge_loss"
    true_or_false(name, per_example=per_example)
    class_options(name, ignore_index, None)
    known_reduction(name, reduction, None, normalizer)
    xp = namespace(name, logits=logits, targets=targets, weights=weights, mask=mask)
    same_shape(name, logits=logits, targets=targets)
    floating(name, xp, logits=logits)
    real(name, xp, targets=targets)
    if per_example:
        batched(name, "logits", logits)
        one_per_example(name, logits, weights)
    ignored = None if ignore_index is None else targets == ignore_index
    logits, targets = xp.promote(logits, targets)
    shape = tuple(logits.shape)
    items = counted(name, xp, shape, weights, mask, logits, dropped=ignored)
    if items is not None:
        logits, targets = xp.select(items.keep, logits, 0.0), xp.select(items.keep, targets, 0.0)
    targets = in_range(name, xp, "targets", targets, 0.0, 1.0)
    pixels, examples = pixels_and_examples(xp, items, shape, weights if per_example else None, per_example, logits)
    rows = (shape[0], prod(shape[1:])) if per_example else (prod(shape),)
    factor = None if pixels is None else xp.reshape(xp.broadcast_to(pixels.factor, shape), rows)
    # By the shortfall, not the error: the 1 would round small differences away, and with them the order.
    shortfall = xp.reshape((1 - 2 * targets) * logits, rows)
    losses = _extension(xp, shortfall, xp.reshape(targets, rows), factor, margin=1.0)
    return reduce(name, xp, losses, examples, normalizer=normalizer, reduction=reduction)


def lovasz_softmax_loss(
    logits: Float[A, "*batch classes"],
    labels: Int[A, "*batch"],
    weights: Float[A, "*leading"] | None = None,
    *,
    class_weights: Sequence[float] | A | None = None,
    include_background: bool = True,
    classes: Literal["present", "all"] = "present",
    per_example: bool = False,
    ignore_index: int | None = -100,
    channel_axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    r"""1 − mean intersection over union, made continuous: the errors of a class, weighed by what each costs in overlap.

        1/K Σ_c Σ_i m_i [Δ_c({1…i}) − Δ_c({1…i−1})],  m = |t_c − p_c| sorted downwards
        p = softmax(logits), t_c = 1 where label = c,  Δ_c(S) = 1 − |true_c \ S| / |true_c ∪ S|

    Args:
        logits: unnormalised log-probabilities, with classes along `channel_axis`; any shape otherwise. Probabilities p
            come in as log p.
        labels: class indices in [0, K), of the shape of `logits` without its class axis.
        weights: a factor per pixel, of the shape of `labels` or a leading part of it, as if the pixel were there that
            often; with `per_example` one factor per example, for the mean.
        class_weights: one factor ≥ 0 per class, for the mean over the classes.
        include_background: False leaves class 0 out of the mean.
        classes: "present" leaves out the classes that no pixel is labelled with, as the authors do; "all" scores such
            a class by its largest probability.
        per_example: one loss for each example along axis 0 instead of one for the batch.
        ignore_index: pixels with this label are as if removed; None ignores nothing.
        channel_axis: the class axis; 1 for torch, −1 for JAX and NumPy.
        mask: True counts; of the shape of `labels` or a leading part of it.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum", the number of losses.
        reduction: "mean", "sum", "batch_sum" or "none" of the losses: one per example, or one in all.

    Returns:
        In [0, 1], no unit; near 0 only where every label has probability near 1. Gradient: finite, with jumps where
        two errors are equal.

    Raises:
        ValueError: shapes that do not fit, a label out of range, an option out of its range.
        TypeError: labels that are not integers, logits that are not floating point.

    Source:
        Berman et al. 2018, "The Lovász-Softmax loss", arXiv:1705.08790, §3 and algorithm 1.

    Example:
        >>> logits, labels = np.log([[0.75, 0.25], [0.25, 0.75]]), np.array([0, 1])
        >>> lovasz_softmax_loss(logits, labels).round(4).item()  # ¼ (Δ({1, 2}) − Δ(∅)) for both classes
        0.25
    """
    name = "lovasz_softmax_loss"
    true_or_false(name, include_background=include_background)
    one_of(name, "classes", classes, ("present", "all"))
    known_reduction(name, reduction, None, normalizer)
    found = regions(
        name, logits, labels, weights, class_weights, ignore_index, channel_axis, mask, per_example, soft="jaccard_loss"
    )
    xp, axis = found.xp, found.axis
    shape: tuple[int, ...] = tuple(found.index.shape)
    pixels, examples = pixels_and_examples(
        xp, found.counted, shape, weights if per_example else None, per_example, found.logits
    )
    shares, own, missing = class_shares(xp, found.logits, found.index, axis=axis)
    errors = xp.where(own, missing, shares)
    if found.valid is not None:
        errors = xp.where(xp.expand_dims(found.valid, axis=axis), errors, nan)
    # Classes first, pixels last and in one axis.
    rows: tuple[int, ...] = (found.classes, prod(shape))
    if per_example:
        rows = (found.classes, *shape[:1], prod(shape[1:]))
    errors, own = (xp.reshape(xp.moveaxis(array, axis, 0), rows) for array in (errors, own))
    factor = None
    if pixels is not None:
        factor = xp.broadcast_to(xp.reshape(xp.broadcast_to(pixels.factor, shape), rows[1:]), rows)
    losses = _extension(xp, errors, xp.astype(own, errors), factor)
    present = None
    if classes == "present":
        present = xp.any(own if factor is None else own & (factor != 0), axis=-1)
    counting = class_factor(name, found, losses, 0, present, include_background)
    losses = over_classes(name, xp, losses, counting, 0)
    return reduce(name, xp, losses, examples, normalizer=normalizer, reduction=reduction)


def _extension(xp: Namespace, errors: Any, true: Any, factor: Any, margin: float = 0.0) -> Any:
    """Σ max(0, margin + error) · (step of the Jaccard loss), along the last axis from the largest error down."""
    order = xp.argsort(-xp.stop_gradient(errors), axis=-1)
    errors, true = xp.take_along_axis(errors, order, axis=-1), xp.take_along_axis(true, order, axis=-1)
    count = xp.ones_like(true) if factor is None else xp.take_along_axis(factor, order, axis=-1)
    found, false = count * true, count * (1 - true)
    total = xp.sum(found, axis=-1, keepdims=True)
    # What is right of the true pixels, and the union, before each pixel goes wrong. The step is their closed form:
    # a difference of two Jaccard losses, each near 1, would cancel.
    right = total - (xp.cumulative_sum(found, axis=-1) - found)
    union = total + (xp.cumulative_sum(false, axis=-1) - false)
    wider = union + false
    nothing = union == 0  # nothing is true: the first error costs 1
    overlap = xp.where(nothing, 1.0, right / xp.where(nothing, 1.0, union))
    step = (found + false * overlap) / xp.where(wider == 0, 1.0, wider)
    unknown = xp.expand_dims(xp.any(xp.isnan(errors), axis=-1), axis=-1)  # one NaN, and no order is known
    return xp.sum(xp.relu(margin + errors) * xp.where(unknown, nan, step), axis=-1)
