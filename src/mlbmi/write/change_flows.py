"""The figure of transitions: how much went from which cluster to which, as a matrix and as flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.write.change_plot import Amounts, change_colours, season_words
from mlbmi.write.colours import palette, ramp_rgb
from mlbmi.write.page import FAINT, INK, Frame, Page
from mlbmi.write.tables import cluster_names
from mlbmi.write.words import share, short, unit_rgb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from mlbmi.types import Change
    from mlbmi.write.colours import RGB

__all__ = ["transitions_figure"]

_CELLS = 20  # clusters up to which the matrix has room for numbers
_BAR = 0.05  # width of the bars at both ends of the flows, as a share of the chart's


def transitions_figure(
    change: Change, geobox: GeoBox, *, title: str, names: Sequence[str] | None = None, credit: str = ""
) -> Figure:
    """Draw how much went from which cluster to which between the first and the last date: a matrix, and flows.

    Parameters
    ----------
    change : Change
        What to draw.
    geobox : GeoBox
        Its grid.
    title : str
        What, where and when.
    names : sequence of str, optional
        Of the clusters, by label.
    credit : str
        Credit for the data, at the foot.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If names and clusters differ in number.
    """
    k, matrix = change.n_clusters, _ends_matrix(change)
    amounts = Amounts.of(geobox, int(matrix.sum()))
    shown = [f"{number} · {short(name, 22)}" for number, name in enumerate(cluster_names(names, k))]
    names_width, side = 0.35 + 0.075 * max(len(name) for name in shown), min(6.0, 0.82 * (k + 1))
    height = max(side + 0.75, 4.6)
    total, changed = int(matrix.sum()), int(matrix.sum() - matrix.trace())
    ground = f"{amounts.text(total)} {amounts.unit}" if total else "no pixel"
    page = Page(
        names_width + side + 1.1 + 6.0,
        height,
        title=title,
        subtitle=f"{ground} labelled on both dates; {share(changed, total)} changed{season_words(change.dates)}",
        caption=Frame.of(geobox).caption,
        credit=credit,
    )
    _matrix(page.axes(names_width, 0.55, side, side), change, matrix, shown, amounts)
    flows = page.axes(names_width + side + 1.1 + 0.85, 0.55, 6.0 - 1.7, height - 0.75)
    _flows(flows, change, matrix, amounts)
    return page.figure


def _ends_matrix(change: Change) -> NDArray[np.int64]:
    """Return the transitions between the first and the last date: rows from, columns to."""
    matrix = np.zeros((change.n_clusters, change.n_clusters), np.int64)
    for step in change.transitions:
        if (step.from_date, step.to_date) == (change.dates[0], change.dates[-1]):
            matrix[step.from_cluster, step.to_cluster] = step.pixels
    return matrix


def _matrix(axes: Axes, change: Change, matrix: NDArray[np.int64], names: Sequence[str], amounts: Amounts) -> None:
    """Draw the matrix with its sums: colour is the share of the old cluster, numbers are areas."""
    k = len(matrix)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    cells = np.full((k + 1, k + 1, 3), 255, np.uint8)
    cells[:k, :k][matrix > 0] = ramp_rgb(shares[matrix > 0])
    axes.imshow(cells, interpolation="nearest")
    axes.set_xticks(range(k + 1), [*(str(number) for number in range(k)), "sum"])
    axes.set_yticks(range(k + 1), [*names, "sum"])
    axes.tick_params(length=0, labelsize=9, labelcolor=INK, top=True, bottom=False, labeltop=True, labelbottom=False)
    axes.set_xlabel(f"colour: share of the old cluster, 0 to 100 %; numbers: {amounts.unit}", fontsize=8.5, color=FAINT)
    axes.set_title(f"from {change.dates[0]} (rows) to {change.dates[-1]} (columns)", fontsize=9.5, color=INK, loc="left", pad=7)
    axes.set_xticks(np.arange(k) + 0.5, minor=True)
    axes.set_yticks(np.arange(k) + 0.5, minor=True)
    axes.grid(which="minor", color="#d5dadd", linewidth=0.6)
    axes.tick_params(which="minor", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if k <= _CELLS:
        _cell_numbers(axes, matrix, cells, amounts)


def _cell_numbers(axes: Axes, matrix: NDArray[np.int64], cells: NDArray[np.uint8], amounts: Amounts) -> None:
    whole = np.pad(matrix, (0, 1))
    whole[-1] = whole.sum(axis=0)
    whole[:, -1] = whole.sum(axis=1)
    texts = [[amounts.text(count) if count else "–" for count in row] for row in whole.tolist()]
    inches = axes.get_position().width * axes.get_figure().get_size_inches()[0] / len(whole)  # type: ignore[union-attr]
    size = min(9.0, 0.92 * inches * 72 / (0.62 * max(len(text) for row in texts for text in row)))
    for (row, column), _ in np.ndenumerate(whole):
        dark = int(cells[row, column].sum()) < 330
        weight = "bold" if row == column < len(matrix) else "normal"
        colour = "white" if dark else FAINT if len(matrix) in {row, column} else INK
        axes.text(column, row, texts[row][column], ha="center", va="center", size=size, color=colour, weight=weight)


def _flows(axes: Axes, change: Change, matrix: NDArray[np.int64], amounts: Amounts) -> None:
    """Draw bars of the clusters on both dates, and between them bands as wide as what went from one to the other."""
    from matplotlib.patches import PathPatch

    total = max(int(matrix.sum()), 1)
    gap = 0.015 * total
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(total + gap * (len(matrix) - 1), 0)
    for band, colour in _bands(matrix, gap):
        axes.add_patch(PathPatch(band, facecolor=unit_rgb(colour), edgecolor="none", alpha=0.9))
    for left, sums, side in ((0.0, matrix.sum(axis=1), "right"), (1 - _BAR, matrix.sum(axis=0), "left")):
        _bars(axes, sums, gap, amounts, left=left, side=side)
    axes.text(0, 1.02, str(change.dates[0]), transform=axes.transAxes, size=9.5, color=INK, weight="bold")
    axes.text(1, 1.02, str(change.dates[-1]), transform=axes.transAxes, size=9.5, color=INK, weight="bold", ha="right")


def _bars(axes: Axes, sums: NDArray[np.int64], gap: float, amounts: Amounts, *, left: float, side: str) -> None:
    tops = _tops(sums, gap)
    axes.bar(
        left + _BAR / 2,
        sums,
        _BAR,
        bottom=tops,
        color=[unit_rgb(colour) for colour in palette(len(sums))],
        edgecolor=FAINT,
        lw=0.5,
    )
    least = 0.028 * abs(axes.get_ylim()[0])  # a line of text needs so much
    for number, (top, count) in enumerate(zip(tops, sums.tolist(), strict=True)):
        if count >= least:
            place = -0.015 if side == "right" else 1.015
            text = f"{number}: {amounts.text(count)} {amounts.unit}"
            axes.text(place, top + count / 2, text, ha=side, va="center", size=8.5, color=INK)


def _tops(sums: NDArray[Any], gap: float) -> NDArray[np.float64]:
    ends = np.cumsum(sums + gap)
    tops: NDArray[np.float64] = ends - sums - gap
    return tops


def _bands(matrix: NDArray[np.int64], gap: float) -> Iterator[tuple[Any, RGB]]:
    """Yield each band's outline and colour; those of clusters that stayed come first, below all others."""
    from matplotlib.path import Path as Outline

    starts = _tops(matrix.sum(axis=1), gap)[:, None] + np.cumsum(matrix, axis=1) - matrix
    ends = _tops(matrix.sum(axis=0), gap)[None, :] + np.cumsum(matrix, axis=0) - matrix
    colours = change_colours(len(matrix))
    curve = [Outline.MOVETO, *[Outline.CURVE4] * 3, Outline.LINETO, *[Outline.CURVE4] * 3, Outline.CLOSEPOLY]
    for a, b in sorted(np.argwhere(matrix).tolist(), key=lambda pair: pair[0] != pair[1]):
        wide, y, z = int(matrix[a, b]), float(starts[a, b]), float(ends[a, b])
        upper = [(_BAR, y), (0.5, y), (0.5, z), (1 - _BAR, z)]
        lower = [(1 - _BAR, z + wide), (0.5, z + wide), (0.5, y + wide), (_BAR, y + wide)]
        yield Outline([*upper, *lower, (_BAR, y)], curve), colours[a * len(matrix) + b]
