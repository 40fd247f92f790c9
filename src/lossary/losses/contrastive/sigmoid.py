"""The contrastive loss without a softmax: every pair of image and text is a question of its own."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from ..._core.check import present
from ..._core.options import array_or_none, finite
from ..._core.types import A, Bool, Float, Reduction
from ...streaming.pairs import ChunkSize, reduced_over_rows
from .similarity import batch, biased_logits, nothing, number, places, reduced

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def siglip_loss(
    image_embeddings: Float[A, "items features"],
    text_embeddings: Float[A, "items features"],
    weights: Float[A, "items"] | None = None,
    *,
    temperature: float | A = 0.1,
    bias: float | A = -10.0,
    normalize: bool = True,
    chunk_size: ChunkSize = "auto",
    mask: Bool[A, "items"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Does this text belong to this image? One yes-or-no question for each of the N² pairs, in nats (SigLIP).

        Σ_j −log σ(z_ij (s_ij / τ + b))
        s_ij = cosine of image i and text j, z_ii = 1, z_ij = −1 for i ≠ j, τ = temperature, b = bias

    The loss of an item is that of its image against all texts; the mean over items is the paper's sum over all pairs,
    divided by N. Where a model trains t′ = log(1 / τ) and b, pass temperature=exp(−t′) and bias=b; the gradient
    reaches both. The defaults are what the paper starts from: 1 / τ = 10, b = −10.

    Args:
        image_embeddings: one a row, of any length: only directions count.
        text_embeddings: the partners, in the same order.
        weights: a factor per image; 0 takes the pair away, its text included.
        temperature: > 0; what a cosine is divided by. A number, or a trained array without axes.
        bias: added to every s_ij / τ; log odds of a pair before anything is seen. A number, or a trained array
            without axes.
        normalize: False takes dot products as they are, not cosines.
        chunk_size: how many rows of the table of similarities to hold at a time; None: all, "auto": all if few.
        mask: True counts; a pair that does not is no candidate for others.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (the mean, as there is one loss per image) or "none".

    Returns:
        In (0, ∞), in nats: each pair adds a positive number. Gradient: at right angles to each embedding, within
        N / (τ · length); 0 for a zero embedding, which has cosine 0 with everything.

    Raises:
        ValueError: shapes that differ or are not (items, features), temperature ≤ 0, or an unknown chunk_size or
            reduction.
        TypeError: embeddings that are not of a floating dtype, a mask that is not boolean, a bias that is not a
            number, or arrays of two frameworks.

    Source:
        Zhai et al. 2023, "Sigmoid loss for language image pre-training", arXiv:2303.15343, eq. 1 and algorithm 1.

    Example:
        >>> images = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> siglip_loss(images, images, temperature=1.0, bias=0.0).round(4).item()  # log(1 + e^−1) + log 2
        1.0064
    """
    name = "siglip_loss"
    bias = finite(name, bias=bias)
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
        **present(bias=array_or_none(bias)),
    )
    xp, (images, texts) = start.xp, start.embeddings
    if images.shape[0] == 0:
        return reduced(name, start, nothing(start), normalizer, reduction)
    bias = number(xp, bias, images)
    rows, columns = biased_logits(xp, images, texts, start.temperature, bias, normalize)
    return reduced_over_rows(
        name,
        xp,
        lambda *arrays: _block(xp, *arrays),
        [rows, places(xp, images)],
        [columns] if start.keep is None else [columns, start.keep],
        like=images[:, 0],
        entries=texts.shape[0],
        chunk_size=chunk_size,
        items=start.items,
        normalizer=normalizer,
        reduction=reduction,
    )


def _block(xp: Namespace, rows: Any, own: Any, columns: Any, keep: Any = None) -> Any:
    table = xp.linear(rows, columns)
    place = xp.expand_dims(own, axis=1)
    wrong = xp.put_along_axis(table, place, -xp.take_along_axis(table, place, axis=1), axis=1)
    if keep is not None:
        partner = xp.positions(table, axis=1) == place
        wrong = xp.where(partner | xp.expand_dims(keep, axis=0), wrong, -inf)
    return xp.sum(xp.softplus(wrong), axis=1)
