"""The charts beside the maps: distributions and colour bars."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.types import LABEL_NODATA
from mlbmi.write.page import FAINT, INK, Page
from mlbmi.write.pictures import IndexPicture, level_rgb
from mlbmi.write.words import signed, thousands, unit_rgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from mlbmi.write.colours import RGB

__all__ = ["bare", "cluster_histogram", "colour_bar", "flat_colour_bar", "index_histogram"]

Place = tuple[float, float, float, float]
"""Left, top, width and height in inches."""

_BINS = 100
_ROWS = 512


def bare(axes: Axes) -> None:
    """Leave only the axes below and to the left, faint."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(FAINT)
    axes.tick_params(colors=FAINT, labelsize=8.5, labelcolor=INK)


def colour_bar(page: Page, place: Place, limits: tuple[float, float], label: str) -> None:
    """Draw an upright colour bar: left, top, width and height in inches."""
    left, top, width, height = place
    _gradient(page, place, np.linspace(1, 0, 256)[:, None])
    for value, text in _ticks(limits):
        level = top + height * (limits[1] - value) / (limits[1] - limits[0])
        page.stroke((left + width, left + width + 0.05), (level, level))
        page.text(left + width + 0.09, level, text, size=8.5, va="center_baseline")
    page.text(left, top - 0.09, label)


def flat_colour_bar(page: Page, place: Place, limits: tuple[float, float], label: str) -> None:
    """Draw a colour bar that lies on its side: left, top, width and height in inches."""
    left, top, width, height = place
    _gradient(page, place, np.linspace(0, 1, 256)[None])
    for value, text in _ticks(limits):
        level = left + width * (value - limits[0]) / (limits[1] - limits[0])
        page.stroke((level, level), (top + height, top + height + 0.05))
        page.text(level, top + height + 0.2, text, size=8.5, ha="center")
    page.text(left - 0.1, top + height / 2, label, ha="right", va="center")


def _gradient(page: Page, place: Place, gradient: NDArray[np.float64]) -> None:
    page.box(*place, "none")
    page.map(place[0], place[1], place[2:], IndexPicture(gradient, (0.0, 1.0), np.ones(gradient.shape, bool)))


def _ticks(limits: tuple[float, float]) -> list[tuple[float, str]]:
    """Return round values within limits, and how they are written.

    Examples
    --------
    >>> _ticks((-0.1, 0.32))
    [(-0.1, '−0.1'), (0.0, '0.0'), (0.1, '0.1'), (0.2, '0.2'), (0.3, '0.3')]
    """
    unit, digits = _round_step((limits[1] - limits[0]) / 6)
    numbers = range(math.ceil(limits[0] / unit - 1e-6), math.floor(limits[1] / unit + 1e-6) + 1)
    values = [round(number * unit, digits) for number in numbers]
    return [(value, f"{value:.{digits}f}".replace("-", "−")) for value in values]


def _round_step(least: float) -> tuple[float, int]:
    """Return the smallest of 1, 2, 5 times a power of ten that is no smaller, and the decimals that it needs."""
    power = math.floor(math.log10(least))
    size, power = next((size, more) for more in (power, power + 1) for size in (1, 2, 5) if size * 10.0**more >= least)
    return size * 10.0**power, max(0, -power)


def _histogram_range(values: NDArray[np.floating]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.05, high + 0.05)


def index_histogram(
    page: Page,
    place: Place,
    values: NDArray[np.floating],
    limits: tuple[float, float],
    *,
    label: str,
    boundaries: Sequence[float],
    bins: int = _BINS,
) -> None:
    """Draw the distribution of all valid values, each bar in the colour of the map."""
    valid = values[np.isfinite(values)]
    if not valid.size:
        _say_empty(page, place)
        return
    counts, edges = np.histogram(valid, bins=bins, range=_histogram_range(valid))
    middles = (edges[:-1] + edges[1:]) / 2
    colours = level_rgb((middles - limits[0]) / (limits[1] - limits[0])) / 255
    corners = [
        [(left, 0), (left, count), (right, count), (right, 0)]
        for left, right, count in zip(edges, edges[1:], counts, strict=False)
    ]
    _bars(page, place, edges, counts, corners, colours=colours, label=label)
    for boundary in boundaries:
        at = place[0] + place[2] * (boundary - edges[0]) / (edges[-1] - edges[0])
        page.stroke((at, at), (place[1], place[1] + place[3]), color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    median, mean = float(np.median(valid)), float(valid.mean(dtype=np.float64))
    page.text(place[0], place[1] - 0.08, f"median {signed(median)} · mean {signed(mean)}")


def cluster_histogram(
    page: Page,
    place: Place,
    values: NDArray[np.floating],
    labels: NDArray[np.uint8],
    *,
    colours: Sequence[RGB],
    label: str,
) -> None:
    """Draw the distribution of all clustered values, bars of the clusters on top of each other."""
    used = np.isfinite(values) & (labels != LABEL_NODATA)
    if not used.any():
        _say_empty(page, place)
        return
    edges = np.linspace(*_histogram_range(values[used]), _BINS + 1)
    counts = _counts_by_label(values, labels, edges)[: len(colours)]
    tops = np.cumsum(counts, axis=0)
    present = np.flatnonzero(counts.any(axis=1)).tolist()
    corners = [_outline(edges, tops[number] - counts[number], tops[number]) for number in present]
    shown = [unit_rgb(colours[number]) for number in present]
    _bars(page, place, edges, tops[-1], corners, colours=shown, label=label)


def _bars(
    page: Page,
    place: Place,
    edges: NDArray[np.float64],
    counts: NDArray[np.int64],
    corners: Any,
    *,
    colours: Any,
    label: str,
) -> None:
    """Draw polygons of values and counts, and axes around them.

    Axes of matplotlib's own, of which every date needs one, would take more time than all else on its page.
    """
    from matplotlib.collections import PolyCollection
    from matplotlib.transforms import Affine2D, BboxTransformTo

    left, top, width, height = place
    low, high, most = float(edges[0]), float(edges[-1]), 1.05 * float(counts.max())
    data = Affine2D().translate(-low, 0).scale(1 / (high - low), 1 / most)
    polygons = PolyCollection(corners, facecolors=colours, linewidths=0, antialiaseds=False)
    polygons.set_transform(data + BboxTransformTo(page.bbox(*place)) + page.figure.transFigure)
    page.figure.add_artist(polygons)
    for value, text in _ticks((low, high)):
        at = left + width * (value - low) / (high - low)
        page.stroke((at, at), (top + height, top + height + 0.05))
        page.text(at, top + height + 0.19, text, size=8.5, ha="center")
    step = max(1, round(_round_step(most / 6)[0]))
    levels = {count: thousands(count) for count in range(0, int(most) + 1, step)}
    for count, text in levels.items():
        at = top + height * (1 - count / most)
        page.stroke((left - 0.05, left), (at, at))
        page.text(left - 0.09, at, text, size=8.5, ha="right", va="center_baseline")
    page.stroke((left, left, left + width), (top, top + height, top + height))
    page.text(left + width / 2, top + height + 0.39, label, ha="center")
    beside = 0.24 + 0.075 * max(map(len, levels.values()))  # a digit's width, the widest text's length
    page.text(left - beside, top + height / 2, "pixels", ha="center", va="center", rotation=90)


def _outline(edges: NDArray[np.float64], bottoms: NDArray[np.int64], tops: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the corners of bars that stand side by side, there above and back below."""
    there = np.repeat(edges, 2)[1:-1]
    above, below = np.repeat(tops, 2), np.repeat(bottoms, 2)
    return np.concatenate([np.column_stack([there, above]), np.column_stack([there, below])[::-1]])


def _counts_by_label(values: NDArray[np.floating], labels: NDArray[np.uint8], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count the valid values in each bin, for each of 256 labels; by blocks of rows, so that a tile needs no copy of itself."""
    counts = np.zeros(256 * _BINS, dtype=np.int64)
    for start in range(0, len(values), _ROWS):
        some, their = values[start : start + _ROWS], labels[start : start + _ROWS]
        valid = np.isfinite(some)
        bins = ((some[valid] - edges[0]) * (_BINS / (edges[-1] - edges[0]))).astype(np.int64).clip(0, _BINS - 1)
        counts += np.bincount(their[valid].astype(np.int64) * _BINS + bins, minlength=counts.size)
    return counts.reshape(256, _BINS)


def _say_empty(page: Page, place: Place) -> None:
    page.text(place[0] + place[2] / 2, place[1] + place[3] / 2, "no valid pixel", ha="center", color=FAINT)
