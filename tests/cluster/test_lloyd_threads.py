"""The same bits whatever the number of threads, and callers that may be several."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

from mlbmi.cluster.lloyd import KMeans


@pytest.fixture(scope="module")
def series(plain):
    x = plain.mixture(seed=6, pixels=300_000, dates=4, clusters=5, sd=0.2)[0]
    return np.asfortranarray(plain.with_gaps(x, 0.2).astype(np.float32))


def _fit(x: np.ndarray) -> KMeans:
    return KMeans(5).fit(x, sample_weight=np.linspace(0.5, 1.5, len(x)))


def test_one_thread_gives_the_same_bits_as_two(series):
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("one processor")
    before = numba.get_num_threads()
    results = []
    for threads in (1, 2):
        numba.set_num_threads(threads)
        results.append(_fit(series))
    numba.set_num_threads(before)
    one, two = results
    np.testing.assert_array_equal(one.labels_, two.labels_)
    np.testing.assert_array_equal(one.cluster_centers_, two.cluster_centers_)
    np.testing.assert_array_equal(one.inertia_path_, two.inertia_path_)


def test_several_callers_at_once_get_what_one_gets(series):
    alone = _fit(series)
    with ThreadPoolExecutor(4) as pool:
        for model in pool.map(_fit, [series] * 4):
            np.testing.assert_array_equal(model.labels_, alone.labels_)
            assert model.inertia_ == alone.inertia_
