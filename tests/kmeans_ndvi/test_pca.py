"""Principal components: scikit-learn's on complete pixels, with maps and a reconstruction."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from mlbmi import PCABMI
from mlbmi.utils import sanity_check_pca


@pytest.fixture(scope="module")
def notebook(settings):
    made = PCABMI(**settings, scene_id="33UUU", band_names=["B03", "B04", "B08"], end_date="2020-09-01", n_components=[1, 3])
    made.compute_spatial_pca()
    made.compute_temporal_pca()
    return made


def _source(notebook, date):
    found = notebook.scenes["33UUU"]["R10m"]
    if date:
        return np.stack([found[date][band] for band in ("B03", "B04", "B08")]), found[date]["pca"]
    return found["timeseries"]["ndvi"].values, found["timeseries"]["pca"]


@pytest.mark.parametrize("date", ["2020-06-02", None], ids=["bands", "dates"])
def test_components_are_those_of_scikit_learn(notebook, date):
    source, models = _source(notebook, date)
    rows = source.reshape(len(source), -1).T
    seen = np.isfinite(rows).all(axis=1)
    theirs = PCA(3).fit(rows[seen].astype(float))
    model = models[3]
    np.testing.assert_allclose(model.explained_variance_ratio_, theirs.explained_variance_ratio_[:3], rtol=1e-6)
    np.testing.assert_allclose(np.abs((model.components_ * theirs.components_).sum(axis=1)), 1, rtol=1e-6)
    np.testing.assert_allclose(model.scores.values.reshape(3, -1).T[seen], model.transform(rows[seen]), atol=1e-6)
    assert np.isnan(model.scores.values.reshape(3, -1)[:, ~seen]).all()
    largest = np.abs(model.components_).argmax(axis=1)
    assert (model.components_[np.arange(3), largest] > 0).all()


@pytest.mark.parametrize("date", ["2020-06-02", None], ids=["bands", "dates"])
def test_reconstruction(notebook, date):
    source, models = _source(notebook, date)
    seen = np.isfinite(source).all(axis=0)
    errors = []
    for number in (1, 3):
        again = models[number].reconstruction
        assert again.shape == source.shape
        assert (np.isfinite(again.values).all(axis=0) == seen).all()
        errors.append(float(((again.values - source)[:, seen].astype(float) ** 2).sum()))
    total = float(((source[:, seen] - source[:, seen].mean(axis=1, keepdims=True, dtype=float)) ** 2).sum())
    assert errors[0] / total == pytest.approx(1 - models[1].explained_variance_ratio_[0], abs=1e-4)
    if len(source) == 3:
        assert errors[1] / total < 1e-10


def test_more_components_than_bands_is_said(settings, said):
    made = PCABMI(**settings, scene_id="33UUU", n_components=3)
    made.compute_spatial_pca()
    assert any("3 components were asked for of 2 features" in text for text in said("WARNING"))
    assert "pca" not in made.scenes["33UUU"]["R10m"]["2020-01-24"]


def test_figure(notebook):
    pca = notebook.scenes["33UUU"]["R10m"]["2020-06-02"]["pca"][3]
    figure = sanity_check_pca(pca, "33UUU", "R10m", "2020-06-02")
    texts = [text.get_text() for text in figure.texts]
    share = pca.explained_variance_ratio_[0]
    assert f"component 1 · {100 * share:.1f} % of the variance" in texts
    assert "Principal components · 33UUU R10m · 2020-06-02" in texts
    assert "StoredPCA(n_components=3" in repr(pca)
