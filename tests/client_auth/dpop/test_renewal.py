"""Renewal of a bound token, alone and together with a demanded nonce: three sends in all."""

from __future__ import annotations

from functools import partial

import pytest
import requests

from requests_cc import (
    ClientCredentialsAdapter,
    DPoPKey,
    TokenCache,
    TokenRequestError,
    mount,
)
from tests.support.proof_server import (
    Proofs,
    bound_credentials,
    bound_session,
    challenge,
    demand,
    statuses,
)
from tests.support.scripts import Reply
from tests.support.sources import OneToken
from tests.support.threads import in_threads

# Renewal and nonce in one call: three sends in all.


def test_a_nonce_demand_and_then_a_rejected_token(authority, api, session) -> None:
    api.proofs.rotate("nonce")
    session.get(api.origin)
    api.revoke_all()
    api.proofs.rotate("another")
    assert statuses(session.get(api.origin)) == [401, 401, 200]
    assert api.presented[2:] == ["token-1", "token-1", "token-2"]
    assert len(authority.requests) == 2


def test_a_rejected_token_and_then_a_nonce_demand_on_the_resend(authority, api, session) -> None:
    api.next = [Reply(401, challenge("invalid_token")), demand("nonce")]
    assert statuses(session.get(api.origin)) == [401, 401, 200]
    assert api.presented == ["token-1", "token-2", "token-2"]
    assert api.nonces_seen == [None, None, "nonce"]


@pytest.mark.parametrize(
    "answers",
    [
        [demand("a"), Reply(401), demand("b")],
        [Reply(401), demand("a"), demand("b")],
    ],
)
def test_a_nonce_demand_on_the_last_send_begins_no_hold(authority, api, answers) -> None:
    cache = TokenCache()
    with bound_session(bound_credentials(authority), api, cache=cache) as session:
        api.next = [*answers, Reply(418)]
        assert statuses(session.get(api.origin)) == [401, 401, 401]
        assert len(api.next) == 1
        assert cache.stats().holds == 0
        api.next = []
        assert statuses(session.get(api.origin)) == [200]
        assert cache.stats().held == 0
        # Nor was the new token accepted: it is not renewed again at once.
        api.next = [Reply(401)]
        assert statuses(session.get(api.origin)) == [401]
    assert len(authority.requests) == 2


@pytest.mark.parametrize(
    "answers",
    [
        [Reply(401), demand("a"), Reply(401)],
        [demand("a"), Reply(401), Reply(401)],
    ],
)
def test_a_rejection_on_the_last_send_begins_a_hold(authority, api, answers) -> None:
    cache = TokenCache()
    with bound_session(bound_credentials(authority), api, cache=cache) as session:
        api.next = answers
        assert statuses(session.get(api.origin)) == [401, 401, 401]
    assert cache.stats().holds == 1
    assert len(authority.requests) == 2


def test_a_large_401_after_a_nonce_demand_is_cut_and_not_requested_again(api) -> None:
    source = OneToken("the-same-one", "DPoP", DPoPKey.generate())
    large = Reply(401, challenge("invalid_token"), b"r" * 300_000)
    api.next = [demand("nonce"), large, Reply(418)]
    with requests.Session() as session:
        mount(session, ClientCredentialsAdapter(source, origins=api.origin, cache=TokenCache()))
        response = session.get(api.origin)
    assert len(response.content) == 65_536
    assert statuses(response) == [401, 401]
    assert len(api.requests) == 2


def test_a_renewal_that_fails_after_a_nonce_demand_is_raised(authority, api, session) -> None:
    session.get(api.origin)
    api.next = [demand("nonce"), Reply(401)]
    authority.next = [Reply(400, body=b'{"error": "invalid_client"}')]
    with pytest.raises(TokenRequestError, match="invalid_client"):
        session.get(api.origin)


# Many threads.


@pytest.mark.rule(9)
def test_with_rotating_nonces_no_thread_sees_a_401_that_one_resend_resolves(authority, api) -> None:
    # In each round the nonce of before has gone stale, and half-way there is another.
    api.proofs = Proofs(used_up_after=16)
    with bound_session(bound_credentials(authority), api, pool_maxsize=32) as session:
        for number in range(6):
            api.proofs.rotate(f"round-{number}")
            work = partial(session.post, api.origin, b"body")
            found = in_threads(32, lambda _, work=work: work().status_code)
            assert found == [200] * 32
    assert len(api.requests) > 6 * 32
    assert len(authority.requests) == 1


@pytest.mark.rule(7)
def test_tokens_revoked_under_32_threads_cause_one_token_request(authority, api) -> None:
    api.proofs.rotate("nonce")
    authority.proofs.rotate("nonce-of-the-authority")
    with bound_session(bound_credentials(authority), api, pool_maxsize=32) as session:
        session.get(api.origin)
        api.revoke_all()
        found = in_threads(32, lambda _: session.get(api.origin).status_code)
    assert found == [200] * 32
    assert len(authority.bound) == 2
    assert len(authority.requests) == 3  # the nonce was demanded once


def test_a_nonce_beside_another_status_than_401_is_not_a_demand(authority, api, session) -> None:
    of_proof = demand("nonce").headers
    api.next = [Reply(401, challenge("invalid_token")), Reply(403, of_proof), Reply(418)]
    assert statuses(session.get(api.origin)) == [401, 403]
    assert len(authority.requests) == 2
