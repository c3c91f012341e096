"""What the outlier test did: series of some pixels before and after, and how many values went on each date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlbmi.write.charts import bare
from mlbmi.write.lines import date_axis
from mlbmi.write.page import FAINT, INK, Page
from mlbmi.write.pictures import level_rgb
from mlbmi.write.words import share

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from mlbmi.types import OutlierExample

__all__ = ["outliers_figure"]

_WIDTH, _HEIGHT, _ROW = 5.6, 1.7, 2.35
_LOST = "#b3261e"


def outliers_figure(
    examples: Sequence[OutlierExample],
    dates: Sequence[dt.date],
    counts: Sequence[int],
    observed: Sequence[int],
    *,
    label: str,
    title: str,
    credit: str = "",
) -> Figure:
    """Draw up to four series with what was taken out of them, and the share taken out by date.

    Parameters
    ----------
    examples : sequence of OutlierExample
        Pixels with outliers; the first four are drawn.
    dates : sequence of datetime.date
        Of the series.
    counts, observed : sequence of int
        By date: outliers, and values that were left.
    label : str
        Name of the index, for axes.
    title : str
        What, where and when.
    credit : str
        Credit for the data, at the foot.

    Returns
    -------
    matplotlib.figure.Figure
    """
    shown = list(examples[:4])
    rows = (len(shown) + 1) // 2
    total = sum(counts) + sum(observed)
    subtitle = f"{sum(counts):,} of {total:,} values are outliers, and missing: {share(sum(counts), total)}"
    caption = "before: dashed · outliers: crossed"
    page = Page(2 * _WIDTH + 1.5, (rows + 1) * _ROW - 0.2, title=title, subtitle=subtitle, caption=caption, credit=credit)
    days = np.array(dates, dtype="datetime64[D]")
    for place, example in enumerate(shown):
        row, column = divmod(place, 2)
        _series(page.axes(0.6 + column * (_WIDTH + 0.9), 0.25 + row * _ROW, _WIDTH, _HEIGHT), days, example, label)
    _by_date(page.axes(0.6, 0.25 + rows * _ROW, 2 * _WIDTH + 0.9, _HEIGHT), days, counts, observed)
    return page.figure


def _series(axes: Axes, days: NDArray[np.datetime64], example: OutlierExample, label: str) -> None:
    bare(axes)
    seen, out = np.isfinite(example.values), example.outlying
    kept, green = seen & ~out, level_rgb(np.array([0.75]))[0] / 255
    axes.plot(days[seen], example.values[seen], color=FAINT, linewidth=0.9, linestyle=(0, (3, 2)), label="before")
    axes.plot(days[kept], example.values[kept], color=green, linewidth=2, marker="o", markersize=4, label="after")
    axes.plot(days[out], example.values[out], color=_LOST, linestyle="none", marker="x", markersize=8, mew=2, label="outlier")
    axes.set_title(f"pixel in row {example.row}, column {example.column}", fontsize=9, color=INK, loc="left")
    axes.set_ylabel(label, fontsize=9, color=INK)
    axes.legend(fontsize=8, frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, handlelength=1.6)
    date_axis(axes)


def _by_date(axes: Axes, days: NDArray[np.datetime64], counts: Sequence[int], observed: Sequence[int]) -> None:
    bare(axes)
    shares = [100 * lost / max(lost + left, 1) for lost, left in zip(counts, observed, strict=True)]
    axes.vlines(days, 0, shares, color=_LOST, linewidth=3)
    axes.set_title("outliers by date", fontsize=9, color=INK, loc="left")
    axes.set_ylabel("% of the clear values", fontsize=9, color=INK)
    axes.set_ylim(0, max(1.0, 1.08 * max(shares, default=0)))
    date_axis(axes)
