"""`lossary catalog`: CATALOG.md, every loss on one page, written from the docstrings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from lossary.cli.entries import Entry, entries, families
from lossary.cli.errors import Refusal

PAGE = Path("CATALOG.md")
HEAD = """\
# Catalogue of losses

Every loss of Lossary by family: what it means, its formula, its range and its source. `lossary show NAME` tells more.
Functions are importable from `lossary`; the classes of the same options from `lossary.torch` and `lossary.flax`.

This page is written from the docstrings by `lossary catalog --write CATALOG.md`; do not edit it by hand.
"""

_LINKS = (
    (re.compile(r"\bdoi:(10\.\S+?)(?=[,;.)]*(?:\s|$))"), r"[doi:\1](https://doi.org/\1)"),
    (re.compile(r"\barXiv:(\d{4}\.\d{4,5}|[a-z-]+/\d{7})"), r"[arXiv:\1](https://arxiv.org/abs/\1)"),
)


def catalog(
    write: Annotated[Path | None, typer.Option(metavar="PATH", help="Write the page to this file.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say whether ./CATALOG.md is up to date.")] = False,
) -> None:
    """Print, write or check CATALOG.md, all losses on one page."""
    if write and check:
        raise Refusal("--check and --write exclude each other")
    page = build_page()
    if check:
        _check(page)
    elif write:
        write.write_text(page, encoding="utf-8", newline="\n")
    else:
        print(page, end="")


def build_page() -> str:
    """The whole page, from the docstrings as they are now."""
    return "\n".join([HEAD, *_index(), *(line for family in families() for line in _family(family))])


def _check(page: str) -> None:
    if not PAGE.is_file():
        raise Refusal(f"there is no {PAGE} in this folder", exit_code=1)
    if PAGE.read_text(encoding="utf-8") != page:
        raise Refusal(f"{PAGE} is out of date: run `lossary catalog --write {PAGE}`", exit_code=1)


def _index() -> Iterator[str]:
    for family in families():
        yield f"- [{_title(family)}](#{family.replace('_', '-')}): " + ", ".join(
            f"[`{entry.name}`](#{entry.name})" for entry in entries(family)
        )
    yield ""


def _family(family: str) -> Iterator[str]:
    yield from (f"## {_title(family)}", "")
    for entry in entries(family):
        yield from _loss(entry)


def _title(family: str) -> str:
    return family.replace("_", " ").capitalize()


def _loss(entry: Entry) -> Iterator[str]:
    doc = entry.doc
    yield from (f"### {entry.name}", "", f"{doc.meaning} Class `{entry.class_name}`.", "")
    if entry.also_known_as:
        yield from (f"Also known as {', '.join(f'`{name}`' for name in entry.also_known_as)}.", "")
    yield from ("```text", doc.formula, "```", "")
    yield f"- Range: {doc.range}"
    yield f"- Source: {_linked(' '.join(doc.source.split()))}"
    yield ""


def _linked(source: str) -> str:
    for pattern, link in _LINKS:
        source = pattern.sub(link, source)
    return source
