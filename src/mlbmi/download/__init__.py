"""Whole files, fetched once and proved: parts, resume, verification, the ledger of what is there.

A download folder (*store*) holds the files in a fixed layout, ``catalog.json`` (so that it is a catalogue of its own) and,
under ``.mlbmi/``, the ledger and the locks. A file stands at its place only after its size, its checksum where one is known, and
every block of its raster have been tested; until then it is a ``.part``.
"""

from mlbmi.download.cache import Entry, entries, parse_size, prune
from mlbmi.download.catalogue import write_catalogue
from mlbmi.download.fetch import PART_BYTES
from mlbmi.download.ledger import Row
from mlbmi.download.plan import Wanted, wanted_assets
from mlbmi.download.run import Outcome, download, recheck, survey
from mlbmi.download.store import Store, default_folder

__all__ = [
    "PART_BYTES",
    "Entry",
    "Outcome",
    "Row",
    "Store",
    "Wanted",
    "default_folder",
    "download",
    "entries",
    "parse_size",
    "prune",
    "recheck",
    "survey",
    "wanted_assets",
    "write_catalogue",
]
