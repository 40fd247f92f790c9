"""Train every setting of a task in every framework, a few times over, and keep the numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from .training import Array, Networks, Objective, Start, create

__all__ = ["Budget", "Experiment", "Job", "Progress", "Training", "carry_out"]

Progress = Callable[[str, int], AbstractContextManager[Callable[[], None]]]
"""Given a title and the number of epochs to come: a context whose value is called after each epoch."""


@dataclass(frozen=True)
class Budget:
    """How long to train, and how often anew (another split, other initial parameters)."""

    epochs: int
    repeats: int = 1


@dataclass(frozen=True)
class Job:
    """What a task is asked to do."""

    frameworks: tuple[str, ...]
    budget: Budget
    out: Path
    seed: int
    progress: Progress


@dataclass(frozen=True)
class Experiment:
    """What a task is made of; nothing in it belongs to a framework."""

    title: str
    networks: Mapping[str, Start]
    """How each network begins, by name."""
    objectives: Mapping[str, Objective]
    """What is compared: by name, what to minimise."""
    learning_rate: float
    draw: Callable[[np.random.Generator], Any]
    """The data of one repeat."""
    batches: Callable[[Any, np.random.Generator], Iterable[tuple[Array, ...]]]
    """The batches of one epoch."""
    score: Callable[[Networks, Any], Mapping[str, float]]
    """Numbers that tell how good the networks are, on test data."""
    show: Callable[[Networks, Any], Any]
    """What the pictures need of the networks; kept whenever they are scored."""
    follow: bool = False
    """Score after every epoch, not only after the last one."""


@dataclass(frozen=True)
class Training:
    """One finished training."""

    framework: str
    setting: str
    repeat: int
    curve: list[float]
    """The objective, averaged over the batches of each epoch."""
    scores: list[Mapping[str, float]]
    """The last is that of the finished networks."""
    shown: list[Any]
    """As many as there are scores."""


def carry_out(experiment: Experiment, job: Job) -> list[Training]:
    """Every framework × setting × repeat; within a repeat all see the same data in the same order."""
    trainings: list[Training] = []
    jobs = list(product(job.frameworks, experiment.objectives.items()))
    with job.progress(experiment.title, len(jobs) * job.budget.repeats * job.budget.epochs) as advance:
        for framework, (setting, objective) in jobs:
            trainer = create(framework, objective, experiment.learning_rate)
            for repeat in range(job.budget.repeats):
                rng = np.random.default_rng([job.seed, repeat])
                data = experiment.draw(rng)
                trainer.start({name: start(rng) for name, start in experiment.networks.items()})
                training = Training(framework, setting, repeat, [], [], [])
                for epoch in range(job.budget.epochs):
                    values = [trainer.step(*batch) for batch in experiment.batches(data, rng)]
                    training.curve.append(float(np.mean([float(value) for value in values])))
                    if experiment.follow or epoch == job.budget.epochs - 1:
                        _look(experiment, trainer.networks(), data, training)
                    advance()
                trainings.append(training)
    return trainings


def _look(experiment: Experiment, networks: Networks, data: Any, training: Training) -> None:
    training.scores.append(experiment.score(networks, data))
    training.shown.append(experiment.show(networks, data))
