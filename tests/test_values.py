"""Values: NumPy in float64 against torch, optax, scipy or a closed form; and numbers that can be checked by hand."""

from __future__ import annotations

from collections.abc import Callable
from math import cosh, e, exp, hypot, log, pi, sqrt
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lossary
from tests.catalog import CASES, Case, Options, cases, short
from tests.support.frameworks import OnNumpy, every_framework, objective
from tests.support.references import Reference

COMPARISONS = [
    pytest.param(case, options, reference, shape, id=f"{case.name}-{short(options)}-{reference.source}-{shape}")
    for case in CASES
    for options in case.options
    for reference in case.references
    if reference.understands(options)
    for shape in case.shapes
]


@pytest.mark.parametrize(("case", "options", "reference", "shape"), COMPARISONS)
def test_equals_the_outside_reference(case: Case, options: Options, reference: Reference, shape: str) -> None:
    if reference.source != "closed form":
        pytest.importorskip(reference.source)
    kwargs = case.inputs(options, shape)
    expected = reference.fn(**{name: value for name, value in kwargs.items() if name != "channel_axis"})
    found = case.items(**kwargs)
    assert found.shape == expected.shape
    assert found.dtype == np.float64
    atol = 1e-13 * case.factor * abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=1e-12 * case.factor, atol=atol)


@cases()
def test_every_option_has_a_reference(case: Case) -> None:
    for options in case.options:
        assert any(reference.understands(options) for reference in case.references), short(options)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
@cases(where=lambda case: case.layout.kind == "class")
@every_framework
def test_labels_of_any_integer_dtype(case: Case, framework: OnNumpy, dtype: str) -> None:
    kwargs = case.inputs()
    for name, value in kwargs.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "i":
            kwargs[name] = value.astype(dtype)
    np.testing.assert_allclose(framework.value(case.items, kwargs), case.items(**case.inputs()), rtol=1e-5)


def test_narrow_labels_of_many_classes(jax: ModuleType) -> None:
    """More classes than int8 has numbers, in a trace: nothing wraps."""
    logits = jax.numpy.zeros((3, 200))
    step = jax.jit(lossary.cross_entropy_loss, static_argnames="ignore_index")
    assert step(logits, jax.numpy.array([0, 100, 3], "int8")) == pytest.approx(log(200), rel=1e-6)
    assert np.isnan(step(logits, jax.numpy.array([0, -1, 3], "int8"), ignore_index=255))  # −1 is not 255
    vertices, faces = np.random.default_rng(0).random((200, 3)), np.array([[0, 1, 100]])
    narrow = lossary.edge_length_loss(jax.numpy.asarray(vertices), jax.numpy.asarray(faces, "int8"))
    assert narrow == pytest.approx(lossary.edge_length_loss(vertices, faces), rel=1e-6)


@every_framework
def test_labels_whose_classes_do_not_count(framework: OnNumpy) -> None:
    """Smoothing pulls at other classes, but a mean over nothing is 0; a normalizer is the caller's own denominator."""
    kwargs = {"logits": np.array([[1.0, 2.0, 0.0]] * 2), "labels": np.array([1, 1]), "label_smoothing": 0.1}
    kwargs |= {"class_weights": [1.0, 0.0, 1.0], "channel_axis": -1}
    assert framework.value(lossary.cross_entropy_loss, kwargs) == 0
    total = framework.value(lossary.cross_entropy_loss, kwargs | {"reduction": "sum"})
    found = framework.value(lossary.cross_entropy_loss, kwargs | {"normalizer": 4.0})
    assert found == pytest.approx(total / 4, rel=1e-6)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
@pytest.mark.parametrize("name", ["binary_cross_entropy_loss", "binary_focal_loss", "mse_loss", "huber_loss"])
@every_framework
def test_targets_of_other_dtypes_are_promoted(name: str, framework: OnNumpy, dtype: str) -> None:
    loss = getattr(lossary, name)
    first = "predictions" if name in ("mse_loss", "huber_loss") else "logits"
    targets = np.array([1, 0, 0, 1, 1])
    kwargs = {first: np.array([0.0, 1.0, -2.0, 3.0, 0.5])}
    found = framework.value(loss, kwargs | {"targets": targets.astype(dtype)})
    np.testing.assert_allclose(found, loss(**kwargs, targets=targets.astype(float)), rtol=1e-6)


def test_integer_images_do_not_wrap() -> None:
    dark, bright = np.zeros((2, 2), np.float32), np.full((2, 2), 20, np.uint8)
    assert lossary.mse_loss(dark, bright) == 400
    assert lossary.mae_loss(dark, np.full((2, 2), 255, np.uint8)) == 255


# ---- by hand ----

ERRORS = [0.1, -0.1, 0.2]
FOUR = [0.5, 0.5, -0.2, 0.1]

Builder = Callable[[Callable[..., Any]], Any]
BY_HAND: dict[str, tuple[Builder, float]] = {
    "mse": (lambda a: lossary.mse_loss(a(ERRORS), a([0.0] * 3)), 0.02),  # (0.01 + 0.01 + 0.04) / 3
    "mse-of-four": (lambda a: lossary.mse_loss(a(FOUR), a([0.0] * 4)), 0.1375),  # 0.55 / 4
    "mae": (lambda a: lossary.mae_loss(a(ERRORS), a([0.0] * 3)), 0.4 / 3),
    "mae-of-four": (lambda a: lossary.mae_loss(a(FOUR), a([0.0] * 4)), 0.325),  # 1.3 / 4
    "huber-near": (lambda a: lossary.huber_loss(a(ERRORS), a([0.0] * 3)), 0.01),  # half the squared error
    "huber-far": (lambda a: lossary.huber_loss(a([3.0]), a([0.0]), delta=2.0), 4.0),  # 2 · (3 − 1)
    "smooth-l1": (lambda a: lossary.smooth_l1_loss(a([0.5, 3.0]), a([0.0, 0.0]), beta=0.5), (0.25 + 2.75) / 2),
    "charbonnier": (
        lambda a: lossary.charbonnier_loss(a(ERRORS), a([0.0] * 3), epsilon=1e-3),
        (2 * hypot(0.1, 1e-3) + hypot(0.2, 1e-3)) / 3,  # 0.1333375
    ),
    "charbonnier-alpha": (lambda a: lossary.charbonnier_loss(a([4.0]), a([0.0]), epsilon=3.0, alpha=0.5), sqrt(5.0)),
    "log-cosh": (lambda a: lossary.log_cosh_loss(a([1.0]), a([3.0])), log(cosh(2.0))),
    "log-cosh-far": (lambda a: lossary.log_cosh_loss(a([1000.0]), a([0.0])), 1000 - log(2)),
    "asymmetric": (lambda a: lossary.asymmetric_mse_loss(a([0.5, -1.0, 1.0]), a([0.0] * 3)), (2 * 0.25 + 1 + 2) / 3),
    "bce-even": (lambda a: lossary.binary_cross_entropy_loss(a([0.0, 0.0]), a([0.0, 1.0])), log(2)),
    "bce-sure": (lambda a: lossary.binary_cross_entropy_loss(a([log(3)]), a([1.0])), log(4 / 3)),  # p = ¾
    "bce-soft": (
        lambda a: lossary.binary_cross_entropy_loss(a([log(3)]), a([0.75])),
        0.75 * log(4 / 3) + 0.25 * log(4),
    ),
    "bce-smoothed": (
        lambda a: lossary.binary_cross_entropy_loss(a([log(3)]), a([1.0]), label_smoothing=0.5),
        0.75 * log(4 / 3) + 0.25 * log(4),
    ),
    "bce-pos-weight": (
        lambda a: lossary.binary_cross_entropy_loss(a([log(3)]), a([1.0]), pos_weight=19.0),
        19 * log(4 / 3),
    ),
    "bce-probability": (
        lambda a: lossary.binary_cross_entropy_loss(a([0.75]), a([1.0]), from_logits=False),
        log(4 / 3),
    ),
    "ce-even": (lambda a: lossary.cross_entropy_loss(a([[0.0] * 10]), a([7])), log(10)),
    "ce-softmax-of-1-2-3": (
        lambda a: lossary.cross_entropy_loss(a([[1.0, 2.0, 3.0]]), a([2])),
        log(1 + 1 / e + 1 / e**2),  # −log 0.6652
    ),
    "ce-class-weights": (
        lambda a: lossary.cross_entropy_loss(a([[0.0, 0.0], [0.0, log(3)]]), a([0, 1]), class_weights=(1.0, 19.0)),
        (log(2) + 19 * log(4 / 3)) / 20,
    ),
    "ce-smoothed": (
        lambda a: lossary.cross_entropy_loss(a([[0.0, log(3)]]), a([1]), label_smoothing=0.5),
        0.75 * log(4 / 3) + 0.25 * log(4),  # ε / K each, the label's own share included
    ),
    "ce-ignored": (lambda a: lossary.cross_entropy_loss(a([[0.0, log(3)], [5.0, 0.0]]), a([1, -100])), log(4 / 3)),
    "soft-ce": (
        lambda a: lossary.soft_cross_entropy_loss(a([[0.0, log(3)]]), a([[0.25, 0.75]])),
        0.25 * log(4) + 0.75 * log(4 / 3),
    ),
    "focal": (lambda a: lossary.focal_loss(a([[0.0, log(3)]]), a([1])), log(4 / 3) / 16),  # (¼)²
    "focal-alpha": (
        lambda a: lossary.focal_loss(a([[0.0, log(3)]]), a([1]), alpha=(9.0, 0.5), gamma=1.0),
        log(4 / 3) / 8,
    ),
    "binary-focal": (lambda a: lossary.binary_focal_loss(a([log(3)]), a([1.0])), 0.25 * log(4 / 3) / 16),
    "binary-focal-negative": (lambda a: lossary.binary_focal_loss(a([log(3)]), a([0.0])), 0.75 * log(4) * 9 / 16),
    "gaussian": (lambda a: lossary.log_likelihood(a([3.0]), a([1.0])), -2.0),
    "gaussian-full": (lambda a: lossary.log_likelihood(a([3.0]), a([1.0]), full=True), -2 - log(2 * pi) / 2),
    "gaussian-logvar": (lambda a: lossary.log_likelihood(a([3.0]), a([1.0]), a([log(4)])), -(log(4) + 1) / 2),
    "laplace-full": (
        lambda a: lossary.log_likelihood(a([3.0]), a([1.0]), likelihood="laplace", full=True),
        -2 - log(2),
    ),
    "bernoulli": (lambda a: lossary.log_likelihood(a([1.0]), a([log(3)]), likelihood="bernoulli"), -log(4 / 3)),
    "categorical": (
        lambda a: lossary.log_likelihood(a([1]), a([[0.0, log(3)]]), likelihood="CATEGORICAL"),
        -log(4 / 3),
    ),
    "kl-standard": (
        lambda a: lossary.gaussian_kl_divergence(a([[1.0, 2.0]]), a([[0.0, log(4)]])),
        (1 + 4 + 3 - log(4)) / 2,
    ),
    "kl-to-wider": (  # KL(N(0, 1) ‖ N(½, 1½²)) = 0.1832429
        lambda a: lossary.kl_divergence_diag_gaussian(a([[0.0]]), a([[0.0]]), a([[0.5]]), a([[2 * log(1.5)]])),
        log(1.5) + (1 + 0.25) / (2 * 1.5**2) - 0.5,
    ),
    "elbo": (
        lambda a: lossary.elbo_loss(
            a([[1.0, 2.0]]), a([[0.0, 0.0]]), a([[1.0]]), a([[0.0]]), likelihood="gaussian", beta=4.0
        ),
        2.5 + 4 * 0.5,
    ),
    "elbo-free-bits": (
        lambda a: lossary.elbo_loss(
            a([[1.0]]), a([[0.0]]), a([[1.0, 0.0]]), a([[0.0, 0.0]]), likelihood="gaussian", free_bits=0.25
        ),
        0.5 + 0.5 + 0.25,
    ),
    "elbo-samples": (
        lambda a: lossary.elbo_loss(
            a([[[1.0], [3.0]]]), a([[0.0]]), a([[0.0]]), a([[0.0]]), likelihood="gaussian", sample_axis=1
        ),
        (0.5 + 4.5) / 2,
    ),
    "reduce": (lambda a: lossary.reduce_loss(a([1.0, 2.0, 6.0]), weights=a([1.0, 3.0, 0.0])), 7 / 4),
    "reduce-batch-sum": (lambda a: lossary.reduce_loss(a([[1.0, 2.0], [3.0, 4.0]]), reduction="batch_sum"), 5.0),
}


@pytest.mark.parametrize(("loss", "expected"), BY_HAND.values(), ids=BY_HAND.keys())
@every_framework
def test_by_hand(framework: OnNumpy, loss: Builder, expected: float) -> None:
    value = objective(loss(lambda values: framework.array(np.array(values))))
    assert framework.numpy(value).item() == pytest.approx(expected, rel=1e-6)


def test_elbo_result() -> None:
    one, zero = np.array([[1.0]]), np.array([[0.0]])
    result = lossary.elbo_loss(one, zero, 2 * one, zero, likelihood="gaussian", beta=3.0, free_bits=9.0)
    total, components = result
    assert total == result.objective == 0.5 + 3 * 9  # held up by free bits
    assert components == {"log_likelihood": -0.5, "kl_divergence": 2.0, "elbo": -2.5}  # neither beta nor free bits
    assert result["kl_divergence"] == 2.0
    assert result.diagnostics == {"objective": 27.5, "log_likelihood": -0.5, "kl_divergence": 2.0, "elbo": -2.5}
    assert {name: (term.weight, term.contribution) for name, term in result.terms.items()} == {
        "log_likelihood": (-1.0, 0.5),
        "kl_divergence": (3.0, 27.0),
        "elbo": (0.0, 0.0),
    }
    assert all(term.finite for term in result.terms.values())
    with pytest.raises(KeyError, match="expected one of 'log_likelihood', 'kl_divergence', 'elbo'; got 'kl'"):
        result["kl"]


@every_framework
def test_elbo_diagnostics_are_floats(framework: OnNumpy) -> None:
    array = framework.array(np.array([[1.0]]))
    result = lossary.elbo_loss(array, array, array, array, likelihood="gaussian")
    assert {type(value) for value in result.diagnostics.values()} == {float}
    assert result.diagnostics["kl_divergence"] == pytest.approx((1 + exp(1) - 1 - 1) / 2)


@pytest.mark.parametrize("name", ["gaussian", "Gaussian", "GAUSSIAN", lossary.LikelihoodType.GAUSSIAN])
def test_likelihoods_by_name_or_enum(name: Any) -> None:
    assert lossary.log_likelihood(np.array([3.0]), np.array([1.0]), likelihood=name) == -2.0


@pytest.mark.parametrize("channels", [0, 1, 2, -1])
@cases(where=lambda case: case.layout.kind == "class" and case.reducible and {"channel_axis"} <= case.parameters)
@every_framework
def test_classes_along_any_axis(case: Case, framework: OnNumpy, channels: int) -> None:
    kwargs = case.inputs(shape="dense")
    expected = case.items(**kwargs)
    moved = {
        name: np.moveaxis(value, 1, channels) if isinstance(value, np.ndarray) and value.ndim == 3 else value
        for name, value in kwargs.items()
    }
    if case.name.startswith("elbo") and channels == 0:
        pytest.skip("the first axis of an autoencoder's data is its batch")
    found = framework.value(case.items, moved | {"channel_axis": channels})
    np.testing.assert_allclose(found, expected, rtol=2e-6)


@pytest.mark.parametrize("loss", [lossary.cross_entropy_loss, lossary.focal_loss], ids=lambda loss: loss.__name__)
@every_framework
def test_class_axis_follows_the_framework(
    framework: OnNumpy, loss: Callable[..., Any], rng: np.random.Generator
) -> None:
    axis = 1 if framework.name == "torch" else -1
    kwargs = {"logits": np.moveaxis(rng.normal(size=(2, 3, 5)), -1, axis), "labels": rng.integers(0, 5, (2, 3))}
    assert framework.value(loss, kwargs) == framework.value(loss, kwargs | {"channel_axis": axis})


@every_framework
def test_one_item_without_a_batch(framework: OnNumpy) -> None:
    kwargs = {"logits": np.array([0.0, log(3)]), "labels": np.array(1)}
    assert framework.value(lossary.cross_entropy_loss, kwargs) == pytest.approx(log(4 / 3), rel=1e-6)
