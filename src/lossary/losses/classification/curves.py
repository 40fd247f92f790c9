"""The loss of one score against one yes-or-no answer, and its slope in the score.

`smoothing` ε pulls the answer t towards ½: yes = (1 − ε) t + ε / 2, no = (1 − ε)(1 − t) + ε / 2. Both are carried:
1 − yes would cancel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def cross_entropy(xp: Namespace, logits: Any, targets: Any, pos_weight: Any = 1.0, *, smoothing: float = 0.0) -> Any:
    """−v yes log p − no log(1 − p) for p = sigmoid(logits), v = pos_weight."""
    if not smoothing and _is_one(pos_weight) and xp.all_zero_or_one(targets):
        against = 1 - 2 * targets  # one of the two terms is absent, so one softplus does
        wrong = against * logits
        return xp.softplus(wrong), lambda: against * xp.sigmoid(wrong)
    yes, no = _answers(targets, smoothing, pos_weight)
    loss = yes * xp.softplus(-logits) + no * xp.softplus(logits)
    return loss, lambda: no * xp.sigmoid(logits) - yes * xp.sigmoid(-logits)


def cross_entropy_of_probability(
    xp: Namespace, probs: Any, targets: Any, pos_weight: Any = 1.0, *, smoothing: float = 0.0
) -> Any:
    """−v yes log p − no log(1 − p) for p itself."""
    yes, no = _answers(targets, smoothing, pos_weight)
    # An answer with no share costs nothing, even where its logarithm is −∞.
    hit = xp.where((yes == 0) & (probs == 0), 1.0, probs)
    missed = xp.where((no == 0) & (probs == 1), 0.0, probs)
    loss = -yes * xp.log(hit) - no * xp.log1p(-missed)
    return loss, lambda: no / (1 - missed) - yes / hit


def focal(
    xp: Namespace, logits: Any, targets: Any, *, alpha: float | None, gamma: float, smoothing: float = 0.0
) -> Any:
    """alpha_t (1 − p_t)^gamma times the cross entropy."""
    yes, no = _answers(targets, smoothing)
    right, wrong = xp.sigmoid(logits), xp.sigmoid(-logits)
    miss = no * right + yes * wrong  # 1 − p_t, by sums only: relative accuracy where p_t is near 1
    surprise = yes * xp.softplus(-logits) + no * xp.softplus(logits)
    fade = _power(xp, miss, gamma, logits)
    if alpha is not None:
        fade = (alpha * yes + (1 - alpha) * no) * fade

    def slope() -> Any:
        # d log miss / d logit. Beyond ±40 it is ±1 or nothing beside the rest, and miss must keep off 0.
        near = xp.clip(logits, -40.0, 40.0)
        hit, slip = xp.sigmoid(near), xp.sigmoid(-near)
        steep = (no - yes) * hit * slip / (no * hit + yes * slip)
        # Held finite: where the answer is impossible, steep is 0 beside a surprise of ∞.
        return fade * (no * right - yes * wrong + gamma * steep * xp.minimum(surprise, 1e3))

    return fade * surprise, slope


def _power(xp: Namespace, miss: Any, gamma: float, logits: Any) -> Any:
    if gamma == 0:
        return 1.0
    if gamma >= 1:
        return miss**gamma
    gone = miss == 0  # underflowed from e^−|x|, whose root is still a number; at 0 itself it would have no slope
    return xp.where(gone, xp.exp(-gamma * xp.abs(logits)), xp.where(gone, 1.0, miss) ** gamma)


def _answers(targets: Any, smoothing: float, pos_weight: Any = 1.0) -> tuple[Any, Any]:
    yes, no = targets, 1 - targets
    if smoothing:
        yes, no = (1 - smoothing) * yes + 0.5 * smoothing, (1 - smoothing) * no + 0.5 * smoothing
    return (yes if _is_one(pos_weight) else pos_weight * yes), no


def _is_one(pos_weight: Any) -> bool:
    return isinstance(pos_weight, (int, float)) and pos_weight == 1
