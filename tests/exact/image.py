"""Losses of images: one image, or for losses that give a map the mean of a batch."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import numpy as np

from tests.exact.arithmetic import mp
from tests.exact.arrays import exp, log, over_arrays, sqrt


def _mean(array: Any) -> Any:
    return array.sum() / array.size


def _psnr(predictions: Any, targets: Any, max_value: float = 1.0, epsilon: float = 1e-8) -> Any:
    mse = _mean((predictions - targets) ** 2)
    return 10 * log((mse + epsilon) / mp.mpf(max_value) ** 2) / mp.log(10)


def _variation(images: Any, norm_type: str = "l2", channel_axis: int = 1) -> Any:
    down, right = np.diff(images, axis=1), np.diff(images, axis=2)
    if norm_type == "l2":
        return (down**2).sum() + (right**2).sum()
    if norm_type == "l1":
        return abs(down).sum() + abs(right).sum()
    squares = np.zeros_like(images) * mp.mpf(0)
    squares[:, :-1] += down**2
    squares[:, :, :-1] += right**2
    return sqrt(squares).sum()


def _grey(images: Any, channels: str) -> Any:
    if channels == "each":
        return images
    weights = [mp.mpf(1) / images.shape[1]] * images.shape[1] if channels == "mean" else [0.299, 0.587, 0.114]
    return sum(weight * images[:, i : i + 1] for i, weight in enumerate(weights))


def _correlated(images: Any, kernel: list[list[int]], padding: str) -> Any:
    padded = np.pad(images, [(0, 0), (0, 0), (1, 1), (1, 1)], mode="reflect" if padding == "reflect" else "constant")
    height, width = images.shape[2:]
    return sum(
        kernel[i][j] * padded[:, :, i : i + height, j : j + width]
        for i, j in product(range(3), repeat=2)
        if kernel[i][j]
    )


ACROSS = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
DOWN = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]
BEND = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]


def _sobel(
    fake: Any,
    real: Any,
    channels: str = "mean",
    padding: str = "reflect",
    normalize: bool = False,
    channel_axis: int = 1,
) -> Any:
    def steepness(images: Any) -> Any:
        grey = _grey(images, channels)
        return sqrt(_correlated(grey, ACROSS, padding) ** 2 + _correlated(grey, DOWN, padding) ** 2)

    found = _mean(abs(steepness(fake) - steepness(real)))
    return found / mp.sqrt(20) if normalize else found


def _laplacian(
    fake: Any,
    real: Any,
    channels: str = "mean",
    padding: str = "reflect",
    normalize: bool = False,
    channel_axis: int = 1,
) -> Any:
    response = (_correlated(_grey(images, channels), BEND, padding) for images in (fake, real))
    found = _mean(abs(next(response) - next(response)))
    return found / 8 if normalize else found


def _window(window_size: int, window: str, sigma: float) -> Any:
    offsets = np.array([mp.mpf(k - window_size // 2) for k in range(window_size)])
    bell = offsets * 0 + 1 if window == "uniform" else exp(-((offsets / mp.mpf(sigma)) ** 2) / 2)
    square = bell[:, None] * bell
    return square / square.sum()


def _terms(x: Any, y: Any, max_value: float, k1: float, k2: float, shares: Any) -> tuple[Any, Any]:
    """Wang's two terms in every window that lies within the image, by definition: means of squared deviations."""
    size = len(shares)
    c1, c2 = ((mp.mpf(k) * max_value) ** 2 for k in (k1, k2))
    height, width = (n - size + 1 for n in x.shape[-2:])
    brightness, structure = np.empty((2, *x.shape[:-2], height, width), object)
    for at in np.ndindex(brightness.shape):
        one, other = (image[(*at[:-2], slice(at[-2], at[-2] + size), slice(at[-1], at[-1] + size))] for image in (x, y))
        mean_one, mean_other = (shares * one).sum(), (shares * other).sum()
        one, other = one - mean_one, other - mean_other
        brightness[at] = (2 * mean_one * mean_other + c1) / (mean_one**2 + mean_other**2 + c1)
        variances = (shares * (one**2 + other**2)).sum()
        structure[at] = (2 * (shares * one * other).sum() + c2) / (variances + c2)
    return brightness, structure


def _ssim(
    predictions: Any,
    targets: Any,
    max_value: float = 1.0,
    window: str = "gaussian",
    window_size: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    padding: str = "valid",
    channel_axis: int = 1,
) -> Any:
    shares = _window(window_size, window, sigma)
    if padding == "reflect":
        widths = [(0, 0), (0, 0), *[(window_size // 2,) * 2] * 2]
        predictions, targets = (np.pad(images, widths, mode="reflect") for images in (predictions, targets))
    brightness, structure = _terms(predictions, targets, max_value, k1, k2, shares)
    return 1 - _mean(brightness * structure)


def _halved(images: Any) -> Any:
    for axis in (1, 2):
        if images.shape[axis] % 2:
            images = np.concatenate([images, np.take(images, [-1], axis)], axis)
        images = (
            np.take(images, range(0, images.shape[axis], 2), axis)
            + np.take(images, range(1, images.shape[axis], 2), axis)
        ) / 2
    return images


def _ms_ssim(
    predictions: Any, targets: Any, scale_weights: tuple[float, ...], window_size: int = 11, channel_axis: int = 1
) -> Any:
    shares, channels = _window(window_size, "gaussian", 1.5), len(predictions)
    factors = []
    for left, weight in zip(reversed(range(len(scale_weights))), scale_weights, strict=True):
        brightness, structure = _terms(predictions, targets, 1, 0.01, 0.03, shares)
        term = structure if left else brightness * structure
        means = [max(_mean(one), mp.mpf(0)) for one in term]
        factors.append([mean**weight for mean in means])
        predictions, targets = _halved(predictions), _halved(targets)
    return 1 - sum(prod(factor[c] for factor in factors) for c in range(channels)) / channels


BOTH = ("predictions", "targets")
EXACT = {
    "psnr_loss": over_arrays(_psnr, BOTH),
    "ssim_loss": over_arrays(_ssim, BOTH),
    "ms_ssim_loss": over_arrays(_ms_ssim, BOTH),
    "sobel_loss": over_arrays(_sobel, ("fake", "real")),
    "laplacian_loss": over_arrays(_laplacian, ("fake", "real")),
    "total_variation_loss": over_arrays(_variation, ("images",)),
}
