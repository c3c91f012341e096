"""Files appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
import threading

import pytest

from mlbmi.errors import WriteError
from mlbmi.write import atomic_path, replace_folder, sha256_file, write_text


def test_appears_only_at_the_end_and_alone(tmp_path):
    target = tmp_path / "deep" / "er" / "a.txt"
    with atomic_path(target) as temporary:
        temporary.write_text("x")
        assert temporary.parent == target.parent
        assert temporary.name.startswith(".")
        assert not target.exists()
    assert target.read_text() == "x"
    assert list(target.parent.iterdir()) == [target]


def test_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "a.tif"
    target.write_text("old")

    def fail():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            temporary.with_name(f"{temporary.name}.ovr.tmp").write_text("a helper file, as GDAL leaves them")
            raise KeyError("x")

    with pytest.raises(KeyError):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_writer_that_wrote_nothing_is_an_error(tmp_path):
    with pytest.raises(WriteError, match=r"a\.txt"), atomic_path(tmp_path / "a.txt"):
        pass


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(WriteError, match="cannot be written") as caught:
        write_text(tmp_path / "a.txt", "x")
    assert "move it away" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(WriteError, match="move it away"):
        write_text(tmp_path / "out" / "a.txt", "x")


def test_disk_full_names_the_remedy(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match=r"No space left.*Free some space"):
        write_text(tmp_path / "a.txt", "x")
    assert not list(tmp_path.iterdir())


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "ours", "")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")}
    assert len(modes) == 1


def test_many_writers_of_one_file(tmp_path):
    threads = [threading.Thread(target=write_text, args=(tmp_path / "a", str(n) * 10_000)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = (tmp_path / "a").read_text()
    assert len(text) == 10_000
    assert len(set(text)) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_sha256(tmp_path):
    data = bytes(range(256)) * 5000
    (tmp_path / "a").write_bytes(data)
    assert sha256_file(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_replace_folder(tmp_path):
    new, target = tmp_path / "new", tmp_path / "deep" / "cube.zarr"
    new.mkdir()
    (new / "a").write_text("1")
    assert replace_folder(new, target) == target
    new.mkdir()
    (new / "b").write_text("2")
    replace_folder(new, target)
    assert [path.name for path in target.iterdir()] == ["b"]
    assert [path.name for path in target.parent.iterdir()] == ["cube.zarr"]
    assert not new.exists()


def test_replace_folder_that_fails_brings_the_old_one_back(tmp_path):
    target = tmp_path / "cube.zarr"
    target.mkdir()
    (target / "a").write_text("1")
    with pytest.raises(WriteError, match=r"cube\.zarr"):
        replace_folder(tmp_path / "absent", target)
    assert (target / "a").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["cube.zarr"]
