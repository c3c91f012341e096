"""The offset of a run: wrong flags are caught, mixtures of publishers fit together, and what was decided is kept."""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import mlbmi
from mlbmi.errors import InputError
from mlbmi.pipeline import days, plan
from mlbmi.pipeline.offsets import decide_offsets

_FIGURES = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "offset_figures.py"


@pytest.fixture(scope="module")
def figures():
    """The script that draws the documentation's figure: the same mixtures, the same measure."""
    spec = importlib.util.spec_from_file_location("offset_figures", _FIGURES)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def published(figures, tmp_path_factory):
    """Four dates around January 2022, as four publishers have them."""
    dates = tuple(date for date in figures.DATES if date.isoformat() in {"2020-08-06", "2021-06-02", "2022-06-17", "2022-10-10"})
    return figures.simulations(tmp_path_factory.mktemp("published"), dates)


@pytest.mark.parametrize("turn", range(4))
def test_no_mixture_of_publishers_leaves_a_step(figures, published, turn):
    scenes = figures.mixed(published, turn)
    dates = tuple(scene.date for scene in scenes)
    assert figures.steps(figures.errors(scenes, published[0], "auto"), dates) < 0.005


def test_metadata_alone_leave_one(figures, published):
    found = [figures.errors(figures.mixed(published, turn), published[0], "metadata") for turn in range(4)]
    assert max(figures.steps(values, published[0].recipe.dates) for values in found) > 0.1


def configure(simulation, out, **changes):
    dates = simulation.recipe.dates
    given = {"aoi": simulation.aoi, "start": dates[0], "end": dates[-1], "catalog": str(simulation.catalog), "out": out}
    return mlbmi.RunConfig(**{**given, "n_clusters": 2, "mode": ("images",), "figures": False, **changes})


def rows(out):
    with (out / "acquisitions.csv").open(newline="") as file:
        return {row["item_id"]: row for row in csv.DictReader(file)}


def test_a_wrong_flag_is_overruled_and_said(published, tmp_path, caplog):
    simulation = published[0]
    result = mlbmi.run(configure(simulation, tmp_path / "out"))
    table = rows(result.out)
    flagged = {item for item, words in simulation.faults.items() if words[0].startswith("wrong flag")}
    assert flagged
    for item, row in table.items():
        assert row["offset_add"] == "0"
        assert row["offset_sure"] == "true"
        assert (row["offset_metadata_add"] == "-1000") == (item in flagged)
        assert ("metadata: the item says" in row["offset_contradiction"]) == (item in flagged)
    warnings = [record.message for record in caplog.records if record.message.startswith("offset of")]
    assert len(warnings) == 1, "once for the cause, not for each scene"
    record = json.loads((result.out / "run.json").read_text())
    assert {item["offset"]["source"] for item in record["acquisitions"]} <= {"pixels", "other dates"}


@pytest.mark.parametrize(("rule", "adds"), [("metadata", {"0", "-1000"}), ("none", {"0"}), ("-1000", {"-1000"})])
def test_pixels_are_not_asked_where_the_user_decides(published, rule, adds):
    made = plan(configure(published[0], Path("unused"), offset=rule))
    decided = decide_offsets(made.grids, made.bands, rule, seen=pytest.fail)
    assert {str(decision.add) for decision in decided.values()} == adds
    assert not any(decision.pixels for decision in decided.values())


def test_decisions_do_not_depend_on_workers(published):
    made = plan(configure(published[1], Path("unused")))
    assert decide_offsets(made.grids, made.bands, "auto", workers=1) == decide_offsets(made.grids, made.bands, "auto", workers=5)


def test_a_killed_run_keeps_its_decisions_and_reads_anew_what_was_read_under_others(published, tmp_path, monkeypatch):
    config = configure(published[0], tmp_path / "out", workers=1)
    with monkeypatch.context() as patched:
        patched.setattr(days.Days, "draft", _stop)
        with pytest.raises(KeyboardInterrupt):
            mlbmi.run(config)
    notes = tmp_path / "out" / ".mlbmi-work" / "offsets.json"
    content = json.loads(notes.read_text())
    changed = min(content["content"])
    content["content"][changed]["reason"] = "changed"
    notes.write_text(json.dumps(content))
    read = []
    real = days.add_scene
    monkeypatch.setattr(days, "add_scene", lambda *given, **named: (read.append(given[1].item_id), real(*given, **named))[1])
    result = mlbmi.run(config)
    assert set(read) == {changed}
    assert rows(result.out)[changed]["offset_reason"] == "changed"


def _stop(*_given, **_named):
    raise KeyboardInterrupt


def test_load_refuses_what_is_no_rule(published):
    simulation = published[0]
    aoi = mlbmi.AOI.from_file(simulation.aoi)
    scenes = mlbmi.search(aoi, start="2020-01-01", end="2022-12-31", catalog=str(simulation.catalog))
    with pytest.raises(InputError, match="'always'; it must be one of auto, metadata, none, -1000"):
        mlbmi.load(scenes, aoi, offset="always")
    raised = mlbmi.load(scenes[:1], aoi, offset="-1000")["ndvi"]
    plain = mlbmi.load(scenes[:1], aoi, offset="none")["ndvi"]
    assert np.nanmedian(raised) > np.nanmedian(plain) + 0.05
