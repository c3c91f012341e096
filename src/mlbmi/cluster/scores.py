"""The scores of every number of clusters, on a sample in blocks, from centers that were found on all the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlbmi.cluster.criteria import (
    block_error,
    calinski_harabasz,
    davies_bouldin,
    grand_center,
    nearest_centers,
    partial_distances,
    simplified_silhouettes,
)
from mlbmi.cluster.gap import gap_statistic
from mlbmi.cluster.stability import stability
from mlbmi.types import KScores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Sample", "Solved", "score"]

_NAN = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Rows on which scores are computed.

    Attributes
    ----------
    rows : ndarray of float32, shape (n, d)
        NaN is missing.
    groups : ndarray of int, shape (n,)
        Block of each row.
    """

    rows: NDArray[np.float32]
    groups: NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """The clustering of all the data for one number of clusters.

    Attributes
    ----------
    centers : ndarray of float64, shape (k, d)
    sse : float
    """

    centers: NDArray[np.float64]
    sse: float


def score(sample: Sample, solved: Sequence[Solved], *, n_resamples: int, n_references: int, seed: int) -> tuple[KScores, ...]:
    """Score clusterings of the same data into different numbers of clusters.

    Parameters
    ----------
    sample : Sample
    solved : sequence of Solved
    n_resamples, n_references : int
        Of :func:`.stability` and :func:`.gap_statistic`; 0 leaves them out (NaN).
    seed : int

    Returns
    -------
    tuple of KScores
        In the order of ``solved``.
    """
    numbers = [len(one.centers) for one in solved]
    gap, gap_sd = _gaps(sample, numbers, n_references, seed)
    stable = stability(sample.rows, numbers, groups=sample.groups, n_resamples=n_resamples, seed=seed)
    total = float((partial_distances(sample.rows, grand_center(sample.rows)[None]) ** 2).sum())
    return tuple(
        KScores(
            n_clusters=k,
            sse=one.sse,
            **_distance_scores(sample, one.centers, total),
            gap=float(gap[at]),
            gap_sd=float(gap_sd[at]),
            stability=float(stable[at]),
        )
        for at, (k, one) in enumerate(zip(numbers, solved, strict=True))
    )


def _distance_scores(sample: Sample, centers: NDArray[np.float64], total: float) -> dict[str, float]:
    if len(centers) == 1:
        return dict.fromkeys(("silhouette", "silhouette_sd", "calinski_harabasz", "davies_bouldin"), _NAN)
    distances = partial_distances(sample.rows, centers)
    labels = nearest_centers(distances)
    silhouettes = simplified_silhouettes(distances, labels)
    within = float((distances[np.arange(len(labels)), labels] ** 2).sum())
    return {
        "silhouette": float(silhouettes.mean()),
        "silhouette_sd": block_error(silhouettes, sample.groups),
        "calinski_harabasz": calinski_harabasz(within, total, len(labels), len(centers)),
        "davies_bouldin": davies_bouldin(distances, labels, centers),
    }


def _gaps(
    sample: Sample, numbers: Sequence[int], n_references: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return gap and error; NaN for more clusters than the sample has rows."""
    gap, error = np.full((2, len(numbers)), np.nan)
    fit = [at for at, k in enumerate(numbers) if k <= len(sample.rows)]
    if n_references and fit:
        found = gap_statistic(sample.rows, [numbers[at] for at in fit], n_references=n_references, seed=seed)
        gap[fit], error[fit] = found.gap, found.error
    return gap, error
