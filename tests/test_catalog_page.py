"""CATALOG.md: fresh, complete, and written by the command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")

from lossary.cli.app import run
from lossary.cli.catalog import build_page
from lossary.cli.entries import Entry, entries

PAGE = Path(__file__).parents[1] / "CATALOG.md"


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == build_page(), "run: make catalog"


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_every_loss_has_its_names_meaning_formula_range_and_source(entry: Entry) -> None:
    section = build_page().split(f"\n### {entry.name}\n")[1].split("\n##")[0]
    unlinked = re.sub(r"\[((?:doi|arXiv):[^]]*)\]\(https://[^)]*\)", r"\1", section)
    assert f"{entry.doc.meaning} Class `{entry.class_name}`.\n" in section
    assert f"```text\n{entry.doc.formula}\n```\n" in section
    assert f"- Range: {entry.doc.range}\n" in section
    assert f"- Source: {' '.join(entry.doc.source.split())}\n" in unlinked


def test_identifiers_of_papers_are_links() -> None:
    page = build_page()
    assert "[doi:10.1214/aoms/1177703732](https://doi.org/10.1214/aoms/1177703732)." in page
    assert "[arXiv:1708.02002](https://arxiv.org/abs/1708.02002), eq. 5" in page
    assert not re.search(r"(?<!\[)\b(doi|arXiv):", page)


def test_every_link_of_the_index_has_its_heading() -> None:
    page = build_page()
    headings = {line.lstrip("# ").lower().replace(" ", "-") for line in page.splitlines() if line.startswith("##")}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) == headings


def test_check_tells_fresh_from_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["catalog", "--check"]) == 1
    assert capsys.readouterr() == ("", "lossary: there is no CATALOG.md in this folder\n")

    assert run(["catalog", "--write", "CATALOG.md"]) == 0
    assert run(["catalog", "--check"]) == 0
    assert capsys.readouterr() == ("", "")

    with Path("CATALOG.md").open("a", encoding="utf-8") as page:
        page.write("edited by hand\n")
    assert run(["catalog", "--check"]) == 1
    assert capsys.readouterr() == ("", "lossary: CATALOG.md is out of date: run `lossary catalog --write CATALOG.md`\n")


def test_without_options_the_page_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog"]) == 0
    assert capsys.readouterr() == (build_page(), "")
