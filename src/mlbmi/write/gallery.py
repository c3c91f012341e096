"""The figures of an output folder: one per map, and one of all dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.errors import InputError
from mlbmi.types import LABEL_NODATA
from mlbmi.write.plots import display_limits, index_figure, overview_figure, sample_step
from mlbmi.write.portraits import dates_of, images_of, portrait
from mlbmi.write.press import Press

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import xarray as xr
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


def map_stem(clustering: Clustering, date: dt.date | None) -> str:
    """Return what a map's file is called, without suffix: ``images_ndvi_2020-01-24_k5``, ``bands_red-nir_k4``."""
    middle = [] if date is None else [date.isoformat()]
    return "_".join((clustering.mode, clustering.index, *middle, f"k{clustering.n_clusters}"))


def maps_of(clustering: Clustering) -> Iterator[tuple[dt.date | None, NDArray[np.uint8]]]:
    """Yield each label map with its date; None for the map of a period, and for what has no time axis."""
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

        def drawn_one_by_one() -> Iterator[tuple[dt.date, NDArray[np.float32]]]:
            for date, values in images_of(data):
                figure = index_figure(values, self.geobox, title=self._title(index.upper(), [date]), **common)
                press.save(figure, self.folder / f"{index}_{date}.png")
                yield date, values

        with Press() as press:
            figure = overview_figure(drawn_one_by_one(), self.geobox, title=self._title(index.upper(), dates), **common)
            press.save(figure, self.folder / f"{index}_overview.png")
        return press.written

    def clustering(self, clustering: Clustering, names: Sequence[str], data: xr.DataArray | xr.Dataset | None) -> list[Path]:
        """Draw the clusters of each date, or of the period; ``data`` is what was clustered, if at hand."""
        inside = self._ever_labelled(clustering) if self.area is None and clustering.mode == "images" else self.area
        common: dict[str, Any] = {"geobox": self.geobox, "names": names, "area": inside, "credit": self.credit}
        with Press() as press:
            for date, labels in maps_of(clustering):
                figure = portrait(clustering, labels, date, data=data, title=self._title, **common)
                press.save(figure, self.folder / f"{map_stem(clustering, date)}.png")
        return press.written

    def _ever_labelled(self, clustering: Clustering) -> NDArray[np.bool_]:
        inside = np.zeros(self.geobox.shape, dtype=bool)
        for _, labels in maps_of(clustering):
            inside |= labels != LABEL_NODATA
        return inside

    def _title(self, what: str, dates: Sequence[dt.date]) -> str:
        where = f"{self.place} ({self.grid})" if self.place else self.grid
        period = " to ".join(dict.fromkeys(str(date) for date in (*dates[:1], *dates[-1:])))
        return " · ".join(part for part in (what, where, period) if part)


def _survey(data: xr.DataArray, area: NDArray[np.bool_] | None) -> tuple[tuple[float, float], NDArray[np.bool_]]:
    """Return colour limits that fit all dates, and the area: the one given, or every pixel ever valid."""
    inside = np.zeros(data.shape[1:], dtype=bool) if area is None else area
    # Limits come from a sample: where that is all that is needed, the rest is not even decoded.
    step = 1 if area is None else sample_step((data.shape[1], data.shape[2]))
    reaches = []
    for _, values in images_of(data[:, ::step, ::step]):
        valid = np.isfinite(values)
        if area is None:
            inside |= valid
        if valid.any():
            reaches.append(display_limits(values))
    lows, highs = zip(*reaches, strict=True) if reaches else ((0.0,), (1.0,))
    return (min(lows), max(highs)), inside
