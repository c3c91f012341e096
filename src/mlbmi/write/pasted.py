"""A picture in a figure, without axes: drawn in just the pixels that it takes, and so several times as fast as `imshow`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.artist import Artist

if TYPE_CHECKING:
    from matplotlib.backend_bases import RendererBase
    from matplotlib.transforms import Bbox

    from mlbmi.write.pictures import Picture

__all__ = ["Pasted"]


class Pasted(Artist):
    """Draws a picture, whatever the backend and the resolution.

    Parameters
    ----------
    picture : Picture
        What to draw.
    box : (float, float, float, float)
        Left, bottom, width and height, as shares of the figure's.
    """

    def __init__(self, picture: Picture, box: tuple[float, float, float, float]) -> None:
        super().__init__()
        self.picture, self.box = picture, box

    def get_window_extent(self, renderer: RendererBase | None = None) -> Bbox:  # noqa: ARG002 - matplotlib's signature
        """Return the box in pixels of the screen, on whole ones."""
        from matplotlib.transforms import Bbox

        figure = self.get_figure()
        if figure is None:
            raise RuntimeError("the picture is in no figure yet")
        left, bottom, width, height = self.box
        _, _, wide, high = figure.bbox.bounds
        return Bbox([[round(left * wide), round(bottom * high)], [round((left + width) * wide), round((bottom + height) * high)]])

    def draw(self, renderer: RendererBase) -> None:
        """Draw it."""
        if not self.get_visible():
            return
        extent, finer = self.get_window_extent(), renderer.get_image_magnification()
        pixels = self.picture.drawn(max(1, round(extent.width * finer)), max(1, round(extent.height * finer)))
        context = renderer.new_gc()
        # Renderers count lines from the bottom.
        renderer.draw_image(context, extent.x0, extent.y0, np.ascontiguousarray(pixels[::-1]))
        context.restore()
