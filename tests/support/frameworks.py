"""NumPy, torch and JAX behind one interface, so that a property is written down once.

Everywhere in the tests the arguments of a loss are one dictionary, `kwargs`: NumPy arrays (predictions, weights, mask,
class weights …) become arrays of the framework, everything else is an option and stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import pytest

Loss = Callable[..., Any]
Kwargs = Mapping[str, Any]
FLOATS = {"f32": np.float32, "f64": np.float64}


class Outcome(NamedTuple):
    """What a loss gave, back in NumPy."""

    value: np.ndarray
    gradients: dict[str, np.ndarray]  # of the sum of `value`, towards every floating array


def objective(result: Any) -> Any:
    """The number or array to differentiate: a `LossResult` has one, everything else is one."""
    return getattr(result, "objective", result)


def split(kwargs: Kwargs) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """(arrays, options)."""
    arrays = {name: value for name, value in kwargs.items() if isinstance(value, np.ndarray)}
    return arrays, {name: value for name, value in kwargs.items() if name not in arrays}


def floating(kwargs: Kwargs) -> tuple[str, ...]:
    """The arguments that a gradient can be taken towards."""
    return tuple(name for name, value in split(kwargs)[0].items() if value.dtype.kind == "f")


class OnNumpy:
    name = "numpy"

    def __init__(self, precision: str = "f64") -> None:
        self.precision = precision

    def array(self, values: np.ndarray) -> Any:
        return values.astype(FLOATS[self.precision]) if values.dtype.kind == "f" else values

    def native(self, kwargs: Kwargs) -> dict[str, Any]:
        return {name: self.array(value) if isinstance(value, np.ndarray) else value for name, value in kwargs.items()}

    def numpy(self, array: Any) -> np.ndarray:
        return np.asarray(array)

    def scope(self) -> AbstractContextManager[Any]:
        """To be entered around everything that happens on this framework."""
        return nullcontext()

    def value(self, loss: Loss, kwargs: Kwargs) -> np.ndarray:
        """Called as a user calls it, not compiled."""
        with self.scope():
            return self.numpy(objective(loss(**self.native(kwargs))))

    def outcome(self, loss: Loss, kwargs: Kwargs) -> Outcome:
        """Value and gradients; none on NumPy."""
        return Outcome(self.value(loss, kwargs), {})


class OnTorch(OnNumpy):
    name = "torch"

    def array(self, values: np.ndarray) -> Any:
        import torch

        return torch.from_numpy(np.array(super().array(values)))

    def numpy(self, array: Any) -> np.ndarray:
        return array.detach().numpy()

    def leaves(self, kwargs: Kwargs) -> dict[str, Any]:
        """The arguments, those of a floating dtype as leaves that collect a gradient."""
        native = self.native(kwargs)
        for name in floating(kwargs):
            native[name].requires_grad_()
        return native

    def outcome(self, loss: Loss, kwargs: Kwargs) -> Outcome:
        import torch

        native = self.leaves(kwargs)
        value = objective(loss(**native))
        leaves = [native[name] for name in floating(kwargs)]
        found = torch.autograd.grad(value.sum(), leaves, allow_unused=True, materialize_grads=True)
        return Outcome(
            self.numpy(value), {name: self.numpy(g) for name, g in zip(floating(kwargs), found, strict=True)}
        )


class OnJax(OnNumpy):
    name = "jax"

    def array(self, values: np.ndarray) -> Any:
        import jax.numpy as jnp

        return jnp.asarray(super().array(values))

    def scope(self) -> AbstractContextManager[Any]:
        import jax

        return jax.enable_x64(self.precision == "f64")

    def outcome(self, loss: Loss, kwargs: Kwargs) -> Outcome:
        """By one compiled program, which all tests that ask for the same one share."""
        arrays, options = split(kwargs)
        wrt = floating(kwargs)
        with self.scope():
            native = self.native(arrays)
            given = {name: native.pop(name) for name in wrt}
            value, gradients = _compiled(loss, tuple(options.items()))(given, native)
            return Outcome(self.numpy(value), {name: self.numpy(gradients[name]) for name in wrt})


@cache
def _compiled(loss: Loss, options: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
    import jax

    def total(given: Any, rest: Any) -> Any:
        value = objective(loss(**given, **rest, **dict(options)))
        return value.sum(), value

    def run(given: Any, rest: Any) -> Any:
        (_, value), gradients = jax.value_and_grad(total, has_aux=True)(given, rest)
        return value, gradients

    return jax.jit(run)


def row(kind: type[OnNumpy], precision: str, *marks: pytest.MarkDecorator) -> Any:
    """One framework at one precision, as a parameter; skipped with a reason where it is not installed."""
    missing = pytest.mark.skipif(find_spec(kind.name) is None, reason=f"{kind.name} is not installed")
    return pytest.param(kind(precision), id=f"{kind.name}-{precision}", marks=[missing, *marks])


def later_on_jax(framework: Any, first: bool) -> list[pytest.MarkDecorator]:
    """Rows that only `make test-all` runs: JAX compiles each, for half a second."""
    return [pytest.mark.slow] if framework.values[0].name == "jax" and not first else []


NUMPY, TORCH, TORCH_F64, JAX, JAX_F64 = OnNumpy("f64"), OnTorch("f32"), OnTorch("f64"), OnJax("f32"), OnJax("f64")
EVERY = [row(OnNumpy, "f64"), row(OnTorch, "f32"), row(OnJax, "f32")]
WITH_GRADIENTS = [row(OnTorch, "f32"), row(OnJax, "f32")]

every_framework = pytest.mark.parametrize("framework", EVERY)
frameworks_with_gradients = pytest.mark.parametrize("framework", WITH_GRADIENTS)
