"""nnx.Module faces: `HuberLoss(delta=2.0)(predictions, targets)` is `huber_loss(predictions, targets, delta=2.0)`."""

try:
    import flax as _flax  # noqa: F401  # pyright: ignore[reportUnusedImport]
except ImportError as error:
    raise ImportError('lossary.flax needs JAX and Flax: pip install "lossary[jax]"') from error

from typing import Any

from ..losses import boxes, classification, likelihood, regression
from ._module import Loss as Loss
from ._module import face

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

# boxes
IoULoss = face("IoULoss", boxes.iou_loss)
GIoULoss = face("GIoULoss", boxes.giou_loss)
DIoULoss = face("DIoULoss", boxes.diou_loss)
CIoULoss = face("CIoULoss", boxes.ciou_loss)


def LabelSmoothingCrossEntropy(epsilon: float = 0.1) -> Loss[..., Any]:
    """A tutorial's name for `CrossEntropyLoss(label_smoothing=epsilon)`, smoothing by ε / K as its formula says."""
    return CrossEntropyLoss(label_smoothing=epsilon)
