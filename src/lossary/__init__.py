"""Lossary: loss functions for PyTorch, JAX and NumPy."""

import typing

if typing.TYPE_CHECKING:
    from ._core.check import checking as checking
    from ._core.reduce import reduce_loss as reduce_loss
    from ._core.result import LossResult as LossResult
    from .aliases import bce_manual as bce_manual
    from .aliases import combined_loss as combined_loss
    from .aliases import cross_entropy_manual as cross_entropy_manual
    from .aliases import gan_loss_discriminator as gan_loss_discriminator
    from .aliases import gan_loss_generator as gan_loss_generator
    from .aliases import huber_manual as huber_manual
    from .aliases import mae_manual as mae_manual
    from .aliases import mse_manual as mse_manual
    from .aliases import vae_loss as vae_loss
    from .aliases import wgan_loss_discriminator as wgan_loss_discriminator
    from .aliases import wgan_loss_generator as wgan_loss_generator
    from .losses.adversarial import gradient_penalty as gradient_penalty
    from .losses.adversarial import hinge_discriminator_loss as hinge_discriminator_loss
    from .losses.adversarial import hinge_generator_loss as hinge_generator_loss
    from .losses.adversarial import least_squares_discriminator_loss as least_squares_discriminator_loss
    from .losses.adversarial import least_squares_generator_loss as least_squares_generator_loss
    from .losses.adversarial import r1_penalty as r1_penalty
    from .losses.adversarial import relativistic_discriminator_loss as relativistic_discriminator_loss
    from .losses.adversarial import relativistic_generator_loss as relativistic_generator_loss
    from .losses.adversarial import vanilla_discriminator_loss as vanilla_discriminator_loss
    from .losses.adversarial import vanilla_generator_loss as vanilla_generator_loss
    from .losses.adversarial import wasserstein_discriminator_loss as wasserstein_discriminator_loss
    from .losses.adversarial import wasserstein_generator_loss as wasserstein_generator_loss
    from .losses.boxes import ciou_loss as ciou_loss
    from .losses.boxes import diou_loss as diou_loss
    from .losses.boxes import giou_loss as giou_loss
    from .losses.boxes import iou_loss as iou_loss
    from .losses.classification import binary_cross_entropy_loss as binary_cross_entropy_loss
    from .losses.classification import binary_focal_loss as binary_focal_loss
    from .losses.classification import cross_entropy_loss as cross_entropy_loss
    from .losses.classification import focal_loss as focal_loss
    from .losses.classification import linear_cross_entropy_loss as linear_cross_entropy_loss
    from .losses.classification import soft_cross_entropy_loss as soft_cross_entropy_loss
    from .losses.contrastive import clip_loss as clip_loss
    from .losses.contrastive import info_nce_loss as info_nce_loss
    from .losses.contrastive import nt_xent_loss as nt_xent_loss
    from .losses.contrastive import siglip_loss as siglip_loss
    from .losses.contrastive import supcon_loss as supcon_loss
    from .losses.divergence import energy_distance as energy_distance
    from .losses.divergence import js_distance as js_distance
    from .losses.divergence import js_divergence as js_divergence
    from .losses.divergence import kl_divergence as kl_divergence
    from .losses.divergence import maximum_mean_discrepancy as maximum_mean_discrepancy
    from .losses.divergence import reverse_kl_divergence as reverse_kl_divergence
    from .losses.geometry import chamfer_distance as chamfer_distance
    from .losses.geometry import edge_length_loss as edge_length_loss
    from .losses.geometry import edge_preservation_loss as edge_preservation_loss
    from .losses.geometry import hausdorff_distance as hausdorff_distance
    from .losses.geometry import laplacian_smoothing_loss as laplacian_smoothing_loss
    from .losses.geometry import mesh_loss as mesh_loss
    from .losses.geometry import normal_alignment_loss as normal_alignment_loss
    from .losses.geometry import normal_consistency_loss as normal_consistency_loss
    from .losses.image import laplacian_loss as laplacian_loss
    from .losses.image import ms_ssim_loss as ms_ssim_loss
    from .losses.image import psnr_loss as psnr_loss
    from .losses.image import sobel_loss as sobel_loss
    from .losses.image import ssim_loss as ssim_loss
    from .losses.image import total_variation_loss as total_variation_loss
    from .losses.likelihood import LikelihoodType as LikelihoodType
    from .losses.likelihood import elbo_loss as elbo_loss
    from .losses.likelihood import gaussian_kl_divergence as gaussian_kl_divergence
    from .losses.likelihood import kl_divergence_diag_gaussian as kl_divergence_diag_gaussian
    from .losses.likelihood import log_likelihood as log_likelihood
    from .losses.metric_learning import arcface_loss as arcface_loss
    from .losses.metric_learning import contrastive_loss as contrastive_loss
    from .losses.metric_learning import cosface_loss as cosface_loss
    from .losses.metric_learning import online_triplet_loss as online_triplet_loss
    from .losses.metric_learning import proxy_anchor_loss as proxy_anchor_loss
    from .losses.metric_learning import proxy_nca_loss as proxy_nca_loss
    from .losses.metric_learning import triplet_loss as triplet_loss
    from .losses.perceptual import contextual_loss as contextual_loss
    from .losses.perceptual import feature_reconstruction_loss as feature_reconstruction_loss
    from .losses.perceptual import style_loss as style_loss
    from .losses.regression import asymmetric_mse_loss as asymmetric_mse_loss
    from .losses.regression import charbonnier_loss as charbonnier_loss
    from .losses.regression import huber_loss as huber_loss
    from .losses.regression import log_cosh_loss as log_cosh_loss
    from .losses.regression import mae_loss as mae_loss
    from .losses.regression import mse_loss as mse_loss
    from .losses.regression import smooth_l1_loss as smooth_l1_loss
    from .losses.segmentation import dice_cross_entropy_loss as dice_cross_entropy_loss
    from .losses.segmentation import dice_loss as dice_loss
    from .losses.segmentation import focal_tversky_loss as focal_tversky_loss
    from .losses.segmentation import jaccard_loss as jaccard_loss
    from .losses.segmentation import lovasz_hinge_loss as lovasz_hinge_loss
    from .losses.segmentation import lovasz_softmax_loss as lovasz_softmax_loss
    from .losses.segmentation import multiclass_dice_loss as multiclass_dice_loss
    from .losses.segmentation import multiclass_focal_tversky_loss as multiclass_focal_tversky_loss
    from .losses.segmentation import multiclass_jaccard_loss as multiclass_jaccard_loss
    from .losses.segmentation import multiclass_tversky_loss as multiclass_tversky_loss
    from .losses.segmentation import tversky_loss as tversky_loss
    from .losses.transport import earth_mover_distance as earth_mover_distance
    from .losses.transport import sinkhorn_divergence as sinkhorn_divergence
    from .losses.transport import sliced_wasserstein_distance as sliced_wasserstein_distance
    from .losses.transport import wasserstein_distance as wasserstein_distance

__all__ = [
    # regression
    "mse_loss",
    "mae_loss",
    "huber_loss",
    "smooth_l1_loss",
    "log_cosh_loss",
    "charbonnier_loss",
    "asymmetric_mse_loss",
    # classification
    "binary_cross_entropy_loss",
    "cross_entropy_loss",
    "soft_cross_entropy_loss",
    "linear_cross_entropy_loss",
    "binary_focal_loss",
    "focal_loss",
    # likelihood
    "log_likelihood",
    "gaussian_kl_divergence",
    "kl_divergence_diag_gaussian",
    "elbo_loss",
    "LikelihoodType",
    # divergence
    "kl_divergence",
    "reverse_kl_divergence",
    "js_divergence",
    "js_distance",
    "maximum_mean_discrepancy",
    "energy_distance",
    # transport
    "wasserstein_distance",
    "sliced_wasserstein_distance",
    "earth_mover_distance",
    "sinkhorn_divergence",
    # adversarial
    "vanilla_generator_loss",
    "vanilla_discriminator_loss",
    "least_squares_generator_loss",
    "least_squares_discriminator_loss",
    "wasserstein_generator_loss",
    "wasserstein_discriminator_loss",
    "hinge_generator_loss",
    "hinge_discriminator_loss",
    "relativistic_generator_loss",
    "relativistic_discriminator_loss",
    "gradient_penalty",
    "r1_penalty",
    # metric_learning
    "contrastive_loss",
    "triplet_loss",
    "online_triplet_loss",
    "arcface_loss",
    "cosface_loss",
    "proxy_nca_loss",
    "proxy_anchor_loss",
    # contrastive
    "info_nce_loss",
    "nt_xent_loss",
    "supcon_loss",
    "clip_loss",
    "siglip_loss",
    # segmentation
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
    # boxes
    "iou_loss",
    "giou_loss",
    "diou_loss",
    "ciou_loss",
    # image
    "psnr_loss",
    "ssim_loss",
    "ms_ssim_loss",
    "sobel_loss",
    "laplacian_loss",
    "total_variation_loss",
    # perceptual
    "feature_reconstruction_loss",
    "style_loss",
    "contextual_loss",
    # geometry
    "chamfer_distance",
    "hausdorff_distance",
    "mesh_loss",
    "normal_alignment_loss",
    "edge_preservation_loss",
    "edge_length_loss",
    "laplacian_smoothing_loss",
    "normal_consistency_loss",
    # for all of them
    "reduce_loss",
    "LossResult",
    "checking",
    # also known as
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


def __getattr__(name: str) -> typing.Any:
    """All losses at once, when the first of them is asked for: `import lossary` alone takes no time."""
    from importlib import import_module

    if name in ("aliases", "losses"):
        return import_module(f".{name}", __name__)
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .losses import FAMILIES

    places = ("aliases", "_core.check", "_core.reduce", "_core.result", *(f"losses.{family}" for family in FAMILIES))
    modules = [import_module(f".{place}", __name__) for place in places]
    found = {each: getattr(module, each) for module in modules for each in __all__ if hasattr(module, each)}
    globals().update(found)
    return found[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
