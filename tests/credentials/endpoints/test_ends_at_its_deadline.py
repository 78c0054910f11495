"""An exchange ends at its deadline, whatever it is doing, and nothing of it is left behind."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from requests_cc import TokenEndpointTimeout, TokenEndpointUnreachable
from tests.support.connect_proxy import connect_proxy
from tests.support.scripts import Reply, Request, token
from tests.support.server import Connection, Server
from tests.support.threads import in_threads

from .endpoint import ENDPOINTS, client, failure

pytestmark = pytest.mark.rule(18)
TIMEOUT = (0.2, 0.3)
TOKEN = ENDPOINTS["token"]


def endless(before: bytes, piece: bytes) -> Callable[[Request], None]:
    def script(request: Request) -> None:
        request.connection.send(before)
        while True:
            request.connection.send(piece)
            request.connection.pause(0.01)

    return script


SCRIPTS = {
    "1xx": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "status line": endless(b"HTTP/1.1 200 ", b"O"),
    "headers": endless(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "body": endless(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    "chunks": endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "chunk length": endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers": endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n"),
}


@pytest.fixture(params=["our session", "theirs", "theirs, kept alive"])
def session(request: pytest.FixtureRequest) -> Iterator[requests.Session | None]:
    if request.param == "our session":
        yield None
        return
    with requests.Session() as session:
        session.trust_env = request.param == "theirs"  # marks the third
        yield session


def wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.005)


def wait_until_no_exchange_runs() -> None:
    wait_until(
        lambda: all(each.name != "requests-cc exchange" for each in threading.enumerate()),
        "the exchange goes on after its deadline",
    )


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_response_without_end_is_ended(
    script: Callable[[Request], None], session: requests.Session | None
) -> None:
    with Server(script) as server:
        if session is not None and not session.trust_env:  # a connection that nobody watches yet
            server.routes["/first"] = Reply()
            session.get(f"{server.origin}/first")
        began = time.monotonic()
        error = failure(TOKEN, server, timeout=TIMEOUT, session=session)
        assert time.monotonic() - began < 1.5
        if script is SCRIPTS["1xx"]:  # which ends earlier, by their number
            assert isinstance(error, (TokenEndpointTimeout, TokenEndpointUnreachable))
        else:
            assert type(error) is TokenEndpointTimeout
        wait_until_no_exchange_runs()


def test_a_stream_of_interim_responses_is_ended_by_their_number() -> None:
    """At wire speed, reading it without end would hold all other threads up."""

    def flood(request: Request) -> None:
        while True:
            request.connection.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    with Server(flood) as server:
        began = time.monotonic()
        error = failure(TOKEN, server, timeout=(5, 10))
        assert time.monotonic() - began < 4
        assert type(error) is TokenEndpointUnreachable
        assert "100 Continue without end" in str(error)


def test_some_interim_responses_are_read_over() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" * 16
    body = b'{"access_token": "t"}'
    final = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    with Server(interim + final + body) as server:
        assert client(server).request_token().value == "t"


def handshake(connection: Connection) -> None:
    connection.send(b"\x16\x03\x03\x0f\xff")
    while True:
        connection.send(b"x")
        connection.pause(0.01)


def test_a_handshake_without_end_is_ended(session: requests.Session | None) -> None:
    with Server(play=handshake) as server:
        url = server.url.replace("http:", "https:")
        error = failure(TOKEN, url, timeout=TIMEOUT, session=session)
        assert isinstance(error, (TokenEndpointTimeout, TokenEndpointUnreachable))
        wait_until_no_exchange_runs()


def test_a_proxys_response_without_end_is_ended(
    session: requests.Session | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(SCRIPTS["headers"]) as proxy:
        if session is None:
            monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
        else:
            session.proxies["https"] = proxy.origin
        error = failure(TOKEN, "https://auth.example.com/t", timeout=TIMEOUT, session=session)
        assert type(error) is TokenEndpointTimeout
        assert proxy.requests[0].method == "CONNECT"
        wait_until_no_exchange_runs()


def test_a_server_that_is_well_again_is_asked_again() -> None:
    """Forty endless responses at once leave no thread, no descriptor, and no count."""
    with Server(SCRIPTS["headers"]) as server:
        failure(TOKEN, server, timeout=TIMEOUT)
        before = descriptors()
        in_threads(40, lambda _: failure(TOKEN, server, timeout=TIMEOUT))
        wait_until_no_exchange_runs()
        server.scripts = [token()]
        assert client(server).request_token().value == "token-1"
        wait_until(lambda: descriptors() <= before + 9, "connections stay open")


def test_a_connection_of_theirs_is_kept_alive_and_used_again() -> None:
    with Server(Reply(body=b'{"access_token": "t"}')) as server, requests.Session() as session:
        credentials = client(server, session=session)
        for _ in range(3):
            assert credentials.request_token().value == "t"
        assert server.accepted == 1


def test_a_session_of_theirs_works_as_before_after_an_exchange(
    session: requests.Session | None,
) -> None:
    """Through a proxy's tunnel too, to a server that does not speak TLS."""
    with Server(Reply(body=b"fine")) as server, connect_proxy() as proxy:
        session = session or requests.Session()
        session.proxies["https"] = proxy.origin
        url = server.url.replace("http:", "https:")
        failure(TOKEN, url, timeout=TIMEOUT, session=session)
        # The server waits for a line's end, which the random bytes of TLS may lack.
        theirs = (requests.exceptions.SSLError, requests.Timeout, requests.ConnectionError)
        with session, pytest.raises(theirs):
            session.post(url, timeout=1)


def test_a_connection_that_is_made_after_the_deadline_is_closed() -> None:
    late = threading.Event()

    class Late(requests.adapters.HTTPAdapter):
        def send(self, *args, **kwargs):
            late.wait(5)
            return super().send(*args, **kwargs)

    with Server(SCRIPTS["1xx"]) as server, requests.Session() as session:
        session.mount("http://", Late())
        error = failure(TOKEN, server, timeout=TIMEOUT, session=session)
        assert "no address of http://127.0.0.1" in str(error)
        late.set()
        wait_until_no_exchange_runs()


def test_an_adapter_without_connections_of_http_client_is_left_alone() -> None:
    class Own(requests.adapters.BaseAdapter):
        def send(self, request, **kwargs):
            response = requests.Response()
            response.status_code, response._content = 200, b'{"access_token": "t"}'
            return response

        def close(self) -> None:
            pass

    class NoPool(Own, requests.adapters.HTTPAdapter):
        def __init__(self) -> None:
            pass

    class OtherConnections(Own, requests.adapters.HTTPAdapter):
        def __init__(self) -> None:
            requests.adapters.HTTPAdapter.__init__(self)

        def get_connection_with_tls_context(self, *args, **kwargs):
            pool = super().get_connection_with_tls_context(*args, **kwargs)
            pool.ConnectionCls = object
            return pool

    for adapter in (Own(), NoPool(), OtherConnections()):
        with requests.Session() as session:
            session.adapters.clear()
            session.mount("http://", adapter)
            assert client("http://127.0.0.1:1/t", session=session).request_token().value == "t"
