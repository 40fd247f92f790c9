"""From trainings to numbers: means and spreads over repeats, and how far two frameworks are apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .experiment import Training
from .section import Table
from .training import Array

__all__ = [
    "Metric",
    "agreement",
    "agreement_tables",
    "fixed",
    "frameworks_of",
    "numbers",
    "over_splits",
    "plus_minus",
    "scientific",
    "score_table",
    "scores",
    "settings_of",
    "untrained",
    "untrained_scores",
]

_UNTRAINED = "untrained_"


@dataclass(frozen=True)
class Metric:
    """A score as it is printed: its title, what it is multiplied by, and its digits after the point."""

    title: str
    factor: float = 1.0
    digits: int = 1


def frameworks_of(trainings: Sequence[Training]) -> list[str]:
    """The frameworks that were used, in order."""
    return list(dict.fromkeys(training.framework for training in trainings))


def settings_of(trainings: Sequence[Training]) -> list[str]:
    """The settings that were compared, in order."""
    return list(dict.fromkeys(training.setting for training in trainings))


def scores(trainings: Sequence[Training], framework: str, setting: str, metric: str) -> Array:
    """The final score of each repeat."""
    chosen = [t for t in trainings if (t.framework, t.setting) == (framework, setting)]
    return np.array([training.scores[-1][metric] for training in chosen])


def plus_minus(values: Array, metric: Metric) -> str:
    """Mean ± standard deviation over repeats; the mean alone if there was one repeat."""
    values = values * metric.factor
    mean = fixed(values.mean(), metric.digits)
    return mean if len(values) == 1 else f"{mean} ± {fixed(values.std(ddof=1), metric.digits)}"


def scientific(value: float) -> str:
    """A number with two significant digits and its power of ten, and a minus that is one."""
    return f"{value:.1e}".replace("-", "−")


def fixed(value: float, digits: int = 1) -> str:
    """A number with so many digits after the point, and a minus that is one."""
    return f"{value:.{digits}f}".replace("-", "−")


def over_splits(repeats: int) -> str:
    """What the numbers in the tables are."""
    return "One random split." if repeats == 1 else f"Mean ± standard deviation over {repeats} random splits."


def untrained(scores: Mapping[str, float]) -> dict[str, float]:
    """The same scores under names of their own: what the data come to without any training, to compare with."""
    return {_UNTRAINED + key: score for key, score in scores.items()}


def untrained_scores(trainings: Sequence[Training], metric: str) -> Array:
    """What each repeat's data come to without training, whatever was trained on them."""
    return scores(trainings, frameworks_of(trainings)[0], settings_of(trainings)[0], _UNTRAINED + metric)


def score_table(
    title: str, trainings: Sequence[Training], metrics: Mapping[str, Metric], *, untrained_as: str | None = None
) -> Table:
    """A row for each setting, and for each framework if there are two; last, so called, what needs no training."""
    frameworks = frameworks_of(trainings)
    both = len(frameworks) > 1
    rows = [
        [setting, *([framework] if both else [])]
        + [plus_minus(scores(trainings, framework, setting, key), metric) for key, metric in metrics.items()]
        for setting in settings_of(trainings)
        for framework in frameworks
    ]
    if untrained_as is not None:
        cells = [plus_minus(untrained_scores(trainings, key), metric) for key, metric in metrics.items()]
        rows.append([untrained_as, *([""] if both else []), *cells])
    return Table(
        title, ["trained with", *(["framework"] if both else []), *(metric.title for metric in metrics.values())], rows
    )


def agreement_tables(trainings: Sequence[Training]) -> list[Table]:
    """How far apart the two frameworks end, by setting; no table if there is one framework."""
    apart = agreement(trainings)
    if not apart:
        return []
    rows: list[list[str]] = []
    for setting in settings_of(trainings):
        ends = {(t.setting, t.framework): t.curve[-1] for t in reversed(trainings)}  # the first repeat stays
        rows.append(
            [setting, *(f"{ends[setting, f]:.5g}" for f in frameworks_of(trainings)), scientific(apart[setting])]
        )
    one, other = frameworks_of(trainings)
    title = "Final training objective in the first repeat; apart: relative, the largest of all repeats"
    return [Table(title, ["trained with", one, other, "apart"], rows)]


def agreement(trainings: Sequence[Training]) -> dict[str, float]:
    """By setting: the relative difference of the two final objectives, the largest over the repeats."""
    largest: dict[str, float] = {}
    for one, other in pairs(trainings):
        apart = float(relative_difference(one.curve, other.curve)[-1])
        largest[one.setting] = max(apart, largest.get(one.setting, 0.0))
    return largest


def pairs(trainings: Sequence[Training]) -> list[tuple[Training, Training]]:
    """The same training in the first and in the second framework; empty if there is one framework."""
    found: dict[tuple[str, int], list[Training]] = {}
    for training in trainings:
        found.setdefault((training.setting, training.repeat), []).append(training)
    return [(group[0], group[1]) for group in found.values() if len(group) > 1]


def relative_difference(one: Sequence[float], other: Sequence[float]) -> Array:
    """|a − b| / max(|a|, |b|), epoch by epoch; 0 where both are 0."""
    a, b = np.array(one), np.array(other)
    scale = np.maximum(np.abs(a), np.abs(b))
    return np.abs(a - b) / np.where(scale == 0, 1.0, scale)


def numbers(trainings: Sequence[Training]) -> dict[str, Any]:
    """Every number of a task, for the JSON file."""
    return {
        "trainings": [
            {
                "framework": t.framework,
                "setting": t.setting,
                "repeat": t.repeat,
                "objective": t.curve,
                "scores": t.scores,
            }
            for t in trainings
        ],
        "relative_difference_of_final_objective": agreement(trainings),
    }
