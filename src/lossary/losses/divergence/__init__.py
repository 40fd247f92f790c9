"""Divergences: how far one distribution is from another, given by its probabilities or by samples."""

from .probabilities import js_distance, js_divergence, kl_divergence, reverse_kl_divergence
from .samples import energy_distance, maximum_mean_discrepancy

__all__ = [
    "kl_divergence",
    "reverse_kl_divergence",
    "js_divergence",
    "js_distance",
    "maximum_mean_discrepancy",
    "energy_distance",
]
