"""Model files: what is written comes back, older files are read, and what is no model is refused by name."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from mlbmi import types, write
from mlbmi.errors import InputError
from mlbmi.types import ClusterModel, Scaling
from mlbmi.write import read_model, write_model

FIELDS = {field.name for field in dataclasses.fields(ClusterModel)}


def _strict(path):
    def refuse(word):
        raise AssertionError(word)

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def _odd_floats(shape, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) * 10.0 ** rng.integers(-8, 3, shape)


@pytest.fixture
def rich(series):
    """A clustering with all that version 2 added, in floats that need every digit."""
    centers, reach = _odd_floats(series.centers.shape), np.abs(_odd_floats(series.n_clusters, 2))
    centers[0, -1] = reach[2] = np.nan
    scaling = Scaling(method="robust", quantile_range=(1.0, 99.0), shift=_odd_floats(3, 3), scale=np.abs(_odd_floats(3, 4)))
    return dataclasses.replace(series, centers=centers, scaling=scaling, smoothness=1 / 3, min_observations=2, reach=reach)


def _same(model, other):
    """Equal to the bit, NaN included."""
    for name in FIELDS - {"centers", "counts", "reach", "scaling", "names", "numbering", "index_scale", "software"}:
        assert getattr(model, name) == getattr(other, name), name
    for name in ("centers", "counts", "reach"):
        np.testing.assert_array_equal(getattr(model, name), getattr(other, name), err_msg=name)
    assert (model.scaling.method, model.scaling.quantile_range) == (other.scaling.method, other.scaling.quantile_range)
    np.testing.assert_array_equal(model.scaling.shift, other.scaling.shift)
    np.testing.assert_array_equal(model.scaling.scale, other.scaling.scale)


@pytest.mark.parametrize("which", ["images", "series", "rich"])
def test_round_trip_is_exact(tmp_path, request, which):
    clustering = dataclasses.replace(request.getfixturevalue(which), inertia=float(np.nextafter(1 / 3, 1)))
    path = write_model(tmp_path / "model.json", clustering)
    model = read_model(path)
    _same(model, clustering)
    assert model.centers.dtype == model.scaling.shift.dtype == model.scaling.scale.dtype == np.float64
    assert model.names == tuple(f"cluster {label}" for label in range(clustering.n_clusters))
    assert (model.index_scale, model.numbering) == (1e-4, "by mean index, then by date of peak")
    assert model.software.startswith("mlbmi ")
    assert _strict(path)["format_version"] == 2


def test_keys_of_the_file(tmp_path, rich):
    content = _strict(write_model(tmp_path / "model.json", rich))
    assert set(content) == FIELDS | {"format", "format_version", "n_clusters"}
    assert set(content["scaling"]) == {"method", "quantile_range", "shift", "scale"}
    assert content["scaling"]["quantile_range"] == [1.0, 99.0]
    assert content["reach"][2] is None
    assert content["centers"][0][-1] is None


def test_a_model_is_written_as_it_is(tmp_path, rich):
    first = read_model(write_model(tmp_path / "a.json", rich, names=["bare", "grass", "wood"]))
    kept = dataclasses.replace(first, numbering="as in an earlier model", index_scale=1e-3, software="mlbmi 0.0.1")
    again = read_model(write_model(tmp_path / "b.json", kept))
    _same(again, rich)
    assert (again.names, again.numbering, again.index_scale) == (("bare", "grass", "wood"), "as in an earlier model", 1e-3)
    assert again.software == first.software != "mlbmi 0.0.1"
    assert read_model(write_model(tmp_path / "c.json", kept, names=list("xyz"))).names == ("x", "y", "z")
    with pytest.raises(InputError, match="2 names were given for 3 clusters"):
        write_model(tmp_path / "d.json", kept, names=["a", "b"])


def test_version_1_is_read(tmp_path):
    """A file as the first version wrote it, by hand."""
    (tmp_path / "old.json").write_text(
        """{"centers": [[0.1, 0.2], [0.5, null]], "converged": true, "counts": [3, 4], "features": ["2020-01-17", "2020-08-07"],
        "format": "mlbmi cluster model", "format_version": 1, "index": "ndvi", "index_scale": 0.0001, "inertia": 3.25,
        "method": "Lloyd", "mode": "timeseries", "n_clusters": 2, "n_iter": 11, "names": ["bare", "wood"],
        "numbering": "by mean index, then by date of peak", "scaling": "none", "seed": 42, "software": "mlbmi 0.1.0"}"""
    )
    model = read_model(tmp_path / "old.json")
    assert (model.scaling.method, model.scaling.shift.size, model.scaling.scale.size) == ("none", 0, 0)
    assert (model.smoothness, model.min_observations, model.reach) == (0.0, 1, None)
    np.testing.assert_array_equal(model.centers, [[0.1, 0.2], [0.5, np.nan]])
    assert (model.names, model.seed, model.software) == (("bare", "wood"), 42, "mlbmi 0.1.0")


def test_there_is_one_model_class():
    assert write.ClusterModel is types.ClusterModel


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "not a model file"),
        ({"format_version": 3}, "format version 3"),
        ({"format_version": True}, "format version True"),
        ({"mode": "spectra"}, "spectra"),
        ({"n_clusters": 7}, "n_clusters is 7"),
        ({"features": ["a", "b", "c"]}, "damaged"),
        ({"counts": [1]}, "1 counts"),
        ({"reach": [1.0]}, "1 reaches"),
        ({"centers": [[0.1], [0.2, 0.3]]}, "damaged"),
        ({"centers": "x"}, "damaged"),
        ({"centers": [], "n_clusters": 0, "names": [], "counts": []}, "contradicts itself"),
        ({"inertia": "much"}, "damaged"),
        ({"scaling": "none"}, "damaged"),
        ({"smoothness": -1}, "smoothness is -1"),
        ({"smoothness": None}, "damaged"),
        ({"min_observations": 0}, "min_observations is 0"),
    ],
)
def test_models_that_are_none(tmp_path, images, change, message):
    path = write_model(tmp_path / "model.json", images)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=message):
        read_model(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "minmax"}, "scaling is 'minmax'"),
        ({"shift": [0.1]}, "1 shifts and 3 scales for 3 features"),
        ({"scale": []}, "3 shifts and 0 scales"),
        ({"scale": [1.0, 0.0, 1.0]}, "scale is not above 0"),
        ({"quantile_range": [75, 25]}, "quantiles from 75 to 25"),
        ({"quantile_range": [25]}, "damaged"),
    ],
)
def test_scalings_that_are_none(tmp_path, rich, change, message):
    path = write_model(tmp_path / "model.json", rich)
    content = json.loads(path.read_text())
    content["scaling"].update(change)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        read_model(path)


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 100_000, "\x00"])
def test_files_that_are_no_model(tmp_path, content):
    (tmp_path / "m.json").write_text(content)
    with pytest.raises(InputError, match=r"m\.json"):
        read_model(tmp_path / "m.json")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_words_that_are_no_json(tmp_path, images, word):
    path = write_model(tmp_path / "m.json", images)
    path.write_text(path.read_text().replace('"inertia": 12.345678901234567', f'"inertia": {word}'))
    with pytest.raises(InputError, match=f"{word} is no JSON"):
        read_model(path)


def test_an_infinite_center(tmp_path, images):
    path = write_model(tmp_path / "m.json", images)
    path.write_text(path.read_text().replace("0.8\n", "1e999\n"))
    with pytest.raises(InputError, match="a center is infinite"):
        read_model(path)


def test_an_absent_model(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_model(tmp_path / "absent.json")


def test_a_model_that_lacks_a_key(tmp_path, images):
    path = write_model(tmp_path / "model.json", images)
    for key in ("method", "scaling", "reach"):
        content = json.loads(path.read_text())
        del content[key]
        (tmp_path / "lacking.json").write_text(json.dumps(content))
        with pytest.raises(InputError, match=f"damaged: KeyError: '{key}'"):
            read_model(tmp_path / "lacking.json")
