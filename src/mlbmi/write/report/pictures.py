"""Figures inside the page: those of the whole period in full, those of single dates small, each with a way to its file."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

from mlbmi.write.report.markup import Markup, element

if TYPE_CHECKING:
    from pathlib import Path

    from mlbmi.write.report.source import Story

__all__ = ["full_figure", "small_figure"]

_SMALL_PX = 560
"""Width of a small picture: its legend can just be read, and 100 dates stay below 5 MB."""

_JPEG_QUALITY = 82


def full_figure(figure: Path, story: Story) -> Markup:
    """Return a figure as it is."""
    return _picture(figure, story, "image/png", figure.read_bytes())


def small_figure(figure: Path, story: Story) -> Markup:
    """Return a figure made small; a click on it opens the file, if the folder is still around the page."""
    from PIL import Image

    with Image.open(figure) as image:
        small = image.convert("RGB")
        small.thumbnail((_SMALL_PX, 10 * _SMALL_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return _picture(figure, story, "image/jpeg", buffer.getvalue())


def _picture(figure: Path, story: Story, media_type: str, content: bytes) -> Markup:
    name = figure.relative_to(story.out).as_posix()
    source = f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
    return element("figure", element("a", element("img", src=source, alt=figure.stem, loading="lazy"), href=name))
