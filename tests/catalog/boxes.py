"""Losses of boxes: their cases, and the papers' formulas in plain float64."""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from typing import Any

import numpy as np

import lossary
from tests.support import properties as law
from tests.support.case import Case
from tests.support.inputs import Arrays, Shape, f32
from tests.support.layout import Layout
from tests.support.properties import CLOSE, Kwargs, Losses, Property, named
from tests.support.references import Array, Reference, tensor

ARRAYS = {"boxes_pred", "boxes_target"}
OPTIONS = {"fmt", "power"}

# ---- from outside ----


def corners(boxes: Array, fmt: str) -> tuple[Array, Array]:
    first, last = boxes[..., :2], boxes[..., 2:]
    if fmt == "xyxy":
        return first, last
    low = first - last / 2 if fmt == "cxcywh" else first
    return low, low + last


class Plain:
    """What every formula is made of."""

    def __init__(self, pred: Array, target: Array, fmt: str) -> None:
        (low, high), (target_low, target_high) = corners(pred, fmt), corners(target, fmt)
        self.pred, self.target = high - low, target_high - target_low
        shared = np.maximum(np.minimum(high, target_high) - np.maximum(low, target_low), 0).prod(-1)
        self.union = self.pred.prod(-1) + self.target.prod(-1) - shared
        self.iou = shared / self.union
        self.hull = np.maximum(high, target_high) - np.minimum(low, target_low)
        self.shift = (low + high - target_low - target_high) / 2


def iou(boxes_pred: Array, boxes_target: Array, fmt: str = "xyxy", power: float = 1.0) -> Array:
    return 1 - Plain(boxes_pred, boxes_target, fmt).iou ** power


def giou(boxes_pred: Array, boxes_target: Array, fmt: str = "xyxy", power: float = 1.0) -> Array:
    two = Plain(boxes_pred, boxes_target, fmt)
    whole = two.hull.prod(-1)
    return 1 - two.iou**power + (np.maximum(whole - two.union, 0) / whole) ** power


def diou(boxes_pred: Array, boxes_target: Array, fmt: str = "xyxy", power: float = 1.0) -> Array:
    two = Plain(boxes_pred, boxes_target, fmt)
    return 1 - two.iou**power + ((two.shift**2).sum(-1) / (two.hull**2).sum(-1)) ** power


def ciou(boxes_pred: Array, boxes_target: Array, fmt: str = "xyxy", power: float = 1.0) -> Array:
    two = Plain(boxes_pred, boxes_target, fmt)
    angles = (np.arctan(sides[..., 0] / sides[..., 1]) for sides in (two.target, two.pred))
    v = 4 / pi**2 * (next(angles) - next(angles)) ** 2
    return diou(boxes_pred, boxes_target, fmt, power) + (v / (1 - two.iou + v) * v) ** power


def torchvision(name: str) -> Callable[..., Array]:
    def function(boxes_pred: Array, boxes_target: Array) -> Array:
        from torchvision import ops

        return getattr(ops, name)(tensor(boxes_pred), tensor(boxes_target), eps=0.0).numpy()

    return function


# ---- what is true of all of them ----


def moved(losses: Losses, kwargs: Kwargs) -> None:
    """Shifted together, boxes keep their losses."""
    shift = np.array([0.5, -3.0, 0.5, -3.0] if kwargs.get("fmt", "xyxy") == "xyxy" else [0.5, -3.0, 0.0, 0.0])
    shifted = {name: kwargs[name] + shift for name in ARRAYS}
    np.testing.assert_allclose(losses(kwargs | shifted), losses(kwargs), **CLOSE)


def exchanged(losses: Losses, kwargs: Kwargs) -> None:
    """x and y are alike."""
    turned = {name: kwargs[name][..., [1, 0, 3, 2]] for name in ARRAYS}
    np.testing.assert_allclose(losses(kwargs | turned), losses(kwargs), **CLOSE)


def stretched(losses: Losses, kwargs: Kwargs) -> None:
    """Areas do not tell the axes' units."""
    longer = {name: kwargs[name] * np.array([4.0, 0.125, 4.0, 0.125]) for name in ARRAYS}
    np.testing.assert_allclose(losses(kwargs | longer), losses(kwargs), **CLOSE)


def swapped(losses: Losses, kwargs: Kwargs) -> None:
    """Prediction and target may be exchanged."""
    other = {"boxes_pred": kwargs["boxes_target"], "boxes_target": kwargs["boxes_pred"]}
    np.testing.assert_allclose(losses(kwargs | other), losses(kwargs), **CLOSE)


ALL: tuple[Property, ...] = (
    law.permutation_equivariant,
    law.zero_where_equal(*sorted(ARRAYS)),
    law.homogeneous(0, *ARRAYS),
    *(named(check.__name__, check) for check in (moved, exchanged, swapped)),
)


def boxes(rng: np.random.Generator, shape: Shape) -> Arrays:
    """Boxes that overlap, as corners, which are sides as well."""
    low = rng.uniform(0, 4, (shape[0], 2))
    target = f32(np.concatenate([low, low + rng.uniform(2, 8, (shape[0], 2))], axis=1))
    shift = rng.uniform(0.25, 1, target.shape) * rng.choice([-1.0, 1.0], target.shape)
    return {"boxes_pred": f32(np.maximum(target + shift, 0.125)), "boxes_target": target}


KINKS = {
    "apart": ([0, 0, 1, 2], [3, 4, 5, 6]),
    "apart along x": ([0, 0, 1, 3], [3, 1, 5, 2]),
    "apart along y": ([0, 0, 3, 1], [1, 3, 2, 5]),
    "one in the other": ([0, 0, 8, 8], [2, 3, 4, 5]),
    "across": ([0, 2, 8, 4], [2, 0, 4, 8]),
    "common edges": ([0, 0, 4, 2], [0, 0, 8, 8]),
    "one common edge": ([0, 1, 4, 5], [0, 2, 5, 7]),
    "equal": ([1, 1, 2, 3], [1, 1, 2, 3]),
}


def boxes_case(name: str, fn: Callable[..., Any], reference: Callable[..., Array], highest: float, **rest: Any) -> Case:
    return Case(
        name=name,
        fn=fn,
        layout=Layout("example", "boxes_pred"),
        make=boxes,
        shapes=("rows",),
        references=(
            Reference("closed form", reference),
            Reference("torchvision", torchvision(TORCHVISION[name]), covers=()),
        )
        if name in TORCHVISION
        else (Reference("closed form", reference),),
        kinks={argument: np.array([pair[i] for pair in KINKS.values()], float) for i, argument in enumerate(KINKS_OF)},
        range=(0.0, highest),
        options=({}, {"fmt": "xywh"}, {"fmt": "cxcywh"}, {"power": 3.0}, {"power": 0.5}, {"fmt": "xywh", "power": 3.0}),
        **rest,
    )


KINKS_OF = ("boxes_pred", "boxes_target")
TORCHVISION = {
    "giou": "generalized_box_iou_loss",
    "diou": "distance_box_iou_loss",
    "ciou": "complete_box_iou_loss",
}

CASES = (
    boxes_case("iou", lossary.iou_loss, iou, 1.0, properties=(*ALL, named("stretched", stretched))),
    boxes_case("giou", lossary.giou_loss, giou, 2.0, properties=(*ALL, named("stretched", stretched))),
    boxes_case("diou", lossary.diou_loss, diou, 2.0, properties=ALL),
    boxes_case("ciou", lossary.ciou_loss, ciou, 2.5, properties=ALL, detached=True),
)
