"""Inputs that losses get wrong, with the right answers: ordinary ones, tails (losses next to 0) and extremes.

A probe is one call on a batch of items along axis 0, reduced by nothing, so that every item is looked at.
Its answers come from `tests.exact`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
import pytest

import lossary
from tests.exact import EXACT
from tests.support.frameworks import OnJax, OnNumpy, OnTorch, Outcome, row

Arrays = dict[str, np.ndarray]

ITEMS = 96
_NOT_REDUCED: dict[str, dict[str, Any]] = {
    "log_likelihood": {},
    "kl_divergence_diag_gaussian": {"reduce_sum": False},
    "elbo_loss": {"reduction": "none", "free_bits_over": "sample"},
}


@dataclass(frozen=True, eq=False, repr=False)
class Probe:
    loss: str
    arrays: Arrays  # in the order of the function's arguments
    options: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    wrt: tuple[str, ...] = ()  # the arguments whose gradients are looked at; all that have one unless given

    def __str__(self) -> str:
        options = ",".join(f"{k}={'…' if isinstance(v, tuple) else v}" for k, v in self.options.items())
        return "-".join(filter(None, [self.loss.removesuffix("_loss"), options, self.note]))

    __repr__ = __str__

    @property
    def fn(self) -> Callable[..., Any]:
        return getattr(lossary, self.loss)

    @property
    def kwargs(self) -> dict[str, Any]:
        """One loss per item."""
        return {**self.arrays, **self.options, **_NOT_REDUCED.get(self.loss, {"reduction": "none"})}

    def rounded(self, dtype: Any) -> Probe:
        """The same on inputs that `dtype` can hold."""
        arrays = {k: a.astype(dtype) if a.dtype.kind == "f" else a for k, a in self.arrays.items()}
        return replace(self, arrays=arrays)

    def first(self, items: int) -> Probe:
        return replace(self, arrays={k: a[:items] for k, a in self.arrays.items()})

    @cached_property
    def exact(self) -> Outcome:
        """The right answers, rounded to float64."""
        exact = EXACT[self.loss]
        rows = [[_plain(array[i]) for array in self.arrays.values()] for i in range(self.items)]
        values = [float(exact.value(*row, **self.options)) for row in rows]
        slopes = [exact.slopes(*row, **self.options) for row in rows]
        given = [name for name in exact.wrt if name in self.arrays]
        gradients = {name: np.array([_floats(slope[i]) for slope in slopes]) for i, name in enumerate(given)}
        gradients = {name: gradients[name] for name in self.wrt or gradients}
        return Outcome(np.array(values), gradients)

    @property
    def items(self) -> int:
        return len(next(iter(self.arrays.values())))


def _plain(item: Any) -> Any:
    return (
        item.astype(np.float64).tolist() if item.dtype.kind == "f" or item.dtype.name == "bfloat16" else item.tolist()
    )


def _floats(slope: Any) -> Any:
    return [float(s) for s in slope] if isinstance(slope, list) else float(slope)


# ---- how wrong an answer is ----


def errors(found: np.ndarray, exact: np.ndarray, dtype: Any = np.float32) -> np.ndarray:
    """Per item: |found − exact| / |exact|, with Euclidean norms where an item is a row.

    Where the exact number is too large for `dtype`, infinity is the right answer. Where it is within a factor
    of 100 of the subnormal numbers, which XLA takes for 0, any number as small is.
    """
    info, found = np.finfo(dtype), np.asarray(found, np.float64)
    assert found.shape == exact.shape, (found.shape, exact.shape)
    exact = np.where(np.abs(exact) > float(info.max), np.copysign(np.inf, exact), exact)
    with np.errstate(invalid="ignore"):
        difference = np.where(found == exact, 0.0, np.abs(found - exact))
    nothing = 100 * float(info.tiny)
    difference = np.where((np.abs(exact) < nothing) & (np.abs(found) <= nothing), 0.0, difference)
    difference, exact = difference.reshape(len(exact), -1), exact.reshape(len(exact), -1)
    size = np.sqrt(np.sum(np.where(np.isfinite(exact), exact, 0.0) ** 2, axis=1))
    off = np.sqrt(np.sum(difference**2, axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(off == 0, 0.0, off / size)
    return np.where(np.isnan(relative), np.inf, relative)


def norm_error(found: np.ndarray, exact: np.ndarray) -> float:
    """‖found − exact‖ / ‖exact‖ over the whole array."""
    return float(errors(np.asarray(found).reshape(1, -1), exact.reshape(1, -1))[0])


# ---- the inputs ----


def _rng(key: int) -> np.random.Generator:
    return np.random.default_rng(20_000 + key)


def _spread(rng: np.random.Generator, low: float, high: float, shape: Any) -> np.ndarray:
    """±10^u, u even in [low, high]."""
    return 10 ** rng.uniform(low, high, shape) * rng.choice([-1.0, 1.0], shape)


def _each(loss: str, arrays: Arrays, *options: dict[str, Any], note: str = "") -> Iterator[Probe]:
    for chosen in options or ({},):
        yield Probe(loss, arrays, chosen, note)


def _options(name: str, *values: Any, **fixed: Any) -> list[dict[str, Any]]:
    return [{name: value, **fixed} for value in values]


WEIGHTS = (0.5, 2.0, 1.0, 0.25, 3.0)  # of five classes
CLASSES = len(WEIGHTS)


def _regression(arrays: Arrays, note: str = "") -> Iterator[Probe]:
    for loss in ("mse_loss", "mae_loss", "log_cosh_loss"):
        yield Probe(loss, arrays, note=note)
    yield from _each("huber_loss", arrays, *_options("delta", 1.0, 0.3, 10.0), note=note)
    yield from _each("smooth_l1_loss", arrays, *_options("beta", 1.0, 0.0, 0.1, 7.0), note=note)
    charbonnier = {"epsilon": 1e-3}, {"epsilon": 0.5, "alpha": 0.45}, {"epsilon": 0.1, "alpha": 1.5}
    yield from _each("charbonnier_loss", arrays, *charbonnier, note=note)
    yield from _each("asymmetric_mse_loss", arrays, *_options("over_penalty", 2.0, 0.1, 0.01, 5.0), note=note)


def _binary(arrays: Arrays, note: str = "") -> Iterator[Probe]:
    smooth = _options("label_smoothing", 0.1, 1e-3)
    bce = {}, {"pos_weight": 3.0}, {"pos_weight": 0.1, "label_smoothing": 0.05}, *smooth
    yield from _each("binary_cross_entropy_loss", arrays, *bce, note=note)
    focal = {}, *_options("gamma", 0.0, 0.5, 1.0, 5.0), *_options("alpha", None, 0.9), *smooth
    yield from _each("binary_focal_loss", arrays, *focal, note=note)


def _labelled(logits: np.ndarray, labels: np.ndarray, note: str = "") -> Iterator[Probe]:
    arrays = {"logits": logits, "labels": labels}
    smooth = _options("label_smoothing", 0.1, 1e-3)
    weighted = {"class_weights": WEIGHTS}
    both = {**weighted, "label_smoothing": 0.1}
    yield from _each("cross_entropy_loss", arrays, {}, *smooth, weighted, both, note=note)
    focal = {}, *_options("gamma", 0.0, 0.5, 1.0, 5.0), *_options("alpha", 0.25, WEIGHTS)
    yield from _each("focal_loss", arrays, *focal, note=note)


def _soft(logits: np.ndarray, probs: np.ndarray, note: str = "") -> Iterator[Probe]:
    arrays = {"logits": logits, "probs": probs}
    options = (
        {},
        {"label_smoothing": 0.1},
        {"class_weights": WEIGHTS},
        {"class_weights": WEIGHTS, "label_smoothing": 0.1},
    )
    yield from _each("soft_cross_entropy_loss", arrays, *options, note=note)


def _one_hot(labels: np.ndarray, classes: int = CLASSES) -> np.ndarray:
    return np.eye(classes)[labels]


def ordinary() -> Iterator[Probe]:
    """What a training run sees."""
    rng = _rng(0)
    n = (ITEMS,)
    pair = {"predictions": rng.normal(0, 2, n), "targets": rng.normal(0, 2, n)}
    yield from _regression(pair)
    targets = np.concatenate([rng.integers(0, 2, ITEMS // 2), rng.random(ITEMS // 2)]).astype(float)
    yield from _binary({"logits": rng.normal(0, 3, n), "targets": targets})
    yield Probe(
        "binary_cross_entropy_loss", {"logits": rng.uniform(0.01, 0.99, n), "targets": targets}, {"from_logits": False}
    )
    logits, labels = rng.normal(0, 3, (ITEMS, CLASSES)), rng.integers(0, CLASSES, n)
    yield from _labelled(logits, labels)
    yield from _soft(logits, rng.dirichlet(np.ones(CLASSES), ITEMS))
    yield Probe("log_likelihood", {"x": labels, "x_hat": logits}, {"likelihood": "categorical"})
    yield Probe("log_likelihood", {"x": targets, "x_hat": rng.normal(0, 3, n)}, {"likelihood": "bernoulli"})
    data = {"x": pair["predictions"], "x_hat": pair["targets"]}
    yield from _each("log_likelihood", data, {}, {"full": True}, {"likelihood": "laplace", "full": True})
    yield from _each("log_likelihood", {**data, "logvar": rng.normal(0, 1, n)}, {}, {"full": True}, note="logvar")
    code = rng.normal(0, 1, (4, ITEMS))
    yield from _divergences(code[0], code[1], code[2], code[3], "plain")
    yield from _bounds(rng)


def _divergences(mu_q: Any, log_var_q: Any, mu_p: Any, log_var_p: Any, note: str = "") -> Iterator[Probe]:
    rows = {"mean": mu_q.reshape(-1, 4), "logvar": log_var_q.reshape(-1, 4)}
    yield Probe("gaussian_kl_divergence", rows, note=note)
    q = {"mu_q": mu_q, "log_var_q": log_var_q}
    yield Probe("kl_divergence_diag_gaussian", q, note="from-standard-" + note)
    yield Probe("kl_divergence_diag_gaussian", {**q, "mu_p": mu_p, "log_var_p": log_var_p}, note=note)


def _bounds(rng: np.random.Generator) -> Iterator[Probe]:
    examples, pixels, latents = 24, 6, 3
    code = {"mean": rng.normal(0, 1, (examples, latents)), "logvar": rng.normal(0, 1, (examples, latents))}
    output, data = rng.normal(0, 2, (2, examples, pixels))
    real = {"reconstruction": output, "targets": data, **code}
    yield from _each("elbo_loss", real, {"likelihood": "gaussian"}, {"likelihood": "laplace", "beta": 4.0})
    grey = {**real, "targets": rng.random((examples, pixels))}
    bernoulli = {"likelihood": "bernoulli"}
    yield from _each("elbo_loss", grey, bernoulli, {**bernoulli, "beta": 0.5, "free_bits": 0.3})


def tails() -> Iterator[Probe]:
    """Losses next to 0, where a formula that subtracts has nothing left."""
    rng = _rng(1)
    n = (ITEMS,)
    tiny = _spread(rng, -15, -3, n)
    yield from _regression({"predictions": tiny, "targets": np.zeros(n)}, "tiny")
    target = rng.normal(0, 1, n).astype(np.float32).astype(float)
    beside = target * (1 + rng.integers(1, 30, n) * 2.0**-23)
    yield from _regression({"predictions": beside, "targets": target}, "neighbours")

    sign = rng.choice([-1.0, 1.0], n)
    sure = {"logits": sign * np.linspace(5, 80, ITEMS), "targets": (sign > 0).astype(float)}
    yield from _each("binary_cross_entropy_loss", sure, {}, {"pos_weight": 3.0}, note="sure")
    yield from _each("binary_focal_loss", sure, *_options("gamma", 0.1, 0.5, 1.0, 2.0, 5.0, 10.0), note="sure")
    yield Probe("log_likelihood", {"x": sure["targets"], "x_hat": sure["logits"]}, {"likelihood": "bernoulli"}, "sure")
    gap = 10 ** rng.uniform(-30, -1, n)
    half = ITEMS // 2
    near = {"logits": np.concatenate([gap[:half], 1 - 2.0**-24 * rng.integers(1, 99, half)])}
    near["targets"] = np.repeat([0.0, 1.0], half)
    yield Probe("binary_cross_entropy_loss", near, {"from_logits": False}, "sure")

    labels = rng.integers(0, CLASSES, n)
    logits = rng.normal(0, 2, (ITEMS, CLASSES))
    logits[np.arange(ITEMS), labels] = 0.0
    logits[np.arange(ITEMS), labels] = logits.max(1) + np.linspace(5, 80, ITEMS)
    yield from _each(
        "cross_entropy_loss", {"logits": logits, "labels": labels}, {}, {"class_weights": WEIGHTS}, note="sure"
    )
    one_hot = {"logits": logits, "probs": _one_hot(labels)}
    yield from _each("soft_cross_entropy_loss", one_hot, {}, {"class_weights": WEIGHTS}, note="sure")
    focal = *_options("gamma", 0.1, 0.5, 1.0, 2.0, 5.0, 10.0), {"alpha": WEIGHTS}
    yield from _each("focal_loss", {"logits": logits, "labels": labels}, *focal, note="sure")
    yield Probe("log_likelihood", {"x": labels, "x_hat": logits}, {"likelihood": "categorical"}, "sure")

    flat = _spread(rng, -8, -2, n)
    yield from _divergences(_spread(rng, -15, -2, n), flat, np.zeros(n), np.zeros(n), "near")
    mu_p, log_var_p = rng.normal(0, 1, (2, ITEMS)).astype(np.float32).astype(float)
    yield from _divergences(mu_p + flat, log_var_p + flat[::-1], mu_p, log_var_p, "near-each-other")
    shift = {"x": tiny, "x_hat": np.zeros(n)}
    yield from _each("log_likelihood", shift, *_options("likelihood", "gaussian", "laplace"), note="tiny")
    rows = {"reconstruction": sure["logits"].reshape(-1, 4), "targets": sure["targets"].reshape(-1, 4)}
    code = {"mean": _spread(rng, -15, -2, (ITEMS // 4, 2)), "logvar": _spread(rng, -8, -2, (ITEMS // 4, 2))}
    yield Probe("elbo_loss", {**rows, **code}, {"likelihood": "bernoulli"}, "sure")


def extremes() -> Iterator[Probe]:
    """The edge of the domain, and options at the edge of theirs."""
    rng = _rng(2)
    n = (ITEMS,)
    far = np.concatenate([_spread(rng, 0, 18, ITEMS - 4), [1e18, -1e18, 1e18, 0.0]])
    other = np.concatenate([_spread(rng, 0, 18, ITEMS - 4), [-1e18, 1e18, 0.0, 0.0]])
    pair = {"predictions": far, "targets": other}
    yield from _regression(pair, "far")
    yield from _each("huber_loss", pair, *_options("delta", 1e-8, 1e8, 1e18), note="far")
    yield from _each("smooth_l1_loss", pair, *_options("beta", 1e-8, 1e8, 1e18), note="far")
    yield from _each("charbonnier_loss", pair, *_options("epsilon", 1e-8, 1.0, 1e3), note="far")
    yield from _each("charbonnier_loss", pair, *_options("alpha", 0.1, 0.45, 2.0), note="far")
    small = {"predictions": _spread(rng, -9, 4, n), "targets": np.zeros(n)}
    edges = *_options("epsilon", 1e-8, 1e3), *_options("alpha", 0.1, 3.0, epsilon=1e-8), {"epsilon": 1e3, "alpha": 2.0}
    yield from _each("charbonnier_loss", small, *edges, note="wide")
    yield from _each("asymmetric_mse_loss", small, *_options("over_penalty", 1e-8, 1e-3, 1e3, 1e8), note="wide")
    yield from _each("huber_loss", small, *_options("delta", 1e-8, 1e-4, 1e4), note="wide")
    yield from _each("smooth_l1_loss", small, *_options("beta", 1e-8, 1e-4, 1e4), note="wide")
    yield Probe("log_cosh_loss", {"predictions": np.linspace(0, 110, ITEMS), "targets": np.zeros(n)}, note="every-size")
    yield from _extreme_binary(rng)
    yield from _extreme_classes(rng)
    yield from _extreme_gaussians(rng)


def _extreme_binary(rng: np.random.Generator) -> Iterator[Probe]:
    logits = np.concatenate([_spread(rng, -3, 4, ITEMS - 4), [1e4, -1e4, 1e4, -1e4]])
    hard = np.concatenate([rng.integers(0, 2, ITEMS - 4), [0, 1, 1, 0]]).astype(float)
    arrays = {"logits": logits, "targets": hard}
    smooth = _options("label_smoothing", 0.5, 1e-6)
    yield from _each("binary_cross_entropy_loss", arrays, {}, *smooth, *_options("pos_weight", 1e-4, 1e4), note="far")
    # alpha = ¼ and gamma = 1 would make the slope towards the targets vanish to the last digit.
    gammas = _options("gamma", 0.0, 0.1, 0.5, 1.0, 2.0, 10.0, alpha=0.3)
    yield from _each("binary_focal_loss", arrays, *gammas, *_options("alpha", 0.0, 1.0, 1e-4), note="far")
    yield Probe("log_likelihood", {"x": hard, "x_hat": logits}, {"likelihood": "bernoulli"}, "far")
    soft = {"logits": logits, "targets": rng.uniform(0.05, 0.95, ITEMS)}
    yield from _each("binary_cross_entropy_loss", soft, {}, {"pos_weight": 1e4}, note="far-soft")
    yield from _each("binary_focal_loss", soft, *_options("gamma", 0.1, 10.0), note="far-soft")
    wrong = {"logits": 10 ** rng.uniform(-37, -1, ITEMS), "targets": np.ones(ITEMS)}
    yield from _each("binary_cross_entropy_loss", wrong, {"from_logits": False}, note="wrong")


def _extreme_classes(rng: np.random.Generator) -> Iterator[Probe]:
    labels = rng.integers(0, CLASSES, ITEMS)
    far = _spread(rng, -3, 4, (ITEMS, CLASSES))
    offset = rng.normal(0, 3, (ITEMS, CLASSES)) + rng.choice([-1e6, 1e6], (ITEMS, 1))
    impossible = rng.normal(0, 3, (ITEMS, CLASSES))
    impossible[(rng.random((ITEMS, CLASSES)) < 0.6) & ~_one_hot(labels).astype(bool)] = -np.inf
    for note, logits in {"far": far, "offset": offset, "impossible": impossible}.items():
        arrays = {"logits": logits, "labels": labels}
        smooth = () if note == "impossible" else _options("label_smoothing", 0.1, 0.9)
        yield from _each("cross_entropy_loss", arrays, {}, {"class_weights": WEIGHTS}, *smooth, note=note)
        yield from _each("focal_loss", arrays, *_options("gamma", 0.0, 0.1, 0.5, 1.0, 2.0, 10.0), note=note)
        yield Probe("log_likelihood", {"x": labels, "x_hat": logits}, {"likelihood": "categorical"}, note)
        probs = _one_hot(labels) if note == "impossible" else rng.dirichlet(np.ones(CLASSES), ITEMS)
        # Towards the share of an impossible class the slope is infinite; any finite number serves as well.
        wrt = ("logits",) if note == "impossible" else ()
        yield Probe("soft_cross_entropy_loss", {"logits": logits, "probs": probs}, {}, note, wrt)
    for classes, note in ((1, "one-class"), (2, "two-classes")):
        arrays = {"logits": rng.normal(0, 3, (ITEMS, classes)), "labels": rng.integers(0, classes, ITEMS)}
        yield from _each("cross_entropy_loss", arrays, {}, {"label_smoothing": 0.1}, note=note)
        yield Probe("focal_loss", arrays, {}, note)
        one_hot = {"logits": arrays["logits"], "probs": _one_hot(arrays["labels"], classes)}
        yield Probe("soft_cross_entropy_loss", one_hot, {}, note)
    vocabulary = {"logits": rng.normal(0, 3, (1, 50_000)), "labels": np.array([7])}
    yield Probe("cross_entropy_loss", vocabulary, {}, "many-classes")


def _extreme_gaussians(rng: np.random.Generator) -> Iterator[Probe]:
    wide = np.concatenate([rng.uniform(-80, 80, ITEMS - 4), [80, -80, 80, -80]])
    means = np.concatenate([_spread(rng, -3, 18, ITEMS - 4), [1e18, -1e18, 0.0, 0.0]])
    others = rng.permutation(wide)
    yield from _divergences(means, wide, rng.permutation(means), others, "wide")
    yield from _divergences(means, wide, means, wide, "same")
    yield Probe("log_likelihood", {"x": means, "x_hat": rng.permutation(means), "logvar": wide}, {}, "wide")
    yield Probe("log_likelihood", {"x": means, "x_hat": rng.permutation(means), "logvar": wide}, {"full": True}, "wide")
    yield Probe("log_likelihood", {"x": means, "x_hat": -means}, {"likelihood": "laplace"}, "far")
    output, data = means.reshape(-1, 4), rng.permutation(means).reshape(-1, 4)
    code = {"mean": rng.permutation(means)[: ITEMS // 4].reshape(-1, 1), "logvar": wide[: ITEMS // 4].reshape(-1, 1)}
    arrays = {"reconstruction": output, "targets": data, **code}
    yield from _each(
        "elbo_loss", arrays, {"likelihood": "gaussian"}, {"likelihood": "laplace", "beta": 1e-3}, note="far"
    )


# ---- in float32, on the three frameworks, measured once for all tests ----

ORDINARY = [probe.rounded(np.float32) for probe in ordinary()]
TAILS = [probe.rounded(np.float32) for probe in tails()]
EXTREMES = [probe.rounded(np.float32) for probe in extremes()]


def one_each(probes: list[Probe]) -> list[Probe]:
    """The first probe of each loss."""
    return list({probe.loss: probe for probe in reversed(probes)}.values())


_ROWS = [row(kind, "f32") for kind in (OnNumpy, OnTorch, OnJax)]
NUMPY_F32, TORCH_F32, JAX_F32 = (one.values[0] for one in _ROWS)
every_framework = pytest.mark.parametrize("framework", _ROWS)
without_compiling = pytest.mark.parametrize("framework", _ROWS[:2])
with_gradients = pytest.mark.parametrize("framework", _ROWS[1:])
on_torch = pytest.mark.parametrize("framework", _ROWS[1:2])
on_jax = pytest.mark.parametrize("framework", _ROWS[2:])


def over(probes: list[Probe]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("probe", probes, ids=str)


@cache
def measured(framework: OnNumpy, probe: Probe) -> Outcome:
    """What the loss gives per item, with gradients; compiled on JAX."""
    return framework.outcome(probe.fn, probe.kwargs)
