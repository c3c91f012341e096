"""Clusters of grey levels: each pixel of each image by its index alone, under exact models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlbmi.cluster._coded import CodedCube, coded_cube, label_array
from mlbmi.cluster._image_models import Asked, divisors, float_models, level_models
from mlbmi.cluster._rows import check_k, cluster_rows
from mlbmi.cluster._smoothing import check_smoothness, smoothed_images, with_neighbours
from mlbmi.cluster.scaling import check_scaling
from mlbmi.errors import ClusterError, InputError
from mlbmi.types import Clustering, ClusterRow

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.cluster.statistics import Moments
    from mlbmi.types import ScalingMethod

__all__ = ["check_image_scaling", "cluster_images"]

_EXACT = "exact 1-D K-means by dynamic programming, {over} (Wang & Song 2011; Grønlund et al. 2017)"


def cluster_images(
    data: xr.DataArray,
    n_clusters: int = 5,
    *,
    scaling: ScalingMethod = "none",
    quantile_range: tuple[float, float] = (25.0, 75.0),
    pooled: bool = True,
    smoothness: float = 0.0,
) -> Clustering:
    """Cluster the grey levels of images, all together (one model for all dates) or each alone; a label map for each date.

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
    scaling : {"none", "robust", "standard"}, default="none"
        One index, shifted and scaled, has the same clusters: labels and centers are the same whatever is chosen. What was chosen
        is recorded, and ``inertia`` and ``reach`` are in its units. ``profile`` needs more than one value per pixel.
    quantile_range : tuple of float, default=(25, 75)
        For ``robust``, in per cent.
    pooled : bool, default=True
        False: a model for each date. Then the same number on two dates is the same rank, not the same index.
    smoothness : float, default=0
        Weight of the agreement between neighbouring pixels, within each image; see :func:`.spatial.smooth`. 1 is usual. Centers
        stay those of the exact solution; labels and what is said of them change.

    Returns
    -------
    Clustering
        ``labels`` (time, y, x), ordered by value. A date without any value is all 255, with 0 pixels in its rows. Not pooled,
        ``centers`` and the scaling have a column per date; a date with fewer distinct values than ``n_clusters`` has as many
        clusters as values, and centers of NaN for the others; ``inertia`` is the sum over dates.

    Raises
    ------
    ClusterError
        If all is missing, there are fewer distinct values than clusters (not pooled: on every date), ``n_clusters`` or the
        scaling is out of range, or ``data`` is of another shape or type.

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
    check_k(n_clusters)
    check_scaling(scaling, quantile_range)
    check_image_scaling(scaling)
    check_smoothness(smoothness)
    cube = coded_cube(data)
    asked = Asked(n_clusters, scaling, quantile_range, pooled)
    try:
        found = (level_models if cube.nodata is not None else float_models)(cube, asked)
    except InputError as error:
        raise ClusterError(error.message, remedy=error.remedy) from error
    found = smoothed_images(cube, found, float(smoothness))
    centers, total = cube.values(found.centers), found.total
    return Clustering(
        mode="images",
        index=cube.name,
        labels=label_array(found.labels, cube.data, ("time", "y", "x")),
        centers=centers,
        features=(cube.name,) if pooled else cube.features,
        counts=total.count,
        inertia=float(sum(found.errors / divisors(found.scaling, found.errors.size) ** 2)),
        n_iter=0,
        converged=True,
        seed=None,
        method=with_neighbours(_EXACT.format(over="pooled over dates" if pooled else "each date alone"), smoothness),
        rows=_image_rows(cube, found.by_date, total, centers),
        scaling=found.scaling,
        smoothness=float(smoothness),
        reach=found.reach,
    )


def check_image_scaling(scaling: str) -> None:
    """Refuse the profile of a single value."""
    if scaling == "profile":
        raise ClusterError(
            "scaling is 'profile', each pixel by its own mean and spread, but in an image a pixel has one value alone",
            remedy="Use cluster_timeseries for profiles, or scaling none, robust or standard here.",
        )


def _image_rows(cube: CodedCube, by_date: list[Moments], total: Moments, centers: NDArray[np.float64]) -> tuple[ClusterRow, ...]:
    """Describe the clusters on each date, then over all dates."""
    rows: list[ClusterRow] = []
    for day, (date, moments) in enumerate(zip(cube.dates or (), by_date, strict=False)):
        rows += cluster_rows(date, moments.count, moments, centers[:, day if centers.shape[1] > 1 else 0])
    return (*rows, *cluster_rows(None, total.count, total, np.nanmean(centers, axis=1)))
