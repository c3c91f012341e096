"""The command that checks: doctor."""

from __future__ import annotations

import typer

from mlbmi import terminal
from mlbmi.cli.options import Json
from mlbmi.cli.root import app

__all__ = ["doctor"]


@app.command()
def doctor(*, as_json: Json = False) -> None:
    """Check this installation: versions, drivers, threads, folders. Exit code 1 if something does not work."""
    from mlbmi.diagnosis import diagnose

    checks = diagnose()
    terminal.show_checks(checks, as_json=as_json)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
