"""A place on the loopback interface where a server starts, stops and starts again."""

from __future__ import annotations

import threading
from collections.abc import Callable

from requests_cc.testing.answer import Answer
from requests_cc.testing.handler import ConnectionHandler
from requests_cc.testing.listener import Listener
from requests_cc.testing.recorded_request import RecordedRequest


class Loopback:
    """Listens on 127.0.0.1, each time on the port it had the first time; safe to share.

    :param answer: called in many threads at once with each request; None as its answer drops the
        connection.
    """

    def __init__(self, answer: Callable[[RecordedRequest], Answer | None]) -> None:
        self._answer = answer
        self._lock = threading.Lock()  # guards the three below
        self._listener: Listener | None = None
        self._port = 0
        self._stopping = threading.Event()

    @property
    def origin(self) -> str:
        """Scheme, host and port.

        :raises RuntimeError: before the first start.
        """
        if not self._port:
            raise RuntimeError("LocalServer has no URLs yet: use it in a with statement or start()")
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, unless it does.

        :raises OSError: if another process took the port since the last stop.
        """
        with self._lock:
            if self._listener is None:
                self._stopping = threading.Event()
                self._listener = Listener(
                    self._port, ConnectionHandler, self._answer, self._stopping
                )
                self._port = self._listener.server_address[1]

    def stop(self) -> None:
        """Cut all connections off and wait for their threads, unless that was done."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def stops_within(self, seconds: float) -> bool:
        """Wait this long, or until it is being stopped: only then return True."""
        return self._stopping.wait(seconds)
