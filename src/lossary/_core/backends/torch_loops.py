"""PyTorch: over blocks of rows, over steps, and through functions."""

# torch leaves the results of its autograd functions untyped.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from .torch_modes import plain, transformed, visible
from .torch_rows import by_rows_stored, total_stored


def by_rows(
    function: Callable[..., Any],
    rows: Sequence[Tensor],
    shared: Sequence[Tensor],
    /,
    *,
    chunk_size: int | None,
    axis: int = 0,
) -> Any:
    if chunk_size is None or rows[0].shape[axis] <= chunk_size:
        return function(*rows, *shared)
    if plain(*rows, *shared):
        return by_rows_stored(function, chunk_size, axis, len(rows), *rows, *shared)
    parts = [
        _computed_again(function, *block, *shared)
        for block in zip(*(torch.split(row, chunk_size, axis) for row in rows), strict=True)
    ]
    if not isinstance(parts[0], tuple):
        return torch.cat(parts, dim=axis)
    return tuple(torch.cat(part, dim=axis) for part in zip(*parts, strict=True))


def unrolls() -> bool:
    return torch.compiler.is_compiling()


def total_by_rows(
    function: Callable[..., Any], rows: Sequence[Tensor], shared: Sequence[Tensor], /, *, chunk_size: int | None
) -> Tensor:
    if chunk_size is None or rows[0].shape[0] <= chunk_size or not plain(*rows, *shared):
        return torch.sum(by_rows(function, rows, shared, chunk_size=chunk_size))
    return total_stored(function, chunk_size, len(rows), torch.is_grad_enabled(), *rows, *shared)


def _computed_again(function: Callable[..., Any], *arrays: Tensor) -> Any:
    if not torch.compiler.is_compiling():  # torch.func's transforms refuse the hooks of a checkpoint
        return function(*arrays)
    from torch.utils.checkpoint import checkpoint  # its import takes seconds

    return checkpoint(function, *arrays, use_reentrant=False)


def either(condition: Tensor, yes: Callable[[], Tensor], no: Callable[[], Tensor], /) -> Tensor:
    if visible(condition):
        if bool(condition.all()):
            return yes()
        if not bool(condition.any()):
            return no()
    return torch.where(condition, yes(), no())


def iterate(step: Callable[[Any], Any], state: Any, times: int, /) -> Any:
    if torch.compiler.is_compiling() and isinstance(state, tuple) and not transformed():
        parts = cast(tuple[Tensor, ...], state)
        if not [part for part in parts if part.requires_grad]:
            return _looped(step, parts, times)
    for _ in range(times):
        state = step(state)
    return state


def _looped(step: Callable[[Any], Any], state: tuple[Tensor, ...], times: int) -> tuple[Tensor, ...]:
    """As one loop of the compiled program, which would otherwise hold every step and take minutes to compile."""
    from torch._higher_order_ops.while_loop import while_loop

    def more(count: Tensor, *_: Tensor) -> Tensor:
        return count < times

    def next_state(count: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        return count + 1, *step(state)

    return while_loop(more, next_state, (torch.zeros((), dtype=torch.int64, device=state[0].device), *state))[1:]


def gradient(function: Callable[[Any], Any], x: Tensor, /) -> Tensor:
    def total(x: Tensor) -> Tensor:
        return torch.sum(function(x))

    # torch.compile traces torch.func's gradient, and a second one through it; not that of autograd.
    if torch.compiler.is_compiling() or transformed():
        return torch.func.grad(total)(x)
    with torch.enable_grad():
        x = x if x.requires_grad else x.detach().requires_grad_()
        value = total(x)
        if not value.requires_grad:  # a constant
            return torch.zeros_like(x)
        return torch.autograd.grad(value, x, create_graph=True, materialize_grads=True)[0]
