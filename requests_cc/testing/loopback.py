"""A listener on the loopback interface that can be stopped and started again."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable

from requests_cc.testing.connection import ConnectionHandler
from requests_cc.testing.listener import Listener
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import Response


class Loopback:
    """A listener on 127.0.0.1 that restarts on the same port; safe to share between threads.

    :param respond: called with each request, in many threads at once; returns the response, or None
        to drop the connection.
    :param port: 0: a free one.
    :param context: for TLS; None: plain http.
    """

    def __init__(
        self,
        respond: Callable[[RecordedRequest], Response | None],
        port: int,
        context: ssl.SSLContext | None,
    ) -> None:
        self._respond = respond
        self._context = context
        self._lock = threading.Lock()  # guards the three below
        self._listener: Listener | None = None
        self._port = port
        self._stopping = threading.Event()

    @property
    def origin(self) -> str:
        """Scheme, host and port.

        :raises RuntimeError: if the port is not known yet.
        """
        if not self._port:
            raise RuntimeError(
                "LocalServer has no URL before its start: use it in a with statement or start()"
            )
        scheme = "http" if self._context is None else "https"
        return f"{scheme}://127.0.0.1:{self._port}"

    @property
    def running(self) -> bool:
        """True while it listens."""
        return self._listener is not None

    def start(self) -> None:
        """Start to listen; no effect if it listens already.

        :raises OSError: if another process has the port.
        """
        with self._lock:
            if self._listener is None:
                self._stopping = threading.Event()
                self._listener = Listener(
                    self._port, ConnectionHandler, self._respond, self._stopping, self._context
                )
                self._port = self._listener.server_address[1]

    def stop(self) -> None:
        """Cut off all connections and wait for their threads; no effect if it is stopped."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def stops_within(self, seconds: float) -> bool:
        """Wait; return True as soon as the listener stops, False after this many seconds."""
        return self._stopping.wait(seconds)
