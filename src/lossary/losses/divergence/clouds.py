"""Two samples as clouds of points, checked, and with what does not count replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.backends import namespace
from ..._core.check import described, floating, in_range, one_per_point, real
from ..._core.reduce import Counted, counted

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


class PointWeights(NamedTuple):
    """How much each point counts, and whether it does."""

    pred_weights: Any
    target_weights: Any
    pred_mask: Any
    target_mask: Any


class Cloud(NamedTuple):
    """One sample, or several along leading axes."""

    points: Any
    shares: Any  # what each point counts, of which the sum is 1 (0 if none counts); None: all alike


class Clouds(NamedTuple):
    """Both samples, checked, and with what does not count replaced."""

    xp: Namespace
    both: tuple[Cloud, Cloud]
    gain: Any  # what the second's shares exceed the first's by; None: nothing, or they are not point by point
    items: Counted | None  # which problems count: not those without points


def checked_clouds(
    loss: str,
    given: dict[str, Any],
    points: PointWeights,
    weights: Any,
    mask: Any,
    unbiased: bool,
    options: dict[str, Any],
) -> Clouds:
    """Both samples, `given` by name; (*batch, n, d) and (*batch, m, d)."""
    xp = namespace(loss, **given, weights=weights, **points._asdict(), mask=mask, **options)
    _shapes(loss, **given)
    floating(loss, xp, predictions=given["predictions"])
    real(loss, xp, targets=given["targets"])
    if unbiased and any(array.shape[-2] == 1 for array in given.values()):
        raise ValueError(f"{loss}: expected at least 2 points in each sample if unbiased; got {described(**given)}")
    x, y = xp.promote(*given.values())
    batch = x.shape[:-2]
    asked = counted(loss, xp, batch, weights, mask, x)
    weighed = [
        _point_weights(loss, xp, "pred", x, points.pred_weights, points.pred_mask, asked),
        _point_weights(loss, xp, "target", y, points.target_weights, points.target_mask, asked),
    ]
    shares = [None if each is None else xp.divide(each, _total(xp, each)) for each in weighed]
    empty = None
    for share in shares:
        if share is not None:
            nothing = ~xp.any(share != 0, axis=-1)
            empty = nothing if empty is None else empty | nothing
    items = asked if empty is None else counted(loss, xp, batch, weights, mask, x, dropped=empty)
    both: list[Cloud] = []
    for cloud, share, other in ((x, shares[0], shares[1]), (y, shares[1], shares[0])):
        if items is not None:
            cloud = xp.select(_spread(xp, items.keep, cloud), cloud, 0.0)
        if share is not None:
            cloud = xp.select(_spread(xp, share != 0, cloud), cloud, 0.0)
        elif other is not None:
            share = xp.ones_like(cloud[..., 0]) / max(1, cloud.shape[-2])
        both.append(Cloud(cloud, share))
    gain: Any = None
    if both[0].shares is not None and x.shape == y.shape:
        gain = _gain(xp, weighed[0], weighed[1], both[0])
    return Clouds(xp, (both[0], both[1]), gain, items)


def _gain(xp: Namespace, weights: Any, others: Any, first: Cloud) -> Any:
    """By the difference of the weights, of which that of the shares has the digits."""
    weights, others = (xp.ones_like(first.shares) if each is None else each for each in (weights, others))
    more = others - weights
    return xp.divide(more - first.shares * xp.sum(more, axis=-1, keepdims=True), _total(xp, others))


def _total(xp: Namespace, weights: Any) -> Any:
    total = xp.sum(weights, axis=-1, keepdims=True)
    return xp.where(total == 0, 1.0, total)


def _spread(xp: Namespace, keep: Any, like: Any) -> Any:
    """A boolean per point or per problem, as one per number of `like`."""
    return xp.broadcast_to(xp.reshape(keep, (*keep.shape, *[1] * (len(like.shape) - len(keep.shape)))), like.shape)


def _point_weights(
    loss: str, xp: Namespace, side: str, cloud: Any, weights: Any, mask: Any, asked: Counted | None
) -> Any:
    """How much each point counts; None where all count alike."""
    if weights is None and mask is None:
        return None
    shape = tuple(cloud.shape[:-1])
    one_per_point(loss, xp, side, shape, weights, mask)
    if weights is None:
        weights = xp.astype(mask, cloud)
    else:
        real(loss, xp, **{f"{side}_weights": weights})
        weights = xp.astype(weights, cloud)
        if asked is not None:  # the points of a problem that does not count may have any weight
            weights = xp.select(_spread(xp, asked.keep, weights), weights, 1.0)
        if mask is not None:
            weights = xp.select(mask, weights, 0.0)
        weights = in_range(loss, xp, f"{side}_weights", weights, low=0.0)
    return weights


def _shapes(loss: str, **given: Any) -> None:
    predictions, targets = (tuple(array.shape) for array in given.values())
    if len(predictions) < 2 or len(targets) < 2:
        raise ValueError(f"{loss}: expected points of shape (..., points, dims); got {described(**given)}")
    if predictions[:-2] != targets[:-2] or predictions[-1] != targets[-1]:
        raise ValueError(f"{loss}: expected one batch and one number of dims; got {described(**given)}")
