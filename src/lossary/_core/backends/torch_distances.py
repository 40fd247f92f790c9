"""PyTorch: the distances of all pairs of points, storing them alone.

Written down as a formula they need a third axis, which autograd keeps.
"""
# torch types autograd.Function's context and return values as Any.
# pyright: reportIncompatibleMethodOverride=false, reportUnknownMemberType=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, sqrt
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .composed import LEAST_EXPONENT, RAISED, distances_direct
from .torch_modes import plain, transformed

FEW = 8  # coordinates, up to which subtracting them is faster than products
LEAST, LARGEST = 1e-20, 1e36  # squared lengths
SAME = 2.0**-44  # a distance beside the points' own length


class Distances(Function):
    """In eager PyTorch, where values may be looked at."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, squared: bool) -> Tensor:
        by_products = x.dtype == torch.float32 and x.ndim == 2 and x.shape[1] > FEW
        made = _by_products(x, y) if by_products else None
        ctx.squared = squared
        if made is not None:
            ctx.scale = None
            found, ctx.close, ctx.dtype = made
            ctx.save_for_backward(x, y, found)
            return found.square() if squared else found
        ctx.scale = scale = _unit(x, y)
        found = torch.cdist(x / scale, y / scale, compute_mode="donot_use_mm_for_euclid_dist")
        ctx.save_for_backward(x, y, found)
        return found.square().mul_(scale).mul_(scale) if squared else found * scale

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        x, y, found = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():
            again = None if ctx.squared else distances_traced(x, y, False)  # with a graph of its own
            return *_pulled(x, y, again, grad, wanted), None
        if ctx.scale is None:
            if ctx.squared:
                return *_by_weights(*_centred(x, y, ctx.dtype), grad.to(ctx.dtype) * 2.0, x.dtype, wanted), None
            pull = grad.div(found).index_put_(ctx.close, grad.new_zeros(()))
            by_products = _by_weights(*_centred(x, y, ctx.dtype), pull.to(ctx.dtype), x.dtype, wanted)
            return *_pulled_by_close(x, y, found, grad, ctx.close, by_products), None
        pull = (grad * found * (2 * ctx.scale) if ctx.squared else grad).contiguous()
        towards_x, towards_y = wanted
        x, y = x / ctx.scale, y / ctx.scale
        return (
            torch.ops.aten._cdist_backward(pull, x, y, 2.0, found) if towards_x else None,
            torch.ops.aten._cdist_backward(pull.mT.contiguous(), y, x, 2.0, found.mT.contiguous())
            if towards_y
            else None,
            None,
        )


class TracedDistances(Function):
    """For torch.compile, which may look at nothing."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, y: Tensor, squared: bool) -> Tensor:
        unit = _unit(x, y)
        found = torch.cdist(x / unit, y / unit, compute_mode="donot_use_mm_for_euclid_dist")
        return found.square() * unit * unit if squared else found * unit

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, y, ctx.squared = inputs
        ctx.save_for_backward(x, y, output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        x, y, found = ctx.saved_tensors
        return *_pulled(x, y, None if ctx.squared else found, grad, ctx.needs_input_grad[:2]), None


class TransformedDistances(TracedDistances):
    """The same for torch.func, forward mode too, which torch.compile refuses."""

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        TracedDistances.setup_context(ctx, inputs, output)
        ctx.save_for_forward(*inputs[:2], output)

    @staticmethod
    def jvp(ctx: Any, step_of_x: Tensor | None, step_of_y: Tensor | None, _: None) -> Tensor:
        x, y, found = ctx.saved_tensors
        a, b = _wide(x, y)
        total = torch.zeros_like(found, dtype=torch.float64)
        if step_of_x is not None:
            step = step_of_x.double()
            total = total + (a * step).sum(-1, keepdim=True) - step @ b.mT
        if step_of_y is not None:
            step = step_of_y.double()
            total = total + (b * step).sum(-1).unsqueeze(-2) - a @ step.mT
        return _per_distance(total, a, None if ctx.squared else found).to(found.dtype)


def _pulled(
    x: Tensor, y: Tensor, found: Tensor | None, grad: Tensor, wanted: Sequence[bool]
) -> tuple[Tensor | None, Tensor | None]:
    """The slopes by products in float64, which are differentiable: h is the slope in the distance divided by it."""
    a, b = _wide(x, y)
    return _by_weights(a, b, _per_distance(grad.double(), a, found), x.dtype, wanted)


def _per_distance(pull: Tensor, x: Tensor, found: Tensor | None) -> Tensor:
    """What the slope of a distance is of the step's, |s|' = s / |s|; or of its square. 0 for points that are equal, or
    so close to each other beside their size that products in float64 do not tell them apart.
    """
    if found is None:
        return 2.0 * pull
    together = found <= SAME * x.detach().norm(dim=-1, keepdim=True)
    return torch.where(together, 0.0, pull / torch.where(together, 1.0, found.double()))


def _wide(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """In float64; what comes in float64 from a point in the middle, and float32 as it is, which has digits to spare."""
    if x.dtype != torch.float64:
        return x.double(), y.double()
    middle = y.detach().mean(-2, keepdim=True)
    return x - middle, y - middle


def _unit(x: Tensor, y: Tensor) -> Tensor:
    """The largest coordinate in units of RAISED, as a power of two."""
    top = torch.maximum(_largest(x), _largest(y))
    unit = torch.exp2(torch.floor(torch.log2(top)).clamp(min=LEAST_EXPONENT)) / RAISED
    return torch.where((top > 0) & (top < inf), unit, 1.0)


Places = tuple[Tensor, ...]


def _by_products(x: Tensor, y: Tensor) -> tuple[Tensor, Places, torch.dtype] | None:
    """|x|² + |y|² − 2 x · y from a point in the middle: in float32 where points lie apart, else in float64.

    Points so close to each other that their digits cancel are subtracted. The distances, where points are close, and
    the dtype; None where too many are.
    """
    for dtype in (torch.float32, torch.float64):
        a, b = _centred(x, y, dtype)
        of_a, of_b = (points.double().square().sum(1) for points in (a, b))  # of which each counts in a whole row
        top = torch.maximum(of_a.max(), of_b.max()).item()
        narrow = LEAST < top < LARGEST  # float32 has room for the squares of all that are not close
        if dtype == torch.float32 and not narrow:
            continue
        squares = torch.mm(a.mul(-2.0), b.mT).add_(of_b.to(dtype)).add_(of_a.to(dtype).unsqueeze(1))
        close = _below(_close(dtype, x.shape[1]) * top, squares)
        if top < inf and len(close[0]) <= squares.numel() // 16 + len(x):
            found = squares.to(x.dtype).sqrt_() if narrow else squares.sqrt_().to(x.dtype)
            found[close] = _steps(x, y, close).norm(dim=1).to(x.dtype)
            return found, close, dtype
    return None


def _close(dtype: torch.dtype, features: int) -> float:
    """A squared distance, in units of the largest squared length, from which products have float32's digits.

    Rounding errors of a sum grow with the root of their number.
    """
    return min(1.0, max(8.0, sqrt(features)) / 64) if dtype == torch.float32 else 1e-8


def _below(limit: float, table: Tensor) -> Places:
    """Where the table is, looked for in the few columns that go so low: to compare all takes as long as a product."""
    columns = torch.nonzero(table.amin(0) < limit).squeeze(1)
    i, j = torch.nonzero(table[:, columns] < limit, as_tuple=True)
    return i, columns[j]


def _centred(x: Tensor, y: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    middle = y[: len(x)].double().mean(0).to(x.dtype)  # in x's digits, where subtracting it rounds the result alone
    return x.to(dtype) - middle, y.to(dtype) - middle


def _by_weights(
    x: Tensor, y: Tensor, pull: Tensor, dtype: torch.dtype, wanted: Sequence[bool]
) -> tuple[Tensor | None, Tensor | None]:
    """Σ_j h_ij (x_i − y_j) and its mirror image."""
    towards_x = (x * pull.sum(-1, keepdim=True) - _weighed(pull, y)).to(dtype) if wanted[0] else None
    towards_y = (y * pull.sum(-2).unsqueeze(-1) - _weighed(pull.mT, x)).to(dtype) if wanted[1] else None
    return towards_x, towards_y


def _weighed(pull: Tensor, points: Tensor) -> Tensor:
    """pull @ points, with few coordinates as rows: as columns they cost float64 its speed, and float32 its digits."""
    if points.dtype == torch.float64 or points.shape[1] < 2 * FEW:
        return (points.mT @ pull.mT).mT
    return pull @ points


def _steps(x: Tensor, y: Tensor, places: Places) -> Tensor:
    """x_i − y_j in float64, which is exact: not from the middle, which rounds."""
    return x[places[0]].double() - y[places[1]].double()


def _pulled_by_close(
    x: Tensor, y: Tensor, found: Tensor, grad: Tensor, close: Places, slopes: tuple[Tensor | None, Tensor | None]
) -> tuple[Tensor | None, Tensor | None]:
    """The slopes, and those of close pairs one by one: the smaller their distance, the larger what would cancel."""
    apart = torch.nonzero(found[close]).squeeze(1)
    if len(apart):
        close = tuple(place[apart] for place in close)
        steps = _steps(x, y, close)
        steps.mul_((grad[close] / steps.norm(dim=1)).unsqueeze(1))
        for slope, place, sign in zip(slopes, close, (1, -1), strict=True):
            if slope is not None:
                slope.index_add_(0, place, steps.to(slope.dtype), alpha=sign)
    return slopes


def _largest(x: Tensor) -> Tensor:
    return x.abs().amax() if x.numel() else x.new_zeros(())


# Function.apply is untyped; these names are what is called.
distances_stored: Callable[[Tensor, Tensor, bool], Tensor] = Distances.apply
distances_traced: Callable[[Tensor, Tensor, bool], Tensor] = TracedDistances.apply
distances_transformed: Callable[[Tensor, Tensor, bool], Tensor] = TransformedDistances.apply


def distances(x: Tensor, y: Tensor, /, *, squared: bool = False) -> Tensor:
    if plain(x, y) and not x.is_meta:
        return distances_stored(x, y, squared)
    if not torch.compiler.is_compiling():
        return distances_transformed(x, y, squared)
    if not transformed():
        return distances_traced(x, y.view_as(y), squared)  # dynamo refuses an array that is given twice
    from . import torch as xp

    return distances_direct(xp, x, y, squared=squared)  # dynamo has no vmap of a custom gradient


def projections(steps: Tensor, x: Tensor, y: Tensor, /) -> Tensor:
    """steps · x − steps · y in float64, from a point in the middle."""
    wide, centre = steps.double(), y.detach().double().mean(-2, keepdim=True)
    along = torch.sum(wide * (x.double() - centre), dim=-1, keepdim=True) - wide @ (y.double() - centre).mT
    return along.to(steps.dtype)
