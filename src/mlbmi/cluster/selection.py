"""Choosing the number of clusters: scores for each, a rule, and the reasons in a sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING, cast

import numpy as np

from mlbmi.cluster._band_images import has_bands
from mlbmi.cluster._block_sample import sample_in_blocks
from mlbmi.cluster._rows import check_any, check_k
from mlbmi.cluster._solve_all import solve_line, solve_table
from mlbmi.cluster._spaces import learned
from mlbmi.cluster._table import Table
from mlbmi.cluster.bands import bands_of
from mlbmi.cluster.choosing import choose
from mlbmi.cluster.images import check_image_scaling
from mlbmi.cluster.scaling import check_scaling, scaled_table
from mlbmi.cluster.scores import Sample, Solved, score
from mlbmi.cluster.series import series_of
from mlbmi.errors import ClusterError
from mlbmi.types import KSelection

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    import xarray as xr
    from numpy.typing import ArrayLike, NDArray

    from mlbmi.cluster._spaces import Space
    from mlbmi.types import KScores, Mode, ScalingMethod

__all__ = ["score_table", "select_n_clusters"]

_MODES = ("timeseries", "images", "bands", "located")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effort:
    """How much is computed: rows sampled, pairs of halves, references; and the seed of all that is drawn."""

    sample: int
    n_resamples: int
    n_references: int
    seed: int

    def __post_init__(self) -> None:
        for name, least in (("sample", 2), ("n_resamples", 1), ("n_references", 1), ("seed", 0)):
            value: object = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
                raise ClusterError(f"{name} is {value!r}; it must be a whole number of at least {least}")

    @property
    def random(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def score(self, sample: Sample, solved: Sequence[Solved]) -> tuple[KScores, ...]:
        return score(sample, solved, n_resamples=self.n_resamples, n_references=self.n_references, seed=self.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What is clustered."""

    mode: Mode
    scaling: ScalingMethod
    quantile_range: tuple[float, float]
    min_observations: int | None
    date: str | dt.date | np.datetime64 | None


def _space(data: xr.DataArray | xr.Dataset, options: _Options) -> Space:
    """Read the features of the pixels; of ``located`` those that place is added to."""
    if options.mode == "bands" or (options.mode == "located" and has_bands(data)):
        return bands_of(data, options.date)
    # Of images each value counts for itself: one observation is enough.
    least = 1 if options.mode == "images" else options.min_observations
    return series_of(cast("xr.DataArray", data), least)


def select_n_clusters(
    data: xr.DataArray | xr.Dataset,
    k_range: Iterable[int] = range(2, 11),
    *,
    mode: Mode = "timeseries",
    seed: int = 0,
    sample: int = 20_000,
    scaling: ScalingMethod = "none",
    quantile_range: tuple[float, float] = (25.0, 75.0),
    min_observations: int | None = None,
    date: str | dt.date | np.datetime64 | None = None,
    n_resamples: int = 6,
    n_references: int = 6,
) -> KSelection:
    """Choose the number of clusters by a stated rule (:func:`.choosing.choose`), and keep every score.

    For each number all the data are clustered, as :func:`cluster_timeseries`, :func:`cluster_images` or :func:`cluster_bands`
    would, so ``sse`` is over all clustered pixels. The other scores are computed on a sample: up to 400 blocks of 32 × 32 pixels
    (smaller ones in a small area) spread over the area, and the same share of the pixels of each.

    Parameters
    ----------
    data : xarray.DataArray or xarray.Dataset
        As for the mode's function. It is read into memory.
    k_range : iterable of int, default=range(2, 11)
        Numbers of clusters to compare, 1 to 255 each. Numbers above that of distinct pixels are left out.
    mode : {"timeseries", "images", "bands", "located"}, default="timeseries"
        What will be clustered. For ``located`` the series (or bands) alone are scored: coordinates fill the area evenly and form
        no groups of their own.
    seed : int, default=0
        Of the clusterings, the sample, the halves and the references.
    sample : int, default=20000
        Pixels to sample, at most (images: pixels times dates).
    scaling, quantile_range, min_observations, date
        As for the mode's function, where it has them. In images no scaling changes the choice; ``sse`` is in units of the index.
    n_resamples : int, default=6
        Pairs of halves for the stability.
    n_references : int, default=6
        References for the gap statistic.

    Returns
    -------
    KSelection

    Raises
    ------
    ClusterError
        If nothing can be clustered: all is missing, there are fewer distinct pixels than the smallest number asked for, a
        parameter is out of range or means nothing in this mode.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> levels = np.repeat([0.1, 0.4, 0.8], 40) + np.linspace(0, 0.05, 120)
    >>> ndvi = xr.DataArray(levels.reshape(12, 10), dims=("y", "x"), name="ndvi")
    >>> found = select_n_clusters(ndvi, range(2, 6), mode="images")
    >>> found.n_clusters, [round(row.silhouette, 2) for row in found.scores]
    (3, [0.8, 0.99, 0.9, 0.8])
    """
    numbers = _checked_range(k_range)
    effort = _Effort(sample=sample, n_resamples=n_resamples, n_references=n_references, seed=seed)
    options = _Options(
        mode=mode, scaling=scaling, quantile_range=quantile_range, min_observations=min_observations, date=date
    )  # fmt: skip
    _check_options(options)
    space = _space(data, options)
    drawn, solved = _of_values(space, numbers, effort) if mode == "images" else _of_rows(space, options, numbers, effort)
    scores = effort.score(drawn, solved)
    n_clusters, reason = choose(scores)
    return KSelection(
        mode=mode, index=space.index, n_clusters=n_clusters, reason=reason, scores=scores, sample=len(drawn.rows), seed=seed
    )  # fmt: skip


def score_table(
    table: ArrayLike,
    k_range: Iterable[int] = range(2, 11),
    *,
    groups: ArrayLike | None = None,
    seed: int = 0,
    sample: int = 20_000,
    n_resamples: int = 6,
    n_references: int = 6,
) -> tuple[KScores, ...]:
    """Score numbers of clusters for rows that have no place; :func:`.choosing.choose` then chooses.

    Parameters
    ----------
    table : array-like of float, shape (n, d)
        NaN is missing. Rows without any value do not count. One column is clustered exactly.
    k_range, seed, sample, n_resamples, n_references
        As for :func:`select_n_clusters`; of more rows than ``sample`` so many are drawn.
    groups : array-like of int, shape (n,), optional
        Rows of one group are not independent. Default: each row stands alone.

    Returns
    -------
    tuple of KScores

    Raises
    ------
    ClusterError
        As for :func:`select_n_clusters`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.repeat([[0.0, 0.0], [5.0, 1.0], [2.0, 8.0]], 30, axis=0) + np.linspace(0, 1, 90)[:, None]
    >>> from mlbmi.cluster.choosing import choose
    >>> choose(score_table(x, range(2, 6))).n_clusters
    3
    """
    effort = _Effort(sample=sample, n_resamples=n_resamples, n_references=n_references, seed=seed)
    numbers = _checked_range(k_range)
    rows, marks = _checked_rows(table, groups)
    columns = Table(numbers=np.ascontiguousarray(rows.T))
    solved = solve_line(columns, numbers) if rows.shape[1] == 1 else solve_table(columns, numbers, least=1, seed=seed)
    chosen = np.sort(effort.random.choice(len(rows), min(sample, len(rows)), replace=False))
    return effort.score(Sample(rows[chosen].astype(np.float32), marks[chosen]), solved)


def _checked_range(k_range: Iterable[int]) -> list[int]:
    numbers = list(k_range)
    if not numbers:
        raise ClusterError("k_range is empty; it must hold at least one number of clusters", remedy="Give range(2, 11).")
    for k in numbers:
        check_k(k)
    return sorted({int(k) for k in numbers})


def _checked_rows(table: ArrayLike, groups: ArrayLike | None) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the rows that have a value, and their groups."""
    rows = np.asarray(table, np.float64)
    if rows.ndim != 2 or not rows.shape[1]:
        raise ClusterError(f"the table has the shape {rows.shape}; it must be (n, d) with d at least 1")
    marks = np.arange(len(rows)) if groups is None else np.asarray(groups, np.intp)
    if marks.shape != (len(rows),):
        raise ClusterError(f"groups have the shape {marks.shape}; there must be one for each of the {len(rows)} rows")
    there = ~np.isnan(rows).all(axis=1)
    check_any(int(there.sum()))
    return rows[there], marks[there]


def _check_options(options: _Options) -> None:
    mode = options.mode
    if mode not in _MODES:
        raise ClusterError(f"mode is {mode!r}; it must be one of {', '.join(_MODES)}")
    check_scaling(options.scaling, options.quantile_range)
    if mode == "images":
        check_image_scaling(options.scaling)
    foreign = {
        "min_observations": options.min_observations is not None and mode in {"images", "bands"},
        "date": options.date is not None and mode in {"images", "timeseries"},
    }
    for name in (name for name, given in foreign.items() if given):
        raise ClusterError(f"{name} means nothing for mode {mode!r}", remedy=f"Leave {name} out.")


def _drawn(space: Space, table: Table, effort: _Effort) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return a sample of the pixels with enough observations, (n, d), NaN where missing, and the block of each."""
    usable = space.table.observations() >= space.least
    check_any(bool(usable.any()))
    shape = space.grid.sizes["y"], space.grid.sizes["x"]
    pixels, groups = sample_in_blocks(usable.reshape(shape), effort.sample, effort.random)
    return table.decoded(table.numbers[:, pixels]).T, groups


def _of_rows(space: Space, options: _Options, numbers: Sequence[int], effort: _Effort) -> tuple[Sample, list[Solved]]:
    """Score pixels by all their features together."""
    table = scaled_table(space.table, learned(space, options.scaling, options.quantile_range))
    rows, groups = _drawn(space, table, effort)
    solved = solve_table(table, numbers, least=space.least, seed=effort.seed)
    return Sample(rows.astype(np.float32), groups), solved


def _of_values(space: Space, numbers: Sequence[int], effort: _Effort) -> tuple[Sample, list[Solved]]:
    """Score single values, all dates pooled: a block holds the values of its pixels on every date."""
    dates = len(space.table.numbers)
    rows, groups = _drawn(space, space.table, replace(effort, sample=max(2, effort.sample // dates)))
    seen = ~np.isnan(rows)
    return Sample(rows[seen][:, None].astype(np.float32), np.repeat(groups, seen.sum(axis=1))), solve_line(space.table, numbers)
