"""All the data, clustered into each of several numbers of clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._spaces import Search, fitted_to
from mlbmi.cluster.exact import KMeans1D, histogram, solve
from mlbmi.cluster.scores import Solved
from mlbmi.errors import ClusterError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from mlbmi.cluster._table import Table

__all__ = ["solve_line", "solve_table"]


def solve_table(table: Table, numbers: Sequence[int], *, least: int, seed: int) -> list[Solved]:
    """Cluster rows into each number of clusters, as :func:`cluster_timeseries` does by default.

    Parameters
    ----------
    table : Table
        Scaled.
    numbers : sequence of int
        Ascending.
    least : int
        Observed features that a row needs.
    seed : int

    Returns
    -------
    list of Solved
        For as many of the numbers as there are distinct rows for.

    Raises
    ------
    ClusterError
        If there is none.
    """

    def fitted(k: int) -> Solved:
        found = fitted_to(table, Search(n_clusters=k, seed=seed, n_init=4, max_iter=300, tol=1e-7), least)
        return Solved(found.centers, found.inertia)

    return _while_distinct(fitted, numbers)


def solve_line(table: Table, numbers: Sequence[int]) -> list[Solved]:
    """Cluster all values of a table as one variable, exactly; of int16 all numbers of clusters come out of one run.

    Parameters
    ----------
    table : Table
        All its features are pooled.
    numbers : sequence of int
        Ascending.

    Returns
    -------
    list of Solved
        For as many of the numbers as there are distinct values for.

    Raises
    ------
    ClusterError
        If there is none.
    """
    exact = _by_values(table) if table.nodata is None else _by_levels(table, numbers[-1])
    return _while_distinct(exact, numbers)


def _by_levels(table: Table, most: int) -> Callable[[int], Solved]:
    solutions = solve(*histogram(table.numbers, nodata=table.nodata), most)

    def solution(k: int) -> Solved:
        best = solutions[k]
        return Solved(table.values(best.centers)[:, None], best.sse * table.step**2)

    return solution


def _by_values(table: Table) -> Callable[[int], Solved]:
    values: NDArray[Any] = table.numbers.reshape(-1, 1)

    def fitted(k: int) -> Solved:
        model = KMeans1D(k).fit(values)
        return Solved(model.cluster_centers_.astype(np.float64), float(model.inertia_))

    return fitted


def _while_distinct(fit: Callable[[int], Solved], numbers: Sequence[int]) -> list[Solved]:
    """Fit ascending numbers of clusters until there are fewer distinct rows than that."""
    solved: list[Solved] = []
    for k in numbers:
        try:
            solved.append(fit(k))
        except (ClusterError, InputError) as error:
            if not solved:
                raise ClusterError(error.message, remedy=error.remedy) from error
            break
    return solved
