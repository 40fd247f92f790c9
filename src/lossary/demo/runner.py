"""Run the tasks one after the other and write what came out."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from . import report
from .experiment import Job
from .section import Section
from .terminal import Terminal

__all__ = ["run_tasks"]


def run_tasks(
    frameworks: tuple[str, ...], tasks: Sequence[str], absent: Mapping[str, str], *, quick: bool, out: Path, seed: int
) -> Path:
    """Run `tasks` in `frameworks`, and say which are `absent` and why; the path of the report."""
    started = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    terminal = Terminal()
    for name, needed in absent.items():
        terminal.line(f"{name} is left out: it needs {needed}")
    sections: list[Section] = []
    for name in dict.fromkeys(tasks):
        task: ModuleType = import_module(f".{name}", __package__)
        job = Job(frameworks, task.QUICK if quick else task.FULL, out, seed, terminal.progress)
        sections.append(task.run(job))
    for section in sections:
        terminal.section(section)
    seconds = time.perf_counter() - started
    _write_numbers(sections, frameworks, quick=quick, seed=seed, seconds=seconds, path=out / "results.json")
    path = report.write(sections, _facts(frameworks, quick=quick, seed=seed, seconds=seconds), out / "report.html")
    terminal.line(f"report: {path}")
    return path


def _facts(frameworks: Sequence[str], *, quick: bool, seed: int, seconds: float) -> str:
    used = ", ".join(f"{name} {version(name)}" for name in (*frameworks, "numpy"))
    return f"{'Quick' if quick else 'Full'} run in {seconds:.0f} s with seed {seed}: {used}."


def _write_numbers(
    sections: Sequence[Section], frameworks: Sequence[str], *, quick: bool, seed: int, seconds: float, path: Path
) -> None:
    results: dict[str, Any] = {
        "quick": quick,
        "seed": seed,
        "seconds": round(seconds, 1),
        "frameworks": {name: version(name) for name in frameworks},
        "tasks": {section.name: section.numbers for section in sections},
    }
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
