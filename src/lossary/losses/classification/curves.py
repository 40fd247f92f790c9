"""The loss of one score against one yes-or-no answer, and its slope in the score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def cross_entropy(xp: Namespace, logits: Any, targets: Any, pos_weight: Any) -> Any:
    """−v t log p − (1 − t) log(1 − p) for p = sigmoid(logits), v = pos_weight."""
    # softplus(x) and softplus(−x) are |x| where x has that sign, plus one shared tail: no difference, so nothing
    # cancels.
    tail = xp.softplus(-xp.abs(logits))
    no = (1 - targets) * (xp.relu(logits) + tail)
    yes = pos_weight * targets * (xp.relu(-logits) + tail)
    return no + yes, lambda: (1 - targets) * xp.sigmoid(logits) - pos_weight * targets * xp.sigmoid(-logits)


def cross_entropy_of_probability(xp: Namespace, probs: Any, targets: Any, pos_weight: Any) -> Any:
    """−v t log p − (1 − t) log(1 − p) for p itself."""
    # An answer with no share costs nothing, even where its logarithm is −∞.
    no, yes = targets == 1, targets == 0
    loss = xp.where(no, 0.0, -(1 - targets) * xp.log1p(-xp.where(no, 0.0, probs)))
    loss = loss + xp.where(yes, 0.0, -pos_weight * targets * xp.log(xp.where(yes, 1.0, probs)))

    def slope() -> Any:
        away = xp.where(no, 0.0, (1 - targets) / (1 - xp.where(no, 0.0, probs)))
        return away - xp.where(yes, 0.0, pos_weight * targets / xp.where(yes, 1.0, probs))

    return loss, slope


def focal(xp: Namespace, logits: Any, targets: Any, alpha: float | None, gamma: float) -> Any:
    """alpha_t (1 − p_t)^gamma times the cross entropy."""
    yes, no = xp.sigmoid(logits), xp.sigmoid(-logits)
    miss = (1 - targets) * yes + targets * no  # 1 − p_t, by sums only: relative accuracy where p_t is near 1
    surprise, slope = cross_entropy(xp, logits, targets, 1.0)
    share = 1.0 if alpha is None else alpha * targets + (1 - alpha) * (1 - targets)
    fade = share * miss**gamma

    def focal_slope() -> Any:
        # d log miss / d logit; where miss has underflowed to 0 the fade is 0 too (or gamma is), whatever stands
        # beside it.
        steep = (1 - 2 * targets) * yes * no / xp.where(miss == 0, 1.0, miss)
        return fade * (slope() + gamma * steep * surprise)

    return fade * surprise, focal_slope
