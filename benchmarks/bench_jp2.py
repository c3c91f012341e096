"""What a window of a JPEG 2000 file costs over HTTP, beside one of a COG of the same pixels: requests and bytes, with GDAL.

    python benchmarks/bench_jp2.py                # 6144 × 6144 pixels, 36 tiles
    python benchmarks/bench_jp2.py --size 10980   # a band of 10 m: 121 tiles, some minutes

Beside the counts stands what `mlbmi.download.effort` expects, and what it would choose.
"""

from __future__ import annotations

import argparse

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.io import MemoryFile
from rasterio.windows import Window
from scipy.ndimage import gaussian_filter

from mlbmi.download.effort import BYTES_PER_PIXEL, effort_of_whole, effort_of_window
from servers import faults

MAKES = {
    "jp2": {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES", "NBITS": 15, "BLOCKXSIZE": 1024, "BLOCKYSIZE": 1024},
    "tif": {"driver": "COG", "compress": "deflate", "predictor": 2, "blocksize": 1024},
}


def landscape(size: int) -> np.ndarray:
    draw = np.random.default_rng(0)
    smooth = gaussian_filter(draw.standard_normal((size, size), dtype=np.float32), 3) * 4000
    return (smooth + 1500 + draw.standard_normal((size, size), dtype=np.float32) * 25).clip(1, 10_000).astype("uint16")


def encoded(pixels: np.ndarray, make: str) -> bytes:
    shape = {"height": pixels.shape[0], "width": pixels.shape[1], "count": 1, "dtype": "uint16", "crs": "EPSG:32633"}
    with MemoryFile(ext=f".{make}") as memory:
        with memory.open(transform=rasterio.Affine(10, 0, 300000, 0, -10, 5900040), **shape, **MAKES[make]) as file:
            file.write(pixels, 1)
        return bytes(memory.getbuffer())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=6144)
    size = parser.parse_args().size
    pixels = landscape(size)
    native = GeoBox(pixels.shape, rasterio.Affine(10, 0, 300000, 0, -10, 5900040), "EPSG:32633")
    whole = effort_of_whole(native, BYTES_PER_PIXEL)
    middle, end = size // 2 + 100, size - 500
    windows = {
        "first tile": Window(100, 100, 300, 300),
        "middle": Window(middle, middle, 300, 300),
        "last tile": Window(end, end, 300, 300),
        "middle, 3 km": Window(middle - 300, middle - 300, 300, 300),
        "half the sides": Window(size // 4, size // 4, size // 2, size // 2),
    }
    files = {f"/a.{make}": encoded(pixels, make) for make in MAKES}
    for name, content in files.items():
        print(f"{name}: {len(content) / pixels.size:.2f} bytes a pixel")
    print(f"{'window':16} {'jp2 requests':>13} {'MB':>6} {'expected':>9} {'whole cheaper':>14} {'cog requests':>13} {'MB':>6}")
    with faults().FaultServer(files) as server, rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        for number, (name, window) in enumerate(windows.items()):
            counts = {}
            for make in MAKES:
                server.log.clear()
                with rasterio.open(f"{server.url}/a.{make}?{number}", sharing=False) as file:
                    file.read(1, window=window)
                counts[make] = (len(server.log), server.sent() / 1e6)
            rows, columns = window.toslices()
            cost = effort_of_window(native, native[rows, columns], BYTES_PER_PIXEL)
            choice = "yes" if whole.seconds < cost.seconds else "no"
            jp2, cog = counts["jp2"], counts["tif"]
            print(f"{name:16} {jp2[0]:13} {jp2[1]:6.1f} {cost.requests:9} {choice:>14} {cog[0]:13} {cog[1]:6.1f}")


if __name__ == "__main__":
    main()
