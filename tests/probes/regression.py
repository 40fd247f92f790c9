"""Errors of every size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.probes.probe import ITEMS, Arrays, Probe, each, generator, settings, spread


def _regression(arrays: Arrays, note: str = "") -> Iterator[Probe]:
    for loss in ("mse_loss", "mae_loss", "log_cosh_loss"):
        yield Probe(loss, arrays, note=note)
    yield from each("huber_loss", arrays, *settings("delta", 1.0, 0.3, 10.0), note=note)
    yield from each("smooth_l1_loss", arrays, *settings("beta", 1.0, 0.0, 0.1, 7.0), note=note)
    charbonnier = {"epsilon": 1e-3}, {"epsilon": 0.5, "alpha": 0.45}, {"epsilon": 0.1, "alpha": 1.5}
    yield from each("charbonnier_loss", arrays, *charbonnier, note=note)
    yield from each("asymmetric_mse_loss", arrays, *settings("over_penalty", 2.0, 0.1, 0.01, 5.0), note=note)


def ordinary() -> Iterator[Probe]:
    """What a training run sees."""
    rng = generator(0)
    n = (ITEMS,)
    yield from _regression({"predictions": rng.normal(0, 2, n), "targets": rng.normal(0, 2, n)})


def tails() -> Iterator[Probe]:
    """Losses next to 0, where a formula that subtracts has nothing left."""
    rng = generator(1)
    n = (ITEMS,)
    yield from _regression({"predictions": spread(rng, -15, -3, n), "targets": np.zeros(n)}, "tiny")
    target = rng.normal(0, 1, n).astype(np.float32).astype(float)
    beside = target * (1 + rng.integers(1, 30, n) * 2.0**-23)
    yield from _regression({"predictions": beside, "targets": target}, "neighbours")


def extremes() -> Iterator[Probe]:
    """The edge of the domain, and options at the edge of theirs."""
    rng = generator(2)
    n = (ITEMS,)
    far = np.concatenate([spread(rng, 0, 18, ITEMS - 4), [1e18, -1e18, 1e18, 0.0]])
    other = np.concatenate([spread(rng, 0, 18, ITEMS - 4), [-1e18, 1e18, 0.0, 0.0]])
    pair = {"predictions": far, "targets": other}
    yield from _regression(pair, "far")
    yield from each("huber_loss", pair, *settings("delta", 1e-8, 1e8, 1e18), note="far")
    yield from each("smooth_l1_loss", pair, *settings("beta", 1e-8, 1e8, 1e18), note="far")
    yield from each("charbonnier_loss", pair, *settings("epsilon", 1e-8, 1.0, 1e3), note="far")
    yield from each("charbonnier_loss", pair, *settings("alpha", 0.1, 0.45, 2.0), note="far")
    small = {"predictions": spread(rng, -9, 4, n), "targets": np.zeros(n)}
    edges = *settings("epsilon", 1e-8, 1e3), *settings("alpha", 0.1, 3.0, epsilon=1e-8), {"epsilon": 1e3, "alpha": 2.0}
    yield from each("charbonnier_loss", small, *edges, note="wide")
    yield from each("asymmetric_mse_loss", small, *settings("over_penalty", 1e-8, 1e-3, 1e3, 1e8), note="wide")
    yield from each("huber_loss", small, *settings("delta", 1e-8, 1e-4, 1e4), note="wide")
    yield from each("smooth_l1_loss", small, *settings("beta", 1e-8, 1e-4, 1e4), note="wide")
    yield Probe("log_cosh_loss", {"predictions": np.linspace(0, 110, ITEMS), "targets": np.zeros(n)}, note="every-size")
