"""Proofs that others can verify, and the nonces that go into them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pickle
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk, jws

from requests_cc import ClientCredentials, ConfigurationError, DPoPKey
from requests_cc.dpop import LONGEST_NONCE, MAX_NONCES
from requests_cc.testing import LocalServer

URL = "https://api.example.com/orders"
ALGORITHMS = [
    alg
    for alg in ("ES256", "ES384", "ES512", "EdDSA", "Ed25519", "RS256", "PS256")
    if alg in jws.JWSRegistry.algorithms  # an old joserfc does not know Ed25519 by that name
]
KEY = DPoPKey.generate()
EC_KEY = jwk.ECKey.generate_key("P-256")
#: NQCHAR, RFC 9449 §8.1.
NONCE_CHARACTERS = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"\\']
NONCES = st.text(NONCE_CHARACTERS, min_size=1, max_size=LONGEST_NONCE)


def opened(proof: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, once joserfc has verified the signature with the key in the header."""
    header = json.loads(base64.urlsafe_b64decode(proof.split(".", 1)[0] + "=="))
    registry = jws.JWSRegistry(algorithms=[header["alg"]])
    registry.max_header_length = 4096  # an RSA key is longer than joserfc's 512
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # joserfc would have Ed25519 for EdDSA
        key = jwk.JWKRegistry.import_key(header["jwk"])
        verified = jws.deserialize_compact(proof, key, registry=registry)
    return header, json.loads(verified.payload)


def claims_of(key: DPoPKey, url: str = URL, token: str | None = None) -> dict[str, Any]:
    return opened(key.proof("GET", url, token))[1]


# --- the proof ----------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_proof_is_what_the_rfc_says_for_each_algorithm(alg: str) -> None:
    before = int(time.time())
    key = DPoPKey.generate(alg)
    header, claims = opened(key.proof("POST", URL))
    assert set(header) == {"typ", "alg", "jwk"}
    assert (header["typ"], header["alg"]) == ("dpop+jwt", alg)
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(header["jwk"])
    assert jwk.JWKRegistry.import_key(header["jwk"]).thumbprint() == key.thumbprint
    assert set(claims) == {"jti", "htm", "htu", "iat"}
    assert (claims["htm"], claims["htu"]) == ("POST", URL)
    assert before <= claims["iat"] <= time.time()
    assert len(claims["jti"]) >= 16  # 96 bits and more, RFC 9449 §4.2


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_the_primitives_alone_verify_it_too(alg: str) -> None:
    signing_input, _, encoded = DPoPKey.generate(alg).proof("GET", URL).rpartition(".")
    header = json.loads(base64.urlsafe_b64decode(signing_input.split(".", 1)[0] + "=="))
    public: dict[str, int] = {
        name: int.from_bytes(base64.urlsafe_b64decode(header["jwk"][name] + "=="), "big")
        for name in ("x", "y", "n", "e")
        if name in header["jwk"]
    }
    signature = base64.urlsafe_b64decode(encoded + "==")
    if alg == "ES256":
        point = ec.EllipticCurvePublicNumbers(public["x"], public["y"], ec.SECP256R1())
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        point.public_key().verify(
            encode_dss_signature(r, s), signing_input.encode(), ec.ECDSA(hashes.SHA256())
        )
    else:
        rsa.RSAPublicNumbers(public["e"], public["n"]).public_key().verify(
            signature, signing_input.encode(), padding.PKCS1v15(), hashes.SHA256()
        )


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1))
def test_ath_is_the_hash_of_the_token_that_goes_along(token: str) -> None:
    digest = hashlib.sha256(token.encode("ascii")).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert claims_of(KEY, token=token)["ath"] == expected


def test_ath_is_that_of_the_rfcs_example() -> None:  # RFC 9449 §7.1
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
    assert claims_of(KEY, token=token)["ath"] == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


def test_a_token_that_is_no_ascii_is_not_repeated_in_an_error() -> None:
    assert claims_of(KEY, token="pä\ud800ss")["ath"]


PATHS = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="?#\\"), max_size=20
)
EXTRAS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)


@given(
    st.sampled_from(["https://api.example.com", "http://127.0.0.1:8080", "https://[::1]:8443"]),
    PATHS,
    st.none() | EXTRAS.map(lambda text: text.replace("#", "")),
    st.none() | EXTRAS,
)
def test_htu_is_the_url_without_query_and_fragment(
    origin: str, path: str, query: str | None, fragment: str | None
) -> None:
    path = "/" + path.lstrip("/")
    url = origin + path
    url += "" if query is None else f"?{query}"
    url += "" if fragment is None else f"#{fragment}"
    assert claims_of(KEY, url)["htu"] == origin + path


@pytest.mark.parametrize(
    ("url", "htu"),
    [
        ("HTTPS://API.Example.COM:443/A%2fb/../c", "https://api.example.com/A%2fb/../c"),
        ("http://127.0.0.1:80/x", "http://127.0.0.1/x"),
        ("https://api.example.com:8443/x", "https://api.example.com:8443/x"),
        ("https://me:s3cret@api.example.com/x", "https://api.example.com/x"),
        ("https://api.example.com", "https://api.example.com/"),
        ("https://api.example.com?a=/b/c", "https://api.example.com/"),
        ("https://api.example.com#/b?c", "https://api.example.com/"),
        ("https://api.example.com/a?b=https://x/#c?d", "https://api.example.com/a"),
        ("https://api.example.com//a//b", "https://api.example.com/a//b"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/ü"),
        ("https://[0:0::1]/x", "https://[::1]/x"),
    ],
)
def test_htu_has_the_origin_as_the_host_header_has_it(url: str, htu: str) -> None:
    assert claims_of(KEY, url)["htu"] == htu


@pytest.mark.parametrize("path", ["a?b=c#d", "/a//b", "a%2fb;c", "ü?ü", "", "a/../b", "~a'b"])
def test_htu_names_the_path_that_arrives(path: str) -> None:
    with LocalServer() as server:
        prepared = requests.Request("GET", server.api_url + path).prepare()
        with requests.Session() as session:
            session.send(prepared)
        (arrived,) = server.api_requests
        host = arrived.headers["Host"]
    expected = f"http://{host}{arrived.path.partition('?')[0]}"
    assert claims_of(KEY, str(prepared.url))["htu"] == expected


def test_a_double_slash_before_the_path_is_sent_and_proved_as_one() -> None:
    with LocalServer() as server:
        url = server.api_url.replace("/api", "//api")
        requests.get(url, timeout=10)
        (arrived,) = server.api_requests
    assert arrived.path == "/api/"
    assert claims_of(KEY, url)["htu"] == f"http://{arrived.headers['Host']}/api/"


@pytest.mark.parametrize("url", ["", "/path", "ftp://x/", "https://", "https://a b/"])
def test_there_is_no_proof_for_what_is_no_url(url: str) -> None:
    with pytest.raises(ValueError, match="absolute http or https URL"):
        KEY.proof("GET", url)


def test_no_two_proofs_are_the_same_in_any_thread() -> None:
    proofs: list[str] = []
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        for number in range(50):
            KEY.take_nonce(URL, {"DPoP-Nonce": f"n{number}"})
            proofs.append(KEY.proof("GET", URL))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({opened(proof)[1]["jti"] for proof in proofs}) == 400


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_parent_and_child_make_different_proofs_of_one_key() -> None:
    key = DPoPKey.generate()
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other tests' threads
        child = os.fork()
    if child == 0:
        try:
            os.write(write, key.proof("GET", URL).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        header, claims = opened(answer.read())
    os.waitpid(child, 0)
    mine_header, mine = opened(key.proof("GET", URL))
    assert header == mine_header
    assert claims["jti"] != mine["jti"]


# --- nonces -------------------------------------------------------------------------------------


@pytest.fixture
def key() -> DPoPKey:
    return DPoPKey(EC_KEY)


@given(NONCES)
def test_the_next_proof_has_the_nonce_that_came(nonce: str) -> None:
    key = DPoPKey(EC_KEY)
    assert key.take_nonce(URL, {"DPoP-Nonce": nonce}) is True
    assert claims_of(key)["nonce"] == nonce


def test_a_nonce_is_for_its_origin_alone_and_for_all_of_it(key: DPoPKey) -> None:
    key.take_nonce("https://api.example.com/a", {"DPoP-Nonce": "of-the-api"})
    key.take_nonce("https://auth.example.com/token", {"DPoP-Nonce": "of-the-server"})
    assert claims_of(key, "https://API.example.com:443/b?c")["nonce"] == "of-the-api"
    assert claims_of(key, "https://auth.example.com/other")["nonce"] == "of-the-server"
    for other in ("http://api.example.com/a", "https://api.example.com:8443/a"):
        assert "nonce" not in claims_of(key, other)


def test_a_newer_nonce_takes_the_place_of_the_one_before(key: DPoPKey) -> None:
    key.take_nonce(URL, {"DPoP-Nonce": "1"})
    key.take_nonce(URL, {"DPoP-Nonce": "2"})
    assert claims_of(key)["nonce"] == "2"


def test_an_answer_without_a_nonce_changes_nothing(key: DPoPKey) -> None:
    key.take_nonce(URL, {"DPoP-Nonce": "1"})
    assert key.take_nonce(URL, {"Content-Type": "text/plain"}) is False
    assert claims_of(key)["nonce"] == "1"


def test_the_headers_name_is_read_in_any_case_as_requests_has_it(key: DPoPKey) -> None:
    headers = requests.structures.CaseInsensitiveDict({"dpop-nonce": "1"})
    assert key.take_nonce(URL, headers) is True


@pytest.mark.parametrize(
    "nonce",
    [
        "",
        "a b",
        "a, b",
        'a"b',
        "a\\b",
        "a\nb",
        "a\n",
        "\x00",
        "\x7f",
        "é",
        "n" * (LONGEST_NONCE + 1),
    ],
)
def test_what_is_no_nonce_is_not_kept(key: DPoPKey, nonce: str) -> None:
    key.take_nonce(URL, {"DPoP-Nonce": "good"})
    assert key.take_nonce(URL, {"DPoP-Nonce": nonce}) is False
    assert claims_of(key)["nonce"] == "good"


@given(st.text())
def test_whatever_comes_a_proof_can_be_sent_as_a_header(nonce: str) -> None:
    key = DPoPKey(EC_KEY)
    kept = key.take_nonce(URL, {"DPoP-Nonce": nonce})
    assert kept is (nonce != "" and set(nonce) <= set(NONCE_CHARACTERS))
    requests.Request("GET", URL, headers={"DPoP": key.proof("GET", URL)}).prepare()


def test_the_nonces_of_no_end_of_origins_stay_within_bounds(key: DPoPKey) -> None:
    for number in range(2 * MAX_NONCES + 5):
        key.take_nonce(f"https://h{number}.example.com/", {"DPoP-Nonce": str(number)})
        assert len(key._nonces) <= MAX_NONCES
    assert claims_of(key, f"https://h{number}.example.com/")["nonce"] == str(number)


def test_threads_that_bring_nonces_for_many_origins_do_not_disturb_each_other(
    key: DPoPKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests_cc.dpop.MAX_NONCES", 3)
    failures: list[BaseException] = []
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        barrier.wait()
        try:
            for turn in range(200):
                url = f"https://h{(number + turn) % 9}.example.com/"
                key.take_nonce(url, {"DPoP-Nonce": "n"})
                key.proof("GET", url)
        except BaseException as failure:  # noqa: BLE001
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(key._nonces) <= 3 + 8  # each thread may be one ahead


# --- the key ------------------------------------------------------------------------------------


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


def test_an_rsa_key_signs_as_it_is_told() -> None:
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
        ("no PEM", lambda: DPoPKey("/keys/dpop.pem")),
    ],
)
def test_what_is_no_private_key_is_refused(match: str, make: Callable[[], DPoPKey]) -> None:
    with pytest.raises(ConfigurationError, match=match):
        make()


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "joserfc.jwk", None)
    with pytest.raises(ConfigurationError, match=r'pip install "requests_cc\[jwt\]"'):
        DPoPKey.generate()
