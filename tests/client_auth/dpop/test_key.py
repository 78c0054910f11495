"""The key: made, loaded, kept to itself."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable

import pytest
from joserfc import jwk

from requests_cc import ClientCredentials, ConfigurationError, DPoPKey
from tests.support.proof_server import ALGORITHMS, opened

from .proofs import EC_KEY, URL


def test_a_key_can_be_given_in_every_form_and_is_the_same() -> None:
    encrypted = EC_KEY.as_pem(private=True, password="open sesame")
    keys = [
        DPoPKey(EC_KEY),
        DPoPKey(EC_KEY.as_pem(private=True)),
        DPoPKey(EC_KEY.as_pem(private=True).decode()),
        DPoPKey({**EC_KEY.as_dict(private=True), "kid": "k"}),
        DPoPKey(encrypted, password="open sesame"),
    ]
    assert {key.thumbprint for key in keys} == {EC_KEY.thumbprint()}
    assert len(set(keys)) == 1
    assert len({opened(key.proof("GET", URL))[0]["jwk"]["x"] for key in keys}) == 1


def test_an_rsa_key_signs_with_the_given_algorithm() -> None:
    pem = jwk.RSAKey.generate_key(2048).as_pem(private=True)
    assert opened(DPoPKey(pem).proof("GET", URL))[0]["alg"] == "RS256"
    assert opened(DPoPKey(pem, alg="PS256").proof("GET", URL))[0]["alg"] == "PS256"
    assert DPoPKey(pem) != DPoPKey(pem, alg="PS256")


def test_two_keys_are_equal_whatever_nonces_they_hold(key: DPoPKey) -> None:
    key.take_nonce(URL, {"DPoP-Nonce": "1"})
    assert key == DPoPKey(EC_KEY)
    assert hash(key) == hash(DPoPKey(EC_KEY))
    assert key != DPoPKey.generate()
    assert key != "key"


def test_credentials_with_one_key_are_equal_and_name_the_same_tokens() -> None:
    first, second, other = (
        ClientCredentials("https://a.example/token", "me", "s", dpop=dpop)
        for dpop in (DPoPKey(EC_KEY), DPoPKey(EC_KEY), DPoPKey.generate())
    )
    assert first == second
    assert hash(first) == hash(second)
    assert first.cache_key == second.cache_key
    assert first != other
    assert first.cache_key != other.cache_key


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_pickle_holds_the_key_and_its_algorithm_and_no_nonce(alg: str) -> None:
    key = DPoPKey.generate(alg)
    key.take_nonce(URL, {"DPoP-Nonce": "n0nce-n0nce"})
    data = pickle.dumps(key)
    assert b"n0nce-n0nce" not in data
    loaded = pickle.loads(data)
    assert loaded == key
    header, claims = opened(loaded.proof("GET", URL))
    assert header["alg"] == alg
    assert "nonce" not in claims


def test_no_repr_shows_the_private_key(key: DPoPKey) -> None:
    assert repr(key) == f"DPoPKey(ES256, thumbprint='{EC_KEY.thumbprint()}')"
    credentials = ClientCredentials("https://a.example/token", "me", "s", dpop=key)
    assert str(EC_KEY.as_dict(private=True)["d"]) not in repr(credentials)


@pytest.mark.parametrize(
    ("match", "make"),
    [
        ("shared secret", lambda: DPoPKey(jwk.OctKey.import_key("s" * 32))),
        ("does not fit", lambda: DPoPKey(EC_KEY, alg="HS256")),
        ("public", lambda: DPoPKey(EC_KEY.as_dict(private=False))),
        ("alg must be one of", lambda: DPoPKey.generate("HS256")),
        ("alg must be one of", lambda: DPoPKey.generate("none")),
        ("not PEM", lambda: DPoPKey("/keys/dpop.pem")),
    ],
)
def test_an_invalid_private_key_is_refused(match: str, make: Callable[[], DPoPKey]) -> None:
    with pytest.raises(ConfigurationError, match=match):
        make()


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joserfc.jwk", None)
    with pytest.raises(ConfigurationError, match=r'pip install "requests_cc\[jwt\]"'):
        DPoPKey.generate()
