"""Real servers as fixtures: a STAC API (pgstac) and a file server (nginx), on loopback, ended with the tests."""

from __future__ import annotations

import importlib.util
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

_SERVERS = Path(__file__).resolve().parent / "servers"


def _helper(name: str) -> ModuleType:
    """Import a file of ``servers/``, which is no package."""
    spec = importlib.util.spec_from_file_location(f"mlbmi_test_servers_{name}", _SERVERS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def stac_items() -> ModuleType:
    """Return the makers of items."""
    return _helper("stac_items")


@pytest.fixture(scope="session")
def stac_api():
    """Run PostgreSQL, PostGIS, pgstac and stac-fastapi; yield an object with ``.url`` and ``.load(items)``.

    One server for the session, empty at first: tests that load items use collections of their own.
    """
    with _helper("pgstac").stac_api(_helper("processes")) as server:
        yield server


@pytest.fixture(scope="session")
def published() -> ModuleType:
    """Return the makers of an API's answer that names the files of a simulation at an address."""
    return _helper("published")


@pytest.fixture(scope="session")
def file_server():
    """Return a function: ``file_server(folder, rules="")`` serves a folder and gives an object with ``.url`` and ``.log()``."""
    nginx, processes = _helper("nginx"), _helper("processes")
    with ExitStack() as servers:
        yield lambda folder, *, rules="": servers.enter_context(nginx.file_server(processes, folder, rules=rules))


@pytest.fixture(scope="session")
def faults():
    """Return the server that fails in stated ways."""
    return _helper("faults")


@pytest.fixture(scope="session")
def s3_server():
    """Run moto's S3 server; yield an object with ``.url`` and ``.put(bucket, files, public=False)``."""
    with _helper("moto").s3_server(_helper("processes")) as server:
        yield server


@pytest.fixture(scope="session")
def slow_network():
    """Return a context: ``slow_network(server, round_trip_ms=…, mbit=…)`` puts a network in front of a file server."""
    module = _helper("slow_network")
    return lambda server, **given: module.network(int(server.url.rpartition(":")[2]), **given)
