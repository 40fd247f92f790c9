"""The one nnx.Module behind every flax face."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Concatenate, Generic, ParamSpec, TypeVar, overload

import jax.numpy as jnp
from flax import nnx
from jax import Array

from .._core.faces import around, body_of, by_name, call_names, check_call, check_options, shown
from ..aliases import BY_POSITION

Options = ParamSpec("Options")
Result = TypeVar("Result")


class Loss(nnx.Module, Generic[Options, Result]):
    """A loss function whose options are fixed when it is built; arrays, `mask` and `normalizer` come with each call.

    Options that are arrays (class weights) are variables of the module; all others are static.
    """

    _fn: ClassVar[Callable[..., Any]]
    _call_names: ClassVar[frozenset[str]]
    held: ClassVar[str | None] = None  # the argument of the function that the class holds as a parameter

    def __init__(self, *args: Options.args, **options: Options.kwargs) -> None:
        given = by_name(type(self), BY_POSITION.get(type(self)._fn, ()), args, options)
        check_options(type(self), type(self)._fn, given)
        # Tuples, not dictionaries and lists: nnx hashes what is static.
        self.options = tuple((name, _hashable(value)) for name, value in given.items() if not hasattr(value, "dtype"))
        self.arrays = tuple(name for name, value in given.items() if hasattr(value, "dtype"))
        for name in self.arrays:
            setattr(self, name, nnx.Variable(jnp.array(given[name])))  # pyright: ignore[reportUnknownMemberType]

    def __call__(self, *arrays: Array | Callable[[Array], Array] | None, **named: Any) -> Result:
        if named:
            check_call(type(self), self._call_names, named)
        if self.held is not None:
            arrays, named = (), {**around(type(self)._fn, self.held, arrays), **named}
        held = {name: getattr(self, name)[...] for name in self.arrays}
        return type(self)._fn(*arrays, **dict(self.options), **held, **named)

    def __repr__(self) -> str:
        tensors = {name: tuple(getattr(self, name)[...].shape) for name in self.arrays}
        return f"{type(self).__name__}({shown({**dict(self.options), **tensors})})"

    __str__ = __repr__


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


@overload
def face(  # five arrays: elbo_loss
    name: str, fn: Callable[Concatenate[Array, Array, Array, Array, Array | None, Options], Result]
) -> type[Loss[Options, Result]]: ...
@overload
def face(  # four arrays: triplet_loss
    name: str, fn: Callable[Concatenate[Array, Array, Array, Array | None, Options], Result]
) -> type[Loss[Options, Result]]: ...
@overload
def face(
    name: str, fn: Callable[Concatenate[Array, Array, Array | None, Options], Result]
) -> type[Loss[Options, Result]]: ...
@overload
def face(  # one array: vanilla_generator_loss
    name: str, fn: Callable[Concatenate[Array, Array | None, Options], Result]
) -> type[Loss[Options, Result]]: ...
@overload
def face(  # a critic before the arrays: gradient_penalty
    name: str, fn: Callable[Concatenate[Callable[[Array], Array], Array, Array, Array | None, Options], Result]
) -> type[Loss[Options, Result]]: ...
@overload
def face(  # r1_penalty
    name: str, fn: Callable[Concatenate[Callable[[Array], Array], Array, Array | None, Options], Result]
) -> type[Loss[Options, Result]]: ...
def face(name: str, fn: Callable[..., Any]) -> type[Loss[Any, Any]]:
    """The nnx.Module class of `fn`: its arrays become the call's, its options the constructor's."""
    return type(name, (Loss,), {**body_of(fn, __package__ or ""), "_call_names": call_names(fn)})
