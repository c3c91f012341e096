"""What a run leaves behind of change: ``transitions.csv``, maps of change, and their figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlbmi.write.categories import sidecar_path
from mlbmi.write.change_flows import transitions_figure
from mlbmi.write.change_plot import change_colours, change_figure
from mlbmi.write.csvtext import number_cell, write_csv
from mlbmi.write.gallery import geobox_of
from mlbmi.write.hygiene import file_part, plain_text
from mlbmi.write.page import save_figure
from mlbmi.write.plots import index_figure
from mlbmi.write.rasters import write_label_cog, write_value_cog
from mlbmi.write.tables import cluster_names

if TYPE_CHECKING:
    import datetime as dt
    import os
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.types import Change

__all__ = ["NO_DAY", "TRANSITION_COLUMNS", "MappedChange", "write_change", "write_transitions"]

TRANSITION_COLUMNS = (
    "grid",
    "index",
    "k",
    "from_date",
    "to_date",
    "from_cluster",
    "to_cluster",
    "from_name",
    "to_name",
    "pixels",
    "hectares",
    "share",
)
"""Columns of ``transitions.csv``; see :func:`write_transitions`."""

NO_DAY = -(2**31)
"""Value of pixels in ``first_change_….tif`` that are labelled on fewer than two dates: its nodata."""

_LEAST_DATES = 4
"""Dates that can show a first change: two to settle on, and two to settle elsewhere."""


class MappedChange(NamedTuple):
    """Change on its grid, as ``transitions.csv`` needs it.

    Attributes
    ----------
    grid : str
        MGRS tile, or ``mosaic``.
    change : Change
        What to list.
    pixel_area_ha : float
        Area of one pixel in hectares; NaN if unknown.
    names : sequence of str
        Of the clusters, by label; ``cluster 0``, ``cluster 1`` … if empty.
    """

    grid: str
    change: Change
    pixel_area_ha: float
    names: Sequence[str] = ()


def write_transitions(path: str | os.PathLike[str], entries: Iterable[MappedChange | tuple[str, Change, float]]) -> Path:
    """Write ``transitions.csv``: one row per grid, index, pair of dates and pair of clusters.

    Pairs of dates are the successive ones, then the first and the last. Columns: ``grid``; ``index``; ``k``, the number of
    clusters; ``from_date`` and ``to_date``; ``from_cluster`` and ``to_cluster``, the labels; ``from_name`` and ``to_name``;
    ``pixels`` labelled on both dates, with these labels; ``hectares`` of them (empty where a pixel's area is unknown);
    ``share`` of the pixels that had the from-cluster and are labelled on both dates, 0–1 (empty where there are none).

    Parameters
    ----------
    path : path-like
        The file; it appears whole or not at all.
    entries : iterable of MappedChange
        In the order in which to list them; plain tuples of grid, change and hectares per pixel will do.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    WriteError
        If it cannot be written.
    InputError
        If names and clusters differ in number.
    """
    return write_csv(path, TRANSITION_COLUMNS, (row for entry in entries for row in _rows(MappedChange(*entry))))


def _rows(entry: MappedChange) -> Iterator[tuple[Any, ...]]:
    change = entry.change
    names = [plain_text(name) for name in cluster_names(entry.names, change.n_clusters)]
    totals: dict[tuple[dt.date, dt.date, int], int] = {}
    for step in change.transitions:
        source = (step.from_date, step.to_date, step.from_cluster)
        totals[source] = totals.get(source, 0) + step.pixels
    start = (plain_text(entry.grid), plain_text(change.index), change.n_clusters)
    for step in change.transitions:
        a, b, total = step.from_cluster, step.to_cluster, totals[step.from_date, step.to_date, step.from_cluster]
        hectares = number_cell(step.pixels * entry.pixel_area_ha, 4)
        share = number_cell(step.pixels / total if total else None, 6)
        yield (*start, step.from_date, step.to_date, a, b, names[a], names[b], step.pixels, hectares, share)


def write_change(
    change: Change,
    folder: str | os.PathLike[str],
    *,
    grid: str,
    names: Sequence[str] | None = None,
    area: NDArray[np.bool_] | None = None,
    figures: bool = True,
    place: str = "",
    credit: str = "",
) -> list[Path]:
    """Write the maps of change under ``<grid>/``, and their figures under ``<grid>/figures/``.

    ``change_<index>_<from>_<to>_k<K>.tif`` (uint16, 65535 where missing): from which cluster to which, between each pixel's
    first and last labelled dates; names (``dry heath -> sparse``) and colours in ``<map>.aux.xml``. A pixel that changed has the
    colour of its new cluster, another a pale shade of its own.

    ``persistence_<index>_k<K>.tif`` (float32, NaN where missing): share of the pixel's successive labelled dates between which
    its label stayed, 0–1.

    ``first_change_<index>_k<K>.tif`` (int32): day, as the number YYYYMMDD, from which the pixel was, twice running, in another
    cluster than the first that it was in twice running; 0 where there is none, −2147483648 where labelled on fewer than two
    dates. Not written for fewer than four dates: none can show such a change, and a map of zeros would deny it.

    Parameters
    ----------
    change : Change
        What to write; its maps carry a CRS.
    folder : path-like
        The output folder.
    grid : str
        MGRS tile, or ``mosaic``.
    names : sequence of str, optional
        Of the clusters, by label; ``cluster 0``, ``cluster 1`` … by default.
    area : ndarray of bool, shape (y, x), optional
        True inside the area of interest; for figures. Without it, all pixels that are labelled on two dates or more.
    figures : bool
        Whether to draw figures: the maps of change and of persistence, and the transitions between first and last date.
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
    InputError
        If the maps have no CRS, names and clusters differ in number, or a name cannot be part of a file's.
    WriteError
        If a file cannot be written.
    """
    file_part(change.index)
    shown, home = cluster_names(names, change.n_clusters), Path(folder) / file_part(grid)
    written = _write_maps(change, home, shown)
    if figures:
        where = f"{place} ({grid})" if place else grid
        written += _draw(change, home / "figures", shown, where, {"area": area, "credit": credit})
    return written


def _write_maps(change: Change, home: Path, names: Sequence[str]) -> list[Path]:
    geobox, k = geobox_of(change.change), change.n_clusters
    path = write_label_cog(
        home / f"{_ends_stem('change', change)}.tif",
        change.change.to_numpy(),
        geobox,
        names=[
            f"{old}, unchanged" if a == b else f"{old} -> {new}" for a, old in enumerate(names) for b, new in enumerate(names)
        ],
        colours=change_colours(k),
        description=f"{change.index.upper()} clusters: from × {k} + to, between each pixel's first and last labelled dates",
    )
    persistence = write_value_cog(
        home / f"{_stem('persistence', change)}.tif",
        change.persistence.to_numpy(),
        geobox,
        band="persistence",
        description="share of the pixel's successive labelled dates between which its cluster stayed the same, 0 to 1",
    )
    return [path, sidecar_path(path), persistence, *_write_days(change, home, geobox)]


def _write_days(change: Change, home: Path, geobox: GeoBox) -> list[Path]:
    if len(change.dates) < _LEAST_DATES:
        return []
    path = write_value_cog(
        home / f"{_stem('first_change', change)}.tif",
        _days(change),
        geobox,
        band="first change, YYYYMMDD",
        description=(
            "first date, YYYYMMDD, from which the pixel was twice running in another cluster than the first that it was in "
            "twice running; 0: none"
        ),
        nodata=NO_DAY,
    )
    return [path]


def _days(change: Change) -> NDArray[np.int32]:
    """Turn numbers of dates into days; their last two places, for −2 and −1, are missing and no change."""
    numbers = [int(f"{date:%Y%m%d}") for date in change.dates]
    days: NDArray[np.int32] = np.array([*numbers, NO_DAY, 0], np.int32)[change.first_change.to_numpy()]
    return days


def _draw(change: Change, folder: Path, names: Sequence[str], where: str, common: dict[str, Any]) -> list[Path]:
    geobox, label = geobox_of(change.change), change.index.upper()
    end = f"k = {change.n_clusters} · {where} · {change.dates[0]} to {change.dates[-1]}"
    of_pixels = change_figure(change, geobox, title=f"Change of {label} clusters, {end}", names=names, **common)
    of_areas = transitions_figure(
        change, geobox, title=f"Transitions of {label} clusters, {end}", names=names, credit=common["credit"]
    )
    of_shares = index_figure(
        change.persistence.to_numpy(),
        geobox,
        title=f"Persistence of {label} clusters, {end}",
        label="persistence",
        limits=(0.0, 1.0),
        **common,
    )
    return [
        save_figure(of_pixels, folder / f"{_ends_stem('change', change)}.png"),
        save_figure(of_areas, folder / f"{_ends_stem('transitions', change)}.png"),
        save_figure(of_shares, folder / f"{_stem('persistence', change)}.png"),
    ]


def _stem(what: str, change: Change) -> str:
    return f"{what}_{change.index}_k{change.n_clusters}"


def _ends_stem(what: str, change: Change) -> str:
    return f"{what}_{change.index}_{change.dates[0]}_{change.dates[-1]}_k{change.n_clusters}"
