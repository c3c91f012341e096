"""The page as a whole."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from mlbmi.write.atomic import write_text
from mlbmi.write.report import sections
from mlbmi.write.report.markup import Markup, element
from mlbmi.write.report.source import read_story

if TYPE_CHECKING:
    import os

    from mlbmi.write.report.source import Story

__all__ = ["REPORT_NAME", "write_report"]

REPORT_NAME = "report.html"

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""A browser that reads this loads nothing from anywhere, whatever a stranger's text might have slipped in."""

_STYLE = """
:root {
  color-scheme: light; --ink: #1d2529; --quiet: #566268; --rule: #d8dee0; --leaf: #047339; --alarm: #9a3b00;
  --paper: #fdfdfb;
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 72rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif;
}
h1 { font-size: 1.7rem; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; border-bottom: 2px solid var(--leaf); }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .25rem; }
p.quiet, footer { color: var(--quiet); font-size: .9rem; margin: .15rem 0 .6rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-size: .88rem; width: 100%; }
.wide { overflow-x: auto; }
th { text-align: left; color: var(--quiet); font-weight: 600; }
th, td { padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
td em { color: var(--alarm); }
code { font-size: .8rem; overflow-wrap: anywhere; }
.swatch { display: inline-block; width: 1.5rem; height: 1rem; border: 1px solid #0005; vertical-align: -0.15rem; }
.failed { color: var(--alarm); font-weight: 600; }
figure { margin: 1.25rem 0; }
img { max-width: 100%; height: auto; border: 1px solid var(--rule); background: #fff; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .75rem; }
.grid figure { margin: 0; }
details { margin: .8rem 0; }
summary { cursor: pointer; color: var(--leaf); font-weight: 600; }
.alarm { border-left: 4px solid var(--alarm); padding: .2rem 1rem; background: #fff6ee; }
.alarm h2 { border: 0; margin: .5rem 0 0; }
@media print { details > * { display: block; } body { max-width: none; } }
"""


def write_report(out: str | os.PathLike[str]) -> Path:
    """Write ``report.html`` into the output folder of a finished run, from what lies there.

    Parameters
    ----------
    out : path-like
        The output folder; its ``run.json``, and the figures that it lists, are read.

    Returns
    -------
    Path
        The page: one file, with its pictures inside; no script, no request. It appears whole or not at all.

    Raises
    ------
    InputError
        If the folder holds no record of a finished run.
    WriteError
        If the page cannot be written.
    """
    story = read_story(Path(out))
    return write_text(story.out / REPORT_NAME, "<!DOCTYPE html>\n" + _page(story) + "\n")


def _page(story: Story) -> str:
    title = _title(story)
    warned = sections.warnings_of(story)
    shown = sections.figures(story)
    body = element(
        "body",
        element("h1", title),
        sections.summary(story),
        None if warned is None else element("div", warned, class_="alarm"),
        element("h2", "Clusters"),
        sections.clusterings(story),
        element("h2", "Maps and courses") if story.figures else None,
        shown,
        sections.single_dates(story),
        element("h2", "Every scene, and why"),
        sections.acquisitions(story),
        element("h2", "How it was made"),
        sections.how(story),
        element("footer", _credit(story)),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", **{"http-equiv": "Content-Security-Policy", "content": _POLICY}),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(_STYLE)),
    )
    return element("html", head, body, lang="en").html


def _title(story: Story) -> str:
    config = story.record["config"]
    dates = story.dates
    span = f", {dates[0]} to {dates[-1]}" if dates else ""
    outline = config["aoi"]
    # An outline may be given as text, a box or WKT, which is no path to take an ending off.
    name = outline if "," in outline or "(" in outline else PurePath(outline).stem.replace("_", " ")
    return f"{name}{span}"


def _credit(story: Story) -> str:
    credit = story.record["config"].get("credit")
    years = sorted({date[:4] for date in story.dates})
    copernicus = f"Contains modified Copernicus Sentinel data {'-'.join(dict.fromkeys((*years[:1], *years[-1:])))}"
    return credit or copernicus
