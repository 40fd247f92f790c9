"""Losses of regions: how badly predicted masks overlap the true ones."""

from .binary import dice_loss as dice_loss
from .binary import focal_tversky_loss as focal_tversky_loss
from .binary import jaccard_loss as jaccard_loss
from .binary import tversky_loss as tversky_loss
from .compound import dice_cross_entropy_loss as dice_cross_entropy_loss
from .lovasz import lovasz_hinge_loss as lovasz_hinge_loss
from .lovasz import lovasz_softmax_loss as lovasz_softmax_loss
from .multiclass import multiclass_dice_loss as multiclass_dice_loss
from .multiclass import multiclass_focal_tversky_loss as multiclass_focal_tversky_loss
from .multiclass import multiclass_jaccard_loss as multiclass_jaccard_loss
from .multiclass import multiclass_tversky_loss as multiclass_tversky_loss

__all__ = [
    "dice_loss",
    "jaccard_loss",
    "tversky_loss",
    "focal_tversky_loss",
    "multiclass_dice_loss",
    "multiclass_jaccard_loss",
    "multiclass_tversky_loss",
    "multiclass_focal_tversky_loss",
    "dice_cross_entropy_loss",
    "lovasz_hinge_loss",
    "lovasz_softmax_loss",
]
