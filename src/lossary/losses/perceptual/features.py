"""How far apart two images are in what a network sees of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..._core.types import A, Bool, Float, Reduction
from ..regression import mse_loss
from .layers import Features, LayerWeights, layers_of, over_layers

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def feature_reconstruction_loss(
    predictions: Features[Float[A, "batch ..."]],
    targets: Features[Float[A, "batch ..."]],
    weights: Float[A, "batch"] | None = None,
    *,
    layer_weights: LayerWeights[A] = None,
    distance_fn: Callable[..., Any] = mse_loss,
    mask: Bool[A, "batch"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How far the features of an image are from those that it should have: content, rather than pixels.

        Σ_l v_l · mean(distance(φ_l, φ̂_l)) / Σ_l v_l,  v = layer_weights

    The mean is over all numbers of a layer, so that layers of different sizes count alike.

    Args:
        predictions: the features φ of the generated images: one array, or several layers in a list or by name; of any
            shape with the batch first, any unit.
        targets: the features φ̂ that they should have, in the same layers and shapes.
        weights: a factor per example; 0 drops the example. Numbers by layer are taken as `layer_weights`.
        layer_weights: v ≥ 0, one number per layer, in a list or by name as the layers are; None weighs them alike. Only
            their ratios count. A layer of weight 0 is as if absent; one without a weight is an error.
        distance_fn: a loss of numbers (`mae_loss`, `huber_loss` …), called with reduction="none"; smooth losses train
            better near the end.
        mask: True counts, per example.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum": the number of examples.
        reduction: over the examples: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" or "none".

    Returns:
        In [0, ∞), in the unit of the features, squared with `mse_loss`; 0 only at equal features. Gradient: that of
        the distance, divided by the size of the layer.

    Raises:
        ValueError: layers that one side lacks, shapes that differ, a negative weight or none above 0, or an unknown
            reduction.
        TypeError: features that are not floating point, or arrays of two frameworks.

    Source:
        Johnson, Alahi and Fei-Fei 2016, "Perceptual losses for real-time style transfer and super-resolution",
        arXiv:1603.08155, eq. 2.

    Example:
        >>> ours = {"relu1_2": np.array([[1.0, 2.0]]), "relu2_2": np.array([[3.0]])}
        >>> wanted = {"relu1_2": np.array([[1.0, 4.0]]), "relu2_2": np.array([[0.0]])}
        >>> feature_reconstruction_loss(ours, wanted).item()  # (4 / 2 + 9) / 2
        5.5
        >>> feature_reconstruction_loss(ours, wanted, layer_weights={"relu1_2": 3.0, "relu2_2": 1.0}).item()
        3.75
    """
    name = "feature_reconstruction_loss"
    if not callable(distance_fn):
        raise TypeError(f"{name}: expected distance_fn to be a loss function; got distance_fn {distance_fn!r}")
    layers = layers_of(
        name, predictions, targets, weights, layer_weights, None, mask, normalizer, reduction, alike=True
    )
    losses = [_average(name, layers.xp, distance_fn, *pair) for pair in layers.pairs]
    return over_layers(name, layers, losses, normalizer, reduction)


def _average(loss: str, xp: Namespace, distance_fn: Callable[..., Any], prediction: Any, target: Any) -> Any:
    distances = distance_fn(prediction, target, reduction="none")
    if tuple(distances.shape) != tuple(prediction.shape):
        got = f"got {tuple(distances.shape)} for features {tuple(prediction.shape)}"
        raise ValueError(f'{loss}: expected distance_fn(…, reduction="none") to give a number for each feature; {got}')
    axes = tuple(range(1, len(prediction.shape)))
    if not axes:
        return distances
    # Without numbers there is nothing to average: 0, and still part of the graph.
    return xp.sum(distances, axis=axes) if 0 in prediction.shape else xp.mean(distances, axis=axes)
