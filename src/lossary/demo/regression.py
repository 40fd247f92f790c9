"""Regression with outliers: which loss still learns when a tenth of the training targets are wrong?"""

# matplotlib's own annotations are partial:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lossary import charbonnier_loss, huber_loss, log_cosh_loss, mae_loss, mse_loss
from lossary.plot import plot_losses, style

from .data import CORRUPTED, SLIP, Diabetes, batches, diabetes
from .experiment import Budget, Experiment, Job, Training, carry_out
from .pictures import agreement_sentence, curves, curves_caption, score_bars
from .section import Picture, Section
from .summary import Metric, agreement_tables, frameworks_of, numbers, over_splits, plus_minus, score_table, scores
from .training import Array, Networks, Objective, dense

__all__ = ["FULL", "QUICK", "notice", "run"]

QUICK = Budget(epochs=40, repeats=2)
FULL = Budget(epochs=40, repeats=10)

LOSSES: Mapping[str, Callable[..., Any]] = {
    "MSE": mse_loss,
    "MAE": mae_loss,
    "Huber": huber_loss,
    "log-cosh": log_cosh_loss,
    "Charbonnier": charbonnier_loss,
}
REFERENCE = "MSE, no outliers"
METRICS = {"mae": Metric("test MAE"), "rmse": Metric("test RMSE")}


def predict(networks: Networks, inputs: Any) -> Any:
    """One number for each patient."""
    return networks["predict"](inputs)[:, 0]


def _on_noted_targets(loss: Callable[..., Any]) -> Objective:
    def objective(networks: Networks, inputs: Any, targets: Any, clean_targets: Any) -> Any:
        return loss(predict(networks, inputs), targets)

    return objective


def _on_clean_targets(networks: Networks, inputs: Any, targets: Any, clean_targets: Any) -> Any:
    return mse_loss(predict(networks, inputs), clean_targets)


def _batches(data: Diabetes, rng: np.random.Generator) -> Iterable[tuple[Array, ...]]:
    return batches(rng, 68, data.inputs, data.targets, data.clean_targets)


def _score(networks: Networks, data: Diabetes) -> Mapping[str, float]:
    errors = data.in_unit(predict(networks, data.test_inputs)) - data.test_targets
    return {"mae": float(np.mean(np.abs(errors))), "rmse": float(np.sqrt(np.mean(errors**2)))}


EXPERIMENT = Experiment(
    title="regression with outliers",
    networks={"predict": dense(10, 32, 1)},
    objectives={**{name: _on_noted_targets(loss) for name, loss in LOSSES.items()}, REFERENCE: _on_clean_targets},
    learning_rate=5e-3,
    draw=diabetes,
    batches=_batches,
    score=_score,
    show=lambda networks, data: None,
)


def run(job: Job) -> Section:
    """Train with every loss and report the error on clean test targets."""
    trainings = carry_out(EXPERIMENT, job)
    return Section(
        name="regression",
        title="Regression with outliers",
        done=(
            "A small network learns to predict the progression of diabetes (25 to 346) from ten measurements "
            f"(scikit-learn's diabetes data, 442 patients). {CORRUPTED:.0%} of the training targets are {SLIP:g} times "
            "too large, as if a decimal point had slipped; the test targets are right. "
            f"{over_splits(job.budget.repeats)}"
        ),
        tables=[
            score_table("Error on clean test targets, in the data's own unit", trainings, METRICS),
            *agreement_tables(trainings),
        ],
        pictures=_pictures(job, trainings),
        notice=[*notice(trainings), *agreement_sentence(trainings)],
        numbers=numbers(trainings),
    )


def _pictures(job: Job, trainings: Sequence[Training]) -> list[Picture]:
    errors = score_bars(trainings, METRICS, panel=(4.2, 3.2))
    shapes = plot_losses(list(LOSSES.items()))
    return [
        Picture(
            style.save(errors, job.out / "regression-errors.png"),
            "Error on clean test targets; whiskers are ± one standard deviation.",
        ),
        Picture(
            style.save(shapes, job.out / "regression-losses.png"),
            "Value and gradient of each loss as a function of the error: what pulls on the prediction is the gradient.",
        ),
        Picture(
            style.save(curves(trainings, "scaled targets", scale="log"), job.out / "regression-curves.png"),
            curves_caption(trainings),
        ),
    ]


def notice(trainings: Sequence[Training]) -> list[str]:
    """What this run's numbers show, in sentences."""
    framework = frameworks_of(trainings)[0]
    errors = {name: scores(trainings, framework, name, "mae") for name in (*LOSSES, REFERENCE)}
    ranked = sorted(LOSSES, key=lambda name: errors[name].mean())
    best, worst = ranked[0], ranked[-1]
    metric = METRICS["mae"]
    better = int(np.sum(errors[best] < errors[worst]))
    clean = errors[REFERENCE]
    price = [f"{name} a factor of {errors[name].mean() / clean.mean():.2f}" for name in dict.fromkeys(("MSE", best))]
    sentences = [
        f"Smallest test MAE: {best}, {plus_minus(errors[best], metric)}; largest: {worst}, "
        f"{plus_minus(errors[worst], metric)}, {errors[worst].mean() / errors[best].mean():.1f} times as much. "
        f"{best} is better than {worst} in {better} of {len(errors[best])} splits.",
        f"Trained without outliers, MSE comes to {plus_minus(clean, metric)}: the outliers cost {', '.join(price)}.",
    ]
    return [*sentences, *_told_apart(best, ranked[1:], errors)]


def _told_apart(best: str, others: Sequence[str], errors: Mapping[str, Array]) -> list[str]:
    """Which losses the splits cannot tell from the best: the paired difference is within two standard errors of 0."""
    repeats = len(errors[best])
    if repeats < 2:
        return []
    alike: list[str] = []
    for name in others:
        gap = errors[name] - errors[best]
        if gap.mean() <= 2 * gap.std(ddof=1) / np.sqrt(repeats):
            alike.append(f"{name} ({gap.mean():+.1f})")
    if not alike:
        return [f"{best} is ahead of each of the others by more than two standard errors of the paired difference."]
    return [
        f"Within two standard errors of {best} (paired over {repeats} splits), so not told apart: {', '.join(alike)}."
    ]
