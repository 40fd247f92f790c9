"""Rows of probabilities far apart and next to each other, and samples of points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.probes.probe import Arrays, Probe, each, generator

ROWS, CLASSES = 24, 5
BETWEEN_ROWS = ("kl_divergence", "reverse_kl_divergence", "js_divergence", "js_distance")
# The contract has 16 eps for the discrepancy, 4 for most other losses.
KERNELS: tuple[dict[str, Any], ...] = (
    {"kernel_bandwidth": (0.5, 2.0), "squared": True},
    {"kernel_type": "laplace"},
    {"kernel_type": "polynomial", "degree": 3},
    {},
    {"kernel_bandwidth": 10.0},
    {"kernel_bandwidth": 0.1},
    {"kernel_type": "linear"},
)
MMD = {"factor": 4.0, "reason": "the contract: 16 eps for sums of pairs that cancel"}


def _log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.max(1, keepdims=True)
    return x - np.log(np.exp(x).sum(1, keepdims=True))


def _of_scores(x: np.ndarray, y: np.ndarray, logs: bool = False) -> Arrays:
    if logs:
        return {"log_predictions": _log_softmax(x), "log_targets": _log_softmax(y)}
    return {"predictions": np.exp(_log_softmax(x)), "targets": np.exp(_log_softmax(y))}


def _rows(x: np.ndarray, y: np.ndarray, note: str = "", logs: bool = False) -> Iterator[Probe]:
    for loss in BETWEEN_ROWS:
        yield Probe(loss, _of_scores(x, y, logs), note=note)


def _samples(rng: np.random.Generator, offset: float = 0.0, size: float = 1.0) -> Arrays:
    x, y = rng.normal(0, 1, (8, 4, 2)), rng.normal(0.75, 1, (8, 3, 2))
    return {"predictions": size * x + offset, "targets": size * y + offset}


def ordinary() -> Iterator[Probe]:
    """What a training run sees."""
    rng = generator(60)
    x, y = rng.normal(0, 2, (2, ROWS, CLASSES))
    yield from _rows(x, y)
    yield from _rows(x, y, "logs", logs=True)
    mixed = {"predictions": np.exp(_log_softmax(x)), "log_targets": _log_softmax(y)}
    yield Probe("kl_divergence", mixed, note="log-targets")
    data = _samples(rng)
    kernels: tuple[dict[str, Any], ...] = (
        {},
        {"kernel_bandwidth": (0.5, 2.0), "squared": True},
        {"kernel_type": "laplace"},
        {"kernel_type": "linear"},
        {"kernel_type": "polynomial", "degree": 3},
    )
    yield from each("maximum_mean_discrepancy", data, *kernels, **MMD)
    yield from each("energy_distance", data, {}, {"beta": 0.5}, {"beta": 1.5}, {"squared": False}, **MMD)


def tails() -> Iterator[Probe]:
    """Next to 0: rows that are nearly equal, samples that are."""
    rng = generator(61)
    x = rng.normal(0, 2, (ROWS, CLASSES))
    for note, size in (("near", 1e-2), ("nearer", 1e-4)):
        yield from _rows(x, x + size * rng.normal(0, 1, x.shape), note)
    # Logarithms are rounded at their own size: nearer to each other than this, no answer could be right.
    yield from _rows(x, x + 0.3 * rng.normal(0, 1, x.shape), "logs-near", logs=True)
    data = _samples(rng)
    data["targets"] = data["predictions"] + 0.1 * rng.normal(0, 1, data["predictions"].shape)
    yield Probe("maximum_mean_discrepancy", data, note="near")
    yield Probe("energy_distance", data, note="near")
    x = data["predictions"].astype(np.float32).astype(float)
    yield from _moved({"predictions": x, "targets": x + 1e-3}, "shift", *KERNELS, {"unbiased": True, "squared": True})
    noise = 1e-4 * rng.normal(0, 1, x.shape)
    yield from _moved({"predictions": x, "targets": x + noise}, "noise", *KERNELS[:3])
    w = rng.uniform(0.5, 2, x.shape[:2])
    shares = {"pred_weights": w, "target_weights": w * (1 + 1e-3 * rng.normal(0, 1, w.shape))}
    yield from _moved({"predictions": x, "targets": x + noise, **shares}, "weighed", *KERNELS[:3])
    wide = rng.normal(0, 1, (8, 6, 12))
    yield from _moved({"predictions": wide, "targets": wide + 1e-3 * rng.normal(0, 1, wide.shape)}, "wide", {})


def _moved(data: Arrays, note: str, *kernels: dict[str, Any]) -> Iterator[Probe]:
    """Every point a little off, so that the statistic is of the order of the step squared."""
    data = {name: array.astype(np.float32).astype(float) for name, array in data.items()}
    yield from each("maximum_mean_discrepancy", data, *kernels, note=note)
    yield from each("energy_distance", data, {}, {"beta": 0.5}, {"beta": 1.5}, {"squared": False}, note=note)


def extremes() -> Iterator[Probe]:
    """Probabilities of next to nothing and of nothing; an offset common to all points, and points far apart."""
    rng = generator(62)
    x, y = rng.uniform(-60, 0, (2, ROWS, CLASSES))
    yield from _rows(x, y, "far")
    yield from _rows(*rng.uniform(-1e4, 0, (2, ROWS, CLASSES)), "logs-far", logs=True)
    holes = _of_scores(rng.normal(0, 2, (ROWS, CLASSES)), rng.normal(0, 2, (ROWS, CLASSES)))
    holes["predictions"][:, 0] = 0
    holes["predictions"] /= holes["predictions"].sum(1, keepdims=True)
    for loss in ("kl_divergence", "js_divergence", "js_distance"):  # the slope towards a 0 is −∞
        yield Probe(loss, holes, note="holes", wrt=("targets",))
    offset = _samples(rng, offset=1000.0)
    yield from each("maximum_mean_discrepancy", offset, {}, {"kernel_type": "linear"}, note="offset")
    yield from each("energy_distance", offset, {}, {"beta": 0.5}, note="offset")
    wide = _samples(rng, size=1e17)
    yield Probe("maximum_mean_discrepancy", wide, {"kernel_bandwidth": 1e17}, "wide")
    yield Probe("maximum_mean_discrepancy", wide, {"kernel_type": "linear"}, "wide")
    yield from each("energy_distance", wide, {}, {"squared": False}, note="wide")
