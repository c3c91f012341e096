"""Maps as they are drawn: each knows how to fill a rectangle of so many pixels of the screen, and computes no more than these.

Outside the area they are transparent, missing inside it grey.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mlbmi.types import LABEL_NODATA
from mlbmi.write.colours import MISSING_RGB, ramp_rgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlbmi.write.colours import RGB

__all__ = ["ClassPicture", "IndexPicture", "MemberPicture", "Picture", "PlainPicture", "class_codes", "level_rgb"]

_OTHERS_RGB: RGB = (0xEC, 0xEC, 0xEC)
_OUTSIDE = 256
_OUTSIDE_RGBA = (255, 255, 255, 0)  # white under the transparency: edges that something smooths must not turn dark
_LEVELS = 128  # steps of an index's ramp, each under a third of what the eye tells apart: a palette holds them all
_SHADES = 8


class Picture(Protocol):
    """What can be drawn as a map."""

    def drawn(self, width: int, height: int) -> NDArray[np.uint8]:
        """Return RGBA of shape (height, width, 4), north up."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class PlainPicture:
    """An RGBA image, drawn by its nearest pixels.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (y, x, 4)
    """

    pixels: NDArray[np.uint8]

    def drawn(self, width: int, height: int) -> NDArray[np.uint8]:
        """Return RGBA of shape (height, width, 4)."""
        return _nearest(self.pixels, width, height)


@dataclass(frozen=True, slots=True, eq=False)
class ClassPicture:
    """Clusters in their colours, by nearest pixel: no colour appears that is not in the legend.

    Attributes
    ----------
    codes : ndarray of uint16, shape (y, x)
        From :func:`class_codes`.
    colours : sequence of (red, green, blue)
        By label.
    """

    codes: NDArray[np.uint16]
    colours: Sequence[RGB]

    def drawn(self, width: int, height: int) -> NDArray[np.uint8]:
        """Return RGBA of shape (height, width, 4)."""
        table = np.full((_OUTSIDE + 1, 4), (*MISSING_RGB, 255), np.uint8)
        table[: len(self.colours), :3] = self.colours
        table[_OUTSIDE] = _OUTSIDE_RGBA
        return _coloured(table, _nearest(self.codes, width, height))


@dataclass(frozen=True, slots=True, eq=False)
class MemberPicture:
    """One cluster among the others, which are pale; where pixels are merged, its colour is as strong as its share.

    Attributes
    ----------
    codes : ndarray of uint16, shape (y, x)
        From :func:`class_codes`.
    label : int
        The cluster.
    colour : (red, green, blue)
        Its colour.
    """

    codes: NDArray[np.uint16]
    label: int
    colour: RGB

    def drawn(self, width: int, height: int) -> NDArray[np.uint8]:
        """Return RGBA of shape (height, width, 4)."""
        strength = np.arange(_SHADES + 1)[:, None] / _SHADES
        table = np.full((_SHADES + 3, 4), 255, np.uint8)
        table[: _SHADES + 1, :3] = np.rint(strength * self.colour + (1 - strength) * _OTHERS_RGB)
        table[_SHADES + 1 :] = (*MISSING_RGB, 255), _OUTSIDE_RGBA
        shade = np.rint(_box_means(self.codes == self.label, width, height) * _SHADES).astype(np.uint8)
        codes = _nearest(self.codes, width, height)
        shade[codes == LABEL_NODATA] = _SHADES + 1
        shade[codes == _OUTSIDE] = _SHADES + 2
        return _coloured(table, shade)


@dataclass(frozen=True, slots=True, eq=False)
class IndexPicture:
    """An index between two limits in the colours of the ramp; where pixels are merged, the mean of the valid ones.

    Attributes
    ----------
    values : ndarray of float, shape (y, x)
        NaN where missing.
    limits : (float, float)
        Values at the ends of the ramp.
    area : ndarray of bool, shape (y, x)
        True inside the area.
    """

    values: NDArray[np.floating]
    limits: tuple[float, float]
    area: NDArray[np.bool_]

    def drawn(self, width: int, height: int) -> NDArray[np.uint8]:
        """Return RGBA of shape (height, width, 4)."""
        table = np.full((_LEVELS + 2, 4), 255, np.uint8)
        table[:_LEVELS, :3] = level_rgb(np.linspace(0, 1, _LEVELS))
        table[_LEVELS:] = (*MISSING_RGB, 255), _OUTSIDE_RGBA
        valid = np.isfinite(self.values)
        shares = _box_means(valid, width, height)
        sums = _box_means(np.where(valid, self.values, np.float32(0)), width, height)
        low, high = self.limits
        with np.errstate(divide="ignore", invalid="ignore"):
            position = (sums / shares - low) / (high - low)
        inside = _nearest(self.area, width, height)
        codes = np.where(shares > 0, _level(np.where(shares > 0, position, 0.0)), np.where(inside, _LEVELS, _LEVELS + 1))
        return _coloured(table, codes.astype(np.uint8))


def class_codes(labels: NDArray[np.uint8], area: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Return labels in which what is missing outside the area is told apart from what is missing inside it."""
    codes = labels.astype(np.uint16)
    codes[(labels == LABEL_NODATA) & ~area] = _OUTSIDE
    return codes


def level_rgb(position: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return the ramp's colours at positions 0 to 1, in the steps that maps have; beyond the ends the end colours hold."""
    return ramp_rgb(_level(position) / (_LEVELS - 1))


def _level(position: NDArray[np.floating]) -> NDArray[np.floating]:
    levels: NDArray[np.floating] = np.rint(np.clip(position, 0.0, 1.0) * (_LEVELS - 1))
    return levels


def _coloured(table: NDArray[np.uint8], codes: NDArray[Any]) -> NDArray[np.uint8]:
    # A pixel as one number: four times as fast as four channels.
    pixels: NDArray[np.uint8] = table.view(np.uint32)[:, 0].take(codes)[..., None].view(np.uint8)
    return pixels


def _nearest(image: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """Return an image with so many columns and rows, each the one whose middle is nearest."""
    rows, columns = (
        ((2 * np.arange(wanted) + 1) * length) // (2 * wanted)
        for wanted, length in zip((height, width), image.shape[:2], strict=True)
    )
    nearest: NDArray[Any] = image.take(rows, axis=0).take(columns, axis=1)
    return nearest


def _box_means(image: NDArray[Any], width: int, height: int) -> NDArray[np.float32]:
    """Return means over boxes of whole pixels; along an axis that has fewer pixels than wanted, the nearest ones."""
    rows, columns = min(height, image.shape[0]), min(width, image.shape[1])
    sums, heights = _box_sums(image.view(np.uint8) if image.dtype == bool else image, rows)
    sums, widths = _box_sums(np.ascontiguousarray(sums.T), columns)
    return _nearest(sums.T / np.multiply.outer(heights, widths).astype(np.float32), width, height)


def _box_sums(image: NDArray[Any], wanted: int) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return sums over so many groups of neighbouring rows, and the sizes of these."""
    starts = np.arange(wanted) * len(image) // wanted
    sizes = np.diff(starts, append=len(image))
    sums = image[starts].astype(np.float32)
    # Groups are small: adding their first rows, their second ones and so on takes a third of numpy.add.reduceat's time.
    for number in range(1, int(sizes.max())):
        longer = sizes > number
        if longer.all():
            sums += image[starts + number]
        else:
            sums[longer] += image[starts[longer] + number]
    return sums, sizes
