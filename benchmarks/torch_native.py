"""Large inputs in eager PyTorch, against torch's own fused functions."""

from __future__ import annotations

from collections.abc import Iterator

from . import arrays
from .harness import Case
from .question import Scale, timed
from .subjects import STEPS, running, subject, tensors

CLASSES = (10, 100, 1000)
ELEMENTWISE = ("mse", "mae", "huber", "smooth_l1", "binary_cross_entropy")
TARGETS = {False: 1.05, True: 1.10}  # by whether values are checked


def cases(scale: Scale) -> Iterator[Case]:
    for name in ELEMENTWISE:
        yield from _of(name, (scale.items,))
    for classes in CLASSES:
        yield from _of("cross_entropy", arrays.rows_of(classes, scale.items))


def _of(name: str, shape: tuple[int, ...]) -> Iterator[Case]:
    one = subject(name)
    assert one.native is not None
    inputs = tensors(one.inputs(shape))
    for step in STEPS:
        for checks, target in TARGETS.items():
            ours, theirs = (running(step, function, inputs, one.wrt) for function in (one.ours, one.native))
            yield Case(name, step, shape, ours, theirs, "torch.nn.functional", target, checks)


QUESTION = timed(
    "torch_native",
    "Large inputs, eager PyTorch, against torch's own function",
    "4 M entries in float32. Where torch has a fused kernel, ours must not cost more.",
    cases,
)
