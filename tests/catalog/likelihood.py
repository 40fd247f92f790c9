"""Likelihoods, divergences of Gaussians and the bound: their cases."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

import lossary
from tests.catalog.likelihood_references import (
    elbo_reference,
    log_likelihood_reference,
    torch_diagonal_kl,
    torch_standard_kl,
)
from tests.support import properties as law
from tests.support.case import Case, no_class, outside_unit
from tests.support.inputs import (
    ANSWERS,
    ERRORS,
    LATENT,
    LATENT_KINKS,
    LOGVARS,
    MEANS,
    SCORES,
    TIE_LABELS,
    TIES,
    Arrays,
    Maker,
    autoencoder,
    gaussians,
    pair,
    scores_and_answers,
    scores_and_labels,
)
from tests.support.layout import EXAMPLES, Layout
from tests.support.references import Reference

ARRAYS = {"mean", "logvar", "reconstruction", "targets", "x", "x_hat", "mu_q", "log_var_q", "mu_p", "log_var_p"}
EXAMPLE = "elbo_bernoulli"
OPTIONS = {"beta", "free_bits", "free_bits_over", "likelihood", "full", "sample_axis", "reduce_sum"}
NO_LOSSES = {"log_likelihood", "gaussian_kl_divergence", "kl_divergence_diag_gaussian"}

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
        large=True,
        references=(Reference("torch" if kind in ("bernoulli", "categorical") else "scipy", log_likelihood_reference),),
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
        large=True,
        references=(Reference("torch", elbo_reference),),
        kinks=kinks | {"mean": MEANS[:, :LATENT], "logvar": LOGVARS[:, :LATENT]},
        range=(0.0, inf),
        masks="values",
        **settings,
    )


REAL_KINKS = {"reconstruction": ERRORS, "targets": np.zeros_like(ERRORS)}
REAL_DATA = pair("reconstruction", "targets")

CASES = (
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
        large=True,
        make=gaussians("mean", "logvar"),
        references=(Reference("torch", torch_standard_kl),),
        kinks=LATENT_KINKS,
        range=(0.0, inf),
        properties=(law.permutation_equivariant, law.zero_at(mean=0, logvar=0), law.convex("mean", "logvar")),
    ),
    Case(
        name="kl_diag_gaussian",
        fn=lossary.kl_divergence_diag_gaussian,
        layout=Layout("element", "mu_q"),
        large=True,
        make=gaussians("mu_q", "log_var_q", "mu_p", "log_var_p"),
        references=(Reference("torch", torch_diagonal_kl),),
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
            large=True,
            make=gaussians("mu_q", "log_var_q", *prior),
            references=(Reference("torch", torch_diagonal_kl),),
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
