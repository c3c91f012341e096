"""Whether one catalogue can be used from here: asked, searched, understood, and one window of one scene read."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlbmi.aoi import AOI
from mlbmi.catalogs import Source, can_be_searched, locate, peek
from mlbmi.diagnosis.checks import Check
from mlbmi.errors import MlbmiError, NothingFoundError, ReadError, SearchError
from mlbmi.grid import aoi_geobox
from mlbmi.types import LeftOut, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from odc.geo.geobox import GeoBox

__all__ = ["diagnose_catalogue"]

_HEATH = (13.02, 52.48, 13.08, 52.52)
"""In the Döberitzer Heide near Berlin, where every global catalogue has scenes."""

_FIRST_DAY = dt.date(2015, 6, 23)
"""Launch of Sentinel-2A."""

_SIDE = 64
"""Pixels of a side of the window that is read."""

_BANDS = ("red", "scl")


@dataclass(slots=True)
class _Patient:
    """What is known so far; each step needs what those before it have found."""

    catalog: str
    collection: str | None
    aoi: AOI | None
    source: Source | None = None
    found: Sequence[Scene | LeftOut] = ()
    scene: Scene | None = None

    def located(self) -> Source:
        if self.source is None:
            raise SearchError("no catalogue has been found")
        return self.source

    def chosen(self) -> Scene:
        if self.scene is None:
            raise NothingFoundError("no scene has been found")
        return self.scene


def diagnose_catalogue(catalog: str, *, collection: str | None = None, aoi: AOI | None = None) -> list[Check]:
    """Go the way of a run with one scene, step by step, until a step fails.

    Parameters
    ----------
    catalog : str
        Name, URL or path, as for a run.
    collection : str, optional
        Collection in it.
    aoi : AOI, optional
        A place that it should show; by default one in the Döberitzer Heide, or, of a catalogue on disk, wherever it has scenes.

    Returns
    -------
    list of Check
        Of the steps that were taken: the last alone can have failed, and then says what to do.
    """
    patient = _Patient(catalog, collection, aoi)
    checks: list[Check] = []
    for name, step in _STEPS:
        try:
            checks.append(Check(name, ok=True, found=step(patient)))
        except MlbmiError as error:
            remedy = error.remedy or "Choose another catalogue: earth-search is open to all."
            checks.append(Check(name, ok=False, found=error.message, remedy=remedy))
            break
    return checks


def _find(patient: _Patient) -> str:
    patient.source = source = locate(patient.catalog, patient.collection)
    return f"{source.name}, {f'collection {source.collection}' if source.collection else 'any collection'}"


def _ask(patient: _Patient) -> str:
    return can_be_searched(patient.located())


def _search(patient: _Patient) -> str:
    source = patient.located()
    on_disk = not isinstance(source.location, str)
    area = patient.aoi or (None if on_disk else AOI.from_bbox(*_HEATH, name="Döberitzer Heide"))
    today = dt.datetime.now(dt.UTC).date()
    patient.found = peek(source, area, start=_FIRST_DAY, end=today)
    where = "it" if area is None else f"{', '.join(f'{value:g}' for value in area.bounds)}"
    if not patient.found:
        raise NothingFoundError(
            f"no item of {source.name!r} shows {where} on any day from {_FIRST_DAY} to {today}",
            remedy="Name a place that it shows with --aoi, or its Sentinel-2 L2A collection with --collection.",
        )
    return f"{len(patient.found)} items{'' if area is None else f' that show {where}'}, the first that came"


def _understand(patient: _Patient) -> str:
    scenes = [one for one in patient.found if isinstance(one, Scene)]
    if not scenes:
        reasons = Counter(one.reason for one in patient.found if isinstance(one, LeftOut))
        reason, times = reasons.most_common(1)[0]
        raise SearchError(
            f"none of {len(patient.found)} items is understood; {times} because: {reason}",
            remedy="Name its Sentinel-2 L2A collection with --collection.",
        )
    whole = [scene for scene in scenes if set(_BANDS) <= set(scene.assets)]
    if not whole:
        raise SearchError(f"{scenes[0].item_id} has no {' or no '.join(_BANDS)}", remedy="Name another collection.")
    patient.scene = scene = whole[0]
    stated = (f"tile {scene.tile}", str(scene.date), f"baseline {scene.baseline or 'not stated'}")
    return (
        f"{scene.item_id} in the dialect {scene.dialect}: {', '.join(stated)}; {len(scenes)} of {len(patient.found)} understood"
    )


def _keys(patient: _Patient) -> str:
    """Find out what its files take to be opened; a missing key, or a price, is an error here."""
    from mlbmi.access import Access

    href = patient.chosen().assets[_BANDS[0]].href
    opening = Access().opening(href)
    if "AWS_ACCESS_KEY_ID" in opening.options:
        return "its files are opened with your keys, which are there"
    if opening.path == f"/vsicurl/{href}" or opening.options.get("AWS_NO_SIGN_REQUEST") == "YES":
        return "none needed: its files are public"
    return (
        "none needed: its files are on this disk"
        if opening.path == href
        else "its files are opened with a token, which was given"
    )


def _read_band(patient: _Patient, band: str) -> str:
    import odc.stac  # noqa: F401 - its seconds are no server's

    from mlbmi.read import open_geobox, read_scene

    scene, begin = patient.chosen(), time.perf_counter()
    window = _window(open_geobox(scene.assets[band]), patient.aoi)
    pixels = read_scene(scene, [band], window)[band].values
    seconds = time.perf_counter() - begin
    values = f"values {pixels.min()} to {pixels.max()}" if pixels.any() else "no data here"
    return f"{window.shape.x} × {window.shape.y} pixels in {seconds:.1f} s, {values}"


def _window(native: GeoBox, aoi: AOI | None) -> GeoBox:
    """Cut a small window out of the middle of the area, or of the raster."""
    around = aoi_geobox(native, aoi or AOI.from_bbox(*_HEATH), clip=True) or (None if aoi else native)
    if around is None:
        raise ReadError("its raster does not reach the area", remedy="Name another place with --aoi.")
    rows, columns = (slice(max(0, length // 2 - _SIDE // 2), length // 2 + _SIDE // 2) for length in around.shape)
    return around[rows, columns]


def _offset(patient: _Patient) -> str:
    from mlbmi.read import decide_offset

    decision = decide_offset(patient.chosen(), _BANDS[0])
    against = f"; against it: {decision.contradiction}" if decision.contradiction else ""
    return f"{decision.add} is added to DN: {decision.reason}{against}"


_STEPS: tuple[tuple[str, Callable[[_Patient], str]], ...] = (
    ("catalogue", _find),
    ("answers", _ask),
    ("search", _search),
    ("item", _understand),
    ("keys", _keys),
    ("red", lambda patient: _read_band(patient, "red")),
    ("scl", lambda patient: _read_band(patient, "scl")),
    ("offset", _offset),
)
