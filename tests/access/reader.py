"""A process that reads windows, because GDAL's requests must not wait for the tests' interpreter.

``reader.py TRUTH WINDOWS THREADS HREF…`` reads so many windows of 64 × 64 pixels, as scenes are read, with debug logging on, and
prints how many were right, and the errors.
"""

from __future__ import annotations

import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import rasterio
from rasterio.windows import Window

from mlbmi.access import Retries
from mlbmi.errors import MlbmiError
from mlbmi.read import configured
from mlbmi.read.opened import with_raster


def main(truth, windows, threads, *hrefs):
    with rasterio.open(truth) as file:
        expected = file.read(1)

    def read(number):
        place = Window(number * 37 % 448, number * 101 % 448, 64, 64)
        try:
            found = with_raster(hrefs[number % len(hrefs)], "band red", lambda raster: raster.read(*place.toslices()))
        except MlbmiError as error:
            return str(error)
        return "" if np.array_equal(found, expected[place.toslices()]) else "wrong pixels"

    with configured(retries=Retries(delay_s=0.01, longest_s=0.05)), ThreadPoolExecutor(int(threads)) as pool:
        problems = [problem for problem in pool.map(read, range(int(windows))) if problem]
    sys.stdout.write(json.dumps({"right": int(windows) - len(problems), "problems": problems}))


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    main(*sys.argv[1:])
