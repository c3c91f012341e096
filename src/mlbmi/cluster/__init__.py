"""Clusters: exact K-means on one variable, K-means on rows with missing values, and the two on images.

:func:`cluster_images` (grey levels), :func:`cluster_timeseries` (series), :func:`cluster_bands` (colours) and
:func:`cluster_located` (any of them, with place) take xarray data and return a :class:`mlbmi.types.Clustering`;
:class:`KMeans1D` and :class:`KMeans` are the scikit-learn estimators beneath them. :func:`select_n_clusters` chooses the number
of clusters, :func:`match_to` and :func:`suggest_names` give them numbers and names that mean something, :func:`apply_model` takes
them to other data, and :func:`detect_change` compares the maps of several dates.
"""

from mlbmi.cluster.apply import Applied, applied_clustering, apply_model
from mlbmi.cluster.bands import cluster_bands
from mlbmi.cluster.change import detect_change, transition_matrix
from mlbmi.cluster.exact import KMeans1D
from mlbmi.cluster.images import cluster_images
from mlbmi.cluster.lloyd import KMeans
from mlbmi.cluster.located import cluster_located
from mlbmi.cluster.matching import match_to
from mlbmi.cluster.models import estimator_of, model_of
from mlbmi.cluster.naming import suggest_names
from mlbmi.cluster.patterns import gap_associations
from mlbmi.cluster.selection import select_n_clusters
from mlbmi.cluster.series import cluster_timeseries

__all__ = [
    "Applied",
    "KMeans",
    "KMeans1D",
    "applied_clustering",
    "apply_model",
    "cluster_bands",
    "cluster_images",
    "cluster_located",
    "cluster_timeseries",
    "detect_change",
    "estimator_of",
    "gap_associations",
    "match_to",
    "model_of",
    "select_n_clusters",
    "suggest_names",
    "transition_matrix",
]
