"""What the scenarios need: the server and what it counted, crowds of threads, expired tokens."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, NamedTuple

import requests
from variants import loopback_server

from peers.libraries import peer_named
from peers.libraries.program import LIFETIME, Peer, Situation

SHORT = 1  # seconds: of a token that is to expire before the scenario begins
UNTIL_EXPIRED = 1.6  # seconds: oauthlib rounds


class Effort(NamedTuple):
    """How much is measured.

    :param rounds: of a warm call, of each variant; calls: in one block.
    :param imports: fresh interpreters for each import.
    :param crowds: threads of a cold start.
    :param threads: that meet a revocation, or an endpoint that hangs.
    :param seconds: of load on short-lived tokens; outage: of a token endpoint that fails.
    :param patience: seconds after which a scenario stops waiting for threads.
    :param keys: clients in one process.
    :param processes: in a fleet; half of them start later.
    """

    rounds: int = 24
    calls: int = 200
    imports: int = 5
    crowds: tuple[int, ...] = (1, 4, 16, 64, 256)
    threads: int = 64
    seconds: float = 3.5
    outage: float = 2.0
    patience: float = 5.0
    keys: int = 10_000
    processes: int = 8


QUICK = Effort(
    rounds=6,
    calls=40,
    imports=2,
    crowds=(1, 16),
    threads=16,
    seconds=2.5,
    outage=1.0,
    patience=3.0,
    keys=300,
    processes=4,
)


class Server:
    """The API and the token endpoint, in a process of their own."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.api = f"{origin}/api"
        self._session = requests.Session()

    def change(self, **settings: Any) -> dict[str, Any]:
        """Change settings; return what was counted so far."""
        response = self._session.post(f"{self.origin}/settings", json=settings)
        counts: dict[str, Any] = response.json()
        return counts

    def since(self, before: dict[str, Any]) -> dict[str, int]:
        """Return what was counted since ``change`` returned other counts."""
        now = self.change()
        return {name: now[name] - before[name] for name in ("token_requests", "accepted")}


@contextmanager
def server() -> Iterator[Server]:
    """Yield a server with no history."""
    with loopback_server("peers.token_server") as origin:
        yield Server(origin)


def program(peer: str, at: Server, **situation: Any) -> Peer:
    """Return a program that uses a library."""
    return peer_named(peer)(Situation(at.origin, **situation))


def with_tokens(peer: Peer, at: Server, threads: int) -> list[requests.Session]:
    """Return the sessions of so many threads, each with a token."""
    sessions = [peer.session() for _ in range(threads)]
    for session in sessions:
        session.get(at.api).raise_for_status()
    return sessions


def with_expired_tokens(peers: Mapping[int, Peer], at: Server) -> dict[int, list[requests.Session]]:
    """Return the sessions of each program's threads, by their number; all tokens have expired."""
    at.change(lifetime=SHORT)
    sessions = {}
    for threads, peer in peers.items():
        sessions[threads] = [peer.session() for _ in range(threads)]
        for session in sessions[threads]:
            session.get(at.api)  # 401, if its token has expired by now and nothing renews it
    time.sleep(UNTIL_EXPIRED)
    at.change(lifetime=LIFETIME)
    return sessions


class Outcomes(NamedTuple):
    """What the calls of a crowd came to.

    :param seconds: from the start until the last call ended, or until nobody waited any longer.
    :param unfinished: threads that still waited then.
    """

    statuses: Counter[str]
    seconds: float
    unfinished: int

    def __str__(self) -> str:
        parts = [f"{count} x {status}" for status, count in sorted(self.statuses.items())]
        return ", ".join(parts + [f"{self.unfinished} waiting"] * bool(self.unfinished))


def crowd(
    sessions: Sequence[requests.Session],
    call: Callable[[requests.Session], Sequence[str]],
    patience: float,
    begin: Callable[[], None] = lambda: None,
) -> Outcomes:
    """Let a thread for each session make its calls, all at the same moment.

    :param call: returns the outcome of each call of one thread.
    :param patience: seconds after which the others are no longer waited for.
    :param begin: what happens just before, while all threads are ready.
    """
    barrier = threading.Barrier(len(sessions) + 1)

    def when_all_are_ready(session: requests.Session) -> Sequence[str]:
        barrier.wait()
        return call(session)

    pool = ThreadPoolExecutor(len(sessions))
    running: list[Future[Sequence[str]]] = [
        pool.submit(when_all_are_ready, session) for session in sessions
    ]
    while barrier.n_waiting < len(sessions):
        time.sleep(0.001)
    began = time.perf_counter()
    begin()
    barrier.wait()
    done, unfinished = wait(running, patience)
    took = time.perf_counter() - began
    statuses = Counter(status for future in done for status in future.result())
    return Outcomes(statuses, took, len(unfinished))


def outcome(call: Callable[[], requests.Response]) -> str:
    """Return the status of a call's response, or ``error`` if it raised one."""
    try:
        return str(call().status_code)
    except Exception:  # noqa: BLE001 - each library raises errors of its own
        return "error"
