"""The table's rows: every loss with its inputs, outside references, option values and properties.

All generic tests run over `CASES`. A case is one way of calling a loss that has inputs of its own, so that a loss of
several kinds of data (`log_likelihood`, say) has several cases. A public loss without one fails the suite.
Classes lie along axis 1, on every framework.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np
import pytest

import lossary
from tests.support import properties as law
from tests.support import references as ref
from tests.support.case import Bad as Bad
from tests.support.case import Case as Case
from tests.support.case import Options as Options
from tests.support.case import short as short
from tests.support.inputs import (
    ANSWERS,
    CLASSES,
    ERRORS,
    LATENT,
    LATENT_KINKS,
    LOGVARS,
    MEANS,
    NO_ERROR,
    ONE_WITHOUT,
    PER_CLASS,
    SCORES,
    TIE_LABELS,
    TIES,
    Arrays,
    Maker,
    answers,
    autoencoder,
    f32,
    gaussians,
    pair,
    scores_and_answers,
    scores_and_labels,
    scores_and_probs,
)
from tests.support.layout import CLASS_AXIS, Layout
from tests.support.references import Reference

ELEMENT = Layout("element", "predictions")
ANSWERED = Layout("element", "targets")
LABELLED = Layout("class", "logits")
EXAMPLES = Layout("example", "mean")

# ---- regression ----

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
        make=pair("predictions", "targets"),
        references=references,
        kinks=NO_ERROR,
        range=(0.0, inf),
        properties=DIFFERENCE + properties,
        **rest,
    )


REGRESSION = (
    regression(
        "mse",
        lossary.mse_loss,
        Reference("torch", ref.torch_functional("mse_loss")),
        Reference("optax", ref.optax_function("squared_error", "predictions", "targets")),
        properties=(*TO_TARGET, *EVEN, law.homogeneous(2, "predictions", "targets")),
    ),
    regression(
        "mae",
        lossary.mae_loss,
        Reference("torch", ref.torch_functional("l1_loss")),
        properties=(*TO_TARGET, *EVEN, SLOPE_ONE, law.homogeneous(1, "predictions", "targets")),
    ),
    regression(
        "huber",
        lossary.huber_loss,
        Reference("torch", ref.torch_functional("huber_loss")),
        Reference("optax", ref.optax_function("huber_loss", "predictions", "targets")),
        Reference("scipy", ref.scipy_huber),
        options=({}, {"delta": 0.25}, {"delta": 8.0}),
        properties=(*TO_TARGET, *EVEN, law.lipschitz(lambda kwargs: kwargs.get("delta", 1), "predictions")),
    ),
    regression(
        "smooth_l1",
        lossary.smooth_l1_loss,
        Reference("torch", ref.torch_functional("smooth_l1_loss")),
        options=({}, {"beta": 0.0}, {"beta": 0.5}, {"beta": 8.0}),
        properties=(*TO_TARGET, *EVEN, SLOPE_ONE),
    ),
    regression(
        "log_cosh",
        lossary.log_cosh_loss,
        Reference("optax", ref.optax_function("log_cosh", "predictions", "targets")),
        Reference("scipy", ref.scipy_log_cosh),
        properties=(*TO_TARGET, *EVEN, SLOPE_ONE),
    ),
    regression(
        "charbonnier",
        lossary.charbonnier_loss,
        Reference("scipy", ref.scipy_charbonnier, covers=("epsilon",)),
        Reference(
            "closed form", ref.of_error(lambda error, epsilon=1e-3, alpha=1.0: np.hypot(error, epsilon) ** alpha)
        ),
        options=({}, {"epsilon": 0.5}, {"alpha": 0.5}, {"epsilon": 1.0, "alpha": 2.0}, {"epsilon": 0.25, "alpha": 3.0}),
        properties=(*EVEN, law.in_range(1e-3, inf)),
    ),
    regression(
        "asymmetric_mse",
        lossary.asymmetric_mse_loss,
        Reference("closed form", ref.of_error(lambda e, over_penalty=2.0: np.where(e > 0, over_penalty, 1.0) * e**2)),
        options=({}, {"over_penalty": 0.5}, {"over_penalty": 1.0}, {"over_penalty": 8.0}),
        properties=(*TO_TARGET, law.homogeneous(2, "predictions", "targets")),
    ),
)

# ---- classification ----

BINARY = (law.permutation_equivariant, law.complementary("logits", "targets"))
CATEGORICAL = (law.permutation_equivariant, law.shift_invariant())


def outside_unit(argument: str, note: str = "") -> tuple[Bad, ...]:
    return tuple(Bad(argument, value, f"{argument} in [0, 1]{note}") for value in (-0.5, 1.5))


def no_class(argument: str, ignore: str = " or ignore_index -100", **rest: Any) -> tuple[Bad, ...]:
    return tuple(Bad(argument, value, f"labels in [0, {CLASSES}){ignore}", **rest) for value in (-1, CLASSES, 99))


def negative(argument: str) -> Bad:
    return Bad(argument, -1.0, f"{argument} >= 0", options={argument: np.array(PER_CLASS)})


CLASSIFICATION = (
    Case(
        name="binary_cross_entropy",
        fn=lossary.binary_cross_entropy_loss,
        layout=ANSWERED,
        make=scores_and_answers(),
        references=(
            Reference("torch", ref.torch_binary_cross_entropy),
            Reference("optax", ref.optax_function("sigmoid_binary_cross_entropy", "logits", "targets"), covers=()),
        ),
        kinks={"logits": SCORES, "targets": ANSWERS},
        range=(0.0, inf),
        options=(
            {},
            {"pos_weight": 3.0},
            {"pos_weight": 0.0},
            {"pos_weight": PER_CLASS},
            {"pos_weight": np.array(ONE_WITHOUT)},
            {"label_smoothing": 0.25},
            {"ignore_index": -1},
            {"ignore_index": 1, "label_smoothing": 0.25},
            {"ignore_index": 255, "pos_weight": PER_CLASS, "label_smoothing": 0.25},
        ),
        properties=(*BINARY, law.convex("logits"), law.lipschitz(lambda _: 1, "logits")),
        bad=(*outside_unit("targets"), negative("pos_weight")),
        ignored="targets",
    ),
    Case(
        name="binary_cross_entropy_of_probabilities",
        fn=lossary.binary_cross_entropy_loss,
        fixed={"from_logits": False},
        layout=ANSWERED,
        make=lambda rng, shape: {"logits": answers(rng, shape), "targets": answers(rng, shape)},
        references=(Reference("scipy", ref.scipy_binary_cross_entropy_of_probabilities),),
        kinks={"logits": np.array([[0.0, 1.0, 0.5, 0.5, 0.25]]), "targets": np.array([[0.0, 1.0, 0.0, 1.0, 0.5]])},
        range=(0.0, inf),
        options=(
            {},
            {"pos_weight": 3.0},
            {"pos_weight": PER_CLASS},
            {"label_smoothing": 0.25, "pos_weight": np.array(PER_CLASS)},
        ),
        properties=(law.permutation_equivariant,),
        bad=(
            *outside_unit("targets"),
            *outside_unit("logits", " (probabilities, as from_logits=False says)"),
        ),
        ignored="targets",
    ),
    Case(
        name="cross_entropy",
        fn=lossary.cross_entropy_loss,
        layout=LABELLED,
        make=scores_and_labels(),
        references=(
            Reference("torch", ref.torch_cross_entropy),
            Reference(
                "optax",
                ref.optax_function("softmax_cross_entropy_with_integer_labels", "logits", "labels", axis=CLASS_AXIS),
                covers=(),
            ),
        ),
        kinks={"logits": TIES, "labels": TIE_LABELS},
        range=(0.0, inf),
        options=(
            {},
            {"class_weights": PER_CLASS},
            {"class_weights": np.array(ONE_WITHOUT)},
            {"label_smoothing": 0.25},
            {"ignore_index": -100},
            {"ignore_index": 2},
            {"ignore_index": None},
            {"class_weights": PER_CLASS, "label_smoothing": 0.25},
            {"label_smoothing": 0.25, "ignore_index": 2},
            {"class_weights": np.array(ONE_WITHOUT), "label_smoothing": 0.25, "ignore_index": -1},
        ),
        properties=(*CATEGORICAL, law.class_permutation_invariant("labels"), law.convex("logits")),
        bad=(*no_class("labels"), negative("class_weights")),
        ignored="labels",
        share=ref.label_share,
    ),
    Case(
        name="soft_cross_entropy",
        fn=lossary.soft_cross_entropy_loss,
        layout=LABELLED,
        make=scores_and_probs,
        references=(
            Reference("torch", ref.torch_soft_cross_entropy),
            Reference(
                "optax", ref.optax_function("softmax_cross_entropy", "logits", "probs", axis=CLASS_AXIS), covers=()
            ),
        ),
        kinks={
            "logits": TIES,
            "probs": np.array([[0, 0, 0, 0, 1], [0.5, 0.5, 0, 0, 0], [0.25] * 4 + [0], [1, 0, 0, 0, 0], [0.2] * 5]),
        },
        range=(0.0, inf),
        options=(
            {},
            {"class_weights": PER_CLASS},
            {"label_smoothing": 0.25},
            {"class_weights": np.array(ONE_WITHOUT), "label_smoothing": 0.25},
        ),
        properties=(*CATEGORICAL, law.class_permutation_invariant("probs"), law.convex("logits")),
        bad=(*outside_unit("probs"), negative("class_weights")),
        share=ref.soft_share,
    ),
    Case(
        name="binary_focal",
        fn=lossary.binary_focal_loss,
        layout=ANSWERED,
        make=scores_and_answers(),
        references=(
            Reference("torch", ref.torch_binary_focal),
            Reference("optax", ref.optax_binary_focal, covers=("alpha", "gamma")),
        ),
        kinks={"logits": SCORES, "targets": ANSWERS},
        range=(0.0, inf),
        options=(
            {},
            {"alpha": None},
            {"gamma": 0.0},
            {"gamma": 0.5},
            {"alpha": 1.0, "gamma": 1.0},
            {"alpha": 0.0, "gamma": 5.0},
            {"label_smoothing": 0.25, "alpha": None},
            {"ignore_index": -1, "label_smoothing": 0.25, "alpha": 0.75},
        ),
        properties=(law.permutation_equivariant,),
        bad=outside_unit("targets"),
        ignored="targets",
    ),
    Case(
        name="focal",
        fn=lossary.focal_loss,
        layout=LABELLED,
        make=scores_and_labels(),
        references=(Reference("torch", ref.torch_focal),),
        kinks={"logits": TIES, "labels": TIE_LABELS},
        range=(0.0, inf),
        options=(
            {},
            {"alpha": 0.25},
            {"alpha": PER_CLASS},
            {"alpha": np.array(ONE_WITHOUT), "gamma": 0.5},
            {"gamma": 0.0},
            {"gamma": 5.0, "ignore_index": 2},
            {"ignore_index": None, "gamma": 1.0},
        ),
        properties=(*CATEGORICAL, law.class_permutation_invariant("labels")),
        bad=(*no_class("labels"), negative("alpha")),
        ignored="labels",
    ),
)

# ---- likelihood ----

TOLD = "(categorical: {} are the labels, {} the logits)"


def log_likelihood(kind: str, name: str = "", **rest: Any) -> Case:
    settings: dict[str, Any] = {
        "layout": Layout("element", "x"),
        "make": pair("x", "x_hat"),
        "kinks": {"x": ERRORS, "x_hat": np.zeros_like(ERRORS)},
        "range": (-inf, 0.0),
        "options": ({}, {"full": True}),
        "properties": (law.permutation_equivariant,),
    }
    return Case(
        name=f"log_likelihood_{name or kind}",
        fn=lossary.log_likelihood,
        fixed={"likelihood": kind},
        references=(Reference("torch" if kind in ("bernoulli", "categorical") else "scipy", ref.log_likelihood),),
        **settings | rest,
    )


def elbo(name: str, kind: str, data: Maker, kinks: Arrays, **rest: Any) -> Case:
    settings: dict[str, Any] = {
        "fixed": {"likelihood": kind},
        "make": autoencoder(data),
        "properties": (law.permutation_equivariant,),
    } | rest
    return Case(
        name=f"elbo_{name}",
        fn=lossary.elbo_loss,
        layout=EXAMPLES,
        references=(Reference("torch", ref.elbo),),
        kinks=kinks | {"mean": MEANS[:, :LATENT], "logvar": LOGVARS[:, :LATENT]},
        range=(0.0, inf),
        masks="values",
        **settings,
    )


REAL_KINKS = {"reconstruction": ERRORS, "targets": np.zeros_like(ERRORS)}
REAL_DATA = pair("reconstruction", "targets")

LIKELIHOOD = (
    log_likelihood("gaussian", properties=(law.permutation_equivariant, law.symmetric("x", "x_hat"))),
    log_likelihood(
        "gaussian", name="gaussian_logvar", make=gaussians("x", "x_hat", "logvar"), kinks={}, range=(-inf, inf)
    ),
    log_likelihood("laplace", properties=(law.permutation_equivariant, law.symmetric("x", "x_hat"))),
    log_likelihood(
        "bernoulli",
        make=scores_and_answers("x_hat", "x"),
        kinks={"x_hat": SCORES, "x": ANSWERS},
        properties=(law.permutation_equivariant, law.complementary("x_hat", "x")),
        bad=outside_unit("x", ", as likelihood 'bernoulli' requires"),
    ),
    log_likelihood(
        "categorical",
        layout=Layout("class", "x_hat"),
        make=scores_and_labels("x_hat", "x"),
        kinks={"x_hat": TIES, "x": TIE_LABELS},
        properties=(
            law.permutation_equivariant,
            law.shift_invariant("x_hat"),
            law.class_permutation_invariant("x", "x_hat"),
        ),
        bad=no_class("x", ignore="", prefix=f"log_likelihood {TOLD.format('x', 'x_hat')}", called="labels"),
    ),
    Case(
        name="gaussian_kl",
        fn=lossary.gaussian_kl_divergence,
        layout=EXAMPLES,
        make=gaussians("mean", "logvar"),
        references=(Reference("torch", ref.torch_standard_kl),),
        kinks=LATENT_KINKS,
        range=(0.0, inf),
        properties=(law.permutation_equivariant, law.zero_at(mean=0, logvar=0), law.convex("mean", "logvar")),
    ),
    Case(
        name="kl_diag_gaussian",
        fn=lossary.kl_divergence_diag_gaussian,
        layout=Layout("element", "mu_q"),
        make=gaussians("mu_q", "log_var_q", "mu_p", "log_var_p"),
        references=(Reference("torch", ref.torch_diagonal_kl),),
        kinks={"mu_q": MEANS, "log_var_q": LOGVARS, "mu_p": MEANS, "log_var_p": LOGVARS},
        range=(0.0, inf),
        options=({}, {"reduce_sum": False}, {"axis": 1}),
        properties=(
            law.permutation_equivariant,
            law.translation_invariant("mu_q", "mu_p"),
            law.zero_at(mu_q=3, mu_p=3, log_var_q=80, log_var_p=80),
        ),
    ),
    *(
        Case(
            name=f"kl_diag_gaussian_{name}",
            fn=lossary.kl_divergence_diag_gaussian,
            layout=Layout("element", "mu_q"),
            make=gaussians("mu_q", "log_var_q", *prior),
            references=(Reference("torch", ref.torch_diagonal_kl),),
            kinks={role: MEANS if "mu" in role else LOGVARS for role in ("mu_q", "log_var_q", *prior)},
            range=(0.0, inf),
            properties=(law.permutation_equivariant,),
        )
        for name, prior in {"standard": (), "mean_given": ("mu_p",), "variance_given": ("log_var_p",)}.items()
    ),
    elbo("gaussian", "gaussian", REAL_DATA, REAL_KINKS, options=({}, {"beta": 4.0}, {"beta": 0.0})),
    elbo("laplace", "laplace", REAL_DATA, REAL_KINKS),
    elbo(
        "bernoulli",
        "bernoulli",
        scores_and_answers("reconstruction", "targets"),
        {"reconstruction": SCORES, "targets": ANSWERS},
        bad=outside_unit("targets", ", as likelihood 'bernoulli' requires"),
    ),
    elbo(
        "categorical",
        "categorical",
        scores_and_labels("reconstruction", "targets"),
        {"reconstruction": TIES[:2], "targets": TIE_LABELS[:2]},
        bad=no_class(
            "targets", ignore="", prefix=f"elbo_loss {TOLD.format('targets', 'reconstruction')}", called="labels"
        ),
    ),
    elbo(
        "samples",
        "gaussian",
        REAL_DATA,
        {
            "reconstruction": np.stack([ERRORS, -2 * ERRORS, 0 * ERRORS, ERRORS], axis=1),
            "targets": np.zeros_like(ERRORS),
        },
        make=autoencoder(REAL_DATA, samples=4),
        fixed={"likelihood": "gaussian", "sample_axis": 1},
    ),
    elbo(
        "free_bits_of_samples",
        "gaussian",
        REAL_DATA,
        REAL_KINKS,
        fixed={"likelihood": "gaussian", "free_bits_over": "sample"},
        options=({"free_bits": 0.5}, {"free_bits": 0.5, "beta": 4.0}),
    ),
    elbo(
        "free_bits",
        "gaussian",
        REAL_DATA,
        REAL_KINKS,
        options=({"free_bits": 0.5}, {"free_bits": 0.5, "beta": 4.0}),
        properties=(),
        per_item=False,
    ),
)

# ---- public, but no loss ----

REDUCTION = (
    Case(
        name="reduce_loss",
        fn=lossary.reduce_loss,
        layout=Layout("element", "loss"),
        make=lambda rng, shape: {"loss": f32(rng.normal(size=shape))},
        references=(Reference("closed form", lambda loss: loss),),
        kinks={"loss": ERRORS},
        range=(-inf, inf),
        properties=(law.permutation_equivariant, law.homogeneous(1, "loss")),
    ),
)

CASES: tuple[Case, ...] = REGRESSION + CLASSIFICATION + LIKELIHOOD + REDUCTION


def cases(*, where: Callable[[Case], bool] = lambda _: True, sampled: bool = False) -> pytest.MarkDecorator:
    """Run a test for each case; where that takes long (`sampled`), only for the first of each function by default."""
    chosen = [case for case in CASES if where(case)]
    first = {case.fn: case for case in reversed(chosen)}
    params = [
        pytest.param(case, id=case.name, marks=pytest.mark.slow if sampled and first[case.fn] is not case else ())
        for case in chosen
    ]
    return pytest.mark.parametrize("case", params)


def options(
    *, where: Callable[[Case], bool] = lambda _: True, which: Callable[[Options], bool] = lambda _: True
) -> pytest.MarkDecorator:
    """Run a test for each case with each of its option values."""
    rows = [(case, options) for case in CASES if where(case) for options in case.options if which(options)]
    params = [pytest.param(case, options, id=f"{case.name}-{short(options)}") for case, options in rows]
    return pytest.mark.parametrize(("case", "options"), params)
