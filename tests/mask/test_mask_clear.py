"""Scene classes → usable pixels: by hand, against a Euclidean distance transform, and whole with or without chunks."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.ndimage import distance_transform_edt

from mlbmi.errors import ConfigError
from mlbmi.mask import clear_mask, dilate

CAUSES = ("valid", "nodata", "scl", "dilation")


def test_each_class_has_its_cause():
    # No data, saturated, dark, shadow; vegetation, bare, water, unclassified; cloud, cloud, cirrus, snow; no class, no class.
    mask = clear_mask(np.arange(14, dtype=np.uint8).reshape(1, 14))
    assert mask["valid"].values.nonzero()[1].tolist() == [4, 5, 6, 7]
    assert mask["nodata"].values.nonzero()[1].tolist() == [0]
    assert mask["scl"].values.nonzero()[1].tolist() == [1, 2, 3, 8, 9, 10, 11, 12, 13]
    assert not mask["dilation"].values.any()


@pytest.mark.parametrize("keep", [(4,), (2, 4, 5, 6, 7, 11), range(1, 12)])
def test_what_to_keep_is_the_user_s_choice(keep):
    mask = clear_mask(np.arange(13, dtype=np.uint8).reshape(1, 13), keep=keep)
    assert mask["valid"].values.nonzero()[1].tolist() == list(keep)


def test_clouds_grow_by_a_disk_and_snow_does_not():
    scl = np.full((7, 14), 4, dtype=np.uint8)
    scl[3, 3] = 9
    scl[3, 11] = 11
    mask = clear_mask(scl, dilate_px=2)
    expected = """
        ..............
        ...#..........
        ..###.........
        .##o##.....s..
        ..###.........
        ...#..........
        ..............
    """
    drawn = np.array([list(line.strip()) for line in expected.strip().splitlines()])
    np.testing.assert_array_equal(mask["dilation"].values, drawn == "#")
    np.testing.assert_array_equal(mask["scl"].values, np.isin(drawn, ["o", "s"]))
    np.testing.assert_array_equal(mask["valid"].values, drawn == ".")


@pytest.mark.parametrize(("scene_class", "grows"), [(c, c in {3, 8, 9, 10}) for c in (0, 1, 2, 3, 8, 9, 10, 11, 13)])
def test_only_clouds_and_shadows_grow(scene_class, grows):
    scl = np.full((3, 3), 4, dtype=np.uint8)
    scl[1, 1] = scene_class
    assert clear_mask(scl, dilate_px=1)["dilation"].values.any() == grows


def test_a_cloud_class_that_is_kept_does_not_grow():
    scl = np.array([[4, 10, 4, 9, 4]], dtype=np.uint8)
    mask = clear_mask(scl, keep=(4, 10), dilate_px=1)
    assert mask["valid"].values.tolist() == [[True, True, False, False, False]]


def test_growing_over_missing_data_and_other_losses_changes_no_cause():
    mask = clear_mask(np.array([[0, 9, 2]], dtype=np.uint8), dilate_px=3)
    assert [str(next(cause for cause in CAUSES if mask[cause].values[0, i])) for i in range(3)] == ["nodata", "scl", "scl"]


classes = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=25), elements=st.integers(0, 14))


@settings(deadline=None, max_examples=60)
@given(scl=classes, radius=st.integers(0, 6))
def test_each_pixel_has_exactly_one_fate(scl, radius):
    mask = clear_mask(scl, dilate_px=radius)
    fates = sum(mask[cause].values.astype(int) for cause in CAUSES)
    assert (fates == 1).all()
    assert (mask["valid"].values <= np.isin(scl, [4, 5, 6, 7])).all()


@settings(deadline=None, max_examples=100)
@given(mask=arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=30), elements=st.booleans()), radius=st.integers(0, 40))
def test_the_disk_is_exactly_euclidean(mask, radius):
    sparse = mask & (np.add.outer(np.arange(mask.shape[0]) * 7, np.arange(mask.shape[1])) % 11 == 0)
    expected = distance_transform_edt(~sparse) <= radius if sparse.any() else sparse
    np.testing.assert_array_equal(dilate(sparse, radius), expected)


def test_a_radius_beyond_a_byte():
    mask = np.zeros((1, 700), dtype=bool)
    mask[0, 350] = True
    assert dilate(mask, 300).sum() == 601
    assert dilate(mask.T, 300).sum() == 601


def test_the_mask_itself_is_left_as_it_was():
    mask = np.eye(5, dtype=bool)
    for radius in (0, 2):
        assert dilate(mask, radius) is not mask
    np.testing.assert_array_equal(mask, np.eye(5, dtype=bool))


@pytest.mark.parametrize("chunks", [(10, 10), (3, 40), (50, 7)])
def test_chunks_leave_no_trace_and_stay_lazy(chunks):
    rng = np.random.default_rng(0)
    scl = np.where(rng.random((50, 40)) < 0.03, 9, 4).astype(np.uint8)
    lazy = clear_mask(xr.DataArray(da.from_array(scl, chunks=chunks), dims=("y", "x")), dilate_px=5)
    assert all(lazy[cause].chunks is not None for cause in CAUSES)
    whole = clear_mask(scl, dilate_px=5)
    for cause in CAUSES:
        np.testing.assert_array_equal(lazy[cause].values, whole[cause].values)


def test_coordinates_come_along():
    scl = xr.DataArray(
        np.full((2, 2), 4, dtype=np.uint8), dims=("y", "x"), coords={"x": [5, 15], "y": [15, 5]}, attrs={"nodata": 0}
    )
    mask = clear_mask(scl)
    assert list(mask["valid"]["x"]) == [5, 15]
    assert mask["valid"].attrs == {}


@pytest.mark.parametrize("keep", [(), (0, 4), (4, 12), (-1,)])
def test_classes_that_are_none(keep):
    with pytest.raises(ConfigError, match="must be some of 1-11"):
        clear_mask(np.zeros((1, 1), dtype=np.uint8), keep=keep)


def test_a_negative_dilation():
    with pytest.raises(ConfigError, match="by -1 pixels"):
        clear_mask(np.zeros((1, 1), dtype=np.uint8), dilate_px=-1)


def roofs():
    """A roof of 4 pixels, a cloud of 30 with a shadow, and a cirrus rim that makes one patch of two."""
    scl = np.full((40, 60), 5, dtype=np.uint8)
    scl[5:7, 5:7] = 9
    scl[20:25, 20:26] = 8
    scl[30:32, 20:26] = 3
    scl[10, 40], scl[11, 41] = 9, 10
    scl[15:16, 50:60] = 10
    return scl


def test_small_patches_of_cloud_are_released_and_not_grown():
    mask = clear_mask(roofs(), dilate_px=2, speckle_px=4)
    assert mask["released"].values.sum() == 6
    assert mask["valid"].values[3:9, 3:9].all(), "neither lost nor grown"
    assert not mask["valid"].values[20:25, 20:26].any()
    assert not mask["valid"].values[30:32, 20:26].any(), "shadows stay"
    assert clear_mask(roofs(), speckle_px=3)["released"].values.sum() == 2, "pixels that touch at a corner are one patch"
    assert "released" not in clear_mask(roofs())
    assert clear_mask(roofs(), keep=(5, 9), speckle_px=4)["released"].values.sum() == 1, "what is kept anyway is not released"
    with pytest.raises(ConfigError, match="-1 pixels"):
        clear_mask(roofs(), speckle_px=-1)


@pytest.mark.parametrize("rows", [7, 13])
def test_patches_do_not_depend_on_chunks(rows):
    rng = np.random.default_rng(4)
    scl = np.where(rng.random((50, 70)) < 0.25, 9, 4).astype(np.uint8)
    whole = clear_mask(scl, dilate_px=1, speckle_px=5)
    lazy = clear_mask(xr.DataArray(scl, dims=("y", "x")).chunk({"y": rows, "x": 11}), dilate_px=1, speckle_px=5)
    for cause in whole:
        np.testing.assert_array_equal(lazy[cause].values, whole[cause].values)
