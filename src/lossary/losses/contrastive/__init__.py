"""Losses that tell each embedding's own partner from everybody else's in the batch."""

from .paired import clip_loss as clip_loss
from .paired import info_nce_loss as info_nce_loss
from .paired import nt_xent_loss as nt_xent_loss
from .sigmoid import siglip_loss as siglip_loss
from .supervised import supcon_loss as supcon_loss

__all__ = [
    "info_nce_loss",
    "nt_xent_loss",
    "supcon_loss",
    "clip_loss",
    "siglip_loss",
]
