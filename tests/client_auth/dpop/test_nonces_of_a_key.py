"""The nonces that a key keeps for its proofs: one for each origin."""

from __future__ import annotations

import pytest
import requests
from hypothesis import given, strategies as st

from requests_cc import DPoPKey
from requests_cc.client_auth.dpop import LONGEST_NONCE, MAX_NONCES
from tests.support.threads import in_threads

from .proofs import EC_KEY, URL, claims_of

#: NQCHAR, RFC 9449 §8.1.
NONCE_CHARACTERS = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"\\']
NONCES = st.text(NONCE_CHARACTERS, min_size=1, max_size=LONGEST_NONCE)


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


def test_a_response_without_a_nonce_changes_nothing(key: DPoPKey) -> None:
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
def test_an_invalid_nonce_is_not_kept(key: DPoPKey, nonce: str) -> None:
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
    monkeypatch.setattr("requests_cc.client_auth.dpop.MAX_NONCES", 3)

    def work(number: int) -> None:
        for turn in range(200):
            url = f"https://h{(number + turn) % 9}.example.com/"
            key.take_nonce(url, {"DPoP-Nonce": "n"})
            key.proof("GET", url)

    assert in_threads(8, work) == [None] * 8
    assert len(key._nonces) <= 3 + 8  # each thread may be one ahead
