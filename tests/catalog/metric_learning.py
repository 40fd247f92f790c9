"""Losses of embeddings: their cases, and what they have in common."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np

import lossary
from tests.catalog import metric_learning_references as outside
from tests.support import properties as law
from tests.support.case import Case, no_class, outside_unit
from tests.support.inputs import CLASSES, Arrays, Maker, Shape, answers, f32
from tests.support.layout import Layout
from tests.support.references import Reference

ARRAYS = {
    *("embeddings1", "embeddings2", "anchor", "positive", "negative"),
    *("embeddings", "labels", "prototypes", "proxies"),
}
OPTIONS = {"margin", "squared", "swap", "mining", "average", "scale", "denominator"}

FEATURES = 4
LEARNED = np.array(0.75)
HALF = np.array(0.5)  # no power of two is rounded, in no precision


def points(*names: str) -> Maker:
    """Some nearer than a margin of 1, some farther."""
    return lambda rng, shape: {name: f32(0.4 * rng.normal(size=(shape[0], FEATURES))) for name in names}


def some_together(rng: np.random.Generator, shape: Shape) -> Arrays:
    return points("embeddings1", "embeddings2")(rng, shape) | {"labels": answers(rng, shape[:1])}


def in_classes(rng: np.random.Generator, shape: Shape) -> Arrays:
    """Three of each."""
    return points("embeddings")(rng, shape) | {"labels": rng.permutation(np.arange(shape[0]) // 3)}


def against(name: str) -> Maker:
    """One vector a class, the first of which is known."""

    def make(rng: np.random.Generator, shape: Shape) -> Arrays:
        vectors = f32(rng.normal(size=(CLASSES, FEATURES)))
        vectors[0] = FIRST
        embeddings = f32(rng.normal(size=(shape[0], FEATURES)))
        return {"embeddings": embeddings, name: vectors, "labels": rng.integers(0, CLASSES, shape[0])}

    return make


FIRST = np.array([2.0, 0.0, 0.0, 0.0])
# At its own class vector, opposite to it, and without a direction.
DIRECTIONS = {"embeddings": np.stack([FIRST, -FIRST / 4, 0 * FIRST, 0 * FIRST]), "labels": np.array([0, 0, 0, 1])}

ZERO, EAST, FAR = np.zeros(4), np.array([1.0, 0, 0, 0]), np.array([2.0, 0, 0, 0])
BESIDE = np.array([0.6875, 0.375, 0, 0])  # no distance is another one and a margin
CORNER = np.array([1.0, 1.0, 0, 0])
EQUAL_OR_AT_THE_MARGIN = {
    "embeddings1": np.stack([ZERO, EAST, ZERO, ZERO]),
    "embeddings2": np.stack([ZERO, EAST, EAST, EAST]),
    "labels": np.array([0.0, 1.0, 0.0, 1.0]),
}
# All equal, two equal, exactly at a margin of 1, and the negative as far from the positive as from the anchor.
TRIPLETS = {
    "anchor": np.stack([ZERO, ZERO, ZERO, ZERO, ZERO]),
    "positive": np.stack([ZERO, ZERO, EAST, EAST, FAR]),
    "negative": np.stack([ZERO, EAST, ZERO, FAR, CORNER]),
}
# Equal points of one class and of two.
TWINS = {"embeddings": np.stack([ZERO, ZERO, EAST, ZERO, BESIDE]), "labels": np.array([7, 7, 7, 8, 8])}


def turned(*names: str) -> law.Property:
    """The features' axes may be turned."""

    def turn(losses: law.Losses, kwargs: law.Kwargs) -> None:
        moved = {name: kwargs[name][..., [1, 0, 2, 3]] * [1.0, -1.0, 1.0, 1.0] for name in names}
        np.testing.assert_allclose(losses({**kwargs, **moved}), losses(kwargs), **law.CLOSE)

    return law.named("turned", turn)


def any_length(*names: str) -> law.Property:
    """Only directions count."""

    def stretch(losses: law.Losses, kwargs: law.Kwargs) -> None:
        longer = {name: kwargs[name] * np.linspace(0.5, 3.0, len(kwargs[name]))[:, None] for name in names}
        np.testing.assert_allclose(losses({**kwargs, **longer}), losses(kwargs), **law.CLOSE)

    return law.named("any_length", stretch)


def renamed_labels(losses: law.Losses, kwargs: law.Kwargs) -> None:
    """Labels are names: any others that tell the same items apart will do."""
    np.testing.assert_allclose(losses({**kwargs, "labels": 40 - 7 * kwargs["labels"]}), losses(kwargs), **law.CLOSE)


def permuted(losses: law.Losses, kwargs: law.Kwargs) -> None:
    """Embeddings in another order; the vectors of the classes stay."""
    other = {name: kwargs[name][::-1] for name in ("embeddings", "labels")}
    found, expected = losses({**kwargs, **other}), losses(kwargs)
    np.testing.assert_allclose(found, expected[::-1] if expected.ndim else expected, **law.CLOSE)


def by_class(name: str, fn: Callable[..., Any], vectors: str, *references: Reference, **rest: Any) -> Case:
    """A loss of embeddings against one vector a class."""
    given: dict[str, Any] = {"range": (0.0, inf)}
    return Case(
        name=name,
        fn=fn,
        layout=Layout("example", "embeddings"),
        make=against(vectors),
        references=references,
        kinks=DIRECTIONS,
        per_example=("embeddings", "labels"),
        shapes=("rows",),
        properties=(permuted, any_length("embeddings", vectors), turned("embeddings", vectors)),
        bad=no_class("labels", ""),
        **{**given, **rest},
    )


PML = "pytorch_metric_learning"

CASES = (
    Case(
        name="contrastive",
        fn=lossary.contrastive_loss,
        layout=Layout("example", "embeddings1"),
        make=some_together,
        references=(
            Reference("closed form", outside.contrastive),
            Reference(PML, outside.pml_contrastive),
        ),
        kinks=EQUAL_OR_AT_THE_MARGIN,
        range=(0.0, inf),
        options=({}, {"margin": 2.0}, {"margin": LEARNED}),
        shapes=("rows",),
        properties=(
            law.permutation_equivariant,
            law.symmetric("embeddings1", "embeddings2"),
            law.translation_invariant("embeddings1", "embeddings2"),
            turned("embeddings1", "embeddings2"),
        ),
        bad=outside_unit("labels", " (1: similar)"),
    ),
    Case(
        name="triplet",
        fn=lossary.triplet_loss,
        layout=Layout("example", "anchor"),
        make=points("anchor", "positive", "negative"),
        references=(
            Reference("closed form", outside.triplet),
            Reference("torch", outside.torch_triplet, covers=("margin", "swap")),
            Reference("optax", outside.optax_triplet, covers=("margin",)),
        ),
        kinks=TRIPLETS,
        range=(0.0, inf),
        options=(
            {},
            {"squared": True},
            {"swap": True},
            {"squared": True, "swap": True, "margin": 0.25},
            {"margin": LEARNED},
        ),
        shapes=("rows",),
        properties=(
            law.permutation_equivariant,
            law.translation_invariant("anchor", "positive", "negative"),
            turned("anchor", "positive", "negative"),
        ),
    ),
    Case(
        name="online_triplet",
        fn=lossary.online_triplet_loss,
        layout=Layout("example", "embeddings"),
        make=in_classes,
        references=(Reference("closed form", outside.online_triplet),),
        kinks=TWINS,
        range=(0.0, inf),
        options=(
            {},
            {"mining": "semihard"},
            {"mining": "all"},
            {"squared": True, "average": "active", "margin": 0.25},
            {"squared": True, "mining": "semihard", "margin": LEARNED},
            {"squared": True, "mining": "all", "average": "valid", "margin": HALF},
        ),
        share=outside.triplets_averaged,
        independent=False,
        shapes=("rows",),
        factor=4.0,
        reason="a loss is what the difference of two distances, each several times as large, leaves",
        properties=(
            law.permutation_equivariant,
            law.translation_invariant("embeddings"),
            turned("embeddings"),
            renamed_labels,
        ),
    ),
    by_class(
        "arcface",
        lossary.arcface_loss,
        "prototypes",
        Reference("closed form", outside.arcface),
        options=({"scale": 4.0}, {"margin": 1.25, "scale": 2.0}, {"margin": 0.0, "scale": np.array(8.0)}),
    ),
    by_class(
        "cosface",
        lossary.cosface_loss,
        "prototypes",
        Reference("closed form", outside.cosface),
        Reference(PML, outside.pml_cosface),
        options=({"scale": 4.0}, {"margin": LEARNED, "scale": 2.0}, {"margin": 0.0, "scale": np.array(8.0)}),
    ),
    by_class(
        "proxy_nca",
        lossary.proxy_nca_loss,
        "proxies",
        Reference("closed form", outside.proxy_nca),
        options=({}, {"denominator": "all"}, {"scale": np.array(2.0)}, {"scale": 4.0, "denominator": "all"}),
        range=(-inf, inf),
    ),
    by_class(
        "proxy_anchor",
        lossary.proxy_anchor_loss,
        "proxies",
        Reference("closed form", outside.proxy_anchor),
        Reference(PML, outside.pml_proxy_anchor),
        options=({"scale": 4.0}, {"margin": 0.5, "scale": 2.0}, {"margin": HALF, "scale": np.array(8.0)}),
        per_item=False,
        independent=False,
    ),
)
