"""Losses that hold one learned vector a class: give their parameters to the optimiser along with the model's."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from .._core.faces import call_names
from .._core.options import at_least_one
from .._core.types import Reduction
from ..losses import metric_learning
from ._module import Loss

Place = Any  # device and dtype, as torch's own modules take them


class ArcFaceLoss(Loss[..., Tensor]):
    """`arcface_loss` with prototypes of its own, called with (embeddings, labels, weights=None).

    The prototypes, (num_classes, embedding_dim), start as random directions of length about 1.

    Example:
        >>> criterion = ArcFaceLoss(10, 64, margin=0.5, scale=64.0)
        >>> criterion.prototypes.shape
        torch.Size([10, 64])
    """

    _fn = staticmethod(metric_learning.arcface_loss)
    held = "prototypes"
    _call_names = call_names(_fn, held)

    def __init__(
        self,
        num_classes: int,
        embedding_dim: int,
        *,
        margin: float = 0.5,
        scale: float | Tensor = 64.0,
        reduction: Reduction = "mean",
        device: Place = None,
        dtype: Place = None,
    ) -> None:
        super().__init__(margin=margin, scale=scale, reduction=reduction)
        self.prototypes = _directions("ArcFaceLoss", num_classes, embedding_dim, device, dtype)


class CosFaceLoss(Loss[..., Tensor]):
    """`cosface_loss` with prototypes of its own, called with (embeddings, labels, weights=None).

    The prototypes, (num_classes, embedding_dim), start as random directions of length about 1.

    Example:
        >>> criterion = CosFaceLoss(10, 64, margin=0.35, scale=64.0)
        >>> criterion.prototypes.shape
        torch.Size([10, 64])
    """

    _fn = staticmethod(metric_learning.cosface_loss)
    held = "prototypes"
    _call_names = call_names(_fn, held)

    def __init__(
        self,
        num_classes: int,
        embedding_dim: int,
        *,
        margin: float | Tensor = 0.35,
        scale: float | Tensor = 64.0,
        reduction: Reduction = "mean",
        device: Place = None,
        dtype: Place = None,
    ) -> None:
        super().__init__(margin=margin, scale=scale, reduction=reduction)
        self.prototypes = _directions("CosFaceLoss", num_classes, embedding_dim, device, dtype)


class ProxyNCALoss(Loss[..., Tensor]):
    """`proxy_nca_loss` with proxies of its own, called with (embeddings, labels, weights=None).

    The proxies, (num_classes, embedding_dim), start as random directions of length about 1.

    Example:
        >>> criterion = ProxyNCALoss(10, 64, scale=9.0, denominator="all")
        >>> criterion.proxies.shape
        torch.Size([10, 64])
    """

    _fn = staticmethod(metric_learning.proxy_nca_loss)
    held = "proxies"
    _call_names = call_names(_fn, held)

    def __init__(
        self,
        num_classes: int,
        embedding_dim: int,
        *,
        scale: float | Tensor = 1.0,
        denominator: Literal["others", "all"] = "others",
        reduction: Reduction = "mean",
        device: Place = None,
        dtype: Place = None,
    ) -> None:
        super().__init__(scale=scale, denominator=denominator, reduction=reduction)
        self.proxies = _directions("ProxyNCALoss", num_classes, embedding_dim, device, dtype)


class ProxyAnchorLoss(Loss[..., Tensor]):
    """`proxy_anchor_loss` with proxies of its own, called with (embeddings, labels, weights=None).

    The proxies, (num_classes, embedding_dim), start as random directions of length about 1.

    Example:
        >>> criterion = ProxyAnchorLoss(10, 64, margin=0.1, scale=32.0)
        >>> criterion.proxies.shape
        torch.Size([10, 64])
    """

    _fn = staticmethod(metric_learning.proxy_anchor_loss)
    held = "proxies"
    _call_names = call_names(_fn, held)

    def __init__(
        self,
        num_classes: int,
        embedding_dim: int,
        *,
        margin: float | Tensor = 0.1,
        scale: float | Tensor = 32.0,
        device: Place = None,
        dtype: Place = None,
    ) -> None:
        super().__init__(margin=margin, scale=scale)
        self.proxies = _directions("ProxyAnchorLoss", num_classes, embedding_dim, device, dtype)


for _face in (ArcFaceLoss, CosFaceLoss, ProxyNCALoss, ProxyAnchorLoss):
    _face.__module__ = __package__ or ""  # where they are found


def _directions(loss: str, num_classes: int, embedding_dim: int, device: Place, dtype: Place) -> nn.Parameter:
    at_least_one(loss, num_classes=num_classes, embedding_dim=embedding_dim)
    vectors = torch.empty(num_classes, embedding_dim, device=device, dtype=dtype)
    # Of length about 1, as only the direction counts and a step turns a short vector farther.
    return nn.Parameter(nn.init.normal_(vectors, std=embedding_dim**-0.5))
