"""A file server on loopback that fails as it is told, and counts what it sends.

Each path has a queue of faults; a request takes the next one, and is answered rightly once there is none. ``share_503`` lets that
share of all other requests fail, by a seeded draw. It is a proxy as well: whoever takes it for one (``http_proxy``) finds the
files of any host here. ``/sas/ACCOUNT/CONTAINER`` gives out tokens in the form of the Planetary Computer.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import random
import re
import socket
import struct
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class Request:
    """One request as answered: ``start`` and ``sent`` are the bytes of the file that went out."""

    path: str
    query: str
    range: str
    if_range: str
    status: int = 0
    start: int = 0
    sent: int = 0
    method: str = "GET"
    headers: dict = field(default_factory=dict)


@dataclass
class Fault:
    """What goes wrong, once.

    ``kind``: ``status`` (answer ``status``, with ``headers``), ``reset`` (after ``after`` bytes of the body, TCP reset), ``cut``
    (after ``after`` bytes the connection ends kindly; the length header was right), ``trickle`` (``after`` bytes, then one
    every tenth of a second), ``damage`` (the byte ``after`` of the file is flipped, the length is right), ``zeros`` (all
    zeros, of the right length), ``ignore_if_range`` (a part of the newer file, though If-Range names the older one).
    """

    kind: str
    after: int = 0
    status: int = 503
    headers: dict = field(default_factory=dict)


class FaultServer:
    """Serve ``files`` (path → bytes); use as a context manager."""

    def __init__(
        self,
        files,
        *,
        etags=None,
        headers=None,
        bytes_per_s=None,
        token_reads=None,
        ranges=True,
        share_503=0.0,
        token_life_s=3600,
    ):
        self.files, self.etags, self.headers = dict(files), dict(etags or {}), dict(headers or {})
        self.bytes_per_s, self.token_reads, self.ranges = bytes_per_s, token_reads, ranges
        self.share_503, self.token_life_s, self.draw = share_503, token_life_s, random.Random(0)  # noqa: S311 - a test repeats
        self.faults = defaultdict(deque)
        self.always = {}
        self.log = []
        self.token = 0
        self.token_left = token_reads or 0
        self.lock = threading.Lock()
        self.active = self.most_active = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def plan(self, path, *faults):
        """Let the next requests for a path fail in turn; None answers one rightly."""
        self.faults[path].extend(faults)

    def sent(self, path=None):
        """Bytes of bodies sent, of one path or of all."""
        return sum(entry.sent for entry in list(self.log) if path in (None, entry.path))

    def requests(self, path=None):
        return [entry for entry in list(self.log) if path in (None, entry.path)]

    def etag(self, path):
        """As nginx's: the same as long as the content is; never an MD5."""
        return self.etags.get(path) or f'"{hashlib.sha256(self.files[path]).hexdigest()[:16]}"'

    def new_token(self):
        with self.lock:
            self.token += 1
            self.token_left = self.token_reads
            return f"secret{self.token}"

    def _token_is_good(self, query):
        if self.token_reads is None:
            return True
        with self.lock:
            good = parse_qs(query).get("sig") == [f"secret{self.token}"] and self.token_left > 0
            self.token_left -= good
            return good


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: FaultServer

    def log_message(self, *_):
        """Be silent: the log is a list."""

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        parts = urlsplit(self.path)
        entry = Request(parts.path, parts.query, self.headers.get("Range", ""), self.headers.get("If-Range", ""))
        entry.method, entry.headers = self.command, dict(self.headers)
        owner = self.owner
        with owner.lock:
            owner.log.append(entry)
            owner.active += 1
            owner.most_active = max(owner.active, owner.most_active)
            queue = owner.faults[parts.path]
            fault = queue.popleft() if queue else owner.always.get(parts.path)
            if fault is None and owner.draw.random() < owner.share_503:
                fault = Fault("status")
        try:
            self._answer(entry, fault)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with owner.lock:
                owner.active -= 1

    def _answer(self, entry, fault):
        owner = self.owner
        if fault and fault.kind == "status":
            return self._status(entry, fault.status, fault.headers)
        if entry.path.startswith("/sas/"):
            return self._send_token(entry)
        if not owner._token_is_good(entry.query):
            return self._status(entry, 403)
        if entry.path not in owner.files:
            return self._status(entry, 404)
        content = owner.files[entry.path]
        start, stop = self._extent(entry, len(content), fault)
        if start >= len(content):
            return self._status(entry, 416, {"Content-Range": f"bytes */{len(content)}"})
        self._send_headers(entry, start, stop, len(content))
        self._send_body(entry, _damaged(content, fault)[start:stop], fault)
        return None

    def _send_token(self, entry):
        until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.owner.token_life_s)
        token = f"se={until:%Y-%m-%dT%H%%3A%M%%3A%SZ}&sp=r&sig={self.owner.new_token()}"
        body = json.dumps({"msft:expiry": until.isoformat().replace("+00:00", "Z"), "token": token}).encode()
        entry.status = 200
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._write(entry, body)

    def _extent(self, entry, length, fault):
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", entry.range)
        current = entry.if_range in ("", self.owner.etag(entry.path)) or (fault and fault.kind == "ignore_if_range")
        if asked and current and self.owner.ranges:
            entry.status = 206
            return int(asked[1]), min(length, int(asked[2] or length) + 1)
        entry.status = 200
        return 0, length

    def _status(self, entry, status, headers=None):
        entry.status = status
        self.send_response(status)
        for name, value in {"Content-Length": "0", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_headers(self, entry, start, stop, length):
        entry.start = start
        self.send_response(entry.status)
        if entry.status == 206:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{length}")
        for name, value in {"Content-Length": stop - start, "ETag": self.owner.etag(entry.path), **self.owner.headers}.items():
            self.send_header(name, str(value))
        self.end_headers()

    def _send_body(self, entry, body, fault):
        kind = fault.kind if fault else ""
        if kind in ("reset", "cut", "trickle"):
            self._write(entry, body[: fault.after])
            self._misbehave(entry, kind, body[fault.after :])
        else:
            self._write(entry, body)

    def _misbehave(self, entry, kind, rest):
        self.close_connection = True
        if kind == "reset":
            time.sleep(0.05)  # what has been sent arrives first
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())  # at once: no end of stream goes before the reset
        elif kind == "trickle":
            for position in range(len(rest)):
                self._write(entry, rest[position : position + 1])
                time.sleep(0.1)

    def _write(self, entry, body):
        if self.command == "HEAD":
            return
        step = len(body) or 1 if self.owner.bytes_per_s is None else 16384
        for position in range(0, len(body), step):
            piece = body[position : position + step]
            self.wfile.write(piece)
            entry.sent += len(piece)
            if self.owner.bytes_per_s is not None:
                time.sleep(len(piece) / self.owner.bytes_per_s)


def _damaged(content, fault):
    if fault and fault.kind == "zeros":
        return bytes(len(content))
    if fault and fault.kind == "damage":
        return content[: fault.after] + bytes([content[fault.after] ^ 0xFF]) + content[fault.after + 1 :]
    return content
