"""Small inputs in eager PyTorch: what a call itself costs."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from .harness import Case
from .question import Scale, timed
from .subjects import STEPS, SUBJECTS, Subject, running, tensors

SHAPE = (64, 10)
TARGETS = {False: 1.3, True: 1.6}  # by whether values are checked


def cases(scale: Scale) -> Iterator[Case]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for one in SUBJECTS:
            yield from _of(one)
    finally:
        torch.set_num_threads(threads)


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
    "At (64, 10) the arithmetic is nearly free: this is the price of dispatch, checks and reduction. One thread: to\n"
    "wake a second one takes longer than all of it. The bare formulas (`benchmarks/bare.py`) check nothing and know\n"
    "no options. torch's own functions are given for comparison, without a target.",
    cases,
)
