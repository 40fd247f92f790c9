"""The demo's seam: a task is written once, and a trainer runs it in one framework.

A task gives the sizes of its networks, an objective `(networks, *batch) -> number to minimise` and batches of NumPy
arrays. Initial parameters, the order of the batches and all noise are drawn in NumPy, so both frameworks take the
same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Networks", "Objective", "Trainer", "Weights", "create", "initial_weights"]

Array = npt.NDArray[Any]
Networks = Mapping[str, Callable[[Any], Any]]
Objective = Callable[..., Any]
Weights = Mapping[str, Sequence[tuple[Array, Array]]]


class Trainer(Protocol):
    """Runs one objective in one framework."""

    def start(self, weights: Weights) -> None:
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


def initial_weights(sizes: Mapping[str, Sequence[int]], rng: np.random.Generator) -> Weights:
    """Glorot-uniform weights (inputs × outputs) and zero biases for each network, given the widths of its layers."""
    return {name: [_layer(rng, *ends) for ends in pairwise(widths)] for name, widths in sizes.items()}


def _layer(rng: np.random.Generator, inputs: int, outputs: int) -> tuple[Array, Array]:
    bound = np.sqrt(6.0 / (inputs + outputs))
    weight = rng.uniform(-bound, bound, (inputs, outputs)).astype(np.float32)
    return weight, np.zeros(outputs, np.float32)
