"""Losses of images: their cases, and the same losses from scipy's filters and closed forms.

Channels lie along axis 1, on every framework.
"""

from __future__ import annotations

from math import inf, log10
from typing import Any

import numpy as np

import lossary
from tests.support import properties as law
from tests.support.case import Case
from tests.support.inputs import Arrays, Maker, Shape, f32
from tests.support.layout import Layout
from tests.support.references import Array, Reference

ARRAYS = {"predictions", "targets", "fake", "real", "images"}
OPTIONS = {
    *("max_value", "epsilon", "per_image", "norm_type", "per_pixel", "channels", "padding", "normalize"),
    *("window", "window_size", "sigma", "k1", "k2", "scale_weights"),
}
EXAMPLE = "sobel"

# ---- from outside ----


def psnr(predictions: Array, targets: Array, max_value: float = 1.0, epsilon: float = 1e-8) -> Array:
    mse = ((predictions - targets) ** 2).mean((1, 2, 3))
    return 10 * np.log10(mse + epsilon) - 20 * log10(max_value)


def differences(images: Array) -> tuple[Array, Array]:
    """To the pixel below and to the right, 0 at the border."""
    down, right = np.zeros_like(images), np.zeros_like(images)
    down[:, :, :-1], right[..., :-1] = np.diff(images, axis=2), np.diff(images, axis=3)
    return down, right


def variation_map(images: Array, norm_type: str = "l2") -> Array:
    down, right = differences(images)
    one = {
        "l2": down**2 + right**2,
        "l1": abs(down) + abs(right),
        "isotropic": np.sqrt(down**2 + right**2),
    }
    return one[norm_type].sum(1)


def variation(images: Array, norm_type: str = "l2", per_pixel: bool = False) -> Array:
    found = variation_map(images, norm_type)
    return found if per_pixel else found.sum((1, 2))


def seen(images: Array, channels: str) -> Array:
    """The images whose edges are looked at."""
    if channels == "each":
        return images
    weights = [1 / 3] * 3 if channels == "mean" else [0.299, 0.587, 0.114]
    return np.tensordot(weights, images, (0, 1))[:, None]


def mode(padding: str) -> str:
    return {"reflect": "mirror", "zero": "constant"}[padding]  # scipy's names


def sobel(
    fake: Array, real: Array, channels: str = "mean", padding: str = "reflect", normalize: bool = False, max_value=1.0
) -> Array:
    from scipy.ndimage import sobel

    def steepness(images: Array) -> Array:
        planes = seen(images, channels)  # one by one: scipy's Sobel smooths along all axes but one
        grey = planes.reshape(-1, *planes.shape[2:])
        slopes = ([sobel(plane, axis=axis, mode=mode(padding)) for plane in grey] for axis in (0, 1))
        return np.hypot(*slopes).reshape(planes.shape)

    found = abs(steepness(fake) - steepness(real)).mean(1)
    return found / (np.sqrt(20) * max_value) if normalize else found


def laplacian(
    fake: Array, real: Array, channels: str = "mean", padding: str = "reflect", normalize: bool = False, max_value=1.0
) -> Array:
    from scipy.ndimage import convolve1d

    def response(images: Array) -> Array:
        grey = seen(images, channels)
        return sum(convolve1d(grey, [1.0, -2.0, 1.0], axis=axis, mode=mode(padding)) for axis in (2, 3))

    found = abs(response(fake) - response(real)).mean(1)
    return found / (8 * max_value) if normalize else found


def similarity(
    predictions: Array,
    targets: Array,
    max_value: float = 1.0,
    window: str = "gaussian",
    window_size: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
) -> tuple[Array, Array]:
    """Wang's two terms: brightness, and contrast with structure; around every pixel, per channel."""
    from scipy.ndimage import gaussian_filter, uniform_filter

    axes = tuple(range(2, predictions.ndim))

    def mean(images: Array) -> Array:
        if window == "uniform":
            return uniform_filter(images, window_size, mode="mirror", axes=axes)
        return gaussian_filter(images, sigma, mode="mirror", radius=window_size // 2, axes=axes)

    x, y = predictions / max_value, targets / max_value
    mean_x, mean_y = mean(x), mean(y)
    variances, covariance = mean(x * x) + mean(y * y) - mean_x**2 - mean_y**2, mean(x * y) - mean_x * mean_y
    brightness = (2 * mean_x * mean_y + k1**2) / (mean_x**2 + mean_y**2 + k1**2)
    return brightness, (2 * covariance + k2**2) / (variances + k2**2)


def inner(array: Array, window_size: int) -> Array:
    """Where the window lies within the image."""
    reach = window_size // 2
    return array[(..., *[slice(reach, n - reach) for n in array.shape[2:]])]


def ssim(predictions: Array, targets: Array, padding: str = "valid", **options: Any) -> Array:
    brightness, structure = similarity(predictions, targets, **options)
    found = 1 - brightness * structure
    return (inner(found, options.get("window_size", 11)) if padding == "valid" else found).mean(1)


def halved(images: Array) -> Array:
    for axis in range(2, images.ndim):
        if images.shape[axis] % 2:
            images = np.concatenate([images, np.take(images, [-1], axis)], axis)
        first, second = (np.take(images, range(i, images.shape[axis], 2), axis) for i in (0, 1))
        images = (first + second) / 2
    return images


def ms_ssim(
    predictions: Array, targets: Array, scale_weights: tuple[float, ...], window_size: int = 11, **options: Any
) -> Array:
    product, space = 1.0, tuple(range(2, predictions.ndim))
    for left, weight in zip(reversed(range(len(scale_weights))), scale_weights, strict=True):
        brightness, structure = similarity(predictions, targets, window_size=window_size, **options)
        term = structure if left else brightness * structure
        product = product * np.maximum(inner(term, window_size).mean(space), 0) ** weight
        predictions, targets = halved(predictions), halved(targets)
    return 1 - product.mean(1)


# ---- the cases ----


def pictures(*names: str, image: Shape = (3, 4, 5)) -> Maker:
    """As many as the shape says, of values in [0, 1]."""
    return lambda rng, shape: {name: f32(rng.random((shape[0], *image))) for name in names}


def flat(*names: str, image: Shape = (3, 4, 5), negative: bool = True, faint: bool = False) -> Arrays:
    """Equal images, flat ones of two colours, a flat one beside one that is not, and a negative.

    `faint`, for similarities: where nothing is alike their gradient all but vanishes, and what is left of its parts has
    fewer digits. `test_image.py` says how many.
    """
    one = np.arange(np.prod(image)).reshape(image) % 7 / (64 if faint else 8)
    black, flat = np.zeros(image), np.full(image, 1 / 64 if faint else 1 / 2)
    pairs = [(one, one), (black, black), (black, flat), (flat, one), (one, flat)]
    pairs += [(one, 1 - one)] if negative else []
    return {name: np.stack([pair[i] for pair in pairs]) for i, name in enumerate(names)}


PIXELS = Layout("pixel", "fake")
PREDICTED = Layout("pixel", "predictions")
IMAGES = Layout("example", "predictions")
EVEN = (
    law.permutation_equivariant,
    law.zero_where_equal("predictions", "targets"),
    law.symmetric("predictions", "targets"),
)
EDGES = (
    law.permutation_equivariant,
    law.zero_where_equal("fake", "real"),
    law.symmetric("fake", "real"),
    law.homogeneous(1, "fake", "real"),
)


def edges(name: str, reference: Any, largest: float, *properties: law.Property) -> Case:
    # The edges of a negative are as steep, but for their rounding, which would decide on the gradient of Sobel's loss.
    kinks = flat("fake", "real", negative=name != "sobel")
    return Case(
        name=name,
        fn=getattr(lossary, f"{name}_loss"),
        fixed={"channel_axis": 1},
        layout=PIXELS,
        make=pictures("fake", "real"),
        shapes=("rows",),
        references=(Reference("scipy", reference),),
        kinks=kinks,
        range=(0.0, largest),
        options=(
            {},
            {"padding": "zero"},
            {"channels": "luma"},
            {"channels": "each", "padding": "zero"},
            {"normalize": True, "max_value": 2.0},
        ),
        properties=(*EDGES, *properties),
        independent=False,
        masks="values",
        integers=True,
    )


def roughness(norm_type: str, degree: int, *properties: law.Property, **options: Any) -> Case:
    pixels = options.get("per_pixel", False)
    return Case(
        name=f"total_variation_{norm_type}" + ("_map" if pixels else ""),
        fn=lossary.total_variation_loss,
        fixed={"channel_axis": 1, "norm_type": norm_type, **options},
        layout=Layout("pixel" if pixels else "example", "images"),
        make=pictures("images"),
        shapes=("rows",),
        references=(Reference("closed form", variation),),
        kinks={"images": flat("images")["images"]},
        range=(0.0, inf),
        properties=(
            law.permutation_equivariant,
            law.zero_at(images=0.5),
            law.translation_invariant("images"),
            law.homogeneous(degree, "images"),
            law.convex("images"),
            *properties,
        ),
        independent=not pixels,
        masks="values",
        integers=True,
    )


CASES = (
    Case(
        name="psnr",
        fn=lossary.psnr_loss,
        layout=IMAGES,
        make=pictures("predictions", "targets"),
        shapes=("rows",),
        references=(Reference("closed form", psnr),),
        kinks=flat("predictions", "targets"),
        range=(-inf, inf),
        options=({}, {"max_value": 255.0}, {"epsilon": 0.5}, {"epsilon": 1e-20, "max_value": 0.25}),
        properties=(
            law.permutation_equivariant,
            law.symmetric("predictions", "targets"),
            law.translation_invariant("predictions", "targets"),
        ),
        masks="values",
        integers=True,
    ),
    Case(
        name="ssim",
        fn=lossary.ssim_loss,
        fixed={"channel_axis": 1, "padding": "reflect"},
        layout=PREDICTED,
        make=pictures("predictions", "targets", image=(2, 4, 5)),
        shapes=("rows",),
        references=(Reference("scipy", ssim),),
        kinks=flat("predictions", "targets", image=(2, 4, 5), faint=True),
        range=(0.0, 2.0),
        options=(
            {},
            {"window": "uniform", "window_size": 3},
            {"window_size": 5, "sigma": 0.75},
            {"k1": 0.1, "k2": 0.2, "max_value": 2.0},
        ),
        properties=EVEN,
        independent=False,
        masks="values",
        integers=True,
    ),
    Case(
        name="ms_ssim",
        fn=lossary.ms_ssim_loss,
        fixed={"channel_axis": 1, "window_size": 3},
        layout=IMAGES,
        make=pictures("predictions", "targets", image=(2, 7, 6)),
        shapes=("rows",),
        references=(Reference("scipy", ms_ssim),),
        kinks=flat("predictions", "targets", image=(2, 7, 6), faint=True),
        range=(0.0, 1.0),
        options=(
            {"scale_weights": (0.25, 0.75)},
            {"scale_weights": (1.0,)},
            {"scale_weights": (0.25, 0.75), "window": "uniform"},
            {"scale_weights": (0.5, 0.5), "sigma": 0.75, "k1": 0.1, "k2": 0.2, "max_value": 2.0},
        ),
        properties=EVEN,
        integers=True,
    ),
    edges("sobel", sobel, np.sqrt(20)),
    edges("laplacian", laplacian, 8.0, law.convex("fake")),
    roughness("l2", 2),
    roughness("l1", 1),
    roughness("isotropic", 1),
    roughness("l2", 2, per_pixel=True),
)
