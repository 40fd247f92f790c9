"""The losses of clouds and meshes as their docstrings have them, with 120 digits."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tests.catalog import geometry_references as ref
from tests.exact.arrays import norm, over_arrays, sqrt


def chamfer(
    pred_points: Any, target_points: Any, squared: bool = True, direction: str = "both", combine: str = "sum"
) -> Any:
    gaps = pred_points[:, None] - target_points[None]
    table = (gaps * gaps).sum(-1) if squared else norm(gaps)
    return ref.combined(table.min(1).sum() / table.shape[0], table.min(0).sum() / table.shape[1], direction, combine)


def hausdorff(pred_points: Any, target_points: Any, direction: str = "both") -> Any:
    table = norm(pred_points[:, None] - target_points[None])
    return ref.combined(table.min(1).max(), table.min(0).max(), direction, "max")


def faces_first(formula: Any) -> Any:
    """Faces come as they are, everything else with its digits."""
    return lambda faces, **rest: formula(faces=np.asarray(faces), root=sqrt, **rest)


CLOUDS = "pred_points", "target_points"
MESHES = "pred_vertices", "target_vertices"

EXACT = {
    "chamfer_distance": over_arrays(chamfer, wrt=CLOUDS),
    "hausdorff_distance": over_arrays(hausdorff, wrt=CLOUDS),
    "normal_alignment_loss": over_arrays(partial(ref.alignment, root=sqrt), wrt=("pred_normals", "target_normals")),
    "edge_preservation_loss": over_arrays(faces_first(ref.edge_preservation), wrt=MESHES),
    "edge_length_loss": over_arrays(faces_first(ref.edge_length), wrt=("vertices",)),
    "laplacian_smoothing_loss": over_arrays(faces_first(ref.laplacian), wrt=("vertices",)),
    "normal_consistency_loss": over_arrays(faces_first(ref.consistency), wrt=("vertices",)),
}
