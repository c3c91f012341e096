"""One λ for all pixels, by leaving observations out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from mlbmi.series import choose_lambda, fill_gaps, filling
from mlbmi.series._whittaker_kernels import curvature_bands

LAMS = 10.0 ** np.arange(8.0, 0.9, -0.5)


def by_hand(data, *, ends=False):
    """Return the λ of the least sum of squares over all pixels, each inner observation left out and predicted."""
    days = (data["time"].to_numpy() - data["time"].to_numpy()[0]) / np.timedelta64(1, "D")
    main, one, two = curvature_bands(days)
    penalty = np.diag(main) + sum(np.diag(band[:-k], side * k) for k, band in ((1, one), (2, two)) for side in (1, -1))
    sums = np.zeros(LAMS.size)
    for column in data.to_numpy().reshape(days.size, -1).T:
        seen = np.flatnonzero(~np.isnan(column))
        for place in (seen if ends else seen[1:-1]) if seen.size > 2 else ():
            weights = (~np.isnan(column)).astype(float)
            weights[place] = 0.0
            for number, lam in enumerate(LAMS):
                z = np.linalg.solve(np.diag(weights) + lam * penalty, weights * np.nan_to_num(column))
                sums[number] += (z[place] - column[place]) ** 2
    return LAMS[np.argmin(sums)]


def test_it_is_that_of_leaving_out_by_hand(gappy):
    few = gappy[:, 2:5, 3:6]
    assert choose_lambda(few) == pytest.approx(by_hand(few))
    assert LAMS[-1] < choose_lambda(few) < LAMS[0]


def test_the_ends_do_not_count():
    """When left out they are extrapolated, which asks for a smoother curve than gaps do."""
    random = np.random.default_rng(5)
    walks = np.cumsum(random.normal(0, 0.1, (12, 12)), axis=0)
    walks[random.random(walks.shape) < 0.2] = np.nan
    months = pd.date_range("2020-01-01", periods=12, freq="MS")
    data = xr.DataArray(walks, dims=("time", "pixel"), coords={"time": months})
    assert choose_lambda(data) == pytest.approx(by_hand(data))
    assert by_hand(data, ends=True) > 9 * by_hand(data)


def test_fill_gaps_takes_it_by_default(gappy):
    lam = choose_lambda(gappy)
    assert fill_gaps(gappy, "whittaker").identical(fill_gaps(gappy, "whittaker", lam=lam))


def test_chunks_and_codes_do_not_matter(gappy):
    lam = choose_lambda(gappy)
    assert choose_lambda(gappy.chunk(time=5, y=5, x=2)) == lam
    codes = np.where(np.isnan(gappy), -32768, np.rint(gappy * 1e4)).astype(np.int16)
    assert choose_lambda(gappy.copy(data=codes).assign_attrs(scale_factor=1e-4)) == lam


def test_noise_asks_for_a_smoother_curve(gappy):
    noisy = gappy + np.random.default_rng(0).normal(0, 0.2, gappy.shape)
    assert choose_lambda(noisy) > choose_lambda(gappy)


@pytest.mark.parametrize("shape", [(1, 1), (100, 200), (1, 9000), (5000, 1)])
def test_a_large_array_is_sampled_evenly(gappy, shape, monkeypatch):
    seen = []
    monkeypatch.setattr(filling, "pooled_lambda", lambda rows, _: seen.append(len(rows)) or 1.0)
    values = np.zeros((36, *shape), np.float32)
    choose_lambda(xr.DataArray(values, dims=("time", "y", "x"), coords={"time": gappy["time"]}))
    assert min(np.prod(shape), 50) <= seen[0] <= 4096
