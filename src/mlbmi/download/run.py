"""Many files at a time: each is there already, or is fetched, proved and put at its place; or fails, and is listed."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mlbmi.access import Access, Client, Retries
from mlbmi.download.fetch import PART_BYTES, Fetched, Means, fetch
from mlbmi.download.store import disk_error
from mlbmi.download.verify import CorruptError, Digest, prove, stated_multihash
from mlbmi.errors import PaymentError, ReadError
from mlbmi.hrefs import public_href

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlbmi.access import Resolve
    from mlbmi.download.ledger import Row
    from mlbmi.download.plan import Wanted
    from mlbmi.download.store import Store

__all__ = ["Outcome", "OutcomeState", "download", "recheck", "survey"]

_log = logging.getLogger("mlbmi")

_MOST_TRIES = 3
"""Times that a file is fetched in full before it is believed that the server's own copy is damaged."""

OutcomeState = Literal["present", "downloaded", "failed", "missing"]
"""``present``: it was whole already, or another process has just fetched it. ``missing``: not there, and not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one wanted file.

    Attributes
    ----------
    wanted : Wanted
    state : OutcomeState
    received : int
        Bytes received over the network.
    requests : int
        Requests of the attempt that succeeded.
    error : str
        Why it failed; empty if it did not.
    """

    wanted: Wanted
    state: OutcomeState
    received: int = 0
    requests: int = 0
    error: str = ""


def download(
    wanted: Sequence[Wanted],
    store: Store,
    *,
    workers: int = 4,
    client: Client | None = None,
    resolve: Resolve | None = None,
    retries: Retries | None = None,
    part_bytes: int = PART_BYTES,
    tell: Callable[[Outcome], None] | None = None,
) -> tuple[Outcome, ...]:
    """Make wanted files be in a store, whole.

    Parameters
    ----------
    wanted : sequence of Wanted
    store : Store
    workers : int
        Files fetched at a time.
    client, resolve, retries : optional
        How servers are spoken to; ``resolve`` is where addresses are signed: without it, by an :class:`~mlbmi.access.Access` that
        may not pay.
    part_bytes : int
        Bytes asked for in one request.
    tell : callable, optional
        Called in this thread with each outcome as it comes.

    Returns
    -------
    tuple of Outcome
        In the order of ``wanted``. A file that cannot be had is ``failed``, and the others go on.

    Raises
    ------
    WriteError
        If the disk is full, or cannot be written. What is whole stays whole, what is begun goes on the next time.
    """
    stop = threading.Event()
    means = Means(
        client=client or Client(connections=workers),
        resolve=resolve or Access().resolve,
        retries=retries or Retries(),
        stop=stop,
        part_bytes=part_bytes,
    )
    found: dict[int, Outcome] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="mlbmi-download") as pool:
        jobs = {pool.submit(_obtain, one, store, means): number for number, one in enumerate(wanted)}
        try:
            for job in as_completed(jobs):
                found[jobs[job]] = job.result()
                if tell is not None:
                    tell(found[jobs[job]])
        except BaseException:
            # Ctrl-C, a full disk, a mistake of ours: nobody goes on, then it is reported.
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return tuple(found[number] for number in range(len(wanted)))


def survey(wanted: Sequence[Wanted], store: Store) -> tuple[Outcome, ...]:
    """Say which files are in a store, whole, without one request."""
    return tuple(_surveyed(one, store) for one in wanted)


def recheck(wanted: Sequence[Wanted], store: Store) -> tuple[Path, ...]:
    """Hash files of a store anew and set those aside that are not what was proved.

    Parameters
    ----------
    wanted : sequence of Wanted
        Files that are not in the store are passed over.
    store : Store

    Returns
    -------
    tuple of Path
        Where the damaged ones are now, ``<name>.corrupt``.

    Raises
    ------
    ReadError, WriteError
        If the disk cannot be read or written.
    """
    aside: list[Path] = []
    for one in wanted:
        with store.lock(one.path):
            row = store.ledger.get(one.path)
            if row is None or not row.sha256 or not store.file(one.path).exists() or not store.has_changed(row):
                continue
            _log.warning("%s is damaged; it is set aside as %s.corrupt", one.path, Path(one.path).name)
            aside.append(store.set_aside(row, "its content was no longer what had been proved"))
    return tuple(aside)


def _surveyed(wanted: Wanted, store: Store) -> Outcome:
    row = store.ledger.get(wanted.path)
    if row is not None and row.item_id == wanted.item_id and store.is_whole(row):
        store.ledger.update(wanted.path, used_at=time.time())
        return Outcome(wanted=wanted, state="present")
    return Outcome(wanted=wanted, state="missing", error="it is not in the download folder, or not whole")


def _obtain(wanted: Wanted, store: Store, means: Means) -> Outcome:
    if wanted.href == str(store.file(wanted.path)):
        return _surveyed(wanted, store)  # asked for from its own catalogue: it is its own source
    with store.lock(wanted.path, means.stop):
        row = store.ledger.want(wanted)
        if store.is_whole(row):
            store.ledger.update(wanted.path, used_at=time.time())
            return Outcome(wanted=wanted, state="present")
        try:
            return _fetched_and_proved(wanted, store, means)
        except (ReadError, PaymentError) as error:
            store.ledger.update(wanted.path, state="failed", error=str(error))
            _log.warning("%s: %s", wanted.path, error)
            return Outcome(wanted=wanted, state="failed", error=str(error))


def _fetched_and_proved(wanted: Wanted, store: Store, means: Means) -> Outcome:
    """Fetch until what came is proved, a few times at most."""
    reason, received = "", 0
    for _ in range(_MOST_TRIES):
        row = _begin(wanted, store)
        fetched = fetch(wanted, row, store, means) if "://" in wanted.href else _copied(wanted, store)
        received += fetched.received
        try:
            sha256 = prove(store.part(wanted.path), size=fetched.size, digests=_digests(wanted, fetched), epsg=wanted.epsg)
        except CorruptError as error:
            reason = str(error)
            _throw_away(wanted, store, reason)
            continue
        store.accept(wanted.path, sha256=sha256)
        return Outcome(wanted=wanted, state="downloaded", received=received, requests=fetched.requests)
    raise ReadError(f"{wanted.item_id} {wanted.band} came damaged {_MOST_TRIES} times from {public_href(wanted.href)}: {reason}")


def _begin(wanted: Wanted, store: Store) -> Row:
    store.ledger.update(wanted.path, attempts=1)
    return store.ledger.want(wanted)


def _throw_away(wanted: Wanted, store: Store, reason: str) -> None:
    _log.info("%s came damaged and is not accepted: %s", wanted.path, reason)
    with contextlib.suppress(FileNotFoundError):
        store.part(wanted.path).unlink()
    store.ledger.update(wanted.path, state="failed", bytes=0, total=None, validator="", md5="", error=reason)


def _digests(wanted: Wanted, fetched: Fetched) -> tuple[Digest, ...]:
    return tuple(digest for digest in (stated_multihash(wanted.checksum), fetched.md5) if digest is not None)


def _copied(wanted: Wanted, store: Store) -> Fetched:
    """Copy a local file; it is proved like any other."""
    source, part = Path(wanted.href), store.part(wanted.path)
    if not source.is_file():
        raise ReadError(f"{wanted.item_id} {wanted.band}: there is no file {wanted.href!r}")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, part)
    except OSError as error:
        raise disk_error(part, error) from error
    return Fetched(size=source.stat().st_size, md5=None, received=0, requests=0)
