"""How often each pixel of a cube was seen, and for how long not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlbmi.types import INDEX_NODATA, OUTSIDE, Coverage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlbmi.cube.store import CubeStore

__all__ = ["coverage"]


def coverage(cube: CubeStore, grid: str, index: str, area: NDArray[np.bool_]) -> Coverage:
    """Count observations, day by day: one day is in memory at a time.

    Parameters
    ----------
    cube : CubeStore
        The cube.
    grid, index : str
        Which array.
    area : ndarray of bool, shape (y, x)
        True inside the area.

    Returns
    -------
    Coverage
    """
    days = cube.days[grid]
    seen = np.zeros(area.shape, dtype=np.uint16)
    longest = np.zeros(area.shape, dtype=np.uint16)
    last = np.zeros(area.shape, dtype=np.uint16)
    clear = []
    for number, day in enumerate(days):
        valid = (cube.read_day(grid, index, number) != INDEX_NODATA) & area
        since = np.uint16((day - days[0]).days)
        seen += valid
        longest[valid] = np.maximum(longest[valid], since - last[valid])
        last[valid] = since
        clear.append(int(np.count_nonzero(valid)))
    longest = np.maximum(longest, np.uint16((days[-1] - days[0]).days) - last)
    seen[~area], longest[~area] = OUTSIDE, OUTSIDE
    return Coverage(index=index, dates=days, observations=seen, longest_gap=longest, clear=tuple(clear))
