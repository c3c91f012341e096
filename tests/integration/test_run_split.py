"""A granule that comes as two items, north and south: the run must not be told from one where it came whole."""

from __future__ import annotations

import csv
import dataclasses

import numpy as np
import pytest

import mlbmi
from mlbmi.errors import InputError
from mlbmi.pipeline import plan
from mlbmi.simulate import Recipe, build


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulation")
    return [build(folder / name, Recipe.small(faults=faults)) for name, faults in (("whole", ()), ("split", ("split",)))]


def found_in(simulation):
    aoi = mlbmi.AOI.from_file(simulation.aoi)
    dates = simulation.recipe.dates
    return aoi, mlbmi.search(aoi, start=dates[0], end=dates[-1], catalog=str(simulation.catalog))


def test_both_parts_are_found_and_loaded_as_one_image(pair):
    whole, split = pair
    aoi, scenes = found_in(split)
    assert len(split.faults) == 2
    assert set(split.faults) <= {scene.item_id for scene in scenes}
    assert not scenes.left_out
    cube, expected = mlbmi.load(scenes, aoi)["ndvi"], mlbmi.load(found_in(whole)[1], aoi)["ndvi"]
    np.testing.assert_array_equal(cube.values, expected.values)
    one_part = [scene for scene in scenes if scene.item_id != min(split.faults)]
    assert not np.array_equal(mlbmi.load(one_part, aoi)["ndvi"].values, expected.values, equal_nan=True), "the test sees nothing"


@pytest.mark.parametrize("grid", ["mosaic", "tile"])
def test_a_run_on_a_split_granule_writes_the_maps_of_the_whole_one(pair, tmp_path, grid):
    written = []
    for name, simulation in zip(("whole", "split"), pair, strict=True):
        dates = simulation.recipe.dates
        settings = {"aoi": simulation.aoi, "start": dates[0], "end": dates[-1], "catalog": str(simulation.catalog), "grid": grid}
        config = mlbmi.RunConfig(**settings, mode=("images",), figures=False, n_clusters=3, out=tmp_path / name)
        if name == "split":
            days = [day for part in plan(config).grids for day in part.days]
            assert any(set(simulation.faults) <= {scene.item_id for scene in day.scenes} for day in days)
        mlbmi.run(config)
        written.append({str(path.relative_to(tmp_path / name)): path.read_bytes() for path in (tmp_path / name).rglob("*.tif")})
    assert written[0].keys() == written[1].keys()
    assert written[0] == written[1]
    with (tmp_path / "split" / "acquisitions.csv").open(newline="") as file:
        status = {row["item_id"]: row["status"] for row in csv.DictReader(file)}
    assert {status[item] for item in pair[1].faults} == {"used"}


def test_duplicates_given_by_hand_are_refused(pair):
    aoi, scenes = found_in(pair[1])
    with pytest.raises(InputError, match="both show tile"):
        mlbmi.load([*scenes, dataclasses.replace(scenes[0], item_id="S2A_again")], aoi)
