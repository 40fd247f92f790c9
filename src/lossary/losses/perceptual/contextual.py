"""How far apart two images are that need not be aligned: every part of one looks for its like in the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._core.options import at_least_one, drawn, positive
from ..._core.types import A, Bool, Float, Reduction
from ...streaming.pairs import ChunkSize, known_chunk_size, over_rows
from .layers import Features, LayerWeights, by_position, layers_of, over_layers

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def contextual_loss(
    predictions: Features[Float[A, "batch ..."]],
    targets: Features[Float[A, "batch ..."]],
    weights: Float[A, "batch"] | None = None,
    *,
    band_width: float = 0.1,
    epsilon: float = 1e-5,
    max_samples: int | None = 1024,
    chunk_size: ChunkSize = "auto",
    layer_weights: LayerWeights[A] = None,
    channel_axis: int | None = None,
    key: Any = None,
    mask: Bool[A, "batch"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How many of the target's features find their like among the prediction's, wherever that is.

        −log CX,  CX = mean_j max_i s_ij / Σ_k s_ik
        s_ij = exp((1 − d_ij / (min_k d_ik + epsilon)) / band_width)
        d_ij = 1 − cos(x_i − μ, y_j − μ),  μ the mean of the y_j

    x_i are the features of the prediction at its positions, y_j those of the target. A prediction is similar to the
    target feature that is closer than all the others, *relative* to them; and each target feature takes the best of
    the predictions, so that a prediction which repeats one feature is no match for the others. Layers are averaged with
    `layer_weights`.

    Args:
        predictions: the features x of the generated images, (batch, channels, *space) or (batch, *space, channels) as
            `channel_axis` says: one array, or several layers in a list or by name.
        targets: the features y of the images that should be resembled, in the same layers and channels; the space may
            have another size.
        weights: a factor per example; 0 drops the example. Numbers by layer are taken as `layer_weights`.
        band_width: h > 0; the smaller, the more only the nearest feature counts. The paper has 0.1 to 0.5.
        epsilon: > 0, in units of 1 − cos; the distance below which a nearest feature is not told from an equal one.
        max_samples: at most so many positions of each map are compared, spread evenly over it, or drawn with `key`;
            None compares all.
        chunk_size: positions of one map that are compared with all of the other at a time; None takes all,
            "auto" as many as keep the memory bounded. It changes the memory and the time, not the result.
        layer_weights: v ≥ 0, one number per layer, in a list or by name as the layers are; None weighs them alike.
        channel_axis: the axis of the channels; 1 for torch, −1 for JAX and NumPy.
        key: what draws the positions: a torch.Generator, a JAX key or a numpy.random.Generator. Maps of one size are
            sampled at the same positions.
        mask: True counts, per example.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum": the number of examples.
        reduction: over the examples: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" or "none".

    Returns:
        In [0, log m], m the positions of the target, in nats; 0 where every feature of the target is found and none has
        a double, log m where all look alike. A feature equal to μ has no direction and is at ½ from all that have one.
        Gradient: of each target's feature and the like that it found; it does not move which one that is.

    Raises:
        ValueError: layers that one side lacks, other batches or channels, an option out of its range, or an unknown
            reduction.
        TypeError: features that are not floating point, or arrays of two frameworks.

    Source:
        Mechrez, Talmi and Zelnik-Manor 2018, "The contextual loss for image transformation with non-aligned data",
        arXiv:1803.02077, eq. 1 to 5.

    Example:
        >>> real = np.eye(4).reshape(1, 2, 2, 4)  # four positions, four different features
        >>> moved, collapsed = real[:, ::-1], np.broadcast_to(real[:, :1, :1], real.shape)
        >>> contextual_loss(moved, real).round(4).item(), contextual_loss(collapsed, real).round(4).item()
        (0.0, 1.3863)
    """
    name = "contextual_loss"
    band_width, epsilon = positive(name, band_width=band_width, epsilon=epsilon)
    if max_samples is not None:
        at_least_one(name, max_samples=max_samples)
    known_chunk_size(name, chunk_size)
    layers = layers_of(
        name, predictions, targets, weights, layer_weights, channel_axis, mask, normalizer, reduction, alike=False
    )
    xp = layers.xp
    losses: list[Any] = []
    for pair in layers.pairs:
        x, y = (by_position(xp, channel_axis, features) for features in pair)
        if 0 in x.shape or 0 in y.shape:  # nothing to compare: 0, and still part of the graph
            losses.append(xp.sum(0.0 * x, axis=(1, 2)) + xp.sum(0.0 * y, axis=(1, 2)))
            continue
        x, y = _directions(xp, x, y)
        x, y = _sampled(name, xp, x, y, max_samples, key)
        losses.append(_averaged(xp, _costs(name, xp, x, y, band_width, epsilon, chunk_size)))
    return over_layers(name, layers, losses, normalizer, reduction)


def _directions(xp: Namespace, x: Any, y: Any) -> tuple[Any, Any]:
    """Unit vectors, seen from the mean of the target."""
    middle = xp.expand_dims(xp.mean(y, axis=1), axis=1)
    return xp.unit(x - middle, axis=-1), xp.unit(y - middle, axis=-1)


def _sampled(loss: str, xp: Namespace, x: Any, y: Any, most: int | None, key: Any) -> tuple[Any, Any]:
    places = _places(loss, xp, x, most, key)
    others = places if x.shape[1] == y.shape[1] else _places(loss, xp, y, most, key)
    return _at(xp, x, places), _at(xp, y, others)


def _places(loss: str, xp: Namespace, maps: Any, most: int | None, key: Any) -> Any:
    """The positions to compare; None: all."""
    count = maps.shape[1]
    if most is None or count <= most:
        return None
    if key is not None:
        return xp.argsort(drawn(loss, xp, xp.uniform, key, (count,), maps), axis=0)[:most]
    first = xp.reshape(xp.positions(maps, axis=1), (-1,))[:most]
    return first * (count // most) + first * (count % most) // most  # ⌊i · count / most⌋, and no large product


def _at(xp: Namespace, maps: Any, places: Any) -> Any:
    return maps if places is None else xp.take(maps, places, axis=1)


def _costs(loss: str, xp: Namespace, x: Any, y: Any, band_width: Any, epsilon: Any, chunk_size: ChunkSize) -> Any:
    """For each target −log of its largest similarity, which is never formed by subtraction from 1.

    Of prediction i to target j it is gap_ij + log(1 + Σ exp(−gap_ik)), over the targets k but the nearest, with
    gap_ij = (d_ij − min_k d_ik) / ((min_k d_ik + epsilon) · band_width) ≥ 0.
    """

    def seen_by(x: Any, y: Any) -> Any:
        table = _distances(xp, x, y)
        index = xp.expand_dims(xp.argmin(xp.stop_gradient(table), axis=-1), axis=-1)
        nearest = xp.take_along_axis(table, index, axis=-1)
        gaps = (table - nearest) / (nearest + epsilon) / band_width
        others = xp.sum(xp.put_along_axis(xp.exp(-gaps), index, 0.0, axis=-1), axis=-1)
        return xp.squeeze(nearest, axis=-1), xp.log1p(others), xp.squeeze(index, axis=-1)

    batch, count = x.shape[0], y.shape[1]
    entries = batch * count
    nearest, rivals, index = over_rows(loss, xp, seen_by, (x,), (y,), entries=entries, chunk_size=chunk_size, axis=1)

    def best_for(y: Any, x: Any, nearest: Any, rivals: Any) -> Any:
        """Which prediction is most similar to a target: a search, through which no gradient flows."""
        nearest = xp.expand_dims(nearest, axis=1)
        gaps = (_distances(xp, y, x) - nearest) / (nearest + epsilon) / band_width
        return xp.argmin(gaps + xp.expand_dims(rivals, axis=1), axis=-1)

    fixed = [xp.stop_gradient(array) for array in (y, x, nearest, rivals)]
    entries = batch * x.shape[1]
    best = over_rows(loss, xp, best_for, fixed[:1], fixed[1:], entries=entries, chunk_size=chunk_size, axis=1)
    found = xp.take_along_axis(x, xp.broadcast_to(xp.expand_dims(best, axis=-1), (batch, count, x.shape[2])), axis=1)
    least, rivals, index = (xp.take_along_axis(array, best, axis=1) for array in (nearest, rivals, index))
    beyond = 0.5 * xp.sum((found - y) ** 2, axis=-1) - least
    itself = index == xp.squeeze(xp.positions(y, axis=1), axis=-1)  # whose gap is 0, however its distance was rounded
    return xp.where(itself, 0.0, beyond / (least + epsilon) / band_width) + rivals


def _distances(xp: Namespace, x: Any, y: Any) -> Any:
    """1 − cos between unit vectors, as ½ |x − y|²: without cancellation where they are close."""
    return 0.5 * xp.distances(x, y, squared=True)


def _averaged(xp: Namespace, costs: Any) -> Any:
    """−log mean exp(−cost) = least − log1p(mean expm1(least − cost)): both terms are at least 0."""
    least = xp.expand_dims(xp.stop_gradient(xp.min(costs, axis=1)), axis=1)
    return xp.squeeze(least, axis=1) - xp.log1p(xp.mean(xp.expm1(least - costs), axis=1))
