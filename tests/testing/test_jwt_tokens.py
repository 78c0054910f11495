"""JWT access tokens (RFC 9068), and the keys that verify them."""

from __future__ import annotations

import time

import pytest
import requests
from joserfc import jwk, jwt

from requests_cc.testing import LocalServer

from .clients import bearer, request_token


@pytest.mark.parametrize(("setting", "alg"), [(True, "ES256"), ("RS256", "RS256")])
def test_an_api_verifies_the_token_with_the_published_key(
    http_session: requests.Session, setting: bool | str, alg: str
) -> None:
    with LocalServer(jwt=setting) as server:
        server.token_claims = {"roles": ["reader"], "sub": "robot"}
        response = request_token(http_session, server, scope="read", audience="urn:api")
        keys = jwk.KeySet.import_key_set(http_session.get(server.jwks_url).json())
        token = jwt.decode(response.json()["access_token"], keys, algorithms=[alg])
        assert http_session.get(server.api_url, headers=bearer(response)).status_code == 200
    assert token.header == {"typ": "at+jwt", "alg": alg, "kid": keys.keys[0].kid}
    claims = token.claims
    assert abs(claims.pop("iat") - time.time()) < 60
    assert abs(claims.pop("exp") - time.time() - 3600) < 60
    assert claims.pop("jti")
    assert claims == {
        "iss": server.issuer,
        "sub": "robot",
        "aud": "urn:api",
        "client_id": "me",
        "scope": "read",
        "roles": ["reader"],
    }


def test_the_key_is_named_by_its_thumbprint(http_session: requests.Session) -> None:
    with LocalServer(jwt=True) as server:
        (members,) = http_session.get(server.jwks_url).json()["keys"]
    assert members["kid"] == jwk.import_key(members).thumbprint()
    assert "d" not in members
    assert (members["use"], members["alg"]) == ("sig", "ES256")


def test_the_default_audience_is_the_api(http_session: requests.Session) -> None:
    with LocalServer(jwt=True) as server:
        server.token_lifetime = None
        token = request_token(http_session, server).json()["access_token"]
        keys = jwk.KeySet.import_key_set(http_session.get(server.jwks_url).json())
        claims = jwt.decode(token, keys, algorithms=["ES256"]).claims
    assert claims["aud"] == server.api_url
    assert "exp" not in claims


def test_a_revoked_jwt_is_rejected(http_session: requests.Session) -> None:
    with LocalServer(jwt=True) as server:
        headers = bearer(request_token(http_session, server))
        assert http_session.get(server.api_url, headers=headers).status_code == 200
        server.revoke_tokens()
        assert http_session.get(server.api_url, headers=headers).status_code == 401


def test_the_algorithm_must_be_a_known_one() -> None:
    with pytest.raises(ValueError, match="not 'HS256'"):
        LocalServer(jwt="HS256")


def test_the_number_of_tokens_is_bounded(
    server: LocalServer, http_session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests_cc.testing.tokens.MAX_TOKENS", 2)
    headers = [bearer(request_token(http_session, server)) for _ in range(3)]
    statuses = [http_session.get(server.api_url, headers=each).status_code for each in headers]
    assert statuses == [401, 200, 200]
