"""Large inputs in eager PyTorch, where torch has no fused function: how many passes over memory a loss makes."""

from __future__ import annotations

from collections.abc import Iterator

from . import arrays
from .harness import Case
from .question import Scale, timed
from .subjects import STEPS, TRAINING, running, subject, tensors

ELEMENTWISE = ("charbonnier", "log_cosh", "asymmetric_mse", "binary_focal")
OF_CLASSES = ("focal", "smoothed cross_entropy")
CLASSES = (10, 100)


def shapes(scale: Scale) -> Iterator[tuple[str, tuple[int, ...]]]:
    for name in ELEMENTWISE:
        yield name, (scale.items,)
    for name in OF_CLASSES:
        for classes in CLASSES:
            yield name, arrays.rows_of(classes, scale.items)


def cases(scale: Scale) -> Iterator[Case]:
    for name, shape in shapes(scale):
        one = subject(name)
        inputs = tensors(one.inputs(shape))
        for step in STEPS:
            ours, theirs = (running(step, function, inputs, one.wrt) for function in (one.ours, one.bare))
            yield Case(name, step, shape, ours, theirs, "bare formula", 0.5 if step == TRAINING else None)


QUESTION = timed(
    "torch_composed",
    "Large inputs, eager PyTorch, against the composed formula",
    "4 M entries. The bare formula makes a pass over memory for every operation, forward and backward; ours works on\n"
    "blocks that stay in the cache and stores one gradient. The target is for forward and backward together.",
    cases,
)
