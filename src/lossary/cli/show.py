"""`lossary show huber_loss`: all there is to know about one loss."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from textwrap import fill, indent, wrap
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from lossary.cli.entries import Entry, find

MARGIN = " " * 4


def show(
    loss: Annotated[str, typer.Argument(help="A function, a class or another name of a loss: huber_loss, HuberLoss.")],
) -> None:
    """Explain one loss, from its formula to an example."""
    console = Console(highlight=False)
    entry = find(loss)
    console.print(Text.assemble((entry.name, "bold"), f" ({entry.family})"))
    for title, text in sections(entry, console.width):
        if title:
            console.print(Text(title, style="bold"))
        console.print(Text(text), soft_wrap=True)  # wrapped already, where wrapping does no harm
        if title != "Example":
            console.print()


def sections(entry: Entry, width: int) -> Iterator[tuple[str, str]]:
    """Title and text of each part of the page, in reading order; running text is wrapped to `width`."""
    doc = entry.doc
    yield "", reflow(doc.meaning, width)
    yield "", "\n".join(_hanging(line, width) for line in doc.formula.splitlines())
    if doc.prose:
        yield "", reflow(doc.prose, width)
    yield "Names", _pairs(_names(entry), width)
    yield "Signature", indent(signature(entry, width - len(MARGIN)), MARGIN)
    yield "Arguments", _pairs(doc.args, width)
    yield "Returns", reflow(doc.returns, width, MARGIN)
    yield "Raises", reflow(doc.raises, width, MARGIN)
    yield "Source", reflow(doc.source, width, MARGIN)
    yield "Example", indent(doc.example, MARGIN)


def signature(entry: Entry, width: int) -> str:
    """The call as one types it, broken between arguments where it is longer than `width`."""
    parameters = inspect.signature(entry.function).parameters.values()
    bare = inspect.Signature([parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters])
    call = entry.name + str(bare).replace("'", '"')
    return fill(call, width, subsequent_indent=" " * (len(entry.name) + 1), break_long_words=False)


def reflow(text: str, width: int, margin: str = "") -> str:
    """Wrap anew what was wrapped for the source file: a line that does not end a sentence goes on in the next one."""
    lines: list[str] = [""]
    for line in text.splitlines():
        if not line or not lines[-1] or lines[-1].endswith((".", ":")):
            lines.append(line)
        else:
            lines[-1] += " " + line.strip()
    wrapped = (wrap(line, width, initial_indent=margin, subsequent_indent=margin) or [""] for line in lines[1:])
    return "\n".join(line for paragraph in wrapped for line in paragraph)


def _hanging(line: str, width: int) -> str:
    """A line of a formula as it is; where it is too long, its rest is indented once more."""
    return fill(line, width, initial_indent=MARGIN, subsequent_indent=2 * MARGIN, break_long_words=False)


def _names(entry: Entry) -> dict[str, str]:
    names = {
        "function": f"lossary.{entry.name}",
        "PyTorch": f"lossary.torch.{entry.class_name}",
        "Flax": f"lossary.flax.{entry.class_name}",
    }
    if entry.also_known_as:
        names["also known as"] = ", ".join(entry.also_known_as)
    return names


def _pairs(pairs: Mapping[str, str], width: int) -> str:
    """Two columns, the texts of the second wrapped beside the keys."""
    column = len(MARGIN) + max(map(len, pairs)) + 2
    return "\n".join(
        fill(text, width, initial_indent=f"{MARGIN}{key}".ljust(column), subsequent_indent=" " * column)
        for key, text in pairs.items()
    )
