"""A server with a token endpoint and an API for ``soak.py --hostile``, like ``loopback_server.py``.

It prints its origin as JSON and serves until it is killed. ``POST /MODE/token`` returns a token of
4 seconds. ``GET /MODE/api`` returns 200 for such a token, and 401 once it has expired. In a mode of
:data:`PLAYS` three of four token requests meet a play instead, so that there is a current token
part of the time. In such a mode with ``api-`` before it the token endpoint works, and the API plays
when it rejects a token, after a few calls with it. In any other mode the server is not hostile.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from loopback_server import answer, content_length

LIFETIME = 4.0  # seconds
TOKEN_DELAY = 0.02  # seconds that a token request takes
DRIP = 0.05  # seconds between two bytes
CALLS = 20  # with one token, in the modes of the API

TOKEN, REJECTION = "200 OK", "401 Unauthorized"
GOOD_CALL, BAD_CALL = answer({}), answer({}, REJECTION)

_numbers = itertools.count(1)
_token_requests = itertools.count()
_expiries: dict[bytes, float] = {}  # of each token that was issued
_calls: dict[bytes, int] = {}  # with each token


# What a hostile server does in place of a response of this status.


async def streams_1xx(writer: StreamWriter, status: str) -> None:
    while not writer.is_closing():
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 500)
        await writer.drain()


async def drips_headers(writer: StreamWriter, status: str) -> None:
    await drip(writer, f"HTTP/1.1 {status}\r\n".encode(), b"X-Padding: padding\r\n")


async def drips_body(writer: StreamWriter, status: str) -> None:
    await drip(writer, f"HTTP/1.1 {status}\r\nContent-Length: 100000\r\n\r\n".encode(), b" ")


async def sends_a_negative_chunk(writer: StreamWriter, status: str) -> None:
    head = f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode() + b"2\r\n{}\r\n-5\r\n")
    await writer.drain()


async def drip(writer: StreamWriter, at_once: bytes, over_and_over: bytes) -> None:
    writer.write(at_once)
    for byte in itertools.cycle(over_and_over):
        if writer.is_closing():
            return
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(DRIP)


PLAYS: dict[str, Callable[[StreamWriter, str], Awaitable[None]]] = {
    "1xx": streams_1xx,
    "headers": drips_headers,
    "body": drips_body,
    "chunk": sends_a_negative_chunk,
}
OF_THE_API = ("body", "chunk")  # the plays that a rejection can be; the others are the caller's


# The server.


async def token_request(mode: str, writer: StreamWriter) -> None:
    if mode in PLAYS and next(_token_requests) % 4:
        await PLAYS[mode](writer, TOKEN)
        return
    await asyncio.sleep(TOKEN_DELAY)
    value = f"{next(_numbers):043x}"
    _expiries[value.encode()] = time.monotonic() + LIFETIME
    token = {"access_token": value, "token_type": "Bearer", "expires_in": LIFETIME}
    writer.write(answer(token))


async def api_call(mode: str, writer: StreamWriter, token: bytes) -> None:
    _calls[token] = _calls.get(token, 0) + 1
    play = PLAYS.get(mode.removeprefix("api-")) if mode.startswith("api-") else None
    if time.monotonic() < _expiries.get(token, 0.0) and (not play or _calls[token] <= CALLS):
        writer.write(GOOD_CALL)
    elif play:
        await play(writer, REJECTION)
    else:
        writer.write(BAD_CALL)


async def handle(reader: StreamReader, writer: StreamWriter) -> None:
    """Serve one connection until either side closes it."""
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(content_length(head))
            _, mode, what = head.split(b" ", 2)[1].decode().split("/")
            if what == "token":
                await token_request(mode, writer)
            else:
                token = head.partition(b"Bearer ")[2].partition(b"\r\n")[0]
                await api_call(mode, writer, token)
            await writer.drain()
    writer.close()


async def serve() -> None:
    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps(f"http://127.0.0.1:{port}"), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
