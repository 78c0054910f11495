"""The token endpoint: which requests it takes, and what it issues."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import requests

from requests_cc.testing import LocalServer

from .clients import GRANT, bearer, request_token


def test_a_token_is_issued_and_opens_the_api(
    server: LocalServer, http_session: requests.Session
) -> None:
    answer = request_token(http_session, server)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json().keys() == {"access_token", "token_type", "expires_in"}
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["expires_in"] == 3600
    assert len(answer.json()["access_token"]) >= 32
    assert http_session.get(server.api_url, headers=bearer(answer)).status_code == 200


def test_every_token_is_another(server: LocalServer, http_session: requests.Session) -> None:
    tokens = {request_token(http_session, server).json()["access_token"] for _ in range(20)}
    assert len(tokens) == 20


def test_the_api_tells_what_was_asked_for_and_never_the_token(
    server: LocalServer, http_session: requests.Session
) -> None:
    answer = request_token(
        http_session, server, scope="read write", audience="urn:api", resource=["urn:a", "urn:b"]
    )
    assert answer.json()["scope"] == "read write"
    told = http_session.post(f"{server.api_url}orders?q=1", data=b"12345", headers=bearer(answer))
    assert told.json() == {
        "method": "POST",
        "path": "/api/orders?q=1",
        "client_id": "me",
        "scope": "read write",
        "audience": "urn:api",
        "resource": ["urn:a", "urn:b"],
        "body_length": 5,
        "body_sha256": hashlib.sha256(b"12345").hexdigest(),
    }
    assert answer.json()["access_token"] not in told.text + str(told.headers)


def test_what_was_not_asked_for_is_null(
    server: LocalServer, http_session: requests.Session
) -> None:
    told = http_session.get(server.api_url, headers=bearer(request_token(http_session, server)))
    assert (told.json()["scope"], told.json()["audience"]) == (None, None)
    assert told.json()["resource"] == []


def test_a_token_request_may_be_json(server: LocalServer, http_session: requests.Session) -> None:
    content: dict[str, Any] = {**GRANT, "resource": ["urn:a", "urn:b"], "extra": {"a": 1}}
    answer = http_session.post(server.token_url, json={**content, "client_id": "me"})
    told = http_session.get(server.api_url, headers=bearer(answer))
    assert (told.json()["client_id"], told.json()["resource"]) == ("me", ["urn:a", "urn:b"])


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (b'{"grant_type":', "is not"),
        (b"\xff\xfe\xfd", "is not"),
        (b"[1, 2]", "object"),
        (b'{"grant_type": 7}', "grant_type must be a string"),
        (b'{"grant_type": ["a", "b"]}', "grant_type is there more than once"),
        (b'{"grant_type": null}', "grant_type is missing"),
    ],
)
def test_json_that_is_no_token_request_is_an_invalid_request(
    server: LocalServer, http_session: requests.Session, body: bytes, hint: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = http_session.post(server.token_url, data=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert hint in answer.json()["error_description"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("form", "hint"),
    [
        ("client_id=me", "grant_type is missing"),
        ("client_id=me&grant_type=", "grant_type is missing"),
        ("client_id=me&grant_type=a&grant_type=b", "grant_type is there more than once"),
        ("client_id=me&grant_type=a&scope=a&scope=b", "scope is there more than once"),
        ("client_id=me&client_id=you&grant_type=a", "client_id is there more than once"),
    ],
)
def test_a_form_that_is_no_token_request_is_an_invalid_request(
    server: LocalServer, http_session: requests.Session, form: str, hint: str
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = http_session.post(server.token_url, data=form, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert hint in answer.json()["error_description"]


def test_a_body_of_another_type_has_no_parameters(
    server: LocalServer, http_session: requests.Session
) -> None:
    answer = http_session.post(server.token_url, data="grant_type=client_credentials&client_id=me")
    assert answer.status_code == 400
    assert "form-encoded or JSON" in answer.json()["error_description"]


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
def test_a_token_request_is_a_post(
    server: LocalServer, http_session: requests.Session, method: str
) -> None:
    answer = http_session.request(method, server.token_url)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert len(server.token_requests) == 1


def test_another_path_is_neither_endpoint_and_the_answer_says_where_they_are(
    server: LocalServer, http_session: requests.Session
) -> None:
    answer = http_session.get(server.origin + "/")
    assert answer.status_code == 404
    assert answer.json()["token_url"] == server.token_url
    assert answer.json()["api_url"] == server.api_url
    assert server.token_requests == server.api_requests == ()


def test_a_query_does_not_change_the_endpoint(
    server: LocalServer, http_session: requests.Session
) -> None:
    answer = http_session.post(f"{server.token_url}?p=1", data={**GRANT, "client_id": "me"})
    assert answer.status_code == 200
    assert server.token_requests[0].path.endswith("?p=1")
