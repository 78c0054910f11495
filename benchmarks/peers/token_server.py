"""The API and the token endpoint of the comparison, and a third path that directs them.

``/api`` accepts requests with a token that is valid, and responds 401 to others. ``POST /token``
issues tokens, as ``/settings`` says: ``lifetime`` and ``delay`` in seconds, ``mode`` ``ok``,
``fail`` (a 503) or ``hang``; ``revoke`` ends all tokens. ``POST /settings`` changes what its JSON
names and returns what was counted so far.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from typing import Any

from loopback_server import Connection, answer, content_length, serve

API_DELAY = 0.01  # seconds: a rejection reaches many threads before the first of them has renewed
UNAUTHORIZED = answer({"error": "invalid_token"}, "401 Unauthorized")
UNAVAILABLE = answer({"error": "temporarily_unavailable"}, "503 Service Unavailable")


class State:
    """What the server does, what it issued, and what it counted."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {"lifetime": 3600, "delay": 0.0, "mode": "ok"}
        self.valid_until: dict[bytes, float] = {}
        self.counts = {"token_requests": 0, "accepted": 0, "rejected": 0}
        self.bodies: list[str] = []  # of requests that were accepted

    def issue(self) -> dict[str, object]:
        """Return a token response, and accept its token from now on."""
        value, lifetime = secrets.token_urlsafe(32), self.settings["lifetime"]
        self.valid_until[value.encode()] = time.monotonic() + lifetime
        return {"access_token": value, "token_type": "Bearer", "expires_in": lifetime}

    def accepts(self, head: bytes) -> bool:
        """Return whether the token in a request's head is valid, and count the request."""
        valid = time.monotonic() < self.valid_until.get(token_of(head), 0.0)
        self.counts["accepted" if valid else "rejected"] += 1
        return valid

    def change(self, settings: dict[str, Any]) -> dict[str, object]:
        """Apply settings; return the counts."""
        if settings.pop("revoke", False):
            self.valid_until.clear()
        self.settings.update(settings)
        return {**self.counts, "bodies": self.bodies}


STATE = State()


class GuardedConnection(Connection):
    """One kept-alive connection to the three paths."""

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or not is_whole(head, body):
            return
        self._received = b""
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/token"):
            self._token()
        elif path.startswith(b"/settings"):
            self._transport.write(answer(STATE.change(json.loads(body))))
        else:
            self._api(head, body)

    def _token(self) -> None:
        STATE.counts["token_requests"] += 1
        delay, mode = STATE.settings["delay"], STATE.settings["mode"]
        if mode == "ok":
            self._later(delay, answer(STATE.issue()))
        elif mode == "fail":
            self._later(delay, UNAVAILABLE)

    def _api(self, head: bytes, body: bytes) -> None:
        if not STATE.accepts(head):
            self._later(API_DELAY, UNAUTHORIZED)
            return
        if not head.startswith(b"GET "):
            STATE.bodies.append(content_of(head, body).decode())
        self._transport.write(answer({}))

    def _later(self, delay: float, response: bytes) -> None:
        asyncio.get_running_loop().call_later(delay, self._transport.write, response)


def token_of(head: bytes) -> bytes:
    """Return the bearer token of a request, or nothing."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"authorization":
            return value.strip().removeprefix(b"Bearer ")
    return b""


def is_chunked(head: bytes) -> bool:
    """Return whether the body comes in chunks, as that of a generator does."""
    return b"transfer-encoding: chunked" in head.lower()


def is_whole(head: bytes, body: bytes) -> bool:
    """Return whether all of a request has arrived."""
    return body.endswith(b"0\r\n\r\n") if is_chunked(head) else len(body) >= content_length(head)


def content_of(head: bytes, body: bytes) -> bytes:
    """Return the body without the marks of its chunks."""
    if not is_chunked(head):
        return body
    content = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        content, body = content + body[:length], body[length + 2 :]
    return content


if __name__ == "__main__":
    asyncio.run(serve(GuardedConnection))
