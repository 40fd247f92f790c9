"""Scores, from undecided to certain."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.probes.probe import ITEMS, Arrays, Probe, each, generator, settings, spread

WEIGHTS = (0.5, 2.0, 1.0, 0.25, 3.0)  # of five classes
CLASSES = len(WEIGHTS)


def _binary(arrays: Arrays, note: str = "") -> Iterator[Probe]:
    smooth = settings("label_smoothing", 0.1, 1e-3)
    bce = {}, {"pos_weight": 3.0}, {"pos_weight": 0.1, "label_smoothing": 0.05}, *smooth
    yield from each("binary_cross_entropy_loss", arrays, *bce, note=note)
    focal = {}, *settings("gamma", 0.0, 0.5, 1.0, 5.0), *settings("alpha", None, 0.9), *smooth
    yield from each("binary_focal_loss", arrays, *focal, note=note)


def _labelled(logits: np.ndarray, labels: np.ndarray, note: str = "") -> Iterator[Probe]:
    arrays = {"logits": logits, "labels": labels}
    smooth = settings("label_smoothing", 0.1, 1e-3)
    weighted = {"class_weights": WEIGHTS}
    both = {**weighted, "label_smoothing": 0.1}
    yield from each("cross_entropy_loss", arrays, {}, *smooth, weighted, both, note=note)
    faded = settings("gamma", 0.0, 0.5, 1.0, 5.0)
    focal = {}, *faded, *settings("alpha", 0.25, WEIGHTS), *smooth, {"alpha": WEIGHTS, "label_smoothing": 0.1}
    yield from each("focal_loss", arrays, *focal, note=note)


def _soft(logits: np.ndarray, probs: np.ndarray, note: str = "") -> Iterator[Probe]:
    arrays = {"logits": logits, "probs": probs}
    options = (
        {},
        {"label_smoothing": 0.1},
        {"class_weights": WEIGHTS},
        {"class_weights": WEIGHTS, "label_smoothing": 0.1},
    )
    yield from each("soft_cross_entropy_loss", arrays, *options, note=note)


def _one_hot(labels: np.ndarray, classes: int = CLASSES) -> np.ndarray:
    return np.eye(classes)[labels]


def far_answers(rng: np.random.Generator) -> Arrays:
    logits = np.concatenate([spread(rng, -3, 4, ITEMS - 4), [1e4, -1e4, 1e4, -1e4]])
    hard = np.concatenate([rng.integers(0, 2, ITEMS - 4), [0, 1, 1, 0]]).astype(float)
    return {"logits": logits, "targets": hard}


def _extreme_binary(rng: np.random.Generator) -> Iterator[Probe]:
    arrays = far_answers(rng)
    smooth = settings("label_smoothing", 0.5, 1e-6)
    yield from each("binary_cross_entropy_loss", arrays, {}, *smooth, *settings("pos_weight", 1e-4, 1e4), note="far")
    # alpha = ¼ and gamma = 1 would make the slope towards the targets vanish to the last digit.
    gammas = settings("gamma", 0.0, 0.1, 0.5, 1.0, 2.0, 10.0, alpha=0.3)
    yield from each("binary_focal_loss", arrays, *gammas, *settings("alpha", 0.0, 1.0, 1e-4), note="far")
    soft = {"logits": arrays["logits"], "targets": rng.uniform(0.05, 0.95, ITEMS)}
    yield from each("binary_cross_entropy_loss", soft, {}, {"pos_weight": 1e4}, note="far-soft")
    yield from each("binary_focal_loss", soft, *settings("gamma", 0.1, 10.0), note="far-soft")
    wrong = {"logits": 10 ** rng.uniform(-37, -1, ITEMS), "targets": np.ones(ITEMS)}
    yield from each("binary_cross_entropy_loss", wrong, {"from_logits": False}, note="wrong")


def far_classes(rng: np.random.Generator) -> dict[str, Arrays]:
    labels = rng.integers(0, CLASSES, ITEMS)
    impossible = rng.normal(0, 3, (ITEMS, CLASSES))
    impossible[(rng.random((ITEMS, CLASSES)) < 0.6) & ~_one_hot(labels).astype(bool)] = -np.inf
    scores = {
        "far": spread(rng, -3, 4, (ITEMS, CLASSES)),
        "offset": rng.normal(0, 3, (ITEMS, CLASSES)) + rng.choice([-1e6, 1e6], (ITEMS, 1)),
        "impossible": impossible,
    }
    return {note: {"logits": logits, "labels": labels} for note, logits in scores.items()}


def _extreme_classes(rng: np.random.Generator) -> Iterator[Probe]:
    for note, arrays in far_classes(rng).items():
        logits, labels = arrays.values()
        smooth = () if note == "impossible" else settings("label_smoothing", 0.1, 0.9)
        yield from each("cross_entropy_loss", arrays, {}, {"class_weights": WEIGHTS}, *smooth, note=note)
        yield from each("focal_loss", arrays, *settings("gamma", 0.0, 0.1, 0.5, 1.0, 2.0, 10.0), *smooth, note=note)
        probs = _one_hot(labels) if note == "impossible" else rng.dirichlet(np.ones(CLASSES), ITEMS)
        # Towards the share of an impossible class the slope is infinite; any finite number serves as well.
        wrt = ("logits",) if note == "impossible" else ()
        yield Probe("soft_cross_entropy_loss", {"logits": logits, "probs": probs}, {}, note, wrt)
    for classes, note in ((1, "one-class"), (2, "two-classes")):
        arrays = {"logits": rng.normal(0, 3, (ITEMS, classes)), "labels": rng.integers(0, classes, ITEMS)}
        yield from each("cross_entropy_loss", arrays, {}, {"label_smoothing": 0.1}, note=note)
        yield Probe("focal_loss", arrays, {}, note)
        one_hot = {"logits": arrays["logits"], "probs": _one_hot(arrays["labels"], classes)}
        yield Probe("soft_cross_entropy_loss", one_hot, {}, note)
    vocabulary = {"logits": rng.normal(0, 3, (1, 50_000)), "labels": np.array([7])}
    yield Probe("cross_entropy_loss", vocabulary, {}, "many-classes")


def ordinary() -> Iterator[Probe]:
    """What a training run sees."""
    rng = generator(0)
    n = (ITEMS,)
    targets = np.concatenate([rng.integers(0, 2, ITEMS // 2), rng.random(ITEMS // 2)]).astype(float)
    yield from _binary({"logits": rng.normal(0, 3, n), "targets": targets})
    probabilities = {"logits": rng.uniform(0.01, 0.99, n), "targets": targets}
    yield Probe("binary_cross_entropy_loss", probabilities, {"from_logits": False})
    logits, labels = rng.normal(0, 3, (ITEMS, CLASSES)), rng.integers(0, CLASSES, n)
    yield from _labelled(logits, labels)
    yield from _soft(logits, rng.dirichlet(np.ones(CLASSES), ITEMS))
    layer = generator(3)
    yield from _linear(layer.normal(0, 1, (6, 4)), layer.normal(0, 1, (CLASSES, 4)), layer.integers(0, CLASSES, 6))


def tails() -> Iterator[Probe]:
    """Losses next to 0, where a formula that subtracts has nothing left."""
    rng = generator(1)
    n = (ITEMS,)
    sure = sure_answers(rng)
    yield from each("binary_cross_entropy_loss", sure, {}, {"pos_weight": 3.0}, note="sure")
    yield from each("binary_focal_loss", sure, *settings("gamma", 0.1, 0.5, 1.0, 2.0, 5.0, 10.0), note="sure")
    gap = 10 ** rng.uniform(-30, -1, n)
    half = ITEMS // 2
    near = {"logits": np.concatenate([gap[:half], 1 - 2.0**-24 * rng.integers(1, 99, half)])}
    near["targets"] = np.repeat([0.0, 1.0], half)
    yield Probe("binary_cross_entropy_loss", near, {"from_logits": False}, "sure")

    arrays = sure_classes(rng)
    yield from each("cross_entropy_loss", arrays, {}, {"class_weights": WEIGHTS}, note="sure")
    focal = *settings("gamma", 0.1, 0.5, 1.0, 2.0, 5.0, 10.0), {"alpha": WEIGHTS}
    yield from each("focal_loss", arrays, *focal, note="sure")
    one_hot = {"logits": arrays["logits"], "probs": _one_hot(arrays["labels"])}
    yield from each("soft_cross_entropy_loss", one_hot, {}, {"class_weights": WEIGHTS}, note="sure")
    corner = np.eye(CLASSES)
    gaps = np.linspace(5, 80, CLASSES)[:, None]
    yield from _linear(gaps * corner, corner, np.arange(CLASSES), "sure")


def sure_answers(rng: np.random.Generator) -> Arrays:
    sign = rng.choice([-1.0, 1.0], ITEMS)
    return {"logits": sign * np.linspace(5, 80, ITEMS), "targets": (sign > 0).astype(float)}


def sure_classes(rng: np.random.Generator) -> Arrays:
    labels = rng.integers(0, CLASSES, ITEMS)
    logits = rng.normal(0, 2, (ITEMS, CLASSES))
    logits[np.arange(ITEMS), labels] = 0.0
    logits[np.arange(ITEMS), labels] = logits.max(1) + np.linspace(5, 80, ITEMS)
    return {"logits": logits, "labels": labels}


def _linear(features: np.ndarray, weight: np.ndarray, labels: np.ndarray, note: str = "") -> Iterator[Probe]:
    arrays = {"features": features, "weight": weight, "labels": labels}
    capped = {"softcap": 30.0} | ({} if note == "sure" else {"z_loss": 1e-4})
    for chosen in ({}, {"class_weights": WEIGHTS}, {"label_smoothing": 0.1}, capped):
        yield Probe("linear_cross_entropy_loss", arrays, chosen, note, whole=True)


def extremes() -> Iterator[Probe]:
    """The edge of the domain, and options at the edge of theirs."""
    rng = generator(2)
    # These draws on purpose: the slope of the binary focal loss towards the targets changes its sign at some scores,
    # and next to such a score no float32 formula has a relative error of 1e-3.
    for low, high, items in ((0, 18, ITEMS - 4), (0, 18, ITEMS - 4), (-9, 4, ITEMS)):
        spread(rng, low, high, items)
    yield from _extreme_binary(rng)
    yield from _extreme_classes(rng)
    corner = np.eye(CLASSES)
    far = {"features": 1e4 * corner, "weight": corner[::-1].copy(), "labels": np.arange(CLASSES)}
    for options in ({}, {"softcap": 1e3}):
        yield Probe("linear_cross_entropy_loss", far, options, "far", whole=True)
