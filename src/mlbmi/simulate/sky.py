"""Clouds, their shadows, cirrus, snow and the swath's edge, as fields over the ground at 20 m."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.simulate.landscape import Cover
from mlbmi.simulate.noise import fbm

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from mlbmi.simulate.landscape import Ground
    from mlbmi.simulate.tiles import Window
    from mlbmi.simulate.weather import Weather

__all__ = ["CloudField", "Sky", "sky_over", "snow_cover"]

_SAMPLES = 96  # per side, to find the threshold that gives the wanted share of cloud
_CLEAR_BELOW = 0.01  # opacity or shade that no NDVI would notice
_SNOW_HOLD = {
    Cover.WATER: 0.0,
    Cover.BUILDINGS: 0.55,
    Cover.ROADS: 0.35,
    Cover.BARE_SOIL: 1.0,
    Cover.HEATH: 0.95,
    Cover.DECIDUOUS: 0.5,
    Cover.CONIFER: 0.25,
    Cover.CROP: 1.0,
}  # how much of a snow cover shows from above


@dataclass(frozen=True, slots=True)
class Sky:
    """What stands between the ground and the sensor, at 20 m. All arrays have the window's shape.

    Attributes
    ----------
    cumulus, cirrus : ndarray of float32
        Opacity, 0–1.
    shade : ndarray of float32
        Share of the direct light that clouds take from the ground, 0–1.
    nodata : ndarray of bool
        Beyond the swath.
    """

    cumulus: NDArray[np.float32]
    cirrus: NDArray[np.float32]
    shade: NDArray[np.float32]
    nodata: NDArray[np.bool_]

    @property
    def opacity(self) -> NDArray[np.float32]:
        """Opacity of all cloud together."""
        return 1 - (1 - self.cumulus) * (1 - self.cirrus)

    def clear(self) -> NDArray[np.bool_]:
        """Say where the ground is truly seen: no cloud, no shadow, within the swath."""
        return np.asarray((self.opacity < _CLEAR_BELOW) & (self.shade < _CLEAR_BELOW) & ~self.nodata)


@dataclass(frozen=True, slots=True)
class CloudField:
    """The clouds of one date, over all ground.

    Attributes
    ----------
    weather : Weather
    threshold : float
        Noise above it is cloud.
    drift : (x, y)
        Metres by which this date's field is moved, so that no two dates look alike.
    shadow : (x, y)
        Metres from a pixel on the ground to the cloud that shades it: towards the sun.
    edge : (x, y, slope)
        A point on the swath's western edge, and how far the edge moves east per metre north.
    seed : int
    """

    weather: Weather
    threshold: float
    drift: tuple[float, float]
    shadow: tuple[float, float]
    edge: tuple[float, float, float]
    seed: int

    @classmethod
    def form(
        cls, weather: Weather, date: dt.date, sun: tuple[float, float], region: tuple[float, float, float, float], seed: int
    ) -> CloudField:
        """Form a date's clouds.

        Parameters
        ----------
        weather : Weather
        date : datetime.date
        sun : (azimuth, elevation)
            Degrees.
        region : (west, south, east, north)
            Ground coordinates over which the share of cloud is to be as the weather says.
        seed : int
        """
        drift = (7_919.0 * (date.toordinal() % 4_001), -6_133.0 * (date.toordinal() % 3_001))
        height = 1_100 + 220 * (date.toordinal() % 7)  # metres of cloud base
        azimuth, elevation = (math.radians(angle) for angle in sun)
        reach = height / math.tan(max(elevation, math.radians(8)))
        west, south, east, north = region
        field = cls(
            weather=weather,
            threshold=0.0,
            drift=drift,
            shadow=(reach * math.sin(azimuth), reach * math.cos(azimuth)),
            edge=(west + 0.34 * (east - west), (south + north) / 2, 0.24),
            seed=seed + 301,
        )
        x, y = np.meshgrid(np.linspace(west, east, _SAMPLES), np.linspace(south, north, _SAMPLES))
        threshold = float(np.quantile(field._noise(x, y), 1 - weather.cloud))
        return cls(field.weather, threshold, field.drift, field.shadow, field.edge, field.seed)

    def _noise(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
        return fbm(x + self.drift[0], y + self.drift[1], wavelength=2_600, octaves=5, seed=self.seed, gain=0.55)

    def cumulus(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the opacity of cumulus: it thickens from the edge inwards, and is never quite closed."""
        if self.weather.cloud <= 0:
            return np.zeros(x.shape, dtype=np.float32)
        noise = self._noise(x, y)
        if self.weather.cloud >= 1:
            return np.asarray(np.clip(0.95 + 0.02 * noise, 0.8, 0.995), dtype=np.float32)
        depth = np.maximum(noise - np.float32(self.threshold), 0) / 0.30
        return np.asarray(0.985 * (1 - np.exp(-2.2 * depth)), dtype=np.float32)

    def cirrus(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the opacity of cirrus: long veils, thin."""
        if self.weather.cirrus <= 0:
            return np.zeros(x.shape, dtype=np.float32)
        veil = fbm(
            (x + 0.6 * y) / 3.2 + self.drift[0], y - 0.6 * x - self.drift[1], wavelength=2_400, octaves=4, seed=self.seed + 1
        )
        return np.asarray(0.34 * self.weather.cirrus * np.clip(0.55 + 0.75 * veil, 0, 2), dtype=np.float32)

    def beyond_swath(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say where the swath does not reach."""
        edge_x, edge_y, slope = self.edge
        return x < edge_x + slope * (y - edge_y) if self.weather.swath_edge else np.zeros(x.shape, dtype=bool)


def sky_over(window: Window, clouds: CloudField) -> Sky:
    """Evaluate a date's sky over a window.

    Clouds have no detail below a hundred metres or so: they are evaluated at 60 m and enlarged to 20 m, nine times faster.
    """
    x, y = window.grown(6).ground(60)
    toward_x, toward_y = clouds.shadow
    fine_x, fine_y = window.ground(20)
    return Sky(
        cumulus=_enlarge(clouds.cumulus(x, y)),
        cirrus=_enlarge(clouds.cirrus(x, y)),
        shade=_enlarge(clouds.cumulus(x + toward_x, y + toward_y)),
        nodata=clouds.beyond_swath(fine_x, fine_y),
    )


def _enlarge(coarse: NDArray[np.float32]) -> NDArray[np.float32]:
    """Interpolate linearly to a third of the pixel size; the outermost pixels of the input only help, and go."""
    return _thrice(_thrice(coarse).T).T


def _thrice(values: NDArray[np.float32]) -> NDArray[np.float32]:
    before, here, after = values[:-2], values[1:-1], values[2:]
    rows = np.stack([(2 * here + before) / 3, here, (2 * here + after) / 3], axis=1)
    return np.asarray(rows.reshape(-1, values.shape[1]), dtype=np.float32)


def snow_cover(ground: Ground, depth: float) -> NDArray[np.float32] | None:
    """Return the share of each 10 m pixel under snow, or None where there is none: forests and roofs show less of it."""
    if depth <= 0:
        return None
    hold = np.array([_SNOW_HOLD[cover] for cover in Cover], dtype=np.float32)
    return np.asarray(
        np.clip(depth * hold[ground.cover] - 0.06 * ground.vigour * (ground.cover != Cover.WATER), 0, 1), dtype=np.float32
    )
