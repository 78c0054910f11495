"""One bounded HTTP exchange, and what its failures become."""

from __future__ import annotations

import io
import ssl
import threading
import time

import pytest
import requests
import urllib3

from requests_cc.errors import ConfigurationError, InvalidScope, TokenEndpointUnreachable
from requests_cc.http.body import read_body, with_body
from requests_cc.http.exchange import exchange
from requests_cc.http.failure import failure
from requests_cc.http.sending import Way, token_exchange_under_way
from requests_cc.url import without_query
from tests.support.scripts import Reply, Request, answer, token
from tests.support.server import PATIENCE, Gone, Server

URL = "https://auth.example.com/token?key=s3cret"
TIMEOUT = (2.0, 2.0)


def test_whatever_is_sent_within_an_exchange_can_know_it() -> None:
    seen = []

    class Nosy(requests.adapters.HTTPAdapter):
        def send(self, *args, **kwargs):
            seen.append(token_exchange_under_way.get())
            return super().send(*args, **kwargs)

    session = requests.Session()
    session.mount("http://", Nosy())
    with Server(token()) as server:
        exchange(requests.Request("POST", server.url, auth=("a", "b")), Way(session, TIMEOUT))
        session.get(server.url)
    assert seen == [True, False]
    assert not token_exchange_under_way.get()


@pytest.mark.parametrize("body", [b"", b'{"a": 1}', b"[1]", b"not JSON"])
def test_a_response_is_returned_whatever_it_is(body: bytes) -> None:
    with Server(answer(body, "418 Teapot", {"X-Header": "yes"})) as server:
        told = exchange(requests.Request("POST", server.url, auth=("a", "b")), Way(None, TIMEOUT))
    assert (told.status_code, told.body, told.headers["x-header"]) == (418, body, "yes")
    assert told.json_object() == ({"a": 1} if body.startswith(b"{") else None)
    assert repr(told) == "<Response [418]>"


def test_a_response_has_a_time_before_the_request_arrived() -> None:
    """What ``expires_in`` counts from: a token never looks younger than it is."""
    arrived = []

    def slowly(request: Request) -> bytes:
        arrived.append(time.time())
        time.sleep(0.05)
        return token()

    with Server(slowly) as server:
        told = exchange(requests.Request("POST", server.url, auth=("a", "b")), Way(None, TIMEOUT))
    assert told.requested_at <= arrived[0]


def test_the_cookies_of_a_response_reach_the_session() -> None:
    session = requests.Session()
    with Server(answer(b"{}", headers={"Set-Cookie": "sticky=1"})) as server:
        exchange(requests.Request("POST", server.url, auth=("a", "b")), Way(session, TIMEOUT))
    assert session.cookies["sticky"] == "1"


def test_each_exchange_has_a_session_and_a_connection_of_its_own() -> None:
    """So a child process finds none of its parent's, and no cookie of another client's."""
    closed = threading.Event()

    def keeps_alive(request: Request) -> None:
        request.connection.reply(Reply(200, (("Set-Cookie", "sticky=1"),), b"{}"))
        with pytest.raises(Gone):
            request.connection.receive()
        closed.set()

    with Server(keeps_alive) as server:
        for _ in range(2):
            exchange(requests.Request("POST", server.url, auth=("a", "b")), Way(None, TIMEOUT))
            assert closed.wait(PATIENCE)
            closed.clear()
    assert not any(b"sticky" in request.raw for request in server.requests)
    assert len(server.requests) == 2


def test_a_url_is_shown_without_its_query_and_fragment() -> None:
    assert without_query(f"{URL}#x") == "https://auth.example.com/token"


def test_a_ring_of_causes_ends() -> None:
    one, other = requests.ConnectionError("one"), requests.ConnectionError("other")
    one.__context__, other.__context__ = other, one
    assert isinstance(failure(URL, one), TokenEndpointUnreachable)


def test_a_session_that_has_no_adapter_for_the_url_is_a_configuration_error() -> None:
    told = failure(URL, requests.exceptions.InvalidSchema(f"No connection adapters for '{URL}'"))
    assert isinstance(told, ConfigurationError)
    assert "No connection adapters for the URL" in str(told)
    assert "s3cret" not in str(told)


def test_a_handshake_without_a_reason_was_cut_short() -> None:
    told = failure(URL, requests.exceptions.SSLError(ssl.SSLError()))
    assert "TLS with https://auth.example.com/token failed: the handshake was cut short" in str(
        told
    )


def test_an_error_of_ours_stays_what_it_is() -> None:
    error = InvalidScope("x")
    assert failure(URL, error) is error


def test_an_error_that_was_never_raised_has_no_frames() -> None:
    error = KeyboardInterrupt("x")
    assert failure(URL, error) is error
    assert error.__traceback__ is None


def raw(body: bytes, length: int) -> urllib3.HTTPResponse:
    return urllib3.HTTPResponse(
        body=io.BytesIO(body),
        headers={"Content-Length": str(length)},
        preload_content=False,
        enforce_content_length=False,
    )


def test_a_body_that_is_shorter_than_it_says_was_cut_off() -> None:
    with pytest.raises(urllib3.exceptions.IncompleteRead):
        read_body(raw(b"ab", 5), 10, decode=True)


@pytest.mark.parametrize(("limit", "read"), [(1, (b"a", False)), (2, (b"ab", True))])
def test_a_body_is_read_up_to_a_limit(limit: int, read: tuple[bytes, bool]) -> None:
    assert read_body(raw(b"ab", 2), limit, decode=False) == read


def test_a_body_can_be_handed_on_as_if_it_were_unread() -> None:
    assert with_body(raw(b"ab", 2), io.BytesIO(b"other")).read() == b"other"
