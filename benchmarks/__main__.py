"""`python -m benchmarks [NAME …] [--quick] [--profile LOSS]`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from . import QUESTIONS, report
from .allocator import keep_freed_memory
from .profile import profiles
from .question import QUICK, Question, Row, Scale

RESULTS = Path(__file__).with_name("RESULTS.md")
WIDE = 160  # columns, where no terminal says how many it has
KNOWN = {question.name: question for question in QUESTIONS}


def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help=f"Of {', '.join(KNOWN)}.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer rounds, and RESULTS.md is left alone.")] = False,
    profile: Annotated[
        str | None, typer.Option(metavar="LOSS", help="Show where this loss's time goes, by torch's operations.")
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="torch's threads; 0: its own choice. 1 for a busy machine.")] = 0,
) -> None:
    """Measure, everything without names, and write the sections into benchmarks/RESULTS.md."""
    unknown = [name for name in names or () if name not in KNOWN]
    if unknown:
        raise typer.BadParameter(f"expected names among {', '.join(KNOWN)}; got {', '.join(unknown)}")
    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    scale = QUICK if quick else Scale()
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    chosen = [KNOWN[name] for name in names or KNOWN]
    if profile is not None:
        if not sum(profiles(console, question, profile, scale) for question in chosen):
            raise typer.BadParameter(f"expected the name of a row of {', '.join(names or KNOWN)}; got {profile}")
        return
    results = [(question, _run(console, question, scale)) for question in chosen]
    if not quick:
        report.write(RESULTS, results, scale)


def _run(console: Console, question: Question, scale: Scale) -> list[Row]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(question.title)
        rows = list(question.rows(scale, lambda doing: progress.update(task, description=f"{question.name}: {doing}")))
    report.show(console, question, rows)
    return rows


typer.run(main)
