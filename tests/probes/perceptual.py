"""Features that differ, that nearly agree, that are very large or small, and that have no direction."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import lossary
from tests.probes.probe import Arrays, Probe, each, generator, spread

ITEMS, MAP = 6, (6, 2, 3)  # channels, height, width
FIRST = {"channel_axis": 1}
DISTANCES = {}, {"distance_fn": lossary.mae_loss}
CONTEXT = {**FIRST}, {**FIRST, "band_width": 0.5}
RELATIVE = {
    "factor": 8,
    "factor_f64": 8,
    "reason": "the rounding of unit vectors is divided by the nearest distance and band_width",
}


def _maps(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(ITEMS, *MAP)).astype(np.float32).astype(float)


def _two(predictions: np.ndarray, targets: np.ndarray) -> Arrays:
    return {"predictions": predictions, "targets": targets}


def ordinary() -> Iterator[Probe]:
    """Features of two images, as they come and after a ReLU, whose zeros make rows of the Gram matrix alike."""
    rng = generator(110)
    pairs = {"": (_maps(rng), _maps(rng)), "relu": (np.maximum(_maps(rng), 0), np.maximum(_maps(rng), 0))}
    for note, (x, y) in pairs.items():
        yield from each("feature_reconstruction_loss", _two(x, y), *DISTANCES, note=note)
        yield Probe("style_loss", _two(x, y), FIRST, note)
    x, y = pairs[""]
    yield from each("contextual_loss", _two(x, y), *CONTEXT, **RELATIVE)
    yield Probe("style_loss", _two(x, _maps(rng)[:, :, :, :2]), FIRST, "two-sizes")


def tails() -> Iterator[Probe]:
    """Next to the target."""
    rng = generator(111)
    y = _maps(rng)
    for size in (1e-2, 1e-4, 1e-6):
        x = (y + size * rng.normal(size=y.shape)).astype(np.float32).astype(float)
        yield from each("feature_reconstruction_loss", _two(x, y), *DISTANCES, note=f"within-{size:g}")
        yield Probe("style_loss", _two(x, y), FIRST, f"within-{size:g}")
    apart = np.concatenate([np.eye(6), -np.eye(6)])[rng.permutation(12)].T.reshape(1, 6, 3, 4)
    near = (apart + 0.1 * rng.normal(size=apart.shape)).astype(np.float32).astype(float)
    yield Probe("contextual_loss", _two(near, apart), {**FIRST, "band_width": 0.5}, "found")
    yield Probe("contextual_loss", _two(near, apart), FIRST, "found")


def extremes() -> Iterator[Probe]:
    """The edges of the domain: squares of 1e18, fourth powers of 1e9; and directions of any length."""
    rng = generator(112)
    x, y = spread(rng, 0, 18, (2, ITEMS, *MAP))
    yield from each("feature_reconstruction_loss", _two(x, y), *DISTANCES, note="far")
    x, y = spread(rng, 0, 9, (2, ITEMS, *MAP))
    yield Probe("style_loss", _two(x, y), FIRST, "far")
    faint = 1e-8 * _maps(rng), 1e-8 * _maps(rng)
    yield Probe("style_loss", _two(*faint), FIRST, "faint")
    lengths = 10.0 ** rng.uniform(-15, 15, (2, ITEMS, 1, 1, 1))
    yield Probe("contextual_loss", _two(lengths[0] * _maps(rng), lengths[0] * _maps(rng)), CONTEXT[1], "lengths")
    yield Probe("contextual_loss", _two(_maps(rng), _maps(rng)), {**FIRST, "band_width": 10.0}, "broad")
    x, y = 1e-5 * _maps(rng), _maps(rng)
    yield Probe("style_loss", _two(x, y), FIRST, "fainter")
    yield Probe("style_loss", _two(np.concatenate([y, x]), np.concatenate([x, y])), FIRST, "stronger-and-fainter")
