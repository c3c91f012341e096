"""The catalogue: each index with its bands, formula, legal range and source.

Formulas are pure functions of reflectances (0–1), given in the order of ``Index.bands``. They divide freely: what has no value
is inf or NaN there, and missing after :func:`mlbmi.indices.compute`.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.errors import ConfigError
from mlbmi.indices.index import Index
from mlbmi.indices.library import library_index, library_names
from mlbmi.sentinel2 import BANDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Values = NDArray[np.floating[Any]]
    """Reflectances, or an index of them."""

__all__ = ["HIGH_OVER_VEGETATION", "INDICES", "get_index"]

_WDRVI_ALPHA = 0.1
"""Weight of NIR in WDRVI, 0.1–0.2 (Gitelson 2004); 0.1 as in the Awesome Spectral Indices catalogue."""

_COARSE_SCALE = 1e-3
"""Step of the two chlorophyll indices as int16: they reach 10 and more, beyond ±3.2767."""


def _difference_ratio(a: Values, b: Values) -> Values:
    return (a - b) / (a + b)


def _evi(nir: Values, red: Values, blue: Values) -> Values:
    value: Values = 2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1)
    return value


def _evi2(nir: Values, red: Values) -> Values:
    value: Values = 2.5 * (nir - red) / (nir + 2.4 * red + 1)
    return value


def _savi(nir: Values, red: Values) -> Values:
    return 1.5 * (nir - red) / (nir + red + 0.5)


def _osavi(nir: Values, red: Values) -> Values:
    return (nir - red) / (nir + red + 0.16)


def _msavi(nir: Values, red: Values) -> Values:
    # The published radicand, (2 N + 1)² − 8 (N − R), without its cancellation, which costs 3e-4 in float32 near N = 0.5, R = 0.
    root: Values = np.sqrt((2 * nir - 1) ** 2 + 8 * red)
    return 0.5 * (2 * nir + 1 - root)


def _ratio_minus_one(a: Values, b: Values) -> Values:
    return a / b - 1


def _wdrvi(nir: Values, red: Values, alpha: float = _WDRVI_ALPHA) -> Values:
    # The weight belongs to NIR alone, in the numerator and in the denominator.
    return (alpha * nir - red) / (alpha * nir + red)


def _kndvi(nir: Values, red: Values) -> Values:
    # The radial basis kernel with its length at the mean of both bands.
    ratio = _difference_ratio(nir, red)
    # tanh would turn the infinity of a vanishing denominator into 1.
    kernel: Values = np.where(np.isinf(ratio), np.nan, np.tanh(ratio**2))
    return kernel


_NORMALISED = (-1.0, 1.0)

_ALL = (
    Index(
        "ndvi",
        "Normalized Difference Vegetation Index",
        ("nir", "red"),
        _difference_ratio,
        _NORMALISED,
        "Rouse et al. 1974, 3rd ERTS Symposium, NASA SP-351, 309-317",
        "NDVI",
    ),
    Index(
        "evi",
        "Enhanced Vegetation Index",
        ("nir", "red", "blue"),
        _evi,
        # Unbounded: over clouds and snow the denominator nears 0. 1.25 is its value for NIR 1, red and blue 0.
        (-1.0, 1.25),
        "Huete et al. 2002, Remote Sens. Environ. 83:195-213, doi:10.1016/S0034-4257(02)00096-2",
        "EVI",
    ),
    Index(
        "evi2",
        "Two-Band Enhanced Vegetation Index",
        ("nir", "red"),
        _evi2,
        (-1.0, 1.25),
        "Jiang et al. 2008, Remote Sens. Environ. 112:3833-3845, doi:10.1016/j.rse.2008.06.006",
        "EVI2",
    ),
    Index(
        "savi",
        "Soil-Adjusted Vegetation Index (L = 0.5)",
        ("nir", "red"),
        _savi,
        _NORMALISED,
        "Huete 1988, Remote Sens. Environ. 25:295-309, doi:10.1016/0034-4257(88)90106-X",
        "SAVI",
    ),
    Index(
        "osavi",
        "Optimized Soil-Adjusted Vegetation Index",
        ("nir", "red"),
        _osavi,
        _NORMALISED,
        "Rondeaux et al. 1996, Remote Sens. Environ. 55:95-107, doi:10.1016/0034-4257(95)00186-7",
        "OSAVI",
    ),
    Index(
        "msavi",
        "Modified Soil-Adjusted Vegetation Index",
        ("nir", "red"),
        _msavi,
        _NORMALISED,
        "Qi et al. 1994, Remote Sens. Environ. 48:119-126, doi:10.1016/0034-4257(94)90134-1",
        "MSAVI",
    ),
    Index(
        "gndvi",
        "Green Normalized Difference Vegetation Index",
        ("nir", "green"),
        _difference_ratio,
        _NORMALISED,
        "Gitelson et al. 1996, Remote Sens. Environ. 58:289-298, doi:10.1016/S0034-4257(96)00072-7",
        "GNDVI",
    ),
    Index(
        "ndwi",
        "Normalized Difference Water Index (green, NIR)",
        ("green", "nir"),
        _difference_ratio,
        _NORMALISED,
        "McFeeters 1996, Int. J. Remote Sens. 17:1425-1432, doi:10.1080/01431169608948714",
        "NDWI",
    ),
    Index(
        "ndmi",
        "Normalized Difference Moisture Index (NIR, SWIR 1610 nm)",
        ("nir", "swir16"),
        _difference_ratio,
        _NORMALISED,
        "Hardisky et al. 1983, Photogramm. Eng. Remote Sens. 49:77-83",
        "NDMI",
    ),
    Index(
        "ndre",
        "Normalized Difference Red-Edge Index (NIR, 705 nm)",
        ("nir", "rededge1"),
        _difference_ratio,
        _NORMALISED,
        "Gitelson & Merzlyak 1994, J. Plant Physiol. 143:286-292, doi:10.1016/S0176-1617(11)81633-0",
        "NDREI",
    ),
    Index(
        "gci",
        "Green Chlorophyll Index",
        ("nir", "green"),
        _ratio_minus_one,
        (-1.0, 32.0),
        "Gitelson et al. 2003, J. Plant Physiol. 160:271-282, doi:10.1078/0176-1617-00887",
        "CIG",
        _COARSE_SCALE,
    ),
    Index(
        "rci",
        "Red-Edge Chlorophyll Index (783, 705 nm)",
        ("rededge3", "rededge1"),
        _ratio_minus_one,
        (-1.0, 32.0),
        "Gitelson et al. 2003, J. Plant Physiol. 160:271-282, doi:10.1078/0176-1617-00887",
        "CIRE",
        _COARSE_SCALE,
    ),
    Index(
        "wdrvi",
        f"Wide Dynamic Range Vegetation Index (alpha = {_WDRVI_ALPHA})",
        ("nir", "red"),
        _wdrvi,
        _NORMALISED,
        "Gitelson 2004, J. Plant Physiol. 161:165-173, doi:10.1078/0176-1617-01176",
        "WDRVI",
    ),
    Index(
        "kndvi",
        "Kernel Normalized Difference Vegetation Index",
        ("nir", "red"),
        _kndvi,
        (0.0, math.tanh(1)),
        "Camps-Valls et al. 2021, Sci. Adv. 7:eabc7447, doi:10.1126/sciadv.abc7447",
        "kNDVI",
    ),
)

INDICES: Mapping[str, Index] = MappingProxyType({index.name: index for index in _ALL})
"""All indices by name."""

HIGH_OVER_VEGETATION: frozenset[str] = frozenset(INDICES) - {"ndwi"}
"""Indices that haze, cloud, shadow and snow over vegetation lower, and that none of them raises."""


def _reflectance(band: Values) -> Values:
    return band


_LAYERS: Mapping[str, Index] = MappingProxyType(
    {
        band.name: Index(
            band.name,
            f"Surface reflectance, {band.esa} ({band.centre_nm} nm)",
            (band.name,),
            _reflectance,
            # −0.1: the least that a DN of 1 can mean after the offset; bright snow and glint stay below 2.
            (-0.1, 2.0),
            "ESA, Sentinel-2 Products Specification Document, S2-PDGS-TAS-DI-PSD",
            "",
        )
        for band in BANDS.values()
    }
)
"""Bands as if they were indices: what is masked, checked and stored is a band's reflectance itself."""


def _weighted_wdrvi(name: str) -> Index | None:
    """Return WDRVI with the weight that its name states, ``wdrvi-0p2``; None if the name is another."""
    match = re.fullmatch(r"wdrvi-(0p\d{1,4}|1)", name)
    alpha = float(match[1].replace("p", ".")) if match else 0.0
    if not alpha:
        return None
    plain = INDICES["wdrvi"]
    return replace(
        plain,
        name=f"wdrvi-{f'{alpha:g}'.replace('.', 'p')}",
        long_name=f"Wide Dynamic Range Vegetation Index (alpha = {alpha:g})",
        formula=functools.partial(_wdrvi, alpha=alpha),
    )


_OWN_BANDS = frozenset({"rci"})
"""Indices that take other bands than the Awesome Spectral Indices catalogue's of that name: theirs can be had besides."""

_BY_SPYNDEX_NAME: Mapping[str, Index] = MappingProxyType(
    {index.spyndex.lower(): index for index in _ALL if index.name not in _OWN_BANDS}
)


def get_index(name: str) -> Index:
    """Look up an index by name, in upper or lower case; the name of a band stands for its reflectance.

    What is not among :data:`INDICES` is looked up in the Awesome Spectral Indices catalogue: any index there whose bands
    Sentinel-2 has can be had by its short name. ``wdrvi-0p2`` is WDRVI with 0.2 as the weight of the near infrared (above 0 and
    at most 1, four decimals; p stands for the point, which names of files do without); ``wdrvi`` alone has 0.1.

    Raises
    ------
    ConfigError
        If there is none: lists them, and the nearest first; or if it is one that Sentinel-2 does not have the bands for.

    Examples
    --------
    >>> get_index("NDVI").bands
    ('nir', 'red')
    >>> get_index("red").long_name
    'Surface reflectance, B04 (665 nm)'
    >>> get_index("NBR").bands, get_index("CIG").name
    (('nir', 'swir22'), 'gci')
    """
    short = name.lower()
    index = INDICES.get(short) or _LAYERS.get(short) or _weighted_wdrvi(short) or _BY_SPYNDEX_NAME.get(short)
    index = index or library_index(name)
    if index is None:
        near = difflib.get_close_matches(short, (*INDICES, *_LAYERS), n=2)
        near += difflib.get_close_matches(short, sorted(set(library_names()) - set(near)), n=2)
        hint = f"Did you mean {' or '.join(near)}?" if near else "Take one of these, or a band: " + ", ".join(_LAYERS) + "."
        others = f"and {len(library_names())} of the Awesome Spectral Indices catalogue"
        raise ConfigError(f"there is no index {name!r}; there are {', '.join(INDICES)}, {others}", remedy=hint)
    return index
