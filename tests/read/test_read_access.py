"""The settings for GDAL: restored, seen by threads, overruled by the environment, apart for local files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from mlbmi.access import Retries
from mlbmi.read import configured
from mlbmi.read.access import gdal_options
from mlbmi.read.failures import read_error

REMOTE = "https://example.com/B04.tif"


def test_remote_files_are_opened_without_a_listing_and_with_patience():
    options = gdal_options(REMOTE)
    assert options["GDAL_DISABLE_READDIR_ON_OPEN"] == "EMPTY_DIR"
    assert options["GDAL_HTTP_MAX_RETRY"] == "5"


def test_local_files_keep_their_listing():
    assert gdal_options("/data/B04.tif") == {"GDAL_DISABLE_READDIR_ON_OPEN": "FALSE"}


def test_settings_hold_in_all_threads_and_end_with_the_block():
    before = gdal_options(REMOTE)
    with configured(retries=Retries(without_progress=4), stall_timeout_s=7), ThreadPoolExecutor(1) as pool:
        there = pool.submit(gdal_options, REMOTE).result()
        assert (there["GDAL_HTTP_MAX_RETRY"], there["GDAL_HTTP_LOW_SPEED_TIME"]) == ("4", "7")
    assert gdal_options(REMOTE) == before


def test_settings_end_with_an_error_too():
    before = gdal_options(REMOTE)
    with pytest.raises(RuntimeError), configured(retries=Retries(without_progress=4)):
        raise RuntimeError
    assert gdal_options(REMOTE) == before


def test_the_environment_wins(monkeypatch):
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "1")
    assert "GDAL_HTTP_MAX_RETRY" not in gdal_options(REMOTE)  # so that GDAL takes it from the environment


def test_a_long_reason_is_cut_to_one_short_line():
    line = str(read_error("band red of X", "/data/B04.tif", "first\nsecond " + "x" * 500))
    assert "first second xxx" in line
    assert "\n" not in line
    assert len(line) < 300


def test_secrets_are_cut_out_of_the_reason():
    reason = "HTTP error on https://u:pw@host/a.tif?sig=SECRET&x=1 and /vsicurl/https://u:pw@host/a.tif?sig=SECRET"
    line = str(read_error("band red of X", "https://u:pw@host/a.tif?sig=SECRET&x=1", reason))
    assert "SECRET" not in line
    assert "pw" not in line
    assert "https://host/a.tif" in line
