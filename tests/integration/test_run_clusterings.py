"""What a run clusters: four feature spaces, a number chosen by the data, numbers that stay, change, and models applied."""

from __future__ import annotations

import csv
import datetime as dt
import json

import numpy as np
import pytest
import rasterio
from sklearn.metrics import adjusted_rand_score

import mlbmi
from mlbmi.errors import ConfigError, InputError
from mlbmi.pipeline import period_of_model, settings_of_model
from mlbmi.simulate import Recipe, build


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return build(tmp_path_factory.mktemp("simulation") / "small", Recipe.small())


def configure(simulation, out, **changes):
    dates = simulation.recipe.dates
    settings = {
        "aoi": simulation.aoi,
        "start": dates[0],
        "end": dates[-1],
        "catalog": str(simulation.catalog),
        "n_clusters": 4,
        "figures": False,
        "out": out,
    }
    return mlbmi.RunConfig(**(settings | changes))


@pytest.fixture(scope="module")
def finished(small, tmp_path_factory):
    modes = ("images", "timeseries", "located", "bands")
    out = tmp_path_factory.mktemp("run") / "out"
    return mlbmi.run(configure(small, out, mode=modes, bands=("red", "nir"), figures=True))


def read(path):
    with rasterio.open(path) as raster:
        return raster.read(1)


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_feature_space_has_its_map_model_and_figure(finished):
    for stem in ("timeseries_ndvi", "located_ndvi", "bands_red-nir"):
        labels = read(finished.out / "mosaic" / f"{stem}_k4.tif")
        assert set(np.unique(labels)) <= {0, 1, 2, 3, 255}
        assert len(np.unique(labels)) == 5
        assert (finished.out / "mosaic" / "figures" / f"{stem}_k4.png").stat().st_size > 10_000
        model = mlbmi.read_model(finished.out / f"model_{stem}_k4.json")
        assert model.n_clusters == 4
    assert mlbmi.read_model(finished.out / "model_bands_red-nir_k4.json").features == ("red", "nir")
    assert mlbmi.read_model(finished.out / "model_located_ndvi_k4.json").features[-2:] == ("x", "y")


def test_bands_are_in_the_cube_but_have_no_maps_of_their_own(finished):
    import xarray as xr

    with xr.open_zarr(finished.out / "cube.zarr", group="mosaic") as cube:
        assert {"ndvi", "red", "nir"} <= set(cube)
        ratio = (cube["nir"] - cube["red"]) / (cube["nir"] + cube["red"])
        assert float(abs(ratio - cube["ndvi"]).max()) < 0.02  # steps of 1e-4 on dark ground
    assert not list((finished.out / "mosaic").glob("red_*.tif"))


def test_transitions_add_up_to_the_maps(finished):
    rows = table(finished.out / "transitions.csv")
    dates = sorted({row["from_date"] for row in rows} | {row["to_date"] for row in rows})
    first, second = (read(finished.out / "mosaic" / f"images_ndvi_{date}_k4.tif") for date in dates[:2])
    both = (first != 255) & (second != 255)
    listed = [row for row in rows if (row["from_date"], row["to_date"]) == (dates[0], dates[1])]
    assert len(listed) == 16
    for row in listed:
        expected = (both & (first == int(row["from_cluster"])) & (second == int(row["to_cluster"]))).sum()
        assert int(row["pixels"]) == expected
        assert float(row["hectares"]) == pytest.approx(expected / 100)
    (change,) = (finished.out / "mosaic").glob("change_ndvi_*_k4.tif")
    assert dates[0] in change.name
    assert dates[-1] in change.name
    assert (finished.out / "mosaic" / "persistence_ndvi_k4.tif").exists()


def test_record_names_the_clusters_and_lists_every_file(finished):
    record = json.loads((finished.out / "run.json").read_text())
    present = {str(path.relative_to(finished.out)) for path in finished.out.rglob("*") if path.is_file()}
    unlisted = {name for name in present - set(record["outputs"]) if not name.startswith("cube.zarr")}
    assert unlisted == {"run.json", "report.html"}
    for clustering in record["clusterings"]:
        assert clustering["n_clusters_because"] == "as asked"
        assert all(cluster["name"].startswith("maybe") for cluster in clustering["clusters"])


def test_a_number_is_chosen_and_says_why(small, tmp_path):
    config = configure(
        small, tmp_path / "out", n_clusters="auto", k_range=(3, 6), mode=("timeseries", "bands"), bands=("red", "nir")
    )
    result = mlbmi.run(config)
    for clustering in result.record.clusterings:
        scores = table(tmp_path / "out" / f"selection_{clustering['mode']}_{clustering['index']}.csv")
        assert [int(row["n_clusters"]) for row in scores] == [3, 4, 5, 6]
        assert clustering["n_clusters"] in {3, 4, 5, 6}
        assert clustering["n_clusters_because"].startswith(f"{clustering['n_clusters']} clusters")
        least = [float(row["sse"]) for row in scores]
        assert least == sorted(least, reverse=True)


def test_smoothness_and_scaling_act_and_are_recorded(small, finished, tmp_path):
    config = configure(small, tmp_path / "out", mode=("timeseries",), smoothness=2.0, scaling="standard")
    (summary,) = mlbmi.run(config).record.clusterings
    assert (summary["smoothness"], summary["scaling"]) == (2.0, "standard")
    plain, smoothed = (read(out / "mosaic" / "timeseries_ndvi_k4.tif") for out in (finished.out, tmp_path / "out"))
    borders = [int((labels[:, 1:] != labels[:, :-1]).sum()) for labels in (plain, smoothed)]
    assert borders[1] < borders[0]


def test_each_image_alone_has_a_model_for_each_date_and_no_change(small, tmp_path):
    result = mlbmi.run(configure(small, tmp_path / "out", mode=("images",), pooled=False))
    (summary,) = result.record.clusterings
    assert len(summary["features"]) == len(summary["centers"][0]) > 2
    assert not (tmp_path / "out" / "transitions.csv").exists()
    with pytest.raises(InputError, match="each alone"):
        settings_of_model(tmp_path / "out" / "model_images_ndvi_k4.json")


def test_tiles_share_one_numbering(small, tmp_path):
    """Both tiles show the same ground: on it, their numbers agree but for rims and resampling."""
    result = mlbmi.run(configure(small, tmp_path / "out", mode=("timeseries",), grid="tile"))
    models = [mlbmi.read_model(tmp_path / "out" / grid / "model_timeseries_ndvi_k4.json") for grid in ("32UQD", "33UUU")]
    shared = [feature for feature in models[0].features if feature in models[1].features]
    centers = [model.centers[:, [model.features.index(feature) for feature in shared]] for model in models]
    assert abs(np.nanmean(centers[0] - centers[1], axis=1)).max() < 0.05
    names = [[cluster["name"] for cluster in clustering["clusters"]] for clustering in result.record.clusterings]
    assert names[0] == names[1]
    assert [model.numbering for model in models] == [mlbmi.types.NUMBERING, mlbmi.types.MATCHED]


def test_numbers_of_an_earlier_model_are_kept(small, finished, tmp_path):
    """Turned upside down, a model still gives its numbers to the clusters that are most alike."""
    path = finished.out / "model_timeseries_ndvi_k4.json"
    content = json.loads(path.read_text())
    for key in ("centers", "counts", "reach", "names"):
        content[key] = content[key][::-1]
    turned = tmp_path / "turned.json"
    turned.write_text(json.dumps(content))
    result = mlbmi.run(configure(small, tmp_path / "out", mode=("timeseries",), match=(turned,)))
    before, after = (read(out / "mosaic" / "timeseries_ndvi_k4.tif").astype(int) for out in (finished.out, tmp_path / "out"))
    np.testing.assert_array_equal(np.where(before == 255, 255, 3 - before), after)
    assert [cluster["name"] for cluster in result.record.clusterings[0]["clusters"]] == content["names"]


def test_a_model_to_match_that_fits_nothing_is_refused(small, finished, tmp_path):
    config = configure(small, tmp_path / "out", mode=("timeseries",), match=(finished.out / "model_images_ndvi_k4.json",))
    with pytest.raises(ConfigError, match=r"is of mode images .* clusters timeseries of ndvi"):
        mlbmi.run(config)


def test_images_each_alone_take_no_numbers_from_a_model(small, finished, tmp_path):
    path = finished.out / "model_images_ndvi_k4.json"
    with pytest.raises(ConfigError, match="each alone"):
        mlbmi.run(configure(small, tmp_path / "out", mode=("images",), pooled=False, match=(path,)))


@pytest.mark.parametrize("mode", ["images", "timeseries", "located", "bands"])
def test_a_model_applied_to_its_own_data_gives_its_own_maps(mode, small, finished, tmp_path):
    (path,) = finished.out.glob(f"model_{mode}_*.json")
    config = configure(small, tmp_path / "out", **settings_of_model(path), date_tolerance_days=0)
    result = mlbmi.run(config)
    maps = sorted(map_.name for map_ in (finished.out / "mosaic").glob(f"{mode}_*_k4.tif"))
    assert maps
    for name in maps:
        np.testing.assert_array_equal(read(tmp_path / "out" / "mosaic" / name), read(finished.out / "mosaic" / name))
    (summary,) = result.record.clusterings
    assert all("observations and are not labelled" in warning for warning in summary["warnings"])
    assert summary["novel_share"] == pytest.approx(0.01, abs=0.005)
    assert len(list((tmp_path / "out" / "mosaic").glob(f"novelty_{mode}_*.tif"))) == len(maps)


def test_the_period_of_a_series_model_is_its_dates_and_what_is_missing_is_said(small, finished, tmp_path):
    path = finished.out / "model_timeseries_ndvi_k4.json"
    dates = [dt.date.fromisoformat(feature) for feature in mlbmi.read_model(path).features]
    assert period_of_model(path) == {"start": dates[0], "end": dates[-1]}
    assert period_of_model(finished.out / "model_images_ndvi_k4.json") == {}
    config = configure(small, tmp_path / "out", **settings_of_model(path), start=dates[1])
    (summary,) = mlbmi.run(config).record.clusterings
    assert any(str(dates[0]) in warning for warning in summary["warnings"])
    before, after = (read(out / "mosaic" / "timeseries_ndvi_k4.tif") for out in (finished.out, tmp_path / "out"))
    seen = (before != 255) & (after != 255)
    assert adjusted_rand_score(before[seen], after[seen]) > 0.8


def test_models_decide_the_result_so_another_model_is_another_run(small, finished, tmp_path):
    path = tmp_path / "model.json"
    content = json.loads((finished.out / "model_timeseries_ndvi_k4.json").read_text())
    path.write_text(json.dumps(content))
    config = configure(small, tmp_path / "out", **settings_of_model(path))
    mlbmi.run(config)
    mlbmi.run(config)
    content["centers"][0][0] = 0.123
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match="other settings or items"):
        mlbmi.run(config)
