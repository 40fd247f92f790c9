"""Scores of critics: ordinary, sure, far, and beside each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.probes.probe import ITEMS, Probe, each, generator, settings, spread

UNPROBED = dict.fromkeys(
    ("gradient_penalty", "r1_penalty"), "a critic's slope is the framework's own: tests/test_penalties.py"
)
PAIRED = ("relativistic_generator_loss", "relativistic_discriminator_loss")
LINEAR = ("wasserstein_generator_loss", "hinge_generator_loss")


def _all(real: np.ndarray, fake: np.ndarray, note: str = "") -> Iterator[Probe]:
    both = {"real_scores": real, "fake_scores": fake}
    generated = {"fake_scores": fake}
    yield from each("vanilla_generator_loss", generated, {}, {"saturating": True}, note=note)
    yield from each("vanilla_discriminator_loss", both, *settings("label_smoothing", 0.0, 0.1, 1e-3), note=note)
    yield from each("least_squares_generator_loss", generated, {}, {"target_real": 0.9}, note=note)
    yield from each("least_squares_discriminator_loss", both, {}, {"target_fake": -1.0}, note=note)
    for loss in LINEAR:
        yield Probe(loss, generated, note=note)
    for loss in ("wasserstein_discriminator_loss", "hinge_discriminator_loss", *PAIRED):
        yield Probe(loss, both, note=note)


def ordinary() -> Iterator[Probe]:
    """What a training run sees."""
    rng = generator(910)
    real, fake = rng.normal(1, 2, ITEMS), rng.normal(-1, 2, ITEMS)
    yield from _all(real, fake)
    p, q = rng.uniform(0.01, 0.99, (2, ITEMS))
    yield from each(
        "vanilla_generator_loss",
        {"fake_scores": q},
        {"from_logits": False},
        {"from_logits": False, "saturating": True},
    )
    both = {"real_scores": p, "fake_scores": q}
    yield from each(
        "vanilla_discriminator_loss", both, {"from_logits": False}, {"from_logits": False, "label_smoothing": 0.1}
    )
    few = {"real_scores": real[:12], "fake_scores": fake[:9]}
    for loss in PAIRED:
        yield Probe(loss, few, {"average": True}, whole=True)


def tails() -> Iterator[Probe]:
    """Critics that are sure, and scores beside their targets."""
    rng = generator(911)
    sure = np.linspace(5, 80, ITEMS)
    yield Probe("vanilla_generator_loss", {"fake_scores": sure}, note="sure")
    yield Probe("vanilla_generator_loss", {"fake_scores": -sure}, {"saturating": True}, note="sure")
    yield Probe("vanilla_discriminator_loss", {"real_scores": sure, "fake_scores": -sure[::-1]}, note="sure")
    gap = 10 ** rng.uniform(-30, -1, ITEMS)
    near_one = 1 - 2.0**-24 * rng.integers(1, 99, ITEMS)
    of_probabilities = {"from_logits": False}
    yield Probe("vanilla_generator_loss", {"fake_scores": near_one}, of_probabilities, "sure")
    both = {"real_scores": near_one, "fake_scores": gap}
    yield Probe("vanilla_discriminator_loss", both, of_probabilities, "sure")
    yield Probe("relativistic_discriminator_loss", {"real_scores": sure, "fake_scores": -sure / 20}, note="sure")
    yield Probe("relativistic_generator_loss", {"real_scores": -sure, "fake_scores": sure / 20}, note="sure")
    offset = {"real_scores": 1e6 + np.linspace(40, 60, 8), "fake_scores": 1e6 + np.linspace(-9, 9, 8)}
    yield Probe("relativistic_discriminator_loss", offset, {"average": True}, "far-from-0", whole=True)
    swapped = {"real_scores": offset["fake_scores"], "fake_scores": offset["real_scores"]}
    yield Probe("relativistic_generator_loss", swapped, {"average": True}, "far-from-0", whole=True)
    beside = 1 + rng.integers(1, 30, ITEMS) * 2.0**-23
    tiny = spread(rng, -15, -3, ITEMS)
    yield Probe("least_squares_generator_loss", {"fake_scores": beside}, note="neighbours")
    both = {"real_scores": beside, "fake_scores": tiny}
    yield Probe("least_squares_discriminator_loss", both, note="neighbours")
    for loss in LINEAR:
        yield Probe(loss, {"fake_scores": tiny}, note="tiny")
    yield Probe("wasserstein_discriminator_loss", {"real_scores": beside, "fake_scores": beside[::-1]}, note="beside")
    both = {"real_scores": 2 - beside, "fake_scores": beside - 2}
    yield Probe("hinge_discriminator_loss", both, note="beside-the-margin")


def extremes() -> Iterator[Probe]:
    """The edge of the domain."""
    rng = generator(912)
    far = np.concatenate([spread(rng, 0, 18, ITEMS - 4), [1e18, -1e18, 1e18, 0.0]])
    other = np.concatenate([spread(rng, 0, 18, ITEMS - 4), [-1e18, 1e18, 0.0, 0.0]])
    for probe in _all(far, other, "far"):
        if "vanilla" not in probe.loss and probe.loss not in PAIRED:  # whose digits e^1e18 would need
            yield probe
    logits = np.concatenate([spread(rng, -3, 4, ITEMS - 4), [1e4, -1e4, 1e4, -1e4]])
    back = np.concatenate([spread(rng, -3, 4, ITEMS - 4), [-1e4, 1e4, 1e4, 1e4]])
    for probe in _all(logits, back, "saturated"):
        if "vanilla" in probe.loss or probe.loss in PAIRED:
            yield probe
    few = {"real_scores": logits[-12:], "fake_scores": back[-12:]}
    for loss in PAIRED:
        yield Probe(loss, few, {"average": True}, "saturated", whole=True)
