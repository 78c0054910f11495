"""One endpoint: the requests that arrived there, and the failures that are planned for it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import Response, error_response

MAX_REQUESTS = 10_000  # that an endpoint keeps: the newest
MAX_BYTES = 64 * 2**20  # of their bodies

_FINAL_STATUSES = range(200, 600)  # RFC 9110 §15


@dataclass(frozen=True)
class Failure:
    """One planned failure of a request; :meth:`LocalServer.fail_next` has its parameters."""

    status: int
    error: str | None
    retry_after: float | str | None
    drop: bool

    def __post_init__(self) -> None:
        if self.status not in _FINAL_STATUSES:
            raise ValueError(f"status must be from 200 to 599, not {self.status}")

    def response(self, *headers: tuple[str, str]) -> Response | None:
        """Return the response, with these headers added; None drops the connection."""
        if self.drop:
            return None
        if self.retry_after is not None:
            headers += (("Retry-After", str(self.retry_after)),)
        if self.error is None:
            return Response(self.status, headers)
        return error_response(
            self.status, self.error, "This failure was planned with fail_next().", headers
        )


class Endpoint:
    """An endpoint's recorded requests and planned failures; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards all below
        self._requests: deque[RecordedRequest] = deque()
        self._kept_bytes = 0
        self._received = 0
        self._failures: deque[tuple[int, Failure]] = deque()

    @property
    def received(self) -> int:
        """The number of requests that arrived, of which the newest are kept."""
        with self._lock:
            return self._received

    def requests(self) -> tuple[RecordedRequest, ...]:
        """Return the newest requests that arrived, oldest first."""
        with self._lock:
            return tuple(self._requests)

    def receive(self, request: RecordedRequest) -> Failure | None:
        """Record a request; return the failure planned for it, if any."""
        with self._lock:
            self._keep(request)
            if not self._failures:
                return None
            times, failure = self._failures.popleft()
            if times > 1:
                self._failures.appendleft((times - 1, failure))
            return failure

    def plan(self, times: int, failure: Failure) -> None:
        """Add failures after those already planned; ``times=0`` discards those."""
        if times < 0:
            raise ValueError(f"times must not be negative, but is {times}")
        with self._lock:
            if times:
                self._failures.append((times, failure))
            else:
                self._failures.clear()

    def reset(self) -> None:
        """Discard the recorded requests and the planned failures."""
        with self._lock:
            self._requests.clear()
            self._kept_bytes = self._received = 0
            self._failures.clear()

    def _keep(self, request: RecordedRequest) -> None:
        self._received += 1
        self._requests.append(request)
        self._kept_bytes += len(request.body)
        while len(self._requests) > MAX_REQUESTS or self._kept_bytes > MAX_BYTES:
            self._kept_bytes -= len(self._requests.popleft().body)
