"""Maps of what a model has not seen: novelty as cloud-optimised GeoTIFFs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.errors import InputError
from mlbmi.write.gallery import dates_of, geobox_of
from mlbmi.write.hygiene import file_part
from mlbmi.write.rasters import write_value_cog

if TYPE_CHECKING:
    import datetime as dt
    import os
    from collections.abc import Iterator
    from typing import Any

    import xarray as xr
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.types import Mode

__all__ = ["NOVELTY", "write_novelty", "write_novelty_cog"]

NOVELTY = "distance to the own cluster's center / distance within which 99 of 100 training pixels lay; above 1: novel"
"""What the values mean, as the file says it."""


def write_novelty(
    novelty: xr.DataArray, folder: str | os.PathLike[str], *, grid: str, mode: Mode, index: str, k: int
) -> list[Path]:
    """Write novelty beside the maps of an applied model: ``<grid>/novelty_<mode>_<index>_k<K>.tif``, of images one per date.

    Files of images have the date before the ``k``: ``novelty_images_ndvi_2020-01-24_k5.tif``.

    Parameters
    ----------
    novelty : xarray.DataArray
        ``(y, x)`` or ``(time, y, x)``, float, with a CRS: of :class:`mlbmi.cluster.apply.Applied`.
    folder : path-like
        The output folder.
    grid : str
        MGRS tile, or ``mosaic``.
    mode : Mode
    index : str
        Short name of the index.
    k : int
        Number of clusters.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        If a name cannot be part of a file's, there is no CRS, two images are of one date, or values are no novelty.
    WriteError
        If a file cannot be written.
    """
    for part in (mode, index):
        file_part(part)
    geobox, home = geobox_of(novelty), Path(folder) / file_part(grid)
    written = []
    for date, values in _maps(novelty):
        stem = "_".join(("novelty", mode, index, *([] if date is None else [date.isoformat()]), f"k{k}"))
        written.append(write_novelty_cog(home / f"{stem}.tif", values, geobox))
    return written


def _maps(novelty: xr.DataArray) -> Iterator[tuple[dt.date | None, NDArray[Any]]]:
    if "time" not in novelty.dims:
        yield None, novelty.to_numpy()
        return
    if not np.issubdtype(novelty["time"].dtype, np.datetime64):
        if novelty.sizes["time"] > 1:
            raise InputError(
                f"{novelty.sizes['time']} images have no dates; dates name the files", remedy="Give `time` coordinates."
            )
        yield None, novelty[0].to_numpy()
        return
    for number, date in enumerate(dates_of(novelty)):
        yield date, novelty[number].to_numpy()


def write_novelty_cog(
    path: str | os.PathLike[str],
    novelty: NDArray[np.floating[Any]],
    geobox: GeoBox,
    *,
    description: str = NOVELTY,
) -> Path:
    """Write one map of novelty as a cloud-optimised GeoTIFF.

    Parameters
    ----------
    path : path-like
        The file; it appears whole or not at all.
    novelty : ndarray of float, shape (y, x)
        0 or more, NaN where missing. Written as float32 with NaN as nodata; overviews average.
    geobox : GeoBox
        Shape, transform and CRS.
    description : str
        Of the image; the band is called ``novelty``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If shape or type do not fit, or a value is negative.
    WriteError
        If the file cannot be written, or does not read back as it should.
    """
    if novelty.dtype.kind != "f":
        raise InputError(f"novelty is {novelty.dtype}; it must be float, with NaN where missing")
    least = float(novelty.min(initial=0.0, where=~np.isnan(novelty)))
    if least < 0:
        raise InputError(f"novelty goes down to {least:g}; it is a share of a distance, 0 or more")
    return write_value_cog(path, novelty.astype(np.float32, copy=False), geobox, band="novelty", description=description)
