"""What the contrastive losses share: checked embeddings, and logits that keep small differences of cosines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.backends import namespace
from ..._core.check import described, floating, same_shape
from ..._core.options import array_or_none, known_reduction, positive, true_or_false
from ..._core.reduce import Counted, counted, reduce
from ..._core.types import Reduction
from ...streaming.pairs import ChunkSize, known_chunk_size

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


class Batch(NamedTuple):
    """What a contrastive loss starts from, once everything is checked."""

    xp: Namespace
    embeddings: tuple[Any, ...]  # of one floating dtype, unit vectors where asked; 0 where they do not count
    items: Counted | None
    keep: Any  # (items,) bool: which count, as anchor and as candidate; None: all
    temperature: Any  # a number, or an array without axes


def batch(
    loss: str,
    embeddings: dict[str, Any],
    weights: Any,
    temperature: Any,
    normalize: bool,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
    chunk_size: ChunkSize,
    **others: Any,
) -> Batch:
    """Checked arguments; `others` are arrays of the same framework that the loss looks at itself."""
    temperature = positive(loss, temperature=temperature)
    true_or_false(loss, normalize=normalize)
    known_chunk_size(loss, chunk_size)
    known_reduction(loss, reduction, None, normalizer)
    xp = namespace(loss, **embeddings, **others, weights=weights, mask=mask, temperature=array_or_none(temperature))
    first = next(iter(embeddings.values()))
    if len(first.shape) != 2 or first.shape[1] == 0:
        got = described(**embeddings)
        raise ValueError(f"{loss}: expected {next(iter(embeddings))} of shape (items, features); got {got}")
    same_shape(loss, **embeddings)
    floating(loss, xp, **embeddings)
    arrays = xp.promote(*embeddings.values())
    items = counted(loss, xp, first.shape[:1], weights, mask, arrays[0])
    keep = None if items is None else xp.broadcast_to(items.keep, tuple(first.shape[:1]))
    if keep is not None:
        arrays = tuple(xp.select(xp.expand_dims(keep, axis=1), array, 0.0) for array in arrays)
    if normalize:
        arrays = tuple(xp.unit(array, axis=-1) for array in arrays)
    return Batch(xp, arrays, items, keep, number(xp, temperature, arrays[0]))


def number(xp: Namespace, option: Any, like: Any) -> Any:
    """A Python number as it is; a trained one of the dtype of `like`."""
    return option if array_or_none(option) is None else xp.astype(option, like)


def logits(xp: Namespace, anchors: Any, *candidates: Any, temperature: Any, normalize: bool) -> tuple[Any, ...]:
    """(rows, *columns) such that rows @ columnsᵀ = anchors @ candidatesᵀ / temperature + a constant for each row.

    A softmax over the candidates does not see the constant, so it may be chosen: what all unit vectors have in common
    is taken away on both sides. Otherwise the products of vectors close together, and still more the sums of such
    vectors in the gradient, are all rounded at the size of that common part.
    """
    if not normalize:  # of any size: an offset of one could be all there is of another
        return anchors / temperature, *candidates
    middle, centre = _middle(xp, anchors), _middle(xp, candidates[0])
    rows = _of_features(xp, anchors - middle, xp.ones_like(anchors[:, :1])) / temperature
    return rows, *(_moved(xp, columns, centre, middle) for columns in candidates)


def _of_features(xp: Namespace, *features: Any) -> Any:
    """Side by side, up to a multiple of 8: products over 129 features take a fifth longer than over 136."""
    table = xp.concat(features, axis=-1)
    missing = -table.shape[-1] % 8
    if not missing:
        return table
    zeros = xp.broadcast_to(xp.zeros_like(table[..., :1]), (*table.shape[:-1], missing))
    return xp.concat([table, zeros], axis=-1)


def biased_logits(xp: Namespace, anchors: Any, candidates: Any, temperature: Any, bias: Any, normalize: bool) -> Any:
    """(rows, columns) such that rows @ columnsᵀ = anchors @ candidatesᵀ / temperature + bias.

    Of unit vectors u and v the product is ½ |u|² + ½ |v|² − ½ |u − v|², where the lengths have no slope. From their
    middle, the slope is a sum of small differences: those of vectors close together would cancel.
    """
    ones = xp.ones_like(anchors[:, :1])
    if not normalize:
        return _of_features(xp, anchors / temperature, ones), _of_features(xp, candidates, ones * bias)
    middle = 0.5 * (_middle(xp, anchors) + _middle(xp, candidates))
    (u, of_u), (v, of_v) = (_from(xp, middle, vectors) for vectors in (anchors, candidates))
    rows = _of_features(xp, u / temperature, of_u / temperature, ones / temperature, ones)
    return rows, _of_features(xp, v, ones, of_v, ones * bias)


def _from(xp: Namespace, middle: Any, vectors: Any) -> tuple[Any, Any]:
    """Each vector seen from `middle`, and half its squared length less that of what is seen."""
    seen = vectors - middle
    fixed = xp.stop_gradient(vectors)
    return seen, 0.5 * xp.sum(fixed * fixed - seen * seen, axis=-1, keepdims=True)


def _moved(xp: Namespace, columns: Any, centre: Any, middle: Any) -> Any:
    """From the centre, with a last feature that gives back what the rows lack, less what the length has beyond 1.

    Unit vectors are so only up to rounding, which a product u · v sees in full, and −½ |u − v|² hardly.
    """
    seen, fixed = columns - centre, xp.stop_gradient(columns)
    beyond = xp.sum((fixed - centre) * (fixed + centre), axis=-1, keepdims=True)
    none = ~xp.any(fixed != 0, axis=-1)  # the zero vector stays what it is
    short = 1 - xp.sum(centre * centre, axis=-1, keepdims=True)
    beyond = xp.where(xp.expand_dims(none, axis=-1), short, beyond)
    return _of_features(xp, seen, xp.sum(seen * middle, axis=-1, keepdims=True) - 0.5 * beyond)


def _middle(xp: Namespace, vectors: Any) -> Any:
    middle = xp.stop_gradient(xp.mean(vectors, axis=0))
    return xp.where(xp.isfinite(middle), middle, 0.0)  # one vector's NaN is not to reach the rows of others


def places(xp: Namespace, items: Any) -> Any:
    """0, 1, 2 … one for each of `items`."""
    return xp.squeeze(xp.positions(items, axis=0), axis=1)


def reduced(loss: str, batch: Batch, losses: Any, normalizer: Any, reduction: Reduction) -> Any:
    """The losses of a batch as `reduction` says."""
    return reduce(loss, batch.xp, losses, batch.items, normalizer=normalizer, reduction=reduction)


def nothing(batch: Batch) -> Any:
    """The losses of an empty batch: none, and still part of the graph."""
    return batch.xp.sum(batch.embeddings[0] * batch.embeddings[-1], axis=-1) / batch.temperature
