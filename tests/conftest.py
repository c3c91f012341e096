"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

collect_ignore = ["access/reader.py", "read/range_server.py"]
"""Programs that tests start: pytest, looking for doctests, would import them."""

_CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Return the folder of real Sentinel-2 files: $MLBMI_REALDATA, or shared/data beside the checkout."""
    folder = Path(os.environ.get("MLBMI_REALDATA", _CHECKOUT.parent / "shared" / "data"))
    if not (folder / "real").is_dir():
        reason = f"no real data at {folder}: set MLBMI_REALDATA to a folder that holds real/ and stac/"
        if os.environ.get("MLBMI_REQUIRE_ALL"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
