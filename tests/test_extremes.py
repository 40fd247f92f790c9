"""Clauses 1, 2 and 6 of the contract: finite wherever the mathematics is, NaN where an input is and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from math import inf, nan
from typing import Any

import numpy as np
import pytest

import lossary
from tests.catalog import CASES
from tests.exact import EXACT
from tests.probes import (
    EXTREMES,
    ITEMS,
    JAX_F32,
    NUMPY_F32,
    ORDINARY,
    TAILS,
    TORCH_F32,
    Probe,
    every_framework,
    everywhere,
    measured,
    norm_error,
    one_each,
    over,
    with_gradients,
    without_compiling,
)
from tests.support.families import family_of
from tests.support.frameworks import OnNumpy, Outcome, objective

EPS32 = float(np.finfo(np.float32).eps)

ONE_EACH = one_each(ORDINARY)
REDUCING = [probe for probe in ONE_EACH if probe.reduces]


def batch(**rows: Any) -> dict[str, np.ndarray]:
    return {name: np.array(values, np.int64 if name == "labels" else np.float32) for name, values in rows.items()}


def slopes(framework: OnNumpy, probe: Probe, name: str) -> list[Any]:
    return measured(framework, probe).gradients[name].tolist()


@every_framework
def test_a_term_that_is_only_reported_adds_nothing(framework: OnNumpy) -> None:
    still = np.zeros((2, 3), framework.precision.replace("f", "float"))
    arrays = {"reconstruction": np.full_like(still, inf), "targets": still, "mean": still, "logvar": still}
    found = lossary.elbo_loss(**{name: framework.array(array) for name, array in arrays.items()}, likelihood="gaussian")
    assert float(found["elbo"]) == -inf
    assert float(found.terms["elbo"].contribution) == 0


# ---- kinks and degenerate points: a finite sub-gradient, 0 where symmetric ----

ERROR_LOSSES = [p for p in ORDINARY if family_of(p.fn.__module__) == "regression"]


@with_gradients
@over(ERROR_LOSSES)
def test_no_error_no_slope(probe: Probe, framework: OnNumpy) -> None:
    still = Probe(probe.loss, batch(predictions=[0, 3, -1e18], targets=[0, 3, -1e18]), probe.options)
    assert slopes(framework, still, "predictions") == [0.0, 0.0, 0.0]
    assert slopes(framework, still, "targets") == [0.0, 0.0, 0.0]


@with_gradients
@pytest.mark.parametrize(("loss", "option"), [("huber_loss", "delta"), ("smooth_l1_loss", "beta")])
def test_where_the_square_ends_the_slope_is_continuous(loss: str, option: str, framework: OnNumpy) -> None:
    probe = Probe(loss, batch(predictions=[0.5, -0.5], targets=[0, 0]), {option: 0.5})
    limit = 0.5 if loss == "huber_loss" else 1.0
    assert slopes(framework, probe, "predictions") == [limit, -limit]


@with_gradients
def test_probabilities_that_are_right_for_certain(framework: OnNumpy) -> None:
    right = batch(logits=[0, 1], targets=[0, 1])
    probe = Probe("binary_cross_entropy_loss", right, {"from_logits": False})
    assert measured(framework, probe).value.tolist() == [0.0, 0.0]
    assert slopes(framework, probe, "logits") == [1.0, -1.0]  # 1 / (1 − p), −1 / p


@with_gradients
def test_probabilities_that_are_wrong_for_certain(framework: OnNumpy) -> None:
    """p = 0 for a positive costs ∞, and the gradient still says which way to go."""
    wrong = batch(logits=[0, 1], targets=[1, 0])
    probe = Probe("binary_cross_entropy_loss", wrong, {"from_logits": False})
    assert measured(framework, probe).value.tolist() == [inf, inf]
    assert slopes(framework, probe, "logits") == [-inf, inf]


@with_gradients
@pytest.mark.parametrize("loss", ["cross_entropy_loss", "focal_loss"])
def test_the_labelled_class_is_impossible(loss: str, framework: OnNumpy) -> None:
    probe = Probe(loss, batch(logits=[[-inf, 0, 0]], labels=[0]))
    assert measured(framework, probe).value.tolist() == [inf]
    assert slopes(framework, probe, "logits") == [[-1.0, 0.5, 0.5]]


@with_gradients
@pytest.mark.parametrize("loss", ["cross_entropy_loss", "focal_loss"])
def test_only_the_labelled_class_is_possible(loss: str, framework: OnNumpy) -> None:
    probe = Probe(loss, batch(logits=[[1, -inf, -inf], [-1e4, -inf, -inf]], labels=[0, 0]))
    assert measured(framework, probe).value.tolist() == [0.0, 0.0]
    assert slopes(framework, probe, "logits") == [[0.0] * 3] * 2


@with_gradients
@pytest.mark.parametrize("size", [5.0, 10.0, 40.0])
def test_logits_far_beyond_their_cap_still_have_a_slope(size: float, framework: OnNumpy) -> None:
    """Equal logits, of which each class has a third: slope (p − y) / cosh² x."""
    arrays = batch(features=[[1.0]], weight=[[size]] * 3, labels=[0])
    probe = Probe("linear_cross_entropy_loss", arrays, {"softcap": 1.0}, whole=True)
    expected = np.array([[-2.0], [1.0], [1.0]]) / 3 / np.cosh(size) ** 2
    np.testing.assert_allclose(slopes(framework, probe, "weight"), expected, rtol=1e-5)


@with_gradients
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("loss", ["cross_entropy_loss", "soft_cross_entropy_loss"])
def test_an_impossible_class_that_has_no_weight(loss: str, label_smoothing: float, framework: OnNumpy) -> None:
    """As if it were not there: 0 · ∞ is 0 where the weight is."""
    target = {"labels": [0]} if loss == "cross_entropy_loss" else {"probs": [[1, 0, 0]]}
    options = {"class_weights": (1.0, 0.0, 2.0), "label_smoothing": label_smoothing}
    probe = Probe(loss, batch(logits=[[1, -inf, 0]], **target), options)
    other = Probe(loss, batch(logits=[[1, -200, 0]], **target), options)
    assert measured(framework, probe).value.tolist() == measured(framework, other).value.tolist()
    assert slopes(framework, probe, "logits") == slopes(framework, other, "logits")


@with_gradients
def test_equal_gaussians(framework: OnNumpy) -> None:
    """Exactly 0 at any variance up to e^±100, with no slope."""
    mu, log_var = [0.0, 1e18, -3.0, 1e-15], [100.0, -100.0, 80.0, 0.0]
    arrays = batch(mu_q=mu, log_var_q=log_var, mu_p=mu, log_var_p=log_var)
    probe = Probe("kl_divergence_diag_gaussian", arrays)
    found = measured(framework, probe)
    assert found.value.tolist() == [0.0] * 4
    assert {name: g.tolist() for name, g in found.gradients.items()} == dict.fromkeys(arrays, [0.0] * 4)


@with_gradients
@pytest.mark.parametrize("over_", ["batch", "sample"])
def test_free_bits_that_are_just_used_up_do_not_push(over_: str, framework: OnNumpy) -> None:
    """mean 1, logvar 0: the divergence is ½ nat exactly. The kink's sub-gradient is one on every framework."""
    code = batch(reconstruction=[[0]], targets=[[0]], mean=[[1]], logvar=[[0]])
    options = {"likelihood": "gaussian", "free_bits": 0.5, "free_bits_over": over_}
    found = framework.outcome(lossary.elbo_loss, {**code, **options})
    assert float(found.value) == 0.5
    assert found.gradients["mean"].tolist() == [[0.0]]


# ---- NaN: seen in the item that has it, and only there ----

_ROWS = {"cross_entropy_loss", "focal_loss", "soft_cross_entropy_loss"}
POINTWISE = {"regression", "classification", "likelihood"}  # families in which we know the entries that turn NaN
_NEEDED = {
    "targets": "predictions",
    "probs": "logits",
    "x": "x_hat",
    "labels": "embeddings1",
}  # data: their NaN shows in the model's gradient


def poisoned(probe: Probe, name: str) -> Probe:
    """The probe with one NaN, in item 1."""
    arrays = {k: a.copy() for k, a in probe.arrays.items()}
    arrays[name].reshape(probe.items, -1)[1, 0] = nan
    return Probe(probe.loss, arrays, probe.options, f"nan-in-{name}")


WITH_NAN = [
    poisoned(probe, name)
    for probe in [*ORDINARY, *(p for p in TAILS if p.note == "sure")]
    for name, array in probe.arrays.items()
    if array.dtype.kind == "f" and not probe.whole
]


@everywhere(WITH_NAN)
def test_nan_is_seen_in_its_item_only(probe: Probe, framework: OnNumpy) -> None:
    found = measured(framework, probe)
    others = np.arange(probe.items) != 1
    assert np.isnan(found.value).tolist() == (~others).tolist()
    for gradient in found.gradients.values():
        assert not np.isnan(gradient[others]).any()
    if found.gradients:
        _nan_in_gradient(probe, found)


def _nan_in_gradient(probe: Probe, found: Outcome) -> None:
    name = probe.note.removeprefix("nan-in-")
    shown = _NEEDED.get(name, name)
    shown = shown if shown in found.gradients else next(iter(found.gradients))
    gradient = found.gradients[shown].reshape(probe.items, -1)[1]
    categorical = probe.options.get("likelihood") == "categorical"
    if family_of(probe.fn.__module__) in POINTWISE:
        entries = gradient if probe.loss in _ROWS or categorical else gradient[:1]
        assert np.isnan(entries).all(), shown
    else:
        assert np.isnan(gradient).any(), shown


@without_compiling
@over(REDUCING)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_nan_is_not_averaged_away(probe: Probe, framework: OnNumpy, reduction: str) -> None:
    for name, array in probe.arrays.items():
        if array.dtype.kind == "f":
            kwargs = {**poisoned(probe, name).kwargs, "reduction": reduction}
            assert np.isnan(framework.value(probe.fn, kwargs)), name


# ---- the same pattern of NaN and infinity on the three frameworks ----


def grid(**axes: list[float]) -> dict[str, np.ndarray]:
    """Every combination of these numbers, over and over up to the usual number of items."""
    columns = np.array(list(product(*axes.values())), np.float32).T
    assert columns.shape[1] <= ITEMS
    return {name: np.resize(column, ITEMS) for name, column in zip(axes, columns, strict=True)}


def _special() -> Iterable[Probe]:
    ends = [0, 1, -1e18, 3e38, -3e38, inf, -inf, nan]
    errors = grid(predictions=ends, targets=ends)
    for probe in ERROR_LOSSES:
        yield Probe(probe.loss, errors, probe.options, "special")
    scores = grid(logits=[0, 1, 1e4, -1e4, 1e30, -1e30, inf, -inf, nan], targets=[0, 1, 0.5, nan])
    for probe in ORDINARY:
        if "binary" in probe.loss and probe.options.get("from_logits", True):
            yield Probe(probe.loss, scores, probe.options, "special")
    probabilities = grid(logits=[0, 1, 1e-30, 0.5, nan], targets=[0, 1, 0.5, nan])
    yield Probe("binary_cross_entropy_loss", probabilities, {"from_logits": False}, "special")
    for label, pad in product((0, 1, 2), (0.0, -inf)):
        yield from _special_rows(label, pad)
    gaussian = grid(mean=[0, 1, 1e18, -3e38, inf, nan], logvar=[0, 80, -80, 170, -170, 3e38, inf, -inf, nan])
    mean, logvar = gaussian["mean"], gaussian["logvar"]
    yield Probe("gaussian_kl_divergence", {"mean": mean[:, None], "logvar": logvar[:, None]}, note="special")
    q = {"mu_q": mean, "log_var_q": logvar}
    yield Probe("kl_divergence_diag_gaussian", {**q, "mu_p": mean, "log_var_p": logvar}, note="special")
    yield Probe("log_likelihood", {"x": mean, "x_hat": np.zeros_like(mean), "logvar": logvar}, note="special")


def _special_rows(label: int, pad: float) -> Iterable[Probe]:
    rows = grid(a=[0, 1e4, 1e30, -inf, nan], b=[0, -1e4, -inf, inf, nan], c=[1, -inf, nan], d=[pad], e=[pad])
    logits = np.stack(list(rows.values()), axis=1)
    labelled = {"logits": logits, "labels": np.full(ITEMS, label)}
    note = f"special-{label}-{pad}"
    yield Probe("cross_entropy_loss", labelled, {}, note)
    if pad == 0:
        yield Probe("cross_entropy_loss", labelled, {"label_smoothing": 0.1}, note)
    for gamma in (0.0, 0.5, 1.0):
        yield Probe("focal_loss", labelled, {"gamma": gamma}, note)
    soft = np.eye(5, dtype=np.float32) if pad else np.full((5, 5), 0.125, np.float32) + np.eye(5, dtype=np.float32) / 4
    yield Probe("soft_cross_entropy_loss", {"logits": logits, "probs": soft[labelled["labels"]]}, {}, note)


SPECIAL = list(_special())


def pattern(array: np.ndarray) -> np.ndarray:
    return np.select([np.isnan(array), np.isposinf(array), np.isneginf(array)], ["nan", "inf", "-inf"], "finite")


@over(SPECIAL)
def test_one_pattern_of_nan_and_infinity(probe: Probe, torch: Any, jax: Any) -> None:
    expected, found = measured(TORCH_F32, probe), measured(JAX_F32, probe)
    values = pattern(expected.value).tolist()
    assert pattern(found.value).tolist() == values
    assert pattern(NUMPY_F32.value(probe.fn, probe.kwargs)).tolist() == values
    name = next(iter(expected.gradients))
    name = "x_hat" if name == "x" else name
    assert pattern(found.gradients[name]).tolist() == pattern(expected.gradients[name]).tolist()


@with_gradients
@over(SPECIAL)
def test_nan_goes_through_and_none_is_made(probe: Probe, framework: OnNumpy) -> None:
    found = framework.outcome(probe.fn, probe.kwargs)
    inputs = np.column_stack([a.reshape(probe.items, -1) for a in probe.arrays.values() if a.dtype.kind == "f"])
    given = np.isnan(inputs).any(axis=1)
    finite = (np.abs(inputs) <= 1e18).all(axis=1)
    assert np.isnan(found.value)[given].all()
    assert not np.isnan(found.value)[finite].any()
    for gradient in found.gradients.values():
        assert not np.isnan(gradient[finite]).any()


# ---- what the mathematics promises ----


NONNEGATIVE = {name: all(c.range[0] >= 0 for c in CASES if c.fn.__name__ == name) for name in EXACT}


@without_compiling
@over([probe for probe in (*ORDINARY, *TAILS, *EXTREMES) if NONNEGATIVE[probe.loss]])
def test_never_negative(probe: Probe, framework: OnNumpy) -> None:
    assert (measured(framework, probe).value >= 0).all()


ERRORS = np.concatenate([np.float32(10) ** np.linspace(-15, 18, 600, dtype=np.float32), np.linspace(0, 100, 2_000)])
ERRORS = np.concatenate([ERRORS, -ERRORS]).astype(np.float32)


def of_errors(framework: OnNumpy, loss: str, swapped: bool = False, **options: Any) -> np.ndarray:
    pair = (np.zeros_like(ERRORS), ERRORS) if swapped else (ERRORS, np.zeros_like(ERRORS))
    kwargs = {"predictions": pair[0], "targets": pair[1], **options, "reduction": "none"}
    return framework.value(getattr(lossary, loss), kwargs).astype(float)


@without_compiling
def test_bounds_of_error_losses(framework: OnNumpy) -> None:
    size, slack = np.abs(ERRORS.astype(float)), 1 + 4 * EPS32
    log_cosh = of_errors(framework, "log_cosh_loss")
    assert (log_cosh <= slack * np.minimum(size, size**2 / 2)).all()
    assert (slack * log_cosh >= size - np.log(2)).all()
    for limit in (1e-3, 1.0, 50.0):
        assert (of_errors(framework, "huber_loss", delta=limit) <= slack * np.minimum(limit * size, size**2 / 2)).all()
        assert (of_errors(framework, "smooth_l1_loss", beta=limit) <= slack * size).all()
        assert (slack * of_errors(framework, "charbonnier_loss", epsilon=limit) >= np.maximum(size, limit)).all()


@every_framework
@pytest.mark.parametrize("loss", ["mse_loss", "mae_loss", "huber_loss", "smooth_l1_loss", "log_cosh_loss"])
def test_over_and_under_count_alike(loss: str, framework: OnNumpy) -> None:
    assert of_errors(framework, loss).tolist() == of_errors(framework, loss, swapped=True).tolist()


@every_framework
@over([probe for probe in (*ORDINARY, *EXTREMES) if probe.loss == "focal_loss" and "alpha" not in probe.options])
def test_focal_is_at_most_cross_entropy(probe: Probe, framework: OnNumpy) -> None:
    smoothing = probe.options.get("label_smoothing", 0.0)
    arguments = {**probe.arrays, "label_smoothing": smoothing, "reduction": "none"}
    whole = framework.outcome(lossary.cross_entropy_loss, arguments).value
    assert (measured(framework, probe).value <= whole * (1 + 4 * EPS32)).all()
    if probe.options.get("gamma") == 0:
        assert norm_error(measured(framework, probe).value, whole.astype(float)) <= 2 * EPS32


@every_framework
def test_one_hot_shares_are_labels(framework: OnNumpy) -> None:
    for probe in (*ORDINARY, *TAILS, *EXTREMES):
        if probe.loss == "cross_entropy_loss" and not probe.options and probe.note != "many-classes":
            logits = probe.arrays["logits"]
            probs = np.eye(logits.shape[1], dtype=np.float32)[probe.arrays["labels"]]
            kwargs = {"logits": logits, "probs": probs, "reduction": "none"}
            soft = framework.outcome(lossary.soft_cross_entropy_loss, kwargs).value
            assert norm_error(soft, measured(framework, probe).value.astype(float)) <= 4 * EPS32, str(probe)


@every_framework
def test_two_classes_are_yes_or_no(framework: OnNumpy) -> None:
    scores = np.concatenate([-ERRORS[np.abs(ERRORS) <= 1e4], ERRORS[np.abs(ERRORS) <= 1e4]])
    answers = (np.arange(len(scores)) % 2).astype(np.float32)
    binary = {"logits": scores, "targets": answers, "reduction": "none"}
    rows = {"logits": np.stack([np.zeros_like(scores), scores], axis=1), "labels": answers.astype(np.int64)}
    yes_or_no = framework.outcome(lossary.binary_cross_entropy_loss, binary).value
    one_of_two = framework.outcome(lossary.cross_entropy_loss, {**rows, "reduction": "none"}).value
    assert norm_error(one_of_two, yes_or_no.astype(float)) <= 2 * EPS32
    tail = yes_or_no < 1e-3
    assert norm_error(one_of_two[tail], yes_or_no[tail].astype(float)) <= 1e-4


@without_compiling
@pytest.mark.parametrize("loss", ["cross_entropy_loss", "focal_loss"])
def test_an_offset_common_to_all_classes_changes_nothing(
    loss: str, framework: OnNumpy, rng: np.random.Generator
) -> None:
    logits = rng.integers(-40, 40, (200, 6)).astype(np.float32) / 8  # both sums below are exact
    kwargs = {"labels": rng.integers(0, 6, 200), "reduction": "none"}
    plain, shifted = (
        framework.value(getattr(lossary, loss), {"logits": x, **kwargs}) for x in (logits, logits + 2**20)
    )
    assert norm_error(shifted, plain.astype(float)) <= 2 * EPS32


@without_compiling
def test_a_batch_twice_over_has_the_same_mean(framework: OnNumpy) -> None:
    for probe in REDUCING:
        twice = {k: np.concatenate([a, a]) for k, a in probe.arrays.items()}
        once = framework.outcome(probe.fn, {**probe.kwargs, "reduction": "mean"}).value
        again = framework.outcome(probe.fn, {**probe.kwargs, **twice, "reduction": "mean"}).value
        assert again == pytest.approx(once, rel=2 * EPS32), probe.loss


# ---- second derivatives: no number of the contract, but never NaN ----


ONCE = {case.fn.__name__ for case in CASES if not case.second_order}


@over([p for p in EXTREMES if p.note not in ("many-classes", "impossible") and p.loss not in ONCE])
def test_second_derivatives_are_no_nan(probe: Probe, torch: Any) -> None:
    name = next(iter(measured(TORCH_F32, probe).gradients))
    arrays = {k: TORCH_F32.array(a) for k, a in probe.arrays.items()}
    leaf = arrays["x_hat" if "x_hat" in arrays and name == "x" else name].requires_grad_()
    value = objective(probe.fn(**{**probe.kwargs, **arrays}))
    [slope] = torch.autograd.grad(value.sum(), leaf, create_graph=True)
    if slope.requires_grad:  # mae's is constant
        assert not torch.autograd.grad(slope.sum(), leaf)[0].isnan().any()


@over([probe for probe in EXTREMES if probe.loss == "binary_focal_loss"][::3])
def test_second_derivatives_are_no_nan_on_jax(probe: Probe, jax: Any) -> None:
    arrays = JAX_F32.native(probe.kwargs)

    def slope(logits: Any) -> Any:
        return jax.grad(lambda x: probe.fn(**{**arrays, "logits": x}).sum())(logits).sum()

    assert not np.isnan(jax.jit(jax.grad(slope))(arrays["logits"])).any()
