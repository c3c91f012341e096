"""A STAC API on loopback that does as it is told, well or badly: what the tests of searching and of the doctor ask."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CORE = ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"]
QUERY = "https://api.stacspec.org/v1.0.0/item-search#query"


class FakeApi:
    """A STAC API that ignores every part of a question and gives all its items, two a page; each habit can be changed."""

    def __init__(self, items):
        self.items = items
        self.conforms_to = [*CORE, QUERY]
        self.methods = ("GET", "POST")
        self.asked = []
        self.page_size = 2
        self.failures = []
        self.search_failures = []
        self.next_page = lambda number: number + 1
        self.search_href = None
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self, None)

            def do_POST(self):
                server.answer(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def answer(self, request, body):
        self.asked.append((request.command, request.path, body))
        status, extra, content = 200, {}, None
        if self.failures:
            status, extra, content = self.failures.pop(0)
        elif self.search_failures and request.path.startswith("/search"):
            status, extra, content = self.search_failures.pop(0)
        elif request.path.startswith("/search"):
            content = self.page(body, request.path)
        else:
            content = self.landing()
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(raw)), **extra}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(raw)

    def landing(self):
        href = self.search_href or f"{self.url}/search"
        links = [{"rel": "search", "href": href, "method": method, "type": "application/geo+json"} for method in self.methods]
        content = {"type": "Catalog", "id": "fake", "stac_version": "1.0.0", "description": "x", "links": links}
        return content | ({"conformsTo": self.conforms_to} if self.conforms_to else {})

    def page(self, body, path):
        number = int((body or {}).get("token", path.partition("token=")[2] or 0))
        first = number * self.page_size
        answer = {"type": "FeatureCollection", "features": self.items[first : first + self.page_size], "links": []}
        if first + self.page_size < len(self.items) or self.next_page(number) <= number:
            token = self.next_page(number)
            link = {"rel": "next", "href": f"{self.url}/search?token={token}"}
            if body is not None:
                link |= {"href": f"{self.url}/search", "method": "POST", "body": {**body, "token": token}}
            answer["links"].append(link)
        return answer
