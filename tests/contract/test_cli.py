"""The command line as a newcomer meets it: help, errors in one line, exit codes, data on stdout."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mlbmi.simulate import Recipe, build


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return build(tmp_path_factory.mktemp("simulation") / "small", Recipe.small())


@pytest.fixture
def mlbmi(tmp_path):
    def call(*words, **environment):
        import os

        clean = {name: value for name, value in os.environ.items() if not name.startswith("MLBMI_")} | environment
        command = [sys.executable, "-m", "mlbmi", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=clean, check=False)

    return call


def _question(small):
    return [small.aoi, "--start", "2020-01-01", "--end", "2022-12-31", "--catalog", small.catalog]


def _one_line(done):
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("mlbmi: ")
    assert "Traceback" not in done.stderr
    return lines[0]


def test_run_search_and_dry_run(small, mlbmi, tmp_path):
    found = json.loads(mlbmi("search", *_question(small), "--json").stdout)
    dry = mlbmi("run", *_question(small), "--dry-run", "--json", "--out", tmp_path / "out")
    planned = json.loads(dry.stdout)
    assert dry.returncode == 0
    assert not (tmp_path / "out").exists()
    items = [item for grid in planned["grids"] for day in grid["days"] for item in day["items"]]
    assert set(items) <= {scene["item_id"] for scene in found["scenes"]}
    done = mlbmi("run", *_question(small), "--json", "--out", tmp_path / "out", "--n-clusters", 3, "--no-figures")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["items"]["used"] >= 3
    assert (tmp_path / "out" / "run.json").is_file()
    assert "Traceback" not in done.stderr


def test_filters_leave_out_with_a_reason(small, mlbmi):
    question = [small.aoi, "--catalog", small.catalog, "--end", "2020-12-31", "--days-back", 365, "--json"]
    found = json.loads(mlbmi("search", *question).stdout)
    assert {scene["datetime"][:4] for scene in found["scenes"]} == {"2020"}
    tile = found["scenes"][0]["tile"]
    for given, reason in (("--tile=31UFT", f"its tile {tile} is not 31UFT"), ("--baseline=99.00", "and the least is 99.00")):
        done = mlbmi("search", *question, given)
        assert done.returncode == 3
        assert any(reason in left["reason"] for left in json.loads(done.stdout)["left_out"]), given
    assert json.loads(mlbmi("search", *question, "--tile", tile, "--platform", "S2A", "--platform", "2b").stdout)["scenes"]


def test_the_area_may_be_text(small, mlbmi):
    from mlbmi.aoi import AOI

    area = AOI.from_file(small.aoi)
    rest = [*_question(small)[1:], "--json"]
    expected = json.loads(mlbmi("search", small.aoi, *rest).stdout)["scenes"]
    for text in (",".join(map(str, area.bounds)), area.geometry.envelope.wkt):
        assert json.loads(mlbmi("search", text, *rest).stdout)["scenes"] == expected
    assert mlbmi("search", "-60,-20,-59,-19", *rest).returncode == 3  # no option, and nothing there


def test_search_says_what_it_repaired_in_the_outline(small, mlbmi):
    tie = "POLYGON ((12.9 52.4, 13.2 52.6, 13.2 52.4, 12.9 52.6, 12.9 52.4))"
    done = mlbmi("search", tie, *_question(small)[1:])
    assert done.returncode == 0
    assert "was repaired" in done.stderr


def test_tables_for_people(small, mlbmi, tmp_path):
    shown = mlbmi("search", *_question(small))
    assert "left out" in shown.stdout
    assert "33UUU" in shown.stdout
    shown = mlbmi("run", *_question(small), "--dry-run")
    assert "no pixel has been read" in shown.stdout
    shown = mlbmi("run", *_question(small), "--out", tmp_path / "o", "--mode", "images", "--no-figures")
    assert "acquisitions.csv" in shown.stdout
    assert str(tmp_path / "o") in shown.stdout.replace("\n", "")


def test_a_model_is_applied_and_what_does_not_fit_is_said(small, mlbmi, tmp_path):
    shown = mlbmi("run", *_question(small), "--out", "one", "--mode", "timeseries", "--no-figures", "--n-clusters", 3)
    assert "maybe" in shown.stdout, shown.stderr
    model = "one/model_timeseries_ndvi_k3.json"
    done = mlbmi("apply", model, small.aoi, "--catalog", small.catalog, "--out", "two", "--no-figures", "--json")
    assert done.returncode == 0, done.stderr
    (clustering,) = json.loads(done.stdout)["clusterings"]
    assert clustering["matched"][0]["days"] == 0
    assert list((tmp_path / "two" / "mosaic").glob("novelty_timeseries_*.tif"))
    shown = mlbmi("apply", model, small.aoi, "--catalog", small.catalog, "--out", "3", "--no-figures", "--end", "2020-06-30")
    assert "have no image within 5 days" in shown.stderr
    done = mlbmi("apply", "one/run.json", small.aoi, "--catalog", small.catalog, "--out", "four")
    assert done.returncode == 2
    assert "not a model file" in _one_line(done)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({0: "missing.geojson"}, 2, ["missing.geojson", "does not exist"]),
        ({2: "2020-31-01"}, 2, ["2020-31-01", "start"]),
        ({4: "2019-01-01"}, 2, ["after"]),
        ({6: "no-such-catalogue"}, 2, ["no-such-catalogue", "earth-search"]),
        ({2: "2018-01-01", 4: "2018-12-31"}, 3, ["2018-01-01", "no scene"]),
    ],
)
def test_a_mistake_is_one_line_with_its_exit_code(small, mlbmi, tmp_path, change, code, words):
    question = _question(small)
    for position, value in change.items():
        question[position] = value
    done = mlbmi("run", *question, "--out", tmp_path / "out")
    line = _one_line(done)
    assert done.returncode == code
    assert all(word in line for word in words), line
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()


def test_an_area_elsewhere_finds_nothing(small, mlbmi, tmp_path):
    elsewhere = tmp_path / "elsewhere.geojson"
    elsewhere.write_text('{"type":"Polygon","coordinates":[[[0,0],[0.1,0],[0.1,0.1],[0,0]]]}')
    done = mlbmi("run", elsewhere, *_question(small)[1:], "--out", tmp_path / "out")
    assert done.returncode == 3
    _one_line(done)
    assert not (tmp_path / "out").exists()


def test_an_unreachable_api_is_one_line_without_secrets(mlbmi, small, tmp_path):
    question = _question(small)
    question[6] = "http://user:hidden@127.0.0.1:9/stac?token=hidden"
    done = mlbmi("run", *question, "--out", tmp_path / "out")
    line = _one_line(done)
    assert done.returncode == 1
    assert "127.0.0.1" in line
    assert "hidden" not in line


def test_wrong_usage_exits_with_2(mlbmi):
    assert mlbmi("run").returncode == 2
    assert mlbmi("rnu").returncode == 2
    assert mlbmi("run", "--no-such-option").returncode == 2


def test_settings_from_environment_and_file(small, mlbmi, tmp_path):
    (tmp_path / "run.toml").write_text('start = "2020-01-01"\nend = "2020-02-01"\n')
    done = mlbmi("search", small.aoi, "--config", "run.toml", "--json", MLBMI_CATALOG=str(small.catalog))
    assert done.returncode == 0, done.stderr
    assert all(scene["datetime"].startswith("2020-01") for scene in json.loads(done.stdout)["scenes"])


def test_the_environment_file_names_the_catalogue(small, mlbmi, tmp_path):
    question = [small.aoi, "--start", "2020-01-01", "--end", "2020-02-01", "--json"]
    (tmp_path / "my.env").write_text(f"STAC_API_URL={small.catalog}\n")
    done = mlbmi("search", *question, "--env-filename", "my.env", STAC_API_URL="")
    assert done.returncode == 0, done.stderr
    assert mlbmi("search", *question, STAC_API_URL=str(small.catalog)).stdout == done.stdout
    assert mlbmi("search", *question, "--env-filename", "gone.env").returncode == 2


def test_version_and_doctor(mlbmi):
    assert mlbmi("--version").stdout.startswith("mlbmi ")
    checks = json.loads(mlbmi("doctor", "--json").stdout)
    assert {"Python", "GDAL", "kernels", "cache folder"} <= {check["name"] for check in checks}
    assert all(check["ok"] for check in checks)
