"""``rejects=``: what says that an API rejected the token, if that is not a 401 alone."""

from __future__ import annotations

import gzip
import json
import logging
import pickle
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus

import pytest
import requests
from urllib3.util.retry import Retry

from requests_cc import ClientCredentialsAdapter, ConfigurationError, TokenCache
from tests.support.api import Api, api_and_session, credentials_for, session_for
from tests.support.scripts import Reply, Request
from tests.support.sources import OneToken
from tests.support.threads import within


def rejecting_first(reply: Reply, second: Reply | None = None) -> Callable[[Request], Reply]:
    """Reject the first token that arrives, for ever; any other one is fine."""
    first: list[str | None] = []

    def answer(arrived: Request) -> Reply:
        if not first:
            first.append(arrived.token)
        return reply if arrived.token in first else second or Reply()

    return answer


def in_json(response: requests.Response) -> bool:
    """As an API says it that responds 200 to everything (Marketo, Hasura)."""
    return "application/json" in response.headers.get("Content-Type", "") and bool(
        response.json().get("errors")
    )


JSON = (("Content-Type", "application/json"),)
DEAD = Reply(200, JSON, json.dumps({"errors": [{"code": "602", "text": "expired"}]}).encode())
FINE = Reply(200, JSON, b'{"data": [1, 2]}')


@pytest.mark.rule(5)
@pytest.mark.parametrize("status", [400, 403, 498])
@pytest.mark.parametrize("kind", ["one", "several", "set", "generator"])
def test_a_status_that_rejects_leads_to_a_renewal_and_one_resend(server, status, kind):
    rejects = {"one": status, "several": [401, status], "set": {status}}.get(
        kind, (s for s in [status])
    )
    with api_and_session(server, rejecting_first(Reply(status, body=b"dead")), rejects=rejects) as (
        api,
        session,
    ):
        response = session.get(api.origin)
    assert (response.status_code, response.text) == (200, "fine")
    assert [(first.status_code, first.text) for first in response.history] == [(status, "dead")]
    assert len(server.token_requests) == 2


@pytest.mark.rule(5)
def test_a_status_that_is_not_named_is_the_callers(server):
    with api_and_session(
        server, lambda _: Reply(401, body=b"no"), rejects=HTTPStatus.FORBIDDEN
    ) as (
        api,
        session,
    ):
        response = session.get(api.origin)
    assert (response.status_code, response.history) == (401, [])
    assert len(server.token_requests) == 1


@pytest.mark.rule(8)
def test_a_403_that_means_forbidden_is_held_after_one_renewal(server):
    cache = TokenCache()
    with api_and_session(
        server, lambda _: Reply(403, body=b"forbidden"), rejects=[401, 403], cache=cache
    ) as (api, session):
        responses = [session.get(api.origin) for _ in range(5)]
    assert [r.status_code for r in responses] == [403] * 5
    assert [len(r.history) for r in responses] == [1, 0, 0, 0, 0]
    assert cache.stats().holds == 1
    assert len(server.token_requests) == 2


@pytest.mark.rule(9)
def test_a_403_for_a_missing_scope_is_not_answered_with_a_renewal(server):
    reply = Reply(403, (("WWW-Authenticate", 'Bearer error="insufficient_scope"'),))
    with api_and_session(server, lambda _: reply, rejects=403) as (api, session):
        assert session.get(api.origin).history == []
    assert len(server.token_requests) == 1


@pytest.mark.rule(5)
@pytest.mark.parametrize("stream", [False, True])
def test_a_function_finds_the_rejection_in_the_body(server, stream):
    with api_and_session(server, rejecting_first(DEAD, FINE), rejects=in_json) as (api, session):
        response = session.get(api.origin, stream=stream)
        assert response.json() == {"data": [1, 2]}
        assert [first.json() for first in response.history] == [json.loads(DEAD.body)]
    assert len(server.token_requests) == 2


@pytest.mark.rule(8)
def test_a_function_that_always_finds_one_is_held(server):
    cache = TokenCache()
    with api_and_session(server, lambda _: DEAD, rejects=in_json, cache=cache) as (api, session):
        assert [len(session.get(api.origin).history) for _ in range(4)] == [1, 0, 0, 0]
    assert len(server.token_requests) == 2


READERS: dict[str, Callable[[requests.Response], object]] = {
    "content": lambda response: response.content,
    "json": lambda response: response.json(),
    "a part": lambda response: next(response.iter_content(10)),
    "raw": lambda response: response.raw.read(7),
    "raw, decoded": lambda response: response.raw.read(7, decode_content=True),
    "lines": lambda response: list(response.iter_lines()),
    "nothing": lambda response: response.ok,
}
BODY = json.dumps({"data": "x" * 50_000}).encode()
SENT = {
    "plain": (Reply(200, JSON, BODY), BODY),
    "chunked": (Reply(200, JSON, pieces=[BODY[:10], BODY[10:20_000], BODY[20_000:]]), BODY),
    "compressed": (
        Reply(200, (*JSON, ("Content-Encoding", "gzip")), gzip.compress(BODY)),
        gzip.compress(BODY),
    ),
}


@pytest.mark.parametrize("sent", SENT)
@pytest.mark.parametrize("reader", READERS)
def test_a_streamed_response_is_whole_for_the_caller_whatever_the_function_read(
    server, sent, reader
):
    reply, on_the_wire = SENT[sent]

    def reads(response: requests.Response) -> bool:
        READERS[reader](response)
        return False

    with api_and_session(
        server, lambda _: reply, rejects=reads, pool_maxsize=1, pool_block=True
    ) as (api, session):
        assert session.get(api.origin, stream=True).raw.read() == on_the_wire
        streamed = session.get(api.origin, stream=True)
        assert b"".join(streamed.iter_content(1000)) == BODY
        with session.get(api.origin, stream=True) as abandoned:
            assert abandoned.raw.read(5) == on_the_wire[:5]
        assert within(10, lambda: session.get(api.origin).content) == BODY


def test_an_event_stream_goes_on_after_the_function_looked_at_its_beginning(server):
    seen = threading.Event()

    def events() -> Iterator[bytes]:
        yield b"data: 1\n\n"
        assert seen.wait(20)
        yield b"data: 2\n\n"

    def reads(response: requests.Response) -> bool:
        return response.raw.read(4) != b"data"

    with api_and_session(server, lambda _: Reply(pieces=events()), rejects=reads) as (api, session):
        lines = session.get(api.origin, stream=True).iter_lines(chunk_size=1)
        assert next(lines) == b"data: 1"
        seen.set()
        assert [*lines] == [b"", b"data: 2", b""]


def test_what_a_function_raises_reaches_the_caller_and_frees_the_connection(server):
    def fails(response: requests.Response) -> bool:
        raise LookupError(response.status_code)

    with api_and_session(
        server, lambda _: Reply(), rejects=fails, pool_maxsize=1, pool_block=True
    ) as (api, session):
        for _ in range(2):
            with pytest.raises(LookupError, match="200"):
                session.get(api.origin, stream=True, timeout=10)


@pytest.mark.rule(6)
def test_a_body_that_cannot_be_replayed_gets_its_rejection(server):
    with api_and_session(server, rejecting_first(Reply(403, body=b"dead")), rejects=403) as (
        api,
        session,
    ):
        response = session.post(api.origin, data=iter([b"once"]))
        assert (response.status_code, response.text, response.history) == (403, "dead", [])
        assert session.post(api.origin, data=iter([b"twice"])).status_code == 200
    assert len(server.token_requests) == 2


@pytest.mark.rule(6)
def test_a_generator_that_is_not_resent_is_said_once(server, caplog):
    cache = TokenCache()
    with (
        caplog.at_level(logging.WARNING, "requests_cc"),
        Api() as api,
        session_for(server, api.origin, cache=cache) as session,
    ):
        for status in (200, 401, 200, 401):
            assert session.post(api.origin, data=iter([b"body"])).status_code == status
            api.revoke()
            if status == 401:
                cache.clear()  # or the next rejection would renew nothing for a second
    said = [each.message for each in caplog.records if "not resent" in each.message]
    assert len(said) == 1
    assert "generator" in said[0]
    assert "seekable file" in said[0]


WRONG = {
    "text": "401",
    "bool": True,
    "none": None,
    "nothing": [],
    "texts": ["401"],
    "a success": 200,
    "a redirect": [401, 302],
    "no status": 999,
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_not_a_rejection_is_refused(kind):
    with pytest.raises(ConfigurationError, match=r"^rejects .*pass"):
        ClientCredentialsAdapter(OneToken(), origins="https://api.example.com", rejects=WRONG[kind])


@pytest.mark.parametrize("through_transport", [False, True])
@pytest.mark.parametrize(
    ("rejects", "status"), [(401, 401), ([401, 403], 403), (in_json, 401), (403, 401)]
)
def test_retries_that_would_swallow_a_rejection_are_refused(through_transport, rejects, status):
    retry = Retry(3, status_forcelist=[status, 503])
    options = (
        {"transport": requests.adapters.HTTPAdapter(max_retries=retry)}
        if through_transport
        else {"max_retries": retry}
    )
    with pytest.raises(ConfigurationError, match=rf"status_forcelist .*{status}.*Leave it out"):
        ClientCredentialsAdapter(
            OneToken(), origins="https://api.example.com", rejects=rejects, **options
        )


def test_a_function_gets_responses_of_transports_without_connections():
    class Transport(requests.adapters.BaseAdapter):
        def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
            response = requests.Response()
            response.status_code, response.request, response.url = 200, request, str(request.url)
            response._content = b"fine"
            return response

        def close(self) -> None: ...

    adapter = ClientCredentialsAdapter(
        OneToken(), origins="http://127.0.0.1:1", transport=Transport(), cache=TokenCache(),
        rejects=lambda response: response.text != "fine",
    )  # fmt: skip
    with requests.Session() as session:
        session.mount("http://", adapter)
        assert session.get("http://127.0.0.1:1/").text == "fine"


def test_retries_of_other_statuses_are_allowed():
    retry = Retry(3, status_forcelist=[403, 503])
    ClientCredentialsAdapter(OneToken(), origins="https://api.example.com", max_retries=retry)


def test_an_adapter_with_statuses_can_be_pickled(server):
    with Api(rejecting_first(Reply(403))) as api:
        adapter = ClientCredentialsAdapter(
            credentials_for(server, api.origin), rejects=[401, 403], header="X-Token"
        )
        again = pickle.loads(pickle.dumps(adapter))
        with requests.Session() as session:
            session.mount(api.origin, again)
            assert session.get(api.origin).status_code == 403
            assert "X-Token" in api.requests[0].headers
