"""Classification by angles: softmax over the cosines with one learned prototype a class, the own class handicapped."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin
from typing import TYPE_CHECKING, Any

from ..._core.options import array_or_none, non_negative, plain, positive
from ..._core.types import A, Bool, Float, Int, Reduction
from ..classification.categorical import reduced, surprise
from .cosines import cosines

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def arcface_loss(
    embeddings: Float[A, "items features"],
    prototypes: Float[A, "classes features"],
    labels: Int[A, "items"],
    weights: Float[A, "items"] | None = None,
    *,
    margin: float = 0.5,
    scale: float | A = 64.0,
    mask: Bool[A, "items"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Cross entropy of the angles between embedding and class prototypes, the own class being `margin` farther off.

        −log( exp(s t) / (exp(s t) + Σ_{c ≠ y} exp(s cos θ_c)) ),  θ_c the angle to prototype c, s = scale
        t = cos(θ_y + margin)             where θ_y < π − margin
        t = cos θ_y − margin sin(margin)  elsewhere, as the cosine would rise again there

    The second line is the authors' code's: without it the worst items would be drawn the wrong way. With it the loss
    grows with θ_y from 0 to π. Embeddings and prototypes count by direction only.

    Args:
        embeddings: one a row, of any length.
        prototypes: one direction a class, a parameter to train, of any length.
        labels: class indices in [0, classes).
        weights: a factor per embedding; 0 drops it.
        margin: in [0, π/2], an angle in radians.
        scale: > 0, what a difference of cosines is multiplied by: the inverse of a temperature.
        mask: True counts; shaped as `weights`.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (the mean, as there is one loss per embedding) or "none".

    Returns:
        In [0, ∞), in nats; near 0 where each embedding is much closer to its own prototype, by more than `margin`; 0
        for a single class. Gradient: at right angles to each embedding and prototype, within about 2 · scale / length;
        0 for a zero embedding, which has cosine 0 with everything. The loss jumps up where θ_y = π − margin.

    Raises:
        ValueError: shapes that do not fit, a label out of range, margin outside [0, π/2], scale ≤ 0, or an unknown
            reduction.
        TypeError: embeddings or prototypes that are not floating point, labels that are not integers, or arrays of
            two frameworks.

    Source:
        Deng et al. 2019, "ArcFace: additive angular margin loss for deep face recognition", arXiv:1801.07698, eq. 3;
        the second line: the authors' published code.

    Example:
        >>> east, prototypes = np.array([[1.0, 0.0]]), np.array([[2.0, 0.0], [0.0, 3.0]])
        >>> arcface_loss(east, prototypes, np.array([0]), margin=np.pi / 3, scale=1.0).round(4).item()  # log(1 + e^−½)
        0.4741
    """
    name = "arcface_loss"
    plain(name, margin=margin)
    margin = non_negative(name, margin=margin)
    if margin > pi / 2:
        raise ValueError(f"{name}: expected margin in [0, pi/2] (radians); got margin {margin!r}")

    def farther(xp: Namespace, vectors: Any, own: Any, cosine: Any) -> Any:
        # The sine by what the one direction lacks of the other: √(1 − cos²) has lost small angles.
        sine = xp.norm(own - xp.expand_dims(cosine, axis=1) * vectors, axis=1)
        sine = xp.where(xp.any(own != 0, axis=1), sine, 1.0)
        return xp.where(cosine > -cos(margin), cosine * cos(margin) - sine * sin(margin), cosine - margin * sin(margin))

    return _handicapped(name, farther, embeddings, prototypes, labels, weights, scale, mask, normalizer, reduction)


def cosface_loss(
    embeddings: Float[A, "items features"],
    prototypes: Float[A, "classes features"],
    labels: Int[A, "items"],
    weights: Float[A, "items"] | None = None,
    *,
    margin: float | A = 0.35,
    scale: float | A = 64.0,
    mask: Bool[A, "items"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Cross entropy of the cosines between embedding and class prototypes, the own class's lowered by `margin`.

        −log( exp(s (cos θ_y − margin)) / (exp(s (cos θ_y − margin)) + Σ_{c ≠ y} exp(s cos θ_c)) )
        θ_c the angle to prototype c, s = scale

    With margin 0 it is the normalised softmax loss. Embeddings and prototypes count by direction only.

    Args:
        embeddings: one a row, of any length.
        prototypes: one direction a class, a parameter to train, of any length.
        labels: class indices in [0, classes).
        weights: a factor per embedding; 0 drops it.
        margin: ≥ 0, a difference of cosines.
        scale: > 0, what a difference of cosines is multiplied by: the inverse of a temperature.
        mask: True counts; shaped as `weights`.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (the mean, as there is one loss per embedding) or "none".

    Returns:
        In [0, ∞), in nats; near 0 where each embedding's cosine with its own prototype is the largest by much more
        than `margin`; 0 for a single class. Gradient: at right angles to each embedding and prototype, within about
        2 · scale / length; 0 for a zero embedding, which has cosine 0 with everything.

    Raises:
        ValueError: shapes that do not fit, a label out of range, margin < 0, scale ≤ 0, or an unknown reduction.
        TypeError: embeddings or prototypes that are not floating point, labels that are not integers, or arrays of
            two frameworks.

    Source:
        Wang et al. 2018, "CosFace: large margin cosine loss for deep face recognition", arXiv:1801.09414, eq. 4.

    Example:
        >>> east, prototypes = np.array([[1.0, 0.0]]), np.array([[2.0, 0.0], [0.0, 3.0]])
        >>> cosface_loss(east, prototypes, np.array([0]), margin=0.5, scale=1.0).round(4).item()  # log(1 + e^−½)
        0.4741
    """
    name = "cosface_loss"
    margin = non_negative(name, margin=margin)

    def lower(xp: Namespace, vectors: Any, own: Any, cosine: Any) -> Any:
        return cosine - margin

    return _handicapped(
        name, lower, embeddings, prototypes, labels, weights, scale, mask, normalizer, reduction, margin=margin
    )


def _handicapped(
    loss: str,
    handicap: Callable[..., Any],
    embeddings: Any,
    prototypes: Any,
    labels: Any,
    weights: Any,
    scale: Any,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
    margin: Any = None,
) -> Any:
    """`handicap(xp, embeddings, own prototypes, their cosines)` → the cosines to take for those of the own class."""
    scale = positive(loss, scale=scale)
    table = cosines(
        loss,
        {"embeddings": embeddings, "prototypes": prototypes},
        labels,
        weights,
        mask,
        normalizer,
        reduction,
        scale=array_or_none(scale),
        margin=array_or_none(margin),
    )
    xp, items = table.xp, table.items
    index = xp.expand_dims(items.index, axis=1)
    cosine = xp.squeeze(xp.take_along_axis(items.logits, index, axis=1), axis=1)
    own = handicap(xp, table.vectors, xp.take(table.classes, items.index, axis=0), cosine)
    logits = xp.put_along_axis(items.logits, index, xp.expand_dims(own, axis=1), axis=1) * scale
    items = items._replace(logits=logits)
    return reduced(loss, items, surprise(xp, items), normalizer, reduction)
