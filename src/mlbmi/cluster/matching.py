"""Numbers of an earlier model for a new clustering: a number, and so its colour, keeps its meaning over dates and tiles."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlbmi.cluster.models import is_hole
from mlbmi.errors import ClusterError
from mlbmi.types import LABEL_NODATA, Clustering, ClusterModel, ClusterRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Match", "comparison", "match_to", "matching"]

_COORDINATES = ("x", "y")
_YEAR = 365.25  # days
_LEAST_DATES = 2
"""Shared dates from which on series are compared date by date: with one, a level is compared, not a course."""


class Match(NamedTuple):
    """A cluster and the number that it gets.

    Attributes
    ----------
    old : int
        Its present number.
    new : int
        Its number in the reference, or the next free one.
    distance : float
        Root mean square difference between the two centers over what was compared, in units of the features; NaN for a cluster
        that the reference lacks. Compare it with the distances between the reference's own clusters: a match across half of
        those is no match.
    """

    old: int
    new: int
    distance: float


def match_to(clustering: Clustering, reference: Clustering | ClusterModel) -> Clustering:
    """Number the clusters as the most similar ones of a reference are numbered.

    Pairs are chosen so that the squared differences between centers sum to the least (the assignment problem; Kuhn 1955, Naval
    Research Logistics Quarterly 2, 83-97). What is compared, is said at :func:`comparison`; how well it went, :func:`matching`
    says.

    Parameters
    ----------
    clustering : Clustering
    reference : Clustering or ClusterModel
        Of the same mode and index.

    Returns
    -------
    Clustering
        The same clusters under other numbers: in ``labels``, ``centers``, ``counts``, ``rows`` and ``reach``. Where it has more
        clusters than the reference, the others get the next numbers, in their present order. Numbers of the reference that
        nothing is assigned to stay as *holes*, with 0 pixels and a center of NaN, so that all others keep their meaning.

    Raises
    ------
    ClusterError
        If modes, indices or units (``profile`` scaling or not) differ, nothing can be compared, or more than 255 numbers would be
        needed.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from mlbmi.cluster import cluster_images
    >>> def image(*values):
    ...     return xr.DataArray(np.array([values]), dims=("y", "x"), name="ndvi")
    >>> january = cluster_images(image(-0.3, 0.2, 0.8), n_clusters=3)
    >>> july = cluster_images(image(0.25, 0.85), n_clusters=2)  # no water in this image
    >>> matched = match_to(july, january)
    >>> matched.labels.values.ravel(), matched.counts, matched.centers.ravel()
    (array([1, 2], dtype=uint8), array([0, 1, 1]), array([ nan, 0.25, 0.85]))
    """
    pairs = matching(clustering, reference)
    size = max(reference.n_clusters, 1 + max((pair.new for pair in pairs), default=0))
    if size > LABEL_NODATA:
        raise ClusterError(f"{size} numbers would be needed; labels are uint8, so there are {LABEL_NODATA}")
    new = {pair.old: pair.new for pair in pairs}
    old, places = list(new), list(new.values())
    centers = np.full((size, len(clustering.features)), np.nan)
    centers[places] = clustering.centers[old]
    counts: NDArray[np.int64] = np.zeros(size, np.int64)
    counts[places] = clustering.counts[old]
    reach = None
    if clustering.reach is not None:
        reach = np.full(size, np.nan)
        reach[places] = clustering.reach[old]
    table = np.full(LABEL_NODATA + 1, LABEL_NODATA, np.uint8)
    table[old] = places
    labels = clustering.labels.copy(data=table[clustering.labels.to_numpy()])
    rows = _renumbered_rows(clustering.rows, new, size)
    return dataclasses.replace(clustering, labels=labels, centers=centers, counts=counts, reach=reach, rows=rows)


def matching(clustering: Clustering | ClusterModel, reference: Clustering | ClusterModel) -> tuple[Match, ...]:
    """Say which number each cluster would get, and how far its center is from its namesake's.

    Parameters
    ----------
    clustering, reference : Clustering or ClusterModel
        Of the same mode and index.

    Returns
    -------
    tuple of Match
        In order of the present numbers; holes are left out.

    Raises
    ------
    ClusterError
        As for :func:`match_to`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from mlbmi.cluster import cluster_images
    >>> one = cluster_images(xr.DataArray(np.array([[0.1, 0.5, 0.9]]), dims=("y", "x")), n_clusters=3)
    >>> two = cluster_images(xr.DataArray(np.array([[0.45, 0.95]]), dims=("y", "x")), n_clusters=2)
    >>> [(match.old, match.new, round(match.distance, 2)) for match in matching(two, one)]
    [(0, 1, 0.05), (1, 2, 0.05)]
    """
    from scipy.optimize import linear_sum_assignment

    mine, theirs = comparison(clustering, reference)
    old, new = np.flatnonzero(~is_hole(mine)), np.flatnonzero(~is_hole(theirs))
    squares = _mean_squares(mine[old], theirs[new])
    apart = np.isnan(squares)
    # A pair that has nothing in common comes last: it costs more than all others together.
    costs = np.where(apart, 1.0 + np.nansum(squares), squares)
    found = {
        int(old[i]): Match(int(old[i]), int(new[j]), math.sqrt(squares[i, j]))
        for i, j in zip(*linear_sum_assignment(costs), strict=True)
        if not apart[i, j]
    }
    free = itertools.count(reference.n_clusters)
    return tuple(found[number] if number in found else Match(number, next(free), math.nan) for number in old.tolist())


def comparison(
    clustering: Clustering | ClusterModel, reference: Clustering | ClusterModel
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centers of both in columns that mean the same, so that they can be compared.

    * Images: the index. Images clustered each alone: as series.
    * Bands: the bands that both have, by name.
    * Series: the dates that both have. With fewer than two of them: the mean seasonal courses, that is, centers by day of the
      year, whatever the year, with the mean where several fall on one day, joined by straight lines around the turn of the year
      and read on each of 365 days. That takes dates well spread over the year in both; a course joined across half a year tells
      little. Series whose features are no dates are compared by the names of features.
    * With location: as above, without the coordinates: the same clusters lie elsewhere on another tile.

    Where either has no center on a date (nothing was observed, or, of images each clustered alone, the date had fewer clusters),
    that date is left out.

    Parameters
    ----------
    clustering, reference : Clustering or ClusterModel

    Returns
    -------
    tuple of ndarray of float64, shapes (n_clusters, n_columns)
        In units of the features; holes are NaN.

    Raises
    ------
    ClusterError
        If modes, indices or units differ, or nothing can be compared.
    """
    _check_alike(clustering, reference)
    mine, theirs = _columns(clustering), _columns(reference)
    shared = [name for name in mine if name in theirs]
    dates = _all_dates(mine), _all_dates(theirs)
    if dates[0] and dates[1] and len(shared) < _LEAST_DATES:
        return _seasonal(mine, dates[0]), _seasonal(theirs, dates[1])
    if not shared:
        raise ClusterError(
            f"the features {_listed(mine)} and those of the reference, {_listed(theirs)}, have none in common",
            remedy="Match clusterings of the same bands, or series with dates.",
        )
    return np.stack([mine[name] for name in shared], axis=1), np.stack([theirs[name] for name in shared], axis=1)


def _check_alike(clustering: Clustering | ClusterModel, reference: Clustering | ClusterModel) -> None:
    for what in ("mode", "index"):
        one, other = getattr(clustering, what), getattr(reference, what)
        # Bands are compared by name: their index is those names, which may be others.
        if one != other and not (what == "index" and clustering.mode == "bands"):
            raise ClusterError(f"the {what} is {one!r} and the reference's {other!r}; numbers can be matched within one {what}")
    units = [model.scaling.method == "profile" for model in (clustering, reference)]
    if units[0] != units[1]:
        raise ClusterError(
            f"scaling is {clustering.scaling.method!r} and the reference's {reference.scaling.method!r}; centers of profiles are "
            "in units of each pixel's own spread, others in units of the index"
        )


def _columns(model: Clustering | ClusterModel) -> dict[str, NDArray[np.float64]]:
    """Return the centers by feature, without coordinates and without what has no center at all."""
    left_out = _COORDINATES if model.mode == "located" else ()
    columns = zip(model.features, model.centers.T, strict=True)
    return {name: column for name, column in columns if name not in left_out and not np.isnan(column).all()}


def _mean_squares(mine: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean squared difference of each pair over the columns that both have; NaN where they have none."""
    squares = (mine[:, None] - theirs[None]) ** 2
    known = ~np.isnan(squares)
    count = known.sum(axis=2)
    means: NDArray[np.float64] = np.where(known, squares, 0.0).sum(axis=2) / np.where(count, count, np.nan)
    return means


def _all_dates(columns: dict[str, NDArray[np.float64]]) -> list[dt.date]:
    """Return the dates that the features are; none if one of them is no date."""
    try:
        return [dt.date.fromisoformat(name) for name in columns]
    except ValueError:  # bands, an index, places in a series
        return []


def _seasonal(columns: dict[str, NDArray[np.float64]], dates: Sequence[dt.date]) -> NDArray[np.float64]:
    """Return each cluster's course over the days of the year, (n_clusters, 365)."""
    days = np.array([date.timetuple().tm_yday for date in dates])
    return np.stack([_course(days, values) for values in np.stack(list(columns.values()), axis=1)])


def _course(days: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Join one cluster's values by straight lines over the year; NaN if it has none."""
    known = ~np.isnan(values)
    if not known.any():
        return np.full(365, np.nan)
    there, place = np.unique(days[known], return_inverse=True)
    means = np.bincount(place, values[known]) / np.bincount(place)
    course: NDArray[np.float64] = np.interp(np.arange(1.0, 366.0), there, means, period=_YEAR)
    return course


def _listed(columns: dict[str, NDArray[np.float64]]) -> str:
    names = list(columns)
    return ", ".join(names[:4]) + (" …" if len(names) > 4 else "") if names else "(none with a center)"


def _renumbered_rows(rows: Sequence[ClusterRow], new: dict[int, int], size: int) -> tuple[ClusterRow, ...]:
    """Return the rows of each date in order of the new numbers, with an empty one for each hole."""
    result: list[ClusterRow] = []
    for date, group in itertools.groupby(rows, key=lambda row: row.date):
        named = {new[row.cluster]: dataclasses.replace(row, cluster=new[row.cluster]) for row in group if row.cluster in new}
        result += [named.get(number) or _empty_row(date, number) for number in range(size)]
    return tuple(result)


def _empty_row(date: dt.date | None, cluster: int) -> ClusterRow:
    return ClusterRow(date=date, cluster=cluster, pixels=0, mean=math.nan, sd=math.nan, center=math.nan)
