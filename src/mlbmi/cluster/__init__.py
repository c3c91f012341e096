"""Clusters: exact K-means on one variable, K-means on series with missing dates, and the two on a cube.

:func:`cluster_images` and :func:`cluster_timeseries` take a cube and return a :class:`mlbmi.types.Clustering`; :class:`KMeans1D`
and :class:`KMeans` are the scikit-learn estimators beneath them.
"""

from mlbmi.cluster.api import cluster_images, cluster_timeseries
from mlbmi.cluster.exact import KMeans1D
from mlbmi.cluster.lloyd import KMeans

__all__ = ["KMeans", "KMeans1D", "cluster_images", "cluster_timeseries"]
