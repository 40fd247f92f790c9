"""Where two images differ: their edges, and the map of a loss."""

# matplotlib's own stubs leave `**kwargs` untyped:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lossary.losses.image import laplacian_loss, sobel_loss
from lossary.losses.regression import mae_loss
from lossary.plot import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOSSES = {"sobel": sobel_loss, "laplacian": laplacian_loss}


def plot_loss_map(
    fake: Any,
    real: Any,
    *,
    edges: Literal["sobel", "laplacian"] = "sobel",
    max_value: float = 1.0,
    channel_axis: int = -1,
) -> Figure:
    """Draw two images, the edges of each, and where they differ: in their edges, and pixel by pixel.

    Both maps of losses are in units of the largest loss there can be, and share one scale from 0 to the largest value
    drawn; their titles give the means, which are `sobel_loss(fake, real, normalize=True)` and `mae_loss / max_value`.

    Args:
        fake: the predicted image, of shape (height, width, channels), or as `channel_axis` says; of 1 or 3 channels. A
            NumPy array or what NumPy can read, in [0, max_value] (or centred: in ±½ max_value, as images in [−1, 1]
            are for 2).
        real: the target image, same shape and unit.
        edges: "sobel" or "laplacian", as in the loss of that name.
        max_value: the largest value that a pixel can have less the smallest: 1 for [0, 1], 2 for [−1, 1], 255 for 8
            bits.
        channel_axis: the axis of the channels, −1 or 2, or 0 for torch's images.

    Returns:
        The figure: 2 × 3 panels, fake, its edges and the edge loss above, real, its edges and the L1 loss below.
    """
    if edges not in LOSSES:
        raise ValueError(f"plot_loss_map: expected edges to be one of 'sobel', 'laplacian'; got {edges!r}")
    images = [_picture(name, image, channel_axis) for name, image in (("fake", fake), ("real", real))]
    if images[0].shape != images[1].shape:
        shapes = ", ".join(f"{name} {image.shape[1:]}" for name, image in zip(("fake", "real"), images, strict=True))
        raise ValueError(f"plot_loss_map: expected images of one shape; got {shapes}, channels last")
    loss = LOSSES[edges]
    options: Any = {"normalize": True, "max_value": max_value, "reduction": "none", "channel_axis": -1}
    # The loss against a flat image is the size of the edges themselves.
    outlines = [loss(image, np.zeros_like(image), **options)[0] for image in images]
    maps = {
        f"{edges.capitalize()} loss": loss(*images, **options)[0],
        "L1 loss": mae_loss(*images, reduction="none")[0].mean(-1) / max_value,
    }
    lowest = -0.5 * max_value if min(image.min() for image in images) < 0 else 0.0
    top = max(float(found.max()) for found in maps.values()) or 1.0
    fig, axes = style.figure(2, 3, panel=(3.4, 3.0))
    for row, (name, image, outline) in enumerate(zip(("fake", "real"), images, outlines, strict=True)):
        style.image(axes[3 * row], np.clip((image[0] - lowest) / max_value, 0, 1).squeeze(), title=name)
        style.image(
            axes[3 * row + 1], outline / (max(float(one.max()) for one in outlines) or 1.0), title=f"edges of {name}"
        )
    for ax, (name, found) in zip((axes[2], axes[5]), maps.items(), strict=True):
        shown = ax.imshow(found, cmap="magma", vmin=0.0, vmax=top, interpolation="nearest")
        ax.set_title(f"{name}, mean {found.mean():.4f}", fontsize="medium")
        ax.set_axis_off()
        fig.colorbar(shown, ax=ax, fraction=0.046, pad=0.03)
    return fig


def _picture(name: str, image: Any, channel_axis: int) -> np.ndarray[Any, Any]:
    """A batch of one, channels last, in float64."""
    pixels = np.asarray(image, dtype=np.float64)
    if pixels.ndim != 3 or pixels.shape[channel_axis] not in (1, 3):
        raise ValueError(
            f"plot_loss_map: expected {name} to be one image with 1 or 3 channels along axis {channel_axis}; got "
            f"{name} {pixels.shape}"
        )
    return np.moveaxis(pixels, channel_axis, -1)[None]
