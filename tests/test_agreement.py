"""NumPy = torch = JAX, in value and in gradient, on ordinary input and at the kinks of every formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossary
from tests.catalog import Case, Options, cases, options
from tests.support.compare import assert_close_by_rows
from tests.support.frameworks import (
    NUMPY,
    TORCH_F64,
    WITH_GRADIENTS,
    Kwargs,
    Loss,
    OnJax,
    OnNumpy,
    OnTorch,
    frameworks_with_gradients,
    row,
)

TOLERANCES = {"f32": (1e-6, 1e-5), "f64": (1e-13, 1e-12)}  # precision: tolerance of values, of gradients


def agrees(framework: OnNumpy, case: Case, loss: Loss, kwargs: Kwargs) -> None:
    """With NumPy in value, with torch in gradient, both in float64."""
    value_tolerance, gradient_tolerance = (case.factor * t for t in TOLERANCES[framework.precision])
    found = framework.outcome(loss, kwargs)
    assert str(found.value.dtype) == {"f32": "float32", "f64": "float64"}[framework.precision]
    assert_close_by_rows(found.value, NUMPY.value(loss, kwargs), value_tolerance)
    pytest.importorskip("torch", reason="gradients are compared with torch's")
    expected = TORCH_F64.outcome(loss, kwargs).gradients
    assert set(found.gradients) == set(expected)
    for name in case.differentiable(kwargs):
        assert_close_by_rows(found.gradients[name], expected[name], gradient_tolerance, f"gradient towards {name}")


@options(frameworks=WITH_GRADIENTS)
def test_items_and_their_gradients(framework: OnNumpy, case: Case, options: Options) -> None:
    agrees(framework, case, case.items, case.inputs_with_kinks(options))


@options()
@pytest.mark.parametrize("framework", [row(OnTorch, "f64")])
def test_double_precision(framework: OnNumpy, case: Case, options: Options) -> None:
    agrees(framework, case, case.items, case.inputs_with_kinks(options))


@cases(sampled="family")
@pytest.mark.parametrize("framework", [row(OnJax, "f64")])
def test_double_precision_of_defaults(framework: OnNumpy, case: Case) -> None:
    agrees(framework, case, case.items, case.inputs_with_kinks(case.options[0]))


@cases(sampled="family")
@frameworks_with_gradients
def test_mean_of_dense_prediction(framework: OnNumpy, case: Case) -> None:
    agrees(framework, case, case.fn, case.inputs(case.options[0], case.shapes[-1]))


# ---- one sub-gradient at each kink ----


def kink(loss: Loss, towards: str, gradient: list[float], **kwargs: Any) -> Any:
    arrays = {name: np.array(value) if isinstance(value, list) else value for name, value in kwargs.items()}
    return pytest.param(loss, towards, gradient, arrays, id=f"{loss.__name__}-{towards}")


@pytest.mark.parametrize(
    ("loss", "towards", "gradient", "kwargs"),
    [
        kink(
            lossary.mae_loss,
            "predictions",
            [0, 1, -1],
            predictions=[0.0, 1e-30, -1e-30],
            targets=[0.0] * 3,
            reduction="sum",
        ),
        kink(
            lossary.mae_loss,
            "targets",
            [0, -1, 1],
            predictions=[0.0, 1e-30, -1e-30],
            targets=[0.0] * 3,
            reduction="sum",
        ),
        kink(
            lossary.huber_loss,
            "predictions",
            [1, -1, 0],
            predictions=[1.0, -1.0, 0.0],
            targets=[0.0] * 3,
            reduction="sum",
        ),
        kink(
            lossary.huber_loss, "targets", [-1, 1, 0], predictions=[1.0, -1.0, 0.0], targets=[0.0] * 3, reduction="sum"
        ),
        kink(
            lossary.smooth_l1_loss,
            "predictions",
            [0, 1],
            predictions=[0.0, 2.0],
            targets=[0.0] * 2,
            beta=0.0,
            reduction="sum",
        ),
        kink(
            lossary.smooth_l1_loss,
            "predictions",
            [1, -1],
            predictions=[0.5, -0.5],
            targets=[0.0] * 2,
            beta=0.5,
            reduction="sum",
        ),
        kink(lossary.log_cosh_loss, "predictions", [0], predictions=[0.0], targets=[0.0]),
        kink(lossary.asymmetric_mse_loss, "predictions", [0], predictions=[0.0], targets=[0.0]),
        kink(
            lossary.binary_cross_entropy_loss,
            "logits",
            [0.5, -0.5],
            logits=[0.0, 0.0],
            targets=[0.0, 1.0],
            reduction="sum",
        ),
        kink(
            lossary.binary_cross_entropy_loss,
            "logits",
            [0, 0],
            logits=[0.0, 1.0],
            targets=[0.0, 1.0],
            from_logits=False,
            pos_weight=0.0,
            ignore_index=0,
        ),
        kink(lossary.soft_cross_entropy_loss, "logits", [0, 0], logits=[0.0, 0.0], probs=[0.5, 0.5]),
        kink(lossary.log_likelihood, "x_hat", [0], x=[0.0], x_hat=[0.0], likelihood="laplace"),
        kink(lossary.gaussian_kl_divergence, "logvar", [0], mean=[0.0], logvar=[0.0]),
    ],
)
@frameworks_with_gradients
def test_sub_gradient(framework: OnNumpy, loss: Loss, towards: str, gradient: list[float], kwargs: Kwargs) -> None:
    np.testing.assert_array_equal(framework.outcome(loss, kwargs).gradients[towards], gradient)


@pytest.mark.parametrize("over", ["batch", "sample"])
@frameworks_with_gradients
def test_free_bits_do_not_push_where_they_bind(framework: OnNumpy, over: str) -> None:
    data, latent = np.zeros((1, 2)), np.array([[1.0, 3.0]])
    kwargs = {
        "reconstruction": data,
        "targets": data,
        "mean": latent,
        "logvar": np.zeros((1, 2)),
        "likelihood": "gaussian",
    }
    bound = {"free_bits": 0.5, "free_bits_over": over}  # ½ · 1²: the first variable is exactly there
    gradient = framework.outcome(lossary.elbo_loss, kwargs | bound).gradients["mean"]
    np.testing.assert_array_equal(gradient, [[0.0, 3.0]])
