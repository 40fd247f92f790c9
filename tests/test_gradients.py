"""Gradients: against finite differences, a second time, on large arrays, and by every way that torch and JAX have."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.catalog import REPRESENTATIVES, Case, Options, cases, options
from tests.support.compare import assert_close_by_rows
from tests.support.frameworks import JAX_F64, TORCH, TORCH_F64, Kwargs, Loss, floating, objective
from tests.support.inputs import SHAPES

WEIGHTS = np.linspace(0.5, 2.0, SHAPES["rows"][0])
LARGE = 54_000  # rows of five: three of the blocks of 2¹⁷ elements that eager torch works in
PIECE = 18_000  # rows that fit one


def weighted(case: Case, options: Options | None = None) -> Kwargs:
    """Inputs with all that a gradient can be taken towards: weights too; those per class away from their bound 0."""
    kwargs = case.inputs(options or case.options[0])
    kwargs |= {name: kwargs[name] + 0.125 for name in floating(kwargs) if name.endswith("_weights")}
    shifted = {name: kwargs[name] + 0.5 for name in floating(options or {})}
    return kwargs | shifted | ({"weights": WEIGHTS} if "weights" in case.parameters else {})


def as_function(loss: Loss, kwargs: Kwargs, *but: str | None) -> tuple[Any, list[Any]]:
    """The loss as a function of its floating arrays alone, by position, and those arrays in float64."""
    leaves = TORCH_F64.leaves(kwargs)
    names = [name for name in floating(kwargs) if name not in but]
    return lambda *arrays: objective(loss(**leaves | dict(zip(names, arrays, strict=True)))), [leaves[n] for n in names]


def away_from_ignored(case: Case, options: Options) -> tuple[Any, list[Any]]:
    """The mean loss as a function; of its targets too, unless some are ignored: next to those there is no loss."""
    ignored = case.ignored if "ignore_index" in options else None
    return as_function(case.fn, weighted(case, options), ignored, *case.not_differentiable)


def second_gradient(torch: ModuleType, first: Any, leaves: list[Any]) -> Any:
    """The gradient of Σ gradient · argument."""
    total = sum((g * leaf).sum() for g, leaf in zip(first, leaves, strict=True))
    return torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)


# ---- finite differences ----


@options(where=lambda case: not case.detached)
def test_finite_differences(torch: ModuleType, case: Case, options: Options) -> None:
    assert torch.autograd.gradcheck(*away_from_ignored(case, options))


@options(where=lambda case: case.second_order and not case.detached)
def test_second_derivatives_by_finite_differences(torch: ModuleType, case: Case, options: Options) -> None:
    assert torch.autograd.gradgradcheck(*away_from_ignored(case, options), fast_mode=True)


OFTEN = {*REPRESENTATIVES.values(), "gaussian_kl"}


@pytest.mark.parametrize("mode", ["fwd", "rev"])
@cases(where=lambda case: case.name in OFTEN)
def test_finite_differences_in_jax(jax: ModuleType, case: Case, mode: str) -> None:
    check_jax_gradients(jax, case, mode)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fwd", "rev"])
@cases(where=lambda case: case.name not in OFTEN and not case.detached)
def test_finite_differences_in_jax_of_all(jax: ModuleType, case: Case, mode: str) -> None:
    check_jax_gradients(jax, case, mode)


def check_jax_gradients(jax: ModuleType, case: Case, mode: str) -> None:
    from jax.test_util import check_grads

    kwargs = weighted(case)
    names = case.differentiable(kwargs)
    with JAX_F64.scope():
        native = JAX_F64.native(kwargs)
        function = jax.jit(lambda *arrays: objective(case.fn(**native | dict(zip(names, arrays, strict=True)))))
        order = 2 if case.second_order else 1
        arrays = [native[name] for name in names]
        # A step below the smallest distance of any input from a kink, 9e-5 between two pixels.
        check_grads(function, arrays, order=order, modes=[mode], atol=1e-5, rtol=1e-5, eps=1e-5)


# ---- one gradient, however it is asked for ----


@options(where=lambda case: case.second_order)
def test_gradient_is_the_same_with_a_graph_of_its_own(torch: ModuleType, case: Case, options: Options) -> None:
    function, leaves = as_function(case.items, case.inputs_with_kinks(options), *case.not_differentiable)
    plain = torch.autograd.grad(function(*leaves).sum(), leaves)
    graphed = torch.autograd.grad(function(*leaves).sum(), leaves, create_graph=True)
    for found, expected in zip(graphed, plain, strict=True):
        assert not expected.requires_grad
        assert_close_by_rows(found.detach().numpy(), expected.numpy(), 1e-12)


@options()
def test_gradient_towards_one_argument_is_the_same_alone(torch: ModuleType, case: Case, options: Options) -> None:
    function, leaves = as_function(case.items, case.inputs_with_kinks(options), *case.not_differentiable)
    together = torch.autograd.grad(function(*leaves).sum(), leaves)
    for i, expected in enumerate(together):
        only = [leaf.detach().requires_grad_(i == j) for j, leaf in enumerate(leaves)]
        (found,) = torch.autograd.grad(function(*only).sum(), [only[i]])
        assert_close_by_rows(found.detach().numpy(), expected.detach().numpy(), 1e-12)


@cases()
def test_value_does_not_depend_on_whether_a_gradient_is_wanted(torch: ModuleType, case: Case) -> None:
    kwargs = case.inputs(case.options[0])
    value = objective(case.fn(**TORCH.leaves(kwargs))).detach()
    assert torch.equal(value, objective(case.fn(**TORCH.native(kwargs))))
    with torch.no_grad():
        assert torch.equal(value, objective(case.fn(**TORCH.leaves(kwargs))))


@cases()
def test_torch_func(torch: ModuleType, case: Case) -> None:
    function, leaves = as_function(case.fn, weighted(case), *case.not_differentiable)
    towards = tuple(range(len(leaves)))

    def total(*arrays: Any) -> Any:
        return function(*arrays).sum()

    def product(*arrays: Any) -> Any:
        return sum((g * a).sum() for g, a in zip(torch.func.grad(total, towards)(*arrays), arrays, strict=True))

    expected = torch.autograd.grad(total(*leaves), leaves, create_graph=case.second_order)
    found = torch.func.grad(total, towards)(*leaves)
    if case.second_order:
        found = (*found, *torch.func.grad(product, towards)(*leaves))
        expected = (*expected, *second_gradient(torch, expected, leaves))
    for f, e in zip(found, expected, strict=True):
        torch.testing.assert_close(f, e, rtol=1e-10, atol=1e-12)


@cases(where=lambda case: not case.detached)
def test_torch_func_forwards(torch: ModuleType, case: Case) -> None:
    """Forward mode, and forward over reverse as in torch.func.hessian."""
    function, leaves = as_function(case.fn, weighted(case), *case.not_differentiable)
    towards, leaves = tuple(range(len(leaves))), [leaf.detach() for leaf in leaves]
    steps = tuple(torch.cos(leaf) for leaf in leaves)

    def total(*arrays: Any) -> Any:
        return function(*arrays).sum()

    gradients = torch.func.grad(total, towards)(*leaves)
    _, along = torch.func.jvp(total, tuple(leaves), steps)
    torch.testing.assert_close(along, sum((g * s).sum() for g, s in zip(gradients, steps, strict=True)))
    if case.second_order:
        _, found = torch.func.jvp(torch.func.grad(total, towards), tuple(leaves), steps)
        again = torch.func.grad(
            lambda *a: sum((g * s).sum() for g, s in zip(torch.func.grad(total, towards)(*a), steps, strict=True)),
            towards,
        )(*leaves)
        for f, e in zip(found, again, strict=True):
            torch.testing.assert_close(f, e, rtol=1e-9, atol=1e-11)


@cases(where=lambda case: case.second_order and not case.detached, sampled="loss")
def test_torch_func_hessian_towards_one(torch: ModuleType, case: Case) -> None:
    """Its columns forwards over backwards are those of autograd, towards targets too."""
    function, leaves = as_function(case.fn, weighted(case), *case.not_differentiable)
    leaves = [leaf.detach() for leaf in leaves]
    for i, leaf in enumerate(leaves):

        def total(array: Any, i: int = i) -> Any:
            return function(*leaves[:i], array, *leaves[i + 1 :]).sum()

        step = torch.cos(leaf)
        found = torch.func.vmap(lambda s, f=total, x=leaf: torch.func.jvp(torch.func.jacrev(f), (x,), (s,))[1])(
            torch.stack([step, 2 * step])
        )
        again = torch.func.grad(lambda x, f=total, s=step: (torch.func.grad(f)(x) * s).sum())(leaf)
        torch.testing.assert_close(found, torch.stack([again, 2 * again]), rtol=1e-9, atol=1e-11)


@cases()
def test_torch_vmap(torch: ModuleType, case: Case) -> None:
    function, leaves = as_function(case.fn, case.inputs(case.options[0]), *case.not_differentiable)
    stacks = [torch.stack([leaf.detach(), leaf.detach().roll(1, 0), leaf.detach().flip(0)]) for leaf in leaves]
    looped = [function(*(stack[i] for stack in stacks)) for i in range(3)]
    torch.testing.assert_close(torch.func.vmap(function)(*stacks), torch.stack(looped))

    def gradients(*arrays: Any) -> Any:
        return torch.func.grad(lambda *a: function(*a).sum(), tuple(range(len(arrays))))(*arrays)

    each = [gradients(*(stack[i] for stack in stacks)) for i in range(3)]
    for found, *expected in zip(torch.func.vmap(gradients)(*stacks), *each, strict=True):
        torch.testing.assert_close(found, torch.stack(expected))


@cases(where=lambda case: case.second_order, sampled="family")
def test_second_derivatives_agree_with_jax(jax: ModuleType, torch: ModuleType, case: Case) -> None:
    kwargs = weighted(case)
    names = case.differentiable(kwargs)

    def total(arrays: dict[str, Any], rest: dict[str, Any]) -> Any:
        return objective(case.fn(**rest, **arrays)).sum()

    with JAX_F64.scope():
        native = JAX_F64.native(kwargs)
        arrays = {name: native.pop(name) for name in names}
        product = jax.grad(lambda a: sum((g * a[name]).sum() for name, g in jax.grad(total)(a, native).items()))
        found = {name: np.asarray(g) for name, g in jax.jit(product)(arrays).items()}
    function, leaves = as_function(case.fn, kwargs, *case.not_differentiable)
    first = torch.autograd.grad(function(*leaves).sum(), leaves, create_graph=True)
    for name, expected in zip(names, second_gradient(torch, first, leaves), strict=True):
        np.testing.assert_allclose(found[name], expected.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


# ---- large arrays ----


def derivatives(torch: ModuleType, case: Case, arrays: dict[str, Any], options: Options, pull: Any) -> list[Any]:
    """Losses, the gradients of Σ pull · losses, and second derivatives."""
    arrays = {name: a.requires_grad_() if a.is_floating_point() else a for name, a in arrays.items()}
    leaves = [a for a in arrays.values() if a.is_floating_point()]
    losses = case.items(**arrays, **options)
    pull = pull.reshape(pull.shape + (1,) * (losses.ndim - 1))
    plain = torch.autograd.grad((losses * pull).sum(), leaves, retain_graph=True)
    first = torch.autograd.grad((losses * pull).sum(), leaves, create_graph=True)
    return [losses.detach(), *plain, *second_gradient(torch, first, leaves)]


def check_pieces(torch: ModuleType, case: Case, arrays: dict[str, Any]) -> None:
    """The whole, which eager torch works through in blocks, is its pieces, which need none."""
    options = case.fixed | case.options[0]
    pull = torch.linspace(-1, 2, LARGE)
    whole = derivatives(torch, case, arrays, options, pull)
    pieces = []
    for start in range(0, LARGE, PIECE):
        part = slice(start, start + PIECE)
        taken = {name: a.detach()[part].contiguous() for name, a in arrays.items()}
        pieces.append(derivatives(torch, case, taken, options, pull[part]))
    for found, *expected in zip(whole, *pieces, strict=True):
        torch.testing.assert_close(found, torch.cat(expected), rtol=2e-6, atol=2e-6 * found.abs().max().item())


def large(case: Case, rng: np.random.Generator) -> dict[str, Any]:
    return {name: TORCH.array(array) for name, array in case.make(rng, (LARGE, SHAPES["rows"][1])).items()}


@cases(where=lambda case: case.large and case.per_item, sampled="loss")
def test_large_arrays_equal_their_pieces(torch: ModuleType, case: Case, rng: np.random.Generator) -> None:
    check_pieces(torch, case, large(case, rng))


@cases(where=lambda case: case.large and case.layout.kind != "example", sampled="loss")
def test_large_transposed_arrays_equal_their_pieces(torch: ModuleType, case: Case, rng: np.random.Generator) -> None:
    transposed = {name: a.transpose(0, -1).contiguous().transpose(0, -1) for name, a in large(case, rng).items()}
    check_pieces(torch, case, transposed)


@cases(where=lambda case: case.name in ("huber", "charbonnier", "binary_focal", "soft_cross_entropy"))
def test_large_arrays_of_two_layouts_equal_their_pieces(
    torch: ModuleType, case: Case, rng: np.random.Generator
) -> None:
    first, *others = large(case, rng).items()
    check_pieces(torch, case, {first[0]: first[1].t().contiguous().t(), **dict(others)})


@cases(where=lambda case: case.large and case.reducible and case.per_item, sampled="loss")
def test_large_means(torch: ModuleType, case: Case, rng: np.random.Generator) -> None:
    kwargs = case.make(rng, (LARGE, SHAPES["rows"][1])) | case.fixed | case.options[0]
    found = TORCH.outcome(case.fn, kwargs)
    expected = TORCH_F64.outcome(case.fn, kwargs)
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-6, atol=1e-8)
    for name, gradient in found.gradients.items():
        np.testing.assert_allclose(gradient, expected.gradients[name], rtol=1e-4, atol=1e-6 * abs(gradient).max())


@pytest.mark.parametrize("axis", [0, 1, 2])
@cases(where=lambda case: case.large and case.layout.kind == "class" and case.reducible)
def test_large_arrays_with_classes_along_any_axis(
    torch: ModuleType, case: Case, axis: int, rng: np.random.Generator
) -> None:
    kwargs = case.make(rng, (300, 5, 200)) | case.options[0]
    expected = TORCH.outcome(case.items, kwargs)
    moved = {name: np.moveaxis(value, 1, axis) if np.ndim(value) == 3 else value for name, value in kwargs.items()}
    found = TORCH.outcome(case.items, moved | {"channel_axis": axis})
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-5)
    for name, gradient in found.gradients.items():
        np.testing.assert_allclose(np.moveaxis(gradient, axis, 1), expected.gradients[name], rtol=1e-5, atol=1e-7)
