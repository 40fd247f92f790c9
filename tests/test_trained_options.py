"""Options that are trained or traced: arrays without axes in place of numbers."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lossary
from tests.support.frameworks import OnNumpy, every_framework

X = np.array([[0.3, -1.2, 2.0], [0.1, 0.9, -0.4]])
Y = np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
LABELS = np.array([2, 0])
Loss = Callable[[Any, Any, Any], Any]

TRAINED: dict[str, tuple[Loss, float]] = {
    "huber delta": (lambda x, y, option: lossary.huber_loss(x, y, delta=option), 0.7),
    "smooth L1 beta": (lambda x, y, option: lossary.smooth_l1_loss(x, y, beta=option), 0.7),
    "Charbonnier epsilon": (lambda x, y, option: lossary.charbonnier_loss(x, y, epsilon=option), 0.5),
    "Charbonnier epsilon, small": (lambda x, y, option: lossary.charbonnier_loss(x, y, epsilon=option), 1e-3),
    "Charbonnier alpha": (lambda x, y, option: lossary.charbonnier_loss(x, y, epsilon=0.3, alpha=option), 0.8),
    "over-penalty": (lambda x, y, option: lossary.asymmetric_mse_loss(x, y, over_penalty=option), 3.0),
    "binary focal alpha": (lambda x, y, option: lossary.binary_focal_loss(x, y, alpha=option), 0.25),
    "positives": (lambda x, y, option: lossary.binary_cross_entropy_loss(x, y, pos_weight=option), 2.0),
    "Dice smoothing": (lambda x, y, option: lossary.dice_loss(x, y, smooth=option, from_logits=True), 0.8),
    "normalizer": (lambda x, y, option: lossary.mse_loss(x, y, normalizer=option), 4.0),
    "triplet margin": (lambda x, y, option: lossary.triplet_loss(x, y, -x, margin=option), 4.0),
}
trained = pytest.mark.parametrize("name", TRAINED)


def difference(loss: Loss, at: float) -> float:
    step = 1e-4 * at
    return float(loss(X, Y, at + step) - loss(X, Y, at - step)) / (2 * step)


@trained
def test_gradients_reach_options(torch: ModuleType, name: str) -> None:
    """Whether the predictions learn too or not, and through torch.func and torch.compile."""
    loss, at = TRAINED[name]
    x, y, expected = torch.tensor(X), torch.tensor(Y), difference(loss, at)
    for learning in (False, True):
        option = torch.tensor(at, dtype=torch.float64, requires_grad=True)
        value = loss(x.clone().requires_grad_(learning), y, option)
        assert value.item() == pytest.approx(float(loss(X, Y, at)), rel=1e-12)
        value.backward()
        assert option.grad.item() == pytest.approx(expected, rel=1e-6)
    option = torch.tensor(at, dtype=torch.float64)
    assert torch.func.grad(lambda option: loss(x, y, option))(option).item() == pytest.approx(expected, rel=1e-6)
    options = torch.tensor([at, 2 * at], dtype=torch.float64)
    found = torch.func.vmap(lambda option: loss(x, y, option))(options).numpy()
    np.testing.assert_allclose(found, [loss(X, Y, at), loss(X, Y, 2 * at)], rtol=1e-12)


@trained
def test_gradients_reach_traced_options(jax: ModuleType, name: str) -> None:
    loss, at = TRAINED[name]
    found = jax.jit(jax.value_and_grad(lambda option: loss(jax.numpy.asarray(X), jax.numpy.asarray(Y), option)))(at)
    np.testing.assert_allclose(found, (float(loss(X, Y, at)), difference(loss, at)), rtol=2e-5)


@trained
def test_arrays_out_of_range_are_refused_or_nan(torch: ModuleType, jax: ModuleType, name: str) -> None:
    loss, _ = TRAINED[name]
    x, y = jax.numpy.asarray(X), jax.numpy.asarray(Y)
    for wrong, mine in ((torch.tensor(-1.0), (torch.tensor(X), torch.tensor(Y))), (np.array(-1.0), (X, Y))):
        with pytest.raises(ValueError, match=r"expected \w+ (> 0|>= 0|in \[0, 1\]); got \w+ -1$"):
            loss(*mine, wrong)
    assert np.isnan(jax.jit(lambda option: loss(x, y, option))(-1.0))


def test_an_option_of_several_numbers_is_no_number() -> None:
    with pytest.raises(
        ValueError, match=r"^triplet_loss: expected margin to be a number or an array of shape \(\); got"
    ):
        lossary.triplet_loss(X, Y, -X, margin=np.ones(2))
    with pytest.raises(
        ValueError, match=r"^mse_loss: expected normalizer to be a number or an array of shape \(\); got"
    ):
        lossary.mse_loss(X, Y, normalizer=np.ones(2))


@every_framework
def test_one_number_for_all_classes(framework: OnNumpy) -> None:
    """With an axis or without, as torch's users write it; NumPy's scalars fit every framework."""
    x, y, labels = framework.array(X), framework.array(Y), framework.array(LABELS)
    expected = float(lossary.binary_cross_entropy_loss(x, y, pos_weight=3.0))
    for given in (framework.array(np.array(3.0)), framework.array(np.array([3.0])), np.float32(3.0)):
        assert float(lossary.binary_cross_entropy_loss(x, y, pos_weight=given)) == pytest.approx(expected, rel=1e-6)
    expected = float(lossary.focal_loss(x, labels, alpha=0.25, channel_axis=-1))
    for given in (framework.array(np.array(0.25)), np.float32(0.25)):
        assert float(lossary.focal_loss(x, labels, alpha=given, channel_axis=-1)) == pytest.approx(expected, rel=1e-6)


def test_a_face_holds_what_it_trains(torch: ModuleType) -> None:
    import lossary.torch

    face = lossary.torch.CharbonnierLoss(epsilon=torch.nn.Parameter(torch.tensor(0.5)))
    face(torch.tensor(X, requires_grad=True), torch.tensor(Y)).backward()
    assert face.epsilon.grad.item() == pytest.approx(difference(*TRAINED["Charbonnier epsilon"]), rel=1e-4)
    bias = torch.nn.Parameter(torch.tensor(-10.0))
    siglip = lossary.torch.SigLIPLoss(temperature=torch.nn.Parameter(torch.tensor(0.1)), bias=bias)
    siglip(torch.randn(4, 3), torch.randn(4, 3)).backward()
    assert {name for name, each in siglip.named_parameters() if each.grad is not None} == {"temperature", "bias"}


def test_a_face_refuses_arrays_that_it_cannot_hold(torch: ModuleType) -> None:
    import lossary.torch

    text = "StyleLoss: expected layer_weights as one array, which the module then holds, or as numbers; got "
    with pytest.raises(TypeError, match=f"^{text}layer_weights list of arrays$"):
        lossary.torch.StyleLoss(layer_weights=[torch.tensor(1.0), 2.0])
