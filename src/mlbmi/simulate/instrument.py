"""From the ground and the sky to digital numbers and a scene classification, with the errors that real ones have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.sentinel2 import BANDS, BOA_ADD_OFFSET, QUANTIFICATION, SCL
from mlbmi.simulate.landscape import Cover
from mlbmi.simulate.noise import hash01, normal01
from mlbmi.simulate.spectra import reflectance_of
from mlbmi.simulate.surface import HALO, average

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlbmi.simulate.sky import Sky
    from mlbmi.simulate.surface import Surface

__all__ = ["View", "classify", "digital_numbers"]

_FLOOR, _RATIO = 0.0003, 230.0
# Noise is the root of the squares of a floor and of reflectance / 230: signal-to-noise ratios of 200–250 at the reference
# radiance were measured in orbit for the 10 m bands (Gascon et al. 2017, Remote Sens. 9:584).
_DARKENING = {"coastal": 0.50, "blue": 0.55, "green": 0.60}  # of full shade; sky light fills it at short wavelengths
_FULL_SHADE = 0.68
_MAX_DN = 2**15 - 1  # products are coded in 15 bits


@dataclass(frozen=True, slots=True)
class View:
    """One look at a window: all that decides what a sensor records.

    Attributes
    ----------
    surface : Surface
        The ground, :data:`HALO` pixels larger on each side.
    sky : Sky
        At 20 m.
    snow : ndarray of float32 or None
        Share of each 10 m pixel under snow.
    gain : float
        What viewing angle and atmospheric correction leave: a factor on all bands.
    sun_elevation : float
        Degrees.
    look_seed, noise_seed : int
        Of what is one for the whole scene, and of what is drawn per pixel of this block.
    """

    surface: Surface
    sky: Sky
    snow: NDArray[np.float32] | None
    gain: float
    sun_elevation: float
    look_seed: int
    noise_seed: int

    @property
    def cover20(self) -> NDArray[np.uint8]:
        """True class at 20 m: that of each square's upper left pixel."""
        return self.surface.ground.cover[HALO:-HALO, HALO:-HALO][::2, ::2]


def _at_10m(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.repeat(np.repeat(values, 2, axis=0), 2, axis=1)


def _seen(view: View, band: str) -> NDArray[np.float32]:
    """Return what reaches the sensor from ground, snow, shadow and cloud, at the band's own resolution, without noise."""
    values = view.surface.reflectance(band)
    if view.snow is not None:
        values = values + view.snow * (np.float32(reflectance_of("snow", band)) - values)
    factor = BANDS[band].gsd_m // 10
    enlarge = factor == 1
    shade, opacity = view.sky.shade, view.sky.opacity
    values = average(values, factor)
    if opacity.any() or shade.any():
        shade, opacity = (_at_10m(field) if enlarge else average(field, factor // 2) for field in (shade, opacity))
        values = values * (1 - np.float32(_DARKENING.get(band, _FULL_SHADE)) * shade)
        bright = np.float32(reflectance_of("cloud", band)) * (np.float32(0.82) + np.float32(0.25) * opacity)
        values = values + opacity * (bright - values)
    return np.asarray(values * np.float32(view.gain * _band_gain(view, band)), dtype=np.float32)


def _band_gain(view: View, band: str) -> float:
    """Calibrate each band apart, to within half a per cent."""
    return 1 + 0.005 * float(normal01(np.array([view.look_seed]), list(BANDS).index(band), 5)[0])


def digital_numbers(view: View, band: str, *, holds_offset: bool) -> NDArray[np.uint16]:
    """Record a band.

    Parameters
    ----------
    view : View
    band : str
        Canonical name.
    holds_offset : bool
        Whether the file holds the +1000 of baseline 04.00, so that negative reflectance survives; without, it is cut at DN 1.

    Returns
    -------
    ndarray of uint16
        At the band's resolution; 0 is nodata, and nothing else is 0.
    """
    values = _seen(view, band)
    noise = np.random.default_rng([view.noise_seed, list(BANDS).index(band)]).standard_normal(values.shape, dtype=np.float32)
    values = values + noise * np.sqrt(np.float32(_FLOOR**2) + np.square(values / np.float32(_RATIO)))
    numbers = np.rint(values * np.float32(QUANTIFICATION)) - np.float32(BOA_ADD_OFFSET if holds_offset else 0)
    recorded: NDArray[np.uint16] = np.clip(numbers, 1, _MAX_DN).astype(np.uint16)
    recorded[_nodata_at(view.sky.nodata, BANDS[band].gsd_m)] = 0
    return recorded


def _nodata_at(nodata: NDArray[np.bool_], gsd: int) -> NDArray[np.bool_]:
    if gsd == 10:
        return np.repeat(np.repeat(nodata, 2, axis=0), 2, axis=1)
    step = gsd // 20
    return nodata[::step, ::step]


def classify(view: View) -> NDArray[np.uint8]:
    """Classify the scene as Sen2Cor would, errors included.

    Thin cloud goes unseen, cloud edges are ragged, some bright roofs are taken for cloud (the same ones on every date, as in
    reality), some dark woods under a low sun for dark areas, and a few pixels stay unclassified.

    Returns
    -------
    ndarray of uint8
        Values of :class:`mlbmi.sentinel2.SCL`, at 20 m.
    """
    red, nir = (average(view.surface.reflectance(band), 2) for band in ("red", "nir"))
    cover = view.cover20
    rows, columns = (np.arange(count) for count in cover.shape)
    rows = rows[:, None]
    ragged = 0.05 * normal01(columns, rows, view.noise_seed)
    chance = hash01(columns, rows, view.noise_seed + 1)
    scene = np.where((nir - red) / (nir + red) > 0.36, SCL.VEGETATION, SCL.NOT_VEGETATED).astype(np.uint8)
    scene[cover == Cover.WATER] = SCL.WATER
    scene[(scene == SCL.NOT_VEGETATED) & (chance < 0.012)] = SCL.UNCLASSIFIED
    dark = np.clip((25 - view.sun_elevation) / 25, 0, 1) * 0.05
    scene[(cover == Cover.CONIFER) & (chance < dark)] = SCL.DARK_AREA
    if view.snow is not None:
        scene[average(view.snow, 2) + ragged > 0.42] = SCL.SNOW_ICE
    scene[view.sky.shade + ragged > 0.40] = SCL.CLOUD_SHADOW
    _mark_clouds(scene, view, ragged)
    _mark_roofs(scene, view)
    scene[chance > 1 - 4e-6] = SCL.SATURATED_OR_DEFECTIVE
    scene[view.sky.nodata] = SCL.NO_DATA
    return scene


def _mark_clouds(scene: NDArray[np.uint8], view: View, ragged: NDArray[np.float32]) -> None:
    cumulus = view.sky.cumulus + ragged
    scene[(view.sky.cirrus + ragged * 0.4 > 0.16) & (scene != SCL.SNOW_ICE)] = SCL.THIN_CIRRUS
    scene[(cumulus > 0.18) & (cumulus <= 0.26)] = SCL.UNCLASSIFIED
    scene[cumulus > 0.26] = SCL.CLOUD_MEDIUM_PROBABILITY
    scene[cumulus > 0.55] = SCL.CLOUD_HIGH_PROBABILITY


def _mark_roofs(scene: NDArray[np.uint8], view: View) -> None:
    """Take the brightest roofs for cloud: brightness belongs to the ground, so these are the same on every date."""
    albedo = view.surface.ground.albedo[HALO:-HALO, HALO:-HALO]
    bright = (view.cover20 == Cover.BUILDINGS) & (average(albedo, 2) > 1.12) & (scene == SCL.NOT_VEGETATED)
    scene[bright] = SCL.CLOUD_MEDIUM_PROBABILITY
