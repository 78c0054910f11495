"""Introspection and revocation."""

from __future__ import annotations

import time

import pytest
import requests

from requests_cc.testing import LocalServer

from .clients import bearer, eventually, request_token

CLIENTS = {"me": "s3cret", "you": "other"}
ME = ("me", "s3cret")


def introspect(session: requests.Session, server: LocalServer, token: str) -> dict[str, object]:
    response = session.post(server.introspection_url, data={"token": token}, auth=ME)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    found: dict[str, object] = response.json()
    return found


def test_a_valid_token_is_described(http_session: requests.Session) -> None:
    with LocalServer(CLIENTS) as server:
        server.token_claims = {"roles": ["reader"]}
        token = request_token(
            http_session, server, client_secret="s3cret", scope="read", audience="urn:api"
        ).json()["access_token"]
        found = introspect(http_session, server, token)
    assert abs(float(str(found["iat"])) - time.time()) < 60
    assert float(str(found["exp"])) - float(str(found["iat"])) in (3600, 3601)
    assert {name: found[name] for name in found.keys() - {"iat", "exp", "jti"}} == {
        "active": True,
        "token_type": "Bearer",
        "client_id": "me",
        "sub": "me",
        "scope": "read",
        "aud": "urn:api",
        "iss": server.issuer,
        "roles": ["reader"],
    }


def test_a_token_without_an_expiry_has_no_exp(http_session: requests.Session) -> None:
    with LocalServer(CLIENTS) as server:
        server.token_lifetime = None
        response = request_token(
            http_session, server, client_secret="s3cret", audience="urn:a", resource=["urn:b"]
        )
        found = introspect(http_session, server, response.json()["access_token"])
    assert found["active"] is True
    assert found["aud"] == ["urn:a", "urn:b"]
    assert "exp" not in found


def test_an_unknown_an_expired_and_a_revoked_token_are_not_active(
    http_session: requests.Session,
) -> None:
    with LocalServer(CLIENTS) as server:
        server.token_lifetime = 0.02
        expired = request_token(http_session, server, client_secret="s3cret").json()
        server.token_lifetime = 3600
        revoked = request_token(http_session, server, client_secret="s3cret").json()
        data = {"token": revoked["access_token"], "token_type_hint": "access_token"}
        assert http_session.post(server.revocation_url, data=data, auth=ME).status_code == 200
        for token in ["unknown", revoked["access_token"]]:
            assert introspect(http_session, server, token) == {"active": False}
        eventually(
            lambda: introspect(http_session, server, expired["access_token"]) == {"active": False}
        )
        assert len(server.requests("revocation")) == 1
        assert "1 revocation" in repr(server)


def test_the_api_rejects_a_revoked_token_and_no_other(http_session: requests.Session) -> None:
    with LocalServer(CLIENTS) as server:
        first = request_token(http_session, server, client_secret="s3cret")
        second = request_token(http_session, server, client_secret="s3cret")
        data = {"token": first.json()["access_token"]}
        for _ in range(2):  # RFC 7009 §2.2: an unknown token is not an error
            response = http_session.post(server.revocation_url, data=data, auth=ME)
            assert response.status_code == 200
        assert http_session.get(server.api_url, headers=bearer(first)).status_code == 401
        assert http_session.get(server.api_url, headers=bearer(second)).status_code == 200


def test_the_token_of_another_client_is_not_revoked(http_session: requests.Session) -> None:
    with LocalServer(CLIENTS) as server:
        token = request_token(http_session, server, client_secret="s3cret")
        data = {"token": token.json()["access_token"]}
        response = http_session.post(server.revocation_url, data=data, auth=("you", "other"))
        assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
        assert http_session.get(server.api_url, headers=bearer(token)).status_code == 200


@pytest.mark.parametrize("name", ["introspection_url", "revocation_url"])
def test_both_need_a_client_a_token_and_a_post(http_session: requests.Session, name: str) -> None:
    with LocalServer(CLIENTS) as server:
        url = getattr(server, name)
        unnamed = http_session.post(url, data={"token": "t"})
        wrong = http_session.post(url, data={"token": "t"}, auth=("me", "wrong"))
        no_token = http_session.post(url, auth=ME, data={"x": "y"})
        by_get = http_session.get(url)
    statuses = [response.status_code for response in (unnamed, wrong, no_token, by_get)]
    assert statuses == [401, 401, 400, 405]
    assert "WWW-Authenticate" in wrong.headers
    assert "token is missing" in no_token.json()["error_description"]


def test_an_open_server_wants_a_name_too(
    server: LocalServer, http_session: requests.Session
) -> None:
    assert http_session.post(server.introspection_url, data={"token": "t"}).status_code == 401
    response = http_session.post(server.introspection_url, data={"token": "t", "client_id": "x"})
    assert response.json() == {"active": False}


def test_both_may_be_planned_to_fail(server: LocalServer, http_session: requests.Session) -> None:
    server.fail_next(status=500, at="introspection")
    server.fail_next(status=503, at="revocation")
    statuses = [
        http_session.post(url, data={"token": "t", "client_id": "x"}).status_code
        for url in (server.introspection_url, server.revocation_url) * 2
    ]
    assert statuses == [500, 503, 200, 200]
