"""A small simulated reserve, asked as the original notebook asked: January 2020, at most 1 % of cloud."""

from __future__ import annotations

import logging

import pytest

from mlbmi import KMeansNDVI
from mlbmi.simulate import Recipe, build

BANDS = ("green", "red", "rededge1", "rededge3", "nir")


@pytest.fixture(scope="session")
def reserve(tmp_path_factory):
    return build(tmp_path_factory.mktemp("notebook") / "reserve", Recipe.small(bands=BANDS))


@pytest.fixture(scope="session")
def settings(reserve):
    return {"geojson": str(reserve.aoi), "catalog": str(reserve.catalog), "quiet": True}


@pytest.fixture(scope="session")
def walked(settings):
    """Do every step, in the notebook's order."""
    notebook = KMeansNDVI(**settings)
    notebook.download_and_acquire_images()
    notebook.load_data_into_struct()
    notebook.compute_ndvi_for_all()
    notebook.allocate_ndvi_timeseries()
    notebook.compute_spatial_kmeans()
    notebook.compute_temporal_kmeans()
    return notebook


@pytest.fixture
def said(caplog):
    """Return what messages said, of a level."""
    caplog.set_level(logging.DEBUG, logger="mlbmi.notebook")

    def texts(level):
        return [record.getMessage() for record in caplog.records if record.levelname == level and record.name == "mlbmi.notebook"]

    return texts
