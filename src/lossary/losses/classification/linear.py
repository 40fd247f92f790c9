"""Cross entropy of a linear layer, whose logits are never held all at once: large vocabularies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..._core.backends import namespace
from ..._core.check import described, floating, per_class
from ..._core.options import array_or_none, class_options, known_reduction, non_negative, plain, positive, smoothing
from ..._core.types import A, Bool, Float, Int, Reduction
from ...streaming.pairs import ChunkSize, known_chunk_size, reduced_over_rows
from .categorical import Indexed, entropies, indexed, surprise

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

# Entries of a block: fewer would read the weight matrix too often, more would hold too many logits.
BLOCK = 3 << 22


def linear_cross_entropy_loss(
    features: Float[A, "*batch features"],
    weight: Float[A, "classes features"],
    labels: Int[A, "*batch"],
    weights: Float[A, "*leading"] | None = None,
    *,
    bias: Float[A, "classes"] | None = None,
    class_weights: Sequence[float] | A | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = -100,
    softcap: float | None = None,
    z_loss: float = 0.0,
    chunk_size: ChunkSize = "auto",
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Cross entropy of a linear layer's logits without ever holding all of them: vocabularies of any size.

        cross_entropy_loss(x, labels) + z_loss · (log Σ_c e^x_c)²,  x = features · weightᵀ + bias
        with softcap s:  x = s tanh((features · weightᵀ + bias) / s)

    A few rows of logits are computed at a time. For a mean or sum their gradients are taken at once, so nothing is
    computed twice; the other reductions compute the rows again in the backward pass.

    Args:
        features: what the layer is applied to, along the last axis; of a floating dtype.
        weight: the layer's matrix, a row a class, as in torch.nn.Linear.
        labels: class indices in [0, K), of the shape of `features` without its last axis.
        weights: a factor per item, of the shape of `labels` or a leading part of it; 0 drops the item.
        bias: a number per class.
        class_weights: one factor ≥ 0 per class.
        label_smoothing: ε in [0, 1), the share of the target that is spread evenly over all K classes.
        ignore_index: items with this label are as if removed; None ignores nothing.
        softcap: > 0, holds the logits within ±softcap; None leaves them alone.
        z_loss: ≥ 0, the weight of the squared logarithm of the softmax's denominator, which keeps it near 1.
        chunk_size: rows of logits at a time; "auto" takes all up to 2²⁴ logits, else about 3 · 2²²; None always all.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wvℓ / Σ wv), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [0, ∞), in nats; log K for equal logits. Gradient: (p − target) times the features, the weights or 1;
        finite everywhere.

    Raises:
        ValueError: shapes that do not fit, a label out of range, an option out of its range.
        TypeError: labels that are not integers, features or weight that are not floating point.

    Source:
        Wijmans et al. 2024, "Cut your losses in large-vocabulary language models", arXiv:2411.09009; the squared
        logarithm: Chowdhery et al. 2022, "PaLM", arXiv:2204.02311, §5; the cap: Gemma Team 2024, "Gemma 2",
        arXiv:2408.00118, §2.

    Example:
        >>> features, weight = np.array([[2.0, 1.0]]), np.array([[0.5, -1.0], [-1.0, 2.0], [0.0, 0.0]])
        >>> linear_cross_entropy_loss(features, weight, np.array([1])).round(4).item()  # log 3: all logits are 0
        1.0986
    """
    name = "linear_cross_entropy_loss"
    class_options(name, ignore_index, None, class_weights=class_weights)
    smoothing(name, label_smoothing)
    plain(name, softcap=softcap, z_loss=z_loss)
    z_loss = non_negative(name, z_loss=z_loss)
    if softcap is not None:
        softcap = positive(name, softcap=softcap)
    known_chunk_size(name, chunk_size)
    known_reduction(name, reduction, None, normalizer)
    xp = namespace(
        name,
        features=features,
        weight=weight,
        labels=labels,
        weights=weights,
        bias=bias,
        mask=mask,
        class_weights=array_or_none(class_weights),
    )
    classes = _layer(name, xp, features, weight, bias)
    found = indexed(name, features, labels, weights, None, ignore_index, -1, mask, called="features", classes=classes)
    weight, *rest = xp.promote(weight, *([] if bias is None else [bias]))
    v: Any = None
    if class_weights is not None:
        v = per_class(name, xp, "class_weights", class_weights, classes, found.logits)

    def losses(features: Any, index: Any, valid: Any, weight: Any, *rest: Any) -> Any:
        bias = rest[0] if len(rest) > (v is not None) else None
        logits = _logits(xp, features, weight, bias, softcap)
        rows = Indexed(xp, logits, index, valid, 1, classes, None, None if v is None else rest[-1])
        return _penalised(xp, rows, entropies(rows, label_smoothing), z_loss)

    flat = xp.reshape(found.logits, (-1, features.shape[-1]))
    index = xp.reshape(found.index, (-1,))
    valid = xp.ones_like(index) == 1 if found.valid is None else xp.reshape(found.valid, (-1,))
    divisor = None if v is None else v[found.index]
    if divisor is not None and found.counted is not None:
        divisor = divisor * found.counted.factor
    return reduced_over_rows(
        name,
        xp,
        losses,
        (flat, index, valid),
        (weight, *rest, *([] if v is None else [v])),
        like=found.logits[..., 0] if features.shape[-1] else xp.sum(found.logits, axis=-1),
        entries=classes,
        chunk_size=chunk_size,
        items=found.counted,
        normalizer=normalizer,
        reduction=reduction,
        divisor=divisor,
        block=BLOCK,
    )


def _layer(loss: str, xp: Namespace, features: Any, weight: Any, bias: Any) -> int:
    """The number of classes of a layer that fits the features."""
    floating(loss, xp, features=features, weight=weight, bias=bias)
    fits = len(weight.shape) == 2 and len(features.shape) > 0 and weight.shape[1] == features.shape[-1]
    if not fits:
        got = described(features=features, weight=weight)
        raise ValueError(f"{loss}: expected weight of shape (classes, features), features (..., features); got {got}")
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        got = described(weight=weight, bias=bias)
        raise ValueError(f"{loss}: expected bias of shape ({weight.shape[0]},), one per class; got {got}")
    return weight.shape[0]


def _logits(xp: Namespace, features: Any, weight: Any, bias: Any, softcap: float | None) -> Any:
    logits = xp.linear(features, weight)
    logits = logits if bias is None else logits + bias
    return logits if softcap is None else xp.pointwise(_capped, logits, softcap=softcap)


def _capped(xp: Namespace, logits: Any, *, softcap: float) -> Any:
    ratio = logits / softcap

    def slope() -> Any:
        power = xp.exp(-2 * xp.abs(ratio))
        return 4 * power / (1 + power) ** 2  # 1 − tanh², of which nothing is left where tanh rounds to 1

    return softcap * xp.tanh(ratio), slope


def _penalised(xp: Namespace, rows: Indexed, losses: Any, z_loss: float) -> Any:
    if not z_loss:
        return losses
    own = xp.squeeze(xp.take_along_axis(rows.logits, xp.expand_dims(rows.index, axis=1), axis=1), axis=1)
    return losses + z_loss * (own + surprise(xp, rows)) ** 2
