"""How alike two images look, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from ..._core.backends import namespace
from ..._core.options import is_whole, known_reduction, one_of, plain, positive, whole_or_none
from ..._core.reduce import counted, reduce
from ..._core.types import A, Axis, Bool, Float, Reduction
from .frame import Layout, bordered, both, counted_windows, kept, layout_of, over_channels, part, where_channels

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, §3.2
FAR = 2.0**20  # times `max_value`: squares of squares of larger values, which gradients pass through, leave float32


def ssim_loss(
    predictions: Float[A, "batch *image"],
    targets: Float[A, "batch *image"],
    weights: Float[A, "*leading"] | None = None,
    *,
    max_value: float = 1.0,
    window: Literal["gaussian", "uniform"] = "gaussian",
    window_size: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    padding: Literal["valid", "reflect"] = "valid",
    channel_axis: int | None = None,
    axis: Axis = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """One minus the structural similarity: brightness, contrast and structure compared in small windows.

        1 − (2 μx μy + C1) (2 σxy + C2) / ((μx² + μy² + C1) (σx² + σy² + C2))
        C1 = (k1 · max_value)²,  C2 = (k2 · max_value)²,  means and (co)variances weighted by the window

    It is computed as a + b − a·b with a = (μx − μy)² / (μx² + μy² + C1) and b = var(x − y) / (σx² + σy² + C2), the
    same number, so that images which are nearly equal have a loss that is right to the last digits, and equal ones 0.
    Channels are compared one by one and averaged.

    Args:
        predictions: images of shape (batch, channels, height, width), or (batch, height, width, channels), as
            `channel_axis` says; or volumes with one axis more. Integer images are promoted.
        targets: same shape and unit as `predictions`.
        weights: a factor per image or per pixel (the shape of `predictions` without its channels, or a leading part
            of it), which goes to the window that has this pixel in its middle; 0 drops the item, though other windows
            still see the pixel, unless `mask` drops it.
        max_value: > 0, the largest value that a pixel can have less the smallest: 1 for [0, 1], 2 for [−1, 1], 255
            for 8 bits. It is not read off the dtype.
        window: "gaussian" with deviation `sigma`, or "uniform".
        window_size: odd, the side of the window in pixels.
        sigma: > 0, in pixels; for the Gaussian window alone.
        k1: > 0, what keeps the brightness term steady in the dark.
        k2: > 0, what keeps the contrast term steady where there is little contrast.
        padding: "valid" takes the windows that lie within the image; "reflect" one around each pixel, the image
            mirrored at its outermost pixels.
        channel_axis: the axis of the channels; 1 for torch, −1 for JAX and NumPy.
        axis: the axis or axes of the map (batch, height, width) to reduce, with "mean" and "sum"; None reduces all,
            (1, 2) gives one loss an image.
        mask: True counts; of the shape of `predictions` without its channels or a leading part of it. A window counts
            where all of its pixels do, so that what is masked has no influence on its neighbours either.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an image, mean over the batch) or "none", which
            gives the map of losses: (batch, height, width), less window_size − 1 along each side for "valid".

    Returns:
        In [0, 2], without unit; 0 only at predictions = targets; 1 where nothing is alike, more for a negative.
        Gradient: 0 at predictions = targets, largest where the targets have little contrast.

    Raises:
        ValueError: shapes that differ or are not those of images, images smaller than the window, an option out of
            its range.
        TypeError: complex images, or arrays of two frameworks.

    Source:
        Wang, Bovik, Sheikh and Simoncelli 2004, "Image quality assessment: from error visibility to structural
        similarity", doi:10.1109/TIP.2003.819861, eq. 13.

    Example:
        >>> black, white = np.zeros((1, 11, 11, 1)), np.ones((1, 11, 11, 1))
        >>> ssim_loss(black, white).round(4).item()  # 1 − C1 / (1 + C1)
        0.9999
        >>> ssim_loss(white, white).item()
        0.0
    """
    name = "ssim_loss"
    shares = _window(name, window, window_size, sigma)
    whole_or_none(name, channel_axis=channel_axis)
    plain(name, k1=k1, k2=k2)
    max_value, k1, k2 = positive(name, max_value=max_value, k1=k1, k2=k2)
    one_of(name, "padding", padding, ("valid", "reflect"))
    known_reduction(name, reduction, axis, normalizer)
    xp = namespace(name, predictions=predictions, targets=targets, weights=weights, mask=mask)
    layout = layout_of(name, xp, channel_axis, volumes=True, predictions=predictions, targets=targets)
    valid = padding == "valid"
    if valid:
        _large_enough(name, layout, predictions, window_size, 1, "; padding='reflect' takes any size")
    predictions, targets = xp.promote(predictions, targets)
    reach = window_size // 2
    items, seen = counted_windows(name, xp, layout, weights, mask, predictions, reach, valid)
    predictions, targets = kept(xp, seen, layout, predictions, targets)
    if 0 in predictions.shape:
        losses = xp.sum(predictions, axis=layout.channel)
        items = None
    else:
        fields = xp.quietly(_fields, xp, predictions, targets, max_value)
        if not valid:
            fields = fields._replace(both=bordered(xp, fields.both, layout.space, reach, padding))
        losses = over_channels(xp, xp.quietly(_unlike, xp, fields, layout, shares, k1, k2).both, layout)
    if items is not None:
        losses = xp.select(xp.broadcast_to(items.keep, losses.shape), losses, 0.0)
    return reduce(name, xp, losses, items, axis=axis, normalizer=normalizer, reduction=reduction)


def ms_ssim_loss(
    predictions: Float[A, "batch *image"],
    targets: Float[A, "batch *image"],
    weights: Float[A, "batch"] | None = None,
    *,
    max_value: float = 1.0,
    scale_weights: Sequence[float] | None = None,
    window: Literal["gaussian", "uniform"] = "gaussian",
    window_size: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    channel_axis: int | None = None,
    mask: Bool[A, "batch"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """One minus the structural similarity over several scales, each half as fine as the one before.

        1 − Π_{j<M} cs_j^{w_j} · ssim_M^{w_M}

    cs_j is the mean over an image of the contrast and structure term (2 σxy + C2) / (σx² + σy² + C2) at scale j,
    ssim_M that of the whole similarity at the coarsest; channels are compared one by one and averaged. Between scales
    images are averaged over 2 × 2 pixels, an odd last row or column together with itself. See `ssim_loss`.

    Args:
        predictions: images of shape (batch, channels, height, width), or (batch, height, width, channels), as
            `channel_axis` says; or volumes with one axis more. Each side must measure more than
            (window_size − 1) · 2^(scales − 1) pixels: 161 or more by default. Integer images are promoted.
        targets: same shape and unit as `predictions`.
        weights: a factor per image; 0 drops the image.
        max_value: > 0, the largest value that a pixel can have less the smallest: 1 for [0, 1], 2 for [−1, 1], 255
            for 8 bits. It is not read off the dtype.
        scale_weights: one exponent > 0 per scale, finest first; None: 0.0448, 0.2856, 0.3001, 0.2363, 0.1333.
        window: "gaussian" with deviation `sigma`, or "uniform".
        window_size: odd, the side of the window in pixels, at every scale.
        sigma: > 0, in pixels; for the Gaussian window alone.
        k1: > 0, what keeps the brightness term steady in the dark.
        k2: > 0, what keeps the contrast term steady where there is little contrast.
        channel_axis: the axis of the channels; 1 for torch, −1 for JAX and NumPy.
        mask: True counts; one per image.
        normalizer: > 0, replaces the number of images.
        reduction: "mean" (Σ wℓ / Σ w over images; "batch_sum" is the same), "sum", or "none" (one value per image:
            scales of different size make no map).

    Returns:
        In [0, 1], without unit; 0 only at predictions = targets. A channel with a scale whose mean is ≤ 0 (less alike
        than unrelated images) has loss 1 with gradient 0. Gradient: 0 at predictions = targets; it grows without
        bound, but stays finite, as a scale's mean falls towards 0.

    Raises:
        ValueError: shapes that differ or are not those of images, images too small, an option out of its range.
        TypeError: complex images, or arrays of two frameworks.

    Source:
        Wang, Simoncelli and Bovik 2003, "Multi-scale structural similarity for image quality assessment",
        doi:10.1109/ACSSC.2003.1292216, eq. 7.

    Example:
        >>> black, white = np.zeros((1, 161, 161, 1)), np.ones((1, 161, 161, 1))
        >>> ms_ssim_loss(black, white).round(4).item()  # 1 − (C1 / (1 + C1))^0.1333
        0.707
        >>> ms_ssim_loss(black[:, :22, :22], white[:, :22, :22], scale_weights=[0.5, 0.5]).round(4).item()
        0.99
    """
    name = "ms_ssim_loss"
    shares = _window(name, window, window_size, sigma)
    whole_or_none(name, channel_axis=channel_axis)
    plain(name, k1=k1, k2=k2)
    max_value, k1, k2 = positive(name, max_value=max_value, k1=k1, k2=k2)
    exponents = _exponents(name, scale_weights)
    known_reduction(name, reduction, None, normalizer)
    xp = namespace(name, predictions=predictions, targets=targets, weights=weights, mask=mask)
    layout = layout_of(name, xp, channel_axis, volumes=True, predictions=predictions, targets=targets)
    _large_enough(name, layout, predictions, window_size, len(exponents), "; fewer scale_weights take smaller images")
    predictions, targets = xp.promote(predictions, targets)
    items = counted(name, xp, layout.pixels[:1], weights, mask, predictions)
    predictions, targets = kept(xp, both(xp, None, items, len(layout.pixels)), layout, predictions, targets)
    if 0 in predictions.shape:
        losses = xp.sum(predictions, axis=tuple(range(1, len(predictions.shape))))
    else:
        losses = xp.quietly(_over_scales, xp, predictions, targets, max_value, layout, shares, k1, k2, exponents)
    return reduce(name, xp, losses, items, normalizer=normalizer, reduction=reduction)


class Unlike(NamedTuple):
    """One minus the contrast and structure term, and one minus its product with the brightness term."""

    structure: Any
    both: Any


class Fields(NamedTuple):
    """Sum and difference of the images, one behind the other along the batch: their moments are all that is needed."""

    both: Any
    unit: Any  # `max_value` in the unit of the fields, one number an image; 1 but for values out of all proportion


def _fields(xp: Namespace, predictions: Any, targets: Any, max_value: float) -> Fields:
    batch, rank = predictions.shape[0], len(predictions.shape)
    values = xp.maximum(*(xp.abs(xp.stop_gradient(images)) for images in (predictions, targets)))
    top = xp.reshape(xp.max(xp.reshape(values, (batch, -1)), axis=1), (batch,) + (1,) * (rank - 1))
    size = xp.where(top > FAR * max_value, top / FAR, max_value)
    fields = [(predictions + targets) / size, (predictions - targets) / size]
    return Fields(xp.concat(fields, axis=0), max_value / size)


def _unlike(xp: Namespace, fields: Fields, layout: Layout, shares: Sequence[float], k1: float, k2: float) -> Unlike:
    means, variances = fields.both, None
    for axis in layout.space:  # the window is a product, so the moments of its rows give those of the whole
        means, variances = xp.window_moments(means, variances, shares, axis=axis)
    batch = means.shape[0] // 2
    sum_squared, difference_squared = (x * x for x in (part(means, 0, None, batch), part(means, 0, batch, None)))
    sum_variance, difference_variance = part(variances, 0, None, batch), part(variances, 0, batch, None)
    # μx² + μy² and σx² + σy² are half of what the sum and the difference have together.
    dark, faint = k1 * fields.unit, k2 * fields.unit
    brightness = 2 * difference_squared / (sum_squared + difference_squared + 2 * dark * dark)
    structure = 2 * difference_variance / (sum_variance + difference_variance + 2 * faint * faint)
    return Unlike(structure, brightness + structure - brightness * structure)


def _over_scales(
    xp: Namespace,
    predictions: Any,
    targets: Any,
    max_value: float,
    layout: Layout,
    shares: Sequence[float],
    k1: float,
    k2: float,
    exponents: Sequence[float],
) -> Any:
    """One loss an image: the product of the scales is taken by its logarithm, whose exponential less 1 is exact for
    images that are nearly equal.
    """
    fields = _fields(xp, predictions, targets, max_value)
    total, lost = None, None
    for scale, exponent in enumerate(exponents):
        unlike = _unlike(xp, fields, layout, shares, k1, k2)
        last = scale == len(exponents) - 1
        loss = xp.mean(unlike.both if last else unlike.structure, axis=layout.space)
        gone = loss >= 1
        logarithm = exponent * xp.log1p(-xp.where(gone, 0.0, loss))
        total = logarithm if total is None else total + logarithm
        lost = gone if lost is None else lost | gone
        if not last:
            fields = fields._replace(both=_halved(xp, fields.both, layout))
    losses = xp.where(lost, 1.0, -xp.expm1(total))
    return xp.mean(losses, axis=1)


def _halved(xp: Namespace, fields: Any, layout: Layout) -> Any:
    for axis in layout.space:
        size = fields.shape[axis]
        if size % 2:
            fields = xp.concat([fields, part(fields, axis, size - 1, None)], axis=axis)
        shape = (*fields.shape[:axis], (size + 1) // 2, 2, *fields.shape[axis + 1 :])
        fields = 0.5 * xp.sum(xp.reshape(fields, shape), axis=axis + 1)
    return fields


def _window(loss: str, window: str, window_size: Any, sigma: float) -> tuple[float, ...]:
    """The shares of the pixels in a row of the window; the window is the product of its rows."""
    one_of(loss, "window", window, ("gaussian", "uniform"))
    if not is_whole(window_size) or window_size < 1 or window_size % 2 == 0:
        raise ValueError(
            f"{loss}: expected window_size to be an odd integer >= 1, with a pixel in its middle; got window_size "
            f"{window_size!r}"
        )
    plain(loss, sigma=sigma)
    sigma = positive(loss, sigma=sigma)
    offsets = [k - window_size // 2 for k in range(window_size)]
    bell = [1.0 if window == "uniform" else exp(-0.5 * (k / sigma) * (k / sigma)) for k in offsets]
    return tuple(share / sum(bell) for share in bell)


def _exponents(loss: str, scale_weights: Any) -> tuple[float, ...]:
    if scale_weights is None:
        return SCALE_WEIGHTS
    if isinstance(scale_weights, str) or not isinstance(scale_weights, Sequence) or not scale_weights:
        raise ValueError(
            f"{loss}: expected scale_weights to be a sequence of numbers > 0; got scale_weights {scale_weights!r}"
        )
    exponents = tuple(cast("Sequence[float]", scale_weights))
    for exponent in exponents:
        plain(loss, scale_weights=exponent)
        positive(loss, scale_weights=exponent)
    return exponents


def _large_enough(loss: str, layout: Layout, images: Any, window_size: int, scales: int, hint: str) -> None:
    least = (window_size - 1) * 2 ** (scales - 1) + 1
    sides = [images.shape[axis] for axis in layout.space]
    if prod(images.shape) and min(sides) < least:
        wanted = f"for window_size {window_size}" + (f" and {scales} scales" if scales > 1 else "")
        raise ValueError(
            f"{loss}: expected images of at least {' × '.join([str(least)] * len(sides))} pixels {wanted}; got "
            f"{where_channels(layout, 'predictions', images)}{hint}"
        )
