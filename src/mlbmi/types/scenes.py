"""What a catalogue offers, what is planned with it, and what became of it. Frozen; each field with its unit and convention.

Names follow the field: Item and Asset as in STAC, window and geobox as in GDAL and odc-geo.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from mlbmi.types.costs import FREE, Cost

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from odc.geo.geobox import GeoBox
    from shapely.geometry.base import BaseGeometry

__all__ = [
    "Acquisition",
    "Asset",
    "ClearShare",
    "DayPlan",
    "GridPlan",
    "LeftOut",
    "OffsetDecision",
    "OffsetRule",
    "PlannedReads",
    "RunPlan",
    "Scene",
    "Status",
]

Status = Literal["used", "left out", "failed"]
"""What became of an item."""

OffsetRule = Literal["auto", "metadata", "none", "-1000"]
"""How offsets are decided: by pixels and metadata, by metadata alone, or by the user for all scenes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file of a scene.

    Attributes
    ----------
    band : str
        Canonical band name (:data:`mlbmi.sentinel2.BANDS`) or ``scl``.
    key : str
        Key of the asset in its item, as published (``red``, ``B04``, ``B04_10m``).
    href : str
        Absolute URL or absolute local path; never signed.
    media_type : str
        MIME type as published; empty if none.
    scale, offset : float or None
        Reflectance = DN × scale + offset *as the metadata state it*, None if they do not. Not what is applied:
        that is :class:`OffsetDecision`.
    nodata : float or None
        Stated missing value in DN.
    checksum : str
        Multihash of the file in hexadecimal, as the STAC file extension states it; empty if it does not.
    """

    band: str
    key: str
    href: str
    media_type: str = ""
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    checksum: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One Sentinel-2 L2A item, whatever catalogue it came from.

    Attributes
    ----------
    item_id : str
        Id of the item in its catalogue, checked to hold only letters, digits, ``_``, ``-`` and ``.``.
    collection : str
        Id of its collection; empty if the item names none.
    dialect : str
        Name of the catalogue dialect it was read from: ``earth-search-v0``, ``earth-search-v1``, ``earth-search-c1``,
        ``planetary-computer`` or ``cdse``.
    datetime : datetime.datetime
        Time of acquisition, in UTC, with time zone.
    tile : str
        MGRS tile, e.g. ``33UUU``.
    epsg : int
        EPSG code of the tile's UTM zone.
    platform : str
        ``sentinel-2a``, ``sentinel-2b``, ``sentinel-2c``; empty if unknown.
    baseline : str or None
        Processing baseline, ``"05.09"``; None if the item does not say.
    sequence : int
        Sequence number among items of one tile and day (the ``_0_`` of Earth Search's ids); 0 if not given.
    orbit : int or None
        Relative orbit, 1–143; None if the item does not say.
    cloud_cover : float or None
        Clouded share of the whole scene in per cent, as published; None if not given.
    offset_applied : bool or None
        Whether the item says that the +1000 of baseline 04.00 has been taken out of its COGs already; None if it does not say.
    footprint : shapely geometry
        Area with data, longitude and latitude (OGC:CRS84), never empty.
    assets : mapping of str to Asset
        By canonical band name.
    """

    item_id: str
    collection: str
    dialect: str
    datetime: dt.datetime
    tile: str
    epsg: int
    platform: str
    baseline: str | None
    sequence: int
    orbit: int | None
    cloud_cover: float | None
    offset_applied: bool | None
    footprint: BaseGeometry
    assets: Mapping[str, Asset] = field(repr=False)

    @property
    def date(self) -> dt.date:
        """UTC day of the acquisition."""
        return self.datetime.date()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An item that a catalogue offered and that is not used, with the reason.

    Attributes
    ----------
    item_id : str
        Its id, with every character outside ``A-Za-z0-9_.-`` replaced by ``?``.
    reason : str
        Why, in a sentence without full stop: the value and the rule.
    scene : Scene or None
        The scene, where the item could be understood.
    """

    item_id: str
    reason: str
    scene: Scene | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearShare:
    """How much of an area a scene shows clearly, judged from an overview of its scene classes before anything else is read.

    Attributes
    ----------
    share : float or None
        Share, 0–1, of clear samples among those that lie in the area and hold data; None if it could not be told.
    samples : int
        Samples in the area that hold data.
    spacing_m : float
        Distance between samples in metres; 0 if none could be read.
    reason : str
        Why ``share`` is None; else empty.
    """

    share: float | None
    samples: int = 0
    spacing_m: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetDecision:
    """How the DNs of one asset become reflectance: ρ = (DN + add) / 10000.

    Attributes
    ----------
    add : int
        DN to add: 0, or −1000 where the file still holds the +1000 of processing baseline 04.00 and later.
    source : str
        What decided: the piece of metadata, ``boa_offset_applied``, ``baseline``, ``raster:offset`` or ``default``;
        ``pixels``, the scene's own; ``other dates``, its own beside those of other dates; or ``given``, the user.
    reason : str
        A sentence for people.
    contradiction : str
        What speaks against it; empty if nothing does.
    metadata_add : int or None
        What metadata say for themselves; None if they were not asked.
    pixels_add : int or None
        What the pixels say, sure or not; None if they say nothing.
    probability : float or None
        That the file holds the +1000, by the pixels, 0–1; None if they say nothing.
    sure : bool
        Whether the pixels are sure; they decide somewhat before.
    pixels : int
        Pixels that were looked at.
    """

    add: int
    source: str
    reason: str
    contradiction: str = ""
    metadata_add: int | None = None
    pixels_add: int | None = None
    probability: float | None = None
    sure: bool = False
    pixels: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """What became of one item in one run: a row of ``acquisitions.csv``.

    Attributes
    ----------
    item_id : str
    scene : Scene or None
        None where the item could not be understood.
    status : Status
    reason : str
        Why it was left out or failed; empty for a used one.
    grid : str
        Grid it was read on: an MGRS tile or ``mosaic``; empty if it was not read.
    clear_share : float or None
        Valid share, 0–1, of the area's pixels on that grid, for this scene alone; None if it was not read.
    counts : mapping of str to int
        Pixels of the area made missing, by cause (``nodata``, ``scl``, ``dilation``, ``undefined``, ``range``, …),
        each pixel under the first cause that holds.
    offset : OffsetDecision or None
        None if it was not read.
    overlap : mapping of str to float
        How it differs, in the run's first index, from the scenes before it on the same day and grid where both are clear:
        ``pixels``, ``median`` difference, and ``p95``, what 95 of 100 absolute differences keep within. Empty without overlap.
    """

    item_id: str
    scene: Scene | None
    status: Status
    reason: str = ""
    grid: str = ""
    clear_share: float | None = None
    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    offset: OffsetDecision | None = None
    overlap: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """The scenes that make one date of a grid.

    Attributes
    ----------
    date : datetime.date
        UTC day.
    scenes : tuple of Scene
        In order of precedence: where two have valid data, the first wins.
    """

    date: dt.date
    scenes: tuple[Scene, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPlan:
    """One output grid and what will be read on it.

    Attributes
    ----------
    name : str
        MGRS tile, or ``mosaic``.
    geobox : odc.geo.geobox.GeoBox
        Shape, affine transform and CRS of the outputs.
    days : tuple of DayPlan
        In order of date; never empty.
    """

    name: str
    geobox: GeoBox
    days: tuple[DayPlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedReads:
    """The files of one tile and band that are read on one grid, summed up.

    Attributes
    ----------
    grid, tile, band : str
        Which: ``scl`` is a band here.
    files : int
        Their number.
    window : (int, int, int, int) or None
        First column, first row, width and height of what is read, in the files' own pixels; None where no header was looked at.
    bytes, requests : int
        What is expected to be read of them.
    measured : int
        How many of them have a header that lists the length of each block. Of the others the mean of these is taken, or the
        uncompressed size of the pixels where there is none.
    """

    grid: str
    tile: str
    band: str
    files: int
    window: tuple[int, int, int, int] | None
    bytes: int
    requests: int
    measured: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """All that a run will read and write, made from metadata and raster headers alone.

    Attributes
    ----------
    grids : tuple of GridPlan
    bands : tuple of str
        Canonical names of the reflectance bands to read, ``scl`` not among them.
    indices : tuple of str
        Short names of the indices to compute.
    left_out : tuple of LeftOut
        Items seen and not used.
    reads : tuple of PlannedReads
        What is read, by grid, tile and band.
    bytes_expected : int
        Bytes of files to read: from headers where they were looked at, else uncompressed pixels.
    requests_expected : int
        Range requests if the files are remote.
    seconds_expected : float
        Time for reading, roughly; clustering, drawing and writing come on top.
    memory_expected : int
        Estimate of the run's peak memory for arrays, in bytes.
    cost_expected : Cost
        What the user pays for reading, at most.
    """

    grids: tuple[GridPlan, ...]
    bands: tuple[str, ...]
    indices: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    reads: tuple[PlannedReads, ...]
    bytes_expected: int
    requests_expected: int
    seconds_expected: float
    memory_expected: int
    cost_expected: Cost = FREE
