"""The names that the faces of a function go by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CAPITALS = {"mse": "MSE", "mae": "MAE", "kl": "KL", "elbo": "ELBO", "l1": "L1"}


def face_name(fn: Callable[..., Any]) -> str:
    """`huber_loss` → `HuberLoss`."""
    return "".join(CAPITALS.get(word, word.capitalize()) for word in fn.__name__.split("_"))
