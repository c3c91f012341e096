"""A real S3 server: moto, in an environment of its own (`make moto`), because it pins what the package does not."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[3]
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAMLBMITESTKEY0001", "AWS_SECRET_ACCESS_KEY": "geheimnis/wJalrXUtnFEMI/K7MDENG"}


@dataclass(frozen=True)
class S3:
    """An S3 server.

    Attributes
    ----------
    url : str
        ``http://127.0.0.1:port``.
    """

    url: str

    def _client(self):
        import botocore.session

        keys = {name.lower(): value for name, value in KEYS.items()}
        return botocore.session.Session().create_client("s3", region_name="us-east-1", endpoint_url=self.url, **keys)

    def put(self, bucket, files, *, public=False):
        """Make a bucket with files (key to bytes), readable by all or by those who sign."""
        client = self._client()
        client.create_bucket(Bucket=bucket)
        for key, content in files.items():
            client.put_object(Bucket=bucket, Key=key, Body=content, ACL="public-read" if public else "private")


def _program(processes) -> str:
    places = (os.environ.get("MLBMI_MOTO", ""), str(_CHECKOUT / ".venv-moto" / "bin" / "moto_server"), "moto_server")
    for place in places:
        if place and (path := shutil.which(place)):
            return path
    processes.unavailable("moto_server is not installed; `make moto` puts it into .venv-moto")
    raise AssertionError


@contextmanager
def s3_server(processes):
    """Run moto until the block ends."""
    program, port = _program(processes), processes.free_port()
    folder = Path(tempfile.mkdtemp(prefix="mlbmi-moto-"))
    try:
        command = [program, "-H", "127.0.0.1", "-p", str(port)]
        with processes.running(command, log=folder / "output.log", ready=lambda: processes.accepts(port)):
            yield S3(f"http://127.0.0.1:{port}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
