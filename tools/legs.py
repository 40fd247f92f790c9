"""`make legs`: the package where frameworks are missing, on other Pythons than that of .venv.

Each leg is a small environment of its own: the package, built and installed as a user would have it, one framework or
none, and pytest. It runs tests/legs and the examples in the docstrings of the losses, with the releases that pip finds
(not the pins of constraints-dev.txt).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.environment import ROOT, create, install, output, run, step

INSTALLED = "from importlib.util import find_spec; print(*filter(find_spec, {}))"
PYTEST = ("-m", "pytest", "-c", "tests/legs/pytest.ini", "--rootdir", ".", "-p", "conftest")
# The examples of penalties need gradients, which NumPy has not.
TESTS = ("--doctest-modules", "--ignore-glob=*/penalties.py", "--pyargs", "tests/legs", "lossary.losses")


@dataclass(frozen=True)
class Leg:
    """One environment: its name, what must be missing, what pip installs, and the Pythons it may have, best first."""

    name: str
    missing: tuple[str, ...]
    requirements: tuple[str, ...]
    minors: tuple[int, ...]  # x of Python 3.x


LEGS = (
    # The oldest Python with the oldest NumPy that pyproject.toml allows.
    Leg("numpy", ("torch", "jax"), (".", "numpy==2.0.*"), minors=(10, 12, 13, 11)),
    # The last JAX and Flax for the oldest Python are the oldest that pyproject.toml allows.
    Leg("jax-oldest", ("torch",), (".[jax]",), minors=(10,)),
    # The newest JAX, which no longer supports the oldest Pythons.
    Leg("jax", ("torch",), (".[jax]",), minors=(13, 12, 14, 11)),
)


def main() -> None:
    """Run every leg; one that fails ends the run with its exit code."""
    for leg in LEGS:
        found = choose(leg.minors)
        if found is None:
            wanted = ", ".join(f"3.{minor}" for minor in leg.minors)
            print(f"{leg.name} leg skipped: no Python found (looked for {wanted})", flush=True)
        else:
            run_leg(leg, *found)


def choose(minors: tuple[int, ...]) -> tuple[str, int] | None:
    """The first Python of these that is here, with its minor number; the one that runs this comes last."""
    own = sys.version_info.minor
    for minor in sorted(minors, key=lambda minor: minor == own):
        for python in candidates(minor):
            if minor_version(python) == minor:
                return python, minor
    return None


def candidates(minor: int) -> Iterator[str]:
    """Where Python 3.`minor` may be: on the PATH, or among pyenv's."""
    on_path = shutil.which(f"python3.{minor}")
    if on_path is not None:
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob(f"versions/3.{minor}.*/bin/python3")))


def minor_version(python: str) -> int | None:
    """The x of Python 3.x, or None where it does not start or cannot create environments."""
    answer = output(python, "-c", "import sys, ensurepip; print(sys.version_info.minor)")
    return None if answer is None else int(answer)


def run_leg(leg: Leg, python: str, minor: int) -> None:
    """Build the environment of a leg and run its tests there."""
    remark = " (no other Python found)" if minor == sys.version_info.minor else ""
    print(f"{leg.name} leg on Python 3.{minor}{remark}", flush=True)
    venv = ROOT / f".venv-{leg.name}"
    own = str(venv / "bin" / "python")
    if minor_version(own) != minor:  # left by a run with another Python
        shutil.rmtree(venv, ignore_errors=True)
    create(venv, python)
    with step(f"installing {' '.join(leg.requirements)}"):
        install(venv, "--upgrade", "--upgrade-strategy", "eager", "pytest", *leg.requirements)
    present = output(own, "-c", INSTALLED.format(leg.missing))
    if present is None or present.strip():
        sys.exit(f"{venv.name} is to lack {' and '.join(leg.missing)}; remove it and try again")
    run(own, *PYTEST, *TESTS)


if __name__ == "__main__":
    main()
