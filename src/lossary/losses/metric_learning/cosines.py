"""The cosines between embeddings and one vector a class, with everything checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.backends import namespace
from ..._core.check import described, dtype_name, floating
from ..._core.options import known_reduction
from ..._core.reduce import counted
from ..._core.types import Reduction
from ..classification.categorical import Indexed, labelled

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


class Cosines(NamedTuple):
    """What a loss of labelled directions starts from."""

    xp: Namespace
    items: Indexed  # the cosines, as the logits of labelled items
    vectors: Any  # directions of the embeddings; 0 where they do not count
    classes: Any  # directions of the classes


def cosines(
    loss: str,
    given: dict[str, Any],
    labels: Any,
    weights: Any,
    mask: Any,
    normalizer: Any = None,
    reduction: Reduction = "mean",
    **options: Any,
) -> Cosines:
    """Of the embeddings (items, features) with one vector a class (classes, features); `given` has both, by name."""
    known_reduction(loss, reduction, None, normalizer)
    xp = namespace(loss, **given, labels=labels, weights=weights, mask=mask, **options)
    (embeddings_name, embeddings), (classes_name, classes) = given.items()
    floating(loss, xp, **given)
    if len(embeddings.shape) != 2 or embeddings.shape[1] == 0:
        got = described(**given)
        raise ValueError(f"{loss}: expected {embeddings_name} of shape (items, features); got {got}")
    features = embeddings.shape[1]
    if len(classes.shape) != 2 or classes.shape[1] != features or classes.shape[0] == 0:
        got = described(**given)
        raise ValueError(f"{loss}: expected {classes_name} of shape (classes, {features}); got {got}")
    if xp.kind(labels) != "int":
        raise TypeError(f"{loss}: expected labels of an integer dtype (class indices); got labels {dtype_name(labels)}")
    if tuple(labels.shape) != tuple(embeddings.shape[:1]):
        got = described(**given, labels=labels)
        raise ValueError(
            f"{loss}: expected labels of shape {tuple(embeddings.shape[:1])}, one per embedding; got {got}"
        )
    embeddings, classes = xp.promote(embeddings, classes)
    items = counted(loss, xp, labels.shape, weights, mask, embeddings)
    if items is not None:
        embeddings = xp.select(xp.expand_dims(xp.broadcast_to(items.keep, labels.shape), axis=1), embeddings, 0.0)
    vectors, classes = xp.unit(embeddings, axis=1), xp.unit(classes, axis=1)
    table = xp.linear(vectors, classes)
    found = labelled(loss, table, labels, weights, None, None, 1, mask, normalizer, reduction)
    return Cosines(xp, found, vectors, classes)
