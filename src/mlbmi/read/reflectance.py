"""DN → reflectance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mlbmi.sentinel2 import DN_NODATA, QUANTIFICATION

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.types import OffsetDecision

__all__ = ["to_reflectance"]

T = TypeVar("T", "xr.DataArray", "NDArray[Any]")


def to_reflectance(dn: T, decision: OffsetDecision, *, dtype: type[np.floating[Any]] = np.float32) -> T:
    """Turn DNs into surface reflectance: ρ = (DN + add) / 10000.

    Parameters
    ----------
    dn : ndarray or DataArray of unsigned integers
        DN, of any shape; lazy stays lazy.
    decision : OffsetDecision
        What to add.
    dtype : float32 or float64
        Type of the result.

    Returns
    -------
    ndarray or DataArray of dtype
        Reflectance, 1; NaN where DN is 0. It may be negative where DN + add is: a dark pixel, not a wrapped one.

    Examples
    --------
    >>> from mlbmi.types import OffsetDecision
    >>> raw = OffsetDecision(add=-1000, source="baseline", reason="")
    >>> to_reflectance(np.array([0, 375, 6000], dtype=np.uint16), raw).tolist()
    [nan, -0.0625, 0.5]
    """
    # Floats first: in uint16, 900 − 1000 would wrap to 65 436. A uint16 and its sum with the offset are exact even in float32.
    shifted = dn.astype(dtype) + dtype(decision.add)
    reflectance = shifted / dtype(QUANTIFICATION)
    if isinstance(dn, np.ndarray):
        return np.where(dn == DN_NODATA, dtype(np.nan), reflectance)
    return reflectance.where(dn != DN_NODATA)
