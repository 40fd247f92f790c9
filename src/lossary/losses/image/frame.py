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


def switch(loss: str, /, **options: Any) -> None:
    """Options that are True or False, and nothing that only counts as such."""
    for name, value in options.items():
        if not isinstance(value, bool):
            raise TypeError(f"{loss}: expected {name} to be True or False; got {name} {value!r}")


# ---- slices and borders ----


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
    batch = like.shape[0]
    nothing = None if keep is None or 0 in keep.shape else ~xp.any(xp.reshape(keep, (batch, -1)), axis=1)
    return counted(loss, xp, (batch,), weights, None, like, dropped=nothing)


def both(xp: Namespace, keep: Any, images: Counted | None) -> Any:
    """What is kept of the images that are; None where everything is."""
    if images is None:
        return keep
    rank = 1 if keep is None else len(keep.shape)
    of_images = xp.reshape(images.keep, (-1,) + (1,) * (rank - 1))
    return of_images if keep is None else keep & of_images


def kept(xp: Namespace, keep: Any, layout: Layout, *images: Any) -> tuple[Any, ...]:
    """The images with 0 where a pixel is not kept, so that a NaN there reaches nobody."""
    if keep is None:
        return images
    keep = xp.reshape(keep, tuple(keep.shape) + (1,) * (len(layout.pixels) - len(keep.shape)))
    keep = xp.broadcast_to(xp.expand_dims(keep, axis=layout.channel), images[0].shape)
    return tuple(xp.select(keep, image, 0.0) for image in images)


def whole_windows(xp: Namespace, items: Counted | None, layout: Layout, reach: int, valid: bool) -> Counted | None:
    """Counting for windows that reach `reach` pixels along each axis: one counts, with the weight of its centre, where
    all its pixels do. With `valid`, only windows that lie within the image are there.
    """
    if items is None or tuple(items.keep.shape) != layout.pixels:  # whole images are kept or dropped
        return items
    dropped = ~items.keep
    factor = items.factor
    for axis in range(1, len(layout.pixels)):
        before = 0 if valid else reach
        padded = with_zeros(xp, xp.astype(dropped, factor), axis, before, before) != 0
        dropped = either(padded, axis, 2 * reach)
        if valid:
            factor = part(factor, axis, reach, factor.shape[axis] - reach)
    return Counted(~dropped, xp.where(dropped, 0.0, factor))


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
