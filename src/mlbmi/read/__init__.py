"""Headers, windows of DN, the offset decision, DN → reflectance.

Pixels are read on any grid, at once by the threads of the process or as Dask chunks through :func:`odc.stac.load`. Four things
are this room's own, because no neighbour does them: the opened file decides where its pixels lie, whatever the item says; every
failed read is a :class:`~mlbmi.errors.ReadError` that names item, band and reason, never a hole; nearest-neighbour resampling
gives the same pixels however the grid is cut into chunks; and a remote GeoTIFF costs one request for its header and one for each
run of neighbouring blocks, over no more connections to a host than :data:`CONNECTIONS_PER_HOST`.
"""

from mlbmi.read.access import configured
from mlbmi.read.connections import CONNECTIONS_PER_HOST, StoppedError, abandon
from mlbmi.read.header import open_geobox
from mlbmi.read.offset import decide_offset
from mlbmi.read.reflectance import to_reflectance
from mlbmi.read.scene import Reading, begin_scene, read_scene

__all__ = [
    "CONNECTIONS_PER_HOST",
    "Reading",
    "StoppedError",
    "abandon",
    "begin_scene",
    "configured",
    "decide_offset",
    "open_geobox",
    "read_scene",
    "to_reflectance",
]
