"""The figures of an output folder: one per map, and one of all dates."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.coding import decode
from mlbmi.errors import InputError
from mlbmi.types import INDEX_SCALE, LABEL_NODATA
from mlbmi.write.page import save_figure
from mlbmi.write.plots import display_limits, image_clusters_figure, index_figure, overview_figure, timeseries_figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import xarray as xr
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.types import Clustering

__all__ = ["Gallery", "dates_of", "geobox_of", "map_stem", "maps_of"]


def geobox_of(array: xr.DataArray) -> GeoBox:
    """Return the grid of an array.

    Raises
    ------
    InputError
        If it carries none, or one without a CRS.
    """
    import odc.geo.xr  # noqa: F401 - registers the accessor

    geobox: GeoBox | None = array.odc.geobox
    if geobox is None or geobox.crs is None:
        raise InputError(
            f"array {array.name!r} with dimensions {array.dims} carries no grid with a coordinate reference system",
            remedy="Take it from mlbmi.load, or assign a CRS: odc.geo.xr.assign_crs(array, 'EPSG:32633').",
        )
    return geobox


def dates_of(array: xr.DataArray) -> list[dt.date]:
    """Return the days of an array's times.

    Raises
    ------
    InputError
        If two are the same: dates name the files.
    """
    days: list[dt.date] = array["time"].to_numpy().astype("datetime64[D]").tolist()
    if len(set(days)) < len(days):
        raise InputError(f"two images are of one date among {', '.join(str(day) for day in days)}; dates name the files")
    return days


def map_stem(clustering: Clustering, date: dt.date | None) -> str:
    """Return what a map's file is called, without suffix: ``images_ndvi_2020-01-24_k5``, ``timeseries_ndvi_k5``."""
    middle = [] if date is None else [date.isoformat()]
    return "_".join((clustering.mode, clustering.index, *middle, f"k{clustering.n_clusters}"))


def maps_of(clustering: Clustering) -> Iterator[tuple[dt.date | None, NDArray[np.uint8]]]:
    """Yield each label map with its date; None for the map of a period, and for an image that has no time."""
    if "time" not in clustering.labels.dims:
        yield None, clustering.labels.to_numpy()
        return
    for number, date in enumerate(dates_of(clustering.labels)):
        yield date, clustering.labels[number].to_numpy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """Draws the figures of one grid.

    Attributes
    ----------
    folder : Path
        Where they go.
    geobox : GeoBox
        The grid.
    grid, place : str
        Names of the grid and of the area, for titles; ``place`` may be empty.
    area : ndarray of bool, shape (y, x), or None
        True inside the area of interest; None: every pixel that is ever valid.
    credit : str
        Credit for the data.
    """

    folder: Path
    geobox: GeoBox
    grid: str
    place: str
    area: NDArray[np.bool_] | None
    credit: str

    def index(self, data: xr.DataArray) -> list[Path]:
        """Draw each date of an index, and all of them on one page; one date is in memory at a time."""
        index, dates = str(data.name), dates_of(data)
        limits, inside = _survey(data, self.area)
        common: dict[str, Any] = {"label": index.upper(), "area": inside, "limits": limits, "credit": self.credit}
        written = []
        for date, values in _images(data):
            figure = index_figure(values, self.geobox, title=self._title(index.upper(), [date]), **common)
            written.append(save_figure(figure, self.folder / f"{index}_{date}.png"))
        figure = overview_figure(_images(data), self.geobox, title=self._title(index.upper(), dates), **common)
        return [*written, save_figure(figure, self.folder / f"{index}_overview.png")]

    def clustering(self, clustering: Clustering, names: Sequence[str], data: xr.DataArray | None) -> list[Path]:
        """Draw the clusters of each date, or of the period; ``data`` is the index that was clustered, if at hand."""
        if clustering.mode == "timeseries":
            return [save_figure(self._series(clustering, names, data), self.folder / f"{map_stem(clustering, None)}.png")]
        inside = self._ever_labelled(clustering) if self.area is None else self.area
        written = []
        for date, labels in maps_of(clustering):
            figure = image_clusters_figure(
                labels,
                self.geobox,
                title=self._title(f"{clustering.index.upper()} clusters, k = {clustering.n_clusters}", [date] if date else []),
                centers=[float(center) for center in clustering.centers[:, 0]],
                names=names,
                values=None if data is None else _image_of(data, date),
                label=clustering.index.upper(),
                area=inside,
                credit=self.credit,
            )
            written.append(save_figure(figure, self.folder / f"{map_stem(clustering, date)}.png"))
        return written

    def _ever_labelled(self, clustering: Clustering) -> NDArray[np.bool_]:
        inside = np.zeros(self.geobox.shape, dtype=bool)
        for _, labels in maps_of(clustering):
            inside |= labels != LABEL_NODATA
        return inside

    def _series(self, clustering: Clustering, names: Sequence[str], data: xr.DataArray | None) -> Figure:
        dates = [dt.date.fromisoformat(feature) for feature in clustering.features]
        labels, label = clustering.labels.to_numpy(), clustering.index.upper()
        return timeseries_figure(
            labels,
            self.geobox,
            title=self._title(f"Clusters of {label} series, k = {clustering.n_clusters}", dates),
            centers=clustering.centers,
            dates=dates,
            names=names,
            observed=None if data is None else _observed(data, labels, dates),
            label=label,
            area=self.area,
            credit=self.credit,
        )

    def _title(self, what: str, dates: Sequence[dt.date]) -> str:
        where = f"{self.place} ({self.grid})" if self.place else self.grid
        period = " to ".join(dict.fromkeys(str(date) for date in (*dates[:1], *dates[-1:])))
        return " · ".join(part for part in (what, where, period) if part)


def values_of(image: xr.DataArray) -> NDArray[np.float32]:
    """Return an image as float32; int16 steps are worth the array's ``scale_factor``."""
    return decode(image.to_numpy(), float(image.attrs.get("scale_factor", INDEX_SCALE)))


def _images(data: xr.DataArray) -> Iterator[tuple[dt.date, NDArray[np.float32]]]:
    for number, date in enumerate(dates_of(data)):
        yield date, values_of(data[number])


def _image_of(data: xr.DataArray, date: dt.date | None) -> NDArray[np.float32]:
    if date is None:
        return values_of(data)
    dates = dates_of(data)
    if date not in dates:
        raise InputError(f"data have no image of {date}, which was clustered", remedy="Give the data that were clustered.")
    return values_of(data[dates.index(date)])


def _survey(data: xr.DataArray, area: NDArray[np.bool_] | None) -> tuple[tuple[float, float], NDArray[np.bool_]]:
    """Return colour limits that fit all dates, and the area: the one given, or every pixel ever valid."""
    inside = np.zeros(data.shape[1:], dtype=bool) if area is None else area
    reaches = []
    for _, values in _images(data):
        valid = np.isfinite(values)
        if area is None:
            inside |= valid
        if valid.any():
            reaches.append(display_limits(values))
    lows, highs = zip(*reaches, strict=True) if reaches else ((0.0,), (1.0,))
    return (min(lows), max(highs)), inside


def _observed(data: xr.DataArray, labels: NDArray[np.uint8], dates: Sequence[dt.date]) -> list[float]:
    clustered = labels != LABEL_NODATA
    total = max(1, int(clustered.sum()))
    shares = {date: np.count_nonzero(np.isfinite(values) & clustered) / total for date, values in _images(data)}
    return [shares.get(date, 0.0) for date in dates]
