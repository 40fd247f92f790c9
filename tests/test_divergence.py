"""Divergences: what is told of them and wrong, logarithms, distribution objects, and samples of any size."""

from __future__ import annotations

import sys
from math import log, sqrt
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lossary
from lossary import energy_distance, js_distance, js_divergence, kl_divergence, reverse_kl_divergence
from lossary import maximum_mean_discrepancy as mmd
from tests.support.frameworks import (
    NUMPY,
    OnJax,
    OnNumpy,
    OnTorch,
    every_framework,
    frameworks_with_gradients,
    row,
)
from tests.support.memory import kept
from tests.support.refusal import call, refused

BETWEEN_ROWS = (kl_divergence, reverse_kl_divergence, js_divergence, js_distance)
with_gradients = pytest.mark.parametrize("framework", [row(OnTorch, "f32"), row(OnJax, "f32")])
in_float64 = pytest.mark.parametrize("framework", [row(OnTorch, "f64"), row(OnJax, "f64")])
of_rows = pytest.mark.parametrize("loss", BETWEEN_ROWS, ids=lambda loss: loss.__name__)
SEED_KL = {"predictions": np.array([0.5, 0.3, 0.2]), "targets": np.array([0.4, 0.3, 0.3])}
SEED_JS = {"predictions": np.array([0.7, 0.2, 0.1]), "targets": np.array([0.5, 0.3, 0.2])}
FLOAT32_EPS = float(np.finfo(np.float32).eps)


def rows(rng: np.random.Generator, count: int = 8, classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    p, q = rng.dirichlet(np.ones(classes), (2, count))
    return p, q


# ---- what other documents say ----


@every_framework
def test_values_at_the_examples_of_the_guides(framework: OnNumpy) -> None:
    assert framework.value(kl_divergence, SEED_KL) == pytest.approx(0.0304787, rel=1e-5)
    assert framework.value(js_divergence, SEED_JS) == pytest.approx(0.0219012, rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [{}, {"weights": np.ones(10)}, {"axis": -1}, {"axis": 1}],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
@every_framework
@of_rows
def test_ten_equal_rows_have_the_value_of_one(loss: Any, framework: OnNumpy, options: dict[str, Any]) -> None:
    once = framework.value(loss, SEED_KL)
    batch = {name: np.tile(array, (10, 1)) for name, array in SEED_KL.items()}
    assert framework.value(loss, batch | options) == pytest.approx(once, rel=1e-6)
    each = framework.value(loss, batch | {"reduction": "none"})
    np.testing.assert_allclose(each, np.full(10, once), rtol=1e-6)


@every_framework
def test_rows_with_nothing_in_common_are_log_2_apart(framework: OnNumpy) -> None:
    disjoint = {"predictions": np.tile([1.0, 0.0], (10, 1)), "targets": np.tile([0.0, 1.0], (10, 1))}
    dtype = np.float64 if framework.precision == "f64" else np.float32
    assert framework.value(js_divergence, disjoint) == dtype(log(2))
    assert framework.value(js_distance, disjoint) == pytest.approx(sqrt(log(2)), rel=3e-7)


def test_the_root_is_a_metric_and_the_divergence_is_not(rng: np.random.Generator) -> None:
    p, q, r = np.array([1.0, 0.0]), np.array([0.5, 0.5]), np.array([0.0, 1.0])
    assert js_divergence(p, r) > js_divergence(p, q) + js_divergence(q, r)
    assert js_distance(p, r) == pytest.approx(0.8326, abs=1e-4)
    assert js_distance(p, q) + js_distance(q, r) == pytest.approx(0.9290, abs=1e-4)
    a, b, c = rng.dirichlet(np.full(4, 0.3), (3, 500))
    direct, first, second = (js_distance(*pair, reduction="none") for pair in ((a, c), (a, b), (b, c)))
    assert (direct <= first + second + 1e-12).all()


def test_energy_is_a_metric_by_its_root_alone() -> None:
    left, middle, right = np.array([[0.0]]), np.array([[0.0], [1.0]]), np.array([[1.0]])
    pairs = (left, right), (left, middle), (middle, right)
    assert [energy_distance(*pair).item() for pair in pairs] == [2.0, 0.5, 0.5]
    direct, first, second = (energy_distance(*pair, squared=False).item() for pair in pairs)
    assert direct <= first + second


def test_energy_at_beta_2_sees_the_means_alone() -> None:
    narrow, wide = np.array([[-1.0], [1.0]]), np.array([[-9.0], [9.0]])
    assert energy_distance(narrow, wide, beta=2.0).item() == 0.0
    assert energy_distance(narrow, wide, beta=1.9).item() > 1.0
    assert energy_distance(narrow, narrow + 3, beta=2.0).item() == pytest.approx(18.0)


# ---- rows: at the ends of the domain ----


@every_framework
@of_rows
def test_equal_rows_are_exactly_0(loss: Any, framework: OnNumpy, rng: np.random.Generator) -> None:
    p, _ = rows(rng, 50)
    p[:, 0] = 0
    p /= p.sum(1, keepdims=True)
    assert not framework.value(loss, {"predictions": p, "targets": p, "reduction": "none"}).any()


@every_framework
def test_something_where_the_other_has_nothing_is_infinite(framework: OnNumpy) -> None:
    arrays = {"predictions": np.array([[0.5, 0.5], [1.0, 0.0]]), "targets": np.array([[1.0, 0.0], [0.5, 0.5]])}
    found = framework.outcome(kl_divergence, arrays | {"reduction": "none"})
    np.testing.assert_allclose(found.value, [np.inf, log(2)], rtol=1e-6)
    if found.gradients:
        np.testing.assert_allclose(found.gradients["targets"], [[-0.5, -np.inf], [-2.0, 0.0]])
        slope = log(2.0**-126 / 0.5) + 1
        np.testing.assert_allclose(
            found.gradients["predictions"], [[log(0.5) + 1, np.inf], [log(2) + 1, slope]], rtol=1e-6
        )


@with_gradients
def test_at_no_distance_there_is_no_slope(framework: OnNumpy) -> None:
    p = np.array([[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]])
    for loss in (js_divergence, js_distance):
        found = framework.outcome(loss, {"predictions": p, "targets": p, "reduction": "none"})
        assert not found.gradients["predictions"].any()
        assert not found.gradients["targets"].any()


@pytest.mark.parametrize("loss", [kl_divergence, js_divergence, js_distance], ids=lambda loss: loss.__name__)
def test_a_softmax_that_is_sure_has_a_gradient(loss: Any, torch: ModuleType) -> None:
    """Its probabilities underflow to 0, where the slope of p log p is −∞: that must not become NaN behind it."""
    scores = torch.tensor([[0.0, 200.0, -300.0]], requires_grad=True)
    loss(torch.softmax(scores, -1), torch.tensor([[0.25, 0.5, 0.25]])).backward()
    assert scores.grad.isfinite().all()


def test_kl_against_torch_and_its_meaning_of_reductions(torch: ModuleType, rng: np.random.Generator) -> None:
    p, q = (torch.tensor(array) for array in rows(rng))
    theirs = torch.nn.functional.kl_div(q.log(), p, reduction="batchmean")  # its "mean" divides by classes too
    torch.testing.assert_close(kl_divergence(p, q), theirs)
    torch.testing.assert_close(reverse_kl_divergence(q, p), theirs)
    torch.testing.assert_close(kl_divergence(p, log_targets=q.log()), theirs)
    torch.testing.assert_close(kl_divergence(p.T, q.T, axis=0), theirs)


# ---- rows: logarithms ----


@every_framework
@of_rows
def test_logarithms_are_probabilities(loss: Any, framework: OnNumpy, rng: np.random.Generator) -> None:
    p, q = rows(rng)
    logs = {"log_predictions": np.log(p), "log_targets": np.log(q)}
    expected = loss(p, q, reduction="none")
    for given in (logs, logs | {"predictions": p, "targets": q}, {"predictions": p, "log_targets": np.log(q)}):
        found = framework.outcome(loss, given | {"reduction": "none"})
        np.testing.assert_allclose(found.value, expected, rtol=1e-5)
    given = {"targets": q, "log_predictions": np.log(p)}
    np.testing.assert_allclose(framework.value(loss, given | {"reduction": "none"}), expected, rtol=1e-5)


@in_float64
@of_rows
def test_slopes_towards_logarithms(loss: Any, framework: OnNumpy, rng: np.random.Generator) -> None:
    p, q = rows(rng)
    plain = framework.outcome(loss, {"predictions": p, "targets": q})
    logs = framework.outcome(loss, {"log_predictions": np.log(p), "log_targets": np.log(q)})
    np.testing.assert_allclose(logs.gradients["log_predictions"], p * plain.gradients["predictions"], rtol=1e-9)
    np.testing.assert_allclose(logs.gradients["log_targets"], q * plain.gradients["targets"], rtol=1e-9)
    mixed = framework.outcome(loss, {"predictions": p, "log_targets": np.log(q)})
    np.testing.assert_allclose(mixed.gradients["predictions"], plain.gradients["predictions"], rtol=1e-9)
    np.testing.assert_allclose(mixed.gradients["log_targets"], q * plain.gradients["targets"], rtol=1e-9)


@of_rows
def test_logarithms_twice_differentiated(loss: Any, torch: ModuleType, rng: np.random.Generator) -> None:
    leaves = tuple(torch.tensor(np.log(array), requires_grad=True) for array in rows(rng, 3, 4))

    def function(*logs: Any) -> Any:
        return loss(log_predictions=logs[0], log_targets=logs[1], reduction="none")

    assert torch.autograd.gradcheck(function, leaves)
    assert torch.autograd.gradgradcheck(function, leaves)


@every_framework
def test_logarithms_reach_beyond_the_smallest_number(framework: OnNumpy) -> None:
    p, q = np.array([[0.0, -1e4]]), np.array([[-1e4, 0.0]])
    found = framework.outcome(kl_divergence, {"log_predictions": p, "log_targets": q})
    assert found.value == 1e4
    nothing = np.array([[0.0, -np.inf]])
    for loss in BETWEEN_ROWS:
        found = framework.outcome(loss, {"log_predictions": nothing, "log_targets": nothing})
        assert found.value == 0
        assert all(np.isfinite(gradient).all() for gradient in found.gradients.values())


@every_framework
@of_rows
def test_masked_logarithms_are_removed(loss: Any, framework: OnNumpy, rng: np.random.Generator) -> None:
    p, q = (np.log(array) for array in rows(rng, 4))
    expected = framework.value(loss, {"log_predictions": p[1:], "log_targets": q[1:]})
    p[0], q[0] = np.nan, 7.0
    mask = np.array([False, True, True, True])
    found = framework.outcome(loss, {"log_predictions": p, "log_targets": q, "mask": mask})
    np.testing.assert_allclose(found.value, expected, rtol=1e-6)
    for gradient in found.gradients.values():
        assert not gradient[0].any()
        assert np.isfinite(gradient).all()


# ---- rows: what is no distribution ----

SCORES = np.array([[0.5, 0.75], [0.25, 0.75]])
NO_SUM = "sum to 1 ± 0.01 along axis 1; got sums from 1 to 1.25; logits need a"


@every_framework
@of_rows
def test_rows_that_do_not_sum_to_1_are_refused(loss: Any, framework: OnNumpy) -> None:
    good = np.array([[0.5, 0.5], [0.25, 0.75]])
    name = loss.__name__
    with refused(ValueError, f"{name}: expected predictions that {NO_SUM} softmax first"):
        call(framework, loss, {"predictions": SCORES, "targets": good})
    with refused(ValueError, f"{name}: expected targets that {NO_SUM} softmax first"):
        call(framework, loss, {"predictions": good, "targets": SCORES})
    with refused(ValueError, f"{name}: expected log_targets whose exponentials {NO_SUM} log-softmax first"):
        call(framework, loss, {"predictions": good, "log_targets": np.log(SCORES)})
    with lossary.checking(False):
        found = framework.value(loss, {"predictions": SCORES, "targets": good, "reduction": "none"})
    assert np.isnan(found).tolist() == [True, False]


@of_rows
def test_rows_that_do_not_sum_to_1_are_nan_under_jit(loss: Any, jax: ModuleType) -> None:
    good = np.array([[0.5, 0.5], [0.25, 0.75]], np.float32)
    step = jax.jit(lambda p, q: loss(p, q, reduction="none"))
    assert np.isnan(step(SCORES.astype(np.float32), good)).tolist() == [True, False]


def test_half_precision_sums_to_1_well_enough(torch: ModuleType, rng: np.random.Generator) -> None:
    scores = torch.tensor(rng.normal(0, 3, (200, 1000)))
    for dtype in (torch.bfloat16, torch.float16):
        p = scores.softmax(-1).to(dtype).requires_grad_()
        value = kl_divergence(p, scores.flip(0).softmax(-1).to(dtype))
        assert value.dtype == torch.float32
        value.backward()
        assert p.grad.dtype == dtype


ROW_ERRORS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "nothing to compare with": ({"predictions": SCORES}, TypeError, "expected targets or log_targets; got neither"),
    "logs of another shape": (
        {"predictions": SCORES, "targets": SCORES, "log_predictions": SCORES[0]},
        ValueError,
        "expected arrays of one shape; got predictions (2, 2), targets (2, 2), log_predictions (2,)",
    ),
    "axis": (
        {"predictions": SCORES, "targets": SCORES, "axis": 2},
        ValueError,
        "expected axis in [-2, 2); got axis 2 for predictions (2, 2)",
    ),
    "integer logs": (
        {"predictions": SCORES, "log_targets": np.zeros((2, 2), int)},
        TypeError,
        "expected log_targets of a floating dtype; got log_targets int64",
    ),
}


@pytest.mark.parametrize(("kwargs", "kind", "text"), ROW_ERRORS.values(), ids=ROW_ERRORS.keys())
@of_rows
def test_errors_of_rows(loss: Any, kwargs: dict[str, Any], kind: type[Exception], text: str) -> None:
    with refused(kind, f"{loss.__name__}: {text}"):
        call(NUMPY, loss, kwargs)


# ---- distribution objects ----


def test_distributions_of_torch(torch: ModuleType) -> None:
    from torch.distributions import Bernoulli, Categorical, Independent, Normal
    from torch.distributions import kl_divergence as theirs

    mean = torch.tensor([0.0, 1.0], requires_grad=True)
    pairs = [
        (Normal(mean, 1.0), Normal(torch.ones(2), torch.tensor([1.0, 3.0]))),
        (Bernoulli(torch.tensor([0.25, 0.5])), Bernoulli(torch.tensor([0.5, 0.5]))),
        (Independent(Normal(mean[None], 1.0), 1), Independent(Normal(mean[None] + 1, 2.0), 1)),
        (Categorical(torch.tensor([[0.25, 0.75]])), Categorical(torch.tensor([[0.5, 0.5]]))),
    ]
    faces = pytest.importorskip("lossary.torch")
    for p, q in pairs:
        torch.testing.assert_close(kl_divergence(p, q, reduction="none"), theirs(p, q))
        torch.testing.assert_close(reverse_kl_divergence(p, q), theirs(q, p).mean())
        torch.testing.assert_close(faces.KLDivergence(reduction="sum")(p, q), theirs(p, q).sum())
    weighted = kl_divergence(*pairs[0], weights=torch.tensor([0.0, 2.0]))
    torch.testing.assert_close(weighted, theirs(*pairs[0])[1])
    masked = kl_divergence(*pairs[0], mask=torch.tensor([True, False]))
    torch.testing.assert_close(torch.autograd.grad(masked, mean)[0], torch.tensor([-1.0, 0.0]))


def gaussian_of(package: str, array: Any) -> type:
    """A class as distrax and TensorFlow Probability have: `kl_divergence` is a method."""

    class Gaussian:
        dtype = np.float32

        def __init__(self, mean: float) -> None:
            self.mean = array(np.array([mean, 0.0], np.float32))

        def kl_divergence(self, other: Any) -> Any:
            if not isinstance(other, Gaussian):
                raise NotImplementedError
            return (self.mean - other.mean) ** 2 / 2

    Gaussian.__module__ = f"{package}.gaussian"
    return Gaussian


@pytest.mark.parametrize("package", ["distrax", "tensorflow_probability.substrates.jax", "somewhere"])
def test_distributions_with_a_method(jax: ModuleType, package: str) -> None:
    made = gaussian_of(package, jax.numpy.asarray)
    if package == "somewhere":
        del made.dtype
    assert kl_divergence(made(3.0), made(1.0), reduction="none").tolist() == [2.0, 0.0]
    assert reverse_kl_divergence(made(3.0), made(1.0)).item() == 1.0
    faces = pytest.importorskip("lossary.flax")
    assert faces.KLDivergence(reduction="sum")(made(3.0), made(1.0)).item() == 2.0


def test_pairs_without_a_closed_form(torch: ModuleType) -> None:
    from torch.distributions import Categorical, Normal, Poisson

    normal, poisson = Normal(torch.zeros(2), 1.0), Poisson(torch.ones(2))
    other = gaussian_of("distrax", torch.as_tensor)(1.0)
    for loss in (kl_divergence, reverse_kl_divergence):
        name = loss.__name__
        text = "expected two distributions whose divergence has a closed form; got predictions Normal, targets Poisson"
        with refused(TypeError, f"{name}: {text}"):
            loss(normal, poisson)
        text = "expected two arrays or two distributions; got predictions Normal, targets Tensor"
        with refused(TypeError, f"{name}: {text}"):
            loss(normal, torch.ones(2))
        with refused(TypeError, f"{name}: expected two arrays or two distributions; got predictions ndarray, targets "
                     "Poisson"):  # fmt: skip
            loss(np.ones(2), poisson)
        text = "expected distributions of one framework; got predictions Normal, targets Gaussian"
        with refused(TypeError, f"{name}: {text}"):
            loss(normal, other)
        with refused(TypeError, f"{name}: expected log_targets only beside arrays; got distributions"):
            loss(normal, normal, log_targets=torch.zeros(2))
    hint = "a mixture has no closed form, but of probabilities it does (Categorical: its probs)"
    for loss in (js_divergence, js_distance):
        text = f"expected predictions to be an array; got predictions Categorical; {hint}"
        with refused(TypeError, f"{loss.__name__}: {text}"):
            loss(Categorical(torch.ones(2)), Categorical(torch.ones(2)))


def test_telling_distributions_apart_imports_nothing() -> None:
    assert "distrax" not in sys.modules
    assert "tensorflow_probability" not in sys.modules


# ---- samples: known answers ----


def clouds(rng: np.random.Generator, n: int = 40, m: int = 30, dims: int = 3) -> dict[str, np.ndarray]:
    return {"predictions": rng.normal(0, 1, (n, dims)), "targets": rng.normal(0.5, 1, (m, dims))}


@every_framework
def test_energy_on_the_line_is_that_of_scipy(framework: OnNumpy, rng: np.random.Generator) -> None:
    from scipy.stats import energy_distance as theirs

    x, y = rng.normal(size=20), rng.normal(1, 2, 15)
    arrays = {"predictions": x[:, None], "targets": y[:, None]}
    assert framework.value(energy_distance, arrays | {"squared": False}) == pytest.approx(theirs(x, y), rel=2e-6)
    weights = {"pred_weights": rng.random(20), "target_weights": rng.random(15)}
    found = framework.value(energy_distance, arrays | weights | {"squared": False})
    assert found == pytest.approx(theirs(x, y, *weights.values()), rel=2e-6)


@every_framework
@pytest.mark.parametrize("kernel_type", ["rbf", "laplace"])
@pytest.mark.parametrize(
    "sizes", [(6, 5), (7, 5), (1, 1), (700, 800)], ids=lambda value: getattr(value, "__name__", str(value))
)
def test_median_bandwidth(framework: OnNumpy, kernel_type: str, sizes: tuple[int, int]) -> None:
    from scipy.spatial.distance import pdist

    arrays = clouds(np.random.default_rng(3), *sizes)
    pooled = np.concatenate([*arrays.values()])
    sigma = np.median(pdist(pooled[:: -(-len(pooled) // 1024)]))
    options = {"kernel_type": kernel_type}
    expected = mmd(**arrays, **options, kernel_bandwidth=float(sigma))
    found = framework.value(mmd, arrays | options | {"kernel_bandwidth": "median"})
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@every_framework
def test_median_bandwidth_of_the_points_that_count(framework: OnNumpy, rng: np.random.Generator) -> None:
    whole = clouds(rng, 8, 6)
    keep = {"pred_mask": np.arange(8) != 2, "target_mask": np.arange(6) < 5}
    kept = {"predictions": whole["predictions"][keep["pred_mask"]], "targets": whole["targets"][:5]}
    expected = mmd(**kept, kernel_bandwidth="median")
    whole["predictions"][2], whole["targets"][5] = np.nan, 1e6
    found = framework.outcome(mmd, whole | keep | {"kernel_bandwidth": "median"})
    np.testing.assert_allclose(found.value, expected, rtol=1e-6)
    nothing = {"pred_mask": np.full(8, False), "target_mask": np.full(6, False)}
    assert framework.value(mmd, whole | nothing | {"kernel_bandwidth": "median"}) == 0


def test_median_bandwidth_of_equal_points_is_1() -> None:
    assert mmd(np.zeros((3, 2)), np.zeros((4, 2)), kernel_bandwidth="median") == 0
    x, y = np.zeros((5, 1)), np.array([[0.0], [2.0]])
    assert mmd(x, y, kernel_bandwidth="median") == mmd(x, y, kernel_bandwidth=1.0) > 0


def test_median_bandwidth_of_a_batch_is_that_of_each_problem(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(2, 5, 2)), rng.normal(size=(2, 4, 2))
    x[1], y[1] = 10 * x[1], 10 * y[1]
    found = mmd(x, y, kernel_bandwidth="median", reduction="none")
    np.testing.assert_allclose(found, [mmd(a, b, kernel_bandwidth="median") for a, b in zip(x, y, strict=True)])


@every_framework
@pytest.mark.parametrize(
    ("loss", "options"),
    [(mmd, {}), (mmd, {"kernel_type": "linear"}), (energy_distance, {}), (energy_distance, {"beta": 1.5})],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_an_offset_of_both_changes_nothing(
    framework: OnNumpy, loss: Any, options: dict[str, Any], rng: np.random.Generator
) -> None:
    arrays = {name: np.round(array * 64) / 64 for name, array in clouds(rng).items()}  # the sums below are exact
    moved = {name: array + 1000 for name, array in arrays.items()}
    there, here = framework.value(loss, moved | options), framework.value(loss, arrays | options)
    assert there == pytest.approx(here, rel=16 * FLOAT32_EPS)


@with_gradients
@pytest.mark.parametrize(
    ("loss", "options"),
    [
        (mmd, {}),
        (mmd, {"kernel_type": "laplace"}),
        (mmd, {"kernel_type": "linear"}),
        (mmd, {"kernel_type": "polynomial"}),
        (mmd, {"unbiased": True}),
        (mmd, {"unbiased": True, "kernel_type": "linear"}),
        (energy_distance, {"squared": False}),
        (energy_distance, {"beta": 0.5}),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_equal_samples_are_0_and_have_no_slope(
    framework: OnNumpy, loss: Any, options: dict[str, Any], rng: np.random.Generator
) -> None:
    x = rng.normal(size=(12, 3))
    found = framework.outcome(loss, {"predictions": x, "targets": x, **options})
    # Two compiled arguments that happen to be equal XLA may round differently: by some eps of the kernels, whose mean
    # is about 20 for the polynomial one, and the root of that is √(20 · 1e-7) = 1.4e-3.
    value, slope = (0, 1e-6) if framework.name == "torch" else (2e-3, 2e-3)
    assert 0 <= found.value <= value
    for gradient in found.gradients.values():
        np.testing.assert_allclose(gradient, 0, atol=slope)


@with_gradients
@pytest.mark.parametrize("unbiased", [False, True])
def test_matched_distributions_give_finite_gradients(framework: OnNumpy, unbiased: bool) -> None:
    """Sixty draws from one law: the unbiased estimate is at or below 0 in about half of them."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 60, 64, 2))
    arrays = {"predictions": x, "targets": y, "reduction": "none"}
    raw = framework.value(mmd, arrays | {"unbiased": unbiased, "squared": True})
    found = framework.outcome(mmd, arrays | {"unbiased": unbiased})
    assert np.isfinite(found.value).all()
    assert all(np.isfinite(gradient).all() for gradient in found.gradients.values())
    assert unbiased == (raw < 0).any()
    assert not found.value[raw <= 0].any()
    assert not found.gradients["predictions"][raw <= 0].any()


@every_framework
def test_all_pairs_are_never_below_0(framework: OnNumpy, rng: np.random.Generator) -> None:
    x = rng.normal(size=(30, 50, 3))
    y = rng.permuted(x, axis=1)  # equal samples in another order
    for options in ({}, {"kernel_type": "laplace"}, {"kernel_type": "linear"}):
        found = framework.value(mmd, {"predictions": x, "targets": y, "squared": True, "reduction": "none"} | options)
        assert (found >= -4 * FLOAT32_EPS).all()


def test_kernels_that_see_nothing_of_each_other(rng: np.random.Generator) -> None:
    """100 dimensions, a shift of 3, σ = 1: exp underflows. All pairs still count each point's own; the median sees."""
    x, y = rng.normal(size=(50, 100)), rng.normal(3, 1, (50, 100))
    assert mmd(x, y, squared=True) == pytest.approx(2 / 50)
    assert mmd(x, y, squared=True, unbiased=True) == pytest.approx(0, abs=1e-12)
    assert mmd(x, y, kernel_bandwidth="median", squared=True, unbiased=True) > 0.2


def test_several_bandwidths_are_summed(rng: np.random.Generator) -> None:
    arrays = clouds(rng)
    each = [mmd(**arrays, kernel_bandwidth=sigma, squared=True) for sigma in (0.5, 1.0, 2.0)]
    for several in ((0.5, 1.0, 2.0), [0.5, 1.0, 2.0]):
        np.testing.assert_allclose(mmd(**arrays, kernel_bandwidth=several, squared=True), sum(each))


@every_framework
def test_bandwidths_in_an_array_are_those_in_a_list(framework: OnNumpy, rng: np.random.Generator) -> None:
    arrays = clouds(rng, 5, 4)
    numbers = [0.5] * 5 + [2.0] * 4  # as many as there are points, which must not matter
    for several in ([1.0, 2.0], numbers):
        expected = mmd(**arrays, kernel_bandwidth=several)
        found = framework.outcome(mmd, arrays | {"kernel_bandwidth": np.array(several)})
        np.testing.assert_allclose(found.value, expected, rtol=2e-6)
        if found.gradients:
            assert found.gradients["kernel_bandwidth"].shape == (len(several),)


@every_framework
def test_median_beside_other_bandwidths(framework: OnNumpy, rng: np.random.Generator) -> None:
    arrays = clouds(rng, 5, 4)
    each = [mmd(**arrays, kernel_bandwidth=sigma, squared=True) for sigma in ("median", 1.0)]
    found = framework.value(mmd, arrays | {"kernel_bandwidth": ["median", 1.0], "squared": True})
    np.testing.assert_allclose(found, sum(each), rtol=2e-6)


@with_gradients
def test_bandwidths_that_cannot_be_looked_at(framework: OnNumpy, rng: np.random.Generator) -> None:
    """Where they can, they are refused; under jit a bandwidth of 0 or below gives NaN."""
    arrays = clouds(rng, 5, 4)
    for wrong in (-1.0, 0.0):
        for given in (np.array(wrong), np.array([1.0, wrong])):
            with lossary.checking(False):
                found = framework.value(mmd, arrays | {"kernel_bandwidth": given})
            assert np.isnan(found)


def test_a_traced_bandwidth_below_0_is_nan(jax: ModuleType, rng: np.random.Generator) -> None:
    arrays = clouds(rng, 5, 4)
    step = jax.jit(lambda sigma: mmd(**arrays_of(jax, arrays), kernel_bandwidth=sigma))
    assert np.isnan(step(-1.0))
    assert np.isnan(step(np.array([1.0, 0.0], np.float32)))
    assert step(1.0) == pytest.approx(mmd(**arrays), rel=2e-6)


def arrays_of(jax: ModuleType, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    return {name: jax.numpy.asarray(array, np.float32) for name, array in arrays.items()}


@in_float64
def test_options_of_the_polynomial_kernel_may_be_learned(framework: OnNumpy, rng: np.random.Generator) -> None:
    arrays = clouds(rng, 6, 5) | {"kernel_type": "polynomial"}
    usual = {"gamma": 0.7, "coef0": 0.3}
    for sizes in (None, 2):
        given = {name: np.array(number) for name, number in usual.items()}
        found = framework.outcome(mmd, arrays | given | {"chunk_size": sizes})
        for name, number in usual.items():
            ends = [mmd(**arrays, **usual | {name: number + step}) for step in (1e-5, -1e-5)]
            assert found.gradients[name] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6)


@with_gradients
@pytest.mark.parametrize("kernel_type", ["rbf", "laplace"])
@pytest.mark.parametrize("size", [1e-20, 1e-12, 1e17])
def test_median_bandwidth_of_points_of_any_size(framework: OnNumpy, kernel_type: str, size: float) -> None:
    """Squares of such points underflow, or overflow."""
    for m in (5, 4):
        arrays = clouds(np.random.default_rng(3), 5, m, 2)
        options = {"kernel_type": kernel_type, "kernel_bandwidth": "median"}
        usual = framework.outcome(mmd, arrays | options)
        scaled = framework.outcome(mmd, {name: size * array for name, array in arrays.items()} | options)
        np.testing.assert_allclose(scaled.value, usual.value, rtol=2e-6)
        for name, slope in usual.gradients.items():
            np.testing.assert_allclose(size * scaled.gradients[name], slope, rtol=1e-4, atol=1e-7)


@every_framework
@pytest.mark.parametrize("options", [{"kernel_type": "linear"}, {"kernel_type": "polynomial"},
                                     {"kernel_type": "polynomial", "degree": 3, "gamma": 0.5}])  # fmt: skip
def test_unbiased_where_points_count_differently(framework: OnNumpy, options: dict[str, Any]) -> None:
    """Σ_i≠j a_i a_j k(x_i, x_j) / (1 − Σ a²), pair by pair: of such kernels k(x_i, x_i) is not the same everywhere."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(3, 2)), rng.normal(size=(4, 2))
    a, b = np.array([1.0, 2.0, 1.0]), np.array([0.3, 0.1, 0.9, 0.5])
    for offset in (0.0, 100.0) if options["kernel_type"] == "linear" else (0.0,):
        given = {"predictions": x + offset, "targets": y + offset, "pred_weights": a, "target_weights": b}
        given = {name: array.astype(np.float32).astype(float) for name, array in given.items()}
        expected = averages_of(given, **options)
        found = framework.value(mmd, given | options | {"unbiased": True, "squared": True})
        np.testing.assert_allclose(found, expected, rtol=4e-6)


def averages_of(
    given: dict[str, np.ndarray], kernel_type: str, degree: int = 2, gamma: float = 1.0, coef0: float = 1.0
) -> float:
    x, y, a, b = given.values()
    a, b = a / a.sum(), b / b.sum()

    def kernel(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        return u @ v.T if kernel_type == "linear" else (gamma * u @ v.T + coef0) ** degree

    def within(u: np.ndarray, w: np.ndarray) -> float:
        pairs = np.outer(w, w) * (1 - np.eye(len(w)))
        return float((pairs * kernel(u, u)).sum() / (1 - (w**2).sum()))

    return within(x, a) + within(y, b) - 2 * float(a @ kernel(x, y) @ b)


@every_framework
@pytest.mark.parametrize("loss", [mmd, energy_distance], ids=lambda loss: loss.__name__)
def test_points_without_coordinates_are_all_equal(framework: OnNumpy, loss: Any) -> None:
    for m in (5, 4):
        for batch in ((), (2,)):
            arrays = {"predictions": np.zeros((*batch, 5, 0)), "targets": np.zeros((*batch, m, 0))}
            found = framework.value(loss, arrays | {"reduction": "none"})
            assert found.shape == batch
            assert not found.any()


@in_float64
def test_a_bandwidth_may_be_learned(framework: OnNumpy, rng: np.random.Generator) -> None:
    arrays = clouds(rng, 6, 5)
    for sizes in (None, 2):
        found = framework.outcome(mmd, arrays | {"kernel_bandwidth": np.array(1.5), "chunk_size": sizes})
        ends = [mmd(**arrays, kernel_bandwidth=1.5 + step) for step in (1e-5, -1e-5)]
        assert found.gradients["kernel_bandwidth"] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6)


@pytest.mark.parametrize("loss", [mmd, energy_distance], ids=lambda loss: loss.__name__)
def test_a_sample_and_itself_are_exactly_0(loss: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(12, 3)).astype(np.float32)
    assert loss(x, x, squared=False) == 0
    assert loss(x, x.copy(), squared=False) == 0


# ---- samples: points that do not count, and samples of any size ----


@every_framework
@pytest.mark.parametrize(
    ("loss", "options"),
    [
        (mmd, {}),
        (mmd, {"unbiased": True, "squared": True}),
        (mmd, {"kernel_type": "linear", "unbiased": True, "squared": True}),
        (mmd, {"kernel_type": "polynomial"}),
        (energy_distance, {}),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_points_that_do_not_count_are_removed(framework: OnNumpy, loss: Any, options: dict[str, Any]) -> None:
    whole = clouds(np.random.default_rng(5), 8, 6)
    keep, other = np.arange(8) % 3 > 0, np.arange(6) < 4
    expected = framework.value(
        loss, {"predictions": whole["predictions"][keep], "targets": whole["targets"][:4]} | options
    )
    whole["predictions"][~keep], whole["targets"][4:] = np.nan, np.inf
    ways = {"pred_mask": keep, "target_mask": other}, {"pred_weights": 2.0 * keep, "target_weights": 0.5 * other}
    for way in (*ways, {"pred_mask": keep, "target_weights": 3.0 * other, "pred_weights": np.where(keep, 1.0, np.nan)}):
        found = framework.outcome(loss, whole | way | options)
        np.testing.assert_allclose(found.value, expected, rtol=3e-6)
        for name, drop in (("predictions", ~keep), ("targets", ~other)):
            if name in found.gradients:
                assert not found.gradients[name][drop].any()
                assert np.isfinite(found.gradients[name]).all()


@every_framework
def test_problems_without_points_are_removed(framework: OnNumpy, rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(3, 4, 2)), rng.normal(size=(3, 5, 2))
    there = np.array([True, False, True])[:, None] & np.full((3, 4), True)
    for loss in (mmd, energy_distance):
        expected = framework.value(loss, {"predictions": x[::2], "targets": y[::2]})
        found = framework.outcome(loss, {"predictions": x, "targets": y, "pred_mask": there})
        np.testing.assert_allclose(found.value, expected, rtol=2e-6)
        assert not any(gradient[1].any() for gradient in found.gradients.values())
        for empty in (x[:, :0], x[:0]):
            targets = y[: len(empty)]
            none = framework.outcome(loss, {"predictions": empty, "targets": targets})
            assert none.value == 0
            assert not any(gradient.any() for gradient in none.gradients.values())


@every_framework
@pytest.mark.parametrize("loss", [mmd, energy_distance], ids=lambda loss: loss.__name__)
def test_one_problem_is_a_batch_of_one(framework: OnNumpy, loss: Any, rng: np.random.Generator) -> None:
    arrays = clouds(rng)
    one = framework.outcome(loss, arrays)
    assert one.value.shape == ()
    batch = framework.outcome(loss, {name: array[None, None] for name, array in arrays.items()} | {"reduction": "none"})
    assert batch.value.shape == (1, 1)
    np.testing.assert_allclose(batch.value[0, 0], one.value, rtol=2e-6)
    for name, gradient in one.gradients.items():
        np.testing.assert_allclose(batch.gradients[name][0, 0], gradient, rtol=1e-4, atol=1e-8)


@in_float64
@pytest.mark.parametrize(
    ("loss", "options"),
    [(mmd, {}), (mmd, {"kernel_type": "polynomial"}), (mmd, {"kernel_bandwidth": "median"}), (energy_distance, {})],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_blocks_of_one_problem(framework: OnNumpy, loss: Any, options: dict[str, Any]) -> None:
    arrays = clouds(np.random.default_rng(6), 13, 11)
    arrays["pred_weights"] = np.arange(13) / 13
    dense = framework.outcome(loss, arrays | options | {"chunk_size": None})
    for size in (1, 4, 13, 50) if framework.name != "jax" else (4,):  # each of which JAX compiles
        found = framework.outcome(loss, arrays | options | {"chunk_size": size})
        np.testing.assert_allclose(found.value, dense.value, rtol=1e-12)
        for name, gradient in dense.gradients.items():
            np.testing.assert_allclose(found.gradients[name], gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("loss", [mmd, energy_distance], ids=lambda loss: loss.__name__)
def test_memory_of_one_problem(loss: Any, torch: ModuleType) -> None:
    """What the graph holds is less than a table of n · n."""
    n = 600
    x, y = torch.randn(2, n, 4, requires_grad=True)
    assert kept(torch, lambda x, y: loss(x, y, chunk_size=16), x, y) < n**2


@pytest.mark.parametrize("chunk_size", [None, 2])
def test_second_derivatives_of_a_cloud_that_is_compared_with_itself(torch: ModuleType, chunk_size: int | None) -> None:
    x, y = (torch.randn(4, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    for loss in (mmd, energy_distance):
        assert torch.autograd.gradgradcheck(lambda a, b, loss=loss: loss(a, b, chunk_size=chunk_size), (x, y))


POINTS = np.ones((4, 2))
SAMPLE_ERRORS: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "rank": (mmd, {"predictions": np.ones(4)}, ValueError,
             "expected points of shape (..., points, dims); got predictions (4,), targets (4, 2)"),
    "dims": (mmd, {"targets": np.ones((4, 3))}, ValueError,
             "expected one batch and one number of dims; got predictions (4, 2), targets (4, 3)"),
    "batch": (energy_distance, {"targets": np.ones((3, 4, 2))}, ValueError,
              "expected one batch and one number of dims; got predictions (4, 2), targets (3, 4, 2)"),
    "one point": (mmd, {"targets": np.ones((1, 2)), "unbiased": True}, ValueError,
                  "expected at least 2 points in each sample if unbiased; got predictions (4, 2), targets (1, 2)"),
    "kernel": (mmd, {"kernel_type": "gaussian"}, ValueError,
               "expected kernel_type to be one of 'rbf', 'laplace', 'linear', 'polynomial'; got 'gaussian'"),
    "bandwidth by another name": (mmd, {"kernel_bandwidth": "mean"}, ValueError,
                                  "expected kernel_bandwidth to be a number, several or \"median\"; got 'mean'"),
    "no bandwidth": (mmd, {"kernel_bandwidth": []}, ValueError, "expected at least one kernel_bandwidth; got []"),
    "bandwidth by another name among others": (
        mmd, {"kernel_bandwidth": ["mean", 1.0]}, ValueError,
        "expected kernel_bandwidth to be a number, several or \"median\"; got ['mean', 1.0]"),
    "bandwidth array 0": (mmd, {"kernel_bandwidth": np.array(0.0)}, ValueError,
                          "expected kernel_bandwidth > 0; got kernel_bandwidth 0"),
    "bandwidth in an array -1": (mmd, {"kernel_bandwidth": np.array([1, -1], np.float32)}, ValueError,
                                 "expected kernel_bandwidth > 0; got kernel_bandwidth np.float64(-1.0)"),
    "bandwidth of two axes": (
        mmd, {"kernel_bandwidth": np.ones((2, 2))}, ValueError,
        "expected kernel_bandwidth to be a number or an array of shape (); got kernel_bandwidth (2, 2)"),
    "gamma array": (mmd, {"gamma": np.array(-1.0), "kernel_type": "polynomial"}, ValueError,
                    "expected gamma > 0; got gamma -1"),
    "gamma of two": (mmd, {"gamma": np.ones(2)}, ValueError,
                     "expected gamma to be a number or an array of shape (); got gamma (2,)"),
    "coef0 array": (mmd, {"coef0": np.array(-1.0), "kernel_type": "polynomial"}, ValueError,
                    "expected coef0 >= 0; got coef0 -1"),
    "bandwidth 0": (mmd, {"kernel_bandwidth": (1.0, 0.0)}, ValueError,
                    "expected kernel_bandwidth > 0; got kernel_bandwidth 0.0"),
    "bandwidth of none": (mmd, {"kernel_bandwidth": None}, TypeError,
                          "expected kernel_bandwidth to be a number; got kernel_bandwidth None"),
    "bandwidth without need": (mmd, {"kernel_bandwidth": 2.0, "kernel_type": "linear"}, ValueError,
                               "expected kernel_bandwidth only with kernel_type 'rbf' or 'laplace'; "
                               "got kernel_bandwidth 2.0 with kernel_type 'linear'"),
    "degree": (mmd, {"degree": 1.5}, ValueError, "expected degree to be an integer >= 1; got degree 1.5"),
    "gamma": (mmd, {"gamma": 0}, ValueError, "expected gamma > 0; got gamma 0"),
    "coef0": (mmd, {"coef0": -1}, ValueError, "expected coef0 >= 0; got coef0 -1"),
    "squared": (mmd, {"squared": 1}, TypeError, "expected squared to be True or False; got squared 1"),
    "unbiased": (energy_distance, {"unbiased": "no"}, TypeError,
                 "expected unbiased to be True or False; got unbiased 'no'"),
    "beta 3": (energy_distance, {"beta": 3}, ValueError, "expected beta in (0, 2]; got beta 3"),
    "beta -1": (energy_distance, {"beta": -1.0}, ValueError, "expected beta > 0; got beta -1.0"),
    "weights": (mmd, {"pred_weights": np.ones(3)}, ValueError,
                "expected pred_weights of shape (4,), one per point; got pred_weights (3,)"),
    "negative weights": (mmd, {"target_weights": -np.ones(4)}, ValueError,
                         "expected target_weights >= 0; got target_weights from -1 to -1"),
    "mask": (energy_distance, {"target_mask": np.ones(4)}, TypeError,
             "expected target_mask of dtype bool (True counts); got target_mask float64"),
}  # fmt: skip


@pytest.mark.parametrize("option", ["gamma", "coef0", "kernel_bandwidth"])
def test_options_of_another_framework(torch: ModuleType, option: str) -> None:
    kernel_type = "rbf" if option == "kernel_bandwidth" else "polynomial"
    text = "expected arrays of one framework; got predictions numpy, targets numpy,"
    with refused(TypeError, f"maximum_mean_discrepancy: {text} {option} torch"):
        mmd(POINTS, POINTS, kernel_type=kernel_type, **{option: torch.tensor(1.0)})  # type: ignore[arg-type]


@pytest.mark.parametrize(("loss", "given", "kind", "text"), SAMPLE_ERRORS.values(), ids=SAMPLE_ERRORS.keys())
def test_errors_of_samples(loss: Any, given: dict[str, Any], kind: type[Exception], text: str) -> None:
    with refused(kind, f"{loss.__name__}: {text}"):
        call(NUMPY, loss, {"predictions": POINTS, "targets": POINTS, **given})


def _mean_directions(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    steps = points[:, None] - others
    lengths = np.linalg.norm(steps, axis=-1, keepdims=True)
    return (steps / np.where(lengths == 0, 1, lengths)).mean(1)


@pytest.mark.parametrize("distance", [1e-6, 1e-20, 1e-30])
def test_energy_of_a_pair_at_the_origin_under_torch_func(
    torch: ModuleType, distance: float, rng: np.random.Generator
) -> None:
    x, y = (rng.normal(size=(n, 12)).astype(np.float32) for n in (20, 21))
    x[0], y[0] = 0, 0
    y[0, 5] = distance
    found = torch.func.grad(energy_distance)(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    x, y = x.astype(float), y.astype(float)
    expected = 2 / 20 * (_mean_directions(x, y) - _mean_directions(x, x))
    assert np.linalg.norm(found - expected) <= 1e-6 * np.linalg.norm(expected)


@pytest.mark.parametrize("distance", [1e-6, 1e-12, 1e-20, 1e-30])
@frameworks_with_gradients
def test_energy_of_a_pair_that_nearly_meets(framework: OnNumpy, distance: float, rng: np.random.Generator) -> None:
    """Its slope is a direction: no smaller than those of other pairs, and lost where coordinates of size 1 cancel."""
    x, y = rng.normal(size=(2, 20, 12)).astype(np.float32)
    x[0, 5], y[0] = 0, x[0]
    y[0, 5] = distance
    found = framework.outcome(energy_distance, {"predictions": x, "targets": y})
    x, y = x.astype(float), y.astype(float)
    for name, (one, other) in {"predictions": (x, y), "targets": (y, x)}.items():
        expected = 2 / 20 * (_mean_directions(one, other) - _mean_directions(one, one))
        assert np.linalg.norm(found.gradients[name] - expected) <= 1e-6 * np.linalg.norm(expected)
