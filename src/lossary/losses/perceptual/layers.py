"""What the losses of features share: which layers there are, and how much each of them counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from ..._core.backends import namespace
from ..._core.check import axis_of, checking, described, floating, real
from ..._core.options import array_or_none, known_reduction, non_negative, whole_or_none
from ..._core.reduce import Counted, counted, reduce
from ..._core.types import A, Reduction

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

Features: TypeAlias = A | Sequence[A] | Mapping[str, A]
LayerWeights: TypeAlias = Sequence[float] | Mapping[str, float] | A | None


class Layers(NamedTuple):
    """The layers that count, checked, with 0 in the examples that do not."""

    xp: Namespace
    pairs: list[tuple[Any, Any]]  # predictions and targets of each, of one floating dtype
    shares: list[Any]  # how much each counts, of 1
    items: Counted | None  # which examples count


def layers_of(
    loss: str,
    predictions: Any,
    targets: Any,
    weights: Any,
    layer_weights: Any,
    channel_axis: int | None,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
    *,
    alike: bool,
) -> Layers:
    """Two features per layer, of one shape if they must be `alike`, else as many examples of as many channels."""
    whole_or_none(loss, channel_axis=channel_axis)
    if isinstance(weights, (Mapping, list, tuple)):  # other documents' name for numbers per layer
        if layer_weights is not None:
            raise ValueError(f"{loss}: expected layer_weights once; got weights by layer as well")
        weights, layer_weights = None, cast(Any, weights)
    if array_or_none(layer_weights) is not None and len(layer_weights.shape) == 1:  # trained together, in one array
        layer_weights = [layer_weights[i] for i in range(layer_weights.shape[0])]
    numbers = {
        key: non_negative(loss, **{_named("layer_weights", key): number})
        for key, number in ({} if layer_weights is None else _by_layer(layer_weights)).items()
    }
    known_reduction(loss, reduction, None, normalizer)
    left, right = _by_layer(predictions), _by_layer(targets)
    arrays = {**_with_names("predictions", left), **_with_names("targets", right)}
    trained = {key: array_or_none(number) for key, number in _with_names("layer_weights", numbers).items()}
    xp = namespace(loss, **arrays, weights=weights, mask=mask, **trained)
    _same_layers(loss, left, targets=right)
    if layer_weights is not None:
        _same_layers(loss, left, layer_weights=numbers)
    for key in left:
        given = {_named("predictions", key): left[key], _named("targets", key): right[key]}
        floating(loss, xp, **_with_names("predictions", {key: left[key]}))
        real(loss, xp, **given)
        _fitting(loss, xp, given, channel_axis, alike)
    _one_batch(loss, _with_names("predictions", left))
    chosen = [key for key in left if not _is_zero(numbers.get(key, 1))]
    if not chosen:
        raise ValueError(f"{loss}: expected a layer of weight > 0; got layer_weights {layer_weights!r}")
    pairs: list[tuple[Any, Any]] = [xp.promote(left[key], right[key]) for key in chosen]
    like = pairs[0][0]
    items = counted(loss, xp, like.shape[:1], weights, mask, like)
    if items is not None:
        pairs = [(_kept(xp, items, prediction), _kept(xp, items, target)) for prediction, target in pairs]
    return Layers(xp, pairs, _shares(loss, xp, {key: numbers.get(key, 1) for key in chosen}, like), items)


def over_layers(loss: str, layers: Layers, losses: list[Any], normalizer: Any, reduction: Reduction) -> Any:
    """Losses per example, one array a layer, averaged over the layers and reduced over the examples."""
    total = sum(share * each for share, each in zip(layers.shares, losses, strict=True))
    return reduce(loss, layers.xp, total, layers.items, normalizer=normalizer, reduction=reduction)


def by_position(xp: Namespace, channel_axis: int | None, features: Any) -> Any:
    """(batch, positions, channels)."""
    last = xp.moveaxis(features, xp.CHANNEL_AXIS if channel_axis is None else channel_axis, -1)
    return xp.reshape(last, (last.shape[0], prod(last.shape[1:-1]), last.shape[-1]))


def _by_layer(given: Any) -> dict[Any, Any]:
    """What each layer has, by its name or its place; one array alone is a layer without either."""
    if isinstance(given, (int, float)):  # of which torch.compile may make a symbol, without attributes
        return {None: given}
    if hasattr(given, "keys"):
        return dict(given)
    if isinstance(given, (list, tuple)):
        return dict(enumerate(cast(Sequence[Any], given)))
    return {None: given}


def _named(argument: str, key: Any) -> str:
    return argument if key is None else f"{argument}[{key!r}]"


def _with_names(argument: str, layers: dict[Any, Any]) -> dict[str, Any]:
    return {_named(argument, key): value for key, value in layers.items()}


def _same_layers(loss: str, predictions: dict[Any, Any], **others: dict[Any, Any]) -> None:
    """A layer that one side lacks is a mistake, not a layer less."""
    for name, other in others.items():
        if set(other) != set(predictions):
            got = f"predictions {_listed(predictions)} and {name} {_listed(other)}"
            raise ValueError(f"{loss}: expected the same layers in predictions and {name}; got {got}")


def _listed(layers: dict[Any, Any]) -> str:
    return ", ".join("as one array" if key is None else repr(key) for key in layers) or "without any"


def _fitting(loss: str, xp: Namespace, given: dict[str, Any], channel_axis: int | None, alike: bool) -> None:
    (name, prediction), (_, target) = given.items()
    if alike:
        if not len(prediction.shape) or tuple(prediction.shape) != tuple(target.shape):
            raise ValueError(f"{loss}: expected arrays of one shape, the batch first; got {described(**given)}")
        return
    habit = xp.CHANNEL_AXIS if channel_axis is None else channel_axis
    if len(prediction.shape) < 3 or len(prediction.shape) != len(target.shape):
        expected = "(batch, channels, *space)" if habit == 1 else "(batch, *space, channels)"
        raise ValueError(f"{loss}: expected features of shape {expected}; got {described(**given)}")
    channel = axis_of(loss, "channel_axis", habit, name, prediction)
    if channel == 0:
        raise ValueError(f"{loss}: expected channel_axis other than 0, the batch; got channel_axis {channel_axis}")
    if any(prediction.shape[axis] != target.shape[axis] for axis in (0, channel)):
        got = f"{described(**given)} with channel_axis {channel}"
        raise ValueError(f"{loss}: expected one batch and one number of channels; got {got}")


def _one_batch(loss: str, predictions: dict[str, Any]) -> None:
    first, *others = predictions.values()
    if any(array.shape[0] != first.shape[0] for array in others):
        raise ValueError(f"{loss}: expected as many examples in each layer; got {described(**predictions)}")


def _is_zero(number: Any) -> bool:
    return isinstance(number, (int, float)) and number == 0


def _kept(xp: Namespace, items: Counted, features: Any) -> Any:
    keep = xp.reshape(items.keep, (-1,) + (1,) * (len(features.shape) - 1))
    return xp.select(xp.broadcast_to(keep, features.shape), features, 0.0)


def _shares(loss: str, xp: Namespace, numbers: dict[Any, Any], like: Any) -> list[Any]:
    """The weights of the layers, divided by their sum."""
    shares = [number if array_or_none(number) is None else xp.astype(number, like) for number in numbers.values()]
    total: Any = sum(shares)
    if array_or_none(total) is not None and xp.visible(total) and checking.level is not False and total.item() == 0:
        raise ValueError(f"{loss}: expected a layer of weight > 0; got layer_weights that are all 0")
    return [share / total for share in shares]
