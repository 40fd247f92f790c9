"""The demo in the terminal: progress bars, then tables; without a terminal, one line for each finished task."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable

from .section import Section, Table

__all__ = ["Terminal"]


class Terminal:
    """Where the demo writes while it runs."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()

    @contextmanager
    def progress(self, title: str, total: int) -> Generator[Callable[[], None]]:
        """A bar that moves at each call of the value; a line with the time taken once it is full."""
        started = time.perf_counter()
        if self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
            with Progress(*columns, console=self.console, transient=True) as progress:
                task = progress.add_task(title, total=total)
                yield lambda: progress.advance(task)
        else:
            yield lambda: None
        self.console.print(f"{title}: {total} epochs in {time.perf_counter() - started:.1f} s", highlight=False)

    def section(self, section: Section) -> None:
        """The tables of a task."""
        for table in section.tables:
            self.console.print(_rich(f"{section.title}: {table.title}", table))

    def line(self, text: str) -> None:
        """One line, as it is."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def _rich(title: str, table: Table) -> RichTable:
    rich = RichTable(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(table.columns):
        rich.add_column(column, justify="left" if i == 0 else "right")
    for row in table.rows:
        rich.add_row(*row)
    return rich
