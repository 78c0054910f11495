"""What a test can see of the requests that arrived."""

from __future__ import annotations

import time

import pytest
import requests

from requests_cc.testing import LocalServer, RecordedRequest

from .clients import request_token


def test_what_arrived_is_recorded(server: LocalServer, http_session: requests.Session) -> None:
    before = time.time()
    request_token(http_session, server, scope=["a", "b"], empty="", param="é")
    http_session.post(server.api_url, json={"n": 1}, headers={"X-Trace": "7"})
    after = time.time()
    (token_request,), (api_request,) = server.token_requests, server.api_requests
    assert (token_request.method, token_request.path) == ("POST", "/oauth/token")
    assert token_request.form == {
        "grant_type": ["client_credentials"],
        "client_id": ["me"],
        "scope": ["a", "b"],
        "empty": [""],
        "param": ["é"],
    }
    assert token_request.json is None
    assert api_request.json == {"n": 1}
    assert api_request.form == {}
    assert api_request.headers["x-TRACE"] == "7"
    assert before <= token_request.received_at <= api_request.received_at <= after


def test_refused_requests_are_recorded_too(
    server: LocalServer, http_session: requests.Session
) -> None:
    http_session.post(server.token_url)
    http_session.get(server.api_url)
    assert len(server.token_requests) == len(server.api_requests) == 1


def test_a_recorded_request_keeps_secrets_out_of_its_repr(
    server: LocalServer, http_session: requests.Session
) -> None:
    http_session.post(f"{server.token_url}?k=hidden1", data={"k": "hidden2"}, auth=("a", "b"))
    (recorded,) = server.token_requests
    assert repr(recorded) == "<RecordedRequest POST /oauth/token, 9 bytes>"
    assert str(recorded) == repr(recorded)


def test_a_recorded_request_is_frozen(server: LocalServer, http_session: requests.Session) -> None:
    http_session.get(server.api_url)
    with pytest.raises(AttributeError):
        server.api_requests[0].body = b"x"  # type: ignore[misc]
    assert isinstance(server.api_requests[0], RecordedRequest)


def test_recorded_json_that_is_none_says_so(
    server: LocalServer, http_session: requests.Session
) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    http_session.post(server.api_url, data=b"{", headers=headers)
    with pytest.raises(ValueError, match="Expecting"):
        server.api_requests[0].json  # noqa: B018 - the property raises


def test_what_arrived_is_a_snapshot(server: LocalServer, http_session: requests.Session) -> None:
    http_session.get(server.api_url)
    snapshot = server.api_requests
    http_session.get(server.api_url)
    assert (len(snapshot), len(server.api_requests)) == (1, 2)
