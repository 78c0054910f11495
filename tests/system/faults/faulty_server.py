"""An authorization server that misbehaves: raw sockets, scripted for each connection."""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.message import Message
from io import BytesIO
from urllib.parse import urlsplit

from requests_cc.testing import LocalServer

PATIENCE = 20.0  # seconds until a thread that waits for something gives up
_HANDSHAKE = 65536  # bytes, more than any ClientHello has
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: close() sends RST instead of FIN

JSON = "Content-Type: application/json"

Play = Callable[["Connection"], None]


class Gone(Exception):
    """The client closed the connection."""


class Connection:
    """One connection of a client, as a :data:`Play` has it.

    :param client: the accepted socket.
    :param server: the server that accepted it.
    """

    def __init__(self, client: socket.socket, server: FaultyServer) -> None:
        self._socket = client
        self._server = server
        self._secured = False

    def secure(self, certificate: str = "good") -> None:
        """Make the TLS handshake, where the server has certificates."""
        if self._server.certificates and not self._secured:
            context = self._server.certificates[certificate]
            self._secured = True
            self._socket = context.wrap_socket(self._socket, server_side=True)

    def receive(self) -> bytes:
        """Return what has arrived, which is at least one byte."""
        received = self._socket.recv(_HANDSHAKE)
        if not received:
            raise Gone
        return received

    def read_request(self) -> tuple[Message, bytes]:
        """Read one request, of which it returns the headers and the body."""
        self.secure()
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.receive()
        head, _, body = received.partition(b"\r\n\r\n")
        headers = http.client.parse_headers(BytesIO(head.partition(b"\r\n")[2] + b"\r\n\r\n"))
        while len(body) < int(headers["Content-Length"]):
            body += self.receive()
        self._server.count_request()
        return headers, body

    def token_answer(self) -> bytes:
        """Read a request, and return the body of the right answer to it."""
        headers, body = self.read_request()
        return self._server.ask_upstream(headers, body)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def pause(self, seconds: float) -> None:
        """Wait; only until the server is closed."""
        if self._server.closing.wait(seconds):
            raise Gone

    def trickle(self, data: bytes, interval: float) -> None:
        """Send a byte at a time."""
        for number in range(len(data)):
            self.send(data[number : number + 1])
            self.pause(interval)

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._socket.close()

    def close(self) -> None:
        """End the connection in order."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class FaultyServer:
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
        self.certificates = certificates or {}
        self.closing = threading.Event()
        self._upstream = urlsplit(upstream.token_url)
        self._changed = threading.Condition()  # guards all below
        self._plays: deque[Play] = deque()
        self._always: Play = answers_in_order
        self._listener: socket.socket | None = None
        self._clients: dict[threading.Thread, socket.socket] = {}
        self._connections = 0
        self._requests = 0
        # Bound and never listening: keeps the port, from which a client is refused meanwhile.
        self._anchor = socket.socket()
        self._anchor.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._anchor.bind(("127.0.0.1", 0))
        self.listen()

    @property
    def token_url(self) -> str:
        scheme = "https" if self.certificates else "http"
        return f"{scheme}://127.0.0.1:{self._anchor.getsockname()[1]}/oauth/token"

    @property
    def connections(self) -> int:
        """How many were accepted."""
        with self._changed:
            return self._connections

    @property
    def requests(self) -> int:
        """How many arrived whole."""
        with self._changed:
            return self._requests

    def misbehave(self, play: Play, times: int | None = None) -> None:
        """Have the next connections follow a play; None: all, until :meth:`heal`."""
        with self._changed:
            if times is None:
                self._always = play
            else:
                self._plays.extend([play] * times)

    def heal(self) -> None:
        """Behave from now on, and listen."""
        with self._changed:
            self._plays.clear()
            self._always = answers_in_order
        self.listen()

    def listen(self) -> None:
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
        """Refuse connections until :meth:`heal`."""
        with self._changed:
            listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()

    def wait_for_requests(self, count: int) -> bool:
        """Wait until so many requests have arrived in all."""
        with self._changed:
            return self._changed.wait_for(lambda: self._requests >= count, PATIENCE)

    def count_request(self) -> None:
        with self._changed:
            self._requests += 1
            self._changed.notify_all()

    def ask_upstream(self, headers: Message, body: bytes) -> bytes:
        """Have a token issued."""
        assert self._upstream.hostname is not None
        upstream = http.client.HTTPConnection(self._upstream.hostname, self._upstream.port)
        try:
            names = ("Authorization", "Content-Type")
            passed_on = {name: headers[name] for name in names if headers[name] is not None}
            upstream.request("POST", self._upstream.path, body, passed_on)
            return upstream.getresponse().read()
        finally:
            upstream.close()

    def __enter__(self) -> FaultyServer:  # noqa: PYI034 - typing.Self is new in Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.refuse()
        with self._changed:
            clients = dict(self._clients)
        for thread, client in clients.items():
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE)
        self._anchor.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # it was closed
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.settimeout(PATIENCE)
            with self._changed:
                self._connections += 1
                play = self._plays.popleft() if self._plays else self._always
                thread = threading.Thread(target=self._serve, args=(client, play), daemon=True)
                self._clients[thread] = client
            thread.start()

    def _serve(self, client: socket.socket, play: Play) -> None:
        connection = Connection(client, self)
        try:
            # What a client that gave up leaves behind is an OSError or one of TLS, which is one.
            with suppress(OSError, Gone):
                play(connection)
        finally:
            connection.close()
            with self._changed:
                del self._clients[threading.current_thread()]


def answers_in_order(connection: Connection) -> None:
    body = connection.token_answer()
    head = f"HTTP/1.1 200 OK\r\n{JSON}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    connection.send(head.encode() + body)
