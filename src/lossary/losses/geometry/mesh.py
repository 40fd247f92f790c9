"""The loss of a predicted mesh against one whose vertices correspond: several terms by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ..._core.backends import namespace
from ..._core.check import described, present, real
from ..._core.options import is_number, known_reduction, non_negative, one_of
from ..._core.result import LossResult, Term
from ..._core.types import A, Bool, Float, Reduction
from .meshes import Batch, Means, Mesh, checked_vertices, edges_of, mean_of_kept, mesh_of, vertex_normals
from .surfaces import METHODS, Method, deviations, edge_changes, folds, roughness

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace

MeshArrays = Any  # (vertices, faces) or (vertices, faces, normals)


def mesh_loss(
    pred_mesh: MeshArrays,
    target_mesh: MeshArrays,
    weights: Float[A, "*leading"] | None = None,
    *,
    vertex_weight: float = 1.0,
    normal_weight: float = 0.1,
    edge_weight: float = 0.1,
    laplacian_weight: float = 0.0,
    consistency_weight: float = 0.0,
    laplacian_method: Method = "uniform",
    mask: Bool[A, "*leading"] | None = None,
    normalizer: float | None = None,
    reduction: Reduction = "mean",
) -> LossResult:
    """A predicted triangle mesh against the true one, vertex by vertex: position, normals, edges and smoothness.

        vertex_weight · vertex + normal_weight · normal + edge_weight · edge
          + laplacian_weight · laplacian + consistency_weight · consistency

        vertex:       mean over vertices and coordinates (p − t)²
        normal:       mean over vertices 1 − cos of the angle between the normals, `normal_alignment_loss`
        edge:         mean over edges (|p_i − p_j| − |t_i − t_j|)², `edge_preservation_loss` on the target's faces
        laplacian:    roughness of the prediction alone, `laplacian_smoothing_loss` with its defaults
        consistency:  folds of the prediction alone, `normal_consistency_loss`

    Vertices must correspond one to one; where they do not, use `chamfer_distance` between points on both surfaces with
    the last two terms. A term of weight 0 (a Python number) is not computed, and is not in the result.

    Args:
        pred_mesh: a tuple (vertices, faces, normals). vertices: (v, 3) or a batch (*batch, v, 3), any unit; faces:
            vertex indices, (f, 3) or (*batch, f, 3), rows with −1 are padding; normals: as the vertices, of any
            length, or None (or left out): then they are the mean of the faces' around a vertex, by area.
        target_mesh: the same; vertices of the shape of the prediction's. A vertex whose target normal is zero (no face
            around it) does not count in "normal".
        weights: a factor per mesh, of the shape of the batch or a leading part of it; 0 drops the mesh.
        vertex_weight: ≥ 0.
        normal_weight: ≥ 0.
        edge_weight: ≥ 0.
        laplacian_weight: ≥ 0.
        consistency_weight: ≥ 0.
        laplacian_method: "uniform", "cotangent" or "curvature".
        mask: True counts, per mesh; shaped as `weights` may be.
        normalizer: > 0, replaces the denominator of "mean" and "batch_sum": the number of meshes.
        reduction: over the batch: "mean" (Σ wℓ / Σ w), "sum", "batch_sum" or "none".

    Returns:
        A `LossResult`: `objective` in [0, ∞), with terms "vertex", "edge" and "laplacian" in the unit of the vertices
        squared, "normal" and "consistency" without unit. The first three terms are 0 only where the meshes agree; the
        last two pull towards smoother ones. Gradient: that of the terms, finite for faces without area too.

    Raises:
        ValueError: shapes that do not fit, an index that is no vertex, or an option out of its range.
        TypeError: a mesh that is not a tuple, vertices that are not of a floating dtype, faces that are not integers.

    Source:
        Wang et al. 2018, "Pixel2Mesh", arXiv:1804.01654, §3.4, for terms of these kinds; each term names its own.

    Example:
        >>> vertices = np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 4.0, 0.0]])
        >>> faces = np.array([[0, 1, 2]])
        >>> result = mesh_loss((vertices + 1.0, faces, None), (vertices, faces, None))
        >>> result.objective.item(), result["vertex"].item(), result["normal"].item(), result["edge"].item()
        (1.0, 1.0, 0.0, 0.0)
    """
    name = "mesh_loss"
    term_weights = {
        "vertex": vertex_weight,
        "normal": normal_weight,
        "edge": edge_weight,
        "laplacian": laplacian_weight,
        "consistency": consistency_weight,
    }
    for term, weight in term_weights.items():
        term_weights[term] = non_negative(name, **{f"{term}_weight": weight})
    one_of(name, "laplacian_method", laplacian_method, METHODS)
    known_reduction(name, reduction, None, normalizer)
    meshes = pred_mesh is not None or target_mesh is not None
    pred, target = (_taken_apart(name, *side, meshes) for side in (("pred", pred_mesh), ("target", target_mesh)))
    xp = namespace(name, **present(**pred, **target), weights=weights, mask=mask)
    pair = _checked(name, xp, pred, target, Batch(xp, (), weights, mask, normalizer, reduction))

    terms: dict[str, Term] = {}
    objective = pair.batch.total(name, _nothing(xp, pair))
    for term, found in xp.quietly(_terms, name, pair, term_weights, laplacian_method).items():
        raw = pair.batch.total(name, found)
        contribution = term_weights[term] * raw
        terms[term] = Term(raw, term_weights[term], contribution)
        objective = objective + contribution
    return LossResult(objective, terms)


class Pair(NamedTuple):
    """Two meshes whose vertices correspond, checked, and 0 where they do not count."""

    batch: Batch
    pred: Mesh
    target: Mesh
    pred_normals: Any
    target_normals: Any


def _taken_apart(loss: str, side: str, mesh: Any, needed: bool) -> dict[str, Any]:
    """The arrays of a mesh by name; all None where none is needed, as when a face has its options checked."""
    names = tuple(f"{side}_{part}" for part in ("vertices", "faces", "normals"))
    if not needed:
        return dict.fromkeys(names)
    if not isinstance(mesh, (tuple, list)):
        got = f"{side}_mesh {type(mesh).__name__}"
        raise TypeError(f"{loss}: expected {side}_mesh to be a tuple (vertices, faces, normals); got {got}")
    parts = [*cast("tuple[Any, ...]", mesh)]
    if len(parts) not in (2, 3):
        raise ValueError(f"{loss}: expected {side}_mesh to be (vertices, faces, normals); got {len(parts)} of them")
    arrays: dict[str, Any] = dict(zip(names, [*parts, None], strict=False))
    for name in names[:2]:
        if arrays[name] is None:
            raise TypeError(f"{loss}: expected {name} to be an array; got {name} None")
    return arrays


def _checked(loss: str, xp: Namespace, pred: dict[str, Any], target: dict[str, Any], batch: Batch) -> Pair:
    vertices, wanted = pred["pred_vertices"], target["target_vertices"]
    checked_vertices(loss, xp, 3, pred_vertices=vertices)
    real(loss, xp, target_vertices=wanted, **_normals(pred, target))
    if vertices.shape != wanted.shape:
        got = described(pred_vertices=vertices, target_vertices=wanted)
        hint = "; for points that do not correspond use chamfer_distance"
        raise ValueError(f"{loss}: expected meshes whose vertices correspond; got {got}{hint}")
    for name, normals in _normals(pred, target).items():
        if normals is not None and normals.shape != vertices.shape:
            got = described(pred_vertices=vertices, **{name: normals})
            raise ValueError(f"{loss}: expected {name} of the shape of the vertices; got {got}")
    arrays: dict[str, Any] = {"pred": vertices, "target": wanted, **_normals(pred, target)}
    given = [name for name, array in arrays.items() if array is not None]
    promoted = dict(zip(given, xp.promote(*(arrays[name] for name in given)), strict=True))
    batch = batch._replace(shape=tuple(vertices.shape[:-2]))
    kept = {name: batch.kept(loss, array) for name, array in promoted.items()}
    faces = {
        "pred": batch.kept_faces(loss, pred["pred_faces"], promoted["pred"]),
        "target": batch.kept_faces(loss, target["target_faces"], promoted["target"]),
    }
    pred_mesh = mesh_of(loss, xp, kept["pred"], faces["pred"], ("pred_vertices", "pred_faces"))
    target_mesh = mesh_of(loss, xp, kept["target"], faces["target"], ("target_vertices", "target_faces"))
    return Pair(batch, pred_mesh, target_mesh, kept.get("pred_normals"), kept.get("target_normals"))


def _normals(pred: dict[str, Any], target: dict[str, Any]) -> dict[str, Any]:
    return {"pred_normals": pred["pred_normals"], "target_normals": target["target_normals"]}


def _nothing(xp: Namespace, pair: Pair) -> Means:
    """0 for each mesh, which belongs to the graph of both."""
    vertices = pair.pred.vertices[:, :0], pair.target.vertices[:, :0]
    zeros = xp.sum(xp.concat(vertices, axis=1), axis=(1, 2))
    return Means(zeros, zeros == zeros)


def _terms(loss: str, pair: Pair, weights: dict[str, Any], method: Method) -> dict[str, Means]:
    """The terms that are asked for, as one loss per mesh."""
    xp, pred, target = pair.batch.xp, pair.pred, pair.target
    asked = {term for term, weight in weights.items() if not is_number(weight, 0)}
    found: dict[str, Means] = {}

    def add(term: str, mesh: Mesh, losses: Any, keep: Any) -> None:
        found[term] = mean_of_kept(loss, mesh, xp, losses, keep)

    if "vertex" in asked:
        error = pred.vertices - target.vertices
        each = xp.mean(error * error, axis=-1)
        add("vertex", pred, each, xp.ones_like(each) == 1)
    if "normal" in asked:
        normals, wanted = (
            vertex_normals(xp, mesh) if given is None else xp.reshape(given, mesh.vertices.shape)
            for mesh, given in ((pred, pair.pred_normals), (target, pair.target_normals))
        )
        add("normal", target, deviations(xp, normals, wanted), xp.any(wanted != 0, axis=-1))
    if "edge" in asked:
        edges = edges_of(xp, target)
        add("edge", target, edge_changes(xp, pred.vertices, target.vertices, edges), edges.first)
    if asked & {"laplacian", "consistency"}:
        edges = edges_of(xp, pred)
        if "laplacian" in asked:
            add("laplacian", pred, *roughness(xp, pred, edges, method))
        if "consistency" in asked:
            add("consistency", pred, *folds(xp, pred, edges))
    return found
