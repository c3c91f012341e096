"""A real STAC API: PostgreSQL with PostGIS and pgstac, behind stac-fastapi, on loopback ports of their own."""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

POSTGRES_FOLDERS = ("usr/lib/postgresql/*/bin", "opt/homebrew/opt/postgresql*/bin")
PYTHON_PARTS = ("stac_fastapi.pgstac", "pypgstac", "psycopg", "uvicorn")


@dataclass(frozen=True)
class StacApi:
    """A running STAC API.

    Attributes
    ----------
    url : str
        Its landing page.
    """

    url: str
    _folder: Path
    _environment: dict[str, str]

    def load(self, items) -> None:
        """Load items, and a collection for each that they name."""
        collections = [collection(name) for name in sorted({item["collection"] for item in items})]
        for kind, content in (("collections", collections), ("items", items)):
            path = self._folder / f"{kind}.ndjson"
            path.write_text("".join(json.dumps(part) + "\n" for part in content))
            _pypgstac("load", kind, str(path), "--method", "upsert", environment=self._environment)

    def forget(self, collections):
        """Delete collections with their items."""
        for collection in collections:
            command = ["psql", "--no-psqlrc", "--quiet", "-v", f"id={collection}", "-f", "-"]
            question = "select pgstac.delete_collection(:'id')"
            subprocess.run(
                command, input=question, env=self._environment, check=True, capture_output=True, text=True, timeout=120
            )


def collection(name: str) -> dict:
    extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2015-06-23T00:00:00Z", None]]}}
    return {
        "type": "Collection",
        "id": name,
        "stac_version": "1.0.0",
        "description": name,
        "license": "other",
        "extent": extent,
        "links": [],
    }


@contextmanager
def stac_api(processes):
    """Run a STAC API, empty, until the block ends.

    Parameters
    ----------
    processes : module
        ``processes.py`` beside this file.
    """
    for part in PYTHON_PARTS:
        try:
            present = importlib.util.find_spec(part) is not None
        except ModuleNotFoundError:
            present = False
        if not present:
            processes.unavailable(f"the Python package {part} is not installed: pip install mlbmi[test]")
    folder = Path(tempfile.mkdtemp(prefix="mlbmi-pgstac-"))  # not below pytest's, which only its owner may enter
    try:
        with _database(processes, folder) as environment, _fastapi(processes, folder, environment) as url:
            yield StacApi(url, folder, environment)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _database(processes, folder: Path):
    initdb, postgres, createdb, psql = (
        processes.binary(name, *POSTGRES_FOLDERS) for name in ("initdb", "postgres", "createdb", "psql")
    )
    owner = _owner(folder, processes)
    data, port = folder / "data", processes.free_port()
    options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]
    _run([initdb, "-D", str(data), *options], cwd=folder, **owner)
    command = [postgres, "-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
    command += ["-c", f"unix_socket_directories={folder}", "-c", "fsync=off", "-c", "synchronous_commit=off"]
    server = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres", "PGPASSWORD": "x"}
    environment = {**os.environ, **server, "PGDATABASE": "postgres"}

    def ready() -> bool:
        asked = subprocess.run([psql, "-c", "select 1"], env=environment, capture_output=True, check=False)
        return asked.returncode == 0

    with processes.running(command, log=folder / "postgres.log", ready=ready, stop_signal=signal.SIGQUIT, cwd=folder, **owner):
        _run([createdb, "pgstac"], env=environment)
        environment["PGDATABASE"] = "pgstac"
        _pypgstac("migrate", environment=environment)
        yield environment


def _owner(folder: Path, processes) -> dict[str, str]:
    """Say as whom to run PostgreSQL, which refuses root."""
    if os.geteuid() != 0:
        return {}
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        processes.unavailable("there is no user postgres, and PostgreSQL does not run as root")
    shutil.chown(folder, "postgres", "postgres")
    return {"user": "postgres", "group": "postgres"}


@contextmanager
def _fastapi(processes, folder: Path, environment: dict[str, str]):
    port = processes.free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "stac_fastapi.pgstac.app:create_app", "--factory"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]

    def ready() -> bool:
        try:
            return requests.get(f"{url}/", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    with processes.running(command, log=folder / "api.log", ready=ready, env=environment, cwd=folder):
        yield url


def _pypgstac(*arguments: str, environment: dict[str, str]) -> None:
    _run([sys.executable, "-m", "pypgstac.pypgstac", *arguments], env=environment)


def _run(command, **options) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)
    if done.returncode:
        pytest.fail(f"{' '.join(command[:4])} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
