"""Where clusterings let neighbours agree: after K-means, before numbering."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from mlbmi.cluster._image_models import Found, coding_of
from mlbmi.cluster._rows import valued
from mlbmi.cluster.spatial import smooth
from mlbmi.cluster.statistics import pixel_moments
from mlbmi.errors import ClusterError, InputError
from mlbmi.types import LABEL_NODATA

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlbmi.cluster._coded import CodedCube
    from mlbmi.cluster._spaces import Search
    from mlbmi.cluster._table import Fitted, Table

__all__ = ["check_smoothness", "smoothed_fit", "smoothed_images", "with_neighbours"]

_NEIGHBOURS = "{method}; then neighbours agree at smoothness {smoothness:g} (Potts; Besag 1986, Chen & Koltun 2014)"


def check_smoothness(smoothness: object) -> None:
    """Refuse what is no weight."""
    if isinstance(smoothness, bool) or not isinstance(smoothness, Real) or not 0 <= float(smoothness) < np.inf:
        raise ClusterError(f"smoothness is {smoothness!r}; it must be a number, 0 or more: 0 is none, 1 usual")


def with_neighbours(method: str, smoothness: float) -> str:
    """Add to a method's name what neighbours have to say."""
    return _NEIGHBOURS.format(method=method, smoothness=smoothness) if smoothness else method


def smoothed_fit(fitted: Fitted, table: Table, shape: tuple[int, int], search: Search) -> Fitted:
    """Let the neighbours of a fit agree; labels and centers change, and the inertia is that of the new ones."""
    if not search.smoothness:
        return fitted
    try:
        found = smooth(
            table.numbers.reshape(-1, *shape),
            fitted.labels.reshape(shape),
            table.stored(fitted.centers),
            smoothness=search.smoothness,
            nodata=table.nodata,
            scaled=search.partial == "scaled",
        )
    except InputError as error:
        raise ClusterError(error.message, remedy=error.remedy) from error
    return replace(
        fitted,
        labels=found.labels.reshape(-1),
        centers=table.values(found.centers),
        inertia=found.inertia * table.step**2,
        n_iter=fitted.n_iter + found.n_iter,
        converged=fitted.converged and found.converged,
    )


def smoothed_images(cube: CodedCube, found: Found, smoothness: float) -> Found:
    """Let the neighbours of each image agree under the exact models, whose centers stay as they are."""
    if not smoothness:
        return found
    models = found.centers.shape[1]
    pixels = np.array([moments.count.sum() for moments in ([found.total] if models == 1 else found.by_date)])
    # Twice the variance of one feature about its centers, in stored units: one price for all images of a model.
    units = 2 * found.errors / cube.scale**2 / np.maximum(pixels, 1)
    coding = coding_of(cube)
    labels, errors, by_date = np.empty_like(found.labels), np.zeros(models), []
    shift = np.nanmean(found.centers, axis=1)
    for day, start in enumerate(found.labels):
        model = day if models > 1 else 0
        image = np.asarray(cube.data[day].data)
        price = {"smoothness": smoothness, "unit": float(units[model]), "nodata": cube.nodata}
        labels[day], error = _smoothed_image(image, start, found.centers[:, model], price)
        errors[model] += error
        by_date.append(valued(pixel_moments(image, labels[day], shift, nodata=cube.nodata), coding))
    return replace(found, labels=labels, errors=errors * cube.scale**2, by_date=by_date)


def _smoothed_image(
    image: NDArray[np.generic], labels: NDArray[np.uint8], centers: NDArray[np.float64], price: dict[str, Any]
) -> tuple[NDArray[np.uint8], float]:
    """Return labels and their squared error, in stored units; an image may have no value, or fewer clusters than others."""
    there = centers[~np.isnan(centers)]
    if not (labels != LABEL_NODATA).any():
        return labels, 0.0
    found = smooth(image[None], labels, there[:, None], update_centers=False, **price)
    return found.labels, found.inertia
