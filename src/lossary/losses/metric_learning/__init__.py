"""Losses of embeddings: near where labels agree, apart where they differ."""

from .margins import arcface_loss as arcface_loss
from .margins import cosface_loss as cosface_loss
from .mining import online_triplet_loss as online_triplet_loss
from .pairs import contrastive_loss as contrastive_loss
from .pairs import triplet_loss as triplet_loss
from .proxies import proxy_anchor_loss as proxy_anchor_loss
from .proxies import proxy_nca_loss as proxy_nca_loss

__all__ = [
    "contrastive_loss",
    "triplet_loss",
    "online_triplet_loss",
    "arcface_loss",
    "cosface_loss",
    "proxy_nca_loss",
    "proxy_anchor_loss",
]
