"""The listening socket, and the threads that serve its connections."""

from __future__ import annotations

import os
import selectors
import socket
import socketserver
import ssl
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import Response

_ACCEPT_TIMEOUT = 1.0  # seconds; accept() waits only for a connection that is reset before it
_JOIN_TIMEOUT = 2.0  # seconds; a thread that is still busy then is left behind, it is a daemon


class Listener(socketserver.TCPServer):
    """Listens on 127.0.0.1 and serves each connection in a thread of its own.

    :param port: the TCP port; 0 takes a free one.
    :param handler: the class that serves a connection.
    :param respond: called by the handlers with each request, in many threads at once; returns the
        response, or None to drop the connection.
    :param closing: set by :meth:`close`; if ``respond`` waits, it must stop waiting then.
    :param context: for TLS; None: plain http.
    :raises OSError: if the port is taken.
    """

    # 256 threads may connect at once; a client that finds the queue full waits for a second.
    request_queue_size = 512
    # A restart needs its port back while connections are in TIME_WAIT. Beyond POSIX the option
    # would let two servers share a port.
    allow_reuse_address = os.name == "posix"
    timeout = 0  # handle_request() is called when a connection is ready, and must not wait

    def __init__(
        self,
        port: int,
        handler: type[BaseHTTPRequestHandler],
        respond: Callable[[RecordedRequest], Response | None],
        closing: threading.Event,
        context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.respond = respond
        self._closing = closing
        self._context = context
        self._lock = threading.Lock()  # guards _connections
        self._connections: dict[threading.Thread, socket.socket] = {}
        self.socket.settimeout(_ACCEPT_TIMEOUT)
        # Closing it wakes the accepting thread, without polling, so that a test ends at once.
        self._waker, self._woken = socket.socketpair()
        self._accepting = threading.Thread(
            target=self._accept, name="requests_cc.testing accept", daemon=True
        )
        self._accepting.start()

    def close(self) -> None:
        """Refuse new connections, cut off the open ones and wait for their threads.

        A forked child has none of the parent's threads: nothing is waited for, and the connections,
        which the parent uses too, stay open.
        """
        self._closing.set()
        self._waker.close()
        self._accepting.join(_JOIN_TIMEOUT)
        self._woken.close()
        self.server_close()
        with self._lock:
            serving = {t: c for t, c in self._connections.items() if t.is_alive()}
            # Under the lock that a thread closes its connection with: otherwise shutdown() could
            # reach a descriptor that has been closed and reused. Neither of the two blocks.
            for connection in serving.values():
                with suppress(OSError):
                    # ssl.SSLSocket.shutdown() would take the TLS state from the thread that reads.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in serving:
            thread.join(_JOIN_TIMEOUT)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve the connection in a new thread."""
        if self._context is not None:
            # The handshake waits for the client, so it belongs into the connection's thread.
            request = self._context.wrap_socket(
                request, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(
            target=self._serve,
            args=(request, client_address),
            name="requests_cc.testing connection",
            daemon=True,
        )
        with self._lock:
            alive = {t: c for t, c in self._connections.items() if t.is_alive()}
            self._connections = {**alive, thread: request}
        thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print the traceback, unless the client disconnected: that is not an error."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._closing.is_set():
                selector.select()
                self.handle_request()

    def _serve(self, connection: socket.socket, client_address: Any) -> None:
        try:
            if isinstance(connection, ssl.SSLSocket):
                connection.do_handshake()
            self.finish_request(connection, client_address)
        except Exception:  # noqa: BLE001 - as socketserver does: an error ends one connection
            self.handle_error(connection, client_address)
        with self._lock:
            self.shutdown_request(connection)
