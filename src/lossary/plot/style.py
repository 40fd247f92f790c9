"""The look of every picture Lossary draws: one palette, one kind of figure, one way to save it."""

# matplotlib's own stubs leave `**kwargs` untyped:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any, cast

try:
    from cycler import cycler
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ImportError as missing:
    raise ImportError('lossary: pictures need matplotlib: pip install "lossary[plot]"') from missing

DPI = 120
"""Dots per inch of saved pictures."""

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
"""Okabe and Ito's colour-blind safe palette, strongest contrast first; its yellow, too faint on white, is left out."""

DASHES = ["-", "--", "-.", (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5, 1, 1.5)), (0, (7, 2)), "-"]
"""A line style for each colour, so that curves that overlap, or are printed in grey, can still be told apart."""

MUTED = "#666666"
"""For what is not data: guide lines and remarks."""


class Picture(Figure):
    """A figure that a notebook shows by itself. It is not on pyplot's list: nothing pops up, nothing stays open."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight")
        return buffer.getvalue()


def figure(
    rows: int = 1, cols: int = 1, *, panel: tuple[float, float] = (4.8, 3.6), **kw: Any
) -> tuple[Figure, list[Axes]]:
    """A figure of `rows` × `cols` panels and its axes, row by row.

    Args:
        rows: number of rows of panels.
        cols: number of columns of panels.
        panel: width and height of one panel, in inches.
        kw: handed to `Figure.subplots` (`sharex`, `width_ratios`, ...).
    """
    fig = Picture(figsize=(cols * panel[0], rows * panel[1]), layout="constrained")
    axes = cast("list[Axes]", fig.subplots(rows, cols, squeeze=False, **kw).ravel().tolist())
    for ax in axes:
        dress(ax)
    return fig, axes


def dress(ax: Axes) -> None:
    """Give axes the house look: two spines, a faint grid behind the data, the palette in order."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(visible=True, color="#DDDDDD", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_prop_cycle(cycler(color=COLOURS, linestyle=DASHES, linewidth=[1.8] * len(COLOURS)))


def image(ax: Axes, pixels: Any, *, title: str = "") -> None:
    """Show a grey or RGB image on axes without ticks or frame (grey images: 0 black, 1 white)."""
    ax.imshow(pixels, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
    ax.set_title(title, fontsize="medium")
    ax.set_axis_off()


def save(fig: Figure, path: str | Path) -> Path:
    """Write a PNG, cut close around what is drawn, creating its folder; return the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, format="png", dpi=DPI, bbox_inches="tight")
    return path
