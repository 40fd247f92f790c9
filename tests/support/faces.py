"""The names that the faces of a function go by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lossary.cli.entries import class_name


def face_name(fn: Callable[..., Any]) -> str:
    """`huber_loss` → `HuberLoss`."""
    return class_name(fn.__name__)
