"""What ``n_sig`` means: values that are no part of their image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

__all__ = ["outlying"]


def outlying(image: NDArray[np.floating[Any]], n_sig: float) -> NDArray[np.bool_]:
    """Say which values lie farther than ``n_sig`` standard deviations from the median of their image.

    Parameters
    ----------
    image : ndarray of float, shape (y, x)
        NaN where missing; counts nowhere.
    n_sig : float
        Number of standard deviations, above 0.

    Returns
    -------
    ndarray of bool
        False where missing.

    Examples
    --------
    >>> outlying(np.array([[0.4, 0.5, 0.6, 0.5], [0.5, np.nan, 0.5, 9.0]]), 2).nonzero()
    (array([1]), array([3]))
    """
    valid: NDArray[np.bool_] = np.isfinite(image)
    if not valid.any():
        return valid
    values = image[valid].astype(np.float64)
    away: NDArray[np.bool_] = np.abs(image - np.median(values)) > n_sig * values.std()
    return np.asarray(away & valid)
