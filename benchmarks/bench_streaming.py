"""Windows of remote COGs: mlbmi beside odc-stac, rasterio and async-geotiff, over a network of known latency and bandwidth.

    python benchmarks/bench_streaming.py                       # 0, 50 and 200 ms, then 50 ms at 100 Mbit/s; 5 rounds
    python benchmarks/bench_streaming.py --repeat 3 --block 512
    python benchmarks/bench_streaming.py --readers mlbmi --connections 8 --round-trips 200 --mbit 0

12 dates x 3 bands (red and NIR of 10 m, SCL of 20 m) of 600 x 900 pixels that lie across four blocks. nginx serves the files; a
relay (tests/integration/servers/slow_network.py) adds the latency and shares the bandwidth. Every measurement is a process of its
own, in turn, so nothing is cached; each has read one date of local files before, so imports are not counted. Printed are medians
of wall and processor seconds, requests and bytes by nginx's log, and the wall seconds of each peer over mlbmi's, round by round.
"bound" is bytes / bandwidth + 3 round trips.

`mlbmi` reads the pixels, as the peers do; `mlbmi.load` also plans, masks and computes NDVI. odc-stac runs as its documentation
says: at once, and lazily with Dask's threads and `configure_rio(cloud_defaults=True)`. rasterio has its own settings, 12 threads.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime as dt
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import mlbmi.access.network

if TYPE_CHECKING:
    from collections.abc import Iterator

DATES = [dt.date(2023, 5, 1) + dt.timedelta(days=10 * number) for number in range(12)]
BANDS = ("red", "nir", "scl")
ROWS, COLUMNS = slice(2700, 3300), slice(3700, 4600)
ORIGIN = (399_960, 5_900_040)
FILLED = (slice(2048, 4096), slice(2048, 6144))
Pixels = dict[tuple[str, dt.date], "np.ndarray[Any, Any]"]
SERVERS = Path(__file__).resolve().parent.parent / "tests" / "integration" / "servers"


# The files


def make_files(folder: Path, block: int) -> None:
    """Write one COG a band, with data around the window, and give it a name for each date."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(1)
    shape = tuple(part.stop - part.start for part in FILLED)
    smooth = 2000 + 900 * gaussian_filter(rng.normal(size=shape), 8) * 20
    for band in BANDS[:2]:
        values = (smooth + rng.normal(0, 60, shape)).clip(1, 12_000).astype("uint16")
        write_cog(folder / f"{band}.tif", values, FILLED, 10, block)
    half = tuple(slice(part.start // 2, part.stop // 2) for part in FILLED)
    classes = np.digitize(smooth[::2, ::2], [1500, 2300, 2800]).astype("uint8") + 4
    write_cog(folder / "scl.tif", classes, half, 20, block)
    for date in DATES:
        for band in BANDS:
            (folder / f"{band}_{date}.tif").symlink_to(f"{band}.tif")


def write_cog(path: Path, values: np.ndarray[Any, Any], where: tuple[slice, slice], resolution: int, block: int) -> None:
    """Write a COG of a whole tile that holds data in one place, and holes elsewhere."""
    import rasterio
    from rasterio.shutil import copy
    from rasterio.windows import Window

    side = 109_800 // resolution
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": values.dtype.name, "nodata": 0}
    profile |= {"crs": "EPSG:32633", "transform": rasterio.Affine(resolution, 0, ORIGIN[0], 0, -resolution, ORIGIN[1])}
    profile |= {"tiled": True, "blockxsize": block, "blockysize": block, "compress": "deflate", "sparse_ok": True}
    draft = path.with_suffix(".draft.tif")
    with rasterio.open(draft, "w", **profile) as target:
        target.write(values, 1, window=Window.from_slices(*where))
    copy(draft, path, driver="COG", compress="deflate", predictor="YES", blocksize=block, sparse_ok="YES")
    draft.unlink()


# The readers: each returns pixels by band and date, or nothing that could be compared


def href(base: str, band: str, date: dt.date) -> str:
    """Return the address of a file."""
    return f"{base}/{band}_{date}.tif"


def geobox() -> Any:
    """Return the grid of the window."""
    from odc.geo.geobox import GeoBox
    from rasterio import Affine

    return GeoBox((10_980, 10_980), Affine(10, 0, ORIGIN[0], 0, -10, ORIGIN[1]), "EPSG:32633")[ROWS, COLUMNS]


def scenes(base: str, dates: list[dt.date]) -> list[Any]:
    """Return the dates as mlbmi's scenes."""
    from mlbmi.types import Asset, Scene

    outline = geobox().boundingbox.to_crs("EPSG:4326").polygon.geom
    common = {"collection": "c", "dialect": "earth-search-v1", "tile": "33UUU", "epsg": 32633, "platform": "sentinel-2a"}
    common |= {"baseline": "05.09", "sequence": 0, "orbit": None, "cloud_cover": None, "offset_applied": None}
    return [
        Scene(
            item_id=f"item {date}",
            datetime=dt.datetime.combine(date, dt.time(10), dt.UTC),
            footprint=outline,
            assets={band: Asset(band=band, key=band, href=href(base, band, date)) for band in BANDS},
            **common,
        )
        for date in dates
    ]


def with_mlbmi(base: str, dates: list[dt.date]) -> Pixels:
    """Read through mlbmi's read-ahead, as `mlbmi.load` and a run do."""
    from mlbmi.pipeline.acquire import Recipe
    from mlbmi.pipeline.ahead import ReadAhead, Want

    recipe = Recipe(bands=("red", "nir"), indices=("ndvi",), keep=(4, 5, 6, 7))
    wanted, grid = scenes(base, dates), geobox()
    with ReadAhead((Want(scene, grid) for scene in wanted), recipe) as ahead:
        read = [ahead.take(scene, BANDS, grid) for scene in wanted]
    return {(band, date): dataset[band].values for date, dataset in zip(dates, read, strict=True) for band in BANDS}


def with_mlbmi_load(base: str, dates: list[dt.date]) -> Pixels:
    """Read, mask and compute."""
    aoi = mlbmi.AOI.from_geojson(geobox().boundingbox.to_crs("EPSG:4326").polygon.json)
    mlbmi.load(scenes(base, dates), aoi).load()
    return {}


def items(base: str, dates: list[dt.date]) -> list[Any]:
    """Return the dates as STAC items."""
    import pystac
    import shapely

    outline = geobox().boundingbox.to_crs("EPSG:4326").polygon.geom
    made = []
    for date in dates:
        at = dt.datetime.combine(date, dt.time(10), dt.UTC)
        item = pystac.Item(f"item {date}", shapely.geometry.mapping(outline), list(outline.bounds), at, {})
        for band in BANDS:
            kind = {"data_type": "uint8" if band == "scl" else "uint16", "nodata": 0}
            item.add_asset(
                band, pystac.Asset(href(base, band, date), media_type="image/tiff", extra_fields={"raster:bands": [kind]})
            )
        made.append(item)
    return made


def with_odc(base: str, dates: list[dt.date], *, lazily: bool) -> Pixels:
    """Read through odc-stac."""
    import odc.stac

    if lazily:
        odc.stac.configure_rio(cloud_defaults=True)
    loaded = odc.stac.load(items(base, dates), bands=BANDS, geobox=geobox(), chunks={"time": 1} if lazily else None).load()
    return {(band, date): loaded[band].values[number] for number, date in enumerate(dates) for band in BANDS}


def window(band: str) -> tuple[int, int, int, int]:
    """Return columns, rows, width and height of the window on a band's own pixels."""
    by = 2 if band == "scl" else 1
    return COLUMNS.start // by, ROWS.start // by, (COLUMNS.stop - COLUMNS.start) // by, (ROWS.stop - ROWS.start) // by


def with_rasterio(base: str, dates: list[dt.date]) -> Pixels:
    """Read with rasterio and threads."""
    import rasterio
    from rasterio.windows import Window

    def read(job: tuple[str, dt.date]) -> Any:
        with rasterio.open(href(base, *job)) as dataset:
            return dataset.read(1, window=Window(*window(job[0])))

    jobs = [(band, date) for date in dates for band in BANDS]
    with ThreadPoolExecutor(12) as pool:
        return dict(zip(jobs, pool.map(read, jobs), strict=True))


def with_async_geotiff(base: str, dates: list[dt.date]) -> Pixels:
    """Read with async-geotiff and obstore, all at once."""
    from async_geotiff import GeoTIFF, Window
    from obstore.store import HTTPStore, LocalStore

    async def read(store: Any, band: str, date: dt.date) -> Any:
        tiff = await GeoTIFF.open(f"{band}_{date}.tif", store=store)
        return (await tiff.read(window=Window(*window(band)))).data[0]

    async def read_all() -> Pixels:
        remote = base.startswith("http")
        store = HTTPStore.from_url(base, client_options={"allow_http": True}) if remote else LocalStore(base)
        jobs = [(band, date) for date in dates for band in BANDS]
        return dict(zip(jobs, await asyncio.gather(*(read(store, *job) for job in jobs)), strict=True))

    return asyncio.run(read_all())


READERS = {
    "mlbmi": with_mlbmi,
    "mlbmi.load": with_mlbmi_load,
    "odc-stac": partial(with_odc, lazily=False),
    "odc-stac, Dask": partial(with_odc, lazily=True),
    "rasterio": with_rasterio,
    "async-geotiff": with_async_geotiff,
}


def measure_here(name: str, base: str, folder: Path) -> None:
    """Warm up on a date of local files, read in this process, check the pixels; write seconds as JSON."""
    READERS[name](str(folder), DATES[:1])
    processor, begin = cpu_seconds(), time.perf_counter()
    pixels = READERS[name](base, DATES)
    wall, processor = time.perf_counter() - begin, cpu_seconds() - processor
    check(pixels, folder)
    print(json.dumps({"wall": wall, "cpu": processor}))


def cpu_seconds() -> float:
    """Return the processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def check(pixels: Pixels, truth: Path) -> None:
    """See that all pixels are those of the files on disk."""
    import rasterio
    from rasterio.windows import Window

    for band in BANDS:
        with rasterio.open(truth / f"{band}.tif") as dataset:
            expected = dataset.read(1, window=Window(*window(band)))
        for read in (found for (name, _), found in pixels.items() if name == band):
            shown = read[::2, ::2] if read.shape != expected.shape else read
            if not np.array_equal(shown, expected):
                raise SystemExit(f"{band}: other pixels than those of the file")


# The network, and the rounds


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[Any]:
    """Serve a folder with nginx."""
    with helper("nginx").file_server(helper("processes"), folder) as server:
        yield server


def helper(name: str) -> Any:
    """Import a file of the tests' servers."""
    spec = importlib.util.spec_from_file_location(f"bench_{name}", SERVERS / f"{name}.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"{SERVERS / name}.py is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def measure(name: str, url: str, server: Any, folder: Path, connections: int | None) -> dict[str, float]:
    """Measure one reader in a process of its own."""
    server.clear_log()
    command = [sys.executable, __file__, "--reader", name, url, str(folder)]
    command += [] if connections is None else ["--connections", str(connections)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    log = server.log()
    return {**json.loads(done.stdout), "requests": len(log), "bytes": sum(request.bytes for request in log)}


def case(server: Any, folder: Path, given: argparse.Namespace, round_trip_ms: float, mbit: float) -> None:
    """Measure all readers over one network, and print."""
    port = int(server.url.rpartition(":")[2])
    names, repeat = given.readers, given.repeat
    rounds: list[dict[str, dict[str, float]]] = []
    for _ in range(repeat):
        done = {}
        for name in names:
            with helper("slow_network").network(port, round_trip_ms=round_trip_ms, mbit=mbit) as network:
                url = server.url if round_trip_ms == 0 and mbit == float("inf") else network.url
                done[name] = measure(name, url, server, folder, given.connections)
        rounds.append(done)
    bandwidth = "unlimited" if mbit == float("inf") else f"{mbit:g} Mbit/s"
    print(f"\n{round_trip_ms:g} ms, bandwidth {bandwidth}; medians of {repeat} rounds, {os.cpu_count()} processors")
    for name in names:
        middle = {what: statistics.median(done[name][what] for done in rounds) for what in rounds[0][name]}
        ratios = sorted(done[name]["wall"] / done[names[0]]["wall"] for done in rounds)
        bound = middle["bytes"] * 8 / (mbit * 1e6) + 3 * round_trip_ms / 1000
        print(
            f"  {name:15} {middle['wall']:7.2f} s  processor {middle['cpu']:6.2f} s  {middle['requests']:5.0f} requests "
            f"{middle['bytes'] / 1e6:7.1f} MB  over mlbmi {statistics.median(ratios):6.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
            + (f"  over the bound {middle['wall'] / bound:5.2f}" if mbit < float("inf") else "")
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--block", type=int, default=1024)
    parser.add_argument("--round-trips", type=float, nargs="*", default=[0, 50, 200])
    parser.add_argument("--mbit", type=float, default=100.0, help="of the last case, at 50 ms; 0 leaves it out")
    parser.add_argument("--readers", nargs="*", default=list(READERS))
    parser.add_argument("--connections", type=int, help="connections that mlbmi may open, in place of its own number")
    parser.add_argument("--reader", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.connections:
        mlbmi.access.network.CONNECTIONS_PER_HOST = arguments.connections
    if arguments.reader:
        name, base, folder = arguments.reader
        measure_here(name, base, Path(folder))
        return
    if "async-geotiff" in arguments.readers and importlib.util.find_spec("async_geotiff") is None:
        arguments.readers.remove("async-geotiff")
        print("async-geotiff is not installed: left out")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        make_files(folder, arguments.block)
        with serve(folder) as server:
            for round_trip in arguments.round_trips:
                case(server, folder, arguments, round_trip, float("inf"))
            if arguments.mbit:
                case(server, folder, arguments, 50, arguments.mbit)


if __name__ == "__main__":
    main()
