"""The options of the command line, each once: its type, its name and its help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_CLUSTERING = "Clustering"
_MASKING = "Masking"
_SERIES = "Series"

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
AoiCloudCover = Annotated[
    float | None,
    typer.Option(
        "--aoi-cloud-cover",
        help="Largest share of the area that is not clear in a scene, per cent; seen in an overview of its classes.",
        show_default="no limit",
    ),
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
Offset = Annotated[
    str | None,
    typer.Option(
        "--offset",
        help="DN offset of processing baseline 04.00: auto (pixels, else metadata), metadata, none or -1000.",
        show_default="auto",
        metavar="auto|metadata|none|-1000",
        rich_help_panel=_MASKING,
    ),
]
Speckle = Annotated[
    int | None,
    typer.Option(
        "--speckle",
        help="Keep patches of cloud of at most so many 20 m pixels: bright roofs.",
        show_default="0",
        metavar="PIXELS",
        rich_help_panel=_MASKING,
    ),
]
NSig = Annotated[
    float | None,
    typer.Option(
        "--n-sig",
        help="Values more than so many sigma off their pixel's series are outliers: missing; 0: keep all.",
        show_default="10",
        rich_help_panel=_MASKING,
    ),
]
OutlierDates = Annotated[
    str | None,
    typer.Option(
        "--outlier-dates",
        help="Dates under a veil of haze: warn, leave-out or ignore.",
        show_default="warn",
        rich_help_panel=_MASKING,
    ),
]
Coregister = Annotated[
    bool | None,
    typer.Option(
        "--coregister/--no-coregister",
        help="Move dates that lie beside the others back, by whole pixels, where that is sure.",
        show_default="no-coregister",
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
Composite = Annotated[
    str | None,
    typer.Option(
        "--composite",
        help="Period of composites for series: MS (months), 10D (ten days), QS, YS.",
        show_default="none",
        metavar="PERIOD",
        rich_help_panel=_SERIES,
    ),
]
CompositeMethodOption = Annotated[
    str | None,
    typer.Option(
        "--composite-method",
        help="median, mean, medoid (the date nearest to the others) or max (the greenest date).",
        show_default="median",
        rich_help_panel=_SERIES,
    ),
]
Fill = Annotated[
    str | None,
    typer.Option(
        "--fill",
        help="How gaps are filled: none, linear, whittaker, savgol (on composites) or harmonic.",
        show_default="none",
        rich_help_panel=_SERIES,
    ),
]
MaxGap = Annotated[
    float | None,
    typer.Option(
        "--max-gap",
        help="Most days between the observations beside a gap.",
        show_default="60",
        metavar="DAYS",
        rich_help_panel=_SERIES,
    ),
]
WhittakerLambda = Annotated[
    str | None,
    typer.Option(
        "--whittaker-lambda",
        help="In days cubed; auto: one for all pixels, by leaving observations out; cv or vcurve: for each pixel.",
        show_default="auto",
        rich_help_panel=_SERIES,
    ),
]
WhittakerRobust = Annotated[
    str | None,
    typer.Option(
        "--whittaker-robust",
        help="none; bisquare: outliers weigh less; upper: what lies below the curve weighs less.",
        show_default="none",
        rich_help_panel=_SERIES,
    ),
]
KeepObserved = Annotated[
    bool | None,
    typer.Option(
        "--keep-observed/--smooth-observed",
        help="Leave observations as they are, or put the curve in their place.",
        show_default="keep",
        rich_help_panel=_SERIES,
    ),
]
Phenology = Annotated[
    bool | None,
    typer.Option(
        "--phenology/--no-phenology",
        help="Measure seasons: start, peak, end, amplitude, integral.",
        show_default="no",
        rich_help_panel=_SERIES,
    ),
]
Trend = Annotated[
    str | None,
    typer.Option(
        "--trend",
        help="none, plain (over all dates) or seasonal (the same months of different years).",
        show_default="none",
        rich_help_panel=_SERIES,
    ),
]
Workers = Annotated[
    int | None, typer.Option("--workers", help="Dates computed at a time; the next ones are read meanwhile.", show_default="4")
]
AllowRequesterPays = Annotated[
    bool,
    typer.Option("--allow-requester-pays", help="Read files that you pay for; else the cost is named and nothing is read."),
]
Settings = Annotated[Path | None, typer.Option("--config", help="TOML file with the same settings.", show_default=False)]
EnvFile = Annotated[
    Path | None,
    typer.Option(
        "--env-filename",
        help="File of environment variables: STAC_API_URL, MLBMI_…, keys.",
        show_default=".env, if there is one",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be read, and read no pixel.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace another run's results in the output folder.")]
Download = Annotated[
    bool | None,
    typer.Option(
        "--download/--stream",
        help="Fetch whole files into the download folder first and read them there, or only windows of them over the network.",
        show_default="windows; JPEG 2000 files whole where that costs less",
    ),
]
Cache = Annotated[
    Path | None, typer.Option("--cache", help="Download folder.", show_default="assets, in the user's cache folder")
]
Offline = Annotated[bool, typer.Option("--offline", help="Search the download folder's own catalogue and send no request.")]
DownloadFolder = Annotated[
    Path | None, typer.Option("--out", help="Download folder.", show_default="assets, in the user's cache folder")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no log below warnings.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log every step to stderr.")]
