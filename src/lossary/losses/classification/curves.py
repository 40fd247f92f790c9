"""The loss of one score against one yes-or-no answer, and its slope in the score.

`smoothing` ε pulls the answer t towards ½: yes = (1 − ε) t + ε / 2, no = (1 − ε)(1 − t) + ε / 2. Both are carried:
1 − yes would cancel. Where every answer is 0 or 1 and a framework can see it, the two sides of the logit are one
function of ±logit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.options import is_number

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace


def cross_entropy(xp: Namespace, logits: Any, targets: Any, pos_weight: Any = 1.0, *, smoothing: float = 0.0) -> Any:
    """−v yes log p − no log(1 − p) for p = sigmoid(logits), v = pos_weight."""
    turn = xp.turns(targets) if not smoothing and is_number(pos_weight, 1) else None
    if turn is not None:
        against = turn * logits
        return xp.softplus(against), lambda: turn * xp.sigmoid(against)
    side = _side(xp, logits, targets, smoothing, pos_weight)
    if is_number(pos_weight, 1):
        return side.lean * logits + side.surprise, lambda: side.lean + _turn(side) * _doubt(side)
    yes, no = _answers(targets, smoothing, pos_weight)
    both = yes + no
    return side.lean * logits + both * side.surprise, lambda: side.lean + both * (_turn(side) * _doubt(side))


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
    turn = None if smoothing else xp.turns(targets)
    if turn is not None:
        return _focal_of_decided(xp, turn * logits, targets, turn, alpha, gamma)
    yes, no = _answers(targets, smoothing)
    side = _side(xp, logits, targets, smoothing)
    turn, doubt = _turn(side), _doubt(side)
    against = -turn * side.lean  # the share of the other answer, at least 0
    miss = doubt + (1 - 2 * doubt) * against  # 1 − p_t, by terms of one sign: accurate where p_t is near 1
    surprise = side.lean * logits + side.surprise
    fade = _power(xp, miss, gamma, logits)
    if alpha is not None:
        fade = (alpha * yes + (1 - alpha) * no) * fade

    def slope() -> Any:
        # d log miss / d logit: ±1 or nothing beside the rest where held; 0 beside a surprise of ∞.
        held = xp.maximum(doubt, 1e-18)
        steep = (no - yes) * (held * (1 - held)) / (held + (1 - 2 * held) * against)
        return fade * (side.lean + turn * doubt + gamma * steep * xp.minimum(surprise, 1e3))

    return fade * surprise, slope


def _focal_of_decided(xp: Namespace, against: Any, targets: Any, turn: Any, alpha: float | None, gamma: float) -> Any:
    surprise, miss = xp.softplus(against), xp.sigmoid(against)
    fade = _power(xp, miss, gamma, against)
    if alpha is not None:
        fade = ((1 - alpha) + (2 * alpha - 1) * targets) * fade

    def slope() -> Any:
        return turn * fade * (miss + gamma * xp.sigmoid(-against) * xp.minimum(surprise, 1e3))

    return fade * surprise, slope


class _Side(NamedTuple):
    """What the more likely of the two answers leaves open: nothing here cancels."""

    above: Any  # 1 where the logit is above 0, so that yes is likely, else 0
    lean: Any  # the share of the other answer, signed as the slope it causes: no, or −v yes
    power: Any  # q = e^−|logit|
    surprise: Any  # −log of the likely answer's probability, log1p(q)


def _side(xp: Namespace, logits: Any, targets: Any, smoothing: float, pos_weight: Any = 1.0) -> _Side:
    above, power = xp.step(logits), xp.exp(-xp.abs_with_slope(logits))
    if not smoothing and is_number(pos_weight, 1):
        return _Side(above, above - targets, power, xp.log1p(power))
    yes, no = _answers(targets, smoothing, pos_weight)
    return _Side(above, above * no - (1 - above) * yes, power, xp.log1p(power))


def _turn(side: _Side) -> Any:
    """−1 where the logit is above 0, else 1."""
    return 1 - 2 * side.above


def _doubt(side: _Side) -> Any:
    """The probability of the less likely answer."""
    return side.power / (1 + side.power)


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
    return (yes if is_number(pos_weight, 1) else pos_weight * yes), no
