"""The public names are those promised, each documented, and cheap to import."""

from __future__ import annotations

import inspect
import subprocess
import sys

import mlbmi
from mlbmi import _HOMES

CONTRACT = {
    "AOI",
    "search",
    "load",
    "cluster_images",
    "cluster_timeseries",
    "write_outputs",
    "run",
    "RunConfig",
    "KMeans1D",
    "KMeans",
}


def test_contract_names_are_public():
    assert set(mlbmi.__all__) >= CONTRACT


def test_all_is_sorted_and_equals_the_lazy_names():
    assert list(mlbmi.__all__) == sorted(mlbmi.__all__)
    assert set(mlbmi.__all__) == {*_HOMES, "__version__"} == set(dir(mlbmi))


def test_every_public_name_loads_and_is_documented():
    for name in _HOMES:
        value = getattr(mlbmi, name)
        assert inspect.getdoc(value), name


def test_search_stays_the_function_after_every_import():
    from mlbmi.catalogs import search as room

    assert callable(mlbmi.search)
    assert mlbmi.search is not room


def test_unknown_name_is_an_attribute_error():
    assert not hasattr(mlbmi, "no_such_name")


def test_import_and_help_load_no_heavy_library():
    heavy = "{'numba', 'rasterio', 'xarray', 'matplotlib', 'sklearn', 'dask', 'pandas', 'geopandas', 'pystac_client', 'zarr'}"
    code = f"import sys, mlbmi, mlbmi.cli; print(sorted({heavy} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
