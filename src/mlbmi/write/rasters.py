"""Cloud-optimised GeoTIFFs of an index, of label maps, and of other quantities.

Choices, and why: DEFLATE with predictor, because every reader of the last fifteen years opens it (ZSTD is smaller by a few per
cent and refused by some); blocks of 512 pixels; overviews by *average* of the valid pixels for an index, so that a zoomed-out
map shows what is there and missing pixels pull nothing down, and by *mode* for labels, because the average of two labels
means nothing. The same input gives the same bytes, whatever the number of threads: nothing in the file tells the time.
"""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mlbmi import coding
from mlbmi._version import __version__
from mlbmi.errors import InputError, WriteError
from mlbmi.types import INDEX_NODATA, INDEX_SCALE, LABEL_NODATA
from mlbmi.write.atomic import atomic_path
from mlbmi.write.categories import write_categories
from mlbmi.write.hygiene import plain_text

if TYPE_CHECKING:
    import datetime as dt
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.write.colours import RGB

__all__ = ["IndexDtype", "write_index_cog", "write_label_cog", "write_value_cog"]

IndexDtype = Literal["int16", "float32"]
"""How an index is stored: steps of its scale, or plain values."""

_BLOCK = 512
_ROWS = 1024  # rows that are encoded, or read back, at a time
_ONE_WRITER = threading.Lock()
"""Held while GDAL writes. With two writers, one that runs out of block cache flushes a block of the other's file; if it then
has a message to log it wants Python's lock, which the other holds while it waits for that very block: a deadlock, met with
rasterio 1.4."""


def write_index_cog(
    path: str | os.PathLike[str],
    values: NDArray[np.float32] | NDArray[np.int16],
    geobox: GeoBox,
    *,
    index: str,
    date: dt.date | None,
    long_name: str = "",
    scale: float = INDEX_SCALE,
    dtype: IndexDtype | None = None,
) -> Path:
    """Write one date of an index as a cloud-optimised GeoTIFF.

    Parameters
    ----------
    path : path-like
        The file; it appears whole or not at all.
    values : ndarray of float32 or int16, shape (y, x)
        The index: floats with NaN where missing, or int16 steps of ``scale`` with −32768 where missing.
    geobox : GeoBox
        Shape, transform and CRS.
    index : str
        Short name, which becomes the band's description (``NDVI``).
    date : datetime.date or None
        Day of acquisition (UTC), written as the TIFF's date and as ``ACQUISITIONDATETIME``.
    long_name : str
        Written as the image's description; ``index`` if empty.
    scale : float
        Value of one step. It is declared in the file, so that GDAL, QGIS and rioxarray show the index itself.
    dtype : {"int16", "float32"}, optional
        How to store it: int16 with scale and nodata −32768, or float32 with NaN. By default as ``values`` are.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If shape or type do not fit, or a value is too large for int16.
    WriteError
        If the file cannot be written, or does not read back as it should.
    """
    _check(values, geobox, np.floating, np.int16)
    dtype = dtype or ("float32" if values.dtype.kind == "f" else "int16")
    encode: Callable[[NDArray[Any]], NDArray[Any]]
    if dtype == "float32":
        nodata, predictor = float("nan"), "FLOATING_POINT"

        def encode(block: NDArray[Any]) -> NDArray[Any]:
            return coding.decode(block, scale)
    else:
        nodata, predictor = float(INDEX_NODATA), "STANDARD"

        def encode(block: NDArray[Any]) -> NDArray[Any]:
            return coding.encode(block, scale=scale) if block.dtype.kind == "f" else block.astype(np.int16, copy=False)

    def describe(target: Any) -> None:
        target.set_band_description(1, index)
        target.units = ("1",)
        if dtype == "int16":
            target.scales, target.offsets = (scale,), (0.0,)
        _tag(target, long_name or index, date)

    options = {"nodata": nodata, "PREDICTOR": predictor, "OVERVIEW_RESAMPLING": "AVERAGE", "STATISTICS": "YES"}
    with atomic_path(path) as temporary:
        _write(temporary, values, geobox, encode, describe, dtype=dtype, **options)
    return Path(path)


def write_label_cog(
    path: str | os.PathLike[str],
    labels: NDArray[np.uint8] | NDArray[np.uint16],
    geobox: GeoBox,
    *,
    names: Sequence[str],
    colours: Sequence[RGB],
    description: str,
    date: dt.date | None = None,
) -> Path:
    """Write a label map as a cloud-optimised GeoTIFF with a colour table, and its names beside it.

    Names of classes go into the file's band metadata (``CLASS_0`` …) and into ``<path>.aux.xml``, where GDAL and QGIS find
    category names (:mod:`mlbmi.write.categories`).

    The colour table of a uint16 map is in ``<path>.aux.xml`` alone: in the file it would have 65 536 entries, 0.4 MB for each
    overview, and QGIS would make a class of every one.

    Parameters
    ----------
    path : path-like
        The file; it appears whole or not at all.
    labels : ndarray of uint8 or uint16, shape (y, x)
        0 … ``len(names)`` − 1, and the type's highest number, 255 or 65535, where missing.
    geobox : GeoBox
        Shape, transform and CRS.
    names : sequence of str
        By label.
    colours : sequence of (red, green, blue)
        By label.
    description : str
        Of band and image.
    date : datetime.date or None
        Day of acquisition (UTC); None for a map of a period.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If shape, type, labels, names and colours do not fit together.
    WriteError
        If the file cannot be written, or does not read back as it should.
    """
    _check(labels, geobox, np.uint8, np.uint16)
    nodata = int(np.iinfo(labels.dtype).max)
    _check_classes(labels, names, colours, nodata)
    narrow = nodata == LABEL_NODATA

    def describe(target: Any) -> None:
        target.set_band_description(1, plain_text(description))
        if narrow:
            target.write_colormap(1, {label: (*colour, 255) for label, colour in enumerate(colours)})
        target.update_tags(1, **{f"CLASS_{label}": plain_text(name) for label, name in enumerate(names)})
        _tag(target, description, date)

    with atomic_path(path) as temporary:
        _write(temporary, labels, geobox, _same, describe, dtype=labels.dtype.name, nodata=nodata, OVERVIEW_RESAMPLING="MODE")
        # Before the map appears, so that no one meets it without its names.
        write_categories(Path(path), names, colours, colour_table=not narrow)
    return Path(path)


def write_value_cog(
    path: str | os.PathLike[str],
    values: NDArray[np.float32] | NDArray[np.int32] | NDArray[np.uint16],
    geobox: GeoBox,
    *,
    band: str,
    description: str,
    nodata: float = float("nan"),
) -> Path:
    """Write any other quantity as a cloud-optimised GeoTIFF, as it is.

    Parameters
    ----------
    path : path-like
        The file; it appears whole or not at all.
    values : ndarray of float32, int32 or uint16, shape (y, x)
        The quantity. Overviews average floats; of integers, which may stand for anything, they show the most frequent.
    geobox : GeoBox
        Shape, transform and CRS.
    band : str
        What is measured: the band's description.
    description : str
        What the values mean: the image's description.
    nodata : float
        Value of missing pixels; integers need one.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If shape or type do not fit.
    WriteError
        If the file cannot be written, or does not read back as it should.
    """
    _check(values, geobox, np.float32, np.int32, np.uint16)
    real = values.dtype == np.float32
    options = {"PREDICTOR": "FLOATING_POINT", "OVERVIEW_RESAMPLING": "AVERAGE"} if real else {"OVERVIEW_RESAMPLING": "MODE"}

    def describe(target: Any) -> None:
        target.set_band_description(1, plain_text(band))
        _tag(target, description, None)

    with atomic_path(path) as temporary:
        _write(temporary, values, geobox, _same, describe, dtype=values.dtype.name, nodata=nodata, **options)
    return Path(path)


def _same(block: NDArray[Any]) -> NDArray[Any]:
    return block


def _check(values: NDArray[Any], geobox: GeoBox, *types: type[np.generic]) -> None:
    if geobox.crs is None:
        raise InputError("the grid has no coordinate reference system; a map needs one", remedy="Assign one, e.g. EPSG:32633.")
    if values.shape != tuple(geobox.shape):
        raise InputError(f"values of shape {values.shape} do not fit a grid of shape {tuple(geobox.shape)}")
    if not any(np.issubdtype(values.dtype, known) for known in types):
        raise InputError(f"values are {values.dtype}; they must be {' or '.join(known.__name__ for known in types)}")
    if 0 in values.shape:
        raise InputError(f"a map of shape {values.shape} has no pixel")


def _check_classes(labels: NDArray[Any], names: Sequence[str], colours: Sequence[RGB], nodata: int) -> None:
    if not 1 <= len(names) == len(colours) <= nodata:
        raise InputError(f"{len(names)} names and {len(colours)} colours; there must be as many of each, 1 to {nodata}")
    highest = int(labels.max(initial=0, where=labels != nodata))
    if highest >= len(names):
        raise InputError(f"label {highest} has no name: {len(names)} names were given, for labels 0 to {len(names) - 1}")


def _tag(target: Any, description: str, date: dt.date | None) -> None:
    """Write what identifies the image; only what does not depend on when it is written."""
    tags = {"TIFFTAG_SOFTWARE": f"mlbmi {__version__}", "TIFFTAG_IMAGEDESCRIPTION": plain_text(description)}
    if date is not None:
        tags["TIFFTAG_DATETIME"] = f"{date:%Y:%m:%d} 00:00:00"
        # The name of GDAL's IMAGERY domain; the domain itself does not get through the COG driver.
        tags["ACQUISITIONDATETIME"] = f"{date:%Y-%m-%d} 00:00:00"
    target.update_tags(**tags)


def _write(
    path: Path,
    values: NDArray[Any],
    geobox: GeoBox,
    encode: Callable[[NDArray[Any]], NDArray[Any]],
    describe: Callable[[Any], None],
    **options: Any,
) -> None:
    """Encode by blocks of rows into the COG driver, then prove that the file reads back as it was meant."""
    import rasterio
    from rasterio._err import CPLE_BaseError  # GDAL's own errors have no public name in rasterio
    from rasterio.errors import RasterioError

    try:
        with _ONE_WRITER, rasterio.open(path, "w", **_profile(geobox, options)) as target:
            for rows in _row_blocks(values):
                target.write(encode(values[rows]), 1, window=(rows.indices(values.shape[0])[:2], (0, values.shape[1])))
            describe(target)
        _prove(path, values, encode)
    except (
        CPLE_BaseError,
        RasterioError,
        SystemError,
    ) as error:  # SystemError: rasterio's word for a GDAL failure without message
        raise WriteError(f"{path.name} cannot be written: {error}", remedy="Look for free space on the disk.") from error


def _profile(geobox: GeoBox, options: Mapping[str, Any]) -> dict[str, Any]:
    height, width = geobox.shape
    return {
        "driver": "COG",
        "width": width,
        "height": height,
        "count": 1,
        "crs": str(geobox.crs),
        "transform": geobox.affine,
        "COMPRESS": "DEFLATE",
        "BLOCKSIZE": _BLOCK,
        "BIGTIFF": "IF_SAFER",
        "NUM_THREADS": "ALL_CPUS",
        **options,
    }


def _prove(path: Path, values: NDArray[Any], encode: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    """Read the file back: on a full disk GDAL's COG driver can end without an error and leave a file cut short."""
    import rasterio

    with rasterio.open(path, NUM_THREADS="ALL_CPUS") as source:
        levels = len(source.overviews(1))
        for rows in _row_blocks(values):
            stored = source.read(1, window=(rows.indices(values.shape[0])[:2], (0, values.shape[1])))
            if not np.array_equal(stored, encode(values[rows]), equal_nan=stored.dtype.kind == "f"):
                raise WriteError(f"{path.name} does not read back as it was written", remedy="Check the disk.")
    for level in range(levels):
        with rasterio.open(path, OVERVIEW_LEVEL=level) as overview:
            overview.read(1)


def _row_blocks(values: NDArray[Any]) -> Iterator[slice]:
    edges = [*range(0, values.shape[0], _ROWS), values.shape[0]]
    return (slice(start, stop) for start, stop in pairwise(edges))
