"""The body of a rejection, whose connection is needed for the request that follows."""

from __future__ import annotations

import io
import socket
import threading
from contextlib import suppress
from typing import Any

import requests

from ..http.body import read_body, with_body
from ..threads import Call

LARGEST = 64 * 1024  # bytes that are kept of a response that is followed by another
LONGEST = 1.0  # seconds that reading it may take
LAST_WORDS = 0.5  # seconds that a reader gets to notice that its connection was shut down


def release(response: requests.Response) -> None:
    """Return a response's connection to its pool, and keep the first 64 KiB of its body.

    The connection is closed if the body does not arrive within a second.

    :param response: unread.
    """
    raw: Any = response.raw
    if not hasattr(raw, "stream"):
        return  # from a transport without connections
    reading = _Reading(raw)
    body, whole = reading.value if reading.ends() else (b"", False)
    if not whole:
        reading.give_up()
    raw.release_conn()
    response.raw = with_body(raw, io.BytesIO(body))


def let_go(response: requests.Response, *, stream: bool) -> None:
    """Return the connection of a caller's own response, whose body must stay whole, if possible.

    :param stream: bool, whether the caller reads the body.
    """
    if not stream:
        response.content  # noqa: B018 - requests reads it next; here, before the wait for a token
    elif _is_small(response) and hasattr(response.raw, "stream"):
        raw: Any = response.raw
        reading = _Reading(raw)
        reading.ends()
        response.raw = with_body(raw, _Late(reading))


def _is_small(response: requests.Response) -> bool:
    length = response.headers.get("Content-Length", "")
    return length.isascii() and length.isdigit() and int(length[:20]) <= LARGEST


class _Reading:
    """The reading of a body in a thread of its own, since nothing else bounds it.

    A timeout of the socket bounds the wait for one byte, and a server may send the next one just
    before that ends.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._source = getattr(raw, "reads_from", raw)
        self._connection: Any = getattr(self._source, "connection", None)
        self._call = Call(self._read, "requests-cc rejection")
        # Without a connection it is in memory already.
        if self._connection is None or not self._call.start():
            self._call.run()

    @property
    def value(self) -> tuple[bytes, bool]:
        """The bytes that were read when the body ended, and whether they are all of it."""
        return self._call.value or (b"", False)

    def ends(self, within: float = LONGEST) -> bool:
        """Wait, and return whether it has ended."""
        return self._call.ends_within(within)

    def give_up(self) -> None:
        """Close the connection, even in the middle of the reading."""
        if not self.ends(within=0):
            self._shut_down()
            self.ends(within=LAST_WORDS)
        # The response only after that: its close() would wait for the thread that reads.
        (self._raw if self.ends(within=0) else self._connection).close()

    def _shut_down(self) -> None:
        sock = getattr(self._connection, "sock", None)
        with suppress(OSError, ValueError, RuntimeError):  # if it ends at this very moment
            if isinstance(sock, socket.socket):
                # The plain one: that of TLS would change its state under the thread that reads.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            else:  # after "Connection: close"; urllib3 2.3 and later keep a way
                getattr(self._source, "shutdown", _nothing)()

    def wait(self) -> bytes:
        """Return the body, however long that takes; raise what the reading raised."""
        self.ends(within=threading.TIMEOUT_MAX)
        if self._call.error is not None:
            raise self._call.error
        return self.value[0]

    def _read(self) -> tuple[bytes, bool]:
        return read_body(self._raw, LARGEST, decode=False)


def _nothing() -> None: ...


class _Late(io.RawIOBase):
    """A body that may still be read."""

    def __init__(self, reading: _Reading) -> None:
        super().__init__()
        self._reading = reading
        self._body: io.BytesIO | None = None

    def read(self, size: int | None = -1) -> bytes:
        if self._body is None:
            self._body = io.BytesIO(self._reading.wait())
        return self._body.read(size)
