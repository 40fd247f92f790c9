"""Clause 10 of the contract: one result in every mode (gradient, jit, compile, framework) and every memory layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossary
from tests.probes import (
    EXTREMES,
    JAX_F32,
    NUMPY_F32,
    ORDINARY,
    TORCH_F32,
    Probe,
    compiled_over,
    every_framework,
    measured,
    norm_error,
    on_jax,
    on_torch,
    one_each,
    over,
    without_compiling,
)
from tests.support.frameworks import OnNumpy, objective

EPS32 = float(np.finfo(np.float32).eps)
ONE_EACH = one_each(ORDINARY)
REDUCING = [probe for probe in ONE_EACH if probe.reduces]
BY_ITEM = [probe for probe in ONE_EACH if not probe.whole]

# ---- one result in every mode: "|value(grad) − value(no grad)|, eager vs compiled" <= 2 eps32, 4 across back ends ----


@on_torch
@over([*ORDINARY, *EXTREMES])
def test_asking_for_a_gradient_leaves_the_value(probe: Probe, framework: OnNumpy) -> None:
    value = framework.value(probe.fn, probe.kwargs)
    assert np.array_equal(value, measured(framework, probe).value, equal_nan=True)


@on_jax
@over(one_each(EXTREMES))
def test_jit_leaves_the_value(probe: Probe, framework: OnNumpy) -> None:
    assert (
        norm_error(measured(framework, probe).value, framework.value(probe.fn, probe.kwargs).astype(float)) <= 2 * EPS32
    )


@compiled_over([*ORDINARY, *EXTREMES])
def test_frameworks_agree(probe: Probe, torch: Any, jax: Any) -> None:
    found = measured(TORCH_F32, probe).value
    for other in (measured(JAX_F32, probe).value, NUMPY_F32.value(probe.fn, probe.kwargs)):
        finite = np.isfinite(found) & np.isfinite(other)
        # Losses of e^−x, x up to the scale of 64, which is rounded twice by half a unit of its own last place.
        slack = 16 if probe.note == "along" else 1
        assert norm_error(other[finite], found[finite].astype(float)) <= 4 * EPS32 * slack * probe.factor


COMPILED = [
    "charbonnier_loss",
    "log_cosh_loss",
    "binary_focal_loss",
    "cross_entropy_loss",
    "gaussian_kl_divergence",
    "multiclass_dice_loss",
]


@pytest.mark.parametrize("loss", COMPILED)
def test_compiling_leaves_value_and_gradient(loss: str, torch: Any) -> None:
    for probes in (ORDINARY, EXTREMES):
        probe = next(probe for probe in probes if probe.loss == loss and probe.note != "many-classes")
        found = TORCH_F32.outcome(torch.compile(probe.fn, backend="aot_eager", fullgraph=True), probe.kwargs)
        eager = measured(TORCH_F32, probe)
        assert norm_error(found.value, eager.value.astype(float)) <= 2 * EPS32
        name = next(iter(eager.gradients))
        assert norm_error(found.gradients[name], eager.gradients[name].astype(float)) <= 8 * EPS32


@pytest.mark.parametrize("options", [{}, {"per_example": True}, {"channel_axis": -1}], ids=str)
@pytest.mark.parametrize("loss", ["multiclass_dice_loss", "multiclass_jaccard_loss", "dice_cross_entropy_loss"])
def test_a_compiled_overlap_has_the_slope_of_every_pixel(
    loss: str, options: dict[str, Any], torch: Any, rng: np.random.Generator
) -> None:
    """Of pixels that are right or wrong for nearly certain too, whose slopes are a millionth of the others'."""
    labels = rng.integers(0, 5, (2, 6, 4))
    logits = rng.normal(size=(2, 6, 4, 5))
    certain = np.where(np.arange(6)[:, None] < 3, labels, (labels + 1) % 5)  # half of them right
    logits += 18.0 * (np.arange(5) == certain[..., None]) * (np.arange(6) % 3 > 0)[:, None, None]
    if "channel_axis" not in options:
        logits = np.moveaxis(logits, -1, 1).copy()
    labels[0, 0, 0] = -100
    fn = getattr(lossary, loss)
    compiled = torch.compile(fn, backend="aot_eager", fullgraph=True)
    slopes: list[Any] = []
    for function, dtype in ((fn, torch.float64), (compiled, torch.float32)):
        leaf = torch.tensor(logits, dtype=dtype, requires_grad=True)
        objective(function(leaf, torch.tensor(labels), **options)).backward()
        slopes.append(leaf.grad.numpy())
    expected, found = slopes
    assert (np.abs(found - expected) <= 2e-4 * np.abs(expected)).all()


@over(one_each(EXTREMES))
def test_forward_mode_is_reverse_mode(probe: Probe, jax: Any, rng: np.random.Generator) -> None:
    """Only one argument moves: what the others would do at 0 · ∞ must not come in."""
    name = next(iter(measured(JAX_F32, probe).gradients))
    arrays = JAX_F32.native(probe.kwargs)
    name = "x_hat" if "x_hat" in arrays and name == "x" else name
    at = arrays.pop(name)
    along = rng.uniform(-1, 1, at.shape).astype(np.float32)
    run = jax.jit(lambda x, dx: jax.jvp(lambda y: objective(probe.fn(**{**arrays, name: y})), (x,), (dx,)))
    _, moved = run(at, along)
    products = (measured(JAX_F32, probe).gradients[name].astype(float) * along).reshape(probe.items, -1)
    moved = np.asarray(moved).astype(float).reshape(probe.items)
    off = np.abs(moved - products.sum(1))
    assert (off <= 16 * EPS32 * np.abs(products).sum(1) + 1e-36).all()


# ---- layouts and sizes ----

BIG = (1 << 17) + 5  # more numbers than one block of torch's eager path


@on_torch
@over(ONE_EACH)
def test_strides_do_not_matter(probe: Probe, framework: OnNumpy, torch: Any) -> None:
    strided = {k: _strided(torch, framework.array(a)) for k, a in probe.arrays.items()}
    name = next(iter(measured(framework, probe).gradients))
    leaf = strided[name].requires_grad_()
    value = objective(probe.fn(**{**probe.kwargs, **strided}))
    value.sum().backward()
    expected = measured(framework, probe)
    assert not leaf.is_contiguous()
    assert norm_error(value.detach().numpy(), expected.value.astype(float)) <= 2 * EPS32 * probe.factor
    assert norm_error(leaf.grad.numpy(), expected.gradients[name].astype(float)) <= 4 * EPS32 * probe.factor


def _strided(torch: Any, x: Any) -> Any:
    """The same numbers, every other one in memory and the axes laid the other way round."""
    reverse = tuple(reversed(range(x.ndim)))
    return torch.stack([x, x + 1], dim=-1).permute(*reverse, x.ndim).contiguous()[..., 0].permute(*reverse)


@over(ONE_EACH)
def test_strides_do_not_matter_on_numpy(probe: Probe) -> None:
    expected = probe.fn(**probe.kwargs)
    views = {k: np.asfortranarray(np.repeat(a, 2, axis=0))[::2] for k, a in probe.arrays.items()}
    for view in views.values():
        view.flags.writeable = False
    found = probe.fn(**{**probe.kwargs, **views})
    assert norm_error(objective(found), objective(expected).astype(float)) <= 2 * EPS32


@on_torch
@over(BY_ITEM)
def test_one_item_expanded_to_many(probe: Probe, framework: OnNumpy) -> None:
    one = probe.first(1)
    name = next(iter(measured(framework, probe).gradients))
    base = {k: framework.array(a) for k, a in one.arrays.items()}
    base[name].requires_grad_()
    value = objective(probe.fn(**{**probe.kwargs, **{k: a.expand(7, *a.shape[1:]) for k, a in base.items()}}))
    value.sum().backward()
    assert value.tolist() == measured(framework, probe).value[:1].tolist() * 7
    slope = measured(framework, probe).gradients[name][:1].astype(float)
    assert norm_error(base[name].grad.numpy(), 7 * slope) <= 4 * EPS32


@every_framework
@pytest.mark.parametrize("reduction", ["mean", "none"])
@over(REDUCING)
def test_no_items(probe: Probe, framework: OnNumpy, reduction: str) -> None:
    """Exactly 0, with a gradient of no numbers."""
    empty = probe.first(0)
    found = framework.outcome(probe.fn, {**empty.kwargs, "reduction": reduction})
    assert found.value.tolist() == ([] if reduction == "none" else 0.0)
    for name, gradient in found.gradients.items():
        assert gradient.shape == empty.arrays[name].shape


ELEMENTWISE = [probe for probe in BY_ITEM if all(array.ndim == 1 for array in probe.arrays.values())]


@without_compiling
@over(ELEMENTWISE)
def test_one_number_with_and_without_an_axis(probe: Probe, framework: OnNumpy) -> None:
    one = probe.first(1)
    expected = measured(framework, probe).value[0]
    alone = {k: a.reshape(()) for k, a in one.arrays.items()}
    assert framework.value(probe.fn, {**one.kwargs, **alone}).tolist() == pytest.approx(expected, rel=2 * EPS32)
    assert framework.value(probe.fn, one.kwargs).tolist() == pytest.approx([expected], rel=2 * EPS32)


@over(ELEMENTWISE)
def test_numpy_scalars(probe: Probe) -> None:
    scalars = {k: a[0] for k, a in probe.arrays.items()}
    assert probe.fn(**{**probe.kwargs, **scalars}) == probe.fn(**probe.kwargs)[0]


@on_torch
@over(ELEMENTWISE)
def test_blocks_do_not_show(probe: Probe, framework: OnNumpy) -> None:
    """Large arrays are taken in blocks; value and gradient are those of the items, to the bit."""
    pick = np.arange(BIG) % probe.items
    large = {k: a[pick] for k, a in probe.arrays.items()}
    found = framework.outcome(probe.fn, {**probe.kwargs, **large})
    expected = measured(framework, probe)
    assert norm_error(found.value, expected.value[pick].astype(float)) <= EPS32 / 4
    for name, gradient in found.gradients.items():
        assert norm_error(gradient, expected.gradients[name][pick].astype(float)) <= EPS32


CLASSES = {
    "cross_entropy_loss": {"labels": np.array([1, 2, 0, 1])},
    "soft_cross_entropy_loss": {"probs": np.array([[0.5, 0.25, 0.25], [0, 0, 1], [0.2, 0.3, 0.5], [1, 0, 0]])},
    "focal_loss": {"labels": np.array([1, 2, 0, 1])},
}


@every_framework
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("loss", CLASSES)
def test_an_item_does_not_see_whether_others_are_certain(loss: str, label_smoothing: float, framework: OnNumpy) -> None:
    """Where none is, the frameworks' own softmaxes have all their digits; one item that is sends all another way."""
    logits = np.array([[0.5, -0.25, 1.0], [-1.0, 0.25, 0.5], [0.0, 1.5, -0.5], [0.75, -0.5, 0.0]])
    others = {"label_smoothing": label_smoothing, "reduction": "none"}
    function = getattr(lossary, loss)
    found = framework.outcome(function, {"logits": logits, **CLASSES[loss], **others})
    target = {name: np.concatenate([array, array[1:2]]) for name, array in CLASSES[loss].items()}
    with_certain = {"logits": np.concatenate([logits, [[0.0, -10.0, 30.0]]]), **target, **others}
    expected = framework.outcome(function, with_certain)
    assert expected.value[4] < 1e-9 or label_smoothing
    assert norm_error(found.value, expected.value[:4].astype(float)) <= 4 * EPS32
    for name, gradient in found.gradients.items():
        assert norm_error(gradient, expected.gradients[name][:4].astype(float)) <= 4 * EPS32


def test_soft_cross_entropy_under_vmap_and_twice(jax: Any) -> None:
    """Both ways of computing it, in one batch of batches."""
    sure = np.array([[[0.5, -0.25, 1.0]], [[0.0, -10.0, 30.0]]])
    probs = np.array([[[0.5, 0.25, 0.25]], [[0.0, 0.0, 1.0]]])
    loss = lossary.soft_cross_entropy_loss
    with jax.enable_x64(True):
        value, slopes = jax.vmap(jax.value_and_grad(loss, argnums=(0, 1)))(sure, probs)
        for i in range(2):
            alone = jax.value_and_grad(loss, argnums=(0, 1))(jax.numpy.asarray(sure[i]), jax.numpy.asarray(probs[i]))
            np.testing.assert_allclose(value[i], alone[0], rtol=1e-14)
            for slope, other in zip(slopes, alone[1], strict=True):
                np.testing.assert_allclose(slope[i], other, rtol=1e-13)
            curvature = jax.hessian(loss)(jax.numpy.asarray(sure[i]), jax.numpy.asarray(probs[i]))[0, :, 0]
            p = np.asarray(jax.nn.softmax(sure[i, 0]))
            expected = np.diag([p[j] * np.delete(p, j).sum() for j in range(3)]) - np.outer(p, p) * (1 - np.eye(3))
            np.testing.assert_allclose(curvature, expected, atol=1e-9 * expected.max())


@on_torch
@pytest.mark.parametrize("channel_axis", [0, 1, 2])
@pytest.mark.parametrize("loss", ["cross_entropy_loss", "soft_cross_entropy_loss", "focal_loss"])
def test_blocks_of_rows_do_not_show(loss: str, channel_axis: int, framework: OnNumpy) -> None:
    probe = next(probe for probe in ONE_EACH if probe.loss == loss)
    pick = (np.arange(300 * 101) % probe.items).reshape(300, 101)
    large = {k: a[pick] for k, a in probe.arrays.items()}
    laid = {k: np.moveaxis(a, 2, channel_axis) if a.ndim == 3 else a for k, a in large.items()}
    found = framework.outcome(probe.fn, {**probe.kwargs, **laid, "channel_axis": channel_axis})
    expected = measured(framework, probe)
    assert norm_error(found.value, expected.value[pick].astype(float)) <= 2 * EPS32
    gradient = np.moveaxis(found.gradients["logits"], channel_axis, 2)
    assert norm_error(gradient, expected.gradients["logits"][pick].astype(float)) <= 2 * EPS32
