"""What `import lossary` costs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from statistics import quantiles

from .harness import TURNS
from .question import Question, Row, Scale

TARGET = 0.1  # seconds
FRAMEWORKS = ("torch", "jax", "flax", "scipy")

PROGRAM = f"""
import json, sys, time
start = time.perf_counter()
import {{module}}
seconds = time.perf_counter() - start
print(json.dumps([seconds, [name for name in {FRAMEWORKS} if name in sys.modules]]))
"""


def imported(module: str) -> tuple[float, list[str]]:
    """Seconds that the import took in a fresh interpreter, and the frameworks that it brought in."""
    program = [sys.executable, "-c", PROGRAM.format(module=module)]
    seconds, frameworks = json.loads(subprocess.run(program, check=True, capture_output=True, text=True).stdout)
    return seconds, frameworks


def rows(scale: Scale, say: Callable[[str], None]) -> Iterator[Row]:
    for module, target in (("lossary", TARGET), ("numpy", None)):
        say(module)
        runs = [min(imported(module) for _ in range(TURNS)) for _ in range(scale.rounds.least)]
        low, middle, high = quantiles((seconds for seconds, _ in runs), n=4, method="inclusive")
        frameworks = sorted({name for _, names in runs for name in names})
        met = None if target is None else middle < target and not frameworks
        wanted = "" if target is None else f"< {target * 1e3:g}, none"
        times = (f"{middle * 1e3:.1f}", f"{low * 1e3:.1f}–{high * 1e3:.1f}")
        yield Row((f"import {module}", *times, ", ".join(frameworks) or "none", wanted), met)


QUESTION = Question(
    "importing",
    "Importing",
    "Each time in a fresh interpreter; a round is the fastest of a few. `import numpy` is given for scale.",
    ("statement", "ms", "quartiles", "frameworks imported", "target"),
    rows,
)
