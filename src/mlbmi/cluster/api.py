"""Clusters of a cube: each image's grey levels under one exact model, or each pixel's series."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mlbmi.cluster._coded import CodedCube, coded_cube, label_array
from mlbmi.cluster.exact import KMeans1D, histogram, label, solve
from mlbmi.cluster.lloyd import KMeans
from mlbmi.cluster.statistics import Moments, level_moments, pixel_moments
from mlbmi.errors import ClusterError, InputError
from mlbmi.types import LABEL_NODATA, Clustering, ClusterRow

if TYPE_CHECKING:
    import datetime as dt

    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["cluster_images", "cluster_timeseries", "default_min_observations"]

_EXACT = "exact 1-D K-means by dynamic programming, pooled over dates (Wang & Song 2011; Grønlund et al. 2017)"
_LLOYD = (
    "K-means on observed dates (partial distances, {partial}), Lloyd with Hamerly's bounds from the best of {n_init} searches"
)


def cluster_images(data: xr.DataArray, n_clusters: int = 5) -> Clustering:
    """Cluster the grey levels of all images together: one model for all dates, a label map for each.

    The solution is the global optimum; there is no seed. On int16 it is found on the histogram, piece by piece where ``data`` is
    chunked, so that only the labels are held; floats are read whole.

    Parameters
    ----------
    data : xarray.DataArray
        One index over ``(time, y, x)`` or ``(y, x)``: float32 or float64 with NaN as missing; or int16, as stored, with the
        attributes ``scale_factor`` (default 1), ``add_offset`` (default 0) and ``_FillValue`` (default −32768). Its name is taken
        as the index's.
    n_clusters : int, default=5
        1 to 255.

    Returns
    -------
    Clustering
        ``labels`` (time, y, x), ordered by value. A date without any value is all 255, with 0 pixels in its rows.

    Raises
    ------
    ClusterError
        If all is missing, there are fewer distinct values than clusters, ``n_clusters`` is out of range, or ``data`` is of
        another shape or type.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> ndvi = xr.DataArray(np.array([[[0.1, 0.8], [0.2, np.nan]]]), dims=("time", "y", "x"), name="ndvi")
    >>> result = cluster_images(ndvi, n_clusters=2)
    >>> result.labels.values
    array([[[  0,   1],
            [  0, 255]]], dtype=uint8)
    >>> result.centers.ravel().round(2), result.counts
    (array([0.15, 0.8 ]), array([2, 1]))
    """
    _check_k(n_clusters)
    cube = coded_cube(data)
    try:
        labels, centers, inertia, by_date = (_levels if cube.nodata is not None else _floats)(cube, n_clusters)
    except InputError as error:
        raise ClusterError(error.message, remedy=error.remedy) from error
    total = _pooled(by_date)
    values = cube.values(centers)
    rows = [
        row
        for date, moments in [*zip(cube.dates or (), by_date, strict=False), (None, total)]
        for row in _rows(date, moments.count, moments, values)
    ]
    return Clustering(
        mode="images",
        index=cube.name,
        labels=label_array(labels, cube.data, ("time", "y", "x")),
        centers=values[:, None],
        features=(cube.name,),
        counts=total.count,
        inertia=inertia * cube.scale**2,
        n_iter=0,
        converged=True,
        seed=None,
        method=_EXACT,
        rows=tuple(rows),
    )


def cluster_timeseries(
    data: xr.DataArray,
    n_clusters: int = 5,
    *,
    seed: int = 0,
    min_observations: int | None = None,
    partial: Literal["scaled", "observed"] = "scaled",
    n_init: int = 4,
    max_iter: int = 300,
    tol: float = 1e-7,
) -> Clustering:
    """Cluster each pixel's series over the dates on which it was observed; nothing is filled in.

    Parameters
    ----------
    data : xarray.DataArray
        As for :func:`cluster_images`. It is read into memory in its own type, and not copied beyond that.
    n_clusters : int, default=5
        1 to 255.
    seed : int, default=0
        Of the search for a start. The answer depends on it, but not on the number of threads.
    min_observations : int, optional
        Pixels observed on fewer dates are labelled 255, not guessed. Default: :func:`default_min_observations`.
    partial, n_init, max_iter, tol
        As for :class:`KMeans`.

    Returns
    -------
    Clustering
        ``labels`` (y, x). A date on which nothing was observed is left out of the distance; its centers are NaN.

    Raises
    ------
    ClusterError
        If no pixel has enough observations, there are fewer distinct pixels than clusters, ``n_clusters`` is out of range, or
        ``data`` is of another shape or type.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> series = np.array([[0.2, 0.2], [0.2, 0.9], [0.3, 0.8]])
    >>> result = cluster_timeseries(xr.DataArray(series[:, None, :], dims=("time", "y", "x"), name="ndvi"), n_clusters=2)
    >>> result.labels.values, result.features
    (array([[0, 1]], dtype=uint8), ('0', '1', '2'))
    """
    _check_k(n_clusters)
    cube = coded_cube(data)
    values = np.asarray(cube.data.data)
    table = values.reshape(len(values), -1).T
    model = KMeans(
        n_clusters,
        n_init=n_init,
        max_iter=max_iter,
        tol=tol,
        random_state=seed,
        min_observations=default_min_observations(table, cube.nodata) if min_observations is None else min_observations,
        partial=partial,
        nodata=cube.nodata,
    )
    labels = _fitted_labels(model, table, n_clusters).reshape(values.shape[1:])
    counts = np.bincount(labels.reshape(-1), minlength=LABEL_NODATA + 1)[:n_clusters].astype(np.int64)
    centers = cube.values(model.cluster_centers_)
    return Clustering(
        mode="timeseries",
        index=cube.name,
        labels=label_array(labels, cube.data, ("y", "x")),
        centers=centers,
        features=cube.features,
        counts=counts,
        inertia=model.inertia_ * cube.scale**2,
        n_iter=model.n_iter_,
        converged=model.converged_,
        seed=seed,
        method=_LLOYD.format(partial=partial, n_init=n_init),
        rows=_series_rows(cube, values, labels, counts, model.cluster_centers_),
    )


def default_min_observations(table: NDArray[Any], nodata: int | None = None) -> int:
    """Return a quarter of the dates that have any value, rounded up, but at least 2 (1 if there is but one).

    With random gaps, agreement with the true classes fell to a third of that of complete series where one date was observed,
    and to about two thirds with two to three of twelve. A single date cannot tell a series from another that crosses it.

    Parameters
    ----------
    table : ndarray, shape (n_pixels, n_dates)
    nodata : int, optional
        Missing value of integers.

    Examples
    --------
    >>> import numpy as np
    >>> [default_min_observations(np.zeros((3, dates))) for dates in (1, 2, 5, 12, 33)]
    [1, 2, 2, 3, 9]
    """
    seen = sum(_seen(column, nodata) for column in table.T)
    return max(min(seen, 2), -(-seen // 4), 1)


def _seen(values: NDArray[Any], nodata: int | None) -> bool:
    """Say whether anything was observed; a date's first pixels nearly always tell."""
    step = 1 << 16
    for start in range(0, values.size, step):
        piece = values[start : start + step]
        if bool(((piece == piece) if nodata is None else (piece != nodata)).any()):  # noqa: PLR0124 - NaN alone differs from itself
            return True
    return False


def _check_k(k: int) -> None:
    if not isinstance(k, Integral) or isinstance(k, bool) or not 1 <= k <= LABEL_NODATA:
        raise ClusterError(
            f"n_clusters is {k!r}; it must be a whole number from 1 to {LABEL_NODATA} (labels are uint8, 255 is nodata)"
        )


_Images = tuple["NDArray[np.uint8]", "NDArray[np.float64]", float, list[Moments]]


def _levels(cube: CodedCube, k: int) -> _Images:
    """Solve on the pooled histogram; label, block by block; describe each date by its own histogram."""
    days = cube.data.sizes["time"]
    counts: NDArray[np.int64] = np.zeros((days, 1 << 16), np.int64)
    for (day, _, _), block in cube.blocks():
        levels, found = histogram(block, nodata=cube.nodata)
        counts[day.start] += found
    _check_any(int(counts.sum()))
    best = solve(levels, counts.sum(axis=0), k)[k]
    labels = np.empty(cube.data.shape, np.uint8)
    for place, block in cube.blocks():
        label(block, best.centers, out=labels[place], nodata=cube.nodata)
    own = label(levels.astype(np.int16), best.centers).astype(np.int64)
    return labels, best.centers, best.sse, [_valued(level_moments(levels, row, own, best.centers), cube) for row in counts]


def _floats(cube: CodedCube, k: int) -> _Images:
    values = np.asarray(cube.data.data)
    _check_any(any(_seen(image.reshape(-1), None) for image in values))
    model = KMeans1D(k).fit(values.reshape(-1, 1))
    # −1, missing, becomes 255 by the rules of C.
    labels = model.labels_.astype(np.uint8).reshape(values.shape)
    centers: NDArray[np.float64] = model.cluster_centers_[:, 0]
    by_date = [pixel_moments(image, marks, centers) for image, marks in zip(values, labels, strict=True)]
    return labels, centers, float(model.inertia_), by_date


def _check_any(found: int | bool) -> None:  # noqa: FBT001 - a count, or whether there is one
    if not found:
        raise ClusterError("data holds no value: every pixel of every date is missing")


def _fitted_labels(model: KMeans, table: NDArray[Any], k: int) -> NDArray[np.uint8]:
    try:
        descent = model._descend(table)  # noqa: SLF001 - fit, without its warning about what is an error here
    except InputError as error:
        raise ClusterError(error.message, remedy=error.remedy) from error
    filled = int((descent.members > 0).sum())
    if filled < k:
        raise ClusterError(
            f"{k} clusters were asked for, but the series fall into no more than {filled} distinct ones",
            remedy=f"Ask for at most {filled}.",
        )
    # −1, missing, becomes 255 by the rules of C.
    return model.labels_.astype(np.uint8)


def _valued(moments: Moments, cube: CodedCube) -> Moments:
    """Turn moments of stored numbers into moments of the index."""
    powers = np.array([[1.0], [cube.scale], [cube.scale**2]])
    return Moments(cube.values(moments.shift), moments.sums * powers)


def _pooled(parts: list[Moments]) -> Moments:
    return sum(parts[1:], start=parts[0])


def _rows(date: dt.date | None, pixels: NDArray[np.int64], moments: Moments, centers: NDArray[np.float64]) -> list[ClusterRow]:
    mean, sd = moments.mean, moments.sd
    return [
        ClusterRow(date=date, cluster=j, pixels=int(pixels[j]), mean=float(mean[j]), sd=float(sd[j]), center=float(centers[j]))
        for j in range(pixels.size)
    ]


def _series_rows(
    cube: CodedCube, values: NDArray[Any], labels: NDArray[np.uint8], counts: NDArray[np.int64], stored: NDArray[np.float64]
) -> tuple[ClusterRow, ...]:
    seen = ~np.isnan(stored[0])
    shift = stored[:, seen].mean(axis=1)
    by_date = [_valued(pixel_moments(image, labels, shift, nodata=cube.nodata), cube) for image in values]
    rows = _rows(None, counts, _pooled(by_date), cube.values(shift))
    for place, date in enumerate(cube.dates or ()):
        rows += _rows(date, counts, by_date[place], cube.values(stored[:, place]))
    return tuple(rows)
