"""How many attempts a request has, and how long anybody waits for it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
import requests

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    InvalidTokenResponse,
    OAuthError,
    TemporarilyUnavailable,
    TokenEndpointTimeout,
    TokenEndpointUnreachable,
)
from requests_cc.credentials import authenticated_request
from requests_cc.http import exchange
from requests_cc.http.exchange import retry_after
from tests.support.scripts import Script, answer, drop, hang, reset, token, trickle
from tests.support.server import Server

from .endpoint import GOOD, HTML, Endpoint, client, failure


@pytest.mark.rule(19)
@pytest.mark.parametrize(
    "hiccup",
    [drop, reset, answer(b"", "429 Slow"), answer(b"", "500 Oops"), answer(b"", "503 Busy"),
     b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"],
    ids=["drop", "reset", "429", "500", "503", "cut short"],
)  # fmt: skip
def test_a_hiccup_is_retried_with_fresh_authentication(endpoint: Endpoint, hiccup) -> None:
    numbers = iter(range(9))

    def authenticate(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-Proof"] = str(next(numbers))
        return request

    with Server(hiccup, hiccup, GOOD) as server:
        endpoint.call(client(server, None, auth=authenticate))
        assert [each.headers["X-Proof"] for each in server.requests] == ["0", "1", "2"]
        assert len({each.body for each in server.requests}) == 1


@pytest.mark.rule(19)
@pytest.mark.parametrize(
    ("bad", "error_type", "attempts"),
    [
        (drop, TokenEndpointUnreachable, 3),
        (answer(b"", "503 Busy"), TemporarilyUnavailable, 3),
        (answer(b"", "429 Slow"), TemporarilyUnavailable, 3),
        (answer({"error": "unheard_of"}, "503 Busy"), TemporarilyUnavailable, 3),
        (answer(HTML, "404 No"), InvalidTokenResponse, 1),
        *((answer({"error": "x"}, f"{status} X"), OAuthError, 1) for status in (400, 403, 404)),
        *((answer({"error": "x"}, f"{status} X"), OAuthError, 1) for status in (408, 425, 499)),
    ],
)
def test_a_failure_is_retried_if_that_may_help(
    endpoint: Endpoint, bad: Script, error_type: type, attempts: int
) -> None:
    with Server(bad) as server:
        error = failure(endpoint, server)
        assert type(error) is error_type
        assert len(server.requests) == attempts
        assert f"{server.origin}{endpoint.path} " in str(error)


def test_a_refused_connection_says_what_to_check(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with Server(drop) as server:
        pass
    error = failure(endpoint, f"{server.url}?key=k3y")
    url = f"{server.origin}{endpoint.path}"
    assert (
        str(error) == f"{url} could not be reached: Connection refused; check the URL, and "
        "that it is up"
    )
    assert len(pauses) == 2


def test_a_name_that_does_not_resolve_says_so(endpoint: Endpoint) -> None:
    error = failure(endpoint, "https://no-such-host.invalid/token")
    assert type(error) is TokenEndpointUnreachable
    assert f"no-such-host.invalid{endpoint.path} could not be reached: " in str(error)


@pytest.mark.rule(11, 19)
@pytest.mark.parametrize(
    "slow",
    [hang, trickle(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 999, 0.05),
     trickle(token("x" * 999), 0.05)],
    ids=["silence", "headers", "body"],
)  # fmt: skip
def test_a_slow_response_ends_by_the_deadline_without_a_retry(endpoint: Endpoint, slow) -> None:
    with Server(slow) as server:
        began = time.monotonic()
        error = failure(endpoint, server, timeout=(0.2, 0.3))
        took = time.monotonic() - began
        assert len(server.requests) == 1
    assert type(error) is TokenEndpointTimeout
    assert "sent no complete response in time" in str(error)
    assert took < 1.5


@pytest.mark.rule(18)
@pytest.mark.rule(18)
def test_an_attempt_without_a_timeout_of_its_own_takes_fifteen_seconds_at_the_most() -> None:
    """Half of what a worker of gunicorn lives without a response."""
    waits: list[tuple[float, float]] = []

    class Seen(requests.adapters.HTTPAdapter):
        def send(self, *args, **options):
            waits.append(options["timeout"])
            return super().send(*args, **options)

    with Server(GOOD) as server, requests.Session() as session:
        session.mount("http://", Seen())
        reached = AuthorizationServer(server.url, session=session)
        assert ClientCredentials(reached, "me", "s3cret").request_token().value == "token-1"
    assert len(waits) == 1
    assert sum(waits[0]) <= 15.0


def test_a_body_that_trickles_after_its_headers_is_cut_off(endpoint: Endpoint) -> None:
    def slow(request) -> None:
        request.connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
        trickle(b" " * 999, 0.05)(request)

    with Server(slow) as server:
        assert type(failure(endpoint, server, timeout=(0.2, 0.2))) is TokenEndpointTimeout


@pytest.mark.rule(18)
def test_a_handshake_that_trickles_ends_by_the_deadline(endpoint: Endpoint) -> None:
    hello = b"\x16\x03\x03\x0f\xff" + b"x" * 999
    with Server(play=lambda connection: connection.trickle(hello, 0.05)) as server:
        url = server.url.replace("http:", "https:")
        began = time.monotonic()
        error = failure(endpoint, url, timeout=(0.2, 0.3))
        assert time.monotonic() - began < 1.5
    assert type(error) is TokenEndpointTimeout


@pytest.mark.rule(19)
@pytest.mark.parametrize("seconds", ["1", "0", "nonsense", "-5", "1.5", ""])
def test_a_retry_after_within_the_budget_is_waited_for(
    endpoint: Endpoint, seconds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    busy = answer(b"", "503 Busy", {"Retry-After": seconds})
    with Server(busy, GOOD) as server:
        endpoint.call(client(server))
    assert len(pauses) == 1
    assert pauses[0] == 1.0 if seconds == "1" else pauses[0] < 0.1


@pytest.mark.rule(19)
@pytest.mark.parametrize("as_date", [False, True])
def test_a_retry_after_beyond_the_budget_is_handed_on(endpoint: Endpoint, as_date: bool) -> None:
    moment = datetime.now(timezone.utc) + timedelta(seconds=60)
    text = format_datetime(moment, usegmt=True) if as_date else "60"
    with Server(answer(b"", "429 Slow", {"Retry-After": text})) as server:
        error = failure(endpoint, server)
        assert len(server.requests) == 1
    assert error.retry_after == pytest.approx(60, abs=5)
    assert error.retry_at == pytest.approx(time.time() + 60, abs=5)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("9" * 400, 3600.0), ("3601", 3600.0), ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
     ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
     ("Thu, 01 Jan 1970 00:00:00 -0000", 0.0), ("Thu, 01 Jan 99999 00:00:00 GMT", None),
     ("Thu, 01 Jan 1970 00:00:00 +9999", None), ("٣", None)],
)  # fmt: skip
def test_odd_retry_afters_are_read(text: str, seconds: float | None) -> None:
    assert retry_after(exchange.Response(429, {"Retry-After": text}, b"", 0.0)) == seconds


class Budget:
    """In the place of the module ``time``: a clock that does not run by itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pauses: list[float] = []
        self.asking = 0.0  # seconds that the server took
        monkeypatch.setattr(authenticated_request, "time", self)

    def monotonic(self) -> float:
        return self.asking + sum(self.pauses)

    def time(self) -> float:
        return self.monotonic()

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


def busy_for(seconds: int) -> bytes:
    return answer(b"", "503 Busy", {"Retry-After": str(seconds)})


@pytest.mark.rule(19)
def test_the_pauses_between_attempts_double_and_are_jittered(
    endpoint: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []
    with Server(drop) as server:
        for _ in range(10):
            budget = Budget(monkeypatch)
            failure(endpoint, server)
            pauses += budget.pauses
    assert all(0.0075 <= pause <= 0.0125 for pause in pauses[::2])  # of FIRST_PAUSE, 0.01 here
    assert all(0.015 <= pause <= 0.025 for pause in pauses[1::2])
    assert len(set(pauses)) > 2


@pytest.mark.rule(19)
@pytest.mark.parametrize(
    ("timeout", "seconds", "pauses"),
    [((20, 20), 5, [5]), ((20, 20), 6, []), ((20, 20), 3, [3]), ((1, 1), 2, [2]), ((1, 1), 3, [])],
)
def test_the_pauses_together_stay_within_the_budget(
    endpoint: Endpoint, timeout, seconds: int, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = Budget(monkeypatch)
    with Server(busy_for(seconds)) as server:
        assert failure(endpoint, server, timeout=timeout).retry_after == seconds
    assert budget.pauses == pauses


def test_a_further_secret_has_no_budget_of_its_own(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = Budget(monkeypatch)
    refused = answer({"error": "invalid_client"}, "401 No")
    with Server(busy_for(3), refused, busy_for(3), GOOD) as server:
        error = failure(endpoint, server, secret=["one", "two"], timeout=(20, 20))
    assert type(error) is TemporarilyUnavailable
    assert budget.pauses == [3]


def test_a_server_that_is_slow_to_fail_gets_one_request(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = Budget(monkeypatch)

    def slowly(request) -> bytes:
        budget.asking += 6
        return answer(b"", "503 Busy")

    with Server(slowly) as server:
        failure(endpoint, server, timeout=(20, 20))
        assert len(server.requests) == 1
    assert budget.pauses == []
