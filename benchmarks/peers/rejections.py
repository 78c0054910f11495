"""What happens when the API rejects a token that has not expired: it was revoked."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

from peers.setting import Effort, Server, crowd, outcome, program, server, with_tokens

TOKEN_DELAY = 0.05  # seconds that a token request takes
CALLS = 3  # of each thread
CONTENT = b"line of a body\n" * 100


def revocation(peer: str, effort: Effort) -> dict[str, Any]:
    """Count the token requests of threads whose token is revoked, and the 401s that they see."""
    with server() as at:
        measured = program(peer, at)
        sessions = with_tokens(measured, at, effort.threads)
        before = at.change(delay=TOKEN_DELAY)

        def revoke() -> None:
            at.change(revoke=True)
            measured.hint()

        outcomes = crowd(
            sessions,
            lambda session: [outcome(lambda: session.get(at.api)) for _ in range(CALLS)],
            effort.patience,
            revoke,
        )
        requested = at.since(before)["token_requests"]
    return {
        "requests": requested,
        "rejected": outcomes.statuses["401"],
        "calls": str(outcomes),
    }


def pieces() -> Iterator[bytes]:
    """Yield a body that cannot be sent twice."""
    yield from (CONTENT[begin : begin + 500] for begin in range(0, len(CONTENT), 500))


BODIES: dict[str, Callable[[], object]] = {
    "bytes": lambda: CONTENT,
    "file": lambda: io.BytesIO(CONTENT),
    "generator": pieces,
}


def body_replay(peer: str, effort: Effort) -> dict[str, Any]:
    """Post bytes, a file and a generator, each with a token that has just been revoked."""
    with server() as at:
        found = {name: posted(peer, name, at) for name in BODIES}
    return {
        **found,
        "whole": sum(what == "whole" for what in found.values()),
        "cut": sum(what == "cut short" for what in found.values()),
        "list": ", ".join(f"{name}: {what}" for name, what in found.items()),
    }


def posted(peer: str, name: str, at: Server) -> str:
    """Return what the API got of a body, or the status that the caller got."""
    measured = program(peer, at, number=list(BODIES).index(name))
    [session] = with_tokens(measured, at, 1)
    before = at.change(revoke=True)
    measured.hint()
    status = outcome(lambda: session.post(at.api, data=BODIES[name]()))
    arrived = at.change()["bodies"][len(before["bodies"]) :]
    if not arrived:
        return status
    return "whole" if arrived == [CONTENT.decode()] else "cut short"
