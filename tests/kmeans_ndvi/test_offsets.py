"""A flag that lies about the offset does not bend the notebook's NDVI either: pixels decide."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from mlbmi import KMeansNDVI
from mlbmi.simulate import Recipe, build

DATES = tuple(dt.date.fromisoformat(day) for day in ("2021-06-02", "2022-03-04", "2022-06-17"))


@pytest.fixture(scope="module")
def ndvi_by_faults(tmp_path_factory):
    """Return the median NDVI of each date of tile 33UUU, with true flags and with wrong ones."""

    def medians(faults):
        reserve = build(tmp_path_factory.mktemp("reserve") / "land", Recipe.small(dates=DATES, faults=faults))
        question = {"start_date": "2021-01-01", "end_date": "2022-12-31", "cloud_cover": 100, "scene_id": "33UUU"}
        notebook = KMeansNDVI(geojson=str(reserve.aoi), catalog=str(reserve.catalog), quiet=True, **question)
        notebook.compute_ndvi_for_all()
        found = notebook.scenes["33UUU"]["R10m"]
        return {str(day): float(np.nanmedian(found[str(day)]["ndvi"])) for day in DATES}

    return medians(()), medians(("wrong-flag",))


def test_ndvi_is_that_of_true_flags(ndvi_by_faults):
    right, wrong = ndvi_by_faults
    assert wrong == pytest.approx(right, abs=1e-6)
    assert all(0.2 < value < 0.9 for value in right.values())
