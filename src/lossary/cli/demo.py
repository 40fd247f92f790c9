"""`lossary demo`: train on real data and write a report."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from lossary.cli.errors import Refusal
from lossary.demo import TASKS, run


class Framework(str, Enum):
    """What `--framework` takes."""

    TORCH = "torch"
    JAX = "jax"
    BOTH = "both"


def demo(
    framework: Annotated[
        Framework | None,
        typer.Option(metavar="torch|jax|both", help="What to train with.", show_default="whatever is installed"),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A short run, under a minute on two cores.")] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the report and its pictures.")] = Path(
        "lossary-demo"
    ),
    seed: Annotated[
        int, typer.Option(metavar="N", help="Seed of the data, the models and the order of the batches.", min=0)
    ] = 0,
    task: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help=f"Only this task; may be given more than once. There are {', '.join(TASKS)}."
        ),
    ] = None,
) -> None:
    """Train on real data and write a report.

    Small models learn real tasks, each with several losses; tables, curves and pictures go into one page of HTML that
    opens offline.
    """
    for name in task or ():
        if name not in TASKS:
            raise Refusal(f"no task is called {name!r}; there are {', '.join(TASKS)}")
    try:
        run(framework=framework and framework.value, quick=quick, out=out, seed=seed, tasks=tuple(task or ()))
    except ImportError as error:  # its text says what to install
        raise Refusal(str(error)) from error
