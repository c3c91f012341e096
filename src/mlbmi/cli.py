"""The command line: arguments in, exit code out. What is shown is drawn in :mod:`mlbmi.terminal`.

Results go to stdout, log and progress to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 nothing found,
4 finished, but some acquisitions failed and are listed in ``acquisitions.csv``; 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlbmi import terminal
from mlbmi._version import __version__
from mlbmi.errors import MlbmiError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["app", "main"]

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

AoiArgument = Annotated[
    Path,
    typer.Argument(
        help="Outline: GeoJSON, GeoPackage, Shapefile, FlatGeobuf, KML or WKT file; or WKT as text; or west,south,east,north.",
        show_default=False,
    ),
]
Start = Annotated[str | None, typer.Option("--start", help="First day, e.g. 2020-01-01.", show_default=False)]
End = Annotated[str | None, typer.Option("--end", help="Last day, included.", show_default=False)]
DaysBack = Annotated[
    int | None,
    typer.Option(
        "--days-back",
        help="In place of --start: so many days before --end, which is then today (UTC) by default.",
        show_default=False,
        metavar="N",
    ),
]
Tile = Annotated[
    list[str] | None, typer.Option("--tile", help="MGRS tile to keep to, e.g. 33UUU; may be repeated.", show_default="any")
]
Platform = Annotated[
    list[str] | None,
    typer.Option("--platform", help="Satellite to keep to, e.g. sentinel-2a; may be repeated.", show_default="any"),
]
Baseline = Annotated[str | None, typer.Option("--baseline", help="Least processing baseline, e.g. 04.00.", show_default="any")]
CloudCover = Annotated[
    float | None, typer.Option("--cloud-cover", help="Largest clouded share of a whole scene, per cent.", show_default="no limit")
]
CatalogOption = Annotated[
    str | None,
    typer.Option(
        "--catalog",
        help="earth-search, earth-search-c1, planetary-computer, cdse, the URL of a STAC API, or the path of a "
        "catalog.json or STAC-GeoParquet.",
        show_default="STAC_API_URL, else earth-search",
    ),
]
Collection = Annotated[
    str | None, typer.Option("--collection", help="Collection in the catalogue.", show_default="its Sentinel-2 L2A")
]
Index = Annotated[
    list[str] | None, typer.Option("--index", help="Index to compute and cluster; may be repeated.", show_default="ndvi")
]
_CLUSTERING = "Clustering"
_MASKING = "Masking"

NClusters = Annotated[
    str | None,
    typer.Option(
        "--n-clusters",
        help="Number of clusters, 2-255, or auto: chosen by the data.",
        show_default="5",
        metavar="K|auto",
        rich_help_panel=_CLUSTERING,
    ),
]
KRange = Annotated[
    tuple[int, int] | None,
    typer.Option("--k-range", help="From and to, for auto.", show_default="2 10", rich_help_panel=_CLUSTERING),
]
ModeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--mode",
        help="images: each image's grey levels; timeseries: each pixel's series; bands: the colours of a composite; "
        "located: series and place. May be repeated.",
        show_default="images timeseries",
        rich_help_panel=_CLUSTERING,
    ),
]
Pooled = Annotated[
    bool | None,
    typer.Option(
        "--pooled/--each-image",
        help="One exact model for all images, or one for each alone.",
        show_default="pooled",
        rich_help_panel=_CLUSTERING,
    ),
]
BandOption = Annotated[
    list[str] | None,
    typer.Option(
        "--band", help="Band for mode bands; may be repeated.", show_default="blue green red nir", rich_help_panel=_CLUSTERING
    ),
]
BandsDate = Annotated[
    str | None,
    typer.Option(
        "--bands-date", help="Date for mode bands.", show_default="the median of all dates", rich_help_panel=_CLUSTERING
    ),
]
ScalingOption = Annotated[
    str | None,
    typer.Option(
        "--scaling",
        help="none, robust (median and interquantile range), standard, or profile (the shape of each series).",
        show_default="none",
        rich_help_panel=_CLUSTERING,
    ),
]
QuantileRange = Annotated[
    tuple[float, float] | None,
    typer.Option("--quantile-range", help="Per cent, for robust scaling.", show_default="25 75", rich_help_panel=_CLUSTERING),
]
Smoothness = Annotated[
    float | None,
    typer.Option(
        "--smoothness",
        help="Weight of agreement between neighbouring pixels: 0 none, 1 usual.",
        show_default="0",
        rich_help_panel=_CLUSTERING,
    ),
]
LocationWeight = Annotated[
    float | None,
    typer.Option(
        "--location-weight",
        help="Weight of the place in mode located: 1 is that of the series.",
        show_default="0.5",
        rich_help_panel=_CLUSTERING,
    ),
]
Match = Annotated[
    list[Path] | None,
    typer.Option(
        "--match",
        help="Model file of an earlier run to take the clusters' numbers from; may be repeated.",
        show_default=False,
        rich_help_panel=_CLUSTERING,
    ),
]
GridOption = Annotated[
    str | None,
    typer.Option(
        "--grid", help="mosaic: one map of the area; tile: one for each Sentinel-2 tile, never resampled.", show_default="mosaic"
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="Output folder.", show_default="mlbmi-out")]
Seed = Annotated[
    int | None,
    typer.Option("--seed", help="Seed of all that is random.", show_default="0", rich_help_panel=_CLUSTERING),
]
SclKeep = Annotated[
    list[int] | None,
    typer.Option(
        "--scl-keep", help="Scene class that is clear; may be repeated.", show_default="4 5 6 7", rich_help_panel=_MASKING
    ),
]
Dilate = Annotated[
    float | None,
    typer.Option(
        "--dilate",
        help="Grow clouds and shadows by so many metres.",
        show_default="0",
        metavar="METRES",
        rich_help_panel=_MASKING,
    ),
]
IndexDtype = Annotated[
    str | None, typer.Option("--index-dtype", help="int16 (x 1e-4) or float32 in the index files.", show_default="int16")
]
MinObservations = Annotated[
    int | None,
    typer.Option(
        "--min-observations",
        help="Clear dates that a pixel's series needs.",
        show_default="by the dates",
        rich_help_panel=_CLUSTERING,
    ),
]
Figures = Annotated[
    bool | None,
    typer.Option("--figures/--no-figures", help="Draw figures: two a date, a third of a second each.", show_default="figures"),
]
Workers = Annotated[int | None, typer.Option("--workers", help="Dates read at a time.", show_default="4")]
Settings = Annotated[Path | None, typer.Option("--config", help="TOML file with the same settings.", show_default=False)]
EnvFile = Annotated[
    Path | None,
    typer.Option(
        "--env-filename", help="File of environment variables: STAC_API_URL, MLBMI_….", show_default=".env, if there is one"
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be read, and read no pixel.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace another run's results in the output folder.")]
DownloadFolder = Annotated[
    Path | None, typer.Option("--out", help="Download folder.", show_default="assets, in the user's cache folder")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no log below warnings.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log every step to stderr.")]


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
    index_dtype: IndexDtype = None,
    figures: Figures = None,
    workers: Workers = None,
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
        "tile": _tuple(tile),
        "platform": _tuple(platform),
        "baseline": baseline,
        "index": _tuple(index),
        "grid": grid,
        "out": out,
        "n_clusters": n_clusters,
        "k_range": k_range,
        "mode": _tuple(mode),
        "pooled": pooled,
        "bands": _tuple(band),
        "bands_date": bands_date,
        "scaling": scaling,
        "quantile_range": quantile_range,
        "smoothness": smoothness,
        "location_weight": location_weight,
        "min_observations": min_observations,
        "match": _tuple(match),
        "seed": seed,
        "scl_keep": _tuple(scl_keep),
        "dilate_m": dilate,
        "index_dtype": index_dtype,
        "figures": figures,
        "workers": workers,
        "overwrite": overwrite or None,
    }
    with _plain_errors(quiet=quiet, verbose=verbose):
        from mlbmi.config import load_config
        from mlbmi.pipeline import plan

        settings = load_config(given, toml=config, dotenv=env_filename)
        if dry_run:
            terminal.show_plan(plan(settings), as_json=as_json)
        else:
            _run(settings, as_json=as_json, quiet=quiet)


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
    with _plain_errors(quiet=quiet, verbose=verbose):
        from mlbmi.config import load_config
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
        _run(load_config(given, environment={}), as_json=as_json, quiet=quiet)


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
    figures: Figures = None,
    workers: Workers = None,
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
        "tile": _tuple(tile),
        "platform": _tuple(platform),
        "baseline": baseline,
        "grid": grid,
        "out": out,
        "date_tolerance_days": date_tolerance,
        "any_year": any_year or None,
        "scl_keep": _tuple(scl_keep),
        "dilate_m": dilate,
        "figures": figures,
        "workers": workers,
        "overwrite": overwrite or None,
    }
    with _plain_errors(quiet=quiet, verbose=verbose):
        from mlbmi.config import load_config
        from mlbmi.pipeline import period_of_model, plan, settings_of_model

        defaults = {} if any_year else period_of_model(model)
        settings = load_config({**given, **settings_of_model(model)}, toml=config, dotenv=env_filename, defaults=defaults)
        if dry_run:
            terminal.show_plan(plan(settings), as_json=as_json)
        else:
            _run(settings, as_json=as_json, quiet=quiet)


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
        "tile": _tuple(tile),
        "platform": _tuple(platform),
        "baseline": baseline,
        "index": _tuple(index),
    }
    with _plain_errors(quiet=quiet, verbose=verbose):
        from mlbmi.aoi import AOI
        from mlbmi.config import load_config
        from mlbmi.pipeline import search as find

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
        "tile": _tuple(tile),
        "platform": _tuple(platform),
        "baseline": baseline,
        "index": _tuple(index),
        "workers": workers,
    }
    with _plain_errors(quiet=quiet, verbose=verbose):
        from mlbmi import terminal_download
        from mlbmi.aoi import AOI
        from mlbmi.config import load_config
        from mlbmi.pipeline.downloading import download_scenes

        settings = load_config(given, toml=config, dotenv=env_filename)
        with terminal.progress(quiet=quiet) as shown:
            result = download_scenes(
                AOI.from_file(settings.aoi),
                settings,
                bands=_tuple(band) or (),
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
    with _plain_errors(quiet=False, verbose=False):
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
    with _plain_errors(quiet=False, verbose=False):
        from mlbmi import terminal_download
        from mlbmi.download import Store, default_folder, parse_size, prune, write_catalogue

        size = parse_size(limit)
        store = Store(out or default_folder())
        removed = prune(store, limit=size)
        write_catalogue(store, ())
        terminal_download.show_entries(removed, store.root, "Removed", as_json=as_json)


@app.command()
def doctor(*, as_json: Json = False) -> None:
    """Check this installation: versions, drivers, threads, folders. Exit code 1 if something does not work."""
    from mlbmi.diagnosis import diagnose

    checks = diagnose()
    terminal.show_checks(checks, as_json=as_json)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _run(settings: Any, *, as_json: bool, quiet: bool) -> None:
    from mlbmi.pipeline import run as run_pipeline

    with terminal.progress(quiet=quiet) as shown:
        result = run_pipeline(settings, progress=shown)
    terminal.show_result(result, as_json=as_json)
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _tuple(values: list[Any] | None) -> tuple[Any, ...] | None:
    return tuple(values) if values else None


@contextmanager
def _plain_errors(*, quiet: bool, verbose: bool) -> Iterator[None]:
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
