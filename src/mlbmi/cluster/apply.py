"""A model on new data: the same numbers for new dates or another area, and what of the data the model does not fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.cluster._apply_dates import Rules
from mlbmi.cluster._apply_jobs import job_of
from mlbmi.cluster._apply_rows import RowSums
from mlbmi.cluster._coded import label_array
from mlbmi.types import LABEL_NODATA, Clustering

if TYPE_CHECKING:
    import datetime as dt

    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.cluster._apply_dates import MatchedFeature
    from mlbmi.cluster._apply_jobs import Job
    from mlbmi.cluster._table import Table
    from mlbmi.types import ClusterModel, ClusterRow

__all__ = ["Applied", "applied_clustering", "apply_model"]

_EXPECTED_SHARE, _WORTH_A_WORD = 0.01, 0.03
"""Share of training pixels beyond the reach of their cluster, by its definition; share of new ones that is worth a warning."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Applied:
    """New data under the numbers of a model.

    Attributes
    ----------
    labels : xarray.DataArray
        uint8, :data:`mlbmi.types.LABEL_NODATA` where missing. ``(time, y, x)`` for a model of images, ``(y, x)`` for all else.
    novelty : xarray.DataArray
        float32, same shape: distance to the own center (root mean square over the observed, scaled features) over the reach of
        that cluster. Above 1: farther than 99 of 100 training pixels were; a label there is a guess. NaN where the label is
        missing or the reach is not known.
    matched : tuple of MatchedFeature
        Each feature of the model with the date of the image that stands for it and the days between; for pooled images one entry
        per image.
    warnings : tuple of str
        Sentences for people: what does not fit.
    novel_share : float
        Share of the labelled pixels (for images: pixel-dates) whose novelty is above 1, 0–1; NaN if not known. On training data
        it is 0.01.
    rows : tuple of ClusterRow
        The clusters in the new data, as in :class:`mlbmi.types.Clustering`; dates are those of the images.
    used : tuple of int
        Numbers of the model's features that were found, coordinates not counted.
    """

    labels: xr.DataArray
    novelty: xr.DataArray
    matched: tuple[MatchedFeature, ...]
    warnings: tuple[str, ...]
    novel_share: float
    rows: tuple[ClusterRow, ...]
    used: tuple[int, ...]


def apply_model(
    model: ClusterModel,
    data: xr.DataArray | xr.Dataset,
    *,
    date_tolerance_days: int = 5,
    any_year: bool = False,
    date: str | dt.date | np.datetime64 | None = None,
) -> Applied:
    """Number the pixels of new data as a model does: by the nearest center over the features observed.

    A model of images labels each date of ``data``, whatever the date. A model of series labels another area on the model's own
    dates: for each of them the nearest image within the tolerance is taken, no image for two, so that as many dates as possible
    have one and the days between are fewest (Kuhn 1955). Dates without an image count as not observed. A model of bands takes the
    bands of those names. Features are scaled by what the model learned, never anew; ``profile`` is each pixel's own, over the
    dates matched.

    Parameters
    ----------
    model : ClusterModel
    data : xarray.DataArray or xarray.Dataset
        As for the function that made the model, :func:`mlbmi.cluster.cluster_timeseries` and its like: floats with NaN, or int16
        coded by its attributes; in memory or chunked.
    date_tolerance_days : int, default=5
        Most days between a date of the model and its image.
    any_year : bool, default=False
        Compare days of the year instead of dates.
    date : str, datetime.date or datetime64, optional
        For bands: the day to label, where there are several; default: their medians.

    Returns
    -------
    Applied

    Raises
    ------
    ClusterError
        If the index is another one, bands are missing, no date has an image or fewer than each pixel needs, or ``data`` is of
        another shape or type.

    Notes
    -----
    Without neighbours (``smoothness`` 0) a model gives its own training data the labels that clustering gave them. Data are read
    by windows of about 100 MB; labels and novelty, five bytes per pixel, are held.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from mlbmi.cluster import cluster_images
    >>> from mlbmi.cluster.models import model_of
    >>> def image(*values):
    ...     return xr.DataArray(np.array([values]), dims=("y", "x"), name="ndvi")
    >>> model = model_of(cluster_images(image(0.10, 0.14, 0.70, 0.80), n_clusters=2))
    >>> applied = apply_model(model, image(0.12, 0.76, -0.40, np.nan))
    >>> applied.labels.values.ravel()
    array([  0,   1,   0, 255], dtype=uint8)
    >>> bool(applied.novelty[..., 2] > 1), round(applied.novel_share, 3)
    (True, 0.333)
    """
    job = job_of(model, data, Rules(tolerance=date_tolerance_days, any_year=any_year, date=date))
    tally = _Tally.of(job, model)
    job.source.visit(tally.add)
    labels, novelty = tally.arrays(job)
    return Applied(
        labels=labels,
        novelty=novelty,
        matched=job.matched,
        warnings=(*job.warnings, *tally.warnings()),
        novel_share=tally.novel_share,
        rows=tally.sums.rows(),
        used=job.used,
    )


def applied_clustering(model: ClusterModel, applied: Applied) -> Clustering:
    """Return new data under a model as a clustering, to be written, drawn and compared like any other.

    Parameters
    ----------
    model : ClusterModel
        The one that was applied.
    applied : Applied

    Returns
    -------
    Clustering
        Of series: on the dates of the *images* that were found, in their order, with the model's centers on the dates that these
        stand for. ``rows`` and ``counts`` are of the new data; ``inertia`` is NaN, for nothing was minimised there;
        ``smoothness`` is 0, as each pixel stood alone; all else is the model's.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from mlbmi.cluster import cluster_images
    >>> from mlbmi.cluster.models import model_of
    >>> def image(*values):
    ...     return xr.DataArray(np.array([values]), dims=("y", "x"), name="ndvi")
    >>> model = model_of(cluster_images(image(0.1, 0.8), n_clusters=2))
    >>> new = applied_clustering(model, apply_model(model, image(0.7, 0.75, 0.8)))
    >>> new.counts, [round(row.mean, 2) for row in new.rows]
    (array([0, 3]), [nan, 0.75])
    """
    columns, features = _columns(model, applied)
    scaling = model.scaling
    if scaling.scale.size:
        scaling = replace(scaling, shift=scaling.shift[columns], scale=scaling.scale[columns])
    labels = applied.labels
    return Clustering(
        mode=model.mode,
        index=model.index,
        labels=labels,
        centers=model.centers[:, columns],
        features=features,
        counts=np.bincount(labels.to_numpy().reshape(-1), minlength=LABEL_NODATA + 1)[: model.n_clusters].astype(np.int64),
        inertia=float("nan"),
        n_iter=0,
        converged=model.converged,
        seed=model.seed,
        method=f"{model.method}; applied to other data",
        rows=applied.rows,
        scaling=scaling,
        min_observations=model.min_observations,
        reach=model.reach,
    )


def _columns(model: ClusterModel, applied: Applied) -> tuple[list[int], tuple[str, ...]]:
    """Return the numbers of the model's features that were found, in order of their images, and what to call them."""
    if model.mode == "images" and len(model.features) == 1:
        return [0], model.features
    # Coordinates come last among what was matched.
    found = [match for match in applied.matched if match.days is not None][: len(applied.used)]
    names = [match.date.isoformat() if match.date else match.feature for match in found]
    pairs = list(zip(applied.used, names, strict=True))
    if all(match.date for match in found):
        pairs.sort(key=lambda pair: pair[1])
    if model.mode == "located":
        pairs += list(enumerate(model.features))[-2:]
    return [number for number, _ in pairs], tuple(name for _, name in pairs)


@dataclass(slots=True, eq=False)
class _Tally:
    """What has been labelled so far."""

    job: Job
    reach_known: bool
    sums: RowSums
    labels: NDArray[np.uint8]
    novelty: NDArray[np.float32]
    labelled: int = 0
    novel: int = 0
    too_few: int = 0

    @classmethod
    def of(cls, job: Job, model: ClusterModel) -> _Tally:
        shape = (job.layers, *job.source.grid.shape[1:])
        labels, novelty = np.full(shape, LABEL_NODATA, np.uint8), np.full(shape, np.nan, np.float32)
        return cls(job, model.reach is not None, RowSums.of(job, model), labels, novelty)

    def add(self, rows: slice, columns: slice, table: Table) -> None:
        found = self.job.numberer.number(table, rows, columns)
        shape = (len(self.labels), rows.stop - rows.start, columns.stop - columns.start)
        self.labels[:, rows, columns] = found.labels.reshape(shape)
        self.novelty[:, rows, columns] = found.novelty.reshape(shape)
        self.labelled += int((found.labels != LABEL_NODATA).sum())
        self.novel += int((found.novelty > 1).sum())
        self.too_few += found.too_few
        self.sums.add(table, found.labels)

    @property
    def novel_share(self) -> float:
        return self.novel / self.labelled if self.labelled and self.reach_known else float("nan")

    def arrays(self, job: Job) -> tuple[xr.DataArray, xr.DataArray]:
        dims = ("time", "y", "x") if job.dated else ("y", "x")
        shape = self.labels.shape if job.dated else self.labels.shape[1:]
        labels = label_array(self.labels.reshape(shape), job.source.grid, dims)
        novelty = labels.copy(data=self.novelty.reshape(shape)).rename("novelty")
        novelty.attrs = {"long_name": "distance to the own center over the cluster's reach", "units": "1"}
        return labels, novelty

    def warnings(self) -> list[str]:
        found = []
        if not self.labelled:
            found.append("No pixel of the data could be labelled.")
        if self.too_few:
            found.append(
                f"{_share(self.too_few, self.too_few + self.labelled)} of the observed pixels have fewer than "
                f"{self.job.least} observations and are not labelled."
            )
        if self.novel_share > _WORTH_A_WORD:
            found.append(
                f"{_share(self.novel, self.labelled)} of the labelled pixels lie farther from their cluster than 99 of 100 "
                f"training pixels did ({_EXPECTED_SHARE:.0%} would be expected): the model has hardly seen their like."
            )
        if not self.reach_known:
            found.append("The model does not say how far its training pixels reach: there is no novelty.")
        return found


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
