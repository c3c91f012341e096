"""The figure of the offset: for each scene what metadata say, what the pixels say, and which decided."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlbmi.write.charts import bare
from mlbmi.write.colours import palette
from mlbmi.write.page import FAINT, INK, Page, save_figure
from mlbmi.write.words import unit_rgb

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mlbmi.types import Acquisition, OffsetDecision

__all__ = ["offset_figure", "write_offset_figure"]

_WIDTH, _HEIGHT, _SIDE = 11.0, 2.7, 1.9
_END = 7.0
"""Log odds at which the axis ends: a probability of 0.999."""

_TICKS = {0.001: "", 0.01: "sure that not", 0.5: "cannot tell", 0.99: "sure", 0.999: ""}


def write_offset_figure(path: Path, acquisitions: Sequence[Acquisition], *, credit: str = "") -> list[Path]:
    """Write the figure where there is something to see: a contradiction of metadata, or decisions that differ.

    Parameters
    ----------
    path : Path
        The file.
    acquisitions : sequence of Acquisition
        Of a run.
    credit : str
        Credit for the data, at the foot.

    Returns
    -------
    list of Path
        The file, or nothing.
    """
    read = [item for item in acquisitions if item.offset is not None and item.scene is not None]
    decisions = [item.offset for item in read if item.offset is not None]
    overruled = any(_overruled(decision) for decision in decisions)
    if not overruled and len({decision.add for decision in decisions}) < 2:
        return []
    return [save_figure(offset_figure(read, credit=credit), path)]


def offset_figure(acquisitions: Sequence[Acquisition], *, credit: str = "") -> Figure:
    """Draw for each scene the probability, by its pixels, that its file holds the +1000, and above it what metadata say.

    Parameters
    ----------
    acquisitions : sequence of Acquisition
        Those without scene or decision are left out.
    credit : str
        Credit for the data, at the foot.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = sorted(
        ((item.scene.datetime, item.item_id, item.offset) for item in acquisitions if item.scene and item.offset),
        key=lambda row: row[:2],
    )
    wrong = sum(_overruled(decision) for *_, decision in rows)
    page = Page(
        _SIDE + _WIDTH + 0.3,
        _HEIGHT + 1.15,
        title="Do the files still hold the +1000 of processing baseline 04.00?",
        subtitle=f"{len(rows)} scenes in order of time; on {wrong} of them metadata were overruled (marked)",
        caption="hollow: the pixels are not sure; from 0.9 on they decide all the same · probability on a scale of log odds",
        credit=credit,
    )
    axes = page.axes(_SIDE, 0.45, _WIDTH, _HEIGHT)
    bare(axes)
    for place, (*_, decision) in enumerate(rows):
        _draw(axes, place, decision)
    _label(axes, [time for time, *_ in rows])
    page.text(0.62, 0.57, "metadata say", size=8.5)
    for place, (words, holds) in enumerate((("holds it: −1000 is added", True), ("does not hold it: nothing is added", False))):
        page.box(_SIDE + place * 3.2, 0.0, 0.14, 0.14, _colour(holds=holds))
        page.text(_SIDE + place * 3.2 + 0.22, 0.11, words, size=8.5, color=FAINT)
    return page.figure


def _overruled(decision: OffsetDecision) -> bool:
    return decision.metadata_add is not None and decision.metadata_add != decision.add


def _colour(*, holds: bool) -> tuple[float, ...]:
    return unit_rgb(palette(9)[1 if holds else 6])


def _draw(axes: Axes, place: int, decision: OffsetDecision) -> None:
    if _overruled(decision):
        axes.axvspan(place - 0.5, place + 0.5, color="#f3d9c9", zorder=0, linewidth=0)
    if decision.metadata_add is not None:
        colour = _colour(holds=decision.metadata_add != 0)
        axes.plot(place, _END + 1.3, marker="s", markersize=6, color=colour, clip_on=False, linestyle="none")
    if decision.probability is None:
        axes.plot(place, 0, marker="x", markersize=4, color=FAINT, linestyle="none")
        return
    share = min(max(decision.probability, 1e-9), 1 - 1e-9)
    odds = min(max(math.log(share / (1 - share)), -_END), _END)
    colour = _colour(holds=odds > 0)
    axes.plot([place, place], [0, odds], color=colour, linewidth=1.2, zorder=1.5)
    axes.plot(
        place,
        odds,
        marker="o",
        markersize=6,
        color=colour,
        markerfacecolor=colour if decision.sure else "white",
        linestyle="none",
    )


def _label(axes: Axes, times: Sequence[dt.datetime]) -> None:
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0.5)
    axes.set_ylim(-_END - 0.6, _END + 1.8)
    axes.set_xlim(-0.7, len(times) - 0.3)
    axes.set_yticks(
        [math.log(p / (1 - p)) for p in _TICKS], [f"{words} {p:g}".strip() for p, words in _TICKS.items()], fontsize=8.5
    )
    axes.set_ylabel("by the pixels, it is there", fontsize=8.5, color=INK)
    step = max(1, math.ceil(len(times) / 32))
    axes.set_xticks(range(0, len(times), step), [f"{time:%Y-%m-%d}" for time in times[::step]], rotation=90, fontsize=8)
