"""Every index beside spyndex's own value, on random and on edge inputs; and formulas that are none."""

from __future__ import annotations

import json
import sys
from importlib.resources import files

import numpy as np
import pytest
import spyndex

from mlbmi.errors import ConfigError, InputError
from mlbmi.indices import INDICES, compute, get_index, library_names
from mlbmi.indices.formula import parse, scale_for
from mlbmi.indices.library import _tables
from mlbmi.sentinel2 import BANDS

SYMBOLS = {"A": "coastal", "B": "blue", "G": "green", "R": "red", "RE1": "rededge1", "RE2": "rededge2", "RE3": "rededge3"}
SYMBOLS |= {"N": "nir", "N2": "nir08", "WV": "nir09", "S1": "swir16", "S2": "swir22"}

EDGES = np.array([0.0, 1e-4, 0.05, 0.25, 0.5, 1.0, 1.2, -0.05, -0.25])
"""Nothing, almost nothing, where denominators of the catalogue vanish, all, more than all, and less than nothing."""


def random_bands(seed, size=2000):
    rng = np.random.default_rng(seed)
    return {band: rng.uniform(0.001, 0.999, size) for band in SYMBOLS.values()}


def edge_bands():
    """Every pair of edge values in every pair of neighbouring arguments, by chance in the others."""
    rng = np.random.default_rng(5)
    return {band: rng.choice(EDGES, 4000) for band in SYMBOLS.values()}


def by_spyndex(short, bands, **constants):
    entry = spyndex.indices[short]
    defaults = {name: spyndex.constants[name].default for name in entry.bands if name in dict(spyndex.constants)}
    waves = {f"lambda{symbol}": float(BANDS[band].centre_nm) for symbol, band in SYMBOLS.items()}
    known = {symbol: bands[band] for symbol, band in SYMBOLS.items()} | defaults | waves | constants
    with np.errstate(all="ignore"):
        value = spyndex.computeIndex(short, params={name: known[name] for name in entry.bands})
    return np.broadcast_to(np.asarray(value, dtype=float), next(iter(bands.values())).shape)


OWN = {
    "savi": ("SAVI", {"L": 0.5}, {}),
    "rci": ("CIRE", {}, {"nir": "rededge3"}),
}
"""Where an index of our own is the catalogue's with another constant, or another band in the place of one."""


def own_by_spyndex(name, bands):
    index = INDICES[name]
    if name == "kndvi":
        return own_kndvi(bands)
    short, constants, other = OWN.get(name, (index.spyndex, {}, {}))
    return by_spyndex(short, bands | {place: bands[band] for place, band in other.items()}, **constants)


def own_kndvi(bands):
    nir, red = bands["nir"], bands["red"]
    with np.errstate(all="ignore"):
        kernel = {"kernel": "RBF", "params": {"a": nir, "b": red, "sigma": 0.5 * (nir + red)}}
        return spyndex.computeIndex("kNDVI", params={"kNN": 1.0, "kNR": spyndex.computeKernel(**kernel)})


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("bands", [random_bands(1), edge_bands()], ids=["random", "edges"])
def test_our_own_are_spyndex_s(name, bands):
    ours, theirs = compute(name, bands, dtype=np.float64), own_by_spyndex(name, bands)
    defined = np.isfinite(theirs)
    if name == "kndvi":  # where NIR + red is 0, the kernel is 0 / 0 or vanishes; the ratio that it stands for has no value
        defined &= bands["nir"] + bands["red"] != 0
    if name == "msavi":  # a perfect square, which rounding can take below 0, where N = 0.5 and R = 0
        defined &= ~((bands["nir"] == 0.5) & (bands["red"] == 0))
        ours = np.where((bands["nir"] == 0.5) & (bands["red"] == 0), np.nan, ours)
    np.testing.assert_array_equal(np.isfinite(ours), defined)
    np.testing.assert_allclose(ours[defined], theirs[defined], rtol=1e-9, atol=1e-12)


OTHERS = [name for name in library_names() if name not in INDICES and get_index(name).name == name]
"""The library's, without those that are our own."""


@pytest.mark.parametrize("name", OTHERS)
def test_the_library_s_are_spyndex_s_on_random_input(name):
    bands = random_bands(2)
    ours, theirs = compute(name, bands, dtype=np.float64), by_spyndex(library_names()[name], bands)
    defined = np.isfinite(theirs)
    assert defined.any()
    np.testing.assert_array_equal(np.isfinite(ours), defined)
    np.testing.assert_allclose(ours[defined], theirs[defined], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", OTHERS)
def test_the_library_s_invent_nothing_at_the_edges(name):
    bands = edge_bands()
    ours, theirs = compute(name, bands, dtype=np.float64), by_spyndex(library_names()[name], bands)
    assert not np.isfinite(ours[~np.isfinite(theirs)]).any()
    both = np.isfinite(ours) & np.isfinite(theirs)
    np.testing.assert_allclose(ours[both], theirs[both], rtol=1e-9, atol=1e-12)
    hidden = np.isnan(ours) & np.isfinite(theirs)
    text = get_index(name).formula.text
    assert not hidden.any() or text.count("/") + text.count("**") >= 2, "only a quotient within a quotient can hide an infinity"


def test_an_infinity_on_the_way_is_not_hidden():
    formula = parse("R / (N / G)", {"N", "R", "G"})
    assert np.isnan(formula(*np.array([[0.1], [0.2], [0.0]]))[0])


def test_the_catalogue_is_read_as_data():
    assert len(library_names()) > 200
    assert not {"TEMPERATURE", "NIRvP", "kEVI", "EBBI", "RFDI"} & set(library_names().values())
    assert files("spyndex").joinpath("data", "spectral-indices-dict.json").is_file()


@pytest.mark.parametrize("name", OTHERS)
def test_steps_and_bounds_fit_int16(name):
    index = get_index(name)
    assert max(-index.bounds[0], index.bounds[1]) / index.scale <= 32767 + 1e-6
    assert set(index.bands) <= set(BANDS)


def test_what_sentinel_2_cannot_have_is_said():
    with pytest.raises(ConfigError, match="'EBBI' needs T, which Sentinel-2"):
        get_index("ebbi")
    with pytest.raises(ConfigError, match="may be BAI or BaI"):
        get_index("bai")
    assert get_index("BaI").name != get_index("BAI").name


def test_constants_are_told():
    assert "L = 1" in get_index("MNLI").long_name
    assert get_index("fai").bands == ("nir", "red", "swir16")


HOSTILE = [
    "__import__('os').system('touch /tmp/x')",
    "N.__class__",
    "(lambda: N)()",
    "[N for N in R]",
    "N if R else B",
    "open('x')",
    "N @ R",
    "N // R",
    "N < R",
    "f'{N}'",
    "'N' + 'R'",
    "N[0]",
    "sqrt(N, R)",
    "sqrt(x=N)",
    "exec(N)",
    "True + N",
    "1j * N",
    "N := R",
    "*N",
    "1e999 * N",
    "N +",
    "",
    "3 + 4",
    "Q / N",
    "(" * 300 + "N" + ")" * 300,
    "N+" * 2000 + "N",
    "N\x00",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_formula_is_refused_in_words(text):
    with pytest.raises(InputError, match="formula"):
        parse(text, {"N", "R", "B"})


def test_large_powers_neither_hang_nor_warn():
    assert np.isnan(parse("N ** 9 ** 9 ** 9 ** 9", {"N"})(np.array([2.0]))[0])


def test_a_damaged_catalogue_runs_nothing(monkeypatch):
    entries, constants = _tables()
    evil = {"EVIL": entries["NBR"] | {"short_name": "EVIL", "formula": "__import__('sys').exit(9)", "bands": ["N"]}}
    from mlbmi.indices import library

    monkeypatch.setattr(library, "_tables", lambda: (entries | evil, constants))
    library.library_names.cache_clear()
    library.library_index.cache_clear()
    try:
        with pytest.raises(InputError, match="not allowed"):
            get_index("evil")
    finally:
        library.library_names.cache_clear()
        library.library_index.cache_clear()


def test_spyndex_itself_is_not_imported():
    import subprocess

    code = "import sys; from mlbmi.indices import get_index; get_index('nbr'); print('spyndex' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_float32_is_computed_in_float32():
    nbr = get_index("nbr").formula
    assert nbr(np.float32([0.4]), np.float32([0.1])).dtype == np.float32
    assert scale_for(3.2767) == 1e-4
    assert json.dumps(scale_for(3.2768)) == "0.001"
