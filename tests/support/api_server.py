"""A loopback API whose answers a test scripts, and that records what arrived to the byte."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from typing import BinaryIO

import requests

from requests_cc import (
    ClientCredentials,
    ClientCredentialsAdapter,
    TokenCache,
    mount,
)
from requests_cc.testing import LocalServer


@dataclass(frozen=True)
class Arrived:
    """One request; ``raw`` is all of it, framing included."""

    method: str
    target: str
    headers: Message
    body: bytes
    raw: bytes

    @property
    def token(self) -> str | None:
        """What stands after ``Bearer``; None where there is no such header."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if scheme == "Bearer" else None


@dataclass(frozen=True)
class Reply:
    """An answer; pieces are sent one by one, chunked."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"fine"
    pieces: Iterable[bytes] | None = None
    content_length: int | None = None


def needs_token(arrived: Arrived) -> Reply:
    """Whatever token there is will do."""
    return Reply() if arrived.token else Reply(401, body=b"no token")


class ApiServer:
    """Answers each request with ``answer(arrived)``; None drops the connection.

    :param answer: called in many threads at once.
    :param tls: what the listening socket is wrapped with.
    """

    def __init__(
        self, answer: Callable[[Arrived], Reply | None], tls: ssl.SSLContext | None = None
    ) -> None:
        self._answer = answer
        self._lock = threading.Lock()  # guards the two below
        self._arrived: list[Arrived] = []
        self.revoked: set[str | None] = set()
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.api = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.origin = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"

    def __enter__(self) -> ApiServer:  # noqa: PYI034 - typing.Self is new in Python 3.11
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def arrived(self) -> list[Arrived]:
        with self._lock:
            return list(self._arrived)

    @property
    def tokens(self) -> list[str | None]:
        """The token of each request that arrived, in order."""
        return [arrived.token for arrived in self.arrived]

    def revoke(self) -> None:
        """From now on, every token that has arrived so far is answered 401."""
        with self._lock:
            self.revoked |= {arrived.token for arrived in self._arrived}

    def receive(self, arrived: Arrived) -> Reply | None:
        with self._lock:
            self._arrived.append(arrived)
            revoked = arrived.token in self.revoked
        return Reply(401, body=b"revoked") if revoked else self._answer(arrived)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512
    allow_reuse_address = True
    api: ApiServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is nothing wrong."""


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        while True:
            arrived = _read_request(self.rfile)
            reply = None if arrived is None else self.server.api.receive(arrived)
            if arrived is None or reply is None:
                return
            self._send(reply, has_body=arrived.method != "HEAD" and reply.status not in (204, 304))

    def _send(self, reply: Reply, *, has_body: bool) -> None:
        length = len(reply.body) if reply.content_length is None else reply.content_length
        framing = (
            f"Content-Length: {length}" if reply.pieces is None else "Transfer-Encoding: chunked"
        )
        lines = [f"HTTP/1.1 {reply.status} X", *(f"{n}: {v}" for n, v in reply.headers), framing]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        if not has_body or reply.pieces is None:
            self.wfile.write(head + (reply.body if has_body else b""))
            if has_body and length > len(reply.body):
                raise ConnectionAbortedError  # dropped in the middle of the body
            return
        self.wfile.write(head)
        for piece in reply.pieces:
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")


def _read_request(stream: BinaryIO) -> Arrived | None:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
    request_line, _, fields = head.partition(b"\r\n")
    headers = BytesParser().parsebytes(fields, headersonly=True)
    if headers.get("Transfer-Encoding") == "chunked":
        body, framed = _read_chunked(stream)
    else:
        length = int(headers.get("Content-Length", "0"))
        body = framed = stream.read(length)
        if len(body) < length:
            return None
    method, target, _ = request_line.decode("latin-1").split(" ")
    return Arrived(method, target, headers, body, head + framed)


def _read_chunked(stream: BinaryIO) -> tuple[bytes, bytes]:
    body = framed = b""
    while True:
        line = stream.readline()
        chunk = stream.read(int(line, 16) + 2)
        framed += line + chunk
        body += chunk[:-2]
        if chunk == b"\r\n":
            return body, framed


def credentials_for(server: LocalServer, origin: str, **more: object) -> ClientCredentials:
    """Credentials at this authorization server, for the API at this origin."""
    settings: dict[str, object] = {"audience": origin, **more}
    return ClientCredentials(server.token_url, "client", "s3cret-of-the-client", **settings)  # type: ignore[arg-type]


def session_for(server: LocalServer, origin: str, **options: object) -> requests.Session:
    """A session with an adapter of its own cache, mounted on this origin."""
    options.setdefault("cache", TokenCache())
    session = requests.Session()
    adapter = ClientCredentialsAdapter(credentials_for(server, origin), **options)  # type: ignore[arg-type]
    mount(session, adapter)
    return session


def in_threads(count: int, work: Callable[[int], object]) -> list[object]:
    """Runs ``work(number)`` in threads that start together; what each returned or raised."""
    barrier = threading.Barrier(count)
    results: list[object] = [None] * count

    def run(number: int) -> None:
        barrier.wait(30)
        try:
            results[number] = work(number)
        except Exception as error:  # noqa: BLE001 - the test's to judge
            results[number] = error

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread hangs"
    return results


def within(seconds: float, work: Callable[[], object]) -> object:
    """What ``work()`` returned in that time; None where it hangs, as on a pool that has run dry."""
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    thread.join(seconds)
    return results[0] if results else None


@contextmanager
def api_and_session(
    server: LocalServer, answer: Callable[[Arrived], Reply | None], **options: object
) -> Iterator[tuple[ApiServer, requests.Session]]:
    """An API, and a session with an adapter for it."""
    with ApiServer(answer) as api, session_for(server, api.origin, **options) as session:
        yield api, session
