"""The reflectance of the ground on a date, as an instrument of 10 m without noise would see it: no air, no cloud, no snow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.simulate.landscape import Cover
from mlbmi.simulate.noise import normal01
from mlbmi.simulate.spectra import PHENOLOGY, endmembers, green_share

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from mlbmi.simulate.landscape import Ground

__all__ = ["HALO", "Surface", "average", "surface_on"]

HALO = 6
"""Pixels of 10 m by which ground reaches beyond a window, so that its edges mix with what lies outside; 60 m keep the lattice."""

_SPILL = np.float32(0.10)
# Share of a pixel's signal that comes from each neighbour in a row, and in a column. The kernel (0.1, 0.8, 0.1) has a modulation
# transfer of 0.6 at the Nyquist frequency; pixels of the real instrument are blurred a little more (0.15–0.30 in all is asked of
# it; Gascon et al. 2017, Remote Sens. 9:584).

_LAGS = np.arange(-60, 60.01, 0.25, dtype=np.float32)  # days, for the table of shares


@dataclass(frozen=True, slots=True)
class Surface:
    """The ground on one date, at 10 m.

    Attributes
    ----------
    ground : Ground
        What never changes.
    share : ndarray of float32
        Canopy's share of each pixel, 0–1.
    wetness : float
        0 dry – 1 wet: wet ground is darker, in every band alike.
    """

    ground: Ground
    share: NDArray[np.float32]
    wetness: float

    def reflectance(self, band: str) -> NDArray[np.float32]:
        """Return the reflectance in a band at 10 m, 0–1, whatever the band's own resolution: :data:`HALO` less than the ground.

        Neighbours spill into one another, so that pixels on edges, narrow roads and small houses are mixtures.
        """
        soil, canopy = endmembers(band)
        cover = self.ground.cover
        below = (soil * (1 - _soaks() * self.wetness)).astype(np.float32)[cover]
        pure = (below + self.share * (canopy[cover] - below)) * self.ground.albedo
        return _spill(_spill(pure[HALO - 1 : 1 - HALO, HALO - 1 : 1 - HALO]).T).T


def _spill(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mix each row with the ones above and below; the first and the last go."""
    return values[1:-1] * (1 - 2 * _SPILL) + (values[:-2] + values[2:]) * _SPILL


def _soaks() -> NDArray[np.float32]:
    """How much darker each class's ground is when wet (Lobell & Asner 2002, Soil Sci. Soc. Am. J. 66:722, at field moisture)."""
    return np.array([0.22 if PHENOLOGY[cover].ground in {"sand", "loam"} else 0.08 for cover in Cover], dtype=np.float32)


def surface_on(ground: Ground, date: dt.date, seed: int) -> Surface:
    """Grow the land to a date.

    Years differ: each class has its early and late years (±4 days) and its lush and poor ones (±2 %), and parcels are sown up to
    a week or two apart, anew each year.
    """
    lag = ground.lag + np.where(ground.parcel > 0, 4.0 * normal01(ground.parcel, date.year, seed + 71), 0.0).astype(np.float32)
    table, spread = _shares(date, seed)
    step = np.clip(np.rint((lag - _LAGS[0]) * 4), 0, len(_LAGS) - 1).astype(np.intp)
    share = table[ground.cover, step] + spread[ground.cover] * ground.vigour
    wetness = float(
        np.clip(0.5 + 0.3 * _draw(date.toordinal(), seed + 73) + 0.25 * np.cos((date.timetuple().tm_yday - 15) / 58), 0, 1)
    )
    return Surface(ground=ground, share=np.clip(share, 0, 1).astype(np.float32), wetness=wetness)


def _shares(date: dt.date, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Tabulate the share of each class over lags, shape (8, lags), and its spread per unit of vigour, shape (8,).

    Canopies vary in proportion to how much of them there is: a leafless wood is as even as its litter.
    """
    table = np.empty((len(Cover), len(_LAGS)), dtype=np.float32)
    spread = np.empty(len(Cover), dtype=np.float32)
    for cover in Cover:
        season = PHENOLOGY[cover]
        late = 4.0 * _draw(date.year * 16 + cover, seed + 71)
        lush = 1 + 0.02 * _draw(date.year * 16 + cover, seed + 72)
        table[cover] = lush * green_share(season, np.float32(date.timetuple().tm_yday - late) - _LAGS)
        spread[cover] = season.spread * (0.4 + 0.6 * table[cover][len(_LAGS) // 2] / season.high)
    return table, spread


def _draw(number: int, seed: int) -> float:
    return float(normal01(np.array([number]), 0, seed)[0])


def average(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Average squares of ``factor`` × ``factor`` pixels; rows and columns must be multiples of it."""
    if factor == 1:
        return values
    rows, columns = values.shape
    return np.asarray(values.reshape(rows // factor, factor, columns // factor, factor).mean(axis=(1, 3), dtype=np.float32))
