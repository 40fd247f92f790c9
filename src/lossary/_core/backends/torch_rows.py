"""Eager PyTorch: tables of pairs, without keeping them.

Autograd stores every intermediate of a table of n × m pairs. These store the points alone and compute the rest again in
the backward pass, block by block. Asked for a second derivative they fall back to the composed formula.
"""
# torch types autograd.Function's context and return values as Any.
# pyright: reportIncompatibleMethodOverride=false, reportUnknownMemberType=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


class ByRows(Function):
    """function(*rows, *shared) for blocks of `chunk` rows along `axis`, joined."""

    @staticmethod
    def forward(ctx: Any, function: Callable[..., Any], chunk: int, axis: int, rows: int, *arrays: Tensor) -> Any:
        ctx.call = function, chunk, axis, rows
        ctx.save_for_backward(*arrays)
        parts = [function(*block) for block in _blocks(arrays, chunk, axis, rows)]
        ctx.single = not isinstance(parts[0], tuple)
        if ctx.single:
            return torch.cat(parts, dim=axis)
        joined = tuple(torch.cat(part, dim=axis) for part in zip(*parts, strict=True))
        ctx.mark_non_differentiable(*(part for part in joined if not part.is_floating_point()))
        return joined

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        function, chunk, axis, rows = ctx.call
        arrays, wanted = ctx.saved_tensors, ctx.needs_input_grad[4:]
        if torch.is_grad_enabled():  # a graph is wanted: the whole table at once
            arrays = _told_apart(arrays)
            chosen = [array for array, want in zip(arrays, wanted, strict=True) if want]
            found = iter(_pulled(function, arrays, chosen, grads, create_graph=True))
            return *[None] * 4, *(next(found) if want else None for want in wanted)
        totals = [torch.zeros_like(array) if want else None for array, want in zip(arrays, wanted, strict=True)]
        for start, block in zip(
            range(0, arrays[0].shape[axis], chunk), _blocks(arrays, chunk, axis, rows), strict=True
        ):
            leaves = [part.detach().requires_grad_(want) for part, want in zip(block, wanted, strict=True)]
            size = leaves[0].shape[axis]
            pulls = tuple(grad.narrow(axis, start, size) for grad in grads)
            with torch.enable_grad():
                found = iter(_pulled(function, leaves, [leaf for leaf in leaves if leaf.requires_grad], pulls))
            for i, total in enumerate(totals):
                if total is not None:
                    (total.narrow(axis, start, size) if i < rows else total).add_(next(found))
        return *[None] * 4, *totals


def _told_apart(arrays: Any) -> list[Tensor]:
    """The same tensors, as different ones where one is given twice: each has a gradient of its own."""
    return [array.view_as(array) for array in arrays]


class TotalByRows(Function):
    """Σ function(*rows, *shared), block by block. A sum has one gradient but for a factor: the forward pass takes it,
    while it has the block, and nothing is computed twice.
    """

    @staticmethod
    def forward(
        ctx: Any, function: Callable[..., Any], chunk: int, rows: int, training: bool, *arrays: Tensor
    ) -> Tensor:
        wanted = [training and want for want in ctx.needs_input_grad[4:]]
        slopes = [torch.zeros_like(array) if want else None for array, want in zip(arrays, wanted, strict=True)]
        parts: list[Tensor] = []
        for start, block in zip(range(0, arrays[0].shape[0], chunk), _blocks(arrays, chunk, 0, rows), strict=True):
            if not any(wanted):
                parts.append(torch.sum(function(*block)))
                continue
            leaves = [part.detach().requires_grad_(want) for part, want in zip(block, wanted, strict=True)]
            for leaf, slope in zip(leaves[rows:], slopes[rows:], strict=True):
                leaf.total = slope  # type: ignore[attr-defined]  # where `linear` adds to it
            with torch.enable_grad():
                part = torch.sum(function(*leaves))
                towards = [leaf for leaf in leaves if leaf.requires_grad]
                found: Iterator[Any] = iter(torch.autograd.grad(part, towards, allow_unused=True))
            parts.append(part.detach())
            for i, slope in enumerate(slopes):
                if slope is not None and (more := next(found)) is not None:
                    (slope.narrow(0, start, leaves[0].shape[0]) if i < rows else slope).add_(more)
            del found  # or the slopes of this block would live on beside those of the next
        ctx.function = function
        ctx.slopes = len(slopes)
        ctx.save_for_backward(*slopes, *arrays)
        return torch.sum(torch.stack(parts))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        slopes, arrays = ctx.saved_tensors[: ctx.slopes], ctx.saved_tensors[ctx.slopes :]
        if torch.is_grad_enabled():  # a graph is wanted: the whole table at once
            arrays = _told_apart(arrays)
            chosen = [array for array, slope in zip(arrays, slopes, strict=True) if slope is not None]
            total = torch.sum(ctx.function(*arrays))
            found = iter(torch.autograd.grad(total, chosen, grad, create_graph=True, materialize_grads=True))
            return *[None] * 4, *(None if slope is None else next(found) for slope in slopes)
        return *[None] * 4, *(None if slope is None else grad * slope for slope in slopes)


class LinearInTotal(Function):
    """x @ weightᵀ, whose slope in the weight is added to a total at once: one more array of its size for each block
    costs as much as a pass over the products.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, total: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.total = total
        with torch.autocast(x.device.type, enabled=False):
            return torch.matmul(x, weight.mT)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        with torch.autocast(x.device.type, enabled=False):
            ctx.total.addmm_(grad.mT, x)
            return grad @ weight if ctx.needs_input_grad[0] else None, None, None


def _blocks(arrays: Any, chunk: int, axis: int, rows: int) -> Iterator[tuple[Tensor, ...]]:
    for block in zip(*(torch.split(row, chunk, axis) for row in arrays[:rows]), strict=True):
        yield *block, *arrays[rows:]


def _pulled(function: Any, arrays: Any, towards: Any, grads: Any, create_graph: bool = False) -> Any:
    results = function(*arrays)
    pairs = zip(results if isinstance(results, tuple) else (results,), grads, strict=True)
    used = [(result, grad) for result, grad in pairs if result.requires_grad]
    return torch.autograd.grad(
        [result for result, _ in used],
        towards,
        [grad for _, grad in used],
        create_graph=create_graph,
        allow_unused=True,
        materialize_grads=True,
    )


class Without(Function):
    """The table itself, overwritten: a copy of it, and another one of its gradient, cost as much as a product."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, index: Tensor) -> Tensor:
        ctx.mark_dirty(table)
        return table.scatter_(1, index, -inf)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return grad, None


# Function.apply is untyped; these names are what the backend calls.
linear_in_total: Callable[[Tensor, Tensor, Tensor], Tensor] = LinearInTotal.apply
without_stored: Callable[[Tensor, Tensor], Tensor] = Without.apply
by_rows_stored: Callable[..., Any] = ByRows.apply
total_stored: Callable[..., Tensor] = TotalByRows.apply
