"""Divergences between probabilities and between samples: their cases, and the same from outside."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log, sqrt
from typing import Any

import numpy as np

import lossary
from tests.support import properties as law
from tests.support.case import Bad, Case, Options, outside_unit
from tests.support.inputs import Arrays, Shape, f32
from tests.support.layout import Layout
from tests.support.references import Array, Reference, optax_function, tensor

ARRAYS = {"predictions", "targets", "log_predictions", "log_targets"}
OPTIONS = {"kernel_type", "kernel_bandwidth", "degree", "gamma", "coef0", "unbiased", "squared", "beta"}
NO_LOSSES = {
    "kl_divergence",
    "reverse_kl_divergence",
    "js_divergence",
    "js_distance",
    "maximum_mean_discrepancy",
    "energy_distance",
}
EXAMPLE = "kl"

# ---- probabilities: inputs ----


def rows(rng: np.random.Generator, shape: Shape) -> Arrays:
    """Two arrays of probabilities: sixteenths, none of them 0."""
    classes = shape[1]
    found = {}
    for name in ("predictions", "targets"):
        counts = 1 + rng.multinomial(16 - classes, np.full(classes, 1 / classes), (shape[0], *shape[2:]))
        found[name] = np.moveaxis(counts, -1, 1) / 16.0
    return found


EQUAL = [0.0, 0.125, 0.25, 0.5, 0.125]
# Rows that are equal, ratios of exactly 1 ± ½, where the forms change, and nothing where the other has something.
KINKS = {
    "predictions": np.array([EQUAL, [0.5, 0.25, 0.25, 0, 0], [0.375, 0.125, 0.5, 0, 0], [1, 0, 0, 0, 0]]),
    "targets": np.array([EQUAL, [0.25, 0.5, 0.25, 0, 0], [0.25, 0.25, 0.5, 0, 0], [0.5, 0.125, 0.125, 0.125, 0.125]]),
}

# ---- probabilities: from outside ----


def probabilities(kwargs: dict[str, Array]) -> tuple[Array, Array]:
    """Both arrays, with the classes along the last axis."""
    return np.moveaxis(kwargs["predictions"], 1, -1), np.moveaxis(kwargs["targets"], 1, -1)


def scipy_kl(**kwargs: Any) -> Array:
    from scipy.special import rel_entr

    return rel_entr(*probabilities(kwargs)).sum(-1)


def torch_kl(**kwargs: Any) -> Array:
    from torch.nn import functional

    p, q = probabilities(kwargs)
    return functional.kl_div(tensor(np.log(q)), tensor(p), reduction="none").sum(-1).numpy()


def optax_kl(**kwargs: Any) -> Array:
    p, q = probabilities(kwargs)
    return optax_function("kl_divergence", "log_targets", "predictions")(predictions=p, log_targets=np.log(q))


def exchanged(reference: Callable[..., Array]) -> Callable[..., Array]:
    return lambda predictions, targets: reference(predictions=targets, targets=predictions)


def scipy_js_distance(**kwargs: Any) -> Array:
    from scipy.spatial.distance import jensenshannon

    return np.asarray(jensenshannon(*probabilities(kwargs), axis=-1))


KL = tuple(Reference(name, fn) for name, fn in (("scipy", scipy_kl), ("torch", torch_kl), ("optax", optax_kl)))
REVERSE = tuple(Reference(reference.source, exchanged(reference.fn)) for reference in KL)
JS = (Reference("scipy", lambda **kwargs: scipy_js_distance(**kwargs) ** 2),)
JS_DISTANCE = (Reference("scipy", scipy_js_distance),)


def between(
    name: str, fn: Callable[..., Any], references: tuple[Reference, ...], high: float = inf, *laws: law.Property
) -> Case:
    """Of probabilities; their logarithms are in `tests/test_divergence.py` and among the probes."""
    always = (
        law.permutation_equivariant,
        law.class_permutation_invariant("predictions", "targets"),
        law.zero_where_equal("predictions", "targets"),
    )
    return Case(
        name=name,
        fn=fn,
        layout=Layout("example", "targets"),
        make=rows,
        references=references,
        kinks=KINKS,
        range=(-1e-15, high),
        properties=always + laws,
        bad=outside_unit("predictions") + outside_unit("targets"),
        shapes=("rows",),
        large=True,
    )


EVEN = law.symmetric("predictions", "targets")
PROBABILITIES = (
    between("kl", lossary.kl_divergence, KL),
    between("reverse_kl", lossary.reverse_kl_divergence, REVERSE),
    between("js", lossary.js_divergence, JS, log(2), EVEN),
    between("js_distance", lossary.js_distance, JS_DISTANCE, sqrt(log(2)), EVEN),
)

# ---- samples ----


def problems(rng: np.random.Generator, shape: Shape) -> Arrays:
    """Samples of 4 and of 3 points in the plane for each example, near enough for kernels to see."""
    return {"predictions": f32(rng.normal(size=(shape[0], 4, 2))), "targets": f32(rng.normal(1, 1, (shape[0], 3, 2)))}


def weighted_problems(rng: np.random.Generator, shape: Shape) -> Arrays:
    made = problems(rng, shape)
    weights = {"pred_weights": rng.integers(1, 8, (shape[0], 4)) / 4.0}
    return made | weights | {"target_weights": rng.integers(1, 8, (shape[0], 3)) / 4.0}


def distances(x: Array, y: Array) -> Array:
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1))


def averages(
    x: Array, y: Array, kernel: Callable[[Array, Array], Array], unbiased: bool, squared: bool, w: Array, v: Array
) -> float:
    """E k(x, x') + E k(y, y') − 2 E k(x, y), with every pair written down."""

    def within(points: Array, weights: Array) -> float:
        pairs = np.outer(weights, weights) * (1 - np.eye(len(points)) if unbiased else 1)
        return float((pairs * kernel(points, points)).sum() / pairs.sum())

    between = np.outer(w, v)
    value = within(x, w) + within(y, v) - 2 * float((between * kernel(x, y)).sum() / between.sum())
    return value if squared else sqrt(max(value, 0.0))


def over_problems(one: Callable[..., Callable[[Array, Array], Array]], squared: bool) -> Callable[..., Array]:
    """The averages for every problem of a batch, with the kernel that `one` makes of the options."""

    def reference(
        predictions: Array,
        targets: Array,
        pred_weights: Array | None = None,
        target_weights: Array | None = None,
        unbiased: bool = False,
        squared: bool = squared,
        **options: Any,
    ) -> Array:
        w = np.ones(predictions.shape[:-1]) if pred_weights is None else pred_weights
        v = np.ones(targets.shape[:-1]) if target_weights is None else target_weights
        rest = unbiased, squared
        items = zip(predictions, targets, w, v, strict=True)
        return np.array([averages(x, y, one(x, y, **options), *rest, *weights) for x, y, *weights in items])

    return reference


def kernel(
    x: Array,
    y: Array,
    kernel_type: str = "rbf",
    kernel_bandwidth: Any = 1.0,
    degree: int = 2,
    gamma: float = 1.0,
    coef0: float = 1.0,
) -> Callable[[Array, Array], Array]:
    """By scikit-learn; scipy's distances for Laplace's, which is one of Euclidean distances here."""
    from scipy.spatial.distance import cdist
    from sklearn.metrics.pairwise import linear_kernel, polynomial_kernel, rbf_kernel

    several = kernel_bandwidth if isinstance(kernel_bandwidth, tuple) else (kernel_bandwidth,)
    return {
        "rbf": lambda a, b: sum(rbf_kernel(a, b, gamma=1 / (2 * s**2)) for s in several),
        "laplace": lambda a, b: sum(np.exp(-cdist(a, b) / s) for s in several),
        "linear": linear_kernel,
        "polynomial": lambda a, b: polynomial_kernel(a, b, degree=degree, gamma=gamma, coef0=coef0),
    }[kernel_type]


def energy_kernel(x: Array, y: Array, beta: float = 1.0) -> Callable[[Array, Array], Array]:
    return lambda a, b: -(distances(a, b) ** beta)


MMD = Reference("sklearn", over_problems(kernel, squared=False))
ENERGY = Reference("closed form", over_problems(energy_kernel, squared=True))
KERNELS: tuple[Options, ...] = (
    {},
    {"kernel_bandwidth": (0.5, 1.0, 4.0)},
    {"kernel_type": "laplace", "kernel_bandwidth": 2.0},
    {"kernel_type": "linear"},
    {"kernel_type": "polynomial", "degree": 3, "gamma": 0.5, "coef0": 0.25},
)
WEIGHTED: tuple[Options, ...] = ({"squared": True}, {"kernel_type": "linear"}, {"kernel_type": "polynomial"})
UNBIASED: tuple[Options, ...] = ({"unbiased": True, "squared": True}, {"unbiased": True, "kernel_type": "polynomial"})
POWERS: tuple[Options, ...] = ({}, {"beta": 0.5}, {"beta": 2.0}, {"squared": False})
UNBIASED_POWERS: tuple[Options, ...] = ({"unbiased": True}, {"unbiased": True, "beta": 2.0})
MOVED = law.translation_invariant("predictions", "targets")
LIKE_ITSELF = law.permutation_equivariant
# Equal samples, equal points in one sample, and a sample far away.
POINTS = np.array([[0, 0], [1, 0], [0, 1], [0, 0]], float)
SAMPLE_KINKS = {
    "predictions": np.stack([np.zeros((4, 2)), POINTS, POINTS]),
    "targets": np.stack([np.zeros((3, 2)), POINTS[:3], POINTS[:3] + 8]),
}


def samples(name: str, fn: Callable[..., Any], reference: Reference, **rest: Any) -> Case:
    settings: dict[str, Any] = {
        "make": problems,
        "kinks": SAMPLE_KINKS,
        "properties": (LIKE_ITSELF,),
        "range": (0.0, inf),
    }
    return Case(
        name=name,
        fn=fn,
        layout=Layout("example", "predictions"),
        references=(reference,),
        shapes=("rows",),
        **settings | rest,
    )


SUMS = {"factor": 4.0, "reason": "the contract: 16 eps for sums of pairs that cancel"}
WEIGHTS = {"make": weighted_problems, "kinks": {}}
NEGATIVE = tuple(Bad(name, -0.5, f"{name} >= 0") for name in ("pred_weights", "target_weights"))

SAMPLES = (
    samples("mmd", lossary.maximum_mean_discrepancy, MMD, options=KERNELS, **SUMS),
    samples("mmd_weighted", lossary.maximum_mean_discrepancy, MMD, **WEIGHTS, options=WEIGHTED, bad=NEGATIVE, **SUMS),
    samples("mmd_unbiased", lossary.maximum_mean_discrepancy, MMD, options=UNBIASED, range=(-inf, inf), **SUMS),
    samples("energy", lossary.energy_distance, ENERGY, options=POWERS, properties=(LIKE_ITSELF, MOVED)),
    samples("energy_weighted", lossary.energy_distance, ENERGY, **WEIGHTS),
    samples("energy_unbiased", lossary.energy_distance, ENERGY, options=UNBIASED_POWERS, range=(-inf, inf)),
)

CASES = (*PROBABILITIES, *SAMPLES)
