"""Arrays of any shape and layout, walked in pieces of bounded size and never copied whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["flat", "rows_per_chunk", "straighten"]


def straighten(first: NDArray[Any], *others: NDArray[Any]) -> list[NDArray[Any]]:
    """Return views of arrays of one shape, their elements in one common order, best cut along the first axis.

    One-dimensional views where all lie in memory without gaps and in the same order; else the longest axis comes first.

    Raises
    ------
    InputError
        If shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> [view.shape for view in straighten(np.zeros((2, 3)), np.ones((2, 3)))]
    [(6,), (6,)]
    >>> straighten(np.zeros((2, 8))[:, ::2])[0].shape
    (4, 2)
    """
    arrays = [first, *others]
    for other in others:
        if other.shape != first.shape:
            raise InputError(
                f"arrays of shapes {first.shape} and {other.shape} were given; values, weights and labels must match"
            )
    if all(array.flags.c_contiguous for array in arrays):
        return [array.reshape(-1) for array in arrays]
    if all(array.flags.f_contiguous for array in arrays):
        return [array.T.reshape(-1) for array in arrays]
    longest = int(np.argmax(first.shape))
    return [np.moveaxis(array, longest, 0) for array in arrays]


def rows_per_chunk(array: NDArray[Any], elements: int) -> int:
    """Return how many rows along the first axis hold about so many elements; at least one.

    Examples
    --------
    >>> import numpy as np
    >>> rows_per_chunk(np.zeros((100, 10)), 50), rows_per_chunk(np.zeros((0, 10)), 50)
    (5, 1)
    """
    return max(1, elements * len(array) // max(1, array.size))


def flat(piece: NDArray[Any]) -> NDArray[Any]:
    """Return the elements as one gapless line in the machine's byte order: a view where possible, else a copy of this piece."""
    return np.ascontiguousarray(piece, dtype=piece.dtype.newbyteorder("=")).reshape(-1)
