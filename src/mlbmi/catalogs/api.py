"""STAC APIs, through pystac-client: strict, patient, paged. Imported only when an API is asked: the client is slow to load.

Nothing that a server says is believed here: not that it has filtered, not that its pages end, not that its addresses are remote.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pystac
import shapely
from pystac_client import Client, ItemSearch
from pystac_client.conformance import ConformanceClasses
from pystac_client.errors import ClientTypeError
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from pystac_client.warnings import PystacClientWarning, strict

from mlbmi.access import guard_logs, without_secrets
from mlbmi.access.patience import urllib3_retry
from mlbmi.catalogs.addresses import is_url
from mlbmi.catalogs.static import Offer
from mlbmi.errors import SearchError
from mlbmi.hrefs import public_href

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlbmi.catalogs.selection import Question

__all__ = ["offers_of_api"]

_TIMEOUT_S = (10.0, 60.0)
"""Seconds to connect, and between bytes of an answer."""

_PAGE = 100
"""Items a page: about 3 MB of Earth Search, whose answers may not pass 6 MB."""

_MOST_ITEMS = 100_000
_MOST_VERTICES = 1_000
"""An outline with more goes as its bounding box: servers limit the size of a question, and its answer is filtered here anyway."""


class _StrictIO(StacApiIO):
    """Take an answer without features for what it is: an error. The client takes it for an empty last page."""

    def read_json(self, source: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read JSON; where a search was asked (it alone has parameters), a FeatureCollection."""
        content: dict[str, Any] = super().read_json(source, *args, **kwargs)
        if "parameters" in kwargs and not isinstance(content.get("features"), list):
            raise ValueError("the answer to the search holds no list of features")
        return content


def offers_of_api(url: str, collection: str | None, question: Question) -> Iterator[Offer]:
    """Ask a STAC API and read its answer page by page.

    Parameters
    ----------
    url : str
        Its landing page.
    collection : str or None
        Collection to search; None: all.
    question : Question
        What is searched for. The area, the days and, where the server says that it can, the cloud limit go along.

    Yields
    ------
    Offer
        Items as the server gave them, not to be relied on.

    Raises
    ------
    SearchError
        If it cannot be reached, is not a STAC API, or its pages do not end. The message is one line without secrets.
    """
    with _plainly(url):
        searches = _searches(url, collection, question)
    given: set[str] = set()
    for search in searches:
        # An item that shows both sides comes twice; what one answer lists twice is for the selection to see.
        offers = [offer for offer in _offers_of_search(url, search) if _identity(offer.content) not in given]
        given |= {_identity(offer.content) for offer in offers}
        yield from offers


def _offers_of_search(url: str, search: ItemSearch) -> Iterator[Offer]:
    if not (search.url or "").startswith(("http://", "https://")):
        raise SearchError(f"the STAC API {public_href(url)} names a search address that is not http")
    pages = search.pages_as_dicts()
    seen: set[str] = set()
    while True:
        with _plainly(url):
            page = next(pages, None)
            features: list[Any] = [] if page is None else list(page["features"])
        if page is None:
            return
        _check_progress(url, features, seen)
        yield from (Offer(content=item, base=_base(item, search.url), trusted=False) for item in features)


def _searches(url: str, collection: str | None, question: Question) -> list[ItemSearch]:
    """Put the question: once, or, where only boxes can be asked for, once for each side of the 180th meridian."""
    # strict() changes the process's filters for good; the outer context takes that back.
    with warnings.catch_warnings(), strict():
        client = Client.open(url, stac_io=_StrictIO(max_retries=urllib3_retry()), timeout=_TIMEOUT_S)
        methods = {link.extra_fields.get("method", "GET") for link in client.get_links("search")}
        method = "POST" if "POST" in methods else "GET"
        return [
            client.search(
                method=method,
                limit=_PAGE,
                collections=[collection] if collection else None,
                datetime=f"{question.start}T00:00:00Z/{question.end}T23:59:59.999Z",
                **where,
                **_cloud_limit(client, question.cloud_cover, method),
            )
            for where in _where(question, method)
        ]


def _where(question: Question, method: str) -> list[dict[str, Any]]:
    if method == "GET" or shapely.get_num_coordinates(question.aoi.geometry) > _MOST_VERTICES:
        return [{"bbox": box} for box in question.aoi.boxes]
    return [{"intersects": question.aoi.to_geojson()}]


def _cloud_limit(client: Client, limit: float | None, method: str) -> dict[str, Any]:
    """Ask the server to leave cloudy items out, by whichever extension it says that it has; without one, all of them come."""
    if limit is None:
        return {}
    if client.conforms_to(ConformanceClasses.QUERY):
        return {"query": {"eo:cloud_cover": {"lte": limit}}}
    if client.conforms_to(ConformanceClasses.FILTER) and method == "POST":
        return {"filter": {"op": "<=", "args": [{"property": "eo:cloud_cover"}, limit]}}
    return {}


def _identity(item: object) -> str:
    return f"{item.get('collection')}/{item.get('id')}" if isinstance(item, dict) else "?"


def _check_progress(url: str, features: list[Any], seen: set[str]) -> None:
    """Stop a server whose next page is a page that has been, or that never ends."""
    ids = {_identity(item) for item in features}
    if ids <= seen:
        raise SearchError(f"the STAC API {public_href(url)} gave the same page twice: its paging runs in circles")
    seen |= ids
    if len(seen) > _MOST_ITEMS:
        raise SearchError(
            f"the STAC API {public_href(url)} offers more than {_MOST_ITEMS} items",
            remedy="Ask for fewer days, or name a collection.",
        )


def _base(item: object, search_url: str) -> str:
    """Return an item's own address if it is a URL; else the address that it came from."""
    links = item.get("links") if isinstance(item, dict) else None
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") == "self" and isinstance(link.get("href"), str) and is_url(link["href"]):
            return str(link["href"])
    return search_url


@contextmanager
def _plainly(url: str) -> Iterator[None]:
    """Turn whatever the client raises into one line. The cause is cut off: its text may hold the query, and with it a key."""
    guard_logs()
    try:
        yield
    except APIError as error:
        raise SearchError(_sentence("cannot be searched", url, error), remedy="Check the address and the network.") from None
    except (PystacClientWarning, ClientTypeError) as error:
        raise SearchError(_sentence("is not one that can be searched", url, error)) from None
    except (pystac.STACError, KeyError, TypeError, ValueError, AttributeError, OSError, RecursionError) as error:
        raise SearchError(_sentence("gave an answer that is not STAC", url, error)) from None


def _sentence(what: str, url: str, error: Exception) -> str:
    status = getattr(error, "status_code", None)
    line = " ".join(without_secrets(str(error)).split()) or type(error).__name__
    return f"the STAC API {public_href(url)} {what}: {f'HTTP {status} ' if status else ''}{line[:200]}"
