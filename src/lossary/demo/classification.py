"""Imbalanced classification: which loss finds a digit that was hardly ever seen, and which can be believed?"""

# matplotlib's and scipy's own annotations are partial:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import special

from lossary import cross_entropy_loss, focal_loss
from lossary.plot import style

from .calibration import BINS, expected_calibration_error, reliability
from .data import CLASSES, DIGITS_TEST, DIGITS_TRAIN, RARE, THINNING, Digits, batches, digits
from .experiment import Budget, Experiment, Job, Training, carry_out
from .pictures import agreement_sentence, colour, curves, curves_caption, score_bars
from .section import Picture, Section
from .summary import (
    Metric,
    agreement_tables,
    frameworks_of,
    numbers,
    over_splits,
    plus_minus,
    score_table,
    scores,
    settings_of,
)
from .training import Array, Networks, Objective, dense

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FULL", "QUICK", "notice", "run"]

QUICK = Budget(epochs=5, repeats=2)
FULL = Budget(epochs=15, repeats=5)

BATCH = 164
"""It divides the 3608 training images, so that none sits out an epoch."""
METRICS = {
    "recall": Metric(f"recall of the rare {RARE} (%)", 100.0),
    "accuracy": Metric("accuracy (%)", 100.0),
    "ece": Metric("calibration error (%)", 100.0),
}


def _classify(networks: Networks, images: Any) -> Any:
    return networks["classify"](images)


def _plain(networks: Networks, images: Any, labels: Any, class_weights: Any, *, label_smoothing: float = 0.0) -> Any:
    return cross_entropy_loss(_classify(networks, images), labels, label_smoothing=label_smoothing)


def _weighted(networks: Networks, images: Any, labels: Any, class_weights: Any) -> Any:
    return cross_entropy_loss(_classify(networks, images), labels, class_weights=class_weights)


def _focal(networks: Networks, images: Any, labels: Any, class_weights: Any) -> Any:
    return focal_loss(_classify(networks, images), labels, gamma=2.0)


OBJECTIVES: Mapping[str, Objective] = {
    "cross entropy": _plain,
    "class-weighted": _weighted,
    "label-smoothed": partial(_plain, label_smoothing=0.1),
    "focal": _focal,
}


def balanced_weights(labels: Array) -> Array:
    """A weight for each class, inversely proportional to how often it occurs: n / (classes · count)."""
    return (len(labels) / (CLASSES * np.bincount(labels, minlength=CLASSES))).astype(np.float32)


def _batches(data: Digits, rng: np.random.Generator) -> Iterable[tuple[Array, ...]]:
    class_weights = balanced_weights(data.labels)
    return ((images, labels, class_weights) for images, labels in batches(rng, BATCH, data.images, data.labels))


def _probabilities(networks: Networks, data: Digits) -> Array:
    return cast("Array", special.softmax(_classify(networks, data.test_images), axis=1))


def _score(networks: Networks, data: Digits) -> Mapping[str, float]:
    probs = _probabilities(networks, data)
    right = probs.argmax(axis=1) == data.test_labels
    return {
        "recall": float(right[data.test_labels == RARE].mean()),
        "accuracy": float(right.mean()),
        "ece": expected_calibration_error(probs, data.test_labels),
    }


EXPERIMENT = Experiment(
    title="imbalanced classification",
    networks={"classify": dense(784, 64, CLASSES)},
    objectives=OBJECTIVES,
    learning_rate=2e-3,
    draw=partial(digits, thinned=True),
    batches=_batches,
    score=_score,
    show=lambda networks, data: (_probabilities(networks, data), data.test_labels),
)


def run(job: Job) -> Section:
    """Train with every loss and report recall, accuracy and calibration on a balanced test set."""
    trainings = carry_out(EXPERIMENT, job)
    return Section(
        name="classification",
        title="Imbalanced classification",
        done=(
            f"A small network learns to read digits (MNIST, 5000 images), but only one in {THINNING} training images "
            f"of the digit {RARE} is kept, {DIGITS_TRAIN // THINNING} beside {DIGITS_TRAIN} of every other digit. "
            f"The test set has {DIGITS_TEST} images of each. {over_splits(job.budget.repeats)}"
        ),
        tables=[
            score_table(f"On the balanced test set (calibration error: {BINS} bins)", trainings, METRICS),
            *agreement_tables(trainings),
        ],
        pictures=_pictures(job, trainings),
        notice=[*notice(trainings), *agreement_sentence(trainings)],
        numbers=numbers(trainings),
    )


def _pictures(job: Job, trainings: Sequence[Training]) -> list[Picture]:
    return [
        Picture(
            style.save(score_bars(trainings, METRICS), job.out / "classification-scores.png"),
            "Recall of the rare digit and accuracy (more is better), calibration error (less is better); "
            "whiskers are ± one standard deviation.",
        ),
        Picture(
            style.save(_reliability_diagram(trainings), job.out / "classification-reliability.png"),
            f"Reliability ({frameworks_of(trainings)[0]}, all repeats): how often predictions of a given confidence "
            "are right. On the dashed line confidence can be believed; below it the network is too sure of itself. "
            "Small dots rest on few predictions.",
        ),
        Picture(
            style.save(curves(trainings, "nats"), job.out / "classification-curves.png"), curves_caption(trainings)
        ),
    ]


def _pooled(trainings: Sequence[Training], setting: str) -> tuple[Array, Array]:
    """Probabilities and labels of all repeats of a setting, in the first framework."""
    framework = frameworks_of(trainings)[0]
    shown = [t.shown[-1] for t in trainings if (t.framework, t.setting) == (framework, setting)]
    return np.concatenate([probs for probs, _ in shown]), np.concatenate([labels for _, labels in shown])


def _reliability_diagram(trainings: Sequence[Training]) -> Figure:
    fig, (ax,) = style.figure(1, 1, panel=(5.4, 4.8))
    ax.plot([0, 1], [0, 1], color=style.MUTED, linestyle="--", linewidth=1.0)
    for i, setting in enumerate(settings_of(trainings)):
        bins = reliability(*_pooled(trainings, setting))
        size = 10 + 300 * bins.share
        ax.plot(bins.confidence, bins.accuracy, color=colour(i), linestyle="-", linewidth=1.0, label=setting)
        ax.scatter(bins.confidence, bins.accuracy, s=size, color=colour(i), alpha=0.6, linewidths=0)
    ax.set(xlabel="confidence", ylabel="share of right predictions", xlim=(0, 1.02), ylim=(0, 1.02))
    ax.legend(
        fontsize="small", frameon=False, loc="upper left", title="area: share of predictions", title_fontsize="small"
    )
    return fig


def notice(trainings: Sequence[Training]) -> list[str]:
    """What this run's numbers show, in sentences."""
    framework = frameworks_of(trainings)[0]
    of = {key: {name: scores(trainings, framework, name, key) for name in OBJECTIVES} for key in METRICS}

    def told(key: str, name: str) -> str:
        return f"{name}, {plus_minus(of[key][name], METRICS[key])} %"

    plain = "cross entropy"
    seen = max(OBJECTIVES, key=lambda name: of["recall"][name].mean())
    right = max(OBJECTIVES, key=lambda name: of["accuracy"][name].mean())
    honest = min(OBJECTIVES, key=lambda name: of["ece"][name].mean())
    sentences = [
        f"Finds most of the rare digit: {told('recall', seen)} of its test images (plain {told('recall', plain)}).",
        f"Highest accuracy: {told('accuracy', right)} (plain {told('accuracy', plain)}).",
        f"Smallest calibration error: {told('ece', honest)} (plain {told('ece', plain)}).",
    ]
    return sentences + [_trust(name, *_pooled(trainings, name)) for name in OBJECTIVES]


def _trust(name: str, probs: Array, labels: Array) -> str:
    confidence = float(np.mean(np.max(probs, axis=1)))
    accuracy = float(np.mean(np.argmax(probs, axis=1) == labels))
    gap = 100 * (confidence - accuracy)
    verdict = "too sure of itself" if gap > 0 else "not sure enough of itself"
    return f"{name}: mean confidence {confidence:.1%}, right {accuracy:.1%}: {verdict} by {abs(gap):.1f} points."
