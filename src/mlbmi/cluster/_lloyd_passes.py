"""The kernels of K-means over all pixels and threads: what a pass reads, and the sums it hands back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._lloyd_kernels import full_pass, gather, sparse_pass, square_distances
from mlbmi.compiling import read_only
from mlbmi.errors import InputError
from mlbmi.threads import map_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["DOUBTED", "Assignment", "Doubt", "Pixels", "Sums", "assign_all", "assign_uncertain", "distances", "take"]

_CHUNK = 1 << 17
"""Pixels per call of a kernel: enough to drown the cost of the call, few enough to keep two threads busy to the end."""

_ODD = 80
"""Added to the room: rows a power of two apart would share the same few places of the cache."""

DOUBTED = 8
"""One of so many pixels may be in doubt; with more, it is no better to look at them apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pixels:
    """Pixels × dates as they lie in memory, with what the objective needs to know about them.

    Attributes
    ----------
    flat : ndarray, 1-D, read-only
        int16, float32 or float64, never copied: the value of pixel i on date t is ``flat[offsets[t] + i * stride]``.
    count : int
        Number of pixels.
    offsets : ndarray of int64, shape (n_dates,)
    stride : int
    nodata : float
        Missing beside NaN, in the type of the arithmetic; NaN if there is none.
    weights : ndarray, shape (n_pixels,) or (0,)
        Non-negative, in the type of the arithmetic; empty if all are 1.
    least : int
        Observations that a pixel needs to be clustered.
    scaled : bool
        Scale partial distances by d/|O|.
    """

    flat: NDArray[Any]
    count: int
    offsets: NDArray[np.int64]
    stride: int
    nodata: Any
    weights: NDArray[Any]
    least: int
    scaled: bool

    @property
    def dates(self) -> int:
        """Number of dates."""
        return int(self.offsets.size)

    @property
    def kind(self) -> np.dtype[Any]:
        """Type of the arithmetic: float64 for float64, float32 for all else (int16 fits exactly)."""
        return np.dtype(np.float64 if self.flat.dtype == np.float64 else np.float32)

    @classmethod
    def of(cls, table: NDArray[Any], *, nodata: int | None, weights: NDArray[Any] | None, least: int, scaled: bool) -> Pixels:
        """Describe a table ``(n_pixels, n_dates)``; it is copied only if its memory is neither pixel- nor date-major."""
        by_date = table.flags.f_contiguous
        flat = (table.T if by_date else np.ascontiguousarray(table)).reshape(-1)
        count, dates = table.shape
        offsets = np.arange(dates, dtype=np.int64) * (count if by_date else 1)
        kind = np.float64 if flat.dtype == np.float64 else np.float32
        missing = nodata if nodata is not None and flat.dtype.kind == "i" else np.nan
        heavy = np.empty(0, kind) if weights is None else np.ascontiguousarray(weights, kind)
        return cls(
            flat=read_only(flat),
            count=count,
            offsets=read_only(offsets),
            stride=1 if by_date else dates,
            nodata=np.dtype(kind).type(missing),
            weights=read_only(heavy),
            least=least,
            scaled=scaled,
        )

    def like(self, values: NDArray[Any], weights: NDArray[Any]) -> Pixels:
        """Return other pixels of the same kind: values (n_dates, n_pixels) with NaN where missing, weights as above."""
        dates, count = values.shape
        return replace(
            self,
            flat=read_only(np.ascontiguousarray(values, self.kind).reshape(-1)),
            count=count,
            offsets=read_only(np.arange(dates, dtype=np.int64) * count),
            stride=1,
            nodata=self.kind.type(np.nan),
            weights=read_only(np.ascontiguousarray(weights)),
        )

    @property
    def layout(self) -> tuple[NDArray[Any], int, NDArray[np.int64], Any, NDArray[Any], int, bool]:
        """What the kernels take."""
        return self.flat, self.stride, self.offsets, self.nodata, self.weights, self.least, self.scaled


@dataclass(slots=True)
class Assignment:
    """Each pixel's label, and the total drift of the centers up to which it is certain (Hamerly 2010, as one number per pixel).

    A center that moves by δ changes its distance to any pixel by at most δ; that holds for partial distances too, which are
    distances in a subspace. So a label stands while the largest two moves since it was found sum to less than the gap between the
    nearest two distances. ``limits`` holds that gap plus the drift at the time: one comparison with the drift of now decides.
    """

    labels: NDArray[np.int32]
    limits: NDArray[np.float32]

    @classmethod
    def empty(cls, count: int) -> Assignment:
        """Make room for ``count`` pixels."""
        return cls(np.empty(count, np.int32), np.empty(count, np.float32))


@dataclass(slots=True)
class Sums:
    """Sums over pixels about an anchor (centers in the arithmetic's type): what the next centers and the objective follow from.

    ``residual`` Σ w(x − anchor) and ``mass`` Σ w by cluster and date, ``members`` pixels by cluster, ``square`` Σ w‖x − anchor‖².
    """

    anchor: NDArray[Any]
    residual: NDArray[np.float64]
    mass: NDArray[np.float64]
    members: NDArray[np.int64]
    square: float

    def add(self, part: tuple[Any, ...]) -> None:
        """Add what one chunk hands back."""
        self.residual += part[0]
        self.mass += part[1]
        self.members += part[2]
        self.square += part[3]

    def objective(self, centers: NDArray[np.float64]) -> float:
        """Return Σ w‖x − c‖² of the present labels at any centers, without a pass: it is a parabola about the anchor."""
        step = centers - self.anchor
        return max(0.0, float(self.square + (step * (step * self.mass - 2 * self.residual)).sum()))


@dataclass(slots=True)
class Doubt:
    """The pixels whose label is in doubt once the centers have drifted by ``horizon``, copied in passing by :func:`assign_all`.

    While the drift stays within the horizon, they are all that an iteration has to look at, and they lie close together.

    Attributes
    ----------
    horizon : float
    places : list of ndarray of int64
        Numbers of the pixels, piece by piece.
    values : list of ndarray, shape (n_dates, n)
        NaN where missing.
    complete : bool
        False: there were too many.
    """

    horizon: float
    places: list[NDArray[np.int64]] = field(default_factory=list)
    values: list[NDArray[Any]] = field(default_factory=list)
    complete: bool = True

    def room(self, pixels: Pixels, count: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return empty arrays for what ``count`` pixels may hold of them."""
        room = count // DOUBTED + _ODD * min(count, 1)
        return np.empty(room, np.int64), np.empty((pixels.dates, room), pixels.kind)

    def add(self, places: NDArray[np.int64], values: NDArray[Any], count: int) -> None:
        """Take up what was found among one chunk."""
        self.complete &= count <= places.size
        if self.complete:
            self.places.append(places[:count].copy())
            self.values.append(values[:, :count].copy())


def _run(parts: Iterator[tuple[Any, ...]], sums: Sums) -> int:
    last = 0
    for part in parts:
        sums.add(part)
        last += part[4]
    return last


def assign_all(
    pixels: Pixels, centers: NDArray[np.float64], into: Assignment, *, learn: bool = True, doubt: Doubt | None = None
) -> Sums:
    """Assign every pixel to its nearest center; return the sums about these centers, and fill ``doubt``.

    Raises
    ------
    InputError
        If a value is infinite.
    """
    anchor = np.ascontiguousarray(centers, pixels.kind)
    shape = anchor.shape
    sums = Sums(anchor, np.zeros(shape), np.zeros(shape), np.zeros(shape[0], np.int64), 0.0)
    horizon, nowhere = (0.0, Doubt(0.0).room(pixels, 0)) if doubt is None else (doubt.horizon, None)

    def work(start: int, stop: int) -> tuple[Any, ...]:
        places, values = nowhere or Doubt(horizon).room(pixels, stop - start)
        part = full_pass(start, stop, *pixels.layout, anchor, into.labels, into.limits, learn, horizon, places, values)
        return *part, places, values

    def parts() -> Iterator[tuple[Any, ...]]:
        for part in map_chunks(work, pixels.count, _CHUNK):
            if doubt is not None:
                doubt.add(part[6], part[7], part[5])
            yield part

    refuse_infinite(_run(parts(), sums))
    return sums


def assign_uncertain(pixels: Pixels, centers: NDArray[Any], into: Assignment, sums: Sums, *, drift: float) -> int:
    """Assign again what the drift has made uncertain, bring ``sums`` up to date; return how many pixels changed their cluster."""

    def work(start: int, stop: int) -> Any:
        return sparse_pass(start, stop, *pixels.layout, centers, sums.anchor, into.labels, into.limits, drift)

    return _run(map_chunks(work, pixels.count, _CHUNK), sums)


def distances(pixels: Pixels, centers: NDArray[Any]) -> NDArray[Any]:
    """Return the weighted, scaled squared distance of each pixel to each center, (n_centers, n_pixels); NaN where missing."""
    centers = np.ascontiguousarray(centers, pixels.kind)
    out = np.empty((len(centers), pixels.count), pixels.kind)

    def work(start: int, stop: int) -> int:
        return square_distances(start, stop, *pixels.layout, centers, out)

    refuse_infinite(sum(map_chunks(work, pixels.count, _CHUNK)))
    return out


def take(pixels: Pixels, chosen: NDArray[np.int64]) -> NDArray[Any]:
    """Return the values of some pixels, shape (n_dates, n_chosen), in the arithmetic's type with NaN where missing."""
    out = np.empty((pixels.dates, chosen.size), pixels.kind)

    def work(start: int, stop: int) -> int:
        return gather(start, stop, *pixels.layout[:4], chosen, out)

    refuse_infinite(sum(map_chunks(work, chosen.size, 1 << 12)))
    return out


def refuse_infinite(count: int) -> None:
    """Raise InputError if there are infinite values."""
    if count:
        raise InputError(f"Input X contains infinity ({count} values): only finite values and NaN (missing) can be clustered")
