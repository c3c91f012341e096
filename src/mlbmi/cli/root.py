"""The commands' common ground: the program itself, how it starts, and how it ends."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlbmi import terminal
from mlbmi._version import __version__
from mlbmi.errors import MlbmiError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["app", "cache_app", "main", "plain_errors", "run_shown", "several"]

EXIT_STOPPED = 130
"""As a shell reports a process that Ctrl-C ended: 128 + SIGINT."""

app = typer.Typer(
    name="mlbmi",
    help="From an outline and two dates to a trustworthy, unsupervised map of vegetation, from Sentinel-2.",
    epilog="Exit codes: 0 done · 1 failed · 2 wrong usage or input · 3 nothing found · 4 finished, some acquisitions failed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

cache_app = typer.Typer(
    help="What lies in the download folder, and making room in it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(cache_app, name="cache")


def main() -> None:
    """Run the command line and exit with its code."""
    app([_as_word(word) for word in sys.argv[1:]])


def _as_word(word: str) -> str:
    """Put a blank before a box that begins with a minus sign, so that it is not taken for an option."""
    return f" {word}" if re.fullmatch(r"-[\d.]+([, ]+-?[\d.]+){3}", word) else word


@app.callback(invoke_without_command=True)
def _root(*, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(f"mlbmi {__version__}")
        raise typer.Exit


def run_shown(settings: Any, *, as_json: bool, quiet: bool) -> None:
    """Run the pipeline with its progress shown, show the result, and exit with its code."""
    from mlbmi.pipeline import run as run_pipeline

    with terminal.progress(quiet=quiet) as shown:
        result = run_pipeline(settings, progress=shown)
    terminal.show_result(result, as_json=as_json)
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def several(values: list[Any] | None) -> tuple[Any, ...] | None:
    """Return an option that may be repeated as a setting: None where it was not given."""
    return tuple(values) if values else None


@contextmanager
def plain_errors(*, quiet: bool, verbose: bool) -> Iterator[None]:
    """Turn the errors that we raise on purpose into one line and an exit code; let all others show where they come from."""
    terminal.set_up_log(quiet=quiet, verbose=verbose)
    try:
        yield
    except MlbmiError as error:
        terminal.show_error(error)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt:
        terminal.show_stopped()
        raise typer.Exit(EXIT_STOPPED) from None
    except BrokenPipeError:
        # The reader of stdout has gone (`mlbmi search … | head`); Python must not complain again at exit.
        sys.stdout = None
        raise typer.Exit(0) from None
