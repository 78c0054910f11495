"""The API's own responses, and other rejections than a 401."""

from __future__ import annotations

import pytest
import requests

from requests_cc.testing import LocalServer, RecordedRequest, Response

from .clients import bearer, request_token


@pytest.fixture
def headers(server: LocalServer, http_session: requests.Session) -> dict[str, str]:
    return bearer(request_token(http_session, server, scope="read write"))


@pytest.mark.parametrize(
    ("body", "content", "content_type"),
    [
        (b"\x00\x01", b"\x00\x01", None),
        ("é", "é".encode(), "text/plain; charset=utf-8"),
        ({"n": 1}, b'{"n": 1}', "application/json"),
        ([1, 2], b"[1, 2]", "application/json"),
        (lambda _: {"n": 2}, b'{"n": 2}', "application/json"),
        (lambda request: request.method, b"GET", "text/plain; charset=utf-8"),
    ],
)
def test_a_path_has_a_response_of_its_own(
    server: LocalServer,
    http_session: requests.Session,
    headers: dict[str, str],
    body: object,
    content: bytes,
    content_type: str | None,
) -> None:
    server.respond("orders", 201, body, {"X-Page": "1"})  # type: ignore[arg-type]
    response = http_session.get(server.api_url + "orders?q=1", headers=headers)
    assert (response.status_code, response.content) == (201, content)
    assert response.headers.get("Content-Type") == content_type
    assert response.headers["X-Page"] == "1"
    assert http_session.get(server.api_url + "orders").status_code == 401
    other = http_session.get(server.api_url + "orders/7", headers=headers)
    assert other.json()["path"] == "/api/orders/7"


def test_the_content_type_may_be_given(
    server: LocalServer, http_session: requests.Session, headers: dict[str, str]
) -> None:
    server.respond("/page", body="<p>", headers={"content-type": "text/html"})
    response = http_session.get(server.api_url + "page", headers=headers)
    assert response.headers["Content-Type"] == "text/html"


def test_a_callable_sees_the_request_and_may_return_a_response(
    server: LocalServer, http_session: requests.Session, headers: dict[str, str]
) -> None:
    def upload(request: RecordedRequest) -> Response:
        return Response(202, (("X-Size", str(len(request.body))),), b"taken")

    server.respond("*", body=upload)
    response = http_session.post(server.api_url + "any/path", data=b"12345", headers=headers)
    assert (response.status_code, response.content) == (202, b"taken")
    assert response.headers["X-Size"] == "5"


def test_the_later_of_two_responses_counts_and_a_method_narrows_it(
    server: LocalServer, http_session: requests.Session, headers: dict[str, str]
) -> None:
    server.respond("orders*", body="all")
    server.respond("orders/7", 404)
    server.respond("orders/7", 204, method="DELETE")
    url = server.api_url + "orders"
    assert http_session.get(url, headers=headers).text == "all"
    assert http_session.get(url + "/8", headers=headers).text == "all"
    assert http_session.get(url + "/7", headers=headers).status_code == 404
    assert http_session.delete(url + "/7", headers=headers).status_code == 204
    server.reset()
    headers = bearer(request_token(http_session, server))
    assert http_session.get(url, headers=headers).json()["path"] == "/api/orders"


@pytest.mark.parametrize(
    ("scope", "status"), [("write", 200), ("admin", 403), ("rea", 403), (None, 200)]
)
def test_a_path_may_need_a_scope(
    server: LocalServer,
    http_session: requests.Session,
    headers: dict[str, str],
    scope: str | None,
    status: int,
) -> None:
    server.respond("orders", scope=scope)
    response = http_session.get(server.api_url + "orders", headers=headers)
    assert response.status_code == status
    if status == 403:
        challenge = response.headers["WWW-Authenticate"]
        assert f'error="insufficient_scope", scope="{scope}"' in challenge


def test_a_token_without_a_scope_lacks_the_scope(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.respond("orders", scope="read")
    headers = bearer(request_token(http_session, server))
    assert http_session.get(server.api_url + "orders", headers=headers).status_code == 403


@pytest.mark.parametrize("status", [403, 400, 498, 200])
def test_a_dead_token_may_be_rejected_with_another_status(
    server: LocalServer, http_session: requests.Session, headers: dict[str, str], status: int
) -> None:
    server.rejection_status = status
    assert http_session.get(server.api_url, headers=headers).json()["path"] == "/api/"
    server.revoke_tokens()
    response = http_session.get(server.api_url, headers=headers)
    assert (response.status_code, response.json()["error"]) == (status, "invalid_token")
    assert ("WWW-Authenticate" in response.headers) is (status != 200)
    assert http_session.get(server.api_url).status_code == 401
    server.reset()
    assert http_session.get(server.api_url, headers=headers).status_code == 401


def test_an_unknown_endpoint_has_no_requests(server: LocalServer) -> None:
    with pytest.raises(ValueError, match="not 'login'"):
        server.requests("login")  # type: ignore[arg-type]
