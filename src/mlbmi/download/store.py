"""The folder that downloads go to: places, locks, files that appear by rename."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlbmi.download.ledger import Ledger
from mlbmi.errors import ReadError, WriteError
from mlbmi.hrefs import public_href

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from mlbmi.download.ledger import Row

__all__ = ["StoppedError", "Store", "default_folder", "disk_error", "is_store", "sha256_of"]

_LOCK_POLL_S = 0.05
_LEDGER = Path(".mlbmi", "ledger.sqlite")
_HELD = ("whole", "verified", "partial")
_REMEDIES = {
    errno.ENOSPC: "Free some space on the disk, or `mlbmi cache prune`; the same command again goes on where this one was.",
    errno.EDQUOT: "Your disk quota is used up: free some space; the same command again goes on where this one was.",
    errno.EFBIG: "A limit on the size of files is in force: raise it; the same command again goes on where this one was.",
    errno.EACCES: "Choose a folder that you may write to.",
    errno.EROFS: "The disk is read-only: choose another folder.",
}


class StoppedError(Exception):
    """The download was asked to stop; never leaves this room."""


def default_folder() -> Path:
    """Return the store of those who name none: under ``$MLBMI_CACHE`` if set, else in the user's cache folder."""
    root = os.environ.get("MLBMI_CACHE")
    if root:
        return Path(root) / "assets"
    from platformdirs import user_cache_path

    return user_cache_path("mlbmi", appauthor=False) / "assets"


def is_store(root: str | os.PathLike[str]) -> bool:
    """Say whether a folder is a download folder already."""
    return (Path(root) / _LEDGER).is_file()


def disk_error(path: Path, error: OSError) -> WriteError:
    """Return a failure to write as an error for people."""
    return WriteError(
        f"{str(path)!r} cannot be written: {error.strerror or type(error).__name__}", remedy=_REMEDIES.get(error.errno or 0, "")
    )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Store:
    """A download folder.

    Parameters
    ----------
    root : path-like
        The folder; made if absent.

    Attributes
    ----------
    root : Path
        Absolute.
    ledger : Ledger

    Raises
    ------
    WriteError
        If it cannot be made.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root).absolute()
        self._locks = self.root / ".mlbmi" / "locks"
        try:
            self._locks.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error(self._locks, error) from error
        with self.lock("ledger"):  # two processes that make it at once would find it busy
            self.ledger = Ledger(self.root / _LEDGER)

    def file(self, path: str) -> Path:
        """Return the absolute path of a place."""
        return self.root / path

    def part(self, path: str) -> Path:
        """Return where a file grows."""
        place = self.file(path)
        return place.with_name(f".{place.name}.part")

    @contextlib.contextmanager
    def lock(self, name: str, stop: threading.Event | None = None) -> Iterator[None]:
        """Hold a place for one thread of one process; the lock ends with the process, whatever happens.

        Raises
        ------
        StoppedError
            If ``stop`` is set while another holds it.
        """
        file = self._locks / (hashlib.sha256(name.encode()).hexdigest()[:32] + ".lock")
        try:
            handle = file.open("w")
        except OSError as error:
            raise disk_error(file, error) from error
        with handle:
            while not _try_lock(handle.fileno()):
                if stop is not None and stop.is_set():
                    raise StoppedError
                time.sleep(_LOCK_POLL_S)
            yield

    def is_whole(self, row: Row) -> bool:
        """Say whether the file of a row stands at its place as it was proved, without a request.

        It is hashed only where its time of modification differs from the ledger's: after a kill between the rename and the
        last entry, or if somebody has touched it.
        """
        if row.state not in ("verified", "whole") or not row.sha256:
            return False
        try:
            found = self.file(row.path).stat()
        except FileNotFoundError:
            return False
        if found.st_size != row.bytes:
            return False
        if row.state == "whole" and found.st_mtime_ns == row.mtime_ns:
            return True
        if sha256_of(self.file(row.path)) != row.sha256:
            return False
        self.ledger.update(row.path, state="whole", mtime_ns=found.st_mtime_ns)
        return True

    def whole_file(self, item_id: str, band: str, href: str) -> Path | None:
        """Return where the whole file of a band of an item, from this address, stands; None if it does not, or only a clip."""
        rows = [row for row in self.ledger.rows_of(item_id, band) if row.href == public_href(href) and not row.window]
        return next((self.file(row.path) for row in rows if self.is_whole(row)), None)

    def place_of(self, item_id: str, band: str, *, clips: bool = False) -> str | None:
        """Return the place where a band of an item lies, or grows, already; with ``clips`` one that holds a clip will do."""
        rows = [row for row in self.ledger.rows_of(item_id, band) if row.state in _HELD]
        rows = [row for row in rows if row.window or self.is_whole(row)] if clips else [row for row in rows if not row.window]
        return min(rows, key=lambda row: (_HELD.index(row.state), row.window, row.path)).path if rows else None

    def accept(self, path: str, *, sha256: str, window: str = "", extent: str = "") -> None:
        """Move a proved ``.part`` to its place. The ledger learns its hash first: a kill in between loses nothing."""
        part, place = self.part(path), self.file(path)
        try:
            size = part.stat().st_size
            _flush(part)
            self.ledger.update(
                path, state="verified", bytes=size, total=size, sha256=sha256, error="", window=window, extent=extent
            )
            part.replace(place)
            _flush_folder(place.parent)
            self.ledger.update(path, state="whole", mtime_ns=place.stat().st_mtime_ns, used_at=time.time())
        except OSError as error:
            raise disk_error(place, error) from error

    def set_aside(self, row: Row, reason: str) -> Path:
        """Rename a damaged file to ``<name>.corrupt`` and return that path."""
        place = self.file(row.path)
        aside = place.with_name(f"{place.name}.corrupt")
        try:
            place.replace(aside)
        except OSError as error:
            raise disk_error(aside, error) from error
        self.ledger.update(
            row.path,
            state="corrupt",
            bytes=0,
            total=None,
            validator="",
            md5="",
            sha256="",
            mtime_ns=0,
            error=reason,
            window="",
            extent="",
        )
        return aside

    def has_changed(self, row: Row) -> bool:
        """Hash a file anew and say whether it differs from what was proved.

        Raises
        ------
        ReadError
            If the disk cannot give it back.
        """
        try:
            return sha256_of(self.file(row.path)) != row.sha256
        except OSError as error:
            raise ReadError(f"{str(self.file(row.path))!r} cannot be read: {error.strerror}") from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    # The rename has happened; this only guards it against a power cut, and not every file system can do it.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
