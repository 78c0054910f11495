"""Registered clients: several secrets, signed assertions, scopes, grants and methods."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import pytest
import requests
from joserfc import jwk, jwt

from requests_cc import ClientCredentials, ClientSecretJWT, InvalidClient, PrivateKeyJWT
from requests_cc.testing import Client, LocalServer

from .clients import GRANT, bearer, request_token

SECRET = "a secret of at least thirty-two bytes"
KEYS = {
    "EC": jwk.ECKey.generate_key("P-256"),
    "RSA": jwk.RSAKey.generate_key(2048),
    "OKP": jwk.OKPKey.generate_key("Ed25519"),
}
KEY = KEYS["EC"]
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def pem(key: Any, *, private: bool = True) -> bytes:
    encoded: bytes = key.as_pem(private=private)
    return encoded


def test_each_of_several_secrets_is_accepted(http_session: requests.Session) -> None:
    for secrets in (["new", "old"], Client("new", "old")):
        with LocalServer({"me": secrets}) as server:  # type: ignore[dict-item]
            statuses = [
                request_token(http_session, server, client_secret=secret).status_code
                for secret in ("new", "old", "older", "")
            ]
        assert statuses == [200, 200, 401, 401]


def test_a_client_shows_no_secret() -> None:
    assert repr(Client("s3cret", "old")) == "<Client 2 secrets>"
    assert repr(Client(keys=[KEY.as_dict(private=False)])) == "<Client 1 keys>"
    assert repr(Client()) == "<Client public>"


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("form", ["jwk", "public PEM", "private PEM", "PEM as str"])
def test_a_client_signs_with_its_private_key(kind: str, form: str) -> None:
    key = KEYS[kind]
    registered = {
        "jwk": key.as_dict(private=False),
        "public PEM": pem(key, private=False),
        "private PEM": pem(key),
        "PEM as str": pem(key, private=False).decode(),
    }[form]
    with LocalServer({"me": Client(keys=[registered])}) as server:
        auth = PrivateKeyJWT(pem(key))
        assert ClientCredentials(server.token_url, "me", auth=auth).request_token()
        stranger = PrivateKeyJWT(pem(jwk.ECKey.generate_key("P-256")))
        with pytest.raises(InvalidClient, match="does not match a known key"):
            ClientCredentials(server.token_url, "me", auth=stranger).request_token()


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_a_client_signs_with_its_secret(alg: str) -> None:
    with LocalServer({"me": ["another", SECRET]}) as server:
        auth = ClientSecretJWT(alg=alg)
        assert ClientCredentials(server.token_url, "me", SECRET, auth=auth).request_token()
        with pytest.raises(InvalidClient, match="does not match a secret"):
            ClientCredentials(server.token_url, "me", SECRET[1:], auth=auth).request_token()


def test_the_same_assertion_is_accepted_at_introspection_with_its_own_url() -> None:
    with LocalServer({"me": Client(keys=[pem(KEY)])}) as server:
        for audience in (server.issuer, server.token_url, server.introspection_url):
            response = requests.post(
                server.introspection_url,
                data={"token": "t", **asserted(server, aud=audience)},
                timeout=20,
            )
            assert response.json() == {"active": False}


def asserted(server: LocalServer, **changes: Any) -> dict[str, str]:
    now = time.time()
    claims = {
        "iss": "me",
        "sub": "me",
        "aud": server.issuer,
        "iat": now,
        "exp": now + 60,
        "jti": str(now),
        **changes,
    }
    sent = {name: value for name, value in claims.items() if value is not None}
    assertion = jwt.encode({"alg": "ES256"}, sent, KEY)
    return {"client_assertion": assertion, "client_assertion_type": TYPE}


def encoded(*parts: object) -> str:
    texts = [json.dumps(part).encode() for part in parts]
    return ".".join(base64.urlsafe_b64encode(text).rstrip(b"=").decode() for text in texts)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"aud": "https://other.example"}, "its aud must be http"),
        ({"aud": None}, "its aud must be http"),
        ({"iss": "you"}, "iss and sub must be the client_id"),
        ({"exp": 1}, "it has expired"),
        ({"exp": None}, "its exp must be a number"),
        ({"exp": True}, "its exp must be a number"),
        ({"iat": "now"}, "its iat must be a number"),
        ({"iat": 1 << 40}, "in the future"),
        ({"nbf": 1 << 40}, "in the future"),
    ],
)
def test_an_assertion_that_is_not_valid_is_an_invalid_client(
    http_session: requests.Session, changes: dict[str, Any], problem: str
) -> None:
    with LocalServer({"me": Client(keys=[pem(KEY)])}) as server:
        assert http_session.post(
            server.token_url, data={**GRANT, **asserted(server, aud=[server.token_url, "x"])}
        ).ok
        response = http_session.post(
            server.token_url, data={**GRANT, **asserted(server, **changes)}
        )
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert problem in response.json()["error_description"]


@pytest.mark.parametrize(
    "assertion",
    ["a.b.c", "a", encoded([], {}) + ".x", encoded({}, []) + ".x", encoded({}, {}), "é.é.é"],
)
def test_an_assertion_that_is_malformed_is_an_invalid_client(
    http_session: requests.Session, assertion: str
) -> None:
    with LocalServer({"me": Client(keys=[pem(KEY)])}) as server:
        data = {**GRANT, "client_assertion": assertion, "client_assertion_type": TYPE}
        response = http_session.post(server.token_url, data={**data, "client_id": "me"})
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert "compact serialization" in response.json()["error_description"]


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ({"alg": "none"}, "its alg must be one of ES256"),
        ({"alg": ["x"]}, "its alg must be one of ES256"),
        ({"alg": "RS256"}, "does not match a known key"),
        ({"alg": "HS256"}, "does not match a secret"),
    ],
)
def test_the_algorithm_must_fit_the_key(
    http_session: requests.Session, header: dict[str, Any], problem: str
) -> None:
    with LocalServer({"me": Client(keys=[pem(KEY)])}) as server:
        assertion = encoded(header, {"sub": "me"}) + ".AAAA"
        data = {**GRANT, "client_assertion": assertion, "client_assertion_type": TYPE}
        response = http_session.post(server.token_url, data=data)
    assert problem in response.json()["error_description"]


def test_the_subject_of_an_assertion_must_be_the_client(http_session: requests.Session) -> None:
    with LocalServer({"me": Client(keys=[pem(KEY)])}) as server:
        data = {**GRANT, "client_id": "me", **asserted(server, sub="you")}
        response = http_session.post(server.token_url, data=data)
    assert response.status_code == 401
    assert "iss and sub must be the client_id" in response.json()["error_description"]


def test_an_empty_secret_verifies_no_assertion(http_session: requests.Session) -> None:
    with LocalServer({"me": ""}) as server:
        now = time.time()
        claims = {"iss": "me", "sub": "me", "aud": server.issuer, "exp": now + 60}
        message = encoded({"alg": "HS256"}, claims)
        signature = hmac.digest(b"", message.encode(), "sha256")
        assertion = f"{message}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
        data = {**GRANT, "client_assertion": assertion, "client_assertion_type": TYPE}
        response = http_session.post(server.token_url, data=data)
    assert response.status_code == 401


def test_an_assertion_is_accepted_once(http_session: requests.Session) -> None:
    with LocalServer({"me": Client(keys=[pem(KEY)])}) as server:
        once, without_jti = asserted(server), asserted(server, jti=None)
        responses = [
            http_session.post(server.token_url, data={**GRANT, **each})
            for each in (once, once, without_jti, without_jti)
        ]
        assert [response.status_code for response in responses] == [200, 401, 200, 200]
        assert "its jti was used before" in responses[1].json()["error_description"]
        server.reset()
        assert http_session.post(server.token_url, data={**GRANT, **once}).status_code == 200


def test_the_number_of_remembered_assertions_is_bounded(
    http_session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests_cc.testing.claims.MAX_SEEN", 2)
    with LocalServer({"me": Client(keys=[pem(KEY)])}) as server:
        sent = [asserted(server, jti=str(number)) for number in range(3)]
        statuses = [
            http_session.post(server.token_url, data={**GRANT, **each}).status_code
            for each in [*sent, sent[2], sent[0]]
        ]
    assert statuses == [200, 200, 200, 401, 200]


def test_an_assertion_needs_its_type_and_excludes_a_secret(http_session: requests.Session) -> None:
    with LocalServer({"me": Client("s", keys=[pem(KEY)])}) as server:
        assertion = {"client_assertion": asserted(server)["client_assertion"]}
        untyped = http_session.post(server.token_url, data={**GRANT, **assertion})
        twice = http_session.post(
            server.token_url, data={**GRANT, **asserted(server), "client_secret": "s"}
        )
    assert "client_assertion_type is missing" in untyped.json()["error_description"]
    assert "authenticate only once" in twice.json()["error_description"]


def test_an_open_server_takes_the_name_from_the_assertion(
    server: LocalServer, http_session: requests.Session
) -> None:
    response = http_session.post(server.token_url, data={**GRANT, **asserted(server)})
    described = http_session.get(server.api_url, headers=bearer(response)).json()
    assert described["client_id"] == "me"
    number = http_session.post(server.token_url, data={**GRANT, **asserted(server, sub=7)})
    assert number.status_code == 401


@pytest.mark.parametrize("keys", [["nonsense"], [{"kty": "oct", "k": "AAAA"}], [b"\xff"]])
def test_a_key_that_cannot_be_read_is_refused(keys: list[Any]) -> None:
    with pytest.raises(ValueError, match="key must be PEM, or a JWK"):
        Client(keys=keys)


def test_a_client_may_be_limited_to_some_methods(http_session: requests.Session) -> None:
    with LocalServer({"me": Client("s", auth_methods=["client_secret_post"])}) as server:
        by_post = request_token(http_session, server, client_secret="s")
        by_basic = http_session.post(server.token_url, data=GRANT, auth=("me", "s"))
    assert (by_post.status_code, by_basic.status_code) == (200, 401)
    assert "must authenticate with client_secret_post" in by_basic.json()["error_description"]


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="not 'password'"):
        Client("s", auth_methods=["password"])


def test_a_client_that_does_not_authenticate_is_an_invalid_client(
    http_session: requests.Session,
) -> None:
    with LocalServer({"me": Client(keys=[pem(KEY)])}) as server:
        response = request_token(http_session, server)
    assert response.status_code == 401
    assert "must authenticate" in response.json()["error_description"]


# Scopes and grants


def test_other_scopes_are_an_invalid_scope(http_session: requests.Session) -> None:
    clients = {"me": "s", "reader": Client("s", scopes="read")}
    with LocalServer(clients, scopes=["read", "write"]) as server:
        by_default = request_token(http_session, server, client_secret="s")
        some = request_token(http_session, server, client_secret="s", scope="write")
        other = request_token(http_session, server, client_secret="s", scope="read admin")
        own = {"client_id": "reader", "client_secret": "s"}
        limited = request_token(http_session, server, **own, scope="write")
        limited_default = request_token(http_session, server, **own)
    assert by_default.json()["scope"] == "read write"
    assert some.json()["scope"] == "write"
    assert (other.status_code, other.json()["error"]) == (400, "invalid_scope")
    assert "scope admin is not allowed" in other.json()["error_description"]
    assert limited.json()["error"] == "invalid_scope"
    assert limited_default.json()["scope"] == "read"


def test_a_client_may_be_allowed_no_scope(http_session: requests.Session) -> None:
    with LocalServer({"me": Client("s", scopes=())}) as server:
        response = request_token(http_session, server, client_secret="s")
    assert "scope" not in response.json()


def test_other_grants_are_refused(http_session: requests.Session) -> None:
    clients = {"me": "s", "limited": Client("s", grants="client_credentials")}
    grants = ["client_credentials", "password"]
    with LocalServer(clients, grants=grants) as server:
        allowed = request_token(http_session, server, client_secret="s", grant_type="password")
        unsupported = request_token(http_session, server, client_secret="s", grant_type="implicit")
        own = {"client_id": "limited", "client_secret": "s"}
        limited = request_token(http_session, server, **own, grant_type="password")
        limited_allowed = request_token(http_session, server, **own)
    assert (allowed.status_code, limited_allowed.status_code) == (200, 200)
    assert unsupported.json()["error"] == "unsupported_grant_type"
    assert limited.json()["error"] == "unauthorized_client"
