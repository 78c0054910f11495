"""Proofs that others can verify."""

from __future__ import annotations

import base64
import hashlib
import json
import time

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, strategies as st
from joserfc import jwk

from requests_cc import DPoPKey
from requests_cc.client_auth.signing_key import SigningKey
from requests_cc.testing import LocalServer
from tests.support.crash_report import crash_report
from tests.support.forked_child import in_child, needs_fork
from tests.support.proof_server import ALGORITHMS, opened
from tests.support.scripts import answer
from tests.support.server import Server
from tests.support.threads import in_threads

from .proofs import KEY, URL, claims_of


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


def test_a_proof_that_cannot_be_signed_shows_no_token_in_its_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuses(*_: object) -> str:
        raise RuntimeError("this algorithm is not allowed here")

    monkeypatch.setattr(SigningKey, "sign", refuses)
    with pytest.raises(RuntimeError) as raised:
        DPoPKey.generate().proof("GET", URL, "".join(["t0", "ken"]))
    report = crash_report(raised.value)
    assert "proof, url: " in report
    assert "t0ken" not in report


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


def test_a_token_that_is_not_ascii_is_not_repeated_in_an_error() -> None:
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
        ("https://api.example.com/a//b", "https://api.example.com/a//b"),
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


@pytest.mark.parametrize("path", ["//api/x", "///api", "//"])
def test_slashes_before_the_path_are_proved_as_they_are_sent(path: str) -> None:
    """Versions of requests differ; http.server would hide it."""
    with Server(answer()) as server:
        requests.get(server.origin + path, timeout=10)
        (arrived,) = server.requests
    assert claims_of(KEY, server.origin + path)["htu"] == server.origin + arrived.target


@pytest.mark.parametrize("url", ["", "/path", "ftp://x/", "https://", "https://a b/"])
def test_there_is_no_proof_for_an_invalid_url(url: str) -> None:
    with pytest.raises(ValueError, match="absolute http or https URL"):
        KEY.proof("GET", url)


def test_no_two_proofs_are_the_same_in_any_thread() -> None:
    proofs: list[str] = []

    def work(_: int) -> None:
        for number in range(50):
            KEY.take_nonce(URL, {"DPoP-Nonce": f"n{number}"})
            proofs.append(KEY.proof("GET", URL))

    assert in_threads(8, work) == [None] * 8
    assert len({opened(proof)[1]["jti"] for proof in proofs}) == 400


@needs_fork
def test_parent_and_child_make_different_proofs_of_one_key() -> None:
    key = DPoPKey.generate()
    header, claims = opened(in_child(lambda: key.proof("GET", URL)))
    mine_header, mine = opened(key.proof("GET", URL))
    assert header == mine_header
    assert claims["jti"] != mine["jti"]
