"""``mlbmi kmeans-ndvi``: the notebook's flags, and the output folder of ``mlbmi run``."""

from __future__ import annotations

import csv
import json
import logging
import shlex

import numpy as np
import pytest
import rasterio
from typer.testing import CliRunner

from mlbmi import RunConfig, run
from mlbmi.cli import app
from mlbmi.cli.notebook import _spread


@pytest.fixture
def command(reserve, tmp_path, monkeypatch):
    """Call the command in this process, and leave its log as it was."""
    monkeypatch.chdir(tmp_path)
    logger = logging.getLogger("mlbmi")
    handlers, level = list(logger.handlers), logger.level

    def call(words):
        question = ["kmeans-ndvi", "--geojson", str(reserve.aoi), "--catalog", str(reserve.catalog), *shlex.split(words)]
        return CliRunner().invoke(app, question)

    yield call
    logger.handlers[:] = handlers
    logger.setLevel(level)


def test_the_notebooks_own_line(command, reserve, walked, tmp_path):
    question = "--start_date 2020-01-01 --end_date 2020-02-01 --cloud_cover 1 --collection sentinel-s2-l2a-cogs"
    how = "--band_names b04 b08 --n_clusters 5 --n_sig 10 --quantile_range 1 99 --env_filename .env --verbose_plot"
    done = command(f"{question} {how} --out here --json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["items"]["used"] == 4
    figures = list((tmp_path / "here").glob("*/figures/*.png"))
    assert len(figures) >= 12
    assert f"no screen to show figures on; {len(figures)} are in here" in done.stderr
    config = RunConfig(
        aoi=reserve.aoi,
        start="2020-01-01",
        end="2020-02-01",
        cloud_cover=1,
        catalog=str(reserve.catalog),
        grid="tile",
        pooled=False,
        scaling="robust",
        quantile_range=(1, 99),
        out=tmp_path / "run",
    )
    run(config)

    def files(folder):
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and ".zarr" not in path.parts)

    assert files(tmp_path / "here") == files(tmp_path / "run")
    assert (tmp_path / "here" / "clusters.csv").read_text() == (tmp_path / "run" / "clusters.csv").read_text()
    with rasterio.open(tmp_path / "here" / "33UUU" / "images_ndvi_2020-01-24_k5.tif") as file:
        labels = file.read(1)
    found = walked.scenes["33UUU"]["R10m"]["2020-01-24"]
    ours = found["kmeans"][5].labels_.reshape(labels.shape)
    # Stored in steps of 1e-4, an index may lie on the other side of a limit between two clusters.
    assert (np.where(labels == 255, -1, labels.astype(int)) != ours).mean() < 2e-3


def test_other_indices_and_several_numbers_of_clusters(command, tmp_path):
    what = "--scene_id 33UUU --gci --wdrvi --alpha 0.2 --rci --band_names b03 b04 b08"
    done = command(f"{what} --n_clusters 3 4 --no_scl --out o --quiet")
    assert done.exit_code == 0, done.stderr
    assert "RCI cannot be computed without both B07 and B05" in done.stderr
    for k in (3, 4):
        with (tmp_path / "o" / f"k{k}" / "clusters.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert {row["index"] for row in rows} == {"gci", "wdrvi-0p2"}
        assert len({row["cluster"] for row in rows}) == k


def test_download_then_map(command, tmp_path, monkeypatch):
    monkeypatch.setenv("MLBMI_CACHE", str(tmp_path / "cache"))
    done = command("--scene_id 32UQD --download --n_clusters 3 --out o --quiet")
    assert done.exit_code == 0, done.stderr
    assert len(list((tmp_path / "cache" / "assets").rglob("R10m/*/*.tif"))) == 4
    record = json.loads((tmp_path / "o" / "run.json").read_text())
    assert record["config"]["catalog"].startswith(str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("--band_names b04", 2, "no index can be computed from B04. Give --band_names b04 b08."),
        ("--band_names b99", 2, "'b99' is no band"),
        ("--cloud_cover 0", 3, "with at most 0 % cloud"),
        ("--scene_id 31UFT", 3, "shows the AOI from 2020-01-17"),
        ("--n_clusters 1000", 2, "n_clusters is [1000]"),
        ("--alpha 3", 2, "alpha is 3.0"),
        ("--env_filename nowhere.env", 2, "nowhere.env"),
    ],
)
def test_errors_are_one_line(command, words, code, message):
    done = command(f"{words} --start_date 2020-01-17 --end_date 2020-01-18 --out o --quiet")
    assert done.exit_code == code
    assert message in done.stderr
    assert done.stderr.count("mlbmi: ") == 1


def test_flags_of_many_values():
    words = ["--band_names", "b04", "b08", "--n_clusters", "3", "4", "--quantile_range", "1", "99", "--band_names=b02"]
    assert _spread(words) == [
        *["--band_names", "b04", "--band_names", "b08", "--n_clusters", "3", "--n_clusters", "4"],
        *["--quantile_range", "1", "99", "--band_names=b02"],
    ]
