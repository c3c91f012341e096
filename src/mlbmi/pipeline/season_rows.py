"""The seasons of clusters: those of their members' mean course."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mlbmi.series import phenology, season_date
from mlbmi.write import SeasonRow

if TYPE_CHECKING:
    from mlbmi.write import MappedClustering

__all__ = ["season_rows"]

_MEASURES = ("length_days", "base", "peak_value", "amplitude", "integral", "integral_above_base")


def season_rows(mapped: MappedClustering, *, year_begins: int) -> list[SeasonRow]:
    """Return a row for each cluster and season.

    Parameters
    ----------
    mapped : MappedClustering
        A clustering of series, whose gaps were filled.
    year_begins : int
        As for :func:`mlbmi.phenology`.
    """
    clustering = mapped.clustering
    courses = _courses(mapped)
    seasons = phenology(courses, year_begins=year_begins).rename(length="length_days")
    rows = []
    for cluster in range(clustering.n_clusters):
        for year in seasons["season"].to_numpy().tolist():
            found = seasons.sel(season=year).isel(cluster=cluster)
            measured: dict[str, Any] = {name: found[name].item() for name in _MEASURES}
            measured |= {name: _date(found[name].item(), year) for name in ("start", "peak", "end")}
            row = SeasonRow(
                grid=mapped.grid,
                mode=clustering.mode,
                index=clustering.index,
                k=clustering.n_clusters,
                cluster=cluster,
                name=mapped.names[cluster],
                pixels=int(clustering.counts[cluster]),
                season=year,
                **measured,
            )
            rows.append(row)
    return rows


def _courses(mapped: MappedClustering) -> xr.DataArray:
    """Return the mean course of each cluster's members, (time, cluster)."""
    by_date = [row for row in mapped.clustering.rows if row.date is not None]
    dates = sorted({row.date for row in by_date if row.date is not None})
    place = {date: number for number, date in enumerate(dates)}
    values = np.full((len(dates), mapped.clustering.n_clusters), np.nan)
    for row in by_date:
        if row.date is not None:
            values[place[row.date], row.cluster] = row.mean
    return xr.DataArray(
        values, dims=("time", "cluster"), coords={"time": np.array(dates, "datetime64[ns]")}, name=mapped.clustering.index
    )


def _date(day: float, year: int) -> str:
    return "" if np.isnan(day) else str(season_date(day, year))
