"""The edges of what digital numbers mean: where a number is stored and none was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.mask.dilation import dilate
from mlbmi.sentinel2 import DN_NODATA, DN_RINGING, DN_SATURATED, DN_WRAPPED, SCL

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["DN_CAUSES", "RINGING_PX", "dn_edges"]

DN_CAUSES = ("nodata", "nodata_disagrees", "wrapped", "saturated", "ringing", "scl_unknown")
"""Causes of loss by number alone, in the order in which they claim a pixel."""

RINGING_PX = 8
"""Distance in pixels from missing data within which DN 1-9 are what lossy compression left: in five real, lossy scenes, 0.2 % of
the red band's lay farther off. There such numbers are real: dark water, in files whose offset has been taken out."""

_NO_MEASUREMENT = 2**16 - 1  # ESA's mark for a saturated pixel


def dn_edges(dn: xr.Dataset, bands: Sequence[str]) -> dict[str, xr.DataArray]:
    """Say which pixels hold numbers that were not measured, and why.

    Parameters
    ----------
    dn : Dataset of unsigned integers, shape (rows, columns)
        DN by band, before any offset is added, and ``scl``. Chunked stays lazy. Whoever cuts a window must read a margin of
        :data:`RINGING_PX` around it.
    bands : sequence of str
        Reflectance bands to look at; a pixel is lost if one of them is.

    Returns
    -------
    dict of str to DataArray of bool
        By cause, in the order of :data:`DN_CAUSES`; each pixel is True in at most one, the first that holds: ``nodata`` (0 in all
        bands and in ``scl``), ``nodata_disagrees`` (0 in some of them), ``wrapped`` (a negative number stored as an unsigned
        one), ``saturated``, ``ringing`` (1-9 near missing data of the same band), ``scl_unknown`` (no scene class).

    Examples
    --------
    >>> import xarray as xr
    >>> red, scl = [[0, 0, 65001, 65535, 4, 700]], [[0, 4, 4, 4, 6, 13]]
    >>> dn = xr.Dataset({name: (("y", "x"), np.array(v, dtype=np.uint16)) for name, v in (("red", red), ("scl", scl))})
    >>> [cause for pixel in range(6) for cause, where in dn_edges(dn, ["red"]).items() if where[0, pixel]]
    ['nodata', 'nodata_disagrees', 'wrapped', 'saturated', 'ringing', 'scl_unknown']
    """
    missing = [dn[name] == DN_NODATA for name in (*bands, "scl")]
    numbers = [dn[band] for band in bands]
    raw = {
        "nodata": _all(missing),
        "nodata_disagrees": _any(missing),
        "wrapped": _any([(values >= DN_WRAPPED) & (values != _NO_MEASUREMENT) for values in numbers]),
        "saturated": _any([values >= DN_SATURATED for values in numbers]),
        "ringing": _any([_ringing(values) for values in numbers]),
        "scl_unknown": ~dn["scl"].isin([int(scl) for scl in SCL]),
    }
    return _first_claims(raw)


def _first_claims(raw: dict[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    claimed, found = None, {}
    for cause in DN_CAUSES:
        found[cause] = (raw[cause] if claimed is None else raw[cause] & ~claimed).drop_attrs()
        claimed = raw[cause] if claimed is None else claimed | raw[cause]
    return found


def _ringing(values: xr.DataArray) -> xr.DataArray:
    if values.chunks is None:
        return values.copy(data=_ringing_block(values.values))
    depth = RINGING_PX
    return values.copy(data=values.data.map_overlap(_ringing_block, depth=depth, boundary="none", dtype=bool))


def _ringing_block(dn: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.bool_]:
    low = (dn != DN_NODATA) & (dn <= DN_RINGING)
    return np.asarray(low & dilate(dn == DN_NODATA, RINGING_PX) if low.any() else low)


def _any(masks: Sequence[xr.DataArray]) -> xr.DataArray:
    first, *others = masks
    for mask in others:
        first = first | mask
    return first


def _all(masks: Sequence[xr.DataArray]) -> xr.DataArray:
    first, *others = masks
    for mask in others:
        first = first & mask
    return first
