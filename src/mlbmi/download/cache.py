"""What lies in a store, and making room in it: least recently used files go first."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlbmi.download.ahead import waiting_parts
from mlbmi.download.store import disk_error
from mlbmi.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from mlbmi.download.ledger import Row
    from mlbmi.download.store import Store

__all__ = ["Entry", "entries", "parse_size", "prune"]

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a store.

    Attributes
    ----------
    row : Row
        What the ledger says.
    on_disk : int
        Bytes at its place, as ``.part`` and as ``.corrupt``, together.
    """

    row: Row
    on_disk: int


def parse_size(text: str) -> int:
    """Read a size such as ``20GB`` or ``500 MB``, in bytes; units are powers of ten.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> parse_size("1.5 GB"), parse_size("0")
    (1500000000, 0)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if match is None or match[2] not in _UNITS:
        raise InputError(f"{text!r} is not a size; it must be a number with B, kB, MB, GB or TB", remedy="For instance: 20GB.")
    return round(float(match[1]) * _UNITS[match[2]])


def entries(store: Store) -> tuple[Entry, ...]:
    """List the files of a store, least recently used first."""
    rows = sorted(store.ledger.rows(), key=lambda row: (row.used_at, row.path))
    return tuple(Entry(row=row, on_disk=_on_disk(store, row)) for row in rows)


def prune(store: Store, *, limit: int) -> tuple[Entry, ...]:
    """Remove the least recently used files until no more than ``limit`` bytes are left.

    Parameters
    ----------
    store : Store
    limit : int
        Bytes; 0 removes all.

    Returns
    -------
    tuple of Entry
        What was removed. The catalogue must be written anew after it (:func:`~mlbmi.download.write_catalogue`).

    Raises
    ------
    WriteError
        If a file cannot be removed.
    """
    listed = entries(store)
    left, removed = sum(entry.on_disk for entry in listed), []
    for entry in listed:
        if left <= limit:
            break
        if entry.on_disk:
            _remove(store, entry.row)
            left -= entry.on_disk
            removed.append(entry)
    return tuple(removed)


def _on_disk(store: Store, row: Row) -> int:
    total = 0
    for path in _files(store, row):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def _files(store: Store, row: Row) -> tuple[Path, ...]:
    place = store.file(row.path)
    part = store.part(row.path)
    return place, part, place.with_name(f"{place.name}.corrupt"), *waiting_parts(part)


def _remove(store: Store, row: Row) -> None:
    """Tell the ledger first: a kill in between leaves a file that nobody trusts, not a trusted one that is gone."""
    with store.lock(row.path):
        store.ledger.update(
            row.path, state="pruned", bytes=0, total=None, validator="", md5="", sha256="", mtime_ns=0, window="", extent=""
        )
        for path in _files(store, row):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise disk_error(path, error) from error
