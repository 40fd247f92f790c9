"""Losses place by place: slopes in every array, means taken on the way, and e^x − 1 − x."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import pytest

import lossary
from lossary._core.backends import namespace
from tests.support.frameworks import OnNumpy, every_framework, frameworks_with_gradients


def product(xp: Any, x: Any, y: Any) -> Any:
    """x² y, with its slope in both."""
    return x * x * y, (lambda: 2 * x * y, lambda: x * x)


def mean_product(x: Any, y: Any, over: int | None = None) -> Any:
    return namespace("pointwise", x=x, y=y).pointwise_mean(product, x, y, count=over)


@pytest.mark.parametrize(("over", "divisor"), [(None, 6), (2, 2)])
@frameworks_with_gradients
def test_slopes_in_every_array(framework: OnNumpy, over: int | None, divisor: int) -> None:
    x, y = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 0.5]]), np.array([[1.0, -1.0, 2.0], [5.0, 4.0, 8.0]])
    outcome = framework.outcome(mean_product, {"x": x, "y": y, "over": over})
    assert outcome.value == pytest.approx((x * x * y).sum() / divisor)
    np.testing.assert_allclose(outcome.gradients["x"], 2 * x * y / divisor)
    np.testing.assert_allclose(outcome.gradients["y"], x * x / divisor)


def test_two_derivatives_in_every_array(torch: ModuleType) -> None:
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([3.0, -1.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(mean_product, (x, y))


def test_means_in_blocks_are_means(torch: ModuleType) -> None:
    """More items than a block holds, whose sum overflows while their mean does not."""
    count = 300_000
    x = torch.full((count,), 1e18, requires_grad=True)
    y = torch.ones(count)
    mean = mean_product(x, y)
    assert mean.item() == pytest.approx(1e36, rel=1e-6)
    (gradient,) = torch.autograd.grad(mean, x)
    np.testing.assert_allclose(gradient.numpy(), np.full(count, 2e18 / count), rtol=1e-6)


@pytest.mark.parametrize("loss", [lossary.binary_cross_entropy_loss, lossary.binary_focal_loss])
def test_decided_answers_are_answers(torch: ModuleType, loss: Any, rng: np.random.Generator) -> None:
    """0 and 1 go a shorter way in eager PyTorch; one answer between them sends its block the long way."""
    logits = torch.tensor(np.concatenate([rng.normal(0, 4, 300_000), [-40.0, 40.0, -88.0, 88.0]])).requires_grad_()
    targets = torch.tensor(rng.integers(0, 2, 300_004).astype(np.float64))
    mixed = torch.cat([targets[:-1], torch.tensor([0.25], dtype=torch.float64)])
    for answers in (targets, mixed):
        short = loss(logits, answers, reduction="none")
        (slope,) = torch.autograd.grad(short.sum(), logits)
        long = loss(logits, answers.clone().requires_grad_(), reduction="none")  # whose slope the short way has not
        (expected,) = torch.autograd.grad(long.sum(), logits)
        np.testing.assert_allclose(short.detach().numpy(), long.detach().numpy(), rtol=1e-12)
        np.testing.assert_allclose(slope.numpy(), expected.numpy(), rtol=1e-12)


def test_a_slope_towards_decided_answers(torch: ModuleType) -> None:
    logits, targets = torch.tensor([3.0, -2.0]), torch.tensor([1.0, 0.0], requires_grad=True)
    (slope,) = torch.autograd.grad(lossary.binary_cross_entropy_loss(logits, targets, reduction="sum"), targets)
    np.testing.assert_allclose(slope.numpy(), [-3.0, 2.0], rtol=1e-6)  # −x: the loss is log(1 + e^x) − t x


def test_absolute_errors_by_a_kernel(torch: ModuleType) -> None:
    """Its corner does not show: 0 at the kink in both derivatives, NaN for a NaN, and means that do not overflow."""
    x = torch.tensor([2.0, 0.0, -1e-37, float("nan"), 3e38], requires_grad=True)
    y = torch.tensor([3.0, 0.0, 0.0, 0.0, 0.0], requires_grad=True)
    losses = lossary.mae_loss(x, y, reduction="none")
    np.testing.assert_array_equal(losses.detach().numpy(), np.float32([1.0, 0.0, 1e-37, np.nan, 3e38]))
    towards = torch.autograd.grad(losses.sum(), (x, y), create_graph=True)
    np.testing.assert_array_equal(towards[0].detach().numpy(), np.float32([-1.0, 0.0, -1.0, np.nan, 1.0]))
    np.testing.assert_array_equal(towards[1].detach().numpy(), np.float32([1.0, 0.0, 1.0, np.nan, -1.0]))
    factor = torch.tensor([2.0, 2.0], requires_grad=True)
    (slope,) = torch.autograd.grad(lossary.mae_loss(x[:2], y[:2]) * factor[0], x, create_graph=True)
    assert torch.autograd.grad(slope.nansum(), factor)[0].tolist() == [-0.5, 0.0]
    large = torch.full((4,), 3e38, requires_grad=True)
    mean = lossary.mae_loss(large, torch.zeros(4))
    assert mean.item() == pytest.approx(3e38, rel=1e-6)
    assert torch.autograd.grad(mean, large)[0].tolist() == [0.25] * 4


@every_framework
def test_exp_above_its_tangent(framework: OnNumpy) -> None:
    """½ (e^x − 1 − x) and ½ (e^x − 1), at every size."""
    size = np.concatenate([np.logspace(-15, 1.9, 200), [88.9]])
    x = framework.array(np.concatenate([-size, [0.0], size]))
    value, slope = namespace("seam", x=x).half_exp_above_tangent(x)
    given = [mpmath.mpf(float(each)) for each in framework.numpy(x)]
    with mpmath.workdps(50):
        values = [(mpmath.e**each - 1 - each) / 2 for each in given]
        slopes = [(mpmath.e**each - 1) / 2 for each in given]
    accuracy = 1e-6 if framework.precision == "f32" else 1e-14
    np.testing.assert_allclose(framework.numpy(value), [float(each) for each in values], rtol=accuracy)
    np.testing.assert_allclose(framework.numpy(slope()), [float(each) for each in slopes], rtol=accuracy)
