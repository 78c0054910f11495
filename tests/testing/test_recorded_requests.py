"""Recorded requests."""

from __future__ import annotations

import time

import pytest
import requests

from requests_cc.testing import LocalServer, RecordedRequest, endpoint

from .clients import request_token


def test_a_request_is_recorded(server: LocalServer, http_session: requests.Session) -> None:
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


def test_recorded_json_that_is_not_valid_raises(
    server: LocalServer, http_session: requests.Session
) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    http_session.post(server.api_url, data=b"{", headers=headers)
    with pytest.raises(ValueError, match="Expecting"):
        server.api_requests[0].json  # noqa: B018 - the property raises


def test_the_recorded_requests_are_a_snapshot(
    server: LocalServer, http_session: requests.Session
) -> None:
    http_session.get(server.api_url)
    snapshot = server.api_requests
    http_session.get(server.api_url)
    assert (len(snapshot), len(server.api_requests)) == (1, 2)


def test_only_the_newest_requests_are_kept(
    server: LocalServer, http_session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "MAX_REQUESTS", 3)
    for number in range(5):
        http_session.get(f"{server.api_url}{number}")
    assert [request.path for request in server.api_requests] == ["/api/2", "/api/3", "/api/4"]
    assert "requests: 0 token, 5 api" in repr(server)


def test_the_bodies_that_are_kept_have_a_bounded_size(
    server: LocalServer, http_session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "MAX_BYTES", 100)
    for size in [60, 40, 1, 101]:
        http_session.post(server.api_url, data=b"x" * size)
        kept = [len(request.body) for request in server.api_requests]
        assert kept == {60: [60], 40: [60, 40], 1: [40, 1], 101: []}[size]


def test_the_repr_shows_the_url_the_state_and_the_counts(http_session: requests.Session) -> None:
    server = LocalServer({"me": "s3cret"})
    assert repr(server) == "<LocalServer stopped, requests: 0 token, 0 api>"
    with server:
        token = request_token(http_session, server, client_secret="s3cret").json()["access_token"]
        for _ in range(2):
            http_session.get(server.api_url, headers={"Authorization": f"Bearer {token}"})
        shown = repr(server)
    assert shown == f"<LocalServer running at {server.origin}, requests: 1 token, 2 api>"
    assert repr(server) == "<LocalServer stopped, requests: 1 token, 2 api>"


def test_recorded_requests_may_be_kept_in_a_set() -> None:
    with LocalServer() as server:
        requests.get(server.api_url)
        requests.get(server.api_url)
        assert len(set(server.api_requests)) == 2
