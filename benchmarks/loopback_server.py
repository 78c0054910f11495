"""A small, fast HTTP server for the benchmarks: prints its origin as JSON and serves until killed.

``GET`` of anything answers ``{}``. ``POST /token?lifetime=SECONDS&delay=SECONDS`` answers a token
of that lifetime after that delay. It understands just the requests that the benchmarks send.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from urllib.parse import parse_qs, urlsplit

_numbers = itertools.count(1)


def answer(content: object, status: str = "200 OK") -> bytes:
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


EMPTY = answer({})


class Connection(asyncio.Protocol):
    """One kept-alive connection; each request arrives whole before the next is sent."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        if head.startswith(b"GET "):
            self._received = b""
            self._transport.write(EMPTY)
        elif len(body) >= content_length(head):
            self._received = b""
            self._answer_token_request(head)

    def _answer_token_request(self, head: bytes) -> None:
        query = parse_qs(urlsplit(head.split(b" ", 2)[1].decode()).query)
        token = {
            "access_token": f"{next(_numbers):043x}",
            "token_type": "Bearer",
            "expires_in": float(query["lifetime"][0]),
        }
        loop = asyncio.get_running_loop()
        loop.call_later(float(query["delay"][0]), self._transport.write, answer(token))


def content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def serve(connection: type[asyncio.Protocol] = Connection) -> None:
    # Of a crowd that connects at once nobody may meet a full queue: the kernel tries again in 1 s.
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps(f"http://127.0.0.1:{port}"), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
