"""A number is chosen on the same pixels and features that are then clustered."""

from __future__ import annotations

import datetime as dt

import pytest

from mlbmi.config import RunConfig
from mlbmi.pipeline import clusterings
from mlbmi.pipeline.clusterings import Clusterer, tasks_of
from mlbmi.types import KSelection


@pytest.mark.parametrize(
    ("mode", "least", "date"),
    [("images", None, None), ("timeseries", 7, None), ("located", 7, None), ("bands", None, dt.date(2020, 1, 9))],
)
def test_what_is_asked_of_the_choice_is_what_will_be_clustered(mode, least, date, monkeypatch):
    asked = []

    def select(_data, k_range, **options):
        asked.append((list(k_range), options))
        return KSelection(mode=mode, index="", n_clusters=4, reason="because", scores=(), sample=0, seed=0)

    monkeypatch.setattr(clusterings, "select_n_clusters", select)
    config = RunConfig(
        aoi="a.geojson",
        start="2020-01-01",
        end="2020-02-01",
        n_clusters="auto",
        k_range=(3, 5),
        mode=(mode,),
        min_observations=7,
        bands_date="2020-01-09",
        scaling="robust",
        quantile_range=(10, 90),
        seed=5,
    )
    (task,) = tasks_of(config)
    clusterer = Clusterer(config)
    assert [clusterer._number(task, None) for _ in range(2)] == [4, 4]
    ((k_range, options),) = asked
    assert k_range == [3, 4, 5]
    assert options == {
        "mode": mode,
        "seed": 5,
        "scaling": "robust",
        "quantile_range": (10.0, 90.0),
        "min_observations": least,
        "date": date,
    }
    assert clusterer.reason(task) == "because"
