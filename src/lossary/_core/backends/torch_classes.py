"""PyTorch: softmaxes over classes. Eager ones, from torch's fused operations, store one table instead of several, those
for torch.compile (`Traced…`) none.

Where p is near 1, 1 − p and log p cancel: there the other classes are added up. Asked for a second derivative these
fall back to the composed formulas.
"""
# torch types autograd.Function's context and return values as Any.
# pyright: reportIncompatibleMethodOverride=false, reportUnknownMemberType=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf, log, prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from .composed import (
    UNCERTAIN,
    class_overlap_by_parts,
    log_odds_by_parts,
    pixel_axes,
    seen_from_top,
    surprise_by_odds,
    surprise_by_parts,
    surprise_from_top,
)
from .torch_eager import BLOCK, product_in_full
from .torch_modes import plain, transformed, visible

NARROW = 16  # classes along the last axis, below which torch's softmax does not vectorise
FEW = 4096  # entries, below which a call costs more than its arithmetic
CERTAIN = 1e-9  # −log p, from which float64 has float32's digits
SURELY = 0.9  # a share above it is known better by what the others leave
LARGE = 69.0  # −log p above which p has lost digits, or all of them
LOG_2 = log(2)


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
    """−log p of one class, plus `spread` times its lead over each (`surprise_by_parts`), from one stored table."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, index: Tensor, axis: int, spread: float) -> Tensor:
        table, labels = _table(logits, axis), _items(index, axis)
        if table.ndim == 2 and table.shape[1] >= NARROW and table.numel() > BLOCK:
            powers, total, losses = _surprise_by_rows(table, labels)
        else:
            powers, total, losses = _surprise_by_blocks(table, labels)
        ctx.save_for_backward(logits, index, powers, total, losses)
        ctx.call = axis, spread
        losses = losses.add(_leads(table, labels), alpha=spread) if spread else losses
        return losses.view(index.shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        logits, index, powers, total, losses = ctx.saved_tensors
        axis, spread = ctx.call
        if torch.is_grad_enabled():
            return grad.unsqueeze(axis) * _composed(logits, index, axis, spread)[1](logits), None, None, None
        labels = _items(index, axis)
        pull = grad.reshape(labels.shape)
        share = (pull if total.ndim == 0 else pull / total).unsqueeze(1)
        gradient = torch.addcmul(-spread * pull.unsqueeze(1), powers, share) if spread else powers * share
        towards_own = torch.expm1(-losses).add_((powers.shape[1] - 1) * spread).mul_(pull)
        return gradient.scatter_(1, labels.unsqueeze(1), towards_own.unsqueeze(1)).view(logits.shape), None, None, None


def surprise_of_few(logits: Tensor, index: Tensor, axis: int, spread: float) -> Tensor | None:
    """By torch's own cross entropy in float64, whose rounding float32 does not see unless an item is nearly certain.

    None where that is so, and where there is enough to compute for the other way to be faster.
    """
    if logits.dtype != torch.float32 or not 0 < logits.numel() <= FEW:
        return None
    wide = logits.double()
    if axis != 1 and wide.ndim > 1:
        wide = wide.movedim(axis, 1)
    smoothing = spread * logits.shape[axis]
    losses = F.cross_entropy(wide, index, reduction="none", label_smoothing=smoothing)
    return losses.float() if losses.min().item() > CERTAIN else None


class TracedSurprise(Function):
    """The same for torch.compile, which fuses the formula itself."""

    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor, index: Tensor, axis: int, spread: float) -> Tensor:
        return _composed(logits, index, axis, spread)[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        logits, index, *ctx.call = inputs
        ctx.save_for_backward(logits, index)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        logits, index = ctx.saved_tensors
        slope = _composed(logits, index, *ctx.call)[1](logits)
        return grad.unsqueeze(ctx.call[0]) * slope, None, None, None


class TransformedSurprise(TracedSurprise):
    """The same for torch.func, forward mode too, which torch.compile refuses."""

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        TracedSurprise.setup_context(ctx, inputs, output)
        ctx.save_for_forward(*inputs[:2])

    @staticmethod
    def jvp(ctx: Any, step: Tensor, *_: Any) -> Tensor:
        logits, index = ctx.saved_tensors
        return (_composed(logits, index, *ctx.call)[1](logits) * step).sum(ctx.call[0])


def _composed(logits: Tensor, index: Tensor, axis: int, spread: float) -> Any:
    from . import torch as xp

    return surprise_by_parts(xp, logits, index, axis=axis, spread=spread)


def _table(logits: Tensor, axis: int) -> Tensor:
    """(rows, classes), or (examples, classes, pixels) where classes are not the last axis."""
    if axis == 1 and logits.ndim == 2:
        return logits
    before, classes, behind = prod(logits.shape[:axis]), logits.shape[axis], prod(logits.shape[axis + 1 :])
    return logits.reshape((before, classes) if axis == logits.ndim - 1 else (before, classes, behind))


def _items(index: Tensor, axis: int) -> Tensor:
    shape = index.shape
    if axis == index.ndim == 1:
        return index
    return index.reshape((prod(shape),) if axis == index.ndim else (prod(shape[:axis]), prod(shape[axis:])))


def _parts(shape: Any) -> Iterator[tuple[Any, Any]]:
    """Where blocks of a `_table` stand that fit the caches, and their items."""
    if len(shape) == 2:
        return ((rows, rows) for rows, _ in _blocks(shape[0], shape[1], 1))
    return (((some, slice(None), pixels), (some, pixels)) for some, pixels in _blocks(*shape))


def _parted(table: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The softmax over axis 1, wrong at the labels; their shares; and what these lack of 1."""
    return _in_parts(_parted_block, table, labels)


def _in_parts(
    function: Callable[..., tuple[Tensor, Tensor, Tensor]], table: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """`function(table, labels, out)`, which gives a table and two numbers an item, on blocks that fit the caches."""
    if table.numel() <= BLOCK:
        return function(table, labels)
    result = torch.empty_like(table)
    first, second = table.new_empty((2, *labels.shape))
    for part, items in _parts(table.shape):
        _, first[items], second[items] = function(table[part], labels[items], result[part])
    return result, first, second


def _parted_block(table: Tensor, labels: Tensor, out: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    labels = labels.unsqueeze(1)
    shares = torch.softmax(table, 1, out=out)
    own = shares.gather(1, labels)
    shares.scatter_(1, labels, 0.0)
    return shares, own.squeeze(1), shares.sum(1)


def _surprise_by_blocks(table: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The shares times a total, 0 at the labels; the total; and −log of the labels' shares."""
    if table.numel() > FEW and (table.ndim == 3 or table.shape[1] >= NARROW):
        shares, share, missing = _parted(table, labels)
        return shares, share.new_ones(()), _surprise_of(share, missing, table, labels)
    return _in_parts(_surprise_block, table, labels)


def _surprise_block(table: Tensor, labels: Tensor, out: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """The same by powers of each logit less the largest one."""
    chosen = labels.unsqueeze(1)
    powers = torch.sub(table, table.amax(1, keepdim=True), out=out)
    lead = powers.gather(1, chosen).squeeze(1)
    rest = powers.exp_().scatter_(1, chosen, 0.0).sum(1)
    # Nothing cancels: the label's own power is 1 where it leads, and beside the leader's power of 1 where it does not.
    above = torch.expm1(lead).add_(rest)
    return powers, 1 + above, torch.log1p(above).sub_(lead)


def _surprise_by_rows(table: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The same from the softmax itself, whose other shares are added up only where the label has most."""
    shares, own, chosen = torch.empty_like(table), table.new_empty((len(table), 1)), labels.unsqueeze(1)
    step = max(1, 2 * BLOCK // table.shape[1])
    for rows in (slice(start, start + step) for start in range(0, len(table), step)):
        torch.gather(torch.softmax(table[rows], 1, out=shares[rows]), 1, chosen[rows], out=own[rows])
    losses = own.squeeze(1).log_().neg_()
    if not losses.min().item() >= LOG_2:  # a NaN is no `>=` either
        for rows in torch.nonzero(losses < LOG_2).squeeze(1).split(step):
            losses[rows] = torch.log1p(-shares[rows].scatter_(1, chosen[rows], 0.0).sum(1)).neg_()
    return shares, losses.new_ones(()), _mended(losses, table, labels)


def _leads(table: Tensor, labels: Tensor) -> Tensor:
    """Σ_c (x_y − x_c)"""
    leads = torch.empty_like(labels, dtype=table.dtype)
    for part, items in _parts(table.shape):
        block = table[part]
        torch.sum(block.gather(1, labels[items].unsqueeze(1)) - block, 1, out=leads[items])
    return leads


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
        index, flat = index.reshape(examples, -1), None if factor is None else factor.reshape(examples, -1)
        table = logits.reshape(examples, classes, -1)
        others, own, missing = _parted(table, index)
        over = others.sum(2) if flat is None else product_in_full(others, flat.unsqueeze(2)).squeeze(2)
        agreed, under = (
            _by_label(values if flat is None else values * flat, index, classes) for values in (own, missing)
        )
        surprise = _surprise_of(own, missing, table, index) if entropy else None
        ctx.save_for_backward(others, own, missing, logits, index, flat)
        ctx.per_example = per_example
        sums = agreed, over, under
        if surprise is not None:
            surprise = surprise.reshape(logits.shape[:1] + logits.shape[2:])
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


class TracedOverlap(Function):
    """`class_overlap_by_parts` for torch.compile, which stores no softmax: it is computed again in every pass.

    Heights are slopes in the shares; seen from the height of the largest share nothing cancels where that is near 1.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        logits: Tensor, index: Tensor, factor: Tensor | None, axis: int, per_example: bool, entropy: bool
    ) -> tuple[Tensor, ...]:
        from . import torch as xp

        absent, top, behind, rest, total = _from_top(logits, index, axis)
        present = 1 - absent
        if factor is not None:
            absent, present = absent * factor.unsqueeze(axis), present * factor.unsqueeze(axis)
        over = absent * torch.exp((logits - top) - torch.log(total))
        parts = present / total * torch.exp(-behind), over, present * (rest / total)
        axes = pixel_axes(logits.ndim, axis, per_example)
        agreed, over, under = (torch.sum(part, axes) if axes else part for part in parts)
        return surprise_from_top(xp, behind, rest, total).squeeze(axis), agreed, over, under

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        logits, index, factor, *ctx.call = inputs
        ctx.save_for_backward(logits, index, factor)

    @staticmethod
    def backward(ctx: Any, pull: Tensor, agreed: Tensor, over: Tensor, under: Tensor) -> Any:
        logits, index, factor = ctx.saved_tensors
        axis, per_example, entropy = ctx.call
        absent, top, _, rest, total = _from_top(logits, index, axis)
        axes = pixel_axes(logits.ndim, axis, per_example)
        shape = [1 if i in axes else n for i, n in enumerate(logits.shape)]
        here, own = (_written_out(each).reshape(shape) for each in (over, agreed - under))
        largest = torch.where(logits == top, torch.where(absent == 0, own, here), -inf)
        height = torch.amax(largest, axis, keepdim=True)
        # Three softmaxes, each in words of its own: one that is used twice inductor would write out.
        log_total = torch.log(total)
        lift = absent * (here - height) + (1 - absent) * (own - height)
        mean = torch.sum(lift * torch.exp(-((top - logits) + log_total)), axis, keepdim=True)
        rise = absent * here + (1 - absent) * own - height - mean
        if factor is not None:
            rise = rise * factor.unsqueeze(axis)
        shares = torch.exp(-log_total - (top - logits))
        if not entropy:
            return rise * shares, *[None] * 5
        pull = pull.unsqueeze(axis)
        return (rise + absent * pull) * shares - (1 - absent) * (pull * (rest / total)), *[None] * 5


def _from_top(logits: Tensor, index: Tensor, axis: int) -> tuple[Tensor, ...]:
    from . import torch as xp

    index = index.unsqueeze(axis)
    return seen_from_top(xp, logits, index, xp.take_along_axis(logits, index, axis=axis), axis=axis)


def _written_out(x: Tensor) -> Tensor:
    """x itself; inductor stores a reduction, and would compute anything else anew for every pixel."""
    return torch.amax(x.expand(16, *x.shape), 0)


def _by_label(values: Tensor, index: Tensor, classes: int) -> Tensor:
    """Their sums by label, (examples, classes), for values (examples, pixels)."""
    places = index + classes * torch.arange(len(index), device=index.device).unsqueeze(1)
    sums = torch.bincount(places.reshape(-1), values.reshape(-1).double(), minlength=classes * len(index))
    return sums.reshape(-1, classes).to(values.dtype)


def _surprise_of(own: Tensor, missing: Tensor, table: Tensor, labels: Tensor) -> Tensor:
    """−log of their `own` share, where the others leave `missing`."""
    return _mended(torch.where(own > 0.5, torch.log1p(-missing), torch.log(own)).neg_(), table, labels)


def _mended(losses: Tensor, table: Tensor, labels: Tensor) -> Tensor:
    """`losses`, where they come from shares too small to have all their digits: by the logarithm of the softmax."""
    if losses.numel() and not losses.max().item() <= LARGE:
        large = torch.nonzero(losses > LARGE, as_tuple=True)
        logs = torch.log_softmax(table.movedim(1, -1)[large], 1)
        losses[large] = logs.gather(1, labels[large].unsqueeze(1)).squeeze(1).neg_()
    return losses


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
# Without what Function.apply does in Python for torch.func, which is not looking on where this is called.
surprise_stored: Callable[[Tensor, Tensor, int, float], Tensor] = super(Function, Surprise).apply  # pyright: ignore[reportAttributeAccessIssue]
surprise_traced: Callable[[Tensor, Tensor, int, float], Tensor] = TracedSurprise.apply
surprise_transformed: Callable[[Tensor, Tensor, int, float], Tensor] = TransformedSurprise.apply
class_overlap_stored: Callable[..., tuple[Any, Tensor, Tensor, Tensor]] = ClassOverlap.apply
class_overlap_traced: Callable[..., tuple[Any, Tensor, Tensor, Tensor]] = TracedOverlap.apply


def surprise(logits: Tensor, index: Tensor, /, *, axis: int, spread: float = 0.0) -> Tensor:
    if plain(logits) and logits.device.type == "cpu":
        axis %= logits.ndim
        few = surprise_of_few(logits, index, axis, spread)
        return surprise_stored(logits, index, axis, spread) if few is None else few
    if not torch.compiler.is_compiling():
        return surprise_transformed(logits, index, axis % logits.ndim, spread)
    if not transformed():
        return surprise_traced(logits, index, axis % logits.ndim, spread)
    from . import torch as xp

    return surprise_by_odds(xp, logits, index, axis=axis, spread=spread)  # dynamo has no vmap of a custom gradient


def soft_surprise(logits: Tensor, shares: Tensor, careful: Callable[[Any, Any], Any], /, *, axis: int) -> Tensor:
    if visible(logits) and logits.numel():
        losses = torch.sum(shares * torch.log_softmax(logits, axis), dim=axis).neg_()
        if losses.min().item() > UNCERTAIN:  # a NaN (0 · ∞ too) is no `>` and goes the careful way
            return losses
    return careful(logits, shares)


def class_overlap(
    logits: Tensor, index: Tensor, factor: Tensor | None, /, *, axis: int, per_example: bool, entropy: bool = False
) -> tuple[Any, Tensor, Tensor, Tensor]:
    if logits.numel() and (factor is None or not factor.requires_grad):
        if axis == 1 and visible(logits):
            return class_overlap_stored(logits, index, factor, per_example, entropy)
        if torch.compiler.is_compiling() and not transformed():
            return class_overlap_traced(logits, index, factor, axis, per_example, entropy)
    from . import torch as xp

    return class_overlap_by_parts(xp, logits, index, factor, axis=axis, per_example=per_example, entropy=entropy)
