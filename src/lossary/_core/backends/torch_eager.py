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

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from .torch_modes import transformed

Formula = Callable[..., Any]  # (xp, x, *others, **options) → (losses, () → slope in x, or such a tuple for all arrays)
ONE_DERIVATIVE = "expected one derivative of a loss that has no second; got a gradient differentiated again"
BLOCK = (
    1 << 17
)  # elements: a few float32 temporaries of this size fit the second-level caches (2¹⁶ and 2¹⁸ measured slower)


def _blocks(items: int, width: int) -> Iterator[slice]:
    step = max(1, BLOCK // max(1, width))
    return (slice(start, start + step) for start in range(0, items, step))


class Call(NamedTuple):
    """A formula as it is asked for; with `over`, for the sum of the losses divided by it.

    `difference` says that the losses depend on x − other alone: the slope in the other is the same but for its sign.
    """

    xp: Any
    formula: Formula
    options: dict[str, Any]
    difference: bool = False
    over: int | None = None

    def __call__(self, *arrays: Tensor) -> tuple[Tensor, tuple[Callable[[], Tensor], ...]]:
        losses, slope = self.formula(self.xp, *arrays, **self.options)
        return losses, slope if isinstance(slope, tuple) else (slope,)


class Pointwise(Function):
    """The losses of a call, or their sum divided, storing the slopes that are wanted."""

    @staticmethod
    def forward(ctx: Any, call: Call, *arrays: Tensor) -> Tensor:
        wanted = (True,) if call.difference else ctx.needs_input_grad[1:]
        if arrays[0].numel() > BLOCK and _in_blocks(arrays):
            losses, slopes = _by_blocks(call, arrays, wanted)
        else:
            losses, found = call(*arrays)
            slopes = [slope() if want else None for slope, want in zip(found, wanted, strict=False)]
            if call.over is not None:
                losses = mean_of(losses, call.over)
        ctx.call = call
        ctx.save_for_backward(*slopes, *arrays)
        return losses

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        wanted = ctx.needs_input_grad[1:]
        call = ctx.call
        saved = ctx.saved_tensors
        known = len(saved) - len(wanted)
        if call.over is not None:
            grad = grad / number(call.over, grad.dtype)
        return None, *_gradients(call, saved[:known], saved[known:], wanted, grad)


class TracedPointwise(Function):
    """The same for torch.func and torch.compile, which ask for another form and fuse the formula themselves."""

    generate_vmap_rule = True

    @staticmethod
    def forward(call: Call, *arrays: Tensor) -> Any:
        losses, slopes = call(*arrays)
        return losses, *(slope() for slope in slopes)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.call, *arrays = inputs
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*output[1:], *arrays)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, *_: None) -> Any:
        wanted = ctx.needs_input_grad[1:]
        if grad is None:
            return (None,) * (1 + len(wanted))
        saved = ctx.saved_tensors
        known = len(saved) - len(wanted)
        return None, *_gradients(ctx.call, saved[:known], saved[known:], wanted, grad)


class TransformedPointwise(TracedPointwise):
    """The same for torch.func, forward mode too, which torch.compile refuses."""

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        TracedPointwise.setup_context(ctx, inputs, output)
        ctx.save_for_forward(*output[1:], *inputs[1:])  # as for backward: vmap remembers the axes of one of the two
        ctx.slopes = len(output) - 1

    @staticmethod
    def jvp(ctx: Any, _: None, *steps: Tensor | None) -> Any:
        call, arrays = ctx.call, ctx.saved_tensors[ctx.slopes :]
        _, slopes = call(*arrays)
        known = [slope() for slope in slopes]
        if call.difference:
            known = [known[0], *(-known[0] for _ in arrays[1:])]
        tangent = torch.zeros_like(arrays[0])
        for i, step in enumerate(steps):
            if step is not None:
                tangent = tangent + (known[i] * step if i < len(known) else _along(call, arrays, i, step))
        return tangent, *[None] * ctx.slopes


def _along(call: Call, arrays: Sequence[Tensor], i: int, step: Tensor) -> Tensor:
    """The derivative of the losses as array i takes a step, where the formula gives no slope."""

    def of_one(array: Tensor) -> Tensor:
        return call(*arrays[:i], array, *arrays[i + 1 :])[0]

    return torch.func.jvp(of_one, (arrays[i],), (step,))[1]


def _pulled(call: Call, arrays: Sequence[Tensor], others: Sequence[int], grad: Tensor) -> tuple[Tensor, ...]:
    """The gradients towards the others under torch.func, whose Jacobian forwards over backwards (`hessian`) hands on
    arrays that autograd itself does not know.
    """

    def of_others(*given: Tensor) -> Tensor:
        named = dict(zip(others, given, strict=True))
        return call(*(named.get(i, array) for i, array in enumerate(arrays)))[0]

    return torch.func.vjp(of_others, *(arrays[i] for i in others))[1](grad)


def _gradients(
    call: Call, slopes: Sequence[Tensor], arrays: Sequence[Tensor], wanted: Sequence[bool], grad: Tensor
) -> list[Tensor | None]:
    known = len(wanted) if call.difference else len(slopes)
    others = [i for i in range(known, len(wanted)) if wanted[i]]
    create_graph = torch.is_grad_enabled()
    steps: dict[int, Tensor] = {}
    if create_graph or others:
        # The composed formula: towards any of the arrays, and with a graph of its own if one is asked for.
        under_func = not torch.compiler.is_compiling() and transformed()
        with torch.enable_grad():
            if not create_graph and not under_func:
                arrays = [a.detach().requires_grad_(i in others) for i, a in enumerate(arrays)]
            losses, slopes_of = call(*arrays)
            if others:
                pull = grad.expand_as(losses)
                if under_func:
                    found = _pulled(call, arrays, others, pull)
                else:
                    found = torch.autograd.grad(losses, [arrays[i] for i in others], pull, create_graph=create_graph)
                steps = dict(zip(others, found, strict=True))
            if create_graph:
                slopes = [slope() for slope in slopes_of]
    if call.difference:
        first = grad * slopes[0]
        return [first if wanted[0] else None, *[-first if want else None for want in wanted[1:]]]
    gradients = [grad * slope if want else None for slope, want in zip(slopes, wanted, strict=False)]
    return gradients + [steps.get(i) for i in range(known, len(wanted))]


def losses_of(call: Call, *arrays: Tensor) -> Tensor:
    """The losses, or their sum divided, where no slope is wanted."""
    if arrays[0].numel() > BLOCK and _in_blocks(arrays):
        return _by_blocks(call, arrays, ())[0]
    losses = call.formula(call.xp, *arrays, **call.options)[0]
    return losses if call.over is None else mean_of(losses, call.over)


def _in_blocks(arrays: Sequence[Tensor]) -> bool:
    x = arrays[0]
    return x.is_cpu and all(a.is_contiguous() and a.shape == x.shape for a in arrays)


def _by_blocks(call: Call, arrays: Sequence[Tensor], wanted: Sequence[bool]) -> tuple[Tensor, list[Tensor | None]]:
    flat = [a.view(-1) for a in arrays]
    count = call.over
    stored = torch.empty_like(flat[0] if count is None else flat[0][:0])
    totals: list[Tensor] = []
    found: list[Tensor | None] = []
    for block in _blocks(flat[0].numel(), 1):
        losses, slopes = call(*(a[block] for a in flat))
        if count is None:
            stored[block] = losses
        else:
            totals.append(torch.sum(losses))
        if not found:
            found = [torch.empty_like(arrays[0]) if want else None for _, want in zip(slopes, wanted, strict=False)]
        for into, slope in zip(found, slopes, strict=False):
            if into is not None:
                into.view(-1)[block] = slope()
    if count is None:
        return stored.view_as(arrays[0]), found
    total = torch.stack(totals).sum() / count
    if not isfinite(total.item()):  # where only the sum overflows
        total = mean_of(_by_blocks(call._replace(over=None), arrays, ())[0], count)
    return total, found


def mean_of(x: Tensor, count: int) -> Tensor:
    """The sum of all, in host memory, divided by `count`; with a graph if `x` has one."""
    if x.requires_grad and count == x.numel():
        mean = torch.mean(x)
        if isfinite(mean.item()):
            return mean
    total = torch.sum(x)
    value = total.item()
    if not isfinite(value):  # the sum may overflow where its mean does not
        return (torch.sum(x, dtype=torch.float64) / count).to(x.dtype)
    return total / number(count, x.dtype) if total.requires_grad else total.fill_(value / count)


def half_exp_above_tangent_in_double(x: Tensor) -> tuple[Tensor, Callable[[], Tensor]]:
    """For float32 in host memory: what e^x − 1 − x loses of float64's digits is not missed down to |x| = 1e-7."""
    wide = x.double()
    rise = torch.expm1(wide)
    above = rise - wide
    if above.numel() and not above.min().item() > 1e-14:
        above = torch.where(wide.abs() < 1e-4, wide * wide * (0.5 + wide / 6), above)
    half = number(0.5, torch.float64)
    return (half * above).to(x.dtype), lambda: (half * rise).to(x.dtype)


@lru_cache(maxsize=1024)
def number(value: float, dtype: torch.dtype) -> Tensor:
    """As an array without axes: torch makes one of every Python number, which takes longer than a small loss."""
    with torch.inference_mode(False):
        return torch.tensor(value, dtype=dtype, device="cpu")


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


class Once(Function):
    """x, whose gradient refuses to be differentiated again."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return refused(grad, *ctx.saved_tensors) if torch.is_grad_enabled() else grad

    @staticmethod
    def jvp(ctx: Any, step: Tensor) -> Tensor:
        return step.view_as(step)


class Refused(Function):
    """The gradient in x. (torch's own `once_differentiable` is silent where a Hessian takes no graph for 0.)"""

    generate_vmap_rule = True

    @staticmethod
    def forward(grad: Tensor, x: Tensor) -> Tensor:
        return grad.view_as(grad)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Any:
        raise RuntimeError(ONE_DERIVATIVE)

    @staticmethod
    def jvp(ctx: Any, *_: Tensor) -> Any:
        raise RuntimeError(ONE_DERIVATIVE)


# Function.apply is untyped; these names are what the backend calls.
# Without what Function.apply does in Python for torch.func, which is not looking on where this is called.
pointwise_stored: Callable[..., Tensor] = super(Function, Pointwise).apply  # pyright: ignore[reportAttributeAccessIssue]
pointwise_traced: Callable[..., tuple[Tensor, ...]] = TracedPointwise.apply
pointwise_transformed: Callable[..., tuple[Tensor, ...]] = TransformedPointwise.apply
product_in_full: Callable[[Tensor, Tensor], Tensor] = ProductInFull.apply
refused: Callable[[Tensor, Tensor], Tensor] = Refused.apply
once_stored: Callable[[Tensor], Tensor] = Once.apply
