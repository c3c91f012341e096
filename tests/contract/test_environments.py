"""What is installed elsewhere than by pip, and the example of an environment file, keep up with the program."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from mlbmi.access import VARIABLES
from mlbmi.config import RunConfig

ROOT = Path(__file__).resolve().parents[2]
OTHER_NAMES = {"matplotlib": "matplotlib-base"}
"""Packages that conda-forge knows by another name."""


def _name(requirement):
    return re.match(r"[a-z0-9_.-]+", requirement.lower())[0]


def test_conda_gets_every_package_that_pip_does():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["notebook"]]
    text = (ROOT / "mlbmi_environment.yml").read_text(encoding="utf-8")
    listed = {_name(line) for line in re.findall(r"^  - (\S+)$", text, flags=re.MULTILINE)}
    assert not {OTHER_NAMES.get(name, name) for name in map(_name, wanted)} - listed
    assert {"awscli", "conda-forge", "nodefaults"} <= listed
    assert text.rstrip().endswith("- .")


def test_the_example_of_an_environment_file_names_what_is_read():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", text, flags=re.MULTILINE))
    settings = {f"MLBMI_{name.upper()}" for name in RunConfig.model_fields}
    assert not names - settings - set(VARIABLES) - {"STAC_API_URL", "MLBMI_CACHE"}
    assert "STAC_API_URL" in names
    given = [value for key, value in re.findall(r"^#?(\w*(?:KEY|SECRET)\w*)=(.*)$", text, flags=re.MULTILINE)]
    assert given
    assert not any(given)  # no key, not even an invented one
