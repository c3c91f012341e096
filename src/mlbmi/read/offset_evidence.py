"""What the pixels of one scene say about its offset: arithmetic on a sample of digital numbers (DN), nothing else.

A file either still holds the +1000 of processing baseline 04.00 or it does not. Both readings of its numbers are held against
what surfaces can look like: nothing reflects less than nothing; vegetation, water and shadow are dark in blue and red; what
Sen2Cor calls vegetation has the NDVI that its rules ask for. What fits one reading and not the other counts for the one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.sentinel2 import BOA_ADD_OFFSET, DN_NODATA, DN_SATURATED, QUANTIFICATION, SCL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = ["EVIDENCE_BANDS", "Evidence", "Sample", "seen_well", "usable", "weigh"]

EVIDENCE_BANDS = ("blue", "red", "nir")
"""Bands whose numbers are looked at, where a scene has them; red is needed. Blue tells most: even dry land is dark in it."""

_GROUND = (SCL.DARK_AREA, SCL.CLOUD_SHADOW, SCL.VEGETATION, SCL.NOT_VEGETATED, SCL.WATER, SCL.UNCLASSIFIED, SCL.SNOW_ICE)
_SEEN_WELL = (SCL.DARK_AREA, SCL.CLOUD_SHADOW, SCL.VEGETATION, SCL.NOT_VEGETATED, SCL.WATER, SCL.UNCLASSIFIED)
_CLASSES: Mapping[str, tuple[SCL, ...]] = {
    "ground": _GROUND,
    "vegetation": (SCL.VEGETATION,),
    "water": (SCL.WATER,),
    "shadow": (SCL.DARK_AREA, SCL.CLOUD_SHADOW),
}

_LEAST_PIXELS, _LEAST_SHARE = 25, 0.01
"""Of a kind of surface, for its quantiles to mean something; the share is of all pixels with data."""

_HAZE = 0.3
"""Share of cloud, cirrus and snow from which what lies between them is veiled or thinly covered too, and proves nothing by being
bright: then only what is too dark counts."""

_GREEN = 0.42
"""Median NDVI that "vegetation" must reach under the reading with the higher one, to be vegetation seen without a veil."""

_TOO_BRIGHT, _TOO_DARK = 1.5, -4.0
"""Objections, unweighted, of two bands that point in opposite directions, from which they contradict one another."""

_CAP = 5.0
"""Most that one rule may hold against a reading: surfaces exist that no rule foresees."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Some pixels of a scene, on one grid.

    Attributes
    ----------
    bands : mapping of str to ndarray of uint16, shape (rows, columns)
        DN by band.
    scl : ndarray of uint8, shape (rows, columns)
        Scene classes.
    """

    bands: Mapping[str, NDArray[np.uint16]]
    scl: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What pixels say.

    Attributes
    ----------
    log_odds : float
        Natural logarithm of the odds that the file still holds the +1000; 0 where nothing can be said.
    pixels : int
        Pixels of ground, water or snow that were looked at.
    at_odds : str
        Bands that contradict one another, in words; empty if none do. The scene then says nothing: its bands may have been
        treated apart, and one decision would be wrong for some of them.
    """

    log_odds: float
    pixels: int
    at_odds: str = ""


def _share_below(percent: float) -> Callable[[NDArray[np.float64]], float]:
    return lambda values: float(np.percentile(values, percent))


def _lower_tail(values: NDArray[np.float64]) -> float:
    """How far the darkest pixels lie below the median, relative to it: a pedestal of 1000 shortens this tail."""
    darkest, median = np.percentile(values, (2, 50))
    return float((median - darkest) / max(median, 0.005)) if median > 0 else np.inf


@dataclass(frozen=True, slots=True)
class _Rule:
    """One thing that surfaces do not do: a statistic of a kind of surface leaves its range.

    Attributes
    ----------
    surface : str
        Of :data:`_CLASSES`.
    band : str
        Or ``ndvi``.
    statistic : callable
        Of the reflectances.
    low, high : (float, float) or None
        Limit, and how far beyond it is one standard deviation.
    weights : (float, float)
        Of the rule where blue is seen, and where it is not: fitted, see ``benchmarks/bench_offset.py``.
    """

    surface: str
    band: str
    statistic: Callable[[NDArray[np.float64]], float]
    low: tuple[float, float]
    high: tuple[float, float] | None
    weights: tuple[float, float]

    def objection(self, value: float) -> float:
        """Say how much speaks against a value: half a squared standard score, at most :data:`_CAP`."""
        beyond = (self.low[0] - value) / self.low[1]
        if self.high is not None:
            beyond = max(beyond, (value - self.high[0]) / self.high[1])
        return float(min(_CAP, 0.5 * max(beyond, 0.0) ** 2))


# Limits are reflectances (NDVI where it says so). Atmospheric corrections are asked to be right to 0.005 + 5 % (Doxani et al.
# 2018, Remote Sens. 10:352), so slightly negative values occur, -0.02 hardly ever. In the real scenes at hand, 98 % of what
# Sen2Cor calls vegetation has an NDVI above 0.37. Vegetation on bright, dry soil reflects 10-15 % of red: limits above must leave
# room for it.
_RULES: tuple[_Rule, ...] = (
    _Rule("ground", "red", _share_below(2), (-0.002, 0.006), None, (0.16, 1.18)),
    _Rule("ground", "nir", _share_below(2), (-0.002, 0.008), None, (0.1, 0.1)),
    _Rule("ground", "blue", _share_below(2), (-0.006, 0.008), None, (0.85, 0)),
    _Rule("vegetation", "red", _share_below(10), (0.0, 0.006), (0.10, 0.025), (0.1, 0.54)),
    _Rule("vegetation", "red", _share_below(50), (0.006, 0.006), (0.13, 0.035), (0.1, 0.32)),
    _Rule("vegetation", "red", _lower_tail, (0.18, 0.05), None, (0.48, 1.27)),
    _Rule("vegetation", "blue", _share_below(10), (-0.004, 0.006), (0.085, 0.015), (1.32, 0)),
    _Rule("vegetation", "ndvi", _share_below(5), (0.33, 0.05), (0.85, 0.1), (0.1, 0.4)),
    _Rule("vegetation", "ndvi", _share_below(50), (0.42, 0.06), (0.97, 0.05), (0.1, 0.75)),
    _Rule("water", "nir", _share_below(10), (0.0, 0.006), (0.06, 0.03), (1.25, 1.31)),
    _Rule("water", "red", _share_below(10), (0.0, 0.006), (0.09, 0.03), (0.47, 0.49)),
    _Rule("shadow", "red", _share_below(10), (0.0, 0.006), (0.06, 0.025), (0.68, 0.89)),
)


def usable(sample: Sample) -> NDArray[np.bool_]:
    """Say which pixels can be trusted: data in every band and class, none saturated, none at the rim of what has no data."""
    data = np.isin(sample.scl, list(SCL)) & (sample.scl != SCL.NO_DATA)
    rim = np.zeros_like(data)
    for dn in sample.bands.values():
        data &= (dn != DN_NODATA) & (dn < DN_SATURATED)
        rim |= _beside(dn == DN_NODATA)
    return np.asarray(data & ~rim)


def _beside(nodata: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Grow by two pixels in rows and columns: lossy files ring there."""
    if not nodata.any():
        return nodata
    grown = np.pad(nodata, 2)
    grown = grown[:-4] | grown[1:-3] | grown[2:-2] | grown[3:-1] | grown[4:]
    return np.asarray(grown[:, :-4] | grown[:, 1:-3] | grown[:, 2:-2] | grown[:, 3:-1] | grown[:, 4:])


def seen_well(sample: Sample, where: NDArray[np.bool_]) -> bool:
    """Say whether so little of a scene is under cloud, cirrus or snow that the rest of it can be trusted not to be veiled.

    Parameters
    ----------
    sample : Sample
    where : ndarray of bool
        Its usable pixels.
    """
    return bool(np.count_nonzero(where & np.isin(sample.scl, _SEEN_WELL)) >= (1 - _HAZE) * np.count_nonzero(where))


def weigh(sample: Sample) -> Evidence:
    """Weigh what the pixels of a scene say about its offset.

    Parameters
    ----------
    sample : Sample
        Its pixels; bands other than :data:`EVIDENCE_BANDS` are not looked at.

    Returns
    -------
    Evidence

    Examples
    --------
    Vegetation at DN 300 in red would reflect less than nothing if 1000 were to be taken off:

    >>> red = np.linspace(200, 500, 900, dtype=np.uint16).reshape(30, 30)
    >>> leaves = Sample({"red": red, "nir": red * 8}, np.full((30, 30), 4, dtype=np.uint8))
    >>> weigh(leaves).log_odds < -4.6
    True
    """
    where = usable(sample)
    ground = int(np.count_nonzero(where & np.isin(sample.scl, _GROUND)))
    if not ground:
        return Evidence(log_odds=0.0, pixels=0)
    found = statistics(sample, where)
    at_odds = _at_odds(found)
    if at_odds:
        return Evidence(log_odds=0.0, pixels=ground, at_odds=at_odds)
    blind = "blue" not in sample.bands
    log_odds = sum(_RULES[number].weights[blind] * difference for number, difference in found.items())
    return Evidence(log_odds=float(log_odds), pixels=ground)


def _at_odds(found: Mapping[int, float]) -> str:
    """Name a band that is too bright for the others; what is computed of several bands has no say here.

    Land and leaves reflect more at longer waves, so that a blue band can say "without" where red cannot (over dry land), but not
    the other way round.
    """
    by_band = dict.fromkeys(EVIDENCE_BANDS, 0.0)
    for number, difference in found.items():
        if _RULES[number].band in by_band:
            by_band[_RULES[number].band] += difference
    for place, band in enumerate(EVIDENCE_BANDS):
        dark = [other for other in EVIDENCE_BANDS[place + 1 :] if by_band[other] <= _TOO_DARK]
        if by_band[band] >= _TOO_BRIGHT and dark:
            return f"{band} looks as if the +1000 were in the file, {' and '.join(dark)} as if not"
    return ""


def statistics(sample: Sample, where: NDArray[np.bool_]) -> dict[int, float]:
    """Return by number of the rule what it holds against "none" less what it holds against "+1000": what weights multiply.

    Parameters
    ----------
    sample : Sample
    where : ndarray of bool
        Pixels to look at (:func:`usable`); at least one.

    Returns
    -------
    dict of int to float
        Rules that there are pixels and bands for.
    """
    pixels = int(np.count_nonzero(where))
    well_seen = seen_well(sample, where)
    found: dict[int, float] = {}
    for surface, classes in _CLASSES.items():
        chosen = where & np.isin(sample.scl, classes)
        count = int(np.count_nonzero(chosen))
        if count < max(_LEAST_PIXELS, _LEAST_SHARE * pixels):
            continue
        plain = _reflectances(sample, chosen, 0)
        shifted = _reflectances(sample, chosen, BOA_ADD_OFFSET)
        trusted = well_seen and (surface != "vegetation" or _is_green(plain, shifted))
        for number, rule in enumerate(_RULES):
            if rule.surface == surface and rule.band in plain:
                plain_value, shifted_value = rule.statistic(plain[rule.band]), rule.statistic(shifted[rule.band])
                difference = rule.objection(plain_value) - rule.objection(shifted_value)
                found[number] = difference if trusted else min(difference, 0.0)
    return found


def _is_green(plain: Mapping[str, NDArray[Any]], shifted: Mapping[str, NDArray[Any]]) -> bool:
    if "ndvi" not in plain:
        return True
    return float(max(np.median(plain["ndvi"]), np.median(shifted["ndvi"]))) >= _GREEN


def _reflectances(sample: Sample, chosen: NDArray[np.bool_], add: int) -> dict[str, NDArray[np.float64]]:
    """Return reflectances by band, and the NDVI as ``ndvi``: 1 where red or both bands are at or below 0."""
    found = {
        band: (sample.bands[band][chosen].astype(np.float64) + add) / QUANTIFICATION
        for band in EVIDENCE_BANDS
        if band in sample.bands
    }
    if {"red", "nir"} <= set(found):
        red, nir = found["red"], found["nir"]
        total = red + nir
        ratio = np.divide(nir - red, total, out=np.ones_like(total), where=total > 0.001)
        found["ndvi"] = np.clip(ratio, -1, 1)
    return found
