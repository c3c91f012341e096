"""How published files are reached: signatures, keys, tokens, money, patience; and no secret in what is written.

One policy of retries for all requests (:class:`Retries`). One door to addresses (:class:`Access`): for HTTP clients an
:class:`Address`, for GDAL an :class:`Opening`. One client (:class:`Client`), which whole files, parts of files
(:class:`RemoteFile`, over a :class:`Network` that bounds the connections to a host) and tokens share. One table of places
(:data:`BUCKETS`), which says what is public, what is signed and with whose keys, and what the reader pays for; without permission
nothing is sent there.
"""

from mlbmi.access.answers import extent, version
from mlbmi.access.environment import VARIABLES, adopt
from mlbmi.access.http import Address, Client, RefusedError, Resolve, TransientError, drop
from mlbmi.access.network import CONNECTIONS_PER_HOST, Network, NoRangesError, Piece, RemoteFile, StoppedError
from mlbmi.access.opening import Access, Opening
from mlbmi.access.payment import PRICES, Reading, check_payment, cost_of
from mlbmi.access.places import BUCKETS, Bucket, bucket_named, requester_pays
from mlbmi.access.retries import REFUSED_SIGNATURE, TRANSIENT, Patience, Retries
from mlbmi.access.secrets import guard_logs, without_secrets

__all__ = [
    "BUCKETS",
    "CONNECTIONS_PER_HOST",
    "PRICES",
    "REFUSED_SIGNATURE",
    "TRANSIENT",
    "VARIABLES",
    "Access",
    "Address",
    "Bucket",
    "Client",
    "Network",
    "NoRangesError",
    "Opening",
    "Patience",
    "Piece",
    "Reading",
    "RefusedError",
    "RemoteFile",
    "Resolve",
    "Retries",
    "StoppedError",
    "TransientError",
    "adopt",
    "bucket_named",
    "check_payment",
    "cost_of",
    "drop",
    "extent",
    "guard_logs",
    "requester_pays",
    "version",
    "without_secrets",
]
