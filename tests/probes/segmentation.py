"""Masks and class maps: one example an item, from undecided to certain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.probes.probe import Arrays, Probe, each, generator, settings

EXAMPLES, PIXELS, CLASSES = 24, 12, 3
WEIGHTS = (0.5, 2.0, 1.0)
CHANNELS = {"channel_axis": 1}

BINARY = ("dice_loss", "jaccard_loss", "tversky_loss", "focal_tversky_loss")
MULTICLASS = tuple(f"multiclass_{name}" for name in BINARY)
FIXED = {"per_example": True, "reduction": "none"}
NOT_REDUCED = dict.fromkeys((*BINARY, *MULTICLASS, "lovasz_hinge_loss", "lovasz_softmax_loss"), FIXED)


def _own(loss: str) -> list[dict[str, Any]]:
    """The values of the options that a loss has alone."""
    if "focal" in loss:
        return [{}, *settings("gamma", 0.5, 2.0, alpha=0.9, beta=0.1)]
    return [{}, {"alpha": 0.9, "beta": 0.1}, {"alpha": 0.0, "beta": 1.0}] if "tversky" in loss else [{}]


def _masks(rng: np.random.Generator, soft: bool = False) -> np.ndarray:
    masks = rng.integers(0, 2, (EXAMPLES, PIXELS)).astype(float)
    masks[:, 0] = 1.0
    if soft:
        masks[EXAMPLES // 2 :] = rng.random((EXAMPLES - EXAMPLES // 2, PIXELS))
    return masks


def _maps(rng: np.random.Generator, sure: float | np.ndarray = 0.0) -> Arrays:
    """Class scores of four pixels an example, and labels, which lead by `sure`."""
    labels = rng.integers(0, CLASSES, (EXAMPLES, 4))
    logits = rng.normal(0, 2, (EXAMPLES, CLASSES, 4))
    lead = np.zeros(labels.shape)
    if np.any(sure):  # by another margin in each pixel: next to equal errors Lovász's slopes jump
        lead = (
            np.reshape(sure, (-1, 1)) + logits.max(1) + rng.permuted(np.arange(labels.size)).reshape(labels.shape) / 64
        )
    own = np.take_along_axis(logits, labels[:, None], 1)[:, 0]
    np.put_along_axis(logits, labels[:, None], np.where(lead == 0, own, lead)[:, None], 1)
    return {"logits": logits, "labels": labels}


def _of_classes(arrays: Arrays, smooth: tuple[float, ...], note: str = "") -> Iterator[Probe]:
    for loss in MULTICLASS:
        smoothed = smooth if loss == "multiclass_dice_loss" else smooth[:1]
        options = [CHANNELS | own for own in _own(loss)] if note == "" else [CHANNELS]
        yield from each(loss, arrays, *options, *settings("smooth", *smoothed, **CHANNELS), note=note)
    few = {name: array[:3] for name, array in arrays.items()}
    yield Probe("dice_cross_entropy_loss", few, CHANNELS | {"smooth": smooth[0]}, note, whole=True)


def ordinary() -> Iterator[Probe]:
    """What a training run sees."""
    rng = generator(40)
    targets = _masks(rng, soft=True)
    probs = {"probs": rng.uniform(0.01, 0.99, targets.shape), "targets": targets}
    logits = {"probs": rng.normal(0, 3, targets.shape), "targets": targets}
    for loss in BINARY:
        smoothed = settings("smooth", 0.0, 1e-5, 100.0) if loss == "dice_loss" else []
        yield from each(loss, probs, *_own(loss), *smoothed)
        yield Probe(loss, logits, {"from_logits": True}, "logits")
    hard = {"logits": rng.normal(0, 3, targets.shape), "targets": _masks(rng)}
    yield Probe("lovasz_hinge_loss", hard)
    maps = _maps(rng)
    yield from _of_classes(maps, (0.0, 1e-5))
    for loss in (MULTICLASS[0], "lovasz_softmax_loss"):
        yield from each(loss, maps, CHANNELS | {"class_weights": WEIGHTS}, CHANNELS | {"include_background": False})
        present = "all" if "lovasz" in loss else "present"
        yield Probe(loss, maps, CHANNELS | {"classes": present})
    yield Probe("lovasz_softmax_loss", maps, CHANNELS)
    few = {name: array[:3] for name, array in maps.items()}
    weighted = CHANNELS | {"class_weights": WEIGHTS, "ce_weight": 0.25, "dice_weight": 2.0}
    yield Probe("dice_cross_entropy_loss", few, weighted, whole=True)


def tails() -> Iterator[Probe]:
    """Masks next to perfect, where 1 − a ratio has nothing left."""
    rng = generator(41)
    targets, lead = _masks(rng), np.linspace(5, 80, EXAMPLES)[:, None]
    scores = (2 * targets - 1) * (lead + rng.uniform(0, 2, targets.shape))
    gap = 10 ** rng.uniform(-30, -3, targets.shape)
    close = np.where(targets == 1, 1 - 2.0**-24 * rng.integers(1, 99, targets.shape), gap)
    for loss in BINARY:
        sure = {"from_logits": True}
        yield from each(loss, {"probs": scores, "targets": targets}, sure | {"smooth": 0.0}, note="sure")
        yield Probe(loss, {"probs": close, "targets": targets}, note="close")
    steps = rng.permuted(np.broadcast_to(np.r_[-PIXELS // 2 : 0, 1 : PIXELS // 2 + 1], targets.shape), axis=1)
    margin = (2 * targets - 1) * (1 + 2.0**-20 * steps)  # no two errors equal, none 0
    yield Probe("lovasz_hinge_loss", {"logits": margin, "targets": targets}, note="sure")
    maps = _maps(rng, np.linspace(5, 80, EXAMPLES))
    yield from _of_classes(maps, (0.0,), note="sure")
    yield Probe("lovasz_softmax_loss", maps, CHANNELS, note="sure")


def extremes() -> Iterator[Probe]:
    """Empty and full masks, certain answers that are wrong, and options at the edge of their range."""
    rng = generator(42)
    targets = _masks(rng)
    far = np.where(rng.random(targets.shape) < 0.5, -1.0, 1.0) * 10 ** rng.uniform(1, 4, targets.shape)
    certain = rng.integers(0, 2, targets.shape).astype(float)
    empty, tiny = np.zeros_like(targets), 10 ** rng.uniform(-17, -15, targets.shape)
    for loss in BINARY:
        logits = {"from_logits": True}
        yield Probe(loss, {"probs": far, "targets": targets}, logits | {"smooth": 0.0}, "far")
        yield Probe(loss, {"probs": certain, "targets": targets}, {"smooth": 1e6}, "certain")
        yield from each(loss, {"probs": tiny, "targets": empty}, *settings("smooth", 0.0, 1e-16), note="empty")
        yield Probe(loss, {"probs": 1 - certain * 2.0**-24, "targets": np.ones_like(targets)}, note="full")
    yield Probe("lovasz_hinge_loss", {"logits": far, "targets": targets}, note="far")
    yield Probe("lovasz_hinge_loss", {"logits": rng.normal(size=targets.shape), "targets": empty}, note="empty")
    maps = _maps(rng)
    wide = {"logits": 10 * maps["logits"], "labels": maps["labels"]}
    yield from _of_classes(wide, (0.0,), note="far")
    yield Probe("lovasz_softmax_loss", wide, CHANNELS, note="far")
    offset = {"logits": maps["logits"] + 1e4, "labels": maps["labels"]}
    yield from each("multiclass_dice_loss", offset, CHANNELS, note="offset")
    alone = {"logits": maps["logits"], "labels": np.zeros_like(maps["labels"])}
    yield from _of_classes(alone, (1.0,), note="one-class-labelled")
    yield Probe("lovasz_softmax_loss", alone, CHANNELS | {"classes": "all"}, note="one-class-labelled")
