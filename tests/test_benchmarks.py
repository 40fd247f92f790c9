"""The benchmarks run, and both sides of each compute the same thing. No time is asserted here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("optax")
pytest.importorskip("typer")

from rich.console import Console

from benchmarks import (
    QUESTIONS,
    class_maps,
    distributions,
    growth,
    importing,
    jax_jitted,
    limits,
    memory,
    overhead,
    pairs,
    report,
    torch_compiled,
    torch_composed,
    torch_native,
)
from benchmarks.harness import Case, Rounds, compare
from benchmarks.profile import profiles
from benchmarks.question import Question, Row, Scale

TINY = Scale(items=2_000, rounds=Rounds(2, 2), compiler=None)
TIMED = (torch_native, overhead, jax_jitted, torch_compiled, torch_composed)


@pytest.fixture(autouse=True, scope="module")
def _compiling_fast() -> Iterator[None]:
    import jax

    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.mark.parametrize("module", TIMED, ids=lambda module: module.__name__.partition(".")[2])
def test_both_sides_compute_the_same(module: ModuleType) -> None:
    cases = list(module.cases(TINY))
    if module is jax_jitted:  # XLA takes its time for each; the gradient comes with the value, and one shape will do
        cases = list({(case.name, case.against): case for case in cases if case.step == jax_jitted.GRADIENT}.values())
    assert cases
    for case in cases:
        _compare_values(case)


@pytest.mark.parametrize("module", [class_maps, pairs, distributions], ids=["class_maps", "pairs", "distributions"])
def test_both_sides_compute_the_same_in_bounded_memory(module: ModuleType) -> None:
    for case in module.cases(TINY):
        ours, theirs = _flat(case.ours()), _flat(case.theirs() if case.theirs else case.ours())
        assert all(np.isfinite(part).all() for part in ours), case.name
        if case.equal:
            for a, b in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max(), err_msg=case.name)
        assert case.memory() > 0, case.name


def test_growth_of_a_square_is_two() -> None:
    assert growth.exponent([1, 2, 4, 8], [3.0, 12.0, 48.0, 192.0]) == pytest.approx(2.0)


def test_a_subject_of_growth_becomes_a_row() -> None:
    row = next(growth.QUESTION.rows(TINY, lambda doing: None))
    assert row.cells[0] == "nt_xent"
    assert len(row.cells) == len(growth.QUESTION.columns)


def test_both_sides_compile() -> None:
    _compare_values(next(torch_compiled.cases(TINY._replace(compiler="eager"))))


def _compare_values(case: Case) -> None:
    with case.setting():
        ours, theirs = _flat(case.ours()), _flat(case.theirs())
    assert all(np.isfinite(part).all() for part in ours), case.name
    if case.against == limits.BANDWIDTH:  # a copy has other arrays: as many numbers as ours reads and writes
        read = {"value": 2, "forward": 2}.get(case.step, 3) * prod(case.shape)
        assert sum(2 * part.size for part in theirs) == read, case.name
        return
    assert len(ours) == len(theirs), case.name
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape, case.name
        if case.equal:
            allowed = 1e-5 * np.abs(b).max()
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=allowed, err_msg=f"{case.name}, {case.step}")


def _flat(result: Any) -> list[Any]:
    parts = result if isinstance(result, tuple) else (result,)
    if len(parts) == 2 and isinstance(parts[1], tuple):  # JAX: the value, and a tuple of gradients
        parts = (parts[0], *parts[1])
    return [np.asarray(part.detach() if hasattr(part, "detach") else part) for part in parts]


def test_a_ratio_lies_between_its_quartiles() -> None:
    ratio = compare(lambda: sum(range(100)), lambda: sum(range(100)), Rounds(5, 5))
    assert 0 < ratio.low <= ratio.median <= ratio.high
    assert min(ratio.ours, ratio.theirs) > 0


def test_a_case_becomes_a_row() -> None:
    row = next(torch_native.QUESTION.rows(TINY, lambda doing: None))
    assert row.cells[:3] == ("mse", "2,000", "forward")
    assert len(row.cells) == len(torch_native.QUESTION.columns)
    assert row.met in (True, False)


def test_importing_lossary_imports_no_framework() -> None:
    seconds, frameworks = importing.imported("lossary")
    assert seconds > 0
    assert frameworks == []


def test_memory_counts_bytes_and_not_the_inputs() -> None:
    import torch

    inputs = [torch.ones(1000), torch.zeros(1000)]
    found = memory.held(lambda p, t: ((p - t) ** 2).mean(), inputs, (0,))
    assert found.saved == 4000 + 4  # the error, and the result
    assert found.peak >= 2 * 4000  # at least the error and its square
    assert memory.held(lambda p, t: p.sum(), inputs, (0,)).saved == 4


def test_results_page(tmp_path: Path) -> None:
    question = Question("one", "One question", "Why.", ("loss", "ratio"), lambda scale, say: iter(()))
    page = tmp_path / "RESULTS.md"
    report.write(page, [(question, [Row(("mse", "1.000"), True), Row(("mae", "2.000"), False)])], TINY)
    text = page.read_text(encoding="utf-8")
    assert (
        "| loss | ratio | verdict |\n| :--- | ---: | :--- |\n| mse | 1.000 | met |\n| mae | 2.000 | **not met** |"
        in text
    )
    assert f"`python -m benchmarks one`, {date.today().isoformat()}. 1 of 2 targets met." in text


def test_a_question_asked_again_leaves_other_sections_alone(tmp_path: Path) -> None:
    one, other = (
        Question(name, f"Question {name}", "Why.", ("loss", "ratio"), lambda scale, say: iter(())) for name in "ab"
    )
    page = tmp_path / "RESULTS.md"
    report.write(page, [(one, [Row(("mse", "1.000"), True)]), (other, [Row(("mae", "2.000"), True)])], TINY)
    report.write(page, [(one, [Row(("mse", "3.000"), True)])], TINY)
    text = page.read_text(encoding="utf-8")
    assert [text.count(part) for part in ("# How fast", "## Question a", "1.000", "3.000", "2.000")] == [1, 1, 0, 1, 1]
    assert text.index("3.000") < text.index("2.000")


def test_names_of_questions_are_distinct() -> None:
    names = [question.name for question in QUESTIONS]
    assert len(set(names)) == len(names)


def test_a_profile_shows_both_sides_of_a_loss(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(width=100)
    assert profiles(console, torch_composed.QUESTION, "charbonnier", TINY) == 2
    shown = capsys.readouterr().out
    assert shown.count("charbonnier 2,000, forward: ours") == 1
    assert shown.count("bare formula") == 2
    assert shown.count("aten::") > 4
    assert profiles(console, torch_composed.QUESTION, "no loss", TINY) == 0
    assert profiles(console, importing.QUESTION, "charbonnier", TINY) == 0


def test_an_unknown_name_is_one_line_and_exit_code_2() -> None:
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "benchmarks", "speed"]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "expected names among torch_native" in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
