"""The figure of the mask: for each scene how much of the area is left, and what took the rest."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlbmi.write.charts import bare
from mlbmi.write.colours import palette
from mlbmi.write.page import FAINT, INK, Page, save_figure
from mlbmi.write.words import unit_rgb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from mlbmi.types import Acquisition

__all__ = ["mask_figure", "write_mask_figure"]

_WIDTH, _HEIGHT, _SIDE = 11.0, 2.7, 0.9

_KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "no data": ("#dcdcdc", ("nodata", "nodata_disagrees")),
    "not measured": ("#8a5a9c", ("wrapped", "saturated", "ringing", "scl_unknown")),
    "clouds, shadows and other classes": ("#8fa6b2", ("scl",)),
    "grown clouds": ("#c3d0d7", ("dilation",)),
    "undefined or out of range": ("#e3a624", ("undefined_", "range_")),
    "outliers": ("#b4261f", ("outlier_",)),
}
"""By what a reader is told: its colour, and the causes of loss (:class:`mlbmi.types.Acquisition`); a ``_`` at the end stands for
an index."""


def write_mask_figure(path: Path, acquisitions: Sequence[Acquisition], *, index: str, credit: str = "") -> list[Path]:
    """Write the figure, if any scene was read.

    Parameters
    ----------
    path : Path
        The file.
    acquisitions : sequence of Acquisition
        Of a run.
    index : str
        Whose undefined values and outliers are shown.
    credit : str
        Credit for the data, at the foot.

    Returns
    -------
    list of Path
        The file, or nothing.
    """
    read = [item for item in acquisitions if item.scene is not None and item.clear_share is not None]
    return [save_figure(mask_figure(read, index=index, credit=credit), path)] if read else []


def mask_figure(acquisitions: Sequence[Acquisition], *, index: str, credit: str = "") -> Figure:
    """Draw a bar for each scene that was read: what is left of the area, and above it what was lost, by cause.

    Parameters
    ----------
    acquisitions : sequence of Acquisition
        Those without scene or clear share are left out.
    index : str
        Whose undefined values and outliers are shown.
    credit : str
        Credit for the data, at the foot.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = sorted(
        (item for item in acquisitions if item.scene is not None and item.clear_share is not None),
        key=lambda item: (item.scene.datetime if item.scene else None, item.grid, item.item_id),
    )
    page = Page(
        _SIDE + _WIDTH + 0.3,
        _HEIGHT + 1.3,
        title="What the mask leaves, and what it takes",
        subtitle=f"{len(rows)} scenes in order of time; per cent of the area's pixels, each under its first cause",
        caption=f"undefined values and outliers of {index.upper()}",
        credit=credit,
    )
    axes = page.axes(_SIDE, 0.45, _WIDTH, _HEIGHT)
    bare(axes)
    shares = [_shares(item, _area(item, rows), index) for item in rows]
    bottoms = [0.0] * len(rows)
    for kind, colour in {"left": unit_rgb(palette(9)[5]), **{kind: colour for kind, (colour, _) in _KINDS.items()}}.items():
        heights = [100 * share[kind] for share in shares]
        axes.bar(range(len(rows)), heights, bottom=bottoms, color=colour, width=0.8, linewidth=0)
        bottoms = [bottom + height for bottom, height in zip(bottoms, heights, strict=True)]
    axes.set_ylim(0, 100)
    axes.set_xlim(-0.7, len(rows) - 0.3)
    axes.set_ylabel("% of the area", fontsize=8.5, color=INK)
    step = max(1, math.ceil(len(rows) / 32))
    days = [f"{item.scene.datetime:%Y-%m-%d}" for item in rows[::step] if item.scene is not None]
    axes.set_xticks(range(0, len(rows), step), days, rotation=90, fontsize=8)
    _legend(page)
    return page.figure


def _legend(page: Page) -> None:
    left = _SIDE
    for kind, colour in {"left": unit_rgb(palette(9)[5]), **{kind: colour for kind, (colour, _) in _KINDS.items()}}.items():
        page.box(left, 0.0, 0.14, 0.14, colour)
        page.text(left + 0.2, 0.11, kind, size=8.5, color=FAINT)
        left += 0.55 + 0.072 * len(kind)


def _area(item: Acquisition, rows: Sequence[Acquisition]) -> float:
    """Return the pixels of the area on the grid of a scene, from the scenes of that grid that lost some: all have as many."""
    return max((_pixels(other) for other in rows if other.grid == item.grid), default=0.0)


def _pixels(item: Acquisition) -> float:
    lost = sum(item.counts.get(cause, 0) for _, causes in list(_KINDS.values())[:4] for cause in causes)
    return lost / (1 - item.clear_share) if item.clear_share is not None and item.clear_share < 1 else 0.0


def _shares(item: Acquisition, area: float, index: str) -> dict[str, float]:
    found = {
        kind: sum(item.counts.get(f"{cause}{index}" if cause.endswith("_") else cause, 0) for cause in causes) / max(area, 1.0)
        for kind, (_, causes) in _KINDS.items()
    }
    return {"left": max(0.0, 1 - sum(found.values())), **found}
