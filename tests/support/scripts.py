"""What a test's server sends: whole replies, raw bytes, or no response at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:  # they know each other
    from tests.support.server import Connection


@dataclass(frozen=True)
class Request:
    """A request as it arrived.

    :param raw: all of it to the byte, framing included.
    """

    method: str
    target: str
    headers: Message
    body: bytes
    raw: bytes
    connection: Connection = field(repr=False, compare=False)

    @property
    def token(self) -> str | None:
        """What follows ``Bearer``; None without such a header."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if scheme == "Bearer" else None

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode(), keep_blank_values=True)


@dataclass(frozen=True)
class Reply:
    """A response on a connection that is kept alive; pieces are sent one by one, chunked."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"fine"
    pieces: Iterable[bytes] | None = None
    content_length: int | None = None


#: What a request gets: a reply, a document as JSON, bytes after which the connection ends, or
#: nothing but that end. A function may wait, use ``request.connection``, and then return one.
Response = Reply | Mapping[str, object] | bytes | None
Script = Response | Callable[[Request], Response]


def answer(
    body: bytes | str | object = b"",
    status: str = "200 OK",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Return a whole response as bytes; a body that is neither bytes nor str is JSON."""
    if not isinstance(body, bytes):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def token(value: str = "token-1", **members: object) -> bytes:
    """Return a good response to a token request."""
    return answer({"access_token": value, "token_type": "Bearer", "expires_in": 3600, **members})


def drop(request: Request) -> None:
    """Close the connection without a response."""


def reset(request: Request) -> None:
    """Reset the connection without a response."""
    request.connection.reset()


def hang(request: Request) -> None:
    """Send nothing until the client goes away."""
    request.connection.receive()


def trickle(data: bytes, pause: float) -> Callable[[Request], None]:
    """Send one byte each ``pause`` seconds until the client goes away."""
    return lambda request: request.connection.trickle(data, pause)
