"""Clusters that follow gaps are found out; clusters that follow the land are not, however patchy both are."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter
from scipy.stats.contingency import association as scipy_association

from mlbmi.cluster import cluster_timeseries, gap_associations
from mlbmi.cluster.patterns import association


def patches(seed, size=200, grain=12):
    return gaussian_filter(np.random.default_rng(seed).normal(size=(size, size)), grain)


def reserve(seed):
    """Four kinds of land in patches, over eight dates, with clouds in patches on five of them."""
    land = np.digitize(patches(seed), np.quantile(patches(seed), [0.25, 0.5, 0.75]))
    wave = np.sin(np.linspace(0, 2 * np.pi, 8))[:, None, None]
    values = 0.2 + 0.15 * land + 0.1 * wave * (land % 2) + np.random.default_rng(seed).normal(0, 0.01, (8, 200, 200))
    clouds = np.stack([patches(100 * seed + date) > np.quantile(patches(100 * seed + date), 0.7) for date in range(8)])
    clouds[[0, 3, 6]] = False
    return values, clouds


def clustered(values):
    days = np.datetime64("2020-01-05", "ns") + np.arange(8) * np.timedelta64(10, "D")
    data = xr.DataArray(values.astype("float32"), dims=("time", "y", "x"), coords={"time": days}, name="ndvi")
    return cluster_timeseries(data, 4, seed=0), data


@pytest.mark.parametrize("seed", range(4))
def test_clusters_of_land_are_not_suspected(seed):
    values, clouds = reserve(seed)
    found = gap_associations(*clustered(np.where(clouds, np.nan, values)))
    assert [one.date for one in found][:2] == [dt.date(2020, 1, 5), dt.date(2020, 1, 15)]
    assert not any(one.suspicious for one in found)


@pytest.mark.parametrize("seed", range(4))
def test_clouds_taken_for_bare_ground_round_the_gaps_of_a_date_are_suspected(seed):
    values, clouds = reserve(seed)
    values[4][clouds[4]] = 0.0  # what a gap filled with zeros does to clusters
    clustering, _ = clustered(np.where(clouds & (np.arange(8) != 4)[:, None, None], np.nan, values))
    _, data = clustered(np.where(clouds, np.nan, values))
    suspects = [one for one in gap_associations(clustering, data) if one.suspicious]
    assert [one.date for one in suspects] == [dt.date(2020, 2, 14)]


def test_v_is_scipy_s():
    rng = np.random.default_rng(1)
    labels, marks = rng.integers(0, 5, 3000), rng.random(3000) < 0.3
    marks |= labels == 3
    table = np.stack([np.bincount(labels[marks], minlength=5), np.bincount(labels[~marks], minlength=5)])
    assert association(labels, marks) == pytest.approx(scipy_association(table, method="cramer"))
    assert association(labels, np.zeros(3000, bool)) == 0
    assert association(np.zeros(3000, int), marks) == 0
