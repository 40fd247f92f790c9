"""`lossary list`: the losses there are, by family."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lossary.cli.entries import Entry, entries


def list_losses(
    family: Annotated[str | None, typer.Option(metavar="NAME", help="Only this family, such as regression.")] = None,
) -> None:
    """List the losses by family."""
    chosen = entries(family)
    console = Console(highlight=False)
    if console.is_terminal:
        for title, group in groupby(chosen, key=lambda entry: entry.family):
            console.print(_table(title, group), "")
    else:
        for line in _lines(chosen):
            print(line)


def _table(title: str, group: Iterator[Entry]) -> Table:
    """A family for the eye. The class stands under its function, which leaves room for the meaning at 80 columns."""
    table = Table(title=Text(title, style="bold"), title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("function, class", style="cyan", no_wrap=True)
    table.add_column("meaning")
    table.add_column("range", max_width=20)
    for entry in group:
        names = Text.assemble(entry.name, "\n", (entry.class_name, "dim"))
        table.add_row(names, Text(entry.doc.meaning), Text(entry.doc.range.replace(" for ", "\nfor ")))
    return table


def _lines(chosen: list[Entry]) -> Iterator[str]:
    """A line a loss for other programs: nothing wrapped, nothing cut, columns aligned."""
    rows = [(entry.family, entry.name, entry.class_name, entry.doc.range, entry.doc.meaning) for entry in chosen]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
