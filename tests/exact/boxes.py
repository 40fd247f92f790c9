"""Two boxes as their papers write them: areas, centres and angles, with 1 − IoU as just that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tests.exact.arithmetic import Answer, Options, mp
from tests.exact.arrays import arctan2, lifted, over_arrays

WRT = ("boxes_pred", "boxes_target")
NOTHING = mp.mpf("1e-90")


def corners(box: Any, fmt: str) -> tuple[Any, Any]:
    """(x1, y1), (x2, y2)."""
    first, last = box[:2], box[2:]
    if fmt == "xyxy":
        return first, last
    low = first - last / 2 if fmt == "cxcywh" else first
    return low, low + last


def overlap(boxes_pred: Any, boxes_target: Any, fmt: str) -> Any:
    """IoU."""
    (pred_low, pred_high), (target_low, target_high) = corners(boxes_pred, fmt), corners(boxes_target, fmt)
    inner = np.minimum(pred_high, target_high) - np.maximum(pred_low, target_low)
    shared = np.maximum(inner, mp.mpf(0)).prod()
    return shared / ((pred_high - pred_low).prod() + (target_high - target_low).prod() - shared)


def hull(boxes_pred: Any, boxes_target: Any, fmt: str) -> Any:
    """The sides of the smallest box around both."""
    (pred_low, pred_high), (target_low, target_high) = corners(boxes_pred, fmt), corners(boxes_target, fmt)
    return np.maximum(pred_high, target_high) - np.minimum(pred_low, target_low)


def iou(boxes_pred: Any, boxes_target: Any, fmt: str = "xyxy", power: float = 1.0) -> Any:
    return 1 - overlap(boxes_pred, boxes_target, fmt) ** mp.mpf(power)


def giou(boxes_pred: Any, boxes_target: Any, fmt: str = "xyxy", power: float = 1.0) -> Any:
    (pred_low, pred_high), (target_low, target_high) = corners(boxes_pred, fmt), corners(boxes_target, fmt)
    inner = np.maximum(np.minimum(pred_high, target_high) - np.maximum(pred_low, target_low), mp.mpf(0))
    union = (pred_high - pred_low).prod() + (target_high - target_low).prod() - inner.prod()
    whole = hull(boxes_pred, boxes_target, fmt).prod()
    empty = (whole - union) / whole
    empty = empty if empty > NOTHING else mp.mpf(0)  # one box holds the other: no digit of the difference is right
    return iou(boxes_pred, boxes_target, fmt, power) + empty ** mp.mpf(power)


def diou(boxes_pred: Any, boxes_target: Any, fmt: str = "xyxy", power: float = 1.0) -> Any:
    (pred_low, pred_high), (target_low, target_high) = corners(boxes_pred, fmt), corners(boxes_target, fmt)
    distance = (pred_low + pred_high - target_low - target_high) / 2
    squares = (distance**2).sum() / (hull(boxes_pred, boxes_target, fmt) ** 2).sum()
    return iou(boxes_pred, boxes_target, fmt, power) + squares ** mp.mpf(power)


def aspect(boxes_pred: Any, boxes_target: Any, fmt: str) -> Any:
    """v."""
    (pred_low, pred_high), (target_low, target_high) = corners(boxes_pred, fmt), corners(boxes_target, fmt)
    pred, target = pred_high - pred_low, target_high - target_low
    return (2 / mp.pi * (arctan2(target[0], target[1]) - arctan2(pred[0], pred[1]))) ** 2


class Complete(NamedTuple):
    """CIoU, whose α has no slope."""

    wrt: tuple[str, ...] = WRT

    def answer(self, item: Mapping[str, np.ndarray], options: Options, wrt: tuple[str, ...] = ()) -> Answer:
        boxes = {name: lifted(np.asarray(box)) for name, box in item.items()}
        fmt = options.get("fmt", "xyxy")
        v = aspect(**boxes, fmt=fmt)
        alpha = v / (1 - overlap(**boxes, fmt=fmt) + v) if v else mp.mpf(0)

        def formula(boxes_pred: Any, boxes_target: Any, fmt: str = "xyxy", power: float = 1.0) -> Any:
            shape = (alpha * aspect(boxes_pred, boxes_target, fmt)) ** mp.mpf(power)
            return diou(boxes_pred, boxes_target, fmt, power) + shape

        return over_arrays(formula, self.wrt).answer(item, options, wrt)


EXACT = {
    "iou_loss": over_arrays(iou, WRT),
    "giou_loss": over_arrays(giou, WRT),
    "diou_loss": over_arrays(diou, WRT),
    "ciou_loss": Complete(),
}
