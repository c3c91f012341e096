"""mlbmi: from an outline and two dates to a trustworthy, unsupervised map of vegetation.

>>> import mlbmi
>>> aoi = mlbmi.AOI.from_bbox(13.0, 52.45, 13.1, 52.53)
>>> scenes = mlbmi.search(aoi, start="2020-01-01", end="2020-02-01", cloud_cover=1)  # doctest: +SKIP
>>> cube = mlbmi.load(scenes, aoi, indices=["ndvi"])  # doctest: +SKIP
>>> images = mlbmi.cluster_images(cube["ndvi"], n_clusters=5)  # doctest: +SKIP
>>> series = mlbmi.cluster_timeseries(cube["ndvi"], n_clusters=5)  # doctest: +SKIP
>>> paths = mlbmi.write_outputs(series, "out/")  # doctest: +SKIP

The examples above that are skipped need a catalogue; ``mlbmi demo`` shows them at work without one. Names load on first use, so
that importing this package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mlbmi._version import __version__

if TYPE_CHECKING:
    from mlbmi.aoi import AOI
    from mlbmi.cluster import (
        KMeans,
        KMeans1D,
        apply_model,
        cluster_bands,
        cluster_images,
        cluster_located,
        cluster_timeseries,
        detect_change,
        estimator_of,
        match_to,
        model_of,
        select_n_clusters,
        suggest_names,
    )
    from mlbmi.config import RunConfig
    from mlbmi.errors import MlbmiError, MlbmiWarning
    from mlbmi.kmeans_ndvi import (
        PCABMI,
        KMeansBMI,
        KMeansBMIParams,
        KMeansNDVI,
        KMeansNDVIParams,
        PCABMIParams,
        SentinelAOI,
        SentinelAOIParams,
    )
    from mlbmi.kmeans_ndvi.messages import debug_message, info_message, warning_message
    from mlbmi.pipeline import RunResult, execute, load, plan, run, search
    from mlbmi.series import composite, fill_gaps, phenology, trend
    from mlbmi.types import Asset, Change, Clustering, ClusterModel, KSelection, RunPlan, RunRecord, Scene
    from mlbmi.write import read_model, write_outputs

_HOMES = {
    "AOI": "aoi",
    "Asset": "types",
    "Change": "types",
    "ClusterModel": "types",
    "Clustering": "types",
    "KMeans": "cluster",
    "KMeans1D": "cluster",
    "KMeansBMI": "kmeans_ndvi",
    "KMeansBMIParams": "kmeans_ndvi",
    "KMeansNDVI": "kmeans_ndvi",
    "KMeansNDVIParams": "kmeans_ndvi",
    "KSelection": "types",
    "MlbmiError": "errors",
    "MlbmiWarning": "errors",
    "PCABMI": "kmeans_ndvi",
    "PCABMIParams": "kmeans_ndvi",
    "RunConfig": "config",
    "RunPlan": "types",
    "RunRecord": "types",
    "RunResult": "pipeline",
    "Scene": "types",
    "SentinelAOI": "kmeans_ndvi",
    "SentinelAOIParams": "kmeans_ndvi",
    "apply_model": "cluster",
    "cluster_bands": "cluster",
    "cluster_images": "cluster",
    "cluster_located": "cluster",
    "cluster_timeseries": "cluster",
    "composite": "series",
    "debug_message": "kmeans_ndvi.messages",
    "detect_change": "cluster",
    "estimator_of": "cluster",
    "execute": "pipeline",
    "fill_gaps": "series",
    "info_message": "kmeans_ndvi.messages",
    "load": "pipeline",
    "match_to": "cluster",
    "model_of": "cluster",
    "phenology": "series",
    "plan": "pipeline",
    "read_model": "write",
    "run": "pipeline",
    "search": "pipeline",
    "select_n_clusters": "cluster",
    "suggest_names": "cluster",
    "trend": "series",
    "warning_message": "kmeans_ndvi.messages",
    "write_outputs": "write",
}

__all__ = [  # noqa: RUF022 - in the order that dir() has
    "AOI",
    "Asset",
    "Change",
    "ClusterModel",
    "Clustering",
    "KMeans",
    "KMeans1D",
    "KMeansBMI",
    "KMeansBMIParams",
    "KMeansNDVI",
    "KMeansNDVIParams",
    "KSelection",
    "MlbmiError",
    "MlbmiWarning",
    "PCABMI",
    "PCABMIParams",
    "RunConfig",
    "RunPlan",
    "RunRecord",
    "RunResult",
    "Scene",
    "SentinelAOI",
    "SentinelAOIParams",
    "__version__",
    "apply_model",
    "cluster_bands",
    "cluster_images",
    "cluster_located",
    "cluster_timeseries",
    "composite",
    "debug_message",
    "detect_change",
    "estimator_of",
    "execute",
    "fill_gaps",
    "info_message",
    "load",
    "match_to",
    "model_of",
    "phenology",
    "plan",
    "read_model",
    "run",
    "search",
    "select_n_clusters",
    "suggest_names",
    "trend",
    "warning_message",
    "write_outputs",
]


def __getattr__(name: str) -> Any:
    """Import a public name from the room where it lives, on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
