"""Files that appear whole or not at all: written beside their place under a hidden name, flushed to disk, then renamed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mlbmi.errors import WriteError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["atomic_path", "replace_folder", "sha256_file", "write_text"]

TEMPORARY_PREFIX = ".mlbmi-"
"""How every unfinished file's name begins; one that is left by a killed process can be deleted."""

_REMEDIES = {
    errno.ENOSPC: "Free some space on the disk, or choose another output folder.",
    errno.EDQUOT: "Your disk quota is used up: free some space, or choose another output folder.",
    errno.EFBIG: "A limit on the size of files is in force: raise it, or choose another output folder.",
    errno.EACCES: "Choose an output folder that you may write to.",
    errno.EPERM: "Choose an output folder that you may write to.",
    errno.EROFS: "The disk is read-only: choose another output folder.",
    errno.EISDIR: "A folder stands where the file should go: move it away.",
    errno.ENOTDIR: "A file stands where a folder is needed: move it away.",
    errno.EEXIST: "A file stands where a folder is needed: move it away.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path that becomes ``path`` if the block succeeds, and vanishes if it does not.

    The temporary file lies in the same folder (so that the rename is atomic) under a hidden name that is used once, with the
    same suffix. Missing parent folders are made. On success the file is flushed to disk before it is renamed. On failure
    it is removed, with every helper file whose name begins as its own does (GDAL leaves such ones).

    Parameters
    ----------
    path : path-like
        Where the file shall appear. A file that is there already stays whole until the moment it is replaced.

    Yields
    ------
    Path
        Write here. Nothing exists there yet.

    Raises
    ------
    WriteError
        For any `OSError` in the block or after it: disk full, no permission, a folder in the way.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_path(folder / "new" / "note.txt") as temporary:
    ...     _ = temporary.write_text("whole")
    >>> (folder / "new" / "note.txt").read_text()
    'whole'
    """
    path = Path(path)
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise _write_error(path, error) from error
    finally:
        _remove_leftovers(temporary)


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write a text file in UTF-8, whole or not at all, line ends as they are in the text.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))
    return Path(path)


def replace_folder(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> Path:
    """Move a finished folder to its place, in the stead of one that may be there.

    No file system swaps folders in one step: the old one is first renamed to a hidden name beside it, and deleted when the new
    one stands. If the second rename fails, the old one comes back.

    Parameters
    ----------
    source : path-like
        The finished folder, on the same file system as ``target``.
    target : path-like
        Its place. Missing parent folders are made.

    Returns
    -------
    Path
        ``target``.

    Raises
    ------
    WriteError
        If a folder cannot be moved.
    """
    source, target = Path(source), Path(target)
    old = target.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        replaced = target.exists()
        if replaced:
            target.replace(old)
        try:
            source.replace(target)
        except OSError:
            if replaced:
                old.replace(target)
            raise
    except OSError as error:
        raise _write_error(target, error) from error
    _flush_folder(target.parent)
    # What stays of it is hidden and in nobody's way.
    shutil.rmtree(old, ignore_errors=True)
    return target


def sha256_file(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def _remove_leftovers(temporary: Path) -> None:
    # The error that brought us here, if any, tells the user more than a failed clean-up would.
    with contextlib.suppress(OSError):
        for leftover in temporary.parent.glob(f"{temporary.stem}*"):
            leftover.unlink(missing_ok=True)


def _write_error(path: Path, error: OSError) -> WriteError:
    reason = error.strerror or str(error) or type(error).__name__
    return WriteError(f"{str(path)!r} cannot be written: {reason}", remedy=_REMEDIES.get(error.errno or 0, ""))
