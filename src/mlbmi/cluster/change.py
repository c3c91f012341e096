"""Change: what the label maps of several dates, under one pooled model of their images, say of it.

A label is a class of grey levels: that it changed means that the index went from one class to another. Between winter and
summer this is mostly the season; for change of the land, choose dates of one season, or read the maps with that in mind.
"""

from __future__ import annotations

import itertools
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._change_kernels import CHANGE_NODATA, TOO_FEW, UNCHANGED, follow
from mlbmi.compiling import read_only
from mlbmi.errors import InputError
from mlbmi.threads import map_chunks
from mlbmi.types import LABEL_NODATA, Change, Transition

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.types import Clustering

__all__ = ["detect_change", "transition_matrix"]

_CHUNK = 1 << 16

_MEANING: dict[str, dict[str, Any]] = {
    "change": {
        "long_name": "from × n_clusters + to, between the first and the last labelled date",
        "nodata": CHANGE_NODATA,
    },
    "persistence": {"long_name": "share of successive labelled dates between which the label stayed", "units": "1"},
    "first_change": {
        "long_name": "number of the first date from which the pixel was twice running in another cluster than at first",
        "no_change": UNCHANGED,
        "nodata": TOO_FEW,
    },
}


def detect_change(clustering: Clustering) -> Change:
    """Follow each pixel's label over the dates: how many pixels went from which cluster to which, where, and since when.

    Dates on which a pixel has no label are passed over, never filled: its *successive labelled dates* may have gaps between
    them. Transitions between two dates, however, count only pixels that are labelled on these very dates.

    A first change goes by what is seen twice running. A pixel has *settled* where two of its successive labelled dates have one
    label; its first change is the first date on which it settles in another cluster than it did at first. A single odd date,
    such as the edge of a cloud that no mask caught, is therefore no change, be it the first, the last or one between. Nor is
    what comes and goes from date to date. Pixels labelled on fewer than four dates never have a first change.

    Parameters
    ----------
    clustering : Clustering
        Of mode ``images``, pooled: one model for all dates, so that a label means the same on each. Labels ``(time, y, x)`` on
        two or more ascending days; if they are chunked, the chunks are taken one at a time.

    Returns
    -------
    Change
        Maps on the grid of the labels. The answer does not depend on the number of threads; memory beyond the labels is 10
        bytes per pixel.

    Raises
    ------
    InputError
        If it is not a pooled clustering of images, has fewer than two dates, has dates that do not ascend, or holds a label
        that is none of its clusters.

    Notes
    -----
    ``change`` compares the first and the last labels alone and has no such guard: begin and end with a clear date. And a label
    may change because the index crossed a boundary by little: the more clusters, the more often.

    Measured on tile 33TWL at 120 m, five cloudy days within ten of August, when little can have changed: of the pixels labelled
    twice or more, 60 % deviated from their first label on some date, and 52 % had another label on their last date than on
    their first, but 5.5 % had a first change with 5 clusters, 1.0 % with 2 and 6.6 % with 8. (A rule that asks for the new label
    alone to be seen twice, and believes the first: 28, 7 and 45 %.)

    Examples
    --------
    Three pixels on four days: one changes for good, one deviates once, one is seen once.

    >>> import numpy as np, xarray as xr
    >>> from mlbmi.cluster import cluster_images
    >>> days = np.array(["2020-06-01", "2020-06-11", "2020-06-21", "2020-07-01"], "datetime64[ns]")
    >>> values = np.array([[0.8, 0.8, np.nan], [0.8, 0.8, 0.2], [0.2, 0.2, np.nan], [0.2, 0.8, np.nan]])
    >>> ndvi = xr.DataArray(values[:, None, :], dims=("time", "y", "x"), coords={"time": days}, name="ndvi")
    >>> change = detect_change(cluster_images(ndvi, n_clusters=2))
    >>> change.change.values, change.first_change.values, change.persistence.values.round(2)
    (array([[    2,     3, 65535]], dtype=uint16), array([[ 2, -1, -2]], dtype=int32), array([[0.67, 0.33,  nan]], dtype=float32))
    >>> transition_matrix(change, change.dates[0], change.dates[-1])
    array([[0, 0],
           [1, 1]])
    """
    _check(clustering)
    labels, k = clustering.labels.transpose("time", "y", "x"), clustering.n_clusters
    dates = _dates(labels)
    maps = {"change": np.uint16, "persistence": np.float32, "first_change": np.int32}
    filled = {name: np.empty(labels.shape[1:], dtype) for name, dtype in maps.items()}
    counts = np.zeros((len(dates), k, k), np.int64)
    for rows in _row_blocks(labels):
        counts += _follow_rows(np.asarray(labels[:, rows].data), k, [values[rows].reshape(-1) for values in filled.values()])
    return Change(
        index=clustering.index,
        n_clusters=k,
        transitions=tuple(_transitions(dates, counts)),
        change=_map(labels, filled, "change"),
        persistence=_map(labels, filled, "persistence"),
        first_change=_map(labels, filled, "first_change"),
        dates=dates,
    )


def transition_matrix(change: Change, from_date: dt.date, to_date: dt.date) -> NDArray[np.int64]:
    """Return the transitions between two dates as a matrix.

    Parameters
    ----------
    change : Change
        As :func:`detect_change` returned it.
    from_date, to_date : datetime.date
        Two successive dates, or the first and the last.

    Returns
    -------
    ndarray of int64, shape (n_clusters, n_clusters)
        Pixels by cluster on ``from_date`` (rows) and ``to_date`` (columns); all of them together are the pixels labelled on both.

    Raises
    ------
    InputError
        If the transitions between these dates were not counted.
    """
    matrix = np.zeros((change.n_clusters, change.n_clusters), np.int64)
    found = [step for step in change.transitions if (step.from_date, step.to_date) == (from_date, to_date)]
    if not found:
        known = dict.fromkeys(f"{step.from_date} to {step.to_date}" for step in change.transitions)
        raise InputError(f"no transitions were counted from {from_date} to {to_date}", remedy=f"Known are: {', '.join(known)}.")
    for step in found:
        matrix[step.from_cluster, step.to_cluster] = step.pixels
    return matrix


def _check(clustering: Clustering) -> None:
    """Let through what has one model for all its dates."""
    if clustering.mode != "images":
        raise InputError(
            f"the clustering is of mode {clustering.mode!r}; change is between label maps of dates, which mode 'images' makes",
            remedy="Take it from cluster_images.",
        )
    if clustering.features != (clustering.index,):
        raise InputError(
            f"each image was clustered alone ({len(clustering.features)} features); a label means another thing on each date",
            remedy="Cluster the images under one model, pooled over dates.",
        )


def _dates(labels: xr.DataArray) -> tuple[dt.date, ...]:
    if "time" not in labels.coords or not np.issubdtype(labels["time"].dtype, np.datetime64):
        raise InputError("the labels have no dates; change is from date to date", remedy="Cluster data with a coordinate `time`.")
    days: list[dt.date] = labels["time"].to_numpy().astype("datetime64[D]").tolist()
    if len(days) < 2:
        raise InputError(f"there is one date, {days[0]}; change needs at least two", remedy="Choose a longer period.")
    for earlier, later in pairwise(days):
        if earlier >= later:
            raise InputError(f"{later} follows {earlier}; dates must ascend, one map to a day", remedy="Sort the data by time.")
    return tuple(days)


def _row_blocks(labels: xr.DataArray) -> list[slice]:
    """Cut by the chunks of rows; labels in memory are one piece."""
    edges = itertools.accumulate(labels.chunks[1] if labels.chunks else (labels.sizes["y"],), initial=0)
    return [slice(start, stop) for start, stop in pairwise(edges)]


def _follow_rows(block: NDArray[np.uint8], k: int, filled: list[NDArray[Any]]) -> NDArray[np.int64]:
    stack = read_only(np.ascontiguousarray(block).reshape(len(block), -1))

    def work(start: int, stop: int) -> tuple[NDArray[np.int64], int]:
        done: tuple[NDArray[np.int64], int] = follow(stack, (start, stop), k, LABEL_NODATA, *filled)
        return done

    total = np.zeros((len(block), k, k), np.int64)
    for counts, highest in map_chunks(work, stack.shape[1], _CHUNK):
        if highest >= k:
            raise InputError(
                f"the labels hold {highest}, which is none of {k} clusters (0 to {k - 1}, {LABEL_NODATA} if missing)"
            )
        total += counts
    return total


def _transitions(dates: tuple[dt.date, ...], counts: NDArray[np.int64]) -> Iterator[Transition]:
    pairs = [*pairwise(dates), (dates[0], dates[-1])]
    # Of two dates, the successive ones are the first and the last.
    for (from_date, to_date), table in list(zip(pairs, counts, strict=True))[: 1 if len(dates) == 2 else None]:
        for (from_cluster, to_cluster), pixels in np.ndenumerate(table):
            yield Transition(
                from_date=from_date, to_date=to_date, from_cluster=from_cluster, to_cluster=to_cluster, pixels=int(pixels)
            )


def _map(labels: xr.DataArray, filled: dict[str, NDArray[Any]], name: str) -> xr.DataArray:
    """Put values on the grid of the labels."""
    like = labels.isel(time=0, drop=True)
    return like.copy(data=filled[name]).rename(name).assign_attrs(_MEANING[name])
