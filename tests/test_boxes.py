"""Boxes: published examples, sizes and places, boxes without area, boxes turned inside out, exact errors."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lossary
from tests.support.frameworks import JAX_F64, TORCH, OnNumpy, every_framework, frameworks_with_gradients
from tests.support.refusal import call, refused

Loss = Callable[..., Any]

LOSSES = (lossary.iou_loss, lossary.giou_loss, lossary.diou_loss, lossary.ciou_loss)
WORST = dict(zip(LOSSES, (1.0, 2.0, 2.0, 3.0), strict=True))
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
# Two boxes of 40 × 40, shifted by 5 both ways: 35² in common, 2 · 40² − 35² in all, in a hull of 45².
PRED = np.array([[10.0, 10, 50, 50], [20, 20, 60, 60]])
TARGET = PRED + 5
SHIFTED = {
    lossary.iou_loss: 1 - 1225 / 1975,  # .3797469
    lossary.giou_loss: 1 - 1225 / 1975 + 50 / 2025,  # .4044382
    lossary.diou_loss: 1 - 1225 / 1975 + 50 / 4050,
    lossary.ciou_loss: 1 - 1225 / 1975 + 50 / 4050,  # of one shape
}


def one(loss: Loss, pred: Any, target: Any, framework: OnNumpy | None = None, **options: Any) -> Any:
    """Loss and gradients of one pair."""
    kwargs = {"boxes_pred": np.array(pred, float), "boxes_target": np.array(target, float), **options}
    found = (framework or TORCH).outcome(loss, kwargs)
    return float(found.value), {name: gradient.tolist() for name, gradient in found.gradients.items()}


# ---- values ----


@every_loss
@every_framework
def test_two_squares(loss: Loss, framework: OnNumpy) -> None:
    value = framework.value(loss, {"boxes_pred": PRED, "boxes_target": TARGET})
    assert float(value) == pytest.approx(SHIFTED[loss], rel=5e-7)


def test_fixtures_of_the_tutorial() -> None:
    assert round(lossary.iou_loss(PRED, TARGET).item(), 7) == 0.3797468
    assert round(lossary.giou_loss(PRED, TARGET).item(), 7) == 0.4044382


@every_loss
@pytest.mark.parametrize("scale", [1e-30, 1e-4, 1.0, 1e18, 1e36])
@every_framework
def test_any_size(loss: Loss, scale: float, framework: OnNumpy) -> None:
    """E19: an additive epsilon gives these boxes times 1e-4 a loss of .41 and .43."""
    value = framework.value(loss, {"boxes_pred": scale * PRED, "boxes_target": scale * TARGET})
    assert float(value) == pytest.approx(SHIFTED[loss], rel=1e-6)


@every_loss
@every_framework
def test_any_place(loss: Loss, framework: OnNumpy) -> None:
    value = framework.value(loss, {"boxes_pred": PRED + 1e6, "boxes_target": TARGET + 1e6})
    assert float(value) == pytest.approx(SHIFTED[loss], rel=5e-7)


@every_loss
def test_the_largest_numbers(loss: Loss) -> None:
    most = float(np.finfo(np.float32).max)
    boxes = np.array([-1, -1, 1, 1], np.float32) * np.float32(most)
    half = np.array([-1, -1, 0, 1], np.float32) * np.float32(most)
    expected = loss(np.array([-1.0, -1, 1, 1]), np.array([-1.0, -1, 0, 1]))
    assert float(loss(boxes, half)) == pytest.approx(float(expected), rel=1e-6)


def test_ciou_by_hand() -> None:
    """A square in a box twice as wide: IoU ½, centres ½ apart on a diagonal of √5, v = (2 / π (atan 2 − π / 4))²."""
    pred, target = np.array([0.0, 0, 1, 1]), np.array([0.0, 0, 2, 1])
    v = (2 / np.pi * (np.arctan(2) - np.pi / 4)) ** 2
    expected = 0.5 + 0.25 / 5 + v / (0.5 + v) * v
    assert lossary.ciou_loss(pred, target).item() == pytest.approx(expected, rel=1e-14)


@every_loss
@every_framework
def test_one_pair_in_three_formats(loss: Loss, framework: OnNumpy) -> None:
    sides, centres = PRED[:, 2:] - PRED[:, :2], (PRED[:, 2:] + PRED[:, :2]) / 2
    corner = {"boxes_pred": np.hstack([PRED[:, :2], sides]), "boxes_target": np.hstack([TARGET[:, :2], sides])}
    centre = {"boxes_pred": np.hstack([centres, sides]), "boxes_target": np.hstack([centres + 5, sides])}
    for fmt, boxes in (("xywh", corner), ("cxcywh", centre)):
        assert float(framework.value(loss, boxes | {"fmt": fmt})) == pytest.approx(SHIFTED[loss], rel=5e-7)


@every_loss
def test_any_leading_shape(loss: Loss) -> None:
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 5, (2, 3, 5, 2))
    pred = np.concatenate([low, low + rng.uniform(1, 5, low.shape)], axis=-1)
    target = pred + 0.5
    losses = loss(pred, target, reduction="none")
    assert losses.shape == (2, 3, 5)
    np.testing.assert_array_equal(losses[1, 2], loss(pred[1, 2], target[1, 2], reduction="none"))
    assert loss(pred[0, 0, 0], target[0, 0, 0], reduction="none").shape == ()
    weights = rng.uniform(0.5, 1, (2, 3))
    expected = np.average(losses.mean(-1), weights=weights)
    np.testing.assert_allclose(loss(pred, target, weights), expected)
    np.testing.assert_allclose(loss(pred, target, reduction="batch_sum"), losses.sum() / 2)


@every_loss
def test_a_power_above_one_stresses_boxes_that_fit(loss: Loss) -> None:
    """He et al.: each term to the power; the order of boxes by loss stays that of IoU."""
    assert lossary.iou_loss(PRED, TARGET, power=3.0).item() == pytest.approx(1 - (1225 / 1975) ** 3)
    assert loss(PRED, PRED, power=3.0).item() == 0.0
    apart = np.array([0.0, 0, 1, 1]), np.array([2.0, 2, 3, 3])
    assert loss(*apart, power=0.5).item() >= 1.0


# ---- next to 0 ----


@every_loss
@frameworks_with_gradients
def test_neighbouring_numbers(loss: Loss, framework: OnNumpy) -> None:
    """One float32 step beside the target: 1 − IoU as a difference would be 0 or 1.2e-7."""
    step = float(np.spacing(np.float32(50)))
    value, gradients = one(loss, [10, 10, 50 + step, 50], [10, 10, 50, 50], framework)
    assert value == pytest.approx(step / 40, rel=1e-4)
    assert gradients["boxes_pred"][2] == pytest.approx(1 / 40, rel=1e-4)


# ---- boxes that do not overlap, meet, or are equal ----


@every_loss
@frameworks_with_gradients
def test_boxes_apart(loss: Loss, framework: OnNumpy) -> None:
    value, gradients = one(loss, [0, 0, 1, 2], [3, 4, 5, 6], framework)
    pulls = [g for gradient in gradients.values() for g in gradient]
    if loss is lossary.iou_loss:
        assert value == 1.0
        assert pulls == [0.0] * 8
    else:
        assert 1 < value < 2.5
        assert np.isfinite(pulls).all()
        assert gradients["boxes_pred"][2] < 0  # its far edge is drawn to the target
        assert gradients["boxes_pred"][3] < 0


@every_loss
@frameworks_with_gradients
@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("box", [[1, 2, 3, 5], [3, 3, 3, 3], [0, 3, 5, 3], [2, -1, 2, 1], [0, 0, 0, 0]])
def test_equal_boxes(loss: Loss, box: list[float], power: float, framework: OnNumpy) -> None:
    """Points and lines too: loss 0, no gradient."""
    value, gradients = one(loss, box, box, framework, power=power)
    assert value == 0.0
    assert gradients == {"boxes_pred": [0.0] * 4, "boxes_target": [0.0] * 4}


WITHOUT_AREA = {
    "two points": ([0, 0, 0, 0], [1, 1, 1, 1], (1.0, 2.0, 2.0, 2.0)),
    "a point in a box": ([1, 1, 1, 1], [0, 0, 2, 2], (1.0, 1.0, 1.0, 1.0)),
    "lines that cross": ([0, 2, 4, 2], [2, 0, 2, 4], (1.0, 2.0, 1.0, 1.5)),
    "lines of one line": ([0, 3, 5, 3], [1, 3, 5, 3], (0.2, 0.2, 0.21, 0.21)),
    "a line in a box": ([0, 1, 2, 1], [0, 0, 2, 2], (1.0, 1.0, 1.0, 1.05)),
}


@pytest.mark.parametrize(("pred", "target", "expected"), WITHOUT_AREA.values(), ids=WITHOUT_AREA.keys())
@frameworks_with_gradients
def test_boxes_without_area(pred: Any, target: Any, expected: tuple[float, ...], framework: OnNumpy) -> None:
    for loss, value in zip(LOSSES, expected, strict=True):
        for power in (1.0, 2.0, 0.5):
            found, gradients = one(loss, pred, target, framework, power=power)
            assert all(np.isfinite(gradient).all() for gradient in gradients.values())
            if power == 1:
                assert found == pytest.approx(value, rel=1e-6)


@frameworks_with_gradients
def test_a_flat_box_is_opened(framework: OnNumpy) -> None:
    """Of height 0, where the target is not: its two edges are pulled apart."""
    _, gradients = one(lossary.iou_loss, [0, 1, 2, 1], [0, 0, 2, 2], framework)
    assert gradients["boxes_pred"] == [0.0, 0.5, 0.0, -0.5]


@frameworks_with_gradients
def test_where_edges_meet_the_slope_is_the_mean_of_both_sides(framework: OnNumpy) -> None:
    for loss in LOSSES[:3]:
        pred, target = np.array([0.0, 0, 4, 2]), np.array([0.0, 0, 8, 8])
        _, gradients = one(loss, pred, target, framework)
        for edge in range(2):
            ends = [loss(pred + step * np.eye(4)[edge], target).item() for step in (1e-6, -1e-6)]
            assert gradients["boxes_pred"][edge] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-5)


def test_alpha_is_a_constant_to_the_gradient(jax: ModuleType) -> None:
    """Differentiating α as well, as old code does, would give another slope."""
    pred, target = np.array([0.0, 0, 1, 1]), np.array([0.0, 0, 2, 1])
    _, gradients = one(lossary.ciou_loss, pred, target, JAX_F64)
    v = (2 / np.pi * (np.arctan(2) - np.pi / 4)) ** 2
    alpha, h = v / (0.5 + v), 1e-6

    def with_constant(step: float) -> float:
        width = 1 + step
        shape = (2 / np.pi * (np.arctan(2) - np.arctan(width))) ** 2
        return lossary.diou_loss(np.array([0.0, 0, width, 1]), target).item() + alpha * shape

    assert gradients["boxes_pred"][2] == pytest.approx((with_constant(h) - with_constant(-h)) / (2 * h), rel=1e-7)


# ---- boxes turned inside out ----

TURNED = {"xyxy": [50.0, 50, 10, 10], "xywh": [50.0, 50, -40, -40], "cxcywh": [30.0, 30, 40, -40]}
TEXT = {
    "xyxy": "x1 <= x2 and y1 <= y2, as fmt 'xyxy' says); got sides from -40 to -40",
    "xywh": "w and h >= 0, as fmt 'xywh' says); got sides from -40 to -40",
    "cxcywh": "w and h >= 0, as fmt 'cxcywh' says); got sides from -40 to 40",
}


@every_loss
@pytest.mark.parametrize("fmt", TURNED)
@every_framework
def test_turned_boxes_are_refused(loss: Loss, fmt: str, framework: OnNumpy) -> None:
    """E19: with squared-up areas the turned box scores as a perfect one."""
    right, turned = np.array([[15.0, 15, 55, 55]]), np.array([TURNED[fmt]])
    for name, boxes in (("boxes_pred", (turned, right)), ("boxes_target", (right, turned))):
        kwargs = dict(zip(("boxes_pred", "boxes_target"), boxes, strict=True)) | {"fmt": fmt}
        with refused(ValueError, f"{loss.__name__}: expected {name} with sides >= 0 ({TEXT[fmt]}"):
            call(framework, loss, kwargs)


@every_loss
@pytest.mark.parametrize("side", [0, 1])
@frameworks_with_gradients
def test_turned_boxes_that_cannot_be_seen_are_worst(loss: Loss, side: int, framework: OnNumpy) -> None:
    turned = np.array([50.0, 50, 10, 10]), np.array([10.0, 50, 50, 10])
    for each in turned:
        pair = [np.array([15.0, 15, 55, 55])] * 2
        pair[side] = each
        with lossary.checking(False):
            kwargs = {"boxes_pred": np.stack([pair[0], PRED[0]]), "boxes_target": np.stack([pair[1], TARGET[0]])}
            found = framework.outcome(loss, kwargs | {"reduction": "none"})
        assert found.value[0] == WORST[loss]
        assert found.value[1] == pytest.approx(SHIFTED[loss], rel=1e-6)
        for gradient in found.gradients.values():
            assert not gradient[0].any()
            assert np.isfinite(gradient).all()


@every_loss
def test_under_jit_and_compile_turned_boxes_are_worst(loss: Loss, jax: ModuleType, torch: ModuleType) -> None:
    turned, right = np.array([[50, 50, 10, 10]], np.float32), np.array([[15, 15, 55, 55]], np.float32)
    assert float(jax.jit(loss)(turned, right)) == WORST[loss]
    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    assert float(compiled(torch.from_numpy(turned), torch.from_numpy(right))) == WORST[loss]


def test_turned_boxes_raise_under_jit_on_request(jax: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    turned, right = jax.numpy.array([[50.0, 50, 10, 10]]), jax.numpy.array([[15.0, 15, 55, 55]])
    with lossary.checking():
        step = jax.jit(lambda pred, target: lossary.giou_loss(pred, target))
        assert float(step(right, right)) == 0.0
        with pytest.raises(jax.errors.JaxRuntimeError) as raised:
            jax.block_until_ready(step(turned, right))
    text = "expected boxes_pred with sides >= 0 (x1 <= x2 and y1 <= y2, as fmt 'xyxy' says); got sides below 0"
    assert f"giou_loss: {text}" in str(raised.value)
    capfd.readouterr()  # JAX prints the callback's traceback too


@every_loss
def test_a_masked_box_may_be_turned(loss: Loss) -> None:
    boxes = np.vstack([PRED, [50, 50, 10, 10], [np.nan] * 4])
    targets = np.vstack([TARGET, TARGET])
    found = loss(boxes, targets, mask=np.array([True, True, False, False]))
    assert found.item() == pytest.approx(SHIFTED[loss])


@every_loss
def test_a_nan_hides_no_turned_box(loss: Loss) -> None:
    boxes = np.array([[np.nan, 0, 1, 1], [50.0, 50, 10, 10]])
    losses = loss(boxes, TARGET, reduction="none")
    assert np.isnan(losses[0])
    assert losses[1] == WORST[loss]


@every_loss
@frameworks_with_gradients
def test_nan_is_seen_across_a_gap(loss: Loss, framework: OnNumpy) -> None:
    """Apart along x, the loss of overlap is 1 whatever y is, but not if y is nothing."""
    for edge in (1, 3):
        box = np.array([0.0, 0, 1, 1])
        box[edge] = np.nan
        value, gradients = one(loss, box, [5, 0, 6, 1], framework)
        assert np.isnan(value)
        assert np.isnan(gradients["boxes_pred"]).any()


# ---- errors ----

ERRORS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "last-axis": (
        {"boxes_pred": np.zeros((3, 5)), "boxes_target": np.zeros((3, 5))},
        ValueError,
        "expected boxes of shape (..., 4); got boxes_pred (3, 5)",
    ),
    "scalar": (
        {"boxes_pred": np.array(0.0), "boxes_target": np.array(0.0)},
        ValueError,
        "expected boxes of shape (..., 4); got boxes_pred ()",
    ),
    "pairs-of-all": (
        {"boxes_pred": np.zeros((3, 4)), "boxes_target": np.zeros((5, 4))},
        ValueError,
        "expected arrays of one shape; got boxes_pred (3, 4), boxes_target (5, 4)",
    ),
    "fmt": (
        {"boxes_pred": PRED, "boxes_target": TARGET, "fmt": "yxyx"},
        ValueError,
        "expected fmt to be one of 'xyxy', 'xywh', 'cxcywh'; got 'yxyx'",
    ),
    "power": (
        {"boxes_pred": PRED, "boxes_target": TARGET, "power": 0},
        ValueError,
        "expected power > 0; got power 0",
    ),
    "power-word": (
        {"boxes_pred": PRED, "boxes_target": TARGET, "power": "2"},
        TypeError,
        "expected power to be a number; got power '2'",
    ),
    "complex": (
        {"boxes_pred": PRED, "boxes_target": TARGET.astype("complex64")},
        TypeError,
        "expected boxes_target of a real dtype; got boxes_target complex64",
    ),
}


@every_loss
@pytest.mark.parametrize(("kwargs", "kind", "text"), ERRORS.values(), ids=ERRORS.keys())
@every_framework
def test_errors(loss: Loss, kwargs: dict[str, Any], kind: type[Exception], text: str, framework: OnNumpy) -> None:
    with refused(kind, f"{loss.__name__}: {text}"):
        call(framework, loss, kwargs)


@pytest.mark.parametrize("package", ["torch", "flax"])
def test_options_are_checked_when_a_face_is_built(package: str) -> None:
    faces = pytest.importorskip(f"lossary.{package}")
    with refused(ValueError, "giou_loss: expected fmt to be one of 'xyxy', 'xywh', 'cxcywh'; got 'corners'"):
        faces.GIoULoss(fmt="corners")


@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_pixel_coordinates(dtype: str) -> None:
    assert lossary.iou_loss(PRED, TARGET.astype(dtype)).item() == pytest.approx(SHIFTED[lossary.iou_loss])
