"""The focal loss against the probability of the true class."""

# matplotlib's own stubs leave `**kwargs` untyped:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lossary.losses.classification import focal_loss
from lossary.plot import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_focal(gammas: Sequence[float] = (0, 1, 2, 5), *, alpha: float | None = None) -> Figure:
    """Draw the focal loss against the probability that the model gives to the true class, one curve for each `gamma`.

    The larger gamma, the less the easy examples (right of the dashed line at ½) count; gamma = 0 is cross entropy.

    Args:
        gammas: the exponents, each ≥ 0.
        alpha: the factor on the loss, as in `focal_loss`; None for none.

    Returns:
        The figure: 200 probabilities from 0.01 to 1, losses in nats.
    """
    p = np.linspace(0.01, 1.0, 200)
    logits = np.stack([np.log(p), np.log(np.maximum(1 - p, np.finfo(p.dtype).tiny))], axis=-1)
    labels = np.zeros(p.shape, dtype=np.int64)
    fig, (ax,) = style.figure(panel=(5.6, 4.0))
    for gamma in gammas:
        label = f"γ = {gamma:g}" + (" (cross entropy)" if gamma == 0 and alpha is None else "")
        ax.plot(p, focal_loss(logits, labels, alpha=alpha, gamma=gamma, reduction="none"), label=label)
    ax.axvline(0.5, color=style.MUTED, linestyle="--", linewidth=1.0)
    for x, text in ((0.25, "Hard"), (0.75, "Easy")):
        ax.text(x, 0.95, text, transform=ax.get_xaxis_transform(), ha="center", va="top", color=style.MUTED)
    ax.set(xlabel="probability of the true class", ylabel="loss per example (nats)", xlim=(0, 1))
    ax.set_ylim(bottom=0)
    ax.legend(loc="center right", fontsize="small")
    return fig
