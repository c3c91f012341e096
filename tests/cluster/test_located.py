"""cluster_located: place as two more features at an explicit weight."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.cluster
import xarray as xr
from sklearn.metrics import adjusted_rand_score

from mlbmi.cluster import cluster_bands, cluster_images, cluster_located, cluster_timeseries
from mlbmi.errors import ClusterError

K = 4
Y, X = 30, 50
COORDS = {"y": 5.8e6 - 10 * np.arange(Y), "x": 3.7e5 + 10 * np.arange(X), "spatial_ref": 32633}


@pytest.fixture
def cube(plain):
    """Return a float32 cube (4, 30, 50) with gaps, on a grid of 10 m."""
    series = plain.with_gaps(plain.mixture(seed=8, pixels=Y * X, dates=4, clusters=K, sd=0.1)[0], 0.25)
    series[7] = np.nan
    days = np.array(["2020-01-17", "2020-04-24", "2020-07-03", "2020-09-30"], "datetime64[ns]")
    values = series.T.reshape(4, Y, X).astype(np.float32)
    return xr.DataArray(values, dims=("time", "y", "x"), coords={"time": days, **COORDS}, name="ndvi")


def _bands(cube: xr.DataArray) -> xr.Dataset:
    return xr.Dataset({name: cube.isel(time=place, drop=True) for place, name in enumerate(("blue", "red", "nir", "swir"))})


def _coded(cube: xr.DataArray) -> xr.DataArray:
    numbers = np.where(np.isnan(cube.values), -32768, np.rint(cube.values * 1e4)).astype(np.int16)
    return cube.copy(data=numbers).assign_attrs(scale_factor=1e-4, _FillValue=-32768)


@pytest.mark.parametrize(
    ("kind", "scaling"),
    [(kind, scaling) for kind in ("series", "int16", "bands") for scaling in ("none", "robust", "standard", "profile")]
    + [("grey", scaling) for scaling in ("none", "robust", "standard")],  # one value has no profile
)
def test_without_weight_it_is_the_clustering_without_place(cube, kind, scaling):
    if kind == "grey":
        data, base = _coded(cube)[1], cluster_images(_coded(cube)[1], K, scaling=scaling)
        labels, centers = base.labels[0], base.centers
    elif kind == "bands":
        data = _bands(cube)
        base = cluster_bands(data, K, scaling=scaling)
        labels, centers = base.labels, base.centers
    else:
        data = cube if kind == "series" else _coded(cube)
        base = cluster_timeseries(data, K, scaling=scaling)
        labels, centers = base.labels, base.centers
    result = cluster_located(data, K, weight=0, scaling=scaling)
    np.testing.assert_array_equal(result.labels, labels)
    np.testing.assert_allclose(result.centers[:, :-2], centers, rtol=1e-9)
    assert result.inertia == pytest.approx(base.inertia, rel=1e-9)
    assert [(row.date, row.pixels, row.mean) for row in result.rows if row.date is None] == [
        (row.date, row.pixels, pytest.approx(row.mean)) for row in base.rows if row.date is None
    ]
    places = np.stack(np.meshgrid(COORDS["x"], COORDS["y"]), axis=-1)
    own = [places[result.labels.values == j].mean(axis=0) for j in range(K)]
    np.testing.assert_allclose(result.centers[:, -2:], own, rtol=1e-12)


def _scaled(result, rows: np.ndarray) -> np.ndarray:
    """Return features and places as clustered, from the result's own scaling."""
    y, x = (grid.reshape(-1) for grid in np.meshgrid(COORDS["y"], COORDS["x"], indexing="ij"))
    return (np.column_stack([rows, x, y]) - result.scaling.shift) / result.scaling.scale


@pytest.mark.parametrize("weight", [0.3, 1, 2.5])
@pytest.mark.parametrize("scaling", ["none", "standard"])
def test_weight_is_what_it_says(cube, weight, scaling):
    """Total variance of place = weight² × that of the features, over clustered pixels; one scale for both directions."""
    result = cluster_located(cube, K, weight=weight, scaling=scaling)
    scaled = _scaled(result, cube.values.reshape(4, -1).T)[result.labels.values.reshape(-1) < K]
    assert scaled[:, -2:].var(axis=0).sum() == pytest.approx(weight**2 * np.nanvar(scaled[:, :-2], axis=0).sum(), rel=1e-5)
    assert result.scaling.scale[-1] == result.scaling.scale[-2]
    np.testing.assert_allclose(scaled[:, -2:].mean(axis=0), 0, atol=1e-6)


@pytest.mark.parametrize("kind", ["float32", "int16"])
@pytest.mark.parametrize("scaling", ["none", "robust"])
def test_it_is_kmeans_on_features_and_places(cube, plain, kind, scaling):
    """Labels are nearest by partial distance over all features, and the objective is that of the result's own fields."""
    data = cube if kind == "float32" else _coded(cube)
    result = cluster_located(data, K, weight=0.7, scaling=scaling)
    scaled, labels = _scaled(result, cube.values.reshape(4, -1).T), result.labels.values.reshape(-1)
    centers = (result.centers - result.scaling.shift) / result.scaling.scale
    squares = plain.squares(scaled, centers)
    seen = labels < K
    np.testing.assert_array_equal(seen, (~np.isnan(cube.values)).sum(axis=0).reshape(-1) >= 2)
    assert (squares.argmin(axis=1)[seen] == labels[seen]).mean() > 0.999
    assert result.inertia == pytest.approx(plain.objective(scaled, centers, np.where(seen, labels.astype(int), -1)), rel=1e-3)


def test_it_costs_no_more_than_scikit_learns_best_of_ten(cube):
    complete = cube.fillna(0.4)
    result = cluster_located(complete, K, weight=0.7)
    table = _scaled(result, complete.values.reshape(4, -1).T)
    theirs = sklearn.cluster.KMeans(K, n_init=10, random_state=0).fit(table)
    assert result.inertia <= theirs.inertia_ * 1.0005


def test_much_weight_makes_compact_districts(cube):
    """Labels of neighbours agree but along the borders, and say nothing of the features."""
    plain, far = cluster_located(cube, K, weight=0), cluster_located(cube, K, weight=20)

    def agreement(labels):
        whole = labels.values.astype(int)
        return (whole[:, 1:] == whole[:, :-1]).mean()

    assert agreement(plain.labels) < 0.6
    assert agreement(far.labels) > 0.9
    assert adjusted_rand_score(plain.labels.values.reshape(-1), far.labels.values.reshape(-1)) < 0.1
    y, x = np.meshgrid(COORDS["y"], COORDS["x"], indexing="ij")
    spread = [np.hypot(x[far.labels == j].std(), y[far.labels == j].std()) for j in range(K)]
    assert max(spread) < 0.7 * np.hypot(x.std(), y.std())


def test_some_weight_heals_speckle():
    """Two halves that differ by less than the noise: with place they are found, without they are not."""
    truth = np.zeros((40, 40), int)
    truth[:, 20:] = 1
    noisy = 0.3 + 0.2 * truth + np.random.default_rng(0).normal(0, 0.15, truth.shape)
    image = xr.DataArray(noisy, dims=("y", "x"), coords={"y": np.arange(40.0), "x": np.arange(40.0)})
    score = [adjusted_rand_score(truth.flat, cluster_located(image, 2, weight=w).labels.values.flat) for w in (0, 0.5, 1, 2)]
    assert score == sorted(score)
    assert score[0] < 0.3
    assert score[-1] > 0.8


@pytest.mark.parametrize("kind", ["series", "bands", "grey"])
def test_every_field_is_filled(cube, kind):
    data = {"series": cube, "bands": _bands(cube), "grey": cube[1].drop_vars("time")}[kind]
    result = cluster_located(data, K, seed=2)
    names = {"series": tuple(str(d)[:10] for d in cube.time.values), "bands": ("blue", "red", "nir", "swir"), "grey": ("0",)}
    assert result.mode == "located"
    assert result.features == (*names[kind], "x", "y")
    assert result.index == ("blue-red-nir-swir" if kind == "bands" else "ndvi")
    assert result.min_observations == {"series": 2, "bands": 4, "grey": 1}[kind]
    assert result.centers.shape == (K, len(result.features))
    assert result.scaling.shift.shape == result.scaling.scale.shape == (len(result.features),)
    assert np.isfinite(result.scaling.scale).all()
    assert "coordinates at weight 0.5" in result.method
    assert set(result.labels.coords) == {"y", "x", "spatial_ref"}
    x, y = result.centers[:, -2:].T
    assert ((x >= COORDS["x"].min()) & (x <= COORDS["x"].max())).all()
    assert ((y >= COORDS["y"].min()) & (y <= COORDS["y"].max())).all()


def test_numbers_are_by_the_features_alone(cube):
    """At great weight centers differ by place far more than by index, which numbers them all the same."""
    series = cluster_located(cube, K, weight=10)
    assert (np.diff(series.centers[:, :-2].mean(axis=1)) > 0).all()
    bands = cluster_located(_bands(cube), K, weight=10)
    red, nir = bands.centers[:, 1], bands.centers[:, 2]
    assert (np.diff((nir - red) / (nir + red)) > 0).all()


def test_only_dates_count_as_observations(cube):
    result = cluster_located(cube, K, min_observations=3)
    np.testing.assert_array_equal(result.labels.values == 255, cube.notnull().sum("time").values < 3)
    assert result.min_observations == 3


def test_profiles_are_taken_without_the_coordinates(cube):
    complete = cube.fillna(0.4)
    result = cluster_located(complete, K, weight=0.5, scaling="profile")
    rows = complete.values.reshape(4, -1).T.astype(np.float64)
    spread = rows.std(axis=1, keepdims=True)
    z = (rows - rows.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)
    own = [z[result.labels.values.reshape(-1) == j].mean(axis=0) for j in range(K)]
    np.testing.assert_allclose(result.centers[:, :-2], own, atol=1e-3)


def test_a_shift_of_the_map_and_other_units_of_length_change_nothing(cube):
    moved = cube.assign_coords(x=(cube.x - 3e5) / 1000, y=(cube.y + 1e6) / 1000)
    np.testing.assert_array_equal(cluster_located(moved, K).labels, cluster_located(cube, K).labels)


def test_a_date_of_bands_can_be_chosen(cube):
    bands = xr.concat([_bands(cube), _bands(cube) + 1], dim="time").assign_coords(time=cube.time[:2])
    result = cluster_located(bands, K, date="2020-01-17")
    np.testing.assert_array_equal(result.labels, cluster_located(_bands(cube), K).labels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": -0.1}, "weight is -0.1; it must be a number, 0 or more"),
        ({"weight": np.inf}, "weight is inf"),
        ({"weight": np.nan}, "weight is nan"),
        ({"weight": True}, "weight is True"),
        ({"weight": "1"}, "weight is '1'"),
        ({"base": "bands"}, "base is 'bands', but data are timeseries.*base=\"timeseries\""),
        ({"base": "images"}, "base is 'images', but data are timeseries"),
        ({"date": "2020-01-17"}, "date is '2020-01-17', but data are timeseries, not bands"),
        ({"min_observations": 0}, "min_observations is 0"),
        ({"min_observations": 5}, "0 pixels have the 5 observed features that each needs"),
        ({"scaling": "zscore"}, "scaling is 'zscore'"),
        ({"n_clusters": 0}, "n_clusters is 0"),
    ],
)
def test_what_cannot_be_asked_is_said(cube, options, message):
    with pytest.raises(ClusterError, match=message):
        cluster_located(cube, **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.drop_vars("x"), "no coordinate 'x'.*assign_coords"),
        (lambda c: c.assign_coords(y=[str(v) for v in range(Y)]), "coordinate 'y' is <U2 and must hold finite numbers"),
        (lambda c: c.assign_coords(x=c.x.where(c.x > 3.7001e5)), "coordinate 'x' is float64 and must hold finite numbers"),
        (lambda c: c.where(c < 0.5, np.inf), "infinity"),
        (lambda c: c * np.nan, "0 pixels have"),
        (lambda c: c * 0 + 1, "no more than 1 distinct"),
        (lambda c: c.rename(x="lon"), r"dimensions \('time', 'y', 'lon'\)"),
        (lambda c: c.values, "data is a ndarray"),
    ],
)
@pytest.mark.parametrize("weight", [0, 0.5])
def test_what_cannot_be_clustered_is_said(cube, change, message, weight):
    with pytest.raises(ClusterError, match=message):
        cluster_located(change(cube), K, weight=weight)


def test_bands_refuse_what_means_nothing_to_them(cube):
    with pytest.raises(ClusterError, match="min_observations is 2, but data are bands"):
        cluster_located(_bands(cube), K, min_observations=2)
    array = _bands(cube).to_dataarray("band").assign_coords(band=["a", "x", "b", "c"])
    with pytest.raises(ClusterError, match="x and y must be coordinates, not bands"):
        cluster_located(array, K)
    with pytest.raises(ClusterError, match="one value alone"):
        cluster_located(cube[0], K, scaling="profile")


def test_input_is_not_changed(cube):
    before = cube.copy(deep=True)
    cluster_located(cube, K, scaling="robust")
    xr.testing.assert_identical(cube, before)
