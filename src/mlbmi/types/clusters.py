"""Clusterings, the models that remain of them, and what follows from them. Missing labels are :data:`LABEL_NODATA`, never 0."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import datetime as dt

    import xarray as xr
    from numpy.typing import NDArray

__all__ = [
    "MATCHED",
    "NUMBERING",
    "Change",
    "ClusterModel",
    "ClusterRow",
    "Clustering",
    "KScores",
    "KSelection",
    "Mode",
    "Scaling",
    "ScalingMethod",
    "Transition",
]

Mode = Literal["images", "timeseries", "bands", "located"]
"""What is clustered: each image's grey levels, each pixel's series over time, its band colours, or one of them with place."""

ScalingMethod = Literal["none", "robust", "standard", "profile"]
"""What is done to features first: nothing; minus the median, over an interquantile range; minus the mean,
over the standard deviation; each pixel by its own mean and standard deviation (the shape of a series)."""

NUMBERING = "by mean index, then by date of peak"
"""How labels are numbered from 0 on; bands by the NDVI, or the mean over bands, at their centers."""

MATCHED = "as the most similar clusters of an earlier model"
"""How labels are numbered where they took another model's numbers."""


def _no_numbers() -> NDArray[np.float64]:
    return np.empty(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaling:
    """How features became what was clustered: ``(feature − shift) / scale``, after each pixel's own z-score for ``profile``.

    Attributes
    ----------
    method : ScalingMethod
    quantile_range : tuple of float
        Lower and upper quantile in per cent, for ``robust``.
    shift, scale : ndarray of float64, shape (n_features,)
        In units of the features; empty: nothing is shifted or scaled. Coordinates are features like others, so the weight of
        location is in their scale.
    """

    method: ScalingMethod = "none"
    quantile_range: tuple[float, float] = (25.0, 75.0)
    shift: NDArray[np.float64] = field(default_factory=_no_numbers)
    scale: NDArray[np.float64] = field(default_factory=_no_numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRow:
    """One cluster on one date (or over the whole period): what a row of ``clusters.csv`` says, apart from areas.

    Attributes
    ----------
    date : datetime.date or None
        None for a row about the whole period.
    cluster : int
        Label.
    pixels : int
        Pixels with this label.
    mean, sd : float
        Mean and (population) standard deviation of the index over those pixels and date, over observed values only, float64;
        NaN where there are none. For bands: of the NDVI if red and nir are among them, else of the mean over bands.
    center : float
        The model's center: for images its single value; for a series its value on that date, or its mean over dates; for bands
        as ``mean``, at the center.
    """

    date: dt.date | None
    cluster: int
    pixels: int
    mean: float
    sd: float
    center: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Clustering:
    """A finished clustering: the map and the model that made it.

    Attributes
    ----------
    mode : Mode
    index : str
        Short name of the index clustered, e.g. ``ndvi``; for bands their names joined by ``-``.
    labels : xarray.DataArray
        uint8, 0 … ``n_clusters`` − 1 in order of mean index then date of peak, :data:`LABEL_NODATA` where missing.
        ``(time, y, x)`` for images, ``(y, x)`` for all else.
    centers : ndarray of float64, shape (n_clusters, n_features)
        In units of the features (with ``profile`` scaling: of a pixel's own standard deviation).
    features : tuple of str
        What the columns of ``centers`` are: the index's name, ISO dates, band names; ``x`` and ``y`` (in units of the CRS) for
        coordinates. Images clustered each alone have a column per date.
    counts : ndarray of int64, shape (n_clusters,)
        Pixels (for images: pixel-dates) in each cluster.
    inertia : float
        The objective at the solution, float64, over all clustered pixels; in units of the clustered (scaled) features.
    n_iter : int
        Iterations of the winning start; 0 for the exact method.
    converged : bool
        False if iterations ran out first.
    seed : int or None
        Seed used; None where no randomness is involved.
    method : str
        Name of the algorithm and its source, for the record.
    rows : tuple of ClusterRow
        For images a row per date and cluster, then one per cluster over all dates (``date`` None); for all else a row per
        cluster over the whole period (``date`` None), then, for series, one per date and cluster.
    scaling : Scaling
        What was done to the features before clustering.
    smoothness : float
        Weight of the agreement between neighbouring pixels; 0: none, each pixel stands alone.
    min_observations : int
        Observed features that a pixel needed; pixels with fewer are missing.
    reach : ndarray of float64, shape (n_clusters,), or None
        Distance from its center, as the root mean square over observed (scaled) features, within which 99 of 100 of a cluster's
        pixels lie; what is farther was not seen in training. None: not known.
    """

    mode: Mode
    index: str
    labels: xr.DataArray
    centers: NDArray[np.float64]
    features: tuple[str, ...]
    counts: NDArray[np.int64]
    inertia: float
    n_iter: int
    converged: bool
    seed: int | None
    method: str
    rows: tuple[ClusterRow, ...]
    scaling: Scaling = field(default_factory=Scaling)
    smoothness: float = 0.0
    min_observations: int = 1
    reach: NDArray[np.float64] | None = None

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.centers.shape[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class ClusterModel:
    """What a model file holds: a clustering without its map, enough to number the same clusters again.

    Attributes
    ----------
    mode, index, centers, features, counts, inertia, n_iter, converged, seed, method, scaling, smoothness, min_observations, reach
        As in :class:`Clustering`.
    names : tuple of str
        Of the clusters, by label.
    numbering : str
        How labels are numbered.
    index_scale : float
        Value of one step of the index where it is stored as int16.
    software : str
        What wrote the file, with its version; empty if it was never written.
    """

    mode: Mode
    index: str
    centers: NDArray[np.float64]
    features: tuple[str, ...]
    names: tuple[str, ...]
    counts: NDArray[np.int64]
    inertia: float
    n_iter: int
    converged: bool
    seed: int | None
    method: str
    scaling: Scaling
    smoothness: float
    min_observations: int
    reach: NDArray[np.float64] | None
    numbering: str
    index_scale: float
    software: str

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.centers.shape[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class KScores:
    """How well one number of clusters describes the data; NaN where a score is undefined or was not computed.

    Attributes
    ----------
    n_clusters : int
    sse : float
        The objective over all clustered pixels.
    silhouette : float
        Simplified silhouette (distances to centers), mean over a sample drawn in spatial blocks, −1 … 1; higher is better.
    silhouette_sd : float
        Standard error of that mean, from its blocks.
    calinski_harabasz : float
        Between-cluster over within-cluster variance; higher is better.
    davies_bouldin : float
        Mean over clusters of the worst ratio of spreads to distance; lower is better.
    gap, gap_sd : float
        Gap statistic (Tibshirani et al. 2001) and its standard error s_k.
    stability : float
        Mean agreement (adjusted Rand index) between clusterings of resampled data, ≤ 1.
    """

    n_clusters: int
    sse: float
    silhouette: float
    silhouette_sd: float
    calinski_harabasz: float
    davies_bouldin: float
    gap: float
    gap_sd: float
    stability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KSelection:
    """A number of clusters, chosen, with its reasons.

    Attributes
    ----------
    mode : Mode
    index : str
    n_clusters : int
        The number chosen.
    reason : str
        A sentence for people: what spoke for it, and how clearly.
    scores : tuple of KScores
        In order of the number of clusters.
    sample : int
        Pixels on which the sampled scores were computed.
    seed : int
    """

    mode: Mode
    index: str
    n_clusters: int
    reason: str
    scores: tuple[KScores, ...]
    sample: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """How many pixels went from one cluster to another (or stayed) between two dates.

    Attributes
    ----------
    from_date, to_date : datetime.date
    from_cluster, to_cluster : int
    pixels : int
        Pixels labelled on both dates, with these labels.
    """

    from_date: dt.date
    to_date: dt.date
    from_cluster: int
    to_cluster: int
    pixels: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Change:
    """What the label maps of several dates, under one pooled model, say of change.

    Attributes
    ----------
    index : str
    n_clusters : int
    transitions : tuple of Transition
        Every pair of clusters for each pair of successive dates, then for the first and the last date (if there are more than
        two); pairs of zero pixels are listed too.
    change : xarray.DataArray
        uint16, (y, x): ``from × n_clusters + to`` between the pixel's first and last labelled dates; 65535 where labelled on
        fewer than two dates.
    persistence : xarray.DataArray
        float32, (y, x): share of a pixel's successive labelled dates between which its label stayed, 0–1; NaN where labelled on
        fewer than two dates.
    first_change : xarray.DataArray
        int32, (y, x): number, in ``dates``, of the first date on which the pixel settles in another cluster than it did at first
        (settled: one label on two successive labelled dates); −1 where there is none, −2 where labelled on fewer than two dates.
    dates : tuple of datetime.date
        Dates of the maps.
    """

    index: str
    n_clusters: int
    transitions: tuple[Transition, ...]
    change: xr.DataArray
    persistence: xr.DataArray
    first_change: xr.DataArray
    dates: tuple[dt.date, ...]
