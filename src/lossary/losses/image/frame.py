"""What the losses of images share: which axis is which, which pixels count, and neighbours within reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.check import axis_of, described, real, same_shape
from ..._core.reduce import Counted, counted

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


class Layout(NamedTuple):
    """Where the channels of a batch of images are, and where space is."""

    channel: int
    space: tuple[int, ...]
    pixels: tuple[int, ...]  # the shape of the images without their channels


def layout_of(loss: str, xp: Namespace, channel_axis: int | None, /, *, volumes: bool = False, **images: Any) -> Layout:
    """The layout of images that are all of one shape, the batch first; the rank alone is never guessed from."""
    same_shape(loss, **images)
    real(loss, xp, **images)
    name, first = next(iter(images.items()))
    habit = xp.CHANNEL_AXIS if channel_axis is None else channel_axis
    if len(first.shape) != 4 and not (volumes and len(first.shape) == 5):
        last = habit != 1
        shapes = _written("height, width", last) + (f" or {_written('depth, height, width', last)}" if volumes else "")
        hint = "; grey images have a channel axis of size 1" if len(first.shape) < 4 else ""
        raise ValueError(f"{loss}: expected images of shape {shapes}; got {described(**images)}{hint}")
    channel = axis_of(loss, "channel_axis", habit, name, first)
    if channel == 0:
        raise ValueError(
            f"{loss}: expected channel_axis other than 0, the batch; got channel_axis {channel_axis} for "
            f"{described(**{name: first})}"
        )
    rank = len(first.shape)
    space = tuple(i for i in range(1, rank) if i != channel)
    return Layout(channel, space, tuple(n for i, n in enumerate(first.shape) if i != channel))


def _written(space: str, channels_last: bool) -> str:
    return f"(batch, {space}, channels)" if channels_last else f"(batch, channels, {space})"


def where_channels(layout: Layout, name: str, images: Any) -> str:
    """For an error that a wrong channel axis may have caused."""
    return f"{described(**{name: images})} with channel_axis {layout.channel}"


# ---- options ----


def part(x: Any, axis: int, start: int | None, stop: int | None) -> Any:
    """x[start:stop] along `axis`."""
    return x[(slice(None),) * axis + (slice(start, stop),)]


def bordered(xp: Namespace, x: Any, axes: Sequence[int], width: int, padding: str) -> Any:
    """`x` with `width` more entries on both sides of `axes`: mirrored at the outermost pixels, or 0."""
    widths = [(width, width) if axis in axes else (0, 0) for axis in range(len(x.shape))]
    return xp.pad(x, widths, mode="reflect" if padding == "reflect" else "constant")


def with_zeros(xp: Namespace, x: Any, axis: int, before: int, after: int) -> Any:
    """`x` with that many zeros on the two sides of `axis`."""
    return xp.pad(x, [(before, after) if i == axis else (0, 0) for i in range(len(x.shape))], mode="constant")


# ---- which pixels count ----


def counted_images(loss: str, xp: Namespace, weights: Any, keep: Any, like: Any) -> Counted | None:
    """Weights for one item an image; one of which nothing is kept is as if removed."""
    batch, nothing = like.shape[0], None
    if keep is not None and 0 not in keep.shape:
        of_each = xp.broadcast_to(keep, (batch, *keep.shape[1:]))  # a mask without axes is for all of them
        nothing = ~xp.any(xp.reshape(of_each, (batch, -1)), axis=1)
    return counted(loss, xp, (batch,), weights, None, like, dropped=nothing)


def both(xp: Namespace, keep: Any, images: Counted | None, rank: int) -> Any:
    """What is kept of the images that are, with `rank` axes; None where everything is."""
    if images is None:
        return keep
    of_images = xp.reshape(images.keep, (-1,) + (1,) * (rank - 1))
    return of_images if keep is None else keep & of_images


def kept(xp: Namespace, keep: Any, layout: Layout, *images: Any) -> tuple[Any, ...]:
    """The images with 0 where a pixel is not kept, so that a NaN there reaches nobody."""
    if keep is None:
        return images
    keep = xp.broadcast_to(xp.expand_dims(keep, axis=layout.channel), images[0].shape)
    return tuple(xp.select(keep, image, 0.0) for image in images)


def counted_windows(
    loss: str, xp: Namespace, layout: Layout, weights: Any, mask: Any, like: Any, reach: int, valid: bool
) -> tuple[Counted | None, Any]:
    """Counting for windows that reach `reach` pixels from their middle, and which pixels those that count see.

    A window counts where all of its pixels do (mask), with the weight of the one in its middle. With `valid` there are
    only those that lie within the image.
    """
    of_mask = counted_pixels(loss, xp, layout, None, mask, like)
    of_weights = counted_pixels(loss, xp, layout, weights, None, like)
    if of_mask is not None and _full(of_mask.keep, layout):
        keep = ~_near(xp, ~of_mask.keep, like, 0 if valid else reach, reach)
        of_mask = Counted(keep, xp.astype(keep, like))
    if of_weights is not None and valid and _full(of_weights.keep, layout):
        of_weights = Counted(*(_inner(array, reach) for array in of_weights))
    if of_mask is None or of_weights is None:
        items = of_mask or of_weights
    else:
        items = Counted(of_mask.keep & of_weights.keep, of_mask.factor * of_weights.factor)
    if items is None or _whole(items.keep):
        return items, None if items is None else items.keep
    return items, _near(xp, items.keep, like, 2 * reach if valid else reach, reach)


def counted_pixels(loss: str, xp: Namespace, layout: Layout, weights: Any, mask: Any, like: Any) -> Counted | None:
    """Counting of pixels, either of whole images or pixel by pixel: nothing between, such as a factor per row."""
    items = counted(loss, xp, layout.pixels, weights, mask, like)
    if items is None or _whole(items.keep):
        return items
    return Counted(*(xp.broadcast_to(array, layout.pixels) for array in items))


def _whole(keep: Any) -> bool:
    """Do whole images count or not?"""
    return all(n == 1 for n in keep.shape[1:])


def _full(keep: Any, layout: Layout) -> bool:
    return tuple(keep.shape) == layout.pixels


def _near(xp: Namespace, flags: Any, like: Any, border: int, reach: int) -> Any:
    """Is a flag set within `reach` along every axis? After `border` more entries on all sides."""
    for axis in range(1, len(flags.shape)):
        flags = either(with_zeros(xp, xp.astype(flags, like), axis, border, border) != 0, axis, 2 * reach)
    return flags


def _inner(array: Any, reach: int) -> Any:
    for axis in range(1, len(array.shape)):
        array = part(array, axis, reach, array.shape[axis] - reach)
    return array


def either(flags: Any, axis: int, reach: int) -> Any:
    """Is one of the `reach` + 1 flags from here on set? By doubling."""
    done = 1
    while done < reach + 1:
        step = min(done, reach + 1 - done)
        flags = part(flags, axis, None, flags.shape[axis] - step) | part(flags, axis, step, None)
        done += step
    return flags


def over_channels(xp: Namespace, maps: Any, layout: Layout) -> Any:
    """The mean of one map a channel."""
    if maps.shape[layout.channel] == 1:
        return xp.squeeze(maps, axis=layout.channel)
    return xp.mean(maps, axis=layout.channel)


def sizes(xp: Namespace, x: Any) -> Any:
    """|x|, with a gradient that is NaN where x is: torch's own is 0 there."""
    return xp.pointwise(_size, x)


def _size(xp: Namespace, x: Any) -> Any:
    return xp.abs(x), lambda: xp.sign(x)
