"""What a person sees at a terminal: progress and log on stderr, tables or JSON on stdout."""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
import warnings
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from mlbmi.errors import MlbmiWarning
from mlbmi.hrefs import public_href

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from mlbmi.catalogs import SearchResult
    from mlbmi.diagnosis import Check
    from mlbmi.errors import MlbmiError
    from mlbmi.pipeline import Progress, RunResult
    from mlbmi.types import LeftOut, RunPlan, Scene

__all__ = [
    "progress",
    "set_up_log",
    "show_checks",
    "show_error",
    "show_plan",
    "show_result",
    "show_scenes",
    "show_stopped",
]

_TITLES = {
    "simulate": "Simulating the reserve (once)",
    "download": "Fetching files",
    "read": "Reading and masking",
    "screen": "Looking for outliers",
    "cluster": "Clustering",
    "apply": "Applying the model",
    "write": "Writing",
}
_MOST_ROWS = 40


def _out() -> Console:
    """Return the console of results: made anew, so that a redirected stdout is honoured; wide where nobody watches."""
    if sys.stdout.isatty():
        return Console(highlight=False, markup=False)
    return Console(highlight=False, markup=False, width=160)


def _err() -> Console:
    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def set_up_log(*, quiet: bool, verbose: bool) -> None:
    """Send the package's log to stderr: warnings always, more with ``verbose``, less with ``quiet``."""
    # Libraries warn developers; people at a terminal are told what matters to them, by us.
    warnings.simplefilter("ignore")
    warnings.simplefilter("default", MlbmiWarning)
    logger = logging.getLogger("mlbmi")
    logger.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
    logger.handlers[:] = [logging.StreamHandler(sys.stderr)]
    logger.handlers[0].setFormatter(logging.Formatter("%(levelname)s: %(message)s"))


def show_error(error: MlbmiError) -> None:
    """Print an error as one line."""
    _err().print(f"mlbmi: {' '.join(str(error).split())}")


def show_stopped() -> None:
    """Say that Ctrl-C was understood."""
    _err().print("mlbmi: stopped. The same command again goes on where this one was.")


class _Bars:
    """Progress bars: one line a step."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def start(self, step: str, total: int) -> None:
        """Show a bar for a step."""
        self._tasks[step] = self._bars.add_task(_TITLES.get(step, step), total=total, note="")

    def advance(self, step: str, note: str = "") -> None:
        """Move its bar by one part."""
        self._bars.update(self._tasks[step], advance=1, note=note)


@contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """Show progress bars on stderr, unless asked for quiet or nobody watches."""
    from mlbmi.pipeline import Silent

    if quiet or not sys.stderr.isatty():
        yield Silent()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description:<30}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=_err()) as bars:
        yield _Bars(bars)


def show_plan(plan: RunPlan, *, as_json: bool) -> None:
    """Print what a run would read."""
    if as_json:
        _print_json(_plan_json(plan))
        return
    table = Table("grid", "size", "pixel", "CRS", "dates", "scenes", title="Plan: no pixel has been read")
    for grid in plan.grids:
        height, width = grid.geobox.shape
        scenes = sum(len(day.scenes) for day in grid.days)
        pixel = f"{abs(grid.geobox.resolution.x):g} m"
        table.add_row(grid.name, f"{width} × {height}", pixel, str(grid.geobox.crs), str(len(grid.days)), str(scenes))
    _out().print(table)
    _out().print(_scene_table([scene for grid in plan.grids for day in grid.days for scene in day.scenes], "To be read"))
    _show_left_out(plan.left_out)
    _out().print(
        f"Bands: {', '.join((*plan.bands, 'scl'))}. At most {_size(plan.bytes_expected)} to read, about {plan.requests_expected} "
        f"range requests where the files are remote; {_size(plan.memory_expected)} of memory for the largest cube. "
        f"You pay {plan.cost_expected}."
    )


def show_scenes(found: SearchResult, *, as_json: bool) -> None:
    """Print what a search found and what it left out."""
    if as_json:
        _print_json({"scenes": [_scene_json(s) for s in found.scenes], "left_out": [_left_json(item) for item in found.left_out]})
        return
    _out().print(_scene_table(found.scenes, f"Scenes of {public_href(found.catalog)}"))
    _show_left_out(found.left_out)


def show_result(result: RunResult, *, as_json: bool) -> None:
    """Print what a run made."""
    if as_json:
        _print_json(result.summary())
        return
    for clustering in result.record.clusterings:
        title = f"{clustering['mode']} · {clustering['index']} · {clustering['grid']}: {clustering['n_clusters']} clusters"
        table = Table("cluster", "name", "center", "hectares", "share", title=title)
        for row in clustering["clusters"]:
            hectares = "" if row["hectares"] is None else f"{row['hectares']:,.1f}"
            table.add_row(str(row["cluster"]), row["name"], f"{row['center']:.3f}", hectares, f"{row['share']:.1%}")
        _out().print(table)
        _show_fit(clustering)
    counts = Counter(acquisition.status for acquisition in result.record.acquisitions)
    _out().print(", ".join(f"{count} items {status}" for status, count in sorted(counts.items())) + "; each in acquisitions.csv")
    for acquisition in result.record.acquisitions:
        if acquisition.status == "failed":
            _err().print(f"failed: {acquisition.item_id}: {acquisition.reason}")
    _out().print(f"Results: {result.out}")


def _show_fit(clustering: Mapping[str, Any]) -> None:
    """Print why there are so many clusters, or how a model fits, where that is known."""
    if clustering.get("n_clusters_because", "as asked") != "as asked":
        _out().print(clustering["n_clusters_because"])
    for warning in clustering.get("warnings", ()):
        _err().print(f"{clustering['grid']}: {warning}")


def show_checks(checks: Sequence[Check], *, as_json: bool) -> None:
    """Print the findings of `mlbmi doctor`."""
    if as_json:
        _print_json([dataclasses.asdict(check) for check in checks])
        return
    table = Table("", "what", "found", "what to do")
    for check in checks:
        table.add_row("ok" if check.ok else "NO", check.name, check.found, check.remedy if not check.ok else "")
    _out().print(table)


def _scene_table(scenes: Sequence[Scene], title: str) -> Table:
    table = Table("date", "tile", "cloud %", "baseline", "item", title=f"{title}: {len(scenes)}")
    for scene in scenes[:_MOST_ROWS]:
        cloud = "?" if scene.cloud_cover is None else f"{scene.cloud_cover:.1f}"
        table.add_row(str(scene.date), scene.tile, cloud, scene.baseline or "?", scene.item_id)
    if len(scenes) > _MOST_ROWS:
        table.add_row("…", "", "", "", f"{len(scenes) - _MOST_ROWS} more; all with --json")
    return table


def _show_left_out(left_out: Sequence[LeftOut]) -> None:
    if not left_out:
        return
    table = Table("item", "reason", title=f"Left out: {len(left_out)}")
    for item in left_out[:_MOST_ROWS]:
        table.add_row(item.item_id, item.reason)
    if len(left_out) > _MOST_ROWS:
        table.add_row("…", f"{len(left_out) - _MOST_ROWS} more; all with --json")
    _out().print(table)


def _plan_json(plan: RunPlan) -> dict[str, Any]:
    return {
        "grids": [
            {
                "name": grid.name,
                "crs": str(grid.geobox.crs),
                "shape": list(grid.geobox.shape),
                "transform": list(grid.geobox.affine)[:6],
                "days": [{"date": str(day.date), "items": [scene.item_id for scene in day.scenes]} for day in grid.days],
            }
            for grid in plan.grids
        ],
        "bands": [*plan.bands, "scl"],
        "left_out": [_left_json(item) for item in plan.left_out],
        "bytes_expected": plan.bytes_expected,
        "requests_expected": plan.requests_expected,
        "memory_expected": plan.memory_expected,
        "cost_expected": dataclasses.asdict(plan.cost_expected),
    }


def _scene_json(scene: Scene) -> dict[str, Any]:
    return {
        "item_id": scene.item_id,
        "datetime": scene.datetime.isoformat(),
        "tile": scene.tile,
        "cloud_cover": scene.cloud_cover,
        "baseline": scene.baseline,
        "dialect": scene.dialect,
        "assets": {band: public_href(asset.href) for band, asset in sorted(scene.assets.items())},
    }


def _left_json(item: LeftOut) -> dict[str, str]:
    return {"item_id": item.item_id, "reason": item.reason}


def _print_json(value: Any) -> None:
    """Print JSON values; NaN is null."""
    from mlbmi.write.jsontext import to_json

    print(json.dumps(to_json(value), indent=1, ensure_ascii=False, allow_nan=False))  # noqa: T201 - JSON is data, not decoration


def _size(number: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
