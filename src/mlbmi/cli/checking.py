"""The command that checks: doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlbmi import terminal
from mlbmi.cli.options import Collection, EnvFile, Json
from mlbmi.cli.root import app, plain_errors

__all__ = ["doctor"]


@app.command()
def doctor(
    *,
    catalog: Annotated[
        str | None,
        typer.Option("--catalog", help="Check this catalogue instead: its name, URL or path.", show_default=False),
    ] = None,
    collection: Collection = None,
    aoi: Annotated[
        Path | None,
        typer.Option("--aoi", help="Place that the catalogue should show.", show_default="the Döberitzer Heide near Berlin"),
    ] = None,
    env_filename: EnvFile = None,
    as_json: Json = False,
) -> None:
    """Check this installation, or with --catalog whether that can be searched and read from here, and say what to do if not.

    Exit code 1 if something does not work.
    """
    with plain_errors(quiet=True, verbose=False):
        from mlbmi.diagnosis import diagnose

        if catalog is None:
            checks = diagnose()
        else:
            from mlbmi.aoi import AOI
            from mlbmi.diagnosis import diagnose_catalogue
            from mlbmi.settings import adopt_credentials

            adopt_credentials(env_filename)
            checks = diagnose_catalogue(catalog, collection=collection, aoi=None if aoi is None else AOI.from_file(aoi))
        terminal.show_checks(checks, as_json=as_json)
        if not all(check.ok for check in checks):
            raise typer.Exit(1)
