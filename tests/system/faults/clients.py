"""A client of a faulty server: its clock, what it is told of, and how it calls the API."""

from __future__ import annotations

import threading
import time
from typing import TypeVar

import requests

from requests_cc import AuthorizationServer, ClientCredentials, ClientCredentialsAdapter, TokenCache
from requests_cc.events import Event, TokenRequested
from requests_cc.testing import LocalServer
from tests.support.server import PATIENCE
from tests.support.sources import ManualClock

from .faulty_server import FaultyServer

E = TypeVar("E", bound=Event)

SECRET = "correct-horse-battery-staple"
HASTY = 0.4  # seconds to connect, and to read: for faults that end by a timeout only
PATIENT = PATIENCE / 2  # seconds likewise: a busy machine must not make a timeout of anything else


class Events:
    """Keeps what a cache tells its observer, and can stop a token request before it begins."""

    def __init__(self) -> None:
        self._changed = threading.Condition()  # guards _events
        self._events: list[tuple[float, Event]] = []
        self._gate = threading.Event()
        self._gate.set()

    def __call__(self, event: Event) -> None:
        with self._changed:
            self._events.append((time.monotonic(), event))
            self._changed.notify_all()
        if isinstance(event, TokenRequested):
            assert self._gate.wait(PATIENCE), "nobody let the token request begin"

    def stop_token_requests(self) -> None:
        """Have them wait at their beginning, while the cache counts them as under way."""
        self._gate.clear()

    def let_token_requests_begin(self) -> None:
        self._gate.set()

    def timed(self) -> list[tuple[float, Event]]:
        """Each event with its moment, monotonic seconds."""
        with self._changed:
            return list(self._events)

    def of(self, kind: type[E]) -> list[E]:
        return [event for _, event in self.timed() if isinstance(event, kind)]

    def wait_for(self, kind: type[Event], count: int) -> None:
        """Wait until there were so many of a kind in all."""
        with self._changed:
            enough = self._changed.wait_for(lambda: self._count(kind) >= count, PATIENCE)
        assert enough, f"fewer than {count} {kind.__name__} in {PATIENCE} s"

    def _count(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for _, event in self._events)


class Client:
    """Calls a local server's API with tokens from a faulty server.

    :param api: whose API is called.
    :param server: where tokens are requested.
    :param clock: the cache's.
    :param leeway: seconds, the cache's.
    """

    def __init__(
        self, api: LocalServer, server: FaultyServer, clock: ManualClock, leeway: float = 60.0
    ) -> None:
        self.api = api
        self.server = server
        self.clock = clock
        self.events = Events()
        self.cache = TokenCache(leeway=leeway, observers=[self.events], clock=clock)

    def session(
        self, *, timeout: float = PATIENT, through: requests.Session | None = None
    ) -> requests.Session:
        """A session whose token requests have this timeout.

        All of them share their tokens: how a server is reached is no part of a cache key.

        :param through: what sends the token requests; None: a new session for each.
        """
        server = AuthorizationServer(self.server.token_url, timeout=timeout, session=through)
        credentials = ClientCredentials(server, "me", SECRET)
        session = requests.Session()
        adapter = ClientCredentialsAdapter(credentials, origins=self.api.api_url, cache=self.cache)
        session.mount(self.api.origin, adapter)
        return session

    def call(self, session: requests.Session) -> requests.Response:
        return session.get(self.api.api_url + "orders", timeout=PATIENCE)

    def token_of(self, session: requests.Session) -> str:
        """Makes a call that succeeds, and tells which token it was made with."""
        response = self.call(session)
        assert response.status_code == 200
        return self.api.api_requests[-1].headers["Authorization"]
