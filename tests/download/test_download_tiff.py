"""The checksums inside TIFFs of every make; what has none is said to have none."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from mlbmi.download.tiff import DamagedTiffError, check_deflated_blocks
from mlbmi.download.verify import CorruptError, prove

MAKES = {
    "tiles": {"tiled": True, "blockxsize": 64, "blockysize": 64},
    "strips": {"tiled": False, "blockysize": 7},
    "big": {"tiled": True, "blockxsize": 64, "blockysize": 64, "BIGTIFF": "YES"},
    "big-endian": {"tiled": True, "blockxsize": 64, "blockysize": 64, "ENDIANNESS": "BIG"},
    "planes": {"tiled": True, "blockxsize": 64, "blockysize": 64, "interleave": "band"},
    "pixels": {"tiled": True, "blockxsize": 64, "blockysize": 64, "interleave": "pixel"},
    "one-bit": {"tiled": False, "blockysize": 9, "dtype": "uint8", "NBITS": 1},
}


def write(path, *, driver="GTiff", dtype="uint16", count=2, **options):
    pixels = np.random.default_rng(0).integers(0, 2 if "NBITS" in options else 3000, (count, 150, 130)).astype(dtype)
    shape = {"height": 150, "width": 130, "count": count, "dtype": dtype}
    place = {"crs": "EPSG:32633", "transform": from_origin(300000, 5900040, 10, 10)} | options
    with rasterio.open(path, "w", driver=driver, **shape, **place) as file:
        file.write(pixels)
    return path


@pytest.mark.parametrize("make", MAKES)
def test_every_make_of_deflated_tiff_is_checked(make, tmp_path):
    path = write(tmp_path / "a.tif", compress="deflate", **MAKES[make])
    blocks = check_deflated_blocks(path)
    assert blocks >= 9
    content = path.read_bytes()
    with rasterio.open(path) as file:
        at, length = (int(file.get_tag_item(f"{name}_0_0", "TIFF", bidx=1)) for name in ("BLOCK_OFFSET", "BLOCK_SIZE"))
    for position in (at + 2, at + length // 2, at + length - 1):
        path.write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
        with pytest.raises(DamagedTiffError, match="block 0"):
            check_deflated_blocks(path)


def test_another_compression_has_no_checksum(tmp_path):
    assert check_deflated_blocks(write(tmp_path / "a.tif", compress="lzw")) == 0


def test_sparse_files_are_whole(tmp_path):
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", height=128, width=128, count=1, dtype="uint8", tiled=True, blockxsize=64,
        blockysize=64, compress="deflate", SPARSE_OK=True, crs="EPSG:32633", transform=from_origin(300000, 5900040, 10, 10),
    ):  # fmt: skip
        pass
    assert len(prove(tmp_path / "a.tif", size=None, digests=(), epsg=32633)) == 64


def test_jpeg_2000_is_opened_and_decoded(tmp_path):
    path = write(tmp_path / "a.jp2", driver="JP2OpenJPEG", count=1, QUALITY="100", REVERSIBLE="YES")
    assert len(prove(path, size=path.stat().st_size, digests=(), epsg=32633)) == 64
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CorruptError):
        prove(path, size=None, digests=(), epsg=32633)


@pytest.mark.parametrize(
    "content", [b"", b"II*\0", b"II*\0" + b"\xff" * 40, b"II*\0\x08\0\0\0" + b"\0" * 8, b"II+\0" + b"\x10" * 60]
)
def test_rubbish_is_refused_in_words(content, tmp_path):
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(CorruptError):
        prove(tmp_path / "a.tif", size=None, digests=(), epsg=None)
