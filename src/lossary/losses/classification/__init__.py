"""Losses of scores against classes: yes or no (sigmoid), or one of many (softmax)."""

from .binary import binary_cross_entropy_loss as binary_cross_entropy_loss
from .binary import binary_focal_loss as binary_focal_loss
from .categorical import cross_entropy_loss as cross_entropy_loss
from .categorical import focal_loss as focal_loss
from .categorical import soft_cross_entropy_loss as soft_cross_entropy_loss
from .linear import linear_cross_entropy_loss as linear_cross_entropy_loss

__all__ = [
    "binary_cross_entropy_loss",
    "cross_entropy_loss",
    "soft_cross_entropy_loss",
    "linear_cross_entropy_loss",
    "binary_focal_loss",
    "focal_loss",
]
