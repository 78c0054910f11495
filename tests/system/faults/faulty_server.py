"""An authorization server that misbehaves, as a play for each connection says."""

from __future__ import annotations

import http.client
import ssl
from collections import deque
from collections.abc import Mapping
from urllib.parse import urlsplit

from requests_cc.testing import LocalServer
from tests.support.scripts import Request
from tests.support.server import Connection, Play, Server

JSON = "Content-Type: application/json"


class FaultyServer(Server):
    """A token endpoint in front of a :class:`LocalServer`, which issues its tokens.

    :param upstream: its API takes the tokens.
    :param certificates: by name; the one named ``good`` serves unless a play says otherwise. None:
        plain http.

    Each connection follows a play: an answer in order, or what :meth:`misbehave` has planned. Safe
    to use from several threads, while connections arrive too.
    """

    def __init__(
        self, upstream: LocalServer, certificates: Mapping[str, ssl.SSLContext] | None = None
    ) -> None:
        self._plays: deque[Play] = deque()
        self._always: Play = answers_in_order
        self._upstream = urlsplit(upstream.token_url)
        self.certificates = certificates or {}
        super().__init__(play=self._next)
        scheme = "https" if self.certificates else "http"
        self.token_url = f"{scheme}://127.0.0.1:{self.port}/oauth/token"

    def _next(self, connection: Connection) -> None:
        try:
            play = self._plays.popleft()
        except IndexError:
            play = self._always
        play(connection)

    def misbehave(self, play: Play, times: int | None = None) -> None:
        """Have the next connections follow a play; None: all, until :meth:`heal`."""
        if times is None:
            self._always = play
        else:
            self._plays.extend([play] * times)

    def heal(self) -> None:
        """Behave from now on, and listen."""
        self._plays.clear()
        self._always = answers_in_order
        self.listen()

    def ask_upstream(self, request: Request) -> bytes:
        """Have a token issued."""
        assert self._upstream.hostname is not None
        upstream = http.client.HTTPConnection(self._upstream.hostname, self._upstream.port)
        try:
            names = {"Authorization", "Content-Type"} & {*request.headers}
            passed_on = {name: request.headers[name] for name in names}
            upstream.request("POST", self._upstream.path, request.body, passed_on)
            return upstream.getresponse().read()
        finally:
            upstream.close()


def secure(connection: Connection, certificate: str = "good") -> None:
    """Make the TLS handshake, if the server has certificates."""
    assert isinstance(connection.server, FaultyServer)
    certificates = connection.server.certificates
    if certificates and not isinstance(connection.socket, ssl.SSLSocket):
        connection.secure(certificates[certificate])


def read_request(connection: Connection) -> Request:
    secure(connection)
    return connection.read_request()


def token_answer(connection: Connection) -> bytes:
    """Read a request, and return the body of the right answer to it."""
    assert isinstance(connection.server, FaultyServer)
    return connection.server.ask_upstream(read_request(connection))


def answers_in_order(connection: Connection) -> None:
    body = token_answer(connection)
    head = f"HTTP/1.1 200 OK\r\n{JSON}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    connection.send(head.encode() + body)
