"""Boxes that overlap, lie apart, hold each other or nearly agree, of every size and at every place."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.probes.probe import ITEMS, Arrays, Probe, each, generator, settings, spread

LOSSES = ("iou_loss", "giou_loss", "diou_loss", "ciou_loss")
HALF = ITEMS // 2


def _random(rng: np.random.Generator, items: int = ITEMS) -> np.ndarray:
    """Corners of boxes some 100 wide in a picture of 300."""
    low = rng.uniform(0, 200, (items, 2))
    return np.concatenate([low, low + rng.uniform(20, 200, (items, 2))], axis=1)


def _pairs(rng: np.random.Generator) -> Arrays:
    """A half overlaps, a half is drawn without regard to the other box."""
    target = _random(rng)
    moved = target[:HALF] + rng.uniform(-9, 9, (HALF, 4))
    return {"boxes_pred": np.concatenate([moved, _random(rng, HALF)]), "boxes_target": target}


def _given_as(fmt: str, boxes: np.ndarray) -> np.ndarray:
    low, high = boxes[:, :2].astype(np.float32).astype(float), boxes[:, 2:].astype(np.float32).astype(float)
    if fmt == "xyxy":
        return np.concatenate([low, high], axis=1)
    return np.concatenate([(low + high) / 2 if fmt == "cxcywh" else low, high - low], axis=1)


def _all(arrays: Arrays, *options: dict[str, object], note: str = "") -> Iterator[Probe]:
    for loss in LOSSES:
        for chosen in options or ({},):
            fmt = str(chosen.get("fmt", "xyxy"))
            given = {name: _given_as(fmt, boxes) for name, boxes in arrays.items()}
            yield from each(loss, given, chosen, note=note)


def ordinary() -> Iterator[Probe]:
    """What a detector sees."""
    rng = generator(900)
    yield from _all(_pairs(rng), {}, *settings("fmt", "xywh", "cxcywh"), *settings("power", 3.0, 0.5))


def tails() -> Iterator[Probe]:
    """Boxes that nearly agree: 1 − IoU has nothing left of them."""
    rng = generator(901)
    target = _random(rng).astype(np.float32).astype(float)
    beside = target * (1 + rng.integers(1, 30, target.shape) * 2.0**-23)
    formats = settings("fmt", "xywh", "cxcywh")
    yield from _all({"boxes_pred": beside, "boxes_target": target}, {}, *settings("power", 3.0, 0.5), note="neighbours")
    shifts = 10 ** rng.uniform(-5, -2, target.shape) * rng.choice([-1.0, 1.0], target.shape)
    yield from _all({"boxes_pred": target + shifts, "boxes_target": target}, {}, *formats, note="near")
    # Sides that float32 tells apart, where corners rounded to its grid would not be.
    for fmt in ("xywh", "cxcywh"):
        given = np.concatenate([rng.uniform(0, 200, (ITEMS, 2)), rng.uniform(20, 200, (ITEMS, 2))], axis=1)
        given = given.astype(np.float32).astype(float)
        moved = given * (1 + rng.integers(-30, 30, given.shape) * 2.0**-23)
        for loss in LOSSES:
            yield Probe(loss, {"boxes_pred": moved, "boxes_target": given}, {"fmt": fmt}, "neighbours")
    far = 1e6 + np.round(_random(rng))
    beside = far + rng.integers(1, 3, far.shape)
    yield from _all({"boxes_pred": beside, "boxes_target": far}, note="far-from-the-origin")


def extremes() -> Iterator[Probe]:
    """Every size and every shape, slivers of overlap, and very different boxes."""
    rng = generator(902)
    for scale in (1e-16, 1e-4, 1e18, 1e30):
        yield from _all({name: scale * boxes for name, boxes in _pairs(rng).items()}, note=f"times-{scale:g}")
    both = _pairs(rng)
    thin = np.array([1e12, 1e-12, 1e12, 1e-12])
    yield from _all({name: thin * boxes for name, boxes in both.items()}, note="long-and-thin")
    shifted = {name: 1e6 + boxes for name, boxes in both.items()}
    yield from _all(shifted, {}, *settings("fmt", "xywh", "cxcywh"), note="far-from-the-origin")
    inside = np.concatenate([rng.uniform(-90, 90, (ITEMS, 2))] * 2, axis=1)
    inside = inside + np.array([-1, -1, 1, 1]) * 10 ** rng.uniform(-4, 0, (ITEMS, 4))
    around = np.broadcast_to(np.array([-100.0, -100.0, 100.0, 100.0]), (ITEMS, 4))
    yield from _all({"boxes_pred": inside, "boxes_target": around}, note="inside")
    yield from _all({"boxes_pred": around, "boxes_target": inside}, {}, *settings("power", 0.25, 8.0), note="around")
    wide = np.concatenate([-abs(spread(rng, 0, 6, (ITEMS, 2))), abs(spread(rng, 0, 6, (ITEMS, 2)))], axis=1)
    other = np.concatenate([-abs(spread(rng, 0, 6, (ITEMS, 2))), abs(spread(rng, 0, 6, (ITEMS, 2)))], axis=1)
    yield from _all({"boxes_pred": wide, "boxes_target": other}, {}, *settings("power", 0.25, 8.0), note="of-any-shape")
    apart = other + 10 ** rng.uniform(6, 9, (ITEMS, 1))
    yield from _all({"boxes_pred": wide, "boxes_target": apart}, {}, *settings("power", 0.25, 8.0), note="apart")
