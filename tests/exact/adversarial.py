"""Losses of a critic's scores, as logarithms of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.exact.arithmetic import mp
from tests.exact.arrays import log, over_arrays, sigmoid

BOTH = ("real_scores", "fake_scores")


def _log_real(score: Any, from_logits: bool = True) -> Any:
    return log(sigmoid(score)) if from_logits else log(score)


def _log_fake(score: Any, from_logits: bool = True) -> Any:
    return log(sigmoid(-score)) if from_logits else log(1 - score)


def vanilla_generator(fake_scores: Any, from_logits: bool = True, saturating: bool = False) -> Any:
    return _log_fake(fake_scores, from_logits) if saturating else -_log_real(fake_scores, from_logits)


def vanilla_discriminator(
    real_scores: Any, fake_scores: Any, from_logits: bool = True, label_smoothing: float = 0.0
) -> Any:
    s = mp.mpf(label_smoothing)
    real = (1 - s) * _log_real(real_scores, from_logits) + (s * _log_fake(real_scores, from_logits) if s else 0)
    return -real - _log_fake(fake_scores, from_logits)


def least_squares_generator(fake_scores: Any, target_real: float = 1.0) -> Any:
    return (fake_scores - target_real) ** 2 / 2


def least_squares_discriminator(
    real_scores: Any, fake_scores: Any, target_real: float = 1.0, target_fake: float = 0.0
) -> Any:
    return (real_scores - target_real) ** 2 / 2 + (fake_scores - target_fake) ** 2 / 2


def hinge_discriminator(real_scores: Any, fake_scores: Any) -> Any:
    return max(1 - real_scores, mp.mpf(0)) + max(1 + fake_scores, mp.mpf(0))


def relativistic_discriminator(real_scores: Any, fake_scores: Any, average: bool = False) -> Any:
    """Of a pair; with `average`, the mean over both batches."""
    if not average:
        return -_log_real(real_scores - fake_scores)
    real, fake = real_scores - np.mean(fake_scores), fake_scores - np.mean(real_scores)
    return -np.mean(_log_real(real)) - np.mean(_log_fake(fake))


def relativistic_generator(real_scores: Any, fake_scores: Any, average: bool = False) -> Any:
    return relativistic_discriminator(fake_scores, real_scores, average)


EXACT = {
    "vanilla_generator_loss": over_arrays(vanilla_generator, ("fake_scores",)),
    "vanilla_discriminator_loss": over_arrays(vanilla_discriminator, BOTH),
    "least_squares_generator_loss": over_arrays(least_squares_generator, ("fake_scores",)),
    "least_squares_discriminator_loss": over_arrays(least_squares_discriminator, BOTH),
    "wasserstein_generator_loss": over_arrays(lambda fake_scores: -fake_scores, ("fake_scores",)),
    "wasserstein_discriminator_loss": over_arrays(lambda real_scores, fake_scores: fake_scores - real_scores, BOTH),
    "hinge_generator_loss": over_arrays(lambda fake_scores: -fake_scores, ("fake_scores",)),
    "hinge_discriminator_loss": over_arrays(hinge_discriminator, BOTH),
    "relativistic_generator_loss": over_arrays(relativistic_generator, BOTH),
    "relativistic_discriminator_loss": over_arrays(relativistic_discriminator, BOTH),
}
