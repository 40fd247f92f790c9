"""Losses of triangle meshes, one number per mesh: edges, normals, smoothness."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from ..._core.backends import namespace
from ..._core.check import described, floating, real, same_shape
from ..._core.options import known_reduction, non_negative, one_of, true_or_false
from ..._core.reduce import counted, reduce
from ..._core.types import A, Bool, Float, Int, Reduction
from .meshes import (
    Batch,
    Edges,
    Mesh,
    added_up,
    along,
    at,
    checked_vertices,
    cross,
    edges_of,
    in_reach,
    mean_of_kept,
    mesh_of,
    one_minus_cosine,
)

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

Method = Literal["uniform", "cotangent", "curvature"]
METHODS: tuple[Method, ...] = ("uniform", "cotangent", "curvature")
Boundary = Literal["ignore", "include"]
BOUNDARY: tuple[Boundary, ...] = ("ignore", "include")


def edge_length_loss(
    vertices: Float[A, "*batch v d"],
    faces: Int[A, "*faces 3"],
    weights: Float[A, "*leading"] | None = None,
    *,
    target_length: float = 0.0,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How far the edges of a mesh are, on average, from one length: keeps vertices from flying away.

        mean over edges (|v_i − v_j| − target_length)²

    An edge that several faces share counts once. With `target_length` 0 it pulls the mesh together: give it a small
    weight. To keep the edges of a known mesh, `edge_preservation_loss` takes them one by one.

    Args:
        vertices: (v, d), or a batch (*batch, v, d); any d ≥ 1, any unit.
        faces: vertex indices in [0, v), (f, 3) for all meshes alike or (*batch, f, 3); rows with −1 are padding.
        weights: a factor per mesh, of the shape of the batch or a leading part of it; 0 drops the mesh.
        target_length: ≥ 0, in the unit of the vertices.
        mask: True counts, per mesh; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum": the number of meshes.
        reduction: over the batch: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" or "none".

    Returns:
        In [0, ∞), in the unit of the vertices squared; 0 only where every edge has the length asked for. A mesh without
        edges has no such loss and does not count. Gradient: along the edges, linear in the error; 0 at an edge of
        length 0.

    Raises:
        ValueError: shapes that do not fit, an index that is no vertex, or an option out of its range.
        TypeError: vertices that are not of a floating dtype, or faces that are not integers.

    Source:
        Wang et al. 2018, "Pixel2Mesh", arXiv:1804.01654, §3.4 (edge length regularization); as a mean over edges:
        Gkioxari et al. 2019, "Mesh R-CNN", arXiv:1906.02739, §3.3.

    Example:
        >>> triangle = np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 4.0, 0.0]])
        >>> edge_length_loss(triangle, np.array([[0, 1, 2]]), target_length=4.0).round(4).item()  # (1 + 0 + 1) / 3
        0.6667
    """
    name = "edge_length_loss"
    target_length = non_negative(name, target_length=target_length)

    def formula(xp: Namespace, mesh: Mesh) -> tuple[Any, Any]:
        edges = edges_of(xp, mesh)
        error = xp.norm(along(xp, mesh.vertices, edges.low, edges.high, edges.first), axis=-1) - target_length
        return error * error, edges.first

    return _per_mesh(name, formula, vertices, faces, weights, None, mask, normalizer, reduction)


def edge_preservation_loss(
    pred_vertices: Float[A, "*batch v d"],
    target_vertices: Float[A, "*batch v d"],
    faces: Int[A, "*faces 3"],
    weights: Float[A, "*leading"] | None = None,
    *,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How much the edges of a mesh have changed their lengths: bending is free, stretching is not.

        mean over edges (|p_i − p_j| − |t_i − t_j|)²,  p in pred_vertices, t in target_vertices

    An edge that several faces share counts once.

    Args:
        pred_vertices: (v, d), or a batch (*batch, v, d); any d ≥ 1, any unit.
        target_vertices: where the same vertices should be (or were, at rest), of the same shape and unit.
        faces: vertex indices in [0, v), (f, 3) for all meshes alike or (*batch, f, 3); rows with −1 are padding.
        weights: a factor per mesh, of the shape of the batch or a leading part of it; 0 drops the mesh.
        mask: True counts, per mesh; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum": the number of meshes.
        reduction: over the batch: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" or "none".

    Returns:
        In [0, ∞), in the unit of the vertices squared; 0 where no edge has changed its length: after any motion of
        the whole, say. A mesh without edges has no such loss and does not count. Gradient: along the edges, linear in
        the change; 0 at an edge of length 0.

    Raises:
        ValueError: shapes that do not fit, or an index that is no vertex.
        TypeError: pred_vertices that are not of a floating dtype, or faces that are not integers.

    Source:
        Terzopoulos et al. 1987, "Elastically deformable models", doi:10.1145/37401.37427, for lengths in place of
        their squares; no paper defines it in this form.

    Example:
        >>> rest = np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 4.0, 0.0]])  # edges 3, 4 and 5; doubled 6, 8, 10
        >>> edge_preservation_loss(2 * rest, rest, np.array([[0, 1, 2]])).round(4).item()  # (9 + 16 + 25) / 3
        16.6667
    """
    name = "edge_preservation_loss"
    known_reduction(name, reduction, None, normalizer)
    xp = namespace(
        name, pred_vertices=pred_vertices, target_vertices=target_vertices, faces=faces, weights=weights, mask=mask
    )
    checked_vertices(name, xp, None, pred_vertices=pred_vertices)
    real(name, xp, target_vertices=target_vertices)
    same_shape(name, pred_vertices=pred_vertices, target_vertices=target_vertices)
    pred, target = xp.promote(pred_vertices, target_vertices)
    batch = Batch(xp, tuple(pred.shape[:-2]), weights, mask, normalizer, reduction)
    faces = batch.kept_faces(name, faces, pred)
    mesh = mesh_of(name, xp, batch.kept(name, pred), faces, ("pred_vertices", "faces"))
    target = xp.reshape(batch.kept(name, target), mesh.vertices.shape)
    edges = edges_of(xp, mesh)
    losses = xp.quietly(edge_changes, xp, mesh.vertices, target, edges)
    return batch.total(name, mean_of_kept(name, mesh, xp, losses, edges.first))


def edge_changes(xp: Namespace, pred: Any, target: Any, edges: Edges) -> Any:
    """(|p| − |t|)² of each edge, by |p| − |t| = (p − t)·(p + t) / (|p| + |t|), which does not cancel near p = t."""
    keep = xp.expand_dims(edges.first, axis=-1)
    p = along(xp, pred, edges.low, edges.high, edges.first)
    t = along(xp, target, edges.low, edges.high, edges.first)
    drift = pred - target
    drifts = tuple(xp.where(keep, at(xp, drift, end), 0.0) for end in (edges.low, edges.high))
    # p − t from the edges where the vertices have moved far, from their ways where they have hardly moved.
    still = xp.abs(drifts[0]) + xp.abs(drifts[1]) < xp.abs(p) + xp.abs(t)
    change = xp.where(still, drifts[1] - drifts[0], p - t)
    size_p, size_t = xp.norm(p, axis=-1, keepdims=True), xp.norm(t, axis=-1, keepdims=True)
    size = size_p + size_t
    product = xp.sum(change * ((p + t) / xp.where(size == 0, 1.0, size)), axis=-1, keepdims=True)
    change = xp.where((size_p == 0) | (size_t == 0), size_p - size_t, product)[..., 0]
    return change * change


def laplacian_smoothing_loss(
    vertices: Float[A, "*batch v d"],
    faces: Int[A, "*faces 3"],
    weights: Float[A, "*leading"] | None = None,
    *,
    method: Method = "uniform",
    squared: bool = True,
    boundary: Boundary = "ignore",
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How rough a mesh is: how far each vertex lies from the (weighted) mean of its neighbours.

        mean over vertices |δ_i|²,  δ_i = Σ_j c_ij (v_j − v_i), j the neighbours of i
        "uniform":    c_ij = 1 / number of neighbours
        "cotangent":  c_ij = k_ij / Σ_j k_ij,  k_ij = cot α_ij + cot β_ij, the angles opposite to the edge ij
        "curvature":  c_ij = k_ij / (4 A_i),   A_i a third of the area around i: δ_i is the mean curvature normal

    "uniform" evens out the spacing of the vertices too; "cotangent" leaves vertices alone that slide within a plane.
    On a closed curved surface nothing is perfectly smooth: the first two shrink it, "curvature" makes it grow.

    The neighbours of a vertex on the boundary lie on one side, so that its δ pulls it inwards and says nothing about
    roughness. It does not count, unless `boundary="include"` (PyTorch3D's rule): a flat mesh has loss 0 and stays.

    Args:
        vertices: (v, d), or a batch (*batch, v, d), any unit; d = 3 for the cotangents.
        faces: vertex indices in [0, v), (f, 3) for all meshes alike or (*batch, f, 3); rows with −1 are padding.
        weights: a factor per mesh, of the shape of the batch or a leading part of it; 0 drops the mesh.
        method: "uniform", "cotangent" or "curvature". The gradient flows through the cotangents. They are not clamped:
            where those around a vertex nearly add up to 0 (very obtuse triangles), "cotangent" is large.
        squared: whether |δ_i| is squared; PyTorch3D's loss has it plain.
        boundary: "ignore" or "include", the vertices of edges that belong to one face only.
        mask: True counts, per mesh; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum": the number of meshes.
        reduction: over the batch: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" or "none".

    Returns:
        In [0, ∞), in the unit of the vertices squared ("curvature": its inverse squared); 0 where each vertex that
        counts is the mean of its neighbours: a plane with regular spacing, for the cotangents any plane. A vertex
        without neighbours does not count, nor does a mesh without such vertices; faces without area have cotangent 0.
        Gradient: 0 at 0. The δ are good to the rounding of an edge: in float32, to 1e-7 of its length.

    Raises:
        ValueError: shapes that do not fit, an index that is no vertex, or an option out of its range.
        TypeError: vertices that are not of a floating dtype, or faces that are not integers.

    Source:
        Desbrun et al. 1999, "Implicit fairing of irregular meshes using diffusion and curvature flow",
        doi:10.1145/311535.311576 ("uniform": the umbrella operator; "cotangent": its normalised curvature normal);
        "curvature": half of eq. 8 of Meyer et al. 2003, "Discrete differential-geometry operators for triangulated
        2-manifolds", doi:10.1007/978-3-662-05105-4_2, with barycentric areas.

    Example:
        >>> tent = np.array([[0.0, 0, 3], [1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])  # only the top is inside
        >>> laplacian_smoothing_loss(tent, np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 1]])).item()
        9.0
    """
    name = "laplacian_smoothing_loss"
    true_or_false(name, squared=squared)
    one_of(name, "method", method, METHODS)
    one_of(name, "boundary", boundary, BOUNDARY)

    def formula(xp: Namespace, mesh: Mesh) -> tuple[Any, Any]:
        return roughness(xp, mesh, edges_of(xp, mesh), method, squared, boundary)

    coordinates = None if method == "uniform" else 3
    return _per_mesh(name, formula, vertices, faces, weights, coordinates, mask, normalizer, reduction)


def roughness(
    xp: Namespace, mesh: Mesh, edges: Edges, method: Method, squared: bool = True, boundary: Boundary = "ignore"
) -> tuple[Any, Any]:
    """|δ|² (or |δ|) of each vertex, and which vertices count."""
    pulls, size = (_umbrellas if method == "uniform" else _cotangent_pulls)(xp, mesh, edges, method)
    nothing = size == 0
    laplacians = xp.where(nothing[..., None], 0.0, pulls / xp.where(nothing, 1.0, size)[..., None])
    keep = ~nothing
    if boundary == "ignore":
        border = xp.astype(xp.concat([edges.border] * 2, axis=-1), mesh.vertices)[..., None]
        ends = xp.concat([edges.low, edges.high], axis=-1)
        keep = keep & (added_up(xp, border, ends, mesh.vertices.shape[1])[..., 0] == 0)
    return xp.sum(laplacians * laplacians, axis=-1) if squared else xp.norm(laplacians, axis=-1), keep


def _umbrellas(xp: Namespace, mesh: Mesh, edges: Edges, method: Method) -> tuple[Any, Any]:
    """Σ_j (v_j − v_i) at each vertex, and its number of neighbours."""
    gap = along(xp, mesh.vertices, edges.low, edges.high, edges.first)
    one = xp.broadcast_to(xp.astype(edges.first, gap)[..., None], (*gap.shape[:-1], 1))
    return _at_both_ends(xp, mesh, edges.low, edges.high, gap, one, one)


def _cotangent_pulls(xp: Namespace, mesh: Mesh, edges: Edges, method: Method) -> tuple[Any, Any]:
    """Σ_j k_ij (v_j − v_i) at each vertex, and Σ_j k_ij or 4 A_i."""
    a, b, c = (mesh.faces[..., k] for k in range(3))
    start, end, opposite = (xp.concat(corners, axis=-1) for corners in ((a, b, c), (b, c, a), (c, a, b)))
    keep = xp.concat([mesh.present] * 3, axis=-1)
    gap = along(xp, mesh.vertices, start, end, keep)
    left, right = along(xp, mesh.vertices, opposite, start, keep), along(xp, mesh.vertices, opposite, end, keep)
    near, far = in_reach(xp, left, right)
    area = xp.norm(cross(xp, near, far), axis=-1, keepdims=True)
    flat = area == 0
    cotangent = xp.where(flat, 0.0, xp.sum(near * far, axis=-1, keepdims=True) / xp.where(flat, 1.0, area))
    if method == "cotangent":
        return _at_both_ends(xp, mesh, start, end, cotangent * gap, cotangent, cotangent)
    # Twice the face's area, which each of its corners meets once as a start: 4 A_i is two thirds of their sum.
    area = xp.norm(cross(xp, left, right), axis=-1, keepdims=True) * (2 / 3)
    return _at_both_ends(xp, mesh, start, end, cotangent * gap, area, xp.zeros_like(area))


def _at_both_ends(
    xp: Namespace, mesh: Mesh, start: Any, end: Any, pull: Any, at_start: Any, at_end: Any
) -> tuple[Any, Any]:
    """What pulls a start towards its end pulls the end back; sums of that and of the numbers beside it, per vertex."""
    values = xp.concat(
        [xp.concat([pull, at_start], axis=-1), xp.concat([-pull, at_end], axis=-1)],
        axis=1,
    )
    total = added_up(xp, values, xp.concat([start, end], axis=-1), mesh.vertices.shape[1])
    return total[..., :-1], total[..., -1]


def normal_consistency_loss(
    vertices: Float[A, "*batch v 3"],
    faces: Int[A, "*faces 3"],
    weights: Float[A, "*leading"] | None = None,
    *,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How sharply a mesh is folded along its edges.

        mean over inner edges 1 − cos θ,  θ the angle between the normals of the two faces that meet there

    θ is measured across the edge, so that it does not matter which way round the faces list their corners. Only edges
    of exactly two faces count: a boundary has no fold, and where three faces meet there is no single one.

    Args:
        vertices: (v, 3), or a batch (*batch, v, 3), any unit.
        faces: vertex indices in [0, v), (f, 3) for all meshes alike or (*batch, f, 3); rows with −1 are padding.
        weights: a factor per mesh, of the shape of the batch or a leading part of it; 0 drops the mesh.
        mask: True counts, per mesh; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum": the number of meshes.
        reduction: over the batch: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" or "none".

    Returns:
        In [0, 2], without unit, whatever the size of the mesh; 0 only where all faces that meet are in one plane, 2
        where they are folded shut. An edge of a face without area does not count, nor does a mesh without inner edges.
        Gradient: 0 where flat.

    Raises:
        ValueError: shapes that do not fit, or an index that is no vertex.
        TypeError: vertices that are not of a floating dtype, or faces that are not integers.

    Source:
        Ravi et al. 2020, "Accelerating 3D deep learning with PyTorch3D", arXiv:2007.08501 (mesh_normal_consistency);
        no equation there.

    Example:
        >>> roof = np.array([[0.0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]])  # two faces at a right angle
        >>> normal_consistency_loss(roof, np.array([[0, 1, 2], [0, 1, 3]])).item()
        1.0
    """

    def formula(xp: Namespace, mesh: Mesh) -> tuple[Any, Any]:
        return folds(xp, mesh, edges_of(xp, mesh))

    name = "normal_consistency_loss"
    return _per_mesh(name, formula, vertices, faces, weights, 3, mask, normalizer, reduction)


def folds(xp: Namespace, mesh: Mesh, edges: Edges) -> tuple[Any, Any]:
    """1 − cos θ of each edge, and at which ones there is a fold."""
    ends = (edges.high, edges.opposite, edges.next_opposite)
    ridge, left, right = in_reach(xp, *(along(xp, mesh.vertices, edges.low, end, edges.pair) for end in ends))
    normal, other = cross(xp, ridge, left), cross(xp, right, ridge)
    flat = ~xp.any(normal != 0, axis=-1) | ~xp.any(other != 0, axis=-1)
    return one_minus_cosine(xp, normal, other), edges.pair & ~flat


def normal_alignment_loss(
    pred_normals: Float[A, "*items 3"],
    target_normals: Float[A, "*items 3"],
    weights: Float[A, "*leading"] | None = None,
    *,
    oriented: bool = True,
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> A:
    """How far normals point from where they should.

        1 − cos θ,  θ the angle between pred_normal and target_normal
        1 − |cos θ|  where not oriented

    Args:
        pred_normals: (*items, 3), one vector per item, of any length.
        target_normals: of the same shape. A zero vector is no normal: its item does not count.
        weights: a factor per item, of the shape of the items or a leading part of it; 0 drops the item.
        oriented: False where the sign of the normals means nothing, as in many scans.
        mask: True counts; shaped as `weights` may be. What it drops may be NaN.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum".
        reduction: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" (sum within an example, mean over the batch) or "none".

    Returns:
        In [0, 2] (not oriented: [0, 1]), without unit; 0 only where the directions agree. Lengths do not matter; a zero
        prediction costs 1. Gradient: perpendicular to the prediction, sin θ / its length; 0 at θ = 0, at θ = π, and
        for a zero prediction.

    Raises:
        ValueError: shapes that differ or do not end in 3, or an unknown reduction.
        TypeError: pred_normals that are not of a floating dtype, or arrays of two frameworks.

    Source:
        Gkioxari et al. 2019, "Mesh R-CNN", arXiv:1906.02739, eq. 2 (not oriented, and there with the sign turned).

    Example:
        >>> normal_alignment_loss(np.array([[0.0, 0.0, 2.0]]), np.array([[0.0, 1.0, 1.0]])).round(4).item()  # 1 − √½
        0.2929
    """
    name = "normal_alignment_loss"
    true_or_false(name, oriented=oriented)
    known_reduction(name, reduction, None, normalizer)
    xp = namespace(name, pred_normals=pred_normals, target_normals=target_normals, weights=weights, mask=mask)
    floating(name, xp, pred_normals=pred_normals)
    real(name, xp, target_normals=target_normals)
    same_shape(name, pred_normals=pred_normals, target_normals=target_normals)
    shape = tuple(pred_normals.shape)
    if not shape or shape[-1] != 3:
        got = described(pred_normals=pred_normals, target_normals=target_normals)
        raise ValueError(f"{name}: expected normals of shape (*items, 3); got {got}")
    pred, target = xp.promote(pred_normals, target_normals)
    items = counted(name, xp, shape[:-1], weights, mask, pred, dropped=~xp.any(target != 0, axis=-1))
    if items is not None:
        keep = xp.expand_dims(xp.broadcast_to(items.keep, shape[:-1]), axis=-1)
        pred, target = xp.select(keep, pred, 0.0), xp.select(keep, target, 0.0)
    losses = xp.quietly(deviations, xp, pred, target, oriented)
    return reduce(name, xp, losses, items, normalizer=normalizer, reduction=reduction)


def deviations(xp: Namespace, pred: Any, target: Any, oriented: bool = True) -> Any:
    """1 − cos θ of each pair of normals."""
    if not oriented:
        opposed = xp.sum(xp.unit(pred, axis=-1) * xp.unit(target, axis=-1), axis=-1, keepdims=True) < 0
        target = xp.where(opposed, -target, target)
    return one_minus_cosine(xp, pred, target)


def _per_mesh(
    name: str,
    formula: Callable[[Namespace, Mesh], tuple[Any, Any]],
    vertices: Any,
    faces: Any,
    weights: Any,
    coordinates: int | None,
    mask: Any,
    normalizer: Any,
    reduction: Reduction,
) -> Any:
    """`formula` → (losses of a mesh's edges or vertices, which of them count), checked before and reduced after."""
    known_reduction(name, reduction, None, normalizer)
    xp = namespace(name, vertices=vertices, faces=faces, weights=weights, mask=mask)
    checked_vertices(name, xp, coordinates, vertices=vertices)
    (vertices,) = xp.promote(vertices)
    batch = Batch(xp, tuple(vertices.shape[:-2]), weights, mask, normalizer, reduction)
    mesh = mesh_of(name, xp, batch.kept(name, vertices), batch.kept_faces(name, faces, vertices))
    return batch.total(name, mean_of_kept(name, mesh, xp, *xp.quietly(formula, xp, mesh)))
