"""How far apart the edges of two images are."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import TYPE_CHECKING, Any, Literal

from ..._core.backends import namespace
from ..._core.check import laid_along
from ..._core.options import known_reduction, one_of, positive, true_or_false, whole_or_none
from ..._core.reduce import reduce
from ..._core.types import A, Axis, Bool, Float, Reduction
from .frame import (
    Layout,
    bordered,
    counted_windows,
    kept,
    layout_of,
    over_channels,
    part,
    sizes,
    where_channels,
)

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
STEEPEST = sqrt(20.0)  # the largest Sobel magnitude in an image of values in [0, 1]
FURTHEST = 8.0  # the largest difference of two Laplacians there: +4 and −4


def sobel_loss(
    fake: Float[A, "batch *image"],
    real: Float[A, "batch *image"],
    weights: Float[A, "*leading"] | None = None,
    *,
    channels: Literal["mean", "luma", "each"] = "mean",
    padding: Literal["reflect", "zero"] = "reflect",
    normalize: bool = False,
    max_value: float = 1.0,
    channel_axis: int | None = None,
    axis: Axis = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Whether edges are where they should be, and as steep: for large-scale structure in image-to-image training.

        | ‖∇fake‖ − ‖∇real‖ |  at each pixel,  ‖∇x‖ = √(gx² + gy²)

        gx from [[1, 0, −1], [2, 0, −2], [1, 0, −1]], gy from its transpose, on the grey image

    The magnitude of an edge has no sign, and grey no colour: an image and its negative, or one with its channels
    swapped, have loss 0, and so have two flat images of different brightness. So it stands beside another loss, most
    often L1 (weights from 1 to 15 against 100 are usual). Too large a weight brings all outputs to look alike.

    Args:
        fake: the predicted images, of shape (batch, channels, height, width), or (batch, height, width, channels), as
            `channel_axis` says. Integer images are promoted.
        real: the target images, same shape and unit.
        weights: a factor per image or per pixel of the map (the shape of `fake` without its channels, or a leading
            part of it); 0 drops the item, though its neighbours still see the pixel, unless `mask` drops it.
        channels: "mean" takes the edges of the mean of the channels, "luma" of 0.299 R + 0.587 G + 0.114 B, "each" of
            each channel and then the mean of the losses, so that colour counts.
        padding: "reflect" mirrors the image at its outermost pixels; "zero" surrounds it with black, an edge around
            every bright image.
        normalize: divide by √20 · max_value, the steepest edge there is, so that the loss lies in [0, 1].
        max_value: > 0, for `normalize` alone: the largest value that a pixel can have less the smallest; 1 for [0, 1],
            2 for [−1, 1], 255 for 8 bits.
        channel_axis: the axis of the channels; 1 for torch, −1 for JAX and NumPy.
        axis: the axis or axes of the map (batch, height, width) to reduce, with "mean" and "sum"; None reduces all,
            (1, 2) gives one loss an image.
        mask: True counts; of the shape of `fake` without its channels or a leading part of it. A pixel counts where
            its whole 3 × 3 window does, so that what is masked has no influence on its neighbours either.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an image, mean over the batch) or "none", which
            gives the map of losses, of shape (batch, height, width).

    Returns:
        In [0, ∞), in the unit of the images ([0, 4.472 max_value] for images in their range); 0 at fake = real, and
        not only there. Gradient: bounded; 0 where both edges are equally steep, or the fake is flat.

    Raises:
        ValueError: shapes that differ or are not those of images, an unknown option, 3 channels needed for "luma".
        TypeError: complex images, or arrays of two frameworks.

    Source:
        Sobel and Feldman 1968, "A 3×3 isotropic gradient operator for image processing"; as a loss: no paper defines
        it.

    Example:
        >>> edge = np.array([[0.0, 0.0, 1.0, 1.0]] * 3).reshape(1, 3, 4, 1)
        >>> sobel_loss(edge, np.zeros_like(edge), reduction="none")[0]
        array([[0., 4., 4., 0.],
               [0., 4., 4., 0.],
               [0., 4., 4., 0.]])
        >>> sobel_loss(edge, 1 - edge).item()
        0.0
    """
    return _edge_loss(
        "sobel_loss",
        _sobel,
        STEEPEST,
        fake,
        real,
        weights,
        channels=channels,
        padding=padding,
        normalize=normalize,
        max_value=max_value,
        channel_axis=channel_axis,
        axis=axis,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
    )


def laplacian_loss(
    fake: Float[A, "batch *image"],
    real: Float[A, "batch *image"],
    weights: Float[A, "*leading"] | None = None,
    *,
    channels: Literal["mean", "luma", "each"] = "mean",
    padding: Literal["reflect", "zero"] = "reflect",
    normalize: bool = False,
    max_value: float = 1.0,
    channel_axis: int | None = None,
    axis: Axis = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """Whether fine texture is right: the response to detail of the size of a pixel, with its sign.

        |Δfake − Δreal|  at each pixel,  Δ from [[0, 1, 0], [1, −4, 1], [0, 1, 0]] on the grey image

    It discourages averaging, which every pixel-wise loss likes. Two flat images of different brightness have loss 0,
    so it stands beside another loss. Too large a weight brings noise and checkerboards.

    Args:
        fake: the predicted images, of shape (batch, channels, height, width), or (batch, height, width, channels), as
            `channel_axis` says. Integer images are promoted.
        real: the target images, same shape and unit.
        weights: a factor per image or per pixel of the map (the shape of `fake` without its channels, or a leading
            part of it); 0 drops the item, though its neighbours still see the pixel, unless `mask` drops it.
        channels: "mean" takes the mean of the channels, "luma" 0.299 R + 0.587 G + 0.114 B, "each" each channel and
            then the mean of the losses, so that colour counts.
        padding: "reflect" mirrors the image at its outermost pixels; "zero" surrounds it with black, an edge around
            every bright image.
        normalize: divide by 8 max_value, the largest difference there is, so that the loss lies in [0, 1].
        max_value: > 0, for `normalize` alone: the largest value that a pixel can have less the smallest; 1 for [0, 1],
            2 for [−1, 1], 255 for 8 bits.
        channel_axis: the axis of the channels; 1 for torch, −1 for JAX and NumPy.
        axis: the axis or axes of the map (batch, height, width) to reduce, with "mean" and "sum"; None reduces all,
            (1, 2) gives one loss an image.
        mask: True counts; of the shape of `fake` without its channels or a leading part of it. A pixel counts where
            its whole 3 × 3 window does, so that what is masked has no influence on its neighbours either.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an image, mean over the batch) or "none", which
            gives the map of losses, of shape (batch, height, width).

    Returns:
        In [0, ∞), in the unit of the images ([0, 8 max_value] for images in their range); 0 at fake = real, and not
        only there. Gradient: bounded, 0 where both responses are equal.

    Raises:
        ValueError: shapes that differ or are not those of images, an unknown option, 3 channels needed for "luma".
        TypeError: complex images, or arrays of two frameworks.

    Source:
        Rosenfeld and Kak 1982, "Digital Picture Processing" (the five-point Laplacian); as a loss: no paper defines
        it.

    Example:
        >>> dot = np.zeros((1, 3, 3, 1))
        >>> dot[0, 1, 1, 0] = 1.0
        >>> laplacian_loss(dot, np.zeros_like(dot), reduction="none")[0]
        array([[0., 2., 0.],
               [2., 4., 2.],
               [0., 2., 0.]])
    """
    return _edge_loss(
        "laplacian_loss",
        _laplacian,
        FURTHEST,
        fake,
        real,
        weights,
        channels=channels,
        padding=padding,
        normalize=normalize,
        max_value=max_value,
        channel_axis=channel_axis,
        axis=axis,
        mask=mask,
        normalizer=normalizer,
        reduction=reduction,
    )


def _edge_loss(
    name: str,
    formula: Callable[..., Any],
    largest: float,
    fake: Any,
    real: Any,
    weights: Any,
    *,
    channels: str,
    padding: str,
    normalize: bool,
    max_value: float,
    channel_axis: int | None,
    axis: Axis,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
) -> Any:
    one_of(name, "channels", channels, ("mean", "luma", "each"))
    one_of(name, "padding", padding, ("reflect", "zero"))
    true_or_false(name, normalize=normalize)
    whole_or_none(name, channel_axis=channel_axis)
    max_value = positive(name, max_value=max_value)
    known_reduction(name, reduction, axis, normalizer)
    xp = namespace(name, fake=fake, real=real, weights=weights, mask=mask)
    layout = layout_of(name, xp, channel_axis, fake=fake, real=real)
    if channels == "luma" and fake.shape[layout.channel] != 3:
        raise ValueError(
            f"{name}: expected 3 channels, red, green and blue, for channels 'luma'; got "
            f"{where_channels(layout, 'fake', fake)}"
        )
    fake, real = xp.promote(fake, real)
    items, seen = counted_windows(name, xp, layout, weights, mask, fake, 1, valid=False)
    fake, real = kept(xp, seen, layout, fake, real)
    if 0 in fake.shape:
        losses = xp.sum(fake, axis=layout.channel)
    else:
        losses = xp.quietly(formula, xp, fake, real, layout, channels, padding)
    if items is not None:
        losses = xp.select(xp.broadcast_to(items.keep, losses.shape), losses, 0.0)
    if normalize:
        losses = losses / (largest * max_value)
    return reduce(name, xp, losses, items, axis=axis, normalizer=normalizer, reduction=reduction)


def _sobel(xp: Namespace, fake: Any, real: Any, layout: Layout, channels: str, padding: str) -> Any:
    fake_across, fake_down = _slopes(xp, _grey(xp, fake, layout, channels), layout, padding)
    real_across, real_down = _slopes(xp, _grey(xp, real, layout, channels), layout, padding)
    across, down = _slopes(xp, _grey(xp, xp.stop_gradient(fake - real), layout, channels), layout, padding)
    fake_edges, real_edges = _length(xp, fake_across, fake_down), _length(xp, real_across, real_down)
    total = xp.stop_gradient(fake_edges + real_edges)
    total = xp.where(total == 0, 1.0, total)  # both are flat: nothing to divide
    # |f| − |r| = (f − r)·(f + r) / (|f| + |r|), where f − r comes from the difference of the images: subtracting the
    # lengths would leave nothing of two edges that are nearly the same. The gradient is that of the lengths.
    rise = xp.stop_gradient(across * ((fake_across + real_across) / total) + down * ((fake_down + real_down) / total))
    moved = (fake_edges - xp.stop_gradient(fake_edges)) - (real_edges - xp.stop_gradient(real_edges))  # 0
    return over_channels(xp, xp.abs(rise) + xp.sign(rise) * moved, layout)


def _slopes(xp: Namespace, images: Any, layout: Layout, padding: str) -> tuple[Any, Any]:
    """Sobel's two differences, first across and then down; each subtracts before it adds, so that a flat image has
    exactly none.
    """
    rows, columns = layout.space
    images = bordered(xp, images, layout.space, 1, padding)
    return _smooth(_central(images, columns), rows), _smooth(_central(images, rows), columns)


def _central(x: Any, axis: int) -> Any:
    return part(x, axis, None, x.shape[axis] - 2) - part(x, axis, 2, None)


def _smooth(x: Any, axis: int) -> Any:
    size = x.shape[axis]
    return part(x, axis, None, size - 2) + 2 * part(x, axis, 1, size - 1) + part(x, axis, 2, None)


def _length(xp: Namespace, across: Any, down: Any) -> Any:
    return xp.sqrt(across * across + down * down)


def _laplacian(xp: Namespace, fake: Any, real: Any, layout: Layout, channels: str, padding: str) -> Any:
    images = _grey(xp, fake - real, layout, channels)  # linear: the difference of two responses is that to a difference
    response = sum(_bend(xp, images, axis, padding) for axis in layout.space)
    return over_channels(xp, sizes(xp, response), layout)


def _bend(xp: Namespace, images: Any, axis: int, padding: str) -> Any:
    """x[i − 1] − 2x[i] + x[i + 1]; subtracts before it adds, so that a flat image has exactly none."""
    padded = bordered(xp, images, (axis,), 1, padding)
    return (part(padded, axis, None, images.shape[axis]) - images) + (part(padded, axis, 2, None) - images)


def _grey(xp: Namespace, images: Any, layout: Layout, channels: str) -> Any:
    """The image whose edges are looked at; its channel axis stays."""
    axis = layout.channel
    if channels == "each" or (channels == "mean" and images.shape[axis] == 1):
        return images
    if channels == "mean":
        return xp.expand_dims(xp.mean(images, axis=axis), axis=axis)
    return xp.sum(images * laid_along(xp, xp.asarray(LUMA, images), axis, images), axis=axis, keepdims=True)
