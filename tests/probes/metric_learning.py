"""Embeddings as training sees them, well apart or nearly equal, of every size, and at the angles where cosines turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.probes.probe import Arrays, Probe, each, generator, settings, spread

NOT_REDUCED: dict[str, dict[str, Any]] = {"proxy_anchor_loss": {}}

ITEMS, FEATURES, CLASSES = 32, 4, 3


def _points(rng: np.random.Generator, *names: str, size: float = 0.4) -> Arrays:
    return {name: size * rng.normal(size=(ITEMS, FEATURES)) for name in names}


def _pairs(rng: np.random.Generator, size: float = 0.2) -> Arrays:
    """A half belongs together; a margin of 1 is out of reach for the rest."""
    both = _points(rng, "embeddings1", "embeddings2", size=size)
    return both | {"labels": (np.arange(ITEMS) % 2).astype(float)}


def _triplets(rng: np.random.Generator, size: float = 0.4) -> Arrays:
    return _points(rng, "anchor", "positive", "negative", size=size)


def _batch(rng: np.random.Generator, size: float = 0.4) -> Arrays:
    return {"embeddings": size * rng.normal(size=(9, 3)), "labels": np.arange(9) % CLASSES}


def _by_class(rng: np.random.Generator, near: float = 0.0, noise: float = 1.0) -> Iterator[tuple[str, Arrays]]:
    """Embeddings, of which a multiple of their own class's vector is a part."""
    labels = np.array([0, 1, 2, 1])
    vectors = rng.normal(size=(CLASSES, 3))
    embeddings = near * vectors[labels] + noise * rng.normal(size=(len(labels), 3))
    for loss in ("arcface_loss", "cosface_loss", "proxy_nca_loss", "proxy_anchor_loss"):
        name = "prototypes" if "face" in loss else "proxies"
        yield loss, {"embeddings": embeddings, name: vectors, "labels": labels}


_ONE_PLACE: list[dict[str, Any]] = [{}, {"squared": True}, {"swap": True}]
MININGS = settings("mining", "hard", "semihard", "all")


def ordinary() -> Iterator[Probe]:
    """The beginning of a training, and its middle."""
    rng = generator(1100)
    yield from each("contrastive_loss", _pairs(rng), {}, {"margin": 1.5})
    triplets = _triplets(rng)
    yield from each("triplet_loss", _triplets(rng, 0.15), {}, *settings("swap", True), *settings("squared", True))
    yield from each("triplet_loss", triplets, {"margin": 4.0, "squared": True, "swap": True})
    for chosen in MININGS:
        yield Probe("online_triplet_loss", _batch(rng), chosen, whole=True)
        yield Probe("online_triplet_loss", _batch(rng), {**chosen, "squared": True, "margin": 0.5}, whole=True)
    for near, note in ((0.0, "random"), (0.5, "related")):
        for loss, arrays in _by_class(rng, near):
            # Which two numbers of either sign are subtracted in ProxyNCA, and the large scales of the others.
            yield Probe(loss, arrays, {}, note=note, whole=True)
            yield Probe(loss, arrays, {"scale": 4.0}, note=note, whole=True)


def tails() -> Iterator[Probe]:
    """Partners nearly equal, and classes told apart nearly for certain."""
    rng = generator(1101)
    start = rng.normal(size=(ITEMS, FEATURES)).astype(np.float32).astype(float)
    beside = start * (1 + rng.integers(1, 30, start.shape) * 2.0**-23)
    yield Probe(
        "contrastive_loss", {"embeddings1": start, "embeddings2": beside, "labels": np.ones(ITEMS)}, note="near"
    )
    near = start + 1e-4 * rng.normal(size=start.shape)
    yield Probe("contrastive_loss", {"embeddings1": start, "embeddings2": near, "labels": np.ones(ITEMS)}, note="near")
    farther = start + 0.05 * rng.normal(size=start.shape)
    arrays = {"anchor": start, "positive": farther, "negative": near}
    yield from each("triplet_loss", arrays, {"margin": 0.0}, {"margin": 0.0, "squared": True}, note="near")
    batch = _batch(rng, 1e-3)
    for chosen in MININGS:
        yield Probe("online_triplet_loss", batch, {**chosen, "margin": 1e-3}, note="near", whole=True)
    for loss, arrays in _by_class(rng, 1.0, 0.1):
        if loss != "proxy_nca_loss":
            yield Probe(loss, arrays, {"scale": 16.0, "margin": 0.1}, note="apart", whole=True)
        else:
            yield Probe(loss, arrays, {"scale": 8.0, "denominator": "all"}, note="apart", whole=True)
    rng = generator(1103)
    anchor, both = (array for array in _points(rng, "anchor", "both").values())
    arrays = {"anchor": anchor, "positive": both, "negative": both + 1e-4 * rng.normal(size=both.shape)}
    yield from each("triplet_loss", arrays, *_ONE_PLACE, note="both-in-one-place")


def extremes() -> Iterator[Probe]:
    """Every size, equal points, and embeddings along their class's vector or against it."""
    rng = generator(1102)
    for size in (1e-18, 1e-6, 1e6, 1e18):
        yield Probe("contrastive_loss", _pairs(rng, size), note=f"times-{size:g}")
        yield from each("triplet_loss", _triplets(rng, size), {}, {"squared": True}, note=f"times-{size:g}")
        for chosen in MININGS:
            yield Probe("online_triplet_loss", _batch(rng, size), chosen, note=f"times-{size:g}", whole=True)
    far = _triplets(rng)
    yield Probe("triplet_loss", {name: array + 1e4 for name, array in far.items()}, note="far-off")
    yield Probe("contrastive_loss", {**_pairs(rng), "embeddings2": spread(rng, 8, 12, (ITEMS, FEATURES))}, note="apart")
    for loss, arrays in _by_class(rng):
        vectors = arrays["prototypes" if "face" in loss else "proxies"]
        labels = arrays["labels"]
        lengths = 10.0 ** rng.uniform(-30, 30, size=(len(labels), 1))
        long = {**arrays, "embeddings": lengths * arrays["embeddings"]}
        yield Probe(loss, long, note="lengths", whole=True)
        for sign, note in ((1.0, "along"), (-1.0, "against")):
            beside = sign * vectors[labels] + 1e-3 * rng.normal(size=(len(labels), 3))
            yield Probe(loss, {**arrays, "embeddings": beside}, note=note, whole=True)
    far = _triplets(generator(1104))
    yield from each("triplet_loss", {**far, "anchor": far["anchor"] + 1e5}, *_ONE_PLACE, note="from-afar")
