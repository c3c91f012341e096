"""A small HTTP server with byte ranges, run as a process of its own: GDAL's requests must not wait for the tests' interpreter.

Paths: ``/plain/FILE``; ``/signed/FILE`` answers 403 without ``?sig=``; ``/flaky/FILE`` answers each second request with 503;
``/down/FILE`` always 503. Prints its port, then writes one line a request to the log: method, path with query, range, status.
"""

import http.server
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder = Path(sys.argv[1])
    log = Path(sys.argv[2])
    lock = threading.Lock()
    flaky_requests = 0

    def do_GET(self):
        self.answer(body=True)

    def do_HEAD(self):
        self.answer(body=False)

    def answer(self, *, body):
        url = urlsplit(self.path)
        kind, _, name = url.path.strip("/").partition("/")
        file = self.folder / Path(name).name
        status = self.verdict(kind, url.query) or (206 if file.is_file() else 404)
        data = file.read_bytes() if status == 206 else b""
        total = len(data)
        wanted = self.headers.get("Range", "")
        if status == 206 and wanted.startswith("bytes="):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1 if last else total, total)
            data = data[start:stop]
            content_range = f"bytes {start}-{stop - 1}/{total}"
        else:
            status = 200 if status == 206 else status
            content_range = ""
        with self.lock, self.log.open("a") as log:
            log.write(f"{self.command} {self.path} {wanted or '-'} {status}\n")
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Accept-Ranges", "bytes")
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def verdict(self, kind, query):
        """Return the status to refuse with, or 0."""
        if kind == "down":
            return 503
        if kind == "signed" and "sig=" not in query:
            return 403
        if kind == "flaky":
            with self.lock:
                Handler.flaky_requests += 1
                return 503 if Handler.flaky_requests % 2 else 0
        return 0

    def log_message(self, *args):
        """Stay quiet."""


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
