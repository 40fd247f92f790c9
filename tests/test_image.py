"""Losses of images: known answers, what a mask and weights mean, real photographs, errors, and what they mend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import log10, sqrt
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lossary
from tests.support.frameworks import (
    NUMPY,
    OnNumpy,
    OnTorch,
    every_framework,
    frameworks_with_gradients,
    row,
)
from tests.support.refusal import call, refused

FIRST = {"channel_axis": 1}
without_compiling = pytest.mark.parametrize("framework", [row(kind, "f32") for kind in (OnNumpy, OnTorch)])


def pictures(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.random(shape).astype(np.float32).astype(float)


# ---- PSNR ----

TWO = {"predictions": np.zeros((2, 1, 4, 4)), "targets": np.zeros((2, 1, 4, 4))}
TWO["targets"][0] += 0.1  # 20 dB
TWO["targets"][1] += 0.5  # 6.02 dB


@every_framework
def test_psnr_of_a_batch_is_the_mean_of_its_images_or_that_of_the_mean_error(framework: OnNumpy) -> None:
    assert framework.value(lossary.psnr_loss, TWO) == pytest.approx((-20 + 10 * log10(0.25)) / 2, rel=1e-6)  # −13.01
    together = framework.value(lossary.psnr_loss, TWO | {"per_image": False})
    assert together == pytest.approx(10 * log10((0.01 + 0.25) / 2), rel=1e-6)  # −8.86
    each = framework.value(lossary.psnr_loss, TWO | {"reduction": "none"})
    np.testing.assert_allclose(each, [-20, 10 * log10(0.25)], rtol=1e-6)


@pytest.mark.parametrize(("max_value", "decibels"), [(1.0, -80.0), (255.0, -128.1308)])
@frameworks_with_gradients
def test_psnr_of_equal_images_is_finite_and_does_not_push(
    framework: OnNumpy, max_value: float, decibels: float
) -> None:
    same = {"predictions": TWO["targets"], "targets": TWO["targets"]}
    for per_image in (True, False):
        found = framework.outcome(lossary.psnr_loss, same | {"max_value": max_value, "per_image": per_image})
        assert found.value == pytest.approx(decibels, abs=1e-4)
        assert not any(gradient.any() for gradient in found.gradients.values())


def test_psnr_weighs_images_or_squared_errors() -> None:
    weights = np.array([3.0, 1.0])
    assert lossary.psnr_loss(**TWO, weights=weights) == pytest.approx((3 * -20 + 10 * log10(0.25)) / 4, rel=1e-6)
    together = lossary.psnr_loss(**TWO, weights=weights, per_image=False)
    assert together == pytest.approx(10 * log10((3 * 0.01 + 0.25) / 4), rel=1e-6)
    assert lossary.psnr_loss(**TWO, weights=np.array([1.0, 0.0])) == pytest.approx(-20, rel=1e-6)


@frameworks_with_gradients
def test_psnr_of_masked_pixels(framework: OnNumpy) -> None:
    mask = np.full((2, 1, 4, 4), True)
    mask[0, 0, :2] = False
    mask[1] = False
    for per_image in (True, False):
        for garbage in (np.nan, np.inf):
            spoiled = {name: np.where(mask, array, garbage) for name, array in TWO.items()}
            found = framework.outcome(lossary.psnr_loss, spoiled | {"mask": mask, "per_image": per_image})
            assert found.value == pytest.approx(-20, rel=1e-5)
            for gradient in found.gradients.values():
                assert np.isfinite(gradient).all()
                assert not gradient[~mask].any()
        nothing = framework.outcome(lossary.psnr_loss, TWO | {"mask": np.zeros_like(mask), "per_image": per_image})
        assert nothing.value == 0
        assert not any(gradient.any() for gradient in nothing.gradients.values())


def test_psnr_of_any_shape_at_once(rng: np.random.Generator) -> None:
    first, second = rng.random((2, 7, 3))
    expected = 10 * np.log10(np.mean((first - second) ** 2) + 1e-8)
    found = [lossary.psnr_loss(first, second, per_image=False, reduction=reduction) for reduction in ("mean", "none")]
    assert found == [pytest.approx(expected, rel=1e-12)] * 2
    assert lossary.psnr_loss(first[:0], second[:0], per_image=False) == 0


# ---- integers, and images without an extent ----

DARK, BRIGHT = np.zeros((1, 1, 12, 12), np.uint8), np.full((1, 1, 12, 12), 20, np.uint8)


@pytest.mark.parametrize(("first", "second"), [(DARK, BRIGHT), (BRIGHT, DARK)], ids=["up", "down"])
@every_framework
def test_bytes_do_not_wrap(framework: OnNumpy, first: np.ndarray, second: np.ndarray) -> None:
    pair = {"predictions": first, "targets": second}
    assert framework.value(lossary.psnr_loss, pair) == pytest.approx(10 * log10(400), rel=1e-6)
    for loss in (lossary.ssim_loss, lossary.psnr_loss):
        floating = {name: array.astype(np.float32) for name, array in pair.items()}
        options = {"max_value": 255.0} | ({} if loss is lossary.psnr_loss else FIRST)
        expected = pytest.approx(framework.value(loss, floating | options), rel=1e-6)
        assert framework.value(loss, pair | options) == expected
    edges = {"fake": first, "real": second, "padding": "zero", **FIRST}
    assert framework.value(lossary.laplacian_loss, edges) == pytest.approx((44 + 4) * 20 / 144)
    stripes = np.concatenate([first, second], axis=3)
    assert framework.value(lossary.total_variation_loss, {"images": stripes} | FIRST) == 12 * 400


LOSSES: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "psnr": (lossary.psnr_loss, {}),
    "ssim": (lossary.ssim_loss, {"padding": "reflect", **FIRST}),
    "sobel": (lossary.sobel_loss, FIRST),
    "sobel-zero": (lossary.sobel_loss, {"padding": "zero", "channels": "each", **FIRST}),
    "laplacian": (lossary.laplacian_loss, FIRST),
    **{
        f"variation-{norm_type}": (lossary.total_variation_loss, {"norm_type": norm_type, **FIRST})
        for norm_type in ("l1", "l2", "isotropic")
    },
}
every_loss = pytest.mark.parametrize(("loss", "options"), LOSSES.values(), ids=LOSSES)


def names(loss: Callable[..., Any]) -> list[str]:
    if loss is lossary.total_variation_loss:
        return ["images"]
    return ["fake", "real"] if loss in (lossary.sobel_loss, lossary.laplacian_loss) else ["predictions", "targets"]


@pytest.mark.parametrize("size", [(1, 5), (5, 1), (1, 1)], ids=str)
@every_loss
@without_compiling
def test_images_one_pixel_high_or_wide(
    framework: OnNumpy, loss: Any, options: Any, size: tuple[int, int], rng: np.random.Generator
) -> None:
    arrays = {name: pictures(rng, 2, 3, *size) for name in names(loss)}
    found = framework.outcome(loss, arrays | options)
    assert np.isfinite(found.value)
    assert all(np.isfinite(gradient).all() for gradient in found.gradients.values())
    if loss is lossary.total_variation_loss and size == (1, 1):
        assert found.value == 0


@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 3, 0, 4), (2, 0, 4, 4)], ids=str)
@every_loss
@without_compiling
def test_nothing_to_look_at(framework: OnNumpy, loss: Any, options: Any, shape: tuple[int, ...]) -> None:
    for reduction in ("mean", "sum", "batch_sum"):
        found = framework.outcome(
            loss, {name: np.zeros(shape) for name in names(loss)} | options | {"reduction": reduction}
        )
        assert (found.value.shape, found.value.item()) == ((), 0.0)


@every_loss
@without_compiling
def test_constant_images(framework: OnNumpy, loss: Any, options: Any) -> None:
    """Whatever their brightness: nothing hidden divides by their contrast."""
    for values in ((0, 0), (0.7, 0.7), (0.1, 0.9), (-1, 1)):
        arrays = {name: np.full((1, 2, 6, 6), float(value)) for name, value in zip(names(loss), values, strict=False)}
        found = framework.outcome(loss, arrays | options)
        assert np.isfinite(found.value)
        assert all(np.isfinite(gradient).all() for gradient in found.gradients.values())


# ---- edges ----


@pytest.mark.parametrize("size", [16, 64])
@every_framework
def test_brightness_alone_is_no_edge_but_for_a_black_border(framework: OnNumpy, size: int) -> None:
    flat = {"fake": np.ones((1, 3, size, size)), "real": np.zeros((1, 3, size, size))} | FIRST
    for loss in (lossary.sobel_loss, lossary.laplacian_loss):
        assert framework.value(loss, flat) == 0
    sobel, laplacian = (
        framework.value(loss, flat | {"padding": "zero"}) for loss in (lossary.sobel_loss, lossary.laplacian_loss)
    )
    border, corners = 4 * (size - 2), 4
    assert sobel == pytest.approx((4 * border + 3 * sqrt(2) * corners) / size**2, rel=1e-6)  # 0.941 and 0.246
    assert laplacian == pytest.approx((border + 2 * corners) / size**2, rel=1e-6)  # 0.25 and 0.0625


@every_framework
def test_edges_have_no_sign_for_sobel_and_one_for_laplace(framework: OnNumpy, rng: np.random.Generator) -> None:
    image = pictures(rng, 1, 3, 6, 6)
    negative = {"fake": image, "real": -image} | FIRST
    assert framework.value(lossary.sobel_loss, negative) == pytest.approx(0, abs=1e-6)
    assert framework.value(lossary.laplacian_loss, negative) > 1


@every_framework
def test_swapped_channels_are_seen_only_one_by_one_or_by_luma(framework: OnNumpy, rng: np.random.Generator) -> None:
    image = pictures(rng, 1, 3, 6, 6)
    swapped = {"fake": image, "real": image[:, ::-1].copy()} | FIRST
    for loss in (lossary.sobel_loss, lossary.laplacian_loss):
        assert framework.value(loss, swapped) == pytest.approx(0, abs=1e-6)
        for channels in ("luma", "each"):
            assert framework.value(loss, swapped | {"channels": channels}) > 0.1


@frameworks_with_gradients
def test_a_flat_prediction_has_a_finite_gradient_and_a_faint_edge_the_whole_one(framework: OnNumpy) -> None:
    edge = np.zeros((1, 1, 3, 4))
    edge[..., 2:] = 1.0
    flat = framework.outcome(lossary.sobel_loss, {"fake": 0 * edge, "real": edge} | FIRST)
    assert flat.value == 2
    assert not flat.gradients["fake"].any()
    faint = framework.outcome(lossary.sobel_loss, {"fake": 1e-6 * edge, "real": edge} | FIRST)
    assert abs(faint.gradients["fake"]).sum() == pytest.approx(4, rel=1e-5)  # 8 of each of 6 windows, by 12


def test_largest_edges_are_one_when_normalized() -> None:
    for span in (1.0, 2.0, 255.0):
        fake = np.zeros((1, 1, 3, 3))
        fake[0, 0] = span * np.array([[0, 0, 1], [0, 0, 1], [1, 1, 1]])  # gx 4 − …, gy …: the steepest window
        largest = max(
            lossary.sobel_loss(span * window, 0 * fake, normalize=True, max_value=span, reduction="none", **FIRST)[
                0, 1, 1
            ]
            for window in every_window()
        )
        assert largest == pytest.approx(1, rel=1e-12)
        cross = span * np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], float).reshape(1, 1, 3, 3)
        found = lossary.laplacian_loss(cross, span - cross, normalize=True, max_value=span, reduction="none", **FIRST)
        assert found[0, 1, 1] == pytest.approx(1, rel=1e-12)


def every_window() -> Iterator[np.ndarray]:
    for code in range(1 << 9):
        yield np.array([code >> i & 1 for i in range(9)], float).reshape(1, 1, 3, 3)


@pytest.mark.parametrize("half", ["float16", "bfloat16", "float64"])
def test_edges_of_any_floating_dtype(torch: ModuleType, half: str, rng: np.random.Generator) -> None:
    fake, real = (torch.tensor(pictures(rng, 2, 3, 5, 5)).to(getattr(torch, half)) for _ in range(2))
    fake.requires_grad_()
    for loss in (lossary.sobel_loss, lossary.laplacian_loss):
        value = loss(fake, real)
        (gradient,) = torch.autograd.grad(value, fake)
        assert value.dtype == (torch.float64 if half == "float64" else torch.float32)
        assert gradient.dtype == fake.dtype


# ---- total variation ----


@every_framework
def test_variation_by_hand(framework: OnNumpy) -> None:
    image = np.array([[0.0, 1.0, 1.0], [2.0, 3.0, 7.0]]).reshape(1, 1, 2, 3)
    right, down = np.array([1, 0, 1, 4]), np.array([2, 2, 6])
    by_norm = {"l2": (right**2).sum() + (down**2).sum(), "l1": right.sum() + down.sum()}
    by_norm["isotropic"] = sqrt(5) + 2 + 6 + 1 + 4
    for norm_type, expected in by_norm.items():
        options = {"images": np.concatenate([image, 0 * image]), "norm_type": norm_type} | FIRST
        assert framework.value(lossary.total_variation_loss, options) == pytest.approx(expected / 2, rel=1e-6)
        per_pixel = framework.value(lossary.total_variation_loss, options | {"per_pixel": True})
        assert per_pixel == pytest.approx(expected / 12, rel=1e-6)
        each = framework.value(lossary.total_variation_loss, options | {"reduction": "none"})
        np.testing.assert_allclose(each, [expected, 0], rtol=1e-6)


def test_variation_of_volumes(rng: np.random.Generator) -> None:
    volume = rng.random((2, 3, 4, 5, 6))
    expected = sum((np.diff(volume, axis=axis) ** 2).sum() for axis in (2, 3, 4)) / 2
    assert lossary.total_variation_loss(volume, channel_axis=1) == pytest.approx(expected, rel=1e-12)


@frameworks_with_gradients
def test_isotropic_variation_of_a_flat_image_does_not_push(framework: OnNumpy) -> None:
    image = np.zeros((1, 1, 3, 3))
    image[0, 0, 0, 0] = 1
    found = framework.outcome(lossary.total_variation_loss, {"images": image, "norm_type": "isotropic"} | FIRST)
    assert np.isfinite(found.gradients["images"]).all()
    assert not found.gradients["images"][0, 0, 1:, 1:].any()


# ---- similarity ----


def windows(x: np.ndarray, y: np.ndarray, shares: np.ndarray, k1: float = 0.01, k2: float = 0.03) -> np.ndarray:
    """1 − SSIM in every window that fits, from the definition."""
    size, axes = len(shares), tuple(range(2, x.ndim))
    weights = shares
    for _ in axes[1:]:
        weights = weights[..., None] * shares
    one, other = (np.lib.stride_tricks.sliding_window_view(image, (size,) * len(axes), axis=axes) for image in (x, y))
    space = tuple(range(-len(axes), 0))

    def mean(array: np.ndarray) -> np.ndarray:
        return (weights * array).sum(space, keepdims=True)

    a, b = mean(one), mean(other)
    cov, var = mean((one - a) * (other - b)), mean((one - a) ** 2) + mean((other - b) ** 2)
    similar = (2 * a * b + k1**2) * (2 * cov + k2**2) / ((a * a + b * b + k1**2) * (var + k2**2))
    return 1 - similar.squeeze(space).mean(1)


def bell(size: int = 11, sigma: float = 1.5) -> np.ndarray:
    shares = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * sigma**2))
    return shares / shares.sum()


@every_framework
def test_ssim_of_windows_that_fit(framework: OnNumpy, rng: np.random.Generator) -> None:
    x, y = pictures(rng, 2, 3, 14, 12), pictures(rng, 2, 3, 14, 12)
    found = framework.value(lossary.ssim_loss, {"predictions": x, "targets": y, "reduction": "none"} | FIRST)
    assert found.shape == (2, 4, 2)
    np.testing.assert_allclose(found, windows(x, y, bell()), rtol=1e-5)


def test_ssim_of_volumes(rng: np.random.Generator) -> None:
    x, y = rng.random((2, 1, 2, 6, 7, 5))
    found = lossary.ssim_loss(x, y, window_size=5, reduction="none", channel_axis=1)
    np.testing.assert_allclose(found, windows(x, y, bell(5)), rtol=1e-12)
    last = lossary.ssim_loss(np.moveaxis(x, 1, -1), np.moveaxis(y, 1, -1), window_size=5)
    assert last == pytest.approx(found.mean(), rel=1e-12)


def test_ssim_keeps_small_differences_that_the_definition_loses(rng: np.random.Generator) -> None:
    """A bright sky in float32: the variance is a millionth of the squared mean."""
    sky = (0.9 + 1e-3 * rng.normal(size=(1, 1, 24, 24))).astype(np.float32)
    other = sky + np.float32(1e-4) * rng.normal(size=sky.shape).astype(np.float32)
    exact = windows(sky.astype(float), other.astype(float), bell()).mean()
    assert lossary.ssim_loss(other, sky, channel_axis=1) == pytest.approx(exact, rel=2e-6)


@pytest.mark.parametrize("grey", [0.125, 0.5])
@frameworks_with_gradients
def test_gradient_of_ssim_where_nothing_is_alike(framework: OnNumpy, grey: float) -> None:
    """Black and grey: C1 / (y² + C1) in closed form, whose slope is 10⁻⁴ of the parts that make it."""
    pair = {"predictions": np.full((1, 1, 11, 11), grey), "targets": np.zeros((1, 1, 11, 11))} | FIRST
    found = framework.outcome(lossary.ssim_loss, pair)
    c1, dark = 1e-4, grey**2 + 1e-4
    assert found.value == pytest.approx(1 - c1 / dark, rel=1e-6)
    assert found.gradients["predictions"].sum() == pytest.approx(2 * grey * c1 / dark**2, rel=1e-3)


@frameworks_with_gradients
def test_ms_ssim_of_unlike_images_is_one(framework: OnNumpy, rng: np.random.Generator) -> None:
    """A negative mean of a scale has no power of 0.2856: it counts as 0, and does not push."""
    image = pictures(rng, 1, 1, 24, 24)
    options = {"scale_weights": (0.5, 0.5), **FIRST}
    found = framework.outcome(lossary.ms_ssim_loss, {"predictions": image, "targets": 1 - image} | options)
    assert found.value == 1
    assert not found.gradients["predictions"].any()
    channels = {"predictions": np.concatenate([image, image], 1), "targets": np.concatenate([image, 1 - image], 1)}
    assert framework.value(lossary.ms_ssim_loss, channels | options) == 0.5  # a channel by itself


def test_ms_ssim_of_the_usual_scales(rng: np.random.Generator) -> None:
    """By Wang's weights, on images of odd size, in blocks of the definition."""
    x = pictures(rng, 1, 2, 163, 170)
    y = np.clip(x + 0.2 * rng.normal(size=x.shape), 0, 1)
    product = np.ones(2)
    pair = [x, y]
    for left, weight in zip((4, 3, 2, 1, 0), (0.0448, 0.2856, 0.3001, 0.2363, 0.1333), strict=True):
        means = np.array([mean_terms(pair[0][:, [c]], pair[1][:, [c]], not left) for c in range(2)])
        product *= means**weight
        pair = [halved(image) for image in pair]
    assert lossary.ms_ssim_loss(x, y, channel_axis=1) == pytest.approx(1 - product.mean(), rel=1e-10)


def mean_terms(x: np.ndarray, y: np.ndarray, brightness_too: bool) -> float:
    from scipy.ndimage import gaussian_filter

    def mean(image: np.ndarray) -> np.ndarray:
        return gaussian_filter(image, 1.5, radius=5, axes=(2, 3))[..., 5:-5, 5:-5]

    a, b = mean(x), mean(y)
    term = (2 * (mean(x * y) - a * b) + 9e-4) / (mean(x * x) + mean(y * y) - a * a - b * b + 9e-4)
    return float((term * ((2 * a * b + 1e-4) / (a * a + b * b + 1e-4) if brightness_too else 1)).mean())


def halved(image: np.ndarray) -> np.ndarray:
    for axis in (2, 3):
        if image.shape[axis] % 2:
            image = np.concatenate([image, image.take([-1], axis)], axis)
    return (image[:, :, ::2, ::2] + image[:, :, 1::2, ::2] + image[:, :, ::2, 1::2] + image[:, :, 1::2, 1::2]) / 4


# ---- maps ----


@every_framework
def test_a_map_is_where_the_loss_is(framework: OnNumpy) -> None:
    """reduction="none" is the map, and its mean the loss."""
    real = np.zeros((2, 3, 24, 24))
    fake = real.copy()
    fake[0, :, 12, 12] = 1.0
    for loss, reach in ((lossary.sobel_loss, 1), (lossary.laplacian_loss, 1), (lossary.ssim_loss, 5)):
        pair = dict(zip(names(loss), (fake, real), strict=True)) | FIRST
        if loss is lossary.ssim_loss:
            pair["padding"] = "reflect"
        found = framework.value(loss, pair | {"reduction": "none"})
        assert found.shape == (2, 24, 24)
        rows, columns = np.nonzero(found[0] > 1e-9)
        assert (rows.min(), rows.max(), columns.min(), columns.max()) == (12 - reach, 12 + reach) * 2
        assert not found[1].any()
        assert found.mean() == pytest.approx(framework.value(loss, pair), rel=1e-5)
        each = framework.value(loss, pair | {"axis": (1, 2)})
        np.testing.assert_allclose(each, found.mean((1, 2)), rtol=1e-5)


# ---- masks and weights of pixels ----

SIZE = (9, 8)
PIXELS: dict[str, tuple[Callable[..., Any], dict[str, Any], int]] = {
    "sobel": (lossary.sobel_loss, {}, 1),
    "sobel-each": (lossary.sobel_loss, {"padding": "zero", "channels": "each"}, 1),
    "laplacian": (lossary.laplacian_loss, {}, 1),
    "ssim": (lossary.ssim_loss, {"window_size": 3}, 1),
    "ssim-reflect": (lossary.ssim_loss, {"window_size": 5, "padding": "reflect"}, 2),
}
over_pixels = pytest.mark.parametrize(("loss", "options", "reach"), PIXELS.values(), ids=PIXELS)


def some_pixels() -> np.ndarray:
    mask = np.full((2, *SIZE), True)
    mask[0, 2:4, 3] = False
    mask[1, :, 6:] = False
    return mask


def whole(mask: np.ndarray, reach: int) -> np.ndarray:
    """Pixels all of whose window is True."""
    padded = np.pad(mask, [(0, 0), (reach, reach), (reach, reach)], constant_values=True)
    return np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1,) * 2, axis=(1, 2)).all((3, 4))


@over_pixels
@without_compiling
def test_masked_pixels_reach_nobody(
    framework: OnNumpy, loss: Any, options: Any, reach: int, rng: np.random.Generator
) -> None:
    arrays = {name: pictures(rng, 2, 2, *SIZE) for name in names(loss)}
    mask = some_pixels()
    keep = np.broadcast_to(mask[:, None], (2, 2, *SIZE))
    maps = NUMPY.value(loss, arrays | options | FIRST | {"reduction": "none"})
    inside = slice(reach, -reach) if "padding" not in options and loss is lossary.ssim_loss else slice(None)
    expected = maps[whole(mask, reach)[:, inside, inside]].mean()
    for garbage in (np.nan, np.inf, -3.0):
        spoiled = {name: np.where(keep, array, garbage) for name, array in arrays.items()}
        found = framework.outcome(loss, spoiled | options | FIRST | {"mask": mask})
        assert found.value == pytest.approx(expected, rel=1e-5)
        for gradient in found.gradients.values():
            assert np.isfinite(gradient).all()
            assert not gradient[~keep].any()


@over_pixels
@without_compiling
def test_weights_weigh_the_map(
    framework: OnNumpy, loss: Any, options: Any, reach: int, rng: np.random.Generator
) -> None:
    """A pixel of weight 0 is still seen by its neighbours; an image of weight 0 by nobody."""
    arrays = {name: pictures(rng, 2, 2, *SIZE) for name in names(loss)}
    weights = rng.random((2, *SIZE)) * some_pixels()
    maps = NUMPY.value(loss, arrays | options | FIRST | {"reduction": "none"})
    inside = slice(reach, -reach) if "padding" not in options and loss is lossary.ssim_loss else slice(None)
    used = weights[:, inside, inside]
    found = framework.value(loss, arrays | options | FIRST | {"weights": weights})
    assert found == pytest.approx((used * maps).sum() / used.sum(), rel=1e-5)
    rows = framework.value(loss, arrays | options | FIRST | {"weights": weights[..., 0]})
    used = np.broadcast_to(weights[:, :, :1], weights.shape)[:, inside, inside]
    assert rows == pytest.approx((used * maps).sum() / used.sum(), rel=1e-5)
    both = framework.value(loss, arrays | options | FIRST | {"weights": weights, "mask": some_pixels()})
    used = (weights * whole(some_pixels(), reach))[:, inside, inside]
    assert both == pytest.approx((used * maps).sum() / used.sum(), rel=1e-5)
    for array in arrays.values():
        array[0] = np.nan
    weights[0] = 0
    found = framework.outcome(loss, arrays | options | FIRST | {"weights": weights})
    assert np.isfinite(found.value)
    assert all(np.isfinite(gradient).all() for name, gradient in found.gradients.items() if name != "weights")


@every_loss
@without_compiling
def test_nothing_is_kept(framework: OnNumpy, loss: Any, options: Any) -> None:
    arrays = {name: np.full((2, 2, *SIZE), np.nan) for name in names(loss)}
    for shape in ((2, 2, *SIZE) if loss is lossary.psnr_loss else (2, *SIZE), (2,)):
        for reduction in ("mean", "sum", "batch_sum"):
            way = {"mask": np.full(shape, False), "reduction": reduction}
            found = framework.outcome(loss, arrays | options | way)
            assert (found.value.shape, found.value.item()) == ((), 0.0)
            assert not any(gradient.any() for gradient in found.gradients.values())


@pytest.mark.parametrize("per_pixel", [False, True])
@pytest.mark.parametrize("norm_type", ["l2", "l1", "isotropic"])
@frameworks_with_gradients
def test_a_difference_needs_both_of_its_pixels(
    framework: OnNumpy, norm_type: str, per_pixel: bool, rng: np.random.Generator
) -> None:
    image, mask = pictures(rng, 1, 1, 3, 4), np.full((1, 3, 4), True)
    mask[0, 1, 1] = False
    options = {"norm_type": norm_type, "per_pixel": per_pixel, "mask": mask, **FIRST}
    down, right = np.zeros((2, 3, 4))
    down[:-1], right[:, :-1] = np.diff(image[0, 0], axis=0), np.diff(image[0, 0], axis=1)
    down[0, 1] = down[1, 1] = right[1, 0] = right[1, 1] = 0
    lengths = {"l2": down**2 + right**2, "l1": abs(down) + abs(right), "isotropic": np.hypot(down, right)}[norm_type]
    expected = lengths.sum() / (11 if per_pixel else 1)
    for garbage in (np.nan, np.inf, 7.0):
        found = framework.outcome(
            lossary.total_variation_loss, {"images": np.where(mask[:, None], image, garbage)} | options
        )
        assert found.value == pytest.approx(expected, rel=1e-5)
        assert np.isfinite(found.gradients["images"]).all()
        assert not found.gradients["images"][~mask[:, None]].any()


def test_an_image_without_a_pixel_is_no_image_of_the_mean(rng: np.random.Generator) -> None:
    images = rng.random((2, 1, 3, 4))
    mask = np.stack([np.full((3, 4), True), np.full((3, 4), False)])
    alone = lossary.total_variation_loss(images[:1], channel_axis=1)
    assert lossary.total_variation_loss(images, channel_axis=1, mask=mask) == pytest.approx(alone)


# ---- layouts ----


@every_loss
@every_framework
def test_channels_anywhere(framework: OnNumpy, loss: Any, options: Any, rng: np.random.Generator) -> None:
    arrays = {name: pictures(rng, 2, 3, 6, 5) for name in names(loss)}
    expected = framework.value(loss, arrays | options)
    for axis in (2, 3, -1) if loss is not lossary.psnr_loss else ():
        moved = {name: np.moveaxis(array, 1, axis) for name, array in arrays.items()}
        assert framework.value(loss, moved | options | {"channel_axis": axis}) == pytest.approx(expected, rel=1e-6)
    if loss is not lossary.psnr_loss:
        habit = arrays if isinstance(framework, OnTorch) else {k: np.moveaxis(a, 1, -1) for k, a in arrays.items()}
        rest = {name: value for name, value in options.items() if name != "channel_axis"}
        assert framework.value(loss, habit | rest) == pytest.approx(expected, rel=1e-6)


# ---- photographs ----


@pytest.fixture(scope="module")
def photographs() -> np.ndarray:
    """A temple and a flower, each 3 × 240 × 320, as bytes."""
    images = pytest.importorskip("sklearn.datasets").load_sample_images().images
    return np.stack([np.moveaxis(image[100:340, 100:420], -1, 0) for image in images])


def test_losses_of_photographs_grow_with_the_damage(photographs: np.ndarray, rng: np.random.Generator) -> None:
    from scipy.ndimage import gaussian_filter

    clean = photographs / 255
    noisy = [np.clip(clean + size * rng.normal(size=clean.shape), 0, 1) for size in (0, 0.02, 0.05, 0.1)]
    blurred = [gaussian_filter(clean, sigma, axes=(2, 3)) for sigma in (0, 0.5, 1, 2)]
    pairs = (lossary.psnr_loss, lossary.ssim_loss, lossary.ms_ssim_loss, lossary.sobel_loss, lossary.laplacian_loss)
    for loss in pairs:
        options = {} if loss is lossary.psnr_loss else FIRST
        for damaged in (noisy, blurred):
            found = [float(loss(image, clean, **options)) for image in damaged]
            assert found == sorted(found), loss.__name__
            assert found[0] == (-80 if loss is lossary.psnr_loss else 0)
    roughness = [float(lossary.total_variation_loss(image, channel_axis=1)) for image in (*blurred[::-1], *noisy[1:])]
    assert roughness == sorted(roughness)


def test_bytes_and_fractions_of_a_photograph_are_one(photographs: np.ndarray) -> None:
    other = photographs[:, :, ::-1].copy()
    for loss in (lossary.psnr_loss, lossary.ssim_loss, lossary.ms_ssim_loss):
        options = {} if loss is lossary.psnr_loss else FIRST
        fractions = loss(photographs / 255, other / 255, **options)
        found = loss(
            photographs, other, max_value=255.0, **options | ({"epsilon": 1e-8 * 255**2} if not options else {})
        )
        assert found == pytest.approx(fractions, rel=1e-5)


# ---- faces ----


@pytest.mark.parametrize("package", ["torch", "flax"])
def test_seed_names(package: str, rng: np.random.Generator) -> None:
    module = pytest.importorskip(f"lossary.{package}")
    assert (module.Sobel, module.Laplacian) == (module.SobelLoss, module.LaplacianLoss)
    import torch

    fake, real = pictures(rng, 1, 3, 5, 5), pictures(rng, 1, 3, 5, 5)
    if package == "torch":
        found = module.Sobel()(torch.tensor(fake), torch.tensor(real)).item()
        assert found == pytest.approx(lossary.sobel_loss(fake, real, channel_axis=1))


# ---- errors ----

SMALL = np.zeros((2, 3, 6, 6))
REFUSED: dict[str, tuple[Callable[..., Any], dict[str, Any], type[Exception], str]] = {
    "psnr-rank": (
        lossary.psnr_loss,
        {"predictions": SMALL[0], "targets": SMALL[0]},
        ValueError,
        "psnr_loss: expected a batch of images with 4 axes, or of volumes with 5; got predictions (3, 6, 6), targets "
        "(3, 6, 6); per_image=False takes any shape as one image",
    ),
    "psnr-shapes": (
        lossary.psnr_loss,
        {"predictions": SMALL, "targets": SMALL[:1]},
        ValueError,
        "psnr_loss: expected arrays of one shape; got predictions (2, 3, 6, 6), targets (1, 3, 6, 6)",
    ),
    "psnr-pixel-weights": (
        lossary.psnr_loss,
        {"predictions": SMALL, "targets": SMALL, "weights": SMALL},
        ValueError,
        "psnr_loss: expected weights of shape (2,) or a leading part of it; got weights (2, 3, 6, 6)",
    ),
    "psnr-switch": (
        lossary.psnr_loss,
        {"predictions": SMALL, "targets": SMALL, "per_image": 1},
        TypeError,
        "psnr_loss: expected per_image to be True or False; got per_image 1",
    ),
    "psnr-epsilon": (
        lossary.psnr_loss,
        {"predictions": SMALL, "targets": SMALL, "epsilon": 0.0},
        ValueError,
        "psnr_loss: expected epsilon > 0; got epsilon 0.0",
    ),
    "variation-rank": (
        lossary.total_variation_loss,
        {"images": SMALL[0], **FIRST},
        ValueError,
        "total_variation_loss: expected images of shape (batch, channels, height, width) or (batch, channels, depth, "
        "height, width); got images (3, 6, 6); grey images have a channel axis of size 1",
    ),
    "variation-norm": (
        lossary.total_variation_loss,
        {"images": SMALL, "norm_type": "l3"},
        ValueError,
        "total_variation_loss: expected norm_type to be one of 'l2', 'l1', 'isotropic'; got 'l3'",
    ),
    "sobel-rank": (
        lossary.sobel_loss,
        {"fake": SMALL[0, 0], "real": SMALL[0, 0], "channel_axis": -1},
        ValueError,
        "sobel_loss: expected images of shape (batch, height, width, channels); got fake (6, 6), real (6, 6); grey "
        "images have a channel axis of size 1",
    ),
    "sobel-batch-axis": (
        lossary.sobel_loss,
        {"fake": SMALL, "real": SMALL, "channel_axis": 0},
        ValueError,
        "sobel_loss: expected channel_axis other than 0, the batch; got channel_axis 0 for fake (2, 3, 6, 6)",
    ),
    "laplacian-luma": (
        lossary.laplacian_loss,
        {"fake": np.zeros((2, 6, 6, 3)), "real": np.zeros((2, 6, 6, 3)), "channels": "luma", **FIRST},
        ValueError,
        "laplacian_loss: expected 3 channels, red, green and blue, for channels 'luma'; got fake (2, 6, 6, 3) with "
        "channel_axis 1",
    ),
    "sobel-padding": (
        lossary.sobel_loss,
        {"fake": SMALL, "real": SMALL, "padding": "same"},
        ValueError,
        "sobel_loss: expected padding to be one of 'reflect', 'zero'; got 'same'",
    ),
    "sobel-complex": (
        lossary.sobel_loss,
        {"fake": SMALL, "real": SMALL.astype("complex64")},
        TypeError,
        "sobel_loss: expected real of a real dtype; got real complex64",
    ),
    "ssim-small": (
        lossary.ssim_loss,
        {"predictions": SMALL, "targets": SMALL, **FIRST},
        ValueError,
        "ssim_loss: expected images of at least 11 × 11 pixels for window_size 11; got predictions (2, 3, 6, 6) with "
        "channel_axis 1; padding='reflect' takes any size",
    ),
    "ssim-even-window": (
        lossary.ssim_loss,
        {"predictions": SMALL, "targets": SMALL, "window_size": 4},
        ValueError,
        "ssim_loss: expected window_size to be an odd integer >= 1, with a pixel in its middle; got window_size 4",
    ),
    "ssim-window": (
        lossary.ssim_loss,
        {"predictions": SMALL, "targets": SMALL, "window": "hann"},
        ValueError,
        "ssim_loss: expected window to be one of 'gaussian', 'uniform'; got 'hann'",
    ),
    "ms-ssim-small": (
        lossary.ms_ssim_loss,
        {"predictions": SMALL, "targets": SMALL, **FIRST},
        ValueError,
        "ms_ssim_loss: expected images of at least 161 × 161 pixels for window_size 11 and 5 scales; got predictions "
        "(2, 3, 6, 6) with channel_axis 1; fewer scale_weights take smaller images",
    ),
    "ms-ssim-weights": (
        lossary.ms_ssim_loss,
        {"predictions": SMALL, "targets": SMALL, "scale_weights": ()},
        ValueError,
        "ms_ssim_loss: expected scale_weights to be a sequence of numbers > 0; got scale_weights ()",
    ),
    "ms-ssim-weight": (
        lossary.ms_ssim_loss,
        {"predictions": SMALL, "targets": SMALL, "scale_weights": (0.5, 0.0)},
        ValueError,
        "ms_ssim_loss: expected scale_weights > 0; got scale_weights 0.0",
    ),
}


@pytest.mark.parametrize(("loss", "kwargs", "kind", "text"), REFUSED.values(), ids=REFUSED)
@every_framework
def test_refused(framework: OnNumpy, loss: Any, kwargs: Any, kind: type[Exception], text: str) -> None:
    with refused(kind, text):
        call(framework, loss, kwargs)


def test_a_mask_of_another_shape(rng: np.random.Generator) -> None:
    text = "expected mask of shape (2, 6, 6) or a leading part of it; got mask (2, 3, 6, 6)"
    with refused(ValueError, f"sobel_loss: {text}"):
        lossary.sobel_loss(SMALL, SMALL, channel_axis=1, mask=np.full(SMALL.shape, True))
