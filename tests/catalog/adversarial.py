"""Losses of a critic's scores: their cases, and the same losses from outside."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

import lossary
from tests.support import properties as law
from tests.support.case import Case, outside_unit
from tests.support.inputs import ERRORS, SCORES, Maker, answers, gaussians, pair
from tests.support.layout import Layout
from tests.support.references import Array, Reference, optax_function, tensor

ARRAYS = {"fake_scores", "real_scores", "critic", "real", "fake"}
OPTIONS = {
    *("from_logits", "saturating", "label_smoothing", "target_real", "target_fake", "average"),
    *("fake_weights", "fake_mask", "key", "interpolation", "target", "one_sided"),
}
NO_LOSSES = {"gradient_penalty", "r1_penalty"}
APART = dict.fromkeys(NO_LOSSES, "takes a critic and differentiates, which NumPy cannot: tests/test_penalties.py")
EXAMPLE = "vanilla_discriminator"

# ---- from outside ----


def torch_answers(scores: Array, answer: float, from_logits: bool = True) -> Array:
    """Binary cross entropy of scores against one answer."""
    from torch.nn import functional

    function = functional.binary_cross_entropy_with_logits if from_logits else functional.binary_cross_entropy
    return function(tensor(scores), tensor(np.full(scores.shape, answer)), reduction="none").numpy()


def vanilla_generator(fake_scores: Array, from_logits: bool = True, saturating: bool = False) -> Array:
    if saturating:
        return -torch_answers(fake_scores, 0.0, from_logits)
    return torch_answers(fake_scores, 1.0, from_logits)


def vanilla_discriminator(
    real_scores: Array, fake_scores: Array, from_logits: bool = True, label_smoothing: float = 0.0
) -> Array:
    real = torch_answers(real_scores, 1 - label_smoothing, from_logits)
    return real + torch_answers(fake_scores, 0.0, from_logits)


def optax_generator(fake_scores: Array) -> Array:
    return optax_function("sigmoid_binary_cross_entropy", "logits", "labels")(
        logits=fake_scores, labels=np.ones_like(fake_scores)
    )


def relativistic(sign: float) -> Any:
    """`sign` 1: what the discriminator wants; −1: the generator."""

    def loss(real_scores: Array, fake_scores: Array, average: bool = False) -> Array:
        if not average:
            return torch_answers(sign * (real_scores - fake_scores), 1.0)
        real = torch_answers(sign * (real_scores - fake_scores.mean()), 1.0)
        return real + torch_answers(sign * (fake_scores - real_scores.mean()), 0.0)

    return loss


def closed(function: Any) -> tuple[Reference, ...]:
    return (Reference("closed form", function),)


# ---- the cases ----

NOTE = " (probabilities, as from_logits=False says)"
GENERATED = Layout("element", "fake_scores")
BOTH = Layout("element", "real_scores")
SIDES = ("real_scores", "fake_scores")
PROBABILITIES = np.array([[1.0, 1.0, 0.5, 0.5, 0.25]])  # of being real, and so never 0


def probabilities(*names: str) -> Maker:
    return lambda rng, shape: {name: answers(rng, shape) for name in names}


def generator(name: str, fn: Any, references: tuple[Reference, ...], **rest: Any) -> Case:
    settings: dict[str, Any] = {
        "make": gaussians("fake_scores"),
        "kinks": {"fake_scores": np.concatenate([SCORES, ERRORS])},
        "range": (0.0, inf),
        "properties": (),
        "large": True,
    } | rest
    settings["properties"] = (law.permutation_equivariant, *settings["properties"])
    return Case(name=name, fn=fn, layout=GENERATED, references=references, **settings)


def discriminator(name: str, fn: Any, references: tuple[Reference, ...], **rest: Any) -> Case:
    settings: dict[str, Any] = {
        "make": pair(*SIDES),
        "kinks": {"real_scores": np.concatenate([SCORES, ERRORS]), "fake_scores": np.concatenate([ERRORS, -SCORES])},
        "range": (0.0, inf),
        "properties": (),
        "large": True,
        "shapes": ("rows",),  # the batches may differ in size, so errors of shapes have tests of their own
    } | rest
    settings["properties"] = (law.permutation_equivariant, *settings["properties"])
    return Case(name=name, fn=fn, layout=BOTH, references=references, **settings)


DIFFERENCE = law.translation_invariant(*SIDES)
CASES = (
    generator(
        "vanilla_generator",
        lossary.vanilla_generator_loss,
        (Reference("torch", vanilla_generator), Reference("optax", optax_generator, covers=())),
        properties=(law.convex("fake_scores"), law.lipschitz(lambda _: 1, "fake_scores")),
    ),
    generator(
        "vanilla_generator_saturating",
        lossary.vanilla_generator_loss,
        (Reference("torch", vanilla_generator),),
        fixed={"saturating": True},
        range=(-inf, 0.0),
        properties=(law.lipschitz(lambda _: 1, "fake_scores"),),
    ),
    generator(
        "vanilla_generator_of_probabilities",
        lossary.vanilla_generator_loss,
        (Reference("torch", vanilla_generator),),
        make=probabilities("fake_scores"),
        kinks={"fake_scores": PROBABILITIES},
        fixed={"from_logits": False},
        large=False,
        bad=outside_unit("fake_scores", NOTE),
    ),
    discriminator(
        "vanilla_discriminator",
        lossary.vanilla_discriminator_loss,
        (Reference("torch", vanilla_discriminator),),
        options=({}, {"label_smoothing": 0.1}, {"label_smoothing": 0.75}),
        properties=(law.convex(*SIDES), *(law.lipschitz(lambda _: 1, side) for side in SIDES)),
    ),
    discriminator(
        "vanilla_discriminator_of_probabilities",
        lossary.vanilla_discriminator_loss,
        (Reference("torch", vanilla_discriminator),),
        make=probabilities(*SIDES),
        kinks={"real_scores": PROBABILITIES, "fake_scores": 1 - PROBABILITIES},
        fixed={"from_logits": False},
        options=({}, {"label_smoothing": 0.1}),
        large=False,
        bad=(*outside_unit("real_scores", NOTE), *outside_unit("fake_scores", NOTE)),
    ),
    generator(
        "least_squares_generator",
        lossary.least_squares_generator_loss,
        closed(lambda fake_scores, target_real=1.0: (fake_scores - target_real) ** 2 / 2),
        options=({}, {"target_real": 0.0}, {"target_real": 0.5}),
        properties=(law.convex("fake_scores"),),
    ),
    discriminator(
        "least_squares_discriminator",
        lossary.least_squares_discriminator_loss,
        closed(
            lambda real_scores, fake_scores, target_real=1.0, target_fake=0.0: (
                (real_scores - target_real) ** 2 / 2 + (fake_scores - target_fake) ** 2 / 2
            )
        ),
        options=({}, {"target_fake": -1.0}, {"target_real": 0.5, "target_fake": 0.25}),
        properties=(law.convex(*SIDES),),
    ),
    generator(
        "wasserstein_generator",
        lossary.wasserstein_generator_loss,
        closed(lambda fake_scores: -fake_scores),
        range=(-inf, inf),
        properties=(law.homogeneous(1, "fake_scores"),),
    ),
    discriminator(
        "wasserstein_discriminator",
        lossary.wasserstein_discriminator_loss,
        closed(lambda real_scores, fake_scores: fake_scores - real_scores),
        range=(-inf, inf),
        properties=(DIFFERENCE, law.homogeneous(1, *SIDES)),
    ),
    generator(
        "hinge_generator",
        lossary.hinge_generator_loss,
        closed(lambda fake_scores: -fake_scores),
        range=(-inf, inf),
        properties=(law.homogeneous(1, "fake_scores"),),
    ),
    discriminator(
        "hinge_discriminator",
        lossary.hinge_discriminator_loss,
        closed(lambda real_scores, fake_scores: np.maximum(1 - real_scores, 0) + np.maximum(1 + fake_scores, 0)),
        properties=(law.convex(*SIDES), *(law.lipschitz(lambda _: 1, side) for side in SIDES)),
    ),
    *(
        discriminator(
            f"relativistic_{name}",
            fn,
            (Reference("torch", relativistic(sign)),),
            shapes=("rows", "dense"),
            properties=(DIFFERENCE, law.convex(*SIDES)),
        )
        for name, fn, sign in (
            ("generator", lossary.relativistic_generator_loss, -1.0),
            ("discriminator", lossary.relativistic_discriminator_loss, 1.0),
        )
    ),
    *(
        discriminator(
            f"relativistic_{name}_average",
            fn,
            (Reference("torch", relativistic(sign)),),
            fixed={"average": True},
            independent=False,
            large=False,
            properties=(DIFFERENCE,),
        )
        for name, fn, sign in (
            ("generator", lossary.relativistic_generator_loss, -1.0),
            ("discriminator", lossary.relativistic_discriminator_loss, 1.0),
        )
    ),
)
