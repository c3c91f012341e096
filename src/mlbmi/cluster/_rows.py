"""What the clusterings of all feature spaces share: checks, and the rows that describe clusters."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster.statistics import Moments
from mlbmi.errors import ClusterError
from mlbmi.types import LABEL_NODATA, ClusterRow

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from mlbmi.cluster._table import Table

__all__ = ["any_seen", "check_any", "check_k", "cluster_rows", "pooled", "valued"]


def check_k(k: int) -> None:
    if not isinstance(k, Integral) or isinstance(k, bool) or not 1 <= k <= LABEL_NODATA:
        raise ClusterError(
            f"n_clusters is {k!r}; it must be a whole number from 1 to {LABEL_NODATA} (labels are uint8, 255 is nodata)"
        )


def any_seen(values: NDArray[Any], nodata: int | None) -> bool:
    """Say whether anything was observed; a date's first pixels nearly always tell."""
    step = 1 << 16
    for start in range(0, values.size, step):
        piece = values[start : start + step]
        if bool(((piece == piece) if nodata is None else (piece != nodata)).any()):  # noqa: PLR0124 - NaN alone differs from itself
            return True
    return False


def check_any(found: int | bool) -> None:  # noqa: FBT001 - a count, or whether there is one
    if not found:
        raise ClusterError("data holds no value: every pixel of every date is missing")


def valued(moments: Moments, coding: Table) -> Moments:
    """Turn moments of stored numbers into moments of the index."""
    powers = np.array([[1.0], [coding.step], [coding.step**2]])
    return Moments(coding.values(moments.shift), moments.sums * powers)


def pooled(parts: list[Moments]) -> Moments:
    return sum(parts[1:], start=parts[0])


def cluster_rows(
    date: dt.date | None, pixels: NDArray[np.int64], moments: Moments, centers: NDArray[np.float64]
) -> list[ClusterRow]:
    mean, sd = moments.mean, moments.sd
    return [
        ClusterRow(date=date, cluster=j, pixels=int(pixels[j]), mean=float(mean[j]), sd=float(sd[j]), center=float(centers[j]))
        for j in range(pixels.size)
    ]
