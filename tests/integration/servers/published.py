"""The items of a simulation as an API would answer them, with their files at some address."""

from __future__ import annotations

import json


def write_answer(path, folder, url, *, change=lambda item: item):
    """Write a FeatureCollection of all items below a folder, their relative hrefs made absolute, each item changed."""
    items = [change(_served(item, folder, url)) for item in sorted(folder.rglob("S2*/S2*.json"))]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    return path


def _served(path, root, url):
    item = json.loads(path.read_text())
    folder = path.parent.relative_to(root)
    for asset in item["assets"].values():
        if asset["href"].startswith("./"):
            asset["href"] = f"{url}/{folder}/{asset['href'][2:]}"
    return item
