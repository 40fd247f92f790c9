"""Streaming: what a loss computes a few rows at a time is what it computes at once, in less memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lossary
from tests.catalog import Case, cases
from tests.support.compare import assert_close_by_rows
from tests.support.frameworks import JAX, TORCH, Kwargs, OnJax, OnNumpy, OnTorch, Outcome, objective, row, split
from tests.support.memory import kept
from tests.support.refusal import call, refused

TOLERANCES = {"f32": (1e-6, 1e-5), "f64": (1e-12, 1e-12)}  # precision: tolerance of values, of gradients
ROWS = 6  # examples in the inputs of the catalog
SIZES = (1, 2, 3, ROWS - 1, ROWS, ROWS + 1, "auto")


def streams(case: Case) -> bool:
    return case.chunked


def check_same(case: Case, framework: OnNumpy, found: Outcome, dense: Outcome) -> None:
    value_tolerance, gradient_tolerance = (case.factor * t for t in TOLERANCES[framework.precision])
    assert_close_by_rows(found.value, dense.value, value_tolerance)
    for name in set(found.gradients) - set(case.not_differentiable):
        assert_close_by_rows(found.gradients[name], dense.gradients[name], gradient_tolerance, name)


def masked(case: Case, kwargs: Kwargs) -> dict[str, Any]:
    """The same with two items of three counting, if there is a mask of items."""
    if "mask" not in case.parameters or case.masks != "items":
        return dict(kwargs)
    shape = case.layout.shape(split(kwargs)[0])
    return {**kwargs, "mask": np.arange(np.prod(shape)).reshape(shape) % 3 > 0}


every_precision = pytest.mark.parametrize(
    "framework", [row(OnNumpy, "f64"), row(OnTorch, "f32"), row(OnTorch, "f64"), row(OnJax, "f32")]
)


@cases(where=streams)
@every_precision
def test_streamed_is_dense(case: Case, framework: OnNumpy) -> None:
    for options in case.options:
        kwargs = case.inputs(options)
        dense = framework.outcome(case.items, {**kwargs, "chunk_size": None})
        sizes = SIZES if framework.name != "jax" else SIZES[1:3]  # each of which JAX compiles
        for size in sizes:
            check_same(case, framework, framework.outcome(case.items, {**kwargs, "chunk_size": size}), dense)


@cases(where=streams, sampled="family")
@pytest.mark.parametrize("framework", [row(OnJax, "f32"), row(OnJax, "f64")])
def test_streamed_is_dense_in_blocks_of_any_size_on_jax(case: Case, framework: OnNumpy) -> None:
    kwargs = case.inputs(case.options[0])
    dense = framework.outcome(case.fn, {**kwargs, "chunk_size": None})
    for size in SIZES:
        check_same(case, framework, framework.outcome(case.fn, {**kwargs, "chunk_size": size}), dense)


@cases(where=streams)
@every_precision
def test_masked_and_streamed_is_dense(case: Case, framework: OnNumpy) -> None:
    kwargs = masked(case, case.inputs(case.options[0]))
    dense = framework.outcome(case.fn, {**kwargs, "chunk_size": None})
    check_same(case, framework, framework.outcome(case.fn, {**kwargs, "chunk_size": 4}), dense)


@cases(where=streams)
def test_streamed_under_jit(jax: ModuleType, case: Case) -> None:
    arrays, options = split(case.inputs(case.options[0]))
    function = jax.jit(lambda arrays: objective(case.fn(**arrays, **options, chunk_size=4)))
    dense = JAX.value(case.fn, {**arrays, **options, "chunk_size": None})
    assert_close_by_rows(np.asarray(function(JAX.native(arrays))), dense, 1e-6 * case.factor)


@cases(where=streams)
def test_streamed_under_compile(torch: ModuleType, case: Case) -> None:
    torch._dynamo.reset()
    kwargs = case.inputs(case.options[0])
    compiled = torch.compile(case.fn, fullgraph=True, backend="eager")
    found = TORCH.outcome(compiled, {**kwargs, "chunk_size": 4})
    check_same(case, TORCH, found, TORCH.outcome(case.fn, {**kwargs, "chunk_size": None}))


@cases(where=streams)
@pytest.mark.parametrize("size", [0, -1, 2.0, True, "many"], ids=repr)
def test_size_that_is_none(case: Case, size: Any) -> None:
    text = f'expected chunk_size to be None, "auto" or an integer >= 1; got chunk_size {size!r}'
    for framework in (OnNumpy(), TORCH, JAX):
        pytest.importorskip(framework.name)
        with refused(ValueError, f"{case.fn.__name__}: {text}"):
            call(framework, case.fn, case.inputs(case.options[0]) | {"chunk_size": size})


@pytest.mark.parametrize("framework", [row(OnNumpy, "f32"), row(OnTorch, "f32")])
def test_a_table_without_memory_says_how_large_it_is_and_what_to_do(framework: OnNumpy) -> None:
    """Asked for as a whole, of more bytes than a process has addresses for. JAX computes in the background, and tells
    only whoever uses the result.
    """
    points = framework.native({"points": np.ones((1 << 23, 1), np.float32)})["points"]
    told = re.escape(
        '8388608 numbers (262,144 GiB in float32) that chunk_size=None asks for; chunk_size="auto" computes'
    )
    for distance in (lossary.energy_distance, lossary.sinkhorn_divergence):
        with pytest.raises(MemoryError, match=f"^{distance.__name__}: no memory for the table"):
            distance(points, points, chunk_size=None)
    with pytest.raises(MemoryError, match=f"^clip_loss: no memory for the table of 8388608 × {told} it in blocks$"):
        lossary.clip_loss(points, points, chunk_size=None)


OF_DISTANCES = [lossary.energy_distance, lossary.maximum_mean_discrepancy, lossary.sinkhorn_divergence]
of_distances = pytest.mark.parametrize("loss", OF_DISTANCES, ids=lambda loss: loss.__name__)
FEATURES = 256  # far more than there are tables at any time


@of_distances
def test_no_table_has_an_axis_of_features_in_jax(jax: ModuleType, loss: Callable[..., Any]) -> None:
    points = jax.ShapeDtypeStruct((64, FEATURES), np.float32)
    step = jax.jit(jax.grad(loss, argnums=(0, 1))).lower(points, points).compile()
    assert step.memory_analysis().temp_size_in_bytes < 4 * FEATURES * 64 * 64


@of_distances
def test_no_table_has_an_axis_of_features_under_torch_func(torch: ModuleType, loss: Callable[..., Any]) -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    class Largest(TorchDispatchMode):
        numbers = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            self.numbers = max(self.numbers, getattr(result, "numel", int)())
            return result

    x, y = torch.ones(64, FEATURES), torch.zeros(64, FEATURES)
    with Largest() as largest:
        torch.func.grad(loss)(x, y)
    assert 64 * FEATURES <= largest.numbers < 64 * 64 * FEATURES / 4


@cases(where=streams)
def test_what_is_kept_for_the_backward_pass_is_less_than_a_table(torch: ModuleType, case: Case) -> None:
    """Bytes that torch's graph holds, those that custom functions save included, against those of n · n float32."""
    kwargs = TORCH.leaves(case.arrays((case.many, 5)) | case.fixed | case.options[0] | {"chunk_size": 16})
    arrays = [array for array in kwargs.values() if isinstance(array, torch.Tensor)]
    assert kept(torch, lambda *_: objective(case.fn(**kwargs)).sum(), *arrays) < case.many**2 * 4
