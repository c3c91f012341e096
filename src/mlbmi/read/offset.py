"""Whether a file still holds the +1000 of processing baseline 04.00: decided from metadata, by a table of publishers.

The pixels have a say too, and win where they are sure: :mod:`mlbmi.read.offset_verdict`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from mlbmi.errors import InputError, ReadError
from mlbmi.sentinel2 import BANDS, BASELINE_WITH_OFFSET, BOA_ADD_OFFSET, QUANTIFICATION, baseline_number
from mlbmi.types import OffsetDecision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlbmi.types import Asset, Scene

__all__ = ["decide_offset"]

FLAG, BASELINE, RASTER_OFFSET, DEFAULT = "boa_offset_applied", "baseline", "raster:offset", "default"

_BASELINE_0400_DAY = dt.date(2022, 1, 25)
"""Day from which ESA produced baseline 04.00 (SentiWiki, S2 Products)."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """What one piece of metadata says: the DN to add (None if it cannot be understood), and in which words."""

    source: str
    add: int | None
    words: str


_JP2_KEY_ENDING = "-jp2"

_PRECEDENCE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "earth-search-v0": (FLAG, BASELINE, RASTER_OFFSET),
        "earth-search-v1": (FLAG, BASELINE, RASTER_OFFSET),
        # ESA's own files beside the COGs: raw, whatever the item's flag says about the COGs.
        f"earth-search-v1{_JP2_KEY_ENDING}": (BASELINE, RASTER_OFFSET),
        "earth-search-c1": (BASELINE, RASTER_OFFSET),
        "planetary-computer": (BASELINE,),
        "cdse": (RASTER_OFFSET, BASELINE),
    }
)
"""By dialect, the metadata that speak about the *file*, most trustworthy first.

Sources: Earth Search's documentation of ``earthsearch:boa_offset_applied`` and its issues 66 and 71 (the flag outranks
``raster:bands[].offset``, which is −0.1 in shifted files as well); Planetary Computer's dataset page (raw, nothing stated);
Copernicus Data Space's STAC items (``raster:offset`` per asset)."""

_ANY_DIALECT = (FLAG, BASELINE, RASTER_OFFSET)


def decide_offset(scene: Scene, band: str) -> OffsetDecision:
    """Decide from metadata how the DNs of one band become reflectance.

    Parameters
    ----------
    scene : Scene
        The scene.
    band : str
        Canonical name of a reflectance band.

    Returns
    -------
    OffsetDecision
        ``add`` is 0 or −1000; what speaks against it is in ``contradiction``.

    Raises
    ------
    InputError
        If ``band`` is not a reflectance band (``scl`` holds classes).
    ReadError
        If the scene lacks the band.
    """
    if band not in BANDS:
        raise InputError(f"{band!r} is not a reflectance band and has no offset; those are {', '.join(BANDS)}")
    if band not in scene.assets:
        raise ReadError(f"item {scene.item_id} has no band {band!r}; it has {', '.join(scene.assets) or 'none'}")
    asset = scene.assets[band]
    said = [statement for source in _sources(scene, asset) if (statement := _SPEAKERS[source](scene, asset)) is not None]
    deciding = next((statement for statement in said if statement.add is not None), None)
    if deciding is None or deciding.add is None:
        return _by_default(scene, said)
    against = [statement.words for statement in said if _contradicts(statement, deciding)]
    return _metadata_decision(deciding.add, deciding.source, deciding.words, against)


def _contradicts(statement: _Statement, deciding: _Statement) -> bool:
    """Say whether a statement speaks against what was decided; that a baseline's offset has been applied does not deny it."""
    return statement.add != deciding.add and (deciding.source, statement.source) != (FLAG, BASELINE)


def _sources(scene: Scene, asset: Asset) -> tuple[str, ...]:
    ending = _JP2_KEY_ENDING if asset.key.endswith(_JP2_KEY_ENDING) else ""
    return _PRECEDENCE.get(scene.dialect + ending) or _PRECEDENCE.get(scene.dialect, _ANY_DIALECT)


def _flag(scene: Scene, asset: Asset) -> _Statement | None:
    """Read the flag. "Not applied" of a baseline without offset says nothing: there was none to apply."""
    if scene.offset_applied is None:
        return None
    if scene.offset_applied:
        return _Statement(FLAG, 0, "the item says that the offset has been applied to its files already")
    by_baseline = _baseline(scene, asset)
    if by_baseline is None or by_baseline.add == 0:
        return None
    return _Statement(FLAG, BOA_ADD_OFFSET, f"the item says that the offset of baseline {scene.baseline} has not been applied")


def _baseline(scene: Scene, asset: Asset) -> _Statement | None:  # noqa: ARG001 — one signature for all speakers
    number = None if scene.baseline is None else baseline_number(scene.baseline)
    if number is None:
        return None
    if number < BASELINE_WITH_OFFSET:
        return _Statement(BASELINE, 0, f"processing baseline {scene.baseline} has no offset")
    return _Statement(BASELINE, BOA_ADD_OFFSET, f"processing baseline {scene.baseline} has the offset {BOA_ADD_OFFSET}")


def _raster_offset(scene: Scene, asset: Asset) -> _Statement | None:  # noqa: ARG001 — one signature for all speakers
    if asset.offset is None:
        return None
    add = round(asset.offset / (asset.scale or 1 / QUANTIFICATION))
    if add not in (0, BOA_ADD_OFFSET):
        return _Statement(RASTER_OFFSET, None, f"the asset states the offset {asset.offset:g}, which is no offset of Sentinel-2")
    return _Statement(RASTER_OFFSET, add, f"the asset states the offset {asset.offset:g}")


_SPEAKERS: Mapping[str, Callable[[Scene, Asset], _Statement | None]] = MappingProxyType(
    {FLAG: _flag, BASELINE: _baseline, RASTER_OFFSET: _raster_offset}
)


def _by_default(scene: Scene, said: list[_Statement]) -> OffsetDecision:
    """Take none where nothing is said: items without baseline are from before 04.00, as a rule."""
    against = [statement.words for statement in said]
    if scene.date >= _BASELINE_0400_DAY:
        against.append(f"it was acquired on {scene.date}, when files held an offset")
    reason = "no metadata state an offset; taken as none"
    return _metadata_decision(0, DEFAULT, reason, against)


def _metadata_decision(add: int, source: str, reason: str, against: list[str]) -> OffsetDecision:
    return OffsetDecision(add=add, source=source, reason=reason, contradiction="; ".join(against), metadata_add=add)
