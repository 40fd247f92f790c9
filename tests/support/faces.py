"""The names that the faces of a function go by."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from lossary.cli.entries import class_name
from tests.support.frameworks import OnNumpy


def face_name(fn: Callable[..., Any]) -> str:
    """`huber_loss` → `HuberLoss`."""
    return class_name(fn.__name__)


def built(faces: ModuleType, fn: Callable[..., Any], options: dict[str, Any], arrays: dict[str, Any]) -> Any:
    """The face of `fn`; what it holds as a parameter is taken out of the arrays."""
    face = getattr(faces, face_name(fn))
    if face.held is None:
        return face(**options)
    start = arrays.pop(face.held)
    if faces.__name__ == "lossary.torch":
        built = face(*start.shape, **options, dtype=start.dtype)
        getattr(built, face.held).data.copy_(start)
    else:
        from flax import nnx

        built = face(*start.shape, **options, rngs=nnx.Rngs(0))
        getattr(built, face.held)[...] = start
    return built


def numbers(framework: OnNumpy, value: Any) -> np.ndarray:
    """What a face gave, on the host; a parameter that it holds has a gradient."""
    return framework.numpy(value.detach() if framework.name == "torch" else value)
