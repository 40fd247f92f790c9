"""PyTorch: `axis` → `dim`, and in eager mode hand-placed gradients that touch memory as rarely as they can."""

# torch leaves the results of its autograd functions untyped.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from math import inf as _inf
from math import isfinite as _finite
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch import abs as abs
from torch import atan as atan
from torch import divide as divide
from torch import exp as exp
from torch import expm1 as expm1
from torch import isfinite as isfinite
from torch import isnan as isnan
from torch import log as log
from torch import log1p as log1p
from torch import multiply as multiply
from torch import ones_like as ones_like
from torch import relu as relu
from torch import sigmoid as sigmoid
from torch import tanh as tanh
from torch import zeros_like as zeros_like
from torch.utils._pytree import register_pytree_node

from ..result import LossResult, flatten, unflatten
from .composed import (
    half_exp_above_tangent_by_fraction,
    hypot_of_array,
    hypot_of_number,
    log_odds_by_parts,
    logsumexp_of_any,
    nearest_in_blocks,
    norm_scaled,
    sqrt_with_zero,
    unit_vectors,
    window_moments_shifted,
)
from .torch_classes import class_overlap as class_overlap
from .torch_classes import log_odds_stored
from .torch_classes import soft_surprise as soft_surprise
from .torch_classes import surprise as surprise
from .torch_distances import distances as distances
from .torch_distances import projections as projections
from .torch_eager import (
    Call,
    half_exp_above_tangent_in_double,
    losses_of,
    mean_of,
    number,
    once_stored,
    pointwise_stored,
    pointwise_traced,
    pointwise_transformed,
    product_in_full,
)
from .torch_kernels import KERNELS
from .torch_loops import by_rows as by_rows
from .torch_loops import either as either
from .torch_loops import gradient as gradient
from .torch_loops import iterate as iterate
from .torch_loops import total_by_rows as total_by_rows
from .torch_loops import unrolls as unrolls
from .torch_modes import beneath, learning, plain, transformed
from .torch_modes import tracing as tracing
from .torch_modes import visible as visible
from .torch_rows import linear_in_total, without_stored
from .torch_windows import pad as pad
from .torch_windows import window_moments_stored
from .trees import nearest_by_tree

NAME = "torch"
CHANNEL_AXIS = 1


Axes = Any  # int, tuple of ints or None: torch's stubs ask for its own Size
_HERE: Any = sys.modules[__name__]
register_pytree_node(
    LossResult,
    flatten,
    lambda children, context: unflatten(context, children),
    serialized_type_name="lossary.LossResult",
)

_INT32 = -(1 << 31), (1 << 31) - 1
_COMPUTED = (torch.float32, torch.float64)


def _only_values(x: Tensor) -> bool:
    """No slope is asked of it, now or by a transform."""
    return plain(x) and not learning(x)


# Beside a number, torch's threshold and hardtanh: unlike its clamp they have gradient 0 at the kink.
def minimum(x: Tensor, y: Any, /) -> Tensor:
    if isinstance(y, Tensor):
        return torch.minimum(x, y)
    return torch.clamp_max(x, y) if _only_values(x) else -F.threshold(-x, -y, -y)


def maximum(x: Tensor, y: Any, /) -> Tensor:
    if isinstance(y, Tensor):
        return torch.maximum(x, y)
    return torch.clamp_min(x, y) if _only_values(x) else F.threshold(x, y, y)


def clip(x: Tensor, low: Any, high: Any, /) -> Tensor:
    return torch.clamp(x, low, high) if isinstance(high, Tensor) else F.hardtanh(x, low, high)


def where(condition: Tensor, x: Any, y: Any, /) -> Tensor:
    return torch.where(condition, x, y)


def sum(x: Tensor, /, *, axis: Axes, keepdims: bool = False) -> Tensor:
    return torch.sum(x) if axis is None else torch.sum(x, dim=axis, keepdim=keepdims)


def max(x: Tensor, /, *, axis: int, keepdims: bool = False) -> Tensor:
    return torch.amax(x, dim=axis, keepdim=keepdims)


def min(x: Tensor, /, *, axis: int, keepdims: bool = False) -> Tensor:
    return torch.amin(x, dim=axis, keepdim=keepdims)


def any(x: Tensor, /, *, axis: Axes) -> Tensor:
    return torch.any(x) if axis is None else torch.any(x, dim=axis)


def argmax(x: Tensor, /, *, axis: int) -> Tensor:
    return torch.argmax(x, dim=axis)


def argmin(x: Tensor, /, *, axis: int) -> Tensor:
    return torch.argmin(x, dim=axis)


def sort(x: Tensor, /, *, axis: int) -> Tensor:
    return torch.sort(x, dim=axis, stable=True).values


def argsort(x: Tensor, /, *, axis: int) -> Tensor:
    return torch.argsort(x, dim=axis, stable=True)


def searchsorted(x: Tensor, values: Tensor, /, *, right: bool = False) -> Tensor:
    return torch.searchsorted(x.detach().contiguous(), values.detach().contiguous(), right=right)


def cumulative_sum(x: Tensor, /, *, axis: int) -> Tensor:
    return torch.cumsum(x, dim=axis)


def matmul(x: Tensor, y: Tensor, /) -> Tensor:
    # Autocast would round the factors to half precision, in the backward pass too.
    rounded = not x.is_meta and torch.is_autocast_enabled(x.device.type)
    return product_in_full(x, y) if rounded else torch.matmul(x, y)


def linear(x: Tensor, weight: Tensor, /) -> Tensor:
    total = getattr(weight, "total", None) if plain(x, weight) else None
    return matmul(x, weight.mT) if total is None else linear_in_total(x, weight, total)


def take(x: Tensor, indices: Tensor, /, *, axis: int) -> Tensor:
    return torch.index_select(x, axis, indices)


def concat(arrays: Sequence[Tensor], /, *, axis: int) -> Tensor:
    return torch.cat(tuple(arrays), dim=axis)


def split(x: Tensor, count: int, /, *, axis: int) -> tuple[Tensor, Tensor]:
    first, others = torch.split(x, [count, x.shape[axis] - count], dim=axis)
    return first, others


def stack(arrays: Sequence[Tensor], /, *, axis: int) -> Tensor:
    return torch.stack(tuple(arrays), dim=axis)


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int) -> Tensor:
    return torch.gather(x, axis, indices if indices.dtype == torch.int64 else indices.to(torch.int64))


def put_along_axis(x: Tensor, indices: Tensor, value: Any, /, *, axis: int) -> Tensor:
    if torch.compiler.is_compiling():  # which fuses it
        return torch.where(positions(x, axis=axis) == indices, value, x)
    return torch.scatter(x, axis, indices, value)  # one copy; a comparison with every place and `where` cost four


def without(table: Tensor, index: Tensor, /) -> Tensor:
    index = torch.unsqueeze(index, 1)
    if table.requires_grad and not table.is_leaf and plain(table):
        return without_stored(table, index)
    return put_along_axis(table, index, -_inf, axis=1)


def expand_dims(x: Tensor, /, *, axis: int) -> Tensor:
    return torch.unsqueeze(x, axis)


def squeeze(x: Tensor, /, *, axis: int) -> Tensor:
    return torch.squeeze(x, axis)


def moveaxis(x: Tensor, source: int, destination: int, /) -> Tensor:
    return torch.movedim(x, source, destination)  # torch.func.vmap has no rule for torch's own moveaxis


def reshape(x: Tensor, shape: Sequence[int], /) -> Tensor:
    return torch.reshape(x, tuple(shape))


def broadcast_to(x: Tensor, shape: Sequence[int], /) -> Tensor:
    return x.expand(tuple(shape))


def sign(x: Tensor, /) -> Tensor:
    # torch's own sign of NaN is 0, and its `where` is slow.
    (tiny,) = numbers(x, torch.finfo(x.dtype).smallest_normal)
    return F.hardtanh(x / tiny, -1.0, 1.0)


def hypot(x: Tensor, y: Any, /) -> Tensor:
    if isinstance(y, float) and y > 1e-18 and visible(x) and not learning(x):
        root = torch.sqrt(torch.addcmul(number(y * y, x.dtype), x, x))
        if root.numel() and root.max().item() < _inf:
            return root
    return hypot_of_array(_HERE, x, y) if isinstance(y, Tensor) else hypot_of_number(_HERE, torch.sqrt, x, y)


def sqrt(x: Tensor, /) -> Tensor:
    return sqrt_with_zero(_HERE, torch.sqrt, x)


def norm(x: Tensor, /, *, axis: int, keepdims: bool = False) -> Tensor:
    return norm_scaled(_HERE, x, axis=axis, keepdims=keepdims)


def unit(x: Tensor, /, *, axis: int) -> Tensor:
    return unit_vectors(_HERE, x, axis=axis)


def mean(x: Tensor, /, *, axis: Axes) -> Tensor:
    if not plain(x):
        return torch.sum(x * (1 / _count(x, axis)), dim=axis)  # a sum may overflow where its mean does not
    if axis is None and x.is_cpu:
        return mean_of(x, x.numel())
    return torch.mean(x, dim=axis, dtype=torch.float64).to(x.dtype)


def _count(x: Tensor, axis: Axes) -> int:
    if axis is None:
        return x.numel()
    count = 1
    for i in [axis] if isinstance(axis, int) else axis:
        count *= x.shape[i]
    return count


def softplus(x: Tensor, /) -> Tensor:
    # torch's own threshold of 20 cuts e^−20, which float64 still sees.
    return F.softplus(x, 1.0, 40.0)


def abs_with_slope(x: Tensor, /) -> Tensor:
    return torch.abs(x) if _only_values(x) else (2 * step(x) - 1) * x


def signed(size: Tensor, x: Tensor, /) -> Tensor:
    return torch.copysign(size, x) if _only_values(x) and _only_values(size) else (2 * step(x) - 1) * size


def step(x: Tensor, /) -> Tensor:
    if not plain(x):
        return (x > 0).to(x.dtype)
    x = x.detach()
    return torch.gt(x, 0, out=torch.empty_like(x))  # without an array of booleans


def turns(answers: Tensor, /) -> Tensor | None:
    # Answers with a slope of their own must stay in the formula. A NaN is no 0.
    if not visible(answers) or learning(answers) or torch.sum(torch.frac(answers)).item() != 0:
        return None
    return torch.rsub(answers, 1, alpha=2)


def once(x: Tensor, /) -> Tensor:
    if torch.compiler.is_compiling():
        return x
    return once_stored(x) if x.requires_grad or transformed() else x


def stop_gradient(x: Tensor, /) -> Tensor:
    return x.detach()


def positions(x: Tensor, /, *, axis: int) -> Tensor:
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    return torch.arange(x.shape[axis], device=x.device).reshape(shape)


def half_exp_above_tangent(x: Tensor, /) -> tuple[Tensor, Callable[[], Tensor]]:
    if x.dtype == torch.float32 and visible(x):
        return half_exp_above_tangent_in_double(x)
    return half_exp_above_tangent_by_fraction(_HERE, x)


def log_odds(logits: Tensor, index: Tensor, /, *, axis: int) -> Tensor:
    if plain(logits) and logits.device.type == "cpu":  # elsewhere its look at the values would wait for the device
        return log_odds_stored(logits, index, axis % logits.ndim)
    return log_odds_by_parts(_HERE, logits, index, axis=axis)


def pointwise(
    formula: Callable[..., Any],
    x: Tensor,
    /,
    *others: Tensor,
    difference: bool = False,
    native: str | None = None,
    **options: Any,
) -> Tensor:
    ordinary = plain(x, *others)
    if native is not None:
        if ordinary:
            return KERNELS[native](x, *others, 0, *options.values())
        # Not under torch.func, where some have no second slope forwards; torch's L1 loss has slope 0 at a NaN.
        if native != "l1_loss" and torch.compiler.is_compiling():
            return getattr(F, native)(x, *others, reduction="none", **options)
    call = Call(_HERE, formula, options, difference)
    if ordinary:
        return (pointwise_stored if learning(x, *others) else losses_of)(call, x, *others)
    if torch.compiler.is_compiling():
        losses, slopes = call(x, *others)
        only_first = len(slopes) == 1 and not difference
        if transformed() or not learning(x, *others) or (only_first and (not x.requires_grad or learning(*others))):
            return losses  # no slope wanted, or one that only autograd gives (dynamo has no vmap of a slope of ours)
        return pointwise_traced(call, x, *others)[0]
    return pointwise_transformed(call, x, *others)[0]


def pointwise_mean(
    formula: Callable[..., Any],
    x: Tensor,
    /,
    *others: Tensor,
    difference: bool = False,
    native: str | None = None,
    count: int | None = None,
    **options: Any,
) -> Tensor:
    number = x.numel() if count is None else count
    if plain(x, *others) and x.is_cpu:
        if native is None:
            call = Call(_HERE, formula, options, difference, number)
            return (pointwise_stored if learning(x, *others) else losses_of)(call, x, *others)
        if count is None:
            found = KERNELS[native](x, *others, 1, *options.values())
            if _finite(found.item()):
                return found
    losses = pointwise(formula, x, *others, difference=difference, native=native, **options)
    found = mean(losses, axis=None)
    return found if count is None else found * (x.numel() / count)


def quietly(function: Callable[..., Any], /, *args: Any) -> Any:
    return function(*args)


def logsumexp(x: Tensor, /, *, axis: int, keepdims: bool = False) -> Tensor:
    return logsumexp_of_any(_HERE, x, axis=axis, keepdims=keepdims)


def softmax(x: Tensor, /, *, axis: int) -> Tensor:
    return torch.softmax(x, dim=axis)


def nearest(x: Tensor, y: Tensor, keep: Tensor | None, /, *, chunk_size: int | None) -> Tensor:
    x, y = x.detach(), y.detach()
    if visible(x) and visible(y):
        found = nearest_by_tree(x.numpy(), y.numpy(), None if keep is None else keep.numpy())
        if found is not None:
            return torch.from_numpy(found)
    return nearest_in_blocks(_HERE, x, y, keep, chunk_size=chunk_size)


def segment_sum(values: Tensor, segments: Tensor, count: int, /) -> Tensor:
    return values.new_zeros((count, *values.shape[1:])).index_add(0, segments, values)


def window_moments(
    means: Tensor, variances: Tensor | None, shares: Sequence[float], /, *, axis: int
) -> tuple[Tensor, Tensor]:
    if plain(means) and (variances is None or plain(variances)):
        return window_moments_stored(means, variances, tuple(shares), axis)
    return window_moments_shifted(_HERE, means, variances, shares, axis=axis)


def normal(key: torch.Generator, shape: Sequence[int], like: Tensor, /) -> Tensor:
    return torch.randn(tuple(shape), generator=key, dtype=like.dtype, device=like.device)


def uniform(key: torch.Generator, shape: Sequence[int], like: Tensor, /) -> Tensor:
    return torch.rand(tuple(shape), generator=key, dtype=like.dtype, device=like.device)


def select(keep: Tensor, x: Tensor, fill: float, /) -> Tensor:
    if visible(keep) and bool(keep.all()):  # saves a copy of x where looking is free
        return x
    return torch.where(keep, x, fill)


def kind(x: Tensor, /) -> str:
    dtype = x.dtype
    if dtype.is_floating_point:
        return "float"
    return "complex" if dtype.is_complex else "bool" if dtype == torch.bool else "int"


def numbers(like: Tensor, /, *values: Any) -> Sequence[Any]:
    if not visible(like):
        return values
    return [number(value, like.dtype) if isinstance(value, (int, float)) else value for value in values]


def matched(*arrays: Tensor) -> bool:
    dtype, shape = arrays[0].dtype, arrays[0].shape
    for array in arrays[1:]:
        if array.dtype != dtype or array.shape != shape:
            return False
    return dtype in _COMPUTED


def promote(*arrays: Tensor) -> tuple[Tensor, ...]:
    first = arrays[0].dtype
    if first == torch.float32 or first == torch.float64:
        for array in arrays:
            if array.dtype != first:
                break
        else:
            return arrays
    wide = torch.float64 if torch.float64 in [array.dtype for array in arrays] else torch.float32
    return tuple(array.to(wide) for array in arrays)


def indices(labels: Tensor, /) -> Tensor:
    if torch.compiler.is_compiling():
        return torch.clamp(labels.to(torch.int64), *_INT32).to(torch.int32)
    return labels.to(torch.int64)


def astype(x: Tensor, like: Tensor, /) -> Tensor:
    return x.to(like.dtype)


def asarray(values: Any, like: Tensor, /) -> Tensor:
    return torch.as_tensor(values, dtype=like.dtype, device=like.device)


def extent(x: Tensor, /) -> tuple[float, float]:
    low, high = torch.aminmax(x.detach() if x.requires_grad else x)
    return low.item(), high.item()


def require(ok: Tensor, message: str, /) -> None:
    if torch.compiler.is_compiling():
        # The one assertion that torch.compile keeps.
        torch._assert_async(ok, message)  # pyright: ignore[reportPrivateUsage, reportPrivateImportUsage]
    elif (seen := beneath(ok)) is not None and not bool(seen.all()):
        raise ValueError(message)
