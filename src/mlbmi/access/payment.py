"""What reading costs where the reader pays: an estimate, from above, and the refusal to spend it unasked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlbmi.access.places import s3_object
from mlbmi.errors import PaymentError
from mlbmi.types import FREE, Cost

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PRICES", "Prices", "Reading", "check_payment", "cost_of"]

_GB: Final = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a cloud asks of the reader.

    Attributes
    ----------
    usd_per_gb : float
        For 10⁹ bytes sent out to the internet.
    usd_per_1000_requests : float
        For GET and HEAD.
    source, date : str
        Where it stands, and as of when.
    """

    usd_per_gb: float
    usd_per_1000_requests: float
    source: str
    date: str


PRICES: Final = Prices(
    usd_per_gb=0.09,
    usd_per_1000_requests=0.00043,
    source="aws.amazon.com/s3/pricing, eu-central-1, first 10 TB a month",
    date="2025",
)
"""Amazon's prices where the buckets lie in which the reader pays. Within the region bytes are free, and so are 100 GB a month
anywhere."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file, and what at most is read of it: bytes and requests."""

    href: str
    bytes: int
    requests: int


def cost_of(readings: Iterable[Reading]) -> Cost:
    """Sum up what readings cost.

    Examples
    --------
    >>> cost_of([Reading("https://example.com/B04.tif", 10**12, 10**6)]) is FREE
    True
    >>> print(cost_of([Reading("s3://sentinel-s2-l2a/B04.jp2", 120_000_000, 15)]))
    at most 0.02 USD: 0.12 GB and 15 requests from sentinel-s2-l2a (aws.amazon.com/s3/pricing, eu-central-1, ..., 2025)
    """
    size: Counter[str] = Counter()
    requests: Counter[str] = Counter()
    for reading in readings:
        found = s3_object(reading.href)
        if found is not None and found.bucket.requester_pays:
            size[found.bucket.name] += reading.bytes
            requests[found.bucket.name] += reading.requests
    if not size:
        return FREE
    usd = size.total() / _GB * PRICES.usd_per_gb + requests.total() / 1000 * PRICES.usd_per_1000_requests
    return Cost(
        usd=usd,
        bytes=size.total(),
        requests=requests.total(),
        buckets=tuple(sorted(size)),
        source=f"{PRICES.source}, {PRICES.date}",
    )


def check_payment(cost: Cost, *, allowed: bool) -> None:
    """Refuse what costs money and has not been allowed.

    Raises
    ------
    PaymentError
        With the cost.
    """
    if cost.buckets and not allowed:
        raise PaymentError(
            f"the reader pays for these files: {cost}",
            remedy="Give --allow-requester-pays to pay for them, or choose the catalogue earth-search, whose files are free.",
        )
