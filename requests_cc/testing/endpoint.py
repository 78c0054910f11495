"""What arrived at an endpoint, and how its next requests are to fail."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from requests_cc.testing.answer import Answer, error_answer
from requests_cc.testing.recorded_request import RecordedRequest

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
