"""Eager PyTorch: softmaxes over classes, from torch's fused operations, that store one table instead of several.

Where p is near 1, 1 − p and log p cancel: there the other classes are added up. Asked for a second derivative these
fall back to the composed formulas.
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

from .composed import class_overlap_by_parts, log_odds_by_parts
from .torch_eager import BLOCK, product_in_full

SURE = 0.25  # −log p below which torch's log-softmax, rounded at the size of the logits, is mended
SURELY = 0.9  # a share above it is known better by what the others leave
TINY = 1e-30  # a share below it has lost digits, or all of them


class LogOdds(Function):
    """log p / (1 − p) of one class under the softmax (`log_odds_by_parts`), by torch's fused log-softmax."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, index: Tensor, axis: int) -> Tensor:
        index = index.unsqueeze(axis)
        logs = torch.log_softmax(logits, axis)
        own = logs.gather(axis, index)
        rest = -torch.expm1(own)
        if own.numel() and own.max().item() > -0.5:  # 1 − p cancels where p is near 1: there the others are added up
            near = own > -0.5
            rest[near] = _others(logs, index, near, axis)
        ctx.save_for_backward(logs, rest, logits, index)
        ctx.axis = axis
        return own.sub_(rest.log()).squeeze(axis)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        logs, rest, logits, index = ctx.saved_tensors
        grad = grad.unsqueeze(ctx.axis)
        if torch.is_grad_enabled():
            from . import torch as xp

            odds = log_odds_by_parts(xp, logits, index.squeeze(ctx.axis), axis=ctx.axis)
            return *torch.autograd.grad(odds, logits, grad.squeeze(ctx.axis), create_graph=True), None, None
        gradient = torch.exp(logs).mul_(torch.where(rest == 0, 0.0, -grad / rest))  # −p_c / (1 − p) for the others
        return gradient.scatter_(ctx.axis, index, grad), None, None


class Surprise(Function):
    """−log p of one class: torch's fused log-softmax, mended where p is near 1 and the logarithm cancels."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, index: Tensor, axis: int) -> Tensor:
        index = index.unsqueeze(axis)
        logs = torch.log_softmax(logits, axis)
        losses = logs.gather(axis, index).neg_().squeeze(axis)
        near: tuple[Tensor, ...] = ()
        rest = None
        if losses.numel() and not losses.min().item() >= SURE:  # a NaN is no `>=` either
            near = torch.nonzero(losses < SURE, as_tuple=True)
            shares = logs.movedim(axis, -1)[near].exp_()
            rest = shares.scatter_(-1, index.movedim(axis, -1)[near], 0.0).sum(-1)
            losses[near] = torch.log1p(-rest).neg_()
        ctx.save_for_backward(logs, logits, index, rest)
        ctx.where = axis, near
        return losses

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        logs, logits, index, rest = ctx.saved_tensors
        axis, near = ctx.where
        if torch.is_grad_enabled():
            from . import torch as xp

            losses = xp.softplus(-log_odds_by_parts(xp, logits, index.squeeze(axis), axis=axis))
            return *torch.autograd.grad(losses, logits, grad, create_graph=True), None, None
        pull = grad.unsqueeze(axis)
        gradient = torch.exp(logs).mul_(pull)
        gradient.scatter_(axis, index, pull * torch.expm1(logs.gather(axis, index)))
        if rest is not None:  # p − 1 of the class itself, as minus the share of the others
            gradient.movedim(axis, -1)[(*near, index.squeeze(axis)[near])] = -grad[near] * rest
        return gradient, None, None


def _others(logs: Tensor, index: Tensor, near: Tensor, axis: int) -> Tensor:
    """Σ p_c over the other classes, for the items that are `near`."""
    chosen = near.squeeze(axis)
    shares = logs.movedim(axis, -1)[chosen].exp_()
    return shares.scatter_(-1, index.movedim(axis, -1)[chosen], 0.0).sum(-1)


class ClassOverlap(Function):
    """`class_overlap_by_parts` for classes along axis 1. Stored is the softmax without the labels' own shares, whose
    complements are then sums of what is stored.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, index: Tensor, factor: Tensor | None, per_example: bool, entropy: bool
    ) -> tuple[Any, ...]:
        examples, classes = logits.shape[:2]
        others = torch.softmax(logits, 1).reshape(examples, classes, -1)
        index, flat = index.reshape(examples, -1), None if factor is None else factor.reshape(examples, -1)
        own = others.gather(1, index.unsqueeze(1))
        others.scatter_(1, index.unsqueeze(1), 0.0)
        own, missing = own.squeeze(1), others.sum(1)
        over = others.sum(2) if flat is None else product_in_full(others, flat.unsqueeze(2)).squeeze(2)
        agreed, under = (
            _by_label(values if flat is None else values * flat, index, classes) for values in (own, missing)
        )
        surprise = _surprise_of(own, missing, logits, index) if entropy else None
        ctx.save_for_backward(others, own, missing, logits, index, flat)
        ctx.per_example = per_example
        sums = agreed, over, under
        return surprise, *(sums if per_example else (each.sum(0) for each in sums))

    @staticmethod
    def backward(ctx: Any, towards_surprise: Tensor | None, *slopes: Tensor) -> Any:
        others, own, missing, logits, index, factor = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _composed_gradient(ctx, logits, index, factor, (towards_surprise, *slopes)), *[None] * 4
        examples, classes, _ = others.shape
        agreed, over, under = (slope.expand(examples, classes) for slope in slopes)
        step = under.gather(1, index) - agreed.gather(1, index)  # what a share gains that leaves the label
        mean = product_in_full(over.unsqueeze(1), others).squeeze(1).add_(step * missing)
        level = step - mean
        towards_own = -own * mean
        pull = None if towards_surprise is None else towards_surprise.reshape(index.shape)
        if factor is not None:
            towards_own = towards_own * factor
        gradient = torch.empty_like(others)
        rival = torch.empty_like(own)
        for example, pixels in _blocks(examples, classes, index.shape[1]):
            block, some = others[example, :, pixels], gradient[example, :, pixels]
            rival[example, pixels] = torch.amax(block, 1)
            torch.add(over[example].unsqueeze(2), level[example, pixels].unsqueeze(1), out=some)
            if factor is not None:
                some.mul_(factor[example, pixels].unsqueeze(1))
            if pull is not None:
                some.add_(pull[example, pixels].unsqueeze(1))
            some.mul_(block)
        if pull is not None:
            towards_own = towards_own - pull * missing
        gradient.scatter_(1, index.unsqueeze(1), towards_own.unsqueeze(1))
        wrong = torch.nonzero(rival > SURELY, as_tuple=True)
        if len(wrong[0]):
            _towards_wrong(gradient, others, own, index, wrong, ((agreed, over, under), factor, pull))
        return gradient.reshape(logits.shape), *[None] * 4


def _by_label(values: Tensor, index: Tensor, classes: int) -> Tensor:
    """Their sums by label, (examples, classes), for values (examples, pixels)."""
    places = index + classes * torch.arange(len(index)).unsqueeze(1)
    sums = torch.bincount(places.reshape(-1), values.reshape(-1).double(), minlength=classes * len(index))
    return sums.reshape(-1, classes).to(values.dtype)


def _surprise_of(own: Tensor, missing: Tensor, logits: Tensor, index: Tensor) -> Tensor:
    losses = torch.where(own > 0.5, torch.log1p(-missing), torch.log(own)).neg_()
    tiny = torch.nonzero(own < TINY, as_tuple=True)
    if len(tiny[0]):
        rows = logits.reshape(*logits.shape[:2], -1)[tiny[0], :, tiny[1]]
        losses[tiny] = torch.log_softmax(rows, 1).gather(1, index[tiny].unsqueeze(1)).squeeze(1).neg_()
    return losses.reshape(logits.shape[:1] + logits.shape[2:])


def _blocks(examples: int, classes: int, pixels: int) -> Iterator[tuple[slice, slice]]:
    """Examples and pixels that fit the caches."""
    width = max(1, min(pixels, BLOCK // classes))
    height = max(1, BLOCK // (classes * pixels)) if width == pixels else 1
    for first in range(0, examples, height):
        for start in range(0, pixels, width):
            yield slice(first, first + height), slice(start, start + width)


def _towards_wrong(gradient: Tensor, others: Tensor, own: Tensor, index: Tensor, wrong: Any, given: Any) -> None:
    """The slope in the largest share, where that is nearly 1 and not the label's: what the other shares leave of it.

    Its distance from the mean is a difference of equal numbers; seen from it, its own part in the mean is 0.
    """
    (agreed, over, under), factor, pull = given
    examples = wrong[0]
    rows, label = others[examples, :, wrong[1]], index[wrong].unsqueeze(1)
    largest = rows.argmax(1, keepdim=True)
    height = over[examples]
    own_height = agreed[examples].gather(1, label) - under[examples].gather(1, label)
    reference = height.gather(1, largest)
    mean = torch.sum(rows * (height - reference), 1) + own[wrong] * (own_height - reference).squeeze(1)
    slope = -mean if factor is None else -mean * factor[wrong]
    if pull is not None:
        slope = slope + pull[wrong]
    gradient[examples, largest.squeeze(1), wrong[1]] = rows.gather(1, largest).squeeze(1) * slope


def _composed_gradient(
    ctx: Any, logits: Tensor, index: Tensor, factor: Any, grads: tuple[Tensor | None, ...]
) -> Tensor:
    from . import torch as xp

    shape = logits.shape[:1] + logits.shape[2:]
    factor = None if factor is None else factor.reshape(shape)
    results = class_overlap_by_parts(
        xp, logits, index.reshape(shape), factor, axis=1, per_example=ctx.per_example, entropy=grads[0] is not None
    )
    pairs = [(result, grad) for result, grad in zip(results, grads, strict=True) if grad is not None]
    outputs, slopes = zip(*pairs, strict=True)
    return torch.autograd.grad(outputs, logits, slopes, create_graph=True)[0]


# Function.apply is untyped; these names are what the backend calls.
log_odds_stored: Callable[[Tensor, Tensor, int], Tensor] = LogOdds.apply
surprise_stored: Callable[[Tensor, Tensor, int], Tensor] = Surprise.apply
class_overlap_stored: Callable[..., tuple[Any, Tensor, Tensor, Tensor]] = ClassOverlap.apply
