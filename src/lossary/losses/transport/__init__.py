"""What it costs to move one distribution onto another: on the line exactly, between point clouds by Sinkhorn's way."""

from .clouds import earth_mover_distance as earth_mover_distance
from .clouds import sinkhorn_divergence as sinkhorn_divergence
from .line import sliced_wasserstein_distance as sliced_wasserstein_distance
from .line import wasserstein_distance as wasserstein_distance

__all__ = [
    "wasserstein_distance",
    "sliced_wasserstein_distance",
    "earth_mover_distance",
    "sinkhorn_divergence",
]
