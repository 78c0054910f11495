"""Tokens that the client signs itself."""

from __future__ import annotations

import dataclasses
import pickle
import time
from typing import Any

import pytest
import requests
from joserfc import jwt

from requests_cc import (
    ClientCredentialsAdapter,
    ConfigurationError,
    SelfSignedJWT,
    TokenCache,
    mount,
)
from requests_cc.protocols import TokenSource
from tests.support.plain_stores import DictStore
from tests.support.scripts import Reply, Request
from tests.support.server import Server
from tests.support.sources import ManualClock

from .helpers import EC, EC_PEM, RSA, RSA_PEM, Signer, assert_hidden


def decoded(source: SelfSignedJWT, key: Any, alg: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims, the signature verified."""
    token = jwt.decode(source.request_token().value, key, algorithms=[alg])
    return token.header, token.claims


def times(claims: dict[str, Any]) -> tuple[int, int]:
    return claims.pop("iat"), claims.pop("exp")


def test_a_token_of_google_is_as_its_page_says() -> None:
    # Google Identity, "Service account authorization without OAuth"
    source = SelfSignedJWT(
        RSA_PEM,
        kid="abcdef1234567890",
        issuer="123456-compute@developer.gserviceaccount.com",
        subject="123456-compute@developer.gserviceaccount.com",
        audience="https://firestore.googleapis.com/",
    )
    header, claims = decoded(source, RSA, "RS256")
    issued, expires = times(claims)
    assert header == {"alg": "RS256", "typ": "JWT", "kid": "abcdef1234567890"}
    assert claims == {
        "iss": "123456-compute@developer.gserviceaccount.com",
        "sub": "123456-compute@developer.gserviceaccount.com",
        "aud": "https://firestore.googleapis.com/",
    }
    assert expires - issued == 3600
    assert ClientCredentialsAdapter(source).origins == ("https://firestore.googleapis.com",)


def test_a_token_of_app_store_connect_is_as_its_page_says() -> None:
    # App Store Connect API, "Generating Tokens for API Requests": at most 20 minutes ahead
    source = SelfSignedJWT(
        EC_PEM,
        kid="2X9R4HXF34",
        issuer="57246542-96fe-1a63-e053-0824d011072a",
        audience="appstoreconnect-v1",
        lifetime=1200,
        claims={"scope2": ["GET /v1/apps?filter[platform]=IOS"]},
    )
    header, claims = decoded(source, EC, "ES256")
    _, expires = times(claims)
    assert header == {"alg": "ES256", "typ": "JWT", "kid": "2X9R4HXF34"}
    assert claims == {
        "iss": "57246542-96fe-1a63-e053-0824d011072a",
        "aud": "appstoreconnect-v1",
        "scope2": ["GET /v1/apps?filter[platform]=IOS"],
    }
    assert expires <= time.time() + 1200


def test_each_setting_is_in_the_token() -> None:
    source = SelfSignedJWT(
        RSA_PEM,
        issuer="",
        audience=["a", "b"],
        scope=["read", "write"],
        alg="PS256",
        kid="thumbprint",
        headers={"typ": None, "x5t": "abc"},
        claims={"bid": "com.example"},
    )
    header, claims = decoded(source, RSA, "PS256")
    times(claims)
    assert header == {"alg": "PS256", "kid": RSA.thumbprint(), "x5t": "abc"}
    assert claims == {"aud": ["a", "b"], "scope": "read write", "bid": "com.example"}


@pytest.mark.parametrize(("lifetime", "behind"), [(3600, 60), (600, 60), (100, 10), (1, 0)])
def test_it_is_issued_a_little_in_the_past_and_not_yet_expired(lifetime: int, behind: int) -> None:
    before = time.time()
    issued = SelfSignedJWT(EC_PEM, issuer="me", lifetime=lifetime).request_token()
    claims = jwt.decode(issued.value, EC, algorithms=["ES256"]).claims
    assert claims["exp"] - claims["iat"] == lifetime
    assert 0 <= before - behind - claims["iat"] <= 5 or claims["iat"] >= int(before - behind)
    assert issued.expires_at == claims["exp"]
    assert issued.issued_at == pytest.approx(before, abs=5)


def test_a_signer_signs_and_keeps_the_token_in_this_process() -> None:
    signer = Signer()
    source = SelfSignedJWT(signer, issuer="me")
    header, _ = decoded(source, RSA, "RS256")
    assert header["kid"] == "of-the-kms"
    assert signer.signed == 1
    assert source.cache_key == SelfSignedJWT(signer, issuer="me").cache_key
    assert source.cache_key != SelfSignedJWT(Signer(), issuer="me").cache_key
    assert not isinstance(source.cache_key, str)


def test_a_key_of_cryptography_signs() -> None:
    source = SelfSignedJWT(RSA.private_key, issuer="me")
    assert decoded(source, RSA, "RS256")[1]["iss"] == "me"
    assert source.cache_key == SelfSignedJWT(RSA_PEM, issuer="me").cache_key


def test_a_rejection_makes_a_new_one_without_any_request() -> None:
    def api(request: Request) -> Reply:
        return Reply(401 if not server.tokens[1:] else 200)

    with Server(api) as server, requests.Session() as session:
        clock = ManualClock()
        clock.wall = time.time()
        source = SelfSignedJWT(EC_PEM, issuer="me", audience=server.origin)
        mount(session, ClientCredentialsAdapter(source, cache=TokenCache(clock=clock)))
        assert session.get(server.origin, timeout=20).status_code == 200
        one, two = server.tokens
        assert one != two  # ECDSA signs with a nonce
        clock.forward(3600)
        session.get(server.origin, timeout=20)
        assert len(set(server.tokens)) == 3


def test_a_store_keeps_it() -> None:
    clock = ManualClock()
    clock.wall = time.time()
    store = DictStore(clock)
    token = TokenCache(store, clock=clock).token(SelfSignedJWT(EC_PEM, issuer="me"))
    again = TokenCache(store, clock=clock).token(SelfSignedJWT(EC_PEM, issuer="me"))
    assert token.value == again.value


def test_a_key_tells_apart_what_shapes_the_token() -> None:
    variations: list[dict[str, Any]] = [
        {},
        {"key": RSA_PEM},
        {"issuer": "you"},
        {"subject": "s"},
        {"audience": "a"},
        {"scope": "s"},
        {"lifetime": 60},
        {"kid": "k"},
        {"headers": {"x": "y"}},
        {"claims": {"x": "y"}},
    ]
    keys = [SelfSignedJWT(**{"key": EC_PEM, "issuer": "me", **v}).cache_key for v in variations]
    assert len(set(keys)) == len(keys)
    assert all(isinstance(key, str) for key in keys)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"key": "no key"}, "key is"),
        ({"issuer": None}, "issuer is missing"),
        ({"issuer": 1}, "issuer must be a non-empty str"),
        ({"subject": ""}, "subject must be a non-empty str"),
        ({"audience": 1}, "audience must be"),
        ({"lifetime": 0}, "lifetime must be"),
        ({"alg": "HS256"}, "alg 'HS256' does not fit"),
        ({"claims": {"iss": "x"}}, "claims repeats 'iss': use issuer= instead"),
        ({"claims": {"iat": 1}}, "claims repeats 'iat': it is the time"),
        ({"claims": {"x": print}}, "claims holds something that JSON cannot hold"),
        ({"headers": {"alg": "none"}}, "headers repeats 'alg': use alg= instead"),
        ({"headers": []}, "headers must be a mapping"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SelfSignedJWT(**{"key": EC_PEM, "issuer": "me", **settings})


def test_it_is_a_value_that_shows_no_key() -> None:
    source = SelfSignedJWT(EC_PEM, issuer="me", claims={"pin": "s3cr3t-pin"}, audience="a")
    assert isinstance(source, TokenSource)
    assert repr(source) == "SelfSignedJWT(issuer='me', audience='a', lifetime=3600)"
    assert source.label == "a token signed by me"
    assert dataclasses.replace(source, issuer="me") == source
    assert hash(dataclasses.replace(source)) == hash(source)
    assert pickle.loads(pickle.dumps(source)) == source
    with pytest.raises(dataclasses.FrozenInstanceError):
        source.issuer = "you"  # type: ignore[misc]
    for secret in ("s3cr3t-pin", EC.as_dict(private=True)["d"]):
        assert_hidden(secret, source, source.cache_key)
