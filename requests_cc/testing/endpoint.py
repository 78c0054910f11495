"""One endpoint: the requests that arrived there, and the failures that are planned for it."""

from __future__ import annotations

import abc
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import Response, error_response

EndpointName = Literal["token", "api", "introspection", "revocation", "metadata"]

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


class EndpointControls(abc.ABC):
    """The part of a local server that shows recorded requests and plans failures."""

    @abc.abstractmethod
    def _endpoints_by_name(self) -> Mapping[str, Endpoint]: ...

    @property
    def token_requests(self) -> tuple[RecordedRequest, ...]:
        """The requests that arrived at the token endpoint, oldest first: a snapshot."""
        return self.requests("token")

    @property
    def api_requests(self) -> tuple[RecordedRequest, ...]:
        """The requests that arrived at the API, oldest first: a snapshot."""
        return self.requests("api")

    def requests(self, at: EndpointName) -> tuple[RecordedRequest, ...]:
        """Return the requests that arrived at an endpoint, oldest first.

        :param at: ``"token"``, ``"api"``, ``"introspection"``, ``"revocation"`` or ``"metadata"``.
        :raises ValueError: if it is none of these.
        """
        return self._endpoint(at).requests()

    def fail_next(
        self,
        times: int = 1,
        *,
        status: int = HTTPStatus.SERVICE_UNAVAILABLE,
        error: str | None = None,
        retry_after: float | str | None = None,
        drop: bool = False,
        at: EndpointName = "token",
    ) -> None:
        """Let the next requests fail, after the failures that are already planned.

        A failing request is recorded like any other, and otherwise ignored.

        :param times: how many requests; 0 discards the planned failures.
        :param status: the HTTP status, 200 to 599. A 401 has a challenge if the RFCs require one.
        :param error: the code in a JSON error (RFC 6749 §5.2) and, at the API, in the challenge
            (RFC 6750 §3); None: the body is empty.
        :param retry_after: the ``Retry-After`` header: seconds, or an HTTP date.
        :param drop: close the connection without a response; the other parameters are ignored.
        :param at: the endpoint, as in :meth:`requests`.
        :raises ValueError: if ``times``, ``status`` or ``at`` is not valid.
        """
        self._endpoint(at).plan(times, Failure(status, error, retry_after, drop))

    def _endpoint(self, at: str) -> Endpoint:
        endpoints = self._endpoints_by_name()
        if at not in endpoints:
            raise ValueError(f"at must be one of {', '.join(endpoints)}, not {at!r}")
        return endpoints[at]
