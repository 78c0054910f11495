"""A private key in whatever form signs what others can verify."""

from __future__ import annotations

import base64
import json
import pickle
import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, strategies as st
from joserfc import jwk, jws

from requests_cc import ConfigurationError
from requests_cc.client_auth.signing_key import SigningKey, base64url, compact, fresh_claims
from tests.support.fresh_interpreter import printed_by
from tests.support.threads import in_threads

# RFC 8037 appendix A: key, thumbprint, and what it signs.
RFC_8037 = {
    "kty": "OKP",
    "crv": "Ed25519",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
RFC_8037_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
RFC_8037_INPUT = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
RFC_8037_SIGNATURE = (
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)
KINDS: dict[str, Callable[[], Any]] = {
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}
FITTING = [
    *(("RSA", alg) for alg in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
    ("P-256", "ES256"),
    ("P-384", "ES384"),
    ("P-521", "ES512"),
    ("Ed25519", "EdDSA"),
    ("Ed25519", "Ed25519"),
]
PASSWORD = "correct hörse"


@cache
def native(kind: str) -> Any:
    """A private key as cryptography has it, one for each kind."""
    return KINDS[kind]()


def pem_of(key: Any, form: Any = PrivateFormat.PKCS8, password: str | None = None) -> bytes:
    secret = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
    pem: bytes = key.private_bytes(Encoding.PEM, form, secret)
    return pem


def joserfc_key(kind: str, parameters: Any = None) -> Any:
    key_type = {"RSA": jwk.RSAKey, "Ed25519": jwk.OKPKey}.get(kind, jwk.ECKey)
    return key_type.import_key(pem_of(native(kind)), parameters)


def jwk_of(kind: str, **members: Any) -> dict[str, Any]:
    return {**joserfc_key(kind).as_dict(private=True), **members}


def opened(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, signature, and what was signed."""
    parts = token.split(".")
    header, claims, signature = (base64.urlsafe_b64decode(part + "==") for part in parts)
    return json.loads(header), json.loads(claims), signature, ".".join(parts[:2]).encode()


def refused(match: str, key: Any, **settings: Any) -> ConfigurationError:
    with pytest.raises(ConfigurationError, match=match) as caught:
        SigningKey(key, **settings)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


# --- what it signs ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "alg"),
    # An old joserfc knows EdDSA and not yet its other name.
    [(kind, alg) for kind, alg in FITTING if alg in jws.JWSRegistry.algorithms],
)
def test_joserfc_verifies_what_each_algorithm_signs(kind: str, alg: str) -> None:
    token = SigningKey(pem_of(native(kind)), alg=alg).sign({"a": "é"}, {"typ": "JWT"})
    public = joserfc_key(kind).as_dict(private=False)
    key = type(joserfc_key(kind)).import_key(public)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # joserfc would have Ed25519 for EdDSA
        verified = jws.deserialize_compact(token, key, algorithms=[alg])
    assert verified.headers() == {"alg": alg, "typ": "JWT"}
    assert json.loads(verified.payload) == {"a": "é"}


HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def verify(kind: str, alg: str, signature: bytes, signed: bytes) -> None:
    """With nothing but the primitives (RFC 7518 §3.3 to §3.5, RFC 8037 §3.1)."""
    public, sha = native(kind).public_key(), HASHES.get(alg[2:])
    if alg.startswith("RS"):
        public.verify(signature, signed, padding.PKCS1v15(), sha)
    elif alg.startswith("PS"):
        assert sha is not None
        pss = padding.PSS(padding.MGF1(sha), salt_length=sha.digest_size)
        public.verify(signature, signed, pss, sha)
    elif alg.startswith("ES"):
        assert sha is not None
        half = (public.curve.key_size + 7) // 8
        assert len(signature) == 2 * half
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(sha))
    else:
        public.verify(signature, signed)


@pytest.mark.parametrize(("kind", "alg"), FITTING)
def test_the_primitives_alone_verify_it_too(kind: str, alg: str) -> None:
    header, _, signature, signed = opened(SigningKey(pem_of(native(kind)), alg=alg).sign({}, {}))
    assert header["alg"] == alg
    verify(kind, alg, signature, signed)


def test_the_rfcs_own_key_gives_the_rfcs_thumbprint_and_signature() -> None:
    key = SigningKey(RFC_8037)
    assert key.thumbprint == RFC_8037_THUMBPRINT
    assert base64url(key._signature(RFC_8037_INPUT)) == RFC_8037_SIGNATURE


def test_signing_says_nothing_and_leaves_the_processs_warnings_alone() -> None:
    key = SigningKey(RFC_8037)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        filters, shown = list(warnings.filters), warnings.showwarning
        key.sign({}, {})
        assert (warnings.filters, warnings.showwarning) == (filters, shown)
    assert heard == []


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_any_claims_arrive_as_they_are(claims: dict[str, Any]) -> None:
    header, read, signature, signed = opened(compact({"alg": "x"}, claims, lambda data: data[::-1]))
    assert (header, read) == ({"alg": "x"}, claims)
    assert signature == signed[::-1]


def test_threads_sign_with_one_key_at_the_same_time() -> None:
    key, tokens = SigningKey(pem_of(native("P-256"))), []

    def sign(_: int) -> None:
        tokens.extend(key.sign(fresh_claims(60), {}) for _ in range(25))

    assert in_threads(8, sign) == [None] * 8
    for token in tokens:
        verify("P-256", "ES256", *opened(token)[2:])
    assert len({opened(token)[1]["jti"] for token in tokens}) == 200


def test_a_lifetime_runs_from_iat_to_exp() -> None:
    claims = fresh_claims(90.9)
    assert claims["exp"] - claims["iat"] == 90


# --- which key, which algorithm, which name -----------------------------------------------------


FORMS = {
    "PKCS #8": lambda: pem_of(native("P-256")),
    "text": lambda: pem_of(native("P-256")).decode(),
    "SEC 1": lambda: pem_of(native("P-256"), PrivateFormat.TraditionalOpenSSL),
    "OpenSSH": lambda: pem_of(native("P-256"), PrivateFormat.OpenSSH),
    "CRLF": lambda: pem_of(native("P-256")).replace(b"\n", b"\r\n"),
    "with attributes before it": lambda: b"Bag Attributes\n  x: y\n" + pem_of(native("P-256")),
    "JWK": lambda: jwk_of("P-256"),
    "joserfc": lambda: joserfc_key("P-256"),
    "SigningKey": lambda: SigningKey(joserfc_key("P-256")),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_the_same_in_every_form(form: str) -> None:
    key = SigningKey(FORMS[form]())
    assert key.thumbprint == joserfc_key("P-256").thumbprint()
    verify("P-256", "ES256", *opened(key.sign({}, {}))[2:])


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("password", [PASSWORD, PASSWORD.encode()])
def test_an_encrypted_pem_opens_with_its_password(form: Any, password: str | bytes) -> None:
    key = SigningKey(pem_of(native("P-384"), form, PASSWORD), password=password)
    verify("P-384", "ES384", *opened(key.sign({}, {}))[2:])


@pytest.mark.parametrize(
    ("kind", "alg"),
    [
        ("RSA", "RS256"),
        ("P-256", "ES256"),
        ("P-384", "ES384"),
        ("P-521", "ES512"),
        ("Ed25519", "EdDSA"),
    ],
)
def test_the_algorithm_follows_from_the_key(kind: str, alg: str) -> None:
    assert SigningKey(pem_of(native(kind))).alg == alg
    assert SigningKey(jwk_of(kind)).alg == alg


def test_a_jwks_own_algorithm_comes_before_that_and_the_argument_before_both() -> None:
    assert SigningKey(jwk_of("RSA", alg="PS384")).alg == "PS384"
    assert SigningKey(jwk_of("RSA", alg="PS384"), alg="PS256").alg == "PS256"
    assert SigningKey(joserfc_key("RSA", {"alg": "PS256"})).alg == "PS256"


def test_the_key_id_is_the_jwks_own_or_the_one_given_or_the_thumbprint_or_none() -> None:
    own = jwk_of("P-256", kid="own")
    assert SigningKey(own).kid == "own"
    assert SigningKey(own, kid="other").kid == "other"
    assert SigningKey(own, kid="thumbprint").kid == joserfc_key("P-256").thumbprint()
    assert SigningKey(joserfc_key("P-256", {"kid": "own"})).kid == "own"
    assert SigningKey(pem_of(native("P-256"))).kid is None


def test_what_a_jwk_says_of_its_public_key_counts_for_nothing() -> None:
    another = base64url(KINDS["Ed25519"]().public_key().public_bytes_raw())
    key = SigningKey({**RFC_8037, "x": another})
    assert key.thumbprint == RFC_8037_THUMBPRINT
    assert key.public_jwk["x"] == RFC_8037["x"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_public_jwk_is_the_public_key_and_nothing_else(kind: str) -> None:
    members = {"RSA": {"kty", "n", "e"}, "Ed25519": {"kty", "crv", "x"}}
    said = {"kid": "k", "use": "sig", "key_ops": ["sign"]}
    for key in (jwk_of(kind, **said), joserfc_key(kind, said)):
        assert set(SigningKey(key).public_jwk) == members.get(kind, {"kty", "crv", "x", "y"})


@pytest.mark.parametrize(("kind", "alg"), FITTING)
def test_a_key_is_generated_for_each_algorithm(kind: str, alg: str) -> None:
    key = SigningKey.generate(alg)
    assert key.alg == alg
    assert key != SigningKey.generate(alg)
    size = key.joserfc_key.private_key.key_size if kind == "RSA" else key.public_jwk["crv"]
    assert size == (2048 if kind == "RSA" else kind)


@pytest.mark.parametrize("alg", ["HS256", "none", "es256", "", None])
def test_no_key_is_generated_for_another_algorithm(alg: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"alg must be one of RS256, .*ES256, .*Ed25519"
    ) as e:
        SigningKey.generate(alg)
    assert str(e.value).endswith(f"Ed25519, not {alg!r}")


# --- what is refused, without a word of the key -------------------------------------------------


@pytest.mark.parametrize("alg", ["HS256", "ES256", "none", "RS1", "", 256])
def test_an_algorithm_that_does_not_fit_is_refused_with_those_that_do(alg: Any) -> None:
    refused("does not fit this key, RSA: use RS256 or .*PS512", pem_of(native("RSA")), alg=alg)


def test_a_jwks_own_algorithm_must_be_one_for_signing() -> None:
    refused("alg 'RSA-OAEP' does not fit", jwk_of("RSA", alg="RSA-OAEP"))


@pytest.mark.parametrize("kid", ["", 7, b"k"])
def test_a_key_id_must_be_a_text(kid: Any) -> None:
    refused("kid must be a non-empty str", jwk_of("P-256"), kid=kid)


@pytest.mark.parametrize("members", [{"use": "enc"}, {"key_ops": ["decrypt", "verify"]}])
def test_a_key_that_says_it_is_for_other_things_is_refused(members: dict[str, Any]) -> None:
    refused("not for signing", jwk_of("RSA", **members))


def test_a_key_that_says_it_is_for_signing_signs() -> None:
    assert SigningKey(jwk_of("RSA", use="sig", key_ops=["sign"])).alg == "RS256"


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP256K1()),
        lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
        x25519.X25519PrivateKey.generate,
        ed448.Ed448PrivateKey.generate,
    ],
)
def test_a_key_of_a_kind_that_servers_do_not_know_is_refused(make: Callable[[], Any]) -> None:
    refused("kind that cannot sign JWTs; use RSA", pem_of(make()))


def test_a_short_rsa_key_is_refused() -> None:
    short = rsa.generate_private_key(65537, 1024)
    refused("RSA of 1024 bits; use one of 2048 or more", pem_of(short))


def public_pem() -> bytes:
    public: bytes = (
        native("RSA").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return public


@pytest.mark.parametrize(
    "make",
    [
        public_pem,
        lambda: public_pem().decode(),
        lambda: joserfc_key("P-256").as_dict(private=False),
        lambda: jwk.ECKey.import_key(joserfc_key("P-256").as_dict(private=False)),
    ],
)
def test_a_public_key_is_refused(make: Callable[[], Any]) -> None:
    refused("key is public; pass the private key", make())


@pytest.mark.parametrize(
    "key", [{"kty": "oct", "k": base64url(b"s" * 32)}, jwk.OctKey.import_key("s" * 32)]
)
def test_a_shared_secret_is_refused(key: Any) -> None:
    refused("shared secret", key)


@pytest.mark.parametrize(
    "key",
    [None, 7, Path("key.pem"), ["a"], jwk.KeySet([]), bytearray(b"x")],
    ids=lambda key: type(key).__name__,
)
def test_an_object_that_is_not_a_key_is_refused(key: Any) -> None:
    refused(rf"must be PEM, a JWK as a dict, .* not {type(key).__name__}", key)


@pytest.mark.parametrize("key", [{}, {"keys": []}, {"kty": ["RSA"]}, {"kty": "AKP"}])
def test_a_jwk_of_an_unknown_type_is_refused(key: dict[str, Any]) -> None:
    refused("JWK of an unknown kty", key)


SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    ("match", "key", "settings"),
    [
        ("not PEM; pass the file's contents, not its path", f"/keys/{SECRET}.pem", {}),
        ("not PEM", f"{SECRET}\ud800", {}),
        ("not PEM", SECRET.encode() + b"\xff", {}),
        ("not PEM", "", {}),
        ("JWK that cannot be read", {"kty": "EC", "crv": "P-256", "d": SECRET}, {}),
        ("JWK that cannot be read", {**RFC_8037, "d": SECRET}, {}),
        ("JWK that cannot be read", {"kty": "RSA", "n": SECRET, "e": "AQAB", "d": SECRET}, {}),
        ("check that it is complete$", f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n", {}),
        (
            "check that it is complete, and password",
            f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
            {"password": SECRET},
        ),
        (
            "password is only for an encrypted PEM",
            {"kty": "RSA", "n": SECRET},
            {"password": SECRET},
        ),
    ],
)
def test_what_cannot_be_read_is_refused_without_being_repeated(
    match: str, key: Any, settings: Any
) -> None:
    error = refused(match, key, **settings)
    assert SECRET not in str(error)
    assert SECRET not in repr(error)


def test_for_a_pem_whose_lines_were_flattened_the_error_says_how_to_restore_them() -> None:
    pem = pem_of(native("P-256")).decode()
    error = refused("spelled out", pem.replace("\n", "\\n"))
    assert 'key.replace("\\\\n", "\\n")' in str(error)


def test_a_password_must_be_there_and_right_where_it_is_needed_and_nowhere_else() -> None:
    encrypted = pem_of(native("P-256"), password=PASSWORD)
    refused("is encrypted; pass password=", encrypted)
    error = refused(
        "cannot be read; check that it is complete, and password", encrypted, password="x"
    )
    assert "hörse" not in str(error)
    refused("needs no password; leave it out", pem_of(native("P-256")), password=PASSWORD)
    for key in (encrypted, pem_of(native("P-256")), jwk_of("P-256")):
        refused("^password must be str or bytes, not int$", key, password=5)


# --- what it shows and how it travels -----------------------------------------------------------


def test_two_are_equal_if_they_sign_the_same() -> None:
    key = SigningKey(pem_of(native("RSA")))
    assert key == SigningKey(jwk_of("RSA"))
    assert hash(key) == hash(SigningKey(jwk_of("RSA")))
    for other in (
        SigningKey(jwk_of("RSA"), alg="PS256"),
        SigningKey(jwk_of("RSA", kid="k")),
        SigningKey(jwk_of("P-256")),
        "key",
    ):
        assert key != other


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kid", [None, "k", "thumbprint"])
def test_a_pickle_holds_all_of_it(kind: str, kid: str | None) -> None:
    key = SigningKey(joserfc_key(kind), kid=kid)
    loaded = pickle.loads(pickle.dumps(key))
    assert loaded == key
    assert loaded.public_jwk == key.public_jwk
    alg = key.alg
    verify(kind, alg, *opened(loaded.sign({}, {}))[2:])


def test_a_pickle_keeps_an_algorithm_that_was_chosen_and_a_key_id_with_a_meaning() -> None:
    key = SigningKey(jwk_of("RSA", kid="thumbprint"), alg="PS256")
    assert key.kid == "thumbprint"  # the JWK's own, odd as it is
    loaded = pickle.loads(pickle.dumps(key))
    assert (loaded.alg, loaded.kid) == ("PS256", "thumbprint")


def test_a_pickle_of_an_encrypted_key_holds_no_password() -> None:
    key = SigningKey(pem_of(native("P-256"), password=PASSWORD), password=PASSWORD)
    assert PASSWORD.encode() not in pickle.dumps(key)
    assert pickle.loads(pickle.dumps(key)) == key


@pytest.mark.parametrize("kind", KINDS)
def test_no_repr_shows_the_key(kind: str) -> None:
    key = SigningKey(jwk_of(kind), kid="k")
    assert repr(key) == f"SigningKey({key.alg}, kid='k')"


# --- the extra ----------------------------------------------------------------------------------


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    pem = pem_of(native("P-256"))
    monkeypatch.setitem(sys.modules, "joserfc.jwk", None)
    for use in (
        lambda: SigningKey(pem),
        lambda: SigningKey(RFC_8037),
        lambda: SigningKey.generate("ES256"),
    ):
        with pytest.raises(ConfigurationError, match=r"pip install .requests_cc\[jwt\]"):
            use()


def test_importing_the_public_names_imports_no_cryptography() -> None:
    code = (
        "import sys, requests_cc\n"
        "from requests_cc import AssertionFile, ClientSecretJWT, DPoPKey, PrivateKeyJWT\n"
        "from requests_cc import ClientCredentials, TLSClientAuth\n"
        "ClientCredentials('https://a.example/', 'me', 's', auth=ClientSecretJWT())\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('joserfc', 'cryptography')])"
    )
    assert printed_by(code) == "[]"
