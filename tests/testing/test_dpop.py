"""DPoP at the token endpoint and at the API: RFC 9449."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from joserfc import jwk, jwt

from requests_cc import ClientCredentials, ClientCredentialsAdapter, DPoPKey, TokenCache, mount
from requests_cc.testing import LocalServer
from requests_cc.testing.proof import token_hash

from .clients import request_token

KEY = jwk.ECKey.generate_key("P-256")


@pytest.fixture
def api_session(server: LocalServer) -> Iterator[requests.Session]:
    credentials = ClientCredentials(server.token_url, "me", "s", dpop=DPoPKey.generate())
    with requests.Session() as session:
        session.trust_env = False
        adapter = ClientCredentialsAdapter(credentials, origins=server.api_url, cache=TokenCache())
        mount(session, adapter)
        yield session


def test_the_library_calls_the_api_with_proofs(
    server: LocalServer, api_session: requests.Session
) -> None:
    for _ in range(3):
        assert api_session.get(server.api_url).status_code == 200
    assert len(server.token_requests) == 1
    (sent, *_) = server.api_requests
    assert sent.headers["Authorization"].startswith("DPoP ")
    server.revoke_tokens()
    assert api_session.post(server.api_url, data=b"body").status_code == 200
    assert len(server.token_requests) == 2


def test_a_required_nonce_is_handed_out_and_used(
    server: LocalServer, api_session: requests.Session
) -> None:
    server.dpop_nonce = "one"
    assert api_session.get(server.api_url).status_code == 200
    assert [r.headers["DPoP"].count(".") for r in server.token_requests] == [2, 2]
    server.dpop_nonce = "two"
    assert api_session.get(server.api_url).status_code == 200
    assert len(server.token_requests) == 2
    server.reset()
    assert server.dpop_nonce is None


def proof(server: LocalServer, url: str, method: str = "POST", **changes: Any) -> dict[str, str]:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": KEY.as_dict(private=False)}
    header |= {name: changes.pop(name) for name in {"typ", "jwk"} & changes.keys()}
    claims = {"htm": method, "htu": url, "iat": time.time(), "jti": str(time.time()), **changes}
    sent = {name: value for name, value in claims.items() if value is not None}
    return {"DPoP": jwt.encode(header, sent, KEY)}


def bound(session: requests.Session, server: LocalServer, **changes: Any) -> requests.Response:
    headers = proof(server, server.token_url, **changes)
    data = {"grant_type": "client_credentials", "client_id": "me"}
    return session.post(server.token_url, data=data, headers=headers)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"htu": "https://other.example/"}, "its htm and htu must be POST and http"),
        ({"htm": "GET"}, "its htm and htu must be POST"),
        ({"iat": 1}, "more than 60 seconds ago"),
        ({"iat": None}, "its iat must be a number"),
        ({"jti": None}, "its jti must be a string"),
        ({"typ": "JWT"}, "its typ must be dpop+jwt"),
        ({"jwk": KEY.as_dict(private=True)}, "public jwk"),
        ({"jwk": {"kty": "EC"}}, "key must be PEM, or a JWK"),
        ({"jwk": jwk.ECKey.generate_key("P-256").as_dict(private=False)}, "does not match"),
    ],
)
def test_a_proof_that_is_not_valid_is_refused(
    server: LocalServer, http_session: requests.Session, changes: dict[str, Any], problem: str
) -> None:
    assert bound(http_session, server).json()["token_type"] == "DPoP"
    response = bound(http_session, server, **changes)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_dpop_proof")
    assert problem in response.json()["error_description"]


def test_a_proof_is_accepted_once(server: LocalServer, http_session: requests.Session) -> None:
    responses = [bound(http_session, server, jti="1") for _ in range(2)]
    assert [response.status_code for response in responses] == [200, 400]
    server.reset()
    assert bound(http_session, server, jti="1").status_code == 200


def test_a_bound_token_needs_a_proof_by_its_key(
    server: LocalServer, http_session: requests.Session
) -> None:
    token = bound(http_session, server).json()["access_token"]
    url = server.api_url

    def call(scheme: str, token: str, headers: dict[str, str]) -> tuple[int, str]:
        headers = {"Authorization": f"{scheme} {token}", **headers}
        response = http_session.get(url, headers=headers)
        return response.status_code, response.headers.get("WWW-Authenticate", "")

    good = proof(server, url, "GET", ath=token_hash(token))
    assert call("DPoP", token, good) == (200, "")
    assert 'Bearer realm="requests_cc.testing", error="invalid_token"' in call("Bearer", token, {})
    status, challenge = call("DPoP", token, {})
    assert (status, 'error="invalid_dpop_proof"' in challenge) == (401, True)
    status, challenge = call("DPoP", token, proof(server, url, "GET", ath=token_hash("another")))
    assert (status, 'DPoP realm="requests_cc.testing"' in challenge) == (401, True)
    other = DPoPKey.generate().proof("GET", url, token)
    status, challenge = call("DPoP", token, {"DPoP": other})
    assert (status, 'error="invalid_token"' in challenge) == (401, True)
    opaque = request_token(http_session, server).json()["access_token"]
    assert call("DPoP", opaque, {})[0] == 401


def test_a_proof_without_joserfc_is_a_server_error_with_the_line_to_install_it(
    server: LocalServer, http_session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "joserfc.jwk", None)
    response = bound(http_session, server)
    assert (response.status_code, response.json()["error"]) == (500, "server_error")
    assert 'pip install "requests_cc[jwt]"' in response.json()["error_description"]
