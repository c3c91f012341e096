"""Numbers of an earlier model: the best of all assignments, and everything renumbered alike."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from mlbmi.cluster import cluster_images, cluster_timeseries
from mlbmi.cluster.matching import match_to, matching
from mlbmi.cluster.models import model_of
from mlbmi.errors import ClusterError
from mlbmi.types import Clustering, ClusterRow, Scaling

DATES = ("2020-01-17", "2020-04-21", "2020-07-20", "2020-10-10")


def _clustering(centers, features=DATES, **changes):
    """A clustering of a line of pixels, cluster j with j + 1 of them and a row that says so."""
    centers = np.atleast_2d(np.asarray(centers, float))
    k = len(centers)
    labels = np.append(np.repeat(np.arange(k), np.arange(k) + 1), 255).astype(np.uint8)
    rows = [
        ClusterRow(date=date, cluster=j, pixels=j + 1, mean=float(j), sd=0.1 * j, center=10.0 + j)
        for date in (None, dt.date(2020, 1, 17))
        for j in range(k)
    ]
    values = {
        "mode": "timeseries",
        "index": "ndvi",
        "labels": xr.DataArray(labels[None], dims=("y", "x"), attrs={"nodata": 255}),
        "centers": centers,
        "features": tuple(features),
        "counts": np.arange(k, dtype=np.int64) + 1,
        "inertia": 1.5,
        "n_iter": 3,
        "converged": True,
        "seed": 0,
        "method": "by hand",
        "rows": tuple(rows),
        "reach": 0.1 * (np.arange(k) + 1),
    }
    return Clustering(**{**values, **changes})


def _pairs(clustering, reference):
    return {match.old: match.new for match in matching(clustering, reference)}


CENTERS = st.integers(1, 5).flatmap(
    lambda k: st.lists(st.lists(st.floats(-1, 1, width=16), min_size=4, max_size=4), min_size=k, max_size=k)
)


@settings(max_examples=60, deadline=None)
@given(CENTERS, CENTERS)
def test_no_other_assignment_costs_less(mine, theirs):
    """Against all assignments there are."""
    a, b = np.array(mine), np.array(theirs)
    squares = ((a[:, None] - b[None]) ** 2).mean(axis=2)
    short, long = sorted((len(a), len(b)))
    table = squares if len(a) <= len(b) else squares.T
    least = min(sum(table[i, j] for i, j in enumerate(order)) for order in itertools.permutations(range(long), short))
    found = matching(_clustering(a), _clustering(b))
    cost = sum(match.distance**2 for match in found if not np.isnan(match.distance))
    assert cost == pytest.approx(least, abs=1e-12)
    for match in found:
        if not np.isnan(match.distance):
            assert match.distance == pytest.approx(np.sqrt(squares[match.old, match.new]), abs=1e-12)
    assert sum(np.isnan(match.distance) for match in found) == max(len(a) - len(b), 0)


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(5)), st.integers(1, 5))
def test_everything_is_renumbered_alike(order, kept):
    """A subset of the reference's own clusters under other numbers gets the reference's numbers back, in every field."""
    random = np.random.default_rng(0)
    centers = random.uniform(0, 1, (5, 4))
    chosen = list(order)[:kept]
    mine = _clustering(centers[chosen])
    result = match_to(mine, _clustering(centers))
    assert result.n_clusters == 5
    for new in range(5):
        if new in chosen:
            old = chosen.index(new)
            np.testing.assert_array_equal(result.centers[new], centers[new])
            assert (result.counts[new], result.reach[new]) == (old + 1, mine.reach[old])
            np.testing.assert_array_equal(result.labels == new, mine.labels == old)
        else:
            assert np.isnan(result.centers[new]).all()
            assert np.isnan(result.reach[new])
            assert result.counts[new] == 0
            assert not (result.labels == new).any()
    assert result.labels.dtype == np.uint8
    assert result.labels.attrs == mine.labels.attrs
    assert (result.labels == 255).sum() == 1


def test_rows_come_by_date_in_order_of_the_new_numbers_with_holes():
    result = match_to(_clustering([[0.9] * 4, [0.1] * 4]), _clustering([[0.1] * 4, [0.5] * 4, [0.9] * 4]))
    assert [(row.date, row.cluster, row.pixels) for row in result.rows] == [
        (date, cluster, pixels) for date in (None, dt.date(2020, 1, 17)) for cluster, pixels in ((0, 2), (1, 0), (2, 1))
    ]
    assert result.rows[0] == ClusterRow(date=None, cluster=0, pixels=2, mean=1.0, sd=0.1, center=11.0)
    assert np.isnan([result.rows[1].mean, result.rows[1].sd, result.rows[1].center]).all()


def test_more_clusters_than_the_reference_get_the_next_numbers():
    reference = _clustering([[0.5] * 4, [0.1] * 4])
    mine = _clustering([[0.11] * 4, [0.3] * 4, [0.52] * 4, [0.9] * 4])
    assert _pairs(mine, reference) == {0: 1, 1: 2, 2: 0, 3: 3}
    result = match_to(mine, reference)
    np.testing.assert_array_equal(result.centers[:, 0], [0.52, 0.11, 0.3, 0.9])
    np.testing.assert_array_equal(result.counts, [3, 1, 2, 4])


def test_a_hole_is_neither_matched_nor_filled():
    """A chain of three: a number that was absent in the middle keeps its meaning at the end."""
    first = _clustering([[0.1] * 4, [0.5] * 4, [0.9] * 4])
    second = match_to(_clustering([[0.12] * 4, [0.88] * 4]), first)
    assert np.isnan(second.centers[1]).all()
    third = match_to(_clustering([[0.5] * 4, [0.13] * 4, [0.87] * 4]), second)
    np.testing.assert_allclose(third.centers[[0, 2, 3], 0], [0.13, 0.87, 0.5])
    assert third.counts.tolist() == [2, 0, 3, 1]
    again = match_to(second, first)
    np.testing.assert_array_equal(again.labels, second.labels)
    assert again.n_clusters == 3
    assert len(matching(second, first)) == 2


def test_only_shared_dates_count():
    """On the dates that both have, cluster 0 is their cluster 1; on all, it would look like cluster 0."""
    reference = _clustering([[0.2, 0.2, 0.9, 0.9], [0.8, 0.8, 0.1, 0.1]])
    mine = _clustering([[0.8, 0.8, 0.9], [0.2, 0.2, 0.1]], features=(*DATES[:2], "2021-07-20"))
    assert _pairs(mine, reference) == {0: 1, 1: 0}
    assert matching(mine, reference)[0].distance == 0


def test_a_date_without_any_center_is_left_out():
    nan = np.nan
    reference = _clustering([[0.2, nan, 0.3, 0.3], [0.8, nan, 0.3, 0.3]])
    mine = _clustering([[0.8, 5.0, 0.3, nan], [0.2, -5.0, 0.3, nan]])
    assert _pairs(mine, reference) == {0: 1, 1: 0}
    assert matching(mine, reference)[1].distance == 0


def _summer(days, peak=200):
    """A course over the year, by date."""
    return [0.5 + 0.3 * np.cos(2 * np.pi * (dt.date.fromisoformat(day).timetuple().tm_yday - peak) / 365.25) for day in days]


def test_other_years_are_matched_by_the_season():
    """The means are alike; only the date of the peak tells the two apart."""
    days = [f"2020-{month:02d}-11" for month in range(1, 13)]
    others = [f"2023-{month:02d}-25" for month in range(1, 13)]
    reference = _clustering([_summer(days, 200), _summer(days, 110)], days)
    mine = _clustering([_summer(others, 112), _summer(others, 199)], others)
    assert _pairs(mine, reference) == {0: 1, 1: 0}
    assert max(match.distance for match in matching(mine, reference)) < 0.03


def test_the_season_runs_through_the_turn_of_the_year():
    """1 December and 31 January: on New Year's Eve both are about halfway, and a year apart is not far."""
    one, two = ("2020-12-01", "2021-01-31"), ("2022-12-31",)
    reference = _clustering([[0.2, 0.4], [0.4, 0.2]], one)
    (match,) = matching(_clustering([[0.3]], two), reference)
    days = [336 - 365.25, 31, 336, 31 + 365.25]  # 1 December is day 336 of 2020
    course = np.interp(np.arange(1, 366), days, [0.2, 0.4, 0.2, 0.4])
    assert match.distance == pytest.approx(np.sqrt(np.mean((course - 0.3) ** 2)), abs=1e-12)


def test_two_dates_on_one_day_of_the_year_are_averaged():
    days = ("2019-03-01", "2021-03-01", "2021-09-01")
    reference = _clustering([[0.2, 0.4, 0.9]], days)
    assert matching(_clustering([[0.3, 0.9]], ("2018-03-01", "2018-09-01")), reference)[0].distance == pytest.approx(0, abs=1e-12)


def test_images_and_series_end_to_end():
    """Another year with the same surfaces in another order of brightness: numbers stay with the surface."""
    random = np.random.default_rng(3)
    truth = random.integers(0, 3, (40, 40))
    courses = np.array([[0.1, 0.1, 0.1, 0.1], [0.3, 0.5, 0.6, 0.4], [0.4, 0.7, 0.8, 0.5]])
    later = np.array([[0.1, 0.1, 0.1, 0.1], [0.45, 0.6, 0.65, 0.5], [0.42, 0.72, 0.8, 0.2]])  # the last ends early

    def cube(table, year):
        values = np.moveaxis(table[truth] + random.normal(0, 0.02, (40, 40, 4)), 2, 0)
        time = np.array([f"{year}{day[4:]}" for day in DATES], "datetime64[ns]")
        return xr.DataArray(values, dims=("time", "y", "x"), coords={"time": time}, name="ndvi")

    first, second = cluster_timeseries(cube(courses, 2020), 3), cluster_timeseries(cube(later, 2021), 3)
    np.testing.assert_array_equal(first.labels, truth)
    assert (second.labels.to_numpy() != truth).any()  # numbered by mean, the two change places
    matched = match_to(second, model_of(first))
    np.testing.assert_array_equal(matched.labels, truth)
    images = cluster_images(cube(courses, 2020)[2], 3)
    np.testing.assert_array_equal(match_to(images, model_of(images)).labels, images.labels)


def test_location_does_not_count():
    features = ("2020-01-17", "2020-07-20", "x", "y")
    reference = _clustering([[0.2, 0.3, 0.0, 0.0], [0.8, 0.9, 9e5, 9e5]], features, mode="located")
    mine = _clustering([[0.8, 0.9, 0.0, 0.0], [0.2, 0.3, 9e5, 9e5]], features, mode="located")
    assert _pairs(mine, reference) == {0: 1, 1: 0}


def test_bands_are_compared_by_name():
    reference = _clustering([[0.1, 0.4, 0.9], [0.3, 0.3, 0.0]], ("red", "nir", "blue"), mode="bands", index="red-nir-blue")
    mine = _clustering([[0.3, 0.3], [0.4, 0.1]], ("nir", "red"), mode="bands", index="nir-red")
    assert [(m.old, m.new, round(m.distance, 12)) for m in matching(mine, reference)] == [(0, 1, 0.0), (1, 0, 0.0)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "located"}, "the mode is 'timeseries' and the reference's 'located'"),
        ({"index": "evi"}, "the index is 'ndvi' and the reference's 'evi'"),
        ({"scaling": Scaling(method="profile")}, "scaling is 'none' and the reference's 'profile'"),
        ({"features": ("0", "1", "2", "3")}, "2020-01-17, .* and those of the reference, 0, 1, 2, 3, have none in common"),
        ({"centers": np.full((2, 4), np.nan)}, r"\(none with a center\)"),
    ],
)
def test_what_cannot_be_matched(changes, message):
    mine = _clustering([[0.1] * 4, [0.2] * 4])
    with pytest.raises(ClusterError, match=message):
        match_to(mine, dataclasses.replace(mine, **changes))


def test_more_numbers_than_labels():
    mine = _clustering(np.arange(200.0)[:, None], ("ndvi",), mode="images")
    holes = np.full((250, 1), np.nan)
    holes[:100, 0] = np.arange(100.0)
    with pytest.raises(ClusterError, match="350 numbers would be needed"):
        match_to(mine, _clustering(holes, ("ndvi",), mode="images"))
