"""Optimal transport: its cases."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np

import lossary
from tests.catalog.transport_references import blurred, earth_moved, on_the_line, scipy_on_the_line, sliced
from tests.support import properties as law
from tests.support.case import Bad, Case
from tests.support.inputs import Arrays, Maker, Shape, f32
from tests.support.layout import Layout
from tests.support.references import Reference

ARRAYS = {"p_samples", "q_samples", "x", "y"}
OPTIONS = {"p", "power", "num_projections", "iterations", "epsilon", "debiased"}
NO_LOSSES = {"wasserstein_distance", "sliced_wasserstein_distance", "earth_mover_distance", "sinkhorn_divergence"}
EXAMPLE = "wasserstein"

LINES = Layout("example", "p_samples")
CLOUDS = Layout("example", "x")
PROGRAMME = Reference("scipy", on_the_line)


def samples(n: int, m: int, weighted: bool = False) -> Maker:
    def make(rng: np.random.Generator, shape: Shape) -> Arrays:
        sizes = {"p": (shape[0], n), "q": (shape[0], m)}
        made = {f"{name}_samples": f32(2 * rng.normal(size=size)) for name, size in sizes.items()}
        if weighted:  # with a 0 in every row, at another place
            made |= {f"{name}_weights": some_of(rng, size) for name, size in sizes.items()}
        return made

    return make


def some_of(rng: np.random.Generator, size: Shape) -> np.ndarray:
    weights = rng.integers(1, 16, size) / 8.0
    weights[np.arange(size[0]), rng.integers(1, size[1], size[0])] = 0
    return weights


def clouds(n: int, m: int, weighted: bool = False, directions: int = 0) -> Maker:
    def make(rng: np.random.Generator, shape: Shape) -> Arrays:
        made = {"x": f32(rng.normal(size=(shape[0], n, 2))), "y": f32(0.5 + rng.normal(size=(shape[0], m, 2)))}
        if directions:
            made["projections"] = f32(rng.normal(size=(directions, 2)))
        if weighted:
            made |= {"x_weights": some_of(rng, (shape[0], n)), "y_weights": some_of(rng, (shape[0], m))}
        return made

    return make


def negative(*names: str) -> tuple[Bad, ...]:
    return tuple(Bad(name, -0.5, f"{name} >= 0") for name in names)


def line(name: str, n: int, m: int, weighted: bool = False, **rest: Any) -> Case:
    settings: dict[str, Any] = {
        "options": ({}, {"p": 2.0}, {"p": 3.0}, {"p": 1.5}, {"p": 2.0, "power": True}, {"p": 3.0, "power": True}),
        "references": (PROGRAMME, Reference("scipy", scipy_on_the_line, ())),
        "properties": (law.permutation_equivariant, law.translation_invariant("p_samples", "q_samples")),
        "bad": negative("p_weights", "q_weights") if weighted else (),
        "kinks": {},
    } | rest
    return Case(
        name=name,
        fn=lossary.wasserstein_distance,
        layout=LINES,
        make=samples(n, m, weighted),
        range=(0.0, inf),
        shapes=("rows",),
        **settings,
    )


def between(name: str, fn: Callable[..., Any], reference: Callable[..., Any], make: Maker, **rest: Any) -> Case:
    settings: dict[str, Any] = {
        "properties": (law.permutation_equivariant,),
        "kinks": {},
        "range": (0.0, inf),
    } | rest
    return Case(
        name=name,
        fn=fn,
        layout=CLOUDS,
        make=make,
        references=(Reference("scipy" if reference is not blurred else "closed form", reference),),
        shapes=("rows",),
        **settings,
    )


SHIFTED = law.translation_invariant("x", "y")
SAME = law.zero_where_equal("x", "y")
EQUAL = np.array([[0.0, 1.0, 1.0, -2.0, 3.0], [2.0, 2.0, 2.0, 2.0, 2.0], [0.0, 0.0, 1.0, 5.0, 1.0]])

CASES = (
    line(
        "wasserstein",
        5,
        5,
        kinks={"p_samples": EQUAL, "q_samples": EQUAL[:, ::-1].copy()},
        properties=(
            law.permutation_equivariant,
            law.translation_invariant("p_samples", "q_samples"),
            law.zero_where_equal("p_samples", "q_samples"),
            law.symmetric("p_samples", "q_samples"),
        ),
        options=({}, {"p": 2.0}, {"p": 3.0}, {"p": 1.5}, {"p": 2.0, "power": True}, {"axis": 1}),
    ),
    line("wasserstein_unequal", 5, 3),
    line("wasserstein_weighted", 5, 4, weighted=True),
    between(
        "sliced_wasserstein",
        lossary.sliced_wasserstein_distance,
        sliced,
        clouds(5, 5, directions=4),
        options=({}, {"p": 1.0}, {"p": 3.0}, {"power": True}, {"chunk_size": 3}),
        properties=(law.permutation_equivariant, SHIFTED, SAME),
        per_example=("x", "y"),
        not_differentiable=("projections",),
    ),
    between(
        "sliced_wasserstein_weighted",
        lossary.sliced_wasserstein_distance,
        sliced,
        clouds(5, 4, weighted=True, directions=3),
        options=({}, {"chunk_size": 2}),
        per_example=("x", "y", "x_weights", "y_weights"),
        not_differentiable=("projections",),
        bad=negative("x_weights", "y_weights"),
        many=1024,  # it keeps sorted projections, O(n), next to which a table of 512² is not yet large
    ),
    between(
        "earth_mover",
        lossary.earth_mover_distance,
        earth_moved,
        clouds(4, 4),
        options=({"iterations": 200}, {"iterations": 200, "chunk_size": 3}),
        properties=(law.permutation_equivariant, SHIFTED, SAME),
    ),
    between(
        "sinkhorn",
        lossary.sinkhorn_divergence,
        blurred,
        clouds(4, 3),
        options=(
            {"epsilon": 1.0},
            {"epsilon": 1.0, "p": 1},
            {"epsilon": 1.0, "debiased": False},
            {"epsilon": 1.0, "chunk_size": 3},
        ),
        properties=(law.permutation_equivariant, SHIFTED),
        second_order=False,
    ),
)
