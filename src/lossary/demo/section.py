"""What a task hands back: words, tables and pictures, for the terminal, the HTML report and the JSON file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Picture", "Section", "Table"]


@dataclass(frozen=True)
class Table:
    """Cells are text; columns after the first are numbers and are set flush right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    """A PNG file and the sentence under it."""

    path: Path
    caption: str


@dataclass(frozen=True)
class Section:
    """The report on one task."""

    name: str
    title: str
    done: str
    """What was done, in a sentence or two."""
    tables: Sequence[Table]
    pictures: Sequence[Picture]
    notice: Sequence[str]
    """Sentences that follow from this run's numbers."""
    numbers: Mapping[str, Any]
    """The same for machines."""
