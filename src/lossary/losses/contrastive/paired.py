"""Losses in which every embedding has one partner: a softmax over all candidates names it.

Everything here rests on the log-odds z = log p / (1 − p) of the partner: −log p = softplus(−z), which keeps its
relative accuracy however well the pairs are told apart.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.check import described, floating, present
from ..._core.types import A, Bool, Float, Reduction
from ...streaming.pairs import ChunkSize, reduced_over_rows
from .similarity import Batch, batch, logits, nothing, places, reduced

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def info_nce_loss(
    queries: Float[A, "items features"],
    keys: Float[A, "items features"],
    weights: Float[A, "items"] | None = None,
    *,
    negatives: Float[A, "*items more features"] | None = None,
    temperature: float | A = 0.07,
    normalize: bool = True,
    chunk_size: ChunkSize = "auto",
    mask: Bool[A, "items"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How surprising it is that each query's own key is the right one among the keys of the batch, in nats.

        −log( exp(s_ii / τ) / (Σ_j exp(s_ij / τ) + Σ_m exp(n_im / τ)) )
        s_ij = cosine of query i and key j, n_im = cosine of query i and negative m, τ = temperature

    One direction, from queries to keys: the other queries are not candidates. Both directions of two modalities are
    `clip_loss`; two views of the same images, all of which are candidates, are `nt_xent_loss` (tutorials also call
    that one InfoNCE). With `negatives` from a queue it is MoCo's loss.

    Args:
        queries: one embedding a row, of any length: only directions count.
        keys: the partners, in the same order.
        negatives: further wrong keys, (M, features) for all queries alike or (N, M, features) for each its own.
        weights: a factor per query; 0 takes the pair away, its key included.
        temperature: > 0; what a difference of cosines is divided by. A number, or a trained array without axes.
        normalize: False takes dot products as they are, not cosines.
        chunk_size: how many rows of the table of similarities to hold at a time; None: all, "auto": all if few.
        mask: True counts; a pair that does not is neither query nor key.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (the mean, as there is one loss per query) or "none".

    Returns:
        In [0, ∞), in nats; log N where all cosines are equal, near 0 where each query is much closer to its own key
        than to any other; 0 if there is no other. Gradient: at right angles to each embedding, of the order 1 / (τ ·
        length); 0 for a zero embedding, which has cosine 0 with everything.

    Raises:
        ValueError: shapes that do not fit, temperature ≤ 0, or an unknown chunk_size or reduction.
        TypeError: embeddings that are not of a floating dtype, a mask that is not boolean, or arrays of two
            frameworks.

    Source:
        van den Oord et al. 2018, arXiv:1807.03748, eq. 4; with a queue and a temperature: He et al. 2020 (MoCo),
        arXiv:1911.05722, eq. 1.

    Example:
        >>> queries = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> info_nce_loss(queries, queries, temperature=1.0).round(4).item()  # log(1 + e^−1)
        0.3133
        >>> info_nce_loss(queries, -queries, temperature=0.5).round(4).item()  # log(1 + e^2)
        2.1269
    """
    name = "info_nce_loss"
    start = batch(
        name,
        {"queries": queries, "keys": keys},
        weights,
        temperature,
        normalize,
        mask,
        normalizer,
        reduction,
        chunk_size,
        **present(negatives=negatives),
    )
    xp, (anchors, candidates) = start.xp, start.embeddings
    if anchors.shape[0] == 0:
        return reduced(name, start, nothing(start), normalizer, reduction)
    columns = [candidates]
    if negatives is not None:
        columns.append(_wrong_keys(name, xp, negatives, anchors, start.keep, normalize))
    rows, *columns = logits(xp, anchors, *columns, temperature=start.temperature, normalize=normalize)
    own, keep, each_own = places(xp, anchors), start.keep, None
    if len(columns) == 2 and len(columns[1].shape) == 3:
        each_own = columns.pop()
    elif len(columns) == 2:
        keep = None if keep is None else xp.concat([keep, xp.ones_like(columns[1][:, 0]) > 0], axis=0)
        columns = [xp.concat(columns, axis=0)]
    table = Table(name, start, columns[0], keep, chunk_size, normalizer, reduction)
    return surprise(table, rows, own, each_own=each_own)


def _wrong_keys(loss: str, xp: Namespace, negatives: Any, anchors: Any, keep: Any, normalize: bool) -> Any:
    count, features = anchors.shape
    shape = tuple(negatives.shape)
    if shape[-1:] != (features,) or len(shape) not in (2, 3) or (len(shape) == 3 and shape[0] != count):
        expected = f"negatives of shape (M, {features}) or ({count}, M, {features})"
        raise ValueError(f"{loss}: expected {expected}; got {described(negatives=negatives)}")
    floating(loss, xp, negatives=negatives)
    negatives = xp.astype(negatives, anchors)
    if keep is not None and len(shape) == 3:
        negatives = xp.select(xp.reshape(keep, (count, 1, 1)), negatives, 0.0)
    return xp.unit(negatives, axis=-1) if normalize else negatives


def nt_xent_loss(
    z_i: Float[A, "items features"],
    z_j: Float[A, "items features"],
    weights: Float[A, "items"] | None = None,
    *,
    temperature: float | A = 0.5,
    normalize: bool = True,
    chunk_size: ChunkSize = "auto",
    mask: Bool[A, "items"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How surprising it is that each view's partner is the other view of the same item, in nats (SimCLR).

        ½ (ℓ(i, N + i) + ℓ(N + i, i)),  ℓ(a, p) = −log( exp(s_ap / τ) / Σ_{k ≠ a} exp(s_ak / τ) )
        s_ak = cosine of views a and k of all 2N, the rows of z_i and then those of z_j, τ = temperature

    All 2N − 1 other views are candidates, in both directions: the normalised temperature-scaled cross entropy. The
    loss of an item is the mean over its two views, so the mean over items is the paper's mean over 2N views.

    Args:
        z_i: the first view of each item, one embedding a row, of any length: only directions count.
        z_j: the second views, in the same order.
        weights: a factor per item; 0 takes the item away, both views.
        temperature: > 0; what a difference of cosines is divided by. A number, or a trained array without axes.
        normalize: False takes dot products as they are, not cosines.
        chunk_size: how many rows of the table of similarities to hold at a time; None: all, "auto": all if few.
        mask: True counts; the views of an item that does not are no candidates for others.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (the mean, as there is one loss per item) or "none".

    Returns:
        In [0, ∞), in nats; log(2N − 1) where all cosines are equal, 0 for a single item. Gradient: at right angles to
        each embedding, of the order 1 / (τ · length); 0 for a zero embedding, which has cosine 0 with everything.

    Raises:
        ValueError: shapes that differ or are not (items, features), temperature ≤ 0, or an unknown chunk_size or
            reduction.
        TypeError: embeddings that are not of a floating dtype, a mask that is not boolean, or arrays of two
            frameworks.

    Source:
        Chen et al. 2020, "A simple framework for contrastive learning of visual representations" (SimCLR),
        arXiv:2002.05709, eq. 1.

    Example:
        >>> views = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> nt_xent_loss(views, views, temperature=1.0).round(4).item()  # log(1 + 2 e^−1)
        0.5514
    """
    name = "nt_xent_loss"
    start = batch(
        name,
        {"z_i": z_i, "z_j": z_j},
        weights,
        temperature,
        normalize,
        mask,
        normalizer,
        reduction,
        chunk_size,
    )
    xp, count = start.xp, z_i.shape[0]
    if count == 0:
        return reduced(name, start, nothing(start), normalizer, reduction)
    views = xp.concat(start.embeddings, axis=0)
    rows, columns = logits(xp, views, views, temperature=start.temperature, normalize=normalize)
    keep = None if start.keep is None else xp.concat([start.keep, start.keep], axis=0)
    first = places(xp, z_i)
    table = Table(name, start, columns, keep, chunk_size, normalizer, reduction)
    there = surprise(table, rows[:count], first + count, itself=first)
    back = surprise(table, rows[count:], first, itself=first + count)
    return 0.5 * (there + back)


def clip_loss(
    image_embeddings: Float[A, "items features"],
    text_embeddings: Float[A, "items features"],
    weights: Float[A, "items"] | None = None,
    *,
    temperature: float | A = 0.07,
    normalize: bool = True,
    chunk_size: ChunkSize = "auto",
    mask: Bool[A, "items"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How surprising each image's text is among all texts, and each text's image among all images, in nats (CLIP).

        ½ (−log( exp(s_ii / τ) / Σ_j exp(s_ij / τ) ) − log( exp(s_ii / τ) / Σ_j exp(s_ji / τ) ))
        s_ij = cosine of image i and text j, τ = temperature

    The mean of `info_nce_loss` in both directions. Where a model trains `logit_scale` = log(1 / τ), as CLIP and
    open_clip do, pass temperature=exp(−logit_scale); the gradient reaches it.

    Args:
        image_embeddings: one a row, of any length: only directions count.
        text_embeddings: the partners, in the same order.
        weights: a factor per pair; 0 takes the pair away, from the candidates too.
        temperature: > 0; what a difference of cosines is divided by. A number, or a trained array without axes.
        normalize: False takes dot products as they are, not cosines.
        chunk_size: how many rows of the table of similarities to hold at a time; None: all, "auto": all if few.
        mask: True counts; a pair that does not is no candidate for others.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (the mean, as there is one loss per pair) or "none".

    Returns:
        In [0, ∞), in nats; log N where all cosines are equal, 0 for a single pair. Gradient: at right angles to each
        embedding, of the order 1 / (τ · length); 0 for a zero embedding, which has cosine 0 with everything.

    Raises:
        ValueError: shapes that differ or are not (items, features), temperature ≤ 0, or an unknown chunk_size or
            reduction.
        TypeError: embeddings that are not of a floating dtype, a mask that is not boolean, or arrays of two
            frameworks.

    Source:
        Radford et al. 2021, "Learning transferable visual models from natural language supervision",
        arXiv:2103.00020, figure 3; without a name before: Zhang et al. 2020 (ConVIRT), arXiv:2010.00747, eqs. 2–4.

    Example:
        >>> images, texts = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [1.0, 0.0]])
        >>> clip_loss(images, texts, temperature=1.0).round(4).item()  # ½ log 2 + ¼ (log(1 + 1/e) + log(1 + e))
        0.7532
    """
    name = "clip_loss"
    start = batch(
        name,
        {"image_embeddings": image_embeddings, "text_embeddings": text_embeddings},
        weights,
        temperature,
        normalize,
        mask,
        normalizer,
        reduction,
        chunk_size,
    )
    xp, (images, texts) = start.xp, start.embeddings
    if images.shape[0] == 0:
        return reduced(name, start, nothing(start), normalizer, reduction)
    own = places(xp, images)

    def found(anchors: Any, candidates: Any) -> Any:
        rows, columns = logits(xp, anchors, candidates, temperature=start.temperature, normalize=normalize)
        return surprise(Table(name, start, columns, start.keep, chunk_size, normalizer, reduction), rows, own)

    return 0.5 * (found(images, texts) + found(texts, images))


class Table(NamedTuple):
    """The candidates, the columns of a table with a row for each anchor, and what is made of its losses."""

    loss: str
    batch: Batch
    columns: Any
    keep: Any  # which columns are candidates; None: all
    chunk_size: ChunkSize
    normalizer: Any
    reduction: Reduction


def surprise(table: Table, rows: Any, own: Any, *, itself: Any = None, each_own: Any = None) -> Any:
    """−log of the share of column `own` in each row's softmax over the columns, reduced over the rows.

    Column `itself` of a row is no candidate for it; `each_own` are further candidates of each row alone.
    """
    xp, columns = table.batch.xp, table.columns
    by_row = {"itself": itself, "each_own": each_own}
    by_row = {name: array for name, array in by_row.items() if array is not None}

    def block(rows: Any, own: Any, *others: Any) -> Any:
        named = dict(zip([*by_row, "columns", "keep"], others, strict=False))
        return _block(xp, rows, own, **named)

    return reduced_over_rows(
        table.loss,
        xp,
        block,
        [rows, own, *by_row.values()],
        [columns] if table.keep is None else [columns, table.keep],
        like=rows[:, 0],
        entries=columns.shape[0] + (0 if each_own is None else each_own.shape[1]),
        chunk_size=table.chunk_size,
        items=table.batch.items,
        normalizer=table.normalizer,
        reduction=table.reduction,
    )


def _block(
    xp: Namespace, rows: Any, own: Any, *, columns: Any, keep: Any = None, itself: Any = None, each_own: Any = None
) -> Any:
    table = xp.linear(rows, columns)
    if keep is not None:  # a row that does not count itself keeps its partner, so that its loss is finite
        out = ~xp.expand_dims(keep, axis=0) & (xp.positions(table, axis=1) != xp.expand_dims(own, axis=1))
        table = xp.where(out, -inf, table)
    if itself is not None:
        table = xp.without(table, itself)
    if each_own is not None:
        more = xp.squeeze(xp.matmul(each_own, xp.expand_dims(rows, axis=2)), axis=2)
        table = xp.concat([table, more], axis=1)
    return xp.surprise(table, own, axis=1)
