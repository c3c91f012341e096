"""What reading costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["FREE", "Cost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the reader pays, at most.

    Attributes
    ----------
    usd : float
    bytes, requests : int
        Of the files that cost something.
    buckets : tuple of str
        Where they lie; empty if all is free.
    source : str
        Where the prices stand, and as of when.

    Examples
    --------
    >>> str(Cost(usd=0.0109, bytes=120_000_000, requests=15, buckets=("sentinel-s2-l2a",), source="price list, 2025"))
    'at most 0.02 USD: 0.12 GB and 15 requests from sentinel-s2-l2a (price list, 2025)'
    >>> str(FREE)
    'nothing'
    """

    usd: float = 0.0
    bytes: int = 0
    requests: int = 0
    buckets: tuple[str, ...] = ()
    source: str = ""

    def __str__(self) -> str:
        """Return it as a phrase; cents are rounded up."""
        if not self.buckets:
            return "nothing"
        usd, where = math.ceil(self.usd * 100) / 100, " and ".join(self.buckets)
        return f"at most {usd:,.2f} USD: {self.bytes / 1e9:.2f} GB and {self.requests} requests from {where} ({self.source})"


FREE = Cost()
"""Nothing that is read costs anything."""
