"""The losses of embeddings from outside: torch, optax, pytorch-metric-learning, and loops over pairs and triplets."""

from __future__ import annotations

from math import cos, log, pi, sin
from typing import Any

import numpy as np

from tests.support.references import Array, tensor


def between(x: Array, y: Array) -> Array:
    return np.sqrt(((x - y) ** 2).sum(-1))


def contrastive(embeddings1: Array, embeddings2: Array, labels: Array, margin: Any = 1.0) -> Array:
    distance = between(embeddings1, embeddings2)
    return labels * distance**2 + (1 - labels) * np.maximum(margin - distance, 0) ** 2


def pml_contrastive(embeddings1: Array, embeddings2: Array, labels: Array, margin: Any = 1.0) -> Array:
    """Two calls: its loss of a pair is d or max(0, margin − d), which ours squares."""
    from pytorch_metric_learning.distances import LpDistance
    from pytorch_metric_learning.losses import ContrastiveLoss
    from pytorch_metric_learning.reducers import DoNothingReducer

    distance = LpDistance(normalize_embeddings=False)
    loss = ContrastiveLoss(neg_margin=float(margin), distance=distance, reducer=DoNothingReducer())
    found = []
    for one, other, label in zip(embeddings1, embeddings2, labels, strict=True):
        pair = tensor(np.stack([one, other]))
        near = loss(pair, tensor(np.array([0, 0])))["pos_loss"]["losses"]
        far = loss(pair, tensor(np.array([0, 1])))["neg_loss"]["losses"]
        found.append(label * float(near[0]) ** 2 + (1 - label) * float(far[0]) ** 2)
    return np.array(found)


def triplet(
    anchor: Array, positive: Array, negative: Array, margin: Any = 1.0, squared: bool = False, swap: bool = False
) -> Array:
    near, far = between(anchor, positive), between(anchor, negative)
    far = np.minimum(far, between(positive, negative)) if swap else far
    return np.maximum((near**2 - far**2 if squared else near - far) + margin, 0)


def torch_triplet(anchor: Array, positive: Array, negative: Array, margin: Any = 1.0, swap: bool = False) -> Array:
    from torch.nn.functional import triplet_margin_loss

    arrays = (tensor(anchor), tensor(positive), tensor(negative))
    return triplet_margin_loss(*arrays, margin=float(margin), swap=swap, eps=0.0, reduction="none").numpy()


def optax_triplet(anchor: Array, positive: Array, negative: Array, margin: Any = 1.0) -> Array:
    import jax
    import optax

    with jax.enable_x64(True):
        arrays = [jax.numpy.asarray(array) for array in (anchor, positive, negative)]
        return np.asarray(optax.losses.triplet_margin_loss(*arrays, margin=float(margin), eps=0.0))


def triplets(
    embeddings: Array, labels: Array, margin: Any = 1.0, mining: str = "hard", squared: bool = False
) -> list[list[float]]:
    """The losses of each anchor's triplets, by loops."""
    table = between(embeddings[:, None], embeddings[None])
    table = table**2 if squared else table
    found: list[list[float]] = []
    for a, row in enumerate(table):
        near = [row[p] for p in range(len(row)) if p != a and labels[p] == labels[a]]
        far = [row[n] for n in range(len(row)) if labels[n] != labels[a]]
        if not near or not far:
            pairs = []
        elif mining == "hard":
            pairs = [(max(near), min(far))]
        elif mining == "semihard":
            pairs = [(p, min((n for n in far if n > p), default=max(far))) for p in near]
        else:
            pairs = [(p, n) for p in near for n in far]
        found.append([max(float(p - n + margin), 0.0) for p, n in pairs])
    return found


def online_triplet(average: str | None = None, **kwargs: Any) -> Array:
    return np.array([sum(losses) for losses in triplets(**kwargs)])


def triplets_averaged(kwargs: dict[str, Any]) -> Array:
    """How many triplets of each anchor a mean divides by."""
    given = {name: value for name, value in kwargs.items() if name not in ("average", "chunk_size")}
    found = triplets(**given)
    usual = "active" if given.get("mining") == "all" else "valid"
    active = (kwargs.get("average") or usual) == "active"
    return np.array([sum(loss > 0 for loss in losses) if active else len(losses) for losses in found], float)


def cosines(embeddings: Array, vectors: Array) -> Array:
    def unit(x: Array) -> Array:
        length = np.linalg.norm(x, axis=1, keepdims=True)
        return x / np.where(length == 0, 1, length)

    return unit(embeddings) @ unit(vectors).T


def softmax_surprise(logits: Array, labels: Array) -> Array:
    return np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(labels)), labels]


def arcface(embeddings: Array, prototypes: Array, labels: Array, margin: float = 0.5, scale: Any = 64.0) -> Array:
    table = cosines(embeddings, prototypes)
    own = np.arange(len(labels)), labels
    angle = np.arccos(np.clip(table[own], -1, 1))
    table[own] = np.where(angle < pi - margin, np.cos(angle + margin), np.cos(angle) - margin * sin(margin))
    return softmax_surprise(scale * table, labels)


def cosface(embeddings: Array, prototypes: Array, labels: Array, margin: Any = 0.35, scale: Any = 64.0) -> Array:
    table = cosines(embeddings, prototypes)
    table[np.arange(len(labels)), labels] -= margin
    return softmax_surprise(scale * table, labels)


def pml_cosface(embeddings: Array, prototypes: Array, labels: Array, margin: Any = 0.35, scale: Any = 64.0) -> Array:
    from pytorch_metric_learning.losses import CosFaceLoss

    return _by_pml(CosFaceLoss, embeddings, prototypes, labels, "W", margin=float(margin), scale=float(scale))


def proxy_nca(embeddings: Array, proxies: Array, labels: Array, scale: Any = 1.0, denominator: str = "others") -> Array:
    table = np.exp(-scale * (2 - 2 * cosines(embeddings, proxies)))
    own = table[np.arange(len(labels)), labels]
    return -np.log(own / (table.sum(1) - (own if denominator == "others" else 0)))


def proxy_anchor(embeddings: Array, proxies: Array, labels: Array, margin: Any = 0.1, scale: Any = 32.0) -> Array:
    table = cosines(embeddings, proxies)
    draws, repels = [], []
    for p in range(len(proxies)):
        own = [table[i, p] for i in range(len(labels)) if labels[i] == p]
        others = [table[i, p] for i in range(len(labels)) if labels[i] != p]
        if own:
            draws.append(log(1 + sum(np.exp(-scale * (s - margin)) for s in own)))
        repels.append(log(1 + sum(np.exp(scale * (s + margin)) for s in others)))
    return np.asarray(sum(draws) / max(len(draws), 1) + sum(repels) / len(repels))


def pml_proxy_anchor(embeddings: Array, proxies: Array, labels: Array, margin: Any = 0.1, scale: Any = 32.0) -> Array:
    from pytorch_metric_learning.losses import ProxyAnchorLoss

    return _by_pml(ProxyAnchorLoss, embeddings, proxies, labels, "proxies", margin=float(margin), alpha=float(scale))


def _by_pml(loss: Any, embeddings: Array, vectors: Array, labels: Array, held: str, **options: Any) -> Array:
    import torch
    from pytorch_metric_learning.reducers import DoNothingReducer

    each = {} if held == "proxies" else {"reducer": DoNothingReducer()}
    criterion = loss(len(vectors), vectors.shape[1], **options, **each).double()
    value = tensor(vectors)
    with torch.no_grad():
        getattr(criterion, held).copy_(value.T if held == "W" else value)
        found = criterion(tensor(embeddings), tensor(labels))
    return np.asarray(found if held == "proxies" else found["loss"]["losses"])


def handicap(angle: float, margin: float) -> float:
    """What ArcFace makes of an angle's cosine."""
    return cos(angle + margin) if angle < pi - margin else cos(angle) - margin * sin(margin)
