"""Where the time of a case goes: `python -m benchmarks NAME --profile LOSS`."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.table import Table

from .harness import Side
from .question import Question, Scale, shape_text

MOST = 12  # operations shown


class Operation(NamedTuple):
    """An operation of torch, without those that it calls."""

    name: str
    calls: int
    seconds: float


def profiles(console: Console, question: Question, loss: str, scale: Scale) -> int:
    """A table for both sides of each case of that loss; how many cases there were."""
    found = [case for case in question.cases(scale) if case.name == loss] if question.cases else []
    for case in found:
        where = getattr(case, "step", "forward+backward")
        for side, title in ((case.ours, "ours"), (case.theirs, case.against)):
            if side is not None:
                console.print(_table(f"{loss} {shape_text(case.shape)}, {where}: {title}", side))
    return len(found)


def _table(title: str, side: Side) -> Table:
    side()
    start = perf_counter()
    side()
    whole = perf_counter() - start
    table = Table("operation", "calls", "ms", title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for operation in (*operations(side), Operation("(the whole step, not profiled)", 1, whole)):
        table.add_row(operation.name, str(operation.calls), f"{operation.seconds * 1e3:.3g}")
    return table


def operations(side: Side) -> list[Operation]:
    """The most expensive first. Profiling costs some microseconds for each call."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        side()
    return sorted(_found(profiler), key=lambda operation: -operation.seconds)[:MOST]


def _found(profiler: Any) -> Iterator[Operation]:
    for event in profiler.key_averages():
        yield Operation(event.key, event.count, event.self_cpu_time_total * 1e-6)
