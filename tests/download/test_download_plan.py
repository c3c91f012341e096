"""Where files go in the store."""

from __future__ import annotations

import dataclasses

import mlbmi
from mlbmi.download import Store, download, wanted_assets
from mlbmi.simulate import Recipe, build


def test_parts_of_a_split_granule_have_places_of_their_own(tmp_path):
    simulation = build(tmp_path / "small", Recipe.small())
    first, last = simulation.recipe.dates[0], simulation.recipe.dates[-1]
    scene = mlbmi.search(mlbmi.AOI.from_file(simulation.aoi), start=first, end=last, catalog=str(simulation.catalog))[0]
    part = dataclasses.replace(scene, item_id="another_part", sequence=1)
    paths = [asset.path for asset in wanted_assets([scene, part], ("red", "scl"))]
    start = f"{scene.collection}/{scene.tile}"
    assert paths == [
        f"{start}/R10m/{scene.date}/red.tif",
        f"{start}/R20m/{scene.date}/scl.tif",
        f"{start}/R10m/{scene.date}/another_part/red.tif",
        f"{start}/R20m/{scene.date}/another_part/scl.tif",
    ]
    assert [asset.path for asset in wanted_assets([scene, scene], ("red",))] == paths[:1]


def test_the_checksum_that_an_item_states_is_asked_of_its_file(tmp_path):
    """The simulation states true ones; a wrong one must make the file be refused."""
    simulation = build(tmp_path / "small", Recipe.small(dialect="cdse"))
    first, last = simulation.recipe.dates[0], simulation.recipe.dates[-1]
    found = mlbmi.search(mlbmi.AOI.from_file(simulation.aoi), start=first, end=last, catalog=str(simulation.catalog))
    scene = found[0]
    (wanted,) = wanted_assets([scene], ("red",))
    assert wanted.checksum == scene.assets["red"].checksum != ""
    wrong = dataclasses.replace(wanted, checksum=wanted.checksum[:-1] + ("0" if wanted.checksum[-1] != "0" else "1"))
    (good,) = download([wanted], Store(tmp_path / "store"))
    (bad,) = download([wrong], Store(tmp_path / "other"))
    assert good.state in {"downloaded", "copied"}
    assert bad.state == "failed"
    assert "checksum" in bad.error.lower() or "sha" in bad.error.lower()
