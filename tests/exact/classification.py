"""Scores for yes or no, and for one of many."""

from __future__ import annotations

from typing import Any

from tests.exact.arithmetic import Exact, Row, mp
from tests.exact.arrays import over_arrays, tanh

# ---- yes or no ----


def _yes(x: float) -> tuple[Any, Any]:
    """p = sigmoid(x) and 1 − p."""
    return 1 / (1 + mp.exp(-mp.mpf(x))), 1 / (1 + mp.exp(mp.mpf(x)))


def _smoothed(target: float, epsilon: float) -> Any:
    return (1 - mp.mpf(epsilon)) * mp.mpf(target) + mp.mpf(epsilon) / 2


def _log_over(share: Any, p: Any) -> Any:
    """−share · log p, where an answer with no share costs nothing."""
    return mp.mpf(0) if share == 0 else -share * mp.log(p)


def binary(
    x: float,
    target: float,
    from_logits: bool = True,
    pos_weight: float | None = None,
    label_smoothing: float = 0.0,
) -> Any:
    t, v = _smoothed(target, label_smoothing), mp.mpf(1 if pos_weight is None else pos_weight)
    p, q = _yes(x) if from_logits else (mp.mpf(x), 1 - mp.mpf(x))
    return v * _log_over(t, p) + _log_over(1 - t, q)


def binary_slopes(
    x: float,
    target: float,
    from_logits: bool = True,
    pos_weight: float | None = None,
    label_smoothing: float = 0.0,
) -> tuple[Any, Any]:
    t, v = _smoothed(target, label_smoothing), mp.mpf(1 if pos_weight is None else pos_weight)
    p, q = _yes(x) if from_logits else (mp.mpf(x), 1 - mp.mpf(x))
    by_p = (0 if t == 1 else (1 - t) / q) - (0 if t == 0 else v * t / p)
    by_x = (1 - t) * p - v * t * q if from_logits else by_p
    return by_x, (1 - mp.mpf(label_smoothing)) * (mp.log(q) - v * mp.log(p))


def _binary_focal_parts(x: float, target: float, alpha: float | None, label_smoothing: float) -> tuple[Any, ...]:
    t = _smoothed(target, label_smoothing)
    p, q = _yes(x)
    miss = p * (1 - t) + q * t  # what goes to the wrong answer
    share = mp.mpf(1) if alpha is None else alpha * t + (1 - mp.mpf(alpha)) * (1 - t)
    return t, p, q, miss, share, -t * mp.log(p) - (1 - t) * mp.log(q)


def _binary_focal(
    x: float, target: float, alpha: float | None = 0.25, gamma: float = 2.0, label_smoothing: float = 0.0
) -> Any:
    *_, miss, share, surprise = _binary_focal_parts(x, target, alpha, label_smoothing)
    return share * miss ** mp.mpf(gamma) * surprise


def _binary_focal_slopes(
    x: float, target: float, alpha: float | None = 0.25, gamma: float = 2.0, label_smoothing: float = 0.0
) -> tuple[Any, Any]:
    t, p, q, miss, share, surprise = _binary_focal_parts(x, target, alpha, label_smoothing)
    by_t = 0 if alpha is None else 2 * mp.mpf(alpha) - 1, q - p, mp.log(q) - mp.log(p)

    def product_rule(d_share: Any, d_miss: Any, d_surprise: Any) -> Any:
        fade = miss ** mp.mpf(gamma)
        d_fade = gamma * miss ** (mp.mpf(gamma) - 1) * d_miss
        return d_share * fade * surprise + share * d_fade * surprise + share * fade * d_surprise

    return product_rule(0, (1 - 2 * t) * p * q, p - t), (1 - mp.mpf(label_smoothing)) * product_rule(*by_t)


# ---- one of many ----


def _softmax(row: Row) -> tuple[list[Any], Any]:
    """The probabilities, and the logarithm of what they were divided by."""
    powers = [mp.exp(mp.mpf(x)) for x in row]
    total = mp.fsum(powers)
    return [power / total for power in powers], mp.log(total)


def _shares(label: int, classes: int, class_weights: Row | None, label_smoothing: float) -> list[Any]:
    """How much each class's −log p counts: v_c q_c, but the labelled class's own weight for its own share."""
    epsilon = mp.mpf(label_smoothing)
    weights = [1.0] * classes if class_weights is None else class_weights
    return [v * (((1 - epsilon) if c == label else 0) + epsilon / classes) for c, v in enumerate(weights)]


def _soft_shares(probs: Row, class_weights: Row | None, label_smoothing: float) -> list[Any]:
    epsilon, total = mp.mpf(label_smoothing), mp.fsum(probs)
    weights = [1.0] * len(probs) if class_weights is None else class_weights
    return [v * ((1 - epsilon) * q + epsilon / len(probs) * total) for v, q in zip(weights, probs, strict=True)]


def _crossed(shares: list[Any], row: Row) -> Any:
    _, log_total = _softmax(row)
    return mp.fsum(share * (log_total - mp.mpf(x)) for share, x in zip(shares, row, strict=True) if share != 0)


def _crossed_slope(shares: list[Any], row: Row) -> list[Any]:
    p, _ = _softmax(row)
    total = mp.fsum(shares)
    return [total * p_c - share for p_c, share in zip(p, shares, strict=True)]


def cross_entropy(row: Row, label: int, class_weights: Row | None = None, label_smoothing: float = 0.0) -> Any:
    return _crossed(_shares(label, len(row), class_weights, label_smoothing), row)


def cross_entropy_slopes(
    row: Row, label: int, class_weights: Row | None = None, label_smoothing: float = 0.0
) -> tuple[list[Any]]:
    return (_crossed_slope(_shares(label, len(row), class_weights, label_smoothing), row),)


def _soft_cross_entropy(row: Row, probs: Row, class_weights: Row | None = None, label_smoothing: float = 0.0) -> Any:
    return _crossed(_soft_shares(probs, class_weights, label_smoothing), row)


def _soft_cross_entropy_slopes(
    row: Row, probs: Row, class_weights: Row | None = None, label_smoothing: float = 0.0
) -> tuple[list[Any], list[Any]]:
    epsilon, (_, log_total) = mp.mpf(label_smoothing), _softmax(row)
    weights = [1.0] * len(row) if class_weights is None else class_weights
    costs = [v * (log_total - mp.mpf(x)) for v, x in zip(weights, row, strict=True)]
    spread = epsilon * mp.fsum(costs) / len(row)
    by_probs = [(1 - epsilon) * cost + spread for cost in costs]
    return _crossed_slope(_soft_shares(probs, class_weights, label_smoothing), row), by_probs


def _alpha_of(alpha: float | Row | None, label: int) -> Any:
    return mp.mpf(1 if alpha is None else alpha if isinstance(alpha, (int, float)) else alpha[label])


def _focal(
    row: Row, label: int, alpha: float | Row | None = None, gamma: float = 2.0, label_smoothing: float = 0.0
) -> Any:
    shares = _shares(label, len(row), None, label_smoothing)
    return mp.fsum(share * _focal_of(row, c, alpha, gamma) for c, share in enumerate(shares) if share)


def _focal_slopes(
    row: Row, label: int, alpha: float | Row | None = None, gamma: float = 2.0, label_smoothing: float = 0.0
) -> tuple[list[Any]]:
    shares = _shares(label, len(row), None, label_smoothing)
    each = [[share * x for x in _focal_slope(row, c, alpha, gamma)] for c, share in enumerate(shares) if share]
    return ([mp.fsum(slopes) for slopes in zip(*each, strict=True)],)


def _focal_of(row: Row, label: int, alpha: float | Row | None, gamma: float) -> Any:
    p, log_total = _softmax(row)
    miss = mp.fsum(p_c for c, p_c in enumerate(p) if c != label)
    return _alpha_of(alpha, label) * miss ** mp.mpf(gamma) * (log_total - mp.mpf(row[label]))


def _focal_slope(row: Row, label: int, alpha: float | Row | None, gamma: float) -> list[Any]:
    p, log_total = _softmax(row)
    own, surprise, gamma = p[label], log_total - mp.mpf(row[label]), mp.mpf(gamma)
    miss = mp.fsum(p_c for c, p_c in enumerate(p) if c != label)
    if miss == 0:  # certain: a minimum
        return [mp.mpf(0)] * len(row)
    by_own = -_alpha_of(alpha, label) * (gamma * miss ** (gamma - 1) * surprise + miss**gamma / own)
    return [by_own * own * (miss if c == label else -p_c) for c, p_c in enumerate(p)]


def _linear_cross_entropy(
    features: Any,
    weight: Any,
    labels: Any,
    class_weights: Row | None = None,
    label_smoothing: float = 0.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
) -> Any:
    """The mean over all rows."""
    total, divisor = mp.mpf(0), mp.mpf(0)
    for row, label in zip(features @ weight.T, labels, strict=True):
        logits = list(row if softcap is None else softcap * tanh(row / softcap))
        total += cross_entropy(logits, label, class_weights, label_smoothing)
        total += z_loss * mp.log(mp.fsum(mp.exp(x) for x in logits)) ** 2
        divisor += mp.mpf(1 if class_weights is None else class_weights[label])
    return total / divisor


EXACT = {
    "binary_cross_entropy_loss": Exact(binary, binary_slopes, ("logits", "targets")),
    "cross_entropy_loss": Exact(cross_entropy, cross_entropy_slopes),
    "soft_cross_entropy_loss": Exact(_soft_cross_entropy, _soft_cross_entropy_slopes, ("logits", "probs")),
    "linear_cross_entropy_loss": over_arrays(_linear_cross_entropy, wrt=("features", "weight")),
    "binary_focal_loss": Exact(_binary_focal, _binary_focal_slopes, ("logits", "targets")),
    "focal_loss": Exact(_focal, _focal_slopes),
}
