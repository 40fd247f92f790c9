"""Functions that cancel when written down directly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backends.protocol import Namespace


def half_exp_above_tangent(xp: Namespace, x: Any) -> Any:
    """½ (e^x − 1 − x) and its slope ½ (e^x − 1), to full relative accuracy at every x, overflowing only where they do.

    Up to |x| = 1 by Euler's continued fraction e^x = 1 + 2x / (2 − x + t), t = x² / (6 + x² / (10 + x² / (14 + …))),
    which turns the difference into the product x (x − t) / (2 − x + t); six levels are right to 1e-15 there.
    """
    near = xp.clip(x, -1.0, 1.0)
    square = near * near
    t = square / 26
    for level in (22, 18, 14, 10, 6):
        t = square / (level + t)
    rise = _half_expm1(xp, x)
    return xp.where(xp.abs(x) <= 1, 0.5 * near * (near - t) / (2 - near + t), rise - 0.5 * x), lambda: rise


def _half_expm1(xp: Namespace, x: Any) -> Any:
    """½ (e^x − 1) as ½ s (s + 2), s = e^(x/2) − 1: twice the range, and no cancellation."""
    s = xp.expm1(0.5 * x)
    return 0.5 * s * (s + 2)
