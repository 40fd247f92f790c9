"""The written pages: their Python runs, their commands print what they show, their links and file names lead somewhere.

The blocks of a page share their names, from top to bottom. A block that starts with `>>>` shows its output, which is
compared; any other Python block has to run. In a `console` block the lines after `$ lossary …` are its output.
"""

from __future__ import annotations

import ast
import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lossary import losses

pytest.importorskip("torch")
pytest.importorskip("jax")

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "lossary"
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if path.name != "CATALOG.md")
EXAMPLES = sorted(ROOT.glob("examples/*.py"))
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


class Block(NamedTuple):
    """What stands between two fences."""

    language: str
    text: str
    line: int  # of its first line, from 0


def blocks(page: Path, language: str) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        if match[1] == language:
            yield Block(match[1], match[2], text.count("\n", 0, match.start(2)))


@every_page
def test_python_runs_and_gives_what_is_shown(page: Path) -> None:
    names: dict[str, Any] = {"__name__": page.stem}
    wrong: list[str] = []
    for block in blocks(page, "python"):
        if not block.text.startswith(">>>"):
            exec(compile("\n" * block.line + block.text, str(page), "exec"), names)
            continue
        found = doctest.DocTestParser().get_doctest(block.text, names, page.name, str(page), block.line)
        doctest.DocTestRunner(optionflags=FLAGS).run(found, out=wrong.append, clear_globs=False)
        names = found.globs  # the test's own copy
    assert not wrong, "".join(wrong)


@every_page
def test_commands_print_what_is_shown(
    page: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lossary.cli.app import run

    monkeypatch.setenv("COLUMNS", "120")
    for block in blocks(page, "console"):
        for command, shown in COMMAND.findall(block.text):
            name, *arguments = command.split()
            assert name == "lossary", "what cannot be checked here goes into a `sh` block"
            run(arguments)
            printed = "".join(capsys.readouterr())
            assert doctest.OutputChecker().check_output(shown, printed, FLAGS), f"{command}:\n{printed}"


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(((?!https?://)[^)]+)\)", FENCE.sub("", text)):
        path, _, heading = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        assert not heading or heading in headings(linked), target


def headings(page: Path) -> set[str]:
    """Anchors of the headings, as they are made on the web."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


@every_page
def test_files_that_are_named_exist(page: Path) -> None:
    for name in re.findall(r"`((?:src|tests|docs|tools|benchmarks|examples)/[\w./-]*)`", page.read_text("utf-8")):
        assert (ROOT / name).exists(), name


@every_page
def test_lines_fit(page: Path) -> None:
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        assert len(line) <= 120 or line.startswith("|"), f"{page.name}:{number}"


def test_the_chooser_knows_every_loss() -> None:
    text = (ROOT / "docs" / "choosing.md").read_text(encoding="utf-8")
    families = [import_module(f"lossary.losses.{family}") for family in losses.FAMILIES]
    assert {name for family in families for name in family.__all__} <= set(re.findall(r"`(\w+)", text))


def test_the_readme_names_every_family() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"**{family}**" in text for family in losses.FAMILIES)


def test_imports_point_one_way() -> None:
    (line,) = re.findall(r"^ +(cli → .*)$", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.MULTILINE)
    layers = [re.findall(r"\w+", part) for part in line.split("→")]
    depth = {name: i for i, names in enumerate(layers) for name in names}
    seen = 0
    for path in SOURCE.glob("*/**/*.py"):
        own = path.relative_to(SOURCE).parts[0]
        for name in imported(path):
            assert name == own or depth[name] > depth[own], f"{path} imports from {name}"
            seen += name != own
    assert seen


def imported(path: Path) -> Iterator[str]:
    """The folders of the package that a file imports from."""
    package = ("lossary", *path.relative_to(SOURCE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        origin: list[str] = []
        if isinstance(node, ast.ImportFrom):
            origin += package[: len(package) + 1 - node.level] if node.level else ()
            origin += node.module.split(".") if node.module else ()
        for alias in node.names:
            root, *parts = [*origin, *alias.name.split(".")]
            if root == "lossary" and parts and (SOURCE / parts[0]).is_dir():
                yield parts[0]
            elif root == "lossary":
                yield "losses"  # a name of the public list


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run_and_learn(example: Path) -> None:
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}  # small models; threads would wait for one another
    done = subprocess.run(
        [sys.executable, "-W", "error", example], env=one_thread, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    # Each ends with a line that compares: "… 0.73 with this, 0.21 with that".
    first, second = map(float, re.findall(r"\d+\.\d+", done.stdout.splitlines()[-1]))
    assert first > second
