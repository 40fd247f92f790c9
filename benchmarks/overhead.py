"""Small inputs in eager PyTorch: what a call itself costs."""

from __future__ import annotations

from collections.abc import Iterator

from .harness import Case
from .question import Scale, timed
from .subjects import STEPS, SUBJECTS, Subject, running, tensors

SHAPE = (64, 10)
TARGETS = {False: 1.3, True: 1.6}  # by whether values are checked


def cases(scale: Scale) -> Iterator[Case]:
    for one in SUBJECTS:
        yield from _of(one)


def _of(one: Subject) -> Iterator[Case]:
    inputs = tensors(one.inputs(SHAPE))
    for step in STEPS:
        ours, theirs = (running(step, function, inputs, one.wrt) for function in (one.ours, one.bare))
        for checks, target in TARGETS.items():
            yield Case(one.name, step, SHAPE, ours, theirs, "bare formula", target, checks)
        if one.native is not None:
            native = running(step, one.native, inputs, one.wrt)
            yield Case(one.name, step, SHAPE, ours, native, "torch.nn.functional")


QUESTION = timed(
    "overhead",
    "Small inputs, eager PyTorch, against the bare formula",
    "At (64, 10) the arithmetic is nearly free: this is the price of dispatch, checks and reduction. The bare\n"
    "formulas (`benchmarks/bare.py`) check nothing and know no options. torch's own functions are given for\n"
    "comparison, without a target.",
    cases,
)
