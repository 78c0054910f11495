"""What happens while the token endpoint fails, and while it hangs."""

from __future__ import annotations

import threading
import time
from typing import Any

import requests

from peers.setting import Effort, crowd, outcome, program, server, with_expired_tokens

THREADS = 16  # that call all through an outage
PAUSE = 0.05  # seconds between a thread's calls
FAILURE_DELAY = 0.02  # seconds until the endpoint has failed
TIMEOUT = 1.0  # seconds of a token request to an endpoint that hangs


def failing(peer: str, effort: Effort) -> dict[str, Any]:
    """Count the token requests of an outage, and time how long it outlives the endpoint's."""
    with server() as at:
        measured = program(peer, at)
        sessions = with_expired_tokens({THREADS: measured}, at)[THREADS]
        before = at.change(mode="fail", delay=FAILURE_DELAY)
        give_up_at = time.monotonic() + effort.outage + effort.patience
        during: dict[str, int] = {}

        def until_success(session: requests.Session) -> list[str]:
            statuses = [outcome(lambda: session.get(at.api))]
            while statuses[-1] != "200" and time.monotonic() < give_up_at:
                time.sleep(PAUSE)
                statuses.append(outcome(lambda: session.get(at.api)))
            return statuses

        def heal() -> None:
            during.update(at.since(before))
            at.change(mode="ok")
            measured.hint()

        healing = threading.Timer(effort.outage, heal)

        def begin() -> None:
            measured.hint()
            healing.start()

        outcomes = crowd(sessions, until_success, effort.outage + effort.patience + 1, begin)
        healing.join()
    recovered = outcomes.statuses["200"] == THREADS
    return {
        "requests": during["token_requests"],
        "seconds": max(0.0, outcomes.seconds - effort.outage) if recovered else None,
        "calls": str(outcomes),
    }


def hanging(peer: str, effort: Effort) -> dict[str, Any]:
    """Time how long threads wait for their errors while token requests get no response."""
    with server() as at:
        measured = program(peer, at, timeout=TIMEOUT)
        sessions = with_expired_tokens({effort.threads: measured}, at)[effort.threads]
        before = at.change(mode="hang")
        outcomes = crowd(
            sessions,
            lambda session: [outcome(lambda: session.get(at.api, timeout=TIMEOUT))],
            effort.patience,
            measured.hint,
        )
        requested = at.since(before)["token_requests"]
    return {
        "seconds": outcomes.seconds if outcomes.statuses["error"] == len(sessions) else None,
        "requests": requested,
        "calls": str(outcomes),
    }
