"""A model on new data, and on its own: the same labels, and an honest word about what does not fit."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools

import dask.array
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbmi.cluster import _apply_sources, cluster_images, cluster_timeseries
from mlbmi.cluster._apply_dates import match_dates
from mlbmi.cluster.apply import applied_clustering, apply_model
from mlbmi.cluster.bands import cluster_bands
from mlbmi.cluster.located import cluster_located
from mlbmi.cluster.matching import match_to
from mlbmi.cluster.models import model_of
from mlbmi.errors import ClusterError
from mlbmi.types import Scaling

DATES = np.array(["2020-01-17", "2020-04-21", "2020-06-02", "2020-07-20", "2020-08-07", "2020-10-10"], "datetime64[ns]")
SHAPE = (48, 37)


def _ndvi(seed=0, *, gaps=0.3, dates=DATES, shape=SHAPE, kind="float32"):
    """Six surfaces with noise on a grid with coordinates; ``int16`` in steps of 1e-4."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 6, shape)
    courses = np.random.default_rng(99).uniform(-0.1, 0.9, (6, len(dates)))
    values = np.moveaxis(courses[truth] + random.normal(0, 0.06, (*shape, len(dates))), 2, 0)
    values[random.random(values.shape) < gaps] = np.nan
    coords = {"time": dates, "y": 5e6 - 10.0 * np.arange(shape[0]), "x": 3e5 + 10.0 * np.arange(shape[1])}
    data = xr.DataArray(values.astype("float32"), dims=("time", "y", "x"), coords=coords, name="ndvi")
    return _coded(data) if kind == "int16" else data.astype(kind)


def _coded(data):
    steps = np.where(np.isnan(data), -32768, np.rint(data.to_numpy().astype(float) * 1e4)).astype("int16")
    return data.copy(data=steps).assign_attrs(scale_factor=1e-4, add_offset=0.0, _FillValue=-32768)


def _bands(seed=0):
    random = np.random.default_rng(seed)
    truth = random.integers(0, 4, SHAPE)
    colours = np.array([[0.05, 0.4, 0.2], [0.2, 0.25, 0.3], [0.03, 0.02, 0.01], [0.1, 0.3, 0.25]])
    values = colours[truth] + random.normal(0, 0.02, (*SHAPE, 3))
    values[random.random(SHAPE) < 0.1] = np.nan
    coords = {"y": np.arange(SHAPE[0]) * -10.0, "x": np.arange(SHAPE[1]) * 10.0}
    return xr.Dataset({name: (("y", "x"), values[..., j]) for j, name in enumerate(("red", "nir", "swir16"))}, coords=coords)


def _same_labels(clustering, data, **options):
    applied = apply_model(model_of(clustering), data, **options)
    np.testing.assert_array_equal(applied.labels.to_numpy(), clustering.labels.to_numpy())
    assert applied.labels.dtype == np.uint8
    assert applied.novelty.dtype == np.float32
    assert applied.labels.dims == applied.novelty.dims == clustering.labels.dims
    assert applied.labels.attrs == clustering.labels.attrs
    assert set(applied.labels.coords) == set(clustering.labels.coords)
    np.testing.assert_array_equal(np.isnan(applied.novelty), applied.labels == 255)
    return applied


@pytest.mark.parametrize("kind", ["float32", "float64", "int16"])
@pytest.mark.parametrize("scaling", ["none", "robust", "standard", "profile"])
def test_series_of_its_own(kind, scaling):
    data = _ndvi(1, kind=kind)
    clustering = cluster_timeseries(data, 5, scaling=scaling, min_observations=3)
    applied = _same_labels(clustering, data)
    assert (applied.labels == 255).any()
    assert applied.novel_share == pytest.approx(0.01, abs=0.004)
    assert [(m.date.isoformat(), m.days) for m in applied.matched] == [(m.feature, 0) for m in applied.matched]
    (said,) = applied.warnings
    assert "fewer than 3 observations and are not labelled" in said


@pytest.mark.parametrize("kind", ["float32", "float64", "int16"])
@pytest.mark.parametrize("scaling", ["none", "robust"])
@pytest.mark.parametrize("pooled", [True, False])
def test_images_of_their_own(kind, scaling, pooled):
    data = _ndvi(2, kind=kind)
    data[4] = -32768 if kind == "int16" else np.nan  # a date without any value
    clustering = cluster_images(data, 5, scaling=scaling, pooled=pooled)
    applied = apply_model(model_of(clustering), data)
    used = [0, 1, 2, 3, 4, 5] if pooled else [0, 1, 2, 3, 5]
    np.testing.assert_array_equal(applied.labels, clustering.labels[used])
    np.testing.assert_array_equal(applied.labels["time"], data["time"][used])
    assert applied.novel_share == pytest.approx(0.01, abs=0.004)
    assert len(applied.matched) == len(used)
    assert [said for said in applied.warnings if "no date" not in said] == []


@pytest.mark.parametrize("scaling", ["none", "standard", "profile"])
def test_bands_of_their_own(scaling):
    data = _bands()
    _same_labels(cluster_bands(data, 4, scaling=scaling), data[["swir16", "nir", "red"]])  # found by name


@pytest.mark.parametrize("weight", [0, 0.7])
@pytest.mark.parametrize("what", ["series", "int16", "image", "bands"])
@pytest.mark.parametrize("scaling", ["none", "robust"])
def test_located_of_their_own(weight, what, scaling):
    data = _bands() if what == "bands" else _ndvi(3, gaps=0.2, kind="int16" if what == "int16" else "float32")
    data = data[2] if what == "image" else data
    applied = _same_labels(cluster_located(data, 4, weight=weight, scaling=scaling), data)
    assert applied.novel_share == pytest.approx(0.01, abs=0.004)
    assert [match.feature for match in applied.matched[-2:]] == ["x", "y"]


def test_halfway_between_two_centers_on_the_way_through_units_of_the_index():
    """Centers 100 and 200 steps: 150 belongs to the lower, also after × 1e-4 and back, for any scale."""
    for low in range(100, 1100, 61):
        steps = np.array([[low, low + 100, low + 50]], "int16")
        for scale in (1e-4, 1e-3, 0.004, 1 / 3):
            data = xr.DataArray(steps, dims=("y", "x"), name="ndvi", attrs={"scale_factor": scale, "add_offset": 0.2})
            clustering = cluster_images(data[:, :2], 2)
            assert apply_model(model_of(clustering), data).labels.values.ravel().tolist() == [0, 1, 0]


def test_after_matching_numbers_and_holes_stay():
    first, data = _ndvi(4), _ndvi(5)
    reference = cluster_timeseries(first, 6, min_observations=3)
    fewer = match_to(cluster_timeseries(data, 4, min_observations=3), reference)
    assert (fewer.counts == 0).sum() == 2
    applied = _same_labels(fewer, data)
    assert set(np.unique(applied.labels)) <= {*np.flatnonzero(fewer.counts), 255}
    images = match_to(cluster_images(data, 3), cluster_images(first, 5))
    _same_labels(images, data)


def test_a_model_applies_to_any_coding_of_the_index():
    data = _ndvi(6)
    coded = _coded(data)
    model = model_of(cluster_timeseries(coded, 4, min_observations=3))
    decoded = data.copy(data=np.where(coded == -32768, np.nan, coded.to_numpy() * 1e-4)).astype("float64")
    np.testing.assert_array_equal(apply_model(model, decoded).labels, apply_model(model, coded).labels)


@pytest.mark.parametrize("chunks", [{"time": 1, "y": 10, "x": 37}, {"time": 6, "y": 48, "x": 7}])
def test_chunks_and_windows_do_not_matter(chunks, monkeypatch):
    data = _ndvi(7, kind="int16")
    whole = {}
    for scaling in ("none", "profile"):
        whole[scaling] = apply_model(model_of(cluster_timeseries(data, 4, scaling=scaling)), data)
    images = apply_model(model_of(cluster_images(data, 4)), data)
    monkeypatch.setattr(_apply_sources, "_MEMORY", 6000)
    for given_ in (data, data.chunk(chunks)):
        for scaling, expected in whole.items():
            applied = apply_model(model_of(cluster_timeseries(data, 4, scaling=scaling)), given_)
            np.testing.assert_array_equal(applied.labels, expected.labels)
            np.testing.assert_array_equal(applied.novelty, expected.novelty)
            assert (applied.novel_share, applied.warnings) == (expected.novel_share, expected.warnings)
        np.testing.assert_array_equal(apply_model(model_of(cluster_images(data, 4)), given_).labels, images.labels)
    bands = _bands()
    np.testing.assert_array_equal(apply_model(model_of(cluster_bands(bands, 4)), bands).labels, cluster_bands(bands, 4).labels)


def test_memory_is_bounded_by_windows(monkeypatch):
    """No request may hold more than a third of what is allowed."""
    largest = []
    data = _ndvi(8, shape=(200, 50), kind="int16")
    model = model_of(cluster_timeseries(data, 3))

    def read(block, block_info=None):
        largest.append(np.prod([stop - start for start, stop in block_info[0]["array-location"]]))
        return block

    lazy = data.copy(data=dask.array.from_array(data.to_numpy(), chunks=(6, 10, 50)).map_blocks(read, dtype="int16"))
    monkeypatch.setattr(_apply_sources, "_MEMORY", 60_000)
    expected = apply_model(model, data).labels
    largest.clear()
    np.testing.assert_array_equal(apply_model(model, lazy).labels, expected)
    assert max(largest) == 3000
    assert sum(largest) <= data.size * 1.01  # nothing is read twice


def test_novelty_by_hand():
    """RMS over the observed, scaled features, over the reach of the own cluster."""
    base = model_of(cluster_timeseries(_ndvi(0, dates=DATES[:2]), 2))
    model = dataclasses.replace(
        base,
        centers=np.array([[0.2, 0.2], [0.8, 0.6]]),
        scaling=Scaling(method="standard", shift=np.array([0.5, 0.5]), scale=np.array([0.1, 0.2])),
        reach=np.array([1.0, 0.5]),
        min_observations=1,
    )
    nan = np.nan
    pixels = np.array([[0.3, 0.4], [nan, 0.6], [0.8, 0.8], [nan, nan]])
    data = xr.DataArray(pixels.T[:, None], dims=("time", "y", "x"), coords={"time": DATES[:2]}, name="ndvi")
    applied = apply_model(model, data)
    assert applied.labels.values.ravel().tolist() == [0, 1, 1, 255]
    np.testing.assert_allclose(applied.novelty.values.ravel(), [1.0, 0.0, np.sqrt(0.5) / 0.5, nan], rtol=1e-6, atol=1e-6)
    assert applied.novel_share == pytest.approx(1 / 3)
    assert any("33.3 % of the labelled pixels lie farther" in said for said in applied.warnings)


def test_novelty_of_images_by_hand():
    model = dataclasses.replace(
        model_of(cluster_images(_ndvi(), 2)),
        centers=np.array([[0.2], [0.8]]),
        reach=np.array([0.5, 0.0]),
        scaling=Scaling(method="robust", shift=np.array([0.5]), scale=np.array([0.2])),
    )
    data = xr.DataArray(np.array([[0.3, 0.8, 0.800075]]), dims=("y", "x"), name="ndvi")
    applied = apply_model(model, data)
    # A reach of 0 counts as half a step of the stored index, 5e-5.
    np.testing.assert_allclose(applied.novelty.values.ravel(), [1.0, 0.0, 1.5], rtol=1e-4, atol=1e-4)


def test_other_land_is_novel():
    model = model_of(cluster_timeseries(_ndvi(1), 6, min_observations=3))
    same = apply_model(model, _ndvi(10))
    assert same.novel_share < 0.03
    other = _ndvi(11)
    other[:, :24] = -0.6  # deep water, which the model never saw
    applied = apply_model(model, other)
    assert applied.novel_share == pytest.approx(0.5, abs=0.04)
    assert (applied.novelty[:24] > 1).all()
    assert "the model has hardly seen their like" in applied.warnings[-1]


def _moved(data, days):
    return data.assign_coords(time=DATES + np.asarray(days) * np.timedelta64(1, "D"))


def test_dates_within_the_tolerance():
    data = _ndvi(1)
    clustering = cluster_timeseries(data, 5, min_observations=3)
    applied = _same_labels(clustering, _moved(data, [3, -5, 0, 4, 1, -2]))
    assert [match.days for match in applied.matched] == [3, 5, 0, 4, 1, 2]
    assert applied.matched[0] == ("2020-01-17", dt.date(2020, 1, 20), 3)


def test_a_date_without_an_image_counts_as_not_observed():
    data = _ndvi(1)
    model = model_of(cluster_timeseries(data, 5, min_observations=3))
    applied = apply_model(model, _moved(data, [0, 6, 0, 0, 0, 0]))
    hidden = data.copy()
    hidden[1] = np.nan
    expected = apply_model(model, hidden)
    np.testing.assert_array_equal(applied.labels, expected.labels)
    np.testing.assert_array_equal(applied.novelty, expected.novelty)
    assert applied.matched[1] == ("2020-04-21", None, None)
    assert applied.warnings[0] == (
        "1 of the model's 6 dates have no image within 5 days (2020-04-21): pixels are compared on the other 5."
    )
    assert applied.warnings[1] == "1 of the data's 6 images stand for no date of the model (2020-04-27)."
    np.testing.assert_array_equal(
        apply_model(model, _moved(data, [0, 6, 0, 0, 0, 0]), date_tolerance_days=6).labels, apply_model(model, data).labels
    )


def test_another_year_by_day_of_the_year():
    data = _ndvi(1)
    clustering = cluster_timeseries(data, 5, min_observations=3)
    later = data.assign_coords(time=data["time"] + np.timedelta64(3 * 365 + 2, "D"))
    with pytest.raises(ClusterError, match=r"none of the model's dates \(2020-01-17, 2020-04-21 … 2020-10-10\)"):
        apply_model(model_of(clustering), later)
    applied = _same_labels(clustering, later, any_year=True)
    assert max(match.days for match in applied.matched) <= 2
    assert applied.warnings[0].startswith("Dates were compared by day of the year")


def test_too_few_dates_for_any_pixel():
    data = _ndvi(1)
    model = model_of(cluster_timeseries(data, 5, min_observations=3))
    with pytest.raises(ClusterError, match="2 of the model's 6 dates have an image; pixels need 3 observations"):
        apply_model(model, data[:2])


def _days(numbers):
    return [dt.date(2020, 1, 1) + dt.timedelta(days=number) for number in numbers]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(0, 14), min_size=1, max_size=5, unique=True),
    st.lists(st.integers(0, 14), min_size=1, max_size=5),
    st.integers(0, 6),
)
def test_dates_are_matched_as_well_as_can_be(wanted, found, tolerance):
    """Against all ways to give each date one image or none, no image twice: most pairs, then fewest days."""
    best = (0, 0)
    choices = [[None, *(j for j, day in enumerate(found) if abs(day - date) <= tolerance)] for date in wanted]
    for choice in itertools.product(*choices):
        given_ = [j for j in choice if j is not None]
        if len(set(given_)) == len(given_):
            days = sum(abs(found[j] - date) for j, date in zip(choice, wanted, strict=True) if j is not None)
            best = max(best, (len(given_), -days))
    pairs = match_dates(_days(wanted), _days(found), tolerance)
    used = [pair[0] for pair in pairs if pair]
    assert len(set(used)) == len(used)
    for date, pair in zip(wanted, pairs, strict=True):
        assert pair is None or abs(found[pair[0]] - date) == pair[1] <= tolerance
    assert (len(used), -sum(pair[1] for pair in pairs if pair)) == best


def test_days_of_the_year_wrap_and_the_nearest_year_wins():
    wanted = [dt.date(2020, 12, 30), dt.date(2020, 3, 1)]
    found = [dt.date(2018, 3, 1), dt.date(2021, 3, 1), dt.date(2023, 1, 2)]
    assert match_dates(wanted, found, 5, any_year=True) == [(2, 3), (1, 0)]
    assert match_dates(wanted, found, 5) == [None, None]
    with pytest.raises(ClusterError, match="the tolerance of dates is -1 days"):
        match_dates(wanted, found, -1)


def test_images_label_any_date():
    model = model_of(cluster_images(_ndvi(1), 5))
    new = _ndvi(12, dates=DATES[:3] + np.timedelta64(700, "D"))
    applied = apply_model(model, new)
    centers = model.centers.ravel()
    expected = np.abs(new.to_numpy()[..., None] - centers).argmin(axis=-1)
    np.testing.assert_array_equal(applied.labels, np.where(np.isnan(new), 255, expected))
    assert [match.date for match in applied.matched] == new["time"].to_numpy().astype("datetime64[D]").tolist()
    single = apply_model(model, new[1])
    np.testing.assert_array_equal(single.labels[0], applied.labels[1])


def test_series_without_dates_are_matched_by_place():
    data = _ndvi(1).drop_vars("time")
    clustering = cluster_timeseries(data, 4, min_observations=3)
    _same_labels(clustering, data)
    with pytest.raises(ClusterError, match="places in a series of 6, and the data hold 5 images"):
        apply_model(model_of(clustering), data[1:])
    with pytest.raises(ClusterError, match="the model's features are dates, and the data have none"):
        apply_model(model_of(cluster_timeseries(_ndvi(1), 4)), data)


def test_what_does_not_fit():
    data = _ndvi(1)
    series, images = model_of(cluster_timeseries(data, 3)), model_of(cluster_images(data, 3))
    for model in (series, images):
        with pytest.raises(ClusterError, match="the data are 'evi' and the model is of 'ndvi'"):
            apply_model(model, data.rename("evi"))
        with pytest.raises(ClusterError, match=r"must be an xarray\.DataArray"):
            apply_model(model, data.to_dataset())
    bands = model_of(cluster_bands(_bands(), 3))
    with pytest.raises(ClusterError, match="the data lack the bands nir of the model; they have red, swir16"):
        apply_model(bands, _bands()[["red", "swir16"]])
    with pytest.raises(ClusterError, match=r"it must be an xarray\.Dataset of bands"):
        apply_model(bands, data)
    located = model_of(cluster_located(data, 3))
    with pytest.raises(ClusterError, match="no coordinate 'x'"):
        apply_model(located, data.drop_vars("x"))
    for model in (series, images):
        infinite = data.copy()
        infinite[0, 0, 0] = np.inf
        with pytest.raises(ClusterError, match="infinity"):
            apply_model(model, infinite)


def test_what_is_said():
    data = _ndvi(1)
    clustering = cluster_timeseries(data, 3, min_observations=2)
    model = dataclasses.replace(model_of(clustering), smoothness=0.5, reach=None)
    applied = apply_model(model, data.rename(None))
    assert applied.warnings[0] == "The data have no name; they are taken for the model's index, ndvi."
    assert "smoothness 0.5" in applied.warnings[1]
    assert applied.warnings[-1] == "The model does not say how far its training pixels reach: there is no novelty."
    assert np.isnan(applied.novelty).all()
    assert np.isnan(applied.novel_share)
    np.testing.assert_array_equal(applied.labels, clustering.labels)
    nothing = apply_model(model_of(clustering), data.where(False))
    assert nothing.warnings == ("No pixel of the data could be labelled.",)
    assert np.isnan(nothing.novel_share)


def test_bands_of_a_day_and_of_many():
    one, two = _bands(0), _bands(1)
    both = xr.concat([one, two], dim="time").assign_coords(time=DATES[:2])
    model = model_of(cluster_bands(one, 4))
    np.testing.assert_array_equal(apply_model(model, both, date="2020-04-21").labels, apply_model(model, two).labels)
    composite = apply_model(model, both)
    assert (composite.labels != 255).sum() > (apply_model(model, two).labels != 255).sum()


def _same_rows(mine, theirs):
    assert [(row.date, row.cluster, row.pixels) for row in mine] == [(row.date, row.cluster, row.pixels) for row in theirs]
    for name in ("mean", "sd", "center"):
        np.testing.assert_allclose(
            [getattr(row, name) for row in mine], [getattr(row, name) for row in theirs], rtol=1e-9, atol=1e-12, err_msg=name
        )


@pytest.mark.parametrize("what", ["series", "profile", "robust", "images", "alone", "bands", "band profile", "located"])
def test_a_clustering_of_its_own_data_again(what, monkeypatch):
    """Rows, counts, centers and scaling come out as clustering gave them, window by window."""
    monkeypatch.setattr(_apply_sources, "_MEMORY", 6000)
    data = _bands() if what.startswith("band") else _ndvi(1, kind="int16")
    if what in {"series", "profile", "robust"}:
        first = cluster_timeseries(data, 4, scaling="none" if what == "series" else what)
    elif what in {"images", "alone"}:
        first = cluster_images(data, 4, pooled=what == "images", scaling="standard")
    elif what == "located":
        first = cluster_located(data, 4)
    else:
        first = cluster_bands(data, 4, scaling="profile" if what == "band profile" else "none")
    model = model_of(first)
    again = applied_clustering(model, apply_model(model, data))
    np.testing.assert_array_equal(again.labels, first.labels)
    np.testing.assert_array_equal(again.counts, first.counts)
    np.testing.assert_array_equal(again.centers, first.centers)
    np.testing.assert_array_equal(again.scaling.scale, first.scaling.scale)
    assert (again.features, again.mode, again.index, again.scaling.method) == (
        first.features,
        first.mode,
        first.index,
        first.scaling.method,
    )
    assert np.isnan(again.inertia)
    _same_rows(again.rows, first.rows)
    assert again.method == f"{first.method}; applied to other data"


def test_a_clustering_of_other_dates_is_on_the_dates_of_its_images():
    data = _ndvi(1)
    model = model_of(cluster_timeseries(data, 4, min_observations=2))
    other = _moved(data, [350, 0, 0, 366, 366, 0])[[0, 3, 4, 1]]  # 1 January and July, August of 2021, then April of 2020
    again = applied_clustering(model, apply_model(model, other, any_year=True, date_tolerance_days=20))
    assert again.features == ("2020-04-21", "2021-01-01", "2021-07-21", "2021-08-08")
    np.testing.assert_array_equal(again.centers, model.centers[:, [1, 0, 3, 4]])
    dated = [row for row in again.rows if row.date is not None]
    assert [row.date.isoformat() for row in dated[::4]] == list(again.features)
    for row in dated:
        image = other.sel(time=str(row.date)).to_numpy().squeeze().astype(float)
        members = image[again.labels.to_numpy() == row.cluster]
        assert row.pixels == members.size
        assert row.mean == pytest.approx(np.nanmean(members), abs=1e-6)
        assert row.center == again.centers[row.cluster, again.features.index(row.date.isoformat())]


def test_rows_of_holes_are_empty():
    first, data = _ndvi(4), _ndvi(5)
    fewer = match_to(cluster_timeseries(data, 4), cluster_timeseries(first, 6))
    again = applied_clustering(model_of(fewer), apply_model(model_of(fewer), data))
    _same_rows(again.rows, fewer.rows)
    for hole in np.flatnonzero(fewer.counts == 0):
        assert all(row.pixels == 0 and np.isnan(row.center) for row in again.rows if row.cluster == hole)
