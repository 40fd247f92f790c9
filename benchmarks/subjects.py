"""Every loss of the library, beside its bare formula in PyTorch and torch's own function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

import lossary

from . import arrays, bare


class Subject(NamedTuple):
    """One loss and what it is measured against; gradients are taken towards the inputs `wrt`."""

    name: str
    inputs: arrays.Maker
    ours: Callable[..., Any]
    bare: Callable[..., Any]
    native: Callable[..., Any] | None = None
    wrt: tuple[int, ...] = (0,)


def _likelihood(x: Tensor, x_hat: Tensor, logvar: Tensor) -> Tensor:
    return lossary.log_likelihood(x, x_hat, logvar, full=True).mean()


def _kl_diag(*inputs: Tensor) -> Tensor:
    return lossary.kl_divergence_diag_gaussian(*inputs).mean()


def _elbo(*inputs: Tensor) -> Tensor:
    return lossary.elbo_loss(*inputs, likelihood="bernoulli").objective


def _smoothed(x: Tensor, y: Tensor) -> Tensor:
    return lossary.cross_entropy_loss(x, y, label_smoothing=0.1)


def _smoothed_native(x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(x, y, label_smoothing=0.1)


def focal(x: Tensor, y: Tensor) -> Tensor:
    return lossary.focal_loss(x, y, gamma=2.0)


def both(x: Tensor, y: Tensor) -> Tensor:
    return lossary.dice_cross_entropy_loss(x, y).objective


def _gaussian(shape: arrays.Shape) -> list[arrays.Array]:
    return [*arrays.pair(shape), arrays.normal(shape, 2, 0.5)]


BCE = F.binary_cross_entropy_with_logits

SUBJECTS = (
    Subject("mse", arrays.pair, lossary.mse_loss, bare.mse, F.mse_loss),
    Subject("mae", arrays.pair, lossary.mae_loss, bare.mae, F.l1_loss),
    Subject("huber", arrays.pair, lossary.huber_loss, bare.huber, F.huber_loss),
    Subject("smooth_l1", arrays.pair, lossary.smooth_l1_loss, bare.smooth_l1, F.smooth_l1_loss),
    Subject("log_cosh", arrays.pair, lossary.log_cosh_loss, bare.log_cosh),
    Subject("charbonnier", arrays.pair, lossary.charbonnier_loss, bare.charbonnier),
    Subject("asymmetric_mse", arrays.pair, lossary.asymmetric_mse_loss, bare.asymmetric_mse),
    Subject("binary_cross_entropy", arrays.binary, lossary.binary_cross_entropy_loss, bare.binary_cross_entropy, BCE),
    Subject("binary_focal", arrays.binary, lossary.binary_focal_loss, bare.binary_focal),
    Subject("cross_entropy", arrays.labelled, lossary.cross_entropy_loss, bare.cross_entropy, F.cross_entropy),
    Subject("smoothed cross_entropy", arrays.labelled, _smoothed, bare.smoothed_cross_entropy, _smoothed_native),
    Subject(
        "soft_cross_entropy", arrays.soft, lossary.soft_cross_entropy_loss, bare.soft_cross_entropy, F.cross_entropy
    ),
    Subject("focal", arrays.labelled, focal, bare.focal),
    Subject("log_likelihood", _gaussian, _likelihood, bare.log_likelihood, wrt=(1, 2)),
    Subject("gaussian_kl", arrays.latent, lossary.gaussian_kl_divergence, bare.gaussian_kl, wrt=(0, 1)),
    Subject("kl_diag_gaussian", arrays.latents, _kl_diag, bare.kl_diag_gaussian, wrt=(0, 1, 2, 3)),
    Subject("elbo", arrays.autoencoder, _elbo, bare.elbo, wrt=(0, 2, 3)),
)


MAPS = (
    Subject("cross_entropy", arrays.class_map, lossary.cross_entropy_loss, bare.cross_entropy),
    Subject("focal", arrays.class_map, focal, bare.focal),
    Subject("multiclass_dice", arrays.class_map, lossary.multiclass_dice_loss, bare.multiclass_dice),
    Subject("dice_cross_entropy", arrays.class_map, both, bare.dice_cross_entropy),
)

ALGEBRAIC = ("mse", "mae", "huber", "smooth_l1", "charbonnier", "asymmetric_mse")  # no transcendental function


def subject(name: str) -> Subject:
    return next(found for found in SUBJECTS if found.name == name)


FORWARD, TRAINING = "forward", "forward+backward"
STEPS = (FORWARD, TRAINING)


def tensors(inputs: list[arrays.Array]) -> list[Tensor]:
    return [torch.from_numpy(array) for array in inputs]


def running(
    step: str, function: Callable[..., Tensor], inputs: list[Tensor], wrt: tuple[int, ...]
) -> Callable[[], Any]:
    """The forward pass alone, or with the gradients: what is timed."""
    if step == FORWARD:
        return lambda: function(*inputs)
    inputs = [tensor.clone().requires_grad_() if i in wrt else tensor for i, tensor in enumerate(inputs)]
    leaves = [inputs[i] for i in wrt]

    def training() -> tuple[Tensor, ...]:
        loss = function(*inputs)
        return loss.detach(), *torch.autograd.grad(loss, leaves)

    return training
