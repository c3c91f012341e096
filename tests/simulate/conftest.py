"""One small simulation for all tests that only look."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlbmi.simulate import Recipe, Simulation, build

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def small_simulation(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return build(tmp_path_factory.mktemp("simulation") / "small", Recipe.small())


@pytest.fixture(scope="session")
def read_items() -> Callable[[Simulation], dict[str, tuple[dict[str, Any], Path]]]:
    """Read every item of a simulation with the json module alone: id → (item, folder)."""

    def read(simulation: Simulation) -> dict[str, tuple[dict[str, Any], Path]]:
        catalog = json.loads(simulation.catalog.read_text())
        found = {}
        for child in (link for link in catalog["links"] if link["rel"] == "child"):
            path = simulation.folder / child["href"]
            for link in json.loads(path.read_text())["links"]:
                if link["rel"] == "item":
                    item = path.parent / link["href"]
                    content = json.loads(item.read_text())
                    found[content["id"]] = (content, item.parent)
        return found

    return read
