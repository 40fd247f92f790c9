"""Losses of embeddings as their papers write them: one pair, one triplet, or a whole batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.exact.arithmetic import mp
from tests.exact.arrays import exp, log, norm, over_arrays


def highest(x: Any, least: Any = 0) -> Any:
    return x if x > least else mp.mpf(least)


def contrastive(embeddings1: Any, embeddings2: Any, labels: Any, margin: float = 1.0) -> Any:
    distance = norm(embeddings1 - embeddings2)
    return labels * distance**2 + (1 - labels) * highest(mp.mpf(margin) - distance) ** 2


def triplet(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, squared: bool = False, swap: bool = False
) -> Any:
    near, far = norm(anchor - positive), norm(anchor - negative)
    far = min(far, norm(positive - negative)) if swap else far
    return highest((near**2 - far**2 if squared else near - far) + mp.mpf(margin))


def online_triplet(
    embeddings: Any,
    labels: Any,
    margin: float = 1.0,
    mining: str = "hard",
    squared: bool = False,
    average: str | None = None,
) -> Any:
    total, count, power, places = mp.mpf(0), 0, 2 if squared else 1, range(len(labels))
    active = (average or ("active" if mining == "all" else "valid")) == "active"
    for a in places:
        row = [norm(embeddings[a] - embeddings[k]) ** power if k != a else mp.mpf(0) for k in places]
        near = [row[p] for p in places if p != a and labels[p] == labels[a]]
        far = [row[n] for n in places if labels[n] != labels[a]]
        if not near or not far:
            continue
        pairs = [(p, n) for p in near for n in far]
        if mining == "hard":
            pairs = [(max(near), min(far))]
        elif mining == "semihard":
            pairs = [(p, min((n for n in far if n > p), default=max(far))) for p in near]
        losses = [highest(p - n + mp.mpf(margin)) for p, n in pairs]
        total += sum(losses)
        count += sum(loss > 0 for loss in losses) if active else len(losses)
    return total / max(count, 1)


def cosines(embeddings: Any, vectors: Any) -> Any:
    def unit(x: Any) -> Any:
        length = norm(x, keepdims=True)
        return x / np.where(length == 0, mp.mpf(1), length)

    return unit(embeddings) @ unit(vectors).T


def mean_surprise(table: Any, labels: Any) -> Any:
    losses = [log(sum(exp(row - row[label]))) for row, label in zip(table, labels, strict=True)]
    return sum(losses) / len(losses)


def arcface(embeddings: Any, prototypes: Any, labels: Any, margin: float = 0.5, scale: float = 64.0) -> Any:
    table, margin = cosines(embeddings, prototypes), mp.mpf(margin)
    for i, label in enumerate(labels):
        angle = mp.acos(table[i, label])
        past = angle >= mp.pi - margin
        table[i, label] = mp.cos(angle) - margin * mp.sin(margin) if past else mp.cos(angle + margin)
    return mean_surprise(mp.mpf(scale) * table, labels)


def cosface(embeddings: Any, prototypes: Any, labels: Any, margin: float = 0.35, scale: float = 64.0) -> Any:
    table = cosines(embeddings, prototypes)
    for i, label in enumerate(labels):
        table[i, label] = table[i, label] - mp.mpf(margin)
    return mean_surprise(mp.mpf(scale) * table, labels)


def proxy_nca(embeddings: Any, proxies: Any, labels: Any, scale: float = 1.0, denominator: str = "others") -> Any:
    table = exp(-mp.mpf(scale) * (2 - 2 * cosines(embeddings, proxies)))
    losses = []
    for row, label in zip(table, labels, strict=True):
        losses.append(-log(row[label] / (sum(row) - (row[label] if denominator == "others" else 0))))
    return sum(losses) / len(losses)


def proxy_anchor(embeddings: Any, proxies: Any, labels: Any, margin: float = 0.1, scale: float = 32.0) -> Any:
    table, margin, scale = cosines(embeddings, proxies), mp.mpf(margin), mp.mpf(scale)
    draws, repels = [], []
    for p in range(len(proxies)):
        own, others = table[labels == p, p], table[labels != p, p]
        if len(own):
            draws.append(mp.log1p(sum(exp(-scale * (own - margin)))))
        repels.append(mp.log1p(sum(exp(scale * (others + margin)))))
    return sum(draws) / max(len(draws), 1) + sum(repels) / len(repels)


EXACT = {
    "contrastive_loss": over_arrays(contrastive, wrt=("embeddings1", "embeddings2")),
    "triplet_loss": over_arrays(triplet, wrt=("anchor", "positive", "negative")),
    "online_triplet_loss": over_arrays(online_triplet, wrt=("embeddings",)),
    "arcface_loss": over_arrays(arcface, wrt=("embeddings", "prototypes")),
    "cosface_loss": over_arrays(cosface, wrt=("embeddings", "prototypes")),
    "proxy_nca_loss": over_arrays(proxy_nca, wrt=("embeddings", "proxies")),
    "proxy_anchor_loss": over_arrays(proxy_anchor, wrt=("embeddings", "proxies")),
}
