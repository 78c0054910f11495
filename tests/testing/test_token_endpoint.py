"""The token endpoint: the requests that it accepts, and the tokens that it issues."""

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
    response = request_token(http_session, server)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Type"] == "application/json"
    assert response.json().keys() == {"access_token", "token_type", "expires_in"}
    assert response.json()["token_type"] == "Bearer"
    assert response.json()["expires_in"] == 3600
    assert len(response.json()["access_token"]) >= 32
    assert http_session.get(server.api_url, headers=bearer(response)).status_code == 200


def test_every_token_is_different(server: LocalServer, http_session: requests.Session) -> None:
    tokens = {request_token(http_session, server).json()["access_token"] for _ in range(20)}
    assert len(tokens) == 20


def test_the_api_describes_the_token_request_and_never_shows_the_token(
    server: LocalServer, http_session: requests.Session
) -> None:
    response = request_token(
        http_session, server, scope="read write", audience="urn:api", resource=["urn:a", "urn:b"]
    )
    assert response.json()["scope"] == "read write"
    described = http_session.post(
        f"{server.api_url}orders?q=1", data=b"12345", headers=bearer(response)
    )
    assert described.json() == {
        "method": "POST",
        "path": "/api/orders?q=1",
        "client_id": "me",
        "scope": "read write",
        "audience": "urn:api",
        "resource": ["urn:a", "urn:b"],
        "body_length": 5,
        "body_sha256": hashlib.sha256(b"12345").hexdigest(),
    }
    assert response.json()["access_token"] not in described.text + str(described.headers)


def test_a_parameter_that_was_not_sent_is_null(
    server: LocalServer, http_session: requests.Session
) -> None:
    described = http_session.get(
        server.api_url, headers=bearer(request_token(http_session, server))
    )
    assert (described.json()["scope"], described.json()["audience"]) == (None, None)
    assert described.json()["resource"] == []


def test_a_token_request_may_be_json(server: LocalServer, http_session: requests.Session) -> None:
    content: dict[str, Any] = {**GRANT, "resource": ["urn:a", "urn:b"], "extra": {"a": 1}}
    response = http_session.post(server.token_url, json={**content, "client_id": "me"})
    described = http_session.get(server.api_url, headers=bearer(response))
    assert (described.json()["client_id"], described.json()["resource"]) == (
        "me",
        ["urn:a", "urn:b"],
    )


JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("media_type", "body", "hint"),
    [
        (JSON, b'{"grant_type":', "not valid JSON"),
        (JSON, b"\xff\xfe\xfd", "not valid JSON"),
        (JSON, b"[1, 2]", "object"),
        (JSON, b'{"grant_type": 7}', "grant_type must be a string"),
        (JSON, b'{"grant_type": ["a", "b"]}', "grant_type must be sent only once"),
        (JSON, b'{"grant_type": null}', "grant_type is missing"),
        (FORM, b"client_id=me", "grant_type is missing"),
        (FORM, b"client_id=me&grant_type=", "grant_type is missing"),
        (FORM, b"client_id=me&grant_type=a&grant_type=b", "grant_type must be sent only once"),
        (FORM, b"client_id=me&grant_type=a&scope=a&scope=b", "scope must be sent only once"),
        (FORM, b"client_id=me&client_id=you&grant_type=a", "client_id must be sent only once"),
    ],
)
def test_a_body_that_is_not_valid_is_an_invalid_request(
    server: LocalServer, http_session: requests.Session, media_type: str, body: bytes, hint: str
) -> None:
    headers = {"Content-Type": media_type}
    response = http_session.post(server.token_url, data=body, headers=headers)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert hint in response.json()["error_description"]
    assert response.headers["Cache-Control"] == "no-store"


def test_a_body_of_another_type_has_no_parameters(
    server: LocalServer, http_session: requests.Session
) -> None:
    response = http_session.post(
        server.token_url, data="grant_type=client_credentials&client_id=me"
    )
    assert response.status_code == 400
    assert "form-encoded or JSON" in response.json()["error_description"]


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
def test_a_token_request_is_a_post(
    server: LocalServer, http_session: requests.Session, method: str
) -> None:
    response = http_session.request(method, server.token_url)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert len(server.token_requests) == 1


def test_the_response_to_another_path_names_the_endpoints(
    server: LocalServer, http_session: requests.Session
) -> None:
    response = http_session.get(server.origin + "/")
    assert response.status_code == 404
    assert response.json()["token_url"] == server.token_url
    assert response.json()["api_url"] == server.api_url
    assert server.token_requests == server.api_requests == ()


def test_a_query_does_not_change_the_endpoint(
    server: LocalServer, http_session: requests.Session
) -> None:
    response = http_session.post(f"{server.token_url}?p=1", data={**GRANT, "client_id": "me"})
    assert response.status_code == 200
    assert server.token_requests[0].path.endswith("?p=1")
