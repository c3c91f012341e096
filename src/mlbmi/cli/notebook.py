"""The original notebook's command: its own flags as spelled there, and the same output folder as ``run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from mlbmi import terminal
from mlbmi.cli.options import AllowRequesterPays, CatalogOption, Json, Out, Overwrite
from mlbmi.cli.root import app, plain_errors

if TYPE_CHECKING:
    from mlbmi.config import RunConfig

__all__ = ["kmeans_ndvi"]

_MANY = ("--band_names", "--n_clusters")
_RESERVE = "doeberitzer_multipolygon.geojson"


class _ManyValues(TyperCommand):
    """Lets an option take several values after one flag, as the notebook's command did: ``--band_names b04 b08``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat the flag before each of its values."""
        return super().parse_args(ctx, _spread(args))


def _spread(words: list[str]) -> list[str]:
    """Repeat a flag of many values before each of them.

    Examples
    --------
    >>> _spread(["--band_names", "b04", "b08", "--quiet"])
    ['--band_names', 'b04', '--band_names', 'b08', '--quiet']
    """
    spread: list[str] = []
    flag = ""
    for word in words:
        if word.startswith("-"):
            flag = word if word in _MANY else ""
        elif flag and spread and spread[-1] != flag:
            spread.append(flag)
        spread.append(word)
    return spread


@app.command("kmeans-ndvi", cls=_ManyValues)
def kmeans_ndvi(
    *,
    geojson: Annotated[str, typer.Option("--geojson", help="Outline; the reserve's own comes with the package.")] = _RESERVE,
    start_date: Annotated[str, typer.Option("--start_date", help="First day.")] = "2020-01-01",
    end_date: Annotated[str, typer.Option("--end_date", help="Last day, included.")] = "2020-02-01",
    days_back: Annotated[
        int | None, typer.Option("--days_back", help="In place of --start_date: days before --end_date.", show_default=False)
    ] = None,
    cloud_cover: Annotated[float, typer.Option("--cloud_cover", help="Largest clouded share of a scene, per cent.")] = 1,
    collection: Annotated[str, typer.Option("--collection", help="Collection in the catalogue.")] = "sentinel-s2-l2a-cogs",
    band_names: Annotated[
        list[str] | None,
        typer.Option("--band_names", help="Bands at hand, several after one flag.", show_default="those of the indices"),
    ] = None,
    scene_id: Annotated[str | None, typer.Option("--scene_id", help="Tile to keep to, e.g. 33UUU.", show_default="any")] = None,
    ndvi: Annotated[bool, typer.Option("--ndvi", help="NDVI; the default where no index is named.")] = False,
    gci: Annotated[bool, typer.Option("--gci", help="Green chlorophyll index.")] = False,
    rci: Annotated[bool, typer.Option("--rci", help="Red-edge chlorophyll index.")] = False,
    wdrvi: Annotated[bool, typer.Option("--wdrvi", help="Wide dynamic range vegetation index.")] = False,
    alpha: Annotated[float, typer.Option("--alpha", help="Weight of the near infrared in WDRVI.")] = 0.1,
    n_clusters: Annotated[
        list[int] | None,
        typer.Option("--n_clusters", help="Number of clusters; of several, a folder each.", show_default="5"),
    ] = None,
    quantile_range: Annotated[
        tuple[float, float], typer.Option("--quantile_range", help="Quantiles of the scaling, per cent.")
    ] = (1, 99),
    n_sig: Annotated[float, typer.Option("--n_sig", help="Values so many sigma off their series become missing.")] = 10,
    no_scl: Annotated[bool, typer.Option("--no_scl", help="Leave clouds and shadows in.")] = False,
    download: Annotated[bool, typer.Option("--download", help="Fetch whole files first.")] = False,
    allow_requester_pays: AllowRequesterPays = False,
    env_filename: Annotated[str, typer.Option("--env_filename", help="File of environment variables.")] = ".env",
    catalog: CatalogOption = None,
    out: Out = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log every step.")] = False,
    verbose_plot: Annotated[bool, typer.Option("--verbose_plot", help="Show the figures when they are done.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no log below warnings.")] = False,
) -> None:
    """Do what the original notebook did, flag for flag; the output folder is that of `mlbmi run --grid tile`."""
    with plain_errors(quiet=quiet, verbose=verbose):
        from mlbmi.kmeans_ndvi import KMeansBMI
        from mlbmi.kmeans_ndvi.running import bands_of, run_configs
        from mlbmi.settings import adopt_credentials

        adopt_credentials(Path(env_filename) if env_filename not in ("", ".env") else None)
        named = {"ndvi": ndvi, "gci": gci, "rci": rci, "wdrvi": wdrvi}
        indices = [name for name, asked in named.items() if asked] or ["ndvi"]
        notebook = KMeansBMI(
            geojson=geojson,
            start_date=start_date,
            end_date=end_date,
            days_back=days_back,
            cloud_cover=cloud_cover,
            collection=collection,
            band_names=band_names or bands_of(indices),
            scene_id=scene_id,
            catalog=catalog,
            download=download,
            allow_requester_pays=allow_requester_pays,
            no_scl=no_scl,
            env_filename=env_filename,
            alpha=alpha,
            n_sig=n_sig,
            n_clusters=n_clusters or 5,
            quantile_range=quantile_range,
            verbose=verbose,
            quiet=quiet,
        )
        configs = run_configs(notebook, indices, out=out, overwrite=overwrite)
        codes = [_one_run(config, as_json=as_json, quiet=quiet, verbose_plot=verbose_plot) for config in configs]
        if any(codes):
            raise typer.Exit(max(codes))


def _one_run(config: RunConfig, *, as_json: bool, quiet: bool, verbose_plot: bool) -> int:
    from mlbmi.kmeans_ndvi.running import show_figures
    from mlbmi.pipeline import run as run_pipeline

    with terminal.progress(quiet=quiet) as shown:
        result = run_pipeline(config, progress=shown)
    terminal.show_result(result, as_json=as_json)
    if verbose_plot:
        show_figures(result.out)
    return result.exit_code
