"""Losses that compare what a network sees: features, the statistics of a style, and parts wherever they are."""

from __future__ import annotations

from .contextual import contextual_loss as contextual_loss
from .features import feature_reconstruction_loss as feature_reconstruction_loss
from .style import style_loss as style_loss

__all__ = ["feature_reconstruction_loss", "style_loss", "contextual_loss"]
