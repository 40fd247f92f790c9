"""The losses as one would write them straight down in PyTorch, in the same mathematics."""

from __future__ import annotations

from math import log, pi

import torch
import torch.nn.functional as F
from torch import Tensor


def mse(p: Tensor, t: Tensor) -> Tensor:
    return ((p - t) ** 2).mean()


def mae(p: Tensor, t: Tensor) -> Tensor:
    return (p - t).abs().mean()


def huber(p: Tensor, t: Tensor, delta: float = 1.0) -> Tensor:
    size = (p - t).abs()
    return torch.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta)).mean()


def smooth_l1(p: Tensor, t: Tensor, beta: float = 1.0) -> Tensor:
    size = (p - t).abs()
    return torch.where(size < beta, 0.5 * size**2 / beta, size - 0.5 * beta).mean()


def log_cosh(p: Tensor, t: Tensor) -> Tensor:
    error = p - t
    return (error + F.softplus(-2 * error) - log(2)).mean()


def charbonnier(p: Tensor, t: Tensor, epsilon: float = 1e-3) -> Tensor:
    return torch.sqrt((p - t) ** 2 + epsilon**2).mean()


def asymmetric_mse(p: Tensor, t: Tensor, over_penalty: float = 2.0) -> Tensor:
    error = p - t
    return torch.where(error > 0, over_penalty * error**2, error**2).mean()


def binary_cross_entropy(x: Tensor, t: Tensor) -> Tensor:
    return (F.softplus(x) - x * t).mean()


def binary_focal(x: Tensor, t: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    p = torch.sigmoid(x)
    surprise = F.binary_cross_entropy_with_logits(x, t, reduction="none")
    p_t = p * t + (1 - p) * (1 - t)
    alpha_t = alpha * t + (1 - alpha) * (1 - t)
    return (alpha_t * (1 - p_t) ** gamma * surprise).mean()


def cross_entropy(x: Tensor, y: Tensor) -> Tensor:
    return -F.log_softmax(x, 1).gather(1, y[:, None]).mean()


def smoothed_cross_entropy(x: Tensor, y: Tensor, label_smoothing: float = 0.1) -> Tensor:
    log_p = F.log_softmax(x, 1)
    own = log_p.gather(1, y[:, None]).squeeze(1)
    return -((1 - label_smoothing) * own + label_smoothing * log_p.mean(1)).mean()


def soft_cross_entropy(x: Tensor, q: Tensor) -> Tensor:
    return -(q * F.log_softmax(x, 1)).sum(1).mean()


def focal(x: Tensor, y: Tensor, gamma: float = 2.0) -> Tensor:
    log_p = F.log_softmax(x, 1).gather(1, y[:, None]).squeeze(1)
    return -((1 - log_p.exp()) ** gamma * log_p).mean()


def multiclass_dice(x: Tensor, y: Tensor, smooth: float = 1.0) -> Tensor:
    """segmentation_models_pytorch's way: softmax, one-hot, sums over the batch and the pixels."""
    shares = x.log_softmax(1).exp().flatten(2)
    truth = F.one_hot(y.flatten(1), x.shape[1]).permute(0, 2, 1).to(x.dtype)
    agreed = (shares * truth).sum((0, 2))
    whole = (shares + truth).sum((0, 2))
    return (1 - (2 * agreed + smooth) / (whole + smooth)).mean()


def dice_cross_entropy(x: Tensor, y: Tensor) -> Tensor:
    return 0.5 * cross_entropy(x, y) + 0.5 * multiclass_dice(x, y)


def log_likelihood(x: Tensor, x_hat: Tensor, logvar: Tensor) -> Tensor:
    return (-0.5 * (logvar + (x - x_hat) ** 2 * torch.exp(-logvar) + log(2 * pi))).mean()


def gaussian_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    return (0.5 * (mean**2 + logvar.exp() - 1 - logvar)).sum(1).mean()


def kl_diag_gaussian(mu_q: Tensor, log_var_q: Tensor, mu_p: Tensor, log_var_p: Tensor) -> Tensor:
    ratio = log_var_q - log_var_p
    return (0.5 * ((mu_q - mu_p) ** 2 * torch.exp(-log_var_p) + ratio.exp() - 1 - ratio)).sum(-1).mean()


def elbo(reconstruction: Tensor, targets: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    surprise = F.binary_cross_entropy_with_logits(reconstruction, targets, reduction="none")
    return surprise.sum(1).mean() + gaussian_kl(mean, logvar)
