"""Planned failures, and delays."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from requests_cc.testing import LocalServer
from tests.support.threads import in_threads

from .clients import GRANT, bearer, connect, eventually, exchange, request_token


def test_the_next_token_requests_fail_and_then_no_more(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.fail_next(2)
    responses = [request_token(http_session, server) for _ in range(3)]
    assert [a.status_code for a in responses] == [503, 503, 200]
    assert (responses[0].content, responses[0].headers["Content-Length"]) == (b"", "0")
    assert len(server.token_requests) == 3


def test_failures_queue_up(server: LocalServer, http_session: requests.Session) -> None:
    server.fail_next(status=500)
    server.fail_next(2, status=429)
    server.fail_next(drop=True)
    statuses = [request_token(http_session, server).status_code for _ in range(3)]
    assert statuses == [500, 429, 429]
    with pytest.raises(requests.ConnectionError):
        request_token(http_session, server)
    assert request_token(http_session, server).status_code == 200
    assert len(server.token_requests) == 5


def test_zero_failures_discard_the_planned_ones(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.fail_next(10**9)
    server.fail_next(10**9, at="api")
    assert request_token(http_session, server).status_code == 503
    server.fail_next(0)
    headers = bearer(request_token(http_session, server))
    assert http_session.get(server.api_url, headers=headers).status_code == 503


def test_a_failure_may_be_an_oauth_error_with_a_time_to_retry(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.fail_next(status=400, error="invalid_scope", retry_after=7)
    server.fail_next(retry_after="Fri, 31 Dec 1999 23:59:59 GMT")
    response = request_token(http_session, server)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_scope")
    assert response.headers["Retry-After"] == "7"
    response = request_token(http_session, server)
    assert response.headers["Retry-After"] == "Fri, 31 Dec 1999 23:59:59 GMT"


def test_a_failing_401_has_a_challenge_if_the_rfcs_want_one(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.fail_next(2, status=401, error="invalid_client")
    assert "WWW-Authenticate" not in request_token(http_session, server).headers
    response = http_session.post(server.token_url, data=GRANT, auth=("a", "b"))
    assert response.headers["WWW-Authenticate"].startswith("Basic realm=")
    server.fail_next(status=400, error="invalid_grant")
    response = http_session.post(server.token_url, data=GRANT, auth=("a", "b"))
    assert "WWW-Authenticate" not in response.headers
    server.fail_next(status=401, at="api")
    server.fail_next(status=403, error="insufficient_scope", at="api")
    server.fail_next(at="api")
    challenges = [http_session.get(server.api_url).headers.get("WWW-Authenticate") for _ in "123"]
    realm = 'Bearer realm="requests_cc.testing"'
    assert challenges == [realm, f'{realm}, error="insufficient_scope"', None]


def test_the_api_fails_without_the_token_endpoint(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.fail_next(status=500, at="api")
    headers = bearer(request_token(http_session, server))
    statuses = [http_session.get(server.api_url, headers=headers).status_code for _ in range(2)]
    assert statuses == [500, 200]


def test_a_dropped_connection_is_closed_without_an_response(server: LocalServer) -> None:
    server.fail_next(drop=True, at="api")
    assert exchange(server, b"GET /api/ HTTP/1.1\r\nHost: h\r\n\r\n") == b""
    assert len(server.api_requests) == 1


def test_a_response_whose_status_allows_no_body_has_none(server: LocalServer) -> None:
    server.fail_next(status=204, error="invalid_request", at="api")
    response = exchange(server, b"GET /api/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 204 ")
    assert response.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"times": -1}, "times"),
        ({"status": 99}, "status"),
        ({"status": 600}, "status"),
        ({"at": "login"}, "token, introspection, revocation, metadata, api, not 'login'"),
    ],
)
def test_a_failure_that_is_not_valid_is_refused(
    server: LocalServer, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        server.fail_next(**arguments)


def test_concurrent_requests_use_up_each_failure_once(server: LocalServer) -> None:
    server.fail_next(5)

    def client(_: int) -> int:
        with requests.Session() as session:
            session.trust_env = False
            return request_token(session, server).status_code

    assert sorted(map(str, in_threads(16, client))) == ["200"] * 11 + ["503"] * 5


# Delays


def test_a_token_request_takes_the_delay_and_the_api_does_not(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.token_delay = 0.1
    begun = time.monotonic()
    headers = bearer(request_token(http_session, server))
    server.fail_next()
    assert request_token(http_session, server).status_code == 503
    assert time.monotonic() - begun > 0.19
    server.token_delay = 3600
    assert http_session.get(server.api_url, headers=headers).status_code == 200


def test_delayed_requests_wait_side_by_side_and_are_recorded_when_they_arrive(
    server: LocalServer,
) -> None:
    server.token_delay = 3600
    connections = [connect(server) for _ in range(20)]
    for connection in connections:
        connection.sendall(b"POST /oauth/token HTTP/1.1\r\nHost: h\r\n\r\n")
    eventually(lambda: len(server.token_requests) == 20)
    for connection in connections:
        connection.close()
