"""The grants JWT bearer (RFC 7523 §2.1) and token exchange (RFC 8693)."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests
from joserfc import jwk, jwt

from requests_cc import JWTBearer
from requests_cc.testing import Client, LocalServer

from .clients import bearer

KEY = jwk.ECKey.generate_key("P-256")
PEM: bytes = KEY.as_pem(private=True)
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
CLIENTS = {"robot": Client(keys=[PEM]), "me": "s3cret"}


def test_the_library_gets_a_token_for_an_assertion(http_session: requests.Session) -> None:
    with LocalServer(CLIENTS) as server:
        source = JWTBearer(server.token_url, issuer="robot", key=PEM, subject="alice")
        token = source.request_token()
        described = http_session.get(
            server.api_url, headers={"Authorization": f"Bearer {token.value}"}
        )
        found = http_session.post(
            server.introspection_url, data={"token": token.value}, auth=("me", "s3cret")
        )
    assert described.json()["client_id"] == "robot"
    assert (found.json()["sub"], found.json()["client_id"]) == ("alice", "robot")


def granted(
    session: requests.Session,
    server: LocalServer,
    auth: tuple[str, str] | None = None,
    **changes: Any,
) -> requests.Response:
    now = time.time()
    claims = {"iss": "robot", "aud": server.token_url, "exp": now + 60, "jti": str(now), **changes}
    sent = {name: value for name, value in claims.items() if value is not None}
    data = {"grant_type": JWT_BEARER, "assertion": jwt.encode({"alg": "ES256"}, sent, KEY)}
    return session.post(server.token_url, data=data, auth=auth)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"iss": "nobody"}, "its iss must be a client that has keys"),
        ({"iss": "me"}, "its iss must be a client that has keys"),
        ({"iss": None}, "its iss must be a client that has keys"),
        ({"aud": "urn:x"}, "its aud must be"),
        ({"exp": 1}, "it has expired"),
    ],
)
def test_an_assertion_that_is_not_valid_is_an_invalid_grant(
    http_session: requests.Session, changes: dict[str, Any], problem: str
) -> None:
    with LocalServer(CLIENTS) as server:
        assert granted(http_session, server).status_code == 200
        assert granted(http_session, server, jti=None).status_code == 200
        response = granted(http_session, server, **changes)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
    assert problem in response.json()["error_description"]


def test_an_assertion_grant_is_accepted_once(http_session: requests.Session) -> None:
    with LocalServer(CLIENTS) as server:
        statuses = [granted(http_session, server, jti="1").status_code for _ in range(2)]
    assert statuses == [200, 400]


def test_a_client_may_authenticate_beside_the_assertion(http_session: requests.Session) -> None:
    with LocalServer(CLIENTS) as server:
        response = granted(http_session, server, auth=("me", "s3cret"))
        described = http_session.get(server.api_url, headers=bearer(response))
    assert described.json()["client_id"] == "me"


def test_the_assertion_must_be_there(server: LocalServer, http_session: requests.Session) -> None:
    response = http_session.post(server.token_url, data={"grant_type": JWT_BEARER})
    assert "assertion is missing" in response.json()["error_description"]


def exchange(session: requests.Session, server: LocalServer, **form: Any) -> requests.Response:
    data = {
        "grant_type": EXCHANGE,
        "subject_token": "of-a-user",
        "subject_token_type": ACCESS_TOKEN,
        "audience": ["urn:a", "urn:b"],
        **form,
    }
    return session.post(server.token_url, data=data, auth=("me", "s3cret"))


def test_a_token_is_exchanged(http_session: requests.Session) -> None:
    with LocalServer(CLIENTS) as server:
        response = exchange(http_session, server, requested_token_type=ACCESS_TOKEN)
        described = http_session.get(server.api_url, headers=bearer(response)).json()
    assert response.json()["issued_token_type"] == ACCESS_TOKEN
    assert described["audience"] == ["urn:a", "urn:b"]


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"subject_token": None}, "subject_token is missing"),
        ({"subject_token_type": None}, "subject_token_type is missing"),
        ({"actor_token": "t"}, "must be sent together"),
        ({"actor_token_type": ACCESS_TOKEN}, "must be sent together"),
        ({"requested_token_type": "urn:saml"}, "requested_token_type must be"),
    ],
)
def test_an_exchange_that_is_not_valid_is_an_invalid_request(
    http_session: requests.Session, form: dict[str, Any], problem: str
) -> None:
    with LocalServer(CLIENTS) as server:
        actor = exchange(http_session, server, actor_token="t", actor_token_type=ACCESS_TOKEN)
        assert actor.status_code == 200
        response = exchange(http_session, server, **form)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert problem in response.json()["error_description"]
