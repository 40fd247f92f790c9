"""Samples on the line and small clouds: apart, next to each other, with a common offset, very large and very small."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.probes.probe import Arrays, Probe, each, generator

EPS32 = float(np.finfo(np.float32).eps)
ITERATED = {"factor": 1e-4 / (4 * EPS32), "reason": "the contract: 1e-4 for optimal transport by iteration"}
CENTRED = {"factor": 2.0, "reason": "a projection is a matrix product, rounded at the size of the points"}


def _samples(rng: np.random.Generator, n: int, m: int, size: float = 1.0, offset: float = 0.0) -> Arrays:
    return {
        "p_samples": size * rng.normal(0, 1, (24, n)) + offset,
        "q_samples": size * rng.normal(0.5, 2, (24, m)) + offset,
    }


def _clouds(rng: np.random.Generator, n: int, m: int, size: float = 1.0, d: int = 4) -> Arrays:
    return {"x": size * rng.normal(0, 1, (6, n, d)), "y": size * rng.normal(0.5, 1, (6, m, d))}


def _sliced(rng: np.random.Generator, arrays: Arrays, **options: object) -> Probe:
    whole = {name: array[0] for name, array in arrays.items()}
    directions = rng.normal(0, 1, (5, 4)).astype(np.float32)
    return Probe(
        "sliced_wasserstein_distance",
        {**whole, "projections": directions},
        dict(options),
        wrt=("x", "y"),
        whole=True,
        **CENTRED,
    )


def ordinary() -> Iterator[Probe]:
    """What a training run sees."""
    rng = generator(90)
    yield from each("wasserstein_distance", _samples(rng, 6, 6), {}, {"p": 2}, {"p": 3}, {"p": 2, "power": True})
    yield from each("wasserstein_distance", _samples(rng, 4, 3), {}, {"p": 2})
    yield _sliced(rng, _clouds(rng, 5, 5))
    yield _sliced(rng, _clouds(rng, 5, 5), p=1)
    yield Probe("earth_mover_distance", _clouds(rng, 4, 4), {"iterations": 200}, **ITERATED)
    yield from each(
        "sinkhorn_divergence",
        _clouds(rng, 2, 2, d=8),
        {"iterations": 300},
        {"iterations": 300, "p": 1, "epsilon": 0.5},
        {"iterations": 300, "debiased": False},
        factor_f64=100.0,
        **ITERATED,
    )


def tails() -> Iterator[Probe]:
    """Distributions that are nearly equal."""
    rng = generator(91)
    samples = _samples(rng, 6, 6)
    samples["q_samples"] = samples["p_samples"] + 1e-3 * rng.normal(0, 1, samples["p_samples"].shape)
    yield from each("wasserstein_distance", samples, {}, {"p": 2}, note="near")
    clouds = _clouds(rng, 4, 4)
    clouds["y"] = clouds["x"] + 1e-2 * rng.normal(0, 1, clouds["x"].shape)
    yield _sliced(rng, clouds)
    yield Probe("earth_mover_distance", clouds, {"iterations": 200}, note="near")
    clouds = _clouds(rng, 2, 2, d=8)
    clouds["y"] = clouds["x"] + 0.05 * rng.normal(0, 1, clouds["x"].shape)
    yield Probe("sinkhorn_divergence", clouds, {"epsilon": 1.0, "iterations": 300}, note="near")


def extremes() -> Iterator[Probe]:
    """A common offset, and points as far apart as their squares allow."""
    rng = generator(92)
    for size, offset in ((1.0, 1e3), (1e15, 0.0), (1e-12, 0.0)):
        yield from each(
            "wasserstein_distance", _samples(rng, 5, 5, size, offset), {}, {"p": 2}, note=f"{size:g}+{offset:g}"
        )
        yield from each(
            "wasserstein_distance", _samples(rng, 3, 2, size, offset), {}, {"p": 3}, note=f"{size:g}+{offset:g}"
        )
    for size in (1e15, 1e-12):
        yield _sliced(rng, _clouds(rng, 4, 4, size))
        yield Probe("earth_mover_distance", _clouds(rng, 4, 4, size), {"iterations": 200}, note=f"{size:g}")
        yield Probe("sinkhorn_divergence", _clouds(rng, 2, 2, size, d=8), {"p": 1, "iterations": 300}, note=f"{size:g}")
    for size in (1e20, 1e-20):
        arrays = _samples(rng, 4, 3)
        shares = {"p_weights": size * rng.uniform(0.5, 2, (24, 4)), "q_weights": size * rng.uniform(0.5, 2, (24, 3))}
        yield from each("wasserstein_distance", {**arrays, **shares}, {}, {"p": 2}, note=f"weights-of-{size:g}")
