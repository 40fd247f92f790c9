"""Losses of clouds of points and of triangle meshes."""

from .mesh import mesh_loss as mesh_loss
from .points import chamfer_distance as chamfer_distance
from .points import hausdorff_distance as hausdorff_distance
from .surfaces import edge_length_loss as edge_length_loss
from .surfaces import edge_preservation_loss as edge_preservation_loss
from .surfaces import laplacian_smoothing_loss as laplacian_smoothing_loss
from .surfaces import normal_alignment_loss as normal_alignment_loss
from .surfaces import normal_consistency_loss as normal_consistency_loss

__all__ = [
    "chamfer_distance",
    "hausdorff_distance",
    "mesh_loss",
    "normal_alignment_loss",
    "edge_preservation_loss",
    "edge_length_loss",
    "laplacian_smoothing_loss",
    "normal_consistency_loss",
]
