"""Clips: of each file only what lies around an area, on the file's own pixels, lossless, as a cloud-optimised GeoTIFF.

What reads the pixels comes from outside (:class:`ReadClip`). A place holds one clip; asked for more, it grows to what was asked
for before and now, so that whoever relied on it loses nothing.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mlbmi.download.run import Outcome, each, surveyed
from mlbmi.download.store import disk_error
from mlbmi.download.verify import CorruptError, prove
from mlbmi.errors import PaymentError, ReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlbmi.download.ledger import Row
    from mlbmi.download.plan import Wanted
    from mlbmi.download.store import Store

__all__ = ["Box", "Clip", "ReadClip", "clip_files", "survey_clips"]

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in the CRS of a tile, metres."""

_BLOCK = 512
_ONE_WRITER = threading.Lock()
"""GDAL with two writers can come to a deadlock (see :mod:`mlbmi.write.rasters`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A window of a file, as read.

    Attributes
    ----------
    pixels : ndarray, shape (rows, columns)
        In the file's own type.
    transform : affine.Affine
        Of its upper left corner.
    crs : str
        As WKT or ``EPSG:…``.
    nodata : float or None
        As the file declares it.
    window : (int, int, int, int)
        Column, row, width and height in the pixels of the file.
    """

    pixels: NDArray[Any]
    transform: Any
    crs: str
    nodata: float | None
    window: tuple[int, int, int, int]


class ReadClip(Protocol):
    """Reads what lies within a box of a file."""

    def __call__(self, wanted: Wanted, box: Box) -> Clip:
        """Return all pixels that the box touches.

        Raises
        ------
        ReadError
            If the file cannot be read, or the box lies outside it.
        """


def clip_files(
    wanted: Sequence[Wanted],
    boxes: Mapping[int, Box],
    store: Store,
    *,
    read: ReadClip,
    workers: int = 4,
    tell: Callable[[Outcome], None] | None = None,
) -> tuple[Outcome, ...]:
    """Make clips of wanted files be in a store. A whole file that is there already will do.

    Parameters
    ----------
    wanted : sequence of Wanted
    boxes : mapping of int to Box
        By EPSG code, what to cut out.
    store : Store
    read : ReadClip
        Reads the pixels.
    workers, tell
        As for :func:`~mlbmi.download.download`.

    Returns
    -------
    tuple of Outcome
        In the order of ``wanted``; ``received`` is the size of the clip.

    Raises
    ------
    WriteError
        If the disk is full, or cannot be written.
    """

    def obtain(one: Wanted, stop: threading.Event) -> Outcome:
        return _obtain(one, boxes[_epsg(one)], store, read, stop)

    return each(wanted, obtain, workers=workers, stop=threading.Event(), tell=tell)


def survey_clips(wanted: Sequence[Wanted], boxes: Mapping[int, Box], store: Store) -> tuple[Outcome, ...]:
    """Say which clips, or whole files, are in a store, without one request."""
    return tuple(surveyed(one, store, enough=lambda row, one=one: _holds(row, boxes[_epsg(one)])) for one in wanted)  # type: ignore[misc]


def _epsg(wanted: Wanted) -> int:
    if wanted.epsg is None:
        raise TypeError(f"{wanted.path}: a clip needs the EPSG code of its tile")
    return wanted.epsg


def _obtain(wanted: Wanted, box: Box, store: Store, read: ReadClip, stop: threading.Event) -> Outcome:
    with store.lock(wanted.path, stop):
        row = store.ledger.want(wanted)
        held = store.is_whole(row)
        if held and _holds(row, box):
            store.ledger.update(wanted.path, used_at=time.time())
            return Outcome(wanted=wanted, state="present")
        try:
            return _cut(wanted, _union(box, row.extent) if held else box, store, read)
        except (ReadError, PaymentError, CorruptError) as error:
            # A smaller clip that is there stays what it was.
            store.ledger.update(wanted.path, error=str(error), state=row.state if held else "failed")
            return Outcome(wanted=wanted, state="failed", error=str(error))


def _cut(wanted: Wanted, box: Box, store: Store, read: ReadClip) -> Outcome:
    part = store.part(wanted.path)
    store.ledger.update(wanted.path, attempts=1)
    clip = read(wanted, box)
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        _write(part, clip)
    except OSError as error:
        raise disk_error(part, error) from error
    size = part.stat().st_size
    sha256 = prove(part, size=size, digests=(), epsg=wanted.epsg)
    store.accept(wanted.path, sha256=sha256, window=",".join(map(str, clip.window)), extent=",".join(map(str, box)))
    return Outcome(wanted=wanted, state="downloaded", received=size)


def _write(path: Path, clip: Clip) -> None:
    import rasterio

    height, width = clip.pixels.shape
    options = {"driver": "COG", "compress": "deflate", "predictor": "2", "blocksize": _BLOCK, "resampling": "nearest"}
    shape = {"height": height, "width": width, "count": 1, "dtype": clip.pixels.dtype.name}
    place = {"crs": clip.crs, "transform": clip.transform, "nodata": clip.nodata}
    try:
        with _ONE_WRITER, rasterio.open(path, "w", **options, **shape, **place) as file:
            file.write(clip.pixels, 1)
    except rasterio.errors.RasterioError as error:
        raise OSError(0, f"GDAL failed ({type(error).__name__})") from error


def _holds(row: Row, box: Box) -> bool:
    if not row.window:
        return True
    left, bottom, right, top = _box(row.extent)
    return left <= box[0] and bottom <= box[1] and right >= box[2] and top >= box[3]


def _union(box: Box, extent: str) -> Box:
    other = _box(extent)
    return min(box[0], other[0]), min(box[1], other[1]), max(box[2], other[2]), max(box[3], other[3])


def _box(extent: str) -> Box:
    left, bottom, right, top = map(float, extent.split(","))
    return left, bottom, right, top
