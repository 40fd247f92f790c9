"""The demo's seam: a task is written once, and a trainer runs it in one framework.

A task says how its networks begin, and gives an objective `(networks, *batch) -> number to minimise` and batches of
NumPy arrays. Initial parameters, the order of the batches and all noise are drawn in NumPy, so both frameworks take the
same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .initial import Array, Layer, Parameters, Start, convolutional, dense, free

__all__ = [
    "Array",
    "Layer",
    "Networks",
    "Objective",
    "Parameters",
    "Start",
    "Trainer",
    "convolutional",
    "create",
    "dense",
    "free",
]

Networks = Mapping[str, Callable[..., Any]]
"""From inputs to outputs, images with their channels last; free parameters take no input and give themselves."""
Objective = Callable[..., Any]


class Trainer(Protocol):
    """Runs one objective in one framework."""

    def start(self, networks: Mapping[str, Parameters]) -> None:
        """Begin anew from these parameters."""
        ...

    def step(self, *batch: Array) -> Any:
        """One step of Adam; returns the objective before the step, without waiting for it."""
        ...

    def networks(self) -> Networks:
        """The networks as they are now, from NumPy array to NumPy array."""
        ...


def create(framework: str, objective: Objective, learning_rate: float) -> Trainer:
    """The trainer of `framework`, "torch" or "jax"."""
    if framework == "torch":
        from .torch import TorchTrainer

        return TorchTrainer(objective, learning_rate)
    from .jax import JaxTrainer

    return JaxTrainer(objective, learning_rate)
