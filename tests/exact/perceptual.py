"""Losses of features: the feature maps of one image."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.exact.arithmetic import mp
from tests.exact.arrays import exp, log, norm, over_arrays

WRT = ("predictions", "targets")


def _reconstruction(predictions: Any, targets: Any, distance_fn: Any = None) -> Any:
    error = predictions - targets
    powers = abs(error) if getattr(distance_fn, "__name__", "") == "mae_loss" else error**2
    return powers.sum() / powers.size


def _gram(features: Any) -> Any:
    flat = features.reshape(len(features), -1)
    return flat @ flat.T / flat.size


def _style(predictions: Any, targets: Any, channel_axis: int = 1) -> Any:
    return ((_gram(predictions) - _gram(targets)) ** 2).sum()


def _contextual(
    predictions: Any, targets: Any, band_width: float = 0.1, epsilon: float = 1e-5, channel_axis: int = 1
) -> Any:
    x, y = (features.reshape(len(features), -1).T for features in (predictions, targets))
    centre = y.sum(0) / len(y)
    x, y = (_directions(features - centre) for features in (x, y))
    distances = ((x[:, None] - y) ** 2).sum(2) / 2
    relative = distances / (distances.min(1, keepdims=True) + mp.mpf(epsilon))
    similarity = exp((1 - relative) / mp.mpf(band_width))
    return -log((similarity / similarity.sum(1, keepdims=True)).max(0).sum() / len(y))


def _directions(features: Any) -> Any:
    lengths = norm(features, axis=1, keepdims=True)
    return features / np.where(lengths == 0, mp.mpf(1), lengths)


EXACT = {
    "feature_reconstruction_loss": over_arrays(_reconstruction, WRT),
    "style_loss": over_arrays(_style, WRT),
    "contextual_loss": over_arrays(_contextual, WRT),
}
