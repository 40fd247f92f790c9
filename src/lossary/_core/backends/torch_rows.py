"""Eager PyTorch: tables of pairs, without keeping them.

Autograd stores every intermediate of a table of n × m pairs. These store the points alone and compute the rest again in
the backward pass, block by block. Asked for a second derivative they fall back to the composed formula.
"""
# torch types autograd.Function's context and return values as Any.
# pyright: reportIncompatibleMethodOverride=false, reportUnknownMemberType=false, reportUnknownParameterType=false
# pyright: reportMissingParameterType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import frexp, inf, sqrt
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .composed import distances_direct

FEW = 8  # coordinates, up to which subtracting them is faster than products
LEAST, LARGEST = 1e-20, 1e36  # squared lengths


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


class Distances(Function):
    """`distances_direct`, which stores the distances alone."""

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
        top = torch.maximum(_largest(x), _largest(y)).item()
        # A power of two, so that the squares of very large or very small numbers stay in range.
        scale = 2.0 ** frexp(top)[1] if 0 < top < float("inf") else 1.0
        found = torch.cdist(x / scale, y / scale, compute_mode="donot_use_mm_for_euclid_dist")
        ctx.scale = scale
        ctx.save_for_backward(x, y, found)
        return found.square().mul_(scale).mul_(scale) if squared else found * scale

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        x, y, found = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():
            from . import torch as xp

            x, y = _told_apart((x, y))
            chosen = [array for array, want in zip((x, y), wanted, strict=True) if want]
            table = distances_direct(xp, x, y, squared=ctx.squared)
            slopes = iter(torch.autograd.grad(table, chosen, grad, create_graph=True))
            return *(next(slopes) if want else None for want in wanted), None
        if ctx.scale is None:
            if ctx.squared:
                return *_pulled_by_products(x, y, grad.to(ctx.dtype) * 2.0, wanted), None
            pull = grad.div(found).index_put_(ctx.close, grad.new_zeros(()))
            by_products = _pulled_by_products(x, y, pull.to(ctx.dtype), wanted)
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


def _pulled_by_products(
    x: Tensor, y: Tensor, pull: Tensor, wanted: tuple[bool, ...]
) -> tuple[Tensor | None, Tensor | None]:
    """Σ_j h_ij (x_i − y_j) and its mirror image, h the slope in the distance divided by it."""
    a, b = _centred(x, y, pull.dtype)
    towards_x = a.mul(pull.sum(1, keepdim=True)).sub_(_weighed(pull, b)).to(x.dtype) if wanted[0] else None
    towards_y = b.mul(pull.sum(0).unsqueeze(1)).sub_(_weighed(pull.mT, a)).to(y.dtype) if wanted[1] else None
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


def projections_by_products(steps: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """steps · x − steps · y in float64, from a point in the middle."""
    wide, centre = steps.double(), y.detach().double().mean(-2, keepdim=True)
    along = torch.sum(wide * (x - centre), dim=-1, keepdim=True) - torch.matmul(wide, (y - centre).mT)
    return along.to(steps.dtype)


def _largest(x: Tensor) -> Tensor:
    return x.abs().amax() if x.numel() else x.new_zeros(())


# Function.apply is untyped; these names are what the backend calls.
linear_in_total: Callable[[Tensor, Tensor, Tensor], Tensor] = LinearInTotal.apply
without_stored: Callable[[Tensor, Tensor], Tensor] = Without.apply
by_rows_stored: Callable[..., Any] = ByRows.apply
total_stored: Callable[..., Tensor] = TotalByRows.apply
distances_stored: Callable[[Tensor, Tensor, bool], Tensor] = Distances.apply
