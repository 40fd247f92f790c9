"""Clouds and meshes of every size and place, near and far from what they should be."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.catalog.geometry import OCTAHEDRON, OCTAHEDRON_FACES
from tests.probes.probe import Arrays, Probe, each, generator, settings
from tests.support.inputs import f32

UNPROBED = {"mesh_loss": "a sum of terms, each of which is probed"}

MESHES = 12  # a formula with 120 digits takes its time


def _clouds(key: int, items: int = 24, scale: float = 1.0) -> Arrays:
    rng = generator(key)
    return {
        "pred_points": f32(scale * rng.normal(size=(items, 5, 3))),
        "target_points": f32(scale * rng.normal(size=(items, 4, 3))),
    }


def _beside(key: int, by: float, place: float = 0.0) -> Arrays:
    """Predictions beside their targets, at `place`."""
    rng = generator(key)
    target = f32(place + rng.normal(size=(24, 5, 3)))
    return {"pred_points": f32(target + by * rng.normal(size=target.shape)), "target_points": target}


def _meshes(key: int, scale: float = 1.0, place: float = 0.0) -> Arrays:
    rng = generator(key)
    vertices = place + scale * (OCTAHEDRON + 0.2 * rng.normal(size=(MESHES, 6, 3)))
    return {"vertices": f32(vertices), "faces": np.stack([OCTAHEDRON_FACES] * MESHES)}


def _pairs(key: int, by: float, scale: float = 1.0, place: float = 0.0) -> Arrays:
    arrays, rng = _meshes(key, scale, place), generator(key + 1)
    target = arrays["vertices"]
    pred = f32(target + scale * by * rng.normal(size=target.shape))
    return {"pred_vertices": pred, "target_vertices": target, "faces": arrays["faces"]}


def _flat(key: int, by: float) -> Arrays:
    """One vertex inside a ring, nearly in the plane of the ring and nearly its centre."""
    rng = generator(key)
    ring = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]], float)
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 1]])
    return {
        "vertices": f32(ring + by * rng.normal(size=(MESHES, 5, 3))),
        "faces": np.stack([faces] * MESHES),
    }


def _normals(key: int, by: float, lengths: tuple[float, float] = (1.0, 1.0)) -> Arrays:
    rng = generator(key)
    target = rng.normal(size=(96, 3))
    target = target / np.linalg.norm(target, axis=1, keepdims=True)
    pred = target + by * rng.normal(size=target.shape)
    pred = pred / np.linalg.norm(pred, axis=1, keepdims=True)
    return {"pred_normals": f32(lengths[0] * pred), "target_normals": f32(lengths[1] * target)}


def ordinary() -> Iterator[Probe]:
    """What a training run sees."""
    cloud = _clouds(0)
    yield from each("chamfer_distance", cloud, *settings("combine", "sum", "mean", "max"))
    yield from each("chamfer_distance", cloud, *settings("direction", "forward", "backward", squared=False))
    yield from each("hausdorff_distance", cloud, *settings("direction", "both", "forward", "backward"))
    yield Probe("chamfer_distance", _beside(1, 1e-3, 10.0), note="near-ten")
    yield from each("normal_alignment_loss", _normals(2, 1.0), *settings("oriented", True, False))
    yield Probe("edge_preservation_loss", _pairs(3, 0.3))
    mesh = _meshes(5)
    yield from each("edge_length_loss", mesh, *settings("target_length", 0.0, 0.5))
    yield from each("laplacian_smoothing_loss", mesh, *settings("method", "uniform", "cotangent", "curvature"))
    yield Probe("laplacian_smoothing_loss", mesh, {"squared": False})
    yield Probe("normal_consistency_loss", mesh)


def tails() -> Iterator[Probe]:
    """Predictions next to their targets, meshes next to flat."""
    for by in (1e-2, 1e-5):
        yield from each("chamfer_distance", _beside(6, by), *settings("squared", True, False), note=f"beside-{by:g}")
        yield Probe("hausdorff_distance", _beside(6, by), note=f"beside-{by:g}")
        yield from each("normal_alignment_loss", _normals(7, by), note=f"beside-{by:g}")
        yield Probe("edge_preservation_loss", _pairs(8, by), note=f"beside-{by:g}")
        yield Probe("normal_consistency_loss", _flat(9, by), note=f"flat-{by:g}")
    for by in (1e-2, 1e-3):  # what is left of edges of length 1, each of which is rounded to 6e-8
        yield Probe("laplacian_smoothing_loss", _flat(9, by), note=f"flat-{by:g}")
    yield Probe("laplacian_smoothing_loss", _flat(9, 1e-2), {"method": "cotangent"}, note="flat")
    yield Probe("edge_length_loss", _meshes(10), {"target_length": 1.4}, note="near-the-length")


def extremes() -> Iterator[Probe]:
    """Very large, very small, and far away."""
    for scale in (1e15, 1e-12):
        cloud, mesh = _clouds(11, scale=scale), _meshes(12, scale)
        note = f"size-{scale:g}"
        yield from each("chamfer_distance", cloud, *settings("squared", True, False), note=note)
        yield Probe("hausdorff_distance", cloud, note=note)
        yield Probe("normal_alignment_loss", _normals(13, 1.0, (scale, 1 / scale)), note=note)
        yield Probe("edge_preservation_loss", _pairs(14, 0.3, scale), note=note)
        yield Probe("edge_length_loss", mesh, note=note)
        yield from each("laplacian_smoothing_loss", mesh, *settings("method", "uniform", "cotangent"), note=note)
        yield Probe("normal_consistency_loss", mesh, note=note)
    yield Probe("laplacian_smoothing_loss", _meshes(12, 1e6), {"method": "curvature"}, note="size-1e+06")
    away = 1e6  # where float32 has steps of 1/16
    yield from each("chamfer_distance", _beside(15, 1.0, away), *settings("squared", True, False), note="away")
    yield Probe("hausdorff_distance", _beside(15, 1.0, away), note="away")
    mesh = _meshes(16, 10.0, away)
    yield Probe("edge_length_loss", mesh, note="away")
    yield from each("laplacian_smoothing_loss", mesh, *settings("method", "uniform", "cotangent"), note="away")
    yield Probe("normal_consistency_loss", mesh, note="away")
    yield Probe("edge_preservation_loss", _pairs(17, 0.1, 10.0, away), note="away")
    yield from each("chamfer_distance", _clouds(18, scale=1e30), {"squared": False}, note="beyond-squares")
