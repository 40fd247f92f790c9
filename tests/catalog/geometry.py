"""Cases of the losses of clouds and of meshes."""

from __future__ import annotations

import inspect
from math import inf
from typing import Any

import numpy as np

import lossary
from lossary._core.backends import namespace
from tests.catalog import geometry_references as ref
from tests.support import properties as law
from tests.support.case import Bad, Case
from tests.support.inputs import Arrays, f32
from tests.support.layout import Layout
from tests.support.references import Array, Reference

ARRAYS = {
    *("pred_points", "target_points"),
    *("vertices", "pred_vertices", "target_vertices", "faces", "pred_mesh", "target_mesh"),
    *("pred_normals", "target_normals"),
}
OPTIONS = {
    *("squared", "direction", "combine", "target_length", "method", "boundary", "oriented"),
    *("vertex_weight", "normal_weight", "edge_weight", "laplacian_weight", "consistency_weight", "laplacian_method"),
}
NO_LOSSES = {"chamfer_distance", "hausdorff_distance"}

# ---- meshes ----

OCTAHEDRON = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
OCTAHEDRON_FACES = np.array(
    [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]  # outwards
)
# One vertex inside a ring of five: a boundary, and (the last one) a vertex without faces.
FAN = np.array([[0, 0, 0.5], [1, 0, 0], [0.5, 1, 0], [-0.5, 1, 0], [-1, 0, 0], [0, -1, 0], [9, 9, 9]])
FAN_FACES = np.array(
    [[0, 1, 2], [0, 2, 3], [3, 0, 4], [0, 4, 5], [1, 0, 5], [-1, -1, -1]]
)  # not all the same way round


def grid(size: int) -> tuple[Array, Array]:
    """A square of (size − 1)² squares, each cut into two faces, in the plane z = 0."""
    x, y = np.meshgrid(np.arange(float(size)), np.arange(float(size)), indexing="ij")
    corner = np.arange(size * size).reshape(size, size)
    a, b, c, d = (part.ravel() for part in (corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:], corner[:-1, 1:]))
    vertices = np.stack([x, y, 0 * x], axis=-1).reshape(-1, 3)
    return vertices, np.concatenate([np.stack([a, b, c], axis=-1), np.stack([a, c, d], axis=-1)])


def clouds(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return {
        "pred_points": f32(rng.normal(size=(shape[0], 7, 3))),
        "target_points": f32(rng.normal(size=(shape[0], 5, 3))),
    }


def shaken(base: Array, faces: Array, *names: str, by: float = 0.2) -> Any:
    def make(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
        size = (shape[0], *base.shape)
        return {name: f32(base + by * rng.normal(size=size)) for name in names} | {"faces": faces}

    return make


def each_its_own(make: Any) -> Any:
    """The faces once for every mesh."""

    def own(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
        made = make(rng, shape)
        return made | {"faces": np.repeat(made["faces"][None], shape[0], axis=0)}

    return own


def normals(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return {name: f32(rng.normal(size=(shape[0], 3))) for name in ("pred_normals", "target_normals")}


# Equal points; two neighbours equally near (integers, so that the distances are equal in every precision).
POINTS = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 4, 0], [0, 0, 4], [2, 2, 2], [5, 0, 0]], float)
CLOUD_KINKS = {"pred_points": np.stack([POINTS, POINTS]), "target_points": np.stack([POINTS[:5], 0 * POINTS[:5]])}
# A face without area, edges without length, a flat mesh.
COLLAPSED, FLAT = np.array(OCTAHEDRON), OCTAHEDRON * np.array([1.0, 1.0, 0.0])
COLLAPSED[2] = COLLAPSED[0]
MESH_KINKS = np.stack([COLLAPSED, FLAT, 0 * FLAT])

CLOUD = Layout("example", "pred_points")
MESH = Layout("example", "vertices")
PAIR = Layout("example", "pred_vertices")
BY_EXAMPLE = (law.permutation_equivariant,)
BOTH_CLOUDS = (law.zero_where_equal("pred_points", "target_points"), law.translation_invariant(*CLOUD_KINKS))


def closed(name: str, fn: Any, *references: Reference, **rest: Any) -> Case:
    """A case on octahedra, each with faces of its own."""
    return Case(
        name=name,
        fn=fn,
        layout=MESH,
        make=each_its_own(shaken(OCTAHEDRON, OCTAHEDRON_FACES, "vertices")),
        references=references,
        kinks={"vertices": MESH_KINKS, "faces": np.stack([OCTAHEDRON_FACES] * len(MESH_KINKS))},
        range=rest.pop("range", (0.0, inf)),
        shapes=("rows",),
        bad=(
            Bad("faces", 6, "faces in [0, 6), or -1 for padding"),
            Bad("faces", -2, "faces in [0, 6), or -1 for padding"),
        ),
        **rest,
    )


def opened(name: str, fn: Any, *references: Reference, **rest: Any) -> Case:
    """A case on a fan of triangles, with a boundary, padding and a vertex that no face has."""
    return Case(
        name=name,
        fn=fn,
        layout=MESH,
        make=shaken(FAN, FAN_FACES, "vertices", by=0.1),
        per_example=("vertices",),
        references=references,
        kinks={"vertices": np.stack([0 * FAN, FAN * np.array([1.0, 1.0, 0.0])])},
        range=rest.pop("range", (0.0, inf)),
        shapes=("rows",),
        **rest,
    )


def mesh_loss(
    pred_vertices: Any, target_vertices: Any, faces: Any, weights: Any = None, *, normals: bool = False, **options: Any
) -> Any:
    """`lossary.mesh_loss` with its arrays one by one, as the tables have them."""
    # Errors name the arrays as they are here.
    arrays = {"pred_vertices": pred_vertices, "target_vertices": target_vertices, "faces": faces}
    namespace("mesh_loss", **arrays, weights=weights, mask=options.get("mask"))
    given = (pred_vertices, target_vertices) if normals else (None, None)
    pred, target = (pred_vertices, faces, given[0]), (target_vertices, faces, given[1])
    return lossary.mesh_loss(pred, target, weights, **options)


def _as_the_public_one(fn: Any) -> Any:
    own, public = inspect.signature(fn).parameters, inspect.signature(lossary.mesh_loss).parameters
    options = [p for p in public.values() if p.kind is p.KEYWORD_ONLY]
    fn.__signature__ = inspect.Signature([*list(own.values())[:4], own["normals"], *options])
    fn.__name__, fn.__module__ = lossary.mesh_loss.__name__, lossary.mesh_loss.__module__
    fn.__doc__ = lossary.mesh_loss.__doc__
    return fn


def mesh_terms(
    pred_vertices: Array,
    target_vertices: Array,
    faces: Array,
    normals: bool = False,
    vertex_weight: float = 1.0,
    normal_weight: float = 0.1,
    edge_weight: float = 0.1,
    laplacian_weight: float = 0.0,
    consistency_weight: float = 0.0,
    laplacian_method: str = "uniform",
) -> Any:
    pred, target = pred_vertices, target_vertices
    arrows = (pred, target) if normals else (ref.vertex_normals(pred, faces), ref.vertex_normals(target, faces))
    turned = np.mean([ref.cosine_gap(p, t) for p, t in zip(*arrows, strict=True)])
    return (
        vertex_weight * np.mean((pred - target) ** 2)
        + normal_weight * turned
        + edge_weight * ref.edge_preservation(pred, target, faces)
        + laplacian_weight * ref.laplacian(pred, faces, laplacian_method)
        + consistency_weight * ref.consistency(pred, faces)
    )


CASES: tuple[Case, ...] = (
    Case(
        name="chamfer",
        fn=lossary.chamfer_distance,
        layout=CLOUD,
        make=clouds,
        references=(Reference("scipy", ref.per_example(ref.scipy_chamfer, *CLOUD_KINKS)),),
        kinks=CLOUD_KINKS,
        range=(0.0, inf),
        options=({}, {"combine": "mean"}, {"combine": "max"}, {"direction": "forward"}, {"direction": "backward"}),
        properties=(*BY_EXAMPLE, *BOTH_CLOUDS, law.homogeneous(2, *CLOUD_KINKS)),
        shapes=("rows",),
    ),
    Case(
        name="chamfer_plain",
        fn=lossary.chamfer_distance,
        layout=CLOUD,
        make=clouds,
        references=(Reference("scipy", ref.per_example(ref.scipy_chamfer, *CLOUD_KINKS)),),
        kinks=CLOUD_KINKS,
        range=(0.0, inf),
        fixed={"squared": False},
        options=({}, {"combine": "max"}, {"direction": "forward"}),
        properties=(*BY_EXAMPLE, *BOTH_CLOUDS, law.homogeneous(1, *CLOUD_KINKS)),
        shapes=("rows",),
    ),
    Case(
        name="hausdorff",
        fn=lossary.hausdorff_distance,
        layout=CLOUD,
        make=clouds,
        references=(Reference("scipy", ref.per_example(ref.scipy_hausdorff, *CLOUD_KINKS)),),
        kinks=CLOUD_KINKS,
        range=(0.0, inf),
        options=({}, {"direction": "forward"}, {"direction": "backward"}),
        properties=(*BY_EXAMPLE, *BOTH_CLOUDS, law.homogeneous(1, *CLOUD_KINKS)),
        shapes=("rows",),
    ),
    Case(
        name="mesh",
        fn=_as_the_public_one(mesh_loss),
        layout=PAIR,
        make=shaken(OCTAHEDRON, OCTAHEDRON_FACES, "pred_vertices", "target_vertices"),
        per_example=("pred_vertices", "target_vertices"),
        references=(Reference("closed form", ref.per_example(mesh_terms, "pred_vertices", "target_vertices")),),
        kinks={"pred_vertices": MESH_KINKS, "target_vertices": np.stack([OCTAHEDRON] * 3)},
        range=(0.0, inf),
        options=(
            {},
            {"normals": True},
            {"vertex_weight": 2.0, "normal_weight": 0.5, "edge_weight": 0.1, "laplacian_weight": 0.01},
            {"laplacian_weight": 1.0, "laplacian_method": "cotangent"},
            {"laplacian_weight": 1.0, "laplacian_method": "curvature"},
            {"vertex_weight": 0.0, "normal_weight": 0.0, "edge_weight": 0.1, "consistency_weight": 1.0},
        ),
        properties=BY_EXAMPLE,
        shapes=("rows",),
    ),
    Case(
        name="normal_alignment",
        fn=lossary.normal_alignment_loss,
        layout=Layout("example", "pred_normals"),
        make=normals,
        references=(Reference("closed form", ref.per_example(ref.alignment, "pred_normals", "target_normals")),),
        kinks={
            "pred_normals": np.array([[0.0, 0, 1], [0, 0, 1], [0, 0, 2], [0, 0, 0]]),
            "target_normals": np.array([[0.0, 0, 1], [0, 0, -1], [0, 3, 0], [0, 0, 1]]),
        },
        range=(0.0, 2.0),
        options=({}, {"oriented": False}),
        properties=(*BY_EXAMPLE, law.zero_where_equal("pred_normals", "target_normals")),
        shapes=("rows",),
    ),
    Case(
        name="edge_preservation",
        fn=lossary.edge_preservation_loss,
        layout=PAIR,
        make=shaken(FAN, FAN_FACES, "pred_vertices", "target_vertices"),
        per_example=("pred_vertices", "target_vertices"),
        references=(
            Reference("closed form", ref.per_example(ref.edge_preservation, "pred_vertices", "target_vertices")),
        ),
        kinks={"pred_vertices": np.stack([FAN, 0 * FAN]), "target_vertices": np.stack([FAN, FAN])},
        range=(0.0, inf),
        properties=(
            *BY_EXAMPLE,
            law.zero_where_equal("pred_vertices", "target_vertices"),
            law.symmetric("pred_vertices", "target_vertices"),
            law.translation_invariant("pred_vertices"),
            law.homogeneous(2, "pred_vertices", "target_vertices"),
        ),
        shapes=("rows",),
    ),
    opened(
        "edge_length",
        lossary.edge_length_loss,
        Reference("closed form", ref.per_example(ref.edge_length, "vertices")),
        options=({}, {"target_length": 0.5}, {"target_length": 3.0}),
        properties=(*BY_EXAMPLE, law.translation_invariant("vertices")),
    ),
    closed(
        "laplacian_smoothing",
        lossary.laplacian_smoothing_loss,
        Reference("closed form", ref.per_example(ref.laplacian, "vertices", "faces")),
        Reference("scipy", ref.per_example(ref.sparse_laplacian, "vertices", "faces"), covers=("squared",)),
        options=({}, {"method": "cotangent"}, {"method": "curvature"}, {"squared": False}),
        properties=(*BY_EXAMPLE, law.translation_invariant("vertices")),
    ),
    opened(
        "laplacian_smoothing_open",
        lossary.laplacian_smoothing_loss,
        Reference("closed form", ref.per_example(ref.laplacian, "vertices")),
        options=({}, {"boundary": "include"}, {"method": "cotangent", "squared": False}),
        properties=(*BY_EXAMPLE, law.translation_invariant("vertices")),
    ),
    closed(
        "normal_consistency",
        lossary.normal_consistency_loss,
        Reference("closed form", ref.per_example(ref.consistency, "vertices", "faces")),
        range=(0.0, 2.0),
        properties=(*BY_EXAMPLE, law.translation_invariant("vertices"), law.homogeneous(0, "vertices")),
    ),
    opened(
        "normal_consistency_open",
        lossary.normal_consistency_loss,
        Reference("closed form", ref.per_example(ref.consistency, "vertices")),
        range=(0.0, 2.0),
        properties=(*BY_EXAMPLE, law.homogeneous(0, "vertices")),
    ),
)
