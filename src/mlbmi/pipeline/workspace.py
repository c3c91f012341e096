"""The output folder while a run is under way: one run at a time, and a killed run goes on where it was.

Everything unfinished lives in ``.mlbmi-work`` inside the output folder: the cube as it grows and a note for every finished day.
The notes are valid only for the *fingerprint* they were made under (settings and items that decide the result); another run's are
thrown away.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mlbmi.errors import ConfigError, WriteError
from mlbmi.types import Acquisition, OffsetDecision
from mlbmi.write import atomic_path

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from mlbmi.types import Scene

__all__ = ["Workspace"]

_WORK = ".mlbmi-work"


class Workspace:
    """The output folder of one run.

    Attributes
    ----------
    out : Path
        The output folder.
    folder : Path
        The folder of unfinished work inside it.
    resumed : bool
        True if a killed run of the same fingerprint is being taken up.
    """

    def __init__(self, out: Path, folder: Path, *, resumed: bool) -> None:
        self.out = out
        self.folder = folder
        self.resumed = resumed

    @classmethod
    @contextlib.contextmanager
    def open(cls, out: Path, fingerprint: str, *, overwrite: bool) -> Iterator[Workspace]:
        """Take hold of an output folder; let go of it at the end, without removing anything.

        Parameters
        ----------
        out : Path
            The output folder; made if absent.
        fingerprint : str
            Of this run.
        overwrite : bool
            Whether the results of another run may be replaced.

        Raises
        ------
        ConfigError
            If the folder holds another run's results and ``overwrite`` is False, or another process works in it.
        WriteError
            If the folder cannot be made or written to.
        """
        folder = out / _WORK
        _check_free(out, fingerprint, overwrite=overwrite)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise WriteError(f"output folder {str(out)!r} cannot be written to: {error.strerror}") from error
        try:
            _take(lock, out)
            yield cls(out, folder, resumed=_resume(folder, fingerprint))
        finally:
            os.close(lock)

    def note(self, grid: str, date: dt.date, acquisitions: Sequence[Acquisition]) -> None:
        """Note that a day is finished, and what became of its scenes."""
        with atomic_path(self._note_path(grid, date)) as path:
            path.write_text(json.dumps([_to_json(acquisition) for acquisition in acquisitions]), encoding="utf-8")

    def noted(self, grid: str, date: dt.date, scenes: Sequence[Scene]) -> tuple[Acquisition, ...] | None:
        """Return what an earlier process noted about a day; None if it did not finish it.

        A day with a failed scene is not taken up: its failure may have passed.
        """
        path = self._note_path(grid, date)
        if not path.is_file():
            return None
        by_id = {scene.item_id: scene for scene in scenes}
        noted = [_from_json(entry, by_id) for entry in json.loads(path.read_text(encoding="utf-8"))]
        return None if any(acquisition.status == "failed" for acquisition in noted) else tuple(noted)

    def finish(self) -> None:
        """Remove the unfinished work: all of it has become results."""
        shutil.rmtree(self.folder)

    def abandon(self) -> None:
        """Remove the unfinished work, and the folder itself if nothing else is in it: there is no result."""
        shutil.rmtree(self.folder)
        with contextlib.suppress(OSError):  # not empty: it holds something of the user's
            self.out.rmdir()

    def drop_previous(self, keep: Collection[Path] = ()) -> None:
        """Remove the outputs that an earlier run listed in its record, but for those to keep, so that none goes stale."""
        record = self.out / "run.json"
        if not record.is_file():
            return
        kept = {path.resolve() for path in keep}
        for name in json.loads(record.read_text(encoding="utf-8")).get("outputs", {}):
            path = (self.out / name).resolve()
            if path.is_relative_to(self.out.resolve()) and path not in kept:
                path.unlink(missing_ok=True)
        record.unlink()

    def _note_path(self, grid: str, date: dt.date) -> Path:
        return self.folder / "days" / f"{grid}_{date.isoformat()}.json"


def _check_free(out: Path, fingerprint: str, *, overwrite: bool) -> None:
    record = out / "run.json"
    if overwrite or not record.is_file():
        return
    try:
        other = json.loads(record.read_text(encoding="utf-8")).get("fingerprint")
    except (OSError, ValueError):
        other = None
    if other != fingerprint:
        raise ConfigError(
            f"output folder {str(out)!r} holds the results of a run with other settings or items",
            remedy="Choose another --out, or give --overwrite to replace them.",
        )


def _take(lock: int, out: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigError(
            f"another mlbmi run is writing to {str(out)!r}", remedy="Wait for it, or choose another --out."
        ) from error


def _resume(folder: Path, fingerprint: str) -> bool:
    """Keep unfinished work of the same fingerprint; else start afresh."""
    mark = folder / "fingerprint"
    if mark.is_file() and mark.read_text(encoding="utf-8") == fingerprint:
        return True
    for path in folder.iterdir():
        if path.name == "lock":
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    with atomic_path(mark) as path:
        path.write_text(fingerprint, encoding="utf-8")
    return False


def _to_json(acquisition: Acquisition) -> dict[str, Any]:
    offset = None if acquisition.offset is None else dataclasses.asdict(acquisition.offset)
    return {
        "item_id": acquisition.item_id,
        "status": acquisition.status,
        "reason": acquisition.reason,
        "grid": acquisition.grid,
        "clear_share": acquisition.clear_share,
        "counts": dict(acquisition.counts),
        "offset": offset,
        "overlap": dict(acquisition.overlap),
    }


def _from_json(entry: Mapping[str, Any], scenes: Mapping[str, Scene]) -> Acquisition:
    offset = None if entry["offset"] is None else OffsetDecision(**entry["offset"])
    values = {
        **entry,
        "offset": offset,
        "counts": MappingProxyType(entry["counts"]),
        "overlap": MappingProxyType(entry["overlap"]),
    }
    return Acquisition(scene=scenes[entry["item_id"]], **values)
