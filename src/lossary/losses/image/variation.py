"""How rough an image is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ..._core.backends import namespace
from ..._core.options import known_reduction, one_of, true_or_false, whole_or_none
from ..._core.reduce import reduce
from ..._core.types import A, Bool, Float, Reduction
from .frame import Layout, both, counted_images, counted_pixels, kept, layout_of, part, sizes, with_zeros

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def total_variation_loss(
    images: Float[A, "batch *image"],
    weights: Float[A, "*leading"] | None = None,
    *,
    norm_type: Literal["l2", "l1", "isotropic"] = "l2",
    per_pixel: bool = False,
    channel_axis: int | None = None,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How much neighbouring pixels differ: a penalty on noise that has no target.

        "l2"         Σ dx² + dy²          squared: smooths edges away too
        "l1"         Σ |dx| + |dy|        keeps edges, along the axes best
        "isotropic"  Σ √(dx² + dy²)       keeps edges of any direction

    dx and dy are the differences to the next pixel, 0 where there is none; the sum is over pixels and channels (over
    three differences in volumes). It grows with the size of the image; `per_pixel=True` takes the mean over pixels
    instead of their sum, and with `reduction="none"` gives the map.

    Args:
        images: of shape (batch, channels, height, width), or (batch, height, width, channels), as `channel_axis` says;
            or volumes with one axis more. Integer images are promoted.
        weights: a factor per image, or with `per_pixel=True` per pixel (the shape of `images` without its channels,
            or a leading part of it); 0 drops the item.
        norm_type: "l2" (squared differences), "l1" or "isotropic", as above.
        per_pixel: is an item of the reduction an image, with its sum, or a pixel?
        channel_axis: the axis of the channels; 1 for torch, −1 for JAX and NumPy.
        mask: True counts; of the shape of `images` without its channels or a leading part of it. A difference counts
            where both of its pixels do.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w over images, or over pixels), "sum", "batch_sum" (sum within an image, mean over
            the batch) or "none" (one value per image, or per pixel).

    Returns:
        In [0, ∞), in the unit of `images`, squared for "l2"; 0 only at images of one colour. Gradient: for "l2" twice
        the differences; for "l1" and "isotropic" of size 1 however small the difference, 0 where there is none.

    Raises:
        ValueError: not the shape of images, an unknown norm_type or reduction.
        TypeError: complex images, or arrays of two frameworks.

    Source:
        Rudin, Osher and Fatemi 1992, "Nonlinear total variation based noise removal algorithms",
        Physica D 60, pp. 259–268, §2 (isotropic).

    Example:
        >>> image = np.array([[0.0, 1.0], [0.0, 3.0]]).reshape(1, 2, 2, 1)
        >>> total_variation_loss(image).item(), total_variation_loss(image, norm_type="l1").item()
        (14.0, 6.0)
        >>> total_variation_loss(image, norm_type="l1", per_pixel=True, reduction="none")[0]
        array([[1., 2.],
               [3., 0.]])
    """
    name = "total_variation_loss"
    one_of(name, "norm_type", norm_type, ("l2", "l1", "isotropic"))
    true_or_false(name, per_pixel=per_pixel)
    whole_or_none(name, channel_axis=channel_axis)
    known_reduction(name, reduction, None, normalizer)
    xp = namespace(name, images=images, weights=weights, mask=mask)
    layout = layout_of(name, xp, channel_axis, volumes=True, images=images)
    (images,) = xp.promote(images)
    pixels = counted_pixels(name, xp, layout, None, mask, images)
    pairs = keep = None if pixels is None else pixels.keep
    if per_pixel:
        items = counted_pixels(name, xp, layout, weights, mask, images)
        keep = None if items is None else _seen(xp, items.keep, pairs, layout, images)
    else:
        items = counted_images(name, xp, weights, keep, images)
        keep = both(xp, keep, items, len(layout.pixels))
    (images,) = kept(xp, keep, layout, images)
    losses = xp.quietly(_variation, xp, images, layout, norm_type, pairs)
    if items is not None and per_pixel:
        losses = xp.select(xp.broadcast_to(items.keep, losses.shape), losses, 0.0)
    if not per_pixel:
        losses = xp.sum(losses, axis=tuple(range(1, len(layout.pixels))))
    return reduce(name, xp, losses, items, normalizer=normalizer, reduction=reduction)


def _variation(xp: Namespace, images: Any, layout: Layout, norm_type: str, keep: Any) -> Any:
    """The map, one number a pixel; only differences of two pixels that are kept."""
    differences = [_to_the_next(xp, images, layout, axis, keep) for axis in layout.space]
    if norm_type == "isotropic":
        lengths = xp.norm(xp.stack(differences, axis=-1), axis=-1)
    elif norm_type == "l1":
        lengths = sum(sizes(xp, difference) for difference in differences)
    else:
        lengths = sum(difference * difference for difference in differences)
    return xp.sum(lengths, axis=layout.channel)


def _to_the_next(xp: Namespace, images: Any, layout: Layout, axis: int, keep: Any) -> Any:
    """x[i + 1] − x[i] along `axis`, 0 for the last."""
    if images.shape[axis] < 2:
        return images - images  # 0, and still part of the graph
    steps = part(images, axis, 1, None) - part(images, axis, None, images.shape[axis] - 1)
    if keep is not None and tuple(keep.shape) == layout.pixels:  # else whole images are kept or dropped
        along = 1 + layout.space.index(axis)
        pairs = part(keep, along, 1, None) & part(keep, along, None, keep.shape[along] - 1)
        steps = xp.where(xp.expand_dims(pairs, axis=layout.channel), steps, 0.0)
    return with_zeros(xp, steps, axis, 0, 1)


def _seen(xp: Namespace, keep: Any, pixels: Any, layout: Layout, like: Any) -> Any:
    """The pixels that items which count look at: their own, and the next along each axis; without those masked."""
    if tuple(keep.shape) != layout.pixels:
        return keep
    seen = keep
    for axis in range(1, len(keep.shape)):
        shifted = with_zeros(xp, xp.astype(part(keep, axis, None, keep.shape[axis] - 1), like), axis, 1, 0)
        seen = seen | (shifted != 0)
    return seen if pixels is None else seen & pixels
