"""A network in front of a server: latency, a shared bandwidth, and a count of the connections.

    python slow_network.py PORT --round-trip-ms 50 --mbit 100

Relays to ``127.0.0.1:PORT`` and writes out its own port. A request reaches the server one round trip late, and the first of a
connection two, for the handshake; answers of all connections share the bandwidth. When its standard input closes it writes, as
JSON, how many connections there were, how many at once at most, and the bytes of the answers. What it leaves out: TCP's slow
start, TLS, loss.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass

_PIECE = 1 << 16


@dataclass
class Network:
    """The relay: its settings, and what it has seen."""

    port: int
    round_trip_s: float
    bytes_per_s: float
    connections: int = 0
    open_now: int = 0
    peak: int = 0
    bytes: int = 0
    free_at: float = 0.0

    async def serve(self) -> None:
        """Relay until standard input closes."""
        server = await asyncio.start_server(self.connection, "127.0.0.1", 0, backlog=512)
        say(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        say(json.dumps({"connections": self.connections, "peak": self.peak, "bytes": self.bytes}))

    async def connection(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Relay one connection."""
        self.connections += 1
        self.open_now += 1
        self.peak = max(self.peak, self.open_now)
        to_server = None
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self.port, limit=4 * _PIECE)
            halves = (self.ask(client, to_server), self.answer(server, to_client))
            directions = [asyncio.ensure_future(half) for half in halves]
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            for direction in directions:
                direction.cancel()
        finally:
            self.open_now -= 1
            for writer in (to_client, to_server):
                if writer is not None:
                    writer.close()

    async def ask(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        """Carry requests, late."""
        late = 2 * self.round_trip_s
        with contextlib.suppress(ConnectionError):
            while piece := await client.read(_PIECE):
                await asyncio.sleep(late)
                late = self.round_trip_s
                to_server.write(piece)

    async def answer(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Carry answers, no faster than all of them together may be."""
        now = asyncio.get_running_loop().time
        with contextlib.suppress(ConnectionError):
            while piece := await server.read(_PIECE):
                self.bytes += len(piece)
                self.free_at = max(self.free_at, now()) + len(piece) / self.bytes_per_s
                if self.free_at > now():
                    await asyncio.sleep(self.free_at - now())
                to_client.write(piece)
                await to_client.drain()


def say(what: object) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


@dataclass
class Seen:
    """A running relay.

    Attributes
    ----------
    url : str
        Its address.
    connections, peak, bytes : int
        Connections altogether, at once at most, and bytes of answers; known when it has ended.
    """

    url: str
    connections: int = 0
    peak: int = 0
    bytes: int = 0


@contextlib.contextmanager
def network(port, *, round_trip_ms=0.0, mbit=float("inf")):
    """Run a relay in front of a local port, as a process of its own, until the block ends."""
    command = [sys.executable, __file__, str(port), "--round-trip-ms", str(round_trip_ms), "--mbit", str(mbit)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        seen = Seen(f"http://127.0.0.1:{int(process.stdout.readline())}")
        try:
            yield seen
        finally:
            process.stdin.close()
            for name, value in json.loads(process.stdout.readline()).items():
                setattr(seen, name, value)


def main() -> None:
    """Read the arguments and relay."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("port", type=int)
    parser.add_argument("--round-trip-ms", type=float, default=0.0)
    parser.add_argument("--mbit", type=float, default=float("inf"))
    arguments = parser.parse_args()
    network = Network(arguments.port, arguments.round_trip_ms / 1000, arguments.mbit * 1e6 / 8)
    asyncio.run(network.serve())


if __name__ == "__main__":
    main()
