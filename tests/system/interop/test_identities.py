"""Assertions that something else signs: a signer, a callable, another source of tokens."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jwk, jwt

import requests_cc
from requests_cc import AccessToken, ClientAssertion, PrivateKeyJWT

from .material import Material
from .methods import METHODS
from .protected_api import ProtectedApi
from .provider import Provider

CLIENT = METHODS["private_key_jwt-ES256"]


class Signer:
    """The client's key in a KMS: what it signs is all that anybody gets of it."""

    alg = "ES256"

    def __init__(self, key: dict[str, Any]) -> None:
        self.kid: str = key["kid"]
        self._key: Any = jwk.import_key(key)

    def sign(self, data: bytes) -> bytes:
        der = self._key.private_key.sign(data, ec.ECDSA(hashes.SHA256()))
        return b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(der))


class Identity:
    """A workload's identity: it issues the assertion, and the server trusts its key."""

    def __init__(self, key: dict[str, Any], audience: str) -> None:
        self._key: Any = jwk.import_key(key)
        self._audience = audience
        self.cache_key = f"identity for {audience}"

    def issue(self, audience: str) -> str:
        now = int(time.time())
        claims = {
            "iss": CLIENT.name,
            "sub": CLIENT.name,
            "aud": audience,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + 60,
        }
        return jwt.encode({"alg": "ES256"}, claims, self._key)

    def request_token(self) -> AccessToken:
        return AccessToken(self.issue(self._audience))


@pytest.mark.parametrize("kind", ["signer", "callable", "source"])
def test_an_assertion_that_something_else_signs_gets_a_token_again_and_again(
    *,
    kind: str,
    provider: Provider,
    api: ProtectedApi,
    material: Material,
    application: Callable[..., requests.Session],
    revoke_all: Callable[[], None],
) -> None:
    key = material.keys["ES256"]
    identity = Identity(key, provider.issuer)
    auth = {
        "signer": PrivateKeyJWT(Signer(key)),
        "callable": ClientAssertion(identity.issue),
        "source": ClientAssertion(identity),
    }[kind]
    session = application(CLIENT.credentials(provider.server(), material, auth=auth))

    first = session.get(api.url + "/any")
    revoke_all()
    renewed = session.get(api.url + "/any")

    assert [one.status_code for one in (first, renewed)] == [200] * 2
    assert [len(one.history) for one in (first, renewed)] == [0, 1]


def test_an_assertion_of_another_key_is_refused(provider: Provider, material: Material) -> None:
    stranger = Identity(jwk.generate_key("EC", "P-256").as_dict(private=True), provider.issuer)
    source = CLIENT.credentials(provider.server(), material, auth=ClientAssertion(stranger))

    with pytest.raises(requests_cc.InvalidClient):
        source.request_token()
