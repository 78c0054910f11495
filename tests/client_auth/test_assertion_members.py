"""What else an assertion can hold: a certificate's thumbprint, further headers and claims."""

from __future__ import annotations

import base64
import hashlib
import pickle
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from joserfc.jwk import ECKey

from requests_cc import ClientCredentials, ConfigurationError, DPoPKey, JWTBearer, PrivateKeyJWT
from requests_cc.client_auth.signer import signature_of
from requests_cc.protocols import ClientIdentity
from requests_cc.testing import Client, LocalServer
from tests.client_auth.test_client_assertion import asserted, claims_of, header_of

URL = "https://auth.example.com/token"
IDENTITY = ClientIdentity("me", None, URL)
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
NOW = datetime.now(timezone.utc)


def certificate(key: Any = RSA, ends: datetime = NOW + timedelta(days=1)) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "me")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
    dated = builder.not_valid_before(ends - timedelta(days=9)).not_valid_after(ends)
    return dated.sign(key, hashes.SHA256())


def pem(of: x509.Certificate) -> str:
    return of.public_bytes(serialization.Encoding.PEM).decode()


def verified(assertion: str, key: Any) -> None:
    signed, _, signature = assertion.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    alg = header_of(assertion)["alg"]
    if alg == "PS256":
        salted = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        key.public_key().verify(raw, signed.encode(), salted, hashes.SHA256())
    elif alg == "RS256":
        key.public_key().verify(raw, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        numbers = [int.from_bytes(raw[at : at + 32], "big") for at in (0, 32)]
        der = utils.encode_dss_signature(*numbers)
        key.public_key().verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))


# --- a certificate --------------------------------------------------------------------------------


def test_a_certificate_puts_its_thumbprint_in_the_header_and_rsa_signs_ps256() -> None:
    # https://learn.microsoft.com/entra/identity-platform/certificate-credentials
    cert = certificate()
    der = cert.public_bytes(serialization.Encoding.DER)
    expected = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    for given in (pem(cert), pem(cert).encode(), f"{pem(cert)}\n{pem(certificate(EC))}"):
        assertion = asserted(PrivateKeyJWT(RSA, certificate=given), IDENTITY)
        assert header_of(assertion) == {"alg": "PS256", "typ": "JWT", "x5t#S256": expected}
        verified(assertion, RSA)
    assert (
        header_of(asserted(PrivateKeyJWT(EC, certificate=pem(certificate(EC)))))["alg"] == "ES256"
    )
    said = PrivateKeyJWT(RSA, certificate=pem(cert), alg="RS256", kid="k")
    assert header_of(asserted(said))["alg"] == "RS256"
    assert header_of(asserted(said))["kid"] == "k"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda: pem(certificate(EC)), "certificate belongs to another key"),
        (lambda: "\ud800", "certificate is not a PEM certificate"),
        (lambda: "/etc/cert.pem", "certificate is not a PEM certificate; pass the file's contents"),
        (lambda: 7, "certificate must be PEM, not int"),
    ],
)
def test_a_wrong_certificate_is_said_at_construction(given: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        PrivateKeyJWT(RSA, certificate=given())


def test_an_expired_certificate_is_said_before_anything_is_sent() -> None:
    auth = PrivateKeyJWT(RSA, certificate=pem(certificate(ends=NOW - timedelta(days=2))))
    with LocalServer() as server:
        with pytest.raises(ConfigurationError, match=r"certificate expired at 20.*replace it"):
            ClientCredentials(server.token_url, "me", auth=auth).request_token()
        assert not server.token_requests


# --- further headers and claims -----------------------------------------------------------------


def test_further_headers_and_claims_are_sent() -> None:
    auth = PrivateKeyJWT(RSA, headers={"x5t": "abc"}, claims={"scope": "a", "nbf": 7}, typ="x+jwt")
    assertion = asserted(auth, IDENTITY)
    assert header_of(assertion) == {"alg": "RS256", "typ": "x+jwt", "x5t": "abc"}
    claims = claims_of(assertion)
    assert (claims["scope"], claims["nbf"], claims["iss"]) == ("a", 7, "me")
    assert "jti" not in claims_of(asserted(PrivateKeyJWT(RSA, claims={"jti": None}), IDENTITY))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"claims": {"iss": "x"}}, "claims repeats 'iss': it is the client_id"),
        ({"claims": {"sub": "x"}}, "claims repeats 'sub'"),
        ({"claims": {"aud": "x"}}, "claims repeats 'aud': use audience="),
        ({"claims": {"exp": 1}}, "claims repeats 'exp': use lifetime="),
        ({"claims": {"iat": 1}}, "claims repeats 'iat'"),
        ({"claims": {"jti": "x"}}, "claims repeats 'jti'"),
        ({"headers": {"alg": "none"}}, "headers repeats 'alg': use alg="),
        ({"headers": {"typ": "x"}}, "headers repeats 'typ': use typ="),
        ({"headers": {"kid": "x"}}, "headers repeats 'kid': use kid="),
        ({"headers": {"x5t#S256": "x"}, "certificate": True}, "repeats 'x5t#S256'"),
        ({"headers": ["x"]}, "headers must be a mapping"),
        ({"claims": {"x": {1}}}, "claims holds something that JSON cannot hold"),
        ({"typ": ""}, "typ must be a non-empty str"),
    ],
)
def test_what_would_overwrite_ours_is_refused(settings: dict[str, Any], words: str) -> None:
    if settings.get("certificate"):
        settings = {**settings, "certificate": pem(certificate())}
    with pytest.raises(ConfigurationError, match=words):
        PrivateKeyJWT(RSA, **settings)


def test_what_an_assertion_holds_is_in_the_key_and_in_a_variation_and_not_shown() -> None:
    def key(**settings: Any) -> object:
        return ClientCredentials(URL, "me", auth=PrivateKeyJWT(RSA, **settings)).cache_key

    cert = pem(certificate())
    keys = [key(), key(claims={"a": 1}), key(headers={"a": 1}), key(certificate=cert)]
    assert len(set(keys)) == 4
    assert all(isinstance(each, str) for each in keys)
    assert key(claims={"a": 1, "b": 2}) == key(claims={"b": 2, "a": 1})
    auth = PrivateKeyJWT(RSA, claims={"a": "s3cret"}, headers={"b": "s3cret"}, certificate=cert)
    assert "s3cret" not in repr(auth)
    for again in (replace(auth, lifetime=9), pickle.loads(pickle.dumps(auth))):
        assert claims_of(asserted(again))["a"] == "s3cret"
        assert header_of(asserted(again))["alg"] == "PS256"


# --- keys of cryptography, and signers ----------------------------------------------------------


@pytest.mark.parametrize("key", [RSA, EC])
def test_a_key_of_cryptography_signs(key: Any) -> None:
    verified(asserted(PrivateKeyJWT(key), IDENTITY), key)
    assert DPoPKey(key).thumbprint == PrivateKeyJWT(key).key.thumbprint
    with pytest.raises(ConfigurationError, match="key is public; pass the private key"):
        PrivateKeyJWT(key.public_key())


def test_a_variation_of_a_key_without_an_algorithm_has_none_either() -> None:
    identity = ClientIdentity("me", None, URL, algorithms=("PS384",))
    auth = replace(PrivateKeyJWT(RSA), lifetime=9)
    for each in (auth, pickle.loads(pickle.dumps(auth))):
        assert header_of(asserted(each, identity))["alg"] == "PS384"


class Kms:
    """A signer: the key is somewhere else."""

    def __init__(self, key: Any = EC, alg: str = "ES256", kid: str | None = "kms-1") -> None:
        self.key, self.alg, self.kid = key, alg, kid

    def sign(self, data: bytes) -> bytes:
        if self.alg == "RS256":
            return bytes(self.key.sign(data, padding.PKCS1v15(), hashes.SHA256()))
        if self.alg == "EdDSA":
            return bytes(self.key.sign(data))
        return bytes(self.key.sign(data, ec.ECDSA(hashes.SHA256())))  # DER, as a KMS returns it


class Named(Kms):
    cache_key = "kms/1"


def test_a_signer_signs_and_names_its_key() -> None:
    for kms, key in ((Kms(), EC), (Kms(RSA, "RS256"), RSA)):
        for _ in range(20):  # numbers of an ECDSA signature may be shorter than 32 bytes
            assertion = asserted(PrivateKeyJWT(kms), IDENTITY)
            assert header_of(assertion) == {"alg": kms.alg, "typ": "JWT", "kid": "kms-1"}
            verified(assertion, key)
    assert header_of(asserted(PrivateKeyJWT(Kms(kid=None)), IDENTITY)) == {
        "alg": "ES256",
        "typ": "JWT",
    }
    assert header_of(asserted(PrivateKeyJWT(Kms(), kid="other"), IDENTITY))["kid"] == "other"
    ed = Kms(ed25519.Ed25519PrivateKey.generate(), "EdDSA")
    assert header_of(asserted(PrivateKeyJWT(ed), IDENTITY))["alg"] == "EdDSA"
    with_certificate = PrivateKeyJWT(Kms(), certificate=pem(certificate()))
    assert "x5t#S256" in header_of(asserted(with_certificate, IDENTITY))


def test_a_signer_gets_a_token_from_a_server_that_knows_the_public_key() -> None:
    public = ECKey.import_key(
        EC.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    with LocalServer({"me": Client(keys=[{**public.as_dict(), "kid": "kms-1"}])}) as server:
        assert ClientCredentials(server.token_url, "me", auth=PrivateKeyJWT(Kms())).request_token()


def test_a_signer_keeps_tokens_in_this_process_unless_it_has_a_key_of_its_own() -> None:
    def key(signer: Any) -> object:
        return ClientCredentials(URL, "me", auth=PrivateKeyJWT(signer)).cache_key

    kms = Kms()
    assert isinstance(key(kms), tuple)
    assert key(kms) == key(kms)
    assert key(kms) != key(Kms())
    assert isinstance(key(Named()), str)
    assert key(Named()) == key(Named())
    bearer = JWTBearer(URL, issuer="me", key=Named())
    assert isinstance(bearer.cache_key, str)


def test_a_signer_is_kept_by_variations() -> None:
    auth = replace(PrivateKeyJWT(Kms(), kid="k"), lifetime=9)
    assert header_of(asserted(auth))["kid"] == "k"
    assert auth.key == replace(auth).key
    assert auth.key.algorithms == ("ES256",)
    named = pickle.loads(pickle.dumps(PrivateKeyJWT(Named(key=None))))
    assert named.key.signer.alg == "ES256"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PrivateKeyJWT(Kms(alg="HS256")), "the alg of a signer must be one of RS256"),
        (lambda: PrivateKeyJWT(Kms(kid=7)), "the kid of a signer"),  # type: ignore[arg-type]
        (lambda: PrivateKeyJWT(Kms(), alg="RS256"), "key is a signer, which has an alg"),
        (lambda: PrivateKeyJWT(Kms(), kid="thumbprint"), "leave out alg, password"),
        (lambda: PrivateKeyJWT(Kms(), password="x"), "leave out alg, password"),
        (lambda: DPoPKey(Kms()), "a signer"),
    ],
)
def test_a_wrong_signer_is_said_at_construction(make: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        make()


class Returns:
    alg, kid = "ES256", None

    def __init__(self, signature: Any) -> None:
        self.signature = signature

    def sign(self, data: bytes) -> Any:
        return self.signature


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        (None, "it returned NoneType"),
        ("text", "it returned str"),
        (b"", "it returned no bytes"),
        (b"x" * 63, "63 bytes, which are not a signature of ES256: return r and s, 32 bytes each"),
        (b"\x30\x06\x02\x01\x01\x02\x01", "not a signature"),
        (b"\x30\x03\x02\x01\x01", "not a signature"),
        (utils.encode_dss_signature(2**256, 1), "not a signature"),
    ],
)
def test_what_is_not_a_signature_is_not_sent(signature: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        asserted(PrivateKeyJWT(Returns(signature)), IDENTITY)


def test_a_long_der_signature_is_read() -> None:
    signer = Returns(utils.encode_dss_signature(2**520 - 1, 2**519))
    signer.alg = "ES512"
    raw = signature_of(signer, b"data")
    assert raw == (2**520 - 1).to_bytes(66, "big") + (2**519).to_bytes(66, "big")
