"""Value and gradient of regression losses, drawn against the error."""

# matplotlib's own stubs leave `**kwargs` untyped:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

import lossary
from lossary.plot import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[np.float64]

LossFunction: TypeAlias = Callable[..., Any]
"""Called as `loss(predictions, targets, reduction="none")` on float64 NumPy arrays; gives one value per item."""

STEP = 1e-5
"""Half the width of the central difference, in the unit of the error."""


def plot_losses(
    losses: Sequence[str | LossFunction | tuple[str, LossFunction]] | None = None,
    *,
    errors: ArrayLike | None = None,
    gradient: bool = True,
    ax: Axes | Sequence[Axes] | None = None,
) -> Figure:
    """Draw losses, and their gradients beside them, against the error (prediction − target).

    The gradient is the central difference (ℓ(e + h) − ℓ(e − h)) / 2h with h = 1e-5 in float64: no framework is needed,
    it is right to about 1e-9, and at a corner it is the mean of the two slopes, which is the library's own convention.
    Only a bend narrower than h is drawn blunt.

    Args:
        losses: what to draw, each a name ("huber_loss"), a function, or a pair (label, function) such as
            `("Huber, δ = 2", partial(huber_loss, delta=2.0))`. Default: MSE, MAE, Huber, log-cosh and Charbonnier.
        errors: where to draw them, in one dimension, ascending. Default: 200 points from −5 to 5.
        gradient: draw the second panel.
        ax: draw on these axes (two of them, or one without `gradient`) rather than on a new figure.

    Returns:
        The figure. With e the largest |error|, losses are shown from 0 to 2e and gradients from −e to e.

    Raises:
        ValueError: an unknown name, errors or axes that do not fit, or a loss that does not give one value per error.
    """
    error = np.linspace(-5.0, 5.0, 200) if errors is None else np.asarray(errors, dtype=np.float64)
    if error.ndim != 1 or error.size < 2:
        raise ValueError(f"plot_losses: expected two or more errors in one dimension; got shape {error.shape}")
    curves = [_named(loss) for loss in (default_losses() if losses is None else losses)]
    panels = _panels(ax, 2 if gradient else 1)
    _draw(panels[0], error, [(label, _values(label, loss, error)) for label, loss in curves], "loss per item")
    if gradient:
        _draw(
            panels[1],
            error,
            [(label, _slopes(label, loss, error)) for label, loss in curves],
            "gradient (d loss / d error)",
        )
    _frame(panels, float(np.abs(error).max()))
    return cast("Figure", panels[0].figure)


def default_losses() -> list[tuple[str, LossFunction]]:
    """The regression losses of the default picture, with their labels."""
    return [
        ("MSE", lossary.mse_loss),
        ("MAE", lossary.mae_loss),
        ("Huber, δ = 1", lossary.huber_loss),
        ("log-cosh", lossary.log_cosh_loss),
        ("Charbonnier, ε = ½", partial(lossary.charbonnier_loss, epsilon=0.5)),  # its own 0.001 would hide MAE
    ]


def _named(loss: str | LossFunction | tuple[str, LossFunction]) -> tuple[str, LossFunction]:
    if isinstance(loss, str):
        found = getattr(lossary, loss, None)
        if not callable(found):
            raise ValueError(f"plot_losses: no loss is called {loss!r}")
        return loss, found
    if not callable(loss):
        return loss
    name = getattr(loss, "__name__", None)
    if name is None:
        raise ValueError(f"plot_losses: a callable without a name needs a label: (label, callable); got {loss!r}")
    return name, loss


def _panels(ax: Axes | Sequence[Axes] | None, count: int) -> Sequence[Axes]:
    if ax is None:
        return style.figure(1, count)[1]
    panels: Sequence[Axes] = list(np.ravel(np.asarray(ax, dtype=object)))
    if len(panels) != count:
        raise ValueError(
            f"plot_losses: expected {count} axes (one for the loss, one for the gradient); got {len(panels)}"
        )
    return panels


def _values(label: str, loss: LossFunction, error: Floats) -> Floats:
    values = np.asarray(loss(error, np.zeros_like(error), reduction="none"))
    if values.shape != error.shape:
        raise ValueError(f"plot_losses: expected one value per error of {label!r}, {error.shape}; got {values.shape}")
    return values


def _slopes(label: str, loss: LossFunction, error: Floats) -> Floats:
    return (_values(label, loss, error + STEP) - _values(label, loss, error - STEP)) / (2 * STEP)


def _draw(ax: Axes, error: Floats, curves: list[tuple[str, Floats]], quantity: str) -> None:
    for label, values in curves:
        ax.plot(error, values, label=label)
    ax.set_xlabel("error (prediction − target)")
    ax.set_ylabel(quantity)


def _frame(panels: Sequence[Axes], reach: float) -> None:
    """Both panels from the same errors: the loss from 0 to twice the largest, the gradient from minus to plus it."""
    for ax, title, low, high in zip(panels, ("Loss", "Gradient"), (0, -reach), (2 * reach, reach), strict=False):
        ax.set_title(title)
        ax.margins(x=0)
        ax.set_ylim(low, high)
    panels[0].legend(loc="upper center", fontsize="small")
