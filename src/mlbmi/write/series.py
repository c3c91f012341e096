"""What a run leaves behind of series: maps of what was filled, of seasons and trends; ``phenology.csv``; and their figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlbmi.write.csvtext import number_cell, write_csv
from mlbmi.write.hygiene import file_part, plain_text
from mlbmi.write.page import save_figure
from mlbmi.write.rasters import write_value_cog
from mlbmi.write.series_plots import courses_figure, season_figure

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.write.series_plots import SampleCourse

__all__ = ["PHENOLOGY_COLUMNS", "SeasonRow", "write_phenology", "write_series_figures", "write_series_maps"]

PHENOLOGY_COLUMNS = (
    "grid",
    "mode",
    "index",
    "k",
    "cluster",
    "name",
    "pixels",
    "season",
    "start",
    "peak",
    "end",
    "length_days",
    "base",
    "peak_value",
    "amplitude",
    "integral",
    "integral_above_base",
)
"""Columns of ``phenology.csv``; see :func:`write_phenology`."""

_DAY = "day counted from 1 January of the season's year; 0 and below: the year before"

_MEANING = {
    "start": ("start of season", f"start of the season: {_DAY}"),
    "peak": ("peak of season", f"peak of the season: {_DAY}"),
    "end": ("end of season", f"end of the season: {_DAY}; above 366: the year after"),
    "amplitude": ("amplitude", "value at the peak, less the mean of the lowest values before and after it"),
    "integral": ("integral", "area below the curve from start to end of the season, index x days"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonRow:
    """A season of a cluster's mean course: a row of ``phenology.csv``.

    Attributes
    ----------
    grid, mode, index : str
    k, cluster : int
    name : str
    pixels : int
    season : int
        Year.
    start, peak, end : str
        ISO dates; empty where there is no season.
    length_days, base, peak_value, amplitude, integral, integral_above_base : float
        As :func:`mlbmi.phenology` has them; NaN where there is no season.
    """

    grid: str
    mode: str
    index: str
    k: int
    cluster: int
    name: str
    pixels: int
    season: int
    start: str
    peak: str
    end: str
    length_days: float
    base: float
    peak_value: float
    amplitude: float
    integral: float
    integral_above_base: float


def write_phenology(path: str | os.PathLike[str], rows: Iterable[SeasonRow]) -> Path:
    """Write ``phenology.csv``: one row per clustering, cluster and season; what is not there is an empty cell.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    return write_csv(path, PHENOLOGY_COLUMNS, (_cells(row) for row in rows))


def _cells(row: SeasonRow) -> tuple[Any, ...]:
    words = (plain_text(row.grid), row.mode, plain_text(row.index), row.k, row.cluster, plain_text(row.name), row.pixels)
    values = [number_cell(value, 4) for value in (row.base, row.peak_value, row.amplitude)]
    areas = [number_cell(value, 2) for value in (row.integral, row.integral_above_base)]
    return (*words, row.season, row.start, row.peak, row.end, number_cell(row.length_days, 1), *values, *areas)


def write_series_maps(
    maps: Mapping[str, NDArray[np.float32]], geobox: GeoBox, folder: str | os.PathLike[str], *, grid: str, index: str
) -> list[Path]:
    """Write maps as COGs under ``<grid>/``: float32, NaN where missing.

    Parameters
    ----------
    maps : mapping of str to ndarray of float32, shape (y, x)
        By the name of the file: ``filled_share_<index>``, ``phenology_<index>_<year>_<measure>``, ``trend_<index>`` and
        ``trend_<index>_p``.
    geobox : GeoBox
        Their grid.
    folder : path-like
        The output folder.
    grid, index : str
        Grid and index, as in file names.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        If a name cannot be part of a file's.
    WriteError
        If a file cannot be written.
    """
    file_part(index)
    home = Path(folder) / file_part(grid)
    written = []
    for name, values in maps.items():
        band, description = _meaning(name, index)
        path = home / f"{name}.tif"
        written.append(write_value_cog(path, values, geobox, band=band, description=f"{index.upper()}: {description}"))
    return written


def _meaning(name: str, index: str) -> tuple[str, str]:
    if name == f"filled_share_{index}":
        return "filled share", "share of the series' values that were filled, not observed, 0 to 1"
    if name == f"trend_{index}":
        return "slope per year", "median slope between dates (Theil-Sen), per year"
    if name == f"trend_{index}_p":
        return "p", "p of the Mann-Kendall test, two-sided"
    return _MEANING[name.rsplit("_", 1)[1]]


def write_series_figures(
    courses: Sequence[SampleCourse],
    maps: Mapping[str, NDArray[np.float32]],
    geobox: GeoBox,
    folder: str | os.PathLike[str],
    *,
    grid: str,
    index: str,
    area: NDArray[np.bool_],
    place: str = "",
    credit: str = "",
) -> list[Path]:
    """Draw courses before and after filling, and seasons: ``courses_<index>.png`` and ``phenology_<index>_<year>.png``.

    Parameters
    ----------
    courses : sequence of SampleCourse
        Pixels to draw; none: no such figure.
    maps, geobox, folder, grid, index
        As for :func:`write_series_maps`.
    area : ndarray of bool, shape (y, x)
        True inside the area of interest.
    place : str
        Name of the area, for titles.
    credit : str
        Credit for the data, for the foot of figures.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    WriteError
        If a file cannot be written.
    """
    home, where = Path(folder) / file_part(grid) / "figures", f"{place} ({grid})" if place else grid
    written = []
    if courses:
        figure = courses_figure(courses, geobox, title=f"{index.upper()} courses · {where}", label=index.upper(), credit=credit)
        written.append(save_figure(figure, home / f"courses_{index}.png"))
    start = f"phenology_{index}_"
    years = sorted({name.removeprefix(start).split("_")[0] for name in maps if name.startswith(start)})
    for year in years:
        images = {name.rsplit("_", 1)[1]: values for name, values in maps.items() if name.startswith(f"{start}{year}_")}
        title = f"{index.upper()} season {year} · {where}"
        figure = season_figure(images, geobox, title=title, area=area, credit=credit)
        written.append(save_figure(figure, home / f"{start}{year}.png"))
    return written
