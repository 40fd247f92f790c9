"""Optimal transport from outside: as the linear programme that it is, by scipy; blurred, by its own fixed point."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.support.references import Array


def shares(weights: Array | None, count: int) -> Array:
    return np.full(count, 1 / count) if weights is None else weights / weights.sum()


def cheapest(costs: Array, a: Array, b: Array) -> float:
    """min Σ π · cost over the plans with these marginals."""
    from scipy.optimize import linear_sum_assignment, linprog

    n, m = costs.shape
    if n == m and np.ptp(a) == np.ptp(b) == 0:
        return costs[linear_sum_assignment(costs)].mean()
    marginals = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    found = linprog(costs.ravel(), A_eq=marginals[:-1], b_eq=np.concatenate([a, b])[:-1], method="highs-ds")
    return found.fun


def on_the_line(
    p_samples: Array,
    q_samples: Array,
    p_weights: Array | None = None,
    q_weights: Array | None = None,
    p: float = 1,
    power: bool = False,
    axis: int = -1,
) -> Array:
    x, y = np.moveaxis(p_samples, axis, -1), np.moveaxis(q_samples, axis, -1)
    found = []
    for i in np.ndindex(x.shape[:-1]):
        a = shares(None if p_weights is None else p_weights[i], x.shape[-1])
        b = shares(None if q_weights is None else q_weights[i], y.shape[-1])
        found.append(cheapest(abs(x[i][:, None] - y[i]) ** p, a, b))
    costs = np.array(found).reshape(x.shape[:-1])
    return costs if power else costs ** (1 / p)


def scipy_on_the_line(p_samples: Array, q_samples: Array, **weights: Any) -> Array:
    from scipy.stats import wasserstein_distance

    names = [name for name in ("p_weights", "q_weights") if name in weights]
    rows = zip(p_samples, q_samples, *(weights[name] for name in names), strict=True)
    return np.array(
        [wasserstein_distance(x, y, **dict(zip(_SCIPY[: len(names)], w, strict=True))) for x, y, *w in rows]
    )


_SCIPY = ("u_weights", "v_weights")


def sliced(
    x: Array, y: Array, projections: Array, p: float = 2, power: bool = False, chunk_size: Any = None, **weights: Any
) -> Array:
    directions = projections / np.linalg.norm(projections, axis=-1, keepdims=True)
    given = {name.replace("x_", "p_").replace("y_", "q_"): array for name, array in weights.items()}
    costs = np.mean([on_the_line(x @ d, y @ d, p=p, power=True, **given) for d in directions], axis=0)
    return costs if power else costs ** (1 / p)


def table(x: Array, y: Array, p: float = 1) -> Array:
    return np.linalg.norm(x[:, None] - y, axis=-1) ** p


def earth_moved(x: Array, y: Array, x_weights: Array | None = None, y_weights: Array | None = None, **_: Any) -> Array:
    found = []
    for i, (first, second) in enumerate(zip(x, y, strict=True)):
        a = shares(None if x_weights is None else x_weights[i], len(first))
        b = shares(None if y_weights is None else y_weights[i], len(second))
        found.append(cheapest(table(first, second), a, b))
    return np.array(found)


def blurred(
    x: Array,
    y: Array,
    x_weights: Array | None = None,
    y_weights: Array | None = None,
    p: int = 2,
    epsilon: float | None = None,
    debiased: bool = True,
    **_: Any,
) -> Array:
    """Σ π cost + ε KL(π | a ⊗ b) at the fixed point of the plan's scalings, as in Cuturi's paper, then by Newton."""
    found = []
    for i, (first, second) in enumerate(zip(x, y, strict=True)):
        a = shares(None if x_weights is None else x_weights[i], len(first))
        b = shares(None if y_weights is None else y_weights[i], len(second))
        blur = epsilon or 0.05 * a @ table(first, second, p) @ b
        total = _blurred(table(first, second, p), a, b, blur)
        if debiased:
            total -= (_blurred(table(first, first, p), a, a, blur) + _blurred(table(second, second, p), b, b, blur)) / 2
        found.append(total)
    return np.array(found)


def _blurred(costs: Array, a: Array, b: Array, blur: float) -> float:
    kernel, right = np.exp(-costs / blur), np.ones(len(b))
    for _ in range(2_000):
        left = 1 / (kernel @ (b * right))
        right = 1 / (kernel.T @ (a * left))
    logs = np.log(np.concatenate([left, right]))
    for _ in range(8):  # scalings of a point far from all others need millions of steps, each too small to see
        plan = np.exp(logs[: len(a), None] + logs[len(a) :]) * np.outer(a, b) * kernel
        lacking = np.concatenate([a - plan.sum(1), b - plan.sum(0)])
        curvature = np.block([[np.diag(plan.sum(1)), plan], [plan.T, np.diag(plan.sum(0))]])
        logs += np.linalg.lstsq(curvature, lacking, rcond=1e-14)[0]
    return blur * (a @ logs[: len(a)] + b @ logs[len(a) :])
