"""Distances between distributions, against the libraries that people take for them: time and memory of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

import lossary

from . import arrays
from .question import Scale
from .sized import Sized, in_jax, in_torch, sized

FULL = 4_000_000  # items of the full scale, of which the sizes here are a share
EPSILON = 0.5
ITERATIONS = 100


def cases(scale: Scale) -> Iterator[Sized]:
    def size(n: int) -> int:
        return max(16, n * scale.items // FULL) if scale.items < FULL else n

    yield from _moved(size(2_048))
    yield from _sorted(size(1_000_000), size(10_000))
    yield from _probabilities(size(400_000))
    yield from _kernels(size(20_000))


def _clouds(n: int, d: int) -> list[arrays.Array]:
    return [arrays.normal((n, d), seed) + np.float32(seed) for seed in (0, 1)]


# ---- transport ----


def _geomloss(x: Tensor, y: Tensor) -> Tensor:
    from geomloss import SamplesLoss

    blur = (EPSILON / 2) ** 0.5  # our cost is not halved
    return 2 * SamplesLoss("sinkhorn", p=2, blur=blur, scaling=0.95, backend="tensorized")(x, y)  # type: ignore[no-any-return]


def _ott(x: Any, y: Any) -> Any:
    from ott.geometry.pointcloud import PointCloud
    from ott.tools.sinkhorn_divergence import sinkhorn_divergence

    exactly = {"min_iterations": ITERATIONS, "max_iterations": ITERATIONS, "threshold": 0.0}
    return sinkhorn_divergence(PointCloud, x, y, epsilon=EPSILON, solve_kwargs=exactly)[0]


def _moved(n: int) -> Iterator[Sized]:
    ours = partial(lossary.sinkhorn_divergence, epsilon=EPSILON, iterations=ITERATIONS)
    both = _clouds(n, 3)
    yield in_torch(
        "sinkhorn_divergence", ours, both, against="geomloss", theirs=_geomloss, target=1.0, slow=True, equal=False
    )
    if find_spec("ott"):
        # As many iterations leave theirs further from the limit: 1e-4 here, where ours is 1e-10 off.
        yield in_jax(
            "sinkhorn_divergence", ours, both, against="ott-jax", theirs=_ott, target=1.0, slow=True, equal=False
        )


def _sorted(large: int, rows: int) -> Iterator[Sized]:
    from ot import sliced_wasserstein_distance, wasserstein_1d

    line = [cloud[:, 0] for cloud in _clouds(large, 1)]
    yield in_torch(
        "wasserstein_distance",
        partial(lossary.wasserstein_distance, p=2, power=True),
        line,
        against="POT",
        theirs=lambda x, y: wasserstein_1d(x[:, None], y[:, None], p=2)[0],
        target=1.0,
    )
    directions = torch.nn.functional.normalize(torch.from_numpy(arrays.normal((50, 64), 2)), dim=1)
    yield in_torch(
        "sliced_wasserstein_distance",
        partial(lossary.sliced_wasserstein_distance, projections=directions),
        _clouds(rows, 64),
        against="POT",
        theirs=lambda x, y: sliced_wasserstein_distance(x, y, projections=directions.T),
        target=1.0,
    )


# ---- probabilities ----


def _probabilities(n: int) -> Iterator[Sized]:
    def shares(seed: int) -> arrays.Array:
        powers = np.exp(arrays.normal((n, 10), seed))
        return powers / powers.sum(1, keepdims=True)

    both = [shares(0), shares(1)]
    name, loss = "kl_divergence", lossary.kl_divergence
    # Theirs divide each row by its sum, through which their gradients go.
    yield in_torch(name, loss, both, against="torch.distributions", theirs=_kl_of_torch, target=1.0, equal=False)
    if find_spec("distrax"):
        yield in_jax(name, loss, both, against="distrax", theirs=_kl_of_distrax, target=1.0, equal=False)


def _kl_of_torch(p: Tensor, q: Tensor) -> Tensor:
    from torch.distributions import Categorical, kl_divergence

    return kl_divergence(Categorical(p), Categorical(q)).mean()


def _kl_of_distrax(p: Any, q: Any) -> Any:
    from distrax import Categorical

    return Categorical(probs=p).kl_divergence(Categorical(probs=q)).mean()


# ---- kernels ----


def _kernel_by_keops(x: Tensor, y: Tensor) -> Tensor:
    from pykeops.torch import LazyTensor

    def mean(a: Tensor, b: Tensor) -> Tensor:
        squares = ((LazyTensor(a[:, None, :]) - LazyTensor(b[None, :, :])) ** 2).sum(-1)
        return (-0.5 * squares).exp().sum(1).sum() / (len(a) * len(b))

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


def _kernels(n: int) -> Iterator[Sized]:
    ours: Callable[..., Any] = partial(lossary.maximum_mean_discrepancy, kernel_bandwidth=1.0, squared=True)
    keops = {"against": "pykeops", "theirs": _kernel_by_keops, "target": 1.0} if find_spec("pykeops") else {}
    yield in_torch("mmd", ours, _clouds(n, 3), most=300.0, slow=True, **keops)


QUESTION = sized(
    "distributions",
    "Distances between distributions: time and memory of a training step",
    "Forward and backward, against the library that people take. Of ott-jax, distrax and pykeops, which the\n"
    "development environment leaves out, the rows are there if they are installed. geomloss anneals the blur\n"
    "(scaling 0.95), ours and ott-jax take 100 iterations at the last one. *peak* as for the losses over all pairs.",
    cases,
)
