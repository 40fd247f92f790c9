"""How networks begin: parameters drawn in NumPy, for every framework the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Layer", "Parameters", "Start", "convolutional", "dense", "free"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """One layer; between two of them there is a ReLU."""

    weight: Array
    """(inputs, outputs), or (height, width, inputs, outputs) of a convolution."""
    bias: Array
    dilation: int = 1
    """How far apart the pixels are that a convolution looks at."""


Parameters = Sequence[Layer] | Array
"""The layers of a network, or an array that is trained itself."""
Start = Callable[[np.random.Generator], Parameters]


def dense(*widths: int) -> Start:
    """A fully connected network, given the widths of its layers: Glorot-uniform weights and zero biases."""
    return lambda rng: [_layer(rng, ends) for ends in pairwise(widths)]


def convolutional(channels: Sequence[int], dilations: Sequence[int]) -> Start:
    """A network of 3 × 3 convolutions that keep the size of the image; initial parameters as those of `dense`."""
    layers = list(zip(pairwise(channels), dilations, strict=True))
    return lambda rng: [_layer(rng, ends, (3, 3), dilation) for ends, dilation in layers]


def free(values: Array) -> Start:
    """Parameters that belong to no network, and begin with these values."""
    return lambda rng: values


def _layer(rng: np.random.Generator, ends: tuple[int, int], window: tuple[int, ...] = (), dilation: int = 1) -> Layer:
    inputs, outputs = ends
    bound = np.sqrt(6.0 / (np.prod(window, dtype=int) * (inputs + outputs)))
    weight = rng.uniform(-bound, bound, (*window, inputs, outputs)).astype(np.float32)
    return Layer(weight, np.zeros(outputs, np.float32), dilation)
