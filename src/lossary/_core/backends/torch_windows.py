"""PyTorch: what sliding windows need, padding and moments; these in eager mode without keeping what lies between.

Autograd stores the difference of every pixel from each of its neighbours. This stores the pixels and their means, and
takes the differences again in the backward pass. Asked for a second derivative it falls back to the composed formula.
"""
# torch types autograd.Function's context and return values as Any.
# pyright: reportIncompatibleMethodOverride=false, reportUnknownMemberType=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from .composed import window_moments_shifted


class WindowMoments(Function):
    """`window_moments_shifted` with its slope written out: dvariance / dx_k = 2 share_k (x_k − mean)."""

    @staticmethod
    def forward(ctx: Any, means: Tensor, variances: Tensor | None, shares: tuple[float, ...], axis: int) -> Any:
        middle, count = len(shares) // 2, means.shape[axis] - len(shares) + 1
        centre = means.narrow(axis, middle, count)
        offset, square = torch.zeros_like(centre), torch.zeros_like(centre)
        step = torch.empty_like(centre)
        within = None if variances is None else variances.narrow(axis, middle, count) * shares[middle]
        for k, share in enumerate(shares):
            if k != middle:
                torch.sub(means.narrow(axis, k, count), centre, out=step)
                offset.add_(step, alpha=share)
                square.addcmul_(step, step, value=share)
                if within is not None and variances is not None:
                    within.add_(variances.narrow(axis, k, count), alpha=share)
        square.addcmul_(offset, offset, value=-1.0)
        if within is not None:
            square.add_(within)
        ctx.call = shares, axis
        ctx.save_for_backward(means, variances, offset)
        return centre + offset, square

    @staticmethod
    def backward(ctx: Any, towards_mean: Tensor, towards_variance: Tensor) -> Any:
        means, variances, offset = ctx.saved_tensors
        shares, axis = ctx.call
        wanted = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():
            from . import torch as xp

            chosen = [array for array, want in zip((means, variances), wanted, strict=True) if want]
            moments = window_moments_shifted(xp, means, variances, shares, axis=axis)
            slopes = iter(torch.autograd.grad(moments, chosen, (towards_mean, towards_variance), create_graph=True))
            return *(next(slopes) if want else None for want in wanted), None, None
        to_means = torch.zeros_like(means) if wanted[0] else None
        to_variances = torch.zeros_like(variances) if wanted[1] else None
        count = offset.shape[axis]
        centre = means.narrow(axis, len(shares) // 2, count)
        step = torch.empty_like(offset)
        doubled = towards_variance * 2
        for k, share in enumerate(shares):
            if to_means is not None:
                torch.sub(means.narrow(axis, k, count), centre, out=step)
                step.sub_(offset).mul_(doubled).add_(towards_mean)
                to_means.narrow(axis, k, count).add_(step, alpha=share)
            if to_variances is not None:
                to_variances.narrow(axis, k, count).add_(towards_variance, alpha=share)
        return to_means, to_variances, None, None


# Function.apply is untyped; this name is what the backend calls.
window_moments_stored: Callable[[Tensor, Tensor | None, tuple[float, ...], int], tuple[Tensor, Tensor]] = (
    WindowMoments.apply
)


def pad(x: Tensor, widths: Sequence[tuple[int, int]], /, *, mode: str) -> Tensor:
    if mode != "reflect":
        return F.pad(x, [n for width in reversed(widths) for n in width])
    for axis, (before, after) in enumerate(widths):  # torch's own reflection is for two and three axes behind a batch
        if before or after:
            size = x.shape[axis]
            order = [_mirrored(i, size) for i in range(-before, size + after)]
            x = torch.index_select(x, axis, torch.tensor(order, device=x.device))
    return x


def _mirrored(index: int, size: int) -> int:
    """Where `index`, which may lie outside, is found between mirrors at the first and the last entry."""
    period = 2 * size - 2 or 1
    index %= period
    return index if index < size else period - index
