"""Headers, windows of DN, the offset decision by metadata and by pixels, DN → reflectance.

Pixels are read on any grid, at once by the threads of the process or as Dask chunks through :func:`odc.stac.load`. Four things
are this room's own, because no neighbour does them: the opened file decides where its pixels lie, whatever the item says; every
failed read is a :class:`~mlbmi.errors.ReadError` that names item, band and reason, never a hole; nearest-neighbour resampling
gives the same pixels however the grid is cut into chunks; and a remote GeoTIFF costs one request for its header and one for each
run of neighbouring blocks, over no more connections to a host than :data:`mlbmi.access.CONNECTIONS_PER_HOST`.
"""

from mlbmi.read.access import abandon, configured, is_remote
from mlbmi.read.blocks import WindowCost, window_cost
from mlbmi.read.header import open_geobox
from mlbmi.read.offset import decide_offset
from mlbmi.read.offset_evidence import Evidence, Sample, weigh
from mlbmi.read.offset_neighbours import REACH, Tie, compare, joint_log_odds, strongest
from mlbmi.read.offset_verdict import align, band_offset, give_offset, judge
from mlbmi.read.overview import SclView, read_scl_overview
from mlbmi.read.reflectance import to_reflectance
from mlbmi.read.sample import read_sample
from mlbmi.read.scene import Reading, begin_scene, read_scene
from mlbmi.read.window import NativeWindow, read_native

__all__ = [
    "REACH",
    "Evidence",
    "NativeWindow",
    "Reading",
    "Sample",
    "SclView",
    "Tie",
    "WindowCost",
    "abandon",
    "align",
    "band_offset",
    "begin_scene",
    "compare",
    "configured",
    "decide_offset",
    "give_offset",
    "is_remote",
    "joint_log_odds",
    "judge",
    "open_geobox",
    "read_native",
    "read_sample",
    "read_scene",
    "read_scl_overview",
    "strongest",
    "to_reflectance",
    "weigh",
    "window_cost",
]
