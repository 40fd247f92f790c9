"""Losses that hold one learned vector a class: give their parameters to the optimiser along with the model's."""

from __future__ import annotations

import inspect
from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from .._core.faces import call_names
from .._core.options import at_least_one
from .._core.types import Reduction
from ..losses import metric_learning
from ._module import Loss


class ArcFaceLoss(Loss[..., Array]):
    """`arcface_loss` with prototypes of its own, called with (embeddings, labels, weights=None).

    The prototypes, (num_classes, embedding_dim), start as random directions of length about 1.

    Example:
        >>> criterion = ArcFaceLoss(10, 64, margin=0.5, scale=64.0, rngs=nnx.Rngs(0))
        >>> criterion.prototypes.shape
        (10, 64)
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
        scale: float | Array = 64.0,
        reduction: Reduction = "mean",
        rngs: nnx.Rngs,
        param_dtype: Any = jnp.float32,
    ) -> None:
        super().__init__(margin=margin, scale=scale, reduction=reduction)
        self.prototypes = _directions("ArcFaceLoss", num_classes, embedding_dim, rngs, param_dtype)
        self.arrays = (*self.arrays, self.held)


class CosFaceLoss(Loss[..., Array]):
    """`cosface_loss` with prototypes of its own, called with (embeddings, labels, weights=None).

    The prototypes, (num_classes, embedding_dim), start as random directions of length about 1.

    Example:
        >>> criterion = CosFaceLoss(10, 64, margin=0.35, scale=64.0, rngs=nnx.Rngs(0))
        >>> criterion.prototypes.shape
        (10, 64)
    """

    _fn = staticmethod(metric_learning.cosface_loss)
    held = "prototypes"
    _call_names = call_names(_fn, held)

    def __init__(
        self,
        num_classes: int,
        embedding_dim: int,
        *,
        margin: float | Array = 0.35,
        scale: float | Array = 64.0,
        reduction: Reduction = "mean",
        rngs: nnx.Rngs,
        param_dtype: Any = jnp.float32,
    ) -> None:
        super().__init__(margin=margin, scale=scale, reduction=reduction)
        self.prototypes = _directions("CosFaceLoss", num_classes, embedding_dim, rngs, param_dtype)
        self.arrays = (*self.arrays, self.held)


class ProxyNCALoss(Loss[..., Array]):
    """`proxy_nca_loss` with proxies of its own, called with (embeddings, labels, weights=None).

    The proxies, (num_classes, embedding_dim), start as random directions of length about 1.

    Example:
        >>> criterion = ProxyNCALoss(10, 64, scale=9.0, denominator="all", rngs=nnx.Rngs(0))
        >>> criterion.proxies.shape
        (10, 64)
    """

    _fn = staticmethod(metric_learning.proxy_nca_loss)
    held = "proxies"
    _call_names = call_names(_fn, held)

    def __init__(
        self,
        num_classes: int,
        embedding_dim: int,
        *,
        scale: float | Array = 1.0,
        denominator: Literal["others", "all"] = "others",
        reduction: Reduction = "mean",
        rngs: nnx.Rngs,
        param_dtype: Any = jnp.float32,
    ) -> None:
        super().__init__(scale=scale, denominator=denominator, reduction=reduction)
        self.proxies = _directions("ProxyNCALoss", num_classes, embedding_dim, rngs, param_dtype)
        self.arrays = (*self.arrays, self.held)


class ProxyAnchorLoss(Loss[..., Array]):
    """`proxy_anchor_loss` with proxies of its own, called with (embeddings, labels, weights=None).

    The proxies, (num_classes, embedding_dim), start as random directions of length about 1.

    Example:
        >>> criterion = ProxyAnchorLoss(10, 64, margin=0.1, scale=32.0, rngs=nnx.Rngs(0))
        >>> criterion.proxies.shape
        (10, 64)
    """

    _fn = staticmethod(metric_learning.proxy_anchor_loss)
    held = "proxies"
    _call_names = call_names(_fn, held)

    def __init__(
        self,
        num_classes: int,
        embedding_dim: int,
        *,
        margin: float | Array = 0.1,
        scale: float | Array = 32.0,
        rngs: nnx.Rngs,
        param_dtype: Any = jnp.float32,
    ) -> None:
        super().__init__(margin=margin, scale=scale)
        self.proxies = _directions("ProxyAnchorLoss", num_classes, embedding_dim, rngs, param_dtype)
        self.arrays = (*self.arrays, self.held)


for _face in (ArcFaceLoss, CosFaceLoss, ProxyNCALoss, ProxyAnchorLoss):
    _face.__module__ = __package__ or ""  # where they are found
    _parameters = list(inspect.signature(_face.__init__).parameters.values())[1:]
    setattr(_face, "__signature__", inspect.Signature(_parameters))  # noqa: B010 - which the class of nnx modules hides


def _directions(loss: str, num_classes: int, embedding_dim: int, rngs: nnx.Rngs, dtype: Any) -> nnx.Param[Array]:
    at_least_one(loss, num_classes=num_classes, embedding_dim=embedding_dim)
    # Of length about 1, as only the direction counts and a step turns a short vector farther.
    vectors = jax.random.normal(rngs.params(), (num_classes, embedding_dim), dtype)
    return nnx.Param(vectors * embedding_dim**-0.5)
