"""The commands that ask catalogues and keep files: search, download, cache."""

from __future__ import annotations

from typing import Annotated

import typer

from mlbmi import terminal
from mlbmi.cli.options import (
    AllowRequesterPays,
    AoiArgument,
    Baseline,
    CatalogOption,
    CloudCover,
    Collection,
    DaysBack,
    DownloadFolder,
    End,
    EnvFile,
    Index,
    Json,
    Platform,
    Quiet,
    Settings,
    Start,
    Tile,
    Verbose,
)
from mlbmi.cli.root import app, cache_app, plain_errors, several

__all__ = ["cache_ls", "cache_prune", "download", "search"]


@app.command()
def search(
    aoi: AoiArgument,
    *,
    start: Start = None,
    end: End = None,
    days_back: DaysBack = None,
    cloud_cover: CloudCover = None,
    catalog: CatalogOption = None,
    collection: Collection = None,
    tile: Tile = None,
    platform: Platform = None,
    baseline: Baseline = None,
    index: Index = None,
    config: Settings = None,
    env_filename: EnvFile = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """List the scenes that a run would use, and those that it would leave out, with the reason."""
    given = {
        "aoi": aoi,
        "start": start,
        "end": end,
        "days_back": days_back,
        "cloud_cover": cloud_cover,
        "catalog": catalog,
        "collection": collection,
        "tile": several(tile),
        "platform": several(platform),
        "baseline": baseline,
        "index": several(index),
    }
    with plain_errors(quiet=quiet, verbose=verbose):
        from mlbmi.aoi import AOI
        from mlbmi.pipeline import search as find
        from mlbmi.settings import load_config

        settings = load_config(given, toml=config, dotenv=env_filename)
        found = find(
            AOI.from_file(settings.aoi),
            start=settings.start,
            end=settings.end,
            cloud_cover=settings.cloud_cover,
            catalog=settings.catalog,
            collection=settings.collection,
            tiles=settings.tile,
            platforms=settings.platform,
            baseline=settings.baseline,
            indices=settings.index,
        )
        terminal.show_scenes(found, as_json=as_json)
        if not found.scenes:
            raise typer.Exit(3)


@app.command()
def download(
    aoi: AoiArgument,
    *,
    start: Start = None,
    end: End = None,
    days_back: DaysBack = None,
    cloud_cover: CloudCover = None,
    catalog: CatalogOption = None,
    collection: Collection = None,
    tile: Tile = None,
    platform: Platform = None,
    baseline: Baseline = None,
    index: Index = None,
    band: Annotated[
        list[str] | None,
        typer.Option("--band", help="Band to fetch; may be repeated.", show_default="those of the indices, and scl"),
    ] = None,
    out: DownloadFolder = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Files fetched at a time.", show_default="4")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Send no request; say what is there and what is missing.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Hash anew what is there; set damaged files aside and fetch them again.")
    ] = False,
    allow_requester_pays: AllowRequesterPays = False,
    config: Settings = None,
    env_filename: EnvFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is there and what is missing; fetch nothing.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Fetch whole files, each proved before it counts; the same command again goes on, and fetches nothing twice."""
    given = {
        "aoi": aoi,
        "start": start,
        "end": end,
        "days_back": days_back,
        "cloud_cover": cloud_cover,
        "catalog": catalog,
        "collection": collection,
        "tile": several(tile),
        "platform": several(platform),
        "baseline": baseline,
        "index": several(index),
        "workers": workers,
        "allow_requester_pays": allow_requester_pays or None,
    }
    with plain_errors(quiet=quiet, verbose=verbose):
        from mlbmi import terminal_download
        from mlbmi.aoi import AOI
        from mlbmi.pipeline.downloading import download_scenes
        from mlbmi.settings import adopt_credentials, load_config

        settings = load_config(given, toml=config, dotenv=env_filename)
        adopt_credentials(env_filename)
        with terminal.progress(quiet=quiet) as shown:
            result = download_scenes(
                AOI.from_file(settings.aoi),
                settings,
                bands=several(band) or (),
                out=out,
                offline=offline,
                verify=verify,
                dry_run=dry_run,
                progress=shown,
            )
        terminal_download.show_download(result, as_json=as_json)
        if result.exit_code and not dry_run:
            raise typer.Exit(result.exit_code)


@cache_app.command("ls")
def cache_ls(*, out: DownloadFolder = None, as_json: Json = False) -> None:
    """List the files of the download folder, least recently used first."""
    with plain_errors(quiet=False, verbose=False):
        from mlbmi import terminal_download
        from mlbmi.download import Store, default_folder, entries

        store = Store(out or default_folder())
        terminal_download.show_entries(entries(store), store.root, "Files", as_json=as_json)


@cache_app.command("prune")
def cache_prune(
    *,
    limit: Annotated[str, typer.Option("--limit", help="Room to keep, e.g. 20GB; 0 removes all.", metavar="SIZE")],
    out: DownloadFolder = None,
    as_json: Json = False,
) -> None:
    """Remove the least recently used files of the download folder until the rest fits."""
    with plain_errors(quiet=False, verbose=False):
        from mlbmi import terminal_download
        from mlbmi.download import Store, default_folder, parse_size, prune, write_catalogue

        size = parse_size(limit)
        store = Store(out or default_folder())
        removed = prune(store, limit=size)
        write_catalogue(store, ())
        terminal_download.show_entries(removed, store.root, "Removed", as_json=as_json)
