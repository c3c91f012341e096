"""What a person sees of a download and of the download folder: tables or JSON on stdout, failures on stderr."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from mlbmi.hrefs import public_href

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlbmi.download import Entry, Outcome
    from mlbmi.pipeline.downloading import DownloadResult

__all__ = ["show_download", "show_entries"]

_MOST_ROWS = 40


def show_download(result: DownloadResult, *, as_json: bool) -> None:
    """Print what became of each file."""
    if as_json:
        _print_json(_download_json(result))
        return
    counts = Counter(outcome.state for outcome in result.outcomes)
    received = sum(outcome.received for outcome in result.outcomes)
    out = _console()
    out.print(", ".join(f"{count} {state}" for state, count in sorted(counts.items())) + f"; {_size(received)} received")
    if result.cost.buckets:
        out.print(f"What was missing costs you {result.cost}")
    for path in result.set_aside:
        _console(err=True).print(f"damaged, set aside: {path}")
    for outcome in result.incomplete[:_MOST_ROWS]:
        _console(err=True).print(f"{outcome.state}: {outcome.wanted.path}: {outcome.error}")
    if len(result.incomplete) > _MOST_ROWS:
        _console(err=True).print(f"… {len(result.incomplete) - _MOST_ROWS} more; all with --json")
    out.print(f"Files: {result.folder}")
    if result.catalog is not None:
        out.print(f"Catalogue, for --catalog: {result.catalog}")


def show_entries(entries: Sequence[Entry], folder: Path, title: str, *, as_json: bool) -> None:
    """Print files of a download folder."""
    if as_json:
        _print_json({"folder": str(folder), "files": [_entry_json(entry) for entry in entries]})
        return
    table = Table("last used", "state", "size", "file", title=f"{title}: {len(entries)}")
    for entry in entries[:_MOST_ROWS]:
        table.add_row(_day(entry.row.used_at), entry.row.state, _size(entry.on_disk), entry.row.path)
    if len(entries) > _MOST_ROWS:
        table.add_row("…", "", "", f"{len(entries) - _MOST_ROWS} more; all with --json")
    _console().print(table)
    _console().print(f"{_size(sum(entry.on_disk for entry in entries))} in {folder}")


def _console(*, err: bool = False) -> Console:
    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, highlight=False, markup=False, soft_wrap=True, width=None if stream.isatty() else 160)


def _download_json(result: DownloadResult) -> dict[str, Any]:
    return {
        "folder": str(result.folder),
        "catalog": None if result.catalog is None else str(result.catalog),
        "cost": dataclasses.asdict(result.cost),
        "set_aside": [str(path) for path in result.set_aside],
        "files": [_outcome_json(outcome) for outcome in result.outcomes],
    }


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "path": outcome.wanted.path,
        "item_id": outcome.wanted.item_id,
        "band": outcome.wanted.band,
        "href": public_href(outcome.wanted.href),
        "state": outcome.state,
        "received": outcome.received,
        "requests": outcome.requests,
        "error": outcome.error,
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    row = entry.row
    return {
        "path": row.path,
        "href": row.href,
        "item_id": row.item_id,
        "band": row.band,
        "state": row.state,
        "on_disk": entry.on_disk,
        "attempts": row.attempts,
        "requests": row.requests,
        "sha256": row.sha256,
        "error": row.error,
        "used_at": _day(row.used_at),
    }


def _day(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="seconds")


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))  # noqa: T201 - JSON is data, not decoration


def _size(number: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
