"""Class maps in eager PyTorch, against the libraries that people take for them: time and memory of a training step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch.nn.functional as F
from kornia.losses import focal_loss as kornia_focal
from monai.losses import DiceCELoss, DiceLoss, FocalLoss
from torch import Tensor

import lossary

from . import arrays, bare
from .limits import bytes_per_second
from .question import Scale
from .sized import Sized, beyond_gradients, sized, training
from .subjects import both, focal, tensors

AVERAGED_OTHERWISE = ("monai", "kornia")  # over the classes too, or with another smoothing: docs/reproduce.md
BYTES = 2.5  # of memory, in units of the logits

Loss = Callable[[Tensor, Tensor], Any]


def _with_channel(loss: Callable[[Tensor, Tensor], Any]) -> Loss:
    return lambda logits, labels: loss(logits, labels[:, None])


RIVALS: tuple[tuple[str, Loss, tuple[tuple[str, Loss], ...]], ...] = (
    ("cross_entropy", lossary.cross_entropy_loss, (("torch", F.cross_entropy),)),
    (
        "focal",
        focal,
        (
            ("torch, composed", bare.focal),
            ("kornia", lambda x, y: kornia_focal(x, y, None, 2.0, "mean")),
            ("monai", _with_channel(FocalLoss(use_softmax=True, to_onehot_y=True))),
        ),
    ),
    (
        "multiclass_dice",
        lossary.multiclass_dice_loss,
        (
            ("smp's formula", bare.multiclass_dice),
            ("monai", _with_channel(DiceLoss(softmax=True, to_onehot_y=True, batch=True))),
        ),
    ),
    (
        "dice_cross_entropy",
        both,
        (("monai", _with_channel(DiceCELoss(softmax=True, to_onehot_y=True, batch=True))),),
    ),
    ("multiclass_tversky", lossary.multiclass_tversky_loss, ()),
)


def cases(scale: Scale) -> Iterator[Sized]:
    shape = arrays.map_within(scale.items)
    logits, labels = tensors(arrays.class_map(shape))
    most = BYTES * logits.nbytes / 2**20
    limit = 3 * logits.nbytes / bytes_per_second()
    for name, ours, rivals in RIVALS:
        step = training(ours, [logits], labels)
        memory = beyond_gradients(step, [])
        for against, theirs in rivals or (("", None),):
            other = None if theirs is None else training(theirs, [logits], labels)
            target = None if theirs is None else 1.0
            equal = against not in AVERAGED_OTHERWISE
            yield Sized(name, shape, "torch", step, memory, against, other, target, most, limit, equal=equal)
            memory_of_theirs = None if other is None else beyond_gradients(other, [])
            if other is not None and memory_of_theirs is not None:
                yield Sized(f"  ({against} itself)", shape, "torch", other, memory_of_theirs, limit=limit)


QUESTION = sized(
    "class_maps",
    "Class maps, eager PyTorch, against other libraries",
    "Forward and backward on logits of 8 × 21 × 256 × 256 (42 MiB). *peak*: the most that was allocated at any\n"
    "moment, the gradient included. *limit*: the logits read once and the gradient written once, with one table in\n"
    "between written and read, at the speed of a copy (`benchmarks/limits.py`).",
    cases,
)
