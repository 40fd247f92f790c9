"""What the torch and the flax faces share: which arguments belong to the constructor and which to the call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, cast

import numpy as np

from .backends import NoArrays

# Keyword-only in the function, but new with every batch, if they have no default.
PER_CALL = (
    "bias",
    "negatives",
    "pred_weights",
    "target_weights",
    "pred_mask",
    "target_mask",
    "p_weights",
    "q_weights",
    "x_weights",
    "y_weights",
    "projections",
    "fake_weights",
    "fake_mask",
    "interpolation",
    "key",
    "mask",
    "normalizer",
)


class ConstructorSignature:
    """`__signature__` of a class alone: without it, its instances show how they are called."""

    def __init__(self, options: list[inspect.Parameter]) -> None:
        self.signature = inspect.Signature(options)

    def __get__(self, instance: object, owner: type) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("__signature__")
        return self.signature


def body_of(fn: Callable[..., Any], package: str) -> dict[str, Any]:
    """The class body of the face of `fn`: its documentation, and its options as the constructor's signature."""
    options = list(options_of(fn).values())
    return {
        "_fn": staticmethod(fn),
        "__doc__": fn.__doc__,
        "__module__": package,
        "__signature__": ConstructorSignature(options),
    }


def options_of(fn: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """What a face of `fn` takes when it is built."""
    parameters = inspect.signature(fn).parameters
    return {name: p for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY and not _per_call(p)}


def _per_call(parameter: inspect.Parameter) -> bool:
    """SigLIP's bias, a number to be trained, is an option; the bias of a linear layer comes with each call."""
    return parameter.name in PER_CALL and parameter.default in (None, parameter.empty)


def by_name(cls: type, by_position: tuple[str, ...], args: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """All options by name, of which a tutorial's class takes some by position as well; NumPy's numbers as Python's, so
    that they are checked and held like those.
    """
    if len(args) > len(by_position):
        known = f"{', '.join(by_position)} by position, others" if by_position else "options"
        raise TypeError(f"{cls.__name__}: expected {known} by name; got {len(args)} by position")
    given = dict(zip(by_position, args, strict=False))
    for name in given.keys() & options.keys():
        raise TypeError(f"{cls.__name__}: expected {name} once; got it by position and by name")
    named = {**given, **options}
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in named.items()}


def check_options(cls: type, fn: Callable[..., Any], options: dict[str, Any]) -> None:
    """Wrong names and values are refused when the face is built, not at the first batch."""
    parameters = inspect.signature(fn).parameters
    allowed = options_of(fn)
    for name in options:
        if name not in allowed:
            hint = "; it is passed with the arrays, at the call" if name in parameters else ""
            raise TypeError(f"{cls.__name__}: expected options among {', '.join(allowed)}; got {name}{hint}")
    for name, parameter in allowed.items():
        if parameter.default is parameter.empty and name not in options:
            raise TypeError(f"{cls.__name__}: expected the option {name}, which has no default; got none")
    for name, value in options.items():
        if _holds_arrays(value):
            raise TypeError(
                f"{cls.__name__}: expected {name} as one array, which the module then holds, or as numbers; "
                f"got {name} {type(value).__name__} of arrays"
            )
    arrays = [None for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    with suppress(NoArrays):  # called without arrays, a loss checks its options and stops
        fn(*arrays, **{name: value for name, value in options.items() if not hasattr(value, "dtype")})


def _holds_arrays(option: Any) -> bool:
    kind = cast(Any, type(option))
    within: Iterable[Any] = option.values() if kind is dict else option if kind in (list, tuple) else ()
    return any(hasattr(each, "dtype") and type(each).__module__ != "numpy" for each in within)


def call_names(fn: Callable[..., Any], held: str | None = None) -> frozenset[str]:
    """The arguments that a call may give by name: the arrays, but for one that the face holds, and what is new with
    every batch.
    """
    parameters = inspect.signature(fn).parameters.values()
    given = (p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD or _per_call(p))
    return frozenset(given) - {held}


def around(fn: Callable[..., Any], held: str, arrays: tuple[Any, ...]) -> dict[str, Any]:
    """The arrays of a call by name, where one of the function's, `held` by the face, stands between them."""
    given = [p.name for p in inspect.signature(fn).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    given.remove(held)
    if len(arrays) > len(given):
        raise TypeError(f"{fn.__name__}: expected at most {len(given)} arrays ({', '.join(given)}); got {len(arrays)}")
    return dict(zip(given, arrays, strict=False))


def check_call(cls: type, allowed: frozenset[str], given: dict[str, Any]) -> None:
    """Only arrays and what is new with every batch may come with a call."""
    for name in given:
        if name not in allowed:
            known = ", a constructor option" if name in inspect.signature(cls).parameters else ""
            raise TypeError(f"{cls.__name__}: expected arrays, mask or normalizer at the call; got {name}{known}")


def shown(options: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in options.items())
