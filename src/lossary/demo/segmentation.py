"""Segmentation: which loss draws the outlines of nuclei best, and which errs on which side?"""

# matplotlib's own annotations are partial:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lossary import binary_cross_entropy_loss, dice_loss, focal_tversky_loss
from lossary.plot import style

from .data import batches
from .experiment import Budget, Experiment, Job, Training, carry_out
from .nuclei import TEST_TILES, TILE, TILES, Nuclei, best_threshold, draw_nuclei
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
from .training import Array, Networks, Objective, convolutional

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FULL", "QUICK", "notice", "overlap", "run"]

QUICK = Budget(epochs=7)
FULL = Budget(epochs=24, repeats=3)

BATCH = 4
"""It divides the 48 training windows."""
SHOWN = 2
"""Test tiles in the picture."""
METRICS = {
    "iou": Metric("IoU (%)", 100.0),
    "precision": Metric("precision (%)", 100.0),
    "recall": Metric("recall (%)", 100.0),
}
THRESHOLD = "one threshold, untrained"


@dataclass(frozen=True)
class Outlined:
    """A few test tiles, where nuclei are, and the logits of the network."""

    tiles: Array
    masks: Array
    logits: Array


def predict(networks: Networks, tiles: Any) -> Any:
    """For each pixel the log-odds that it belongs to a nucleus."""
    return networks["segment"](tiles[..., None])[..., 0]


def _cross_entropy(networks: Networks, tiles: Any, masks: Any) -> Any:
    return binary_cross_entropy_loss(predict(networks, tiles), masks)


def _dice(networks: Networks, tiles: Any, masks: Any) -> Any:
    return dice_loss(predict(networks, tiles), masks, from_logits=True)


def _both(networks: Networks, tiles: Any, masks: Any) -> Any:
    logits = predict(networks, tiles)
    return binary_cross_entropy_loss(logits, masks) + dice_loss(logits, masks, from_logits=True)


def _focal_tversky(networks: Networks, tiles: Any, masks: Any) -> Any:
    return focal_tversky_loss(predict(networks, tiles), masks, from_logits=True, alpha=0.3, beta=0.7, gamma=0.75)


OBJECTIVES: Mapping[str, Objective] = {
    "CE": _cross_entropy,
    "Dice": _dice,
    "CE + Dice": _both,
    "focal Tversky": _focal_tversky,
}


def overlap(predicted: Array, masks: Array) -> dict[str, float]:
    """Intersection over union, precision and recall of the pixels of all tiles together."""
    both = np.sum(predicted & masks)
    return {
        "iou": float(both / np.sum(predicted | masks)),
        "precision": float(both / np.sum(predicted)),
        "recall": float(both / np.sum(masks)),
    }


def _batches(data: Nuclei, rng: np.random.Generator) -> Iterable[tuple[Array, ...]]:
    for windows, masks in batches(rng, BATCH, data.windows, data.masks):
        down, right = rng.choice([-1, 1], 2)
        yield tuple(np.ascontiguousarray(array[:, ::down, ::right]) for array in (windows, masks))


def _score(networks: Networks, data: Nuclei) -> Mapping[str, float]:
    threshold = best_threshold(data.windows, data.masks)
    return {
        **overlap(predict(networks, data.test_tiles) > 0, data.test_masks),
        **untrained(overlap(data.test_tiles > threshold, data.test_masks)),
    }


def _show(networks: Networks, data: Nuclei) -> Outlined:
    tiles = data.test_tiles[:SHOWN]
    return Outlined(tiles, data.test_masks[:SHOWN], predict(networks, tiles))


EXPERIMENT = Experiment(
    title="segmentation",
    networks={"segment": convolutional((1, 8, 8, 8, 1), dilations=(1, 2, 4, 1))},
    objectives=OBJECTIVES,
    learning_rate=1e-2,
    draw=draw_nuclei,
    batches=_batches,
    score=_score,
    show=_show,
)


def run(job: Job) -> Section:
    """Train with every loss and report the overlap on tiles that were not trained on."""
    trainings = carry_out(EXPERIMENT, job)
    return Section(
        name="segmentation",
        title="Segmentation",
        done=(
            "A small convolutional network (four layers, dilated, 8 channels) learns which pixels of a fluorescence "
            f"micrograph belong to a nucleus (the example of the package stardist, 512 × 512 pixels). Of its {TILES} "
            f"tiles of {TILE} × {TILE} pixels {TEST_TILES} are for the test and never trained on. IoU, intersection "
            "over union, precision and recall count pixels. The last row is the one threshold of brightness that is "
            f"right most often on the training tiles. {over_splits(job.budget.repeats)}"
        ),
        tables=[
            score_table("Pixels of the test tiles", trainings, METRICS, untrained_as=THRESHOLD),
            *agreement_tables(trainings),
        ],
        pictures=_pictures(job, trainings),
        notice=[*notice(trainings), *agreement_sentence(trainings)],
        numbers=numbers(trainings),
    )


def _pictures(job: Job, trainings: Sequence[Training]) -> list[Picture]:
    scored = score_bars(trainings, METRICS, untrained_as=THRESHOLD)
    return [
        Picture(
            style.save(_overlays(trainings), job.out / "segmentation-overlays.png"),
            "Two test tiles, where the nuclei are, and what each network found: its outline on top of the true nuclei, "
            f"which are tinted ({frameworks_of(trainings)[0]}, first repeat).",
        ),
        Picture(
            style.save(scored, job.out / "segmentation-scores.png"),
            "Overlap with the true nuclei on the test tiles (more is better); whiskers are ± one standard deviation.",
        ),
        Picture(
            style.save(curves(trainings, "own unit", scale="log"), job.out / "segmentation-curves.png"),
            curves_caption(trainings),
        ),
    ]


def _overlays(trainings: Sequence[Training]) -> Figure:
    framework = frameworks_of(trainings)[0]
    mine = [t for t in trainings if t.framework == framework and t.repeat == 0]
    fig, axes = style.figure(SHOWN, 2 + len(mine), panel=(2.1, 2.25))
    for row in range(SHOWN):
        shown: Outlined = mine[0].shown[-1]
        image, truth, *others = axes[row * (2 + len(mine)) :][: 2 + len(mine)]
        _tile(image, shown.tiles[row], "image")
        _tile(truth, shown.tiles[row], "truth", shown.masks[row])
        for ax, training in zip(others, mine, strict=True):
            _tile(ax, shown.tiles[row], training.setting, shown.masks[row])
            ax.contour(training.shown[-1].logits[row], levels=[0.0], colors=[colour(1)], linewidths=1.3)
    return fig


def _tile(ax: Axes, tile: Array, title: str, mask: Array | None = None) -> None:
    """A tile, all but its extremes from black to white; the mask as a tint."""
    black, white = np.quantile(tile, [0.05, 0.995])
    grey = np.clip((tile - black) / (white - black), 0.0, 1.0)
    pixels = np.repeat(grey[..., None], 3, axis=-1)
    if mask is not None:
        pixels[mask] = 0.6 * pixels[mask] + 0.4 * np.array([0.34, 0.71, 0.91])
    style.image(ax, pixels, title=title)


def notice(trainings: Sequence[Training]) -> list[str]:
    """What this run's numbers show, in sentences."""
    framework = frameworks_of(trainings)[0]
    of = {key: {name: scores(trainings, framework, name, key) for name in OBJECTIVES} for key in METRICS}

    def told(key: str, name: str) -> str:
        return f"{name}, {plus_minus(of[key][name], METRICS[key])} %"

    mean = {key: {name: values.mean() for name, values in of[key].items()} for key in METRICS}
    ranked = sorted(OBJECTIVES, key=lambda name: -mean["iou"][name])
    threshold = untrained_scores(trainings, "iou")
    lean = {name: mean["recall"][name] - mean["precision"][name] for name in OBJECTIVES}
    generous, strict = max(lean, key=lambda name: lean[name]), min(lean, key=lambda name: lean[name])
    sentences = [
        f"Largest IoU: {told('iou', ranked[0])}; smallest: {told('iou', ranked[-1])}. The best single threshold comes "
        f"to {plus_minus(threshold, METRICS['iou'])} %."
    ]
    for name, kind in ((generous, "most generous"), (strict, "strictest")):
        recall, precision = (plus_minus(of[key][name], METRICS[key]) for key in ("recall", "precision"))
        sentences.append(f"The {kind} outlines: {name}, with recall {recall} % and precision {precision} %.")
    return sentences
