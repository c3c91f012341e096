"""The model of a clustering as JSON: enough to number the same clusters again.

Format version 2 added what was done to the features (``scaling``), the weight of neighbours (``smoothness``), the observations
that a pixel needs (``min_observations``) and how far training pixels reach from their centers (``reach``). Files of version 1 are
of clusterings that had none of it, and are still read.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast, get_args

import numpy as np

from mlbmi._version import __version__
from mlbmi.errors import InputError
from mlbmi.types import INDEX_SCALE, LABEL_NODATA, NUMBERING, ClusterModel, Mode, Scaling, ScalingMethod
from mlbmi.write.atomic import write_text
from mlbmi.write.jsontext import json_text
from mlbmi.write.tables import cluster_names

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlbmi.types import Clustering

__all__ = ["MODEL_FORMAT", "MODEL_VERSION", "ClusterModel", "read_model", "write_model"]

MODEL_FORMAT = "mlbmi cluster model"
"""Value of ``format`` in a model file."""

MODEL_VERSION = 2
"""Value of ``format_version``; it rises when a key changes its meaning, goes, or is needed to apply the model as it was meant."""


def write_model(
    path: str | os.PathLike[str], clustering: Clustering | ClusterModel, *, names: Sequence[str] | None = None
) -> Path:
    """Write a clustering's model as strict JSON; every float comes back as it was, and NaN is ``null``.

    Parameters
    ----------
    path : path-like
        The file; it appears whole or not at all.
    clustering : Clustering or ClusterModel
        Where the model is taken from.
    names : sequence of str, optional
        Of the clusters, by label; by default those of the model, for a clustering ``cluster 0``, ``cluster 1`` …

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
    model = clustering if isinstance(clustering, ClusterModel) else None
    scaling = clustering.scaling
    content = {
        "format": MODEL_FORMAT,
        "format_version": MODEL_VERSION,
        "software": f"mlbmi {__version__}",
        "mode": clustering.mode,
        "index": clustering.index,
        "index_scale": model.index_scale if model else INDEX_SCALE,
        "n_clusters": clustering.n_clusters,
        "names": cluster_names(names or (model.names if model else None), clustering.n_clusters),
        "features": clustering.features,
        "centers": clustering.centers,
        "scaling": {
            "method": scaling.method,
            "quantile_range": scaling.quantile_range,
            "shift": scaling.shift,
            "scale": scaling.scale,
        },
        "smoothness": clustering.smoothness,
        "min_observations": clustering.min_observations,
        "reach": clustering.reach,
        "numbering": model.numbering if model else NUMBERING,
        "method": clustering.method,
        "seed": clustering.seed,
        "counts": clustering.counts,
        "inertia": clustering.inertia,
        "n_iter": clustering.n_iter,
        "converged": clustering.converged,
    }
    return write_text(path, json_text(content))


def read_model(path: str | os.PathLike[str]) -> ClusterModel:
    """Read a model file that :func:`write_model` wrote, of this format version or of version 1.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    ClusterModel
        Of version 1: scaling ``none``, smoothness 0, one observation enough, reach not known.

    Raises
    ------
    InputError
        If the file is missing, is no model, is of a later format, or contradicts itself.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError, _NotJsonError) as error:
        raise InputError(f"model file {str(path)!r} cannot be read: {error}", remedy="Check the path.") from error
    _check_format(path, content)
    try:
        model = _model(_of_version_2(content))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"model file {str(path)!r} is damaged: {type(error).__name__}: {error}") from error
    _check_sense(path, model, content["n_clusters"])
    return model


class _NotJsonError(ValueError):
    """A word that Python's reader knows and JSON (RFC 8259) does not."""


def _refuse_constant(word: str) -> NoReturn:
    raise _NotJsonError(f"{word} is no JSON; a missing number is null")


def _check_format(path: str | os.PathLike[str], content: Any) -> None:
    if not isinstance(content, dict) or content.get("format") != MODEL_FORMAT:
        raise InputError(f"{str(path)!r} is not a model file: its format is not {MODEL_FORMAT!r}")
    version = content.get("format_version")
    if isinstance(version, bool) or version not in (1, MODEL_VERSION):
        raise InputError(
            f"model file {str(path)!r} has format version {version!r}; this mlbmi reads 1 and {MODEL_VERSION}",
            remedy="Update mlbmi.",
        )


def _of_version_2(content: dict[str, Any]) -> dict[str, Any]:
    """Add what version 1 had no word for."""
    if content["format_version"] == MODEL_VERSION:
        return content
    scaling = {"method": content["scaling"], "quantile_range": Scaling().quantile_range, "shift": [], "scale": []}
    return {**content, "scaling": scaling, "smoothness": 0.0, "min_observations": 1, "reach": None}


def _model(content: dict[str, Any]) -> ClusterModel:
    centers = [_floats(row) for row in content["centers"]]
    return ClusterModel(
        mode=cast("Mode", content["mode"]),
        index=str(content["index"]),
        centers=np.array(centers, dtype=np.float64).reshape(len(centers), len(content["features"])),
        features=tuple(str(feature) for feature in content["features"]),
        names=tuple(str(name) for name in content["names"]),
        counts=np.array(content["counts"], dtype=np.int64),
        inertia=_float(content["inertia"]),
        n_iter=int(content["n_iter"]),
        converged=bool(content["converged"]),
        seed=None if content["seed"] is None else int(content["seed"]),
        method=str(content["method"]),
        scaling=_scaling(content["scaling"]),
        smoothness=float(content["smoothness"]),
        min_observations=int(content["min_observations"]),
        reach=None if content["reach"] is None else _floats(content["reach"]),
        numbering=str(content["numbering"]),
        index_scale=float(content["index_scale"]),
        software=str(content["software"]),
    )


def _scaling(content: Any) -> Scaling:
    low, high = content["quantile_range"]
    return Scaling(
        method=cast("ScalingMethod", content["method"]),
        quantile_range=(float(low), float(high)),
        shift=_floats(content["shift"]),
        scale=_floats(content["scale"]),
    )


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)


def _floats(values: Any) -> NDArray[np.float64]:
    return np.array([_float(value) for value in values], dtype=np.float64)


def _check_sense(path: str | os.PathLike[str], model: ClusterModel, n_clusters: Any) -> None:
    for fault, holds in {**_rules_of_shape(model, n_clusters), **_rules_of_features(model)}.items():
        if not holds:
            raise InputError(f"model file {str(path)!r} contradicts itself: {fault}")


def _rules_of_shape(model: ClusterModel, n_clusters: Any) -> dict[str, bool]:
    k, features = model.n_clusters, len(model.features)
    reaches = k if model.reach is None else model.reach.size
    return {
        f"mode is {model.mode!r}, not one of {', '.join(get_args(Mode))}": model.mode in get_args(Mode),
        f"n_clusters is {n_clusters!r}, with {k} centers": n_clusters == k,
        f"{k} clusters are not within 1 to {LABEL_NODATA}": 1 <= k <= LABEL_NODATA,
        f"centers have {model.centers.shape[1]} columns for {features} features": model.centers.shape[1] == features > 0,
        "a center is infinite": not bool(np.isinf(model.centers).any()),
        f"{len(model.names)} names, {model.counts.size} counts and {reaches} reaches for {k} centers": (
            len(model.names) == model.counts.size == reaches == k
        ),
    }


def _rules_of_features(model: ClusterModel) -> dict[str, bool]:
    scaling, features = model.scaling, len(model.features)
    low, high = scaling.quantile_range
    sizes = scaling.shift.size, scaling.scale.size
    return {
        f"scaling is {scaling.method!r}, not one of {', '.join(get_args(ScalingMethod))}": (
            scaling.method in get_args(ScalingMethod)
        ),
        f"quantiles from {low:g} to {high:g} are not within 0 to 100": 0 <= low < high <= 100,
        f"{sizes[0]} shifts and {sizes[1]} scales for {features} features": sizes in {(0, 0), (features, features)},
        # A comparison with NaN, the scale of a date never observed, is False.
        "a scale is not above 0": not bool((scaling.scale <= 0).any()),
        f"smoothness is {model.smoothness:g}, not 0 or more": 0 <= model.smoothness < math.inf,
        f"min_observations is {model.min_observations}, not 1 or more": model.min_observations >= 1,
    }
