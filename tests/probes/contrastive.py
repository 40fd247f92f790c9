"""Batches of embeddings: as training sees them, told apart nearly for certain, and all in one place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tests.probes.probe import Arrays, Probe, generator

ITEMS, FEATURES = 5, 4


def _of_pairs(first: np.ndarray, second: np.ndarray, temperatures: tuple[float, ...], note: str) -> Iterator[Probe]:
    """All losses of these embeddings, at each temperature."""
    labels = np.arange(len(first)) // 2
    given: dict[str, Arrays] = {
        "info_nce_loss": {"queries": first, "keys": second},
        "nt_xent_loss": {"z_i": first, "z_j": second},
        "supcon_loss": {"embeddings": first, "labels": labels},
        "clip_loss": {"image_embeddings": first, "text_embeddings": second},
        "siglip_loss": {"image_embeddings": first, "text_embeddings": second},
    }
    for loss, arrays in given.items():
        for temperature in temperatures:
            yield Probe(loss, arrays, {"temperature": temperature}, note=note, whole=True)


def _noise(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(ITEMS, FEATURES))


def ordinary() -> Iterator[Probe]:
    """The beginning of a training, and its middle."""
    rng = generator(40)
    yield from _of_pairs(_noise(rng), _noise(rng), (0.5, 0.1, 0.07), "random")
    first = _noise(rng)
    yield from _of_pairs(first, first + 0.5 * _noise(rng), (0.5, 0.2), "related")
    shared = 2 * rng.normal(size=FEATURES)
    yield from _of_pairs(shared + _noise(rng), shared + _noise(rng), (0.07,), "one-cone")
    queries, keys = _noise(rng), _noise(rng)
    for name, shape in (("queue", (3, FEATURES)), ("own", (ITEMS, 2, FEATURES))):
        arrays = {"queries": queries, "keys": keys, "negatives": rng.normal(size=shape)}
        yield Probe("info_nce_loss", arrays, note=name, whole=True)
    several = {"embeddings": _noise(rng), "labels": np.array([0, 0, 0, 1, 1])}
    yield Probe("supcon_loss", several, note="several", whole=True)
    alone = {"embeddings": _noise(rng), "labels": np.array([0, 0, 1, 2, 3])}
    yield Probe("supcon_loss", alone, note="some-alone", whole=True)
    images, texts = _noise(rng), _noise(rng)
    for bias in (0.0, -2.5):
        arrays = {"image_embeddings": images, "text_embeddings": texts}
        yield Probe("siglip_loss", arrays, {"bias": bias}, note="bias", whole=True)
    plain = {"normalize": False, "temperature": 1.0}
    yield Probe("info_nce_loss", {"queries": queries, "keys": keys}, plain, whole=True)
    yield Probe("siglip_loss", {"image_embeddings": images, "text_embeddings": texts}, plain, whole=True)


def tails() -> Iterator[Probe]:
    """Pairs that are told apart nearly for certain: losses next to 0."""
    rng = generator(41)
    corners = np.concatenate([np.eye(FEATURES), -np.eye(FEATURES)])[:ITEMS]
    near = corners + 0.05 * _noise(rng), corners + 0.05 * _noise(rng)
    of_pairs = [probe for probe in _of_pairs(*near, (0.07, 0.02), "apart") if "supcon" not in probe.loss]
    yield from (probe for probe in of_pairs if "siglip" not in probe.loss)
    twice = np.repeat(corners[:2], 2, axis=0) + 0.05 * rng.normal(size=(4, FEATURES))
    for temperature in (0.1, 0.03):
        arrays = {"embeddings": twice, "labels": np.array([0, 0, 1, 1])}
        yield Probe("supcon_loss", arrays, {"temperature": temperature}, note="apart", whole=True)
        arrays = {"image_embeddings": near[0], "text_embeddings": near[1]}
        yield Probe(
            "siglip_loss", arrays, {"temperature": temperature, "bias": -0.5 / temperature}, note="apart", whole=True
        )


def extremes() -> Iterator[Probe]:
    """The coldest temperature, all embeddings nearly equal, of every length, and some of length 0."""
    rng = generator(42)
    yield from _of_pairs(_noise(rng), _noise(rng), (1e-3, 0.01, 100.0), "random")
    centre = rng.normal(size=FEATURES)
    for spread in (1e-2, 1e-3, 1e-4):
        close = centre + spread * _noise(rng), centre + spread * _noise(rng)
        yield from _of_pairs(*close, (0.07, 1e-3), f"within-{spread:g}")
    lengths = 10.0 ** rng.uniform(-30, 30, size=(2, ITEMS, 1))
    yield from _of_pairs(lengths[0] * _noise(rng), lengths[1] * _noise(rng), (0.1,), "lengths")
    first, second = _noise(rng), _noise(rng)
    first[1] = 0  # which has no direction, and no derivative to compare
    for probe in _of_pairs(first, second, (0.1,), "zero"):
        if "supcon" not in probe.loss:
            yield replace(probe, wrt=tuple(probe.arrays)[1:])
