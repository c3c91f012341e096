"""Fusing the scenes of a day, and counting what each lost, on pixels worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from mlbmi.pipeline import acquire
from mlbmi.types import OffsetDecision

GEOBOX = GeoBox((1, 6), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
RECIPE = acquire.Recipe(
    bands=("red", "nir"),
    indices=("ndvi",),
    keep=(4, 5, 6, 7),
    offsets={"scene": OffsetDecision(add=0, source="given", reason="")},
)
MARGIN = acquire.RINGING_PX
INSIDE = np.array([[True, True, True, True, True, False]])

FIRST = {"red": [1000, 0, 1000, 1000, 0, 1000], "nir": [3000, 3000, 3000, 3000, 0, 3000], "scl": [4, 4, 9, 4, 0, 4]}
SECOND = {"red": [1000] * 6, "nir": [1000, 9000, 9000, 1000, 9000, 9000], "scl": [4, 4, 4, 4, 8, 4]}


@pytest.fixture(autouse=True)
def _scenes_are_their_pixels(monkeypatch):
    def read(scene, bands, _geobox, *, chunks):
        assert chunks is None
        kinds = {name: np.uint8 if name == "scl" else np.uint16 for name in bands}
        around = {name: 4 if name == "scl" else 5000 for name in bands}
        pixels = {
            name: np.pad(np.array([scene.pixels[name]], kinds[name]), MARGIN, constant_values=around[name]) for name in bands
        }
        return xr.Dataset({name: (("y", "x"), values) for name, values in pixels.items()})

    monkeypatch.setattr(acquire, "read_scene", read)


def _add(fused, pixels):
    tally = acquire.SceneTally()
    acquire.add_scene(fused, SimpleNamespace(pixels=pixels, item_id="scene"), GEOBOX, RECIPE, inside=INSIDE, tally=tally)
    return tally


def test_the_first_valid_value_wins_and_gaps_are_filled():
    fused = {"ndvi": np.full((1, 6), np.nan)}
    _add(fused, FIRST)
    np.testing.assert_allclose(fused["ndvi"], [[0.5, np.nan, np.nan, 0.5, np.nan, np.nan]])
    _add(fused, SECOND)
    np.testing.assert_allclose(fused["ndvi"], [[0.5, 0.8, 0.8, 0.5, np.nan, np.nan]])


def test_each_lost_pixel_is_counted_once_under_its_first_cause():
    tally = _add({"ndvi": np.full((1, 6), np.nan)}, FIRST)
    assert tally.pixels == 5
    assert tally.clear == 2
    assert {cause: count for cause, count in tally.causes.items() if count} == {"nodata": 1, "nodata_disagrees": 1, "scl": 1}
    assert tally.clear + sum(tally.causes.values()) == tally.pixels
