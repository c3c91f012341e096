"""The parts of a report, each made from the run record."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from mlbmi.write.colours import palette
from mlbmi.write.report.markup import Child, Markup, details, element, join, table
from mlbmi.write.report.pictures import full_figure, small_figure
from mlbmi.write.words import share, signed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlbmi.write.report.source import Story

__all__ = ["acquisitions", "clusterings", "figures", "how", "single_dates", "summary", "warnings_of"]

_MODES = {
    "images": "each image's grey levels, one model for all dates",
    "timeseries": "each pixel's series",
    "bands": "the colours of one composite",
    "located": "each pixel's series and its place",
}


def summary(story: Story) -> Markup:
    """Say in a few lines what was asked and what came."""
    record, config = story.record, story.record["config"]
    counted = Counter(item["status"] for item in record["acquisitions"])
    dates = story.dates
    span = f"{len(dates)} dates from {dates[0]} to {dates[-1]}" if dates else "no date"
    asked = f"{config['start']} to {config['end']} in {config['catalog']}"
    rows: list[tuple[Child, Child]] = [
        ("asked", asked),
        ("used", span),
        ("scenes", ", ".join(f"{counted[status]} {status}" for status in ("used", "left out", "failed") if counted[status])),
        ("index", ", ".join(config["index"])),
        ("made", f"{record['finished'][:16].replace('T', ' ')} UTC by mlbmi {record['versions']['mlbmi']}"),
    ]
    return element("dl", *(part for name, value in rows for part in (element("dt", name), element("dd", value))))


def warnings_of(story: Story) -> Markup | None:
    """Return what a reader must know before believing the maps; None if there is nothing."""
    said: list[str] = []
    items = story.record["acquisitions"]
    said += [f"{item['item_id']} could not be read: {item['reason']}" for item in items if item["status"] == "failed"]
    against = [item for item in items if item["status"] == "used" and item.get("offset") and item["offset"].get("contradiction")]
    if against:
        first = against[0]
        said.append(
            f"{len(against)} of the scenes used say contradictory things of their reflectance offset, "
            f"{first['item_id']} for one: {first['offset']['reason']}, but {first['offset']['contradiction']}."
        )
    said += [str(text) for text in story.record.get("warnings", ())]
    if not said:
        return None
    return element("section", element("h2", "Before you believe it"), element("ul", *(element("li", text) for text in said)))


def clusterings(story: Story) -> Markup:
    """Return a table of clusters for each clustering."""
    return join(_clustering(one) for one in story.record["clusterings"])


def _clustering(one: Mapping[str, Any]) -> Markup:
    title = f"{one['mode']} · {one['index']} · k = {one['n_clusters']} · {one['grid']}"
    what = _MODES.get(one["mode"], one["mode"])
    # An applied model sought no clusters, so that it has no inertia of its own.
    inertia = "" if one["inertia"] is None else f"Inertia {one['inertia']:.6g} over "
    how = f"{what}. {one['method']}. {inertia}{one['pixels']:,} pixels."
    because = one.get("n_clusters_because")
    colours = palette(one["n_clusters"])
    rows = [_cluster(row, colours[row["cluster"]]) for row in one["clusters"]]
    body = table(["", "cluster", "name", "center", "pixels", "hectares", "share"], rows, numbers=(1, 3, 4, 5, 6))
    chosen = None if not because else element("p", f"k: {because}.", class_="quiet")
    return element("section", element("h3", title), element("p", how, class_="quiet"), chosen, body)


def _cluster(row: Mapping[str, Any], colour: tuple[int, int, int]) -> Sequence[Child]:
    swatch = element("span", class_="swatch", style=f"background:rgb{colour}")
    center = row["center"]
    hectares = row["hectares"]
    return (
        swatch,
        str(row["cluster"]),
        row["name"],
        signed(float(center)) if isinstance(center, int | float) else "",
        f"{row['pixels']:,}",
        "" if hectares is None else f"{hectares:,.1f}",
        share(row["share"], 1.0),
    )


def figures(story: Story) -> Markup:
    """Return the figures of the whole period."""
    return join(full_figure(figure, story) for figure in story.figures if not story.is_of_one_date(figure))


def single_dates(story: Story) -> Markup | None:
    """Return the figures of single dates, small and folded."""
    single = [figure for figure in story.figures if story.is_of_one_date(figure)]
    if not single:
        return None
    grid = element("div", *(small_figure(figure, story) for figure in single), class_="grid")
    return details(f"Date by date: {len(single)} figures", grid)


def acquisitions(story: Story) -> Markup:
    """Return the scenes used in full, and those left out with the reason, folded."""
    items = story.record["acquisitions"]
    used = [item for item in items if item["status"] != "left out"]
    left = [item for item in items if item["status"] == "left out"]
    header = ["date", "tile", "status", "clear", "lost, by cause", "offset", "because"]
    shown = table(header, [_acquisition(item) for item in used], numbers=(3, 5))
    rest = table(["item", "because"], [(item["item_id"], item["reason"]) for item in left])
    return join([shown, details(f"{len(left)} scenes left out, each with its reason", rest) if left else None])


def _acquisition(item: Mapping[str, Any]) -> Sequence[Child]:
    scene, offset = item.get("scene") or {}, item.get("offset") or {}
    lost = sorted(((count, cause) for cause, count in item["counts"].items() if count), reverse=True)
    against = offset.get("contradiction")
    reason = item["reason"] or offset.get("reason", "")
    return (
        element("span", str(scene.get("datetime", ""))[:10], title=item["item_id"]),
        scene.get("tile", ""),
        element("span", item["status"], class_=item["status"]),
        "" if item["clear_share"] is None else share(item["clear_share"], 1.0),
        ", ".join(f"{cause} {count:,}" for count, cause in lost),
        "" if not offset else f"{offset['add']}".replace("-", "−"),
        join([reason, element("em", f"; but {against}") if against else None]),
    )


def how(story: Story) -> Markup:
    """Return settings, versions, times and checksums, folded."""
    record = story.record
    settings = [(name, json.dumps(value, ensure_ascii=False)) for name, value in record["config"].items()]
    versions = list(record["versions"].items())
    times = [(step, f"{seconds:.1f} s") for step, seconds in record["timings_s"].items()]
    sums = [(name, element("code", digest)) for name, digest in record["outputs"].items()]
    return join(
        [
            details("Settings", table(["setting", "value"], settings)),
            details("Versions", table(["library", "version"], versions)),
            details("Time", table(["step", "seconds"], times, numbers=(1,))),
            details(f"{len(sums)} files and their SHA-256", table(["file", "SHA-256"], sums)),
            element("p", "Fingerprint of all that decided this run: ", element("code", record["fingerprint"])),
        ]
    )
