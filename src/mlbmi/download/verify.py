"""Proof that a file is what was asked for: its size, its checksum where one is known, and every block of its raster."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlbmi.download.jp2 import JP2_BEGINNINGS, DamagedJp2Error, check_tile_parts
from mlbmi.download.tiff import DamagedTiffError, check_deflated_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["CorruptError", "Digest", "prove", "stated_md5", "stated_multihash"]

_MULTIHASHES = {"11": ("sha1", 20), "12": ("sha256", 32), "13": ("sha512", 64), "16": ("sha3_256", 32), "d501": ("md5", 16)}
"""Codes of the multiformats table that publishers of Sentinel-2 use, in hexadecimal, with the bytes of their digests."""

_MOST_EASTING_M, _MOST_NORTHING_M = 1_000_000, 10_000_000
"""Of the upper left corner of a raster in a UTM zone (false origins of 500 km and, in the south, 10 000 km)."""

_READ = 1024 * 1024


class CorruptError(Exception):
    """A file is not what was asked for; the message says how. Never leaves this room."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A checksum that somebody has stated.

    Attributes
    ----------
    algorithm : str
        Name that :mod:`hashlib` knows.
    value : str
        Hexadecimal, lower case.
    """

    algorithm: str
    value: str


def stated_multihash(text: str) -> Digest | None:
    """Read ``file:checksum`` of the STAC file extension; None if it is absent or of an algorithm that is not known here.

    Examples
    --------
    >>> stated_multihash("1220" + "ab" * 32).algorithm
    'sha256'
    >>> stated_multihash("90e402" + "ab" * 7)
    """
    text = text.strip().lower()
    for code, (algorithm, length) in _MULTIHASHES.items():
        prefix = f"{code}{length:02x}"
        if text.startswith(prefix) and re.fullmatch(rf"[0-9a-f]{{{2 * length}}}", text[len(prefix) :]):
            return Digest(algorithm, text[len(prefix) :])
    return None


def stated_md5(headers: Mapping[str, str]) -> Digest | None:
    """Read the MD5 of the whole file from an answer's headers, where an object store states one.

    Azure says it by name. The ETag of S3 is one if the object was sent in one piece and not encrypted with a key of KMS (Amazon
    S3 API reference, Object: ETag); other servers' ETags may look alike and mean nothing.

    Examples
    --------
    >>> stated_md5({"ETag": '"' + "0" * 32 + '"', "x-amz-request-id": "1"}).algorithm
    'md5'
    >>> stated_md5({"ETag": '"' + "0" * 32 + '"'})
    """
    named = {name.lower(): value for name, value in headers.items()}
    if "x-ms-blob-content-md5" in named:
        try:
            digest = base64.b64decode(named["x-ms-blob-content-md5"], validate=True)
        except binascii.Error:
            return None
        return Digest("md5", digest.hex()) if len(digest) == 16 else None
    plain = re.fullmatch(r'"([0-9a-f]{32})"', named.get("etag", ""))
    if plain is None or "x-amz-request-id" not in named or "kms" in named.get("x-amz-server-side-encryption", ""):
        return None
    return Digest("md5", plain[1])


def prove(path: Path, *, size: int | None, digests: tuple[Digest, ...], epsg: int | None) -> str:
    """Test a file in full.

    Parameters
    ----------
    path : Path
    size : int or None
        Bytes that it must have; None: not known.
    digests : tuple of Digest
        All must hold.
    epsg : int or None
        EPSG code that its raster must have; None: any.

    Returns
    -------
    str
        Its SHA-256, hexadecimal.

    Raises
    ------
    CorruptError
        If it fails.
    """
    found = path.stat().st_size
    if size is not None and found != size:
        raise CorruptError(f"it has {found} bytes, not {size}")
    sha256 = _check_digests(path, digests)
    _check_raster(path, epsg)
    return sha256


def _check_digests(path: Path, digests: tuple[Digest, ...]) -> str:
    hashes = [hashlib.sha256(), *(hashlib.new(digest.algorithm, usedforsecurity=False) for digest in digests)]
    with path.open("rb") as file:
        while chunk := file.read(_READ):
            for one in hashes:
                one.update(chunk)
    for digest, one in zip(digests, hashes[1:], strict=True):
        if one.hexdigest() != digest.value:
            raise CorruptError(f"its {digest.algorithm} is {one.hexdigest()}, not {digest.value} as stated")
    return hashes[0].hexdigest()


def _check_raster(path: Path, epsg: int | None) -> None:
    """Decode every block of every band and overview once."""
    import rasterio
    from rasterio.errors import RasterioError

    driver = _driver(path)
    try:
        if driver == "GTiff":
            check_deflated_blocks(path)
        else:
            check_tile_parts(path)
        with rasterio.open(path, driver=driver) as raster:
            _check_frame(raster, epsg)
            _read_blocks(raster)
            levels, whole = len(raster.overviews(1)), raster.shape
        for level in range(levels):
            with rasterio.open(path, driver=driver, overview_level=level) as raster:
                _check_proportions(whole, raster.shape)
                _read_blocks(raster)
    except (DamagedTiffError, DamagedJp2Error) as error:
        raise CorruptError(f"its raster is damaged: {error}") from error
    except (RasterioError, OSError, ValueError, MemoryError, SystemError) as error:
        raise CorruptError(f"its raster cannot be decoded ({type(error).__name__})") from error


def _driver(path: Path) -> str:
    """Choose between two, by the file's beginning: a VRT or the like could make GDAL read other files."""
    with path.open("rb") as file:
        return "JP2OpenJPEG" if file.read(8).startswith(JP2_BEGINNINGS) else "GTiff"


def _check_frame(raster: Any, epsg: int | None) -> None:
    if raster.count < 1:
        raise CorruptError("its raster has no band")
    stated = None if raster.crs is None else raster.crs.to_epsg()
    if epsg is not None and stated != epsg:
        raise CorruptError(f"its raster lies in {'no CRS' if stated is None else f'EPSG:{stated}'}, not in EPSG:{epsg}")
    affine = raster.transform
    numbers = (affine.a, affine.b, affine.c, affine.d, affine.e, affine.f)
    # Products lie on whole metres of their UTM zone, north up, in square pixels; a damaged transform hardly ever does.
    upright = affine.a > 0 and (affine.b, affine.d, affine.e) == (0, 0, -affine.a)
    within = 0 < affine.c < _MOST_EASTING_M and 0 < affine.f <= _MOST_NORTHING_M
    if epsg is not None and not (upright and within and all(number % 1 == 0 for number in numbers)):
        raise CorruptError(f"its raster's transform is {numbers}, which no Sentinel-2 product has")


def _check_proportions(whole: tuple[int, int], overview: tuple[int, int]) -> None:
    """Compare the shapes of raster and overview: each side is divided by one factor and rounded."""
    if abs(whole[0] * overview[1] - whole[1] * overview[0]) > max(whole):
        raise CorruptError(f"its raster has {whole[0]} × {whole[1]} pixels, an overview of it {overview[0]} × {overview[1]}")


def _read_blocks(raster: Any) -> None:
    for band in raster.indexes:
        for _, window in raster.block_windows(band):
            raster.read(band, window=window)
