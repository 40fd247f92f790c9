"""How time and memory grow with the number of items: n, 2n, 4n, 8n, and the exponent that fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from math import log
from statistics import mean, median
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

import lossary

from . import arrays
from .memory import peak_of
from .question import Question, Row, Scale
from .sized import training

FACTORS = (1, 2, 4, 8)
TURNS = 3
LINEAR = 1.25  # the exponent up to which memory counts as linear


class Subject(NamedTuple):
    name: str
    first: int  # n
    make: Callable[[int], tuple[list[arrays.Array], tuple[Any, ...]]]
    loss: Callable[..., Any]


def _embeddings(n: int) -> tuple[list[arrays.Array], tuple[Any, ...]]:
    return [arrays.normal((n, 64), seed) for seed in (0, 1)], ()


def _points(n: int) -> tuple[list[arrays.Array], tuple[Any, ...]]:
    return [np.random.default_rng(seed).random((n, 3), np.float32) for seed in (0, 1)], ()


def _labelled(n: int) -> tuple[list[arrays.Array], tuple[Any, ...]]:
    return [arrays.normal((n, 64))], (torch.arange(n) % max(2, n // 8),)


SUBJECTS = (
    Subject("nt_xent", 1_024, _embeddings, lossary.nt_xent_loss),
    Subject("clip", 2_048, _embeddings, lossary.clip_loss),
    Subject("siglip", 2_048, _embeddings, lossary.siglip_loss),
    Subject("supcon", 2_048, _labelled, lossary.supcon_loss),
    Subject("online_triplet hard", 1_024, _labelled, partial(lossary.online_triplet_loss, mining="hard")),
    Subject("online_triplet all", 1_024, _labelled, partial(lossary.online_triplet_loss, mining="all")),
    Subject("mmd", 1_024, _embeddings, partial(lossary.maximum_mean_discrepancy, kernel_bandwidth=8.0)),
    Subject("energy_distance", 1_024, _embeddings, lossary.energy_distance),
    Subject("chamfer", 8_192, _points, lossary.chamfer_distance),
)


def rows(scale: Scale, say: Callable[[str], None]) -> Iterator[Row]:
    for one in SUBJECTS:
        say(one.name)
        sizes = [max(8, one.first * scale.items // 4_000_000) * factor for factor in FACTORS]
        steps = [_step(one, n) for n in sizes]
        seconds, peaks = [_seconds(step) for step in steps], [float(peak_of(step)) for step in steps]
        growth = exponent(sizes, peaks)
        yield Row(
            (
                one.name,
                " · ".join(f"{n:,}" for n in sizes),
                " · ".join(f"{t * 1e3:.3g}" for t in seconds),
                f"{exponent(sizes, seconds):.2f}",
                " · ".join(f"{peak / 2**20:.3g}" for peak in peaks),
                f"{growth:.2f}",
                f"≤ {LINEAR:g}",
            ),
            growth <= LINEAR,
        )


def exponent(sizes: list[int], values: list[float]) -> float:
    """Of the power of n that fits best: the slope of the logarithms, by least squares."""
    x, y = [log(size) for size in sizes], [log(value) for value in values]
    x_mean, y_mean = mean(x), mean(y)
    return sum((a - x_mean) * (b - y_mean) for a, b in zip(x, y, strict=True)) / sum((a - x_mean) ** 2 for a in x)


def _step(one: Subject, n: int) -> Callable[[], Any]:
    leaves, others = one.make(n)
    tensors: list[Tensor] = [torch.from_numpy(leaf) for leaf in leaves]
    return training(one.loss, tensors, *others)


def _seconds(step: Callable[[], Any]) -> float:
    times = [perf_counter()]
    for _ in range(TURNS):
        step()
        times.append(perf_counter())
    return median(end - start for start, end in pairwise(times))


QUESTION = Question(
    "growth",
    "How time and memory grow with the number of items, eager PyTorch",
    "Forward and backward with the library's defaults at n, 2n, 4n and 8n; *exponent*: that of the power of n that\n"
    "fits best. Memory is the most that was allocated at any moment, gradients included: small tables are held whole,\n"
    "larger ones in blocks, so its exponent stays near 1 while the time of all pairs has 2.",
    ("loss", "n", "ms", "exponent", "peak MiB", "exponent of memory", "target"),
    rows,
    numbers_from=2,
)
