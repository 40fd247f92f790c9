"""The demo's trainer for PyTorch."""

# torch's own annotations are partial:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from . import Array, Layer, Networks, Objective, Parameters


class TorchTrainer:
    """Adam on small networks, eagerly."""

    def __init__(self, objective: Objective, learning_rate: float) -> None:
        self._objective = objective
        self._learning_rate = learning_rate

    def start(self, networks: Mapping[str, Parameters]) -> None:
        """Begin anew from these parameters."""
        self._networks = {name: _network(parameters) for name, parameters in networks.items()}
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


class Convolution(nn.Conv2d):
    """A convolution that keeps the size of the image; channels last, where PyTorch has them first."""

    def __init__(self, layer: Layer) -> None:
        *window, inputs, outputs = layer.weight.shape
        super().__init__(inputs, outputs, tuple(window), padding="same", dilation=layer.dilation)
        weight = torch.from_numpy(layer.weight.transpose(3, 2, 0, 1))
        self.load_state_dict({"weight": weight, "bias": torch.from_numpy(layer.bias)})

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """From (images, height, width, inputs) to (images, height, width, outputs)."""
        return super().forward(input.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class Free(nn.Module):
    """Parameters that belong to no network."""

    def __init__(self, values: Array) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values))

    def forward(self) -> torch.Tensor:
        """The parameters themselves."""
        return self.values


@contextmanager
def _one_thread() -> Generator[None]:
    """Networks this small lose more to threads that wait for each other than they gain."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _network(parameters: Parameters) -> nn.Module:
    if isinstance(parameters, np.ndarray):
        return Free(parameters)
    modules: list[nn.Module] = []
    for layer in parameters:
        modules += [_linear(layer) if layer.weight.ndim == 2 else Convolution(layer), nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def _linear(layer: Layer) -> nn.Linear:
    linear = nn.Linear(*layer.weight.shape)
    linear.load_state_dict({"weight": torch.from_numpy(layer.weight.T), "bias": torch.from_numpy(layer.bias)})
    return linear


def _on_numpy(network: nn.Module) -> Callable[..., Array]:
    def apply(*inputs: Array) -> Array:
        with torch.no_grad():
            return cast("Array", network(*map(torch.from_numpy, inputs)).numpy())

    return apply
