"""The token request with a DPoP proof (RFC 9449 §5, §8)."""

from __future__ import annotations

import json
import time

import pytest
from joserfc import jwk

from requests_cc import ClientCredentials, DPoPKey, InvalidTokenResponse, OAuthError, PrivateKeyJWT
from tests.support.proof_server import DPoPAuthority, Proofs, bound_credentials, opened
from tests.support.scripts import Reply, answer
from tests.support.server import Server


@pytest.fixture
def authority(authority: DPoPAuthority, monkeypatch: pytest.MonkeyPatch) -> DPoPAuthority:
    monkeypatch.setattr(time, "sleep", lambda _: None)  # no pause between attempts
    return authority


def all_different(proofs: Proofs) -> bool:
    return len({claims["jti"] for claims in proofs.seen}) == len(proofs.seen)


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"])
def test_a_token_is_bound_to_the_key_of_the_proof(authority, alg: str) -> None:
    key = DPoPKey.generate(alg)
    token = bound_credentials(authority, dpop=key).request_token()
    assert token.token_type == "DPoP"
    assert authority.bound == {token.value: key.thumbprint}
    assert opened(authority.requests[0].headers["DPoP"])[0]["alg"] == alg


def test_the_proof_leaves_out_the_query_of_the_token_endpoint(authority) -> None:
    credentials = ClientCredentials(
        f"{authority.url}?tenant=one", "client", "secret", dpop=DPoPKey.generate()
    )
    assert credentials.request_token().value == "token-1"
    assert authority.requests[0].target == "/token?tenant=one"
    assert authority.proofs.seen[0]["htu"] == authority.url


def test_the_proof_of_a_token_request_names_no_token(authority) -> None:
    bound_credentials(authority).request_token()
    assert "ath" not in authority.proofs.seen[0]


@pytest.mark.parametrize("token_type", ["Bearer", "bearer", None])
def test_a_bearer_token_in_response_to_a_proof_is_an_error(
    authority, token_type: str | None
) -> None:
    authority.token_type = token_type
    with pytest.raises(InvalidTokenResponse, match="token_type Bearer instead of DPoP") as caught:
        bound_credentials(authority).request_token()
    assert "token-1" not in str(caught.value)
    assert len(authority.requests) == 1


def test_a_dpop_token_without_a_key_is_an_error_that_says_so(authority) -> None:
    answer = {"access_token": "token-1", "token_type": "dpop"}
    with DPoPAuthority() as loose:
        loose.scripts = [lambda _: answer]
        with pytest.raises(InvalidTokenResponse, match=r"DPoP instead of Bearer.* dpop="):
            bound_credentials(loose, dpop=None).request_token()
    assert "DPoP" not in loose.requests[0].headers


def test_a_demanded_nonce_leads_to_one_retry_with_another_proof_and_assertion(authority) -> None:
    authority.proofs.rotate("first-nonce")
    signed = PrivateKeyJWT(jwk.generate_key("EC", "P-256"))
    credentials = ClientCredentials(authority.url, "client", auth=signed, dpop=DPoPKey.generate())
    assert credentials.request_token().value == "token-1"
    assert [claims.get("nonce") for claims in authority.proofs.seen] == [None, "first-nonce"]
    assert all_different(authority.proofs)
    first, second = (asked["client_assertion"][0] for asked in authority.forms)
    assert first != second


def test_a_nonce_that_is_demanded_for_ever_ends_after_one_retry(authority) -> None:
    refusal = json.dumps({"error": "use_dpop_nonce"}).encode()
    authority.scripts = [
        lambda arrived: Reply(400, (("DPoP-Nonce", f"nonce-{len(authority.requests)}"),), refusal)
    ]
    with pytest.raises(OAuthError) as caught:
        bound_credentials(authority).request_token()
    assert caught.value.error == "use_dpop_nonce"
    assert len(authority.requests) == 2


def test_a_nonce_that_is_demanded_and_not_given_is_not_waited_for(authority) -> None:
    authority.next = [Reply(400, body=json.dumps({"error": "use_dpop_nonce"}).encode())]
    with pytest.raises(OAuthError, match="use_dpop_nonce"):
        bound_credentials(authority).request_token()
    assert len(authority.requests) == 1


def test_the_nonce_of_a_success_is_used_next_time(authority) -> None:
    credentials = bound_credentials(authority)
    authority.next = [
        Reply(
            200,
            (("DPoP-Nonce", "for-later"),),
            b'{"access_token": "token-0", "token_type": "DPoP"}',
        )
    ]
    credentials.request_token()
    authority.proofs.rotate("for-later")
    credentials.request_token()
    assert [claims.get("nonce") for claims in authority.proofs.seen] == [None, "for-later"]


def test_a_rotated_nonce_is_demanded_once_more(authority) -> None:
    credentials = bound_credentials(authority)
    for nonce in ("one", "two", "three"):
        authority.proofs.rotate(nonce)
        credentials.request_token()
    used = [claims.get("nonce") for claims in authority.proofs.seen]
    assert used == [None, "one", "one", "two", "two", "three"]
    assert all_different(authority.proofs)


@pytest.mark.rule(19)
def test_each_attempt_has_a_proof_of_its_own(authority) -> None:
    authority.next = [Reply(503), None, Reply(503)]
    with pytest.raises(OAuthError):
        bound_credentials(authority).request_token()
    authority.next = [Reply(503)]
    assert bound_credentials(authority).request_token().value == "token-1"
    assert len(authority.proofs.seen) == 5
    assert all_different(authority.proofs)


def test_each_attempt_may_answer_a_demand_for_a_nonce(authority) -> None:
    refusal = json.dumps({"error": "use_dpop_nonce"}).encode()
    authority.next = [Reply(400, (("DPoP-Nonce", "n"),), refusal), Reply(503)]
    authority.proofs.rotate("m")
    assert bound_credentials(authority).request_token().value == "token-1"
    used = [claims.get("nonce") for claims in authority.proofs.seen]
    assert used == [None, "n", "n", "m"]


def test_one_key_and_another_do_not_share_a_token(authority) -> None:
    credentials = bound_credentials(authority)
    key = credentials.dpop
    assert bound_credentials(authority, dpop=key).cache_key == credentials.cache_key
    others = [bound_credentials(authority), bound_credentials(authority, dpop=None)]
    assert len({each.cache_key for each in [credentials, *others]}) == 3


def test_the_key_is_in_no_message_and_no_repr(authority) -> None:
    credentials = bound_credentials(authority)
    authority.next = [
        Reply(400, body=b'{"error": "invalid_dpop_proof", "error_description": "stale"}')
    ]
    with pytest.raises(OAuthError, match=r"invalid_dpop_proof .stale.") as caught:
        credentials.request_token()
    proof = authority.requests[0].headers["DPoP"]
    for text in (str(caught.value), repr(credentials), repr(credentials.dpop)):
        assert proof not in text
        assert "PRIVATE" not in text


@pytest.mark.parametrize(
    ("code", "with_a_key"),
    [
        ("invalid_dpop_proof", "check this machine's clock"),
        ("use_dpop_nonce", "the server demands another nonce each time"),
    ],
)
def test_a_server_that_wants_a_proof_and_gets_none_leads_to_the_setting(
    code: str, with_a_key: str
) -> None:
    error = {"error": code, "error_description": "proof missing"}
    with Server(answer(error, "400 Bad")) as server:
        for dpop, words in (
            (None, "(proof missing): the server binds this client's tokens to a key: pass "
                   "dpop=DPoPKey.generate()"),
            (DPoPKey.generate(), with_a_key),
        ):  # fmt: skip
            credentials = ClientCredentials(server.url, "client", "secret", dpop=dpop)
            with pytest.raises(OAuthError) as raised:
                credentials.request_token()
            assert words in str(raised.value)
