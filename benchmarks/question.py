"""What a benchmark asks, and how its answer looks in a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .harness import Case, Rounds, compare


class Scale(NamedTuple):
    """How large the inputs are and how long it is measured; the test makes everything small."""

    items: int = 4_000_000
    rounds: Rounds = Rounds(15, 31)
    compiler: str | None = "inductor"  # None: not compiled


QUICK = Scale(rounds=Rounds(5, 9))


class Row(NamedTuple):
    """One line of a table: its cells, and whether it met its target (None: it has none)."""

    cells: tuple[str, ...]
    met: bool | None


@dataclass(frozen=True)
class Question:
    """`columns` are the headings of the cells; "verdict" is added behind them. `notes` explain how it was measured.

    `cases` are what the rows are measured of, where each has sides to run.
    """

    name: str
    title: str
    notes: str
    columns: tuple[str, ...]
    rows: Callable[[Scale, Callable[[str], None]], Iterator[Row]]
    numbers_from: int = field(default=1)  # the columns from here on are aligned to the right
    cases: Callable[[Scale], Iterator[Any]] | None = None


CHECKS = {True: "on", False: "off", None: "–"}
TIMED = ("loss", "shape", "step", "against", "checks", "ours ms", "theirs ms", "ratio", "quartiles", "target")


def timed(name: str, title: str, notes: str, cases: Callable[[Scale], Iterator[Case]]) -> Question:
    """A question whose rows are cases to compare in time."""

    def rows(scale: Scale, say: Callable[[str], None]) -> Iterator[Row]:
        for case in cases(scale):
            say(f"{case.name} {shape_text(case.shape)} {case.step}")
            with case.setting():
                ratio = compare(case.ours, case.theirs, scale.rounds)
            met = None if case.target is None else ratio.median <= case.target
            cells = (
                case.name,
                shape_text(case.shape),
                case.step,
                case.against,
                CHECKS[case.checks],
                f"{ratio.ours * 1e3:.3g}",
                f"{ratio.theirs * 1e3:.3g}",
                f"{ratio.median:.3f}",
                f"{ratio.low:.2f}–{ratio.high:.2f}",
                target_text(case.target),
            )
            yield Row(cells, met)

    return Question(name, title, notes, TIMED, rows, numbers_from=5, cases=cases)


def target_text(target: float | None) -> str:
    return "" if target is None else f"≤ {target:g}"


def shape_text(shape: Sequence[Any]) -> str:
    return " × ".join(f"{n:,}" for n in shape)


def verdict(met: bool | None) -> str:
    return "" if met is None else "met" if met else "not met"
