"""Scene classes → usable pixels, and the cause of each loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlbmi.errors import ConfigError
from mlbmi.mask.dilation import dilate
from mlbmi.sentinel2 import SCL, SCL_KEEP

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["clear_mask"]

_GROWN: frozenset[int] = frozenset({SCL.CLOUD_SHADOW, SCL.CLOUD_MEDIUM_PROBABILITY, SCL.CLOUD_HIGH_PROBABILITY, SCL.THIN_CIRRUS})
"""Classes whose rims Sen2Cor misses (Zekoll et al. 2021, Remote Sensing 13:137); dark areas and snow have none to miss."""


def clear_mask(
    scl: xr.DataArray | NDArray[np.integer[Any]], *, keep: Collection[int] = SCL_KEEP, dilate_px: int = 0
) -> xr.Dataset:
    """Say which pixels are usable by their scene class, and why the others are not.

    Parameters
    ----------
    scl : DataArray or ndarray of integers, shape (rows, columns)
        Scene classes (:class:`mlbmi.sentinel2.SCL`); values that are no class, as lossy files hold them, are dropped. Chunked
        stays lazy.
    keep : collection of int
        Classes that count as clear, of 1–11.
    dilate_px : int
        Radius in pixels of the disk by which clouds and their shadows (3, 8, 9, 10) are grown, those of them that are not
        kept. Whoever cuts a window must read this margin around it.

    Returns
    -------
    xarray.Dataset
        Four bool variables of the shape of ``scl``; each pixel is True in exactly one: ``valid`` (usable), or the first cause
        of its loss: ``nodata`` (class 0), ``scl`` (a class that is not kept, or no class), ``dilation`` (near a cloud).

    Raises
    ------
    ConfigError
        If ``keep`` is empty or holds no data (0) or what is no class, or ``dilate_px`` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> mask = clear_mask(np.array([[0, 4, 9, 13]], dtype=np.uint8))
    >>> {cause: mask[cause].values.astype(int).tolist() for cause in ("valid", "nodata", "scl")}
    {'valid': [[0, 1, 0, 0]], 'nodata': [[1, 0, 0, 0]], 'scl': [[0, 0, 1, 1]]}
    """
    import xarray as xr

    _check(keep, dilate_px)
    classes = scl if isinstance(scl, xr.DataArray) else xr.DataArray(scl, dims=("y", "x"))
    nodata = classes == int(SCL.NO_DATA)
    kept = classes.isin([int(value) for value in keep])
    grow = sorted(_GROWN - {int(value) for value in keep})
    near_cloud = _grown(classes.isin(grow), dilate_px)
    causes = {"valid": kept & ~near_cloud, "nodata": nodata, "scl": ~kept & ~nodata, "dilation": kept & near_cloud}
    return xr.Dataset({cause: where.drop_attrs() for cause, where in causes.items()})


def _check(keep: Collection[int], dilate_px: int) -> None:
    wrong = sorted({int(value) for value in keep} - (set(SCL) - {SCL.NO_DATA}))
    if wrong or not keep:
        raise ConfigError(
            f"scene classes to keep are {sorted(int(value) for value in keep)}; they must be some of 1-11",
            remedy="4,5,6,7 keeps vegetation, bare ground, water and unclassified.",
        )
    if dilate_px < 0:
        raise ConfigError(f"clouds cannot be grown by {dilate_px} pixels", remedy="Give 0 or more.")


def _grown(clouds: xr.DataArray, radius_px: int) -> xr.DataArray:
    """Grow clouds; of a chunked array, with so much of the neighbouring chunks that chunks leave no trace."""
    if radius_px == 0:
        return clouds
    if clouds.chunks is None:
        return clouds.copy(data=dilate(clouds.values, radius_px))
    grown = clouds.data.map_overlap(dilate, depth=radius_px, boundary=False, dtype=bool, radius_px=radius_px)
    return clouds.copy(data=grown)
