"""The commands where keys and money are needed, and not one secret in anything that they leave behind, debug logging on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass

import pytest

from mlbmi.access import VARIABLES
from mlbmi.aoi import AOI
from mlbmi.config import RunConfig
from mlbmi.pipeline import plan
from mlbmi.pipeline.record import fingerprint
from mlbmi.simulate import Recipe, build
from mlbmi.types import FREE

HOST = "http://sentinel2l2a01.blob.core.windows.net/sentinel2-l2"
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAMLBMITESTKEY0001",
    "AWS_SECRET_ACCESS_KEY": "geheimnis/wJalrXUtnFEMI",
    "AWS_SESSION_TOKEN": "hushhush",
}
FAST = ["--mode", "images", "--n-clusters", "3", "--no-figures", "--workers", "1"]
PAYS = 'if ($http_x_amz_request_payer != "requester") { return 403; }'
SESSION = """
import json, logging, sys
logging.basicConfig(level=logging.DEBUG)
for name in ("numba", "matplotlib"):
    logging.getLogger(name).setLevel(logging.WARNING)
from mlbmi.cli import app
for words in json.loads(sys.argv[1]):
    try:
        app(words)
        code = 0
    except SystemExit as end:
        code = end.code or 0
    for stream in (sys.stdout, sys.stderr):
        stream.write(f"\\n@@{code}\\n")
"""
"""Several commands in one process: it takes long to begin."""

SECRETS = re.compile(rb"secret\d|geheimnis|AKIAMLBMI|hushhush|sub-key-4711|[?&](sig|se)=|Signature=[0-9a-f]{8}", re.IGNORECASE)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    recipe = Recipe.small(dialect="planetary-computer", tiles=("33UUU",), faults=())
    return build(tmp_path_factory.mktemp("simulation") / "small", recipe)


@dataclass(frozen=True)
class Done:
    code: int
    stdout: str
    stderr: str

    @property
    def last_line(self):
        return self.stderr.strip().splitlines()[-1]


@pytest.fixture
def call(tmp_path):
    """Run commands, one after another, with debug logging on; return what each did."""

    def run(*commands, **environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MLBMI_") and name not in VARIABLES}
        nobody = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none"}
        done = subprocess.run(
            [sys.executable, "-c", SESSION, json.dumps([list(map(str, words)) for words in commands])],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=clean | nobody | {"MLBMI_CACHE": "cache"} | environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        printed, logged = (re.split(r"\n@@(\d+)\n", stream) for stream in (done.stdout, done.stderr))
        ended = [Done(int(code), *texts) for code, *texts in zip(printed[1::2], printed[::2], logged[::2], strict=False)]
        assert len(ended) == len(commands)
        return ended

    return run


def catalogue(small, path, prefix):
    """Write an API's answer whose assets lie behind a prefix; return it and the files by name."""
    items, files = [], {}
    for item_path in sorted(small.folder.rglob("S2*/S2*.json")):
        item, folder = json.loads(item_path.read_text()), item_path.parent
        for asset in item["assets"].values():
            name = (folder / asset["href"]).resolve().relative_to(small.folder.resolve())
            if asset["href"].endswith(".tif"):
                files[str(name)] = (small.folder / name).read_bytes()
                asset["href"] = f"{prefix}/{name}"
        items.append(item)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    return files


def question(small, catalog):
    first, last = small.recipe.dates[:2]
    return [small.aoi, "--start", first, "--end", last, "--catalog", catalog, "--verbose"]


def assert_no_secret(tmp_path, *calls):
    for done in calls:
        for stream in (done.stdout, done.stderr):
            assert not SECRETS.search(stream.encode()), SECRETS.search(stream.encode())
    searched = 0
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != "my.env":
            found = SECRETS.search(path.read_bytes())
            assert not found, f"{path}: {found}"
            searched += 1
    assert searched > 10


def test_the_pattern_finds_what_it_is_for():
    for text in (b"https://h/B04.tif?sig=x", b"secret1", *(value.encode() for value in KEYS.values())):
        assert SECRETS.search(text)


def test_planetary_computer_signed_renewed_and_not_a_word_of_it(small, faults, call, tmp_path):
    files = catalogue(small, tmp_path / "items.json", HOST)
    with faults.FaultServer({f"/sentinel2-l2/{name}": data for name, data in files.items()}, token_reads=12) as server:
        (tmp_path / "my.env").write_text(f"PC_SDK_SUBSCRIPTION_KEY=sub-key-4711\nPC_SDK_SAS_URL={server.url}/sas\n")
        for name in files:
            if "B03" in name:
                server.always[f"/sentinel2-l2/{name}"] = faults.Fault("status", status=403)
        rest = [*question(small, "items.json"), "--env-filename", "my.env", "--json"]
        run, download, refused = call(
            ["run", *rest, "--out", "out", *FAST],
            ["download", *rest, "--out", "scenes"],
            ["download", *rest, "--out", "scenes", "--band", "green"],
            http_proxy=server.url,
            no_proxy="127.0.0.1",
        )
    assert (run.code, download.code, refused.code) == (0, 0, 1), (run.last_line, download.last_line, refused.last_line)
    assert json.loads(run.stdout)["items"]["failed"] == 0
    assert {file["state"] for file in json.loads(download.stdout)["files"]} == {"downloaded"}
    assert "403" in refused.stderr
    asked = [entry for entry in server.log if entry.path.startswith("/sas/")]
    assert len(asked) > 2
    assert {entry.headers["Ocp-Apim-Subscription-Key"] for entry in asked} == {"sub-key-4711"}
    assert any("sig=secret" in entry.query for entry in server.log)
    assert "DEBUG:urllib3" in download.stderr
    assert "DEBUG:rasterio" in run.stderr
    assert_no_secret(tmp_path, run, download, refused)


@pytest.mark.server
def test_requester_pays_shows_the_cost_and_spends_nothing_unasked(small, file_server, call, tmp_path):
    bucket = tmp_path / "www" / "sentinel-s2-l2a"
    for name, data in catalogue(small, tmp_path / "items.json", "s3://sentinel-s2-l2a").items():
        (bucket / name).parent.mkdir(parents=True, exist_ok=True)
        (bucket / name).write_bytes(data)
    catalogue(small, tmp_path / "cdse.json", "s3://eodata")
    server = file_server(tmp_path / "www", rules=PAYS)
    there = KEYS | {"AWS_S3_ENDPOINT": server.url}
    ask = question(small, "items.json")
    *unasked, keyless = call(
        ["run", *ask, "--out", "out"],
        ["run", *ask, "--dry-run"],
        ["download", *ask, "--out", "scenes"],
        ["run", *question(small, "cdse.json"), "--out", "out"],
        **there,
    )
    for done in unasked:
        assert done.code == 2
        cost = r"mlbmi: the reader pays for these files: at most \d+\.\d\d USD: .* sentinel-s2-l2a .*--allow-requester-pays"
        assert re.match(cost, done.last_line)
    assert keyless.code == 1
    assert re.match(r"mlbmi: .*CDSE_S3_ACCESS_KEY", keyless.last_line)
    assert server.log() == []
    assert not (tmp_path / "out").exists()
    pay = "--allow-requester-pays"
    dry, run, download = call(
        ["run", *ask, "--dry-run", pay],
        ["run", *ask, "--out", "out", *FAST, pay, "--json"],
        ["download", *ask, "--out", "scenes", pay, "--json"],
        **there,
    )
    assert "You pay at most" in dry.stdout
    assert (run.code, download.code) == (0, 0), (run.last_line, download.last_line)
    assert json.loads(download.stdout)["cost"]["buckets"] == ["sentinel-s2-l2a"]
    assert {entry.status for entry in server.log()} <= {200, 206}
    assert_no_secret(tmp_path, *unasked, keyless, dry, run, download)


def test_the_permission_to_pay_makes_no_other_run(small):
    settings = {"aoi": small.aoi, "start": small.recipe.dates[0], "end": small.recipe.dates[0], "catalog": str(small.catalog)}
    one, two = RunConfig(**settings), RunConfig(**settings, allow_requester_pays=True)
    planned, aoi = plan(one), AOI.from_file(small.aoi)
    assert planned.cost_expected is FREE
    assert fingerprint(planned, one, aoi) == fingerprint(planned, two, aoi)
