"""The file server of the tests, which counts, is slow as it is told, and fails as it is told."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_FAULTS = Path(__file__).resolve().parents[1] / "tests" / "integration" / "servers" / "faults.py"


def faults() -> ModuleType:
    """Import the server's module, which is in no package."""
    spec = importlib.util.spec_from_file_location("mlbmi_bench_faults", _FAULTS)
    if spec is None or spec.loader is None:
        raise ImportError(str(_FAULTS))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
