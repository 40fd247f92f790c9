"""Optimal transport: known answers, what went wrong elsewhere, and the exact texts of its own errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from math import pi, sqrt
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lossary import (
    earth_mover_distance,
    sinkhorn_divergence,
    sliced_wasserstein_distance,
    wasserstein_distance,
)
from tests.catalog.transport_references import blurred, earth_moved
from tests.exact.transport import EXACT, of_clouds
from tests.support.frameworks import OnNumpy, every_framework

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(30, 2))
SQUARE = np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])

# ---- what went wrong elsewhere ----


@pytest.mark.parametrize("p", [1, 1.5, 2, 3])
@every_framework
def test_gradient_is_zero_where_samples_are_equal(framework: OnNumpy, p: float, rng: np.random.Generator) -> None:
    """A19: NaN for p of 2 and 3."""
    x = rng.normal(size=(3, 6))
    found = framework.outcome(wasserstein_distance, {"p_samples": x, "q_samples": x[:, ::-1].copy(), "p": p})
    assert found.value == 0
    for gradient in found.gradients.values():
        assert not gradient.any()


def test_rows_are_never_pooled() -> None:
    """W02: rows ±10 apart gave 0."""
    x = np.array([[10.0] * 5, [-10.0] * 5])
    assert wasserstein_distance(x, -x) == 20
    np.testing.assert_array_equal(wasserstein_distance(x, -x, reduction="none"), [20, 20])


@every_framework
def test_earth_mover_moves_points_not_coordinates(framework: OnNumpy) -> None:
    """W09: sorting each coordinate gave 0 and a NaN gradient."""
    found = framework.outcome(earth_mover_distance, dict(zip("xy", SQUARE, strict=True)))
    np.testing.assert_allclose(found.value, 1, rtol=1e-6)
    for gradient in found.gradients.values():
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("epsilon", [None, 0.1, 1.0])
@pytest.mark.parametrize(("shift", "cost"), [(3, 18), (5, 50), (10, 200)])
def test_a_shift_costs_its_square_whatever_the_blur(shift: float, cost: float, epsilon: float | None) -> None:
    """E53: the kernel underflowed to 0."""
    np.testing.assert_allclose(sinkhorn_divergence(POINTS, POINTS + shift, epsilon=epsilon), cost, rtol=1e-6)


@every_framework
def test_gradient_of_a_shift(framework: OnNumpy) -> None:
    """E53: there was none."""
    found = framework.outcome(sinkhorn_divergence, {"x": POINTS, "y": POINTS + 5})
    np.testing.assert_allclose(found.value, 50, rtol=1e-5)
    for name, gradient in found.gradients.items():
        np.testing.assert_allclose(gradient, (-10 if name == "x" else 10) / len(POINTS), rtol=1e-3)


@pytest.mark.parametrize("loss", [earth_mover_distance, sinkhorn_divergence])
@every_framework
def test_equal_clouds_cost_nothing(framework: OnNumpy, loss: Callable[..., Any], rng: np.random.Generator) -> None:
    weights = rng.uniform(0.5, 1, 30)
    for rest in ({}, {"x_weights": weights, "y_weights": 3 * weights}):
        kwargs = {"x": POINTS, "y": POINTS.copy(), "iterations": 50, **rest}
        found = framework.outcome(loss, kwargs)
        assert abs(found.value) <= (1e-6 if rest else 0)
        if not rest:
            assert not any(gradient.any() for gradient in found.gradients.values())


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("noise", [1e-3, 1e-2, 0.1])
def test_divergence_of_clouds_that_are_nearly_equal(noise: float, p: int, rng: np.random.Generator) -> None:
    """Far smaller than either of its terms: the iterations between the clouds and within them must agree."""
    y = POINTS + noise * rng.normal(size=POINTS.shape)
    expected = blurred(POINTS[None], y[None], p=p)[0]
    # At a noise of 1e-3 and p = 2 the divergence is four millionths of its terms.
    np.testing.assert_allclose(sinkhorn_divergence(POINTS, y, p=p), expected, rtol=2e-4)


@cache
def nearly_equal(kind: str, noise: float) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    """Two clouds, their divergence at a blur of ½, and its slope towards the first."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(6, 2)).astype(np.float32)
    y = (x + noise * rng.normal(size=(6 if kind == "noise" else 1, 2))).astype(np.float32)
    value, slope = of_clouds(x, y, 0.5)
    return x.astype(float), y.astype(float), float(value), slope.astype(float)


@pytest.mark.parametrize("noise", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("kind", ["noise", "shift"])
@every_framework
def test_divergence_is_as_accurate_however_small_it_is(framework: OnNumpy, kind: str, noise: float) -> None:
    x, y, value, slope = nearly_equal(kind, noise)
    found = framework.outcome(sinkhorn_divergence, {"x": x, "y": y, "epsilon": 0.5})
    assert found.value == pytest.approx(value, rel=1e-4)
    if found.gradients:
        assert np.linalg.norm(found.gradients["x"] - slope) <= 2e-3 * np.linalg.norm(slope)


def test_slope_of_clouds_that_are_nearly_equal(torch: ModuleType, rng: np.random.Generator) -> None:
    """Towards everything there is: the potentials are held fixed there too."""
    x = torch.as_tensor(rng.normal(size=(5, 2)))
    leaves = [
        x.requires_grad_(),
        (x + 1e-2 * torch.as_tensor(rng.normal(size=(5, 2)))).detach().requires_grad_(),
        torch.tensor(2.0, dtype=torch.float64, requires_grad=True),
    ]
    for p in (1, 2):
        assert torch.autograd.gradcheck(
            lambda x, y, e, p=p: sinkhorn_divergence(x, y, epsilon=e, p=p, iterations=300), leaves, atol=1e-7
        )
    weights = torch.as_tensor(rng.uniform(0.5, 1, 5)).requires_grad_()
    x, y, _ = (leaf.detach() for leaf in leaves)

    def of_weights(a: Any) -> Any:
        return sinkhorn_divergence(x, y, x_weights=a, y_weights=a, epsilon=2.0, iterations=300)

    assert torch.autograd.gradcheck(of_weights, [weights], atol=1e-8)


def test_nearly_equal_clouds_beside_others_and_in_blocks(torch: ModuleType, rng: np.random.Generator) -> None:
    x = torch.as_tensor(rng.normal(size=(3, 7, 2)))
    y = torch.stack([x[0] + 1e-3, x[1] + 1.0, x[2]])
    each = torch.stack([sinkhorn_divergence(a, b) for a, b in zip(x, y, strict=True)])
    for size in (None, 3):
        found = sinkhorn_divergence(x, y, reduction="none", chunk_size=size)
        torch.testing.assert_close(found, each, rtol=1e-9, atol=0)
    assert each[2] == 0


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("m", [5, 6])
def test_divergence_compiles(torch: ModuleType, m: int) -> None:
    """Four potentials that begin alike: the compiled loop refuses an array that is given twice."""
    rng = np.random.default_rng(6)
    x, y = (torch.as_tensor(rng.normal(size=(n, 4)), dtype=torch.float32) for n in (6, m))
    x.requires_grad_()
    compiled = torch.compile(sinkhorn_divergence, fullgraph=True, backend="aot_eager")
    for other in (y, *([x.detach() + 1e-3] if m == 6 else [])):
        expected, found = sinkhorn_divergence(x, other), compiled(x, other)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
        eager, slope = (torch.autograd.grad(value, x)[0] for value in (expected, found))
        assert (slope - eager).norm() <= 1e-4 * eager.norm()


@pytest.fixture
def fresh_compiler(torch: ModuleType) -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("weighted", [False, True])
@every_framework
def test_sliced_of_clouds_that_are_nearly_equal(framework: OnNumpy, weighted: bool, p: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 3)).astype(np.float32)
    y = (x + 1e-5 * rng.normal(size=(6, 3))).astype(np.float32)
    directions = rng.normal(size=(20, 3)).astype(np.float32)
    kwargs: dict[str, Any] = {"x": x, "y": y, "projections": directions}
    if weighted:
        kwargs |= dict.fromkeys(("x_weights", "y_weights"), np.array([1.0, 2.0, 0.0, 0.5, 1.0, 0.25]))
    kwargs = {name: array.astype(float) for name, array in kwargs.items()}
    exact, slopes = EXACT["sliced_wasserstein_distance"].answer(kwargs, {"p": p}, ("x",))
    found = framework.outcome(sliced_wasserstein_distance, kwargs | {"p": p})
    assert found.value == pytest.approx(float(exact), rel=1e-5)
    if found.gradients:
        slope = slopes["x"].astype(float)
        assert np.linalg.norm(found.gradients["x"] - slope) <= 1e-4 * np.linalg.norm(slope)


# ---- known answers ----


@pytest.mark.parametrize("p", [1, 2, 5])
@pytest.mark.parametrize("loss", [wasserstein_distance])
def test_a_shift_moves_every_sample_as_far(loss: Callable[..., Any], p: float, rng: np.random.Generator) -> None:
    x = rng.normal(size=1000)
    np.testing.assert_allclose(loss(x, x - 3.0, p=p), 3, rtol=1e-12)


def test_two_gaussians() -> None:
    from scipy.special import ndtri

    levels = ndtri((np.arange(20_000) + 0.5) / 20_000)
    np.testing.assert_allclose(wasserstein_distance(levels, 1 + 3 * levels, p=2), sqrt(1 + 4), rtol=1e-3)
    np.testing.assert_allclose(wasserstein_distance(levels, 3 * levels), 2 * sqrt(2 / pi), rtol=1e-3)


def test_a_sample_of_weight_two_is_two_samples(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=5), rng.normal(size=4)
    counts = np.array([2, 0, 1, 3, 1])
    for p in (1, 2, 3):
        found = wasserstein_distance(x, y, p=p, p_weights=counts.astype(float))
        np.testing.assert_allclose(found, wasserstein_distance(np.repeat(x, counts), y, p=p), rtol=1e-12)


@every_framework
def test_a_sample_of_weight_zero_is_not_there(framework: OnNumpy, rng: np.random.Generator) -> None:
    x, y, weights = rng.normal(size=(2, 6)), rng.normal(size=(2, 4)), np.ones((2, 6))
    spoilt = x.copy()
    spoilt[:, 2], weights[:, 2] = np.nan, 0
    rest = {"q_samples": y, "p": 2}
    found = framework.outcome(wasserstein_distance, {"p_samples": spoilt, "p_weights": weights, **rest})
    expected = framework.outcome(wasserstein_distance, {"p_samples": np.delete(x, 2, 1), **rest})
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-6)
    if found.gradients:
        np.testing.assert_allclose(
            np.delete(found.gradients["p_samples"], 2, 1), expected.gradients["p_samples"], rtol=1e-5
        )
        assert not found.gradients["p_samples"][:, 2].any()


@pytest.mark.parametrize("loss", [earth_mover_distance, sinkhorn_divergence])
@every_framework
def test_a_point_of_weight_zero_is_not_there(
    framework: OnNumpy, loss: Callable[..., Any], rng: np.random.Generator
) -> None:
    spoilt, weights = POINTS.copy(), np.ones(30)
    spoilt[4], weights[4] = np.inf, 0
    y = rng.normal(size=(20, 2))
    found = framework.outcome(loss, {"x": spoilt, "y": y, "x_weights": weights, "iterations": 200})
    expected = framework.outcome(loss, {"x": np.delete(POINTS, 4, 0), "y": y, "iterations": 200})
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-4)
    for gradient in found.gradients.values():
        assert np.isfinite(gradient).all()
    if found.gradients:
        assert not found.gradients["x"][4].any()


@pytest.mark.parametrize("p", [1, 2, 3])
def test_slope_towards_weights_by_finite_differences(torch: ModuleType, p: float, rng: np.random.Generator) -> None:
    x, y = (torch.as_tensor(rng.normal(size=(2, n))) for n in (6, 5))
    weights = [torch.as_tensor(rng.uniform(0.5, 1, (2, n))).requires_grad_() for n in (6, 5)]

    def loss(a: Any, b: Any) -> Any:
        return wasserstein_distance(x, y, p=p, p_weights=a, q_weights=b)

    assert torch.autograd.gradcheck(loss, weights)


def test_slope_of_clouds_towards_weights(torch: ModuleType, rng: np.random.Generator) -> None:
    x, y = (torch.as_tensor(rng.normal(size=(n, 2))) for n in (6, 5))
    weights = [torch.as_tensor(rng.uniform(0.5, 1, n)).requires_grad_() for n in (6, 5)]

    def loss(a: Any, b: Any, **options: Any) -> Any:
        return sinkhorn_divergence(x, y, x_weights=a, y_weights=b, iterations=300, **options)

    assert torch.autograd.gradcheck(loss, weights)
    assert torch.autograd.gradcheck(lambda a, b: loss(a, b, epsilon=0.5, p=1), weights)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("n", "m", "kind"), [(60, 60, "cube"), (50, 35, "gauss"), (60, 60, "groups"), (49, 49, "grid")]
)
def test_earth_mover_keeps_its_stated_accuracy(n: int, m: int, kind: str, weighted: bool) -> None:
    rng = np.random.default_rng(1)
    if kind == "grid":
        x = np.stack(np.meshgrid(np.arange(7.0), np.arange(7.0)), -1).reshape(-1, 2)
        y = x + np.array([0.3, 0.0])
    elif kind == "groups":
        x, y = (0.05 * rng.normal(size=(k, 3)) + rng.integers(0, 3, (k, 1)) for k in (n, m))
    else:
        draw = rng.uniform if kind == "cube" else rng.normal
        x, y = draw(size=(n, 2)), draw(size=(m, 2))
    names = ("x_weights", "y_weights") if weighted else ()
    weights = {name: rng.integers(0, 4, k).astype(float) for name, k in zip(names, (n, m), strict=False)}
    found = earth_mover_distance(*(array.astype(np.float32) for array in (x, y)), **weights)
    exact = earth_moved(x[None], y[None], **{name: array[None] for name, array in weights.items()})[0]
    # A dual bound lies below; the cost of a plan, taken where it is sharp, may lie above: by 1.3e-5 here.
    assert exact * (1 - 1e-4) <= found <= exact * (1 + 1e-4)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("epsilon", [None, 0.3])
def test_divergence_of_weighted_clouds(p: int, epsilon: float | None, rng: np.random.Generator) -> None:
    x, y, a, b = rng.normal(size=(9, 3)), rng.normal(size=(7, 3)), rng.uniform(size=9), rng.uniform(size=7)
    options = {"p": p, "epsilon": epsilon}
    found = sinkhorn_divergence(x, y, x_weights=a, y_weights=b, **options)
    expected = blurred(x[None], y[None], x_weights=a[None], y_weights=b[None], **options)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_blurred_value_and_gradient_towards_epsilon(torch: ModuleType, rng: np.random.Generator) -> None:
    x, y = (torch.as_tensor(rng.normal(size=(n, 2))) for n in (6, 5))
    epsilon = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda e: sinkhorn_divergence(x, y, epsilon=e, iterations=300), [epsilon])


@pytest.mark.parametrize("p", [1, 2, 3])
def test_sliced_is_the_mean_over_directions(p: float, rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(2, 8, 3)), rng.normal(size=(2, 6, 3))
    each = [wasserstein_distance(x[..., k], y[..., k], p=p, power=True, reduction="none") for k in range(3)]
    found = sliced_wasserstein_distance(x, y, p=p, projections=5 * np.eye(3), reduction="none")
    np.testing.assert_allclose(found, np.mean(each, axis=0) ** (1 / p), rtol=1e-12)


def test_sliced_needs_many_directions_to_be_sure(rng: np.random.Generator) -> None:
    x = rng.normal(size=(40, 4))
    found = sliced_wasserstein_distance(x, x + 2 * np.eye(4)[0], num_projections=20_000, key=np.random.default_rng(0))
    np.testing.assert_allclose(found, 2 / sqrt(4), rtol=2e-2)


def test_keys_of_every_framework(torch: ModuleType, jax: ModuleType, rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(6, 3))
    keys: list[tuple[Any, Callable[[], Any]]] = [
        (np.asarray, lambda: np.random.default_rng(3)),
        (torch.as_tensor, lambda: torch.Generator().manual_seed(3)),
        (jax.numpy.asarray, lambda: jax.random.key(3)),
        (jax.numpy.asarray, lambda: jax.random.PRNGKey(3)),
    ]
    for to, key in keys:
        first, again = (float(sliced_wasserstein_distance(to(x), to(y), key=key())) for _ in range(2))
        assert first == again > 0


def test_key_at_the_call_of_a_face(torch: ModuleType) -> None:
    from lossary.torch import SlicedWassersteinDistance

    x, y, key = torch.zeros(4, 2), torch.ones(3, 2), torch.Generator().manual_seed(0)
    face = SlicedWassersteinDistance(num_projections=7)
    expected = sliced_wasserstein_distance(x, y, num_projections=7, key=torch.Generator().manual_seed(0))
    assert face(x, y, key=key) == expected


# ---- nothing to move ----


@pytest.mark.parametrize("loss", [earth_mover_distance, sinkhorn_divergence, sliced_wasserstein_distance])
@every_framework
def test_no_points_on_a_side(framework: OnNumpy, loss: Callable[..., Any], rng: np.random.Generator) -> None:
    rest = {"projections": np.eye(2)} if loss is sliced_wasserstein_distance else {"iterations": 5}
    for sizes in ((0, 3), (3, 0), (0, 0)):
        x, y = (np.ones((2, n, 2)) for n in sizes)
        found = framework.outcome(loss, {"x": x, "y": y, **rest})
        assert found.value == 0
        assert not any(gradient.any() for gradient in found.gradients.values())
    weights = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 2.0]])
    x = rng.normal(size=(2, 3, 2))
    found = framework.outcome(loss, {"x": x, "y": x[::-1] + 1, "x_weights": weights, **rest})
    alone = framework.outcome(loss, {"x": x[1:], "y": x[:1] + 1, "x_weights": weights[1:], **rest})
    np.testing.assert_allclose(found.value, alone.value, rtol=1e-5)
    for gradient in found.gradients.values():
        assert np.isfinite(gradient).all()


def test_no_samples_on_a_side() -> None:
    assert wasserstein_distance(np.ones((2, 0)), np.ones((2, 3))) == 0
    weights = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert wasserstein_distance(np.ones((2, 2)), np.zeros((2, 3)), p_weights=weights, reduction="sum") == 1


# ---- errors ----

LINE, SLICED = "wasserstein_distance", "sliced_wasserstein_distance"
MOVED, BLURRED = "earth_mover_distance", "sinkhorn_divergence"
ONES = np.ones
KEY = np.random.default_rng(0)

REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "rows": (
        lambda: wasserstein_distance(ONES((3, 4)), ONES((2, 4))),
        ValueError,
        f"{LINE}: expected samples of one shape but for axis -1; got p_samples (3, 4), q_samples (2, 4)",
    ),
    "weights": (
        lambda: wasserstein_distance(ONES((3, 4)), ONES((3, 2)), p_weights=ONES(4)),
        ValueError,
        f"{LINE}: expected arrays of one shape; got p_samples (3, 4), p_weights (4,)",
    ),
    "p": (lambda: wasserstein_distance(ONES(3), ONES(3), p=0.5), ValueError, f"{LINE}: expected p >= 1; got p 0.5"),
    "p=inf": (
        lambda: wasserstein_distance(ONES(3), ONES(3), p=float("inf")),
        ValueError,
        f"{LINE}: expected p >= 1; got p inf",
    ),
    "p=text": (
        lambda: wasserstein_distance(ONES(3), ONES(3), p="two"),  # type: ignore[arg-type]
        TypeError,
        f"{LINE}: expected p to be a number; got p 'two'",
    ),
    "axis": (
        lambda: wasserstein_distance(ONES(3), ONES(3), axis=1),
        ValueError,
        f"{LINE}: expected axis in [-1, 1); got axis 1 for p_samples (3,)",
    ),
    "integers": (
        lambda: wasserstein_distance(np.arange(3), ONES(3)),
        TypeError,
        f"{LINE}: expected p_samples of a floating dtype; got p_samples int64",
    ),
    "no key": (
        lambda: sliced_wasserstein_distance(ONES((3, 2)), ONES((3, 2))),
        ValueError,
        f"{SLICED}: expected key (a numpy.random.Generator) or projections; got neither; directions are random, and "
        "so differ from call to call only where the key does",
    ),
    "wrong key": (
        lambda: sliced_wasserstein_distance(ONES((3, 2)), ONES((3, 2)), key=3),
        TypeError,
        f"{SLICED}: expected key to be a numpy.random.Generator; got key int",
    ),
    "projections": (
        lambda: sliced_wasserstein_distance(ONES((3, 2)), ONES((3, 2)), projections=ONES((2, 3))),
        ValueError,
        f"{SLICED}: expected projections of shape (count, 2); got projections (2, 3)",
    ),
    "num_projections": (
        lambda: sliced_wasserstein_distance(ONES((3, 2)), ONES((3, 2)), num_projections=0, key=KEY),
        ValueError,
        f"{SLICED}: expected num_projections to be an integer >= 1; got num_projections 0",
    ),
    "dimensions": (
        lambda: earth_mover_distance(ONES((3, 2)), ONES((3, 3))),
        ValueError,
        f"{MOVED}: expected points x (…, n, d) and y (…, m, d) alike but for n and m; got x (3, 2), y (3, 3)",
    ),
    "batches": (
        lambda: earth_mover_distance(ONES((4, 3, 2)), ONES((3, 2))),
        ValueError,
        f"{MOVED}: expected points x (…, n, d) and y (…, m, d) alike but for n and m; got x (4, 3, 2), y (3, 2)",
    ),
    "masses": (
        lambda: earth_mover_distance(ONES((3, 2)), ONES((4, 2)), y_weights=ONES(3)),
        ValueError,
        f"{MOVED}: expected y_weights with one number per point; got y (4, 2), y_weights (3,)",
    ),
    "negative": (
        lambda: earth_mover_distance(ONES((2, 2)), ONES((2, 2)), x_weights=np.array([1.0, -1.0])),
        ValueError,
        f"{MOVED}: expected x_weights >= 0; got x_weights from -1 to 1",
    ),
    "iterations": (
        lambda: earth_mover_distance(ONES((3, 2)), ONES((3, 2)), iterations=0),
        ValueError,
        f"{MOVED}: expected iterations to be an integer >= 1; got iterations 0",
    ),
    "power": (
        lambda: sinkhorn_divergence(ONES((3, 2)), ONES((3, 2)), p=3),
        ValueError,
        f"{BLURRED}: expected p to be 1 or 2; got p 3",
    ),
    "epsilon": (
        lambda: sinkhorn_divergence(ONES((3, 2)), ONES((3, 2)), epsilon=0.0),
        ValueError,
        f"{BLURRED}: expected epsilon > 0; got epsilon 0.0",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_errors(case: str) -> None:
    call, kind, text = REFUSED[case]
    with pytest.raises(kind) as error:
        call()
    assert str(error.value) == text


def test_a_sinkhorn_divergence_refuses_a_second_derivative(torch: Any) -> None:
    """The potentials are held fixed, so a Hessian would lack what moves them."""
    x = torch.tensor([[0.0, 0.0], [1.0, 1.0]], requires_grad=True)
    y = torch.tensor([[0.0, 1.0], [1.0, 0.5]])
    text = "expected one derivative of a loss that has no second"
    (slope,) = torch.autograd.grad(sinkhorn_divergence(x, y), x, create_graph=True)
    with pytest.raises(RuntimeError, match=text):
        torch.autograd.grad(slope.sum(), x)
    with pytest.raises(RuntimeError, match=text):
        torch.autograd.functional.hessian(lambda x: sinkhorn_divergence(x, y), x)
    gradient = torch.func.grad(lambda x: sinkhorn_divergence(x, y.double()))
    wide = x.detach().double()
    torch.testing.assert_close(gradient(wide).float(), slope.detach())
    for second in (torch.func.jacfwd, torch.func.jacrev):
        with pytest.raises(RuntimeError, match=text):
            second(gradient)(wide)


@cache
def far_apart(offset: float) -> tuple[Any, ...]:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(4, 2)).astype(np.float32)
    y = (rng.normal(size=(4, 2)) + offset).astype(np.float32)
    value, towards_x = of_clouds(x, y, 1.0)
    return x, y, float(value), towards_x.astype(float), of_clouds(y, x, 1.0)[1].astype(float)


@pytest.mark.parametrize("offset", [30.0, 1e3, 1e5])
@every_framework
def test_clouds_far_apart_for_their_blur(offset: float, framework: OnNumpy) -> None:
    """In float32 costs of a million are rounded at 1/16, a sixteenth of the blur: the slopes were off by half."""
    x, y, value, towards_x, towards_y = far_apart(offset)
    found = type(framework)("f32").outcome(sinkhorn_divergence, {"x": x, "y": y, "epsilon": 1.0})
    assert found.value == pytest.approx(value, rel=1e-6)
    for name, slope in found.gradients.items():
        expected = towards_x if name == "x" else towards_y
        assert np.linalg.norm(slope - expected) <= 1e-5 * np.linalg.norm(expected)
