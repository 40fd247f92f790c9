"""The pictures that more than one task draws."""

# matplotlib's own annotations are partial:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lossary.plot import style

from .experiment import Training
from .summary import (
    Metric,
    agreement,
    frameworks_of,
    pairs,
    relative_difference,
    scientific,
    scores,
    settings_of,
    untrained_scores,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["agreement_sentence", "bars", "colour", "curves", "curves_caption", "followed", "score_bars"]

FLOOR = 1e-9
"""Smaller relative differences are drawn at this height."""


def colour(index: int) -> str:
    """A colour of the house palette, beginning anew when it runs out."""
    return style.COLOURS[index % len(style.COLOURS)]


def score_bars(
    trainings: Sequence[Training],
    metrics: Mapping[str, Metric],
    *,
    panel: tuple[float, float] = (3.4, 2.8),
    untrained_as: str | None = None,
) -> Figure:
    """The `bars` of each metric side by side."""
    fig, axes = style.figure(1, len(metrics), panel=panel, sharey=True)
    for ax, (key, metric) in zip(axes, metrics.items(), strict=True):
        bars(ax, trainings, key, metric, untrained_as=untrained_as)
    if untrained_as is not None or len(frameworks_of(trainings)) > 1:
        axes[-1].legend(fontsize="small", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return fig


def followed(
    trainings: Sequence[Training],
    metrics: Mapping[str, Metric],
    *,
    panel: tuple[float, float],
    unit: str = "",
    logarithmic: str = "",
) -> Figure:
    """Each metric epoch by epoch, a line for each training; the one named `logarithmic` on such an axis."""
    fig, axes = style.figure(1, len(metrics), panel=panel)
    for ax, (key, metric) in zip(axes, metrics.items(), strict=True):
        for i, training in enumerate(trainings):
            values = [metric.factor * score[key] for score in training.scores]
            ax.plot(range(1, len(values) + 1), values, color=colour(i), label=training.setting)
        ax.set(xlabel="epoch", yscale="log" if key == logarithmic else "linear")
        ax.set_title(metric.title, fontsize="medium")
    axes[0].set_ylabel(unit)
    axes[0].legend(fontsize="small", frameon=False)
    return fig


def bars(ax: Axes, trainings: Sequence[Training], key: str, metric: Metric, *, untrained_as: str | None = None) -> None:
    """One horizontal bar a setting (and framework): the mean over repeats, with the standard deviation as a whisker.

    What needs no training is a line across, with this name in the legend.
    """
    frameworks, settings = frameworks_of(trainings), settings_of(trainings)
    height = 0.8 / len(frameworks)
    for place, framework in enumerate(frameworks):
        values = [metric.factor * scores(trainings, framework, setting, key) for setting in settings]
        means = [v.mean() for v in values]
        spread = [v.std(ddof=1) if len(v) > 1 else 0.0 for v in values]
        rows = np.arange(len(settings)) + (place - (len(frameworks) - 1) / 2) * height
        whisker = {"elinewidth": 1.2, "ecolor": "#333333", "capsize": 2}
        shade = colour(place)
        ax.barh(rows, means, height * 0.92, xerr=spread, color=shade, error_kw=whisker, label=framework)
    if untrained_as is not None:
        line = metric.factor * untrained_scores(trainings, key).mean()
        ax.axvline(line, color=style.MUTED, linestyle="--", linewidth=1.2, label=untrained_as)
    ax.set_yticks(range(len(settings)), settings)
    ax.set_ylim(len(settings) - 0.5, -0.5)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(metric.title)
    ax.set_xlim(left=0)


def curves(trainings: Sequence[Training], unit: str, *, scale: str = "linear") -> Figure:
    """The objective of each epoch; with two frameworks both on one picture, and beside it how far apart they are.

    Args:
        trainings: only the first repeat is drawn.
        unit: of the objective, for the axis.
        scale: of that axis, "linear" or "log".
    """
    first = [training for training in trainings if training.repeat == 0]
    both = len(frameworks_of(first)) > 1
    fig, axes = style.figure(1, 2 if both else 1)
    legend = _draw_objectives(axes[0], first)
    axes[0].set(xlabel="epoch", ylabel=f"training objective ({unit})", yscale=scale)
    fig.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=4, fontsize="small", frameon=False)
    if both:
        _draw_differences(axes[1], first)
    return fig


def _draw_objectives(ax: Axes, trainings: Sequence[Training]) -> dict[Any, Any]:
    """Draw the curves; what the legend shows, by label."""
    frameworks, settings = frameworks_of(trainings), settings_of(trainings)
    looks: list[dict[str, Any]] = [{"linewidth": 1.6, "linestyle": "-"}]
    if len(frameworks) > 1:
        looks = [{"linewidth": 5.0, "linestyle": "-", "alpha": 0.35}, {"linewidth": 1.4, "linestyle": "-"}]
    for training in trainings:
        look = looks[frameworks.index(training.framework)]
        epochs = range(1, len(training.curve) + 1)
        ax.plot(epochs, training.curve, color=colour(settings.index(training.setting)), label=training.setting, **look)
    handles, labels = ax.get_legend_handles_labels()
    solid = dict(zip(labels, handles, strict=True))  # of equal labels the last, drawn in full colour
    if len(frameworks) > 1:
        for framework, look in zip(frameworks, looks, strict=True):
            solid[framework] = ax.plot([], [], color="#333333", **look)[0]
    return solid


def _draw_differences(ax: Axes, trainings: Sequence[Training]) -> None:
    settings = settings_of(trainings)
    for one, other in pairs(trainings):
        apart = np.maximum(relative_difference(one.curve, other.curve), FLOOR)
        ax.plot(
            range(1, len(apart) + 1), apart, color=colour(settings.index(one.setting)), linestyle="-", linewidth=1.6
        )
    ax.set(xlabel="epoch", ylabel="relative difference of the objective", yscale="log")
    ax.set_ylim(top=max(1e-3, ax.get_ylim()[1]))


def curves_caption(trainings: Sequence[Training]) -> str:
    """What the picture of `curves` shows."""
    frameworks = frameworks_of(trainings)
    if len(frameworks) == 1:
        return f"Training objective by epoch ({frameworks[0]}, first repeat)."
    return (
        f"Left: training objective by epoch (first repeat), {frameworks[0]} as a wide pale line, {frameworks[1]} as a "
        "thin one on top of it. Right: the relative difference of the two."
    )


def agreement_sentence(trainings: Sequence[Training]) -> list[str]:
    """How far apart the two frameworks end; nothing if there is one."""
    apart = agreement(trainings)
    if not apart:
        return []
    one, other = frameworks_of(trainings)
    worst = max(apart, key=lambda setting: apart[setting])
    median = float(np.median(list(apart.values())))
    return [
        f"{one} and {other} began with the same parameters and saw the same batches: their final objectives are "
        f"at most {scientific(apart[worst])} apart (relative; {worst}), and {scientific(median)} in the median over "
        "the settings."
    ]
