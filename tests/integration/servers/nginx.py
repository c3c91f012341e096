"""A real file server: nginx on a folder, with byte ranges and a log that counts requests and bytes."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

CONFIGURATION = """
daemon off;
worker_processes 1;
{user}
pid {prefix}/nginx.pid;
error_log {prefix}/error.log warn;
events {{ worker_connections 256; }}
http {{
    log_format counted '$request_method\\t$uri\\t$http_range\\t$status\\t$body_bytes_sent';
    access_log {prefix}/access.log counted;
    client_body_temp_path {prefix}/body;
    proxy_temp_path {prefix}/proxy;
    fastcgi_temp_path {prefix}/fastcgi;
    uwsgi_temp_path {prefix}/uwsgi;
    scgi_temp_path {prefix}/scgi;
    types {{ image/tiff tif; application/json json; }}
    default_type application/octet-stream;
    sendfile on;
    server {{
        listen 127.0.0.1:{port};
        location = /-/ready {{ access_log off; return 204; }}
        location / {{ root "{folder}"; {rules} }}
    }}
}}
"""


@dataclass(frozen=True)
class Request:
    """One line of the log.

    Attributes
    ----------
    method, path : str
        ``GET`` or ``HEAD``; the path asked for, ``/B04.tif``.
    range : str
        The ``Range`` header, ``bytes=0-16383``; empty if there was none.
    status : int
        206 for a part, 200 for a whole file, 404 …
    bytes : int
        Bytes of the body that were sent.
    """

    method: str
    path: str
    range: str
    status: int
    bytes: int


@dataclass(frozen=True)
class FileServer:
    """A folder served over HTTP.

    Attributes
    ----------
    url : str
        Address of the folder, without slash at the end.
    """

    url: str
    _access_log: Path

    def log(self) -> list[Request]:
        """Return every request answered so far, or since :meth:`clear_log`.

        nginx writes a line when an answer has been sent, a moment after the client has it: wait until the log rests.
        """
        content, before = self._access_log.read_text(), None
        while content != before:
            time.sleep(0.02)
            content, before = self._access_log.read_text(), content
        return [_request(line) for line in content.splitlines()]

    def clear_log(self) -> None:
        """Forget the requests so far."""
        self.log()
        os.truncate(self._access_log, 0)


def _request(line: str) -> Request:
    method, path, asked, status, sent = line.split("\t")
    return Request(method, path, "" if asked == "-" else asked, int(status), int(sent))


@contextmanager
def file_server(processes, folder: Path, *, rules: str = ""):
    """Serve a folder until the block ends.

    Parameters
    ----------
    processes : module
        ``processes.py`` beside this file.
    folder : Path
        What to serve.
    rules : str
        Further nginx rules, such as ``if ($http_x_amz_request_payer != "requester") { return 403; }``.
    """
    nginx = processes.binary("nginx", "usr/sbin", "usr/local/sbin")
    prefix = Path(tempfile.mkdtemp(prefix="mlbmi-nginx-"))
    try:
        port = processes.free_port()
        configuration = prefix / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(prefix=prefix, port=port, folder=Path(folder).resolve(), rules=rules, user=_user())
        )
        (prefix / "access.log").touch()
        url = f"http://127.0.0.1:{port}"
        command = [nginx, "-p", str(prefix), "-e", str(prefix / "error.log"), "-c", str(configuration)]
        with processes.running(command, log=prefix / "output.log", ready=lambda: _ready(url)):
            yield FileServer(url, prefix / "access.log")
    finally:
        shutil.rmtree(prefix, ignore_errors=True)


def _user() -> str:
    """Let the workers of a server started by root stay root: they read folders that only root may enter, on loopback only."""
    return f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=5).status_code == 204
    except requests.RequestException:
        return False
