"""Questions about time and memory at once: each row is held to both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

import torch
from torch import Tensor

from .harness import Rounds, Side, compare, timed_alone
from .memory import peak_of
from .question import Question, Row, Scale, shape_text, target_text

MIB = 2**20
COLUMNS = (
    "loss", "shape", "in", "against", "ours ms", "theirs ms", "ratio", "target", "limit ms", "peak MiB", "target MiB",
)  # fmt: skip
LONG = 0.2  # seconds: what takes at least as long is timed in few rounds of one turn
FEW = Rounds(3, 3, turns=1)


@dataclass(frozen=True)
class Sized:
    """One row: `ours` in time against `theirs`, if there is one, and its memory beyond inputs and gradients."""

    name: str
    shape: tuple[int, ...]
    framework: str
    ours: Side
    memory: Callable[[], float]  # bytes
    against: str = ""
    theirs: Side | None = None
    target: float | None = None  # of the ratio
    most: float | None = None  # MiB
    limit: float | None = None  # seconds that the machine needs at least
    slow: bool = False  # for a few rounds only, whatever the limit
    equal: bool = True  # False: the other side is a yardstick that computes something else


def sized(name: str, title: str, notes: str, cases: Callable[[Scale], Iterator[Sized]]) -> Question:
    """A question whose rows are held to a ratio and to an amount of memory."""

    def rows(scale: Scale, say: Callable[[str], None]) -> Iterator[Row]:
        for case in cases(scale):
            say(f"{case.name} {shape_text(case.shape)}")
            yield _row(case, scale)

    return Question(name, title, notes, COLUMNS, rows, numbers_from=4, cases=cases)


def _row(case: Sized, scale: Scale) -> Row:
    rounds = FEW if case.slow or (case.limit or 0.0) > LONG else scale.rounds
    alone = case.theirs is None
    ratio = timed_alone(case.ours) if case.theirs is None else compare(case.ours, case.theirs, rounds)
    peak = case.memory() / MIB
    judged = [
        *([] if case.target is None else [ratio.median <= case.target]),
        *([] if case.most is None else [peak <= case.most]),
    ]
    cells = (
        case.name,
        shape_text(case.shape),
        case.framework,
        case.against,
        f"{ratio.ours * 1e3:.3g}",
        "" if alone else f"{ratio.theirs * 1e3:.3g}",
        "" if alone else f"{ratio.median:.2f}",
        target_text(case.target),
        "" if case.limit is None else f"{case.limit * 1e3:.3g}",
        f"{peak:.1f}",
        target_text(case.most),
    )
    return Row(cells, all(judged) if judged else None)


# ---- sides ----


def training(function: Callable[..., Tensor], leaves: list[Tensor], *others: Any) -> Side:
    """Forward and backward in eager PyTorch; the gradients are what comes back."""
    leaves = [leaf.detach().requires_grad_() for leaf in leaves]

    def step() -> tuple[Tensor, ...]:
        loss = function(*leaves, *others)
        return loss.detach(), *torch.autograd.grad(loss, leaves)

    return step


def beyond_gradients(step: Side, leaves: list[Tensor]) -> Callable[[], float]:
    """Peak of what a training step allocates, less the gradients that it gives."""
    return lambda: peak_of(step) - sum(leaf.nbytes for leaf in leaves)


class Jitted:
    """Value and gradients in JAX, compiled once: the step, and the temporary memory that XLA gives it."""

    def __init__(self, function: Callable[..., Any], leaves: list[Any], *others: Any) -> None:
        import jax

        self._given = (*leaves, *others)
        self._ready = jax.block_until_ready
        step = jax.value_and_grad(function, argnums=tuple(range(len(leaves))))
        self._compiled = jax.jit(step).lower(*self._given).compile()

    def __call__(self) -> Any:
        return self._ready(self._compiled(*self._given))

    def memory(self) -> float:
        """Bytes."""
        analysis = self._compiled.memory_analysis()
        return inf if analysis is None else float(analysis.temp_size_in_bytes)


def in_torch(name: str, function: Callable[..., Tensor], leaves: list[Any], *others: Any, **rest: Any) -> Sized:
    tensors = [torch.from_numpy(leaf) for leaf in leaves]
    step = training(function, tensors, *others)
    theirs = rest.pop("theirs", None)
    given = {} if theirs is None else {"theirs": training(theirs, tensors, *others)}
    shape = rest.pop("shape", leaves[0].shape)
    return Sized(name, shape, "torch", step, beyond_gradients(step, tensors), **given, **rest)


def in_jax(name: str, function: Callable[..., Any], leaves: list[Any], *others: Any, **rest: Any) -> Sized:
    import jax.numpy as jnp

    inputs = [jnp.asarray(leaf) for leaf in leaves]
    step = Jitted(function, inputs, *others)
    theirs = rest.pop("theirs", None)
    given = {} if theirs is None else {"theirs": Jitted(theirs, inputs, *others)}
    return Sized(name, leaves[0].shape, "jax", step, step.memory, **given, **rest)
