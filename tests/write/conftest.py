"""A small landscape with an irregular area, and what the other steps would have made of it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from shapely.geometry import box

from mlbmi.types import Acquisition, Asset, Clustering, ClusterRow, OffsetDecision, Scene

DATES = (dt.date(2020, 1, 17), dt.date(2020, 1, 24), dt.date(2020, 8, 7))


@pytest.fixture
def geobox():
    return GeoBox((70, 60), Affine(10, 0, 358000, 0, -10, 5830000), "EPSG:32633")


@pytest.fixture
def area(geobox):
    y, x = np.mgrid[: geobox.shape[0], : geobox.shape[1]]
    return (x + y > 25) & (x - y < 40) & ~((x > 40) & (y > 50))


@pytest.fixture
def cube(geobox, area):
    """NDVI (time, y, x), float32, on the lattice of int16 steps; NaN outside the area and under a cloud on the second date."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[: geobox.shape[0], : geobox.shape[1]]
    base = 0.4 + 0.4 * np.sin(x / 9) * np.cos(y / 11)
    values = np.stack([base * season + rng.normal(0, 0.02, base.shape) for season in (0.6, 0.62, 1.1)])
    values = np.rint(values * 10_000) / 10_000
    values[:, ~area] = np.nan
    values[1, 20:40, 20:35] = np.nan
    coords = {"time": np.array(DATES, dtype="datetime64[ns]"), **xr_coords(geobox)}
    return xr.DataArray(values.astype("float32"), dims=("time", "y", "x"), coords=coords, name="ndvi")


def _rows(values, labels, centers, dates):
    """Statistics by hand: one row per date and cluster, then one per cluster over all dates."""

    def row(date, label, chosen, center):
        found = chosen[np.isfinite(chosen)].astype(float)
        mean, sd = (float(found.mean()), float(found.std())) if found.size else (np.nan, np.nan)
        return ClusterRow(date=date, cluster=label, pixels=chosen.size, mean=mean, sd=sd, center=center)

    ks = range(len(centers))
    dated = [row(date, k, v[lab == k], centers[k]) for date, v, lab in zip(dates, values, labels, strict=True) for k in ks]
    return (*dated, *(row(None, k, values[labels == k], centers[k]) for k in ks))


@pytest.fixture
def images(cube):
    centers = np.array([0.1, 0.3, 0.5, 0.8])
    bounds = (centers[1:] + centers[:-1]) / 2
    labels = np.where(np.isnan(cube), 255, np.digitize(cube, bounds)).astype("uint8")
    return Clustering(
        mode="images",
        index="ndvi",
        labels=xr.DataArray(labels, dims=cube.dims, coords=cube.coords, name="labels"),
        centers=centers[:, None],
        features=("ndvi",),
        counts=np.bincount(labels[labels != 255], minlength=4).astype("int64"),
        inertia=12.345678901234567,
        n_iter=0,
        converged=True,
        seed=None,
        method="exact 1-D (Wang & Song 2011)",
        rows=_rows(cube.to_numpy(), labels, centers.tolist(), DATES),
    )


@pytest.fixture
def series(cube, area):
    mean = np.nanmean(np.where(area, cube.to_numpy(), 0), axis=0)
    labels = np.where(area, np.digitize(mean, [0.25, 0.5]), 255).astype("uint8")
    centers = np.array([[float(np.nanmean(image[labels == k])) for image in cube.to_numpy()] for k in range(3)])
    rows = tuple(
        ClusterRow(date=None, cluster=k, pixels=int((labels == k).sum()), mean=0.1 * k, sd=0.01, center=float(centers[k].mean()))
        for k in range(3)
    )
    return Clustering(
        mode="timeseries",
        index="ndvi",
        labels=xr.DataArray(labels, dims=("y", "x"), coords={k: cube.coords[k] for k in ("y", "x", "spatial_ref")}),
        centers=centers,
        features=tuple(date.isoformat() for date in DATES),
        counts=np.array([row.pixels for row in rows], dtype="int64"),
        inertia=3.25,
        n_iter=11,
        converged=True,
        seed=42,
        method="Lloyd, partial distances",
        rows=rows,
    )


@pytest.fixture
def scene():
    href = "https://user:hunter2@host.example/33UUU/red.tif?sig=SECRETSIG&se=2026#frag"
    return Scene(
        item_id="S2A_33UUU_20200124_0_L2A",
        collection="sentinel-2-l2a",
        dialect="earth-search-v1",
        datetime=dt.datetime(2020, 1, 24, 10, 13, 21, tzinfo=dt.UTC),
        tile="33UUU",
        epsg=32633,
        platform="sentinel-2a",
        baseline="02.14",
        sequence=0,
        orbit=122,
        cloud_cover=0.375,
        offset_applied=None,
        footprint=box(12.9, 52.4, 13.1, 52.6),
        assets={"red": Asset(band="red", key="B04", href=href)},
    )


@pytest.fixture
def used(scene):
    return Acquisition(
        item_id=scene.item_id,
        scene=scene,
        status="used",
        grid="33UUU",
        clear_share=0.97251,
        counts={"scl": 12, "nodata": 3, "outlier": 1},
        offset=OffsetDecision(add=0, source="baseline", reason="baseline 02.14 < 04.00", contradiction=""),
    )
