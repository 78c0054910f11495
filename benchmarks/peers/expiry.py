"""What many threads meet when a token has expired, or is about to: a cold start, short tokens."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import requests
from paired import percentile

from peers.libraries.program import Peer
from peers.setting import (
    Effort,
    crowd,
    outcome,
    program,
    server,
    with_expired_tokens,
    with_tokens,
)

COLD_DELAY = 0.05  # seconds that a token request takes
SHORT_LIFETIME = 2  # seconds
SHORT_DELAY = 0.3  # seconds that a token request takes
SHORT_LEEWAY = 0.5  # seconds; the libraries' own are longer than the token's life
THREADS = 16
PAUSE = 0.02  # seconds between a thread's calls


def cold_start(peer: str, effort: Effort) -> dict[str, Any]:
    """Count the token requests of threads that call at once when the token has expired."""
    found: dict[int, int] = {}
    with server() as at:
        programs = {count: program(peer, at, number=count) for count in effort.crowds}
        sessions = with_expired_tokens(programs, at)
        at.change(delay=COLD_DELAY)
        for count in effort.crowds:
            before = at.change()
            outcomes = crowd(
                sessions[count],
                lambda session: [outcome(lambda: session.get(at.api))],
                effort.patience,
                programs[count].hint,
            )
            found[count] = at.since(before)["token_requests"]
    return {
        "by_crowd": found,
        "few": found[effort.crowds[-3:][0]],
        "many": found[effort.crowds[-1]],
        "failed": effort.crowds[-1] - outcomes.statuses["200"],
        "seconds": outcomes.seconds if not outcomes.unfinished else None,
        "calls": str(outcomes),
    }


def short_tokens(peer: str, effort: Effort) -> dict[str, Any]:
    """Time calls by threads while tokens of two seconds follow each other.

    Each thread makes a plain call and one of the peer by turns, so that both meet the same
    contention; what remains of a difference between them is waiting for a token.
    """
    with server() as at:
        plain = with_tokens(program("plain", at), at, THREADS)
        at.change(lifetime=SHORT_LIFETIME)
        measured = program(peer, at, number=1, leeway=SHORT_LEEWAY)
        own = with_tokens(measured, at, THREADS)
        before = at.change(delay=SHORT_DELAY)
        stop_at = time.monotonic() + effort.seconds
        with hints(measured), ThreadPoolExecutor(THREADS) as pool:
            parts = list(
                pool.map(
                    lambda pair: by_turns(*pair, at.api, stop_at), zip(plain, own, strict=True)
                )
            )
        requested = at.since(before)["token_requests"]
    plain_times, own_times = (sorted(took for part in parts for took in part[i]) for i in (0, 1))
    return {
        "ratio": percentile(own_times, 99) / percentile(plain_times, 99),
        "milliseconds": percentile(own_times, 99) / 1e6,
        "waited": sum(took > SHORT_DELAY * 1e9 / 2 for took in own_times),
        "failed": sum(part[2] for part in parts),
        "calls": len(own_times),
        "requests": requested,
    }


def by_turns(
    plain: requests.Session, own: requests.Session, url: str, stop_at: float
) -> tuple[list[int], list[int], int]:
    """Return the nanoseconds of both sessions' calls, and how many of the second's failed."""
    times: tuple[list[int], list[int]] = ([], [])
    failed = 0
    while time.monotonic() < stop_at:
        for session, took in zip((plain, own), times, strict=True):
            began = time.perf_counter_ns()
            status = outcome(lambda: session.get(url))  # noqa: B023 - called at once
            took.append(time.perf_counter_ns() - began)
            failed += status != "200" and session is own
            time.sleep(PAUSE)
    return *times, failed


@contextmanager
def hints(peer: Peer) -> Iterator[None]:
    """Say to the control, in time, that a token is about to expire."""
    stop = threading.Event()

    def say() -> None:
        while not stop.is_set():
            peer.hint()
            stop.wait(SHORT_LIFETIME / 2)

    thread = threading.Thread(target=say)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
