"""Losses of scores for yes or no, or for one of many: their cases."""

from __future__ import annotations

from math import inf

import numpy as np

import lossary
from tests.catalog.classification_references import (
    label_share,
    optax_binary_focal,
    scipy_binary_cross_entropy_of_probabilities,
    soft_share,
    torch_binary_cross_entropy,
    torch_binary_focal,
    torch_cross_entropy,
    torch_focal,
    torch_linear_cross_entropy,
    torch_soft_cross_entropy,
)
from tests.support import properties as law
from tests.support.case import Bad, Case, no_class, outside_unit
from tests.support.inputs import (
    ANSWERS,
    ONE_WITHOUT,
    PER_CLASS,
    SCORES,
    TIE_LABELS,
    TIES,
    answers,
    features_and_labels,
    scores_and_answers,
    scores_and_labels,
    scores_and_probs,
)
from tests.support.layout import ANSWERED, CLASS_AXIS, LABELLED, Layout
from tests.support.references import Reference, optax_function

ARRAYS = {"logits", "targets", "labels", "probs", "features", "weight"}
EXAMPLE = "cross_entropy"
OPTIONS = {
    "softcap",
    "z_loss",
    "alpha",
    "gamma",
    "class_weights",
    "pos_weight",
    "label_smoothing",
    "ignore_index",
    "from_logits",
}

BINARY = (law.permutation_equivariant, law.complementary("logits", "targets"))
CATEGORICAL = (law.permutation_equivariant, law.shift_invariant())


def negative(argument: str) -> Bad:
    return Bad(argument, -1.0, f"{argument} >= 0", options={argument: np.array(PER_CLASS)})


CASES = (
    Case(
        name="binary_cross_entropy",
        fn=lossary.binary_cross_entropy_loss,
        layout=ANSWERED,
        large=True,
        make=scores_and_answers(),
        references=(
            Reference("torch", torch_binary_cross_entropy),
            Reference("optax", optax_function("sigmoid_binary_cross_entropy", "logits", "targets"), covers=()),
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
        large=True,
        make=lambda rng, shape: {"logits": answers(rng, shape), "targets": answers(rng, shape)},
        references=(Reference("scipy", scipy_binary_cross_entropy_of_probabilities),),
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
        large=True,
        make=scores_and_labels(),
        references=(
            Reference("torch", torch_cross_entropy),
            Reference(
                "optax",
                optax_function("softmax_cross_entropy_with_integer_labels", "logits", "labels", axis=CLASS_AXIS),
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
        share=label_share,
    ),
    Case(
        name="soft_cross_entropy",
        fn=lossary.soft_cross_entropy_loss,
        layout=LABELLED,
        large=True,
        make=scores_and_probs,
        references=(
            Reference("torch", torch_soft_cross_entropy),
            Reference("optax", optax_function("softmax_cross_entropy", "logits", "probs", axis=CLASS_AXIS), covers=()),
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
        share=soft_share,
    ),
    Case(
        name="linear_cross_entropy",
        fn=lossary.linear_cross_entropy_loss,
        layout=Layout("class", "features"),
        make=features_and_labels,
        per_example=("features", "labels"),
        shapes=("rows",),
        references=(Reference("torch", torch_linear_cross_entropy),),
        kinks={},
        range=(0.0, inf),
        options=(
            {},
            {"class_weights": PER_CLASS, "ignore_index": 2},
            {"label_smoothing": 0.25, "class_weights": np.array(ONE_WITHOUT)},
            {"softcap": 2.0, "z_loss": 0.5},
        ),
        properties=(law.permutation_equivariant,),
        bad=(*no_class("labels"), negative("class_weights")),
        ignored="labels",
        share=label_share,
    ),
    Case(
        name="linear_cross_entropy_with_bias",
        fn=lossary.linear_cross_entropy_loss,
        layout=Layout("class", "features"),
        make=lambda rng, shape: features_and_labels(rng, shape) | {"bias": np.array(PER_CLASS)},
        per_example=("features", "labels"),
        shapes=("rows",),
        references=(Reference("torch", torch_linear_cross_entropy),),
        kinks={},
        range=(0.0, inf),
        options=({}, {"class_weights": PER_CLASS, "label_smoothing": 0.25, "softcap": 1.0}),
        properties=(law.permutation_equivariant,),
        ignored="labels",
        share=label_share,
    ),
    Case(
        name="binary_focal",
        fn=lossary.binary_focal_loss,
        layout=ANSWERED,
        large=True,
        make=scores_and_answers(),
        references=(
            Reference("torch", torch_binary_focal),
            Reference("optax", optax_binary_focal, covers=("alpha", "gamma")),
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
        large=True,
        make=scores_and_labels(),
        references=(Reference("torch", torch_focal),),
        kinks={"logits": TIES, "labels": TIE_LABELS},
        range=(0.0, inf),
        options=(
            {},
            {"alpha": 0.25},
            {"alpha": PER_CLASS},
            {"alpha": np.array(ONE_WITHOUT), "gamma": 0.5},
            {"gamma": 0.0},
            {"gamma": 5.0, "ignore_index": 2},
            {"label_smoothing": 0.25},
            {"alpha": np.array(ONE_WITHOUT), "gamma": 0.5, "label_smoothing": 0.25, "ignore_index": -1},
            {"ignore_index": None, "gamma": 1.0},
        ),
        properties=(*CATEGORICAL, law.class_permutation_invariant("labels")),
        bad=(*no_class("labels"), negative("alpha")),
        ignored="labels",
    ),
)
