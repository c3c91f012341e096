"""The ledger: one SQLite row for each file ever wanted, and the description of each item.

Addresses are stored without query string (:func:`mlbmi.hrefs.public_href`), errors in words of our own: no secret can get in.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from mlbmi.errors import WriteError
from mlbmi.hrefs import public_href

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlbmi.download.plan import Wanted

__all__ = ["Ledger", "Row", "State"]

State = Literal["wanted", "partial", "verified", "whole", "failed", "corrupt", "pruned"]
"""What a file is. ``verified``: proved, and about to be renamed to its place. ``corrupt``: set aside under that name."""

_BUSY_S = 60.0
_SCHEMA = """
create table if not exists files (
    path text primary key, href text not null, item_id text not null, band text not null, state text not null,
    bytes integer not null default 0, total integer, attempts integer not null default 0, requests integer not null default 0,
    validator text not null default '', md5 text not null default '', sha256 text not null default '',
    mtime_ns integer not null default 0,
    error text not null default '', updated_at real not null, used_at real not null,
    window text not null default '', extent text not null default ''
);
create table if not exists items (item_id text primary key, content text not null);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the ledger knows of a file.

    Attributes
    ----------
    path : str
        Place in the store.
    href : str
        Where it came from, without query string.
    item_id, band : str
    state : State
    bytes : int
        Size, if whole; else bytes of the ``.part`` that are on the disk for sure.
    total : int or None
        Size that the server stated.
    attempts : int
        Times that a fetch of it was begun.
    requests : int
        Requests sent for it, over all attempts.
    validator : str
        ETag or date of last modification to which the ``.part`` belongs.
    md5 : str
        That the server stated for the whole file, hexadecimal; empty if it stated none.
    sha256 : str
        Of the whole file, hexadecimal; empty until it has been proved.
    mtime_ns : int
        Time of modification of the file at its place: as long as it and the size stay, it is not hashed again.
    error : str
        Why it failed last; empty if it did not.
    updated_at, used_at : float
        Seconds since 1970.
    window : str
        Of a clip, ``column,row,width,height`` in the pixels of the file that it was cut from; empty: the whole file.
    extent : str
        Of a clip, what was asked for: ``left,bottom,right,top`` in the CRS of its tile, metres.
    """

    path: str
    href: str
    item_id: str
    band: str
    state: State
    bytes: int
    total: int | None
    attempts: int
    requests: int
    validator: str
    md5: str
    sha256: str
    mtime_ns: int
    error: str
    updated_at: float
    used_at: float
    window: str
    extent: str


_COLUMNS = ", ".join(field.name for field in fields(Row))
_SETTABLE = frozenset(field.name for field in fields(Row)) - {"path"}


class Ledger:
    """The ledger of one store. Safe for threads and processes: each call is a transaction of its own.

    Parameters
    ----------
    path : Path
        SQLite file; made if absent.

    Raises
    ------
    WriteError
        From every method, if the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as database:
            database.execute("pragma journal_mode = wal")
            database.executescript(_SCHEMA)
            _add_columns(database)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(sqlite3.connect(self._path, timeout=_BUSY_S)) as database, database:
                # The log is flushed at checkpoints only: after a power cut the last entries may lack, and are found out again.
                database.execute("pragma synchronous = normal")
                yield database
        except sqlite3.Error as error:
            raise WriteError(
                f"the ledger {str(self._path)!r} cannot be used: {error}", remedy="Free some space, or check who may write there."
            ) from error

    def want(self, wanted: Wanted) -> Row:
        """Return the row of a wanted file: a new one, if there is none or it was for another source."""
        now, href = time.time(), public_href(wanted.href)
        with self._open() as database:
            database.execute(
                "insert into files (path, href, item_id, band, state, updated_at, used_at) values (?, ?, ?, ?, 'wanted', ?, ?) "
                "on conflict (path) do update set href = excluded.href, item_id = excluded.item_id, band = excluded.band, "
                "state = 'wanted', bytes = 0, total = null, validator = '', md5 = '', sha256 = '', mtime_ns = 0, error = '', "
                "window = '', extent = '' "
                "where href <> excluded.href or item_id <> excluded.item_id",
                (wanted.path, href, wanted.item_id, wanted.band, now, now),
            )
            return _row(database.execute(f"select {_COLUMNS} from files where path = ?", (wanted.path,)).fetchone())  # noqa: S608 - names of fields

    def get(self, path: str) -> Row | None:
        """Return the row of a place, if it has one."""
        with self._open() as database:
            found = database.execute(f"select {_COLUMNS} from files where path = ?", (path,)).fetchone()  # noqa: S608 - names of fields
        return None if found is None else _row(found)

    def rows(self) -> list[Row]:
        """Return all rows in order of place."""
        with self._open() as database:
            found = database.execute(f"select {_COLUMNS} from files order by path").fetchall()  # noqa: S608 - names of fields
        return [_row(values) for values in found]

    def rows_of(self, item_id: str, band: str) -> list[Row]:
        """Return the rows of one band of one item."""
        question = f"select {_COLUMNS} from files where item_id = ? and band = ? order by path"  # noqa: S608 - names of fields
        with self._open() as database:
            return [_row(values) for values in database.execute(question, (item_id, band)).fetchall()]

    def update(self, path: str, *, attempts: int = 0, requests: int = 0, **values: Any) -> None:
        """Set columns of a row, and add to its counts of attempts and requests."""
        unknown = values.keys() - _SETTABLE
        if unknown:
            raise TypeError(f"the ledger has no columns {sorted(unknown)}")
        columns = "".join(f"{name} = ?, " for name in values)
        with self._open() as database:
            database.execute(
                f"update files set {columns} attempts = attempts + ?, requests = requests + ?, updated_at = ? where path = ?",  # noqa: S608 - checked above
                (*values.values(), attempts, requests, time.time(), path),
            )

    def put_items(self, items: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep descriptions of items, over those of the same ids; assets that only the older one has stay."""
        with self._open() as database:
            database.execute("begin immediate")
            for item_id, content in items.items():
                found = database.execute("select content from items where item_id = ?", (item_id,)).fetchone()
                older = json.loads(found[0])["assets"] if found else {}
                merged = {**content, "assets": {**older, **content["assets"]}}
                database.execute("insert or replace into items values (?, ?)", (item_id, json.dumps(merged)))

    def items(self) -> list[dict[str, Any]]:
        """Return the descriptions of all items in order of id."""
        with self._open() as database:
            return [json.loads(text) for (text,) in database.execute("select content from items order by item_id")]


def _add_columns(database: sqlite3.Connection) -> None:
    """Bring the ledger of an older version up to date."""
    present = {row[1] for row in database.execute("pragma table_info(files)")}
    for name in ("window", "extent"):
        if name not in present:
            database.execute(f"alter table files add column {name} text not null default ''")


def _row(values: tuple[Any, ...]) -> Row:
    return Row(**dict(zip((field.name for field in fields(Row)), values, strict=True)))
