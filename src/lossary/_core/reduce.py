"""How per-item losses become what the caller asked for. One definition for the whole library: mean = Σ w·m·ℓ / Σ
w·m.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, prod
from typing import TYPE_CHECKING, Any, NamedTuple

from .backends import namespace
from .check import axis_of, described, floating, real
from .options import known_reduction, positive
from .types import A, Axis, Bool, Float, Reduction

if TYPE_CHECKING:
    from .backends.protocol import Namespace


class Counted(NamedTuple):
    """Which items count, and how much."""

    keep: Any  # bool, of the per-item shape or with trailing axes of size 1: False as if the item were not there
    factor: Any  # what each loss is multiplied by; 0 exactly where not kept


def counted(
    loss: str,
    xp: Namespace,
    shape: Sequence[int],
    weights: Any,
    mask: Any,
    like: Any,
    dropped: Any = None,
    names: tuple[str, str] = ("weights", "mask"),
) -> Counted | None:
    """Weights, mask and ignored labels (`dropped`) as one rule for items of `shape`; None where every item counts
    alike.
    """
    if weights is None and mask is None and dropped is None:
        return None
    keep = None
    if mask is not None:
        if xp.kind(mask) != "bool":
            raise TypeError(
                f"{loss}: expected {names[1]} of dtype bool (True counts); "
                f"got {names[1]} {str(mask.dtype).removeprefix('torch.')}"
            )
        keep = _leading(loss, xp, names[1], mask, shape)
    if dropped is not None and not (xp.visible(dropped) and not bool(xp.any(dropped, axis=None))):
        keep = ~dropped if keep is None else keep & ~dropped
    if weights is None:
        return None if keep is None else Counted(keep, xp.astype(keep, like))
    real(loss, xp, **{names[0]: weights})
    weights = _leading(loss, xp, names[0], xp.astype(weights, like), shape)
    nonzero = weights != 0
    keep = nonzero if keep is None else keep & nonzero
    return Counted(keep, xp.where(keep, weights, 0.0))


def _leading(loss: str, xp: Namespace, name: str, array: Any, shape: Sequence[int]) -> Any:
    """`array` with singleton axes behind it, so that it meets the leading axes of `shape` and never the trailing
    ones.
    """
    own = tuple(array.shape)
    if own != tuple(shape)[: len(own)]:
        raise ValueError(
            f"{loss}: expected {name} of shape {tuple(shape)} or a leading part of it; got {described(**{name: array})}"
        )
    return array if len(own) == len(shape) else xp.reshape(array, own + (1,) * (len(shape) - len(own)))


def reduce(
    loss: str,
    xp: Namespace,
    losses: Any,
    items: Counted | None,
    *,
    axis: Axis = None,
    normalizer: Any = None,
    reduction: Reduction = "mean",
    divisor: Any = None,
) -> Any:
    """Per-item `losses`, already finite where they do not count, as `reduction` says.

    `divisor` replaces the factors in the denominator of a mean, where the losses carry weights of their own (class
    weights).
    """
    own = None if items is None else items.factor
    if reduction == "none":
        return losses if own is None else xp.multiply(losses, own)
    shape = tuple(losses.shape)
    alike = own is None and divisor is None and normalizer is None
    if alike and axis is None and reduction == "mean" and 0 not in shape:
        return xp.mean(losses, axis=None)
    over = _axes(loss, axis, losses)
    size = prod(shape if over is None else [shape[i] for i in over])
    if reduction == "sum" or size == 0:  # nothing there to count: 0, and still part of the graph
        return xp.sum(losses if own is None else xp.multiply(losses, own), axis=over)
    factor = own if divisor is None else divisor
    per_example = 1
    if reduction == "batch_sum":
        per_example = prod(shape[1:])
        factor = None if own is None else _example_factor(xp, own)
    share = _share(loss, xp, shape, over, factor, normalizer, size // per_example)
    if own is not None:
        # Divided before they are multiplied: no size of weights can drive the product out of range.
        if over is not None and normalizer is None:
            share = xp.reshape(share, [1 if i in over else n for i, n in enumerate(shape)])
        own = xp.divide(own, share)
        mean = xp.mean(xp.multiply(losses, own), axis=over)
    else:
        mean = xp.mean(losses, axis=over)
        mean = mean if share is None else xp.divide(mean, share)
    return mean if per_example == 1 else mean * per_example


def multipliers(
    loss: str,
    xp: Namespace,
    losses: Any,
    items: Counted | None,
    normalizer: Any,
    reduction: Reduction,
    divisor: Any = None,
) -> Any:
    """What `reduce` multiplies each loss by for a sum or a mean over all of them: for those added up on the way.

    `losses` is looked at for its shape and dtype alone.
    """
    shape = tuple(losses.shape)
    own = xp.ones_like(losses) if items is None else xp.broadcast_to(items.factor, shape)
    if reduction == "sum":
        return own
    factor = (None if items is None else own) if divisor is None else divisor
    share = _share(loss, xp, shape, None, factor, normalizer, prod(shape))
    own = own / max(1, prod(shape))
    return own if share is None else xp.divide(own, share)


def _share(loss: str, xp: Namespace, shape: tuple[int, ...], over: Any, factor: Any, normalizer: Any, size: int) -> Any:
    """The denominator of a mean, divided by the number of items."""
    if factor is None and normalizer is None:
        return None
    if normalizer is not None:
        return positive(loss, normalizer=normalizer) / size
    if over is not None:
        factor = xp.broadcast_to(factor, shape)
    return xp.where(
        xp.any(factor != 0, axis=over), xp.mean(factor, axis=over), inf
    )  # nothing counted: 0, without slope


def _example_factor(xp: Namespace, factor: Any) -> Any:
    """The weight of each example of a batch sum: the largest among its items, so 1 for any mask that leaves one."""
    return xp.max(xp.reshape(factor, (factor.shape[0] if factor.shape else 1, -1)), axis=1)


def _axes(loss: str, axis: Axis, losses: Any) -> tuple[int, ...] | None:
    if axis is None:
        return None
    several = axis if isinstance(axis, (tuple, list)) else [axis]
    axes = tuple(axis_of(loss, "axis", i, "losses", losses) for i in several)
    if len(set(axes)) != len(axes):
        raise ValueError(f"{loss}: expected axis without repetition; got axis {axis!r}")
    return axes


def reduce_loss(
    loss: Float[A, "*items"],
    *,
    reduction: Reduction = "mean",
    weights: Float[A, "*leading"] | None = None,
    axis: Axis = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
) -> A:
    """Turn losses per item into what a training step needs, with the rule that every loss of the library follows.

        "mean"       Σ w·m·ℓ / Σ w·m
        "sum"        Σ w·m·ℓ
        "batch_sum"  the sum within each example (axis 0), averaged over the examples
        "none"       w·m·ℓ, one per item

    Where an item does not count (m False or w = 0) it is as if removed, even if it is NaN. Nothing counted gives 0
    with zero gradient.
    An example of a batch sum counts with the largest of its weights; on one-dimensional losses "batch_sum" is "mean".

    Args:
        loss: one loss per item, any shape; examples along axis 0.
        reduction: "mean", "sum", "batch_sum" or "none".
        weights: a factor per item, of the shape of `loss` or a leading part of it (one per example).
        axis: the axis or axes to reduce, with "mean" and "sum"; None reduces all.
        mask: True counts; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum" (gradient accumulation, sharding).

    Returns:
        The reduced loss, in the unit and the range of `loss`; half precision comes back as float32. Gradient: w·m /
        Σ w·m to each item of a mean.

    Raises:
        ValueError: unknown reduction, axis or shape of weights or mask.
        TypeError: a loss that is not of a floating dtype, or a mask that is not boolean.

    Source:
        The weighted mean; no paper defines it.

    Example:
        >>> reduce_loss(np.array([1.0, 2.0, 6.0]), weights=np.array([1.0, 1.0, 0.0])).item()
        1.5
        >>> reduce_loss(np.array([[1.0, 2.0], [3.0, 4.0]]), reduction="batch_sum").item()
        5.0
    """
    known_reduction("reduce_loss", reduction, axis, normalizer)
    xp = namespace("reduce_loss", loss=loss, weights=weights, mask=mask)
    floating("reduce_loss", xp, loss=loss)
    (losses,) = xp.promote(loss)
    items = counted("reduce_loss", xp, losses.shape, weights, mask, losses)
    if items is not None:
        losses = xp.select(items.keep, losses, 0.0)
    return reduce("reduce_loss", xp, losses, items, axis=axis, normalizer=normalizer, reduction=reduction)
