"""The catalogues known by name, the names that have been retired, and what a user may mean by ``--catalog``."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlbmi.errors import ConfigError
from mlbmi.hrefs import public_href

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CATALOGS", "RENAMED_COLLECTIONS", "Catalog", "Source", "is_of_collection", "locate"]

_log = logging.getLogger("mlbmi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """A public STAC API of Sentinel-2 L2A.

    Attributes
    ----------
    name : str
        What users call it.
    url : str
        Address of its landing page.
    collection : str
        Collection that is searched unless another is asked for.
    dialect : str
        Dialect of its items. For people: an item's dialect is recognised from the item.
    """

    name: str
    url: str
    collection: str
    dialect: str


_EARTH_SEARCH = "https://earth-search.aws.element84.com/v1"

CATALOGS: Mapping[str, Catalog] = MappingProxyType(
    {
        catalog.name: catalog
        for catalog in (
            Catalog(name="earth-search", url=_EARTH_SEARCH, collection="sentinel-2-l2a", dialect="earth-search-v1"),
            Catalog(name="earth-search-c1", url=_EARTH_SEARCH, collection="sentinel-2-c1-l2a", dialect="earth-search-c1"),
            Catalog(
                name="planetary-computer",
                url="https://planetarycomputer.microsoft.com/api/stac/v1",
                collection="sentinel-2-l2a",
                dialect="planetary-computer",
            ),
            Catalog(name="cdse", url="https://stac.dataspace.copernicus.eu/v1", collection="sentinel-2-l2a", dialect="cdse"),
        )
    }
)
"""The catalogues known by name."""

RENAMED_COLLECTIONS: Mapping[str, str] = MappingProxyType({"sentinel-s2-l2a-cogs": "sentinel-2-l2a"})
"""Collections of Earth Search v0 (retired), and what took their place in v1."""

_RETIRED_URLS: Mapping[str, str] = MappingProxyType(
    {
        "https://earth-search.aws.element84.com/v0": "earth-search",
        "https://earth-search-legacy.aws.element84.com": "earth-search",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a search looks.

    Attributes
    ----------
    name : str
        Fit to be shown: the catalogue's name, its URL without secrets, or its path.
    location : str or Path
        URL of a STAC API, or a file.
    collection : str or None
        Id of the collection; None: any.
    """

    name: str
    location: str | Path
    collection: str | None


def locate(catalog: str, collection: str | None) -> Source:
    """Find out what a user means by a catalogue and a collection.

    Parameters
    ----------
    catalog : str
        A known name, the URL of a STAC API, or a path: a JSON or Parquet file, or a folder that holds ``catalog.json``.
    collection : str or None
        None: the catalogue's own choice.

    Raises
    ------
    ConfigError
        If it is none of those.

    Examples
    --------
    >>> locate("cdse", None).location
    'https://stac.dataspace.copernicus.eu/v1'
    """
    named = CATALOGS.get(_current_name(catalog))
    if named is not None:
        return Source(name=named.name, location=named.url, collection=_current_collection(collection) or named.collection)
    if "://" in catalog:
        return _api_by_url(catalog, collection)
    path = Path(catalog).expanduser().absolute()
    return Source(name=catalog, location=_file(path, catalog), collection=collection)


def _current_name(catalog: str) -> str:
    """Return the name of a known catalogue that was given by its address, old or new; anything else as it is."""
    address = catalog.rstrip("/").removesuffix("/search")  # some give the address of the search, as older clients wanted
    if address in _RETIRED_URLS:
        _log.warning("%s has been retired; %s is searched instead", address, _RETIRED_URLS[address])
        return _RETIRED_URLS[address]
    return next((known.name for known in CATALOGS.values() if known.url == address), catalog)


def is_of_collection(found: str, asked: str | None) -> bool:
    """Say whether an item of a collection answers for the one asked for, a retired name among them; an unnamed one does for any.

    Examples
    --------
    >>> is_of_collection("sentinel-2-l2a", "sentinel-s2-l2a-cogs"), is_of_collection("landsat", "sentinel-2-l2a")
    (True, False)
    """
    return asked is None or found in ("", asked, RENAMED_COLLECTIONS.get(asked))


def _current_collection(collection: str | None) -> str | None:
    renamed = RENAMED_COLLECTIONS.get(collection or "")
    if renamed is None:
        return collection
    _log.warning("collection %s has been retired; %s is searched instead", collection, renamed)
    return renamed


def _api_by_url(url: str, collection: str | None) -> Source:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigError(f"catalog {_shown_url(url)!r} is not an http or https URL", remedy=_remedy())
    return Source(name=public_href(url), location=url, collection=collection)


def _shown_url(url: str) -> str:
    """Cut off what may be secret of a URL that cannot be taken apart."""
    scheme, _, rest = url.partition("?")[0].partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _file(path: Path, catalog: str) -> Path:
    file = path / "catalog.json" if path.is_dir() else path
    if not file.is_file():
        what = "a folder without catalog.json" if path.is_dir() else "neither a known catalogue, nor a URL, nor an existing file"
        raise ConfigError(f"catalog {catalog!r} is {what}", remedy=_remedy())
    return file


def _remedy() -> str:
    return f"Give {', '.join(CATALOGS)}, the URL of a STAC API, or the path of a STAC file."
