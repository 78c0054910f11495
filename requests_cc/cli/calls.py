"""The callers of the demo: plain requests sessions with an adapter mounted, and a stop watch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import requests

from ..adapter.adapter import ClientCredentialsAdapter
from ..adapter.mounting import mount
from ..cache.token_cache import TokenCache
from ..credentials.client_credentials import ClientCredentials
from ..server.authorization_server import AuthorizationServer
from ..testing import LocalServer
from .timeline import milliseconds

OK = 200  # RFC 9110 §15.3.1
PATIENCE = 10.0  # seconds until a call counts as failed
PAUSE = 0.01  # seconds between a thread's calls under load, which must not saturate the machine


class Call(NamedTuple):
    """One call as its caller saw it.

    :param outcome: str: "returned" with a status, or "raised" with an exception.
    :param seconds: float, how long the caller waited.
    :param resent: whether the adapter resent it after a 401.
    """

    outcome: str
    seconds: float
    resent: bool

    @property
    def succeeded(self) -> bool:
        return self.outcome == f"returned {OK}"


class Caller:
    """A program that calls the API: one client and its cache, and a session for each thread.

    :param server: a running :class:`LocalServer`.

    A context manager; safe to share between threads.
    """

    def __init__(self, server: LocalServer) -> None:
        self.server = server
        self.cache = TokenCache()
        self._token_session = _loopback_session()
        self.credentials = ClientCredentials(
            AuthorizationServer(server.token_url, session=self._token_session),
            client_id="demo",
            client_secret="not-a-secret",  # noqa: S106 - the server takes any
        )

    def __enter__(self) -> Caller:  # noqa: PYI034 - typing.Self is new in Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self._token_session.close()

    @contextmanager
    def session(self) -> Iterator[requests.Session]:
        """Return a session with the adapter mounted, as a user writes it."""
        with _loopback_session() as session:
            adapter = ClientCredentialsAdapter(
                self.credentials, origins=self.server.api_url, cache=self.cache
            )
            mount(session, adapter)
            yield session

    def call(self, session: requests.Session) -> Call:
        """Make one call and measure it."""
        began = time.perf_counter()
        resent = False
        try:
            response = session.get(self.server.api_url + "orders", timeout=PATIENCE)
        except requests.RequestException as error:
            outcome = f"raised {type(error).__name__}: {error}"
        else:
            outcome, resent = f"returned {response.status_code}", bool(response.history)
        return Call(outcome, time.perf_counter() - began, resent)

    def calls(self, number: int) -> list[Call]:
        """Make calls one after the other, in one session."""
        with self.session() as session:
            return [self.call(session) for _ in range(number)]

    def calls_at_once(self, number: int) -> list[Call]:
        """Make calls at the same moment, each in a thread and a session of its own."""
        barrier = threading.Barrier(number)

        def one_call(_: int) -> Call:
            with self.session() as session:
                barrier.wait()
                return self.call(session)

        with ThreadPoolExecutor(number) as pool:
            return list(pool.map(one_call, range(number)))

    @contextmanager
    def load(self, threads: int) -> Iterator[list[Call]]:
        """Call in several threads, without end, while the block runs.

        :returns: a list that is filled with the calls when the block ends.
        """
        stop = threading.Event()
        calls: list[Call] = []

        def call_until_stopped() -> list[Call]:
            made = []
            with self.session() as session:
                while not stop.wait(PAUSE):
                    made.append(self.call(session))
            return made

        with ThreadPoolExecutor(threads) as pool:
            futures: list[Future[list[Call]]] = [
                pool.submit(call_until_stopped) for _ in range(threads)
            ]
            try:
                yield calls
            finally:
                stop.set()
        for future in futures:
            calls += future.result()


def all_succeeded(calls: Sequence[Call]) -> bool:
    """Return True if there is a call and every call returned 200."""
    return bool(calls) and all(call.succeeded for call in calls)


def in_words(calls: Sequence[Call]) -> str:
    """Describe how the calls ended."""
    others = [call.outcome for call in calls if not call.succeeded]
    if len(calls) == 1:
        return f"the call {calls[0].outcome}"
    succeeded = f"{len(calls) - len(others)} of {len(calls)} calls returned 200"
    return f"{succeeded} (one of the others {others[0]})" if others else succeeded


def longest(calls: Sequence[Call]) -> str:
    """Return the duration of the slowest call, in words."""
    return milliseconds(max((call.seconds for call in calls), default=0.0))


def _loopback_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # an environment's proxy cannot reach this loopback
    return session
