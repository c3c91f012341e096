"""From rasters to the pixels of a figure: made smaller for display, coloured, missing apart from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.types import LABEL_NODATA
from mlbmi.write.colours import MISSING_RGB, ramp_rgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlbmi.write.colours import RGB

__all__ = ["class_pixels", "index_pixels", "member_pixels", "shrink_area", "shrink_index", "shrink_labels", "shrink_step"]

_OTHERS_RGB: RGB = (0xEC, 0xEC, 0xEC)
_BLOCK = 4  # blocks are averaged over at most 4 × 4 pixels: more costs time that no eye repays


def shrink_step(shape: tuple[int, int], limit: int) -> int:
    """Return how many pixels become one, per axis, so that the longer side stays between ``limit`` and twice that.

    Examples
    --------
    >>> shrink_step((10980, 10980), 1000), shrink_step((400, 300), 1000)
    (10, 1)
    """
    return max(1, max(shape) // limit)


def shrink_index(values: NDArray[np.floating], step: int) -> NDArray[np.float32]:
    """Return block means over valid pixels; NaN where a block has none."""
    blocks = _blocks(values, step, np.nan)
    valid = np.isfinite(blocks)
    counts = valid.sum(axis=(1, 3))
    sums = np.where(valid, blocks, 0.0).sum(axis=(1, 3))
    means: NDArray[np.float32] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(np.float32)
    return means


def shrink_labels(labels: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Return the most frequent label of each block, the lowest of equals; missing where a block has no label."""
    blocks = _blocks(labels, step, LABEL_NODATA)
    best = np.full((blocks.shape[0], blocks.shape[2]), LABEL_NODATA, dtype=np.uint8)
    most = np.zeros(best.shape, dtype=np.int64)
    for label in np.unique(blocks):
        if label != LABEL_NODATA:
            count = (blocks == label).sum(axis=(1, 3))
            best[count > most] = label
            most = np.maximum(most, count)
    return best


def shrink_area(area: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    """Say which blocks hold a pixel of the area."""
    inside: NDArray[np.bool_] = np.any(_blocks(area, step, False), axis=(1, 3))
    return inside


def class_pixels(labels: NDArray[np.uint8], colours: Sequence[RGB], area: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Colour a label map: RGBA, outside the area transparent, missing inside it grey."""
    table = np.full((256, 3), MISSING_RGB, dtype=np.uint8)
    table[: len(colours)] = colours
    return _with_alpha(table[labels], area | (labels != LABEL_NODATA))


def member_pixels(labels: NDArray[np.uint8], label: int, colour: RGB, area: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Colour one cluster, the others pale: RGBA, outside the area transparent, missing inside it grey."""
    table = np.full((256, 3), _OTHERS_RGB, dtype=np.uint8)
    table[label] = colour
    table[LABEL_NODATA] = MISSING_RGB
    return _with_alpha(table[labels], area | (labels != LABEL_NODATA))


def index_pixels(values: NDArray[np.floating], limits: tuple[float, float], area: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Colour an index by the ramp between two limits: RGBA, outside the area transparent, missing inside it grey."""
    low, high = limits
    valid = np.isfinite(values)
    colours = ramp_rgb((np.where(valid, values, low) - low) / (high - low))
    colours[~valid] = MISSING_RGB
    return _with_alpha(colours, area | valid)


def _with_alpha(colours: NDArray[np.uint8], visible: NDArray[np.bool_]) -> NDArray[np.uint8]:
    pixels = np.zeros((*colours.shape[:2], 4), dtype=np.uint8)
    # White under the transparency: edges that are smoothed on drawing must not turn dark.
    pixels[..., :3] = np.where(visible[..., None], colours, np.uint8(255))
    pixels[..., 3] = np.where(visible, 255, 0)
    return pixels


def _blocks(values: NDArray[Any], step: int, fill: Any) -> NDArray[Any]:
    """Cut into (rows, block rows, columns, block columns), padded at the lower and right edge, thinned if blocks are large."""
    thin = max(1, step // _BLOCK)
    size = step // thin
    thinned = values[::thin, ::thin]
    rows, columns = (-(-length // size) for length in thinned.shape)
    padded = np.pad(thinned, ((0, rows * size - thinned.shape[0]), (0, columns * size - thinned.shape[1])), constant_values=fill)
    return padded.reshape(rows, size, columns, size)
