"""K-means of a chunked cube's series, window by window: the cube is read a few times and never held."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.utils import check_random_state

from mlbmi.cluster._coded import CodedCube, coded_cube
from mlbmi.cluster._lloyd_start import best_start, date_variance, on_dates, pooled, sample, sample_size
from mlbmi.cluster._rows import check_k
from mlbmi.cluster._stream_blocks import Blocks
from mlbmi.cluster._stream_engine import Frame, Streamed
from mlbmi.cluster._stream_start import draw_stand_in, least_observations
from mlbmi.cluster.lloyd import KMeans
from mlbmi.cluster.numbering import canonical_order, new_numbers
from mlbmi.cluster.reach import members_sample
from mlbmi.cluster.statistics import Moments, pixel_moments
from mlbmi.errors import ClusterError, InputError
from mlbmi.types import LABEL_NODATA

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from mlbmi.cluster._stream_blocks import Window

__all__ = ["BlockFit", "fit_blocks"]

_STAND_IN = 1 << 18
"""Pixels among which the start is searched; grids of no more are known whole, and start where they do in memory."""

_STAND_IN_SHARE, _DOUBT_SHARE = 8, 8
"""Shares of the memory for the pixels that stand in (held twice while they are drawn), and for the pixels in doubt."""

_MEMORY = 256 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockFit:
    """K-means of a cube's series, with what a table of clusters needs.

    Attributes
    ----------
    labels : ndarray of uint8, shape (rows, columns)
        0 … ``n_clusters`` − 1, in canonical order; 255 for fewer than ``min_observations``.
    centers : ndarray of float64, shape (n_clusters, n_dates)
        In the cube's numbers as stored. NaN on a date on which nothing was observed.
    members : ndarray of int64, shape (n_clusters,)
        Pixels.
    inertia : float
        The objective over all pixels, float64; in squared stored numbers.
    path : ndarray of float64, shape (n_iter + 1,)
        The objective after the start and after each update: never rising.
    n_iter : int
    converged : bool
    min_observations : int
        Given, or found by default.
    moments : tuple of Moments
        Of the stored numbers by cluster, one per date, about each cluster's mean over dates.
    examples : ndarray, shape (n_dates, n)
        Stored numbers of some members of each cluster (:func:`.reach.members_sample`), from which a reach is taken.
    example_labels : ndarray of uint8, shape (n,)
    readings : float
        Bytes read, as a multiple of the cube's.
    """

    labels: NDArray[np.uint8]
    centers: NDArray[np.float64]
    members: NDArray[np.int64]
    inertia: float
    path: NDArray[np.float64]
    n_iter: int
    converged: bool
    min_observations: int
    moments: tuple[Moments, ...]
    examples: NDArray[Any]
    example_labels: NDArray[np.uint8]
    readings: float


def fit_blocks(
    data: xr.DataArray | CodedCube,
    n_clusters: int = 5,
    *,
    seed: int = 0,
    min_observations: int | None = None,
    partial: Literal["scaled", "observed"] = "scaled",
    n_init: int = 4,
    max_iter: int = 300,
    tol: float = 1e-7,
    memory: int = _MEMORY,
) -> BlockFit:
    """Cluster the series of a cube that need not fit into memory.

    Minimises what :class:`KMeans` minimises, by the same steps. The cube is read once to draw pixels among which the start is
    searched, once to assign all, once more whenever the centers have moved too far (:mod:`._stream_engine`), and once for the
    moments: three to five times as a rule. A cube of at most half of ``memory`` is read once and kept. Where it is *computed*
    rather than read (a graph of downloads), store it first.

    Parameters
    ----------
    data : DataArray or CodedCube
        As for :func:`cluster_timeseries`: chunked by Dask, opened without it, or in memory. It need not be rechunked: windows
        follow its chunks, all dates of each, and whatever scheduler is set reads them.
    n_clusters, seed, min_observations, partial, n_init, max_iter, tol
        As for :func:`cluster_timeseries`.
    memory : int, default=268435456
        Bytes of values held at a time. A byte per pixel for the labels, what the scheduler itself holds while it reads, and
        ten bytes per pixel of a window come on top.

    Returns
    -------
    BlockFit

    Raises
    ------
    ClusterError
        As :func:`cluster_timeseries`.

    Notes
    -----
    Sums are taken in float64 in the order of the windows, so the answer does not depend on threads or scheduler. Other chunks
    (another ``memory``) add in another order: centers then agree to rounding, and a pixel halfway between two of them may go to
    the other one. Grids of up to 262 144 pixels start where :class:`KMeans` starts, and agree with it in the same way; larger
    ones start from another sample than it draws, and may stop at another point within ``tol``.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> series = np.array([[0.2, 0.2], [0.2, 0.9], [0.3, 0.8]])
    >>> result = fit_blocks(xr.DataArray(series[:, None, :], dims=("time", "y", "x")).chunk(time=1, x=1), n_clusters=2)
    >>> result.labels, result.members
    (array([[0, 1]], dtype=uint8), array([1, 1]))
    """
    check_k(n_clusters)
    cube = data if isinstance(data, CodedCube) else coded_cube(data)
    model = KMeans(
        n_clusters,
        n_init=n_init,
        max_iter=max_iter,
        tol=tol,
        random_state=seed,
        partial=partial,
        min_observations=1 if min_observations is None else min_observations,
    )
    try:
        model._check_parameters()  # noqa: SLF001 - the same rules
        _check_memory(memory)
        return _fit(Blocks(cube, memory), model, min_observations, memory)
    except InputError as error:
        raise ClusterError(error.message, remedy=error.remedy) from error


def _check_memory(memory: object) -> None:
    if isinstance(memory, bool) or not isinstance(memory, Integral) or memory < 1:
        raise InputError(f"memory is {memory!r}; it must be a whole number of bytes, at least 1")


def _fit(blocks: Blocks, model: KMeans, least: int | None, memory: int) -> BlockFit:
    table, population, frame = _draw(blocks, model, least, memory)
    start, tol = _start(table, frame, model)
    room = memory // _DOUBT_SHARE // (blocks.pixel_bytes + 16)
    state = Streamed(blocks, frame, frame.pixels(table), start, population=population, room=room)
    converged = _descend(state, model.max_iter, tol)
    order = canonical_order(state.centers)
    labels, members = _renumbered(state.labels, order), state.sums.members[order]
    _check_filled(members)
    centers = np.full((model.n_clusters, blocks.dates), np.nan)
    centers[:, frame.dates] = state.centers[order]
    last = _LastReading(blocks, labels, members, state.centers[order].mean(axis=1))
    blocks.visit(last.look)
    return BlockFit(
        labels=labels,
        centers=centers,
        members=members,
        inertia=state.path[-1],
        path=np.array(state.path),
        n_iter=len(state.path) - 1,
        converged=converged,
        min_observations=frame.least,
        moments=tuple(last.moments),
        examples=last.examples,
        example_labels=labels.reshape(-1)[last.places],
        readings=blocks.bytes_read / blocks.cube.data.nbytes,
    )


def _draw(blocks: Blocks, model: KMeans, least: int | None, memory: int) -> tuple[NDArray[Any], int, Frame]:
    """Draw the pixels that stand in: their values, how many pixels they stand for, and how all are to be understood.

    The default of observations is known only after a reading; if it leaves few of what was drawn, others are drawn by it.
    """
    enough = 4 * sample_size(model.n_clusters)
    size = min(_STAND_IN, max(enough, memory // _STAND_IN_SHARE // blocks.pixel_bytes))
    drawn = draw_stand_in(blocks, size, 1 if least is None else least)
    wanted = least_observations(int(drawn.seen.sum())) if least is None else least
    if least is None and drawn.population > size and 2 * drawn.usable(wanted) < size:
        drawn = draw_stand_in(blocks, size, wanted)
    dates = np.flatnonzero(drawn.seen)
    frame = Frame(nodata=blocks.cube.nodata, least=wanted, scaled=model.partial == "scaled", dates=dates)
    return drawn.table(), drawn.population, frame


def _start(table: NDArray[Any], frame: Frame, model: KMeans) -> tuple[NDArray[np.float64], float]:
    """Search for centers to start from, as :class:`KMeans` does; return them with the tolerance in units of the data."""
    random, k = check_random_state(model.random_state), model.n_clusters
    every = replace(frame, dates=np.arange(table.shape[1]))
    if not len(table):
        raise _too_few(0, frame, k)
    small = sample(every.pixels(table), sample_size(k), random)
    if small.count < k:
        raise _too_few(small.count, frame, k)
    small, pixels = on_dates(small, frame.dates), frame.pixels(table)
    tol = model.tol * date_variance(small)
    if small.count >= pixels.count or pixels.count <= 2 * sample_size(k):
        small = pooled(small)
    start = best_start(pixels, small, k, n_init=model.n_init, max_iter=model.max_iter, tol=tol, random=random)
    return start[canonical_order(start)], tol


def _too_few(count: int, frame: Frame, k: int) -> ClusterError:
    return ClusterError(
        f"n_samples={count} usable pixels (at least {frame.least} observed) are fewer than n_clusters={k}",
        remedy="Ask for fewer clusters or fewer observations.",
    )


def _descend(state: Streamed, max_iter: int, tol: float) -> bool:
    converged = False
    while not converged and len(state.path) <= max_iter:
        moved, changed = state.step()
        converged = changed == 0 or moved <= tol
    state.settle()
    return converged


def _renumbered(labels: NDArray[np.uint8], order: NDArray[np.int64]) -> NDArray[np.uint8]:
    numbers = np.full(LABEL_NODATA + 1, LABEL_NODATA, np.uint8)
    numbers[: order.size] = new_numbers(order)
    return numbers[labels]


def _check_filled(members: NDArray[np.int64]) -> None:
    filled = int((members > 0).sum())
    if filled < members.size:
        raise ClusterError(
            f"{members.size} clusters were asked for, but the series fall into no more than {filled} distinct ones",
            remedy=f"Ask for at most {filled}.",
        )


class _LastReading:
    """Takes, under the final labels, the moments of each date, and the values of some members."""

    def __init__(self, blocks: Blocks, labels: NDArray[np.uint8], members: NDArray[np.int64], shift: NDArray[np.float64]) -> None:
        self.moments = [Moments(shift, np.zeros((3, shift.size))) for _ in range(blocks.dates)]
        self.places = members_sample(labels, members)
        self.examples = np.empty((blocks.dates, self.places.size), blocks.cube.data.dtype)
        self._labels, self._nodata, self._shift = labels, blocks.cube.nodata, shift

    def look(self, window: Window, values: NDArray[Any]) -> None:
        mine = np.ascontiguousarray(self._labels[window.rows, window.columns]).reshape(-1)
        for date, image in enumerate(values):
            self.moments[date] += pixel_moments(image, mine, self._shift, nodata=self._nodata)
        here, within = window.among(self.places, self._labels.shape[1])
        self.examples[:, here] = values[:, within]
