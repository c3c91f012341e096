"""report.html: everything told, nothing of strangers let through, nothing asked of anyone."""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from functools import partial
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from mlbmi.errors import InputError
from mlbmi.write import write_report

EVIL = '<script>alert("x")</script><img src="https://evil.example/p.gif" onerror=go()>'


def item(item_id, *, status="used", day="2020-01-24", reason="", against=""):
    offset = {"add": -1000, "source": "baseline", "reason": "baseline 05.09 has one", "contradiction": against}
    scene = {"datetime": f"{day}T10:00:00Z", "tile": "33UUU"}
    used = status == "used"
    return {
        "item_id": item_id,
        "status": status,
        "reason": reason,
        "grid": "mosaic",
        "clear_share": 0.25 if used else None,
        "counts": {"scl": 7, "nodata": 0, "dilation": 2} if used else {},
        "offset": offset if used else None,
        "scene": scene,
    }


@pytest.fixture
def out(tmp_path):
    """An output folder with one figure of a period, one of a date, and one that the record does not list."""
    folder = tmp_path / "out"
    (folder / "mosaic" / "figures").mkdir(parents=True)
    names = ["mosaic/figures/timeseries_ndvi_k2.png", "mosaic/figures/ndvi_2020-01-24.png"]
    for number, name in enumerate(names):
        Image.fromarray(np.full((900, 1200, 3), 60 + 100 * number, dtype=np.uint8)).save(folder / name)
    Image.fromarray(np.zeros((5, 5, 3), dtype=np.uint8)).save(folder / "mosaic" / "figures" / "stray.png")
    clusters = [
        {"cluster": 0, "name": EVIL, "center": -0.2, "pixels": 1500, "hectares": 15.0, "share": 0.6},
        {"cluster": 1, "name": "maybe grassland", "center": 0.5, "pixels": 1000, "hectares": 10.0, "share": 0.4},
    ]
    record = {
        "format": "mlbmi run record",
        "format_version": 1,
        "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:01:00Z",
        "fingerprint": "abc123",
        "config": {
            "aoi": "/data/my_reserve.geojson",
            "start": "2020-01-01",
            "end": "2020-02-01",
            "catalog": "https://user:pass@stac.example/v1?sig=s3cret",
            "index": ["ndvi"],
            "credit": None,
        },
        "versions": {"mlbmi": "9.9.9"},
        "acquisitions": [
            item("S2A_33UUU_20200124_0_L2A", against="the asset states the offset 0"),
            item("S2A_33UUU_20200124_1_L2A", status="failed", reason=f"cannot be read {EVIL}"),
            item("S2A_33UUU_20200117_0_L2A", status="left out", reason="newer baseline there", day="2020-01-17"),
        ],
        "clusterings": [
            {
                "grid": "mosaic",
                "mode": "timeseries",
                "index": "ndvi",
                "n_clusters": 2,
                "method": "K-means",
                "inertia": 12.5,
                "pixels": 2500,
                "n_clusters_because": "as asked",
                "clusters": clusters,
            }
        ],
        "timings_s": {"read": 1.25},
        "outputs": {**dict.fromkeys(names, "f" * 64), "../../outside.png": "0" * 64},
    }
    Image.fromarray(np.zeros((5, 5, 3), dtype=np.uint8)).save(tmp_path.parent / "outside.png")
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


class Seen(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def seen(out):
    return Seen(write_report(out).read_text(encoding="utf-8"))


def test_it_tells_every_scene_cluster_and_reason(seen):
    for told in (
        "my reserve, 2020-01-24",
        "newer baseline there",
        "the asset states the offset 0",
        "baseline 05.09 has one",
        "−1000",
        "25.0 %",
        "scl 7, dilation 2",
        "1 used, 1 left out, 1 failed",
        "maybe grassland",
        "−0.200",
        "1,500",
        "60.0 %",
        "as asked",
        "abc123",
        "Contains modified Copernicus Sentinel data 2020",
    ):
        assert told in seen.text, told
    assert "nodata 0" not in seen.text


def test_what_went_wrong_stands_before_the_results(seen):
    alarm, results = seen.text.index("Before you believe it"), seen.text.index("timeseries · ndvi")
    assert alarm < seen.text.index("S2A_33UUU_20200124_1_L2A could not be read") < results


def test_what_pixels_overrule_is_told_apart_from_mere_contradictions(out):
    record = json.loads((out / "run.json").read_text())
    offset = {"add": 0, "metadata_add": -1000, "sure": True, "source": "pixels", "reason": "its pixels say so"}
    record["acquisitions"].append(item("S2A_33UUU_20200131_0_L2A") | {"offset": {**offset, "contradiction": "the flag says no"}})
    (out / "run.json").write_text(json.dumps(record))
    text = Seen(write_report(out).read_text(encoding="utf-8")).text
    assert "On 1 of 2 scenes the pixels overrule what metadata say of the reflectance offset. S2A_33UUU_20200131_0_L2A" in text
    assert "On 1 of 2 scenes metadata say contradictory things of the reflectance offset. S2A_33UUU_20200124_0_L2A" in text


def test_dates_that_do_not_fit_and_clusters_that_follow_gaps_are_told(out):
    record = json.loads((out / "run.json").read_text())
    record["quality"] = {
        "dates": [
            {"grid": "mosaic", "date": "2020-01-17", "sentence": "", "left_out": False},
            {"grid": "mosaic", "date": "2020-01-24", "sentence": "a veil of haze", "left_out": True},
        ],
        "registration": [{"grid": "mosaic", "date": "2020-01-25", "sentence": "lies 40 m too far east", "taken_back": False}],
    }
    record["clusterings"][0]["warnings"] = ["clusters follow the gaps of 2020-01-24"]
    (out / "run.json").write_text(json.dumps(record))
    text = Seen(write_report(out).read_text(encoding="utf-8")).text
    assert "mosaic 2020-01-24: a veil of haze. It is left out." in text
    assert "mosaic 2020-01-25: lies 40 m too far east." in text
    assert "moved back" not in text
    assert "mosaic: clusters follow the gaps of 2020-01-24" in text
    assert "2020-01-17: " not in text


def test_a_run_without_trouble_has_no_alarm(out):
    record = json.loads((out / "run.json").read_text())
    record["acquisitions"] = [item("S2A_33UUU_20200124_0_L2A")]
    (out / "run.json").write_text(json.dumps(record))
    page = Seen(write_report(out).read_text(encoding="utf-8"))
    assert "Before you believe it" not in page.text
    assert "left out, each" not in page.text


def test_an_outline_given_as_a_box_is_named_whole(out):
    record = json.loads((out / "run.json").read_text())
    record["config"]["aoi"] = "15.0,45.3,15.4,45.6"
    (out / "run.json").write_text(json.dumps(record))
    assert "15.0,45.3,15.4,45.6, 2020-01-24" in Seen(write_report(out).read_text(encoding="utf-8")).text


def test_an_applied_model_has_no_inertia(out):
    record = json.loads((out / "run.json").read_text())
    record["clusterings"][0]["inertia"] = None
    (out / "run.json").write_text(json.dumps(record))
    text = Seen(write_report(out).read_text(encoding="utf-8")).text
    assert "Inertia" not in text
    assert "K-means. 2,500 pixels." in text


def test_text_of_strangers_stays_text_and_secrets_stay_out(seen, out):
    assert "<script>alert" in seen.text
    assert not seen.all("script")
    assert all(image["src"].startswith("data:image/") for image in seen.all("img"))
    assert not any(name.startswith("on") for _, attributes in seen.tags for name in attributes)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "s3cret" not in page
    assert "user:pass" not in page
    assert "https://stac.example/v1" in page


def test_figures_of_the_period_are_whole_those_of_dates_small_and_others_stay_out(seen):
    assert [(image["alt"], image["src"][:15]) for image in seen.all("img")] == [
        ("timeseries_ndvi_k2", "data:image/png;"),
        ("ndvi_2020-01-24", "data:image/jpeg"),
    ]
    assert [link["href"] for link in seen.all("a")] == [
        "mosaic/figures/timeseries_ndvi_k2.png",
        "mosaic/figures/ndvi_2020-01-24.png",
    ]


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "other"}', '{"format": "mlbmi run record", "format_version": 99}'])
def test_what_is_no_record_is_refused(out, text):
    (out / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json"):
        write_report(out)


def test_a_folder_without_a_run_is_refused_with_a_remedy(tmp_path):
    with pytest.raises(InputError, match=r"no run\.json") as caught:
        write_report(tmp_path)
    assert "finished run" in caught.value.remedy


class _Page(http.server.SimpleHTTPRequestHandler):
    asked: list[str]

    def log_message(self, *_):
        self.asked.append(self.path)


@pytest.mark.server
def test_a_browser_shows_it_and_asks_for_nothing_else(out, tmp_path):
    browser = shutil.which("chromium")
    if browser is None:
        (pytest.fail if os.environ.get("MLBMI_REQUIRE_ALL") else pytest.skip)("no chromium on this machine")
    write_report(out)
    handler = type("Handler", (_Page,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(out))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        shown = tmp_path / "shown.png"
        options = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        options += "--disable-component-update --disable-sync --window-size=1000,2600"
        command = [browser, *options.split(), f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={shown}"]
        subprocess.run(
            [*command, f"http://127.0.0.1:{server.server_port}/report.html"], check=True, capture_output=True, timeout=120
        )
        server.shutdown()
    assert {path for path in handler.asked if "favicon" not in path} == {"/report.html"}
    pixels = np.asarray(Image.open(shown).convert("RGB")).reshape(-1, 3)
    # The figure of the period is one shade of grey, 60; it fills most of the page's width.
    assert np.count_nonzero((pixels == 60).all(axis=1)) > 200_000
    assert not re.search(r"\bhttps?://(?!stac\.example)", (out / "report.html").read_text().replace("https://evil.example", ""))
