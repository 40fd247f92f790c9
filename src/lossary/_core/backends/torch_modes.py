"""PyTorch: who is looking on, and what may be looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

functorch = cast(Any, torch._C._functorch)  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue, reportUnknownMemberType]
_ORDINARY = {Tensor, torch.nn.Parameter}


# Is a torch.func transform looking on?
transformed: Callable[[], bool] = torch._C._are_functorch_transforms_active  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]


def plain(*arrays: Tensor) -> bool:
    """Ordinary eager tensors: no compiler, no torch.func transform and no fake tensor is looking on."""
    return not torch.compiler.is_compiling() and not transformed() and _ORDINARY.issuperset(map(type, arrays))


def learning(*arrays: Tensor) -> bool:
    """Is a gradient wanted?"""
    if torch.is_grad_enabled():
        for array in arrays:
            if array.requires_grad:
                return True
    return False


def visible(x: Tensor, /) -> bool:
    return x.is_cpu and plain(x)


def tracing(x: Tensor, /) -> bool:
    return not plain(x)


def beneath(x: Tensor) -> Tensor | None:
    """The values that a transform of torch.func wraps; None where there are none to see."""
    while functorch.is_functorch_wrapped_tensor(x):
        x = functorch.get_unwrapped(x)
    return x if type(x) in _ORDINARY and not x.is_meta else None
