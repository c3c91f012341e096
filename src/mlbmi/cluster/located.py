"""Clusters of features and place: any other feature space with the coordinates of the pixels, at an explicit weight."""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Literal

import numpy as np

from mlbmi.cluster._band_images import has_bands
from mlbmi.cluster._places import Places
from mlbmi.cluster._rows import check_k
from mlbmi.cluster._smoothing import check_smoothness
from mlbmi.cluster._spaces import Search, described, fitted_to, learned
from mlbmi.cluster._spread import infinite, line_moments
from mlbmi.cluster._table import Fitted, Table, fit_exact
from mlbmi.cluster.bands import BANDS, Bands, bands_of
from mlbmi.cluster.images import check_image_scaling
from mlbmi.cluster.scaling import check_scaling, scale_centers, scaled_into, scaled_table
from mlbmi.cluster.series import LLOYD, series_of
from mlbmi.errors import ClusterError

if TYPE_CHECKING:
    import datetime as dt

    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.cluster._spaces import Space
    from mlbmi.types import Clustering, Scaling, ScalingMethod

__all__ = ["cluster_located"]

_NO_WEIGHT = 1e300
"""Scale of coordinates without weight: finite, so that a model file can hold it, and so large that squares of what is divided by
it are 0."""


def cluster_located(
    data: xr.DataArray | xr.Dataset,
    n_clusters: int = 5,
    *,
    weight: float = 0.5,
    base: Literal["images", "timeseries", "bands"] | None = None,
    date: str | dt.date | np.datetime64 | None = None,
    seed: int = 0,
    min_observations: int | None = None,
    partial: Literal["scaled", "observed"] = "scaled",
    scaling: ScalingMethod = "none",
    quantile_range: tuple[float, float] = (25.0, 75.0),
    smoothness: float = 0.0,
    n_init: int = 4,
    max_iter: int = 300,
    tol: float = 1e-7,
) -> Clustering:
    """Cluster pixels by what they look like *and* where they are: other features, with the coordinates of the pixel as two more.

    Parameters
    ----------
    data : xarray.DataArray or xarray.Dataset
        One index over ``(time, y, x)``: series; over ``(y, x)``: grey level. A data set or a dimension ``band``: bands. As for
        :func:`cluster_timeseries` and :func:`cluster_bands`, with coordinates ``x`` and ``y``: centres of pixels, in units of a
        projected CRS (in degrees, east and north would not weigh alike).
    n_clusters : int, default=5
        1 to 255.
    weight : float, default=0.5
        Of place, 0 or more: the coordinates are scaled alike, so that their total variance over the clustered pixels is
        ``weight**2`` times the total variance of the other (scaled) features. At 0 the labels are those of the clustering without
        place (those of :func:`cluster_images` for a grey level); at 1 both count alike; far above 1 the map is one of compact
        districts. On a labelled scene, 0.3 to 1 agreed with the classes better than 0, whatever the bands, and 2 worse.
    base : {"images", "timeseries", "bands"}, optional
        What is clustered with place: a grey level, series or bands. Default: what ``data`` is.
    date, seed, min_observations, partial, scaling, quantile_range, smoothness, n_init, max_iter, tol
        As for :func:`cluster_timeseries` or :func:`cluster_bands`. ``min_observations`` counts dates, never coordinates;
        ``scaling`` is for the other features alone.

    Returns
    -------
    Clustering
        ``features`` are the base's, then ``x`` and ``y``; their columns of ``centers`` are in units of the CRS, and their weight
        is in ``scaling.scale``. Clusters are numbered, and described in ``rows``, by the base's features alone.

    Raises
    ------
    ClusterError
        If ``data`` has no coordinates or is not what ``base`` says, ``weight`` is negative or not finite, ``date`` or
        ``min_observations`` are given where they mean nothing; else as for the base's function.

    Notes
    -----
    With gaps, the distance is over what was observed of a pixel, its coordinates included, and is scaled up by the share of all
    features observed (:class:`KMeans`). So the fewer dates a pixel was seen on, the more it leans on its place.

    The features are copied once, scaled, in float32 (float64 for float64); at weight 0 only if they are scaled.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> ndvi = xr.DataArray([[0.1, 0.2, 0.1, 0.2]], dims=("y", "x"), coords={"y": [5.0], "x": [0.0, 10.0, 20.0, 30.0]})
    >>> cluster_located(ndvi, n_clusters=2, weight=0).labels.values
    array([[0, 1, 0, 1]], dtype=uint8)
    >>> cluster_located(ndvi, n_clusters=2, weight=3).labels.values
    array([[0, 0, 1, 1]], dtype=uint8)
    """
    check_k(n_clusters)
    check_scaling(scaling, quantile_range)
    check_smoothness(smoothness)
    _check_weight(weight)
    space = _space(data, base, date=date, min_observations=min_observations, scaling=scaling)
    search = Search(
        n_clusters=n_clusters, seed=seed, n_init=n_init, max_iter=max_iter, tol=tol, partial=partial, smoothness=smoothness
    )
    places = Places.of(space)
    _check_enough(int(places.used.sum()), n_clusters, space.least)
    features = learned(space, scaling, quantile_range)
    if weight:
        fitted, table, whole = _fit_located(space, search, places, features, float(weight))
    else:
        fitted, table, whole = _fit_unlocated(space, search, places, features, exact=_kind(data) == "images")
    method = (BANDS if has_bands(data) else LLOYD).format(partial=partial, n_init=n_init)
    return described(
        space,
        table,
        fitted,
        whole,
        mode="located",
        features=(*space.features, "x", "y"),
        method=f"{method}; with coordinates at weight {weight:g}",
        search=search,
    )


def _check_weight(weight: object) -> None:
    if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 <= float(weight) < math.inf:
        raise ClusterError(f"weight is {weight!r}; it must be a number, 0 or more: the share of place in what is clustered")


def _check_enough(pixels: int, n_clusters: int, least: int) -> None:
    if pixels < n_clusters:
        raise ClusterError(
            f"{pixels} pixels have the {least} observed features that each needs, fewer than n_clusters={n_clusters}",
            remedy="Ask for fewer clusters or fewer observations.",
        )


def _kind(data: xr.DataArray | xr.Dataset) -> str:
    if has_bands(data):
        return "bands"
    return "timeseries" if "time" in getattr(data, "dims", ()) else "images"


def _space(
    data: xr.DataArray | xr.Dataset,
    base: str | None,
    *,
    date: str | dt.date | np.datetime64 | None,
    min_observations: int | None,
    scaling: str,
) -> Space:
    """Read the base's features."""
    kind = _kind(data)
    if base not in {None, kind}:
        raise ClusterError(f"base is {base!r}, but data are {kind}", remedy=f'Give what it needs, or base="{kind}".')
    if kind == "bands":
        if min_observations is not None:
            raise ClusterError(f"min_observations is {min_observations!r}, but data are bands: each pixel needs all of them")
        return _unlike_places(bands_of(data, date))
    if date is not None:
        raise ClusterError(f"date is {date!r}, but data are {kind}, not bands", remedy="Choose the image with data.sel(time=…).")
    if kind == "images":
        check_image_scaling(scaling)
    return series_of(data, min_observations)  # type: ignore[arg-type] # no data set, as it has no bands


def _unlike_places(bands: Bands) -> Bands:
    if {"x", "y"} & set(bands.features):
        raise ClusterError(f"the bands are {', '.join(bands.features)}; x and y must be coordinates, not bands")
    return bands


def _fit_located(space: Space, search: Search, places: Places, features: Scaling, weight: float) -> tuple[Fitted, Table, Scaling]:
    """Fit to scaled features and coordinates; return what was fitted, to what, and its scaling."""
    base, count = space.table.numbers.shape
    out = np.empty((base + 2, count), space.table.kind)
    scaled_into(space.table, features, out[:base])
    variance = _total_variance(out[:base], places.used.reshape(-1))
    scale = _NO_WEIGHT
    if variance > 0 and places.variance > 0:
        scale = math.sqrt(places.variance / variance) / weight
    for row, column in zip(out[base:], places.scaled_columns(scale), strict=True):
        row.reshape(places.used.shape)[:] = column
    table = Table(numbers=out)
    return fitted_to(table, search, space.least + 2), table, _with_places(features, base, places, scale)


def _fit_unlocated(
    space: Space, search: Search, places: Places, features: Scaling, *, exact: bool
) -> tuple[Fitted, Table, Scaling]:
    """Fit as if there were no coordinates, a grey level exactly; give the centers the mean place of their members."""
    table = scaled_table(space.table, features)
    fitted = _grey(space, search, features) if exact else fitted_to(table, search, space.least)
    place = (places.members(fitted.labels, len(fitted.centers)) - places.center) / _NO_WEIGHT
    whole = _with_places(features, len(space.features), places, _NO_WEIGHT)
    return replace(fitted, centers=np.hstack([fitted.centers, place])), table, whole


def _grey(space: Space, search: Search, features: Scaling) -> Fitted:
    """Fit a grey level as :func:`cluster_images` does, before it is scaled: rounding is not to move a label."""
    fitted = fit_exact(space.table, search.n_clusters)
    unit = float(features.scale[0]) if features.scale.size else 1.0
    return replace(fitted, centers=scale_centers(fitted.centers, features), inertia=fitted.inertia / unit**2)


def _with_places(features: Scaling, base: int, places: Places, scale: float) -> Scaling:
    shift = features.shift if features.shift.size else np.zeros(base)
    scales = features.scale if features.scale.size else np.ones(base)
    return replace(features, shift=np.concatenate([shift, places.center]), scale=np.append(scales, [scale, scale]))


def _total_variance(rows: NDArray[np.floating], used: NDArray[np.bool_]) -> float:
    """Add up the variances of features over clustered pixels, feature by feature."""
    total = sum(line_moments(np.where(used, row, np.nan))[1] ** 2 for row in rows)
    if not math.isfinite(total):
        raise infinite()
    return total
