"""The contrastive loss with labels: every embedding of the same class is a partner."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from ..._core.check import described, dtype_name
from ..._core.reduce import Counted
from ..._core.types import A, Bool, Float, Int, Reduction
from ...streaming.pairs import ChunkSize, reduced_over_rows
from .similarity import batch, logits, nothing, places, reduced

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def supcon_loss(
    embeddings: Float[A, "items features"],
    labels: Int[A, "items"],
    weights: Float[A, "items"] | None = None,
    *,
    temperature: float | A = 0.1,
    normalize: bool = True,
    chunk_size: ChunkSize = "auto",
    mask: Bool[A, "items"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How surprising it is, on average, that an item's partners are those of its class, in nats.

        −(1 / |P(i)|) Σ_{p ∈ P(i)} log( exp(s_ip / τ) / Σ_{a ≠ i} exp(s_ia / τ) )
        P(i) = the other items with the label of i, s_ia = cosine of items i and a, τ = temperature

    An item without a partner has no loss: it leaves the mean, and remains a candidate for others. Several views of an
    image are several items with its label (reshape to two axes, and repeat the labels). With two views and a label
    for each image it is `nt_xent_loss`. The authors' code multiplies by temperature / base_temperature; here it is the
    paper's loss.

    Args:
        embeddings: one a row, of any length: only directions count.
        labels: the class of each embedding, any integers.
        weights: a factor per item; 0 takes the item away, from the candidates too.
        temperature: > 0; what a difference of cosines is divided by. A number, or a trained array without axes.
        normalize: False takes dot products as they are, not cosines.
        chunk_size: how many rows of the table of similarities to hold at a time; None: all, "auto": all if few.
        mask: True counts; an item that does not is no candidate for others.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w over the items with a partner), "sum", "batch_sum" (the mean, as there is one
            loss per item) or "none" (0 for an item without a partner).

    Returns:
        In [0, ∞), in nats, at least log |P(i)| for each item; log(N − 1) where all cosines are equal; exactly 0 if no
        two items have a label in common. Gradient: at right angles to each embedding, of the order 1 / (τ · length);
        0 for a zero embedding, which has cosine 0 with everything.

    Raises:
        ValueError: shapes that do not fit, temperature ≤ 0, or an unknown chunk_size or reduction.
        TypeError: labels that are not integers, embeddings that are not of a floating dtype, a mask that is not
            boolean, or arrays of two frameworks.

    Source:
        Khosla et al. 2020, "Supervised contrastive learning", arXiv:2004.11362, eq. 2 (L_out).

    Example:
        >>> embeddings = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> supcon_loss(embeddings, np.array([7, 7, 3]), temperature=1.0).round(4).item()  # log(1 + e^−1)
        0.3133
    """
    name = "supcon_loss"
    start = batch(
        name,
        {"embeddings": embeddings},
        weights,
        temperature,
        normalize,
        mask,
        normalizer,
        reduction,
        chunk_size,
        labels=labels,
    )
    xp, (vectors,) = start.xp, start.embeddings
    if xp.kind(labels) != "int":
        raise TypeError(f"{name}: expected labels of an integer dtype; got labels {dtype_name(labels)}")
    count = vectors.shape[0]
    if tuple(labels.shape) != (count,):
        got = described(embeddings=embeddings, labels=labels)
        raise ValueError(f"{name}: expected labels of shape ({count},), one per embedding; got {got}")
    if count == 0:
        return reduced(name, start, nothing(start), normalizer, reduction)
    rows, columns = logits(xp, vectors, vectors, temperature=start.temperature, normalize=normalize)
    labels = xp.indices(labels)
    accompanied = _accompanied(xp, labels, start.keep)
    counts = accompanied if start.items is None else accompanied & start.items.keep
    factor = xp.astype(counts, vectors) if start.items is None else xp.where(counts, start.items.factor, 0.0)
    return reduced_over_rows(
        name,
        xp,
        lambda *arrays: _block(xp, *arrays),
        [rows, labels, places(xp, vectors), accompanied],
        [columns, labels] if start.keep is None else [columns, labels, start.keep],
        like=factor,
        entries=count,
        chunk_size=chunk_size,
        items=Counted(counts, factor),
        normalizer=normalizer,
        reduction=reduction,
    )


def _accompanied(xp: Namespace, labels: Any, keep: Any) -> Any:
    """Which items share their label with another one that counts; in order of the labels these lie side by side."""
    order = xp.argsort(labels, axis=0)
    ranked = xp.take(labels, order, axis=0)
    first, behind = (xp.searchsorted(ranked, labels, right=right) for right in (False, True))
    if keep is None:
        return behind - first > 1
    kept = xp.cumulative_sum(xp.where(xp.take(keep, order, axis=0), 1, xp.zeros_like(order)), axis=0)
    before = xp.concat([xp.zeros_like(kept[:1]), kept], axis=0)
    return xp.take(before, behind, axis=0) - xp.take(before, first, axis=0) > 1


def _block(
    xp: Namespace, rows: Any, own: Any, place: Any, found: Any, columns: Any, labels: Any, keep: Any = None
) -> Any:
    """The loss of each row, 0 where it has no partner (`found` False).

    −mean log p of the partners is −log p of the likeliest one, and how far the others lie behind it: two terms that
    are never negative, so the loss keeps its relative accuracy next to 0.
    """
    table = xp.linear(rows, columns)
    column = xp.positions(table, axis=1)
    candidate = column != xp.expand_dims(place, axis=1)
    if keep is not None:
        candidate = candidate & xp.expand_dims(keep, axis=0)
    partner = candidate & (xp.expand_dims(own, axis=1) == xp.expand_dims(labels, axis=0))
    likeliest = xp.argmax(xp.where(partner, table, -inf), axis=1)
    # A row without a partner keeps all candidates: its loss is finite before it is left out.
    odds = xp.log_odds(xp.where(candidate | ~xp.expand_dims(found, axis=1), table, -inf), likeliest, axis=1)
    top = xp.take_along_axis(table, xp.expand_dims(likeliest, axis=1), axis=1)
    share = xp.astype(partner, table)
    others = partner & (column != xp.expand_dims(likeliest, axis=1))  # its own slopes, 1 − 1, would leave no digits
    behind = xp.sum(xp.where(others, top - table, 0.0), axis=1) / xp.maximum(xp.sum(share, axis=1), 1.0)
    return xp.where(found, xp.softplus(-odds) + behind, 0.0)
