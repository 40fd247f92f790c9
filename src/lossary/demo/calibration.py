"""How far a classifier's confidence can be believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .training import Array

__all__ = ["Reliability", "expected_calibration_error", "reliability"]

BINS = 15


@dataclass(frozen=True)
class Reliability:
    """Predictions in bins of equal width by confidence, the probability of the predicted class; without empty bins."""

    share: Array
    """Share of the predictions in each bin."""
    confidence: Array
    """Mean confidence in each bin."""
    accuracy: Array
    """Share of right predictions in each bin."""


def reliability(probs: Array, labels: Array) -> Reliability:
    """Sort predictions (items × classes) into `BINS` bins."""
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    used = counts > 0
    counts = counts[used]
    return Reliability(
        share=counts / len(labels),
        confidence=np.bincount(bins, confidence, BINS)[used] / counts,
        accuracy=np.bincount(bins, right, BINS)[used] / counts,
    )


def expected_calibration_error(probs: Array, labels: Array) -> float:
    """Σ share · |accuracy − confidence|, in [0, 1], best 0 (Guo et al. 2017, arXiv:1706.04599, equation 5)."""
    bins = reliability(probs, labels)
    return float(np.sum(bins.share * np.abs(bins.accuracy - bins.confidence)))
