"""The images of one tile at one resolution, with what was made of them: the typed values beneath ``scenes``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr

    from mlbmi.kmeans_ndvi.estimators import StoredKMeans, StoredPCA

__all__ = ["SceneKeyError", "TileImages", "day_of"]


class SceneKeyError(InputError, KeyError):
    """There is nothing under a key of ``scenes``: says what there is, or why not."""


@dataclass(slots=True, kw_only=True)
class TileImages:
    """What is known of one tile at one resolution.

    Attributes
    ----------
    scene_id : str
        MGRS tile.
    resolution : str
        ``R10m``, ``R20m`` or ``R60m``.
    data : xarray.Dataset
        Bands (reflectance) and indices, float32 over (time, y, x), NaN where missing or outside the area; with ``inside``, bool
        over (y, x), as a coordinate.
    absent : dict of (str, str) to str
        Date and band (or index) → why there is none.
    series : set of str
        Indices whose time series have been asked for.
    outliers : dict of (str, str) to int
        Date and index → values made missing by ``n_sig``.
    kmeans : dict of (str, str or None, int) to StoredKMeans
        Index, date (None: the series), number of clusters → model.
    pca : dict of (str, str or None, int) to StoredPCA
        Index (of images: ``bands``), date (None: the series), number of components → model.
    """

    scene_id: str
    resolution: str
    data: xr.Dataset
    absent: dict[tuple[str, str], str] = field(default_factory=dict)
    series: set[str] = field(default_factory=set)
    outliers: dict[tuple[str, str], int] = field(default_factory=dict)
    kmeans: dict[tuple[str, str | None, int], StoredKMeans] = field(default_factory=dict)
    pca: dict[tuple[str, str | None, int], StoredPCA] = field(default_factory=dict)

    @property
    def dates(self) -> tuple[str, ...]:
        """ISO dates, ascending."""
        return tuple(day_of(time) for time in self.data["time"].values)

    def has(self, name: str, date: str) -> bool:
        """Say whether there is a band or an index on a date."""
        return name in self.data and (date, name) not in self.absent

    def image(self, name: str, date: str) -> xr.DataArray:
        """Return a band or an index on a date, (y, x).

        Raises
        ------
        SceneKeyError
            If there is none.
        """
        if not self.has(name, date):
            reason = self.absent.get((date, name), "it was not loaded or computed")
            raise SceneKeyError(f"{self.scene_id} {self.resolution} {date} has no {name!r}: {reason}")
        return self.data[name].sel(time=date)

    def stack(self, name: str) -> xr.DataArray:
        """Return an index on all dates that have it, (time, y, x); a copy only where a date lacks it."""
        there = [place for place, date in enumerate(self.dates) if self.has(name, date)]
        whole = self.data[name]
        return whole if len(there) == whole.sizes["time"] else whole.isel(time=there)

    def images(self, name: str) -> Iterator[tuple[str, xr.DataArray]]:
        """Yield each date that has a band or an index, with the image."""
        for date in self.dates:
            if self.has(name, date):
                yield date, self.image(name, date)

    def add(self, name: str, values: xr.DataArray) -> None:
        """Put an index beside the bands."""
        self.data = self.data.assign({name: values})

    def forget(self, name: str) -> None:
        """Drop an index, and all that was made of it: it is about to be computed anew."""
        self.data = self.data.drop_vars(name, errors="ignore")
        self.series.discard(name)
        for models in (self.kmeans, self.pca):
            for key in [key for key in models if key[0] == name]:
                del models[key]
        for where in (self.absent, self.outliers):
            for place in [place for place in where if place[1] == name]:
                del where[place]


def day_of(time: np.datetime64) -> str:
    """Return a time as an ISO date.

    Examples
    --------
    >>> day_of(np.datetime64("2020-01-24T00:00"))
    '2020-01-24'
    """
    return str(np.datetime_as_string(time, "D"))
