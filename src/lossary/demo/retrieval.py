"""Retrieval: embeddings in which the nearest image shows the same digit, learnt with labels and without."""

# matplotlib's and scikit-learn's own annotations are partial:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import PCA

from lossary import nt_xent_loss, online_triplet_loss, supcon_loss
from lossary._core.backends import namespace
from lossary.plot import style

from .data import CLASSES, DIGITS_TEST, Digits, batches, digits
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
    untrained,
    untrained_scores,
)
from .training import Array, Networks, Objective, dense
from .views import Views, draw_views

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FULL", "QUICK", "notice", "recall_and_precision", "run"]

QUICK = Budget(epochs=2)
FULL = Budget(epochs=12, repeats=2)

BATCH = 80
"""It divides the 4000 training images; each comes in two views."""
MARGIN = 0.3
DEPTH = 10
"""How many neighbours precision looks at."""
METRICS = {
    "recall": Metric("recall@1 (%)", 100.0),
    "precision": Metric(f"precision@{DEPTH} (%)", 100.0),
}
PIXELS = "raw pixels, untrained"


@dataclass(frozen=True)
class Gallery:
    """Digits, how they are warped into views, and what their raw pixels find."""

    digits: Digits
    views: Views
    pixels: Mapping[str, float]


@dataclass(frozen=True)
class Embedded:
    """Test images as the network places them, and their labels."""

    embeddings: Array
    labels: Array


def _embed(networks: Networks, images: Any) -> Any:
    return networks["embed"](images)


def _labelled(networks: Networks, first: Any, second: Any, labels: Any) -> tuple[Any, Any]:
    """Both views of all images as points of the unit sphere, with their labels."""
    xp = namespace("retrieval", labels=labels)
    views = xp.concat([_embed(networks, first), _embed(networks, second)], axis=0)
    return xp.unit(views, axis=1), xp.concat([labels, labels], axis=0)


def _triplet(networks: Networks, first: Any, second: Any, labels: Any, *, mining: Any) -> Any:
    return online_triplet_loss(*_labelled(networks, first, second, labels), margin=MARGIN, mining=mining)


def _supcon(networks: Networks, first: Any, second: Any, labels: Any) -> Any:
    return supcon_loss(*_labelled(networks, first, second, labels), temperature=0.1)


def _nt_xent(networks: Networks, first: Any, second: Any, labels: Any) -> Any:
    return nt_xent_loss(_embed(networks, first), _embed(networks, second), temperature=0.2)


HARD = "triplet, hardest"
UNLABELLED = "NT-Xent (no labels)"
OBJECTIVES: Mapping[str, Objective] = {
    HARD: partial(_triplet, mining="hard"),
    "triplet, semi-hard": partial(_triplet, mining="semihard"),
    "SupCon": _supcon,
    UNLABELLED: _nt_xent,
}


def recall_and_precision(embeddings: Array, labels: Array) -> dict[str, float]:
    """Of each image's neighbours by cosine among all others: is the nearest of its class, and how many of the first?"""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :DEPTH]
    right = labels[nearest] == labels[:, None]
    return {"recall": float(right[:, 0].mean()), "precision": float(right.mean())}


def _draw(rng: np.random.Generator) -> Gallery:
    drawn = digits(rng)
    return Gallery(drawn, draw_views(rng), recall_and_precision(drawn.test_images, drawn.test_labels))


def _batches(data: Gallery, rng: np.random.Generator) -> Iterable[tuple[Array, ...]]:
    for images, labels in batches(rng, BATCH, data.digits.images, data.digits.labels):
        yield data.views.of(images, rng), data.views.of(images, rng), labels


def _score(networks: Networks, data: Gallery) -> Mapping[str, float]:
    found = recall_and_precision(_embed(networks, data.digits.test_images), data.digits.test_labels)
    return {**found, **untrained(data.pixels)}


EXPERIMENT = Experiment(
    title="retrieval",
    networks={"embed": dense(784, 128, 32)},
    objectives=OBJECTIVES,
    learning_rate=1e-3,
    draw=_draw,
    batches=_batches,
    score=_score,
    show=lambda networks, data: Embedded(_embed(networks, data.digits.test_images), data.digits.test_labels),
)


def run(job: Job) -> Section:
    """Train with every loss and report how often the nearest test image shows the same digit."""
    trainings = carry_out(EXPERIMENT, job)
    return Section(
        name="retrieval",
        title="Retrieval",
        done=(
            f"A small network places digits (MNIST, 5000 images) in 32 dimensions. Each of {CLASSES * DIGITS_TEST} "
            "test images then asks for its nearest neighbours among the other test images: recall@1 is how often the "
            f"nearest shows the same digit, precision@{DEPTH} how many of the nearest {DEPTH} do. Every training "
            "image comes in two views, shifted and slightly warped; all losses see the same views. The triplet losses "
            "find their triplets in the batch; SupCon and they are told the labels, NT-Xent only which two views are "
            f"of one image. {over_splits(job.budget.repeats)}"
        ),
        tables=[
            score_table("Test images, nearest by cosine", trainings, METRICS, untrained_as=PIXELS),
            *agreement_tables(trainings),
        ],
        pictures=_pictures(job, trainings),
        notice=[*notice(trainings), *agreement_sentence(trainings)],
        numbers=numbers(trainings),
    )


def _pictures(job: Job, trainings: Sequence[Training]) -> list[Picture]:
    scored = score_bars(trainings, METRICS, panel=(4.2, 2.8), untrained_as=PIXELS)
    return [
        Picture(
            style.save(scored, job.out / "retrieval-scores.png"),
            "How often the nearest test image, and how many of the nearest ten, show the same digit (more is better); "
            "whiskers are ± one standard deviation.",
        ),
        Picture(
            style.save(_embedding_picture(trainings), job.out / "retrieval-embeddings.png"),
            f"The test images as each network places them ({frameworks_of(trainings)[0]}, first repeat): the two "
            "principal components of 32 dimensions, so what overlaps here may be apart in the others.",
        ),
        Picture(
            style.save(curves(trainings, "own unit", scale="log"), job.out / "retrieval-curves.png"),
            curves_caption(trainings),
        ),
    ]


def _embedding_picture(trainings: Sequence[Training]) -> Figure:
    framework = frameworks_of(trainings)[0]
    mine = [t for t in trainings if t.framework == framework and t.repeat == 0]
    fig, axes = style.figure(1, len(mine), panel=(3.2, 3.4))
    for ax, training in zip(axes, mine, strict=True):
        _scatter(ax, training.shown[-1])
        ax.set_title(training.setting, fontsize="medium")
    return fig


def _scatter(ax: Axes, shown: Embedded) -> None:
    """The digits themselves are the markers, since ten colours are too many to tell apart."""
    unit = shown.embeddings / np.linalg.norm(shown.embeddings, axis=1, keepdims=True)
    places: Array = PCA(2, svd_solver="full").fit_transform(unit)
    for digit in range(CLASSES):
        x, y = places[shown.labels == digit].T
        ax.scatter(x, y, s=16, color=colour(digit), marker=f"${digit}$", linewidths=0.2)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def notice(trainings: Sequence[Training]) -> list[str]:
    """What this run's numbers show, in sentences."""
    framework = frameworks_of(trainings)[0]
    metric = METRICS["recall"]
    recall = {name: scores(trainings, framework, name, "recall") for name in OBJECTIVES}
    best = max(OBJECTIVES, key=lambda name: recall[name].mean())
    worst = min(OBJECTIVES, key=lambda name: recall[name].mean())
    pixels = untrained_scores(trainings, "recall")
    gain = recall[UNLABELLED].mean() - pixels.mean()
    return [
        f"Highest recall@1: {best}, {plus_minus(recall[best], metric)} %; lowest: {worst}, "
        f"{plus_minus(recall[worst], metric)} %. Raw pixels, without any training: {plus_minus(pixels, metric)} %.",
        f"{UNLABELLED}: {plus_minus(recall[UNLABELLED], metric)} %, {abs(100 * gain):.1f} points "
        f"{'above' if gain > 0 else 'below'} the raw pixels.",
        *_collapse(trainings, framework),
    ]


def _collapse(trainings: Sequence[Training], framework: str) -> list[str]:
    """Whether the hardest triplets ended where equal embeddings would: at the margin, or above it."""
    ends = [t.curve[-1] for t in trainings if (t.framework, t.setting) == (framework, HARD)]
    if min(ends) < 0.95 * MARGIN:
        return []
    return [
        f"{HARD}: the objective ends at {np.mean(ends):.3f}; embeddings that are all equal would have the margin, "
        f"{MARGIN:g}. The hardest triplets of a batch have pulled everything together, as FaceNet (arXiv:1503.03832, "
        "§3.2) warns; semi-hard ones were invented against this."
    ]
