"""Memory that a training step holds in eager PyTorch, ours against the composed formula."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from .question import Question, Row, Scale, shape_text
from .subjects import TRAINING, running, subject, tensors
from .torch_composed import shapes


class Held(NamedTuple):
    """Bytes."""

    saved: int  # kept alive by the graph between forward and backward, inputs apart
    peak: int  # the most that was allocated at any moment of forward and backward, inputs apart


def held(function: Callable[..., Tensor], inputs: list[Tensor], wrt: tuple[int, ...]) -> Held:
    return Held(_saved(function, inputs, wrt), peak_of(running(TRAINING, function, inputs, wrt)))


def _saved(function: Callable[..., Tensor], inputs: list[Tensor], wrt: tuple[int, ...]) -> int:
    leaves = [tensor.clone().requires_grad_() if i in wrt else tensor for i, tensor in enumerate(inputs)]
    given = {tensor.untyped_storage().data_ptr() for tensor in leaves}
    storages: dict[int, torch.UntypedStorage] = {}  # held, so that no address is used twice

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = function(*leaves)
    kept = sum(storage.nbytes() for address, storage in storages.items() if address not in given)
    return kept + (0 if result.untyped_storage().data_ptr() in storages else result.untyped_storage().nbytes())


def peak_of(step: Callable[[], Any]) -> int:
    step()  # what is allocated once, on the first call, is not counted
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as run:
        step()
    now = peak = 0
    events = (event for event in run.profiler.kineto_results.events() if event.name() == "[memory]")
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak


def rows(scale: Scale, say: Callable[[str], None]) -> Iterator[Row]:
    for name, shape in shapes(scale):
        say(f"{name} {shape_text(shape)}")
        one = subject(name)
        inputs = tensors(one.inputs(shape))
        ours, theirs = (held(function, inputs, one.wrt) for function in (one.ours, one.bare))
        for what, a, b in zip(("saved for backward", "peak"), ours, theirs, strict=True):
            yield Row((name, shape_text(shape), what, f"{a / 2**20:.1f}", f"{b / 2**20:.1f}", f"{a / b:.2f}"), None)


QUESTION = Question(
    "memory",
    "Memory of forward and backward, eager PyTorch, against the composed formula",
    "Live bytes of the losses above, in MiB; the inputs are not counted, since both sides have them.\n"
    "*saved for backward*: the storages that autograd holds between the passes, each counted once\n"
    "(`torch.autograd.graph.saved_tensors_hooks`), and the result. *peak*: the most that torch's allocator had given\n"
    "out at any moment of the two passes, so with temporaries and the gradient itself (`torch.profiler`, every\n"
    "allocation and release). These are counts: they do not vary.",
    ("loss", "shape", "bytes", "ours MiB", "theirs MiB", "ratio"),
    rows,
    numbers_from=3,
)
