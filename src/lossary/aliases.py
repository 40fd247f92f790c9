"""Names that other documents give to losses of this library: each calls the one function it is also known as.

They keep their own argument names and orders, so a tutorial's code runs after a change of its import line.
New code is clearer with the house names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .losses.adversarial import (
    vanilla_discriminator_loss,
    vanilla_generator_loss,
    wasserstein_discriminator_loss,
    wasserstein_generator_loss,
)
from .losses.classification import (
    binary_cross_entropy_loss,
    binary_focal_loss,
    cross_entropy_loss,
    focal_loss,
)
from .losses.contrastive import info_nce_loss, nt_xent_loss
from .losses.geometry import mesh_loss
from .losses.image import laplacian_loss, sobel_loss
from .losses.likelihood import elbo_loss, gaussian_kl_divergence
from .losses.metric_learning import contrastive_loss, online_triplet_loss, triplet_loss
from .losses.regression import asymmetric_mse_loss, huber_loss, mae_loss, mse_loss
from .losses.segmentation import dice_cross_entropy_loss, dice_loss, multiclass_dice_loss, tversky_loss

__all__ = [
    "mse_manual",
    "mae_manual",
    "huber_manual",
    "bce_manual",
    "cross_entropy_manual",
    "vae_loss",
    "combined_loss",
    "gan_loss_discriminator",
    "gan_loss_generator",
    "wgan_loss_discriminator",
    "wgan_loss_generator",
]


def mse_manual(pred: Any, target: Any) -> Any:
    """Also known as `mse_loss`."""
    return mse_loss(pred, target)


def mae_manual(pred: Any, target: Any) -> Any:
    """Also known as `mae_loss`."""
    return mae_loss(pred, target)


def huber_manual(pred: Any, target: Any, delta: float = 1.0) -> Any:
    """Also known as `huber_loss`."""
    return huber_loss(pred, target, delta=delta)


def bce_manual(pred_probs: Any, target: Any) -> Any:
    """Also known as `binary_cross_entropy_loss` with from_logits=False."""
    return binary_cross_entropy_loss(pred_probs, target, from_logits=False)


def cross_entropy_manual(logits: Any, targets: Any) -> Any:
    """Also known as `cross_entropy_loss`."""
    return cross_entropy_loss(logits, targets)


def vae_loss(recon_x: Any, x: Any, mu: Any, logvar: Any, beta: float = 1.0) -> Any:
    """Cross entropy of pixel probabilities plus beta times the divergence, both *summed* over the batch.

    `elbo_loss` is its successor: from logits, averaged over the batch, and with its terms by name.
    """
    reconstruction = binary_cross_entropy_loss(recon_x, x, from_logits=False, reduction="sum")
    return reconstruction + beta * gaussian_kl_divergence(mu, logvar, reduction="sum")


def combined_loss(
    pred: Any, target: Any, weights: Any = None, *, ce_weight: float = 0.5, dice_weight: float = 0.5
) -> Any:
    """The objective of `dice_cross_entropy_loss` alone, without its terms."""
    return dice_cross_entropy_loss(pred, target, weights, ce_weight=ce_weight, dice_weight=dice_weight).objective


def gan_loss_discriminator(real_output: Any, fake_output: Any) -> Any:
    """Also known as `vanilla_discriminator_loss`."""
    return vanilla_discriminator_loss(real_output, fake_output)


def gan_loss_generator(fake_output: Any) -> Any:
    """Also known as `vanilla_generator_loss`."""
    return vanilla_generator_loss(fake_output)


def wgan_loss_discriminator(real_output: Any, fake_output: Any) -> Any:
    """Also known as `wasserstein_discriminator_loss`."""
    return wasserstein_discriminator_loss(real_output, fake_output)


def wgan_loss_generator(fake_output: Any) -> Any:
    """Also known as `wasserstein_generator_loss`."""
    return wasserstein_generator_loss(fake_output)


# Options that the classes of tutorials take by position, in this order, by the loss behind the class.
BY_POSITION: dict[Callable[..., Any], tuple[str, ...]] = {
    asymmetric_mse_loss: ("over_penalty",),
    focal_loss: ("alpha", "gamma", "reduction"),
    binary_focal_loss: ("alpha", "gamma"),
    contrastive_loss: ("margin",),
    triplet_loss: ("margin",),
    online_triplet_loss: ("margin",),
    info_nce_loss: ("temperature",),
    nt_xent_loss: ("temperature",),
    dice_loss: ("smooth",),
    multiclass_dice_loss: ("smooth",),
    tversky_loss: ("alpha", "beta", "smooth"),
    combined_loss: ("ce_weight", "dice_weight"),
    mesh_loss: ("vertex_weight", "normal_weight", "edge_weight", "laplacian_weight"),
}

# What to look up under each name; those of classes are in `lossary.torch` and `lossary.flax`.
ALSO_KNOWN_AS: dict[str, Callable[..., Any]] = {
    "mse_manual": mse_loss,
    "mae_manual": mae_loss,
    "huber_manual": huber_loss,
    "bce_manual": binary_cross_entropy_loss,
    "cross_entropy_manual": cross_entropy_loss,
    "vae_loss": elbo_loss,
    "combined_loss": dice_cross_entropy_loss,
    "gan_loss_discriminator": vanilla_discriminator_loss,
    "gan_loss_generator": vanilla_generator_loss,
    "wgan_loss_discriminator": wasserstein_discriminator_loss,
    "wgan_loss_generator": wasserstein_generator_loss,
    "MultiClassDiceLoss": multiclass_dice_loss,
    "CombinedLoss": dice_cross_entropy_loss,
    "LabelSmoothingCrossEntropy": cross_entropy_loss,
    "Sobel": sobel_loss,
    "Laplacian": laplacian_loss,
}
