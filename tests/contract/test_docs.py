"""The documentation keeps up with the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from mlbmi.access import VARIABLES
from mlbmi.cli import app
from mlbmi.config import RunConfig
from mlbmi.indices import INDICES, library_names

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def _flat(commands, before=""):
    """Name each command, those of a group with the group's name before theirs."""
    for name, command in commands.items():
        if hasattr(command, "commands"):
            yield from _flat(command.commands, f"{before}{name} ")
        else:
            yield before + name, command


COMMANDS = dict(_flat(get_command(app).commands))
SILENT = {"--help", "-h"}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_option_is_documented_under_its_command_and_none_is_invented(name):
    text = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    section = re.search(rf"^## `mlbmi {name}.*?(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert section, f"no section for {name}"
    documented = set(re.findall(r"`(--[a-z_-]+)`", section[0]))
    real = {
        option
        for parameter in COMMANDS[name].params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    } - SILENT
    assert documented == real


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_and_option_has_help(name):
    command = COMMANDS[name]
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_each_setting_is_documented():
    for name in RunConfig.model_fields:
        assert re.search(rf"^    (\w+, )*{name}(, \w+)* : ", RunConfig.__doc__, flags=re.MULTILINE), name


def test_each_index_is_documented_with_its_range_and_step():
    text = (ROOT / "docs" / "reference" / "indices.md").read_text(encoding="utf-8").replace("−", "-")
    rows = re.findall(r"^\| `(\w+)` \|.*?\| (\S+) … (\S+) \| (\S+) \|", text, flags=re.MULTILINE)
    told = {name: (float(low), float(high), float(step)) for name, low, high, step in rows}
    assert told == {name: (*(round(end, 4) for end in index.bounds), index.scale) for name, index in INDICES.items()}
    assert f"{len(library_names())} in all" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} → {target}"


def test_no_page_names_a_path_of_somebodys_machine():
    for page in PAGES:
        assert not re.search(r"(?<![\w.])/(work|home|root|Users)/", page.read_text(encoding="utf-8")), page.name


def test_each_variable_that_gives_access_is_documented():
    text = (ROOT / "docs" / "reference" / "environment.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text, flags=re.MULTILINE)) == dict(VARIABLES)
