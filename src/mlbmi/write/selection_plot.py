"""The figure of a choice of the number of clusters: a small chart for each score, the number chosen marked in all."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlbmi.write.charts import bare
from mlbmi.write.colours import palette
from mlbmi.write.page import FAINT, INK, Page
from mlbmi.write.words import thousands, unit_rgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from mlbmi.types import KScores, KSelection

__all__ = ["selection_figure"]

_WIDTH, _HEIGHT, _COLUMNS = 3.6, 1.75, 3
_ROW, _SIDE = 2.55, 0.55
_LINE, _LETTERS = 0.2, 160


class _Chart(NamedTuple):
    """A score as it is drawn: its field, that of its error or none, title, and what is good."""

    name: str
    error: str
    title: str
    good: str


_CHARTS = (
    _Chart("sse", "", "Sum of squared errors", "look for a bend"),
    _Chart("silhouette", "silhouette_sd", "Silhouette", "higher is better"),
    _Chart("stability", "", "Stability", "higher is better"),
    _Chart("calinski_harabasz", "", "Calinski–Harabasz", "higher is better"),
    _Chart("davies_bouldin", "", "Davies–Bouldin", "lower is better"),
    _Chart("gap", "gap_sd", "Gap statistic", "higher is better"),
)


def selection_figure(selection: KSelection, *, title: str = "", credit: str = "") -> Figure:
    """Draw the scores over the number of clusters; bars are plus and minus one standard error.

    Parameters
    ----------
    selection : KSelection
    title : str
        What, where and when; mode and index if empty.
    credit : str
        Credit for the data, at the foot.

    Returns
    -------
    matplotlib.figure.Figure
    """
    lines = textwrap.wrap(selection.reason, _LETTERS)
    top = _LINE * len(lines) + 0.45
    page = Page(
        _COLUMNS * _WIDTH + (_COLUMNS - 1) * _SIDE + _SIDE,
        top + math.ceil(len(_CHARTS) / _COLUMNS) * _ROW - 0.25,
        title=title or f"How many clusters? {selection.index} · {selection.mode}",
        subtitle=f"Chosen: {selection.n_clusters}",
        caption=f"squared errors over all pixels, all else on a sample of {thousands(selection.sample)} · seed {selection.seed}",
        credit=credit,
    )
    for place, line in enumerate(lines):
        page.text(0, 0.1 + _LINE * place, line)
    for place, chart in enumerate(_CHARTS):
        row, column = divmod(place, _COLUMNS)
        axes = page.axes(_SIDE + column * (_WIDTH + _SIDE), top + row * _ROW, _WIDTH, _HEIGHT)
        _draw(axes, chart, selection)
    return page.figure


def _draw(axes: Axes, chart: _Chart, selection: KSelection) -> None:
    bare(axes)
    axes.grid(axis="y", color="#e3e6e8", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title(chart.title, fontsize=9.5, color=INK, loc="left", weight="bold", parse_math=False)
    axes.set_title(chart.good, fontsize=8.5, color=FAINT, loc="right")
    scores = sorted(selection.scores, key=lambda row: row.n_clusters)
    values = _column(scores, chart.name)
    if np.isfinite(values).any():
        _lines(axes, scores, values, _column(scores, chart.error) if chart.error else None, selection.n_clusters)
        _value_axis(axes)
    else:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "not defined here", ha="center", color=FAINT, transform=axes.transAxes)
    _number_axis(axes, scores)


def _lines(
    axes: Axes, scores: Sequence[KScores], values: NDArray[np.float64], errors: NDArray[np.float64] | None, chosen: int
) -> None:
    numbers = np.array([row.n_clusters for row in scores])
    known = np.isfinite(values)
    colour = unit_rgb(palette(9)[5])
    axes.axvline(chosen, color=unit_rgb(palette(9)[2]), linewidth=5, alpha=0.35, zorder=0.5)
    if errors is not None:
        bars = np.where(np.isfinite(errors), errors, 0.0)
        axes.errorbar(numbers[known], values[known], bars[known], fmt="none", ecolor=FAINT, elinewidth=1.2, capsize=2.5)
    axes.plot(numbers[known], values[known], color=colour, linewidth=1.6, marker="o", markersize=4.2, markeredgewidth=0)
    at = known & (numbers == chosen)
    axes.plot(numbers[at], values[at], color=colour, marker="o", markersize=8.5, markeredgecolor=INK, linestyle="none")


def _value_axis(axes: Axes) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(5))
    if max(abs(end) for end in axes.get_ylim()) >= 10_000:
        axes.yaxis.set_major_formatter(EngFormatter(sep="\N{NARROW NO-BREAK SPACE}"))


def _number_axis(axes: Axes, scores: Sequence[KScores]) -> None:
    from matplotlib.ticker import MaxNLocator

    numbers = [row.n_clusters for row in scores]
    axes.set_xlim(min(numbers) - 0.6, max(numbers) + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    axes.set_xlabel("number of clusters", fontsize=8.5, color=INK, labelpad=1)


def _column(scores: Sequence[KScores], name: str) -> NDArray[np.float64]:
    return np.array([getattr(row, name) for row in scores], dtype=np.float64)
