"""What this machine can do at most: the rates that times are held against."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from statistics import median
from time import perf_counter

import torch
from torch import Tensor

SIZE = 2048
COPIED = 1 << 24  # float32 numbers, which no cache holds


@cache
def flops_per_second() -> float:
    """Of a matrix product in float32."""
    a, b = torch.ones(SIZE, SIZE), torch.ones(SIZE, SIZE)
    return 2 * SIZE**3 / _seconds(lambda: torch.mm(a, b))


@cache
def bytes_per_second() -> float:
    """Read and written by a copy."""
    source, target = torch.ones(COPIED), torch.empty(COPIED)
    return 2 * 4 * COPIED / _seconds(lambda: target.copy_(source))


BANDWIDTH = "copy of as many bytes"
SHARE = 0.7  # of the memory's speed, that a loss without a transcendental function should reach


def moving(numbers: int) -> Callable[[], Tensor]:
    """A copy that reads and writes so many float32 numbers, both counted."""
    source = torch.ones(numbers // 2)
    target = torch.empty_like(source)
    return lambda: target.copy_(source)


def _seconds(work: object) -> float:
    assert callable(work)
    work()
    times: list[float] = []
    for _ in range(9):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return median(times)
