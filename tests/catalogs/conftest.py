"""What the tests of searching share."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture(scope="session")
def stac_items() -> ModuleType:
    """Return the makers of items, which the tests with real servers use too."""
    path = Path(__file__).resolve().parent.parent / "integration" / "servers" / "stac_items.py"
    spec = importlib.util.spec_from_file_location("stac_items", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def make_item(stac_items):
    return stac_items.make_item
