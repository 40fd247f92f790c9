"""Large inputs through torch.compile, against the compiled bare formula."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from . import arrays, limits
from .harness import Case
from .question import Scale, timed
from .subjects import ALGEBRAIC, MAPS, STEPS, TRAINING, Subject, running, subject, tensors

ELEMENTWISE = (
    "mse",
    "mae",
    "huber",
    "smooth_l1",
    "log_cosh",
    "charbonnier",
    "asymmetric_mse",
    "binary_cross_entropy",
    "binary_focal",
)
OF_CLASSES = ("cross_entropy", "focal")


def cases(scale: Scale) -> Iterator[Case]:
    for name in ELEMENTWISE:
        yield from _of(subject(name), (scale.items,), scale.compiler)
    for name in OF_CLASSES:
        yield from _of(subject(name), arrays.rows_of(100, scale.items), scale.compiler)
    for one in MAPS:
        yield from _of(one, arrays.map_within(scale.items), scale.compiler)


def _of(one: Subject, shape: tuple[int, ...], compiler: str | None) -> Iterator[Case]:
    inputs = tensors(one.inputs(shape))
    for step in STEPS:
        torch.compiler.reset()  # or the shapes and gradients of the case before would count as recompilations
        ours, theirs = (
            running(step, _compiled(function, compiler), inputs, one.wrt) for function in (one.ours, one.bare)
        )
        yield Case(one.name, step, shape, ours, theirs, "compiled formula", 1.05, None)
        if one.name in ALGEBRAIC:  # predictions and targets are read, and the gradient is written
            copy = limits.moving((3 if step == TRAINING else 2) * arrays.entries(shape))
            yield Case(one.name, step, shape, ours, copy, limits.BANDWIDTH, 1 / limits.SHARE, None, equal=False)


def _compiled(function: Callable[..., Any], compiler: str | None) -> Callable[..., Any]:
    if compiler is None:
        return function
    return torch.compile(function, backend=compiler, fullgraph=True, dynamic=False)


QUESTION = timed(
    "torch_compiled",
    "Large inputs, torch.compile, against the compiled bare formula",
    "4 M entries, `torch.compile(fullgraph=True)` with its default backend on both sides; compiling is not timed.\n"
    "The rows against a copy hold losses without a transcendental function to 70 % of the memory's speed: predictions\n"
    "and targets read once and, with the backward pass, the gradient written once.",
    cases,
)
