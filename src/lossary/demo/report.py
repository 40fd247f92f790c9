"""The demo's HTML report: one file that opens offline, with its style and pictures inside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path

from .section import Picture, Section, Table

__all__ = ["write"]

STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem 1.2rem 3rem; background: #fff; color: #1a1a1a;
       font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 1.2rem 0 .4rem; }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .4rem; padding-top: 1.2rem; border-top: 1px solid #ccc; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; }
nav a { margin-right: 1rem; }
a { color: #0058a3; }
.facts { color: #555; font-size: .9rem; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #555; font-size: .9rem; padding-bottom: .3rem; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { border-bottom: 2px solid #888; }
figure { margin: 1.8rem 0; }
img { max-width: max(100%, 36rem); height: auto; display: block; }
figcaption { color: #555; font-size: .9rem; margin-top: .3rem; }
li { margin-bottom: .4rem; }
"""


def write(sections: Sequence[Section], facts: str, path: Path) -> Path:
    """Write the report to `path`.

    Args:
        sections: one for each task.
        facts: what ran, in one line.
        path: of the HTML file.
    """
    links = "".join(f'<a href="#{escape(section.name)}">{escape(section.title)}</a>' for section in sections)
    body = "".join(_section(section) for section in sections)
    path.write_text(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Lossary demo</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<h1>Lossary: losses at work on real data</h1>\n<p class="facts">{escape(facts)}</p>\n<nav>{links}</nav>\n'
        f"{body}</body>\n</html>\n",
        encoding="utf-8",
    )
    return path


def _section(section: Section) -> str:
    notice = "".join(f"<li>{escape(sentence)}</li>\n" for sentence in section.notice)
    return (
        f'<section id="{escape(section.name)}">\n<h2>{escape(section.title)}</h2>\n<p>{escape(section.done)}</p>\n'
        f"{''.join(map(_table, section.tables))}<h3>What to notice in these numbers</h3>\n<ul>\n{notice}</ul>\n"
        f"{''.join(map(_figure, section.pictures))}</section>\n"
    )


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in table.rows)
    return (
        f'<div class="scroll"><table>\n<caption>{escape(table.title)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )


def _figure(picture: Picture) -> str:
    data = b64encode(picture.path.read_bytes()).decode("ascii")
    caption = escape(picture.caption)
    image = f'<div class="scroll"><img alt="{caption}" src="data:image/png;base64,{data}"></div>'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>\n"
