"""The `lossary` command, as one types it: what it prints, where, and the exit code."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import lossary
from lossary.cli import main
from lossary.cli.docstrings import DocstringError, read_docstring
from lossary.demo import TASKS
from lossary.losses import FAMILIES

pytest.importorskip("typer")
pytest.importorskip("rich")

from lossary.cli import entries as shelf

ENTRIES = shelf.entries()


class Ended(NamedTuple):
    code: int | str | None
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run the command with these words; nothing is a terminal."""

    def command(*words: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(words)
        return Ended(ended.value.code, *capsys.readouterr())

    return command


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What rich prints to is a terminal of 80 columns."""
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": "80", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)


def process(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "lossary", *words]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env={**os.environ, **env}, check=False
    )


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


# --- list ------------------------------------------------------------------------------------------------------------


def test_list_names_every_loss_on_a_line_of_its_own_when_piped(run: Callable[..., Ended]) -> None:
    code, out, err = run("list")
    assert (code, err) == (0, "")
    rows = [re.split(r" {2,}", line) for line in out.splitlines()]
    assert rows == [[e.family, e.name, e.class_name, e.doc.range, e.doc.meaning] for e in ENTRIES]


@pytest.mark.usefixtures("terminal")
def test_list_cuts_nothing_on_a_terminal_of_80_columns(run: Callable[..., Ended]) -> None:
    out = plain(run("list").out)
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out
    for entry in ENTRIES:
        assert re.search(rf"^{entry.name} ", out, re.MULTILINE)
        assert re.search(rf"^{entry.class_name} ", out, re.MULTILINE)


def test_list_of_a_family_is_that_part_of_the_list(run: Callable[..., Ended]) -> None:
    names = [line.split()[1] for line in run("list", "--family", "regression").out.splitlines()]
    assert names == lossary.losses.regression.__all__


# --- show ------------------------------------------------------------------------------------------------------------


def test_show_explains_a_loss_in_reading_order(run: Callable[..., Ended]) -> None:
    code, out, err = run("show", "huber_loss")
    assert (code, err) == (0, "")
    parts = [
        "huber_loss (regression)\nSquared error near zero, absolute error beyond `delta`.\n",
        "    delta (|err| − ½ delta)  elsewhere\n",
        "Names\n    function       lossary.huber_loss\n    PyTorch        lossary.torch.HuberLoss\n",
        "    also known as  huber_manual\n",
        "Signature\n    huber_loss(predictions, targets, weights=None, *, delta=1.0, axis=None,\n               mask",
        "Arguments\n    predictions  ",
        "Returns\n    In [0, ∞), ",
        "Raises\n    ValueError: ",
        "Source\n    Huber 1964, ",
        "Example\n    >>> huber_loss(",
    ]
    places = [out.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_show_answers_to_every_name_of_a_loss_alike(run: Callable[..., Ended], entry: shelf.Entry) -> None:
    page = run("show", entry.name).out
    assert entry.doc.meaning.split()[0] in page
    assert {run("show", name).out for name in entry.names} == {page}


def test_show_answers_to_an_alias_and_says_so(run: Callable[..., Ended]) -> None:
    page = run("show", "huber_manual").out
    assert page.startswith("huber_loss (regression)\n")
    assert "\n    also known as  huber_manual\n" in page
    assert "did you mean huber_loss" in run("show", "huber_manul").err


def test_show_wraps_everything_but_the_example_at_80_columns(run: Callable[..., Ended]) -> None:
    for entry in ENTRIES:
        page = run("show", entry.name).out
        assert max(map(len, page[: page.index("\nExample\n")].splitlines())) <= 80
        assert not re.search(r"[ \t]$", page, re.MULTILINE)
        for line in entry.doc.example.splitlines():
            assert f"\n    {line}\n" in page  # as in the docstring, to be copied


# --- demo ------------------------------------------------------------------------------------------------------------


def test_demo_hands_its_options_on(run: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr("lossary.cli.demo.run", lambda **options: asked.append(options))
    assert run("demo").code == 0
    words = f"--framework jax --quick --out {tmp_path} --seed 3 --task vae --task regression"
    assert run("demo", *words.split()).code == 0
    assert asked == [
        {"framework": None, "quick": False, "out": Path("lossary-demo"), "seed": 0, "tasks": ()},
        {"framework": "jax", "quick": True, "out": tmp_path, "seed": 3, "tasks": ("vae", "regression")},
    ]


def test_demo_has_the_defaults_of_the_function_it_calls() -> None:
    from lossary.cli.demo import demo
    from lossary.demo import run

    defaults = {name: parameter.default for name, parameter in inspect.signature(run).parameters.items()}
    given = {name: parameter.default for name, parameter in inspect.signature(demo).parameters.items()}
    assert given.pop("task") is None
    assert {**given, "tasks": ()} == defaults


def test_demo_without_a_framework_says_what_to_install(
    run: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("torch", "jax", "flax"):
        monkeypatch.setitem(sys.modules, name, None)
    code, out, err = run("demo", "--out", str(tmp_path))
    assert (code, out) == (2, "")
    assert err == 'lossary: demo: needs PyTorch or JAX: pip install "lossary[torch]" or pip install "lossary[jax]"\n'


# --- errors ----------------------------------------------------------------------------------------------------------

ERRORS = {
    "show hubr_loss": "no loss is called 'hubr_loss'; did you mean huber_loss?",
    "show reduce_loss": "'reduce_loss' is no loss; `python -c 'import lossary; help(lossary.reduce_loss)'` explains it",
    "show mse": "no loss is called 'mse'; did you mean mse_loss or asymmetric_mse_loss?",
    "show xyzzy": "no loss is called 'xyzzy'; `lossary list` names them all",
    "list --family regresion": f"no family is called 'regresion'; there are {', '.join(FAMILIES)}",
    "demo --task gan": f"no task is called 'gan'; there are {', '.join(TASKS)}",
    "catalog --check --write x.md": "--check and --write exclude each other",
}


@pytest.mark.parametrize("words", ERRORS)
def test_what_cannot_be_done_is_one_clear_line(run: Callable[..., Ended], words: str) -> None:
    assert run(*words.split()) == (2, "", f"lossary: {ERRORS[words]}\n")


USAGE = {
    "show": ("missing argument", "lossary show --help"),
    "lst": ("no such command 'lst'", "lossary --help"),
    "list --famly x": ("no such option", "lossary list --help"),
    "list regression": ("extra argument", "lossary list --help"),
    "demo --framework tf": ("'tf' is not one of 'torch', 'jax', 'both'", "lossary demo --help"),
    "demo --seed x": ("'--seed'", "lossary demo --help"),
    "demo --seed -1": ("'--seed'", "lossary demo --help"),
}


@pytest.mark.parametrize("words", USAGE)
def test_wrong_usage_is_one_line_that_says_where_to_read_on(run: Callable[..., Ended], words: str) -> None:
    says, where = USAGE[words]
    code, out, err = run(*words.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("lossary: ")
    assert says in err
    assert err.endswith(f"(see {where})\n")


def test_a_file_that_cannot_be_written_is_one_line(run: Callable[..., Ended], tmp_path: Path) -> None:
    path = tmp_path / "no" / "such" / "page.md"
    assert run("catalog", "--write", str(path)) == (2, "", f"lossary: {path}: No such file or directory\n")


@pytest.mark.parametrize("absent", ["typer", "rich"])
def test_without_typer_or_rich_it_says_what_to_install(
    run: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    monkeypatch.setitem(sys.modules, absent, None)
    line = 'lossary: the command line needs typer and rich: pip install "lossary[cli]"\n'
    assert run("list") == (2, "", line)


# --- the process -----------------------------------------------------------------------------------------------------


def test_version_and_help(run: Callable[..., Ended]) -> None:
    assert run("--version") == (0, f"lossary {version('lossary')}\n", "")
    assert run() == run("--help")
    assert all(f"\n  {command} " in run().out for command in ("list", "show", "demo", "catalog"))


def test_list_loads_no_framework() -> None:
    code = "import sys; from lossary.cli.app import run; run(['list']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert {"torch", "jax", "flax", "matplotlib"}.isdisjoint(done.stdout.splitlines()[-1].split())


def test_version_answers_within_half_a_second() -> None:
    def seconds() -> float:
        """Of processor time, which other work on the machine hardly changes."""
        before = os.times()
        process("--version")
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(seconds() for _ in range(3)) < 0.5


def test_a_reader_that_stops_early_is_no_error() -> None:
    listing = subprocess.Popen(
        [sys.executable, "-m", "lossary", "catalog"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert listing.stdout
    assert listing.stderr
    listing.stdout.close()
    assert listing.stderr.read() == b""
    listing.stderr.close()
    listing.wait()


def test_a_stream_without_unicode_is_no_error() -> None:
    done = process("show", "huber_loss", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "? err?                   where |err| ? delta" in done.stdout


# --- names and docstrings --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", ["torch", "flax"])
def test_the_class_of_every_loss_is_there(package: str) -> None:
    pytest.importorskip(package)
    faces = pytest.importorskip(f"lossary.{package}")
    assert [entry.class_name for entry in ENTRIES if not hasattr(faces, entry.class_name)] == []


def toy_loss(x: float, scale: float) -> float:
    """Nothing but a toy.

        scale · x

          indented more

    Prose.

        code in prose

    Args:
        x: any number,
            in any unit.
        scale: a factor: ≥ 0.

    Returns:
        How much, in nats: in [H(q), ∞) for x > 0, and
        NaN otherwise.

    Raises:
        ValueError: never.

    Source:
        Common sense.

    Example:
        >>> toy_loss(2.0, 3.0)
        6.0
    """
    return scale * x


def altered(old: str, new: str) -> Callable[..., object]:
    """`toy_loss` with something else in its docstring."""

    def toy(x: float) -> float:
        return x

    assert toy_loss.__doc__
    assert old in toy_loss.__doc__
    toy.__doc__ = toy_loss.__doc__.replace(old, new)
    return toy


def test_the_reader_takes_a_docstring_apart() -> None:
    doc = read_docstring(toy_loss)
    assert (doc.name, doc.meaning) == ("toy_loss", "Nothing but a toy.")
    assert doc.formula == "scale · x\n\n  indented more"
    assert doc.prose == "Prose.\n\n    code in prose"
    assert doc.args == {"x": "any number,\nin any unit.", "scale": "a factor: ≥ 0."}
    assert doc.returns == "How much, in nats: in [H(q), ∞) for x > 0, and\nNaN otherwise."
    assert doc.range == "[H(q), ∞) for x > 0"
    assert (doc.raises, doc.source) == ("ValueError: never.", "Common sense.")
    assert doc.example == ">>> toy_loss(2.0, 3.0)\n6.0"


DEFECTS = {
    "no-section": ("Source:", "    Origin", 'the docstring has no "Source:" section'),
    "unknown-section": ("Source:", "Origin:", 'the docstring has an unknown section, "Origin:"'),
    "two-sections": ("Source:", "Raises:", 'the docstring has two "Raises:" sections'),
    "empty-section": ("Common sense.", "", 'the "Source:" section of the docstring is empty'),
    "no-formula": ("    scale · x\n\n          indented more", "", "the docstring has no formula, an indented block"),
    "long-meaning": (
        "but a toy.",
        "but\n    a toy.",
        "the docstring must open with one line of meaning and an empty line",
    ),
    "no-argument": ("x: any number", "any number", 'in "Args:" expected "argument: meaning"; got \'any number,\''),
    "no-range": ("in [H(q), ∞)", "something", '"Returns:" states no range, such as "in [0, ∞)"'),
}


@pytest.mark.parametrize(("old", "new", "says"), DEFECTS.values(), ids=DEFECTS)
def test_a_docstring_off_the_layout_is_refused(old: str, new: str, says: str) -> None:
    with pytest.raises(DocstringError, match=rf"^toy: {re.escape(says)}"):
        read_docstring(altered(old, new))


def test_sections_out_of_order_are_refused() -> None:
    text = (toy_loss.__doc__ or "").replace("Source:", "X:").replace("Example:", "Source:").replace("X:", "Example:")
    toy = altered(toy_loss.__doc__ or "", text)
    with pytest.raises(
        DocstringError, match=r"^toy: the sections .* not in the order Args, Returns, Raises, Source, Example$"
    ):
        read_docstring(toy)


def test_a_loss_without_docstring_is_refused() -> None:
    toy = altered(toy_loss.__doc__ or "", "")
    with pytest.raises(DocstringError, match=r"^toy: has no docstring$"):
        read_docstring(toy)
