"""The charts beside the maps: distributions, centers over time, colour bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlbmi.types import LABEL_NODATA
from mlbmi.write.colours import ramp_rgb
from mlbmi.write.page import FAINT, INK, Page
from mlbmi.write.words import signed, thousands, unit_rgb

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from mlbmi.write.colours import RGB

__all__ = ["center_lines", "cluster_histogram", "colour_bar", "flat_colour_bar", "index_histogram", "observed_bars"]

_BINS = 100
_ROWS = 512
_NUMBERED_LINES = 12


def _bare(axes: Axes, *, left: bool = True) -> None:
    for side in ("top", "right", *(() if left else ("left",))):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(FAINT)
    axes.tick_params(colors=FAINT, labelsize=8.5, labelcolor=INK, left=left, labelleft=left)


def colour_bar(page: Page, place: tuple[float, float, float, float], limits: tuple[float, float], label: str) -> None:
    """Draw an upright colour bar: left, top, width and height in inches."""
    axes = page.axes(*place)
    gradient = ramp_rgb(np.linspace(0, 1, 256))[:, None, :]
    axes.imshow(gradient, extent=(0, 1, *limits), origin="lower", aspect="auto")
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.tick_params(labelsize=8.5, colors=FAINT, labelcolor=INK)
    axes.set_title(label, fontsize=9.5, color=INK, loc="left", pad=6)
    _thin_edges(axes)


def flat_colour_bar(page: Page, place: tuple[float, float, float, float], limits: tuple[float, float], label: str) -> None:
    """Draw a colour bar that lies on its side: left, top, width and height in inches."""
    axes = page.axes(*place)
    axes.imshow(ramp_rgb(np.linspace(0, 1, 256))[None], extent=(*limits, 0, 1), aspect="auto")
    axes.set_yticks([])
    axes.tick_params(labelsize=8.5, colors=FAINT, labelcolor=INK)
    axes.set_ylabel(label, fontsize=9.5, color=INK, rotation=0, ha="right", va="center")
    _thin_edges(axes)


def _thin_edges(axes: Axes) -> None:
    for spine in axes.spines.values():
        spine.set_color(FAINT)
        spine.set_linewidth(0.5)


def _histogram_range(values: NDArray[np.floating]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.05, high + 0.05)


def index_histogram(
    axes: Axes, values: NDArray[np.floating], limits: tuple[float, float], label: str, boundaries: Sequence[float]
) -> None:
    """Draw the distribution of all valid values, each bar in the colour of the map."""
    _bare(axes)
    from matplotlib.collections import PolyCollection

    valid = values[np.isfinite(values)]
    if not valid.size:
        _say_empty(axes)
        return
    counts, edges = np.histogram(valid, bins=_BINS, range=_histogram_range(valid))
    middles = (edges[:-1] + edges[1:]) / 2
    colours = ramp_rgb((middles - limits[0]) / (limits[1] - limits[0])) / 255
    # One collection instead of a hundred bars: an eighth of the time.
    corners = [
        [(left, 0), (left, count), (right, count), (right, 0)]
        for left, right, count in zip(edges, edges[1:], counts, strict=False)
    ]
    axes.add_collection(PolyCollection(corners, facecolors=colours, linewidths=0), autolim=False)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, 1.05 * counts.max())
    for boundary in boundaries:
        axes.axvline(boundary, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    median = float(np.median(valid))
    axes.set_title(
        f"median {signed(median)} · mean {signed(float(valid.mean(dtype=np.float64)))}", fontsize=9.5, color=INK, loc="left"
    )
    _count_axis(axes, label)


def cluster_histogram(
    axes: Axes, values: NDArray[np.floating], labels: NDArray[np.uint8], colours: Sequence[RGB], label: str
) -> None:
    """Draw the distribution of all clustered values, bars of the clusters on top of each other."""
    _bare(axes)
    used = np.isfinite(values) & (labels != LABEL_NODATA)
    if not used.any():
        _say_empty(axes)
        return
    edges = np.linspace(*_histogram_range(values[used]), _BINS + 1)
    base = np.zeros(_BINS)
    for counts, colour in zip(_counts_by_label(values, labels, edges), colours, strict=False):
        if counts.any():
            axes.stairs(base + counts, edges, baseline=base, fill=True, color=unit_rgb(colour), linewidth=0)
        base = base + counts
    axes.set_ylim(bottom=0)
    _count_axis(axes, label)


def _counts_by_label(values: NDArray[np.floating], labels: NDArray[np.uint8], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count the valid values in each bin, for each of 256 labels; by blocks of rows, so that a tile needs no copy of itself."""
    counts = np.zeros(256 * _BINS, dtype=np.int64)
    for start in range(0, len(values), _ROWS):
        some, their = values[start : start + _ROWS], labels[start : start + _ROWS]
        valid = np.isfinite(some)
        bins = ((some[valid] - edges[0]) * (_BINS / (edges[-1] - edges[0]))).astype(np.int64).clip(0, _BINS - 1)
        counts += np.bincount(their[valid].astype(np.int64) * _BINS + bins, minlength=counts.size)
    return counts.reshape(256, _BINS)


def _say_empty(axes: Axes) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, "no valid pixel", ha="center", color=FAINT, transform=axes.transAxes)


def _count_axis(axes: Axes, label: str) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_xlabel(label, fontsize=9.5, color=INK)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda count, _: thousands(count)))
    axes.set_ylabel("pixels", fontsize=9.5, color=INK)


def center_lines(axes: Axes, centers: NDArray[np.float64], dates: Sequence[dt.date], colours: Sequence[RGB], label: str) -> None:
    """Draw each cluster's center over time, a mark per date, its number at the right end."""
    from matplotlib.patheffects import withStroke

    _bare(axes)
    axes.grid(axis="y", color="#e3e6e8", linewidth=0.8)
    axes.set_axisbelow(True)
    days = np.array(dates, dtype="datetime64[D]")
    for row, colour in zip(centers, colours, strict=True):
        known = np.isfinite(row)
        (line,) = axes.plot(days[known], row[known], color=unit_rgb(colour), linewidth=2.0, marker="o", markersize=3.6)
        line.set_markeredgewidth(0)
        # The thin rim keeps the light colours visible on white.
        line.set_path_effects([withStroke(linewidth=2.6, foreground=FAINT)])
    _widen(axes, days)
    _number_lines(axes, days, centers, colours)
    _date_axis(axes)
    axes.set_ylabel(f"{label} of the centers", fontsize=9.5, color=INK)


def _widen(axes: Axes, days: NDArray[np.datetime64]) -> None:
    """Keep a single date, or centers all alike, from blowing the axes up."""
    low, high = axes.get_ylim()
    middle, half = (low + high) / 2, max(high - low, 0.2) / 2
    axes.set_ylim(middle - half, middle + half)
    if len(days) == 1:
        axes.set_xlim(days[0] - np.timedelta64(45, "D"), days[0] + np.timedelta64(45, "D"))


def _number_lines(axes: Axes, days: NDArray[np.datetime64], centers: NDArray[np.float64], colours: Sequence[RGB]) -> None:
    """Write each line's number at its right end, in its colour."""
    ends = sorted((float(row[np.isfinite(row)][-1]), number) for number, row in enumerate(centers) if np.isfinite(row).any())
    if not ends or len(ends) > _NUMBERED_LINES:
        return
    low, high = axes.get_ylim()
    for place, (_, number) in zip(_apart([value for value, _ in ends], (high - low) * 0.082), ends, strict=True):
        axes.annotate(
            str(number),
            (days[-1], place),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            size=8,
            color="white" if sum(colours[number]) < 330 else INK,
            bbox={"boxstyle": "round,pad=0.18", "facecolor": unit_rgb(colours[number]), "edgecolor": FAINT, "linewidth": 0.5},
            annotation_clip=False,
        )


def _apart(values: Sequence[float], least: float) -> list[float]:
    """Move ascending values apart until neighbours differ by ``least``, each group around its own middle.

    Examples
    --------
    >>> [round(value, 2) for value in _apart([0.0, 0.5, 0.5], 0.1)]
    [0.0, 0.45, 0.55]
    """
    groups: list[tuple[float, int]] = []  # middle and size
    for value in values:
        groups.append((value, 1))
        while len(groups) > 1 and _touch(groups[-2], groups[-1], least):
            (high, more), (low, count) = groups.pop(), groups.pop()
            groups.append(((low * count + high * more) / (count + more), count + more))
    return [middle + (place - (count - 1) / 2) * least for middle, count in groups for place in range(count)]


def _touch(low: tuple[float, int], high: tuple[float, int], least: float) -> bool:
    return high[0] - (high[1] - 1) / 2 * least - (low[0] + (low[1] - 1) / 2 * least) < least


def _date_axis(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.get_offset_text().set_fontsize(8.5)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def observed_bars(axes: Axes, lines: Axes, dates: Sequence[dt.date], observed: Sequence[float]) -> None:
    """Draw the share of pixels observed on each date, below the lines and on their axis."""
    _bare(axes)
    axes.sharex(lines)
    axes.vlines(np.array(dates, dtype="datetime64[D]"), 0, [100 * share for share in observed], color=FAINT, linewidth=2.2)
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 100])
    axes.set_ylabel("observed\n%", fontsize=8.5, color=INK)
    _date_axis(axes)
    lines.tick_params(labelbottom=False)
