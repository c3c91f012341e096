"""Run the notebooks and write them as pages with figures.

    python notebooks/render.py                  all of them: notebooks/*.ipynb, and docs/notebooks/*.md with images
    python notebooks/render.py --run-only       run them and write nothing
    python notebooks/render.py your_own_area    one of them

The ``.py`` files are the sources (jupytext, percent format). Needs ``pip install mlbmi[notebook]``.
"""

from __future__ import annotations

import argparse
import base64
import io
import itertools
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import jupytext
import nbformat
import numpy as np
from nbclient import NotebookClient
from PIL import Image

from mlbmi.write.png import indexed_png

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
PAGES = HERE.parent / "docs" / "notebooks"
WIDTH = 1100  # pixels of a figure on a page


def sources(names: list[str] | None = None) -> list[Path]:
    """Return the notebooks' sources, all or those named."""
    found = sorted(path for path in HERE.glob("*.py") if path.stem != "render")
    return [path for path in found if not names or path.stem in names]


def paired(source: Path) -> nbformat.NotebookNode:
    """Return the notebook that belongs to a source: without outputs, with cell ids that stay the same."""
    notebook = jupytext.read(source)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"{source.stem}-{number}"
    notebook.metadata.pop("jupytext", None)
    notebook.metadata["jupytext"] = {"formats": "ipynb,py:percent"}
    return notebook


def run(source: Path, folder: Path, *, before: str = "") -> nbformat.NotebookNode:
    """Run a notebook in a folder; raises if a cell fails. ``before`` is code to run first, for tests."""
    notebook = paired(source)
    if before:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(before))
    NotebookClient(notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    if before:
        notebook.cells.pop(0)
    return notebook


def page(notebook: nbformat.NotebookNode, stem: str, images: Path | None) -> str:
    """Return a notebook as Markdown; figures go to ``images``."""
    parts = []
    figures = (f"{stem}-{number}" for number in itertools.count(1))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        shown = [_shown(output, figures, images) for output in cell.outputs]
        parts += [text for text in shown if text]
    return "\n\n".join([*parts, f"*Made by `notebooks/render.py` from `notebooks/{stem}.py`.*"]) + "\n"


def _shown(output: nbformat.NotebookNode, figures: Iterator[str], images: Path | None) -> str:
    data = output.get("data", {})
    if "image/png" in data:
        name = next(figures)
        if images is not None:
            _save(base64.b64decode(data["image/png"]), images / f"{name}.png")
        return f"![{name}](images/{name}.png)"
    text = output.get("text") or data.get("text/plain", "")
    text = re.sub(r"\x1b\[[0-9;]*m", "", "".join(text)).rstrip()
    return f"```text\n{text}\n```" if text and output.get("name") != "stderr" else ""


def _save(png: bytes, path: Path) -> None:
    """Write a figure no wider than a page, with a palette."""
    image = Image.open(io.BytesIO(png)).convert("RGBA")
    if image.width > WIDTH:
        image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
    path.write_bytes(indexed_png(np.asarray(image), dots_per_inch=100))


def main() -> None:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--run-only", action="store_true", help="write nothing")
    asked = parser.parse_args()
    images = PAGES / "images"
    for source in sources(asked.names):
        with tempfile.TemporaryDirectory() as folder:
            notebook = run(source, Path(folder))
        if asked.run_only:
            continue
        images.mkdir(parents=True, exist_ok=True)
        for old in images.glob(f"{source.stem}-*.png"):
            old.unlink()
        (PAGES / f"{source.stem}.md").write_text(page(notebook, source.stem, images), encoding="utf-8")
        nbformat.write(paired(source), source.with_suffix(".ipynb"))
        print(source.stem)


if __name__ == "__main__":
    main()
