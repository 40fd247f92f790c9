"""Eager PyTorch: torch's own kernels for a whole loss, called without the checks of torch.nn.functional, which cost as
much again as a small loss.
"""
# torch types autograd.Function's context and return values as Any.
# pyright: reportIncompatibleMethodOverride=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from functools import cache
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function

from .torch_modes import learning

_C_nn = cast(Any, torch._C._nn)  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
_backward: Any = torch.ops.aten.smooth_l1_loss_backward.default


class AbsoluteError(Function):
    """|x − y| as torch's smooth L1 loss with a corner too narrow to see: one pass, where its L1 loss makes three.

    Unlike that one's, the slope of a NaN is NaN.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, reduction: int) -> Tensor:
        ctx.save_for_backward(x, y)
        ctx.reduction = reduction
        return _C_nn.smooth_l1_loss(x, y, reduction, _corner(x.dtype))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        x, y = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        if torch.is_grad_enabled():  # the kernel's second slope is 1 / corner where this one's is 0
            sign = _backward(torch.ones_like(x), x.detach(), y.detach(), 0, _corner(x.dtype))
            step = grad * sign if ctx.reduction == 0 else grad / x.numel() * sign
        else:
            step = _backward(grad, x, y, ctx.reduction, _corner(x.dtype))
        return step if wanted[0] else None, -step if wanted[1] else None, None


@cache
def _corner(dtype: torch.dtype) -> float:
    """The smallest number above 0, half of which, by which the kernel is too small, is rounded to 0."""
    limits = torch.finfo(dtype)
    return limits.smallest_normal * limits.eps


def absolute_error(x: Tensor, y: Tensor, reduction: int) -> Tensor:
    if learning(x, y):
        return _absolute_error(x, y, reduction)
    return _C_nn.smooth_l1_loss(x, y, reduction, _corner(x.dtype))


# Without what Function.apply does in Python for torch.func, which is not looking on where this is called.
_absolute_error: Any = super(Function, AbsoluteError).apply  # pyright: ignore[reportAttributeAccessIssue]

KERNELS: dict[str, Any] = {  # (x, y, 0 for the losses or 1 for their mean, *options)
    "l1_loss": absolute_error,
    **{name: getattr(_C_nn, name) for name in ("mse_loss", "huber_loss", "smooth_l1_loss")},
}
