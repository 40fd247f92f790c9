"""How far apart two images are in style: in what their features do together, wherever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._core.types import A, Bool, Float, Reduction
from .layers import Features, LayerWeights, by_position, layers_of, over_layers

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

FAINTER = 32.0


def style_loss(
    predictions: Features[Float[A, "batch ..."]],
    targets: Features[Float[A, "batch ..."]],
    weights: Float[A, "batch"] | None = None,
    *,
    layer_weights: LayerWeights[A] = None,
    channel_axis: int | None = None,
    mask: Bool[A, "batch"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How differently the channels of two feature maps vary together: texture and colour, whatever is where.

        Σ_l v_l ‖G(φ_l) − G(φ̂_l)‖² / Σ_l v_l,  v = layer_weights
        G(φ)_cd = Σ_p φ_pc φ_pd / (C · P),  over C channels and P positions

    ‖·‖² is the sum over all C² entries. It is the mean of their squares where G is divided by P alone, as other
    libraries do, and four times Gatys' E_l. The Gram matrix of the *channels* does not see where a feature is:
    pixels may be shuffled, and the two maps may have different sizes.

    Args:
        predictions: the features φ of the generated images, (batch, channels, *space) or (batch, *space, channels) as
            `channel_axis` says: one array, or several layers in a list or by name.
        targets: the features φ̂ of the images whose style is wanted, in the same layers and channels; the space may
            have another size.
        weights: a factor per example; 0 drops the example. Numbers by layer are taken as `layer_weights`.
        layer_weights: v ≥ 0, one number per layer, in a list or by name as the layers are; None weighs them alike. Only
            their ratios count. A layer of weight 0 is as if absent; one without a weight is an error.
        channel_axis: the axis of the channels; 1 for torch, −1 for JAX and NumPy.
        mask: True counts, per example.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum": the number of examples.
        reduction: over the examples: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" or "none".

    Returns:
        In [0, ∞), in the unit of the features to the fourth power (features up to 1e9 are in range of float32); 0 only
        at equal Gram matrices. Gradient: 4 (G − Ĝ) φ / (C · P), 0 where the matrices are equal.

    Raises:
        ValueError: layers that one side lacks, other batches or channels, a negative weight or none above 0, or an
            unknown reduction.
        TypeError: features that are not floating point, or arrays of two frameworks.

    Source:
        Johnson, Alahi and Fei-Fei 2016, "Perceptual losses for real-time style transfer and super-resolution",
        arXiv:1603.08155, eq. 3 and 4; Gatys, Ecker and Bethge 2015, arXiv:1508.06576, eq. 3 to 5.

    Example:
        >>> stripes, columns = np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([[1.0, 0.0], [1.0, 0.0]])
        >>> style_loss(stripes.reshape(1, 2, 2, 1), columns.reshape(1, 2, 2, 1)).item()  # one channel, moved
        0.0
        >>> style_loss(stripes.reshape(1, 2, 2, 1), np.ones((1, 2, 2, 1))).item()  # (2/4 − 4/4)²
        0.25
    """
    name = "style_loss"
    layers = layers_of(
        name, predictions, targets, weights, layer_weights, channel_axis, mask, normalizer, reduction, alike=False
    )
    xp = layers.xp
    maps = [tuple(by_position(xp, channel_axis, features) for features in pair) for pair in layers.pairs]
    losses = [xp.quietly(_squared_distance, xp, *pair) for pair in maps]
    return over_layers(name, layers, losses, normalizer, reduction)


def _squared_distance(xp: Namespace, prediction: Any, target: Any) -> Any:
    difference = _difference_of_grams(xp, prediction, target)
    return xp.sum(difference * difference, axis=(1, 2))


def _difference_of_grams(xp: Namespace, prediction: Any, target: Any) -> Any:
    def by_matrices() -> Any:
        return _gram(xp, prediction, prediction) - _gram(xp, target, target)

    def by_product() -> Any:
        # aᵀa − bᵀb = ½ ((a − b)ᵀ(a + b) + its transpose): one product instead of two, which keeps the digits of a small
        # difference where two matrices that are subtracted have lost them.
        half = 0.5 * _gram(xp, prediction - target, prediction + target)
        return half + xp.moveaxis(half, 1, 2)

    if prediction.shape != target.shape:
        return by_matrices()
    if 0 in prediction.shape:
        return by_product()
    # The product's slope towards much fainter features is small, and the difference of two as large as the others'.
    apart = _out_of_proportion(xp, prediction, target)
    each = xp.reshape(apart, (-1, 1, 1))
    return xp.either(xp.any(apart, axis=None), lambda: xp.where(each, by_matrices(), by_product()), by_product)


def _out_of_proportion(xp: Namespace, prediction: Any, target: Any) -> Any:
    """For each example: is the one side so much fainter than the other that the matrices cancel nowhere?"""
    a, b = (xp.max(xp.abs(xp.stop_gradient(x)), axis=1) for x in (prediction, target))
    a, b = xp.max(a, axis=1), xp.max(b, axis=1)
    return (FAINTER * a < b) | (FAINTER * b < a)


def _gram(xp: Namespace, left: Any, right: Any) -> Any:
    positions, channels = left.shape[1:]
    if positions * channels == 0:
        return xp.matmul(xp.moveaxis(left, 1, 2), right)
    scale = (positions * channels) ** -0.5  # on both sides, and first: no sum outgrows the result
    return xp.matmul(xp.moveaxis(left * scale, 1, 2), right * scale)
