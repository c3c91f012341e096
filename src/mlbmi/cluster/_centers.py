"""Centers for many numbers of clusters, of small tables: what resampling and references are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlbmi.cluster.exact import solve
from mlbmi.cluster.lloyd import KMeans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["centers_by_k"]


def centers_by_k(
    table: NDArray[np.floating], k_values: Sequence[int], *, seed: int, n_init: int = 1
) -> list[tuple[NDArray[np.float64], float]]:
    """Return centers and squared error for each number of clusters; of one feature exactly, all from one run.

    Parameters
    ----------
    table : ndarray of float, shape (n, d)
        NaN is missing; rows without any value are passed over. At least as many others as clusters.
    k_values : sequence of int
    seed, n_init : int
        Of :class:`.KMeans`; not used for one feature.

    Returns
    -------
    list of (ndarray of float64, shape (k or fewer, d), float)
        Fewer where there are fewer distinct rows. NaN for features never observed.

    Examples
    --------
    >>> import numpy as np
    >>> [centers.ravel().tolist() for centers, _ in centers_by_k(np.array([[0.0], [1.0], [5.0]]), [1, 2], seed=0)]
    [[2.0], [0.5, 5.0]]
    """
    if table.shape[1] == 1:
        levels, counts = np.unique(table[~np.isnan(table)].astype(np.float64), return_counts=True)
        solutions = solve(levels, counts, max(k_values))
        best = [solutions[min(k, solutions.k_max)] for k in k_values]
        return [(solution.centers[:, None], solution.sse) for solution in best]
    return [_lloyd(table, k, seed, n_init) for k in k_values]


def _lloyd(table: NDArray[np.floating], k: int, seed: int, n_init: int) -> tuple[NDArray[np.float64], float]:
    model = KMeans(k, n_init=n_init, random_state=seed, nodata=None)
    # Fit, without its warning: fewer distinct rows than clusters is no news in a part of the data.
    model._descend(table)  # noqa: SLF001
    return model.cluster_centers_, float(model.inertia_)
