"""Seam operations written once over the others, for the frameworks whose compiler fuses them (JAX, torch.compile)."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .protocol import Namespace


def log_odds_by_parts(xp: Namespace, logits: Any, index: Any, /, *, axis: int) -> Any:
    """log p / (1 − p) of entry `index` under the softmax: its own logit less the logsumexp of the others.

    1 − p is never formed by subtraction, so the result keeps its relative accuracy however close p is to 1.
    """
    index = xp.expand_dims(index, axis=axis)
    own = xp.take_along_axis(logits, index, axis=axis)
    own = xp.where(own == inf, own - own, own)  # NaN: an infinite logit is no answer
    others = xp.where(xp.positions(logits, axis=axis) == index, -inf, logits)
    top = xp.stop_gradient(xp.max(others, axis=axis, keepdims=True))
    top = xp.where(top == -inf, 0.0, top)  # no other class is possible: exp(−inf − 0) is the right 0
    rest = xp.sum(xp.exp(others - top), axis=axis, keepdims=True)
    alone = rest == 0
    # own − top first: the logsumexp itself would be rounded at the size of an offset that all logits share.
    odds = xp.where(alone, own + inf + rest, (own - top) - xp.log(xp.where(alone, 1.0, rest)))
    return xp.squeeze(odds, axis=axis)
