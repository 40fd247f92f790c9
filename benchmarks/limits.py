"""What this machine can do at most: the rates that times are held against."""

from __future__ import annotations

from functools import cache
from statistics import median
from time import perf_counter

import torch

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


def _seconds(work: object) -> float:
    assert callable(work)
    work()
    times: list[float] = []
    for _ in range(9):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return median(times)
