"""Scene classes → usable pixels, and the cause of each loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlbmi.errors import ConfigError
from mlbmi.mask.dilation import dilate
from mlbmi.mask.speckle import small_patches
from mlbmi.sentinel2 import SCL, SCL_KEEP

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["clear_mask"]

_GROWN: frozenset[int] = frozenset({SCL.CLOUD_SHADOW, SCL.CLOUD_MEDIUM_PROBABILITY, SCL.CLOUD_HIGH_PROBABILITY, SCL.THIN_CIRRUS})
"""Classes whose rims Sen2Cor misses (Zekoll et al. 2021, Remote Sensing 13:137); dark areas and snow have none to miss."""

_CLOUDS: frozenset[int] = frozenset({SCL.CLOUD_MEDIUM_PROBABILITY, SCL.CLOUD_HIGH_PROBABILITY, SCL.THIN_CIRRUS})


def clear_mask(
    scl: xr.DataArray | NDArray[np.integer[Any]], *, keep: Collection[int] = SCL_KEEP, dilate_px: int = 0, speckle_px: int = 0
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
    speckle_px : int
        Patches of cloud (8, 9, 10) of at most so many pixels are taken for bright roofs, and kept. A window needs this as a
        further margin.

    Returns
    -------
    xarray.Dataset
        Four bool variables of the shape of ``scl``; each pixel is True in exactly one: ``valid`` (usable), or the first cause
        of its loss: ``nodata`` (class 0), ``scl`` (a class that is not kept, or no class), ``dilation`` (near a cloud). With
        ``speckle_px``, a fifth one besides, ``released``: what would be cloud but for its small patch.

    Raises
    ------
    ConfigError
        If ``keep`` is empty or holds no data (0) or what is no class, or ``dilate_px`` or ``speckle_px`` is
        negative.

    Examples
    --------
    >>> import numpy as np
    >>> mask = clear_mask(np.array([[0, 4, 9, 13]], dtype=np.uint8))
    >>> {cause: mask[cause].values.astype(int).tolist() for cause in ("valid", "nodata", "scl")}
    {'valid': [[0, 1, 0, 0]], 'nodata': [[1, 0, 0, 0]], 'scl': [[0, 0, 1, 1]]}
    """
    import xarray as xr

    _check(keep, dilate_px, speckle_px)
    classes = scl if isinstance(scl, xr.DataArray) else xr.DataArray(scl, dims=("y", "x"))
    nodata = classes == int(SCL.NO_DATA)
    released = _near(classes.isin(sorted(_CLOUDS - {int(value) for value in keep})), small_patches, speckle_px)
    kept = classes.isin([int(value) for value in keep]) | released
    grow = sorted(_GROWN - {int(value) for value in keep})
    near_cloud = _near(classes.isin(grow) & ~released, dilate, dilate_px)
    causes = {"valid": kept & ~near_cloud, "nodata": nodata, "scl": ~kept & ~nodata, "dilation": kept & near_cloud}
    if speckle_px:
        causes["released"] = released
    return xr.Dataset({cause: where.drop_attrs() for cause, where in causes.items()})


def _check(keep: Collection[int], dilate_px: int, speckle_px: int) -> None:
    wrong = sorted({int(value) for value in keep} - (set(SCL) - {SCL.NO_DATA}))
    if wrong or not keep:
        raise ConfigError(
            f"scene classes to keep are {sorted(int(value) for value in keep)}; they must be some of 1-11",
            remedy="4,5,6,7 keeps vegetation, bare ground, water and unclassified.",
        )
    if dilate_px < 0:
        raise ConfigError(f"clouds cannot be grown by {dilate_px} pixels", remedy="Give 0 or more.")
    if speckle_px < 0:
        raise ConfigError(f"patches of cloud cannot have {speckle_px} pixels", remedy="Give 0 or more.")


def _near(mask: xr.DataArray, function: Callable[[NDArray[np.bool_], int], NDArray[np.bool_]], reach_px: int) -> xr.DataArray:
    """Apply a function that looks so far; to a chunked array with so much of the neighbouring chunks that they leave no trace."""

    def applied(block: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return function(block, reach_px)

    if mask.chunks is None:
        return mask.copy(data=applied(mask.values))
    if reach_px == 0:
        return mask.copy(data=mask.data.map_blocks(applied, dtype=bool))
    return mask.copy(data=mask.data.map_overlap(applied, depth=reach_px, boundary=False, dtype=bool))
