"""The commands put together, and what happens when one fails."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated, cast

import typer

from lossary.cli.catalog import catalog
from lossary.cli.demo import demo
from lossary.cli.errors import Refusal
from lossary.cli.listing import list_losses
from lossary.cli.show import show

# typer's own error class has moved between its releases; the public BadParameter has always been a usage error.
UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])

app = typer.Typer(
    name="lossary",
    help="Loss functions for PyTorch, JAX and NumPy: what there is, what it means, and how it trains.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("list")(list_losses)
app.command("show")(show)
app.command("demo")(demo)
app.command("catalog")(catalog)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lossary {version('lossary')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _lossary(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run(args: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every error a user can mend is one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # "≥" must not end a command on a terminal that cannot show it
    try:
        return app(list(sys.argv[1:] if args is None else args), prog_name="lossary", standalone_mode=False) or 0
    except Refusal as error:
        return _fail(str(error), error.exit_code)
    except UsageError as error:
        return _fail(_usage(error), 2)
    except (typer.Abort, KeyboardInterrupt):
        return _fail("interrupted", 130)
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), 2)


def _usage(error: Exception) -> str:
    """typer's own text on one line, and where to read on."""
    text = " ".join(str(getattr(error, "format_message", error.__str__)()).split())
    text = text.replace("Value error, ", "").rstrip(".")  # typer validates with pydantic, whose prefix says nothing
    command = getattr(getattr(error, "ctx", None), "command_path", "lossary")
    return f"{text[:1].lower()}{text[1:]} (see {command} --help)"


def _fail(text: str, code: int) -> int:
    print(f"lossary: {text}", file=sys.stderr)
    return code
