"""The same losses from outside: torch.nn.functional, torch.distributions, optax, scipy, or a closed form in NumPy.

Each reference takes what our loss takes, as float64 NumPy arrays and options, and gives one loss per item. Classes lie
along axis 1. What only one family needs stands beside its cases.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Reference:
    """`covers`: the options that it understands (None: all); any other option must be at its default."""

    source: str  # the package to install, or "closed form"
    fn: Callable[..., Any]
    covers: tuple[str, ...] | None = None

    def understands(self, options: dict[str, Any]) -> bool:
        return self.covers is None or set(options) <= set(self.covers)


def torch_functional(name: str) -> Callable[..., Array]:
    """`torch.nn.functional.<name>` of two arrays, per item."""

    def function(a: Array, b: Array, **options: Any) -> Array:
        from torch.nn import functional

        return getattr(functional, name)(tensor(a), tensor(b), reduction="none", **options).numpy()

    return lambda predictions, targets, **options: function(predictions, targets, **options)


def optax_function(name: str, *roles: str, **fixed: Any) -> Callable[..., Array]:
    """`optax.<name>` of the arrays in those roles, in float64."""

    def function(**kwargs: Any) -> Array:
        import jax
        import optax

        with jax.enable_x64(True):
            arrays = [jax.numpy.asarray(kwargs.pop(role)) for role in roles]
            return np.asarray(getattr(optax, name)(*arrays, **fixed, **kwargs))

    return function


def tensor(array: Any) -> Any:
    import torch

    return (
        None
        if array is None
        else torch.as_tensor(array, dtype=None if np.asarray(array).dtype.kind == "i" else torch.float64)
    )
