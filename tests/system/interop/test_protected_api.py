"""The judge judged: the API refuses what has one thing wrong, so what it takes is right."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from typing import Any

import pytest
import requests
from joserfc import jwk, jwt

import requests_cc

from .material import Material
from .methods import METHODS
from .protected_api import ProtectedApi
from .provider import Provider

KEY = jwk.ECKey.generate_key("P-256")
OTHER = jwk.ECKey.generate_key("P-256")


@pytest.fixture(scope="module")
def token(provider_process: Provider, material: Material) -> requests_cc.AccessToken:
    """Bound to ``KEY``."""
    key = requests_cc.DPoPKey(KEY)
    source = METHODS["dpop"].credentials(provider_process.server(), material, dpop=key)
    return source.request_token()


def signed(key: jwk.ECKey, claims: dict[str, Any], **header: Any) -> str:
    members = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False), **header}
    return jwt.encode(members, claims, key)


def claims_of(token: requests_cc.AccessToken, url: str) -> dict[str, Any]:
    digest = hashlib.sha256(token.value.encode()).digest()
    return {
        "htm": "GET",
        "htu": url,
        "iat": int(time.time()),
        "jti": str(uuid.uuid4()),
        "ath": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
    }


def get(url: str, token: requests_cc.AccessToken, *proofs: str, scheme: str = "DPoP") -> int:
    headers = {"Authorization": f"{scheme} {token.value}", "DPoP": ", ".join(proofs)}
    with requests.get(url, headers=headers, timeout=30) as answer:
        return answer.status_code


def test_a_proof_made_by_hand_is_taken_once(
    api: ProtectedApi, token: requests_cc.AccessToken
) -> None:
    url = f"{api.url}/any"
    proof = signed(KEY, claims_of(token, url))

    assert [get(url, token, proof), get(url, token, proof)] == [200, 401]
    assert api.arrived[-1].why == "jti"


@pytest.mark.parametrize(
    "wrong",
    [
        {"htm": "POST"},
        {"htu": "http://127.0.0.1/any"},
        {"iat": 946_684_800},
        {"iat": 4_102_444_800},
        {"ath": "of-another-token"},
        {"jti": ""},
    ],
    ids="-".join,
)
def test_a_proof_with_one_claim_wrong_is_refused(
    wrong: dict[str, Any], api: ProtectedApi, token: requests_cc.AccessToken
) -> None:
    url = f"{api.url}/any"

    assert get(url, token, signed(KEY, {**claims_of(token, url), **wrong})) == 401
    assert api.arrived[-1].why == next(iter(wrong))


def test_a_proof_by_another_key_is_refused(
    api: ProtectedApi, token: requests_cc.AccessToken
) -> None:
    url = f"{api.url}/any"
    claims = claims_of(token, url)

    assert get(url, token, signed(OTHER, claims)) == 401
    assert api.arrived[-1].why == "jkt"
    assert get(url, token, signed(OTHER, claims, jwk=KEY.as_dict(private=False))) == 401
    assert api.arrived[-1].why.startswith("signature")


def test_a_proof_that_shows_its_private_key_or_is_of_another_type_is_refused(
    api: ProtectedApi, token: requests_cc.AccessToken
) -> None:
    url = f"{api.url}/any"
    claims = claims_of(token, url)

    assert get(url, token, signed(KEY, claims, jwk=KEY.as_dict(private=True))) == 401
    assert get(url, token, signed(KEY, claims, typ="JWT")) == 401
    assert api.arrived[-1].why == "typ"


def test_a_proof_without_the_nonce_is_refused(
    api: ProtectedApi, token: requests_cc.AccessToken
) -> None:
    url = f"{api.url}/any"
    api.proofs.require_nonce = True

    assert get(url, token, signed(KEY, claims_of(token, url))) == 401
    assert api.arrived[-1].why == "nonce"
    right = {**claims_of(token, url), "nonce": api.proofs.nonce}
    assert get(url, token, signed(KEY, right)) == 200


def test_a_bound_token_is_refused_as_a_bearer_token(
    api: ProtectedApi, token: requests_cc.AccessToken
) -> None:
    assert get(f"{api.url}/any", token, scheme="Bearer") == 401


def test_a_token_opens_only_what_it_is_for(
    api: ProtectedApi, provider: Provider, material: Material
) -> None:
    token = METHODS["client_secret_post"].credentials(provider.server(), material).request_token()

    statuses = {
        path: get(api.url + path, token, scheme="Bearer")
        for path in ("/any", "/read", "/jwt", "/opaque", "/nothing")
    }

    assert statuses == {"/any": 200, "/read": 403, "/jwt": 401, "/opaque": 401, "/nothing": 404}
