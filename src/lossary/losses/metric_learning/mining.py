"""The triplet loss of a labelled batch, which finds its triplets itself.

Every table here is one of all pairs in the batch, by blocks of rows: O(n² log n) time even for all n³ triplets.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..._core.backends import namespace
from ..._core.check import described, dtype_name, floating
from ..._core.options import array_or_none, known_reduction, non_negative, one_of, true_or_false
from ..._core.reduce import Counted, counted, reduce
from ..._core.types import A, Bool, Float, Int, Reduction
from ...streaming.pairs import BLOCK, DENSE, ChunkSize, known_chunk_size, over_rows
from .pairs import hinge, longer

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

MININGS = ("hard", "semihard", "all")
AVERAGES = ("valid", "active")


def online_triplet_loss(
    embeddings: Float[A, "items features"],
    labels: Int[A, "items"],
    weights: Float[A, "items"] | None = None,
    *,
    margin: float | A = 1.0,
    mining: Literal["hard", "semihard", "all"] = "hard",
    squared: bool = False,
    average: Literal["valid", "active"] | None = None,
    chunk_size: ChunkSize = "auto",
    mask: Bool[A, "items"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """`triplet_loss` of triplets taken out of a labelled batch, for every embedding as the anchor.

        max(0, d(a, p) − d(a, n) + margin),  p ≠ a of the anchor's label, n of another, d = |x − y|, or |x − y|²
        hard      one triplet an anchor: the farthest p and the nearest n
        semihard  one for each p: the nearest n that is farther from a than p is; if none is, the farthest n
        all       one for each p and each n

    Which triplets are averaged over, where `average` is None, is as published: for "hard" and "semihard" all of them
    ("valid"), for "all" those whose loss is not 0 ("active"), as most soon cost nothing. Of several equally near or
    far the first is taken. "all" adds up its n³ triplets from sorted distances, without forming them.

    Args:
        embeddings: one a row, normalised or not.
        labels: a class for each; any integers.
        weights: a factor per anchor; 0 takes the embedding away, as a partner too.
        margin: ≥ 0, in the unit of the embeddings (of its square if squared).
        mining: which triplets: "hard", "semihard" or "all".
        squared: compare squared distances; the triplets of "hard" and "semihard" stay the same.
        average: "valid" (the mean is over all triplets), "active" (over those with a loss above 0) or None.
        chunk_size: anchors whose pairs are computed at a time; "auto" bounds the memory, None takes all at once.
        mask: True counts; an embedding that does not is neither anchor nor partner.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w over triplets, w the anchor's weight), "sum" (over triplets), "batch_sum" (the
            sum of an anchor's triplets, mean over anchors that have any) or "none" (the sum of each anchor's
            triplets).

    Returns:
        In [0, ∞), in the unit of the embeddings (squared if squared); 0 where every embedding is nearer to its own
        class than to others by `margin`, and where there is no triplet (a batch of one class, or of one member each).
        Gradient: of the triplets found, which are taken as given; 0 for a distance that is 0.

    Raises:
        ValueError: shapes that do not fit, margin < 0, an unknown mining, average, chunk_size or reduction.
        TypeError: embeddings that are not floating point, labels that are not integers, or arrays of two frameworks.

    Source:
        Hermans, Beyer and Leibe 2017, "In defense of the triplet loss for person re-identification", arXiv:1703.07737,
        eq. 5 (hard) and eq. 6 (all), §2 on averages; semihard: Schroff et al. 2015, "FaceNet", arXiv:1503.03832, eq. 4,
        with TensorFlow Addons' choice where there is none.

    Example:
        >>> points, labels = np.array([[0.0], [1.0], [3.0], [4.0]]), np.array([0, 0, 1, 1])
        >>> online_triplet_loss(points, labels, margin=2.0).item()  # 1 − 3 + 2 for the outer, 1 − 2 + 2 for the inner
        0.5
        >>> online_triplet_loss(points, labels, margin=2.0, mining="all").item()  # two of eight are active
        1.0
    """
    name = "online_triplet_loss"
    margin = non_negative(name, margin=margin)
    one_of(name, "mining", mining, MININGS)
    true_or_false(name, squared=squared)
    if average is not None:
        one_of(name, "average", average, AVERAGES)
    known_chunk_size(name, chunk_size)
    known_reduction(name, reduction, None, normalizer)
    margin_array = array_or_none(margin)
    xp = namespace(name, embeddings=embeddings, labels=labels, weights=weights, mask=mask, margin=margin_array)
    vectors, labels, items = labelled_batch(name, xp, embeddings, labels, weights, mask)
    if len(vectors) == 0:
        losses = xp.sum(vectors, axis=1)
        return reduce(name, xp, losses, items, normalizer=normalizer, reduction=reduction)
    keep = xp.ones_like(vectors[:, 0]) > 0 if items is None else items.keep
    margin = margin if margin_array is None else xp.astype(margin_array, vectors)
    batch = Batch(xp, vectors, labels, keep, margin, squared, chunk_size)
    found = _hardest(batch) if mining == "hard" else _of_table(batch, _semihard if mining == "semihard" else _all)
    triplets = found.active if (average or ("active" if mining == "all" else "valid")) == "active" else found.valid
    there = keep & (found.valid != 0)
    factor = xp.astype(there, vectors) if items is None else xp.where(there, items.factor, 0.0)
    return reduce(
        name,
        xp,
        xp.where(there, found.losses, 0.0),
        Counted(there, factor),
        normalizer=normalizer,
        reduction=reduction,
        divisor=None if reduction == "batch_sum" else triplets * factor,
    )


class Batch(NamedTuple):
    """What mining starts from, once everything is checked."""

    xp: Namespace
    vectors: Any
    labels: Any
    keep: Any  # which embeddings count
    margin: Any
    squared: bool
    chunk_size: ChunkSize


class Found(NamedTuple):
    """What each anchor's triplets come to."""

    losses: Any  # their sum
    valid: Any  # how many there are
    active: Any  # of them, with a loss above 0


def labelled_batch(
    loss: str, xp: Namespace, embeddings: Any, labels: Any, weights: Any, mask: Any
) -> tuple[Any, Any, Counted | None]:
    """Embeddings in rows and an integer label for each, checked, and with what does not count replaced."""
    if len(embeddings.shape) != 2 or embeddings.shape[1] == 0:
        got = described(embeddings=embeddings)
        raise ValueError(f"{loss}: expected embeddings of shape (items, features); got {got}")
    floating(loss, xp, embeddings=embeddings)
    if xp.kind(labels) != "int":
        raise TypeError(f"{loss}: expected labels of an integer dtype; got labels {dtype_name(labels)}")
    count = embeddings.shape[0]
    if tuple(labels.shape) != (count,):
        got = described(embeddings=embeddings, labels=labels)
        raise ValueError(f"{loss}: expected labels of shape ({count},), one per embedding; got {got}")
    (vectors,) = xp.promote(embeddings)
    items = counted(loss, xp, (count,), weights, mask, vectors)
    if items is not None:
        items = Counted(xp.broadcast_to(items.keep, (count,)), xp.broadcast_to(items.factor, (count,)))
        vectors = xp.select(xp.expand_dims(items.keep, axis=1), vectors, 0.0)
    return vectors, xp.indices(labels), items


# ---- one triplet an anchor ----


def _hardest(batch: Batch) -> Found:
    """Looked for without gradients; these flow through the pairs that were found alone."""
    xp, vectors = batch.xp, batch.vectors

    def search(some: Any, own: Any, place: Any, everything: Any, labels: Any, keep: Any) -> tuple[Any, ...]:
        table = xp.distances(some, everything)
        with_own, with_others = _partners(xp, table, own, place, labels, keep)
        # argmin, as a NaN among the partners is the one that it finds
        farthest = xp.argmin(xp.where(with_own, -table, inf), axis=1)
        nearest = xp.argmin(xp.where(with_others, table, inf), axis=1)
        return farthest, nearest, xp.any(with_own, axis=1) & xp.any(with_others, axis=1)

    fixed = xp.stop_gradient(vectors)
    farthest, nearest, there = _over_anchors(batch, search, fixed, dense=BLOCK)
    positive, negative = (xp.take(vectors, chosen, axis=0) for chosen in (farthest, nearest))
    excess = longer(xp, vectors - positive, vectors - negative, negative - positive, batch.squared)
    losses = hinge(xp, excess + batch.margin)
    valid = xp.astype(there, vectors)
    return Found(losses, valid, xp.where(losses == 0, 0.0, valid))


# ---- one for each positive, or for each positive and each negative ----


def _of_table(batch: Batch, triplets: Any) -> Found:
    xp, learned = batch.xp, not isinstance(batch.margin, (int, float))

    def sums(some: Any, own: Any, place: Any, everything: Any, labels: Any, keep: Any, *margins: Any) -> Found:
        table = xp.distances(some, everything, squared=batch.squared)
        with_own, with_others = _partners(xp, table, own, place, labels, keep)
        found = triplets(xp, table, with_own, with_others, margins[0] if learned else batch.margin)
        partner = with_own | with_others
        spoiled = xp.any(partner & xp.isnan(table), axis=1)  # no order of distances is right with a NaN among them
        poison = xp.sum(xp.where(partner, table, 0.0), axis=1)
        return found._replace(losses=found.losses + xp.where(spoiled, poison, 0.0))

    return Found(*_over_anchors(batch, sums, batch.vectors, *([batch.margin] if learned else [])))


def _semihard(xp: Namespace, table: Any, with_own: Any, with_others: Any, margin: Any) -> Found:
    fixed = xp.stop_gradient(xp.where(with_others, table, inf))
    order = xp.argsort(fixed, axis=1)
    number = xp.sum(xp.where(with_others, 1, xp.zeros_like(order)), axis=1, keepdims=True)
    behind = xp.searchsorted(xp.take_along_axis(fixed, order, axis=1), xp.stop_gradient(table), right=True)
    last = xp.where(number > 0, number - 1, number)
    chosen = xp.take_along_axis(order, xp.where(behind < number, behind, last), axis=1)
    far = xp.take_along_axis(table, chosen, axis=1)
    there = with_own & (number > 0)
    losses = xp.where(there, hinge(xp, table - far + margin), 0.0)
    valid = xp.astype(there, table)
    active = xp.where(losses == 0, 0.0, valid)
    return Found(xp.sum(losses, axis=1), xp.sum(valid, axis=1), xp.sum(active, axis=1))


def _all(xp: Namespace, table: Any, with_own: Any, with_others: Any, margin: Any) -> Found:
    """Σ over positives and negatives of max(0, near + margin − far), in which each distance occurs as often as it is
    in an active triplet. How often, a search among the others in order says.
    """
    size = table.shape[1]
    count = xp.stop_gradient
    reach = table + margin
    limits = xp.sort(xp.where(with_own, count(reach), -inf), axis=1)
    others = xp.sort(xp.where(with_others, count(table), inf), axis=1)
    below = xp.where(with_own, xp.astype(xp.searchsorted(others, count(reach)), table), 0.0)
    above = size - xp.astype(xp.searchsorted(limits, count(table), right=True), table)
    above = xp.where(with_others, above, 0.0)
    # Seen from the nearest negative, so that large distances close to each other lose no digits.
    nearest = others[:, :1]
    nearest = xp.where(nearest == inf, 0.0, nearest)
    spans = xp.where(below == 0, 0.0, table - nearest + margin)
    losses = xp.sum(below * spans, axis=1) - xp.sum(above * xp.where(above == 0, 0.0, table - nearest), axis=1)
    positives, negatives = (xp.sum(xp.astype(partner, table), axis=1) for partner in (with_own, with_others))
    return Found(losses, positives * negatives, xp.sum(below, axis=1))


# ---- tables ----


def _over_anchors(batch: Batch, function: Any, vectors: Any, *learned: Any, dense: int = DENSE) -> Any:
    xp = batch.xp
    place = xp.squeeze(xp.positions(vectors, axis=0), axis=1)
    rows, shared = (vectors, batch.labels, place), (vectors, batch.labels, batch.keep, *learned)
    return over_rows(
        "online_triplet_loss",
        xp,
        function,
        rows,
        shared,
        entries=len(vectors),
        chunk_size=batch.chunk_size,
        dense=dense,
    )


def _partners(xp: Namespace, table: Any, own: Any, place: Any, labels: Any, keep: Any) -> tuple[Any, Any]:
    """Which columns are of the row's label, without itself, and which are of another."""
    same = xp.expand_dims(own, axis=1) == xp.expand_dims(labels, axis=0)
    there = xp.expand_dims(keep, axis=0)
    itself = xp.positions(table, axis=1) == xp.expand_dims(place, axis=1)
    return same & ~itself & there, ~same & there
