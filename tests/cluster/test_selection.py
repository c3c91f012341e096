"""The choice of the number of clusters as a whole: right on known truth, and clear where there is nothing to choose."""

from __future__ import annotations

import dataclasses

import numba
import numpy as np
import pytest
import xarray as xr

from mlbmi.cluster import cluster_images, cluster_timeseries
from mlbmi.cluster.choosing import choose
from mlbmi.cluster.selection import score_table, select_n_clusters
from mlbmi.errors import ClusterError
from mlbmi.simulate import Recipe
from mlbmi.simulate.stage import Stage
from mlbmi.simulate.surface import HALO

FAST = {"n_resamples": 3, "n_references": 2}


def _blobs(seed: int, k: int, d: int, n: int = 1200, gaps: float = 0.0):
    """Rows around centers at least eight mean standard deviations apart, of differing sizes and spreads."""
    random = np.random.default_rng(seed)
    sd = 0.02 * np.exp(random.uniform(0, 0.7, k))
    while True:
        centers = random.uniform(0, 0.9 if d > 2 else 2.0, (k, d))
        apart = np.linalg.norm(centers[:, None] - centers, axis=2) / ((sd[:, None] + sd) / 2)
        if apart[np.triu_indices(k, 1)].min() > 8:
            break
    labels = random.choice(k, n, p=random.dirichlet(np.full(k, 8.0)))
    rows = centers[labels] + random.normal(size=(n, d)) * sd[labels][:, None]
    rows[random.random(rows.shape) < gaps] = np.nan
    return rows


@pytest.mark.parametrize(
    ("k", "d", "gaps"), [(2, 1, 0), (4, 1, 0), (3, 2, 0), (6, 6, 0), (5, 8, 0.3), (2, 24, 0.2), (8, 12, 0.25)]
)
def test_mixtures_of_known_number(k, d, gaps):
    found = [choose(score_table(_blobs(seed, k, d, gaps=gaps), range(2, 11), seed=seed, **FAST)).n_clusters for seed in range(2)]
    assert all(abs(number - k) <= 1 for number in found), found
    assert k in found


@pytest.fixture(scope="module")
def landscape():
    """Noise-free NDVI on four seasons, int16, and the true classes, of a part of the simulated land."""
    recipe = Recipe.small(tiles=("33UUU",))
    stage = Stage(recipe)
    days = [recipe.dates[at] for at in (1, 3, 4, 5)]
    red, nir = (
        np.stack(
            [np.concatenate([stage.surface("33UUU", day, b).reflectance(band) for b in stage.blocks("33UUU")]) for day in days]
        )
        for band in ("red", "nir")
    )
    ndvi = np.rint((nir - red) / (nir + red) * 1e4).astype(np.int16)
    ndvi[0, :60] = -32768
    attrs = {"scale_factor": 1e-4, "_FillValue": -32768}
    return xr.DataArray(ndvi, dims=("time", "y", "x"), name="ndvi", attrs=attrs), stage.ground("33UUU").cover[
        HALO:-HALO, HALO:-HALO
    ]


def test_the_simulated_land(landscape):
    data, classes = landscape
    large = int((np.bincount(classes.ravel()) >= 0.01 * classes.size).sum())
    chosen = select_n_clusters(data, sample=6000, **FAST)
    assert abs(chosen.n_clusters - large) <= 1
    assert (chosen.mode, chosen.index, chosen.seed) == ("timeseries", "ndvi", 0)
    assert 5000 < chosen.sample <= 6000
    assert [row.n_clusters for row in chosen.scores] == list(range(2, 11))
    assert chosen.reason.startswith(f"{chosen.n_clusters} clusters: ")
    assert all(np.isfinite(dataclasses.astuple(row)).all() for row in chosen.scores)


def test_squared_errors_are_those_of_the_maps(landscape):
    data = landscape[0][:, ::3, ::3]
    series = select_n_clusters(data, [3, 5], seed=3, sample=500, **FAST)
    images = select_n_clusters(data, [3, 5], mode="images", sample=500, **FAST)
    for at, k in enumerate((3, 5)):
        assert series.scores[at].sse == pytest.approx(cluster_timeseries(data, k, seed=3).inertia, rel=1e-12)
        assert images.scores[at].sse == pytest.approx(cluster_images(data, k).inertia, rel=1e-9)


def test_stored_and_float_values_score_alike(landscape):
    data = landscape[0][:, ::4, ::4]
    floats = (data.where(data != -32768) * 1e-4).astype("float32")
    for mode in ("images", "timeseries"):
        stored, plain = (select_n_clusters(array, [2, 4], mode=mode, sample=800, **FAST) for array in (data, floats))
        for one, other in zip(stored.scores, plain.scores, strict=True):
            assert np.allclose(dataclasses.astuple(one), dataclasses.astuple(other), rtol=2e-3), mode


def test_one_seed_one_answer_on_any_number_of_threads(landscape):
    data = landscape[0][:, ::4, ::4]
    before = numba.get_num_threads()
    try:
        found = []
        for threads in (1, min(2, before)):
            numba.set_num_threads(threads)
            found.append(select_n_clusters(data, [2, 3, 4], sample=600, seed=5, **FAST))
    finally:
        numba.set_num_threads(before)
    assert found[0] == found[1]
    assert found[0] != select_n_clusters(data, [2, 3, 4], sample=600, seed=6, **FAST)


def test_images_pool_all_dates():
    random = np.random.default_rng(0)
    levels = np.where(random.random((3, 40, 40)) < 0.5, 0.2, np.array([0.5, 0.8, 0.8])[:, None, None])
    data = xr.DataArray(levels + random.normal(0, 0.02, levels.shape), dims=("time", "y", "x"), name="ndvi")
    chosen = select_n_clusters(data, range(1, 7), mode="images", **FAST)
    assert chosen.n_clusters == 3
    assert chosen.sample == 3 * 1600
    assert np.isnan(chosen.scores[0].silhouette)


def test_dates_of_one_place_are_one_block():
    """The same image five times over is no more evidence than once."""
    random = np.random.default_rng(3)
    patches = np.kron(random.uniform(0.1, 0.9, (8, 8)), np.ones((5, 5)))
    once = _image(patches[None] + random.normal(0, 0.01, (1, 40, 40)))
    fivefold = xr.concat([once] * 5, dim="time").rename("ndvi")
    errors = [select_n_clusters(data, [3], mode="images", **FAST).scores[0].silhouette_sd for data in (once, fivefold)]
    assert errors[1] == pytest.approx(errors[0], rel=1e-3)


def test_bands_and_place(landscape):
    random = np.random.default_rng(1)
    kind = random.integers(0, 3, (30, 30))
    bands = {
        name: (("y", "x"), np.array(means)[kind] + random.normal(0, 0.01, kind.shape))
        for name, means in {"red": [0.1, 0.3, 0.05], "nir": [0.15, 0.35, 0.5]}.items()
    }
    found = {mode: select_n_clusters(xr.Dataset(bands), range(2, 6), mode=mode, **FAST) for mode in ("bands", "located")}
    assert {chosen.n_clusters for chosen in found.values()} == {3}
    assert found["located"].mode == "located"
    assert found["located"].scores == found["bands"].scores
    series = select_n_clusters(landscape[0][:, ::6, ::6], [2, 3], mode="located", **FAST)
    assert (series.mode, series.index) == ("located", "ndvi")


def test_scaling_changes_what_is_scored(landscape):
    data = landscape[0][:, ::4, ::4]
    by_scaling = {name: select_n_clusters(data, [3], scaling=name, sample=400, **FAST).scores[0] for name in ("none", "profile")}
    assert by_scaling["none"].silhouette != by_scaling["profile"].silhouette


def test_unstructured_data_is_one_cluster():
    rows = np.random.default_rng(0).normal(size=(1500, 4))
    assert choose(score_table(rows, range(1, 6), **FAST)).n_clusters == 1


def test_numbers_beyond_the_distinct_rows_are_left_out():
    rows = np.repeat([[0.0, 1.0], [4.0, 4.0], [9.0, 0.0]], 30, axis=0)
    scores = score_table(rows, range(2, 9), **FAST)
    assert [row.n_clusters for row in scores] == [2, 3]
    assert scores[1].sse == 0
    assert np.isnan(scores[1].calinski_harabasz)
    assert choose(scores).n_clusters == 3
    line = score_table(np.repeat([0.0, 1.0, 5.0], 10)[:, None], range(2, 6), **FAST)
    assert [row.n_clusters for row in line] == [2, 3]
    with pytest.raises(ClusterError, match=r"4 clusters were asked for"):
        score_table(rows, [4, 5], **FAST)
    with pytest.raises(ClusterError, match=r"4 clusters were asked for"):
        score_table(rows[:, :1], [4, 5], **FAST)


def _image(values):
    return xr.DataArray(np.asarray(values, np.float32), dims=("time", "y", "x"), name="ndvi")


@pytest.mark.parametrize("mode", ["images", "timeseries"])
def test_all_missing(mode):
    with pytest.raises(ClusterError, match="missing"):
        select_n_clusters(_image(np.full((2, 5, 5), np.nan)), mode=mode, **FAST)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k_range": []}, "k_range is empty"),
        ({"k_range": [0, 2]}, "n_clusters is 0"),
        ({"k_range": [2, 300]}, "n_clusters is 300"),
        ({"mode": "pixels"}, "mode is 'pixels'"),
        ({"scaling": "minmax"}, "scaling is 'minmax'"),
        ({"mode": "images", "scaling": "profile"}, "profile"),
        ({"mode": "images", "min_observations": 2}, "min_observations means nothing"),
        ({"date": "2020-01-01"}, "date means nothing"),
        ({"sample": 1}, "sample is 1"),
        ({"n_resamples": 0}, "n_resamples is 0"),
        ({"n_references": True}, "n_references is True"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_what_cannot_be_asked(options, message):
    with pytest.raises(ClusterError, match=message):
        select_n_clusters(_image(np.random.default_rng(0).random((2, 6, 6))), **options)


def test_tables_that_are_none():
    with pytest.raises(ClusterError, match=r"shape \(4,\)"):
        score_table(np.zeros(4))
    with pytest.raises(ClusterError, match="groups have the shape"):
        score_table(np.zeros((4, 2)), groups=[1, 2])
    with pytest.raises(ClusterError, match="missing"):
        score_table(np.full((4, 2), np.nan))
