"""What two rows of probabilities make of each other, by the logarithm of their ratio, where nothing cancels."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

LEAST = 2.0**-126  # the smallest normal number of float32
UNIT = 2.0**40  # of divergences whose root is in range where they are not
SMALL = -60.0  # a logarithm that may lose a digit to a common factor of that size


class Probabilities(NamedTuple):
    """Rows of probabilities, or of their logarithms."""

    array: Any
    logs: bool


def relative_entropy(xp: Namespace, p: Probabilities, q: Probabilities, axis: int) -> Any:
    """Σ p log(p / q) = Σ [p log(p / q) − (p − q)] + Σ (p − q).

    In this way nothing cancels: in brackets is no negative number, and the rest is the difference of two sums.
    """
    logs = p.logs, q.logs
    excess = xp.sum(xp.pointwise(_excess, p.array, q.array, logs=logs), axis=axis)
    if p.logs or q.logs:
        return excess + xp.sum(xp.pointwise(_difference, p.array, q.array, logs=logs), axis=axis)
    return excess + xp.sum(p.array - q.array, axis=axis)


def _excess(xp: Namespace, x: Any, y: Any, logs: tuple[bool, bool]) -> Any:
    """p log(p / q) − (p − q), and its slopes in p and q or their logarithms."""
    p, q, ratio = _with_log_ratio(xp, x, y, logs)
    near = xp.clip(ratio, -0.5, 0.5)
    close = xp.abs(ratio) < 0.5
    curve, _ = xp.half_exp_above_tangent(-near)

    def slope_in_q() -> Any:
        if logs[1]:  # q − p, of which the exponentials are rounded
            return xp.where(close, p * xp.expm1(-near), q - p)
        return xp.where(p == 0, 1.0, (q - p) / q)

    gap = xp.where(close, 2 * p * curve, (p * ratio if logs[0] else _weighed(xp, p, ratio)) - (p - q))
    return gap, (lambda: p * ratio if logs[0] else ratio, slope_in_q)


def _difference(xp: Namespace, x: Any, y: Any, logs: tuple[bool, bool]) -> Any:
    """p − q of logarithms, and its slope in p or in log p."""
    p, q = xp.exp(x) if logs[0] else x, xp.exp(y) if logs[1] else y
    *_, ratio = _with_log_ratio(xp, xp.stop_gradient(x), xp.stop_gradient(y), logs)
    close = xp.abs(ratio) <= 0.5
    # Chosen before the logarithm: that of 0 has no slope to multiply with 0.
    near = [xp.where(close, array, 0.0 if of_logs else 1.0) for array, of_logs in zip((x, y), logs, strict=True)]
    p_near, _, ratio = _with_log_ratio(xp, near[0], near[1], logs)
    return xp.where(close, -p_near * xp.expm1(-ratio), p - q), lambda: p if logs[0] else xp.ones_like(p)


def _with_log_ratio(xp: Namespace, x: Any, y: Any, logs: tuple[bool, bool]) -> tuple[Any, Any, Any]:
    """p, q and log(p / q); 0 where that has no meaning: both are 0, or p is and its logarithm is what was given."""
    p, q = xp.exp(x) if logs[0] else x, xp.exp(y) if logs[1] else y
    if not any(logs):
        return p, q, _log_ratio(xp, p, q, p - q)
    nothing = (p == 0) if logs[0] else (p == 0) & (q == 0)
    log_p = x if logs[0] else xp.log(xp.where(p == 0, LEAST, p))
    log_q = y if logs[1] else xp.log(xp.where(nothing, 1.0, q))
    return p, q, xp.where(nothing, 0.0, log_p) - xp.where(nothing, 0.0, log_q)


def _log_ratio(xp: Namespace, p: Any, q: Any, difference: Any, floor: float = LEAST) -> Any:
    """log(p / q) = ± log(1 + |p − q| / least), least the smaller of the two: accurate near to each other and far apart.

    Where p is 0, a number of the size of log `floor` for −∞; where q is as well, 0.
    """
    least = xp.minimum(xp.maximum(p, floor), q)
    least = xp.where((least < floor) & (difference == 0), floor, least)
    return xp.signed(xp.log1p(xp.abs_with_slope(difference) / least), difference)


def _weighed(xp: Namespace, p: Any, ratio: Any) -> Any:
    """p log(p / …), whose slope in p has no part from `ratio` where p is 0: 1, which this adds."""
    return p * xp.where(p == 0, ratio + 1, ratio)


def mixture_gap(xp: Namespace, x: Any, y: Any, logs: tuple[bool, bool], unit: float) -> Any:
    """½ p log(p / m) + ½ q log(q / m), m = ½ (p + q), times `unit`, and its slopes in p and q or their logarithms.

    With t = (p − q) / (p + q), p = m (1 + t) and q = m (1 − t): ½ m [t (log(1 + t) − log(1 − t)) + log(1 − t²)].
    """
    p, q = (_times(xp, unit, array, of_logs) for array, of_logs in zip((x, y), logs, strict=True))
    middle, floor = 0.5 * (p + q), unit * LEAST
    if all(logs):  # t from the logarithms themselves: their exponentials are rounded
        nothing = middle == 0
        t = xp.tanh(0.5 * (xp.where(nothing, 0.0, x) - xp.where(nothing, 0.0, y)))
        half = t * middle
    else:
        half = 0.5 * (p - q)
        t = half / xp.maximum(middle, floor)
    up, down = _log_ratio(xp, p, middle, half, floor), _log_ratio(xp, q, middle, -half, floor)
    near = xp.clip(t, -0.5, 0.5)
    curve = 0.5 * middle * (near * (up - down) + xp.log1p(-near * near))
    gap = xp.where(xp.abs(t) < 0.5, curve, 0.5 * (_weighed(xp, p, up) + _weighed(xp, q, down)))
    return gap, (
        lambda: 0.5 * up * (p if logs[0] else unit),
        lambda: 0.5 * down * (q if logs[1] else unit),
    )


def _times(xp: Namespace, unit: float, array: Any, of_logs: bool) -> Any:
    """unit · p, of which a small p cannot be formed by itself where XLA takes subnormal numbers for 0."""
    if not of_logs or unit == 1:
        return xp.exp(array) if of_logs else unit * array
    small = array < SMALL
    return xp.exp(xp.where(small, array + log(unit), array)) * xp.where(small, 1.0, unit * xp.ones_like(array))
