"""The kernel behind :mod:`mlbmi.cluster.change`: each pixel's labels are followed from date to date, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.compiling import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CHANGE_NODATA", "TOO_FEW", "UNCHANGED", "follow"]

CHANGE_NODATA = 65535
"""Code of a pixel that is labelled on fewer than two dates."""

UNCHANGED = -1
"""First change of a pixel that never settles in another cluster."""

TOO_FEW = -2
"""First change of a pixel that is labelled on fewer than two dates."""


@kernel()
def follow(  # noqa: C901, PLR0912, PLR0917 - one pass over the labels answers all questions; Numba takes arguments by position
    stack: NDArray[np.uint8],
    pixels: tuple[int, int],
    k: int,
    nodata: int,
    codes: NDArray[np.uint16],
    kept: NDArray[np.float32],
    since: NDArray[np.int32],
) -> tuple[NDArray[np.int64], int]:
    """Fill code, persistence and first change of some pixels; count their transitions.

    Parameters
    ----------
    stack : ndarray of uint8, shape (dates, n_pixels)
        Labels.
    pixels : (int, int)
        The first pixel to follow, and the one after the last. (Whole arrays and their bounds, because Numba compiles for pieces
        of an array anew.)
    k, nodata : int
        Number of clusters; the label that means missing. Others from ``k`` on are passed over, and reported.
    codes, kept, since : ndarray, shape (n_pixels,)
        Filled there.

    Returns
    -------
    ndarray of int64, shape (dates, k, k)
        ``[t, a, b]``: pixels with label a on date t and b on date t + 1; the last: a on the first date, b on the last.
    int
        Highest label.
    """
    dates = stack.shape[0]
    counts = np.zeros((dates, k, k), np.int64)
    highest = 0
    for i in range(pixels[0], pixels[1]):
        labelled = stayed = 0
        first = last = before = -1  # of all labelled dates, and of the date before, labelled or not
        settled = -1  # the first label that came twice running
        at, changed = -1, UNCHANGED
        for t in range(dates):
            now: Any = np.int64(stack[t, i])
            if now != nodata:
                highest = max(highest, now)
            if now >= k:
                before = -1
                continue
            if before >= 0:
                counts[t - 1, before, now] += 1
            if labelled == 0:
                first = now
            else:
                stayed += now == last
                if now == last:
                    if settled < 0:
                        settled = now
                    elif now != settled and changed == UNCHANGED:
                        changed = at
            last = before = now
            at = t
            labelled += 1
        start = np.int64(stack[0, i])
        if start < k and before >= 0:  # before is by now the label on the last date
            counts[dates - 1, start, before] += 1
        if labelled < 2:
            codes[i], kept[i], since[i] = CHANGE_NODATA, np.nan, TOO_FEW
        else:
            codes[i], kept[i], since[i] = first * k + last, stayed / (labelled - 1), changed
    return counts, highest
