"""The notebooks run, on a small reserve; and their pairs and pages are theirs."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
SMALL = """
import mlbmi.simulate as simulate

def small(recipe=None, made=[]):
    from pathlib import Path
    import datetime as dt
    if not made:
        dates = ("2020-01-17", "2020-01-24", "2020-04-21", "2020-06-02", "2020-08-06", "2021-04-26", "2021-06-02")
        days = tuple(dt.date.fromisoformat(day) for day in dates)
        made.append(simulate.build(Path("reserve").absolute(), simulate.Recipe.small(dates=days, faults=())))
    return made[0]

simulate.build_cached = small
"""
"""Put before the first cell: 3 × 2 km in place of the whole reserve."""


def _render():
    spec = importlib.util.spec_from_file_location("mlbmi_notebooks_render", ROOT / "notebooks" / "render.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


render = _render()
SOURCES = render.sources()


def _code(markdown):
    return re.findall(r"^```python\n(.*?)\n```$", markdown, flags=re.MULTILINE | re.DOTALL)


def test_there_are_four():
    assert [source.stem for source in SOURCES] == ["a_year_and_change", "doeberitzer_heide", "modern_interface", "your_own_area"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of the kernel's client
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_it_runs(source, tmp_path):
    notebook = render.run(source, tmp_path, before=SMALL)
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in shown) >= 2
    assert not [output for output in shown if output.output_type == "error"]
    for cell in (cell for cell in notebook.cells if "plot_now=True" in cell.source):
        assert sum("image/png" in output.get("data", {}) for output in cell.outputs) == 1  # shown at once, and once


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_its_pair_and_its_page_are_made_from_it(source):
    cells = render.paired(source).cells
    pair = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert [(cell.cell_type, cell.source) for cell in pair.cells] == [(cell.cell_type, cell.source) for cell in cells]
    assert not any(cell.get("outputs") for cell in pair.cells)  # figures are on the page
    page = (render.PAGES / f"{source.stem}.md").read_text(encoding="utf-8")
    assert _code(page) == [cell.source for cell in cells if cell.cell_type == "code"]
    figures = re.findall(r"!\[[^]]*\]\((\S+)\)", page)
    assert len(figures) >= 2
    assert all((render.PAGES / figure).is_file() for figure in figures)
    assert "EARTH_SEARCH = False" in page


def test_figures_of_the_pages_are_small_and_all_used():
    used = {figure for page in render.PAGES.glob("*.md") for figure in re.findall(r"\(images/(\S+)\)", page.read_text())}
    there = {path.name: path.stat().st_size for path in (render.PAGES / "images").iterdir()}
    assert set(there) == used
    assert max(there.values()) < 300_000
