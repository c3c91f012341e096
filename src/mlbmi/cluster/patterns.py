"""Do clusters follow what the clouds left out, rather than what grows? A test of each date's gaps against the map of clusters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.types import INDEX_NODATA, LABEL_NODATA

if TYPE_CHECKING:
    import datetime as dt

    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.types import Clustering

__all__ = ["GapAssociation", "association", "gap_associations"]

_SAMPLE = 100_000
"""Pixels that a map is thinned to: each has its neighbours' sky, so more tell little more."""

_SHIFTS = 30
_LEAST_V = 0.15
_TIMES_CHANCE = 2.0
_LEAST_MISSING = 0.05
"""A date is judged if at least so many, and not more than all but so many, of the pixels are missing on it."""


@dataclass(frozen=True, slots=True)
class GapAssociation:
    """How closely clusters follow the gaps of one date.

    Attributes
    ----------
    date : datetime.date
    missing : float
        Share of the clustered pixels that is missing on it, 0–1.
    v : float
        Cramér's V of cluster and missing: 0 independent, 1 one decides the other.
    chance : float
        Largest V that the same gaps reach when they are moved elsewhere over the same clusters, in 30 tries.
    """

    date: dt.date
    missing: float
    v: float
    chance: float

    @property
    def suspicious(self) -> bool:
        """Whether clusters follow these gaps: V of 0.15 and more, and twice what chance reaches."""
        judged = _LEAST_MISSING <= self.missing <= 1 - _LEAST_MISSING
        return judged and self.v >= _LEAST_V and self.v >= _TIMES_CHANCE * self.chance


def gap_associations(clustering: Clustering, data: xr.DataArray) -> list[GapAssociation]:
    """Measure it for each date of a clustering of series.

    Both clouds and vegetation come in patches, so even independent maps agree a little by chance. How much is found out by moving
    the gaps: by a random number of rows and columns, at least an eighth of the map, round its edges.

    Parameters
    ----------
    clustering : Clustering
        One map for the period.
    data : xarray.DataArray
        What was clustered: ``(time, y, x)``, int16 steps or float with NaN.

    Returns
    -------
    list of GapAssociation
        One a date.
    """
    step = max(1, math.ceil(math.sqrt(clustering.labels.size / _SAMPLE)))
    labels = clustering.labels.to_numpy()[::step, ::step]
    values = data.to_numpy()[:, ::step, ::step]
    missing = np.isnan(values) if values.dtype.kind == "f" else values == INDEX_NODATA
    days = data["time"].to_numpy().astype("datetime64[D]").tolist()
    return [_of_date(day, labels, gaps, np.random.default_rng(0)) for day, gaps in zip(days, missing, strict=True)]


def _of_date(date: dt.date, labels: NDArray[np.uint8], missing: NDArray[np.bool_], rng: np.random.Generator) -> GapAssociation:
    area = labels != LABEL_NODATA
    share = float(missing[area].mean()) if area.any() else 0.0
    by_chance = [0.0]
    for rows, columns in _shifts(labels.shape, rng):
        both = area & np.roll(area, (rows, columns), (0, 1))
        by_chance.append(association(labels[both], np.roll(missing, (rows, columns), (0, 1))[both]))
    return GapAssociation(date, share, association(labels[area], missing[area]), max(by_chance))


def _shifts(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int64]:
    height, width = shape
    rows = rng.integers(height // 8, height - height // 8, _SHIFTS)
    columns = rng.integers(width // 8, width - width // 8, _SHIFTS)
    return np.stack([rows, columns], axis=1)


def association(labels: NDArray[np.integer], marks: NDArray[np.bool_]) -> float:
    """Return Cramér's V of labels and a yes-or-no mark; 0 where one of them does not vary.

    Examples
    --------
    >>> association(np.array([0, 0, 1, 1]), np.array([True, True, False, False]))
    1.0
    """
    if not labels.size:
        return 0.0
    sizes = np.bincount(labels)
    marked = np.bincount(labels, weights=marks)
    share = marked.sum() / sizes.sum()
    present = sizes > 0
    if share in {0.0, 1.0} or np.count_nonzero(present) < 2:
        return 0.0
    between = (sizes[present] * (marked[present] / sizes[present] - share) ** 2).sum() / sizes.sum()
    return float(np.sqrt(between / (share * (1 - share))))
