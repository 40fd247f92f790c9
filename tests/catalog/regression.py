"""Losses of an error: their cases, and the same losses from outside."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log, pi
from typing import Any

import numpy as np

import lossary
from tests.support import properties as law
from tests.support.case import Case
from tests.support.inputs import NO_ERROR, pair
from tests.support.layout import ELEMENT
from tests.support.references import Array, Reference, optax_function, torch_functional

ARRAYS = {"predictions", "targets"}
EXAMPLE = "huber"
OPTIONS = {"delta", "beta", "epsilon", "alpha", "over_penalty"}

# ---- from outside ----


def of_error(function: Callable[..., Array]) -> Callable[..., Array]:
    """A closed form in the error."""
    return lambda predictions, targets, **options: function(predictions - targets, **options)


def scipy_huber(predictions: Array, targets: Array, delta: float = 1.0) -> Array:
    from scipy.special import huber

    return huber(delta, predictions - targets)


def scipy_log_cosh(predictions: Array, targets: Array) -> Array:
    from scipy.stats import hypsecant  # its density is 1 / (π cosh x)

    return -hypsecant.logpdf(predictions - targets) - log(pi)


def scipy_charbonnier(predictions: Array, targets: Array, epsilon: float = 1e-3) -> Array:
    from scipy.special import pseudo_huber  # ε² (√(1 + (err / ε)²) − 1)

    return pseudo_huber(epsilon, predictions - targets) / epsilon + epsilon


# ---- the cases ----

DIFFERENCE = (law.permutation_equivariant, law.translation_invariant("predictions", "targets"))
TO_TARGET = (law.zero_where_equal("predictions", "targets"), law.convex("predictions"))
SLOPE_ONE = law.lipschitz(lambda _: 1, "predictions")
EVEN = (law.symmetric("predictions", "targets"),)


def regression(
    name: str, fn: Callable[..., Any], *references: Reference, properties: tuple[law.Property, ...], **rest: Any
) -> Case:
    return Case(
        name=name,
        fn=fn,
        layout=ELEMENT,
        large=True,
        make=pair("predictions", "targets"),
        references=references,
        kinks=NO_ERROR,
        range=(0.0, inf),
        properties=DIFFERENCE + properties,
        **rest,
    )


CASES = (
    regression(
        "mse",
        lossary.mse_loss,
        Reference("torch", torch_functional("mse_loss")),
        Reference("optax", optax_function("squared_error", "predictions", "targets")),
        properties=(*TO_TARGET, *EVEN, law.homogeneous(2, "predictions", "targets")),
    ),
    regression(
        "mae",
        lossary.mae_loss,
        Reference("torch", torch_functional("l1_loss")),
        properties=(*TO_TARGET, *EVEN, SLOPE_ONE, law.homogeneous(1, "predictions", "targets")),
    ),
    regression(
        "huber",
        lossary.huber_loss,
        Reference("torch", torch_functional("huber_loss")),
        Reference("optax", optax_function("huber_loss", "predictions", "targets")),
        Reference("scipy", scipy_huber),
        options=({}, {"delta": 0.25}, {"delta": 8.0}),
        properties=(*TO_TARGET, *EVEN, law.lipschitz(lambda kwargs: kwargs.get("delta", 1), "predictions")),
    ),
    regression(
        "smooth_l1",
        lossary.smooth_l1_loss,
        Reference("torch", torch_functional("smooth_l1_loss")),
        options=({}, {"beta": 0.0}, {"beta": 0.5}, {"beta": 8.0}),
        properties=(*TO_TARGET, *EVEN, SLOPE_ONE),
    ),
    regression(
        "log_cosh",
        lossary.log_cosh_loss,
        Reference("optax", optax_function("log_cosh", "predictions", "targets")),
        Reference("scipy", scipy_log_cosh),
        properties=(*TO_TARGET, *EVEN, SLOPE_ONE),
    ),
    regression(
        "charbonnier",
        lossary.charbonnier_loss,
        Reference("scipy", scipy_charbonnier, covers=("epsilon",)),
        Reference("closed form", of_error(lambda error, epsilon=1e-3, alpha=1.0: np.hypot(error, epsilon) ** alpha)),
        options=({}, {"epsilon": 0.5}, {"alpha": 0.5}, {"epsilon": 1.0, "alpha": 2.0}, {"epsilon": 0.25, "alpha": 3.0}),
        properties=(*EVEN, law.in_range(1e-3, inf)),
    ),
    regression(
        "asymmetric_mse",
        lossary.asymmetric_mse_loss,
        Reference("closed form", of_error(lambda e, over_penalty=2.0: np.where(e > 0, over_penalty, 1.0) * e**2)),
        options=({}, {"over_penalty": 0.5}, {"over_penalty": 1.0}, {"over_penalty": 8.0}),
        properties=(*TO_TARGET, law.homogeneous(2, "predictions", "targets")),
    ),
)
