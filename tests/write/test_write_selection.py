"""The table and the figure of a choice of the number of clusters."""

from __future__ import annotations

import csv
import dataclasses

import numpy as np
import pandas as pd
import pytest

from mlbmi.errors import WriteError
from mlbmi.types import KScores, KSelection
from mlbmi.write.page import save_figure
from mlbmi.write.selection import write_selection
from mlbmi.write.selection_plot import selection_figure

NAN = float("nan")


def _scores(k):
    one = k == 1
    return KScores(
        n_clusters=k,
        sse=123456.789 / k,
        silhouette=NAN if one else 0.5 + 0.1 / k,
        silhouette_sd=NAN if one else 0.01,
        calinski_harabasz=NAN if one else 250_000.0 * k,
        davies_bouldin=NAN if one else (float("inf") if k == 4 else 1 / k),
        gap=-0.25 + k / 10,
        gap_sd=0.02,
        stability=NAN if one else 1 - k / 20,
    )


@pytest.fixture
def selection():
    scores = tuple(_scores(k) for k in (3, 1, 2, 4))
    return KSelection(
        mode="timeseries", index="ndvi", n_clusters=3, reason="3 clusters: because", scores=scores, sample=20_000, seed=7
    )  # fmt: skip


def test_table_by_hand(tmp_path, selection):
    path = write_selection(tmp_path / "new" / "selection_timeseries_ndvi.csv", selection)
    text = path.read_bytes().decode()
    assert text.splitlines()[0] == (
        "n_clusters,sse,silhouette,silhouette_sd,calinski_harabasz,davies_bouldin,gap,gap_sd,stability,chosen"
    )
    assert text.count("\r\n") == 5
    rows = list(csv.reader(text.splitlines()))[1:]
    assert rows[0] == ["1", "123456.789", "", "", "", "", "-0.15", "0.02", "", "false"]
    assert rows[2] == ["3", "41152.263", "0.533333333", "0.01", "750000", "0.333333333", "0.05", "0.02", "0.85", "true"]
    assert rows[3][5] == "", "infinite is no number that a table's reader knows"


def test_every_field_comes_back(tmp_path, selection):
    frame = pd.read_csv(write_selection(tmp_path, selection))
    assert (tmp_path / "selection_timeseries_ndvi.csv").is_file()
    assert frame["chosen"].tolist() == [False, False, True, False]
    for row, known in zip(frame.itertuples(), sorted(selection.scores, key=lambda row: row.n_clusters), strict=True):
        for name, value in dataclasses.asdict(known).items():
            assert np.isclose(getattr(row, name), value if np.isfinite(value) else NAN, rtol=1e-8, equal_nan=True), name


def test_a_table_that_cannot_be_written(tmp_path, selection):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError):
        write_selection(tmp_path / "file" / "table.csv", selection)


def test_figure_shows_scores_errors_and_the_choice(tmp_path, selection):
    figure = selection_figure(selection)
    texts = " ".join(text.get_text() for text in figure.texts)
    for words in ("ndvi · timeseries", "Chosen: 3", "3 clusters: because", "20,000"):
        assert words in texts.replace("\N{NARROW NO-BREAK SPACE}", ",").replace("\N{THIN SPACE}", ","), words
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Sum of squared errors",
        "Silhouette",
        "Stability",
        "Calinski–Harabasz",
        "Davies–Bouldin",
        "Gap statistic",
    ]
    silhouette = figure.axes[1]
    curve = next(line for line in silhouette.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 2)
    assert np.asarray(curve.get_xdata()).tolist() == [2, 3, 4], "one cluster has no silhouette"
    assert np.allclose(curve.get_ydata(), [0.55, 0.5 + 0.1 / 3, 0.525])
    (bars,) = silhouette.containers
    assert np.allclose([np.diff(segment[:, 1])[0] for segment in bars[2][0].get_segments()], 0.02)
    for axes in figure.axes:
        assert any(np.asarray(line.get_xdata()).tolist() == [3, 3] for line in axes.lines), "the number chosen is marked"
    path = save_figure(figure, tmp_path / "a.png")
    assert path.read_bytes() == save_figure(selection_figure(selection), tmp_path / "b.png").read_bytes()


def test_figure_of_one_number(selection):
    single = dataclasses.replace(selection, scores=(_scores(1),), n_clusters=1)
    figure = selection_figure(single, title="My reserve, $5", credit="Copernicus")
    assert "not defined here" in [text.get_text() for text in figure.axes[1].texts]
    assert {"My reserve, $5", "Copernicus"} <= {text.get_text() for text in figure.texts}


def test_long_reasons_stay_on_the_page(selection):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = selection_figure(dataclasses.replace(selection, reason="the highest silhouette of all " * 30))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width = figure.get_figwidth() * figure.dpi
    top = max(axes.get_tightbbox().y1 for axes in figure.axes)
    for text in figure.texts:
        box = text.get_window_extent()
        assert box.x1 <= width
        assert not text.get_text().startswith("the highest") or box.y0 >= top, "no line lies on a chart"
