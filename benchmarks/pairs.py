"""Losses over all pairs and over large vocabularies: time and memory of a training step."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import torch
import torch.nn.functional as F
from scipy.spatial import KDTree
from torch import Tensor

import lossary

from . import arrays
from .limits import flops_per_second
from .question import Scale
from .sized import Sized, in_jax, in_torch, sized

FULL = 4_000_000  # items of the full scale, of which the sizes here are a share


def cases(scale: Scale) -> Iterator[Sized]:
    size = partial(_at, scale)
    yield from _nt_xent(size(2_048), size(16_384))
    yield from _peers_of_nt_xent(size(256), size(2_048))
    yield from _image_and_text(size(32_768))
    yield from _triplets(size(2_048), size(768))
    yield from _samples(size(4_096), size(20_000))
    yield from _clouds(size(100_000), size(20_000))
    yield from _features(8 if scale.items < FULL else 80)
    yield _vocabulary(size(4_096), size(50_000))


def _at(scale: Scale, n: int) -> int:
    return max(16, n * scale.items // FULL) if scale.items < FULL else n


def _products(count: int, rows: int, columns: int, features: int) -> float:
    """Seconds that so many matrix products take at this machine's rate."""
    return count * 2.0 * rows * columns * features / flops_per_second()


# ---- contrastive ----


def _dense_nt_xent(z_i: Tensor, z_j: Tensor) -> Tensor:
    views = F.normalize(torch.cat([z_i, z_j]), dim=1)
    table = (views @ views.T / 0.5).masked_fill(torch.eye(len(views), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(table, torch.arange(len(views)).roll(len(z_i)))


def _dense_nt_xent_jax(z_i: Any, z_j: Any) -> Any:
    return lossary.nt_xent_loss(z_i, z_j, chunk_size=None)


def _three_products(z_i: Tensor, z_j: Tensor) -> Tensor:
    """The table and the two products of its gradient, block by block, and nothing else."""
    return _Products.apply(torch.cat([z_i, z_j]))  # type: ignore[no-untyped-call, no-any-return]


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, views: Tensor) -> Tensor:
        ctx.save_for_backward(views)
        ctx.gradient = torch.empty_like(views)
        total = torch.zeros_like(views)
        for start in range(0, len(views), 256):
            rows = slice(start, start + 256)
            table = views[rows] @ views.T
            torch.mm(table, views, out=ctx.gradient[rows])
            total += table.T @ views[rows]
        ctx.gradient += total
        return views.new_zeros(())

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        return grad * ctx.gradient


def _nt_xent(small: int, large: int) -> Iterator[Sized]:
    views = [arrays.normal((small, 128), seed) for seed in (0, 1)]
    many = [arrays.normal((large, 128), seed) for seed in (0, 1)]
    products = partial(_products, 3, features=128)
    yield in_torch(
        "nt_xent", lossary.nt_xent_loss, views,
        against="dense formula", theirs=_dense_nt_xent, target=0.7, most=64.0, limit=products(2 * small, 2 * small),
    )  # fmt: skip
    yield in_jax(
        "nt_xent", lossary.nt_xent_loss, views,
        against="ours, dense", theirs=_dense_nt_xent_jax, target=1.1, most=64.0, limit=products(2 * small, 2 * small),
    )  # fmt: skip
    yield in_torch(
        "nt_xent", lossary.nt_xent_loss, many,
        against="its three products", equal=False, theirs=_three_products, target=1.3, most=300.0,
        limit=products(2 * large, 2 * large),
    )  # fmt: skip


def _pml_nt_xent(z_i: Tensor, z_j: Tensor) -> Tensor:
    from pytorch_metric_learning.losses import NTXentLoss

    return NTXentLoss(temperature=0.5)(torch.cat([z_i, z_j]), torch.arange(len(z_i)).repeat(2))  # type: ignore[no-any-return]


def _optax_nt_xent(z_i: Any, z_j: Any) -> Any:
    return optax.ntxent(jnp.concatenate([z_i, z_j]), jnp.tile(jnp.arange(len(z_i)), 2), temperature=0.5)


def _peers_of_nt_xent(few: int, many: int) -> Iterator[Sized]:
    """pytorch-metric-learning lists every triplet: n³ numbers, 64 GiB at 2,048 pairs."""
    views = [arrays.normal((few, 128), seed) for seed in (0, 1)]
    yield in_torch(
        "nt_xent",
        lossary.nt_xent_loss,
        views,
        against="pytorch-metric-learning",
        theirs=_pml_nt_xent,
        target=1.0,
        slow=True,
    )
    views = [arrays.normal((many, 128), seed) for seed in (0, 1)]
    yield in_jax("nt_xent", lossary.nt_xent_loss, views, against="optax", theirs=_optax_nt_xent, target=1.0, slow=True)


def _image_and_text(n: int) -> Iterator[Sized]:
    both = [arrays.normal((n, 64), seed) for seed in (0, 1)]
    yield in_torch("clip", lossary.clip_loss, both, most=300.0, limit=_products(6, n, n, 64))
    yield in_torch("siglip", lossary.siglip_loss, both, most=300.0, limit=_products(3, n, n, 64))


# ---- triplets ----


def _enumerated(embeddings: Tensor, labels: Tensor) -> Tensor:
    distances = torch.cdist(embeddings, embeddings)
    same = labels[:, None] == labels
    positive = same & ~torch.eye(len(labels), dtype=torch.bool)
    valid = positive[:, :, None] & ~same[:, None, :]
    losses = (distances[:, :, None] - distances[:, None, :] + 1.0).clamp(min=0) * valid
    return losses.sum() / (losses > 0).sum()


def _triplets(large: int, small: int) -> Iterator[Sized]:
    def of(n: int) -> tuple[list[arrays.Array], Tensor]:
        return [arrays.normal((n, 128))], torch.arange(n) % max(2, n // 8)

    loss = partial(lossary.online_triplet_loss, mining="all")
    leaves, labels = of(small)
    yield in_torch(
        "online_triplet all", loss, leaves, labels, against="every triplet", theirs=_enumerated, target=0.02, slow=True
    )
    leaves, labels = of(large)
    yield in_torch("online_triplet all", loss, leaves, labels, most=200.0, slow=True)


# ---- samples ----

BANDWIDTHS = (4.0, 8.0, 16.0, 32.0, 64.0)


def _squares(x: Tensor, y: Tensor) -> Tensor:
    """By a matrix product, which loses the digits of distances that are small beside the coordinates."""
    return (x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T).clamp(min=0)


def _mmd_by_products(x: Tensor, y: Tensor) -> Tensor:
    def kernel(a: Tensor, b: Tensor) -> Tensor:
        squares = _squares(a, b)
        return sum((torch.exp(squares * (-0.5 / sigma**2)) for sigma in BANDWIDTHS), torch.zeros(())).mean()

    return kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)


def _energy_by_products(x: Tensor, y: Tensor) -> Tensor:
    def mean(a: Tensor, b: Tensor) -> Tensor:
        return (_squares(a, b) + 1e-12).sqrt().mean()

    return 2 * mean(x, y) - mean(x, x) - mean(y, y)


def _geomloss_energy(x: Tensor, y: Tensor) -> Tensor:
    from geomloss import SamplesLoss

    return 2 * SamplesLoss("energy", backend="tensorized")(x, y)  # type: ignore[no-any-return]


def _samples(small: int, large: int) -> Iterator[Sized]:
    few, many = ([arrays.normal((n, 64), seed) for seed in (0, 1)] for n in (small, large))
    mmd = partial(lossary.maximum_mean_discrepancy, kernel_bandwidth=BANDWIDTHS, squared=True)
    for name, loss, theirs in (
        ("mmd, 5 bandwidths", mmd, _mmd_by_products),
        ("energy_distance", partial(lossary.energy_distance, squared=True), _energy_by_products),
    ):
        equal = theirs is not _energy_by_products  # whose gradient at the distances of 0 is made of rounding
        yield in_torch(name, loss, few, against="matrix products", theirs=theirs, target=1.5, slow=True, equal=equal)
        yield in_torch(name, loss, many, most=300.0, slow=True)
        yield in_jax(name, loss, few, most=300.0, slow=True)
    yield in_torch(
        "energy_distance", loss, few, against="geomloss", theirs=_geomloss_energy, target=1.0, slow=True, equal=False
    )


# ---- clouds ----


def _two_queries(x: Tensor, y: Tensor) -> Tensor:
    a, b = x.detach().numpy(), y.detach().numpy()
    KDTree(b).query(a)
    KDTree(a).query(b)
    return (x.sum() + y.sum()) * 0.0


def _clouds(large: int, less: int) -> Iterator[Sized]:
    def of(n: int) -> list[arrays.Array]:
        return [np.random.default_rng(seed).random((n, 3), np.float32) for seed in (0, 1)]

    yield in_torch(
        "chamfer", lossary.chamfer_distance, of(large),
        against="two k-d tree queries", equal=False, theirs=_two_queries, target=2.0, most=60.0, slow=True,
    )  # fmt: skip
    yield in_jax("chamfer", lossary.chamfer_distance, of(less), most=300.0, slow=True)


# ---- features ----


def _features(side: int) -> Iterator[Sized]:
    """One map of 64 features against another, all positions of both."""
    loss = partial(lossary.contextual_loss, max_samples=None)
    yield in_torch(
        "contextual", loss, [arrays.normal((1, 64, side, side), seed) for seed in (0, 1)],
        against="ours, dense", theirs=partial(loss, chunk_size=None), target=1.1, most=300.0, slow=True,
    )  # fmt: skip


# ---- vocabulary ----


def _vocabulary(tokens: int, words: int) -> Sized:
    def unfused(features: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(features @ weight.T, labels)

    leaves = [arrays.normal((tokens, 512), 0, 1.0), arrays.normal((words, 512), 1, 0.05)]
    labels = torch.from_numpy(np.random.default_rng(2).integers(0, words, tokens))
    return in_torch(
        "linear_cross_entropy", lossary.linear_cross_entropy_loss, leaves, labels,
        against="logits, cross entropy", theirs=unfused, target=1.15, most=0.25 * tokens * words * 4 / 2**20,
        limit=_products(3, tokens, words, 512), shape=(tokens, 512, words),
    )  # fmt: skip


QUESTION = sized(
    "pairs",
    "Losses over all pairs, and over a vocabulary: time and memory of a training step",
    "Forward and backward, with the library's defaults. *peak*: the most that was allocated at any moment, less\n"
    "inputs and gradients (PyTorch: every allocation and release, by `torch.profiler`; JAX: XLA's temporary buffers).\n"
    "*limit*: the floating-point operations of the matrix products that the formula needs, at the rate that this\n"
    "machine reaches in a product of 2,048 × 2,048 (`benchmarks/limits.py`).",
    cases,
)
