"""Losses of the Euclidean distances in given pairs and triplets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._core.backends import namespace
from ..._core.check import described, floating, in_range, real, same_shape
from ..._core.options import array_or_none, known_reduction, non_negative, positive, true_or_false
from ..._core.reduce import Counted, counted, reduce
from ..._core.types import A, Bool, Float, Reduction

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def contrastive_loss(
    embeddings1: Float[A, "*items features"],
    embeddings2: Float[A, "*items features"],
    labels: Float[A, "*items"],
    weights: Float[A, "*leading"] | None = None,
    *,
    margin: float | A = 1.0,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Squared distance of pairs that belong together; for all others, what their distance lacks to `margin`, squared.

        y d² + (1 − y) max(0, margin − d)²,  d = |embeddings1 − embeddings2|, y = 1: together, y = 0: apart

    Label 1 says *similar*. The paper writes it as 0 and puts ½ before both terms, as some tutorials do: there, pass
    1 − labels and halve the loss. The distance is Euclidean, with nothing added to it: equal embeddings have d = 0.

    Args:
        embeddings1: one embedding along the last axis, any shape before it; normalised or not.
        embeddings2: the partners, of the same shape.
        labels: 1 where the pair belongs together, 0 where not, or how much in [0, 1]; of the shape of `embeddings1`
            without its last axis.
        weights: a factor per pair, of the shape of `labels` or a leading part of it; 0 drops the pair.
        margin: > 0, in the unit of the embeddings; pairs to be kept apart cost nothing from this distance on.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none" (one
            per pair).

    Returns:
        In [0, ∞), in the unit of the embeddings squared; 0 for equal embeddings that belong together and for others at
        least `margin` apart. Gradient: along the difference, 2d or −2 (margin − d); 0 for equal embeddings, which have
        no direction to part in.

    Raises:
        ValueError: shapes that do not fit, labels outside [0, 1], margin ≤ 0, or an unknown reduction.
        TypeError: embeddings that are not floating point, or arrays of two frameworks.

    Source:
        Hadsell, Chopra and LeCun 2006, "Dimensionality reduction by learning an invariant mapping",
        doi:10.1109/CVPR.2006.100, eq. 4 (there with ½ and Y = 1 for pairs apart).

    Example:
        >>> left, right = np.array([[0.0, 0.0], [0.0, 0.0]]), np.array([[0.3, 0.4], [0.3, 0.4]])
        >>> contrastive_loss(left, right, np.array([1, 0]), reduction="none").round(4).tolist()  # d = ½: d², (1 − d)²
        [0.25, 0.25]
    """
    name = "contrastive_loss"
    margin = positive(name, margin=margin)
    given = {"embeddings1": embeddings1, "embeddings2": embeddings2}
    xp, vectors, items = _checked(
        name, given, weights, mask, normalizer, reduction, labels=labels, margin=array_or_none(margin)
    )
    shape = tuple(embeddings1.shape[:-1])
    if tuple(labels.shape) != shape:
        got = described(**given, labels=labels)
        raise ValueError(f"{name}: expected labels of shape {shape}, one per pair; got {got}")
    real(name, xp, labels=labels)
    together = xp.astype(labels, vectors[0])
    if items is not None:
        together = xp.select(items.keep, together, 0.0)
    together = in_range(name, xp, "labels", together, 0.0, 1.0, " (1: similar)")
    distance = length(xp, vectors[0] - vectors[1], squared=False)
    missing = xp.relu(-distance + margin)
    # Not distance², which may overflow where it does not count.
    losses = together * distance * distance + (1 - together) * missing * missing
    return reduce(name, xp, losses, items, normalizer=normalizer, reduction=reduction)


def triplet_loss(
    anchor: Float[A, "*items features"],
    positive: Float[A, "*items features"],
    negative: Float[A, "*items features"],
    weights: Float[A, "*leading"] | None = None,
    *,
    margin: float | A = 1.0,
    squared: bool = False,
    swap: bool = False,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """By how much the positive fails to be nearer to the anchor than the negative is, by at least `margin`.

        max(0, d(anchor, positive) − d(anchor, negative) + margin),  d(x, y) = |x − y|, or |x − y|² if squared

    With `swap` the negative's distance is the smaller one of its distances to anchor and positive. `squared` is
    FaceNet's formula; a margin means something else there, and its gradient fades for a positive close to its anchor.
    Triplets out of a labelled batch are `online_triplet_loss`'s.

    Args:
        anchor: one embedding along the last axis, any shape before it; normalised or not.
        positive: embeddings that belong to the anchors, of the same shape.
        negative: embeddings that do not, of the same shape.
        weights: a factor per triplet, of the shape of `anchor` without its last axis or a leading part of it; 0 drops
            the triplet.
        margin: ≥ 0, in the unit of the embeddings (of its square if squared).
        squared: compare squared distances.
        swap: measure the negative from the positive, where that is nearer than the anchor.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w, over all triplets), "sum", "batch_sum" (sum within an example, mean over the
            batch) or "none" (one per triplet).

    Returns:
        In [0, ∞), in the unit of the embeddings (squared if squared); `margin` where all three are equal, 0 where the
        negative is farther than the positive by `margin` or more. Gradient: unit vectors along the two differences
        (twice the differences if squared), 0 for a difference that is 0 and where the loss is 0.

    Raises:
        ValueError: shapes differ, margin < 0, or an unknown reduction.
        TypeError: embeddings that are not floating point, or arrays of two frameworks.

    Source:
        Schroff, Kalenichenko and Philbin 2015, "FaceNet", arXiv:1503.03832, eq. 2 (squared); swap: Balntas et al. 2016,
        "Learning local feature descriptors with triplets and shallow convolutional neural networks", §3.

    Example:
        >>> anchor, positive = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])
        >>> triplet_loss(anchor, positive, np.array([[0.0, 2.0]])).item()  # 5 − 2 + 1
        4.0
        >>> triplet_loss(anchor, positive, np.array([[0.0, 2.0]]), squared=True).item()  # 25 − 4 + 1
        22.0
    """
    name = "triplet_loss"
    margin = non_negative(name, margin=margin)
    true_or_false(name, squared=squared, swap=swap)
    given = {"anchor": anchor, "positive": positive, "negative": negative}
    xp, vectors, items = _checked(name, given, weights, mask, normalizer, reduction, margin=array_or_none(margin))
    anchor, positive, negative = vectors
    to_positive = anchor - positive
    excess = longer(xp, to_positive, anchor - negative, negative - positive, squared)
    if swap:
        excess = xp.maximum(excess, longer(xp, to_positive, negative - positive, anchor - negative, squared))
    losses = hinge(xp, excess + margin)
    return reduce(name, xp, losses, items, normalizer=normalizer, reduction=reduction)


def longer(xp: Namespace, first: Any, second: Any, step: Any, squared: bool) -> Any:
    """|first| − |second|, of their squares if `squared`; `step` is first − second.

    By step · (first + second): what the lengths differ by is lost in them where the step is small beside them.
    """
    both = first + second
    if not squared:
        total = xp.norm(first, axis=-1, keepdims=True) + xp.norm(second, axis=-1, keepdims=True)
        both = xp.divide(both, xp.where(total == 0, 1.0, total))
    return xp.sum(step * both, axis=-1)


def hinge(xp: Namespace, excess: Any) -> Any:
    """max(0, excess)."""
    return xp.pointwise(_above_zero, excess)


def _above_zero(xp: Namespace, excess: Any) -> Any:
    """With a slope that shows a NaN."""
    held = xp.relu(excess)
    return held, lambda: xp.sign(held)


def length(xp: Namespace, difference: Any, squared: bool) -> Any:
    """Of each row, or its square: not by the root, whose slopes multiply small numbers before they divide them."""
    return xp.sum(difference * difference, axis=-1) if squared else xp.norm(difference, axis=-1)


def _checked(
    loss: str,
    given: dict[str, Any],
    weights: Any,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
    margin: Any,
    **others: Any,
) -> tuple[Namespace, tuple[Any, ...], Counted | None]:
    """Embeddings of one floating dtype, with those that do not count replaced."""
    known_reduction(loss, reduction, None, normalizer)
    xp = namespace(loss, **given, **others, weights=weights, mask=mask, margin=margin)
    same_shape(loss, **given)
    first = next(iter(given.values()))
    if len(first.shape) == 0 or first.shape[-1] == 0:
        raise ValueError(f"{loss}: expected embeddings of shape (..., features); got {described(**given)}")
    floating(loss, xp, **given)
    vectors = xp.promote(*given.values())
    items = counted(loss, xp, first.shape[:-1], weights, mask, vectors[0])
    if items is not None:
        keep = xp.expand_dims(items.keep, axis=-1)
        vectors = tuple(xp.select(keep, array, 0.0) for array in vectors)
    return xp, vectors, items
