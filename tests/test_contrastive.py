"""Contrastive losses: numbers from outside, what other libraries get wrong, small batches, and their own errors."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, log1p
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import lossary
from lossary import clip_loss, info_nce_loss, nt_xent_loss, siglip_loss, supcon_loss
from tests.support.frameworks import (
    OnNumpy,
    OnTorch,
    every_framework,
    frameworks_with_gradients,
)
from tests.support.refusal import call, refused

SOFTMAX = {
    "info_nce_loss": ("queries", "keys"),
    "nt_xent_loss": ("z_i", "z_j"),
    "clip_loss": ("image_embeddings", "text_embeddings"),
}
PAIRED = SOFTMAX | {"siglip_loss": ("image_embeddings", "text_embeddings")}
softmax_losses = pytest.mark.parametrize("name", SOFTMAX)
paired_losses = pytest.mark.parametrize("name", PAIRED)


def given(name: str, first: Any, second: Any) -> dict[str, np.ndarray]:
    """The arrays by their names; supcon's two views in one batch."""
    if name == "supcon_loss":
        return {"embeddings": np.concatenate([first, second]), "labels": np.tile(np.arange(len(first)), 2)}
    return dict(zip(PAIRED[name], (np.asarray(first), np.asarray(second)), strict=True))


def fn(name: str) -> Callable[..., Any]:
    return getattr(lossary, name)


TORCH_EXACT = OnTorch("f64")
every_loss = pytest.mark.parametrize("name", [*PAIRED, "supcon_loss"])

# ---- the seed's defects (E17): labels that did not exist, the partner twice in the denominator, one direction ----


@every_framework
def test_perfect_pairs_at_a_low_temperature(framework: OnNumpy) -> None:
    """32 orthogonal pairs at τ = 0.07: log(1 + 31 e^(−1/0.07)), where a partner counted twice gives log 2."""
    corners = np.eye(32)
    found = framework.value(info_nce_loss, given("info_nce_loss", corners, corners))
    assert float(found) == pytest.approx(log1p(31 * exp(-1 / 0.07)), rel=1e-4)
    found = framework.value(nt_xent_loss, given("nt_xent_loss", corners, corners) | {"temperature": 0.07})
    assert float(found) == pytest.approx(log1p(62 * exp(-1 / 0.07)), rel=1e-4)
    assert float(found) < 1e-4 < log(2)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_every_size_of_batch(count: int, rng: np.random.Generator) -> None:
    first, second = rng.normal(size=(2, count, 4))
    for name in [*PAIRED, "supcon_loss"]:
        assert np.isfinite(fn(name)(**given(name, first, second)))


def test_both_directions_count() -> None:
    """z_i tells z_j apart, and not the other way round."""
    first, second = np.eye(3), np.ones((3, 3))
    there, back = info_nce_loss(first, second), info_nce_loss(second, first)
    assert nt_xent_loss(first, second) == pytest.approx(nt_xent_loss(second, first))
    assert clip_loss(first, second) == pytest.approx((there + back) / 2)


# ---- known answers ----


def test_equal_embeddings_are_at_chance_level() -> None:
    ones = np.ones((6, 3))
    assert info_nce_loss(ones, ones) == pytest.approx(log(6))
    assert info_nce_loss(ones, ones, negatives=np.ones((4, 3))) == pytest.approx(log(10))
    assert clip_loss(ones, ones) == pytest.approx(log(6))
    assert nt_xent_loss(ones, ones) == pytest.approx(log(11))
    assert supcon_loss(ones, np.zeros(6, int)) == pytest.approx(log(5))
    assert supcon_loss(ones, np.arange(6) // 2) == pytest.approx(log(5))
    assert siglip_loss(ones, ones, temperature=1.0, bias=-1.0) == pytest.approx(6 * log(2))


# pytorch-metric-learning 2.9.0 (NTXentLoss and SupConLoss) in float64; optax 0.2.8 (ntxent) gives the first to 15
# digits, and MONAI 1.6.1 (ContrastiveLoss).
PML_NT_XENT, PML_SUPCON = 1.5842474874680077, 4.423502081559064
FIRST = np.array([[3, -1, 4, 1], [-5, 9, 2, -6], [5, 3, -5, 8]]) / 8
SECOND = np.array([[9, -7, 9, 3], [2, 3, -8, 4], [-6, 2, 6, 4]]) / 8


def test_numbers_of_other_libraries() -> None:
    assert nt_xent_loss(FIRST, SECOND, temperature=0.5) == pytest.approx(PML_NT_XENT, rel=1e-12)
    both, labels = np.concatenate([FIRST, SECOND]), np.array([0, 0, 1, 0, 1, 2])
    assert supcon_loss(both, labels, temperature=0.1) == pytest.approx(PML_SUPCON, rel=1e-12)


def test_two_views_with_a_label_each_are_nt_xent(rng: np.random.Generator) -> None:
    first, second = rng.normal(size=(2, 7, 5))
    expected = nt_xent_loss(first, second, temperature=0.3)
    assert supcon_loss(**given("supcon_loss", first, second), temperature=0.3) == pytest.approx(expected, rel=1e-13)


def test_negatives_are_further_keys(rng: np.random.Generator) -> None:
    """A queue for all is the same rows for each; and keys of other pairs are such a queue."""
    queries, keys = rng.normal(size=(2, 6, 5))
    queue = rng.normal(size=(3, 5))
    shared = info_nce_loss(queries, keys, negatives=queue, reduction="none")
    each = info_nce_loss(queries, keys, negatives=np.stack([queue] * 6), reduction="none")
    np.testing.assert_allclose(shared, each, rtol=1e-13)
    half = info_nce_loss(queries[:2], keys[:2], negatives=keys[2:], reduction="none")
    np.testing.assert_allclose(half, info_nce_loss(queries, keys, reduction="none")[:2], rtol=1e-13)
    none = info_nce_loss(queries, keys, negatives=queue[:0], reduction="none")
    np.testing.assert_allclose(none, info_nce_loss(queries, keys, reduction="none"), rtol=1e-15)


# ---- one item, none, and none with a partner (E54) ----


@softmax_losses
@every_framework
def test_a_single_pair_costs_nothing(framework: OnNumpy, name: str) -> None:
    found = framework.outcome(fn(name), given(name, np.array([[1.0, 2.0]]), np.array([[-3.0, 1.0]])))
    assert found.value == 0
    assert not any(gradient.any() for gradient in found.gradients.values())


@every_framework
def test_a_single_pair_beside_a_queue(framework: OnNumpy) -> None:
    arrays = {"queries": np.array([[1.0, 0.0]]), "keys": np.array([[0.0, 1.0]]), "negatives": np.array([[0.0, -1.0]])}
    assert float(framework.value(info_nce_loss, arrays)) == pytest.approx(log(2))


@every_framework
def test_all_labels_different_costs_nothing(framework: OnNumpy, rng: np.random.Generator) -> None:
    for count, options in ((1, {}), (5, {}), (5, {"chunk_size": 2, "weights": np.ones(5)})):
        arrays = {"embeddings": rng.normal(size=(count, 3)), "labels": np.arange(count)}
        found = framework.outcome(supcon_loss, arrays | options)
        assert found.value == 0
        assert not any(gradient.any() for gradient in found.gradients.values())


@every_framework
def test_items_without_a_partner_leave_the_mean_and_stay_candidates(
    framework: OnNumpy, rng: np.random.Generator
) -> None:
    arrays = {"embeddings": rng.normal(size=(4, 3)), "labels": np.array([5, -1, 5, 0])}
    losses = framework.value(supcon_loss, arrays | {"reduction": "none"})
    assert (losses[[1, 3]] == 0).all()
    assert float(framework.value(supcon_loss, arrays)) == pytest.approx(losses[[0, 2]].mean(), rel=1e-6)
    weights = np.array([1.0, 50.0, 3.0, 50.0])
    weighted = framework.value(supcon_loss, arrays | {"weights": weights})
    assert float(weighted) == pytest.approx((losses[0] + 3 * losses[2]) / 4, rel=1e-6)
    fewer = {name: array[[0, 2]] for name, array in arrays.items()}
    assert framework.value(supcon_loss, fewer) < framework.value(supcon_loss, arrays)  # 0: none but the partner


@every_framework
def test_a_masked_partner_is_none(framework: OnNumpy) -> None:
    arrays = {"embeddings": np.eye(3), "labels": np.array([0, 0, 1]), "mask": np.array([True, False, True])}
    assert framework.value(supcon_loss, arrays) == 0


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64"])
@every_framework
def test_labels_are_any_integers(framework: OnNumpy, dtype: str, rng: np.random.Generator) -> None:
    arrays = {"embeddings": rng.normal(size=(4, 3)), "labels": np.array([100, 3, 100, 3])}
    expected = framework.value(supcon_loss, arrays)
    assert framework.value(supcon_loss, arrays | {"labels": arrays["labels"].astype(dtype)}) == expected


# ---- lengths, zeros, NaN (W17) ----


@every_loss
@frameworks_with_gradients
@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e18, 3e37])
def test_length_does_not_count(framework: OnNumpy, name: str, scale: float, rng: np.random.Generator) -> None:
    first, second = rng.normal(size=(2, 4, 3)).astype(np.float32)
    once, scaled = (framework.outcome(fn(name), given(name, s * first, s * second)) for s in (1.0, scale))
    assert float(scaled.value) == pytest.approx(float(once.value), rel=1e-5)
    for gradient in scaled.gradients.values():
        assert not np.isnan(gradient).any()


@every_loss
@frameworks_with_gradients
def test_a_zero_embedding_has_no_gradient(framework: OnNumpy, name: str, rng: np.random.Generator) -> None:
    first, second = rng.normal(size=(2, 4, 3))
    first[1] = second[2] = 0
    found = framework.outcome(fn(name), given(name, first, second))
    assert np.isfinite(found.value)
    gradients = np.concatenate(list(found.gradients.values()))
    assert np.isfinite(gradients).all()
    assert not gradients[[1, 6]].any()
    nothing = framework.outcome(fn(name), given(name, 0 * first, 0 * second))
    assert np.isfinite(nothing.value)
    assert not any(gradient.any() for gradient in nothing.gradients.values())


@frameworks_with_gradients
def test_nan_in_a_query_is_its_own(framework: OnNumpy, rng: np.random.Generator) -> None:
    queries, keys = rng.normal(size=(2, 5, 3))
    queries[2] = np.nan
    for name in ("info_nce_loss", "siglip_loss"):
        for size in (None, 2):
            options = {"reduction": "none", "chunk_size": size}
            found = framework.value(fn(name), given(name, queries, keys) | options)
            assert np.isnan(found).tolist() == [False, False, True, False, False]


@every_loss
@frameworks_with_gradients
def test_nan_in_a_candidate_is_everybodys(framework: OnNumpy, name: str, rng: np.random.Generator) -> None:
    first, second = rng.normal(size=(2, 5, 3))
    second[2, 1] = np.nan
    found = framework.value(fn(name), given(name, first, second) | {"reduction": "none"})
    assert np.isnan(found).all()


# ---- cold, collapsed, nearly certain ----


@every_loss
@frameworks_with_gradients
def test_temperatures_from_cold_to_hot(framework: OnNumpy, name: str, rng: np.random.Generator) -> None:
    """Without a maximum taken away first, MONAI 1.6.1 in float32 is NaN from 0.01 down."""
    first, second = rng.normal(size=(2, 8, 4)).astype(np.float32).astype(float)
    for temperature in (1e-3, 5e-3, 0.05, 1e3):
        arrays = given(name, first, second) | {"temperature": np.array(temperature)}
        found, exact = framework.outcome(fn(name), arrays), TORCH_EXACT.outcome(fn(name), arrays)
        assert float(found.value) == pytest.approx(float(exact.value), rel=5e-4)
        for argument, gradient in found.gradients.items():
            off = np.linalg.norm(gradient - exact.gradients[argument])
            assert off <= 1e-3 * np.linalg.norm(exact.gradients[argument]), argument


@softmax_losses
@frameworks_with_gradients
def test_embeddings_in_one_place_keep_their_gradient(framework: OnNumpy, name: str, rng: np.random.Generator) -> None:
    """All within 10⁻⁴ of each other, where sums of rounded unit vectors would have lost it."""
    centre = rng.normal(size=32)
    first, second = (centre + 1e-4 * rng.normal(size=(2, 64, 32))).astype(np.float32).astype(float)
    arrays = given(name, first, second) | {"temperature": 0.1}
    found, exact = framework.outcome(fn(name), arrays), TORCH_EXACT.outcome(fn(name), arrays)
    for argument, gradient in found.gradients.items():
        off = np.linalg.norm(gradient - exact.gradients[argument])
        assert off <= 1e-3 * np.linalg.norm(exact.gradients[argument]), argument


# ---- trained numbers ----


def test_a_trained_temperature_as_open_clip_trains_it(torch: ModuleType, rng: np.random.Generator) -> None:
    images, texts = (torch.tensor(rng.normal(size=(6, 4))) for _ in range(2))
    scale = torch.tensor(log(1 / 0.07), dtype=torch.float64, requires_grad=True)
    clip_loss(images, texts, temperature=torch.exp(-scale)).backward()
    ours, scale.grad = scale.grad.clone(), None
    normalize, cross_entropy = torch.nn.functional.normalize, torch.nn.functional.cross_entropy
    scores, own = scale.exp() * normalize(images) @ normalize(texts).T, torch.arange(6)
    ((cross_entropy(scores, own) + cross_entropy(scores.T, own)) / 2).backward()
    assert ours.item() == pytest.approx(scale.grad.item(), rel=1e-10)


@pytest.mark.parametrize("chunk_size", [None, 2])
def test_trained_scale_and_bias_of_siglip(torch: ModuleType, chunk_size: int | None, rng: np.random.Generator) -> None:
    images, texts = (torch.tensor(rng.normal(size=(6, 4))) for _ in range(2))
    scale, bias = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (log(10), -10.0))
    siglip_loss(images, texts, temperature=torch.exp(-scale), bias=bias, chunk_size=chunk_size).backward()
    ours = [scale.grad.clone(), bias.grad.clone()]
    scale.grad = bias.grad = None
    normalize = torch.nn.functional.normalize
    scores = scale.exp() * normalize(images) @ normalize(texts).T + bias
    sign = 2 * torch.eye(6, dtype=torch.float64) - 1
    (-torch.nn.functional.logsigmoid(sign * scores).sum() / 6).backward()
    assert [one.item() for one in ours] == pytest.approx([scale.grad.item(), bias.grad.item()], rel=1e-10)


def test_a_face_trains_its_temperature(torch: ModuleType, rng: np.random.Generator) -> None:
    import lossary.torch

    loss = lossary.torch.CLIPLoss(temperature=torch.nn.Parameter(torch.tensor(0.2)))
    images, texts = (torch.tensor(rng.normal(size=(6, 4)), dtype=torch.float32) for _ in range(2))
    loss(images, texts).backward()
    (temperature,) = loss.parameters()
    assert temperature.grad.abs() > 0


# ---- streamed ----


@every_loss
def test_live_memory_is_linear(torch: ModuleType, name: str) -> None:
    """2 048 pairs of 128 features by blocks: at most 64 MB at any moment, where one table alone has 16 or 64."""
    from benchmarks.memory import held

    arrays = given(name, *np.random.default_rng(0).normal(size=(2, 2048, 128)))
    if name == "supcon_loss":
        arrays = {"embeddings": arrays["embeddings"][:2048], "labels": np.arange(2048) // 8}
    inputs = [
        torch.tensor(array, dtype=None if array.dtype.kind == "i" else torch.float32) for array in arrays.values()
    ]
    rows = 4096 if name == "nt_xent_loss" else 2048
    wrt = tuple(i for i, array in enumerate(inputs) if array.is_floating_point())
    assert held(lambda *given: fn(name)(*given, chunk_size=2**20 // rows), inputs, wrt).peak <= 64e6


# ---- errors ----


@paired_losses
@every_framework
def test_shapes(framework: OnNumpy, name: str) -> None:
    first, second = PAIRED[name]
    for shapes in ([(3, 4), (3, 5)], [(3, 4), (2, 4)], [(3, 4), (4,)], [(3, 4), (3, 1)]):
        arrays = {first: np.ones(shapes[0]), second: np.ones(shapes[1])}
        text = f"{name}: expected arrays of one shape; got {first} {shapes[0]}, {second} {shapes[1]}"
        with refused(ValueError, text):
            call(framework, fn(name), arrays)
    for shape in ((4,), (3, 0), (2, 3, 4), ()):
        arrays = {first: np.ones(shape), second: np.ones(shape)}
        text = f"{name}: expected {first} of shape (items, features); got {first} {shape}, {second} {shape}"
        with refused(ValueError, text):
            call(framework, fn(name), arrays)


@every_framework
def test_negatives_of_another_shape(framework: OnNumpy) -> None:
    for shape in ((4,), (3, 5), (2, 3, 4), (3, 2, 5), (1, 3, 2, 4)):
        arrays = given("info_nce_loss", np.ones((3, 4)), np.ones((3, 4))) | {"negatives": np.ones(shape)}
        text = f"info_nce_loss: expected negatives of shape (M, 4) or (3, M, 4); got negatives {shape}"
        with refused(ValueError, text):
            call(framework, info_nce_loss, arrays)
    with refused(TypeError, "info_nce_loss: expected negatives of a floating dtype; got negatives int32"):
        call(framework, info_nce_loss, arrays | {"negatives": np.ones((2, 4), "int32")})


@every_framework
def test_labels(framework: OnNumpy) -> None:
    embeddings = np.ones((3, 4))
    for shape in ((4,), (2,), (3, 1), ()):
        text = f"supcon_loss: expected labels of shape (3,), one per embedding; got embeddings (3, 4), labels {shape}"
        with refused(ValueError, text):
            call(framework, supcon_loss, {"embeddings": embeddings, "labels": np.zeros(shape, int)})
    for dtype in ("bool", "complex64"):
        with refused(TypeError, f"supcon_loss: expected labels of an integer dtype; got labels {dtype}"):
            call(framework, supcon_loss, {"embeddings": embeddings, "labels": np.zeros(3, dtype)})


@every_loss
def test_options(name: str) -> None:
    ones = np.ones((2, 2))
    for value in (0.0, -1.0, float("nan"), float("inf")):
        with refused(ValueError, f"{name}: expected temperature > 0; got temperature {value!r}"):
            fn(name)(**given(name, ones, ones), temperature=value)
    with refused(TypeError, f"{name}: expected temperature to be a number; got temperature '1'"):
        fn(name)(**given(name, ones, ones), temperature="1")
    text = f"{name}: expected temperature to be a number or an array of shape (); got temperature (1,)"
    with refused(ValueError, text):
        fn(name)(**given(name, ones, ones), temperature=np.ones(1))
    for bad in (-1.0, 0.0):
        with refused(ValueError, f"{name}: expected temperature > 0; got temperature {bad:g}"):
            fn(name)(**given(name, ones, ones), temperature=np.array(bad))
        with lossary.checking(False):
            assert np.isnan(fn(name)(**given(name, ones, ones), temperature=np.array(bad)))


@pytest.mark.parametrize("bad", [-1.0, 0.0, float("nan")])
def test_a_bad_temperature_is_poison_where_nobody_can_look(jax: ModuleType, bad: float) -> None:
    ones = jax.numpy.ones((2, 2))
    loss = jax.jit(lambda temperature: info_nce_loss(ones, ones, temperature=temperature))
    assert np.isnan(loss(bad))


def test_bias() -> None:
    ones = np.ones((2, 2))
    for value in (float("nan"), float("inf")):
        with refused(ValueError, f"siglip_loss: expected bias to be finite; got bias {value!r}"):
            siglip_loss(ones, ones, bias=value)
    with refused(ValueError, "siglip_loss: expected bias to be a number or an array of shape (); got bias (2,)"):
        siglip_loss(ones, ones, bias=np.ones(2))
