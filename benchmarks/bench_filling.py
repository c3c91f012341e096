"""How well and how fast gaps are filled, beside the smoothers of PyPI and loops over SciPy, on real series.

    python benchmarks/bench_filling.py                                   # both data sets, gaps at random and in runs
    python benchmarks/bench_filling.py --old-python venv/bin/python      # vam.whittaker and FuseTS too

Data: ``real/fusets-pivot-spain`` (33 dates of 2019, a field) and ``real/worldcereal-belgium`` (12 monthly composites) of the
folder that MLBMI_REALDATA names. Of each pixel's observations some are held out, never the first or the last: one in four at
random, or runs of neighbouring dates, the same for patches of pixels, as clouds do. Errors are over the values held out; every
method has the same task, and what a method leaves unfilled is filled by straight lines before it is judged (`unfilled` says how
much). Times are per pixel, one thread each, the median of three runs.

``whittaker-eilers`` is used where installed. ``vam.whittaker`` 2.0.6 and ``fusets`` 2.0.1 are built for NumPy 1 and an older C
library: they run in another environment (openeo, then "numpy<2", "xarray<2025", "pandas<2.3" and, without dependencies,
vam.whittaker and fusets), whose Python ``--old-python`` names, with the missing symbols supplied by a C compiler. ``modape`` does
not build there either, and FuseTS' Gaussian processes need GPy.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rasterio
import scipy.interpolate
import scipy.signal
import xarray as xr

from mlbmi.series import fill_gaps

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(os.environ.get("MLBMI_REALDATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "real"
PIXELS = 400
"""Pixels of each data set, drawn at random: the slowest peer takes nearly a tenth of a second for each."""

LOOPED = 50
"""Pixels that the peers' loops are timed on; mlbmi's times are of the same pixels over and over, 20 000 in all."""

OLD = """
import ctypes, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
ctypes.CDLL(sys.argv[2], mode=ctypes.RTLD_GLOBAL)
from vam.whittaker import ws2d, ws2doptv
from array import array
import pandas as pd, xarray as xr
from fusets.whittaker import whittaker
given = np.load(sys.argv[1])
days, rows, looped = given["days"], given["rows"], int(given["looped"])
at, out, seconds = days - days[0], {}, {}
def daily(row, solve):
    y, w, seen = np.zeros(at[-1] + 1), np.zeros(at[-1] + 1), ~np.isnan(row)
    y[at[seen]], w[at[seen]] = row[seen], 1.0
    return np.asarray(solve(y, w))[at]
llas = array("d", np.arange(0.0, 6.1, 0.5))
ways = {"vam ws2d": lambda y, w: ws2d(y, 10000.0, w), "vam ws2doptv": lambda y, w: ws2doptv(y, w, llas)[0]}
for name, solve in ways.items():
    out[name] = np.array([daily(row, solve) for row in rows])
    begin = time.perf_counter(); [daily(row, solve) for row in rows[:looped]]
    seconds[name] = (time.perf_counter() - begin) / looped
dates = (np.datetime64("1970-01-01") + days).astype("datetime64[ns]")
cube = xr.DataArray(rows[:looped].T, dims=("t", "p"), coords={"t": dates})
begin = time.perf_counter(); made = whittaker(cube, 10000).transpose("p", "t").values
seconds["FuseTS whittaker"] = (time.perf_counter() - begin) / looped
out["FuseTS whittaker"] = made
np.savez(sys.argv[3], **{f"out {k}": v for k, v in out.items()}, **{f"sec {k}": v for k, v in seconds.items()})
"""
SHIM = "#include <math.h>\n" + "".join(
    f"double __{name}_finite({given}) {{ return {name}({used}); }}\n"
    for name, given, used in (("log", "double x", "x"), ("exp", "double x", "x"), ("pow", "double x, double y", "x, y"))
)


def variable(path: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a variable of a netCDF file, (dates, rows, columns), and its days since 1970."""
    with rasterio.open(f"netcdf:{path}:{name}") as source:
        days = np.array([int(day) for day in source.tags()["NETCDF_DIM_t_VALUES"].strip("{}").split(",")])
        return source.read(), days + (np.datetime64("1990-01-01") - np.datetime64("1970-01-01")).astype(int)


def spain() -> tuple[np.ndarray, np.ndarray]:
    return variable(DATA / "fusets-pivot-spain" / "raw_s2_ndvi_field.nc", "NDVI")


def belgium() -> tuple[np.ndarray, np.ndarray]:
    path = DATA / "worldcereal-belgium" / "worldcereal_preprocessed_inputs.nc"
    (red, days), (nir, _) = variable(path, "S2-L2A-B04"), variable(path, "S2-L2A-B08")
    known = (red != 65535) & (nir != 65535) & (red + nir.astype(int) > 0)
    red, nir = red.astype(float), nir.astype(float)
    ndvi = np.where(known, (nir - red) / np.where(known, nir + red, 1), np.nan)
    seen = known.any(axis=(1, 2))  # two winter months are wholly empty
    return np.where(seen[:, None, None], ndvi, np.nan), days


def held_out(values: np.ndarray, how: str, seed: int) -> np.ndarray:
    """Say which observations to hide: True; at random, or runs of dates over patches of 8 x 8 pixels."""
    random, (dates, rows, columns) = np.random.default_rng(seed), values.shape
    if how == "random":
        hidden = random.random(values.shape) < 0.25
    else:
        patches = -(-rows // 8), -(-columns // 8)
        hidden = np.zeros((dates, *patches), bool)
        length = max(2, dates // 8)
        for patch in np.ndindex(patches):
            for start in random.choice(dates - length, 2 if dates > 20 else 1, replace=False):
                hidden[start : start + length, *patch] = True
        hidden = hidden.repeat(8, axis=1).repeat(8, axis=2)[:, :rows, :columns]
    seen = ~np.isnan(values)
    order = np.cumsum(seen, axis=0)
    ends = (order == 1) | (order == order[-1])
    return hidden & seen & ~ends


def lines(days: np.ndarray, row: np.ndarray) -> np.ndarray:
    seen = ~np.isnan(row)
    return np.interp(days, days[seen], row[seen])


def peers(days: np.ndarray) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return functions of one pixel's series."""
    even = np.arange(days[0], days[-1] + 1, 5.0)

    def savgol(row: np.ndarray) -> np.ndarray:
        return np.interp(days, even, scipy.signal.savgol_filter(np.interp(even, days, lines(days, row)), 9, 2))

    def spline(row: np.ndarray) -> np.ndarray:
        seen = ~np.isnan(row)
        return scipy.interpolate.make_smoothing_spline(days[seen].astype(float), row[seen])(days)

    def pchip(row: np.ndarray) -> np.ndarray:
        seen = ~np.isnan(row)
        return scipy.interpolate.PchipInterpolator(days[seen], row[seen])(days)

    found = {"numpy.interp": lambda row: lines(days, row), "SciPy savgol on lines": savgol, "SciPy PCHIP": pchip}
    if days.size > 5:
        found["SciPy smoothing spline, GCV"] = spline
    if importlib.util.find_spec("whittaker_eilers"):
        found |= eilers(days)
    return found


def eilers(days: np.ndarray) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    import whittaker_eilers

    at = (days - days[0]).astype(float).tolist()

    def smoother(row: np.ndarray, lam: float) -> whittaker_eilers.WhittakerSmoother:
        weights = (~np.isnan(row)).astype(float).tolist()
        return whittaker_eilers.WhittakerSmoother(lmbda=lam, order=2, data_length=len(at), x_input=at, weights=weights)

    def fixed(row: np.ndarray) -> np.ndarray:
        return np.array(smoother(row, 2e4).smooth(np.nan_to_num(row).tolist()))

    def optimal(row: np.ndarray) -> np.ndarray:
        return np.array(smoother(row, 1.0).smooth_optimal(np.nan_to_num(row).tolist(), False).get_optimal().get_smoothed())

    return {"whittaker-eilers, 2e4": fixed, "whittaker-eilers, CV": optimal}


OURS: dict[str, tuple[str, dict[str, object]]] = {
    "linear": ("linear", {}),
    "whittaker, auto": ("whittaker", {}),
    "whittaker, cv": ("whittaker", {"lam": "cv"}),
    "whittaker, V-curve": ("whittaker", {"lam": "vcurve"}),
    "whittaker, 1e3": ("whittaker", {"lam": 1e3}),
    "whittaker, 1e4": ("whittaker", {"lam": 1e4}),
    "whittaker, 1e5": ("whittaker", {"lam": 1e5}),
    "whittaker, auto, bisquare": ("whittaker", {"robust": "bisquare"}),
    "whittaker, auto, upper": ("whittaker", {"robust": "upper"}),
    "harmonic, 2": ("harmonic", {}),
    "harmonic, 3": ("harmonic", {"order": 3}),
    "savgol": ("savgol", {}),
}


def judged(filled: np.ndarray, rows: np.ndarray, truth: np.ndarray, hidden: np.ndarray, days: np.ndarray) -> tuple[float, float]:
    """Return the root mean square error over what was hidden, and the share of it that was left unfilled."""
    missing = hidden & np.isnan(filled)
    for pixel in np.flatnonzero(missing.any(axis=1)):
        filled[pixel, missing[pixel]] = lines(days, rows[pixel])[missing[pixel]]
    return float(np.sqrt(np.mean((filled - truth)[hidden] ** 2))), float(missing.sum() / hidden.sum())


def timed(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(3):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return sorted(seconds)[1]


def compare(title: str, values: np.ndarray, days: np.ndarray, *, how: str, seed: int, old: str | None) -> None:
    hidden = held_out(values, how, seed).reshape(len(days), -1).T
    truth = values.reshape(len(days), -1).T.astype(float)
    rows = np.where(hidden, np.nan, truth)
    usable = np.flatnonzero((~np.isnan(rows)).sum(axis=1) >= 5)
    usable = np.random.default_rng(seed).permutation(usable)[:PIXELS]
    truth, rows, hidden = truth[usable], rows[usable], hidden[usable]
    print(
        f"\n{title}, {how}: {len(rows):,} pixels x {len(days)} dates, {np.isnan(truth).mean():.0%} missing, "
        f"{hidden.sum() / (~np.isnan(truth)).sum():.0%} of the rest held out"
    )
    print(f"  {'':32s}{'RMSE':>8s}{'unfilled':>10s}{'us / pixel':>12s}")
    dates = np.datetime64("1970-01-01") + days
    data = xr.DataArray(rows.T.copy(), dims=("time", "pixel"), coords={"time": dates.astype("datetime64[ns]")}, name="ndvi")
    many = xr.concat([data] * (20_000 // len(rows)), dim="pixel")
    for name, (method, options) in OURS.items():
        try:
            filled = fill_gaps(data, method, max_gap_days=None, **options)["ndvi"].to_numpy().T.copy()
        except ValueError as error:
            print(f"  mlbmi {name:26s} not possible: {str(error)[:70]}")
            continue
        seconds = timed(lambda method=method, options=options: fill_gaps(many, method, max_gap_days=None, **options))
        seconds /= many.sizes["pixel"]
        show(f"mlbmi {name}", *judged(filled, rows, truth, hidden, days), seconds)
    for name, peer in peers(days).items():
        filled = np.array([peer(row) for row in rows])
        seconds = timed(lambda peer=peer: [peer(row) for row in rows[:LOOPED]]) / min(LOOPED, len(rows))
        show(name, *judged(filled, rows, truth, hidden, days), seconds)
    for name, filled, seconds in older(old, days, rows) if old else ():
        few = len(filled)
        show(
            f"{name}{'' if few == len(rows) else f' ({few} px)'}",
            *judged(filled, rows[:few], truth[:few], hidden[:few], days),
            seconds,
        )


def older(python: str, days: np.ndarray, rows: np.ndarray) -> list[tuple[str, np.ndarray, float]]:
    """Let another Python fill the same series by what needs NumPy 1."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "shim.c").write_text(SHIM)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", here / "shim.so", here / "shim.c", "-lm"], check=True)
        np.savez(here / "given.npz", days=days, rows=rows, looped=LOOPED)
        command = [python, "-c", OLD, here / "given.npz", here / "shim.so", here / "made.npz"]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        subprocess.run(command, check=True, env=environment)
        made = np.load(here / "made.npz")
        names = [name.removeprefix("out ") for name in made.files if name.startswith("out ")]
        return [(name, made[f"out {name}"].copy(), float(made[f"sec {name}"])) for name in names]


def show(name: str, error: float, unfilled: float, seconds: float) -> None:
    print(f"  {name:32s}{error:8.4f}{unfilled:10.1%}{seconds * 1e6:12.1f}", flush=True)


def main() -> None:
    """Compare all, on both data sets, in both ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old-python", help="Python with NumPy 1, vam.whittaker and fusets")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if not DATA.is_dir():
        print(f"no real data at {DATA}: set MLBMI_REALDATA")
        return
    import numba

    numba.set_num_threads(1)
    for title, read in (("fusets-pivot-spain", spain), ("worldcereal-belgium", belgium)):
        values, days = read()
        for how in ("random", "runs"):
            compare(title, values, days, how=how, seed=given.seed, old=given.old_python)


if __name__ == "__main__":
    main()
