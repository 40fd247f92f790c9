"""Traces: jit, vmap, torch.compile (cold too), export, sharding, autocast; and bad values where nobody can look."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lossary
from tests.catalog import CASES, REPRESENTATIVES, Bad, Case, Options, cases, options
from tests.support.compare import assert_close_by_rows
from tests.support.frameworks import (
    JAX,
    TORCH,
    Kwargs,
    OnJax,
    OnNumpy,
    OnTorch,
    Outcome,
    every_framework,
    floating,
    objective,
    row,
    split,
)
from tests.support.refusal import refused

FIRST_OF_FAMILY = tuple(REPRESENTATIVES.values())
in_families = cases(where=lambda case: case.name in FIRST_OF_FAMILY)


def masks_items(case: Case) -> bool:
    return {"reduction", "mask", "normalizer"} <= case.parameters and case.masks == "items" and case.per_item


def check_same(case: Case, found: Outcome, expected: Outcome) -> None:
    assert_close_by_rows(found.value, expected.value, 1e-6 * case.factor)
    for name in set(found.gradients) - set(case.not_differentiable):
        gradient, other = found.gradients[name], expected.gradients[name]
        assert_close_by_rows(gradient, other, 1e-5 * case.factor, f"gradient towards {name}")


# ---- jax.jit ----


@cases(sampled="family")
def test_jit_equals_eager(jax: ModuleType, case: Case) -> None:
    kwargs = case.inputs(case.options[0])
    native = JAX.native(kwargs)
    given = {name: native.pop(name) for name in floating(kwargs)}
    gradients = jax.grad(lambda arrays: objective(case.fn(**native, **arrays)).sum())(given)
    eager = Outcome(JAX.value(case.fn, kwargs), {name: np.asarray(g) for name, g in gradients.items()})
    check_same(case, JAX.outcome(case.fn, kwargs), eager)


@cases(sampled="family")
def test_vmap_equals_a_loop(jax: ModuleType, case: Case) -> None:
    parts = [case.inputs(case.options[0], seed=seed) for seed in range(3)]
    arrays = {name: JAX.array(np.stack([part[name] for part in parts])) for name in split(parts[0])[0]}
    function = jax.jit(jax.vmap(lambda arrays: objective(case.fn(**arrays, **split(parts[0])[1]))))
    expected = np.stack([JAX.outcome(case.fn, part).value for part in parts])
    assert_close_by_rows(np.asarray(function(arrays)), expected, 1e-6 * case.factor)


@options()
def test_jit_of_arrays_closed_over(jax: ModuleType, case: Case, options: Options) -> None:
    """Data that a jitted step does not take as arguments are constants in it."""
    native = JAX.native(case.inputs(options))
    first = floating(case.inputs(options))[-1 if "x_hat" in native else 0]
    function = jax.eval_shape(lambda x: objective(case.fn(**native | {first: x})), native[first])
    assert function.shape == objective(case.fn(**native)).shape


@pytest.mark.parametrize(
    ("name", "traced"),
    [
        ("elbo_gaussian", {"beta": 0.5}),
        ("mse", {"normalizer": 7.0}),
        ("huber", {"delta": 0.5}),
        ("charbonnier", {"epsilon": 0.5}),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_number_may_be_traced(jax: ModuleType, name: str, traced: Options) -> None:
    """A scheduled option: one compiled program for all its values."""
    case = next(case for case in CASES if case.name == name)
    kwargs = JAX.native(case.inputs())
    function = jax.jit(lambda values: objective(case.fn(**kwargs | values)))
    arrays = {option: jax.numpy.asarray(value) for option, value in traced.items()}
    np.testing.assert_allclose(function(arrays), objective(case.fn(**kwargs | traced)), rtol=1e-6)


def test_result_is_a_pytree_in_jax(jax: ModuleType) -> None:
    case = next(case for case in CASES if case.name == "elbo_gaussian")
    arrays, fixed = split(case.inputs({"beta": 2.0}))
    result = jax.jit(partial(case.fn, **fixed))(**JAX.native(arrays))
    assert isinstance(result, lossary.LossResult)
    assert list(result.terms) == ["log_likelihood", "kl_divergence", "elbo"]
    doubled = jax.tree.map(lambda x: 2 * x, result)
    assert float(doubled.objective) == pytest.approx(2 * float(result.objective))
    assert {key: float(term.weight) for key, term in doubled.terms.items()} == {
        "log_likelihood": -2.0,
        "kl_divergence": 4.0,
        "elbo": 0.0,
    }


@cases(where=lambda case: case.reducible, sampled="family")
def test_sharded_batch_has_the_same_mean(jax: ModuleType, case: Case) -> None:
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    devices = np.array(jax.devices())
    assert len(devices) == 8
    batch = NamedSharding(Mesh(devices, "batch"), PartitionSpec("batch"))
    parts = [case.inputs(case.options[0], seed=seed) for seed in range(8)]
    arrays, rest = split(parts[0])
    rest |= {name: arrays.pop(name) for name in set(arrays) - set(case.examples)}
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in arrays}
    expected = case.fn(**arrays, **rest)
    sharded = {name: jax.device_put(JAX.array(array), batch) for name, array in arrays.items()}
    found = jax.jit(partial(case.fn, **JAX.native(rest)))(**sharded)
    np.testing.assert_allclose(objective(found), objective(expected), rtol=1e-6, atol=1e-6)


# ---- torch.compile ----


@pytest.fixture
def fresh_compiler(torch: ModuleType) -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def compiled_outcome(torch: ModuleType, case: Case, kwargs: Kwargs, backend: str) -> Outcome:
    compiled = torch.compile(case.items, fullgraph=True, backend=backend)
    return TORCH.outcome(compiled, kwargs)


@pytest.mark.usefixtures("fresh_compiler")
@cases(sampled="loss")
def test_compiled_equals_eager(torch: ModuleType, case: Case) -> None:
    kwargs = case.inputs_with_kinks(case.options[-1])
    check_same(case, compiled_outcome(torch, case, kwargs, "aot_eager"), TORCH.outcome(case.items, kwargs))


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_compiler")
@options()
def test_compiled_equals_eager_with_every_option(torch: ModuleType, case: Case, options: Options) -> None:
    kwargs = case.inputs_with_kinks(options)
    check_same(case, compiled_outcome(torch, case, kwargs, "aot_eager"), TORCH.outcome(case.items, kwargs))


@pytest.mark.slow
@pytest.mark.usefixtures("fresh_compiler")
@cases(where=lambda case: case.name in (*FIRST_OF_FAMILY, "charbonnier", "binary_focal", "soft_cross_entropy"))
def test_generated_code_equals_eager(torch: ModuleType, case: Case) -> None:
    kwargs = case.inputs_with_kinks(case.options[-1])
    check_same(case, compiled_outcome(torch, case, kwargs, "inductor"), TORCH.outcome(case.items, kwargs))


@pytest.mark.usefixtures("fresh_compiler")
@cases(where=masks_items, sampled="loss")
def test_steps_do_not_recompile(torch: ModuleType, case: Case) -> None:
    from torch._dynamo.testing import CompileCounter

    count = CompileCounter()
    step = torch.compile(case.fn, fullgraph=True, backend=count)
    for seed, kept in enumerate((1.0, 0.5, 0.0)):
        kwargs = case.inputs(case.options[0], seed=seed)
        shape = case.layout.shape(split(kwargs)[0])
        mask = np.arange(np.prod(shape)).reshape(shape) < kept * np.prod(shape)
        given = kwargs | {"mask": mask, "normalizer": np.array(kept + 1.0)}
        found = objective(step(**TORCH.native(given)))
        np.testing.assert_allclose(found, TORCH.value(case.fn, given), rtol=1e-6)
    assert count.frame_count == 1


COLD_STEPS = """
import {first}, {second}
from torch._dynamo.testing import CompileCounter
count = CompileCounter()
step = torch.compile(lossary.nt_xent_loss, fullgraph=True, backend=count)
for _ in range(3):
    step(torch.randn(6, 4), torch.randn(6, 4))
    lossary.mse_loss(torch.randn(3), torch.randn(3))
assert count.frame_count == 1, count.frame_count
"""


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("names", [("torch", "lossary"), ("lossary", "torch")], ids=" first, then ".join)
def test_steps_do_not_recompile_where_the_first_call_is_compiled(names: tuple[str, str]) -> None:
    subprocess.run([sys.executable, "-c", COLD_STEPS.format(first=names[0], second=names[1])], check=True)


@pytest.mark.usefixtures("fresh_compiler")
@in_families
def test_one_program_for_any_batch_size(torch: ModuleType, case: Case) -> None:
    from torch._dynamo.testing import CompileCounter

    count = CompileCounter()
    step = torch.compile(case.fn, fullgraph=True, backend=count, dynamic=True)
    kwargs = case.inputs(case.options[0])
    for size in (6, 4, 3):
        given = kwargs | {name: kwargs[name][:size] for name in case.examples}
        found = objective(step(**TORCH.native(given))).numpy()
        np.testing.assert_allclose(found, TORCH.value(case.fn, given), rtol=1e-6)
    assert count.frame_count == 1


@cases()
def test_shapes_without_values(torch: ModuleType, case: Case) -> None:
    kwargs = TORCH.native(case.inputs(case.options[0]))
    there = objective(case.fn(**kwargs))
    found = objective(case.fn(**{k: v.to("meta") if isinstance(v, torch.Tensor) else v for k, v in kwargs.items()}))
    assert (found.device.type, found.shape, found.dtype) == ("meta", there.shape, there.dtype)


@cases()
def test_a_default_device_that_is_another(torch: ModuleType, case: Case) -> None:
    """What `torch.set_default_device` says is for arrays that nobody gave a device, not for those beside the inputs."""
    kwargs = TORCH.native(case.inputs(case.options[0]))
    there = objective(case.fn(**kwargs))
    leaf = next((array for array in kwargs.values() if getattr(array, "is_floating_point", bool)()), None)
    with torch.device("meta"):
        found = objective(case.fn(**kwargs))
        if leaf is not None:
            objective(
                case.fn(**{k: v.clone().requires_grad_() if v is leaf else v for k, v in kwargs.items()})
            ).sum().backward()
    assert torch.equal(found, there)


@cases()
def test_backwards_through_vmap_equals_a_loop(torch: ModuleType, case: Case) -> None:
    """As ensembles are trained: `vmap` of the loss alone, and torch's own backward pass."""
    arrays, options = split(case.inputs(case.options[0]))
    leaves = TORCH.leaves(arrays)
    stacked = {name: torch.stack([leaf.detach()] * 2) for name, leaf in leaves.items()}
    wanted = [name for name, leaf in leaves.items() if leaf.requires_grad]
    for name in wanted:
        stacked[name].requires_grad_()
    losses = torch.func.vmap(lambda arrays: objective(case.fn(**arrays, **options)))(stacked)
    found = torch.autograd.grad(losses.sum(), [stacked[name] for name in wanted], allow_unused=True)
    value = objective(case.fn(**leaves, **options))
    expected = torch.autograd.grad(value.sum(), [leaves[name] for name in wanted], allow_unused=True)
    for name, both, one in zip(wanted, found, expected, strict=True):
        assert (both is None) == (one is None), name
        if one is not None:
            assert_close_by_rows(both[1].numpy(), one.numpy(), 1e-5 * case.factor, f"gradient towards {name}")


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("loss", ["cross_entropy_loss", "focal_loss", "multiclass_dice_loss", "huber_loss"])
def test_gradients_of_each_example_compile(torch: ModuleType, loss: str, rng: np.random.Generator) -> None:
    fn = getattr(lossary, loss)
    logits = torch.tensor(rng.normal(size=(3, 4, 5)), dtype=torch.float32)
    targets = logits + 1 if loss == "huber_loss" else torch.tensor(rng.integers(0, 5, (3, 4)))
    step = torch.func.vmap(torch.func.grad(fn))
    expected = torch.stack([torch.func.grad(fn)(x, y) for x, y in zip(logits, targets, strict=True)])
    found = torch.compile(step, fullgraph=True, backend="aot_eager")(logits, targets)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize(
    ("name", "options"), [("mmd", {}), ("ssim", {}), ("mesh", {}), ("feature_reconstruction", {"layer_weights": 2.0})]
)
def test_numbers_may_be_symbols(torch: ModuleType, name: str, options: Options) -> None:
    """As dynamic=True makes of all of them, and of those that change from step to step in any case."""
    case = next(case for case in CASES if case.name == name)
    kwargs = case.inputs(case.options[0] | options)
    step = torch.compile(case.fn, fullgraph=True, backend="eager", dynamic=True)
    found = objective(step(**TORCH.native(kwargs))).numpy()
    np.testing.assert_allclose(found, TORCH.value(case.fn, kwargs), rtol=1e-6)


COLD = """
import sys, torch
from tests.catalog import CASES
from tests.support.frameworks import TORCH, objective
case = next(case for case in CASES if case.name == {name!r})
kwargs = case.inputs(case.options[0])
assert "lossary._core.backends.torch" not in sys.modules
loss = objective(torch.compile(case.fn, fullgraph=True, backend="aot_eager")(**TORCH.leaves(kwargs)))
loss.backward()
eager = objective(case.fn(**TORCH.native(kwargs))).item()
assert abs(loss.item() - eager) < 1e-6 * max(1, abs(eager))
"""


@pytest.mark.parametrize(
    "name", [FIRST_OF_FAMILY[0], *(pytest.param(name, marks=pytest.mark.slow) for name in FIRST_OF_FAMILY[1:])]
)
def test_cold_compilation_in_a_fresh_process(torch: ModuleType, name: str, pytestconfig: pytest.Config) -> None:
    """The first thing that a process does with Lossary: imports inside the trace must not break it."""
    code = COLD.format(name=name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=pytestconfig.rootpath)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("fresh_compiler")
@in_families
def test_export(torch: ModuleType, case: Case) -> None:
    arrays, options = split(case.inputs(case.options[-1]))

    class Step(torch.nn.Module):
        def forward(self, arrays: dict[str, Any]) -> Any:
            return objective(case.fn(**arrays, **options))

    program = torch.export.export(Step(), (TORCH.native(arrays),))
    found = program.module()(TORCH.native(arrays)).numpy()
    np.testing.assert_allclose(found, TORCH.value(case.fn, arrays | options), rtol=1e-6)


@pytest.mark.usefixtures("fresh_compiler")
def test_result_survives_compilation(torch: ModuleType) -> None:
    case = next(case for case in CASES if case.name == "elbo_gaussian")
    kwargs = TORCH.native(case.inputs({"beta": 2.0}))
    result = torch.compile(case.fn, fullgraph=True, backend="eager")(**kwargs)
    assert isinstance(result, lossary.LossResult)
    assert result.diagnostics == pytest.approx(case.fn(**kwargs).diagnostics)


@cases()
def test_autocast_changes_nothing(torch: ModuleType, case: Case) -> None:
    kwargs = case.inputs(case.options[0])
    expected = TORCH.outcome(case.fn, kwargs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = TORCH.outcome(case.fn, kwargs)
    assert found.value.dtype == np.float32
    np.testing.assert_array_equal(found.value, expected.value)
    for name, gradient in found.gradients.items():
        np.testing.assert_array_equal(gradient, expected.gradients[name], err_msg=name)


# ---- bad values ----


def bad_values(which: Callable[[Case, Bad], bool] = lambda case, bad: True) -> pytest.MarkDecorator:
    """Run a test for each bad value of each case."""
    rows = [(case, bad) for case in CASES for bad in case.bad if which(case, bad)]
    return pytest.mark.parametrize(
        ("case", "bad"), [pytest.param(case, bad, id=f"{case.name}-{bad.id}") for case, bad in rows]
    )


def of_an_item(case: Case, bad: Bad) -> bool:
    """Is it a value of one item, which a mask can drop?"""
    return not bad.options and "mask" in case.parameters and case.masks == "items"


def last_of_argument(case: Case, bad: Bad) -> bool:
    return bad is [other for other in case.bad if other.argument == bad.argument][-1]


def with_bad(case: Case, bad: Bad) -> Kwargs:
    """Inputs with the bad value in one place, where it counts."""
    kwargs = case.inputs(case.options[0] | bad.options)
    array = kwargs[bad.argument].copy()
    array.flat[1] = bad.value
    if case.layout.kind == "class" and "labels" in kwargs and array is not kwargs["labels"]:
        kwargs["labels"] = np.ones_like(kwargs["labels"])  # so that the class with the bad weight is asked for
    return kwargs | {bad.argument: array}


def jitted(framework: OnNumpy, case: Case, kwargs: Kwargs) -> Any:
    return framework.outcome(case.fn, kwargs).value


def compiled(framework: OnNumpy, case: Case, kwargs: Kwargs) -> Any:
    import torch

    torch._dynamo.reset()
    return framework.value(torch.compile(case.fn, fullgraph=True, backend="eager"), kwargs)


def unchecked(framework: OnNumpy, case: Case, kwargs: Kwargs) -> Any:
    with lossary.checking(False):
        return framework.value(case.fn, kwargs)


def mapped(framework: OnNumpy, case: Case, kwargs: Kwargs) -> Any:
    import torch

    arrays, options = split(kwargs)
    stacked = {name: array.unsqueeze(0) for name, array in framework.native(arrays).items()}
    return torch.func.vmap(lambda arrays: objective(case.fn(**arrays, **options)))(stacked).numpy()


Route = Callable[[OnNumpy, Case, Kwargs], Any]
ROUTES = [
    pytest.param(JAX, jitted, id="jit", marks=row(OnJax, "f32").marks),
    pytest.param(TORCH, compiled, id="compile", marks=row(OnTorch, "f32").marks),
    pytest.param(TORCH, mapped, id="torch.func", marks=row(OnTorch, "f32").marks),
]


@bad_values()
@pytest.mark.parametrize(("framework", "route"), ROUTES)
def test_bad_value_in_a_trace_is_nan(framework: OnNumpy, route: Route, case: Case, bad: Bad) -> None:
    assert np.isnan(route(framework, case, with_bad(case, bad))).any()


@bad_values()
@every_framework
def test_bad_value_with_checks_off_is_nan(framework: OnNumpy, case: Case, bad: Bad) -> None:
    assert np.isnan(unchecked(framework, case, with_bad(case, bad))).any()


@bad_values(of_an_item)
@every_framework
def test_bad_value_under_a_mask_is_no_error(framework: OnNumpy, case: Case, bad: Bad) -> None:
    kwargs = with_bad(case, bad)
    mask = np.full(case.layout.shape(split(kwargs)[0]), True)
    mask.flat[:2] = False
    assert np.isfinite(framework.value(case.fn, kwargs | {"mask": mask}))


@bad_values(last_of_argument)
def test_checking_raises_under_jit(jax: ModuleType, case: Case, bad: Bad, capfd: pytest.CaptureFixture[str]) -> None:
    arrays, options = split(with_bad(case, bad))
    good = split(case.inputs(case.options[0] | bad.options))[0]
    with lossary.checking():
        step = jax.jit(lambda arrays: objective(case.fn(**arrays, **options)))
        assert np.isfinite(step(JAX.native(good))).all()
        with pytest.raises(jax.errors.JaxRuntimeError) as raised:
            jax.block_until_ready(step(JAX.native(arrays)))
    assert bad.text(case, None) in str(raised.value)
    capfd.readouterr()  # JAX prints the callback's traceback too


@pytest.mark.usefixtures("fresh_compiler")
@bad_values(last_of_argument)
def test_checking_raises_under_compile(torch: ModuleType, case: Case, bad: Bad) -> None:
    with lossary.checking():
        step = torch.compile(case.fn, fullgraph=True, backend="eager")
        step(**TORCH.native(case.inputs(case.options[0] | bad.options)))
        with pytest.raises(RuntimeError) as raised:
            step(**TORCH.native(with_bad(case, bad)))
    assert str(raised.value) == bad.text(case, None)


@bad_values(last_of_argument)
def test_checking_raises_under_torch_func(torch: ModuleType, case: Case, bad: Bad) -> None:
    with lossary.checking(), refused(ValueError, bad.text(case, None)):
        mapped(TORCH, case, with_bad(case, bad))


LABELLED = ["cross_entropy_loss", "focal_loss", "multiclass_dice_loss", "dice_cross_entropy_loss"]


@pytest.mark.parametrize("loss", LABELLED)
def test_a_label_out_of_range_shows_in_the_gradient_alone(torch: ModuleType, jax: ModuleType, loss: str) -> None:
    fn, labels = getattr(lossary, loss), np.array([0, 1, 9])
    logits = np.zeros((3, 4), np.float32)
    slope = torch.func.grad(lambda x: objective(fn(x, torch.from_numpy(labels))))(torch.from_numpy(logits))
    assert np.isnan(slope[2].numpy()).all()
    assert np.isnan(
        jax.jit(jax.grad(lambda x: objective(fn(x, jax.numpy.asarray(labels), channel_axis=1))))(logits)[2]
    ).all()


def test_checking_is_restored() -> None:
    assert lossary.checking.level is None
    with lossary.checking(False):
        assert lossary.checking.level is False
        with lossary.checking():
            assert lossary.checking.level is True
        assert lossary.checking.level is False
    assert lossary.checking.level is None
    with pytest.raises(KeyError), lossary.checking():
        raise KeyError
    assert lossary.checking.level is None


def test_checking_as_a_statement() -> None:
    before = lossary.checking.level
    lossary.checking(False)
    assert lossary.checking.level is False
    lossary.checking.level = before
