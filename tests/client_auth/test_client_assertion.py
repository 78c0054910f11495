"""How a client proves who it is with a signed assertion, one made anew for each attempt."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
import os
import pickle
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given, strategies as st
from joserfc import jwk, jws, jwt

from requests_cc import (
    AssertionFile,
    ClientCredentials,
    ClientSecretJWT,
    ConfigurationError,
    PrivateKeyJWT,
)
from requests_cc.client_auth.assertion import JWT_BEARER, TYPED, check_lifetime
from requests_cc.protocols import ClientIdentity
from requests_cc.testing import LocalServer
from tests.support.threads import in_threads

TOKEN_URL = "https://auth.example.com/token"
ISSUER = "https://auth.example.com"
SECRET = "a-secret-of-sixty-four-characters-which-is-enough-for-HS512-too!"
IDENTITY = ClientIdentity("me", SECRET, TOKEN_URL, ISSUER)
RSA_KEY = jwk.RSAKey.generate_key(2048)
KEYS = {
    "RS256": RSA_KEY,
    "PS256": RSA_KEY,
    "ES256": jwk.ECKey.generate_key("P-256"),
    "ES384": jwk.ECKey.generate_key("P-384"),
    "EdDSA": jwk.OKPKey.generate_key("Ed25519"),
}
EC_PEM = KEYS["ES256"].as_pem(private=True)
AUTHENTICATIONS = {"client_secret_jwt": ClientSecretJWT(), "private_key_jwt": PrivateKeyJWT(EC_PEM)}


def asserted(auth: Any, identity: ClientIdentity = IDENTITY) -> str:
    return str(auth.authenticate(identity).params["client_assertion"])


def claims_of(assertion: str) -> dict[str, Any]:
    _, claims, _ = assertion.split(".")
    return read(claims)


def header_of(assertion: str) -> dict[str, Any]:
    header, _, _ = assertion.split(".")
    return read(header)


def read(segment: str) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=="))
    return members


# --- what both kinds of signed assertion have in common -----------------------------------------


@pytest.mark.parametrize("method", AUTHENTICATIONS)
def test_the_assertion_names_client_and_server_for_a_minute(method: str) -> None:
    before = int(time.time())
    params = AUTHENTICATIONS[method].authenticate(IDENTITY).params
    claims = claims_of(params["client_assertion"])
    assert params["client_id"] == "me"
    assert params["client_assertion_type"] == JWT_BEARER
    assert set(params) == {"client_id", "client_assertion", "client_assertion_type"}
    assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "jti"}
    assert claims["iss"] == claims["sub"] == "me"
    assert claims["aud"] == ISSUER
    # Backdated: some servers refuse an iat that is a second ahead of their clock.
    assert before - 6 <= claims["iat"] <= time.time() - 4
    assert claims["exp"] == claims["iat"] + 60
    assert header_of(params["client_assertion"])["typ"] == "client-authentication+jwt"


@pytest.mark.rule(25)
@pytest.mark.parametrize("method", AUTHENTICATIONS)
def test_audience_and_lifetime_can_be_set(method: str) -> None:
    auth = AUTHENTICATIONS[method]
    assert claims_of(asserted(replace(auth, audience="issuer")))["aud"] == ISSUER
    assert claims_of(asserted(replace(auth, audience="https://x/")))["aud"] == "https://x/"
    claims = claims_of(asserted(replace(auth, lifetime=300.5)))
    assert claims["exp"] - claims["iat"] == 300


@pytest.mark.rule(25)
@pytest.mark.parametrize("method", AUTHENTICATIONS)
def test_an_unknown_issuer_is_demanded(method: str) -> None:
    auth = replace(AUTHENTICATIONS[method], audience="issuer")
    with pytest.raises(ConfigurationError, match=r"issuer=\"https://"):
        auth.authenticate(ClientIdentity("me", SECRET, TOKEN_URL))


@pytest.mark.parametrize("method", AUTHENTICATIONS)
def test_no_two_assertions_are_the_same_in_any_thread(method: str) -> None:
    def work(_: int) -> list[str]:
        return [claims_of(asserted(AUTHENTICATIONS[method]))["jti"] for _ in range(25)]

    assert len({jti for found in in_threads(8, work) for jti in found}) == 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("method", AUTHENTICATIONS)
def test_parent_and_child_make_different_assertions(method: str) -> None:
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other tests' threads
        child = os.fork()
    if child == 0:
        try:
            os.write(write, asserted(AUTHENTICATIONS[method]).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        theirs = claims_of(answer.read())
    os.waitpid(child, 0)
    assert theirs["iss"] == "me"
    assert theirs["jti"] != claims_of(asserted(AUTHENTICATIONS[method]))["jti"]


@pytest.mark.parametrize("method", AUTHENTICATIONS)
@pytest.mark.parametrize("audience", ["", 7, ["https://x/"]])
def test_an_audience_must_be_a_text(method: str, audience: Any) -> None:
    with pytest.raises(ConfigurationError, match="audience must be a non-empty str"):
        replace(AUTHENTICATIONS[method], audience=audience)


@pytest.mark.parametrize("lifetime", ["60", None, True, [60]])
def test_a_lifetime_is_a_number(lifetime: Any) -> None:
    with pytest.raises(ConfigurationError, match="lifetime must be 1 to 86400 seconds"):
        check_lifetime(lifetime)


@pytest.mark.parametrize("lifetime", [0, 0.9, -1, 86_401, float("nan"), float("inf")])
def test_a_lifetime_is_between_a_second_and_a_day(lifetime: float) -> None:
    with pytest.raises(ConfigurationError, match="lifetime must be 1 to 86400 seconds"):
        check_lifetime(lifetime)
    for method in AUTHENTICATIONS.values():
        with pytest.raises(ConfigurationError, match="lifetime"):
            replace(method, lifetime=lifetime)


@pytest.mark.parametrize("lifetime", [1, 1.0, 86_400])
def test_the_bounds_of_a_lifetime_are_within(lifetime: float) -> None:
    check_lifetime(lifetime)


# --- client_secret_jwt --------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_joserfc_and_hmac_verify_what_a_client_secret_signs(alg: str) -> None:
    assertion = asserted(ClientSecretJWT(alg=alg))
    key = jwk.OctKey.import_key(SECRET)
    assert jwt.decode(assertion, key, algorithms=[alg]).header == {"alg": alg, "typ": TYPED}
    signed, _, signature = assertion.rpartition(".")
    expected = hmac.new(SECRET.encode(), signed.encode(), getattr(hashlib, f"sha{alg[2:]}"))
    assert base64.urlsafe_b64decode(signature + "==") == expected.digest()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_secret_signs_and_is_hidden(secret: str) -> None:
    identity = ClientIdentity("me", secret, TOKEN_URL)
    authentication = ClientSecretJWT().authenticate(identity)
    assertion = authentication.params["client_assertion"]
    signed, _, signature = assertion.rpartition(".")
    digest = hmac.digest(secret.encode(), signed.encode(), "sha256")
    assert base64.urlsafe_b64decode(signature + "==") == digest
    assert authentication.secrets == (assertion, secret)
    assert secret not in authentication.params.values() or secret in ("me", JWT_BEARER)


@pytest.mark.parametrize("secret", [None, ""])
def test_nothing_is_signed_without_a_secret(secret: str | None) -> None:
    with pytest.raises(ConfigurationError, match="client_secret is missing"):
        ClientSecretJWT().authenticate(ClientIdentity("me", secret, TOKEN_URL))


@pytest.mark.parametrize("alg", ["RS256", "none", "hs256", None, ["HS256"]])
def test_a_secret_signs_with_hmac_only(alg: Any) -> None:
    with pytest.raises(ConfigurationError, match="alg must be HS256 or HS384 or HS512"):
        ClientSecretJWT(alg=alg)


# --- private_key_jwt ----------------------------------------------------------------------------


@pytest.mark.parametrize("alg", KEYS)
def test_joserfc_verifies_what_a_private_key_signs(alg: str) -> None:
    chosen = "PS256" if alg == "PS256" else None
    auth = PrivateKeyJWT(KEYS[alg].as_pem(private=True), alg=chosen, kid="k1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # joserfc would have Ed25519 for EdDSA
        public = type(KEYS[alg]).import_key(KEYS[alg].as_dict(private=False))
        verified = jws.deserialize_compact(asserted(auth), public, algorithms=[alg])
    assert verified.headers() == {"alg": alg, "typ": TYPED, "kid": "k1"}
    assert json.loads(verified.payload)["sub"] == "me"


def test_the_primitives_alone_verify_it_too() -> None:
    pem = RSA_KEY.as_pem(private=True)
    signed, _, signature = asserted(PrivateKeyJWT(pem)).rpartition(".")
    key: Any = load_pem_private_key(pem, None)
    key.public_key().verify(
        base64.urlsafe_b64decode(signature + "=="),
        signed.encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )


def test_the_key_id_goes_into_the_header() -> None:
    own = {**KEYS["ES256"].as_dict(private=True), "kid": "own"}
    assert header_of(asserted(PrivateKeyJWT(own)))["kid"] == PrivateKeyJWT(own).key.kid == "own"
    assert header_of(asserted(PrivateKeyJWT(own, kid="given")))["kid"] == "given"
    thumbprint = header_of(asserted(PrivateKeyJWT(EC_PEM, kid="thumbprint")))["kid"]
    assert thumbprint == KEYS["ES256"].thumbprint()
    assert "kid" not in header_of(asserted(PrivateKeyJWT(EC_PEM)))


def test_an_encrypted_key_opens_with_its_password() -> None:
    encrypted = KEYS["ES256"].as_pem(private=True, password="open sesame")
    auth = PrivateKeyJWT(encrypted, password="open sesame")
    assert auth == PrivateKeyJWT(EC_PEM)
    assert b"open sesame" not in pickle.dumps(auth)
    with pytest.raises(ConfigurationError, match="password="):
        PrivateKeyJWT(encrypted)


def test_the_assertion_is_among_what_must_be_hidden() -> None:
    authentication = PrivateKeyJWT(EC_PEM).authenticate(IDENTITY)
    assert authentication.secrets == (authentication.params["client_assertion"],)
    assert authentication.params["client_assertion"] not in repr(authentication)


def test_a_variation_keeps_the_key_its_id_and_its_algorithm() -> None:
    auth = PrivateKeyJWT(RSA_KEY, alg="PS256", kid="k", audience="issuer")
    varied = replace(auth, lifetime=30)
    assert header_of(asserted(varied)) == {"alg": "PS256", "typ": TYPED, "kid": "k"}
    assert claims_of(asserted(varied))["aud"] == ISSUER
    assert varied != auth
    assert replace(varied, lifetime=60) == auth
    assert replace(auth, alg="RS384").alg == "RS384"


def test_two_of_one_key_and_one_setting_are_equal() -> None:
    auth = PrivateKeyJWT(EC_PEM)
    assert auth == PrivateKeyJWT(KEYS["ES256"].as_dict(private=True))
    assert hash(auth) == hash(PrivateKeyJWT(EC_PEM.decode()))
    assert auth != PrivateKeyJWT(RSA_KEY)
    assert pickle.loads(pickle.dumps(auth)) == auth


def test_no_repr_shows_the_key() -> None:
    shown = repr(PrivateKeyJWT(KEYS["EdDSA"].as_dict(private=True), kid="k", audience="issuer"))
    assert shown == "PrivateKeyJWT(alg=None, kid='k', audience='issuer', lifetime=60)"
    credentials = ClientCredentials(TOKEN_URL, "me", auth=PrivateKeyJWT(KEYS["EdDSA"]))
    assert KEYS["EdDSA"].as_dict(private=True)["d"] not in repr(credentials)


def test_a_wrong_key_is_reported_at_once() -> None:
    with pytest.raises(ConfigurationError, match="public"):
        PrivateKeyJWT(KEYS["ES256"].as_dict(private=False))
    with pytest.raises(ConfigurationError, match="does not fit"):
        PrivateKeyJWT(EC_PEM, alg="RS256")
    with pytest.raises(ConfigurationError, match="shared secret"):
        PrivateKeyJWT(jwk.OctKey.import_key(SECRET))


# --- a key names its tokens ---------------------------------------------------------------------


def key_of(auth: Any, secret: str | None = None) -> Any:
    return ClientCredentials(TOKEN_URL, "me", secret, auth=auth).cache_key


def test_the_key_and_not_the_form_it_comes_in_names_the_tokens() -> None:
    key = key_of(PrivateKeyJWT(EC_PEM))
    assert isinstance(key, str)
    assert key == key_of(PrivateKeyJWT(KEYS["ES256"].as_dict(private=True)))
    assert key != key_of(PrivateKeyJWT(jwk.ECKey.generate_key("P-256")))
    assert key_of(PrivateKeyJWT(RSA_KEY)) != key_of(PrivateKeyJWT(RSA_KEY, alg="PS256"))


def test_a_client_secret_names_the_tokens_with_its_method() -> None:
    key = key_of(ClientSecretJWT(), SECRET)
    assert isinstance(key, str)
    assert key != key_of("client_secret_post", SECRET)
    assert key != key_of(ClientSecretJWT(alg="HS512"), SECRET)
    assert key != key_of(ClientSecretJWT(), "another")


def test_an_assertion_file_is_its_path_whatever_is_in_it(tmp_path: Path) -> None:
    key = key_of(AssertionFile(tmp_path / "a"))
    assert isinstance(key, str)
    (tmp_path / "a").write_text("x.y.z")
    assert key == key_of(AssertionFile(str(tmp_path / "a")))
    assert key != key_of(AssertionFile(tmp_path / "b"))
    assert key != key_of(AssertionFile(tmp_path / "a", assertion_type="urn:x"))


# --- an assertion in a file ---------------------------------------------------------------------


def test_an_assertion_file_is_read_anew_for_each_attempt(tmp_path: Path) -> None:
    path = tmp_path / "token"
    auth = AssertionFile(path)  # which need not be there yet
    path.write_text("first.x.y\n")
    with LocalServer() as server:
        credentials = ClientCredentials(server.token_url, "me", auth=auth)
        credentials.request_token()
        path.write_text("  second.x.y\r\n")
        credentials.request_token()
        sent = [request.form for request in server.token_requests]
    assert [form["client_assertion"] for form in sent] == [["first.x.y"], ["second.x.y"]]
    assert sent[0]["client_assertion_type"] == [JWT_BEARER]
    assert sent[0]["client_id"] == ["me"]


def test_another_assertion_type_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "saml").write_text("PHNhbWw+")
    kind = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
    authentication = AssertionFile(tmp_path / "saml", assertion_type=kind).authenticate(IDENTITY)
    assert authentication.params["client_assertion_type"] == kind
    assert authentication.secrets == ("PHNhbWw+",)


@pytest.mark.parametrize("text", ["", " \n\t\n"])
def test_an_empty_assertion_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="token holds nothing"):
        AssertionFile(path).authenticate(IDENTITY)


@pytest.mark.parametrize(
    "text", [EC_PEM.decode(), "a.b.c d.e.f", "a.b.c\nd.e.f", "a.b.c\x00", "ä.b.c"]
)
def test_an_invalid_assertion_is_neither_sent_nor_shown(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match="token holds a value that is not an assertion"
    ) as caught:
        AssertionFile(path).authenticate(IDENTITY)
    assert text.split(maxsplit=1)[0] not in str(caught.value)


def test_a_missing_assertion_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.jwt cannot be read") as caught:
        AssertionFile(tmp_path / "none.jwt").authenticate(IDENTITY)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("path", ["", None, 7, b"/x"])
def test_an_assertion_file_takes_a_path(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="path must be a path"):
        AssertionFile(path)


@pytest.mark.parametrize(
    "text", ["eyJhbGciOiJFUzI1NiJ9.s3cr3t.c2ln", "eyJhbGciOiJkaXIifQ..s3cr3t.a.b", "s3cr3t\nmore"]
)
def test_an_assertion_in_place_of_its_path_is_not_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^path looks like the contents of a file"):
        AssertionFile(text)
    with pytest.raises(ConfigurationError, match=r"^path looks like the contents of a file") as e:
        AssertionFile(Path(text))
    assert "s3cr3t" not in str(e.value)


@pytest.mark.parametrize("kind", ["", None, 7])
def test_an_assertion_type_is_a_text(kind: Any) -> None:
    with pytest.raises(ConfigurationError, match="assertion_type must be a non-empty str"):
        AssertionFile("x", assertion_type=kind)


def test_a_variation_with_another_key_has_that_keys_name_and_algorithm() -> None:
    first = PrivateKeyJWT(KEYS["ES256"], kid="thumbprint")
    second = dataclasses.replace(first, key=RSA_KEY)
    assert second.key.alg == "RS256"
    assert second.key.kid == second.key.thumbprint != first.key.kid
