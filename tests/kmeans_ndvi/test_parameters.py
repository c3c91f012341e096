"""Every parameter acts, and what cannot be is said."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields

import numpy as np
import pytest

from mlbmi import PCABMI, KMeansBMI, KMeansBMIParams, KMeansNDVI, PCABMIParams, SentinelAOI
from mlbmi.errors import AOIError, ConfigError, InputError, NothingFoundError, PaymentError, ReadError

DATES = ["2020-01-17", "2020-01-24"]


@pytest.fixture
def acquired(settings):
    def ask(**changes):
        notebook = SentinelAOI(**(settings | {"scene_id": "33UUU"} | changes))
        notebook.download_and_acquire_images()
        return notebook

    return ask


@pytest.fixture
def computed(settings):
    def ask(**changes):
        notebook = KMeansBMI(**(settings | {"scene_id": "33UUU"} | changes))
        notebook.compute_bmi_for_all()
        return notebook

    return ask


def _dates(notebook):
    return sorted({scene.date.isoformat() for scene in notebook._found})


def _image(notebook, name="ndvi", res="R10m", date="2020-01-24"):
    return notebook.scenes["33UUU"][res][date][name]


def test_geojson(acquired):
    half = "13.035,52.484,13.05,52.501"
    notebook = acquired(geojson=half)
    notebook.load_data_into_struct()
    whole = acquired()
    whole.load_data_into_struct()
    assert _image(notebook, "B04").sizes["x"] < _image(whole, "B04").sizes["x"]
    with pytest.raises(AOIError, match=r"nowhere\.geojson"):
        acquired(geojson="nowhere.geojson")


def test_the_reserve_comes_with_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert SentinelAOI()._aoi().name == "doeberitzer_multipolygon"


def test_start_date_and_end_date(acquired):
    assert _dates(acquired()) == DATES
    assert _dates(acquired(start_date="2020-01-20")) == ["2020-01-24"]
    assert _dates(acquired(end_date="2020-01-20")) == ["2020-01-17"]


def test_days_back(acquired):
    assert _dates(acquired(end_date="2020-01-25", days_back=5)) == ["2020-01-24"]
    long_ago = (dt.datetime.now(dt.UTC).date() - dt.date(2020, 1, 20)).days
    assert _dates(acquired(end_date="", days_back=long_ago, cloud_cover=0.36)) == ["2020-06-02", "2020-08-06", "2022-06-17"]


def test_cloud_cover(acquired):
    assert _dates(acquired(cloud_cover=100)) == ["2020-01-09", *DATES]
    with pytest.raises(NothingFoundError, match="the limit is 0 %"):
        acquired(cloud_cover=0)


def test_collection(acquired):
    assert _dates(acquired(collection="sentinel-2-l2a")) == DATES
    with pytest.raises(NothingFoundError, match="its collection is 'sentinel-2-l2a', not 'landsat-c2-l2'"):
        acquired(collection="landsat-c2-l2")


def test_band_names(acquired):
    notebook = acquired(band_names=["b05", "B8"])
    notebook.load_data_into_struct()
    assert notebook.band_names == ["B05", "B08"]
    assert set(_image(notebook, "B05", "R20m").dims) == {"y", "x"}
    assert _image(notebook, "B08").sizes["x"] // 2 == pytest.approx(_image(notebook, "B05", "R20m").sizes["x"], abs=1)
    with pytest.raises(InputError, match="'B99' is no band"):
        acquired(band_names=["B99"])
    with pytest.raises(InputError, match="must be a list"):
        acquired(band_names="b04")


def test_scene_id(acquired):
    assert {scene.tile for scene in acquired(scene_id=None)._found} == {"33UUU", "32UQD"}
    assert {scene.tile for scene in acquired(scene_id="32UQD")._found} == {"32UQD"}
    with pytest.raises(NothingFoundError, match="tile 31UFT"):
        acquired(scene_id="31UFT")
    with pytest.raises(ConfigError, match="UUU33"):
        acquired(scene_id="UUU33")


def test_catalog_and_env_filename(acquired, reserve, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STAC_API_URL", raising=False)
    (tmp_path / "my.env").write_text(f"STAC_API_URL={reserve.catalog}\n", encoding="utf-8")
    assert _dates(acquired(catalog=None, env_filename="my.env")) == DATES
    with pytest.raises(ConfigError, match=r"nowhere\.env"):
        acquired(env_filename="nowhere.env")
    with pytest.raises(ConfigError, match="'nowhere'"):
        acquired(catalog="nowhere")


def test_download(acquired, reserve, tmp_path, monkeypatch):
    monkeypatch.setenv("MLBMI_CACHE", str(tmp_path))
    notebook = acquired(download=True)
    assert len(notebook.filepaths) == 4
    assert all(path.startswith(str(tmp_path)) for path in notebook.filepaths)
    notebook.load_data_into_struct()
    there = acquired(download=False)
    assert all(path.startswith(str(reserve.folder)) for path in there.filepaths)
    there.load_data_into_struct()
    np.testing.assert_array_equal(_image(notebook, "B08"), _image(there, "B08"))


def test_allow_requester_pays(acquired, reserve, tmp_path):
    """Files of a bucket where the reader pays are not asked for without leave; that they are read with it: test_jp2.py."""
    import json

    item = json.loads(next(reserve.folder.rglob("S2B_33UUU_20200124*.json")).read_text())
    for band in ("red", "nir", "scl"):
        item["assets"][band]["href"] = f"s3://sentinel-s2-l2a/tiles/33/U/UU/2020/1/24/0/{band}.jp2"
    (tmp_path / "item.json").write_text(json.dumps(item))
    notebook = acquired(catalog=str(tmp_path / "item.json"))
    assert len(notebook.filepaths) == 2
    with pytest.raises(PaymentError, match="USD"):
        notebook.load_data_into_struct()


def test_no_scl(computed):
    clear = np.isfinite(_image(computed(cloud_cover=100), date="2020-01-09"))
    everything = np.isfinite(_image(computed(cloud_cover=100, no_scl=True), date="2020-01-09"))
    assert clear.sum() < 0.1 * everything.sum()


def test_verbose(computed, said):
    computed(verbose=False)
    assert not [text for text in said("INFO") if "NDVI of 33UUU" in text]
    computed(verbose=True)
    assert [text for text in said("INFO") if "NDVI of 33UUU: 2 dates, 0 outliers" in text]


def test_quiet(acquired, said):
    acquired(quiet=True)
    assert not said("INFO")
    acquired(quiet=False)
    assert len([text for text in said("INFO") if text.strip("'").endswith(".tif")]) == 4


def test_verbose_plot_and_hist_bins(settings, monkeypatch):
    shown = []
    monkeypatch.setattr("mlbmi.kmeans_ndvi.showing.show", shown.append)
    for bins in (10, 40):
        notebook = KMeansNDVI(**settings, scene_id="33UUU", verbose_plot=True, hist_bins=bins, n_clusters=3)
        notebook.compute_spatial_kmeans()
        notebook.compute_temporal_kmeans()
    assert len(shown) == 2 * (2 + 2 + 1)

    def bars(figure):
        return [len(part.get_paths()) for part in figure.get_children() if type(part).__name__ == "PolyCollection"]

    assert bars(shown[0]) == [10]
    assert bars(shown[5]) == [40]


def test_bmi(computed):
    notebook = computed(bmi="gci", band_names=["B03", "B08", "B05", "B07"])
    found = notebook.scenes["33UUU"]["R10m"]["2020-01-24"]
    np.testing.assert_allclose(found["gci"], found["B08"] / found["B03"] - 1, rtol=1e-4, atol=1e-5)
    notebook.compute_bmi_for_all("rci")
    found = notebook.scenes["33UUU"]["R20m"]["2020-01-24"]
    np.testing.assert_allclose(found["rci"], found["B07"] / found["B05"] - 1, rtol=1e-4, atol=1e-5)
    assert notebook.bmi == "rci"
    notebook.compute_temporal_kmeans()
    assert notebook.scenes["33UUU"]["R20m"]["timeseries"]["kmeans"][5].clustering.index == "rci"
    with pytest.raises(ConfigError, match="'nvdi'"):
        notebook.compute_bmi_for_all("nvdi")


@pytest.mark.parametrize("alpha", [0.1, 0.2, 1.0])
def test_alpha(computed, alpha):
    found = computed(bmi="wdrvi", alpha=alpha).scenes["33UUU"]["R10m"]["2020-01-24"]
    red, nir = found["B04"], found["B08"]
    np.testing.assert_allclose(found["wdrvi"], (alpha * nir - red) / (alpha * nir + red), atol=1e-5)


def test_n_sig(settings):
    """A spike in a series of seven dates becomes missing, and nothing else changes."""
    import xarray as xr

    def made(n_sig):
        notebook = KMeansNDVI(**settings, scene_id="33UUU", n_sig=n_sig)
        notebook.load_data_into_struct()
        images = notebook._images["33UUU", "R10m"]
        days = np.arange("2020-01-01", "2020-01-08", dtype="M8[D]").astype("M8[ns]")
        week = xr.concat([images.data.isel(time=0)] * 7, "time").assign_coords(time=days)
        green = np.unravel_index(np.nanargmax(week["nir"][0] / week["red"][0]), week["nir"].shape[1:])
        week["nir"][(3, *green)] = float(week["red"][(3, *green)])
        images.data = week
        notebook.compute_ndvi_for_all()
        return images, green

    made_of = {n_sig: made(n_sig) for n_sig in (0, 10)}
    found = {n_sig: images for n_sig, (images, _) in made_of.items()}
    spike = (3, *made_of[0][1])
    counts = {n_sig: sum(images.outliers.values()) for n_sig, images in found.items()}
    assert counts == {0: 0, 10: 1}
    assert found[10].outliers["2020-01-04", "ndvi"] == 1
    loose, tight = (found[n_sig].data["ndvi"].values for n_sig in (0, 10))
    assert loose[spike] == 0  # a value like any other
    assert np.isnan(tight[spike])
    kept = np.isfinite(tight)
    np.testing.assert_array_equal(loose[kept], tight[kept])


def test_n_clusters(computed):
    notebook = computed(n_clusters=[2, 7])
    notebook.compute_spatial_kmeans()
    models = _image(notebook, "kmeans")
    assert [(number, model.n_clusters, len(set(model.labels_)) - 1) for number, model in models.items()] == [(2, 2, 2), (7, 7, 7)]
    with pytest.raises(KeyError, match="no kmeans model of 5; there is: 2, 7"):
        models[5]


def test_quantile_range(computed):
    """A series divided date by date by its own spread has other clusters than one divided by another."""
    found = []
    for quantiles in ((1, 99), (25, 75)):
        notebook = computed(quantile_range=quantiles, end_date="2020-09-01")
        notebook.compute_temporal_kmeans()
        kmeans = notebook.scenes["33UUU"]["R10m"]["timeseries"]["kmeans"][5]
        stack = notebook.scenes["33UUU"]["R10m"]["timeseries"]["ndvi"].values
        np.testing.assert_allclose(
            kmeans.clustering.scaling.scale,
            [np.subtract(*np.nanpercentile(image, quantiles[::-1])) for image in stack],
            rtol=1e-3,
        )
        found.append(kmeans.cluster_centers_)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_n_components(settings):
    notebook = PCABMI(**settings, scene_id="33UUU", n_components=[1, 2])
    notebook.compute_temporal_pca()
    assert list(notebook.scenes["33UUU"]["R10m"]["timeseries"]["pca"]) == [1, 2]


def test_every_parameter_has_its_test():
    names = {field.name for params in (KMeansBMIParams, PCABMIParams) for field in fields(params)}
    tests = " ".join(name for name in globals() if name.startswith("test_"))
    assert not [name for name in names if name not in tests]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_clusters": 0}, "n_clusters is 0"),
        ({"n_clusters": [3, 300]}, "from 1 to 255"),
        ({"n_sig": -1}, "n_sig"),
        ({"alpha": 1.5}, "alpha is 1.5"),
        ({"hist_bins": -1}, "hist_bins is -1"),
        ({"quantile_range": (99, 1)}, "quantile_range"),
        ({"start_date": "soon"}, "start"),
        ({"start_date": "2020-03-01"}, "after end"),
        ({"bmi": "nvdi"}, "no index 'nvdi'"),
    ],
)
def test_what_breaks_a_rule_is_said_at_once(settings, wrong, message):
    with pytest.raises(InputError, match=message):
        KMeansNDVI(**(settings | wrong))


def test_an_unknown_setting_is_no_setting(settings):
    with pytest.raises(TypeError, match="n_cluster"):
        KMeansNDVI(**settings, n_cluster=4)


def test_a_missing_band_is_said_and_the_rest_goes_on(settings, said):
    """On 2022-06-17, tile 33UUU has no nir."""
    asked = settings | {"start_date": "2020-06-01", "end_date": "2022-12-31", "n_clusters": 3}
    notebook = KMeansNDVI(**asked)
    notebook.compute_spatial_kmeans()
    assert any("S2A_33UUU_20220617_0_L2A has no B08" in text for text in said("WARNING"))
    assert any(
        "NDVI cannot be computed without both" in text and "33UUU 2022-06-17 lacks B08" in text for text in said("WARNING")
    )
    found = notebook.scenes["33UUU"]["R10m"]
    assert list(found["2022-06-17"]) == ["B04", "transform"]
    with pytest.raises(KeyError, match="B08 is missing"):
        found["2022-06-17"]["ndvi"]
    assert 3 in found["2020-08-06"]["kmeans"]
    notebook.compute_temporal_kmeans()
    assert found["timeseries"]["timestamps"] == ["2020-06-02", "2020-08-06"]
    assert notebook.scenes["32UQD"]["R10m"]["timeseries"]["timestamps"] == ["2020-06-02", "2020-08-06", "2022-06-17"]


def test_without_a_band_nothing_is_made_up(settings, said):
    notebook = KMeansNDVI(**(settings | {"band_names": ["B04"]}))
    notebook.compute_temporal_kmeans()
    assert any("NDVI cannot be computed without both B08 and B04" in text for text in said("WARNING"))
    assert list(notebook.scenes["33UUU"]["R10m"]["2020-01-24"]) == ["B04", "transform"]


def test_an_unreadable_file_costs_its_own_image_alone(settings, reserve, tmp_path, said):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(reserve.folder, copy)
    damaged = next(copy.rglob("S2B_33UUU_20200117*/B08.tif"))
    damaged.write_bytes(damaged.read_bytes()[:3000])
    notebook = KMeansNDVI(**(settings | {"catalog": str(copy / "catalog.json")}))
    notebook.compute_temporal_kmeans()
    assert any("S2B_33UUU_20200117_0_L2A" in text and "nir" in text for text in said("WARNING"))
    assert list(notebook.scenes["33UUU"]["R10m"]["2020-01-17"]) == ["B04", "transform"]
    assert notebook.scenes["33UUU"]["R10m"]["timeseries"]["timestamps"] == ["2020-01-24"]
    assert len(notebook.scenes["32UQD"]["R10m"]["timeseries"]["timestamps"]) == 2
    for path in copy.rglob("*.tif"):
        path.write_bytes(b"no raster")
    with pytest.raises(ReadError, match="none of 4 scenes could be read"):
        KMeansNDVI(**(settings | {"catalog": str(copy / "catalog.json")})).compute_ndvi_for_all()


def test_a_clouded_day_has_no_clusters_and_says_so(settings, said):
    notebook = KMeansNDVI(**(settings | {"cloud_cover": 100, "scene_id": "33UUU"}))
    notebook.compute_spatial_kmeans()
    assert any("33UUU 2020-01-09 has no spatial K-means of 5 clusters" in text for text in said("WARNING"))
    assert "kmeans" not in notebook.scenes["33UUU"]["R10m"]["2020-01-09"]
    notebook.compute_temporal_kmeans()
    assert notebook.scenes["33UUU"]["R10m"]["timeseries"]["ndvi"].sizes["time"] == 3


def test_before_anything_is_loaded_scenes_say_what_to_do(settings):
    notebook = KMeansNDVI(**settings)
    assert list(notebook.scenes) == []
    assert notebook.filepaths == ()
    with pytest.raises(KeyError, match="load_data_into_struct"):
        notebook.scenes["33UUU"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["31UFT"], "no tile '31UFT'; there is: 32UQD, 33UUU"),
        (["33UUU", "R60m"], "there is: R10m"),
        (["33UUU", "R10m", "2020-02-30"], "there is: 2020-01-17, 2020-01-24, timeseries"),
        (["33UUU", "R10m", "2020-01-24", "gci"], "there is: B04, B08, ndvi"),
        (["33UUU", "R10m", "timeseries", "gci"], "there is: ndvi, timestamps, kmeans"),
        (["33UUU", "R10m", "timeseries", "kmeans", 9], "there is: 5"),
    ],
)
def test_an_unknown_key_says_what_there_is(walked, keys, message):
    found = walked.scenes
    for key in keys[:-1]:
        found = found[key]
    with pytest.raises(KeyError) as error:
        found[keys[-1]]
    assert message in str(error.value)
    assert found.get(keys[-1]) is None
