"""The API: the tokens that it accepts, and its responses."""

from __future__ import annotations

import pytest
import requests

from requests_cc.testing import LocalServer

from .clients import basic, bearer, eventually, exchange, request_token


@pytest.mark.parametrize("headers", [{}, basic("me:s"), {"Authorization": ""}])
def test_the_api_requires_a_token(
    server: LocalServer, http_session: requests.Session, headers: dict[str, str]
) -> None:
    response = http_session.get(server.api_url, headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert "error=" not in response.headers["WWW-Authenticate"]
    assert response.content == b""


@pytest.mark.parametrize("authorization", ["Bearer unknown", "Bearer", "bearer  "])
def test_an_unknown_token_is_an_invalid_token(
    server: LocalServer, http_session: requests.Session, authorization: str
) -> None:
    response = http_session.get(server.api_url, headers={"Authorization": authorization})
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert response.json()["error"] == "invalid_token"


def test_the_schemes_letter_case_and_the_number_of_spaces_do_not_matter(
    server: LocalServer, http_session: requests.Session
) -> None:
    token = request_token(http_session, server).json()["access_token"]
    headers = {"Authorization": f"bEARER  {token}"}
    assert http_session.get(server.api_url, headers=headers).status_code == 200


def test_revoked_tokens_are_refused_and_later_ones_are_not(
    server: LocalServer, http_session: requests.Session
) -> None:
    old = bearer(request_token(http_session, server))
    server.revoke_tokens()
    response = http_session.get(server.api_url, headers=old)
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    new = bearer(request_token(http_session, server))
    assert http_session.get(server.api_url, headers=new).status_code == 200


def test_an_expired_token_is_refused(server: LocalServer, http_session: requests.Session) -> None:
    server.token_lifetime = 0.05
    response = request_token(http_session, server)
    assert response.json()["expires_in"] == 0.05
    headers = bearer(response)
    eventually(lambda: http_session.get(server.api_url, headers=headers).status_code == 401)


def test_the_lifetime_is_that_of_the_tokens_issued_from_now_on(
    server: LocalServer, http_session: requests.Session
) -> None:
    before = bearer(request_token(http_session, server))
    server.token_lifetime = 0
    response = request_token(http_session, server)
    assert response.json()["expires_in"] == 0
    assert http_session.get(server.api_url, headers=bearer(response)).status_code == 401
    assert http_session.get(server.api_url, headers=before).status_code == 200


def test_without_a_lifetime_there_is_no_expires_in(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.token_lifetime = None
    response = request_token(http_session, server)
    assert "expires_in" not in response.json()
    assert http_session.get(server.api_url, headers=bearer(response)).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("path", ["", "a", "a/b%20c", "?q=1", "oauth/token"])
def test_the_api_takes_any_method_and_path(
    server: LocalServer, http_session: requests.Session, method: str, path: str
) -> None:
    headers = bearer(request_token(http_session, server))
    described = http_session.request(method, server.api_url + path, headers=headers).json()
    assert (described["method"], described["path"]) == (method, "/api/" + path)


def test_head_has_the_headers_of_get_and_no_body(
    server: LocalServer, http_session: requests.Session
) -> None:
    headers = bearer(request_token(http_session, server))
    head = http_session.head(server.api_url, headers=headers)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) > 100
    raw = exchange(server, b"HEAD /elsewhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert raw.endswith(b"\r\n\r\n")
