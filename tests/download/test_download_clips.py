"""Clips: one in a place, growing; a whole file serves as one; what fails takes nothing away."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest
import rasterio
from affine import Affine

from mlbmi.download import Clip, Store, clip_files, download, survey, survey_clips
from mlbmi.errors import ReadError

PIXELS = np.random.default_rng(5).integers(1, 4000, (400, 400)).astype("uint16")
LEFT, TOP = 350000, 5830000
BOXES = {"west": (350500, 5827500, 351000, 5829000), "east": (352000, 5828000, 352800, 5829500)}


class Reader:
    """Cuts out of an array; counts; fails when it is told."""

    def __init__(self):
        self.boxes, self.fails = [], False

    def __call__(self, wanted, box):
        self.boxes.append(box)
        if self.fails:
            raise ReadError(f"band {wanted.band} cannot be read")
        left, bottom, right, top = box
        column, row, last, lowest = (round(edge / 10) for edge in (left - LEFT, TOP - top, right - LEFT, TOP - bottom))
        return Clip(
            pixels=PIXELS[row:lowest, column:last],
            transform=Affine(10, 0, left, 0, -10, top),
            crs="EPSG:32633",
            nodata=0,
            window=(column, row, last - column, lowest - row),
        )


@pytest.fixture
def read():
    return Reader()


def cut(want, store, read, box):
    (outcome,) = clip_files([want("https://example.com/red.tif")], {32633: BOXES.get(box, box)}, store, read=read)
    return outcome


def pixels(store, path):
    with rasterio.open(store.file(path)) as file:
        return file.read(1), file.transform


def test_a_clip_is_cut_once_and_grows_to_all_that_was_asked_for(want, store, read):
    outcome = cut(want, store, read, "west")
    found, transform = pixels(store, outcome.wanted.path)
    np.testing.assert_array_equal(found, PIXELS[100:250, 50:100])
    assert transform == Affine(10, 0, 350500, 0, -10, 5829000)
    row = store.ledger.get(outcome.wanted.path)
    assert (row.state, row.window, row.extent) == ("whole", "50,100,50,150", "350500,5827500,351000,5829000")
    assert row.bytes == outcome.received == store.file(row.path).stat().st_size
    assert cut(want, store, read, "west").state == "present"
    assert cut(want, store, read, (350600, 5827600, 350700, 5827700)).state == "present"
    assert len(read.boxes) == 1
    assert cut(want, store, read, "east").state == "downloaded"
    assert read.boxes[1] == (350500, 5827500, 352800, 5829500)
    assert [cut(want, store, read, box).state for box in BOXES] == ["present", "present"]
    np.testing.assert_array_equal(pixels(store, row.path)[0], PIXELS[50:250, 50:280])


def test_what_fails_leaves_the_smaller_clip(want, store, read):
    path = cut(want, store, read, "west").wanted.path
    before = store.file(path).read_bytes()
    read.fails = True
    outcome = cut(want, store, read, "east")
    assert (outcome.state, outcome.error) == ("failed", "band red cannot be read")
    assert store.file(path).read_bytes() == before
    assert cut(want, store, read, "west").state == "present"
    assert store.ledger.get(path).error == "band red cannot be read"


def test_a_file_that_is_lost_or_changed_is_cut_again(want, store, read):
    path = cut(want, store, read, "west").wanted.path
    store.file(path).write_bytes(b"?" * store.ledger.get(path).bytes)
    one = want("https://example.com/red.tif")
    assert survey_clips([one], {32633: BOXES["west"]}, store)[0].state == "missing"
    assert cut(want, store, read, "west").state == "downloaded"
    assert survey_clips([one], {32633: BOXES["west"]}, store)[0].state == "present"
    assert survey_clips([one], {32633: BOXES["east"]}, store)[0].state == "missing"
    store.file(path).unlink()
    assert cut(want, store, read, "west").state == "downloaded"


def test_a_clip_is_no_whole_file_but_a_whole_file_is_a_clip(serve, cog, want, store, read, quick):
    server = serve({"/red.tif": cog})
    one = want(f"{server.url}/red.tif")
    clip_files([one], {32633: BOXES["west"]}, store, read=read)
    assert survey([one], store)[0].state == "missing"
    assert store.whole_file(one.item_id, "red", one.href) is None
    assert store.place_of(one.item_id, "red") is None
    assert store.place_of(one.item_id, "red", clips=True) == one.path
    assert download([one], store, **quick)[0].state == "downloaded"
    assert store.file(one.path).read_bytes() == cog
    assert store.whole_file(one.item_id, "red", one.href) == store.file(one.path)
    assert store.whole_file(one.item_id, "red", "https://example.com/other.tif") is None
    assert clip_files([one], {32633: (0, 0, 1, 1)}, store, read=read)[0].state == "present"
    assert len(read.boxes) == 1
    assert store.ledger.get(one.path).window == ""


def test_a_ledger_of_an_older_version_is_taken_up(serve, cog, want, store, quick):
    server = serve({"/red.tif": cog})
    one = want(f"{server.url}/red.tif")
    download([one], store, **quick)
    with sqlite3.connect(store.root / ".mlbmi" / "ledger.sqlite") as database:
        for column in ("window", "extent"):
            database.execute(f"alter table files drop column {column}")
    database.close()
    assert survey([one], Store(store.root))[0].state == "present"
