"""Space and features together: K-means whose pixels would rather agree with their neighbours (a Potts model)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._lloyd_engine import next_centers
from mlbmi.cluster._lloyd_passes import Pixels, distances
from mlbmi.cluster._spatial_passes import Picture, bordered, neighbours, noise, sums_of
from mlbmi.compiling import read_only
from mlbmi.errors import ClusterError, InputError
from mlbmi.types import LABEL_NODATA

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DEFAULT_SMOOTHNESS", "Smoothed", "smooth"]

DEFAULT_SMOOTHNESS = 1.0
"""One neighbour's agreement counts as one nat of evidence: see :func:`smooth`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Smoothed:
    """Labels and centers after smoothing.

    Attributes
    ----------
    labels : ndarray of uint8, shape (y, x)
        :data:`LABEL_NODATA` where the given labels had it, and nowhere else.
    centers : ndarray of float64, shape (n_clusters, d)
        In units of the values, in the order given: ordering them anew is for whoever shows them.
    counts : ndarray of int64, shape (n_clusters,)
        Pixels by cluster. A cluster may have lost all of its pixels: 0, its center as it was then.
    energy : float
        What was minimised, at these labels and centers, float64, in squared units of the values.
    inertia : float
        Its first part: the squared distances.
    unit : float
        Energy of a disagreement of weight 1 at smoothness 1.
    path : tuple of float
        The energy at the start, then after each half step (labels, centers, labels, …). It never rises but by rounding.
    n_iter : int
        Updates of the centers.
    converged : bool
        False if ``max_iter`` ran out first.
    """

    labels: NDArray[np.uint8]
    centers: NDArray[np.float64]
    counts: NDArray[np.int64]
    energy: float
    inertia: float
    unit: float
    path: tuple[float, ...]
    n_iter: int
    converged: bool


def smooth(
    values: NDArray[Any],
    labels: NDArray[np.uint8],
    centers: NDArray[np.float64],
    *,
    smoothness: float = DEFAULT_SMOOTHNESS,
    nodata: int | None = None,
    scaled: bool = True,
    contrast: bool = True,
    update_centers: bool = True,
    unit: float | None = None,
    max_iter: int = 20,
    tol: float = 1e-5,
) -> Smoothed:
    r"""Let neighbours agree: minimise distances to centers plus a price for each pair of neighbours with different labels.

    Starts from a finished K-means and minimises, over labels :math:`l` and centers :math:`c` in turn,

    .. math:: E(l, c) = \sum_i \frac{d}{|O_i|} \sum_{t \in O_i} (x_{it} - c_{l_i t})^2
              + \mathrm{smoothness} \cdot \mathrm{unit} \sum_{i \sim j} w_{ij} \, [l_i \ne l_j]

    over the eight neighbours, :math:`O_i` being the features observed at pixel i. Missing pixels have no label and no vote.

    Parameters
    ----------
    values : ndarray of int16, float32 or float64, shape (d, y, x)
        Features of each pixel: dates, bands, or one. NaN (in integers: ``nodata``) is missing. Read where it lies if it is
        C-contiguous.
    labels : ndarray of uint8, shape (y, x)
        Of the K-means to start from; :data:`LABEL_NODATA` is missing and stays so. It is not changed.
    centers : ndarray, shape (n_clusters, d)
        Of that K-means, in units of ``values``. NaN on a feature that was never observed, for all clusters.
    smoothness : float, default=1
        0 returns labels and centers as they came. 1: the agreement of a neighbour counts as much as one nat of evidence (odds of
        e : 1). 0.5 to 4 is the useful range.
    nodata : int, optional
        Missing value of int16 values.
    scaled : bool, default=True
        Scale squared distances by d/\|O\|, as :class:`.KMeans` does with ``partial="scaled"``.
    contrast : bool, default=True
        Let a pair weigh less the less its pixels look alike, :math:`w_{ij} \propto e^{-m_{ij} / 2 \bar m}`, m being the mean
        squared difference over the features both have (Boykov & Jolly 2001): borders then lie where values change, and lines of
        one pixel's width stay. The mean weight is 1; weights are kept in 8 bits. False: 1 for all. Diagonal neighbours weigh
        :math:`1/\sqrt 2` of that.
    update_centers : bool, default=True
        False: only labels are searched; for centers that must stay as they are, shared by many images or read from a model.
    unit : float, optional
        Energy of a disagreement at smoothness 1, to share one among images. Default: from the K-means to start from, see Notes.
    max_iter : int, default=20
        Updates of the centers, at most.
    tol : float, default=1e-5
        Stop where an update of centers and labels takes less than this share off the energy.

    Returns
    -------
    Smoothed

    Raises
    ------
    InputError
        If a parameter is out of range, shapes do not fit, or a value is infinite.
    ClusterError
        If a labelled pixel has no observed feature.

    Notes
    -----
    **Unit.** Twice the variance of noise: were residuals normal, :math:`\|x - c\|^2 / 2\sigma^2` would be minus a log-likelihood,
    so that disagreement is priced in nats, whatever the data's units. Features that rise and fall together are not so many
    witnesses as independent ones, so the variance is :math:`\mathrm{tr}\,\Sigma^2 / \mathrm{tr}\,\Sigma` of the residuals'
    covariance between features: the mean variance per feature where they are independent, all of the squared distance where
    they are one. Without any spread within clusters the unit is 0, and nothing is smoothed.

    **Search.** Labels: pixels whose nearest center leads by more than all of their neighbours together could outvote get its
    label. Among the others, a run in a row whose neighbouring rows are fixed is a chain, and dynamic programming finds its best
    labels all at once; even rows, odd rows, even columns and odd columns take turns until no label changes (Chen & Koltun 2014,
    CVPR, 3914-3921). That is iterated conditional modes (Besag 1986, J. R. Stat. Soc. B 48, 259-302) with runs (of up to 256
    pixels) in place of pixels: no change within one run, a single pixel least of all, can lower the energy of the result. Rows of
    one parity do not touch one another, so the answer does not depend on the number of threads. Centers: weighted means of their
    pixels, as in :class:`.KMeans`. Neither step can raise E. The final labels are those found for the final centers.

    Memory beyond the input: 4 bytes per pixel and cluster (8 for float64), and about 8 per pixel.

    Examples
    --------
    >>> import numpy as np
    >>> ndvi = np.array([[[0.2, 0.3, 0.2, 0.8], [0.1, 0.52, 0.3, 0.7], [0.3, 0.2, 0.3, 0.8], [0.2, 0.3, 0.8, 0.7]]])
    >>> centers = np.array([[0.25], [0.75]])
    >>> labels = (ndvi[0] > 0.5).astype(np.uint8)
    >>> labels
    array([[0, 0, 0, 1],
           [0, 1, 0, 1],
           [0, 0, 0, 1],
           [0, 0, 1, 1]], dtype=uint8)
    >>> smooth(ndvi, labels, centers).labels
    array([[0, 0, 0, 1],
           [0, 0, 0, 1],
           [0, 0, 0, 1],
           [0, 0, 1, 1]], dtype=uint8)
    """
    _check_numbers(smoothness=smoothness, unit=unit or 0.0, max_iter=max_iter, tol=tol)
    _check_arrays(values, labels, centers)
    pixels, known = _pixels(values, centers, nodata, scaled=scaled)
    start = centers[:, known].astype(np.float64)
    if unit is None:
        unit = 2 * noise(pixels, labels, start)
    marks = bordered(labels)
    pairs = neighbours(values, marks, pixels.nodata, contrast=contrast)
    picture = Picture(marks, pairs.codes, smoothness * unit * pairs.step)
    state = _State(pixels, picture, start)
    converged = state.settle(max_iter if update_centers else 0, tol)
    full = np.full(centers.shape, np.nan)
    full[:, known] = state.centers
    return Smoothed(
        labels=picture.inside.copy(),
        centers=full,
        counts=np.array([np.count_nonzero(picture.inside == label) for label in range(len(centers))], np.int64),
        energy=state.path[-1],
        inertia=state.data,
        unit=unit,
        path=tuple(state.path),
        n_iter=state.updates,
        converged=converged or not update_centers,
    )


class _State:
    """Labels, centers, what each label would cost each pixel, and the energy of all that."""

    def __init__(self, pixels: Pixels, picture: Picture, centers: NDArray[np.float64]) -> None:
        self.pixels = pixels
        self.picture = picture
        self.centers = centers
        self.updates = 0
        self.path: list[float] = []
        self._measure()

    def _measure(self) -> None:
        """Work out the costs at the present centers."""
        self.costs = distances(self.pixels, self.centers)
        self.data, self.borders = self.picture.energies(self.costs)
        if np.isnan(self.data):
            raise ClusterError("labels has a label where no feature was observed", remedy=f"Label such pixels {LABEL_NODATA}.")
        if not self.path:
            self.path.append(self.data + self.borders)

    def settle(self, max_iter: int, tol: float) -> bool:
        """Take turns until the energy falls no more; say whether it came to that."""
        if self.picture.weight == 0:
            return True
        self._relax()
        while self.updates < max_iter:
            before = self.path[-1]
            self._recenter()
            self._relax()
            if before - self.path[-1] <= tol * before:
                return True
        return False

    def _relax(self) -> None:
        """Find the best labels for these centers."""
        self.picture.relax(self.costs)
        self.data, self.borders = self.picture.energies(self.costs)
        self.path.append(self.data + self.borders)

    def _recenter(self) -> None:
        """Find the best centers for these labels; an empty cluster keeps its own."""
        sums = sums_of(self.pixels, self.picture.inside, self.centers, self.data)
        del self.costs  # before as much memory is taken again
        self.centers = next_centers(sums)
        self.path.append(sums.objective(self.centers) + self.borders)
        self.updates += 1
        self._measure()


def _pixels(
    values: NDArray[Any], centers: NDArray[np.float64], nodata: int | None, *, scaled: bool
) -> tuple[Pixels, NDArray[np.int64]]:
    """Describe the pixels on the features that the centers know, and name these."""
    pixels = Pixels.of(values.reshape(len(values), -1).T, nodata=nodata, weights=None, least=1, scaled=scaled)
    known = np.flatnonzero(~np.isnan(centers[0]))
    return replace(pixels, offsets=read_only(pixels.offsets[known])), known


def _check_numbers(**numbers: float) -> None:
    """Refuse numbers out of range, each with its value."""
    for name, number in numbers.items():
        if not isinstance(number, Real) or not 0 <= float(number) < np.inf:
            raise InputError(f"{name} is {number!r}; it must be a finite number, not negative")


def _check_arrays(values: NDArray[Any], labels: NDArray[np.uint8], centers: NDArray[np.float64]) -> None:
    """Refuse arrays that do not fit one another."""
    if values.ndim != 3 or values.dtype.name not in {"int16", "float32", "float64"}:
        raise InputError(f"values is {values.dtype} of shape {values.shape}; it must be int16, float32 or float64, (d, y, x)")
    if labels.dtype != np.uint8 or labels.shape != values.shape[1:]:
        raise InputError(f"labels is {labels.dtype} of shape {labels.shape}; it must be uint8 of shape {values.shape[1:]}")
    if centers.ndim != 2 or centers.shape[1] != len(values) or not 1 <= len(centers) <= LABEL_NODATA:
        rule = f"(n_clusters, {len(values)}), with 1 to {LABEL_NODATA} clusters"
        raise InputError(f"centers has the shape {centers.shape}; it must be {rule}")
    if (np.isnan(centers) != np.isnan(centers[0])).any() or np.isinf(centers).any() or np.isnan(centers).all():
        raise InputError("centers must be finite; NaN only on a feature that was never observed, for all clusters")
    there = labels != LABEL_NODATA
    if not there.any() or labels.max(where=there, initial=0) >= len(centers):
        raise InputError(
            f"labels must hold at least one label, and none from {len(centers)} (the clusters) to {LABEL_NODATA - 1}"
        )
