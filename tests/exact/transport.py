"""Optimal transport: on the line and sliced by sorting, between few points by trying every matching.

Blurred between clouds of two points each: the plan has one unknown entry, so the answer is in closed form.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np

from tests.exact.arithmetic import mp
from tests.exact.arrays import exp, log, norm, over_arrays, power


def _sums(masses: Any) -> list[Any]:
    found = [mp.mpf(0)]
    for mass in masses:
        found.append(found[-1] + mass)
    return found


def _moved(x: Any, y: Any, a: Any, b: Any, p: Any) -> Any:
    """∫ |P⁻¹ − Q⁻¹|^p du, walking along both samples."""
    x_order, y_order = np.argsort(x), np.argsort(y)
    a = np.full(len(x), mp.mpf(1) / len(x), object) if a is None else a / a.sum()
    b = np.full(len(y), mp.mpf(1) / len(y), object) if b is None else b / b.sum()
    x, a, y, b = x[x_order], _sums(a[x_order]), y[y_order], _sums(b[y_order])
    total = mp.mpf(0)
    for i in range(len(x)):
        for j in range(len(y)):
            length = min(a[i + 1], b[j + 1]) - max(a[i], b[j])
            if length > 0:
                total += length * power(abs(x[i] - y[j]), p)
    return total


def _wasserstein(
    p_samples: Any, q_samples: Any, p_weights: Any = None, q_weights: Any = None, p: Any = 1, power: bool = False
) -> Any:
    moved = _moved(p_samples, q_samples, p_weights, q_weights, p)
    return moved if power or p == 1 or moved == 0 else moved ** (mp.mpf(1) / p)


def _sliced(
    x: Any, y: Any, projections: Any, x_weights: Any = None, y_weights: Any = None, p: Any = 2, power: bool = False
) -> Any:
    directions = projections / norm(projections, keepdims=True)
    moved = sum(_moved(x @ d, y @ d, x_weights, y_weights, p) for d in directions) / len(directions)
    return moved if power or p == 1 or moved == 0 else moved ** (mp.mpf(1) / p)


def _table(x: Any, y: Any, p: int = 1) -> Any:
    return norm(x[:, None] - y) ** p


def _earth_mover(x: Any, y: Any, **_: Any) -> Any:
    costs, rows = _table(x, y), range(len(x))
    return min(sum(costs[i, j] for i, j in zip(rows, order, strict=True)) for order in permutations(rows)) / len(x)


def _blurred(costs: Any, blur: Any) -> Any:
    """Two points to two points, of mass ½ each: π = [[t, ½ − t], [½ − t, t]]."""
    odds = exp(-(costs[0, 0] + costs[1, 1] - costs[0, 1] - costs[1, 0]) / (2 * blur))
    straight, crossed = odds / (1 + odds) / 2, 1 / (1 + odds) / 2
    moved = straight * (costs[0, 0] + costs[1, 1]) + crossed * (costs[0, 1] + costs[1, 0])
    return moved + 2 * blur * (straight * log(4 * straight) + crossed * log(4 * crossed))


def _sinkhorn(x: Any, y: Any, p: int = 2, epsilon: Any = None, debiased: bool = True, **_: Any) -> Any:
    costs = _table(x, y, p)
    blur = costs.sum() / 80 if epsilon is None else mp.mpf(epsilon)
    own = (_blurred(_table(x, x, p), blur) + _blurred(_table(y, y, p), blur)) / 2 if debiased else 0
    return _blurred(costs, blur) - own


def of_clouds(x: Any, y: Any, blur: Any) -> tuple[Any, Any]:
    """The divergence for p = 2, and its gradient towards x, of few points of equal shares: by Newton's method."""
    x, y = (np.array([[mp.mpf(float(c)) for c in point] for point in cloud], object) for cloud in (x, y))
    (across, moved), (first, within), (second, _) = (_planned(a, b, blur) for a, b in ((x, y), (x, x), (y, y)))
    slope = [sum(2 * moved[i, :, None] * (x[i] - y)) - sum(2 * within[i, :, None] * (x[i] - x)) for i in range(len(x))]
    return across - (first + second) / 2, np.array(slope)


def _planned(x: Any, y: Any, blur: Any) -> tuple[Any, Any]:
    """The blurred cost and the plan. The potential of a point of y is left at 0, so that they are determined."""
    costs, n = _table(x, y, 2), len(x)
    share, exponents, potentials = mp.mpf(1) / n**2, -costs / blur, np.zeros(2 * n, object)
    for _ in range(40):  # until Newton's method is safe
        potentials[n:] = -log(exp(exponents + potentials[:n, None]).sum(0) / n)
        potentials[:n] = -log(exp(exponents + potentials[n:]).sum(1) / n)
    while True:
        plan = share * exp(exponents + potentials[:n, None] + potentials[n:])
        rows, columns = plan.sum(1), plan.sum(0)
        lacking = np.concatenate([1 / mp.mpf(n) - rows, 1 / mp.mpf(n) - columns[1:]])
        if max(abs(lacking)) < mp.mpf(10) ** -40:
            return blur * potentials.sum() / n, plan
        curvature = mp.diag([*rows, *columns[1:]])
        for i in range(n):
            for j in range(1, n):
                curvature[i, n + j - 1] = curvature[n + j - 1, i] = plan[i, j]
        change = np.array(list(mp.lu_solve(curvature, mp.matrix(lacking))))
        change = np.concatenate([change[:n], [mp.mpf(0)], change[n:]])
        potentials = potentials + change * min(mp.mpf(1), 2 / max(abs(change)))


EXACT = {
    "wasserstein_distance": over_arrays(_wasserstein, wrt=("p_samples", "q_samples")),
    "sliced_wasserstein_distance": over_arrays(_sliced, wrt=("x", "y")),
    "earth_mover_distance": over_arrays(_earth_mover, wrt=("x", "y")),
    "sinkhorn_divergence": over_arrays(_sinkhorn, wrt=("x", "y")),
}
