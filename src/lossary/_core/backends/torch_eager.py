"""Eager PyTorch: autograd functions that store one gradient instead of every intermediate.

A composed formula costs eager torch a pass over memory per operation, forward and backward. These evaluate value and
slope together on blocks
that stay in the cache and store the slope alone, so the backward pass is one product. Asked for a second derivative
they fall back to the
composed formula, whose graph autograd can differentiate again.
"""
# torch types autograd.Function's context and return values as Any.
# pyright: reportIncompatibleMethodOverride=false, reportUnknownMemberType=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

Formula = Callable[..., Any]  # (xp, x, *others, **options) → (losses, () → slope in x)
BLOCK = (
    1 << 17
)  # elements: a few float32 temporaries of this size fit the second-level caches (2¹⁶ and 2¹⁸ measured slower)


def _blocks(items: int, width: int) -> Iterator[slice]:
    step = max(1, BLOCK // max(1, width))
    return (slice(start, start + step) for start in range(0, items, step))


class Pointwise(Function):
    """formula(xp, x, *others) → losses, storing the slope in x; it is evaluated only where a gradient is wanted.

    `difference` says that the losses depend on x − other alone: the slope in the other is the same but for its sign.
    """

    @staticmethod
    def forward(
        ctx: Any, xp: Any, formula: Formula, options: dict[str, Any], difference: bool, *arrays: Tensor
    ) -> Tensor:
        x = arrays[0]
        wanted = any(ctx.needs_input_grad)
        if (
            x.numel() > BLOCK
            and x.device.type == "cpu"
            and all(a.is_contiguous() and a.shape == x.shape for a in arrays)
        ):
            losses, slope = _by_blocks(xp, formula, options, wanted, arrays)
        else:
            losses, slope_of = formula(xp, *arrays, **options)
            slope = slope_of() if wanted else None
        ctx.call = xp, formula, options, difference
        ctx.save_for_backward(slope, *arrays)
        return losses

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        slope, *arrays = ctx.saved_tensors
        return *[None] * 4, *_gradients(ctx.call, slope, arrays, ctx.needs_input_grad[4:], grad)


class PointwiseMean(Function):
    """The mean of `Pointwise` over large arrays, whose losses it adds up while it has them."""

    @staticmethod
    def forward(
        ctx: Any, xp: Any, formula: Formula, options: dict[str, Any], difference: bool, *arrays: Tensor
    ) -> Tensor:
        total, slope = _added_by_blocks(xp, formula, options, any(ctx.needs_input_grad), arrays)
        ctx.call = xp, formula, options, difference
        ctx.save_for_backward(slope, *arrays)
        return total / arrays[0].numel()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        slope, *arrays = ctx.saved_tensors
        each = (grad / slope.numel()).expand(slope.shape)
        return *[None] * 4, *_gradients(ctx.call, slope, arrays, ctx.needs_input_grad[4:], each)


class TracedPointwise(Function):
    """The same for torch.func and torch.compile, which ask for another form and fuse the formula themselves."""

    generate_vmap_rule = True

    @staticmethod
    def forward(xp: Any, formula: Formula, options: dict[str, Any], difference: bool, *arrays: Tensor) -> Any:
        losses, slope = formula(xp, *arrays, **options)
        return losses, slope()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.call = inputs[:4]
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1], *inputs[4:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, _: None) -> Any:
        slope, *arrays = ctx.saved_tensors
        if grad is None:
            return (None,) * (4 + len(arrays))
        return *[None] * 4, *_gradients(ctx.call, slope, arrays, ctx.needs_input_grad[4:], grad)


def _gradients(call: Any, slope: Tensor, arrays: list[Tensor], wanted: tuple[bool, ...], grad: Tensor) -> Any:
    xp, formula, options, difference = call
    create_graph = torch.is_grad_enabled()
    others = [] if difference else [i for i in range(1, len(arrays)) if wanted[i]]
    steps: Any = ()
    if create_graph or others:
        # The composed formula: towards any of the arrays, and with a graph of its own if one is asked for.
        with torch.enable_grad():
            if not create_graph:
                arrays = [a.detach().requires_grad_(i in others) for i, a in enumerate(arrays)]
            losses, slope_of = formula(xp, *arrays, **options)
            if others:
                steps = torch.autograd.grad(losses, [arrays[i] for i in others], grad, create_graph=create_graph)
            slope = slope_of() if create_graph else slope
    first = grad * slope
    gradients = [first if wanted[0] else None, *[-first if difference and want else None for want in wanted[1:]]]
    for i, step in zip(others, steps, strict=True):
        gradients[i] = step
    return gradients


def _by_blocks(
    xp: Any, formula: Formula, options: dict[str, Any], wanted: bool, arrays: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor | None]:
    losses = torch.empty_like(arrays[0])
    slopes = torch.empty_like(losses) if wanted else None
    flat, flat_losses = [a.view(-1) for a in arrays], losses.view(-1)
    for block in _blocks(losses.numel(), 1):
        flat_losses[block], slope = formula(xp, *(a[block] for a in flat), **options)
        if slopes is not None:
            slopes.view(-1)[block] = slope()
    return losses, slopes


def _added_by_blocks(
    xp: Any, formula: Formula, options: dict[str, Any], wanted: bool, arrays: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor | None]:
    slopes = torch.empty_like(arrays[0], memory_format=torch.contiguous_format) if wanted else None
    flat, totals = [a.reshape(-1) for a in arrays], []
    for block in _blocks(arrays[0].numel(), 1):
        losses, slope = formula(xp, *(a[block] for a in flat), **options)
        totals.append(torch.sum(losses))
        if slopes is not None:
            slopes.view(-1)[block] = slope()
    return torch.stack(totals).sum(), slopes


class ProductInFull(Function):
    """x @ y, for arrays of two or more axes, out of autocast's reach in both passes."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return torch.matmul(x, y)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        x, y = ctx.saved_tensors
        # Rows or columns first, as torch's own product chooses by the layout: the same to the last bit.
        turned = y.ndim == 2 and y.stride() == (1, y.shape[0])
        with torch.autocast(x.device.type, enabled=False):
            towards_y = (grad.mT @ x).mT if turned and x.ndim == 2 else x.mT @ grad
            return (grad @ y.mT).sum_to_size(x.shape), towards_y.sum_to_size(y.shape)


# Function.apply is untyped; these names are what the backend calls.
pointwise_stored: Callable[..., Tensor] = Pointwise.apply
mean_stored: Callable[..., Tensor] = PointwiseMean.apply
pointwise_traced: Callable[..., tuple[Tensor, Tensor]] = TracedPointwise.apply
product_in_full: Callable[[Tensor, Tensor], Tensor] = ProductInFull.apply
