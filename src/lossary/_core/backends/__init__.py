"""The seam: which framework serves these arrays. Imports nothing that the caller has not imported already."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .protocol import Namespace

_ARRAYS = "a torch.Tensor, jax.Array or numpy.ndarray"
_OF_TYPE: dict[type, Namespace] = {}


class NoArrays(TypeError):
    """A loss was called without a single array (`face` does so on purpose, to have its options checked)."""


def namespace(loss: str, /, **arrays: object) -> Namespace:
    """The framework module that serves `arrays`, whose names are for the error text.

    What a loss cannot do without stands before `weights`; from there on, None is passed over.
    """
    known = _known()
    found: Namespace | None = None
    missing: str | None = None
    needed = True
    for name, array in arrays.items():
        if name == "weights":
            needed = False
        if array is None:
            if needed and missing is None:
                missing = name
            continue
        xp = known.get(type(array)) or _learn(known, loss, name, type(array))
        if found is not None and xp is not found:
            got = ", ".join(
                f"{key} {_framework(loss, key, value)}" for key, value in arrays.items() if value is not None
            )
            raise TypeError(f"{loss}: expected arrays of one framework; got {got}")
        found = xp
    if found is None:
        raise NoArrays(f"{loss}: expected arrays; got none")
    if missing is not None:
        raise TypeError(f"{loss}: expected {missing} to be {_ARRAYS}; got None")
    return found


def _framework(loss: str, name: str, array: object) -> str:
    return _learn(_known(), loss, name, type(array)).NAME


def _known() -> dict[type, Namespace]:
    """Nothing under torch.compile, which would guard on what it finds, and compile again after an eager call."""
    torch = sys.modules.get("torch")
    return _OF_TYPE if torch is None or not torch.compiler.is_compiling() else {}


def _learn(known: dict[type, Namespace], loss: str, name: str, cls: type) -> Namespace:
    xp = known[cls] = _load(loss, name, cls)
    return xp


def _load(loss: str, name: str, cls: type) -> Namespace:
    # By module name, not isinstance: a JAX tracer is no subclass of jax.Array.
    # Plain import statements, not importlib: torch.compile can trace them on a cold first call.
    roots = {base.__module__.partition(".")[0] for base in cls.__mro__}
    if "torch" in roots:
        from . import torch

        return torch
    if roots & {"jax", "jaxlib"}:
        from . import jax

        return jax
    # Not a masked array, whose mask would be lost, nor a matrix, whose products are others.
    if "numpy" in roots and not {"MaskedArray", "matrix"} & {base.__name__ for base in cls.__mro__}:
        from . import numpy

        return numpy
    kind = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    raise TypeError(f"{loss}: expected {name} to be {_ARRAYS}; got {kind}")
