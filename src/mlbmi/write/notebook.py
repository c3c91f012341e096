"""The three figures of the original notebook: an index with its distribution, and clusters of an image and of series.

They take what a notebook has at hand (an image, a fitted K-means) and draw with :mod:`mlbmi.write.plots` and
:mod:`mlbmi.write.cluster_plots`. An ``xarray.DataArray`` brings its place on earth, so that there are a scale and hectares;
a bare array has the pixels that the name of its resolution says.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mlbmi.errors import InputError
from mlbmi.types import LABEL_NODATA
from mlbmi.write.cluster_plots import image_clusters_figure, timeseries_figure
from mlbmi.write.plots import index_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray
    from odc.geo.geobox import GeoBox

__all__ = ["FittedKMeans", "ndvi_statistics_figure", "place_of", "spatial_kmeans_figure", "temporal_kmeans_figure"]


class FittedKMeans(Protocol):
    """What a K-means must offer to be drawn: scikit-learn's do, and those of ``scenes``."""

    @property
    def cluster_centers_(self) -> NDArray[np.floating[Any]]:
        """Centers, (n_clusters, n_features)."""
        ...

    def predict(self, X: ArrayLike) -> NDArray[np.integer[Any]]:  # noqa: N803 - scikit-learn's name
        """Number rows."""
        ...


def ndvi_statistics_figure(
    image: xr.DataArray | NDArray[np.floating[Any]],
    scene_id: str,
    res: str,
    date: str,
    *,
    bins: int = 100,
    credit: str | None = None,
) -> Figure:
    """Draw an index: its map and its distribution; what is missing is in neither.

    Parameters
    ----------
    image : DataArray or ndarray of float, shape (y, x)
        NaN where missing; zero is a value.
    scene_id, res, date : str
        Tile, resolution (``R10m``) and ISO date, for the title.
    bins : int
        Bars of the distribution.
    credit : str, optional
        Credit for the data; by default what Copernicus asks for.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the image is not one, or ``bins`` is below 1.
    """
    asked: object = bins
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 1:
        raise InputError(f"bins is {bins!r}; it must be a whole number of at least 1")
    place = place_of(image, res, dims=2)
    return index_figure(
        place.values,
        place.geobox,
        title=f"{place.label} · {scene_id} {res} · {date}",
        label=place.label,
        area=place.area,
        bins=bins,
        credit=_credit([date]) if credit is None else credit,
    )


def spatial_kmeans_figure(  # noqa: PLR0917 - the original notebook's order
    kmeans: FittedKMeans,
    image: xr.DataArray | NDArray[np.floating[Any]],
    quantile_range: tuple[float, float],
    scene_id: str,
    res: str,
    date: str,
    *,
    credit: str | None = None,
) -> Figure:
    """Draw an image as its clusters: map, legend with centers and hectares, distribution, and a panel per cluster.

    Parameters
    ----------
    kmeans : FittedKMeans
        Of ``scenes``, in units of the index; or scikit-learn's, fitted to the values scaled as ``RobustScaler`` does.
    image, scene_id, res, date, credit
        As in :func:`ndvi_statistics_figure`.
    quantile_range : (float, float)
        Quantiles, per cent, of that scaling; a model of ``scenes`` knows its own.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If image and model do not fit.
    """
    place = place_of(image, res, dims=2)
    labels, centers = _labelled(kmeans, place.values.reshape(1, -1).T, quantile_range)
    return image_clusters_figure(
        labels.reshape(place.values.shape),
        place.geobox,
        title=f"Spatial K-means of {place.label} · {scene_id} {res} · {date} · k = {len(centers)}",
        centers=centers[:, 0].tolist(),
        names=getattr(kmeans, "names", None),
        values=place.values,
        label=place.label,
        area=place.area,
        credit=_credit([date]) if credit is None else credit,
    )


def temporal_kmeans_figure(
    kmeans: FittedKMeans,
    image_stack: xr.DataArray | NDArray[np.floating[Any]],
    quantile_range: tuple[float, float],
    scene_id: str,
    res: str,
    *,
    credit: str | None = None,
) -> Figure:
    """Draw series as their clusters: map, legend with hectares, centers over time, and panels, the first of them of the outside.

    Parameters
    ----------
    kmeans, quantile_range, scene_id, res, credit
        As in :func:`spatial_kmeans_figure`.
    image_stack : DataArray or ndarray of float, shape (time, y, x)
        NaN where missing.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If stack and model do not fit.
    """
    place = place_of(image_stack, res, dims=3)
    labels, centers = _labelled(kmeans, place.values.reshape(len(place.values), -1).T, quantile_range)
    labels = labels.reshape(place.values.shape[1:])
    period = " to ".join(dict.fromkeys(str(date) for date in (place.dates[0], place.dates[-1]))) if place.dated else ""
    shown = labels != LABEL_NODATA
    return timeseries_figure(
        labels,
        place.geobox,
        title=" · ".join(
            part for part in (f"Temporal K-means of {place.label}", f"{scene_id} {res}", period, f"k = {len(centers)}") if part
        ),
        centers=centers,
        dates=place.dates,
        names=getattr(kmeans, "names", None),
        observed=[float(np.isfinite(values[shown]).mean()) if shown.any() else 0.0 for values in place.values],
        label=place.label,
        area=place.area,
        outside=True,
        note="" if place.dated else "the images carry no dates: their places in the stack are drawn as days",
        credit=_credit([str(date) for date in place.dates] if place.dated else []) if credit is None else credit,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """Images with all that a figure says of them.

    Attributes
    ----------
    values : ndarray of float
        (y, x) or (time, y, x).
    geobox : GeoBox
        Their grid; without CRS if they carry none.
    area : ndarray of bool or None
        True inside the area of interest, if that is known.
    label : str
        Name of the index.
    dates : tuple of datetime.date
        Of a stack.
    dated : bool
        False where dates are made up.
    """

    values: NDArray[np.floating[Any]]
    geobox: GeoBox
    area: NDArray[np.bool_] | None
    label: str
    dates: tuple[dt.date, ...] = ()
    dated: bool = True


def place_of(image: xr.DataArray | NDArray[np.floating[Any]], res: str, *, dims: int) -> Placed:
    """Gather what an image, or a stack of them, says of itself.

    Raises
    ------
    InputError
        If it has another number of dimensions, or ``res`` is no name of a resolution.
    """
    values = np.asarray(image, dtype=np.float32)
    if values.ndim != dims or not values.size:
        wanted = "(y, x)" if dims == 2 else "(time, y, x)"
        raise InputError(f"the image has the shape {values.shape}; it must be {wanted}, with at least one pixel")
    coords: Any = getattr(image, "coords", {})
    area = np.asarray(coords["inside"].values, dtype=bool) if "inside" in coords else None
    if dims == 3 and "time" in coords:
        dates, dated = tuple(day.astype("datetime64[D]").item() for day in coords["time"].values), True
    else:
        first = dt.date(2000, 1, 1)
        dates, dated = tuple(first + dt.timedelta(days=place) for place in range(len(values))) if dims == 3 else (), False
    name = str(getattr(image, "name", None) or "ndvi").upper()
    return Placed(values=values, geobox=_geobox(image, values, res), area=area, label=name, dates=dates, dated=dated)


def _geobox(image: Any, values: NDArray[Any], res: str) -> GeoBox:
    """Return the image's own grid, or one of pixels of the size that the name of the resolution says."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    if hasattr(image, "coords") and {"x", "y"} <= set(image.coords):
        import odc.geo.xr  # noqa: F401 - registers the accessor

        own: GeoBox | None = image.odc.geobox
        if own is not None:
            return own
    match = re.fullmatch(r"R(\d+)m", res)
    if match is None:
        raise InputError(f"res is {res!r}; it must be R10m, R20m or R60m")
    size = float(match[1])
    return GeoBox(values.shape[-2:], Affine(size, 0.0, 0.0, 0.0, -size, 0.0), None)


def _labelled(
    kmeans: FittedKMeans, rows: NDArray[np.floating[Any]], quantile_range: tuple[float, float]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return labels, 255 where missing, and centers in units of the index, both in order of the mean center."""
    centers = np.asarray(kmeans.cluster_centers_, dtype=np.float64)
    if centers.shape[1] != rows.shape[1]:
        raise InputError(f"the K-means has {centers.shape[1]} features, and the images have {rows.shape[1]}")
    labels = np.full(len(rows), LABEL_NODATA, np.uint8)
    if hasattr(kmeans, "clustering"):  # of scenes: it scales by itself, and knows what to do where a date is missing
        found = kmeans.predict(rows)
        labels[found >= 0] = found[found >= 0]
    else:
        from sklearn.preprocessing import RobustScaler

        seen = np.isfinite(rows).all(axis=1)
        scaler = RobustScaler(quantile_range=quantile_range).fit(rows[seen])
        # scikit-learn's predict wants the type that fit was given.
        labels[seen] = kmeans.predict(scaler.transform(rows[seen]).astype(kmeans.cluster_centers_.dtype))
        centers = scaler.inverse_transform(centers)
    return _in_order(labels, centers)


def _in_order(labels: NDArray[np.uint8], centers: NDArray[np.float64]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    levels = np.array([row[np.isfinite(row)].mean() if np.isfinite(row).any() else np.inf for row in centers])
    order = np.argsort(levels, kind="stable")
    table = np.full(256, LABEL_NODATA, np.uint8)
    table[order] = np.arange(len(order))
    return table[labels], centers[order]


def _credit(dates: Sequence[str]) -> str:
    years = sorted({str(date)[:4] for date in dates})
    when = f" {years[0]}" if len(years) == 1 else f" {years[0]}-{years[-1]}" if years else ""
    return f"Contains modified Copernicus Sentinel data{when}"
