"""Settings: precedence, validation, and messages that name value, rule and remedy."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError

from mlbmi.config import RunConfig
from mlbmi.errors import ConfigError
from mlbmi.settings import default_catalog, load_config

NEEDED = {"aoi": "a.geojson", "start": "2020-01-01", "end": "2020-02-01"}


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_defaults():
    config = load_config(NEEDED, environment={})
    assert (config.catalog, config.n_clusters, config.grid, config.mode) == (
        "earth-search",
        5,
        "mosaic",
        ("images", "timeseries"),
    )
    assert config.scl_keep == (4, 5, 6, 7)
    assert config.start == dt.date(2020, 1, 1)


def test_precedence_given_toml_environment_dotenv_default(tmp_path):
    settings = ["MLBMI_SEED=1", "MLBMI_N_CLUSTERS=2", "MLBMI_GRID=tile", "MLBMI_WORKERS=9", "AWS_SECRET_ACCESS_KEY=x"]
    (tmp_path / ".env").write_text("\n".join(settings))
    toml = tmp_path / "run.toml"
    toml.write_text("[mlbmi]\nn-clusters = 4\ngrid = 'mosaic'\n")
    config = load_config({**NEEDED, "grid": "tile"}, toml=toml, environment={"MLBMI_SEED": "3", "MLBMI_N_CLUSTERS": "3"})
    assert (config.grid, config.n_clusters, config.seed, config.workers) == ("tile", 4, 3, 9)


def test_the_catalogue_of_stac_api_url_is_the_default_and_no_more(tmp_path):
    url, other = "https://stac.example.com/v1", "https://other.example.com"
    assert load_config(NEEDED, environment={"STAC_API_URL": url}).catalog == url
    assert load_config(NEEDED, environment={"STAC_API_URL": url, "MLBMI_CATALOG": "cdse"}).catalog == "cdse"
    assert load_config({**NEEDED, "catalog": "cdse"}, environment={"STAC_API_URL": url}).catalog == "cdse"
    (tmp_path / ".env").write_text(f"STAC_API_URL={other}\n")
    assert load_config(NEEDED, environment={}).catalog == other
    assert load_config(NEEDED, environment={"STAC_API_URL": url}).catalog == url
    (tmp_path / ".env").write_text("MLBMI_CATALOG=cdse\n")
    assert load_config(NEEDED, environment={"STAC_API_URL": url}).catalog == "cdse"
    assert default_catalog(environment={}) == "earth-search"


def test_another_environment_file_takes_the_place_of_the_usual_one(tmp_path):
    (tmp_path / ".env").write_text("STAC_API_URL=https://usual.example.com\nMLBMI_SEED=9\n")
    (tmp_path / "my.env").write_text("STAC_API_URL='https://mine.example.com'\n")
    config = load_config(NEEDED, environment={}, dotenv=tmp_path / "my.env")
    assert (config.catalog, config.seed) == ("https://mine.example.com", 0)
    with pytest.raises(ConfigError, match=r"no environment file .*gone\.env"):
        load_config(NEEDED, environment={}, dotenv=tmp_path / "gone.env")


def test_lists_from_the_environment():
    assert load_config(NEEDED, environment={"MLBMI_INDEX": "ndvi, evi"}).index == ("ndvi", "evi")


def test_repeats_are_dropped_and_classes_sorted():
    config = RunConfig(**NEEDED, index=("ndvi", "evi", "ndvi"), scl_keep=(11, 4, 11))
    assert config.index == ("ndvi", "evi")
    assert config.scl_keep == (4, 11)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"start": "2020-03-01"}, ["2020-03-01", "2020-02-01", "after"]),
        ({"start": "yesterday"}, ["start", "yesterday"]),
        ({"days_back": 31, "start": "2020-01-02"}, ["start 2020-01-02", "days_back 31", "contradict"]),
        ({"days_back": -1}, ["days_back", "-1", "20000"]),
        ({"days_back": 7, "end": "soon", "start": None}, ["end", "soon"]),
        ({"tile": ("61ABC",)}, ["tile", "61ABC", "33UUU"]),
        ({"platform": ("landsat-8",)}, ["platform", "landsat-8", "sentinel-2a"]),
        ({"baseline": "new"}, ["baseline", "new", "04.00"]),
        ({"n_clusters": 1}, ["n_clusters", "1", "2"]),
        ({"n_clusters": 256}, ["n_clusters", "256", "255"]),
        ({"cloud_cover": 140}, ["cloud_cover", "140", "100"]),
        ({"mode": ("picture",)}, ["mode", "picture", "images"]),
        ({"scl_keep": (0, 4)}, ["scl_keep", "0", "1 to 11"]),
        ({"clod_cover": 1}, ["clod_cover", "cloud_cover"]),
    ],
)
def test_a_bad_setting_is_named_with_its_rule(given, words):
    with pytest.raises(ConfigError) as caught:
        load_config({**NEEDED, **given}, environment={})
    assert all(word in str(caught.value) for word in words)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_days_back_stand_in_for_the_first_day():
    config = load_config({"aoi": "a", "end": "2020-02-01", "days_back": "31"}, environment={})
    assert (config.start, config.end) == (dt.date(2020, 1, 1), dt.date(2020, 2, 1))
    assert RunConfig(**config.model_dump()) == config
    before = dt.datetime.now(dt.UTC).date()
    today = load_config({"aoi": "a", "days_back": 0}, environment={})
    assert before <= today.start == today.end <= dt.datetime.now(dt.UTC).date()


def test_the_first_day_and_days_back_take_the_place_of_one_another(tmp_path):
    toml = tmp_path / "run.toml"
    toml.write_text("start = '2019-01-01'\nend = '2020-02-01'\n")
    assert load_config({"aoi": "a", "days_back": 31}, toml=toml, environment={}).start == dt.date(2020, 1, 1)
    assert load_config({"aoi": "a"}, toml=toml, environment={"MLBMI_DAYS_BACK": "31"}).start == dt.date(2019, 1, 1)
    model = {"start": "2018-01-01", "end": "2018-12-31"}
    applied = load_config({"aoi": "a", "days_back": 30}, environment={}, defaults=model)
    assert (applied.start, applied.end) == (dt.date(2018, 12, 1), dt.date(2018, 12, 31))


def test_filters_are_spelled_in_one_way():
    environment = {"MLBMI_TILE": "t33uuu 32UQD 33UUU", "MLBMI_PLATFORM": "S2A", "MLBMI_BASELINE": "N0400"}
    config = load_config(NEEDED, environment=environment)
    assert (config.tile, config.platform, config.baseline) == (("33UUU", "32UQD"), ("sentinel-2a",), "04.00")


def test_a_missing_setting_is_named():
    with pytest.raises(ConfigError, match="'start' is required"):
        load_config({"aoi": "a", "end": "2020-01-01"}, environment={})


def test_a_broken_settings_file_is_named(tmp_path):
    bad = tmp_path / "bad.toml"
    bad.write_text("n_clusters = = 3")
    with pytest.raises(ConfigError, match=r"bad\.toml"):
        load_config(NEEDED, toml=bad)
    with pytest.raises(ConfigError, match=r"none\.toml"):
        load_config(NEEDED, toml=tmp_path / "none.toml")


def test_config_is_frozen():
    config = RunConfig(**NEEDED)
    with pytest.raises(ValidationError):
        config.seed = 3


@pytest.mark.parametrize("value", [1, 256, "many", 2.5, True, -3])
def test_a_number_of_clusters_out_of_range_is_refused_in_one_sentence(value):
    with pytest.raises(ConfigError) as caught:
        load_config({**NEEDED, "n_clusters": value}, environment={})
    assert str(caught.value).count("n_clusters") == 1
    assert "2 to 255, or 'auto'" in str(caught.value)


def test_auto_and_numbers_as_text():
    assert load_config({**NEEDED, "n_clusters": "AUTO"}, environment={}).n_clusters == "auto"
    assert load_config({**NEEDED, "n_clusters": "7"}, environment={}).n_clusters == 7


def test_layers_are_indices_then_bands_in_order_of_wavelength():
    config = load_config({**NEEDED, "mode": ("bands",), "bands": ("nir", "red"), "index": ("ndvi", "nir")}, environment={})
    assert config.layers == ("ndvi", "nir", "red")
    assert load_config({**NEEDED, "bands": ("nir", "red")}, environment={}).layers == ("ndvi",)


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("k_range", (9, 3), "ends before it begins"),
        ("quantile_range", (75.0, 25.0), "rising"),
        ("bands", ("red", "purple"), "purple"),
        ("bands_date", "2021-01-01", "outside"),
        ("smoothness", -1, "greater than or equal to 0"),
        ("scaling", "minmax", "robust"),
        ("scaling", "profile", "leave mode images out"),
    ],
)
def test_settings_of_clustering_out_of_range(setting, value, said):
    with pytest.raises(ConfigError, match=said):
        load_config({**NEEDED, setting: value}, environment={})


def test_a_wrong_item_of_a_list_is_one_mistake():
    with pytest.raises(ConfigError) as caught:
        load_config({**NEEDED, "mode": ("foo",)}, environment={})
    assert str(caught.value).startswith("mode = 'foo': ")
    assert ";" not in str(caught.value)
