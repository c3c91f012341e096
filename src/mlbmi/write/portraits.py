"""Which figure a clustering gets, and what is written on it: decided by what its features are."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.coding import decode
from mlbmi.errors import InputError
from mlbmi.sentinel2 import BANDS
from mlbmi.types import INDEX_SCALE, LABEL_NODATA
from mlbmi.write.cluster_plots import bands_figure, image_clusters_figure, timeseries_figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import xarray as xr
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from mlbmi.types import Clustering

__all__ = ["dates_of", "images_of", "portrait", "shown_name", "values_of"]

_PLACE = ("x", "y")
_LISTED_BANDS = 4
_OWN_UNITS = "standard deviations\nof a pixel's own "


def portrait(
    clustering: Clustering,
    labels: NDArray[np.uint8],
    date: dt.date | None,
    *,
    data: xr.DataArray | xr.Dataset | None,
    title: Callable[[str, Sequence[dt.date]], str],
    **common: Any,
) -> Figure:
    """Draw one map of a clustering.

    Parameters
    ----------
    clustering : Clustering
        Where it comes from.
    labels : ndarray of uint8, shape (y, x)
        The map.
    date : datetime.date or None
        Its date; None for a period, and for an image that has no time.
    data : xarray.DataArray or xarray.Dataset or None
        What was clustered.
    title : callable
        Makes a title of what is shown and its dates.
    **common
        Further arguments of every figure: ``geobox``, ``names``, ``area``, ``credit``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If data and clustering do not fit.
    """
    common |= {"note": _note(clustering), "marks": _marks(clustering)}
    count = clustering.n_clusters
    location = " with location" if clustering.mode == "located" else ""
    if clustering.mode == "images" or _own_features(clustering) == (clustering.index,):
        return image_clusters_figure(
            labels,
            title=title(f"{shown_name(clustering)} clusters{location}, k = {count}", [date] if date else []),
            centers=_centers_on(clustering, date),
            values=None if data is None else _image_of(_index_data(clustering, data), date),
            label=shown_name(clustering),
            **common,
        )
    if (dates := _series_dates(clustering)) is not None:
        return timeseries_figure(
            labels,
            title=title(f"Clusters of {shown_name(clustering)} series{location}, k = {count}", dates),
            centers=clustering.centers[:, : len(dates)],
            dates=dates,
            levels=_row_means_of_index(clustering) if clustering.scaling.method == "profile" else None,
            observed=None if data is None else _observed(_index_data(clustering, data), labels, dates),
            label=shown_name(clustering),
            unit=f"{_OWN_UNITS}series" if clustering.scaling.method == "profile" else "",
            **common,
        )
    return _bands_portrait(clustering, labels, data, title=title, location=location, **common)


def _bands_portrait(
    clustering: Clustering,
    labels: NDArray[np.uint8],
    data: xr.DataArray | xr.Dataset | None,
    *,
    title: Callable[[str, Sequence[dt.date]], str],
    location: str,
    **common: Any,
) -> Figure:
    bands = _own_features(clustering)
    what = f"{', '.join(bands)}" if len(bands) <= _LISTED_BANDS else f"{len(bands)} bands"
    profile = clustering.scaling.method == "profile"
    heading, levels = _band_levels(clustering)
    known = "reflectance of the centers" if all(band in BANDS for band in bands) else "the centers"
    return bands_figure(
        labels,
        title=title(f"Clusters of {what}{location}, k = {clustering.n_clusters}", _day_of(clustering.labels)),
        centers=clustering.centers[:, : len(bands)],
        bands=bands,
        levels=levels,
        heading=heading,
        # Of profiles the centers are in other units than the data.
        spread=None if data is None or profile else _spread(clustering, _band_images(clustering, data), labels),
        unit=f"{_OWN_UNITS}bands" if profile else known,
        **common,
    )


def shown_name(clustering: Clustering) -> str:
    """Return an index as it is written for people; bands stay as they are."""
    bands = clustering.mode != "images" and _own_features(clustering) != (clustering.index,) and _series_dates(clustering) is None
    return clustering.index if bands else clustering.index.upper()


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


def values_of(image: xr.DataArray) -> NDArray[np.float32]:
    """Return an image as float32; int16 steps are worth the array's ``scale_factor``."""
    return decode(image.to_numpy(), float(image.attrs.get("scale_factor", INDEX_SCALE)))


def images_of(data: xr.DataArray) -> Iterator[tuple[dt.date, NDArray[np.float32]]]:
    """Yield each date and its image, one in memory at a time."""
    for number, date in enumerate(dates_of(data)):
        yield date, values_of(data[number])


def _own_features(clustering: Clustering) -> tuple[str, ...]:
    """Return the features without coordinates, which come last."""
    features = clustering.features
    return features[:-2] if clustering.mode == "located" and features[-2:] == _PLACE else features


def _series_dates(clustering: Clustering) -> list[dt.date] | None:
    try:
        return [dt.date.fromisoformat(feature) for feature in _own_features(clustering)]
    except ValueError:  # they are no dates
        return None


def _marks(clustering: Clustering) -> NDArray[np.float64] | None:
    return clustering.centers[:, -2:] if len(_own_features(clustering)) < len(clustering.features) else None


def _note(clustering: Clustering) -> str:
    scaling, alone = clustering.scaling, clustering.mode == "images" and clustering.features != (clustering.index,)
    low, high = scaling.quantile_range
    words = {
        "none": "",
        "robust": f"scaled by the median and the range of {low:g} to {high:g} %",
        "standard": "scaled by mean and standard deviation",
        "profile": "scaled by each pixel's own mean and standard deviation",
    }
    smooth = f"smoothness {clustering.smoothness:g}" if clustering.smoothness else ""
    parts = ("each image clustered alone" if alone else "", words[scaling.method], smooth)
    return " · ".join(part for part in parts if part)


def _centers_on(clustering: Clustering, date: dt.date | None) -> list[float]:
    """Return the center of each cluster: one for all images, or that of an image clustered alone."""
    column = 0
    if date is not None and date.isoformat() in clustering.features:
        column = clustering.features.index(date.isoformat())
    return [float(center) for center in clustering.centers[:, column]]


def _row_means_of_index(clustering: Clustering) -> list[float]:
    """Return each cluster's mean of the index over the whole period, NaN where no row says it."""
    means = {row.cluster: row.mean for row in clustering.rows if row.date is None}
    return [means.get(label, math.nan) for label in range(clustering.n_clusters)]


def _band_levels(clustering: Clustering) -> tuple[str, list[float]]:
    """Return what the legend says of each cluster, and its heading: the NDVI if it can be had, else the mean over bands."""
    bands = _own_features(clustering)
    heading = "NDVI center" if {"red", "nir"} <= set(bands) else "mean of bands"
    if clustering.scaling.method == "profile":
        return heading.replace("NDVI center", "mean NDVI"), _row_means_of_index(clustering)
    if heading == "mean of bands":
        return heading, clustering.centers[:, : len(bands)].mean(axis=1).tolist()
    red, nir = (clustering.centers[:, bands.index(band)] for band in ("red", "nir"))
    total = np.where(nir + red == 0, np.nan, nir + red)
    return heading, ((nir - red) / total).tolist()


def _day_of(labels: xr.DataArray) -> list[dt.date]:
    """Return the date that a map without a time axis may carry."""
    if "time" not in labels.coords or labels["time"].ndim:
        return []
    return [labels["time"].to_numpy().astype("datetime64[D]").item()]


def _index_data(clustering: Clustering, data: xr.DataArray | xr.Dataset) -> xr.DataArray:
    import xarray as xr

    if isinstance(data, xr.DataArray):
        return data
    if clustering.index not in data:
        raise InputError(
            f"data hold no {clustering.index!r}, which was clustered, but {', '.join(map(str, data))}",
            remedy="Give the data that were clustered.",
        )
    return data[clustering.index]


def _image_of(data: xr.DataArray, date: dt.date | None) -> NDArray[np.float32]:
    if "time" not in data.dims:
        return values_of(data)
    if date is None and data.sizes["time"] == 1:
        return values_of(data[0])
    dates = dates_of(data)
    if date not in dates:
        raise InputError(f"data have no image of {date}, which was clustered", remedy="Give the data that were clustered.")
    return values_of(data[dates.index(date)])


def _band_images(clustering: Clustering, data: xr.DataArray | xr.Dataset) -> list[NDArray[np.float32]]:
    """Return the image of each band, in order of the features."""
    import xarray as xr

    bands = _own_features(clustering)
    absent = [band for band in bands if isinstance(data, xr.DataArray) or band not in data]
    if absent:
        raise InputError(
            f"data hold no {', '.join(absent)}, which were clustered",
            remedy="Give a dataset with a variable for each band that was clustered, or none.",
        )
    day = next(iter(_day_of(clustering.labels)), None)
    return [_image_of(data[band], day) for band in bands]


def _spread(clustering: Clustering, images: Sequence[NDArray[np.float32]], labels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the standard deviation of each cluster's pixels in each band, NaN for a cluster without any."""
    spread = np.full((clustering.n_clusters, len(images)), np.nan)
    for column, image in enumerate(images):
        if image.shape != labels.shape:
            raise InputError(f"a band of shape {image.shape} does not fit labels of shape {labels.shape}")
        used = np.isfinite(image) & (labels != LABEL_NODATA)
        their, values = labels[used], image[used].astype(np.float64)
        counts, sums, squares = (
            np.bincount(their, weights=weights, minlength=clustering.n_clusters) for weights in (None, values, values**2)
        )
        some = counts > 0
        mean = sums[some] / counts[some]
        spread[some, column] = np.sqrt(np.maximum(squares[some] / counts[some] - mean**2, 0))
    return spread


def _observed(data: xr.DataArray, labels: NDArray[np.uint8], dates: Sequence[dt.date]) -> list[float]:
    clustered = labels != LABEL_NODATA
    total = max(1, int(clustered.sum()))
    shares = {date: np.count_nonzero(np.isfinite(values) & clustered) / total for date, values in images_of(data)}
    return [shares.get(date, 0.0) for date in dates]
