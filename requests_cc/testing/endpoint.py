"""What arrived at an endpoint, and how its next requests are to fail."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from requests_cc.testing.recorded_request import RecordedRequest

BASIC_CHALLENGE = ("WWW-Authenticate", 'Basic realm="requests_cc.testing"')


@dataclass(frozen=True)
class Answer:
    """A status, headers and a body; the handler adds what every answer needs.

    :param status: the HTTP status code.
    :param headers: pairs of name and value.
    :param body: not in the ``repr``: it can hold a token.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)


def json_answer(
    status: int, content: Mapping[str, object], headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    """Return an answer whose body is a JSON object."""
    body = json.dumps(content).encode()
    return Answer(status, (("Content-Type", "application/json"), *headers), body)


def error_answer(
    status: int, error: str, description: str, headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    """Return an error in the JSON of RFC 6749 section 5.2."""
    return json_answer(status, {"error": error, "error_description": description}, headers)


def bearer_challenge(error: str | None = None) -> tuple[str, str]:
    """Return the header that wants a token, or another one: RFC 6750 section 3."""
    challenge = 'Bearer realm="requests_cc.testing"'
    return "WWW-Authenticate", challenge if error is None else f'{challenge}, error="{error}"'


_FINAL_STATUSES = range(200, 600)  # RFC 9110 section 15


@dataclass(frozen=True)
class Failure:
    """A way for a request to fail; see :meth:`LocalServer.fail_next`."""

    status: int
    error: str | None
    retry_after: float | str | None
    drop: bool

    def __post_init__(self) -> None:
        if self.status not in _FINAL_STATUSES:
            raise ValueError(f"status must be from 200 to 599, not {self.status}")

    def answer(self, *headers: tuple[str, str]) -> Answer | None:
        """Return the answer, with these headers too; None drops the connection."""
        if self.drop:
            return None
        if self.retry_after is not None:
            headers += (("Retry-After", str(self.retry_after)),)
        if self.error is None:
            return Answer(self.status, headers)
        return error_answer(self.status, self.error, "This failure was asked for.", headers)


class Endpoint:
    """What arrived and the failures that are planned; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards both below
        self._requests: list[RecordedRequest] = []
        self._failures: deque[tuple[int, Failure]] = deque()

    def requests(self) -> tuple[RecordedRequest, ...]:
        """Return what has arrived so far, in order."""
        with self._lock:
            return tuple(self._requests)

    def receive(self, request: RecordedRequest) -> Failure | None:
        """Record a request and return how it is to fail, if it is to."""
        with self._lock:
            self._requests.append(request)
            if not self._failures:
                return None
            times, failure = self._failures.popleft()
            if times > 1:
                self._failures.appendleft((times - 1, failure))
            return failure

    def plan(self, times: int, failure: Failure) -> None:
        """Let this many requests fail, after those that are to fail already; 0 forgets those."""
        if times < 0:
            raise ValueError(f"times must not be negative: {times}")
        with self._lock:
            if times:
                self._failures.append((times, failure))
            else:
                self._failures.clear()

    def reset(self) -> None:
        """Forget what arrived and what was planned."""
        with self._lock:
            self._requests.clear()
            self._failures.clear()
