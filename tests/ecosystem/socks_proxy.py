"""A SOCKS 5 proxy on loopback (RFC 1928), without authentication."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading

from tests.support.connect_proxy import pass_on

CONNECT, BY_NAME, BY_IPV4 = 1, 3, 1


class SocksProxy:
    """Counts the connections that it made; safe to share between threads."""

    def __init__(self) -> None:
        self.connections = 0
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.proxy = self
        self.url = f"socks5h://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> SocksProxy:  # noqa: PYI034 - typing.Self is new in Python 3.11
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    proxy: SocksProxy


class _Connection(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        _, methods = self.rfile.read(2)
        self.rfile.read(methods)
        self.request.sendall(b"\x05\x00")
        _, command, _, kind = self.rfile.read(4)
        assert command == CONNECT
        if kind == BY_NAME:
            host = self.rfile.read(self.rfile.read(1)[0]).decode()
        else:
            assert kind == BY_IPV4
            host = socket.inet_ntoa(self.rfile.read(4))
        (port,) = struct.unpack("!H", self.rfile.read(2))
        with socket.create_connection((host, port)) as target:
            self.server.proxy.connections += 1
            self.request.sendall(b"\x05\x00\x00\x01" + bytes(6))
            threading.Thread(target=pass_on, args=(target, self.request), daemon=True).start()
            pass_on(self.request, target)
