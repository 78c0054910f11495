"""An HTTP proxy on loopback that passes bytes on (CONNECT, RFC 9110 §9.3.6)."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from tests.support.scripts import Request
from tests.support.server import Server


def connect_proxy() -> Server:
    """Return a proxy; each of its requests is a tunnel."""
    return Server(_tunnel, path="")


def _tunnel(request: Request) -> None:
    host, _, port = request.target.partition(":")
    client = request.connection.socket
    with socket.create_connection((host, int(port))) as target:
        request.connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        back = threading.Thread(target=pass_on, args=(target, client), daemon=True)
        back.start()
        pass_on(client, target)
        back.join()


def pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
