"""The demo's trainer for PyTorch."""

# torch's own annotations are partial:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import nn

from . import Array, Networks, Objective, Weights


class TorchTrainer:
    """Adam on fully connected networks, eagerly."""

    def __init__(self, objective: Objective, learning_rate: float) -> None:
        self._objective = objective
        self._learning_rate = learning_rate

    def start(self, weights: Weights) -> None:
        """Begin anew from these parameters."""
        self._networks = {name: _network(layers) for name, layers in weights.items()}
        parameters = [parameter for network in self._networks.values() for parameter in network.parameters()]
        self._adam = torch.optim.Adam(parameters, lr=self._learning_rate, fused=True)

    def step(self, *batch: Array) -> Any:
        """One step of Adam; returns the objective before the step."""
        with _one_thread():
            value = self._objective(self._networks, *map(torch.from_numpy, batch))
            self._adam.zero_grad()
            value.backward()
            self._adam.step()
            return value.detach()

    def networks(self) -> Networks:
        """The networks as they are now, from NumPy array to NumPy array."""
        return {name: _on_numpy(network) for name, network in self._networks.items()}


@contextmanager
def _one_thread() -> Generator[None]:
    """Networks this small lose more to threads that wait for each other than they gain."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _network(layers: Sequence[tuple[Array, Array]]) -> nn.Sequential:
    modules: list[nn.Module] = []
    for weight, bias in layers:
        linear = nn.Linear(*weight.shape)
        linear.load_state_dict({"weight": torch.from_numpy(weight.T), "bias": torch.from_numpy(bias)})
        modules += [linear, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def _on_numpy(network: nn.Module) -> Callable[[Array], Array]:
    def apply(inputs: Array) -> Array:
        with torch.no_grad():
            return cast("Array", network(torch.from_numpy(inputs)).numpy())

    return apply
