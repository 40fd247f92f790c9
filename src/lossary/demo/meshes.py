"""Triangle meshes for the demo: the Stanford bunny, a sphere, and points on their surfaces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lossary._core.backends import namespace

from .training import Array

__all__ = ["BUNNY", "Mesh", "bunny", "corner_shares", "icosphere", "points_on", "sampled"]

BUNNY = Path(__file__).parent / "stanford_bunny" / "bunny.npz"
"""From the Stanford 3D Scanning Repository; the file NOTICE beside it says under which terms."""


@dataclass(frozen=True)
class Mesh:
    """Vertices (v, 3) and the corners of triangles (f, 3), counter-clockwise seen from outside."""

    vertices: Array
    faces: Array


@cache
def bunny() -> Mesh:
    """The Stanford bunny with 1839 vertices, y upwards; in the middle of the unit sphere, and as large as fits."""
    with np.load(BUNNY, allow_pickle=False) as stored:
        vertices, faces = stored["vertices"], stored["faces"].astype(np.int64)
    vertices = vertices - (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    return Mesh(vertices / np.linalg.norm(vertices, axis=1).max(), faces)


def icosphere(subdivisions: int) -> Mesh:
    """The unit sphere as an icosahedron whose triangles are cut into four, so many times."""
    golden = (1 + np.sqrt(5)) / 2
    rectangle = np.array([[1, golden], [-1, golden], [1, -golden], [-1, -golden]])
    vertices = np.concatenate([np.roll(np.pad(rectangle, ((0, 0), (1, 0))), shift, axis=1) for shift in range(3)])
    apart = np.linalg.norm(vertices[:, None] - vertices, axis=-1)
    near = np.isclose(apart, 2.0)
    triples = np.argwhere(near[:, :, None] & near[:, None] & near)
    outwards = np.linalg.det(vertices[triples]) > 0
    first = triples[:, 0] == triples.min(axis=1)  # of the three ways round, the one that begins with the smallest
    mesh = Mesh(vertices / np.linalg.norm(vertices, axis=1, keepdims=True), triples[outwards & first])
    for _ in range(subdivisions):
        mesh = _subdivided(mesh)
    return Mesh(mesh.vertices.astype(np.float32), mesh.faces)


def _subdivided(mesh: Mesh) -> Mesh:
    edges = np.sort(mesh.faces[:, [[0, 1], [1, 2], [2, 0]]], axis=-1)
    ends, place = np.unique(edges.reshape(-1, 2), axis=0, return_inverse=True)
    middles = mesh.vertices[ends].sum(axis=1)
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    a, b, c = mesh.faces.T
    ab, bc, ca = len(mesh.vertices) + place.reshape(-1, 3).T
    faces = np.concatenate([np.stack(t, axis=1) for t in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    return Mesh(np.concatenate([mesh.vertices, middles]), faces)


def points_on(vertices: Any, faces: Any, shares: Any) -> tuple[Any, Any]:
    """A point on each triangle, its corners mixed by these shares, and the triangles' areas; for all frameworks."""
    xp = namespace("points_on", vertices=vertices, faces=faces, shares=shares)
    corners = xp.reshape(xp.take(vertices, xp.reshape(faces, (-1,)), axis=0), (len(faces), 3, 3))
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    squared = xp.sum(one * one, axis=1) * xp.sum(other * other, axis=1) - xp.sum(one * other, axis=1) ** 2
    return xp.sum(shares[..., None] * corners, axis=1), 0.5 * xp.sqrt(xp.relu(squared))


def corner_shares(rng: np.random.Generator, triangles: int) -> Array:
    """For each triangle the shares of its corners in a point anywhere on it."""
    return rng.dirichlet(np.ones(3), triangles).astype(np.float32)


def sampled(rng: np.random.Generator, mesh: Mesh, points: int) -> Array:
    """Points anywhere on the surface."""
    _, areas = points_on(mesh.vertices, mesh.faces, corner_shares(rng, len(mesh.faces)))
    chosen = rng.choice(len(mesh.faces), points, p=areas / areas.sum(dtype=float))
    return points_on(mesh.vertices, mesh.faces[chosen], corner_shares(rng, points))[0]
