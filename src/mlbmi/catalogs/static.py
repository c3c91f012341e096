"""Catalogues on disk: a STAC catalogue or collection, a single item, a saved answer of an API, STAC-GeoParquet.

Links are followed by hand and only to local files: reading a catalogue on disk never uses the network.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlbmi.catalogs.addresses import is_url, resolve_href
from mlbmi.catalogs.checks import sanitised_id, shown
from mlbmi.catalogs.geoparquet import SUFFIXES, items_of_parquet
from mlbmi.errors import DialectError, SearchError
from mlbmi.types import LeftOut

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Offer", "offers_on_disk"]

_log = logging.getLogger("mlbmi")

_LARGEST_LINKED_FILE = 64 * 1024**2
"""Bytes. An item has about 50 kB, a collection of 100 000 items about 15 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The JSON of one item, unchecked, as a catalogue offers it.

    Attributes
    ----------
    content : object
        Parsed JSON.
    base : str
        What its relative hrefs refer to.
    trusted : bool
        Whether it lies on the user's own disk.
    """

    content: object
    base: str
    trusted: bool


def offers_on_disk(path: Path) -> Iterator[Offer | LeftOut]:
    """Read every item below a STAC file.

    Parameters
    ----------
    path : Path
        Absolute path of a catalogue, a collection, an item, a FeatureCollection or a bare list of items, in JSON; or of
        STAC-GeoParquet.

    Yields
    ------
    Offer or LeftOut
        In order of the links; a file that cannot be read is left out under its name.

    Raises
    ------
    SearchError
        If ``path`` itself cannot be read or is not STAC.
    """
    if path.suffix.lower() in SUFFIXES:
        return (_saved(item, path) for item in items_of_parquet(path))
    try:
        content = _read(path)
    except DialectError as error:
        raise SearchError(f"catalog {str(path)!r} cannot be read: {error.message}") from error
    if isinstance(content, list):
        return (_saved(item, path) for item in content)
    if not isinstance(content, dict):
        raise SearchError(f"catalog {str(path)!r} holds {shown(content)}, not a STAC object")
    if content.get("type") == "FeatureCollection":
        return (_saved(item, path) for item in _list(content, "features"))
    if content.get("type") == "Feature":
        return iter([Offer(content=content, base=str(path), trusted=True)])
    if not isinstance(content.get("links"), list):
        raise SearchError(f"catalog {str(path)!r} is of type {shown(content.get('type'))}, not STAC")
    return _walk(path, content)


def _list(content: dict[str, Any], key: str) -> list[Any]:
    value = content.get(key)
    return value if isinstance(value, list) else []


def _saved(item: object, path: Path) -> Offer:
    """Offer an item of a saved answer; its own address, where it has one, is what its relative hrefs refer to."""
    links = _list(item, "links") if isinstance(item, dict) else []
    own = [link.get("href") for link in links if isinstance(link, dict) and link.get("rel") == "self"]
    base = own[0] if own and isinstance(own[0], str) and is_url(own[0]) else str(path)
    return Offer(content=item, base=base, trusted=True)


def _walk(root: Path, content: dict[str, Any]) -> Iterator[Offer | LeftOut]:
    """Follow links to children and items, each file once, however they are linked."""
    pending: list[tuple[Path, dict[str, Any]]] = [(root, content)]
    seen = {root.resolve()}
    while pending:
        here, catalog = pending.pop()
        for path in _linked(here, catalog):
            if isinstance(path, LeftOut):
                yield path
            elif path.resolve() not in seen:
                seen.add(path.resolve())
                found = _open_linked(path)
                if isinstance(found, dict):
                    pending.append((path, found))
                else:
                    yield found


def _linked(here: Path, catalog: dict[str, Any]) -> Iterator[Path | LeftOut]:
    remote = 0
    for link in _list(catalog, "links"):
        if not isinstance(link, dict) or link.get("rel") not in ("child", "item"):
            continue
        try:
            address = resolve_href(link.get("href"), str(here), trusted=True)
        except DialectError as error:
            yield LeftOut(item_id=sanitised_id(here.stem), reason=f"one of its links cannot be followed: {error.message}")
            continue
        if is_url(address):
            remote += 1
        else:
            yield Path(address)
    if remote:
        _log.warning("%s: %d links to remote items are not followed: a catalogue on disk is read from disk only", here, remote)


def _open_linked(path: Path) -> Offer | LeftOut | dict[str, Any]:
    """Read a linked file: an item is offered, a catalogue comes back to be walked."""
    try:
        content = _read(path, largest=_LARGEST_LINKED_FILE)
    except DialectError as error:
        return LeftOut(item_id=sanitised_id(path.stem), reason=error.message)
    if isinstance(content, dict) and content.get("type") != "Feature" and isinstance(content.get("links"), list):
        return content
    return Offer(content=content, base=str(path), trusted=True)


def _read(path: Path, *, largest: int | None = None) -> object:
    try:
        if not path.is_file():
            raise DialectError(f"there is no file {path.name!r}")
        if largest is not None and path.stat().st_size > largest:
            raise DialectError(f"its file has {path.stat().st_size} bytes; at most {largest} are read")
        content: object = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DialectError(f"{path.name!r} is not readable JSON: {type(error).__name__} {shown(str(error))}") from error
    return content
