"""The one nn.Module behind every torch face."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Concatenate, Generic, ParamSpec, TypeVar, overload

import numpy as np
import torch
from torch import Tensor, nn

from .._core.faces import around, body_of, by_name, call_names, check_call, check_options, shown
from ..aliases import BY_POSITION

Options = ParamSpec("Options")
Result = TypeVar("Result")


class Loss(nn.Module, Generic[Options, Result]):
    """A loss function whose options are fixed when it is built; arrays, `mask` and `normalizer` come with each call.

    Options that are tensors or NumPy arrays (class weights) become buffers, so they move with `.to(device)` and are
    saved with the model.
    """

    _fn: ClassVar[Callable[..., Any]]
    _call_names: ClassVar[frozenset[str]]
    held: ClassVar[str | None] = None  # the argument of the function that the class holds as a parameter

    def __init__(self, *args: Options.args, **options: Options.kwargs) -> None:
        super().__init__()
        given = by_name(type(self), BY_POSITION.get(type(self)._fn, ()), args, options)
        check_options(type(self), type(self)._fn, given)
        self.options: dict[str, Any] = {}
        for name, value in given.items():
            if isinstance(value, np.ndarray):
                value = torch.tensor(value.copy())
            if isinstance(value, nn.Parameter):
                self.register_parameter(name, value)
            elif isinstance(value, Tensor):
                self.register_buffer(name, value)
            else:
                self.options[name] = value

    def __call__(self, *arrays: Tensor | Callable[[Tensor], Tensor] | None, **named: Any) -> Result:
        return super().__call__(*arrays, **named)

    def forward(self, *arrays: Tensor | Callable[[Tensor], Tensor] | None, **named: Any) -> Result:
        if named:
            check_call(type(self), self._call_names, named)
        if self.held is not None:
            arrays, named = (), {**around(type(self)._fn, self.held, arrays), **named}
        return type(self)._fn(*arrays, **self.options, **self._buffers, **self._parameters, **named)

    def extra_repr(self) -> str:
        tensors = {
            name: tuple(value.shape)
            for name, value in {**self._buffers, **self._parameters}.items()
            if value is not None
        }
        return shown({**self.options, **tensors})


@overload
def face(  # five arrays: elbo_loss
    name: str, fn: Callable[Concatenate[Tensor, Tensor, Tensor, Tensor, Tensor | None, Options], Result]
) -> type[Loss[Options, Result]]: ...
@overload
def face(  # four arrays: triplet_loss
    name: str, fn: Callable[Concatenate[Tensor, Tensor, Tensor, Tensor | None, Options], Result]
) -> type[Loss[Options, Result]]: ...
@overload
def face(
    name: str, fn: Callable[Concatenate[Tensor, Tensor, Tensor | None, Options], Result]
) -> type[Loss[Options, Result]]: ...
@overload
def face(  # one array: vanilla_generator_loss
    name: str, fn: Callable[Concatenate[Tensor, Tensor | None, Options], Result]
) -> type[Loss[Options, Result]]: ...
@overload
def face(  # a critic before the arrays: gradient_penalty
    name: str, fn: Callable[Concatenate[Callable[[Tensor], Tensor], Tensor, Tensor, Tensor | None, Options], Result]
) -> type[Loss[Options, Result]]: ...
@overload
def face(  # r1_penalty
    name: str, fn: Callable[Concatenate[Callable[[Tensor], Tensor], Tensor, Tensor | None, Options], Result]
) -> type[Loss[Options, Result]]: ...
def face(name: str, fn: Callable[..., Any]) -> type[Loss[Any, Any]]:
    """The nn.Module class of `fn`: its arrays become the call's, its options the constructor's."""
    return type(name, (Loss,), {**body_of(fn, __package__ or ""), "_call_names": call_names(fn)})
