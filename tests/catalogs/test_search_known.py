"""What a user may mean by a catalogue."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from mlbmi.catalogs import CATALOGS
from mlbmi.catalogs.dialects import DIALECTS
from mlbmi.catalogs.known import locate
from mlbmi.errors import ConfigError

V1 = "https://earth-search.aws.element84.com/v1"


def test_the_table_of_catalogues():
    assert list(CATALOGS) == ["earth-search", "earth-search-c1", "planetary-computer", "cdse"]
    for name, catalog in CATALOGS.items():
        assert catalog.name == name
        assert catalog.dialect in DIALECTS
        assert catalog.collection in DIALECTS[catalog.dialect].collections
        assert locate(name, None) == locate(catalog.url, catalog.collection) or catalog.url == V1
    with pytest.raises(TypeError):
        CATALOGS["mine"] = CATALOGS["cdse"]


@pytest.mark.parametrize(
    ("catalog", "collection", "expected"),
    [
        ("earth-search", None, ("earth-search", V1, "sentinel-2-l2a")),
        ("earth-search-c1", None, ("earth-search-c1", V1, "sentinel-2-c1-l2a")),
        (f"{V1}/", None, ("earth-search", V1, "sentinel-2-l2a")),
        ("earth-search", "sentinel-2-l1c", ("earth-search", V1, "sentinel-2-l1c")),
        ("https://stac.example.com/v1", None, ("https://stac.example.com/v1", "https://stac.example.com/v1", None)),
    ],
)
def test_names_and_urls(catalog, collection, expected, caplog):
    source = locate(catalog, collection)
    assert (source.name, source.location, source.collection) == expected
    assert not caplog.text


@pytest.mark.parametrize(
    ("catalog", "collection", "notice"),
    [
        ("https://earth-search.aws.element84.com/v0", None, "https://earth-search.aws.element84.com/v0 has been retired"),
        ("https://earth-search.aws.element84.com/v0/", "sentinel-2-l2a", "has been retired; earth-search is searched instead"),
        ("https://earth-search.aws.element84.com/v0/search", None, "v0 has been retired"),
        ("https://earth-search.aws.element84.com/v0", "sentinel-s2-l2a-cogs", "collection sentinel-s2-l2a-cogs has been retired"),
        (V1, "sentinel-s2-l2a-cogs", "collection sentinel-s2-l2a-cogs has been retired"),
        ("earth-search", "sentinel-s2-l2a-cogs", "collection sentinel-s2-l2a-cogs has been retired; sentinel-2-l2a is searched"),
    ],
)
def test_retired_names_are_understood_with_a_notice(catalog, collection, notice, caplog):
    with caplog.at_level(logging.INFO, logger="mlbmi"):
        source = locate(catalog, collection)
    assert (source.name, source.location, source.collection) == ("earth-search", V1, "sentinel-2-l2a")
    assert notice in caplog.text


def test_the_old_collection_of_another_server_is_that_servers_business(caplog):
    assert locate("https://stac.example.com/v0", "sentinel-s2-l2a-cogs").collection == "sentinel-s2-l2a-cogs"
    assert not caplog.text


@pytest.mark.parametrize(
    "catalog", ["ftp://example.com", "s3://bucket/catalog.json", "https://", "http://[::1", "https://u:SECRET@h:x/"]
)
def test_urls_that_cannot_be_searched(catalog):
    with pytest.raises(ConfigError, match="not an http or https URL") as caught:
        locate(catalog, None)
    assert "SECRET" not in str(caught.value)


def test_the_shown_name_holds_no_secret():
    source = locate("https://user:SECRET@example.com/v1?key=SECRET", None)
    assert source.name == "https://example.com/v1"
    assert "SECRET" in source.location


def test_importing_the_room_loads_no_network_library():
    code = "import sys, mlbmi.catalogs; print({'pystac', 'pystac_client', 'requests', 'rasterio'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "set()"
