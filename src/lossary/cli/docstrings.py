"""The one reader of loss docstrings; the commands, `CATALOG.md` and the tests all know a loss through it.

The layout it reads, in this order: a one-line meaning, an indented formula, prose if there is any, then the sections
`Args:`, `Returns:`, `Raises:`, `Source:` and `Example:`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from textwrap import dedent

SECTIONS = ("Args", "Returns", "Raises", "Source", "Example")

_HEADING = re.compile(r"([A-Z][a-z]+):")
_RANGE = re.compile(r"\b[Ii]n ([\[(](?:[^][()]|\([^()]*\))*, (?:[^][()]|\([^()]*\))*[])](?: for [^,;.]+)?)")
_ENTRY = re.compile(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*): *(.*)")


class DocstringError(ValueError):
    """A loss whose docstring does not keep to the layout."""


@dataclass(frozen=True)
class LossDoc:
    """What the docstring of a loss says, in pieces. Texts keep their line breaks; their indentation is removed.

    `range` is the first interval that `Returns:` gives, "in [0, ∞)", with the case it is for if it names one.
    """

    name: str
    meaning: str
    formula: str
    prose: str
    args: Mapping[str, str]
    returns: str
    range: str
    raises: str
    source: str
    example: str


def read_docstring(fn: Callable[..., object]) -> LossDoc:
    """Take the docstring of a loss apart.

    Raises:
        DocstringError: a part is missing, twice there, out of order or unknown; the text names the loss and the part.
    """
    name = fn.__name__
    lines = inspect.cleandoc(fn.__doc__ or "").splitlines()
    if not lines:
        raise DocstringError(f"{name}: has no docstring")
    if len(lines) > 1 and lines[1]:
        raise DocstringError(f"{name}: the docstring must open with one line of meaning and an empty line")
    opening, sections = _split(name, lines[1:])
    formula, prose = _formula_and_prose(opening)
    if not formula:
        raise DocstringError(f"{name}: the docstring has no formula, an indented block under the first line")
    return LossDoc(
        name=name,
        meaning=lines[0],
        formula=formula,
        prose=prose,
        args=_entries(name, sections["Args"]),
        returns=sections["Returns"],
        range=_range(name, sections["Returns"]),
        raises=sections["Raises"],
        source=sections["Source"],
        example=sections["Example"],
    )


def _split(name: str, lines: list[str]) -> tuple[list[str], dict[str, str]]:
    """The lines before the first heading, and the text under each heading."""
    opening: list[str] = []
    bodies: dict[str, list[str]] = {}
    body = opening
    for line in lines:
        heading = _HEADING.fullmatch(line)
        if heading:
            if heading[1] in bodies:
                raise DocstringError(f'{name}: the docstring has two "{heading[1]}:" sections')
            body = bodies[heading[1]] = []
        else:
            body.append(line)
    _check_headings(name, bodies)
    sections = {heading: dedent("\n".join(text)).strip("\n") for heading, text in bodies.items()}
    for title in SECTIONS:
        if not sections[title].strip():
            raise DocstringError(f'{name}: the "{title}:" section of the docstring is empty')
    return opening, sections


def _check_headings(name: str, found: Iterable[str]) -> None:
    found = list(found)
    for heading in found:
        if heading not in SECTIONS:
            raise DocstringError(f'{name}: the docstring has an unknown section, "{heading}:"')
    for heading in SECTIONS:
        if heading not in found:
            raise DocstringError(f'{name}: the docstring has no "{heading}:" section')
    if found != list(SECTIONS):
        raise DocstringError(f"{name}: the sections of the docstring are not in the order {', '.join(SECTIONS)}")


def _formula_and_prose(opening: list[str]) -> tuple[str, str]:
    """The indented block that the text opens with (empty if it opens with prose), and what follows it."""
    text = "\n".join(opening).strip("\n").splitlines()
    block = list(takewhile(lambda line: not line or line.startswith(" "), text))
    return dedent("\n".join(block)).strip("\n"), "\n".join(text[len(block) :]).strip("\n")


def _entries(name: str, section: str) -> dict[str, str]:
    """`argument: what it is`, where further lines of an entry are indented."""
    entries: dict[str, str] = {}
    key = ""
    for line in section.splitlines():
        if line.startswith(" ") and key:
            entries[key] += "\n" + line.strip()
            continue
        entry = _ENTRY.fullmatch(line)
        if not entry:
            raise DocstringError(f'{name}: in "Args:" expected "argument: meaning"; got {line!r}')
        key = entry[1]
        entries[key] = entry[2]
    return entries


def _range(name: str, returns: str) -> str:
    found = _RANGE.search(" ".join(returns.split()))
    if not found:
        raise DocstringError(f'{name}: "Returns:" states no range, such as "in [0, ∞)"')
    return found[1]
