"""The listening socket, and the threads that serve its connections."""

from __future__ import annotations

import os
import selectors
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

from requests_cc.testing.endpoint import Answer
from requests_cc.testing.recorded_request import RecordedRequest

_ACCEPT_TIMEOUT = 1.0  # seconds; accept() waits only for a connection that is reset before it
_JOIN_TIMEOUT = 2.0  # seconds; a thread that is still busy then is left behind, it is a daemon


class Listener(socketserver.TCPServer):
    """Listens on 127.0.0.1 and serves each connection in a thread of its own.

    :param port: the TCP port; 0 takes a free one.
    :param handler: what serves a connection.
    :param answer: called by the handlers, in many threads at once, with each request; None as its
        answer drops the connection.
    :param closing: set by :meth:`close`; whatever waits in ``answer`` must wait for it too.
    :raises OSError: if the port is taken.
    """

    # A cold start of 256 threads connects at once; a full queue costs a client a second's wait.
    request_queue_size = 512
    # Lets a restart have its port back from connections in TIME_WAIT. Elsewhere than on POSIX the
    # option means that two servers may share a port.
    allow_reuse_address = os.name == "posix"
    timeout = 0  # handle_request() is called when there is a connection, and waits for none

    def __init__(
        self,
        port: int,
        handler: type[BaseHTTPRequestHandler],
        answer: Callable[[RecordedRequest], Answer | None],
        closing: threading.Event,
    ) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.answer = answer
        self._closing = closing
        self._lock = threading.Lock()  # guards _connections
        self._connections: dict[threading.Thread, socket.socket] = {}
        self.socket.settimeout(_ACCEPT_TIMEOUT)
        # Wakes the accepting thread when it is closed: no polling, and a test ends at once.
        self._waker, self._woken = socket.socketpair()
        self._accepting = threading.Thread(
            target=self._accept, name="requests_cc.testing accept", daemon=True
        )
        self._accepting.start()

    def close(self) -> None:
        """Refuse new connections, cut the open ones off and wait for their threads.

        In a forked child the threads of the parent count as ended: there is nothing to wait for,
        and the connections, which are the parent's too, stay as they are.
        """
        self._closing.set()
        self._waker.close()
        self._accepting.join(_JOIN_TIMEOUT)
        self._woken.close()
        self.server_close()
        with self._lock:
            serving = {t: c for t, c in self._connections.items() if t.is_alive()}
            # Neither this nor a thread's closing of its connection waits for anything; under one
            # lock, so that no descriptor is shut down that has just become somebody else's.
            for connection in serving.values():
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in serving:
            thread.join(_JOIN_TIMEOUT)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a new thread."""
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
        """Print what went wrong here; a client that goes away is nothing wrong."""
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
            self.finish_request(connection, client_address)
        except Exception:  # noqa: BLE001 - what socketserver does: one connection's error is its own
            self.handle_error(connection, client_address)
        with self._lock:
            self.shutdown_request(connection)
