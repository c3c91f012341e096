"""JPEG 2000: what its structure gives away, and what only a checksum does."""

from __future__ import annotations

import hashlib
import random
import struct

import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from mlbmi.download import download
from mlbmi.download.jp2 import DamagedJp2Error, check_tile_parts
from mlbmi.download.verify import CorruptError, prove


@pytest.fixture(scope="module")
def jp2():
    """Three tiles of noise over a slope."""
    draw = np.random.default_rng(0)
    pixels = (draw.integers(0, 60, (192, 192)) + np.arange(192) * 10 + 300).astype("uint16")
    with MemoryFile(ext=".jp2") as memory:
        options = {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES", "BLOCKXSIZE": 64, "BLOCKYSIZE": 64}
        shape = {"height": 192, "width": 192, "count": 1, "dtype": "uint16"}
        with memory.open(crs="EPSG:32633", transform=from_origin(300000, 5900040, 10, 10), **shape, **options) as file:
            file.write(pixels, 1)
        with memory.open() as file:
            assert (file.read(1) == pixels).all()
        return bytes(memory.getbuffer())


def check(path, content):
    path.write_bytes(content)
    return check_tile_parts(path)


def parts(content):
    """Return the places of the tile-parts, found by their numbers: an oracle that follows no lengths."""
    wanted = [struct.pack(">HHH", 0xFF90, 10, number) for number in range(3)]
    return [content.index(marker) for marker in wanted]


def test_all_tiles_are_counted_in_a_file_and_in_a_bare_stream(jp2, tmp_path):
    assert check(tmp_path / "a.jp2", jp2) == 3
    assert check(tmp_path / "a.j2k", jp2[jp2.index(b"\xff\x4f\xff\x51") :]) == 3


def test_every_cut_and_every_addition_is_found(jp2, tmp_path):
    draw = random.Random(1)  # noqa: S311 - not cryptography
    for length in [*range(12), *(draw.randrange(len(jp2)) for _ in range(300)), len(jp2) - 1]:
        with pytest.raises(DamagedJp2Error):
            check(tmp_path / "a.jp2", jp2[:length])
    with pytest.raises(DamagedJp2Error):
        check(tmp_path / "a.jp2", jp2 + b"\0")


def test_a_hole_of_zeros_over_the_beginning_of_a_tile_is_found(jp2, tmp_path):
    for at in parts(jp2):
        with pytest.raises(DamagedJp2Error):
            check(tmp_path / "a.jp2", jp2[: at - 20] + bytes(40) + jp2[at + 20 :])


def test_a_tile_that_is_missing_or_longer_than_it_says_is_found(jp2, tmp_path):
    places = parts(jp2)
    gone = jp2[: places[1]] + jp2[places[2] :]
    stream = gone.index(b"jp2c") - 4
    (length,) = struct.unpack(">I", gone[stream : stream + 4])
    if length:
        gone = gone[:stream] + struct.pack(">I", length - (places[2] - places[1])) + gone[stream + 4 :]
    with pytest.raises(DamagedJp2Error, match="1 of its tiles are missing"):
        check(tmp_path / "a.jp2", gone)
    for change in (-1, 1, 100_000):
        (length,) = struct.unpack(">I", jp2[places[1] + 6 : places[1] + 10])
        with pytest.raises(DamagedJp2Error):
            check(tmp_path / "a.jp2", jp2[: places[1] + 6] + struct.pack(">I", length + change) + jp2[places[1] + 10 :])


def test_random_rubbish_is_refused_in_words(jp2, tmp_path):
    """Whatever stands in the headers: our own error, or all tiles; never another exception, never a loop."""
    draw, begins = random.Random(2), parts(jp2)[0]  # noqa: S311 - not cryptography
    for _ in range(500):
        at = draw.randrange(8, begins + 12)
        content = jp2[:at] + draw.randbytes(draw.randrange(1, 9)) + jp2[at + 8 :]
        try:
            check(tmp_path / "a.jp2", content)
        except DamagedJp2Error:
            continue


def test_damage_within_a_tile_is_found_by_a_checksum(serve, jp2, store, quick, want):
    """The coded pixels have none of their own: without a stated one, a flipped bit may pass as another landscape."""
    flipped = bytearray(jp2)
    flipped[parts(jp2)[1] + 200] ^= 1
    server = serve({"/a.jp2": bytes(flipped), "/b.jp2": jp2})
    checksum = f"1220{hashlib.sha256(jp2).hexdigest()}"
    bad, good = download(
        [want(f"{server.url}/{name}.jp2", path=f"{name}.jp2", checksum=checksum) for name in "ab"], store, **quick
    )
    assert (bad.state, good.state) == ("failed", "downloaded")


def test_a_file_of_the_right_length_with_a_hole_is_not_accepted(jp2, tmp_path):
    path, places = tmp_path / "a.jp2", parts(jp2)
    path.write_bytes(jp2[: places[2]] + bytes(len(jp2) - places[2]))
    with pytest.raises(CorruptError, match="damaged"):
        prove(path, size=len(jp2), digests=(), epsg=32633)
    path.write_bytes(jp2)
    assert len(prove(path, size=len(jp2), digests=(), epsg=32633)) == 64
    with rasterio.open(path) as file:
        assert file.shape == (192, 192)
