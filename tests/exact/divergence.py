"""Divergences between rows of probabilities and between samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.exact.arithmetic import mp
from tests.exact.arrays import exp, log, over_arrays, power, sqrt


def _both(
    predictions: Any = None, targets: Any = None, log_predictions: Any = None, log_targets: Any = None
) -> tuple[Any, Any]:
    p = predictions if log_predictions is None else exp(log_predictions)
    return p, targets if log_targets is None else exp(log_targets)


def _cost(p: Any, q: Any) -> Any:
    """Σ p log(p / q), with 0 log 0 = 0."""
    some = p != 0
    return (p[some] * log(p[some] / q[some])).sum() + mp.mpf(0)


def _kl(**arrays: Any) -> Any:
    return _cost(*_both(**arrays))


def _reverse_kl(**arrays: Any) -> Any:
    p, q = _both(**arrays)
    return _cost(q, p)


def _js(**arrays: Any) -> Any:
    p, q = _both(**arrays)
    m = (p + q) / 2
    return (_cost(p, m) + _cost(q, m)) / 2


def _js_distance(**arrays: Any) -> Any:
    return mp.sqrt(_js(**arrays))


def _shares(points: Any, weights: Any) -> Any:
    weights = np.full(len(points), mp.mpf(1), object) if weights is None else weights
    return weights / weights.sum()


def _averages(table: Any, x: Any, y: Any, w: Any, v: Any, unbiased: bool) -> Any:
    """E k(x, x') + E k(y, y') − 2 E k(x, y)."""

    def within(points: Any, weights: Any) -> Any:
        pairs = np.outer(weights, weights)
        if unbiased:
            pairs = pairs - np.diag(np.diag(pairs))
        return (pairs * table(points, points)).sum() / pairs.sum()

    w, v = _shares(x, w), _shares(y, v)
    return within(x, w) + within(y, v) - 2 * (np.outer(w, v) * table(x, y)).sum()


def _squares(x: Any, y: Any) -> Any:
    return ((x[:, None] - y[None]) ** 2).sum(-1)


def _kernel(kind: str, several: Any, degree: int, gamma: float, coef0: float) -> Any:
    if kind == "rbf":
        return lambda x, y: sum(exp(-_squares(x, y) / (2 * mp.mpf(s) ** 2)) for s in several)
    if kind == "laplace":
        return lambda x, y: sum(exp(-sqrt(_squares(x, y)) / mp.mpf(s)) for s in several)
    if kind == "linear":
        return lambda x, y: x @ y.T
    return lambda x, y: (mp.mpf(gamma) * (x @ y.T) + mp.mpf(coef0)) ** degree


def _mmd(
    predictions: Any,
    targets: Any,
    pred_weights: Any = None,
    target_weights: Any = None,
    kernel_type: str = "rbf",
    kernel_bandwidth: Any = 1.0,
    degree: int = 2,
    gamma: float = 1.0,
    coef0: float = 1.0,
    unbiased: bool = False,
    squared: bool = False,
) -> Any:
    several = kernel_bandwidth if isinstance(kernel_bandwidth, tuple) else (kernel_bandwidth,)
    table = _kernel(kernel_type, several, degree, gamma, coef0)
    found = _averages(table, predictions, targets, pred_weights, target_weights, unbiased)
    return found if squared else mp.sqrt(max(found, mp.mpf(0)))


def _energy(
    predictions: Any,
    targets: Any,
    pred_weights: Any = None,
    target_weights: Any = None,
    beta: float = 1.0,
    unbiased: bool = False,
    squared: bool = True,
) -> Any:
    half = mp.mpf(beta) / 2

    def table(x: Any, y: Any) -> Any:
        squares = _squares(x, y)
        nothing = squares == 0
        return np.where(nothing, mp.mpf(0), -power(np.where(nothing, mp.mpf(1), squares), half))

    found = _averages(table, predictions, targets, pred_weights, target_weights, unbiased)
    return found if squared else mp.sqrt(max(found, mp.mpf(0)))


PROBABILITIES = ("predictions", "targets", "log_predictions", "log_targets")

EXACT = {
    "kl_divergence": over_arrays(_kl, PROBABILITIES),
    "reverse_kl_divergence": over_arrays(_reverse_kl, PROBABILITIES),
    "js_divergence": over_arrays(_js, PROBABILITIES),
    "js_distance": over_arrays(_js_distance, PROBABILITIES),
    "maximum_mean_discrepancy": over_arrays(_mmd, ("predictions", "targets")),
    "energy_distance": over_arrays(_energy, ("predictions", "targets")),
}
