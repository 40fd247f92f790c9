"""nnx.Module faces: `HuberLoss(delta=2.0)(predictions, targets)` is `huber_loss(predictions, targets, delta=2.0)`."""

try:
    import flax as _flax  # noqa: F401  # pyright: ignore[reportUnusedImport]
except ImportError as error:
    raise ImportError('lossary.flax needs JAX and Flax: pip install "lossary[jax]"') from error

from typing import Any

from ..aliases import combined_loss
from ..losses import (
    adversarial,
    boxes,
    classification,
    contrastive,
    divergence,
    geometry,
    image,
    likelihood,
    metric_learning,
    perceptual,
    regression,
    segmentation,
    transport,
)
from ._module import Loss as Loss
from ._module import face
from .prototypes import ArcFaceLoss as ArcFaceLoss
from .prototypes import CosFaceLoss as CosFaceLoss
from .prototypes import ProxyAnchorLoss as ProxyAnchorLoss
from .prototypes import ProxyNCALoss as ProxyNCALoss

# regression
MSELoss = face("MSELoss", regression.mse_loss)
MAELoss = face("MAELoss", regression.mae_loss)
HuberLoss = face("HuberLoss", regression.huber_loss)
SmoothL1Loss = face("SmoothL1Loss", regression.smooth_l1_loss)
LogCoshLoss = face("LogCoshLoss", regression.log_cosh_loss)
CharbonnierLoss = face("CharbonnierLoss", regression.charbonnier_loss)
AsymmetricMSELoss = face("AsymmetricMSELoss", regression.asymmetric_mse_loss)

# classification
BinaryCrossEntropyLoss = face("BinaryCrossEntropyLoss", classification.binary_cross_entropy_loss)
CrossEntropyLoss = face("CrossEntropyLoss", classification.cross_entropy_loss)
SoftCrossEntropyLoss = face("SoftCrossEntropyLoss", classification.soft_cross_entropy_loss)
LinearCrossEntropyLoss = face("LinearCrossEntropyLoss", classification.linear_cross_entropy_loss)
BinaryFocalLoss = face("BinaryFocalLoss", classification.binary_focal_loss)
FocalLoss = face("FocalLoss", classification.focal_loss)

# likelihood
LogLikelihood = face("LogLikelihood", likelihood.log_likelihood)
GaussianKLDivergence = face("GaussianKLDivergence", likelihood.gaussian_kl_divergence)
KLDivergenceDiagGaussian = face("KLDivergenceDiagGaussian", likelihood.kl_divergence_diag_gaussian)
ELBOLoss = face("ELBOLoss", likelihood.elbo_loss)

# divergence
KLDivergence = face("KLDivergence", divergence.kl_divergence)
ReverseKLDivergence = face("ReverseKLDivergence", divergence.reverse_kl_divergence)
JSDivergence = face("JSDivergence", divergence.js_divergence)
JSDistance = face("JSDistance", divergence.js_distance)
MaximumMeanDiscrepancy = face("MaximumMeanDiscrepancy", divergence.maximum_mean_discrepancy)
EnergyDistance = face("EnergyDistance", divergence.energy_distance)

# transport
WassersteinDistance = face("WassersteinDistance", transport.wasserstein_distance)
SlicedWassersteinDistance = face("SlicedWassersteinDistance", transport.sliced_wasserstein_distance)
EarthMoverDistance = face("EarthMoverDistance", transport.earth_mover_distance)
SinkhornDivergence = face("SinkhornDivergence", transport.sinkhorn_divergence)

# adversarial
VanillaGeneratorLoss = face("VanillaGeneratorLoss", adversarial.vanilla_generator_loss)
VanillaDiscriminatorLoss = face("VanillaDiscriminatorLoss", adversarial.vanilla_discriminator_loss)
LeastSquaresGeneratorLoss = face("LeastSquaresGeneratorLoss", adversarial.least_squares_generator_loss)
LeastSquaresDiscriminatorLoss = face("LeastSquaresDiscriminatorLoss", adversarial.least_squares_discriminator_loss)
WassersteinGeneratorLoss = face("WassersteinGeneratorLoss", adversarial.wasserstein_generator_loss)
WassersteinDiscriminatorLoss = face("WassersteinDiscriminatorLoss", adversarial.wasserstein_discriminator_loss)
HingeGeneratorLoss = face("HingeGeneratorLoss", adversarial.hinge_generator_loss)
HingeDiscriminatorLoss = face("HingeDiscriminatorLoss", adversarial.hinge_discriminator_loss)
RelativisticGeneratorLoss = face("RelativisticGeneratorLoss", adversarial.relativistic_generator_loss)
RelativisticDiscriminatorLoss = face("RelativisticDiscriminatorLoss", adversarial.relativistic_discriminator_loss)
GradientPenalty = face("GradientPenalty", adversarial.gradient_penalty)
R1Penalty = face("R1Penalty", adversarial.r1_penalty)

# contrastive
InfoNCELoss = face("InfoNCELoss", contrastive.info_nce_loss)
NTXentLoss = face("NTXentLoss", contrastive.nt_xent_loss)
SupConLoss = face("SupConLoss", contrastive.supcon_loss)
CLIPLoss = face("CLIPLoss", contrastive.clip_loss)
SigLIPLoss = face("SigLIPLoss", contrastive.siglip_loss)
# metric learning; those with a vector for each class are in prototypes.py
ContrastiveLoss = face("ContrastiveLoss", metric_learning.contrastive_loss)
TripletLoss = face("TripletLoss", metric_learning.triplet_loss)
OnlineTripletLoss = face("OnlineTripletLoss", metric_learning.online_triplet_loss)

# segmentation
DiceLoss = face("DiceLoss", segmentation.dice_loss)
JaccardLoss = face("JaccardLoss", segmentation.jaccard_loss)
TverskyLoss = face("TverskyLoss", segmentation.tversky_loss)
FocalTverskyLoss = face("FocalTverskyLoss", segmentation.focal_tversky_loss)
MulticlassDiceLoss = face("MulticlassDiceLoss", segmentation.multiclass_dice_loss)
MulticlassJaccardLoss = face("MulticlassJaccardLoss", segmentation.multiclass_jaccard_loss)
MulticlassTverskyLoss = face("MulticlassTverskyLoss", segmentation.multiclass_tversky_loss)
MulticlassFocalTverskyLoss = face("MulticlassFocalTverskyLoss", segmentation.multiclass_focal_tversky_loss)
DiceCrossEntropyLoss = face("DiceCrossEntropyLoss", segmentation.dice_cross_entropy_loss)
LovaszHingeLoss = face("LovaszHingeLoss", segmentation.lovasz_hinge_loss)
LovaszSoftmaxLoss = face("LovaszSoftmaxLoss", segmentation.lovasz_softmax_loss)
MultiClassDiceLoss = MulticlassDiceLoss  # as a tutorial spells it
CombinedLoss = face("CombinedLoss", combined_loss)  # a tutorial's: the objective of DiceCrossEntropyLoss alone

# boxes
IoULoss = face("IoULoss", boxes.iou_loss)
GIoULoss = face("GIoULoss", boxes.giou_loss)
DIoULoss = face("DIoULoss", boxes.diou_loss)
CIoULoss = face("CIoULoss", boxes.ciou_loss)

# image
PSNRLoss = face("PSNRLoss", image.psnr_loss)
SSIMLoss = face("SSIMLoss", image.ssim_loss)
MSSSIMLoss = face("MSSSIMLoss", image.ms_ssim_loss)
SobelLoss = face("SobelLoss", image.sobel_loss)
LaplacianLoss = face("LaplacianLoss", image.laplacian_loss)
TotalVariationLoss = face("TotalVariationLoss", image.total_variation_loss)
Sobel, Laplacian = SobelLoss, LaplacianLoss  # also known as

# perceptual
FeatureReconstructionLoss = face("FeatureReconstructionLoss", perceptual.feature_reconstruction_loss)
StyleLoss = face("StyleLoss", perceptual.style_loss)
ContextualLoss = face("ContextualLoss", perceptual.contextual_loss)

# geometry
ChamferDistance = face("ChamferDistance", geometry.chamfer_distance)
HausdorffDistance = face("HausdorffDistance", geometry.hausdorff_distance)
MeshLoss = face("MeshLoss", geometry.mesh_loss)
NormalAlignmentLoss = face("NormalAlignmentLoss", geometry.normal_alignment_loss)
EdgePreservationLoss = face("EdgePreservationLoss", geometry.edge_preservation_loss)
EdgeLengthLoss = face("EdgeLengthLoss", geometry.edge_length_loss)
LaplacianSmoothingLoss = face("LaplacianSmoothingLoss", geometry.laplacian_smoothing_loss)
NormalConsistencyLoss = face("NormalConsistencyLoss", geometry.normal_consistency_loss)


def LabelSmoothingCrossEntropy(epsilon: float = 0.1) -> Loss[..., Any]:
    """A tutorial's name for `CrossEntropyLoss(label_smoothing=epsilon)`, smoothing by ε / K as its formula says."""
    return CrossEntropyLoss(label_smoothing=epsilon)
