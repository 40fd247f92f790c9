"""Penalties on a critic's slope: closed forms, second derivatives in torch and JAX, any kind of critic, exact errors.

They take a critic and differentiate it, which NumPy cannot, so they have no case in the catalog.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lossary
from lossary import gradient_penalty, r1_penalty
from tests.support.frameworks import JAX, JAX_F64, TORCH, TORCH_F64, OnNumpy, frameworks_with_gradients
from tests.support.refusal import refused

RNG = np.random.default_rng(7)
REAL, FAKE, U = RNG.normal(size=(6, 2, 3)), RNG.normal(size=(6, 2, 3)), RNG.random(6)
FIRST, SECOND = RNG.normal(size=(6, 8)), RNG.normal(size=8)
SLOPE = np.array([[3.0, 0.0, 0.0], [0.0, 4.0, 0.0]])  # of norm 5


def native(framework: OnNumpy, *arrays: np.ndarray) -> list[Any]:
    return [framework.array(array) for array in arrays]


def linear(slope: Any) -> Any:
    return lambda x: (x * slope).sum(-1).sum(-1)


def network(first: Any, second: Any) -> Any:
    """Smooth, without any framework's functions."""

    def critic(x: Any) -> Any:
        hidden = x.reshape(x.shape[0], 6) @ first
        return (hidden / (1 + hidden * hidden) ** 0.5) @ second

    return critic


def slopes(x: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    hidden = x.reshape(len(x), 6) @ first
    return (second * (1 + hidden**2) ** -1.5) @ first.T


# ---- values ----


@frameworks_with_gradients
def test_a_linear_critic(framework: OnNumpy) -> None:
    with framework.scope():
        real, fake, u, slope = native(framework, REAL, FAKE, U, SLOPE)
        assert float(gradient_penalty(linear(slope), real, fake, interpolation=u)) == 16.0  # (5 − 1)²
        assert float(gradient_penalty(linear(slope), real, fake, interpolation=u, target=0.0)) == 25.0
        assert float(gradient_penalty(linear(slope), real, fake, interpolation=u, target=7.0)) == 4.0
        one_sided = {"target": 7.0, "one_sided": True}
        assert float(gradient_penalty(linear(slope), real, fake, interpolation=u, **one_sided)) == 0.0
        assert float(r1_penalty(linear(slope), real)) == 25.0


@pytest.mark.parametrize("framework", [TORCH_F64, JAX_F64], ids=lambda framework: framework.name)
def test_equals_the_formula(framework: OnNumpy) -> None:
    pytest.importorskip(framework.name)
    between = U[:, None, None] * REAL + (1 - U[:, None, None]) * FAKE
    norms = np.linalg.norm(slopes(between, FIRST, SECOND), axis=1)
    with framework.scope():
        real, fake, u, first, second = native(framework, REAL, FAKE, U, FIRST, SECOND)
        critic = network(first, second)
        found = framework.numpy(gradient_penalty(critic, real, fake, interpolation=u, reduction="none"))
        np.testing.assert_allclose(found, (norms - 1) ** 2, rtol=1e-12)
        sided = gradient_penalty(critic, real, fake, interpolation=u, one_sided=True, target=2.0, reduction="none")
        np.testing.assert_allclose(framework.numpy(sided), np.maximum(norms - 2, 0) ** 2, rtol=1e-12)
        found = framework.numpy(r1_penalty(critic, real, reduction="none"))
        np.testing.assert_allclose(found, (slopes(REAL, FIRST, SECOND) ** 2).sum(1), rtol=1e-12)


@frameworks_with_gradients
def test_interpolation_runs_from_fake_to_real(framework: OnNumpy) -> None:
    """The slope of ½‖x‖² is x itself."""
    with framework.scope():
        real, fake = native(framework, REAL, FAKE)
        ends = {1.0: REAL, 0.0: FAKE}
        for u, end in ends.items():
            share = framework.array(np.full(6, u))
            found = gradient_penalty(
                lambda x: (x * x).sum(-1).sum(-1) / 2, real, fake, interpolation=share, reduction="none"
            )
            expected = (np.linalg.norm(end.reshape(6, -1), axis=1) - 1) ** 2
            np.testing.assert_allclose(framework.numpy(found), expected, rtol=1e-5)


@frameworks_with_gradients
def test_scores_of_patches_are_added_up(framework: OnNumpy) -> None:
    with framework.scope():
        real, slope = native(framework, REAL, SLOPE)
        assert float(r1_penalty(lambda x: x * slope, real)) == 25.0
        assert float(r1_penalty(lambda x: linear(slope)(x)[:, None], real)) == 25.0


@frameworks_with_gradients
def test_a_flat_critic(framework: OnNumpy) -> None:
    """The norm has no slope at 0: value target², and a finite gradient for the critic."""
    with framework.scope():
        real, fake, u = native(framework, REAL, FAKE, U)
        kwargs = {"slope": np.zeros((2, 3))}

        def penalty(slope: Any) -> Any:
            return gradient_penalty(linear(slope), real, fake, interpolation=u)

        found = framework.outcome(penalty, kwargs)
        assert float(found.value) == 1.0
        assert not found.gradients["slope"].any()
        found = framework.outcome(lambda slope: r1_penalty(linear(slope), real), kwargs)
        assert float(found.value) == 0.0
        assert not found.gradients["slope"].any()


# ---- randomness ----


def test_a_key_decides_in_torch(torch: ModuleType) -> None:
    real, fake, first, second = native(TORCH, REAL, FAKE, FIRST, SECOND)

    def penalty(seed: int) -> float:
        return gradient_penalty(network(first, second), real, fake, key=torch.Generator().manual_seed(seed)).item()

    assert penalty(1) == penalty(1) != penalty(2)
    generator = torch.Generator().manual_seed(1)
    u = torch.rand(6, generator=generator)
    assert penalty(1) == gradient_penalty(network(first, second), real, fake, interpolation=u).item()


def test_a_key_decides_in_jax(jax: ModuleType) -> None:
    real, fake, first, second = native(JAX, REAL, FAKE, FIRST, SECOND)

    @jax.jit
    def penalty(key: Any) -> Any:
        return gradient_penalty(network(first, second), real, fake, key=key)

    one, other = jax.random.key(1), jax.random.key(2)
    assert float(penalty(one)) == float(penalty(one)) != float(penalty(other))


# ---- the gradient that a critic learns from ----


def penalties(first: Any, second: Any, real: Any, fake: Any, u: Any) -> Any:
    critic = network(first, second)
    return gradient_penalty(critic, real, fake, interpolation=u) + 0.5 * r1_penalty(critic, real)


def test_second_derivatives_in_torch(torch: ModuleType) -> None:
    real, fake, u, first, second = native(TORCH_F64, REAL, FAKE, U, FIRST, SECOND)
    parameters = first.requires_grad_(), second.requires_grad_()
    assert torch.autograd.gradcheck(lambda f, s: penalties(f, s, real, fake, u), parameters)
    found = torch.autograd.grad(penalties(*parameters, real, fake, u), parameters)
    by_function = torch.func.grad(penalties, (0, 1))(first.detach(), second.detach(), real, fake, u)
    for one, other in zip(found, by_function, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_second_derivatives_in_jax(jax: ModuleType, mode: str) -> None:
    from jax.test_util import check_grads

    with JAX_F64.scope():
        real, fake, u, first, second = native(JAX_F64, REAL, FAKE, U, FIRST, SECOND)
        function = jax.jit(lambda f, s: penalties(f, s, real, fake, u))
        check_grads(function, (first, second), order=1, modes=[mode], rtol=1e-6, atol=1e-6)


def test_torch_and_jax_agree(torch: ModuleType, jax: ModuleType) -> None:
    arrays = {"first": FIRST, "second": SECOND, "real": REAL, "fake": FAKE, "u": U}
    found, expected = JAX.outcome(penalties, arrays), TORCH.outcome(penalties, arrays)
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-6)
    for name, gradient in found.gradients.items():
        np.testing.assert_allclose(gradient, expected.gradients[name], rtol=2e-5, atol=1e-6, err_msg=name)


def test_equals_published_code(torch: ModuleType) -> None:
    """The usual lines of WGAN-GP in PyTorch, with their gradient."""
    torch.manual_seed(0)
    critic = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    real, fake, u = native(TORCH, REAL, FAKE, U)
    between = (u[:, None, None] * real + (1 - u[:, None, None]) * fake).requires_grad_()
    [gradient] = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    expected = ((gradient.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
    found = gradient_penalty(critic, real, fake, interpolation=u)
    torch.testing.assert_close(found, expected)
    for one, other in zip(
        torch.autograd.grad(found, list(critic.parameters()), allow_unused=True),
        torch.autograd.grad(expected, list(critic.parameters()), allow_unused=True),
        strict=True,
    ):
        if other is not None:
            torch.testing.assert_close(one, other)


def test_without_a_graph_around(torch: ModuleType) -> None:
    real, slope = native(TORCH, REAL, SLOPE)
    with torch.no_grad():
        assert r1_penalty(linear(slope), real).item() == 25.0


def test_one_compiled_program_in_torch(torch: ModuleType) -> None:
    torch._dynamo.reset()
    real, fake, u, first, second = native(TORCH, REAL, FAKE, U, FIRST, SECOND)
    parameters = first.requires_grad_(), second.requires_grad_()
    expected = penalties(*parameters, real, fake, u)
    compiled = torch.compile(penalties, fullgraph=True, backend="aot_eager")(*parameters, real, fake, u)
    torch.testing.assert_close(compiled, expected)
    for one, other in zip(
        torch.autograd.grad(compiled, parameters), torch.autograd.grad(expected, parameters), strict=True
    ):
        torch.testing.assert_close(one, other)


# ---- critics and faces ----


def test_a_module_and_its_face_in_torch(torch: ModuleType) -> None:
    import lossary.torch

    critic = torch.nn.Linear(3, 1, bias=False)
    torch.nn.init.constant_(critic.weight, 2.0)
    real, fake = torch.zeros(4, 3), torch.ones(4, 3)
    face = lossary.torch.GradientPenalty(target=2.0)
    loss = face(critic, real, fake, interpolation=torch.rand(4))
    loss.backward()
    assert loss.item() == pytest.approx((12**0.5 - 2) ** 2, rel=1e-5)
    assert critic.weight.grad is not None
    assert lossary.torch.R1Penalty()(critic, real, torch.tensor([1.0, 0, 0, 0])).item() == pytest.approx(12)
    assert repr(face) == "GradientPenalty(target=2.0)"


def test_a_module_and_its_face_in_flax(jax: ModuleType) -> None:
    from flax import nnx

    import lossary.flax

    critic = nnx.Linear(3, 1, use_bias=False, rngs=nnx.Rngs(0))
    real, fake = jax.numpy.zeros((4, 3)), jax.numpy.ones((4, 3))
    face = lossary.flax.GradientPenalty(target=2.0)

    @nnx.jit
    def step(critic: Any, key: Any) -> Any:
        return nnx.value_and_grad(lambda critic: face(critic, real, fake, key=key))(critic)

    loss, gradients = step(critic, jax.random.key(0))
    norm = float(np.linalg.norm(critic.kernel[...]))
    assert float(loss) == pytest.approx((norm - 2) ** 2, rel=1e-5)
    expected = 2 * (norm - 2) / norm * np.asarray(critic.kernel[...])
    np.testing.assert_allclose(jax.tree.leaves(gradients)[0], expected, rtol=1e-4)


def test_the_critic_sees_the_dtype_of_its_data(torch: ModuleType) -> None:
    seen = []

    def critic(x: Any) -> Any:
        seen.append(x.dtype)
        return (100 * x).sum(-1)

    real = torch.zeros(4, 3, dtype=torch.float16)
    penalty = gradient_penalty(critic, real, real, interpolation=torch.rand(4).half())
    assert seen == [torch.float16]
    assert penalty.dtype == torch.float32
    assert penalty.item() == pytest.approx((100 * 3**0.5 - 1) ** 2, rel=1e-6)
    large = r1_penalty(lambda x: (300 * x).sum(-1), real)
    assert large.item() == 270_000  # beyond what half precision can hold


# ---- reductions ----


@frameworks_with_gradients
def test_examples_that_do_not_count(framework: OnNumpy) -> None:
    broken, keep = REAL.copy(), np.arange(6) != 2
    broken[2] = np.nan
    with framework.scope():
        real, fake, u, first, second, weights = native(framework, broken, FAKE, U, FIRST, SECOND, keep.astype(float))
        critic = network(first, second)

        def both(real: Any, fake: Any, u: Any, **way: Any) -> list[float]:
            found = gradient_penalty(critic, real, fake, interpolation=u, **way), r1_penalty(critic, real, **way)
            return [framework.numpy(one).item() for one in found]

        kept = native(framework, *(array[keep] for array in (REAL, FAKE, U)))
        expected = pytest.approx(both(*kept), rel=1e-6)
        assert both(real, fake, u, mask=framework.array(keep)) == expected
        assert both(real, fake, u, weights=weights) == expected
        assert [one / 5 for one in both(*kept, reduction="sum")] == expected
        assert both(real, fake, u, mask=framework.array(np.zeros(6, bool))) == [0.0, 0.0]
        assert both(real[:0], fake[:0], u[:0]) == [0.0, 0.0]


@frameworks_with_gradients
def test_nan_is_seen(framework: OnNumpy) -> None:
    with framework.scope():
        broken = REAL.copy()
        broken[2, 0, 0] = np.nan
        real, fake, u, first, second = native(framework, broken, FAKE, U, FIRST, SECOND)
        each = gradient_penalty(network(first, second), real, fake, interpolation=u, reduction="none")
        assert np.isnan(framework.numpy(each)).tolist() == [False, False, True, False, False, False]


# ---- errors ----


def test_numpy_has_no_gradients() -> None:
    with refused(TypeError, "r1_penalty: expected torch or JAX arrays, which have gradients; got numpy"):
        r1_penalty(linear(SLOPE), REAL)
    with refused(TypeError, "gradient_penalty: expected torch or JAX arrays, which have gradients; got numpy"):
        gradient_penalty(linear(SLOPE), REAL, FAKE, interpolation=U)


ERRORS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no-key": ({}, ValueError, "expected key (for random points) or interpolation, one of the two; got neither"),
    "two-keys": (
        {"key": 1, "interpolation": U},
        ValueError,
        "expected key (for random points) or interpolation, one of the two; got both",
    ),
    "shapes": (
        {"fake": FAKE[:4], "interpolation": U},
        ValueError,
        "expected arrays of one shape; got real (6, 2, 3), fake (4, 2, 3)",
    ),
    "interpolation": (
        {"interpolation": U[:, None]},
        ValueError,
        "expected interpolation of shape (6,), one per example; got interpolation (6, 1)",
    ),
    "interpolation-beyond": (
        {"interpolation": np.linspace(0, 2, 6)},
        ValueError,
        "expected interpolation in [0, 1]; got interpolation from 0 to 2",
    ),
    "scalar-critic": (
        {"critic": lambda x: x.mean(), "interpolation": U},
        ValueError,
        "expected critic to give a score per example, batch 6; got shape ()",
    ),
    "tuple-critic": (
        {"critic": lambda x: (x, x), "interpolation": U},
        ValueError,
        "expected critic to give a score per example, batch 6; got tuple",
    ),
    "target": ({"target": -1.0, "interpolation": U}, ValueError, "expected target >= 0; got target -1.0"),
    "batch": (
        {"real": np.array(0.0), "fake": np.array(0.0), "interpolation": U},
        ValueError,
        "expected real with a batch axis; got real ()",
    ),
    "integers": (
        {"real": np.ones((6, 2, 3), int), "interpolation": U},
        TypeError,
        "expected real of a floating dtype; got real int64",
    ),
}


@pytest.mark.parametrize(("kwargs", "kind", "text"), ERRORS.values(), ids=ERRORS.keys())
def test_errors(torch: ModuleType, kwargs: dict[str, Any], kind: type[Exception], text: str) -> None:
    given = {"critic": linear(TORCH.array(SLOPE)), "real": REAL, "fake": FAKE} | kwargs
    with refused(kind, f"gradient_penalty: {text}"):
        gradient_penalty(**TORCH.native(given))


@pytest.mark.parametrize("package", ["torch", "flax"])
def test_options_are_checked_when_a_face_is_built(package: str) -> None:
    faces = pytest.importorskip(f"lossary.{package}")
    with refused(ValueError, "gradient_penalty: expected target >= 0; got target -1"):
        faces.GradientPenalty(target=-1)
    with refused(
        TypeError,
        "GradientPenalty: expected options among target, one_sided, reduction; got key; "
        "it is passed with the arrays, at the call",
    ):
        faces.GradientPenalty(key=None)
    assert lossary.gradient_penalty is gradient_penalty


@frameworks_with_gradients
def test_a_constant_critic_has_no_slope(framework: OnNumpy) -> None:
    real, fake, u = (framework.array(np.full((4, 3), 0.5)) for _ in range(3))
    ones = framework.array(np.ones(4))
    assert float(lossary.gradient_penalty(lambda _: ones, real, fake, interpolation=u[:, 0])) == 1.0
    assert float(lossary.r1_penalty(lambda _: ones, real)) == 0.0


def test_what_is_no_critic_and_no_key(torch: ModuleType) -> None:
    real, u = torch.ones(4, 3), torch.ones(4)
    with pytest.raises(
        TypeError, match=r"^gradient_penalty: expected critic to be a function of examples; got critic 3$"
    ):
        lossary.gradient_penalty(3, real, real, interpolation=u)
    with pytest.raises(
        TypeError, match=r"^r1_penalty: expected the scores of critic of a floating dtype; got .* int64$"
    ):
        lossary.r1_penalty(lambda x: torch.ones(4, dtype=torch.int64), real)
    with pytest.raises(TypeError, match=r"^gradient_penalty: expected key to be a torch\.Generator; got key int$"):
        lossary.gradient_penalty(lambda x: x.sum(1), real, real, key=0)
