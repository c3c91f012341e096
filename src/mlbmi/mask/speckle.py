"""Small patches of a mask: bright roofs that the scene classification takes for clouds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["small_patches"]

_WITH_CORNERS = np.ones((3, 3), dtype=bool)


def small_patches(mask: NDArray[np.bool_], largest_px: int) -> NDArray[np.bool_]:
    """Return the True pixels of patches of at most so many pixels.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
        What is patchy. Pixels that touch at a corner belong together.
    largest_px : int
        Pixels of the largest patch to return, 0 or more.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
        A window's result is the whole image's wherever the window goes on for ``largest_px`` pixels on all sides.

    Examples
    --------
    >>> small_patches(np.array([[1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 1, 1]], dtype=bool), 2).astype(int)
    array([[1, 0, 0, 0],
           [0, 0, 0, 0],
           [0, 0, 0, 0]])
    """
    if largest_px == 0 or not mask.any():
        return np.zeros_like(mask)
    from scipy import ndimage

    patches, _ = ndimage.label(mask, structure=_WITH_CORNERS)
    small = np.bincount(patches.ravel()) <= largest_px
    small[0] = False
    found: NDArray[np.bool_] = small[patches]
    return found
