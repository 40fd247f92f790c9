"""Segmentation alone: what others get wrong, published formulas, numbers by hand, and errors by exact text."""

from __future__ import annotations

from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lossary
from tests.catalog.segmentation import lovasz, softmax
from tests.support.frameworks import OnNumpy, every_framework, frameworks_with_gradients
from tests.support.refusal import call, refused

EPS32 = float(np.finfo(np.float32).eps)
BINARY = (lossary.dice_loss, lossary.jaccard_loss, lossary.tversky_loss, lossary.focal_tversky_loss)
MULTICLASS = (
    lossary.multiclass_dice_loss,
    lossary.multiclass_jaccard_loss,
    lossary.multiclass_tversky_loss,
    lossary.multiclass_focal_tversky_loss,
    lossary.lovasz_softmax_loss,
)
of_masks = pytest.mark.parametrize("loss", BINARY, ids=lambda loss: loss.__name__)
of_classes = pytest.mark.parametrize("loss", MULTICLASS, ids=lambda loss: loss.__name__)


def masks(**arrays: Any) -> dict[str, np.ndarray]:
    return {name: np.array(values, float) for name, values in arrays.items()}


# ---- by hand ----

FOUR = masks(probs=[1.0, 1.0, 1.0, 0.0], targets=[1.0, 0.0, 0.0, 1.0])  # TP 1, FP 2, FN 1


@pytest.mark.parametrize(
    ("loss", "options", "expected"),
    [
        (lossary.dice_loss, {}, 1 - 3 / 6),
        (lossary.dice_loss, {"smooth": 0.0}, 1 - 2 / 5),
        (lossary.jaccard_loss, {}, 1 - 2 / 5),
        (lossary.jaccard_loss, {"smooth": 0.0}, 1 - 1 / 4),
        (lossary.tversky_loss, {"alpha": 0.25, "beta": 0.75, "smooth": 0.0}, 1 - 1 / (1 + 0.5 + 0.75)),
        (lossary.tversky_loss, {"alpha": 1.0, "beta": 1.0, "smooth": 0.0}, 1 - 1 / 4),
        (lossary.focal_tversky_loss, {"smooth": 0.0}, (1.3 / 2.3) ** 0.75),
        (lossary.focal_tversky_loss, {"alpha": 0.5, "beta": 0.5, "gamma": 3.0, "smooth": 0.0}, 0.6**3),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
@every_framework
def test_by_hand(framework: OnNumpy, loss: Any, options: dict[str, Any], expected: float) -> None:
    assert framework.value(loss, FOUR | options) == pytest.approx(expected, rel=1e-6)


@every_framework
def test_one_loss_for_the_batch_and_one_for_each_example(framework: OnNumpy) -> None:
    """A perfect mask of 100 pixels, and one false pixel on an empty one: 1/202, and (0 + 1/2) / 2."""
    probs, targets = np.zeros((2, 100)), np.zeros((2, 100))
    probs[0] = targets[0] = 1.0
    probs[1, 0] = 1.0
    kwargs = {"probs": probs, "targets": targets}
    assert framework.value(lossary.dice_loss, kwargs) == pytest.approx(1 / 202, rel=1e-6)
    assert framework.value(lossary.dice_loss, kwargs | {"per_example": True}) == pytest.approx(0.25)


@every_framework
def test_smoothing_keeps_the_loss_below_one(framework: OnNumpy) -> None:
    """The largest loss of 100 pixels is 100 / 101, not 1."""
    kwargs = masks(probs=[0.0] * 100, targets=[1.0] * 100)
    assert framework.value(lossary.dice_loss, kwargs) == pytest.approx(100 / 101)
    assert framework.value(lossary.dice_loss, kwargs | {"smooth": 0.0}) == 1.0


# ---- one formula ----


def test_tversky_of_halves_is_dice_smoothing_included(rng: np.random.Generator) -> None:
    arrays = masks(probs=rng.random((3, 7)), targets=rng.integers(0, 2, (3, 7)))
    for smooth in (0.0, 0.1, 1.0, 30.0):
        expected = lossary.dice_loss(**arrays, smooth=smooth)
        assert lossary.tversky_loss(**arrays, smooth=smooth) == expected
        p, t = arrays.values()
        bare = 1 - ((p * t).sum() + smooth) / ((p * t).sum() + 0.5 * (p + t - 2 * p * t).sum() + smooth)
        assert lossary.tversky_loss(**arrays, smooth=2 * smooth) == pytest.approx(bare, rel=1e-12)


def test_tversky_of_ones_is_jaccard(rng: np.random.Generator) -> None:
    arrays = masks(probs=rng.random((3, 7)), targets=rng.integers(0, 2, (3, 7)))
    expected = lossary.jaccard_loss(**arrays, smooth=1.5)
    assert lossary.tversky_loss(**arrays, alpha=1.0, beta=1.0, smooth=3.0) == pytest.approx(expected, rel=1e-14)


def test_dice_and_jaccard_of_one_mask(rng: np.random.Generator) -> None:
    arrays = masks(probs=rng.random(50), targets=rng.integers(0, 2, 50)) | {"smooth": 0.0}
    dice, jaccard = lossary.dice_loss(**arrays), lossary.jaccard_loss(**arrays)
    assert jaccard == pytest.approx(2 * dice / (1 + dice), rel=1e-13)


def test_hard_masks_as_scipy_has_them(rng: np.random.Generator) -> None:
    distance = pytest.importorskip("scipy.spatial.distance")
    p, t = rng.integers(0, 2, (2, 60)).astype(bool)
    arrays = {"probs": p.astype(float), "targets": t, "smooth": 0.0}
    assert lossary.dice_loss(**arrays) == pytest.approx(distance.dice(p, t), rel=1e-13)
    assert lossary.jaccard_loss(**arrays) == pytest.approx(distance.jaccard(p, t), rel=1e-13)


def test_alpha_prices_what_is_predicted_and_not_there() -> None:
    false_alarm, missed = masks(probs=[1.0, 1.0], targets=[1.0, 0.0]), masks(probs=[1.0, 0.0], targets=[1.0, 1.0])
    options = {"alpha": 0.9, "beta": 0.1, "smooth": 0.0}
    assert lossary.tversky_loss(**false_alarm, **options) == pytest.approx(0.9 / 1.9)
    assert lossary.tversky_loss(**missed, **options) == pytest.approx(0.1 / 1.1)


@every_framework
def test_labels_are_one_hot_masks(framework: OnNumpy, rng: np.random.Generator) -> None:
    logits, labels = rng.normal(size=(2, 3, 4, 5)), rng.integers(0, 3, (2, 4, 5))
    one_hot = np.moveaxis(np.eye(3)[labels], -1, 1)
    of_shares = {"probs": softmax(logits), "targets": one_hot, "average": "macro", "channel_axis": 1}
    of_labels = {"logits": logits, "labels": labels, "channel_axis": 1}
    for per_example in ({}, {"per_example": True}):
        for binary, multiclass in zip(BINARY, MULTICLASS, strict=False):
            expected = framework.value(binary, of_shares | per_example)
            assert framework.value(multiclass, of_labels | per_example) == pytest.approx(expected, rel=1e-5)


@of_classes
@every_framework
def test_volumes_images_and_points_are_alike(framework: OnNumpy, loss: Any, rng: np.random.Generator) -> None:
    logits, labels = rng.normal(size=(24, 3)), rng.integers(0, 3, 24)
    expected = framework.value(loss, {"logits": logits, "labels": labels})
    for shape in ((2, 3, 4), (2, 3, 2, 2)):
        volume = {"logits": logits.reshape(*shape, 3), "labels": labels.reshape(shape), "channel_axis": -1}
        assert framework.value(loss, volume) == pytest.approx(expected, rel=1e-6)


# ---- empty masks ----


@of_masks
@frameworks_with_gradients
def test_an_empty_mask_found_empty_costs_nothing(framework: OnNumpy, loss: Any) -> None:
    empty = masks(probs=[[0.0] * 4], targets=[[0.0] * 4])
    for smooth in (0.0, 1e-30, 1e-7, 1.0):
        found = framework.outcome(loss, empty | {"smooth": smooth})
        assert found.value == 0.0
        assert np.isfinite(found.gradients["probs"]).all()
        if smooth == 0:
            assert not found.gradients["probs"].any()


@of_masks
@frameworks_with_gradients
def test_an_empty_mask_pulls_predictions_down(framework: OnNumpy, loss: Any) -> None:
    half = masks(probs=np.full((1, 16), 0.5), targets=np.zeros((1, 16)))
    found = framework.outcome(loss, half)
    assert 0 < found.value < 1
    assert (found.gradients["probs"] > 1e-4).all()


@frameworks_with_gradients
def test_dice_of_an_empty_mask(framework: OnNumpy) -> None:
    half = masks(probs=np.full((1, 16), 0.5), targets=np.zeros((1, 16)))
    found = framework.outcome(lossary.dice_loss, half)
    assert found.value == pytest.approx(8 / 9)
    np.testing.assert_allclose(found.gradients["probs"], 1 / 81, rtol=1e-6)


@pytest.mark.parametrize("loss", MULTICLASS[:4], ids=lambda loss: loss.__name__)
@frameworks_with_gradients
def test_an_absent_class_is_pushed_down_or_left_out(framework: OnNumpy, loss: Any) -> None:
    arrays = {"logits": np.array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]), "labels": np.array([0, 1])}
    assert (framework.outcome(loss, arrays).gradients["logits"][:, 2] > 0).all()
    present = np.array([framework.value(loss, arrays | {"classes": "present"})])
    weighed = np.array([framework.value(loss, arrays | {"class_weights": (1.0, 1.0, 0.0)})])
    np.testing.assert_allclose(present, weighed, rtol=1e-6)


@of_classes
@frameworks_with_gradients
def test_no_class_that_counts(framework: OnNumpy, loss: Any) -> None:
    """Only background, which is left out: nothing is known, so nothing is learnt."""
    kwargs = {"logits": np.ones((3, 2)), "labels": np.zeros(3, int), "classes": "present", "include_background": False}
    for per_example in ({}, {"per_example": True}):
        found = framework.outcome(loss, kwargs | per_example)
        assert found.value == 0.0
        assert not found.gradients["logits"].any()


# ---- what does not count, and how often the rest does ----


def ragged(rng: np.random.Generator) -> tuple[dict[str, np.ndarray], np.ndarray]:
    arrays = {"probs": rng.random((3, 8)), "targets": rng.integers(0, 2, (3, 8)).astype(float)}
    keep = np.arange(8) < np.array([[8], [3], [0]])
    return arrays, keep


@of_masks
@every_framework
def test_masked_pixels_are_as_if_removed(framework: OnNumpy, loss: Any, rng: np.random.Generator) -> None:
    arrays, keep = ragged(rng)
    spoiled = {name: np.where(keep, array, np.nan) for name, array in arrays.items()}
    each = [framework.value(loss, {n: a[i][keep[i]] for n, a in arrays.items()}) for i in range(2)]
    found = framework.outcome(loss, spoiled | {"mask": keep, "per_example": True, "reduction": "none"})
    np.testing.assert_allclose(found.value, [*each, 0.0], rtol=1e-5)
    for gradient in found.gradients.values():
        assert not gradient[~keep].any()
    mean = framework.value(loss, spoiled | {"mask": keep, "per_example": True})
    assert mean == pytest.approx(np.mean(each), rel=1e-5)  # the example without pixels is no third one
    whole = framework.value(loss, {name: array[keep] for name, array in arrays.items()})
    assert framework.value(loss, spoiled | {"mask": keep}) == pytest.approx(whole, rel=1e-5)


@of_classes
@every_framework
def test_ignored_pixels_are_as_if_removed(framework: OnNumpy, loss: Any, rng: np.random.Generator) -> None:
    logits, labels = rng.normal(size=(3, 8, 4)), rng.integers(0, 4, (3, 8))
    keep = np.arange(8) < np.array([[8], [3], [0]])
    spoiled = {
        "logits": np.where(keep[..., None], logits, np.nan),
        "labels": np.where(keep, labels, 255),
        "ignore_index": 255,
        "channel_axis": -1,
    }
    each = [
        framework.value(loss, {"logits": logits[i][keep[i]], "labels": labels[i][keep[i]], "channel_axis": -1})
        for i in range(2)
    ]
    found = framework.outcome(loss, spoiled | {"per_example": True, "reduction": "none"})
    np.testing.assert_allclose(found.value, [*each, 0.0], rtol=1e-5)
    for gradient in found.gradients.values():
        assert np.isfinite(gradient).all()
        assert not gradient[~keep].any()
    assert framework.value(loss, spoiled | {"per_example": True}) == pytest.approx(np.mean(each), rel=1e-5)
    whole = framework.value(loss, {"logits": logits[keep], "labels": labels[keep], "channel_axis": -1})
    assert framework.value(loss, spoiled) == pytest.approx(whole, rel=1e-5)


@every_framework
def test_a_class_without_a_pixel_that_counts_leaves_the_mean(framework: OnNumpy) -> None:
    """Labels that nobody annotated in this batch."""
    arrays = masks(probs=[[0.5, 0.25], [0.5, 1.0]], targets=[[1.0, 0.0], [0.0, 1.0]])
    known = np.array([[True, False], [True, False]])
    kwargs = arrays | {"average": "macro", "channel_axis": 1, "mask": known}
    expected = framework.value(lossary.dice_loss, {name: array[:, 0] for name, array in arrays.items()})
    assert framework.value(lossary.dice_loss, kwargs) == pytest.approx(expected)


@pytest.mark.parametrize("loss", [*BINARY, lossary.lovasz_hinge_loss], ids=lambda loss: loss.__name__)
def test_a_weight_is_how_often_a_pixel_is_there(loss: Any, rng: np.random.Generator) -> None:
    first = "logits" if loss is lossary.lovasz_hinge_loss else "probs"
    arrays = {first: rng.random(9), "targets": rng.integers(0, 2, 9).astype(float)}
    counts = rng.integers(0, 4, 9)
    repeated = {name: np.repeat(array, counts) for name, array in arrays.items()}
    assert loss(**arrays, weights=counts.astype(float)) == pytest.approx(loss(**repeated), rel=1e-12)


@of_classes
def test_a_weight_is_how_often_a_labelled_pixel_is_there(loss: Any, rng: np.random.Generator) -> None:
    arrays = {"logits": rng.normal(size=(9, 3)), "labels": rng.integers(0, 3, 9)}
    counts = rng.integers(0, 4, 9)
    repeated = {name: np.repeat(array, counts, axis=0) for name, array in arrays.items()}
    assert loss(**arrays, weights=counts.astype(float)) == pytest.approx(loss(**repeated), rel=1e-12)


# ---- large images ----


@pytest.mark.parametrize("shape", [(1, 512, 512), (64, 64, 64)], ids=["512x512", "64x64x64"])
def test_half_precision_does_not_overflow(torch: ModuleType, shape: tuple[int, ...]) -> None:
    probs = torch.full(shape, 0.75, dtype=torch.float16, requires_grad=True)
    loss = lossary.dice_loss(probs, torch.ones(shape, dtype=torch.float16))
    loss.backward()
    count = probs.numel()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(0.25 * count / (1.75 * count + 1), rel=8 * EPS32)
    assert torch.isfinite(probs.grad).all()


@every_framework
def test_a_million_pixels(framework: OnNumpy, rng: np.random.Generator) -> None:
    probs = rng.random((4, 500, 500)).astype(np.float32)
    targets = (rng.random(probs.shape) < 0.1).astype(np.float32)
    p, t = probs.astype(float), targets.astype(float)
    exact = 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
    found = framework.value(lossary.dice_loss, {"probs": p, "targets": t})
    assert abs(float(found) - exact) <= 4 * EPS32 * exact


@every_framework
def test_a_million_labelled_pixels(framework: OnNumpy, rng: np.random.Generator) -> None:
    logits = rng.normal(size=(4, 250, 250, 4)).astype(np.float32).astype(float)
    labels = rng.integers(0, 4, logits.shape[:-1])
    kwargs = {"logits": logits, "labels": labels, "channel_axis": -1}
    for loss in (lossary.multiclass_dice_loss, lossary.lovasz_softmax_loss):
        exact = float(loss(**kwargs))
        assert abs(float(framework.value(loss, kwargs)) - exact) <= 4 * EPS32 * exact


def test_non_contiguous_arrays(torch: ModuleType) -> None:
    probs = torch.rand(2, 5, 4).transpose(1, 2).requires_grad_()
    targets = (torch.rand(2, 5, 4) > 0.5).transpose(1, 2)
    loss = lossary.dice_loss(probs, targets)
    loss.backward()
    expected = lossary.dice_loss(probs.detach().contiguous(), targets.contiguous())
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


# ---- Lovász ----


def test_the_hinge_extends_the_jaccard_loss() -> None:
    """At scores of ±1 times an answer, the errors are 0 or 2: the loss is twice the Jaccard loss of the mask."""
    for answer, truth in product(product((0, 1), repeat=4), repeat=2):
        p, t = np.array(answer, float), np.array(truth, float)
        expected = 2 * lossary.jaccard_loss(p, t, smooth=0.0)
        assert lossary.lovasz_hinge_loss(2 * p - 1, t) == pytest.approx(expected, abs=1e-12)


def test_certain_answers_give_one_minus_the_mean_intersection_over_union(rng: np.random.Generator) -> None:
    answers, labels = rng.integers(0, 3, (2, 40))
    expected = np.mean(
        [1 - ((answers == c) & (labels == c)).sum() / ((answers == c) | (labels == c)).sum() for c in range(3)]
    )
    logits = 1e4 * np.eye(3)[answers]
    assert lossary.lovasz_softmax_loss(logits, labels) == pytest.approx(expected, rel=1e-12)


@every_framework
def test_lovasz_of_an_empty_mask_is_its_largest_error(framework: OnNumpy) -> None:
    kwargs = {"logits": np.array([-3.0, 0.5, -0.5]), "targets": np.zeros(3)}
    assert framework.value(lossary.lovasz_hinge_loss, kwargs) == pytest.approx(1.5)
    logits = np.log([[0.5, 0.25, 0.25], [0.25, 0.25, 0.5]])
    absent = {"logits": logits, "labels": np.array([0, 0]), "classes": "all"}
    truth, shares = np.array([[1, 1], [0, 0], [0, 0]]), np.exp(logits).T
    expected = lovasz(abs(truth - shares), truth)
    np.testing.assert_allclose(expected[1:], [0.25, 0.5])
    assert framework.value(lossary.lovasz_softmax_loss, absent) == pytest.approx(expected.mean(), rel=1e-6)


@frameworks_with_gradients
def test_steps_of_many_pixels_keep_their_digits(framework: OnNumpy, rng: np.random.Generator) -> None:
    """The difference of two Jaccard losses, each near 1, has lost most of its digits at 10⁵ pixels."""
    count = 100_000
    scores = rng.permutation(np.linspace(-3, 3, count)).astype(np.float32).astype(float)
    targets = (rng.random(count) < 0.3).astype(float)
    kwargs = {"logits": scores, "targets": targets}
    order = np.argsort(-(1 - scores * (2 * targets - 1)), kind="stable")
    t = targets[order]
    union = t.sum() + (1 - t).cumsum()
    steps = np.where(t == 1, 1 / union, (t.sum() - t.cumsum()) / (union * np.maximum(union - 1, 1)))
    exact = np.zeros(count)
    exact[order] = np.where(1 - scores * (2 * targets - 1) > 0, 1 - 2 * targets, 0.0)[order] * steps
    found = framework.outcome(lossary.lovasz_hinge_loss, kwargs).gradients["logits"]
    assert np.linalg.norm(found - exact) <= 8 * EPS32 * np.linalg.norm(exact)


# ---- terms and names ----


@every_framework
def test_terms_of_the_compound_are_the_losses_themselves(framework: OnNumpy, rng: np.random.Generator) -> None:
    arrays = {"logits": rng.normal(size=(2, 3, 5)), "labels": rng.integers(0, 3, (2, 5))}
    native = framework.native(arrays)
    result = lossary.dice_cross_entropy_loss(**native, ce_weight=2.0, dice_weight=3.0, channel_axis=1)
    entropy = float(lossary.cross_entropy_loss(**native, channel_axis=1))
    dice = float(lossary.multiclass_dice_loss(**native, channel_axis=1))
    assert result.diagnostics == pytest.approx(
        {"objective": 2 * entropy + 3 * dice, "cross_entropy": entropy, "dice": dice}, rel=1e-6
    )
    _, components = result
    assert set(components) == {"cross_entropy", "dice"}
    assert {name: term.weight for name, term in result.terms.items()} == {"cross_entropy": 2.0, "dice": 3.0}


def test_tutorial_names_on_torch(torch: ModuleType) -> None:
    import lossary.torch as faces

    logits, labels = torch.randn(2, 3, 4, 4, requires_grad=True), torch.randint(0, 3, (2, 4, 4))
    combined = faces.CombinedLoss(ce_weight=0.25, dice_weight=0.75)(logits, labels)
    combined.backward()
    expected = lossary.dice_cross_entropy_loss(logits, labels, ce_weight=0.25, dice_weight=0.75).objective
    assert combined.item() == expected.item()
    assert repr(faces.CombinedLoss()) == "CombinedLoss()"
    assert faces.MultiClassDiceLoss(smooth=1.0)(logits, labels) == lossary.multiclass_dice_loss(logits, labels)


def test_tutorial_names_on_flax(jax: ModuleType) -> None:
    import lossary.flax as faces

    logits, labels = jax.numpy.ones((2, 4, 3)), jax.numpy.zeros((2, 4), int)
    assert faces.CombinedLoss(ce_weight=1.0, dice_weight=0.0)(logits, labels) == pytest.approx(np.log(3), rel=1e-6)
    assert faces.MultiClassDiceLoss()(logits, labels) == lossary.multiclass_dice_loss(logits, labels)


# ---- errors ----

CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("dice_loss", {"smooth": -1.0}, "expected smooth >= 0; got smooth -1.0"),
    ("dice_loss", {"average": "mean"}, "expected average to be one of 'micro', 'macro'; got 'mean'"),
    (
        "dice_loss",
        {"probs": np.full((2, 3), 2.0)},
        "expected probs in [0, 1] (logits need from_logits=True); got probs from 2 to 2",
    ),
    ("dice_loss", {"targets": np.full((2, 3), 255)}, "expected targets in [0, 1]; got targets from 255 to 255"),
    ("dice_loss", {"targets": np.zeros((2, 1))}, "expected arrays of one shape; got probs (2, 3), targets (2, 1)"),
    (
        "dice_loss",
        {"per_example": True, "weights": np.ones((2, 3))},
        "expected weights of shape (2,) or a leading part of it; got weights (2, 3)",
    ),
    (
        "dice_loss",
        {"per_example": True, "average": "macro", "channel_axis": 0},
        "expected channel_axis behind the batch axis 0, as per_example=True; got 0",
    ),
    ("tversky_loss", {"alpha": -1.0}, "expected alpha >= 0; got alpha -1.0"),
    ("tversky_loss", {"alpha": 0.0, "beta": 0.0}, "expected alpha + beta > 0; got alpha 0.0, beta 0.0"),
    ("focal_tversky_loss", {"gamma": 0.0}, "expected gamma > 0; got gamma 0.0"),
    ("multiclass_dice_loss", {"classes": "some"}, "expected classes to be one of 'all', 'present'; got 'some'"),
    ("lovasz_softmax_loss", {"classes": "some"}, "expected classes to be one of 'present', 'all'; got 'some'"),
    (
        "multiclass_dice_loss",
        {"class_weights": [1.0, 2.0]},
        "expected class_weights of shape (3,), one per class; got class_weights (2,)",
    ),
    ("dice_cross_entropy_loss", {"ce_weight": -1.0}, "expected ce_weight >= 0; got ce_weight -1.0"),
]


@pytest.mark.parametrize(("name", "given", "text"), CALLS, ids=[f"{name}-{next(iter(g))}" for name, g, _ in CALLS])
@every_framework
def test_errors(framework: OnNumpy, name: str, given: dict[str, Any], text: str) -> None:
    binary = {"probs": np.full((2, 3), 0.5), "targets": np.zeros((2, 3))}
    classes = {"logits": np.zeros((2, 3)), "labels": np.zeros(2, int)}
    loss = getattr(lossary, name)
    with refused(ValueError, f"{name}: {text}"):
        call(framework, loss, (binary if "probs" in loss.__annotations__ else classes) | given)


@every_framework
def test_one_class_without_background_is_nothing(framework: OnNumpy) -> None:
    kwargs = {"logits": np.zeros((2, 1)), "labels": np.zeros(2, int), "include_background": False}
    text = "expected at least 2 classes, as include_background=False; got 1"
    with refused(ValueError, f"multiclass_dice_loss: {text}"):
        call(framework, lossary.multiclass_dice_loss, kwargs)


@every_framework
def test_examples_need_a_batch_axis(framework: OnNumpy) -> None:
    text = "expected {} with a batch axis, as per_example=True; got {} ()"
    for name, first, second in (("dice_loss", "probs", "targets"), ("lovasz_hinge_loss", "logits", "targets")):
        with refused(ValueError, f"{name}: {text.format(first, first)}"):
            kwargs = {first: np.array(0.5), second: np.array(1.0), "per_example": True}
            call(framework, getattr(lossary, name), kwargs)
    with refused(ValueError, f"multiclass_dice_loss: {text.format('labels', 'labels')}"):
        kwargs = {"logits": np.zeros(3), "labels": np.array(1), "per_example": True}
        call(framework, lossary.multiclass_dice_loss, kwargs)
