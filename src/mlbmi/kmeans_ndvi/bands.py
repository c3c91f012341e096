"""Bands as the notebook names them (``B04``, ``R10m``) ⇄ as this package does (``red``, 10)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from mlbmi.errors import InputError
from mlbmi.sentinel2 import BANDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["canonical_bands", "esa_names", "resolution", "spoken"]

_BY_ESA: Mapping[str, str] = MappingProxyType({band.esa: name for name, band in BANDS.items()})


def canonical_bands(names: Sequence[str]) -> tuple[str, ...]:
    """Return bands by this package's names, in order of wavelength.

    Raises
    ------
    InputError
        If one is no band of Sentinel-2, or there is none.

    Examples
    --------
    >>> canonical_bands(["b08", "B4"])
    ('red', 'nir')
    """
    if isinstance(names, str) or not names:
        raise InputError(f"band_names is {names!r}; it must be a list of bands", remedy="Give for example ['B04', 'B08'].")
    asked = {_canonical(name) for name in names}
    return tuple(name for name in BANDS if name in asked)


def _canonical(name: str) -> str:
    text = name.strip().upper()
    padded = f"B0{text[1:]}" if len(text) == 2 and text[1:].isdigit() else text
    found = _BY_ESA.get(padded) or (name.strip().lower() if name.strip().lower() in BANDS else None)
    if found is None:
        raise InputError(f"{name!r} is no band of Sentinel-2", remedy=f"Bands are {', '.join(_BY_ESA)}.")
    return found


def esa_names(bands: Iterable[str]) -> list[str]:
    """Return ESA's names of bands.

    Examples
    --------
    >>> esa_names(["red", "nir"])
    ['B04', 'B08']
    """
    return [BANDS[band].esa for band in bands]


def resolution(band: str) -> str:
    """Return the name of a band's own resolution.

    Examples
    --------
    >>> resolution("red"), resolution("rededge1")
    ('R10m', 'R20m')
    """
    return f"R{BANDS[band].gsd_m}m"


def spoken(bands: Iterable[str]) -> str:
    """Join the names of bands for a sentence.

    Examples
    --------
    >>> spoken(["red", "nir"])
    'B04 and B08'
    """
    return " and ".join(esa_names(bands))
