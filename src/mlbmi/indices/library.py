"""The indices of the Awesome Spectral Indices catalogue, as the package spyndex carries it.

Its file is read as data; none of its code is imported, and its formulas are parsed (:mod:`mlbmi.indices.formula`). The catalogue
names formula, bands and source, but no range. So a normalised difference lies within ±1, and any other index within what its
int16 steps hold: powers of ten, so coarse that twice what 19 of 20 values over evenly drawn reflectances keep within fits.
"""

from __future__ import annotations

import functools
import json
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.errors import ConfigError
from mlbmi.indices.formula import parse, scale_for
from mlbmi.indices.index import Index
from mlbmi.sentinel2 import BANDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlbmi.indices.formula import Formula

__all__ = ["library_index", "library_names"]

_BAND_SYMBOLS: Mapping[str, str] = MappingProxyType(
    {
        "A": "coastal",
        "B": "blue",
        "G": "green",
        "R": "red",
        "RE1": "rededge1",
        "RE2": "rededge2",
        "RE3": "rededge3",
        "N": "nir",
        "N2": "nir08",
        "WV": "nir09",
        "S1": "swir16",
        "S2": "swir22",
    }
)
"""The catalogue's symbols for Sentinel-2's bands."""

_SAMPLE = 4096
_LAND = (0.02, 0.6)
_HEAD_ROOM = 2.0


@functools.cache
def _tables() -> tuple[dict[str, Any], dict[str, float]]:
    """Return the catalogue's entries by short name, and the constants that have a default, wavelengths among them."""
    spec = find_spec("spyndex")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("the catalogue of further indices is not installed", remedy="Install the package spyndex.")
    folder = Path(spec.submodule_search_locations[0]) / "data"
    entries = json.loads((folder / "spectral-indices-dict.json").read_text(encoding="utf-8"))["SpectralIndices"]
    constants = json.loads((folder / "constants.json").read_text(encoding="utf-8"))
    defaults = {name: float(entry["default"]) for name, entry in constants.items() if entry.get("default") is not None}
    wavelengths = {f"lambda{symbol}": float(BANDS[band].centre_nm) for symbol, band in _BAND_SYMBOLS.items()}
    return entries, defaults | wavelengths


@functools.cache
def library_names() -> Mapping[str, str]:
    """Return the names of the indices that Sentinel-2 can have: name in this package → name in the catalogue.

    In lower case here, as all indices; where two of the catalogue differ in case alone, as there.
    """
    entries, constants = _tables()
    known = set(_BAND_SYMBOLS) | set(constants)
    short = sorted(name for name, entry in entries.items() if set(entry["bands"]) <= known)
    lower = [name.lower() for name in short]
    return MappingProxyType({name.lower() if lower.count(name.lower()) == 1 else name: name for name in short})


@functools.cache
def library_index(name: str) -> Index | None:
    """Return an index of the catalogue by its name in any case; None if it has none of that name.

    Raises
    ------
    ConfigError
        If it has one, but not for Sentinel-2's bands alone, or two that differ in case: says which.
    InputError
        If its formula is not one.
    """
    names = library_names()
    if name in names or name.lower() in names:
        own_name = name if name in names else name.lower()
        return _made(own_name, names[own_name])
    entries, constants = _tables()
    same = sorted(short for short in entries if short.lower() == name.lower())
    if name in same and name in names.values():
        return _made(next(own for own, short in names.items() if short == name), name)
    if len(same) > 1:
        raise ConfigError(f"index {name!r} may be {' or '.join(same)}", remedy="Write it as one of these.")
    if same:
        lacking = sorted(set(entries[same[0]]["bands"]) - set(_BAND_SYMBOLS) - set(constants))
        raise ConfigError(
            f"index {same[0]!r} needs {', '.join(lacking)}, which Sentinel-2's surface reflectance does not give",
            remedy="Take another index.",
        )
    return None


def _made(name: str, short: str) -> Index:
    entries, constants = _tables()
    entry = entries[short]
    formula = parse(str(entry["formula"]), set(_BAND_SYMBOLS), constants)
    used = {symbol: constants[symbol] for symbol in entry["bands"] if symbol in constants}
    words = ", ".join(f"{symbol} = {value:g}" for symbol, value in used.items())
    scale = scale_for(1.0 if formula.normalised else _HEAD_ROOM * _usual_size(formula))
    largest = 1.0 if formula.normalised else 32767 * scale
    return Index(
        name,
        f"{entry['long_name']} ({words})" if words else str(entry["long_name"]),
        tuple(_BAND_SYMBOLS[symbol] for symbol in formula.names),
        formula,
        (-largest, largest),
        str(entry["reference"]),
        short,
        scale,
    )


def _usual_size(formula: Formula) -> float:
    """Return what 19 of 20 values keep within, of reflectances drawn evenly over what land has, the same ones always."""
    draw = np.random.default_rng(20210401)
    values = formula(*draw.uniform(*_LAND, (len(formula.names), _SAMPLE)))
    return float(np.nanquantile(np.abs(values), 0.95))
