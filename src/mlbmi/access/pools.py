"""Pools of connections that can be broken off from another thread, and know whom to trust."""

from __future__ import annotations

import contextlib
import os
import socket
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import urllib3

__all__ = ["Sockets"]


class Sockets:
    """The connections that are open."""

    def __init__(self) -> None:
        self._open: weakref.WeakSet[Any] = weakref.WeakSet()

    def pool_manager(self, proxy: str, options: Mapping[str, Any]) -> urllib3.PoolManager:
        """Return a pool, of a proxy's if there is one, whose connections are known here.

        A file of authorities that the user names, for curl or for OpenSSL, comes before certifi's, as it does in GDAL.
        """
        import certifi
        import urllib3

        authorities = os.environ.get("CURL_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or certifi.where()
        options = {"ca_certs": authorities, **options}
        manager = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        manager.pool_classes_by_scheme = _pool_classes(self._open)
        return manager

    def shut(self) -> None:
        """Let threads that wait for bytes wake up."""
        for connection in list(self._open):
            with contextlib.suppress(OSError, AttributeError):  # closed by now
                connection.sock.shutdown(socket.SHUT_RDWR)


def _pool_classes(known: weakref.WeakSet[Any]) -> dict[str, Any]:
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            known.add(self)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            known.add(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
