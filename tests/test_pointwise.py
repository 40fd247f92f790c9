"""Losses place by place: slopes in every array, means taken on the way, and e^x − 1 − x."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import pytest

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
