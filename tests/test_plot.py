"""The pictures: what is drawn, to which scale, and with which words; every curve equals its closed form."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.figure import Figure

import lossary
from lossary import plot
from lossary.plot import style

E = np.linspace(-5, 5, 200)

CURVES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "MSE": (lambda e: e**2, lambda e: 2 * e),
    "MAE": (np.abs, np.sign),
    "Huber, δ = 1": (lambda e: np.where(np.abs(e) <= 1, e**2 / 2, np.abs(e) - 0.5), lambda e: np.clip(e, -1, 1)),
    "log-cosh": (lambda e: np.log(np.cosh(e)), np.tanh),
    "Charbonnier, ε = ½": (lambda e: np.sqrt(e**2 + 0.25), lambda e: e / np.sqrt(e**2 + 0.25)),
}


def curves(ax: Axes) -> dict[str, np.ndarray]:
    """Every labelled line of some axes: its y by its label."""
    return {
        str(line.get_label()): np.asarray(line.get_ydata()) for line in ax.get_lines() if line.get_label()[0] != "_"
    }


def words(fig: Figure) -> list[str]:
    return [text.get_text() for ax in fig.axes for text in ax.texts]


# --- regression losses -----------------------------------------------------------------------------------------------


def test_losses_and_gradients_stand_in_two_panels_to_the_scale_of_the_errors() -> None:
    left, right = plot.plot_losses().axes
    assert (left.get_title(), right.get_title()) == ("Loss", "Gradient")
    assert (left.get_xlabel(), left.get_ylabel()) == ("error (prediction − target)", "loss per item")
    assert (right.get_xlabel(), right.get_ylabel()) == ("error (prediction − target)", "gradient (d loss / d error)")
    assert (left.get_xlim(), left.get_ylim()) == ((-5, 5), (0, 10))
    assert (right.get_xlim(), right.get_ylim()) == ((-5, 5), (-5, 5))
    legend = left.get_legend()
    assert legend
    assert [text.get_text() for text in legend.get_texts()] == list(CURVES)


def test_every_curve_equals_its_closed_form() -> None:
    left, right = plot.plot_losses().axes
    values, slopes = curves(left), curves(right)
    assert list(values) == list(slopes) == list(CURVES)
    for label, (loss, gradient) in CURVES.items():
        np.testing.assert_allclose(values[label], loss(E), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(slopes[label], gradient(E), rtol=0, atol=1e-8)


def test_the_gradient_at_a_corner_is_zero() -> None:
    _, right = plot.plot_losses(["mae_loss"], errors=[-1.0, 0.0, 1.0]).axes
    np.testing.assert_allclose(curves(right)["mae_loss"], [-1, 0, 1], atol=1e-9)


def test_a_loss_is_a_name_a_function_or_a_labelled_callable() -> None:
    wide = partial(lossary.huber_loss, delta=2.0)
    fig = plot.plot_losses(["mse_loss", lossary.mae_loss, ("Huber, δ = 2", wide)], errors=[-4, 0, 4], gradient=False)
    (ax,) = fig.axes
    drawn = {label: values.tolist() for label, values in curves(ax).items()}
    assert drawn == {"mse_loss": [16, 0, 16], "mae_loss": [4, 0, 4], "Huber, δ = 2": [6, 0, 6]}
    assert ax.get_ylim() == (0, 8)


def test_it_draws_on_axes_that_are_given() -> None:
    fig, axes = style.figure(1, 2)
    assert plot.plot_losses(["mse_loss"], ax=axes) is fig
    assert [len(ax.get_lines()) for ax in axes] == [1, 1]
    fig, (ax,) = style.figure()
    assert plot.plot_losses(["mse_loss"], gradient=False, ax=ax) is fig


def total(predictions: np.ndarray, targets: np.ndarray, reduction: str) -> Any:
    return predictions.sum()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"losses": ["hubr_loss"]}, "no loss is called 'hubr_loss'"),
    "scalar": ({"errors": 1.0}, "expected two or more errors in one dimension; got shape ()"),
    "matrix": ({"errors": [[1.0, 2.0]]}, "expected two or more errors in one dimension; got shape (1, 2)"),
    "one-axes": ({"ax": style.figure()[1]}, "expected 2 axes (one for the loss, one for the gradient); got 1"),
    "no-label": ({"losses": [partial(total)]}, "a callable without a name needs a label: (label, callable); got "),
    "one-number": ({"losses": [total]}, "expected one value per error of 'total', (200,); got ()"),
}


@pytest.mark.parametrize(("options", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_drawn_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=rf"^plot_losses: {re.escape(says)}"):
        plot.plot_losses(**options)


# --- focal loss ------------------------------------------------------------------------------------------------------


def focal(p: np.ndarray, gamma: float) -> Any:
    return -((1 - p) ** gamma) * np.log(p)


def test_focal_curves_equal_their_closed_form() -> None:
    fig = plot.plot_focal()
    (ax,) = fig.axes
    p = np.linspace(0.01, 1, 200)
    drawn = curves(ax)
    assert list(drawn) == ["γ = 0 (cross entropy)", "γ = 1", "γ = 2", "γ = 5"]
    for values, gamma in zip(drawn.values(), (0, 1, 2, 5), strict=True):
        np.testing.assert_allclose(values, focal(p, gamma), rtol=1e-9, atol=1e-12)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("probability of the true class", "loss per example (nats)")
    assert (ax.get_xlim(), ax.get_ylim()[0]) == ((0, 1), 0)
    assert words(fig) == ["Hard", "Easy"]
    half = ax.get_lines()[-1]
    assert (list(np.asarray(half.get_xdata())), half.get_linestyle()) == ([0.5, 0.5], "--")


def test_alpha_scales_the_focal_curves() -> None:
    (plain,), (scaled,) = plot.plot_focal([2]).axes, plot.plot_focal([2], alpha=0.25).axes
    np.testing.assert_allclose(curves(scaled)["γ = 2"], 0.25 * curves(plain)["γ = 2"], rtol=1e-12)


# --- maps of losses --------------------------------------------------------------------------------------------------


def two_images() -> tuple[np.ndarray, np.ndarray]:
    """A disc, and the same disc a little to the side on a brighter ground."""
    down, right = np.mgrid[:24, :32]
    discs = [((down - 12) ** 2 + (right - at) ** 2 < 49).astype(float) for at in (15, 17)]
    return np.stack([discs[0]] * 3, -1), np.stack([0.8 * discs[1] + 0.1] * 3, -1)


@pytest.mark.parametrize("edges", ["sobel", "laplacian"])
def test_loss_maps_are_those_of_the_losses(edges: Any) -> None:
    fake, real = two_images()
    loss = {"sobel": lossary.sobel_loss, "laplacian": lossary.laplacian_loss}[edges]
    fig = plot.plot_loss_map(fake, real, edges=edges)
    drawn = [np.asarray(ax.images[0].get_array()) for ax in fig.axes[:6]]
    np.testing.assert_allclose(drawn[2], loss(fake[None], real[None], normalize=True, reduction="none")[0], atol=1e-12)
    np.testing.assert_allclose(drawn[5], abs(fake - real).mean(-1), atol=1e-12)
    assert [ax.get_title() for ax in fig.axes[:6]] == [
        "fake",
        "edges of fake",
        f"{edges.capitalize()} loss, mean {drawn[2].mean():.4f}",
        "real",
        "edges of real",
        f"L1 loss, mean {drawn[5].mean():.4f}",
    ]
    scales = {fig.axes[i].images[0].get_clim() for i in (2, 5)}
    assert scales == {(0.0, max(drawn[2].max(), drawn[5].max()))}
    assert min(array.min() for array in drawn) >= 0


def test_loss_maps_of_other_layouts_and_ranges_are_the_same() -> None:
    fake, real = two_images()
    expected = [np.asarray(ax.images[0].get_array()) for ax in plot.plot_loss_map(fake, real).axes[:6]]
    first = [np.moveaxis(2 * image - 1, -1, 0) for image in (fake, real)]
    found = plot.plot_loss_map(*first, max_value=2.0, channel_axis=0)
    for ax, array in zip(found.axes, expected, strict=False):
        np.testing.assert_allclose(np.asarray(ax.images[0].get_array()), array, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"fake": np.zeros((4, 4))},
            "expected fake to be one image with 1 or 3 channels along axis -1; got fake (4, 4)",
        ),
        (
            {"real": np.zeros((4, 5, 3))},
            "expected images of one shape; got fake (4, 4, 3), real (4, 5, 3), channels last",
        ),
        ({"edges": "canny"}, "expected edges to be one of 'sobel', 'laplacian'; got 'canny'"),
    ],
)
def test_what_is_no_pair_of_images_is_refused(change: dict[str, Any], says: str) -> None:
    arguments: dict[str, Any] = {"fake": np.zeros((4, 4, 3)), "real": np.zeros((4, 4, 3))} | change
    with pytest.raises(ValueError, match=f"^plot_loss_map: {re.escape(says)}$"):
        plot.plot_loss_map(**arguments)


# --- all pictures ----------------------------------------------------------------------------------------------------

PICTURES: dict[str, Callable[[], Figure]] = {
    "losses": plot.plot_losses,
    "focal": plot.plot_focal,
    "loss-map": lambda: plot.plot_loss_map(*two_images()),
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_a_picture_is_saved_whole_and_leaves_pyplot_alone(picture: Callable[[], Figure], tmp_path: Path) -> None:
    fig = picture()
    path = style.save(fig, tmp_path / "new" / "picture.png")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    canvas = fig.bbox
    for ax in fig.axes:
        box = ax.get_tightbbox()
        assert box
        assert canvas.x0 <= box.x0 < box.x1 <= canvas.x1
        assert canvas.y0 <= box.y0 < box.y1 <= canvas.y1


def test_a_notebook_gets_a_png() -> None:
    fig, _ = style.figure()
    assert isinstance(fig, style.Picture)
    assert fig._repr_png_()[:4] == b"\x89PNG"


def test_the_panels_come_row_by_row() -> None:
    fig, axes = style.figure(2, 3, sharex=True)
    assert axes == fig.axes
    assert len(axes) == 6


def contrast(colour: str) -> float:
    """Contrast with white, as WCAG 2 defines it."""

    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def test_colours_and_dashes_tell_curves_apart() -> None:
    assert len({*style.COLOURS}) == len(style.COLOURS) == len(style.DASHES)
    assert len({*map(str, style.DASHES[:5])}) == 5
    assert min(map(contrast, style.COLOURS)) > 2


def test_the_names_of_the_tutorial_work() -> None:
    assert plot.compare_regression_losses is plot.plot_losses
    assert plot.visualize_focal_loss is plot.plot_focal


def test_without_matplotlib_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['matplotlib'] = None\nimport lossary.plot"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == 'ImportError: lossary: pictures need matplotlib: pip install "lossary[plot]"'


def test_pictures_load_neither_pyplot_nor_a_framework() -> None:
    code = "import sys, lossary.plot as plot; plot.plot_losses(); plot.plot_focal(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"matplotlib.pyplot", "torch", "jax"}.isdisjoint(done.stdout.split())
