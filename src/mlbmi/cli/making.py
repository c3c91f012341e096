"""The commands that make maps: run, demo, apply."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlbmi import terminal
from mlbmi.cli.options import (
    AllowRequesterPays,
    AoiArgument,
    BandOption,
    BandsDate,
    Baseline,
    CatalogOption,
    CloudCover,
    Collection,
    DaysBack,
    Dilate,
    DryRun,
    End,
    EnvFile,
    Figures,
    GridOption,
    Index,
    IndexDtype,
    Json,
    KRange,
    LocationWeight,
    Match,
    MinObservations,
    ModeOption,
    NClusters,
    NSig,
    Out,
    OutlierDates,
    Overwrite,
    Platform,
    Pooled,
    QuantileRange,
    Quiet,
    ScalingOption,
    SclKeep,
    Seed,
    Settings,
    Smoothness,
    Speckle,
    Start,
    Tile,
    Verbose,
    Workers,
)
from mlbmi.cli.root import app, plain_errors, run_shown, several

__all__ = ["apply", "demo", "run"]


@app.command()
def run(
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
    grid: GridOption = None,
    out: Out = None,
    n_clusters: NClusters = None,
    k_range: KRange = None,
    mode: ModeOption = None,
    pooled: Pooled = None,
    band: BandOption = None,
    bands_date: BandsDate = None,
    scaling: ScalingOption = None,
    quantile_range: QuantileRange = None,
    smoothness: Smoothness = None,
    location_weight: LocationWeight = None,
    min_observations: MinObservations = None,
    match: Match = None,
    seed: Seed = None,
    scl_keep: SclKeep = None,
    dilate: Dilate = None,
    speckle: Speckle = None,
    n_sig: NSig = None,
    outlier_dates: OutlierDates = None,
    index_dtype: IndexDtype = None,
    figures: Figures = None,
    workers: Workers = None,
    allow_requester_pays: AllowRequesterPays = False,
    config: Settings = None,
    env_filename: EnvFile = None,
    dry_run: DryRun = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Search, read, mask, compute, cluster and write, from an outline and two dates to labelled maps."""
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
        "grid": grid,
        "out": out,
        "n_clusters": n_clusters,
        "k_range": k_range,
        "mode": several(mode),
        "pooled": pooled,
        "bands": several(band),
        "bands_date": bands_date,
        "scaling": scaling,
        "quantile_range": quantile_range,
        "smoothness": smoothness,
        "location_weight": location_weight,
        "min_observations": min_observations,
        "match": several(match),
        "seed": seed,
        "scl_keep": several(scl_keep),
        "dilate_m": dilate,
        "speckle": speckle,
        "n_sig": n_sig,
        "outlier_dates": outlier_dates,
        "index_dtype": index_dtype,
        "figures": figures,
        "workers": workers,
        "allow_requester_pays": allow_requester_pays or None,
        "overwrite": overwrite or None,
    }
    with plain_errors(quiet=quiet, verbose=verbose):
        from mlbmi.pipeline import plan
        from mlbmi.settings import adopt_credentials, load_config

        settings = load_config(given, toml=config, dotenv=env_filename)
        adopt_credentials(env_filename)
        if dry_run:
            terminal.show_plan(plan(settings), as_json=as_json)
        else:
            run_shown(settings, as_json=as_json, quiet=quiet)


@app.command()
def demo(
    *,
    out: Annotated[Path, typer.Option("--out", help="Output folder.")] = Path("mlbmi-demo"),
    n_clusters: NClusters = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Map a simulated nature reserve: no network, no account, no server."""
    with plain_errors(quiet=quiet, verbose=verbose):
        from mlbmi.settings import load_config
        from mlbmi.simulate import build_cached

        with terminal.progress(quiet=quiet) as shown:
            shown.start("simulate", 1)
            simulation = build_cached()
            shown.advance("simulate")
        given = {
            "aoi": simulation.aoi,
            "start": simulation.recipe.dates[0],
            "end": simulation.recipe.dates[-1],
            "catalog": str(simulation.catalog),
            "credit": "Simulated data",
            "out": out,
            "n_clusters": n_clusters,
            "overwrite": overwrite or None,
        }
        run_shown(load_config(given, environment={}), as_json=as_json, quiet=quiet)


@app.command()
def apply(
    model: Annotated[Path, typer.Argument(help="Model file of a run: model_<mode>_<index>_k<K>.json.", show_default=False)],
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
    grid: GridOption = None,
    out: Out = None,
    date_tolerance: Annotated[
        int | None,
        typer.Option("--date-tolerance", help="Most days between a date of the model and its image.", show_default="5"),
    ] = None,
    any_year: Annotated[bool, typer.Option("--any-year", help="Compare days of the year, whatever the year.")] = False,
    scl_keep: SclKeep = None,
    dilate: Dilate = None,
    speckle: Speckle = None,
    n_sig: NSig = None,
    outlier_dates: OutlierDates = None,
    figures: Figures = None,
    workers: Workers = None,
    allow_requester_pays: AllowRequesterPays = False,
    config: Settings = None,
    env_filename: EnvFile = None,
    dry_run: DryRun = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Give new dates, or another area, the clusters of an earlier run; say what of them its model does not fit.

    A model of series knows its dates: without --start and --end, the period is theirs.
    """
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
        "grid": grid,
        "out": out,
        "date_tolerance_days": date_tolerance,
        "any_year": any_year or None,
        "scl_keep": several(scl_keep),
        "dilate_m": dilate,
        "speckle": speckle,
        "n_sig": n_sig,
        "outlier_dates": outlier_dates,
        "figures": figures,
        "workers": workers,
        "allow_requester_pays": allow_requester_pays or None,
        "overwrite": overwrite or None,
    }
    with plain_errors(quiet=quiet, verbose=verbose):
        from mlbmi.pipeline import period_of_model, plan, settings_of_model
        from mlbmi.settings import adopt_credentials, load_config

        defaults = {} if any_year else period_of_model(model)
        settings = load_config({**given, **settings_of_model(model)}, toml=config, dotenv=env_filename, defaults=defaults)
        adopt_credentials(env_filename)
        if dry_run:
            terminal.show_plan(plan(settings), as_json=as_json)
        else:
            run_shown(settings, as_json=as_json, quiet=quiet)
