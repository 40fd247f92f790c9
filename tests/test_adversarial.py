"""Losses of critics: published conventions, unequal batches, confident critics, exact errors, tutorials' names."""

from __future__ import annotations

from collections.abc import Callable
from math import log, tanh
from typing import Any

import numpy as np
import pytest

import lossary
from tests.support.frameworks import TORCH_F64, Kwargs, OnNumpy, every_framework, frameworks_with_gradients
from tests.support.refusal import call, refused

Loss = Callable[..., Any]

PAIRS = (
    lossary.vanilla_discriminator_loss,
    lossary.least_squares_discriminator_loss,
    lossary.wasserstein_discriminator_loss,
    lossary.hinge_discriminator_loss,
)
every_pair = pytest.mark.parametrize("loss", PAIRS, ids=lambda loss: loss.__name__)
REAL, FAKE = np.array([[0.5], [3.0], [-1.0], [2.0]]), np.array([[0.0], [-2.0], [1.0], [4.0]])


def a(*values: float) -> np.ndarray:
    return np.array(values)


# ---- values by hand ----

BY_HAND = {
    "non-saturating": (lossary.vanilla_generator_loss(a(log(3))), log(4 / 3)),  # D = ¾
    "saturating": (lossary.vanilla_generator_loss(a(log(3)), saturating=True), -log(4)),
    "of probabilities": (lossary.vanilla_generator_loss(a(0.75), from_logits=False), log(4 / 3)),
    "discriminator": (lossary.vanilla_discriminator_loss(a(log(3)), a(log(3))), log(4 / 3) + log(4)),
    "discriminator of probabilities": (
        lossary.vanilla_discriminator_loss(a(0.75), a(0.75), from_logits=False),
        log(4 / 3) + log(4),
    ),
    "smoothed": (
        lossary.vanilla_discriminator_loss(a(log(3)), a(0.0), label_smoothing=0.25),
        0.75 * log(4 / 3) + 0.25 * log(4) + log(2),
    ),
    "least squares at the worst": (lossary.least_squares_generator_loss(a(0.0)), 0.5),  # E09: with the paper's ½
    "least squares at the worst of both": (lossary.least_squares_discriminator_loss(a(0.0), a(1.0)), 1.0),
    "wasserstein": (lossary.wasserstein_discriminator_loss(a(3.0, 1.0), a(1.0)), -1.0),
    "hinge": (lossary.hinge_discriminator_loss(a(0.5, 2.0), a(-0.5, -3.0)), 0.5),
    "relativistic": (lossary.relativistic_discriminator_loss(a(log(3) + 7), a(7.0)), log(4 / 3)),
    "relativistic generator": (lossary.relativistic_generator_loss(a(log(3) + 7), a(7.0)), log(4)),
    "relativistic average": (
        lossary.relativistic_discriminator_loss(a(log(3)), a(-1.0, 1.0), average=True),
        log(4 / 3) + (log(1 + 1 / 3 / np.e) + log(1 + np.e / 3)) / 2,
    ),
}


@pytest.mark.parametrize(("found", "expected"), BY_HAND.values(), ids=BY_HAND.keys())
def test_by_hand(found: Any, expected: float) -> None:
    assert found.item() == pytest.approx(expected, rel=1e-12)


# ---- batches of different size (W03) ----


@every_pair
@every_framework
def test_batches_may_differ_in_size(loss: Loss, framework: OnNumpy) -> None:
    """Σ over the real ones / their number + Σ over the fake ones / theirs."""
    found = framework.value(loss, {"real_scores": REAL, "fake_scores": FAKE[:3]})
    nothing = dict.fromkeys(("real_scores", "fake_scores"), np.zeros((0, 1)))
    parts = [loss(**nothing | {name: scores}) for name, scores in (("real_scores", REAL), ("fake_scores", FAKE[:3]))]
    assert float(found) == pytest.approx(float(sum(parts)), rel=1e-6)


@every_pair
def test_equal_batches_are_pairs(loss: Loss) -> None:
    each = loss(REAL, FAKE, reduction="none")
    assert each.shape == REAL.shape
    assert loss(REAL, FAKE).item() == pytest.approx(each.mean(), rel=1e-14)
    assert loss(REAL, FAKE, reduction="sum").item() == pytest.approx(each.sum(), rel=1e-14)
    assert loss(REAL, FAKE, reduction="batch_sum").item() == pytest.approx(each.sum() / 4, rel=1e-14)
    weights = a(0.5, 1.0, 2.0, 0.0)
    expected = np.average(each[:, 0], weights=weights)
    assert loss(REAL, FAKE, weights).item() == pytest.approx(expected, rel=1e-14)


@every_pair
def test_each_side_may_have_its_own_weights_and_mask(loss: Loss) -> None:
    first, second = a(1.0, 3.0, 0.0, 1.0), a(2.0, 0.5)
    found = loss(REAL, FAKE[:2], first, fake_weights=second)
    kept = loss(REAL[[0, 1, 3]], FAKE[:2], first[[0, 1, 3]], fake_weights=second)
    assert found.item() == pytest.approx(kept.item(), rel=1e-14)
    masked = loss(REAL, FAKE[:2], mask=a(1, 0, 1, 0) > 0, fake_mask=a(0, 1) > 0)
    assert masked.item() == pytest.approx(loss(REAL[[0, 2]], FAKE[1:2]).item(), rel=1e-14)
    only_fake = loss(REAL, FAKE[:2], fake_mask=a(0, 1) > 0)
    assert only_fake.item() == pytest.approx(loss(REAL, FAKE[1:2]).item(), rel=1e-14)
    with_nan = np.vstack([FAKE[:1], [[np.nan]]])
    assert np.isfinite(loss(REAL, with_nan, fake_mask=a(1, 0) > 0))


@pytest.mark.parametrize("package", ["torch", "flax"])
def test_a_face_takes_them_with_the_call(package: str) -> None:
    faces = pytest.importorskip(f"lossary.{package}")
    array = pytest.importorskip("torch").tensor if package == "torch" else pytest.importorskip("jax").numpy.array
    real, fake, weights = array([1.0, 2.0]), array([0.5]), array([2.0])
    found = faces.WassersteinDiscriminatorLoss()(real, fake, array([1.0, 0.0]), fake_weights=weights)
    assert float(found) == -0.5


# ---- what the relativistic losses compare ----


def test_pairs_exchange_the_sides() -> None:
    for average in (False, True):
        found = lossary.relativistic_generator_loss(REAL, FAKE, average=average)
        assert found == lossary.relativistic_discriminator_loss(FAKE, REAL, average=average)


def test_averages_may_be_of_batches_of_different_size() -> None:
    whole = lossary.relativistic_discriminator_loss(REAL, FAKE[:2], average=True)
    real = lossary.vanilla_generator_loss(REAL - FAKE[:2].mean())
    fake = lossary.vanilla_generator_loss(REAL.mean() - FAKE[:2])
    assert whole.item() == pytest.approx((real + fake).item(), rel=1e-14)


@every_framework
def test_what_is_masked_leaves_the_averages_too(framework: OnNumpy) -> None:
    mask = a(1, 1, 0, 1) > 0
    broken = np.where(mask[:, None], REAL, np.nan)
    for loss in (lossary.relativistic_generator_loss, lossary.relativistic_discriminator_loss):
        kwargs: Kwargs = {"real_scores": broken, "fake_scores": FAKE, "mask": mask, "average": True}
        kept = {"real_scores": REAL[mask], "fake_scores": FAKE[mask], "average": True}
        assert float(framework.value(loss, kwargs)) == pytest.approx(float(loss(**kept)), rel=1e-6)


@every_framework
def test_an_offset_of_all_scores_changes_nothing(framework: OnNumpy) -> None:
    offset = 2.0**20  # whose step in float32 is ⅛, so that these scores are exact
    for average in (False, True):
        kwargs: Kwargs = {"real_scores": REAL + offset, "fake_scores": FAKE + offset, "average": average}
        expected = lossary.relativistic_discriminator_loss(REAL, FAKE, average=average).item()
        found = framework.value(lossary.relativistic_discriminator_loss, kwargs)
        assert float(found) == pytest.approx(expected, rel=1e-6)


# ---- critics that are sure (W10, E28) ----


@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "batch_sum"])
@every_framework
def test_a_critic_that_tells_hardly_apart(framework: OnNumpy, reduction: str, weighed: bool) -> None:
    """Scores far from 0 that differ little: their two means would have lost the difference."""
    real = (1e4 + np.linspace(-1, 1, 400).reshape(40, 10)).astype(np.float32).astype(float)
    kwargs = {"real_scores": real, "fake_scores": real - 2.0**-9, "reduction": reduction}
    if weighed:
        kwargs["weights"] = np.full(40, 0.25)
    found = framework.value(lossary.wasserstein_discriminator_loss, kwargs)
    counted = {"mean": 1, "sum": 400 * (0.25 if weighed else 1), "batch_sum": 10}[reduction]
    assert found == pytest.approx(-counted * 2.0**-9, rel=1e-6)


@frameworks_with_gradients
def test_a_beaten_generator_still_learns(framework: OnNumpy) -> None:
    """W10: clipped probabilities have no slope there."""
    found = framework.outcome(lossary.vanilla_generator_loss, {"fake_scores": a(-100.0), "reduction": "sum"})
    assert float(found.value) == 100.0
    assert found.gradients["fake_scores"].tolist() == [-1.0]
    saturating = {"fake_scores": a(-100.0), "saturating": True}
    assert abs(framework.outcome(lossary.vanilla_generator_loss, saturating).gradients["fake_scores"]) < 1e-40


@frameworks_with_gradients
def test_smoothing_pushes_over_confidence_back(framework: OnNumpy) -> None:
    """E28: a scaled logit, softplus(−0.9 d), would cost 1.5e-8 at d = 20; a real answer of 0.9 costs 0.1 · 20."""
    kwargs: Kwargs = {"real_scores": a(20.0), "fake_scores": a(-200.0), "label_smoothing": 0.1}
    found = framework.outcome(lossary.vanilla_discriminator_loss, kwargs)
    assert float(found.value) == pytest.approx(2.0, rel=1e-6)
    assert found.gradients["real_scores"][0] == pytest.approx(0.1, rel=1e-6)


def test_smoothing_is_of_the_real_side_only() -> None:
    plain, smooth = (lossary.vanilla_discriminator_loss(a(0.0), FAKE[:, 0], label_smoothing=s) for s in (0.0, 0.5))
    assert plain.item() == pytest.approx(smooth.item(), rel=1e-14)  # at a real score of 0 both answers cost log 2


@frameworks_with_gradients
def test_probabilities_at_their_bounds(framework: OnNumpy) -> None:
    kwargs: Kwargs = {"real_scores": a(1.0), "fake_scores": a(0.0), "from_logits": False}
    found = framework.outcome(lossary.vanilla_discriminator_loss, kwargs)
    assert float(found.value) == 0.0
    assert found.gradients["real_scores"].tolist() == [-1.0]
    assert found.gradients["fake_scores"].tolist() == [1.0]
    wrong = framework.outcome(lossary.vanilla_generator_loss, {"fake_scores": a(0.0), "from_logits": False})
    assert float(wrong.value) == np.inf
    assert wrong.gradients["fake_scores"].tolist() == [-np.inf]


def test_the_optimum_measures_the_divergence() -> None:
    """At D = p / (p + q) the loss is 2 log 2 − 2 JS(p, q), which for p = (¾, ¼) and q = (¼, ¾) is 2 H(¼)."""
    scores = a(log(3), -log(3))
    found = lossary.vanilla_discriminator_loss(scores, scores, a(0.75, 0.25), fake_weights=a(0.25, 0.75))
    assert found.item() == pytest.approx(2 * (0.75 * log(4 / 3) + 0.25 * log(4)), rel=1e-14)


@frameworks_with_gradients
def test_margins_have_no_slope(framework: OnNumpy) -> None:
    found = framework.outcome(
        lossary.hinge_discriminator_loss, {"real_scores": a(1.0, 0.0), "fake_scores": a(-1.0, 0.0)}
    )
    assert found.gradients["real_scores"].tolist() == [0.0, -0.5]
    assert found.gradients["fake_scores"].tolist() == [0.0, 0.5]


def test_hyperbolic_gradient_of_a_pair() -> None:
    """Of both vanilla losses at one score, the slopes add up to tanh(score / 2)."""
    pytest.importorskip("torch")
    found = TORCH_F64.outcome(lossary.vanilla_discriminator_loss, {"real_scores": a(0.7), "fake_scores": a(0.7)})
    total = found.gradients["real_scores"] + found.gradients["fake_scores"]
    assert total[0] == pytest.approx(tanh(0.35), rel=1e-14)


# ---- errors ----

ERRORS: dict[str, tuple[Loss, dict[str, Any], type[Exception], str]] = {
    "other-rank": (
        lossary.wasserstein_discriminator_loss,
        {"real_scores": np.zeros((4, 1)), "fake_scores": np.zeros(8)},
        ValueError,
        "expected scores that differ in the size of their batch (axis 0) at most; "
        "got real_scores (4, 1), fake_scores (8,)",
    ),
    "other-maps": (
        lossary.hinge_discriminator_loss,
        {"real_scores": np.zeros((4, 3)), "fake_scores": np.zeros((4, 1))},
        ValueError,
        "expected scores that differ in the size of their batch (axis 0) at most; "
        "got real_scores (4, 3), fake_scores (4, 1)",
    ),
    "no-pairs": (
        lossary.vanilla_discriminator_loss,
        {"real_scores": np.zeros(4), "fake_scores": np.zeros(3), "reduction": "none"},
        ValueError,
        "expected scores of one shape with reduction 'none'; got real_scores (4,), fake_scores (3,); "
        "reduce each side by itself, or take batches of one size",
    ),
    "weights-of-one-side": (
        lossary.vanilla_discriminator_loss,
        {"real_scores": np.zeros(4), "fake_scores": np.zeros(3), "weights": np.ones(4)},
        ValueError,
        "expected fake_weights beside weights for batches of different size; got real_scores (4,), fake_scores (3,)",
    ),
    "mask-of-one-side": (
        lossary.vanilla_discriminator_loss,
        {"real_scores": np.zeros(4), "fake_scores": np.zeros(3), "mask": np.ones(4, bool)},
        ValueError,
        "expected fake_mask beside mask for batches of different size; got real_scores (4,), fake_scores (3,)",
    ),
    "fake-weights": (
        lossary.vanilla_discriminator_loss,
        {"real_scores": np.zeros(4), "fake_scores": np.zeros(3), "fake_weights": np.ones(4)},
        ValueError,
        "expected fake_weights of shape (3,) or a leading part of it; got fake_weights (4,)",
    ),
    "relativistic-pairs": (
        lossary.relativistic_generator_loss,
        {"real_scores": np.zeros(4), "fake_scores": np.zeros(3)},
        ValueError,
        "expected arrays of one shape; got real_scores (4,), fake_scores (3,)",
    ),
    "relativistic-weights": (
        lossary.relativistic_generator_loss,
        {"real_scores": np.zeros(4), "fake_scores": np.zeros(3), "weights": np.ones(4), "average": True},
        ValueError,
        "expected arrays of one shape; got real_scores (4,), fake_scores (3,)",
    ),
    "smoothing": (
        lossary.vanilla_discriminator_loss,
        {"real_scores": np.zeros(4), "fake_scores": np.zeros(4), "label_smoothing": 1.0},
        ValueError,
        "expected label_smoothing in [0, 1); got label_smoothing 1.0",
    ),
    "target": (
        lossary.least_squares_generator_loss,
        {"fake_scores": np.zeros(4), "target_real": float("inf")},
        ValueError,
        "expected target_real to be finite; got target_real inf",
    ),
    "target-word": (
        lossary.least_squares_discriminator_loss,
        {"real_scores": np.zeros(4), "fake_scores": np.zeros(4), "target_fake": None},
        TypeError,
        "expected target_fake to be a number; got target_fake None",
    ),
    "logits-for-probabilities": (
        lossary.vanilla_discriminator_loss,
        {"real_scores": np.zeros(4), "fake_scores": np.array([0.5, -3.0]), "from_logits": False},
        ValueError,
        "expected fake_scores in [0, 1] (probabilities, as from_logits=False says); got fake_scores from -3 to 0.5",
    ),
}


@pytest.mark.parametrize(("loss", "kwargs", "kind", "text"), ERRORS.values(), ids=ERRORS.keys())
@every_framework
def test_errors(loss: Loss, kwargs: dict[str, Any], kind: type[Exception], text: str, framework: OnNumpy) -> None:
    with refused(kind, f"{loss.__name__}: {text}"):
        call(framework, loss, kwargs)


# ---- names of tutorials ----


def test_tutorial_names() -> None:
    """From logits, with their own argument names."""
    found = lossary.gan_loss_discriminator(real_output=REAL, fake_output=FAKE)
    assert found == lossary.vanilla_discriminator_loss(REAL, FAKE)
    assert lossary.gan_loss_generator(fake_output=FAKE) == lossary.vanilla_generator_loss(FAKE)
    assert lossary.wgan_loss_discriminator(real_output=REAL, fake_output=FAKE).item() == FAKE.mean() - REAL.mean()
    assert lossary.wgan_loss_generator(fake_output=FAKE).item() == -FAKE.mean()
