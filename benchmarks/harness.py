"""Two ways to compute one thing, timed in turns.

The machine is never quiet: other work comes and goes, and clocks change. Both sides therefore run in one process and
take turns, in an order drawn anew each time. A round is a few turns; a side's time in it is that of its fastest turn,
so that being interrupted once does not count. What is reported is the median, over the rounds, of the ratio within a
round, with its quartiles, and never a ratio of two separate timings.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from math import inf, nan
from statistics import median, quantiles
from time import perf_counter
from typing import Any, NamedTuple

import lossary

TURNS = 4  # of each side in a round
SAMPLE = 2e-3  # seconds that a side runs in a round, at least
PATIENCE = 2.0  # seconds after which a case is content with the least number of rounds

Side = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """One row: `ours` and `theirs` return the same arrays, ready (JAX: waited for)."""

    name: str
    step: str  # "forward" or "forward+backward"
    shape: tuple[int, ...]
    ours: Side
    theirs: Side
    against: str
    target: float | None = None
    checks: bool | None = True  # None: traced, where values are not checked
    equal: bool = True  # False: the other side is a yardstick that computes something else

    def setting(self) -> AbstractContextManager[Any]:
        return lossary.checking(False) if self.checks is False else nullcontext()


@dataclass(frozen=True)
class Ratio:
    """ours / theirs: the median over the pairs and its quartiles; and the median time of each side, in seconds."""

    median: float
    low: float
    high: float
    ours: float
    theirs: float


class Rounds(NamedTuple):
    least: int
    most: int
    turns: int = TURNS


def compare(ours: Side, theirs: Side, rounds: Rounds) -> Ratio:
    ours(), theirs()  # warm-up: compiles, fills caches
    order = random.Random(0)
    pairs: list[tuple[float, float]] = []
    with _without_gc():
        repeats = _repeats(ours, theirs) if rounds.turns > 1 else 1
        start = perf_counter()
        while len(pairs) < rounds.least or (len(pairs) < rounds.most and perf_counter() - start < PATIENCE):
            pairs.append(_round(ours, theirs, repeats, rounds.turns, order))
    low, middle, high = quantiles((a / b for a, b in pairs), n=4, method="inclusive")
    return Ratio(middle, low, high, median(a for a, _ in pairs), median(b for _, b in pairs))


def timed_alone(ours: Side) -> Ratio:
    """The time of one call, where there is nothing to compare it with."""
    with _without_gc():
        seconds = _turn(ours, 1)
    return Ratio(nan, nan, nan, seconds, nan)


def _round(ours: Side, theirs: Side, repeats: int, turns: int, order: random.Random) -> tuple[float, float]:
    a = b = inf
    for _ in range(turns):
        if order.random() < 0.5:
            a = min(a, _turn(ours, repeats))
            b = min(b, _turn(theirs, repeats))
        else:
            b = min(b, _turn(theirs, repeats))
            a = min(a, _turn(ours, repeats))
    return a, b


def _repeats(*sides: Side) -> int:
    """How often a side runs in one turn, so that its turns of a round last at least SAMPLE together."""
    repeats = 1
    while (shortest := min(_turn(side, repeats) for side in sides) * repeats) < SAMPLE / TURNS:
        repeats = max(2 * repeats, int(repeats * SAMPLE / TURNS / shortest))
    return repeats


def _turn(side: Side, repeats: int) -> float:
    """Seconds for one call."""
    start = perf_counter()
    for _ in range(repeats):
        side()
    return (perf_counter() - start) / repeats


@contextmanager
def _without_gc() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
