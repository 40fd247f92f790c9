"""Contrastive losses, term by term over the pairs; a whole batch, since its items are each other's candidates."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.exact.arithmetic import mp
from tests.exact.arrays import exp, log, norm, over_arrays


def directions(vectors: Any, normalize: bool) -> Any:
    if not normalize:
        return vectors
    lengths = norm(vectors, keepdims=True)
    return vectors / np.where(lengths == 0, mp.mpf(1), lengths)


def mean(losses: Any) -> Any:
    return sum(losses) / len(losses)


def shares(scores: Any) -> Any:
    """The softmax of a row of scores."""
    powers = exp(scores)
    return powers / sum(powers)


def info_nce(queries: Any, keys: Any, negatives: Any = None, temperature: Any = 0.07, normalize: bool = True) -> Any:
    temperature = mp.mpf(temperature)
    queries, keys = directions(queries, normalize), directions(keys, normalize)
    losses = []
    for i, query in enumerate(queries):
        candidates = keys
        if negatives is not None:
            wrong = directions(negatives if negatives.ndim == 2 else negatives[i], normalize)
            candidates = np.concatenate([keys, wrong])
        losses.append(-log(shares(candidates @ query / temperature)[i]))
    return mean(losses)


def nt_xent(z_i: Any, z_j: Any, temperature: Any = 0.5, normalize: bool = True) -> Any:
    temperature = mp.mpf(temperature)
    views, count = directions(np.concatenate([z_i, z_j]), normalize), len(z_i)
    losses = []
    for a, view in enumerate(views):
        others = [k for k in range(2 * count) if k != a]
        found = shares(views[others] @ view / temperature)
        losses.append(-log(found[others.index((a + count) % (2 * count))]))
    return mean(losses)


def supcon(embeddings: Any, labels: Any, temperature: Any = 0.1, normalize: bool = True) -> Any:
    temperature = mp.mpf(temperature)
    vectors = directions(embeddings, normalize)
    losses = []
    for i, vector in enumerate(vectors):
        others = [a for a in range(len(vectors)) if a != i]
        found = shares(vectors[others] @ vector / temperature)
        partners = [-log(found[at]) for at, a in enumerate(others) if labels[a] == labels[i]]
        if partners:
            losses.append(mean(partners))
    return mean(losses) if losses else mp.mpf(0)


def clip(image_embeddings: Any, text_embeddings: Any, **options: Any) -> Any:
    there = info_nce(image_embeddings, text_embeddings, **options)
    return (there + info_nce(text_embeddings, image_embeddings, **options)) / 2


def siglip(
    image_embeddings: Any,
    text_embeddings: Any,
    temperature: Any = 0.1,
    bias: Any = -10.0,
    normalize: bool = True,
) -> Any:
    images, texts = directions(image_embeddings, normalize), directions(text_embeddings, normalize)
    scores = images @ texts.T / mp.mpf(temperature) + mp.mpf(bias)
    sign = np.where(np.eye(len(images), dtype=bool), mp.mpf(1), mp.mpf(-1))
    return np.sum(-log(1 / (1 + exp(-sign * scores)))) / len(images)


EXACT = {
    "info_nce_loss": over_arrays(info_nce, wrt=("queries", "keys", "negatives")),
    "nt_xent_loss": over_arrays(nt_xent, wrt=("z_i", "z_j")),
    "supcon_loss": over_arrays(supcon, wrt=("embeddings",)),
    "clip_loss": over_arrays(clip, wrt=("image_embeddings", "text_embeddings")),
    "siglip_loss": over_arrays(siglip, wrt=("image_embeddings", "text_embeddings")),
}
