"""The adapter after a 401: one renewal, one resend, and what the caller is given."""

from __future__ import annotations

import gzip
import io
import threading
from collections.abc import Iterator

import pytest
import requests

from requests_cc import (
    AccessToken,
    ClientCredentialsAdapter,
    TemporarilyUnavailable,
    TokenCache,
    TokenRequestError,
    mount,
)
from tests.support.api import Api, api_and_session, credentials_for, needs_token, session_for
from tests.support.scripts import Reply, Request
from tests.support.sources import OneToken
from tests.support.threads import in_threads, within


def rejecting_first(reply: Reply):
    """Answers the first token that arrives with this reply, for ever; any other one is fine."""
    rejected: list[str | None] = []

    def answer(arrived: Request) -> Reply:
        if not rejected:
            rejected.append(arrived.token)
        return reply if arrived.token in rejected else Reply()

    return answer


@pytest.mark.rule(5)
def test_a_revoked_token_is_renewed_and_the_request_resent_once(server):
    with session_for(server, server.origin) as session:
        assert session.get(server.api_url).history == []
        server.revoke_tokens()
        response = session.get(server.api_url)
    assert response.status_code == 200
    assert [first.status_code for first in response.history] == [401]
    assert response.history[0].json()["error"] == "invalid_token"
    assert len(server.token_requests) == 2
    assert len(server.api_requests) == 3


@pytest.mark.rule(5)
@pytest.mark.parametrize("status", [204, 401, 403, 404, 418, 503])
def test_the_second_response_is_the_callers_whatever_it_is(server, status):
    second = b"" if status == 204 else b"teapot"
    answers = iter([Reply(401, body=b"first"), Reply(status, body=second)])
    with Api(lambda _: next(answers)) as api, session_for(server, api.origin) as session:
        response = session.get(api.origin)
    assert (response.status_code, response.content) == (status, second)
    assert [first.text for first in response.history] == ["first"]


@pytest.mark.rule(7)
def test_a_hundred_threads_with_one_rejected_token_make_one_token_request(server):
    server.token_delay = 0.1
    with session_for(server, server.origin, pool_maxsize=100) as session:
        session.get(server.api_url)
        server.revoke_tokens()
        statuses = in_threads(100, lambda _: session.get(server.api_url).status_code)
    assert statuses == [200] * 100
    assert len(server.token_requests) == 2


@pytest.mark.rule(7)
def test_a_late_401_for_an_older_token_uses_the_newer_one(server):
    with Api(needs_token) as api, session_for(server, api.origin) as session:
        adapter = session.get_adapter(api.origin + "/")

        class Slow(io.BytesIO):
            """By the time that the body is read, another call has renewed the token."""

            def read(self, size: int | None = -1) -> bytes:
                if self.tell() == 0 and not api.revoked:
                    api.revoke()
                    assert session.get(api.origin).status_code == 200
                return super().read(size)

        session.get(api.origin)
        response = session.post(api.origin, data=Slow(b"x" * 10))
        assert response.status_code == 200
        assert adapter is session.get_adapter(api.origin + "/")
    assert [len(first.content) for first in response.history] == [len(b"revoked")]
    assert len(server.token_requests) == 2


@pytest.mark.rule(8)
def test_an_api_that_always_returns_401_causes_few_token_requests(server):
    cache = TokenCache()
    never = Reply(401, body=b"never")
    with api_and_session(server, lambda _: never, cache=cache) as (api, session):
        answers = [session.get(api.origin) for _ in range(200)]
    assert cache.stats().holds >= 1
    assert {(a.status_code, a.text) for a in answers} == {(401, "never")}
    assert len(server.token_requests) <= 12


@pytest.mark.rule(8)
def test_a_path_that_always_returns_401_leaves_healthy_paths_alone(server):
    def answer(arrived: Request) -> Reply:
        return Reply(401) if arrived.target == "/broken" else Reply()

    with Api(answer) as api, session_for(server, api.origin) as session:
        for _ in range(60):
            assert session.get(api.origin + "/broken").status_code == 401
            assert session.get(api.origin + "/healthy").status_code == 200
    assert len(server.token_requests) <= 6


@pytest.mark.rule(7)
def test_a_late_401_for_an_older_token_uses_the_newer_one_during_a_hold(server):
    """The hold is for the newer token; the older one was rejected for a reason of its own."""

    def answer(arrived: Request) -> Reply:
        return Reply(401) if arrived.target == "/broken" else Reply()

    with Api(answer) as api, session_for(server, api.origin) as session:

        class Slow(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                if self.tell() == 0 and not api.revoked:
                    api.revoke()
                    assert session.get(api.origin + "/broken").status_code == 401
                return super().read(size)

        session.get(api.origin)
        assert session.post(api.origin + "/healthy", data=Slow(b"x")).status_code == 200


@pytest.mark.rule(8)
def test_a_401_during_a_hold_is_handed_on_untouched(server):
    body = b"x" * 200_000
    with (
        Api(lambda _: Reply(401, body=body)) as api,
        session_for(server, api.origin) as session,
    ):
        session.get(api.origin)  # begins the hold
        response = session.get(api.origin, stream=True)
        assert response.history == []
        assert response.raw.read() == body
        assert session.get(api.origin).content == body
    assert len(api.requests) == 2 + 1 + 1  # the first call was resent


@pytest.mark.rule(8)
def test_the_same_token_handed_out_again_is_not_sent_again():
    source = OneToken()
    with Api(lambda _: Reply(401)) as api, requests.Session() as session:
        mount(session, ClientCredentialsAdapter(source, origins=api.origin, cache=TokenCache()))
        answers = [session.get(api.origin) for _ in range(20)]
    assert [a.status_code for a in answers] == [401] * 20
    assert [a.history for a in answers] == [[]] * 20
    assert len(api.requests) == 20
    assert source.requests == 2


def test_a_large_401_is_cut_and_not_requested_again_if_the_renewal_brings_the_same_token():
    with Api(lambda _: Reply(401, body=b"r" * 300_000)) as api:
        with requests.Session() as session:
            adapter = ClientCredentialsAdapter(OneToken(), origins=api.origin, cache=TokenCache())
            mount(session, adapter)
            sizes = [len(session.post(api.origin, data=b"body").content) for _ in range(3)]
        assert sizes == [65_536, 300_000, 300_000]  # during the hold it is handed on untouched
        assert [arrived.body for arrived in api.requests] == [b"body"] * 3


@pytest.mark.rule(9)
@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer error="insufficient_scope", scope="admin"',
        'Basic realm="x", Bearer error=insufficient_scope',
    ],
)
def test_insufficient_scope_causes_no_renewal(server, challenge):
    reply = Reply(401, (("WWW-Authenticate", challenge),), b"more scope")
    with Api(lambda _: reply) as api, session_for(server, api.origin) as session:
        response = session.get(api.origin)
    assert (response.status_code, response.text, response.history) == (401, "more scope", [])
    assert len(server.token_requests) == len(api.requests) == 1


def test_insufficient_scope_of_the_resend_begins_no_hold(server):
    """The new token was accepted, so that the next rejection renews it as ever."""
    lacking = Reply(401, (("WWW-Authenticate", "Bearer error=insufficient_scope"),))
    answer = rejecting_first(Reply(401))

    def lacks_scope(arrived: Request) -> Reply:
        return (
            lacking
            if answer(arrived).status == 200 and arrived.target == "/admin"
            else answer(arrived)
        )

    cache = TokenCache()
    with Api(lacks_scope) as api, session_for(server, api.origin, cache=cache) as session:
        assert session.get(api.origin + "/admin").status_code == 401
        assert cache.stats().held == 0
        assert session.get(api.origin).status_code == 200


def test_a_resend_that_meets_a_failing_api_decides_nothing_about_the_token(server):
    answers = iter([Reply(401), Reply(503), Reply(401), Reply(401), Reply()])
    cache = TokenCache()
    with (
        Api(lambda _: next(answers)) as api,
        session_for(server, api.origin, cache=cache) as session,
    ):
        assert session.get(api.origin).status_code == 503
        # Rejected right after it was minted, and never accepted: nothing is renewed for a second.
        assert session.get(api.origin).status_code == 401
    assert len(server.token_requests) == 2


# The answer to the first send.


@pytest.mark.rule(5)
def test_no_more_than_64_kib_of_the_first_response_are_kept(server):
    answer = rejecting_first(Reply(401, body=b"r" * 1_000_000))
    with Api(answer) as api, session_for(server, api.origin) as session:
        response = session.get(api.origin)
    assert response.status_code == 200
    assert response.history[0].content == b"r" * 65_536


@pytest.mark.rule(5)
def test_a_first_response_of_endless_chunks_is_cut(server):
    def endless() -> Iterator[bytes]:
        while True:
            yield b"e" * 4096

    with api_and_session(
        server, rejecting_first(Reply(401, pieces=endless())), pool_maxsize=1, pool_block=True
    ) as (api, session):
        response = session.get(api.origin)
        assert session.get(api.origin).status_code == 200
    assert response.history[0].content == b"e" * 65_536


def test_a_connection_with_the_rest_of_a_cut_response_is_not_used_again(server):
    over = threading.Event()

    def stalling() -> Iterator[bytes]:
        yield b"s" * 70_000
        over.wait(30)

    with api_and_session(server, rejecting_first(Reply(401, pieces=stalling()))) as (api, session):
        assert session.get(api.origin).status_code == 200
        over.set()


def test_a_compressed_first_response_can_be_read_from_history(server):
    headers = (("Content-Encoding", "gzip"), ("Content-Type", "text/plain"))
    reply = Reply(401, headers, gzip.compress(b"why not " * 1000))
    with Api(rejecting_first(reply)) as api, session_for(server, api.origin) as session:
        assert session.get(api.origin).history[0].text == "why not " * 1000


def test_a_compressed_bomb_is_kept_as_it_arrived(server):
    reply = Reply(401, (("Content-Encoding", "gzip"),), gzip.compress(b"\0" * 20_000_000))
    with Api(rejecting_first(reply)) as api, session_for(server, api.origin) as session:
        response = session.get(api.origin, stream=True)
        assert len(response.history[0].raw.read()) == len(reply.body) < 65_536


def test_a_chunked_first_response_can_be_read_from_history(server):
    reply = Reply(401, pieces=[b"one ", b"two"])
    with Api(rejecting_first(reply)) as api, session_for(server, api.origin) as session:
        response = session.get(api.origin)
        assert response.history[0].content == b"one two"
        assert list(response.history[0].iter_content(3)) == [b"one", b" tw", b"o"]


def test_a_head_request_is_resent(server):
    with api_and_session(
        server, rejecting_first(Reply(401, body=b"x" * 90)), pool_maxsize=1, pool_block=True
    ) as (api, session):
        response = session.head(api.origin)
    assert (response.status_code, response.content) == (200, b"")
    assert response.history[0].content == b""
    assert response.history[0].headers["Content-Length"] == "90"


def test_a_first_response_that_breaks_off_does_not_hinder_the_resend(server):
    reply = Reply(401, body=b"half", content_length=100)
    with api_and_session(server, rejecting_first(reply), pool_maxsize=1, pool_block=True) as (
        api,
        session,
    ):
        response = session.get(api.origin)
        assert session.get(api.origin).status_code == 200
    assert response.status_code == 200
    assert response.history[0].content == b""


def test_the_raw_body_of_a_streamed_resend_is_unread(server):
    with Api(rejecting_first(Reply(401))) as api, session_for(server, api.origin) as session:
        response = session.get(api.origin, stream=True)
        assert response.raw.read(2) == b"fi"
        assert response.raw.read() == b"ne"
        assert response.history[0].raw.read() == b"fine"


def test_cookies_of_the_first_response_are_kept(server):
    reply = Reply(401, (("Set-Cookie", "seen=yes; Path=/"),))
    with Api(rejecting_first(reply)) as api, session_for(server, api.origin) as session:
        response = session.get(api.origin)
        assert response.history[0].cookies["seen"] == "yes"
        assert session.cookies["seen"] == "yes"


@pytest.mark.rule(5)
def test_one_blocking_connection_serves_many_threads_through_a_renewal(server):
    """A thread that waits for a token holds no connection."""
    server.token_delay = 0.1
    with api_and_session(server, needs_token, pool_maxsize=1, pool_block=True) as (api, session):
        session.get(api.origin)
        api.revoke()
        statuses = in_threads(
            24, lambda n: session.get(api.origin, stream=n % 2 == 0, timeout=20).content
        )
    assert statuses == [b"fine"] * 24
    assert len(server.token_requests) == 2


@pytest.mark.rule(5)
@pytest.mark.parametrize("replayable", [True, False])
def test_while_one_call_waits_for_a_token_its_connection_serves_another(replayable):
    answered = []

    class Waiting:
        cache_key = "waiting"

        def request_token(self) -> AccessToken:
            if answered:  # the second token: made while the 401's connection must be free
                answered.append(within(10, lambda: plain.get(api.origin + "/other").text))
            return AccessToken(f"token-{len(answered)}")

    def answer(arrived: Request) -> Reply:
        if arrived.target == "/other":
            return Reply()
        answered.append(arrived.token)
        return Reply(401, body=b"no") if len(answered) == 1 else Reply()

    transport = requests.adapters.HTTPAdapter(pool_maxsize=1, pool_block=True)
    with Api(answer) as api, requests.Session() as session, requests.Session() as plain:
        plain.mount("http://", transport)
        mount(
            session,
            ClientCredentialsAdapter(
                Waiting(), origins=api.origin, cache=TokenCache(), transport=transport
            ),
        )
        body = b"body" if replayable else iter([b"body"])
        response = session.post(api.origin, data=body, stream=True)
        assert response.status_code == (200 if replayable else 401)
        assert response.content == (b"fine" if replayable else b"no")
    assert answered[:2] == ["token-0", "fine"]
    assert len(answered) == (3 if replayable else 2)


# Renewal that fails.


@pytest.mark.rule(5)
def test_a_failing_renewal_raises_for_that_call_and_others_go_on(server):
    def answer(arrived: Request) -> Reply:
        return Reply(401) if arrived.target == "/picky" else Reply()

    with Api(answer) as api, session_for(server, api.origin) as session:
        session.get(api.origin)
        server.fail_next(10)
        with pytest.raises(TemporarilyUnavailable) as caught:
            session.get(api.origin + "/picky")
        assert caught.value.request is None
        assert caught.value.response is None
        assert session.get(api.origin).status_code == 200
    assert len(set(api.tokens)) == 1


@pytest.mark.rule(6)
def test_a_body_that_cannot_be_sent_again_gets_its_401_though_the_renewal_fails(server):
    with Api(needs_token) as api, session_for(server, api.origin) as session:
        session.get(api.origin)
        api.revoke()
        server.fail_next(10)
        response = session.post(api.origin, data=iter([b"once"]))
        assert (response.status_code, response.text) == (401, "revoked")
        with pytest.raises(TokenRequestError):
            session.get(api.origin)


def test_what_a_users_own_source_raises_reaches_the_caller_as_it_is():
    class Empty(Exception):
        pass

    class Once:
        cache_key = "once"

        def __init__(self) -> None:
            self.tokens = ["one"]

        def request_token(self) -> AccessToken:
            if not self.tokens:
                raise Empty
            return AccessToken(self.tokens.pop())

    with Api(lambda _: Reply(401)) as api, requests.Session() as session:
        mount(session, ClientCredentialsAdapter(Once(), origins=api.origin, cache=TokenCache()))
        assert session.post(api.origin, data=iter([b"once"])).status_code == 401
        with pytest.raises(Empty):
            session.get(api.origin)


def test_a_connection_that_drops_during_the_resend_raises_as_ever(server):
    answers = iter([Reply(401), None])
    with (
        Api(lambda _: next(answers)) as api,
        session_for(server, api.origin) as session,
        pytest.raises(requests.ConnectionError) as caught,
    ):
        session.get(api.origin)
    assert "Authorization" not in caught.value.request.headers


@pytest.mark.rule(4)
def test_the_token_endpoints_401_is_not_the_apis(server):
    """A 401 of the authorization server is an error, and the API is sent nothing."""
    server.fail_next(1, status=401, error="invalid_client")
    with session_for(server, server.origin) as session, pytest.raises(TokenRequestError):
        session.get(server.api_url)
    assert server.api_requests == ()


@pytest.mark.rule(4)
def test_while_the_token_endpoint_is_down_the_api_gets_nothing(server):
    with Api(needs_token) as api, session_for(server, api.origin) as session:
        server.stop()
        with pytest.raises(TokenRequestError) as caught:
            session.get(api.origin)
        assert isinstance(caught.value, requests.ConnectionError)
        assert api.requests == []


def test_credentials_share_the_default_cache(server):
    """Code that builds a session for each call makes one token request."""
    for _ in range(5):
        with requests.Session() as session:
            mount(session, ClientCredentialsAdapter(credentials_for(server, server.origin)))
            assert session.get(server.api_url).status_code == 200
    assert len(server.token_requests) == 1
