"""The seam's operations on points, tables of pairs and images: one meaning on every framework, gradients included."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from lossary._core.backends import namespace
from lossary._core.backends.composed import class_overlap_by_parts
from lossary.streaming.pairs import over_rows
from tests.support.frameworks import NUMPY, TORCH_F64, OnNumpy, every_framework, frameworks_with_gradients
from tests.support.memory import kept

Operation = Callable[..., Any]  # (xp, **arrays)


def apply(operation: Operation) -> Callable[..., Any]:
    """The operation as a function of its arrays alone."""
    return lambda **arrays: operation(namespace("seam", **arrays), **arrays)


def points(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape)


# ---- norms, roots and logarithms at their kinks ----

KINKS: dict[str, tuple[Operation, np.ndarray, list[Any], list[Any]]] = {
    "sqrt": (lambda xp, x: xp.sqrt(x), np.array([0.0, 4.0]), [0, 2], [0, 0.25]),
    "norm": (
        lambda xp, x: xp.norm(x, axis=-1),
        np.array([[0.0, 0.0], [3.0, 4.0], [3e30, 4e30], [3e-30, 4e-30]]),
        [0, 5, 5e30, 5e-30],
        [[0, 0]] + [[0.6, 0.8]] * 3,
    ),
    "unit": (
        lambda xp, x: xp.unit(x, axis=-1)[..., 0],
        np.array([[0.0, 0.0], [3.0, 4.0], [3e30, 4e30]]),
        [0, 0.6, 0.6],
        [[0, 0], [0.128, -0.096], [1.28e-31, -0.96e-31]],  # (1 − 0.36) / 5, −0.48 / 5
    ),
    "logsumexp": (
        lambda xp, x: xp.logsumexp(x, axis=-1),
        np.array([[-inf, -inf], [0.0, -inf], [1000.0, 1000.0]]),
        [-inf, 0, 1000 + np.log(2)],
        [[0, 0], [1, 0], [0.5, 0.5]],
    ),
}


@pytest.mark.parametrize(("operation", "x", "value", "gradient"), KINKS.values(), ids=KINKS)
@every_framework
def test_kinks(framework: OnNumpy, operation: Operation, x: np.ndarray, value: Any, gradient: Any) -> None:
    found = framework.outcome(apply(operation), {"x": x})
    np.testing.assert_allclose(found.value, value, rtol=1e-6)
    if found.gradients:
        np.testing.assert_allclose(found.gradients["x"], gradient, rtol=1e-6, atol=1e-37)


@every_framework
def test_split(framework: OnNumpy, rng: np.random.Generator) -> None:
    x = points(rng, 2, 5)
    for axis, count in ((0, 1), (1, 2), (-1, 5), (-1, 0)):
        for part, expected in enumerate(np.split(x, [count], axis)):
            found = framework.value(apply(lambda xp, x, c=count, a=axis, p=part: xp.split(x, c, axis=a)[p]), {"x": x})
            np.testing.assert_allclose(found, expected, rtol=1e-6)


# ---- distances ----


@pytest.mark.parametrize("squared", [False, True], ids=["distances", "squares"])
@every_framework
def test_distances(framework: OnNumpy, squared: bool, rng: np.random.Generator) -> None:
    x, y = points(rng, 2, 7, 3), points(rng, 2, 5, 3)
    y[:, 0] = x[:, 0]
    kind = "sqeuclidean" if squared else "euclidean"
    expected = np.stack([cdist(a, b, kind) for a, b in zip(x, y, strict=True)])
    found = framework.outcome(apply(lambda xp, x, y: xp.distances(x, y, squared=squared)), {"x": x, "y": y})
    np.testing.assert_allclose(found.value, expected, rtol=1e-6)
    assert not found.value[:, 0, 0].any()
    if found.gradients:  # of Σ distances: towards the other point, and nothing at equal points
        gap = x[:, :, None] - y[:, None]
        slopes = 2 * gap if squared else gap / np.where(expected == 0, 1, expected)[..., None]
        np.testing.assert_allclose(found.gradients["x"], slopes.sum(2), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found.gradients["y"], -slopes.sum(1), rtol=1e-5, atol=1e-5)


@every_framework
def test_distances_far_from_the_origin(framework: OnNumpy) -> None:
    """|x|² + |y|² − 2x·y would have lost them."""
    x = 1024.0 + np.arange(6.0).reshape(3, 2) / 1024
    found = framework.value(apply(lambda xp, x, y: xp.distances(x, y)), {"x": x, "y": x[::-1].copy()})
    np.testing.assert_allclose(found, cdist(x, x[::-1]), rtol=1e-6)


@pytest.mark.parametrize("size", [1e-30, 1e30])
@every_framework
def test_distances_of_any_size(framework: OnNumpy, size: float, rng: np.random.Generator) -> None:
    x, y = points(rng, 4, 3), points(rng, 4, 3)
    arrays = {"x": (size * x).astype(np.float32), "y": (size * y).astype(np.float32)}
    found = framework.outcome(apply(lambda xp, x, y: xp.distances(x, y)), arrays)
    np.testing.assert_allclose(found.value, size * cdist(x, y), rtol=1e-5)
    for gradient in found.gradients.values():
        assert np.isfinite(gradient).all()
        assert gradient.any()


@pytest.mark.parametrize("squared", [False, True], ids=["distances", "squares"])
@pytest.mark.parametrize("offset", [0.0, 1e4], ids=["near", "far"])
@every_framework
def test_distances_in_many_dimensions(
    framework: OnNumpy, squared: bool, offset: float, rng: np.random.Generator
) -> None:
    """Of points that are equal, nearly equal and apart, and of one that is far from all others."""
    x, y = ((points(rng, n, 40) + offset).astype(np.float32) for n in (30, 20))
    y[0], y[1], x[1] = x[0], x[2] + np.float32(1e-4), 1e3
    pulls = points(rng, 30, 20).astype(np.float32)
    expected = cdist(x.astype(float), y.astype(float), "sqeuclidean" if squared else "euclidean")
    function = apply(lambda xp, x, y, pulls: xp.sum(pulls * xp.distances(x, y, squared=squared), axis=None))
    found = framework.outcome(function, {"x": x, "y": y, "pulls": pulls})
    table = framework.value(apply(lambda xp, x, y: xp.distances(x, y, squared=squared)), {"x": x, "y": y})
    np.testing.assert_allclose(table, expected, rtol=2e-6)
    assert table[0, 0] == 0
    if found.gradients:
        gap = x[:, None].astype(float) - y
        slopes = pulls[..., None] * (2 * gap if squared else gap / np.where(expected == 0, 1, expected)[..., None])
        for name, gradient in (("x", slopes.sum(1)), ("y", -slopes.sum(0))):
            np.testing.assert_allclose(found.gradients[name], gradient, rtol=1e-5, atol=2e-6 * np.abs(gradient).max())


@pytest.mark.parametrize("features", [9, 64, 1000])
@pytest.mark.parametrize("spread", [1.0, 0.3, 0.003], ids=["one cloud", "two clouds", "two points"])
@every_framework
def test_distances_keep_their_digits_and_no_bias(
    framework: OnNumpy, spread: float, features: int, rng: np.random.Generator
) -> None:
    """Products in float32 have them where points lie apart, in float64 where they do not; a bias would add up."""
    x, y = (spread * points(rng, n, features) for n in (60, 120))
    x[:30] += 1 - spread
    y[30:60] += 1 - spread
    arrays = {"x": x.astype(np.float32), "y": y.astype(np.float32)}
    found = framework.outcome(apply(lambda xp, x, y: xp.distances(x, y)), arrays)
    exact = cdist(arrays["x"].astype(float), arrays["y"].astype(float))
    wrong = (found.value - exact) / exact
    assert np.abs(wrong).max() <= 1e-6
    assert abs(wrong.mean()) <= 1e-8
    if found.gradients:
        gap = arrays["x"][:, None].astype(float) - arrays["y"]
        slopes = gap / exact[..., None]
        for name, axis in (("x", 1), ("y", 0)):
            most = np.abs(slopes).sum(axis).max()
            np.testing.assert_allclose(found.gradients[name], (1 - 2 * axis) * -slopes.sum(axis), atol=1e-6 * most)


def test_distances_have_two_derivatives(torch: ModuleType, rng: np.random.Generator) -> None:
    leaves = list(TORCH_F64.leaves({"x": points(rng, 4, 3), "y": points(rng, 5, 3)}).values())
    xp = namespace("seam", x=leaves[0])
    for squared in (False, True):
        assert torch.autograd.gradcheck(lambda x, y, s=squared: xp.distances(x, y, squared=s), leaves)
        assert torch.autograd.gradgradcheck(lambda x, y, s=squared: xp.distances(x, y, squared=s), leaves)


# ---- blocks of rows ----


def attention(xp: Any, chunk: Any, **arrays: Any) -> Any:
    """Per row of x: a logsumexp over y, twice, and where it is smallest."""

    def rows(x: Any, number: Any, y: Any) -> Any:
        scores = xp.matmul(x, xp.moveaxis(y, -1, -2)) + number[..., None]
        return xp.logsumexp(scores, axis=-1) ** 2, xp.argmin(scores, axis=-1)

    x, y = arrays["x"], arrays["y"]
    axis = len(x.shape) - 2
    number = xp.sum(0 * x, axis=-1) + xp.astype(xp.positions(x[..., 0], axis=-1), x)
    return over_rows("seam", xp, rows, (x, number), (y,), entries=y.shape[-2], chunk_size=chunk, axis=axis)


@pytest.mark.parametrize("batch", [(), (2,)], ids=["rows", "batches"])
@pytest.mark.parametrize("chunk", [None, 1, 2, 3, 6, 7, 8, "auto"])
@every_framework
def test_blocks_do_not_show(framework: OnNumpy, chunk: Any, batch: tuple[int, ...], rng: np.random.Generator) -> None:
    arrays = {"x": points(rng, *batch, 7, 3), "y": points(rng, *batch, 5, 3)}
    scores = arrays["x"] @ np.swapaxes(arrays["y"], -1, -2) + np.arange(7)[:, None]
    found = framework.outcome(apply(lambda xp, **kw: attention(xp, chunk, **kw)[0]), arrays)
    np.testing.assert_allclose(found.value, logsumexp(scores, axis=-1) ** 2, rtol=1e-5)
    lowest = framework.value(apply(lambda xp, **kw: attention(xp, chunk, **kw)[1]), arrays)
    assert lowest.tolist() == scores.argmin(-1).tolist()
    dense = framework.outcome(apply(lambda xp, **kw: attention(xp, None, **kw)[0]), arrays)
    for name, gradient in found.gradients.items():
        np.testing.assert_allclose(gradient, dense.gradients[name], rtol=1e-5, atol=1e-5)


def rows_of(chunk: Any) -> Callable[..., Any]:
    return lambda x, y: attention(namespace("seam", x=x), chunk, x=x, y=y)[0]


def test_blocks_have_two_derivatives(torch: ModuleType, rng: np.random.Generator) -> None:
    leaves = list(TORCH_F64.leaves({"x": points(rng, 5, 2), "y": points(rng, 4, 2)}).values())
    assert torch.autograd.gradcheck(rows_of(2), leaves)
    assert torch.autograd.gradgradcheck(rows_of(2), leaves)


def test_blocks_in_other_modes(torch: ModuleType, rng: np.random.Generator) -> None:
    x, y = TORCH_F64.leaves({"x": points(rng, 5, 2), "y": points(rng, 4, 2)}).values()
    expected = rows_of(None)(x, y)
    gradients = torch.autograd.grad(expected.sum(), (x, y))
    compiled = torch.compile(rows_of(2), fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(torch.autograd.grad(compiled(x, y).sum(), (x, y)), gradients)
    mapped = torch.func.vmap(lambda x: rows_of(2)(x, y))(torch.stack([x, x]))
    torch.testing.assert_close(mapped[1], expected)
    found = torch.func.grad(lambda x, y: rows_of(2)(x, y).sum(), (0, 1))(x.detach(), y.detach())
    torch.testing.assert_close(found, gradients)


def test_blocks_are_not_kept(torch: ModuleType, rng: np.random.Generator) -> None:
    arrays = {"x": points(rng, 256, 2), "y": points(rng, 256, 2)}
    table = 256 * 256 * 8
    leaves = list(TORCH_F64.leaves(arrays).values())
    assert kept(torch, rows_of(16), *leaves) < table / 10
    assert kept(torch, rows_of(None), *leaves) > table


def test_jax_keeps_no_table(jax: ModuleType, rng: np.random.Generator) -> None:
    arrays = [points(rng, 512, 2).astype(np.float32) for _ in range(2)]

    def peak(chunk: Any) -> int:
        total = jax.jit(jax.grad(lambda x, y: rows_of(chunk)(x, y).sum(), (0, 1)))
        return total.lower(*arrays).compile().memory_analysis().temp_size_in_bytes

    assert peak(16) < 512 * 512 * 4 / 4
    assert peak(None) >= 512 * 512 * 4


# ---- totals of blocks, with gradients taken on the way ----


def total_of(xp: Any, chunk: Any, **arrays: Any) -> Any:
    """Σ (logsumexp of a row of x over y + its place)², of places that are integers."""

    def rows(x: Any, place: Any, y: Any) -> Any:
        return (xp.logsumexp(xp.matmul(x, y.T), axis=-1) + xp.astype(place, x)) ** 2

    x, y = arrays["x"], arrays["y"]
    place = xp.squeeze(xp.positions(x, axis=0), axis=1)
    return xp.total_by_rows(rows, (x, place), (y,), chunk_size=chunk)


@pytest.mark.parametrize("chunk", [1, 2, 3, 6, 7, 8])
@every_framework
def test_totals_of_blocks_are_totals(framework: OnNumpy, chunk: int, rng: np.random.Generator) -> None:
    arrays = {"x": points(rng, 7, 3), "y": points(rng, 5, 3)}
    expected = np.sum((logsumexp(arrays["x"] @ arrays["y"].T, axis=-1) + np.arange(7)) ** 2)
    found = framework.outcome(apply(lambda xp, **kw: total_of(xp, chunk, **kw)), arrays)
    np.testing.assert_allclose(found.value, expected, rtol=1e-5)
    dense = framework.outcome(apply(lambda xp, **kw: total_of(xp, None, **kw)), arrays)
    for name, gradient in found.gradients.items():
        np.testing.assert_allclose(gradient, dense.gradients[name], rtol=1e-5, atol=1e-4)


def test_totals_of_blocks_have_two_derivatives(torch: ModuleType, rng: np.random.Generator) -> None:
    leaves = list(TORCH_F64.leaves({"x": points(rng, 5, 2), "y": points(rng, 4, 2)}).values())

    def total(x: Any, y: Any) -> Any:
        return total_of(namespace("seam", x=x), 2, x=x, y=y)

    assert torch.autograd.gradcheck(total, leaves)
    assert torch.autograd.gradgradcheck(total, leaves)


def test_totals_of_blocks_in_every_mode_of_jax(jax: ModuleType, rng: np.random.Generator) -> None:
    x, y, step = (jax.numpy.asarray(points(rng, 5, 2)) for _ in range(3))

    def modes(chunk: Any) -> Any:
        def total(x: Any, y: Any) -> Any:
            return total_of(namespace("seam", x=x), chunk, x=x, y=y)

        pushed = jax.jvp(lambda x: total(x, y), (x,), (step,))[1]
        bent = jax.jvp(jax.grad(total), (x, y), (step, step))[1]
        return (
            pushed,
            bent,
            jax.hessian(total, 1)(x, y),
            jax.vmap(jax.grad(total, 1), (0, None))(jax.numpy.stack([x, y]), y),
        )

    found, dense = (jax.jit(lambda chunk=chunk: modes(chunk))() for chunk in (2, None))
    for one, other in zip(found, dense, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


# ---- one entry of each row ----


@every_framework
def test_values_are_put_along_an_axis(framework: OnNumpy, rng: np.random.Generator) -> None:
    x, new, place = points(rng, 3, 4), points(rng, 3, 1), np.array([[2], [0], [3]])
    expected = x.copy()
    np.put_along_axis(expected, place, new, axis=1)
    put = apply(lambda xp, x, new, place: xp.put_along_axis(x, place, new, axis=1))
    found = framework.outcome(put, {"x": x, "new": new, "place": place})
    np.testing.assert_allclose(found.value, expected, rtol=1e-6)
    if found.gradients:
        assert found.gradients["x"].tolist() == (expected == x).astype(float).tolist()
        assert found.gradients["new"].tolist() == [[1.0]] * 3


# ---- the overlap of classes ----

OVERLAPS = [
    pytest.param(per_example, weighted, entropy, id=f"{per_example}-{weighted}-{entropy}")
    for per_example in (False, True)
    for weighted in (False, True)
    for entropy in (False, True)
]


@pytest.mark.parametrize(("per_example", "weighted", "entropy"), OVERLAPS)
def test_stored_overlap_is_the_composed_one(
    torch: ModuleType, per_example: bool, weighted: bool, entropy: bool, rng: np.random.Generator
) -> None:
    """Confident pixels too, right ones and wrong ones: a gradient beside 1 keeps its digits."""
    logits, index = points(rng, 2, 3, 5), rng.integers(0, 3, (2, 5))
    logits[0, :, 0], index[0, 0] = (30.0, 0.0, 5.0), 0
    logits[1, :, 1], index[1, 1] = (0.0, 25.0, 3.0), 2
    logits[0, :, 2], index[0, 2] = (0.0, -200.0, 3.0), 1
    leaf = torch.tensor(logits, requires_grad=True)
    labels, factor = torch.tensor(index), torch.rand(2, 5, dtype=torch.float64) if weighted else None
    options = {"per_example": per_example, "entropy": entropy}
    xp = namespace("seam", x=leaf)
    pulls = [torch.rand(2, 5, dtype=torch.float64)] if entropy else []
    pulls += [torch.rand(2, 3, dtype=torch.float64) if per_example else torch.rand(3).double() for _ in range(3)]

    def of(function: Callable[..., Any]) -> Any:
        parts = [part for part in function(leaf) if part is not None]
        return parts, *torch.autograd.grad(parts, leaf, pulls)

    found = of(lambda x: xp.class_overlap(x, labels, factor, axis=1, **options))
    composed = of(lambda x: class_overlap_by_parts(xp, x, labels, factor, axis=1, **options))
    for one, other in zip((*found[0], found[1]), (*composed[0], composed[1]), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=0)
    assert torch.autograd.gradgradcheck(
        lambda x: [part for part in xp.class_overlap(x, labels, factor, axis=1, **options) if part is not None],
        torch.tensor(points(rng, 2, 3, 5), requires_grad=True),
    )


# ---- images ----


@every_framework
def test_padding_by_unequal_widths(framework: OnNumpy) -> None:
    x = np.arange(6.0).reshape(1, 2, 3)
    found = framework.value(apply(lambda xp, x: xp.pad(x, [(0, 0), (1, 0), (0, 2)], mode="reflect")), {"x": x})
    assert found.tolist() == np.pad(x, [(0, 0), (1, 0), (0, 2)], mode="reflect").tolist()


@pytest.mark.parametrize("size", [1, 2, 3])
@every_framework
def test_reflections_wider_than_the_image(framework: OnNumpy, size: int) -> None:
    x = np.arange(float(size)).reshape(1, size)
    found = framework.value(apply(lambda xp, x: xp.pad(x, [(0, 0), (5, 6)], mode="reflect")), {"x": x})
    assert found.tolist() == np.pad(x, [(0, 0), (5, 6)], mode="reflect").tolist()


SHARES = (0.1, 0.2, 0.4, 0.2, 0.1)


def mixtures(means: np.ndarray, variances: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of every five neighbours along axis 1, by their definition."""
    neighbours = np.lib.stride_tricks.sliding_window_view(means, 5, axis=1)
    mean = neighbours @ SHARES
    within = np.lib.stride_tricks.sliding_window_view(np.broadcast_to(variances, means.shape), 5, axis=1)
    return mean, ((neighbours - mean[..., None]) ** 2 + within) @ SHARES


@pytest.mark.parametrize("offset", [0.0, 1024.0])
@every_framework
def test_moments_of_windows(framework: OnNumpy, offset: float, rng: np.random.Generator) -> None:
    """Far from 0 too, where the mean square less the squared mean would have lost them."""
    x, y = (array.astype(np.float32).astype(float) for array in (points(rng, 2, 9, 3) + offset, points(rng, 2, 9, 3)))
    kwargs = {"x": x, "y": y * y}
    expected = mixtures(x, kwargs["y"])

    def weighed(xp: Any, x: Any, y: Any) -> Any:
        mean, variance = xp.window_moments(x, y, SHARES, axis=1)
        return mean + 2 * variance

    found = framework.outcome(apply(weighed), kwargs)
    np.testing.assert_allclose(found.value, expected[0] + 2 * expected[1], rtol=1e-6)
    alone = framework.value(apply(lambda xp, x: xp.window_moments(x, None, SHARES, axis=1)[1]), {"x": x})
    np.testing.assert_allclose(alone, mixtures(x, 0.0)[1], rtol=2e-6)
    if found.gradients:
        to_x, to_y = np.zeros_like(x), np.zeros_like(x)
        for k, share in enumerate(SHARES):
            to_x[:, k : k + 5] += share * (1 + 4 * (x[:, k : k + 5] - expected[0]))
            to_y[:, k : k + 5] += 2 * share
        np.testing.assert_allclose(found.gradients["x"], to_x, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found.gradients["y"], to_y, rtol=1e-5)


def test_moments_of_windows_have_two_derivatives(torch: ModuleType, rng: np.random.Generator) -> None:
    leaves = list(TORCH_F64.leaves({"x": points(rng, 2, 8), "y": points(rng, 2, 8)}).values())
    xp = namespace("seam", x=leaves[0])
    for moments in (
        lambda x, y: xp.window_moments(x, y, SHARES, axis=1),
        lambda x, _: xp.window_moments(x, None, SHARES, axis=1),
    ):
        assert torch.autograd.gradcheck(moments, leaves)
        assert torch.autograd.gradgradcheck(moments, leaves)


# ---- the rest ----

OTHERS: dict[str, tuple[Operation, Callable[[np.ndarray], Any]]] = {
    "argsort": (lambda xp, x: xp.argsort(xp.abs(x), axis=0), lambda x: np.argsort(abs(x), axis=0, kind="stable")),
    "cumulative sum": (lambda xp, x: xp.cumulative_sum(x, axis=1), lambda x: np.cumsum(x, axis=1)),
    "searchsorted": (
        lambda xp, x: xp.searchsorted(xp.sort(x, axis=-1), x[:, :2], right=True),
        lambda x: np.stack([np.searchsorted(np.sort(row), row[:2], "right") for row in x]),
    ),
    "segment sum": (
        lambda xp, x: xp.segment_sum(x, xp.positions(x, axis=0)[:, 0] // 2, 3),
        lambda x: np.stack([x[:2].sum(0), x[2:4].sum(0), x[4:].sum(0)]),
    ),
    "softmax": (lambda xp, x: xp.softmax(x, axis=1), lambda x: np.exp(x - logsumexp(x, axis=1, keepdims=True))),
    "iterate": (lambda xp, x: xp.iterate(lambda state: 0.5 * state + 1, x, 3), lambda x: x / 8 + 1.75),
}


@pytest.mark.parametrize(("operation", "expected"), OTHERS.values(), ids=OTHERS)
@every_framework
def test_operation(
    framework: OnNumpy, operation: Operation, expected: Callable[[np.ndarray], Any], rng: np.random.Generator
) -> None:
    x = np.round(4 * points(rng, 5, 4)) / 4  # with ties
    np.testing.assert_allclose(framework.value(apply(operation), {"x": x}), expected(x), rtol=1e-6)


@frameworks_with_gradients
def test_gradient_of_a_gradient(framework: OnNumpy) -> None:
    """Σ (∂ Σ x³ / ∂x)² = Σ 9x⁴, whose own gradient is 36x³."""
    found = framework.outcome(apply(lambda xp, x: xp.gradient(lambda x: x**3, x) ** 2), {"x": np.array([1.0, 2.0])})
    assert found.value.tolist() == [9.0, 144.0]
    assert found.gradients["x"].tolist() == [36.0, 288.0]


def test_numpy_has_no_gradient() -> None:
    with pytest.raises(TypeError, match="expected torch or JAX arrays"):
        NUMPY.value(apply(lambda xp, x: xp.gradient(lambda x: x, x)), {"x": np.ones(2)})


def test_keys_draw_the_same_again(torch: ModuleType, jax: ModuleType) -> None:
    keys: list[tuple[Any, Callable[[], Any]]] = [
        (np.zeros(1), lambda: np.random.default_rng(0)),
        (torch.zeros(1), lambda: torch.Generator().manual_seed(0)),
        (jax.numpy.zeros(1), lambda: jax.random.key(0)),
    ]
    for like, key in keys:
        xp = namespace("seam", like=like)
        once, again = (np.asarray(xp.normal(key(), (1000,), like)) for _ in range(2))
        assert once.tolist() == again.tolist()
        assert abs(once.std() - 1) < 0.1
        level = np.asarray(xp.uniform(key(), (1000,), like))
        assert (level >= 0).all()
        assert (level < 1).all()
