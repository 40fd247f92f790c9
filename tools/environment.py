"""Virtual environments in a few lines: create one, install into it, say what is happening and how long it took."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def step(message: str) -> Iterator[None]:
    """One line for one step: what happens, then how long it took."""
    print(f"{message} ...", end=" ", flush=True)
    start = time.monotonic()
    yield
    print(f"{time.monotonic() - start:.0f} s", flush=True)


def create(venv: Path, python: str = sys.executable) -> None:
    """Make `venv` unless it is there and its pip works."""
    if succeeds(str(venv / "bin" / "python"), "-m", "pip", "--version"):
        return
    if python == sys.executable and importlib.util.find_spec("ensurepip") is None:
        sys.exit(f"{python} lacks ensurepip: install its venv package (Debian, Ubuntu: apt install python3-venv)")
    with step(f"creating {venv.name}"):
        run(python, "-m", "venv", "--clear", str(venv))


def install(venv: Path, *arguments: str) -> None:
    """`pip install` that prints errors only."""
    run(str(venv / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *arguments)


def run(*command: str) -> None:
    """Run a command in the project's folder and let it print; end with its exit code if it fails."""
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code != 0:
        sys.exit(code)


def succeeds(*command: str) -> bool:
    """Whether a command starts and ends well; what it prints is dropped."""
    return output(*command) is not None


def output(*command: str) -> str | None:
    """What a command prints, or None where it does not start or fails (a dangling link, a shim without its Python)."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
