"""What a type checker says of the faces. Read by `test_typing.py`, never run."""

from typing import assert_type

import jax
import numpy as np
import torch

import lossary
import lossary.flax
import lossary.torch


def faces(p: torch.Tensor, t: torch.Tensor, a: jax.Array, b: jax.Array) -> None:
    assert_type(lossary.torch.HuberLoss(delta=2.0)(p, t), torch.Tensor)
    assert_type(lossary.flax.HuberLoss(delta=2.0)(a, b), jax.Array)
    assert_type(lossary.torch.ELBOLoss(likelihood="gaussian")(p, t, p, t), lossary.LossResult)
    lossary.torch.HuberLoss(detla=2.0)  # wrong
    lossary.torch.HuberLoss(delta="2")  # wrong
    lossary.torch.HuberLoss(reduction="average")  # wrong
    lossary.flax.CrossEntropyLoss(label_smoothing="0.1")  # wrong


def functions(p: torch.Tensor, a: jax.Array, n: np.ndarray) -> None:
    assert_type(lossary.huber_loss(p, p, delta=2.0), torch.Tensor)
    assert_type(lossary.huber_loss(a, a), jax.Array)
    lossary.huber_loss(p, n)  # wrong
    lossary.huber_loss(p, a)  # wrong
    lossary.huber_loss(p, p, detla=2.0)  # wrong
    lossary.huber_loss(p, p, reduction="average")  # wrong
    lossary.huber_loss([1.0], [2.0])  # wrong
    lossary.huber_loss(p, p, None, 2.0)  # wrong
