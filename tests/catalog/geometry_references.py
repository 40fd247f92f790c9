"""Clouds and meshes by scipy and by plain loops over points, edges and faces.

The loops take the square root that they need, so that `tests/exact/geometry.py` runs them with 120 digits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np

Array = np.ndarray
Root = Callable[[Any], Any]


def per_example(formula: Callable[..., Any], *names: str) -> Callable[..., Array]:
    """`formula` of one cloud or mesh, for each of a batch; arrays not named are the same for all."""

    def function(**kwargs: Any) -> Array:
        batch = {name: kwargs.pop(name) for name in names}
        rows = zip(*batch.values(), strict=True)
        return np.array([formula(**dict(zip(batch, row, strict=True)), **kwargs) for row in rows])

    return function


# ---- clouds ----


def scipy_chamfer(
    pred_points: Array, target_points: Array, squared: bool = True, direction: str = "both", combine: str = "sum"
) -> Any:
    from scipy.spatial import cKDTree

    def mean(points: Array, others: Array) -> Any:
        distances = cKDTree(others).query(points)[0]
        return np.mean(distances**2 if squared else distances)

    return combined(mean(pred_points, target_points), mean(target_points, pred_points), direction, combine)


def scipy_hausdorff(pred_points: Array, target_points: Array, direction: str = "both") -> Any:
    from scipy.spatial.distance import directed_hausdorff

    forward = directed_hausdorff(pred_points, target_points)[0]
    return combined(forward, directed_hausdorff(target_points, pred_points)[0], direction, "max")


def combined(forward: Any, backward: Any, direction: str, combine: str) -> Any:
    if direction != "both":
        return forward if direction == "forward" else backward
    return {"sum": forward + backward, "mean": (forward + backward) / 2, "max": max(forward, backward)}[combine]


# ---- meshes ----


def edges(faces: Array) -> dict[tuple[int, int], list[int]]:
    """The corners opposite to each edge."""
    found = defaultdict(list)
    for a, b, c in faces.tolist():
        if len({a, b, c}) == 3 and min(a, b, c) >= 0:
            for i, j, opposite in ((a, b, c), (b, c, a), (c, a, b)):
                found[min(i, j), max(i, j)].append(opposite)
    return dict(sorted(found.items()))


def length(vector: Any, root: Root = np.sqrt) -> Any:
    return root((vector * vector).sum())


def cross(a: Any, b: Any) -> Any:
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def cosine_gap(a: Any, b: Any, root: Root = np.sqrt) -> Any:
    return 1 - (a * b).sum() / (length(a, root) * length(b, root))


def edge_length(vertices: Any, faces: Array, target_length: float = 0.0, root: Root = np.sqrt) -> Any:
    found = [(length(vertices[j] - vertices[i], root) - target_length) ** 2 for i, j in edges(faces)]
    return sum(found) / len(found)


def edge_preservation(pred_vertices: Any, target_vertices: Any, faces: Array, root: Root = np.sqrt) -> Any:
    p, t = pred_vertices, target_vertices
    found = [(length(p[j] - p[i], root) - length(t[j] - t[i], root)) ** 2 for i, j in edges(faces)]
    return sum(found) / len(found)


def laplacian(
    vertices: Any,
    faces: Array,
    method: str = "uniform",
    squared: bool = True,
    boundary: str = "ignore",
    root: Root = np.sqrt,
) -> Any:
    pull, size, border = defaultdict(lambda: 0 * vertices[0]), defaultdict(int), set()
    for (i, j), corners in edges(faces).items():
        weight = 1
        if method != "uniform":
            weight = sum(cotangent(vertices[i] - vertices[k], vertices[j] - vertices[k], root) for k in corners)
        for start, end in ((i, j), (j, i)):
            pull[start] = pull[start] + weight * (vertices[end] - vertices[start])
            size[start] = size[start] + weight
        if len(corners) == 1:
            border |= {i, j}
    if method == "curvature":
        size = defaultdict(int)
        for a, b, c in faces.tolist():
            for corner in (a, b, c):  # four thirds of half the length of the cross product
                area = length(cross(vertices[b] - vertices[a], vertices[c] - vertices[a]), root) / 2
                size[corner] = size[corner] + 4 * area / 3
    counted = [i for i in pull if boundary == "include" or i not in border]
    found = [length(pull[i] / size[i], root) ** (2 if squared else 1) for i in counted]
    return sum(found) / len(found)


def cotangent(a: Any, b: Any, root: Root = np.sqrt) -> Any:
    return (a * b).sum() / length(cross(a, b), root)


def sparse_laplacian(vertices: Array, faces: Array, squared: bool = True) -> Any:
    """The uniform one, on closed meshes, by scipy's matrix."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import laplacian

    rows, columns = np.array([*edges(faces)]).T
    ends = np.concatenate([rows, columns]), np.concatenate([columns, rows])
    matrix, degrees = laplacian(coo_array((np.ones(len(ends[0])), ends)).tocsr(), return_diag=True)
    distances = np.linalg.norm(matrix @ vertices / degrees[:, None], axis=1)
    return np.mean(distances ** (2 if squared else 1))


def consistency(vertices: Any, faces: Array, root: Root = np.sqrt) -> Any:
    """By the normals of the faces, turned so that both look to one side of the edge."""
    found = []
    for (i, j), corners in edges(faces).items():
        for k, m in combinations(corners, 2) if len(corners) == 2 else ():
            ridge = vertices[j] - vertices[i]
            left, right = cross(ridge, vertices[k] - vertices[i]), cross(vertices[m] - vertices[i], ridge)
            found.append(cosine_gap(left, right, root))
    return sum(found) / len(found)


def alignment(pred_normals: Any, target_normals: Any, oriented: bool = True, root: Root = np.sqrt) -> Any:
    gap = cosine_gap(pred_normals, target_normals, root)
    return gap if oriented else 1 - abs(1 - gap)


def vertex_normals(vertices: Array, faces: Array) -> Array:
    """By area, not normalised."""
    found = np.zeros_like(vertices)
    for a, b, c in faces.tolist():
        for corner in (a, b, c):
            found[corner] += cross(vertices[b] - vertices[a], vertices[c] - vertices[a])
    return found
