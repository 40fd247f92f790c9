"""How far apart two images are, in decibels."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any

from ..._core.backends import namespace
from ..._core.check import described, real, same_shape
from ..._core.options import known_reduction, positive, true_or_false
from ..._core.reduce import counted, reduce
from ..._core.types import A, Bool, Float, Reduction
from .frame import both, counted_images

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

DECIBELS = 10 / log(10)


def psnr_loss(
    predictions: Float[A, "batch *image"],
    targets: Float[A, "batch *image"],
    weights: Float[A, "*leading"] | None = None,
    *,
    max_value: float = 1.0,
    epsilon: float = 1e-8,
    per_image: bool = True,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """The peak signal-to-noise ratio with a minus sign, in decibels: 10 dB less is a tenth of the squared error.

        −PSNR = 10 log₁₀((mse + epsilon) / max_value²),  mse = the mean of (predictions − targets)² over an image

    A batch has the mean of its images' values, each in decibels, as papers report them. With `per_image=False` the
    squared error is averaged over the whole batch first: one image that is far off then rules, and two images at −80
    and −6 dB give −9, not −43.

    Args:
        predictions: images of shape (batch, channels, height, width), with the channels anywhere, or volumes; with
            `per_image=False` any shape. Integer images are promoted.
        targets: same shape and unit as `predictions`.
        weights: a factor per image; 0 drops the image. With `per_image=False` a factor per squared error, of the
            shape of `predictions` or a leading part of it.
        max_value: > 0, the largest value that a pixel can have less the smallest: 1 for [0, 1], 2 for [−1, 1], 255
            for 8 bits. It is not read off the dtype.
        epsilon: > 0, in the unit of `predictions` squared; it bounds the value of equal images, −80 dB for
            `max_value=1` and −128.13 dB for 255, and moves a value of −40 dB by 0.0004 dB.
        per_image: average the decibels of images, or take those of the average squared error.
        mask: True counts; of the shape of `predictions` or a leading part of it. An image without a pixel that counts
            is as if removed.
        normalizer: > 0, replaces the number of images.
        reduction: "mean" (Σ wℓ / Σ w over images; "batch_sum" is the same), "sum", or "none" (one value per image).

    Returns:
        In [10 log₁₀(epsilon / max_value²), ∞), in decibels, most often negative; smallest only at predictions =
        targets. Gradient: 0 there, largest where mse = epsilon, and falling as 1 / √mse beyond.

    Raises:
        ValueError: shapes that differ or are not those of images, max_value ≤ 0, epsilon ≤ 0, an unknown reduction.
        TypeError: complex images, or arrays of two frameworks.

    Source:
        Huynh-Thu and Ghanbari 2008, "Scope of validity of PSNR in image/video quality assessment",
        doi:10.1049/el:20080522.

    Example:
        >>> one, other = np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.1)
        >>> psnr_loss(one, other).round(2).item(), psnr_loss(one, one).round(2).item()
        (-20.0, -80.0)
        >>> two = np.concatenate([one, np.full((1, 2, 2, 1), 0.5)])
        >>> psnr_loss(two, np.zeros_like(two), reduction="none").round(2)
        array([-80.  ,  -6.02])
    """
    name = "psnr_loss"
    max_value, epsilon = positive(name, max_value=max_value, epsilon=epsilon)
    true_or_false(name, per_image=per_image)
    known_reduction(name, reduction, None, normalizer)
    xp = namespace(name, predictions=predictions, targets=targets, weights=weights, mask=mask)
    same_shape(name, predictions=predictions, targets=targets)
    real(name, xp, predictions=predictions, targets=targets)
    if per_image and len(predictions.shape) not in (4, 5):
        raise ValueError(
            f"{name}: expected a batch of images with 4 axes, or of volumes with 5; got "
            f"{described(predictions=predictions, targets=targets)}; per_image=False takes any shape as one image"
        )
    predictions, targets = xp.promote(predictions, targets)
    values = counted(name, xp, predictions.shape, None if per_image else weights, mask, predictions)
    keep = None if values is None else values.keep
    items = counted_images(name, xp, weights, keep, predictions) if per_image else None
    squares = xp.quietly(_squares, xp, predictions, targets, max_value, both(xp, keep, items, len(predictions.shape)))
    mse = reduce(name, xp, squares, values, axis=tuple(range(1, len(squares.shape))) if per_image else None)
    losses = DECIBELS * xp.log(mse + epsilon / max_value / max_value)
    if 0 in predictions.shape:
        losses = 0.0 * mse
    elif items is not None:
        losses = xp.select(items.keep, losses, 0.0)
    elif values is not None and not per_image:
        losses = xp.where(xp.any(values.factor != 0, axis=None), losses, 0.0)
    return reduce(name, xp, losses, items, normalizer=normalizer, reduction=reduction)


def _squares(xp: Namespace, predictions: Any, targets: Any, max_value: float, keep: Any) -> Any:
    if keep is not None:
        predictions, targets = xp.select(keep, predictions, 0.0), xp.select(keep, targets, 0.0)
    error = (predictions - targets) / max_value  # scaled before it is squared, so that no unit is too large or small
    return error * error
