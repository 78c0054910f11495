"""A TCP server on loopback that answers each connection with scripted bytes.

For what a well-behaved server never does. Reusable: it knows nothing of OAuth.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

PATIENCE = 10.0  # seconds until a thread gives its client up
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: close() sends RST instead of FIN

#: What a connection gets: bytes; or a function of its socket, called once the request was read.
Script = bytes | Callable[[socket.socket], None]


def answer(
    body: bytes | str | object = b"",
    status: str = "200 OK",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A whole HTTP answer; a body that is neither bytes nor str is written as JSON."""
    if not isinstance(body, bytes):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def token(value: str = "token-1", **members: object) -> bytes:
    """A good answer to a token request."""
    return answer({"access_token": value, "token_type": "Bearer", "expires_in": 3600, **members})


def drop(connection: socket.socket) -> None:
    """Closes the connection without an answer."""


def reset(connection: socket.socket) -> None:
    """Resets the connection without an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def hang(connection: socket.socket) -> None:
    """Answers nothing until the client goes away."""
    connection.recv(1)


def trickle(data: bytes, pause: float) -> Callable[[socket.socket], None]:
    """Sends one byte each ``pause`` seconds, until the client goes away."""

    def script(connection: socket.socket) -> None:
        connection.settimeout(pause)
        for byte in data:
            connection.sendall(bytes([byte]))
            with suppress(TimeoutError):
                if not connection.recv(1):
                    return

    return script


class RawServer:
    """Serves one scripted answer for each connection; the last one again and again.

    :param scripts: what the connections get, in order.
    :param tls: a server's SSLContext, or None for plain TCP.
    :param greets: the script begins at once: neither a TLS handshake nor a request is read.
    """

    def __init__(
        self, *scripts: Script, tls: ssl.SSLContext | None = None, greets: bool = False
    ) -> None:
        self.requests: list[bytes] = []
        self._scripts = list(scripts)
        self._tls = tls
        self._greets = greets
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        scheme, host = ("https", "localhost") if self._tls else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self.port}/token"

    def __enter__(self) -> RawServer:  # noqa: PYI034 - typing.Self is new in Python 3.11
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
            threading.Thread(target=self._serve, args=(connection, script), daemon=True).start()

    def _serve(self, connection: socket.socket, script: Script) -> None:
        connection.settimeout(PATIENCE)
        self._open.add(connection)
        # The client may go away at any moment: that is what it is tested for.
        with suppress(OSError), connection:
            if self._greets:
                self._play(connection, script)
                return
            if self._tls is None:
                self._answer(connection, script)
            else:
                with self._tls.wrap_socket(connection, server_side=True) as secured:
                    self._answer(secured, script)
        self._open.discard(connection)

    def _answer(self, connection: socket.socket, script: Script) -> None:
        request = _read_request(connection)
        if request:
            self.requests.append(request)
            self._play(connection, script)

    def _play(self, connection: socket.socket, script: Script) -> None:
        if callable(script):
            script(connection)
        else:
            connection.sendall(script)


def _read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return b""
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
