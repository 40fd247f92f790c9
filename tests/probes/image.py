"""Images that nearly agree, hardly vary, or are far from [0, 1].

Losses that give a map are looked at whole, as the mean over an image.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.probes.probe import Arrays, Probe, each, generator, spread

FIRST = {"channel_axis": 1}
ITEMS = 12  # 120 digits take their time
PSNR = {}, {"max_value": 255.0}, {"epsilon": 1e-3}
VARIATION = tuple({"norm_type": norm_type, **FIRST} for norm_type in ("l2", "l1", "isotropic"))
EDGES = {**FIRST}, {**FIRST, "padding": "zero", "channels": "each"}, {**FIRST, "normalize": True}
SSIM = {**FIRST, "window_size": 5}, {**FIRST, "window_size": 3, "window": "uniform", "padding": "reflect"}
MS_SSIM = {**FIRST, "window_size": 3, "scale_weights": (0.25, 0.75)}


def two(first: np.ndarray, second: np.ndarray, *names: str) -> Arrays:
    return dict(zip(names or ("predictions", "targets"), (first, second), strict=True))


def turned(image: np.ndarray) -> np.ndarray:
    """Three images of one."""
    return np.concatenate([image, image[:, :, ::-1], image[..., ::-1]])


def neighbours(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    """The same pixels but for their last digits."""
    images = images.astype(np.float32).astype(float)
    return images * (1 + rng.integers(1, 30, images.shape) * 2.0**-23)


def _all(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, note: str, ssim: bool = True) -> Iterator[Probe]:
    """`a`, `b`: many small images; `c`, `d`: one for the losses that give a map."""
    yield from each("psnr_loss", two(a, b), *PSNR, note=note)
    for loss in ("sobel_loss", "laplacian_loss"):
        yield from each(loss, two(c, d, "fake", "real"), *EDGES, whole=True, note=note)
    if ssim:
        yield from each("ssim_loss", two(c, d), *SSIM, whole=True, note=note)
        yield Probe("ms_ssim_loss", two(turned(c), turned(d)), MS_SSIM, note=note)


def ordinary() -> Iterator[Probe]:
    """What a training run sees."""
    rng = generator(70)
    a, b = rng.random((2, ITEMS, 1, 3, 4))
    c = rng.random((1, 2, 6, 5))
    d = np.clip(c + rng.normal(0, 0.1, c.shape), 0, 1)
    yield from _all(a, b, c, d, "")
    yield from each("total_variation_loss", {"images": a}, *VARIATION)
    # Bright, with little contrast: mean squares less squared means would have lost the variance.
    sky, other = 0.9 + rng.normal(0, 1e-3, (2, 1, 2, 6, 5))
    yield from each("ssim_loss", two(sky, other), *SSIM, whole=True, note="sky")
    ramp = np.linspace(0, 1, 30).reshape(1, 1, 6, 5)
    yield from each("ssim_loss", two(ramp, 0.8 * ramp + 0.1), *SSIM, whole=True, note="ramp")


def tails() -> Iterator[Probe]:
    """Images that are nearly equal, or nearly flat."""
    rng = generator(71)
    a, c = rng.random((ITEMS, 1, 3, 4)), rng.random((1, 2, 6, 5))
    yield from _all(
        neighbours(rng, a), a.astype(np.float32).astype(float), neighbours(rng, c), c.astype("f4").astype(float), "next"
    )
    yield from _all(a, a + spread(rng, -6, -3, a.shape), c, c + spread(rng, -6, -3, c.shape), "near")
    yield from each("total_variation_loss", {"images": spread(rng, -15, -3, a.shape)}, *VARIATION, note="dark")
    beside = 0.5 + rng.integers(0, 30, a.shape) * 2.0**-24
    yield from each("total_variation_loss", {"images": beside}, *VARIATION, note="flat")
    brighter = (c + 0.25).astype(np.float32).astype(float)  # the same structure; the difference hardly varies
    yield from each("ssim_loss", two(c, brighter), *SSIM, whole=True, note="brighter")


def extremes() -> Iterator[Probe]:
    """The edge of the domain."""
    rng = generator(72)
    a, b = spread(rng, 0, 18, (2, ITEMS, 1, 3, 4))
    c, d = spread(rng, 0, 18, (2, 1, 2, 6, 5))
    yield from _all(a, b, c, d, "far")
    yield from each("total_variation_loss", {"images": a}, *VARIATION, note="far")
    offset = 1e4 + rng.integers(-64, 64, (2, 1, 2, 6, 5)) / 64
    yield from _all(a, a, offset[0], offset[1], "offset")
    black, dot = np.zeros((1, 2, 6, 5)), np.zeros((1, 2, 6, 5))
    dot[0, 0, 2, 2] = 1.0
    yield from each("ssim_loss", two(black, dot), *SSIM, whole=True, note="dot")
    bytes_ = np.floor(256 * rng.random((2, 1, 2, 6, 5)))
    yield Probe("ssim_loss", two(*bytes_), {**SSIM[0], "max_value": 255.0}, "bytes", whole=True)
    yield Probe("psnr_loss", two(a[:2], a[:2]), {"max_value": 255.0}, "equal")
