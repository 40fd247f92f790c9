"""The demo's trainer for JAX."""

# flax's and optax's own annotations are partial:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax import lax

from . import Array, Layer, Networks, Objective, Parameters


class Linear(nnx.Module):
    """A fully connected layer that begins with given parameters."""

    def __init__(self, layer: Layer) -> None:
        self.weight = nnx.Param(jnp.asarray(layer.weight))
        self.bias = nnx.Param(jnp.asarray(layer.bias))

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """Inputs times weight, plus bias."""
        return inputs @ self.weight + self.bias


class Convolution(nnx.Module):
    """A convolution that keeps the size of the image and begins with given parameters."""

    def __init__(self, layer: Layer) -> None:
        self.weight = nnx.Param(jnp.asarray(layer.weight))
        self.bias = nnx.Param(jnp.asarray(layer.bias))
        self.dilation = (layer.dilation, layer.dilation)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """From (images, height, width, inputs) to (images, height, width, outputs)."""
        layout = ("NHWC", "HWIO", "NHWC")
        convolve = partial(lax.conv_general_dilated, window_strides=(1, 1), padding="SAME", dimension_numbers=layout)
        return convolve(inputs, self.weight[...], rhs_dilation=self.dilation) + self.bias


class Free(nnx.Module):
    """Parameters that belong to no network."""

    def __init__(self, values: Array) -> None:
        self.values = nnx.Param(jnp.asarray(values))

    def __call__(self) -> jax.Array:
        """The parameters themselves."""
        return self.values[...]


class JaxTrainer:
    """Adam on small networks; one step is one program, compiled once however often it starts anew."""

    def __init__(self, objective: Objective, learning_rate: float) -> None:
        self._adam = optax.adam(learning_rate)
        self._compiled = jax.jit(partial(_step, objective, self._adam.update), static_argnums=0)

    def start(self, networks: Mapping[str, Parameters]) -> None:
        """Begin anew from these parameters."""
        parts = {name: nnx.split(_network(given)) for name, given in networks.items()}
        self._graphs = tuple((name, graph) for name, (graph, _) in parts.items())
        self._parameters = {name: parameters for name, (_, parameters) in parts.items()}
        self._moments = self._adam.init(self._parameters)

    def step(self, *batch: Array) -> Any:
        """One step of Adam; returns the objective before the step, without waiting for it."""
        self._parameters, self._moments, value = self._compiled(self._graphs, self._parameters, self._moments, *batch)
        return value

    def networks(self) -> Networks:
        """The networks as they are now, from NumPy array to NumPy array."""
        return {name: _on_numpy(network) for name, network in _merge(self._graphs, self._parameters).items()}


def _step(objective: Objective, adam: Any, graphs: Any, parameters: Any, moments: Any, *batch: jax.Array) -> Any:
    def value_of(parameters: Any) -> jax.Array:
        return objective(_merge(graphs, parameters), *batch)

    value, gradients = jax.value_and_grad(value_of)(parameters)
    updates, moments = adam(gradients, moments)
    return optax.apply_updates(parameters, updates), moments, value


def _network(parameters: Parameters) -> nnx.Module:
    if isinstance(parameters, np.ndarray):
        return Free(parameters)
    modules: list[Callable[..., Any]] = []
    for layer in parameters:
        modules += [Linear(layer) if layer.weight.ndim == 2 else Convolution(layer), nnx.relu]
    return nnx.Sequential(*modules[:-1])


def _merge(graphs: Any, parameters: Any) -> dict[str, Any]:
    return {name: nnx.merge(graph, parameters[name]) for name, graph in graphs}


def _on_numpy(network: Any) -> Callable[..., Array]:
    def apply(*inputs: Array) -> Array:
        return np.asarray(network(*map(jnp.asarray, inputs)))

    return apply
