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
from math import inf
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .composed import log_odds_by_parts

Formula = Callable[..., Any]  # (xp, x, *others, **options) → (losses, () → slope in x)
BLOCK = (
    1 << 17
)  # elements: a few float32 temporaries of this size fit the second-level caches (2¹⁶ and 2¹⁸ measured slower)


def _blocks(items: int, width: int) -> Iterator[slice]:
    step = max(1, BLOCK // max(1, width))
    return (slice(start, start + step) for start in range(0, items, step))


class Pointwise(Function):
    """formula(xp, x, *others) → losses, storing the slope in x; it is evaluated only where a gradient is wanted."""

    @staticmethod
    def forward(ctx: Any, xp: Any, formula: Formula, options: dict[str, Any], wanted: bool, *arrays: Tensor) -> Tensor:
        x = arrays[0]
        if x.numel() > BLOCK and all(a.is_contiguous() and a.shape == x.shape for a in arrays):
            losses, slope = _by_blocks(xp, formula, options, wanted, arrays)
        else:
            losses, slope_of = formula(xp, *arrays, **options)
            slope = slope_of() if wanted else None
        ctx.call = xp, formula, options
        ctx.save_for_backward(slope, *arrays)
        return losses

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        slope, *arrays = ctx.saved_tensors
        return *[None] * 4, *_gradients(ctx.call, slope, arrays, ctx.needs_input_grad[4:], grad)


class TracedPointwise(Function):
    """The same for torch.func and torch.compile, which ask for another form and fuse the formula themselves."""

    generate_vmap_rule = True

    @staticmethod
    def forward(xp: Any, formula: Formula, options: dict[str, Any], *arrays: Tensor) -> Any:
        losses, slope = formula(xp, *arrays, **options)
        return losses, slope()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.call = inputs[:3]
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1], *inputs[3:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, _: None) -> Any:
        slope, *arrays = ctx.saved_tensors
        if grad is None:
            return (None,) * (3 + len(arrays))
        return *[None] * 3, *_gradients(ctx.call, slope, arrays, ctx.needs_input_grad[3:], grad)


def _gradients(call: Any, slope: Any, arrays: list[Tensor], wanted: tuple[bool, ...], grad: Tensor) -> Any:
    if wanted[0] and not any(wanted[1:]) and not torch.is_grad_enabled():
        return grad * slope, *[None] * (len(arrays) - 1)
    return _composed(call, arrays, wanted, grad)


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


def _composed(call: Any, arrays: list[Tensor], wanted: tuple[bool, ...], grad: Tensor) -> list[Tensor | None]:
    """The gradients by the composed formula: towards any of the arrays, and with a graph of their own if one is
    asked for.
    """
    xp, formula, options = call
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        if not create_graph:
            arrays = [a.detach().requires_grad_(want) for a, want in zip(arrays, wanted, strict=True)]
        losses, slope = formula(xp, *arrays, **options)
        first: list[Tensor | None] = [grad * slope()] if wanted[0] else [None]
        rest = [a for a, want in zip(arrays[1:], wanted[1:], strict=True) if want]
        found = iter(
            torch.autograd.grad(losses, rest, grad, create_graph=create_graph, allow_unused=True) if rest else ()
        )
    return first + [next(found) if want else None for want in wanted[1:]]


class LogOdds(Function):
    """log p / (1 − p) of one class under the softmax (`log_odds_by_parts`), storing the other classes' shares."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, index: Tensor, axis: int) -> Tensor:
        index = index.unsqueeze(axis)
        odds = torch.empty(index.shape, dtype=logits.dtype, device=logits.device)
        shares = torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)
        if axis == 0:  # nothing in front of the classes to take blocks of
            _log_odds(logits, index, axis, odds, shares)
        else:
            width = logits[:1].numel()
            for rows in _blocks(logits.shape[0], width):
                _log_odds(logits[rows], index[rows], axis, odds[rows], shares[rows])
        ctx.save_for_backward(shares, logits, index)
        ctx.axis = axis
        return odds.squeeze(axis)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        shares, logits, index = ctx.saved_tensors
        if torch.is_grad_enabled():
            from . import torch as xp

            odds = log_odds_by_parts(xp, logits, index.squeeze(ctx.axis), axis=ctx.axis)
            return *torch.autograd.grad(odds, logits, grad, create_graph=True), None, None
        return shares * grad.unsqueeze(ctx.axis), None, None


def _log_odds(logits: Tensor, index: Tensor, axis: int, odds: Tensor, shares: Tensor) -> None:
    """One block: `odds` and its gradient `shares` (1 at the class itself, −softmax among the others), written in
    place.
    """
    shares.copy_(logits).scatter_(axis, index, -inf)
    top = shares.amax(axis, keepdim=True)
    top.masked_fill_(top.abs() == inf, 0.0)
    shares.sub_(top).exp_()
    rest = shares.sum(axis, keepdim=True)
    torch.sub(logits.gather(axis, index).sub_(top), rest.log(), out=odds)
    shares.div_(rest.masked_fill_(rest == 0, 1.0).neg_()).scatter_(axis, index, 1.0)


# Function.apply is untyped; these names are what the backend calls.
pointwise_stored: Callable[..., Tensor] = Pointwise.apply
pointwise_traced: Callable[..., tuple[Tensor, Tensor]] = TracedPointwise.apply
log_odds_stored: Callable[[Tensor, Tensor, int], Tensor] = LogOdds.apply
