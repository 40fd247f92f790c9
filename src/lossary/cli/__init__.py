"""The `lossary` command, one module a command. Importing this package needs neither typer nor rich; `main` does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line on `args` (default: those of the process) and exit with its code."""
    if any(find_spec(needed) is None for needed in ("typer", "rich")):
        print('lossary: the command line needs typer and rich: pip install "lossary[cli]"', file=sys.stderr)
        sys.exit(2)
    from lossary.cli.app import run

    sys.exit(run(args))
