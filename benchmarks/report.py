"""Tables in the terminal and in RESULTS.md."""

from __future__ import annotations

import os
import platform
import re
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from .harness import SAMPLE, TURNS
from .question import Question, Row, Scale, verdict

PACKAGES = ("torch", "jax", "optax", "numpy")


def show(console: Console, question: Question, rows: list[Row]) -> None:
    table = Table(title=question.title, title_justify="left", header_style="bold")
    for i, heading in enumerate(question.columns):
        table.add_column(heading, justify="right" if i >= question.numbers_from else "left")
    table.add_column("verdict")
    for row in rows:
        style = "" if row.met is None else "green" if row.met else "bold red"
        table.add_row(*row.cells, f"[{style}]{verdict(row.met)}[/]" if style else "")
    console.print(table)
    console.print(tally(rows))


def tally(rows: list[Row]) -> str:
    judged = [row for row in rows if row.met is not None]
    return f"{sum(row.met is True for row in judged)} of {len(judged)} targets met." if judged else "No targets here."


def write(path: Path, results: list[tuple[Question, list[Row]]], scale: Scale) -> None:
    """The sections of these questions anew; others stay as they are in the file."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    _, *found = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    sections = {section.partition("\n")[0]: section.strip() + "\n" for section in found}
    sections |= {f"## {question.title}": _section(question, rows) for question, rows in results}
    path.write_text("\n".join([_heading(scale), *sections.values()]), encoding="utf-8")


def _heading(scale: Scale) -> str:
    return f"""# How fast it is

`python -m benchmarks` measures everything, `python -m benchmarks NAME` the section of that name.

- Machine: {machine()}, shared with other work while this ran; torch with {_threads()}.
- Software: Python {platform.python_version()}, {", ".join(f"{name} {version(name)}" for name in PACKAGES)}.
- Method: after a warm-up, both sides take turns in one process, in random order. A round is {TURNS} turns of each side,
  at least {SAMPLE * 1e3:g} ms in sum, and counts a side's fastest turn; {_rounds(scale)} rounds. Garbage collection
  is off, and freed memory stays with the process (`benchmarks/allocator.py`).
- *ratio*: the median, over the rounds, of ours / theirs within a round; *quartiles* of the same ratios. A target counts
  as met if the median is within it as measured, not rounded. Milliseconds are medians of each side, to give the scale;
  their quotient need not be the ratio.
- *checks*: whether values were checked, as by default, or not (`lossary.checking(False)`); jitted and compiled code
  never checks them by default.
"""


def _threads() -> str:
    count = torch.get_num_threads()
    return "one thread" if count == 1 else f"{count} threads"


def _rounds(scale: Scale) -> str:
    return f"{scale.rounds.least} to {scale.rounds.most}"


def _section(question: Question, rows: list[Row]) -> str:
    headings = [*question.columns, "verdict"]
    rule = ["---:" if question.numbers_from <= i < len(headings) - 1 else ":---" for i in range(len(headings))]
    lines = [_line(headings), _line(rule)]
    lines += [_line([*row.cells, f"**{verdict(False)}**" if row.met is False else verdict(row.met)]) for row in rows]
    table = "\n".join(lines)
    return f"""## {question.title}

`python -m benchmarks {question.name}`, {date.today().isoformat()}. {tally(rows)}

{question.notes}

{table}
"""


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 0.0
    memory_text = f", {memory:.0f} GiB of memory" if memory else ""
    return f"{os.cpu_count()} cores ({_processor()}){memory_text}, {platform.system()}"


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
