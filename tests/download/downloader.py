"""A process that downloads, to be killed, run twice or given a small disk: ``downloader.py STORE PART_BYTES HREF…``."""

from __future__ import annotations

import sys

from mlbmi.access import Retries
from mlbmi.download import Store, Wanted, download
from mlbmi.errors import MlbmiError


def main(folder, part_bytes, *hrefs):
    names = [href.rpartition("/")[2] for href in hrefs]
    wanted = [
        Wanted(path=name, href=href, item_id=f"item-{name}", band="red", epsg=32633)
        for name, href in zip(names, hrefs, strict=True)
    ]
    try:
        outcomes = download(
            wanted, Store(folder), workers=2, part_bytes=int(part_bytes), retries=Retries(delay_s=0.01, without_progress=3)
        )
    except MlbmiError as error:
        sys.exit(f"mlbmi: {error}")
    sys.stdout.write(" ".join(outcome.state for outcome in outcomes))


if __name__ == "__main__":
    main(*sys.argv[1:])
