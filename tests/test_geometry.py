"""Clouds and meshes: known shapes, what earlier formulas got wrong, points that do not count, searches, errors."""

from __future__ import annotations

from math import nan, sqrt
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import lossary
from lossary._core.backends import namespace, trees
from tests.catalog.geometry import FAN, FAN_FACES, OCTAHEDRON, OCTAHEDRON_FACES, grid
from tests.catalog.geometry_references import consistency, edge_length, edges, laplacian
from tests.support.frameworks import EVERY, JAX, NUMPY, TORCH, TORCH_F64, OnJax, OnNumpy, every_framework, row
from tests.support.refusal import call, refused

Arrays = dict[str, Any]
# JAX compiles every operation of a mesh of another size: by default the tables of the catalog speak for it.
but_jax_slowly = pytest.mark.parametrize("framework", [*EVERY[:2], row(OnJax, "f32", pytest.mark.slow)])


def points(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32).astype(float)


def close(found: Any, expected: Any, tolerance: float = 1e-6) -> None:
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=1e-12)


# ---- clouds by hand ----

NEAR, FAR = np.array([[0.0, 0.0], [3.0, 0.0]]), np.array([[0.0, 4.0]])


@every_framework
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (16 + 25) / 2 + 16),
        ({"squared": False}, (4 + 5) / 2 + 4),
        ({"combine": "mean"}, ((16 + 25) / 2 + 16) / 2),
        ({"combine": "max"}, (16 + 25) / 2),
        ({"direction": "forward"}, (16 + 25) / 2),
        ({"direction": "backward"}, 16),
        ({"pred_weights": np.array([3.0, 1.0])}, (3 * 16 + 25) / 4 + 16),
        ({"pred_mask": np.array([False, True])}, 25 + 25),
        ({"pred_weights": np.array([0.0, 2.0])}, 25 + 25),
    ],
    ids=str,
)
def test_chamfer_by_hand(framework: OnNumpy, options: Arrays, expected: float) -> None:
    close(framework.value(lossary.chamfer_distance, {"pred_points": NEAR, "target_points": FAR, **options}), expected)


@every_framework
def test_hausdorff_of_equal_sets_is_zero(framework: OnNumpy, rng: np.random.Generator) -> None:
    """E52: an epsilon under the root made it 1e-4."""
    cloud = points(rng, 3, 20, 3)
    found = framework.outcome(
        lossary.hausdorff_distance, {"pred_points": cloud, "target_points": cloud[:, ::-1].copy()}
    )
    assert found.value == 0
    assert not any(gradient.any() for gradient in found.gradients.values())


@every_framework
def test_hausdorff_is_the_largest(framework: OnNumpy) -> None:
    assert framework.value(lossary.hausdorff_distance, {"pred_points": NEAR, "target_points": FAR}) == 5
    masked = {"pred_points": NEAR, "target_points": FAR, "pred_mask": np.array([True, False])}
    assert framework.value(lossary.hausdorff_distance, masked) == 4


@every_framework
def test_points_close_together_far_from_the_origin(framework: OnNumpy, rng: np.random.Generator) -> None:
    """W28: by the matrix product, 64 points near 10 with spread 1e-3 came out 0.1 apart."""
    cloud, other = (np.float32(10 + 1e-3 * rng.normal(size=(64, 8))).astype(float) for _ in range(2))
    table = cdist(cloud, other)
    found = framework.value(lossary.chamfer_distance, {"pred_points": cloud, "target_points": other, "squared": False})
    close(found, table.min(0).mean() + table.min(1).mean())


# ---- points that do not count ----


@but_jax_slowly
@pytest.mark.parametrize("fn", [lossary.chamfer_distance, lossary.hausdorff_distance], ids=lambda fn: fn.__name__)
@pytest.mark.parametrize("hidden", [nan, np.inf, 1e30])
def test_masked_points_are_removed(framework: OnNumpy, rng: np.random.Generator, fn: Any, hidden: float) -> None:
    """On both sides, with their gradients: as clouds of their own sizes, one after the other."""
    pred, target = points(rng, 4, 9, 3), points(rng, 4, 7, 3)
    pred_mask, target_mask = rng.random((4, 9)) < 0.6, rng.random((4, 7)) < 0.6
    pred_mask[:, 0], target_mask[:, 0] = True, True
    alone = [
        framework.outcome(fn, {"pred_points": p[m], "target_points": t[n]})
        for p, t, m, n in zip(pred, target, pred_mask, target_mask, strict=True)
    ]
    pred[~pred_mask], target[~target_mask] = hidden, hidden
    kwargs = {"pred_points": pred, "target_points": target, "pred_mask": pred_mask, "target_mask": target_mask}
    found = framework.outcome(fn, {**kwargs, "reduction": "none"})
    close(found.value, [one.value for one in alone])
    for name, mask in (("pred_points", pred_mask), ("target_points", target_mask)):
        if name in found.gradients:
            assert not found.gradients[name][~mask].any()
            close(found.gradients[name][mask], np.concatenate([one.gradients[name] for one in alone]), 1e-5)


@every_framework
@pytest.mark.parametrize("side", ["pred", "target"])
def test_a_pair_with_an_empty_cloud_does_not_count(framework: OnNumpy, rng: np.random.Generator, side: str) -> None:
    kwargs = {"pred_points": points(rng, 2, 5, 3), "target_points": points(rng, 2, 4, 3)}
    alone = framework.value(lossary.chamfer_distance, {name: array[:1] for name, array in kwargs.items()})
    mask = np.ones(kwargs[f"{side}_points"].shape[:2], bool)
    mask[1] = False
    found = framework.outcome(lossary.chamfer_distance, {**kwargs, f"{side}_mask": mask})
    close(found.value, alone)
    assert all(not gradient[1].any() for gradient in found.gradients.values())
    nothing = framework.outcome(lossary.chamfer_distance, {**kwargs, f"{side}_mask": mask & False})
    assert nothing.value == 0
    assert not any(gradient.any() for gradient in nothing.gradients.values())


@but_jax_slowly
@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0), (0, 0)])
def test_no_points_at_all(framework: OnNumpy, n: int, m: int) -> None:
    kwargs = {"pred_points": np.full((2, n, 3), nan), "target_points": np.ones((2, m, 3))}
    for fn in (lossary.chamfer_distance, lossary.hausdorff_distance):
        found = framework.outcome(fn, kwargs)
        assert found.value == 0
        assert not any(np.nan_to_num(gradient, nan=1).any() for gradient in found.gradients.values())


@but_jax_slowly
def test_a_nan_that_counts_is_seen(framework: OnNumpy, rng: np.random.Generator) -> None:
    """Whichever side it is on and whichever direction is asked for, in the value and the point's own gradient."""
    for fn in (lossary.chamfer_distance, lossary.hausdorff_distance):
        for side in ("pred_points", "target_points"):
            for direction in ("both", "forward", "backward"):
                kwargs = {"pred_points": points(rng, 6, 3), "target_points": points(rng, 5, 3), "direction": direction}
                kwargs[side][3, 1] = nan
                found = framework.outcome(fn, kwargs)
                assert np.isnan(found.value)
                assert all(np.isnan(found.gradients[name]).any() for name in found.gradients if name == side)


# ---- the search ----


@every_framework
def test_first_of_equally_near_points(framework: OnNumpy) -> None:
    around = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    found = framework.outcome(
        lossary.chamfer_distance, {"pred_points": np.zeros((1, 2)), "target_points": around, "direction": "forward"}
    )
    if found.gradients:
        np.testing.assert_array_equal(found.gradients["target_points"], [[2, 0], [0, 0], [0, 0]])


@but_jax_slowly
@pytest.mark.parametrize("keep", [None, 0.5], ids=["all", "some"])
def test_nearest(framework: OnNumpy, rng: np.random.Generator, keep: float | None) -> None:
    """Against the whole table, in blocks and by a tree (where there are many points of few coordinates)."""
    for batch, n, m, d in (((2,), 6, 5, 3), ((), 400, 400, 3), ((2, 1), 400, 700, 2), ((), 300, 500, 12)):
        x, y = points(rng, *batch, n, d), points(rng, *batch, m, d)
        mask = None if keep is None else rng.random((*batch, m)) < keep

        def search(x: Any, y: Any, mask: Any = None) -> Any:
            return namespace("seam", x=x).nearest(x, y, mask, chunk_size=64)

        with framework.scope():
            found = framework.numpy(
                search(**framework.native({"x": x, "y": y} | ({} if mask is None else {"mask": mask})))
            )
        tables = np.stack([cdist(a, b) for a, b in zip(x.reshape(-1, n, d), y.reshape(-1, m, d), strict=True)])
        tables = tables.reshape(*batch, n, m)
        np.testing.assert_array_equal(
            found, (tables if mask is None else np.where(mask[..., None, :], tables, np.inf)).argmin(-1)
        )


def test_tree_and_table_give_one_value(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """Also where points are equally near, of which the two find different ones."""
    corners = np.stack(np.meshgrid(*[np.arange(8.0)] * 3), axis=-1).reshape(-1, 3)
    centres = corners + 0.5
    kwargs = {"pred_points": corners, "target_points": centres}
    found = NUMPY.value(lossary.chamfer_distance, kwargs), TORCH.value(lossary.chamfer_distance, kwargs)
    monkeypatch.setattr(trees, "PAIRS", 1 << 40)
    table = NUMPY.value(lossary.chamfer_distance, kwargs), TORCH.value(lossary.chamfer_distance, kwargs)
    assert found == table == (1.5, 1.5)


def test_without_scipy(monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    import sys

    kwargs = {"pred_points": points(rng, 500, 3), "target_points": points(rng, 500, 3)}
    expected = NUMPY.value(lossary.chamfer_distance, kwargs)
    monkeypatch.setitem(sys.modules, "scipy.spatial", None)
    assert NUMPY.value(lossary.chamfer_distance, kwargs) == expected


@pytest.mark.parametrize("away", [nan, np.inf])
def test_many_points_one_of_which_is_nowhere(away: float, rng: np.random.Generator) -> None:
    """A tree has no place for it: it is looked for in the table."""
    cloud, other = points(rng, 500, 3), points(rng, 500, 3)
    cloud[7] = away
    for framework in (NUMPY, TORCH):
        found = framework.value(lossary.chamfer_distance, {"pred_points": cloud, "target_points": other})
        assert not np.isfinite(found)


def test_memory_under_jit(jax: ModuleType) -> None:
    """W19: 10 000 × 10 000 points took 2.5 GiB in the backward pass."""
    cloud = jax.ShapeDtypeStruct((10_000, 3), np.float32)
    for fn in (lossary.chamfer_distance, lossary.hausdorff_distance):
        compiled = jax.jit(jax.value_and_grad(fn)).lower(cloud, cloud).compile()
        assert compiled.memory_analysis().temp_size_in_bytes < 32e6


# ---- known meshes ----

CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
CUBE_FACES = np.array(["013", "032", "467", "475", "045", "051", "237", "276", "026", "064", "157", "173"])
CUBE_FACES = np.array([[int(corner) for corner in face] for face in CUBE_FACES])
TETRAHEDRON = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
TETRAHEDRON_FACES = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])


def icosphere(times: int) -> tuple[np.ndarray, np.ndarray]:
    """The octahedron, its faces cut into four and pushed out to the unit sphere, again and again."""
    vertices, faces = OCTAHEDRON, OCTAHEDRON_FACES
    for _ in range(times):
        middle = {edge: len(vertices) + k for k, edge in enumerate(edges(faces))}
        added = np.array([vertices[i] + vertices[j] for i, j in middle])
        vertices = np.concatenate([vertices, added / np.linalg.norm(added, axis=1, keepdims=True)])
        halves = [[middle[min(p), max(p)] for p in ((a, b), (b, c), (c, a))] for a, b, c in faces.tolist()]
        corners = zip(faces.tolist(), halves, strict=True)
        faces = np.array([f for (a, b, c), (x, y, z) in corners for f in ((a, x, z), (b, y, x), (c, z, y), (x, y, z))])
    return vertices, faces


@but_jax_slowly
def test_known_meshes(framework: OnNumpy) -> None:
    def value(fn: Any, vertices: np.ndarray, faces: np.ndarray, **options: Any) -> np.ndarray:
        return framework.value(fn, {"vertices": vertices, "faces": faces, **options})

    # Twelve edges at a right angle, six diagonals in the plane.
    close(value(lossary.normal_consistency_loss, CUBE, CUBE_FACES), 12 / 18)
    close(value(lossary.normal_consistency_loss, TETRAHEDRON, TETRAHEDRON_FACES), 4 / 3)  # cos = −1/3
    close(value(lossary.normal_consistency_loss, OCTAHEDRON, OCTAHEDRON_FACES), 2 / 3)  # cos = 1/3
    close(value(lossary.edge_length_loss, CUBE, CUBE_FACES), (12 * 1 + 6 * 2) / 18)
    close(value(lossary.edge_length_loss, TETRAHEDRON, TETRAHEDRON_FACES, target_length=sqrt(2)), 2)
    for method in ("uniform", "cotangent"):  # to the centre of the opposite face, to the middle
        found = value(lossary.laplacian_smoothing_loss, TETRAHEDRON, TETRAHEDRON_FACES, method=method, squared=False)
        close(found, 4 / 3 * sqrt(3))
        close(value(lossary.laplacian_smoothing_loss, OCTAHEDRON, OCTAHEDRON_FACES, method=method), 1)


@but_jax_slowly
@pytest.mark.parametrize("radius", [1.0, 5.0])
def test_curvature_of_a_sphere(framework: OnNumpy, radius: float) -> None:
    vertices, faces = icosphere(3)
    kwargs = {"vertices": radius * vertices, "faces": faces, "method": "curvature", "squared": False}
    close(framework.value(lossary.laplacian_smoothing_loss, kwargs), 1 / radius, 6e-3)  # it has flat faces


@pytest.mark.parametrize("method", ["uniform", "cotangent", "curvature"])
def test_laplacian_of_larger_meshes(method: str, rng: np.random.Generator) -> None:
    vertices, faces = icosphere(2)
    vertices = vertices + 0.05 * rng.normal(size=vertices.shape)
    for v, f in ((vertices, faces), (vertices, faces[5:])):
        found = lossary.laplacian_smoothing_loss(v, f, method=method)
        close(found, laplacian(v, f, method), 1e-10)
        close(lossary.normal_consistency_loss(v, f), consistency(v, f), 1e-10)
        close(lossary.edge_length_loss(v, f), edge_length(v, f), 1e-10)


# ---- roughness and size (W09: the variance of face centres is no Laplacian) ----


@but_jax_slowly
def test_a_flat_grid_is_smooth_at_any_size(framework: OnNumpy) -> None:
    """The variance of the centres of its faces was 0.852, and 85.2 ten times as large."""
    vertices, faces = grid(6)
    for scale in (0.1, 1.0, 10.0):
        kwargs = {"vertices": np.float32(scale * vertices).astype(float), "faces": faces}
        for method in ("uniform", "cotangent", "curvature"):
            found = framework.outcome(lossary.laplacian_smoothing_loss, {**kwargs, "method": method})
            assert found.value < 1e-12
            assert all(abs(gradient).max() < 1e-5 for gradient in found.gradients.values())
        assert framework.value(lossary.normal_consistency_loss, kwargs) == 0


@but_jax_slowly
def test_roughness_is_seen_and_shrinking_does_not_hide_it(framework: OnNumpy, rng: np.random.Generator) -> None:
    """A rough grid had 0.866, hardly more than a flat one."""
    vertices, faces = grid(6)
    rough = vertices + np.array([0, 0, 0.3]) * points(rng, 36, 3)

    def value(fn: Any, vertices: np.ndarray) -> np.ndarray:
        return framework.value(fn, {"vertices": vertices, "faces": faces})

    smoothing, folding = lossary.laplacian_smoothing_loss, lossary.normal_consistency_loss
    assert value(smoothing, rough) > 0.01
    assert value(smoothing, rough) > 1e10 * value(smoothing, vertices)
    close(value(folding, 0.1 * rough), value(folding, rough), 1e-5)
    assert value(folding, rough) > 0.05


def test_the_boundary_pulls_only_when_it_counts(torch: ModuleType) -> None:
    vertices, faces = (torch.tensor(array) for array in grid(5))
    for boundary, moves in (("ignore", False), ("include", True)):
        leaf = vertices.clone().requires_grad_()
        lossary.laplacian_smoothing_loss(leaf, faces, boundary=boundary).backward()
        inwards = -(leaf.grad * (leaf.detach() - 2.0)).sum()
        assert bool(inwards < -1e-3) == moves


def test_shared_edges_count_once() -> None:
    square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    close(lossary.edge_length_loss(square, np.array([[0, 1, 2], [0, 2, 3]])), (4 * 1 + 2) / 5)
    rest = lossary.edge_preservation_loss(2 * square, square, np.array([[0, 1, 2], [2, 0, 3]]))
    close(rest, (4 * 1 + 2) / 5)


@but_jax_slowly
def test_many_vertices(framework: OnNumpy) -> None:
    """With more than 46 340 vertices one 32-bit key per edge, i · v + j, would overflow."""
    count = 100_000
    vertices = np.zeros((count, 3))
    vertices[-4:] = [[0, 0, 0], [3, 0, 0], [3, 4, 0], [0, 4, 0]]
    a, b, c, d = range(count - 4, count)
    kwargs = {"vertices": vertices, "faces": np.array([[a, b, c], [c, d, a], [0, 1, 2]])}
    close(framework.value(lossary.edge_length_loss, kwargs), (2 * 9 + 2 * 16 + 25) / 8)
    assert framework.value(lossary.normal_consistency_loss, kwargs) == 0


@but_jax_slowly
def test_faces_without_area(framework: OnNumpy) -> None:
    """Two corners in one place, three on a line, all in one: finite, whatever the loss."""
    line, point = OCTAHEDRON * np.array([1.0, 0, 0]), np.zeros((6, 3))
    pinched = OCTAHEDRON.copy()
    pinched[0] = pinched[2]
    for vertices in (line, point, pinched, 1e-30 * OCTAHEDRON):
        kwargs = {"vertices": vertices, "faces": OCTAHEDRON_FACES}
        for method in ("uniform", "cotangent", "curvature"):
            found = framework.outcome(lossary.laplacian_smoothing_loss, {**kwargs, "method": method})
            assert np.isfinite(found.value) or method == "curvature"  # 1e30, squared
            assert not any(np.isnan(gradient).any() for gradient in found.gradients.values())
        for fn in (lossary.normal_consistency_loss, lossary.edge_length_loss):
            found = framework.outcome(fn, kwargs)
            assert np.isfinite(found.value)
            assert all(np.isfinite(gradient).all() for gradient in found.gradients.values())


@but_jax_slowly
def test_padding_and_vertices_without_faces(framework: OnNumpy) -> None:
    """Rows of −1, faces of two vertices, vertices of no face: as if removed, and NaN there is not seen."""
    fan = FAN.copy()
    fan[6] = nan
    more = np.concatenate([FAN_FACES, [[2, 2, 3], [-1, 0, 1]]])
    for fn in (lossary.edge_length_loss, lossary.laplacian_smoothing_loss, lossary.normal_consistency_loss):
        plain = framework.outcome(fn, {"vertices": FAN[:6], "faces": FAN_FACES[:5]})
        found = framework.outcome(fn, {"vertices": fan, "faces": more})
        close(found.value, plain.value)
        for gradient in found.gradients.values():
            assert not gradient[6].any()
            np.testing.assert_allclose(gradient[:6], plain.gradients["vertices"], rtol=1e-5, atol=1e-6)


@but_jax_slowly
def test_faces_of_each_mesh(framework: OnNumpy, rng: np.random.Generator) -> None:
    """A batch in which every mesh has its own faces, padded to one number."""
    vertices = points(rng, 2, 6, 3)
    own = [OCTAHEDRON_FACES, OCTAHEDRON_FACES[::-1][:5]]
    faces = np.stack([own[0], np.concatenate([own[1], -np.ones((3, 3), int)])])
    for fn in (lossary.edge_length_loss, lossary.laplacian_smoothing_loss, lossary.normal_consistency_loss):
        found = framework.value(fn, {"vertices": vertices, "faces": faces, "reduction": "none"})
        close(
            found, [framework.value(fn, {"vertices": v, "faces": f}) for v, f in zip(vertices, own, strict=True)], 1e-5
        )
    nothing = framework.value(lossary.edge_length_loss, {"vertices": vertices, "faces": faces * 0 - 1})
    assert nothing == 0


@but_jax_slowly
def test_the_way_round_does_not_matter_for_folds(framework: OnNumpy, rng: np.random.Generator) -> None:
    turned = OCTAHEDRON_FACES.copy()
    turned[::2] = turned[::2, ::-1]
    vertices = points(rng, 6, 3)
    values = [
        framework.value(lossary.normal_consistency_loss, {"vertices": vertices, "faces": faces})
        for faces in (OCTAHEDRON_FACES, turned, turned[::-1].copy())
    ]
    close(values[1:], values[0])


# ---- mesh_loss ----


def mesh(framework: OnNumpy, vertices: np.ndarray, faces: np.ndarray, normals: Any = None) -> tuple[Any, ...]:
    return framework.array(vertices), framework.array(faces), None if normals is None else framework.array(normals)


@but_jax_slowly
def test_terms_are_the_public_losses(framework: OnNumpy, rng: np.random.Generator) -> None:
    """Each by its name, weighted as experiment 4 of a seed document weighs them (B18)."""
    faces, (p, t, n) = OCTAHEDRON_FACES, (OCTAHEDRON + 0.2 * points(rng, 6, 3) for _ in range(3))
    with framework.scope():
        pred, target = mesh(framework, p, faces, n), mesh(framework, t, faces, t)
        weights = {"vertex_weight": 2.0, "normal_weight": 0.5, "edge_weight": 0.1, "laplacian_weight": 0.01}
        total, terms = lossary.mesh_loss(pred, target, consistency_weight=0.3, **weights)
        expected = {
            "vertex": lossary.mse_loss(pred[0], target[0]),
            "normal": lossary.normal_alignment_loss(pred[2], target[2]),
            "edge": lossary.edge_preservation_loss(pred[0], target[0], pred[1]),
            "laplacian": lossary.laplacian_smoothing_loss(pred[0], pred[1]),
            "consistency": lossary.normal_consistency_loss(pred[0], pred[1]),
        }
        assert list(terms) == list(expected)
        for name, value in expected.items():
            close(framework.numpy(terms[name]), framework.numpy(value))
        factors = dict(zip(expected, [2.0, 0.5, 0.1, 0.01, 0.3], strict=True))
        close(framework.numpy(total), sum(factors[name] * float(value) for name, value in expected.items()))
        assert list(lossary.mesh_loss(pred, target).terms) == ["vertex", "normal", "edge"]


@but_jax_slowly
def test_a_mesh_is_itself(framework: OnNumpy) -> None:
    with framework.scope():
        for own in (mesh(framework, FAN, FAN_FACES), mesh(framework, FAN, FAN_FACES)[:2]):
            assert float(lossary.mesh_loss(own, own).objective) == 0


@but_jax_slowly
def test_normals_of_a_sphere_point_outwards(framework: OnNumpy) -> None:
    vertices, faces = icosphere(2)
    with framework.scope():
        pred, target = mesh(framework, 3 * vertices, faces), mesh(framework, vertices, faces, vertices)
        assert float(lossary.mesh_loss(pred, target)["normal"]) < 3e-3  # its corners see unequal faces


def test_weights_of_terms_may_be_learned(torch: ModuleType) -> None:
    weight = torch.tensor(0.0, requires_grad=True)
    pred, target = (mesh(TORCH, scale * OCTAHEDRON, OCTAHEDRON_FACES) for scale in (2.0, 1.0))
    lossary.mesh_loss(pred, target, laplacian_weight=weight).objective.backward()
    close(weight.grad, 4.0)


def test_faces_of_torch_and_flax_take_meshes(torch: ModuleType) -> None:
    import lossary.torch

    pred, target = (mesh(TORCH, scale * OCTAHEDRON, OCTAHEDRON_FACES) for scale in (2.0, 1.0))
    face = lossary.torch.MeshLoss(vertex_weight=2.0, laplacian_weight=0.1)
    assert (
        face(pred, target).objective
        == lossary.mesh_loss(pred, target, vertex_weight=2.0, laplacian_weight=0.1).objective
    )
    chamfer = lossary.torch.ChamferDistance(squared=False)
    mask = torch.tensor([True, False])
    found = chamfer(torch.tensor(NEAR), torch.tensor(FAR), pred_mask=mask)
    assert found == 4 + 4


def test_faces_of_flax_take_meshes(jax: ModuleType) -> None:
    import lossary.flax

    pred, target = (mesh(JAX, scale * OCTAHEDRON, OCTAHEDRON_FACES) for scale in (2.0, 1.0))
    face = lossary.flax.MeshLoss(laplacian_weight=0.1)
    found, expected = jax.jit(lambda p, t: (face(p, t), lossary.mesh_loss(p, t, laplacian_weight=0.1)))(pred, target)
    assert found.objective == expected.objective


def test_mesh_loss_under_compile(torch: ModuleType) -> None:
    torch._dynamo.reset()
    faces = torch.tensor(OCTAHEDRON_FACES)

    def total(vertices: Any, target: Any) -> Any:
        return lossary.mesh_loss((vertices, faces), (target, faces), laplacian_weight=0.1).objective

    pred, target = torch.tensor(1.1 * OCTAHEDRON), torch.tensor(OCTAHEDRON)
    compiled = torch.compile(total, fullgraph=True, backend="eager")
    close(compiled(pred, target), total(pred, target))


# ---- bad faces ----


def test_an_index_that_is_no_vertex_is_nan_under_jit(jax: ModuleType) -> None:
    for fn in (lossary.edge_length_loss, lossary.laplacian_smoothing_loss, lossary.normal_consistency_loss):
        run = jax.jit(fn)
        vertices = JAX.array(OCTAHEDRON)
        for bad in (6, -2, 1 << 30):
            faces = OCTAHEDRON_FACES.copy()
            faces[0, 0] = bad
            assert np.isnan(run(vertices, JAX.array(faces)))
            assert np.isnan(run(vertices, JAX.array(faces[:1])))


# ---- errors ----

CLOUD = {"pred_points": np.zeros((2, 4, 3)), "target_points": np.zeros((2, 5, 3))}
MESH = {"vertices": OCTAHEDRON, "faces": OCTAHEDRON_FACES}
EDGES = {"pred_vertices": OCTAHEDRON, "target_vertices": OCTAHEDRON, "faces": OCTAHEDRON_FACES}
ARROWS = {"pred_normals": np.ones((4, 3)), "target_normals": np.ones((4, 3))}
SHAPES = "expected pred_points (*batch, n, d) and target_points (*batch, m, d) of one batch and one d; got pred_points"

REFUSED: dict[str, tuple[str, Arrays, Arrays, type[Exception], str]] = {
    "d": (
        *("chamfer_distance", CLOUD, {"target_points": np.zeros((2, 5, 2))}, ValueError),
        f"{SHAPES} (2, 4, 3), target_points (2, 5, 2)",
    ),
    "batch": (
        *("hausdorff_distance", CLOUD, {"target_points": np.zeros((1, 5, 3))}, ValueError),
        f"{SHAPES} (2, 4, 3), target_points (1, 5, 3)",
    ),
    "vector": (
        *("chamfer_distance", CLOUD, {"pred_points": np.zeros(3), "target_points": np.zeros(3)}, ValueError),
        f"{SHAPES} (3,), target_points (3,)",
    ),
    "mask of pairs": (
        *("chamfer_distance", CLOUD, {"pred_mask": np.ones(2, bool)}, ValueError),
        "expected pred_mask of shape (2, 4), one per point; got pred_mask (2,)",
    ),
    "mask of the other": (
        *("chamfer_distance", CLOUD, {"target_weights": np.ones((2, 4))}, ValueError),
        "expected target_weights of shape (2, 5), one per point; got target_weights (2, 4)",
    ),
    "mask of numbers": (
        *("hausdorff_distance", CLOUD, {"target_mask": np.ones((2, 5), np.float32)}, TypeError),
        "expected target_mask of dtype bool (True counts); got target_mask float32",
    ),
    "negative weight": (
        *("chamfer_distance", CLOUD, {"pred_weights": -np.ones((2, 4))}, ValueError),
        "expected pred_weights >= 0; got pred_weights from -1 to -1",
    ),
    "direction": (
        *("chamfer_distance", CLOUD, {"direction": "pred"}, ValueError),
        "expected direction to be one of 'both', 'forward', 'backward'; got 'pred'",
    ),
    "combine": (
        *("chamfer_distance", CLOUD, {"combine": "min"}, ValueError),
        "expected combine to be one of 'sum', 'mean', 'max'; got 'min'",
    ),
    "directed": (
        *("hausdorff_distance", CLOUD, {"direction": "max"}, ValueError),
        "expected direction to be one of 'both', 'forward', 'backward'; got 'max'",
    ),
    "length": (
        *("edge_length_loss", MESH, {"target_length": -1.0}, ValueError),
        "expected target_length >= 0; got target_length -1.0",
    ),
    "method": (
        *("laplacian_smoothing_loss", MESH, {"method": "cot"}, ValueError),
        "expected method to be one of 'uniform', 'cotangent', 'curvature'; got 'cot'",
    ),
    "boundary": (
        *("laplacian_smoothing_loss", MESH, {"boundary": "fixed"}, ValueError),
        "expected boundary to be one of 'ignore', 'include'; got 'fixed'",
    ),
    "faces of a float": (
        *("edge_length_loss", MESH, {"faces": np.zeros((8, 3), np.float32)}, TypeError),
        "expected faces of an integer dtype (vertex indices); got faces float32",
    ),
    "quads": (
        *("edge_length_loss", MESH, {"faces": np.zeros((8, 4), int)}, ValueError),
        "expected faces of shape (f, 3) or (*batch, f, 3); got vertices (6, 3), faces (8, 4)",
    ),
    "faces of another batch": (
        *("edge_length_loss", MESH, {"faces": np.zeros((2, 8, 3), int)}, ValueError),
        "expected faces of shape (f, 3) or (*batch, f, 3); got vertices (6, 3), faces (2, 8, 3)",
    ),
    "one vertex": (
        *("edge_length_loss", MESH, {"vertices": np.zeros(3)}, ValueError),
        "expected vertices of shape (*batch, v, d); got vertices (3,)",
    ),
    "cotangents in the plane": (
        *("laplacian_smoothing_loss", MESH, {"vertices": OCTAHEDRON[:, :2].copy(), "method": "cotangent"}, ValueError),
        "expected vertices of shape (*batch, v, 3); got vertices (6, 2)",
    ),
    "no vertices": (
        *("normal_consistency_loss", MESH, {"vertices": np.zeros((0, 3))}, ValueError),
        "expected faces in [0, 0), or -1 for padding; got faces of shape (8, 3) and no vertices",
    ),
    "index": (
        *("laplacian_smoothing_loss", MESH, {"faces": OCTAHEDRON_FACES + 1}, ValueError),
        "expected faces in [0, 6), or -1 for padding; got faces from 1 to 6",
    ),
    "two sizes": (
        *("edge_preservation_loss", EDGES, {"target_vertices": np.zeros((5, 3))}, ValueError),
        "expected arrays of one shape; got pred_vertices (6, 3), target_vertices (5, 3)",
    ),
    "normals in the plane": (
        *("normal_alignment_loss", ARROWS, {name: np.ones((4, 2)) for name in ARROWS}, ValueError),
        "expected normals of shape (*items, 3); got pred_normals (4, 2), target_normals (4, 2)",
    ),
}


@pytest.mark.parametrize(("name", "kwargs", "change", "kind", "text"), REFUSED.values(), ids=REFUSED)
@every_framework
def test_refused(
    framework: OnNumpy, name: str, kwargs: Arrays, change: Arrays, kind: type[Exception], text: str
) -> None:
    text = text.replace("float32", f"float{framework.precision[1:]}")
    with refused(kind, f"{name}: {text}"):
        call(framework, getattr(lossary, name), {**kwargs, **change})


MESHES_REFUSED: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "an array": (
        *(OCTAHEDRON, (OCTAHEDRON, OCTAHEDRON_FACES), TypeError),
        "expected pred_mesh to be a tuple (vertices, faces, normals); got pred_mesh ndarray",
    ),
    "one": (
        *((OCTAHEDRON,), (OCTAHEDRON, OCTAHEDRON_FACES), ValueError),
        "expected pred_mesh to be (vertices, faces, normals); got 1 of them",
    ),
    "no faces": (
        *((OCTAHEDRON, OCTAHEDRON_FACES), (OCTAHEDRON, None, None), TypeError),
        "expected target_faces to be an array; got target_faces None",
    ),
    "no correspondence": (
        *((OCTAHEDRON, OCTAHEDRON_FACES), (FAN, FAN_FACES), ValueError),
        "expected meshes whose vertices correspond; got pred_vertices (6, 3), target_vertices (7, 3); for points "
        "that do not correspond use chamfer_distance",
    ),
    "normals of faces": (
        *((OCTAHEDRON, OCTAHEDRON_FACES, np.ones((8, 3))), (OCTAHEDRON, OCTAHEDRON_FACES), ValueError),
        "expected pred_normals of the shape of the vertices; got pred_vertices (6, 3), pred_normals (8, 3)",
    ),
    "index": (
        *((OCTAHEDRON, OCTAHEDRON_FACES), (OCTAHEDRON, OCTAHEDRON_FACES + 1), ValueError),
        "expected target_faces in [0, 6), or -1 for padding; got target_faces from 1 to 6",
    ),
}


@pytest.mark.parametrize(("pred", "target", "kind", "text"), MESHES_REFUSED.values(), ids=MESHES_REFUSED)
def test_meshes_refused(pred: Any, target: Any, kind: type[Exception], text: str) -> None:
    with refused(kind, f"mesh_loss: {text}"):
        lossary.mesh_loss(pred, target)


def test_options_of_mesh_loss() -> None:
    own = OCTAHEDRON, OCTAHEDRON_FACES
    with refused(ValueError, "mesh_loss: expected edge_weight >= 0; got edge_weight -0.1"):
        lossary.mesh_loss(own, own, edge_weight=-0.1)
    text = "mesh_loss: expected laplacian_method to be one of 'uniform', 'cotangent', 'curvature'; got 'cot'"
    with refused(ValueError, text):
        lossary.mesh_loss(own, own, laplacian_method="cot")


@pytest.mark.parametrize("fn", [lossary.chamfer_distance, lossary.hausdorff_distance], ids=lambda fn: fn.__name__)
def test_second_derivatives(torch: ModuleType, rng: np.random.Generator, fn: Any) -> None:
    leaves = [TORCH_F64.array(points(rng, 6, 3)).requires_grad_() for _ in range(2)]
    assert torch.autograd.gradgradcheck(fn, leaves)


@pytest.mark.parametrize("loss", [lossary.chamfer_distance, lossary.hausdorff_distance])
def test_a_table_without_memory_says_so(loss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: Any, chunk_size: Any) -> None:
        raise MemoryError("Unable to allocate 107. GiB")

    monkeypatch.setattr("lossary._core.backends.numpy.nearest", too_large)
    x, y = np.ones((5, 9)), np.ones((6, 9))
    text = f'^{loss.__name__}: no memory for the table of 5 × 6 numbers .*; chunk_size="auto" computes it in blocks$'
    with pytest.raises(MemoryError, match=text):
        loss(x, y, chunk_size=None)
    with pytest.raises(MemoryError, match=r"^Unable"):
        loss(x, y)
