"""An HTTP server on loopback that does what a test scripts, however wrong that is.

A :data:`~tests.support.scripts.Script` says what a request gets; a :data:`Play` has a connection
from its first byte.
"""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from email.parser import BytesParser

from tests.support.scripts import Reply, Request, Response, Script

PATIENCE = 20.0  # seconds until a thread gives its client up, and a test that waits fails
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: close() sends RST instead of FIN

Play = Callable[["Connection"], None]


class Gone(Exception):
    """The client closed the connection, or the server is closing."""


class Connection:
    """One connection of a client.

    ``peer`` is the SHA-256 thumbprint of the certificate that the client presented.
    """

    def __init__(self, client: socket.socket, server: Server) -> None:
        self.socket = client
        self.server = server
        self.peer: str | None = None
        self._unread = b""
        client.settimeout(PATIENCE)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def secure(self, context: ssl.SSLContext) -> None:
        """Make the TLS handshake."""
        plain = self.socket
        self.socket = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        try:
            self.socket.do_handshake()
        except OSError:
            # Read to its end, so that the alert reaches the client, and no reset comes first.
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                while socket.socket.recv(self.socket, 65536):
                    pass
            raise
        certificate = self.socket.getpeercert(binary_form=True)
        if certificate is not None:
            self.peer = hashlib.sha256(certificate).hexdigest()

    def receive(self) -> bytes:
        """Return what has arrived, at least one byte."""
        received, self._unread = self._unread, b""
        if not (received := received or self.socket.recv(65536)):
            raise Gone
        return received

    def read_request(self) -> Request:
        received = self._read_until(b"\r\n\r\n")
        request_line, _, fields = received.partition(b"\r\n")
        headers = BytesParser().parsebytes(fields, headersonly=True)
        if headers.get("Transfer-Encoding") == "chunked":
            body, framed = self._read_chunked()
        else:
            body = framed = self._read_exactly(int(headers.get("Content-Length", "0")))
        method, target, _ = request_line.decode("latin-1").split(" ")
        request = Request(method, target, headers, body, received + framed, self)
        self.server.record(request)
        return request

    def _read_until(self, end: bytes) -> bytes:
        received = b""
        while end not in received:
            received += self.receive()
        found, _, self._unread = received.partition(end)
        return found + end

    def _read_exactly(self, length: int) -> bytes:
        received = b""
        while len(received) < length:
            received += self.receive()
        self._unread = received[length:] + self._unread
        return received[:length]

    def _read_chunked(self) -> tuple[bytes, bytes]:
        body = framed = b""
        while True:
            line = self._read_until(b"\r\n")
            chunk = self._read_exactly(int(line, 16) + 2)
            framed += line + chunk
            body += chunk[:-2]
            if chunk == b"\r\n":
                return body, framed

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reply(self, reply: Reply, *, has_body: bool = True) -> None:
        chunked = reply.pieces is not None
        length = len(reply.body) if reply.content_length is None else reply.content_length
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {length}"
        headers = [f"{name}: {value}" for name, value in reply.headers]
        head = "\r\n".join([f"HTTP/1.1 {reply.status} X", *headers, framing, "", ""])
        self.send(head.encode("latin-1") + (reply.body if has_body and not chunked else b""))
        if has_body and reply.pieces is not None:
            for piece in reply.pieces:
                self.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.send(b"0\r\n\r\n")
        elif has_body and length > len(reply.body):
            raise Gone  # dropped in the middle of the body

    def pause(self, seconds: float) -> None:
        """Wait, but only until the server closes."""
        if self.server.closing.wait(seconds):
            raise Gone

    def trickle(self, data: bytes, pause: float) -> None:
        """Send one byte each ``pause`` seconds."""
        for number in range(len(data)):
            self.send(data[number : number + 1])
            self.pause(pause)

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.socket.close()

    def close(self) -> None:
        """End the connection in order."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Server:
    """Gives each request a script: that of its target in ``routes``, else the next of ``scripts``.

    The last of ``scripts`` is played again and again; without any, the response is 404. Scripts
    are called in many threads at once.

    :param path: that of :attr:`url`.
    :param tls: what every connection is secured with.
    :param play: what has each connection in place of all that.
    """

    def __init__(
        self,
        *scripts: Script,
        path: str = "/token",
        tls: ssl.SSLContext | None = None,
        play: Play | None = None,
    ) -> None:
        self.scripts = list(scripts) or [Reply(404, body=b"")]
        self.routes: dict[str, Script] = {}
        self.tls = tls
        self.play = play
        self.closing = threading.Event()
        self._changed = threading.Condition()  # guards all below
        self._requests: list[Request] = []
        self._open: dict[threading.Thread, Connection] = {}
        self._accepted = 0
        self._listener: socket.socket | None = None
        # Bound and never listening: keeps the port, from which a client is refused meanwhile.
        self._anchor = socket.socket()
        self._anchor.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._anchor.bind(("127.0.0.1", 0))
        self.port: int = self._anchor.getsockname()[1]
        self.origin = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self.url = self.origin + path
        self.listen()

    @property
    def requests(self) -> list[Request]:
        """The requests that arrived whole, in order."""
        with self._changed:
            return list(self._requests)

    @property
    def targets(self) -> list[str]:
        return [request.target for request in self.requests]

    @property
    def tokens(self) -> list[str | None]:
        """The bearer token of each request."""
        return [request.token for request in self.requests]

    @property
    def accepted(self) -> int:
        """How many connections were accepted."""
        with self._changed:
            return self._accepted

    @property
    def open(self) -> list[Connection]:
        with self._changed:
            return list(self._open.values())

    def wait_for_requests(self, count: int) -> bool:
        """Wait until so many requests have arrived in all."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._requests) >= count, PATIENCE)

    def record(self, request: Request) -> None:
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    def respond(self, request: Request) -> Response:
        """Return what a request gets."""
        with self._changed:
            script = self.routes.get(request.target)
            if script is None:
                script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        return script(request) if callable(script) else script

    def serve(self, connection: Connection) -> None:
        """Secure a connection and respond to its requests, one after another."""
        if self.tls is not None:
            connection.secure(self.tls)
        keep_alive = True
        while keep_alive:
            request = connection.read_request()
            response = self.respond(request)
            if response is None or isinstance(response, bytes):
                connection.send(response or b"")
                return
            if not isinstance(response, Reply):
                response = Reply(body=json.dumps(response).encode())
            has_body = request.method != "HEAD" and response.status not in (204, 304)
            connection.reply(response, has_body=has_body)
            keep_alive = request.headers.get("Connection") != "close"

    def listen(self) -> None:
        """Accept connections, again after :meth:`refuse`."""
        with self._changed:
            if self._listener is not None:
                return
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(self._anchor.getsockname())
            self._listener.listen(512)
            accepting = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        accepting.start()

    def refuse(self) -> None:
        """Refuse connections until :meth:`listen`."""
        with self._changed:
            listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()

    def __enter__(self) -> Server:  # noqa: PYI034 - typing.Self is new in Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.refuse()
        self._anchor.close()
        with self._changed:
            connections = dict(self._open)
        for thread, connection in connections.items():
            with suppress(OSError):
                # The plain one: that of TLS would take its state from a thread in a handshake.
                socket.socket.shutdown(connection.socket, socket.SHUT_RDWR)
            thread.join(PATIENCE)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            connection = Connection(client, self)
            thread = threading.Thread(target=self._perform, args=(connection,), daemon=True)
            with self._changed:
                self._accepted += 1
                self._open[thread] = connection
                thread.start()

    def _perform(self, connection: Connection) -> None:
        # The client may go away at any moment: that is what it is tested for.
        try:
            with suppress(OSError, Gone):
                (self.play or self.serve)(connection)
        finally:
            connection.close()
            with self._changed:
                del self._open[threading.current_thread()]
