"""The model of a clustering as JSON: enough to number the same clusters again."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np

from mlbmi._version import __version__
from mlbmi.errors import InputError
from mlbmi.types import INDEX_SCALE, LABEL_NODATA, Mode
from mlbmi.write.atomic import write_text
from mlbmi.write.jsontext import json_text
from mlbmi.write.tables import cluster_names

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlbmi.types import Clustering

__all__ = ["MODEL_FORMAT", "MODEL_VERSION", "NUMBERING", "ClusterModel", "read_model", "write_model"]

MODEL_FORMAT = "mlbmi cluster model"
"""Value of ``format`` in a model file."""

MODEL_VERSION = 1
"""Value of ``format_version``; it rises when a key changes its meaning or goes."""

NUMBERING = "by mean index, then by date of peak"
"""How labels are numbered from 0 on."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ClusterModel:
    """What a model file holds: a clustering without its map.

    Attributes
    ----------
    mode : Mode
    index : str
        Short name of the index.
    centers : ndarray of float64, shape (n_clusters, n_features)
        In units of the index; NaN where a cluster has no observation on a date.
    features : tuple of str
        What the columns are: the index's name, or ISO dates.
    names : tuple of str
        Of the clusters, by label.
    counts : ndarray of int64, shape (n_clusters,)
        Pixels (for images: pixel-dates) that made each center.
    inertia : float
    n_iter : int
    converged : bool
    seed : int or None
    method : str
        As in :class:`mlbmi.types.Clustering`.
    scaling : str
        What was done to the features before clustering; ``none``.
    numbering : str
        :data:`NUMBERING`.
    index_scale : float
        Value of one step of the index where it is stored as int16.
    software : str
        What wrote the file, with its version.
    """

    mode: Mode
    index: str
    centers: NDArray[np.float64]
    features: tuple[str, ...]
    names: tuple[str, ...]
    counts: NDArray[np.int64]
    inertia: float
    n_iter: int
    converged: bool
    seed: int | None
    method: str
    scaling: str
    numbering: str
    index_scale: float
    software: str

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.centers.shape[0])


def write_model(path: str | os.PathLike[str], clustering: Clustering, *, names: Sequence[str] | None = None) -> Path:
    """Write a clustering's model as strict JSON; every float comes back as it was.

    Parameters
    ----------
    path : path-like
        The file; it appears whole or not at all.
    clustering : Clustering
        Where the model is taken from.
    names : sequence of str, optional
        Of the clusters, by label.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    WriteError
        If it cannot be written.
    InputError
        If names and clusters differ in number.
    """
    content = {
        "format": MODEL_FORMAT,
        "format_version": MODEL_VERSION,
        "software": f"mlbmi {__version__}",
        "mode": clustering.mode,
        "index": clustering.index,
        "index_scale": INDEX_SCALE,
        "n_clusters": clustering.n_clusters,
        "names": cluster_names(names, clustering.n_clusters),
        "features": clustering.features,
        "centers": clustering.centers,
        "scaling": "none",
        "numbering": NUMBERING,
        "method": clustering.method,
        "seed": clustering.seed,
        "counts": clustering.counts,
        "inertia": clustering.inertia,
        "n_iter": clustering.n_iter,
        "converged": clustering.converged,
    }
    return write_text(path, json_text(content))


def read_model(path: str | os.PathLike[str]) -> ClusterModel:
    """Read a model file that :func:`write_model` wrote.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    ClusterModel

    Raises
    ------
    InputError
        If the file is missing, is no model, is of a later format, or contradicts itself.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"model file {str(path)!r} cannot be read: {error}", remedy="Check the path.") from error
    _check_format(path, content)
    try:
        model = _model(content)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"model file {str(path)!r} is damaged: {type(error).__name__}: {error}") from error
    _check_sense(path, model, content["n_clusters"])
    return model


def _check_format(path: str | os.PathLike[str], content: Any) -> None:
    if not isinstance(content, dict) or content.get("format") != MODEL_FORMAT:
        raise InputError(f"{str(path)!r} is not a model file: its format is not {MODEL_FORMAT!r}")
    version = content.get("format_version")
    if version != MODEL_VERSION:
        raise InputError(
            f"model file {str(path)!r} has format version {version!r}; this mlbmi reads {MODEL_VERSION}", remedy="Update mlbmi."
        )


def _model(content: dict[str, Any]) -> ClusterModel:
    centers = [[math.nan if value is None else float(value) for value in row] for row in content["centers"]]
    return ClusterModel(
        mode=cast("Mode", content["mode"]),
        index=str(content["index"]),
        centers=np.array(centers, dtype=np.float64).reshape(len(centers), len(content["features"])),
        features=tuple(str(feature) for feature in content["features"]),
        names=tuple(str(name) for name in content["names"]),
        counts=np.array(content["counts"], dtype=np.int64),
        inertia=math.nan if content["inertia"] is None else float(content["inertia"]),
        n_iter=int(content["n_iter"]),
        converged=bool(content["converged"]),
        seed=None if content["seed"] is None else int(content["seed"]),
        method=str(content["method"]),
        scaling=str(content["scaling"]),
        numbering=str(content["numbering"]),
        index_scale=float(content["index_scale"]),
        software=str(content["software"]),
    )


def _check_sense(path: str | os.PathLike[str], model: ClusterModel, n_clusters: Any) -> None:
    rules = {
        f"mode is {model.mode!r}, not one of {', '.join(get_args(Mode))}": model.mode in get_args(Mode),
        f"n_clusters is {n_clusters!r}, with {model.n_clusters} centers": n_clusters == model.n_clusters,
        f"{model.n_clusters} clusters are not within 1 to {LABEL_NODATA}": 1 <= model.n_clusters <= LABEL_NODATA,
        f"centers have {model.centers.shape[1]} columns for {len(model.features)} features": (
            model.centers.shape[1] == len(model.features)
        ),
        f"{len(model.names)} names and {model.counts.size} counts for {model.n_clusters} centers": (
            len(model.names) == model.counts.size == model.n_clusters
        ),
    }
    for fault, holds in rules.items():
        if not holds:
            raise InputError(f"model file {str(path)!r} contradicts itself: {fault}")
