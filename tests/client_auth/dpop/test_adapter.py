"""The adapter with tokens that are bound to a key: what it sends (RFC 9449 §7)."""

from __future__ import annotations

import pickle

import pytest
import requests

from requests_cc import AccessToken, ClientCredentialsAdapter, TokenCache, mount
from tests.support.api import Api
from tests.support.proof_server import bound_credentials, bound_session, demand, presented, statuses
from tests.support.scripts import Reply, Request

# What is sent.


def test_a_request_carries_the_token_and_a_proof_of_its_own(api, session) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert session.request(method, api.origin + "/a%20path").status_code == 200
    assert api.presented == ["token-1"] * 3
    assert [claims["htm"] for claims in api.proofs.seen] == ["GET", "PUT", "DELETE"]
    assert len({claims["jti"] for claims in api.proofs.seen}) == 3


def test_a_proof_names_the_url_without_query_and_fragment(api, session) -> None:
    assert session.get(api.origin + "/path?q=1#part", params={"r": "2"}).status_code == 200
    assert api.proofs.seen[0]["htu"] == api.origin + "/path"
    assert api.requests[0].target == "/path?q=1&r=2"


def test_a_password_in_the_url_stands_in_no_proof(api, session) -> None:
    session.mount("http://", session.get_adapter(api.origin + "/"))
    url = api.origin.replace("://", "://user:pass-word@")
    assert session.get(url + "/path").status_code == 200
    assert api.proofs.seen[0]["htu"] == api.origin + "/path"


def test_what_the_caller_gave_is_replaced(api, session) -> None:
    headers = {"Authorization": "Bearer of-the-caller", "DPoP": "of-the-caller"}
    assert session.get(api.origin, headers=headers).status_code == 200
    assert api.presented == ["token-1"]


@pytest.mark.rule(2)
def test_neither_token_nor_proof_stands_on_the_callers_request(api, session) -> None:
    prepared = session.prepare_request(requests.Request("GET", api.origin))
    api.proofs.rotate("nonce")
    response = session.send(prepared)
    assert statuses(response) == [401, 200]
    for request in (prepared, response.request, response.history[0].request):
        assert not {"dpop", "authorization"} & {name.lower() for name in request.headers}
    assert session.send(prepared).status_code == 200


def test_an_error_of_the_api_call_carries_no_proof(api, session) -> None:
    api.next = [None]
    with pytest.raises(requests.ConnectionError) as caught:
        session.get(api.origin)
    assert len(api.requests) == 1
    assert "DPoP" in api.requests[0].headers
    assert "DPoP" not in caught.value.request.headers


@pytest.mark.rule(2)
def test_another_origin_sees_neither_token_nor_proof_of_a_redirect(api, session) -> None:
    with Api(lambda _: Reply()) as other:
        moved = Reply(307, (("Location", other.origin + "/there"), ("DPoP-Nonce", "next")))
        api.next = [demand("nonce"), moved]
        response = session.post(api.origin, data=b"body")
    assert response.url == other.origin + "/there"
    assert other.requests[0].body == b"body"
    assert not {"DPoP", "Authorization"} & set(other.requests[0].headers)
    assert api.nonces_seen == [None, "nonce"]


def test_a_redirect_within_the_origin_has_a_proof_of_its_own(api, session) -> None:
    api.next = [Reply(302, (("Location", "/there?q=1"),))]
    assert session.get(api.origin + "/here").status_code == 200
    assert [claims["htu"] for claims in api.proofs.seen] == [
        api.origin + "/here",
        api.origin + "/there",
    ]


# Without a key.


def test_a_source_without_a_key_leaves_a_dpop_header_of_the_caller_alone(authority) -> None:
    class Plain:
        cache_key = "plain"
        requests = 0

        def request_token(self) -> AccessToken:
            self.requests += 1
            return AccessToken(f"token-{self.requests}")

    def answer(arrived: Request) -> Reply:
        return demand("nonce") if arrived.target == "/picky" else Reply()

    source = Plain()
    with Api(answer) as api, requests.Session() as session:
        mount(session, ClientCredentialsAdapter(source, origins=api.origin, cache=TokenCache()))
        assert session.get(api.origin).status_code == 200
        assert session.get(api.origin, headers={"DPoP": "by hand"}).status_code == 200
        # A demand that the adapter cannot meet, and another token would not: the caller's.
        assert statuses(session.get(api.origin + "/picky")) == [401]
    assert [arrived.headers["DPoP"] for arrived in api.requests] == [None, "by hand", None]
    assert api.tokens == ["token-1"] * 3
    assert source.requests == 1


# The adapter itself.


def test_an_adapter_with_a_key_can_be_pickled(authority, api) -> None:
    credentials = bound_credentials(authority)
    with bound_session(credentials, api) as session:
        session.get(api.origin)
        with pickle.loads(pickle.dumps(session)) as copy:
            assert copy.get(api.origin).status_code == 200
    assert set(authority.bound.values()) == {credentials.dpop.thumbprint}
    assert presented(api.requests[-1]) == "token-2"


def test_a_transport_carries_the_proof(authority, api) -> None:
    with bound_session(
        bound_credentials(authority), api, transport=requests.adapters.HTTPAdapter()
    ) as session:
        api.proofs.rotate("nonce")
        assert statuses(session.get(api.origin)) == [401, 200]
