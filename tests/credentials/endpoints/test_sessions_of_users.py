"""What a user's own adapters, hooks, proxies and caches do to a request."""

from __future__ import annotations

import io
import sys
import time
from typing import Any

import pytest
import requests

from requests_cc import (
    ConfigurationError,
    TokenEndpointTimeout,
    TokenEndpointUnreachable,
    TokenRequest,
)
from tests.support.addresses import resolve_to
from tests.support.scripts import answer, token
from tests.support.server import Server

from .endpoint import ENDPOINTS, GOOD, Endpoint, client, failure

TOKEN = ENDPOINTS["token"]


# --- proxies -----------------------------------------------------------------------------------


ELSEWHERE = ["http://192.0.2.1:3128", "192.0.2.1:3128", "socks5h://proxy.example:1080", "http://["]


@pytest.mark.rule(18)
@pytest.mark.parametrize("proxy", ELSEWHERE)
@pytest.mark.parametrize("setting", ["HTTP_PROXY", "ALL_PROXY", "http", "all", "http://127.0.0.1"])
def test_plain_http_on_loopback_through_a_proxy_elsewhere_needs_allow_http(
    endpoint: Endpoint,
    setting: str,
    proxy: str,
    session: requests.Session,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if setting.isupper():
        monkeypatch.setenv(setting.lower(), proxy)
    else:
        session.proxies[setting] = proxy
    with Server(GOOD) as server:
        with pytest.raises(ConfigurationError, match="pass allow_http=True if") as raised:
            endpoint.call(client(server, session=session))
        assert "which is not on this machine" in str(raised.value)
        assert server.requests == []


@pytest.mark.rule(18)
def test_a_host_in_no_proxy_is_reached_without_the_proxy(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server(GOOD) as server:
        endpoint.call(client(server))
        assert server.targets == [endpoint.path]


@pytest.mark.rule(18)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_proxy_on_this_machine_may_carry_plain_http(
    endpoint: Endpoint, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(GOOD) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{host}:{proxy.port}")
        endpoint.call(client("http://127.0.0.1:1/token"))
        assert proxy.targets == [f"http://127.0.0.1:1{endpoint.path}"]


def test_with_allow_http_a_proxy_elsewhere_is_tried(session: requests.Session) -> None:
    session.proxies["http"] = "http://proxy.invalid:3128"
    error = failure(TOKEN, "http://127.0.0.1:1/token", session=session, allow_http=True)
    assert type(error) is TokenEndpointUnreachable


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("http://", "Please check proxy URL. It is malformed"),
        ("http://user:pr0xypass@host:port", "the proxy's URL cannot be parsed"),
        ("gopher://user:pr0xypass@host", "Proxy URL had unsupported scheme gopher"),
    ],
)
def test_a_malformed_proxy_is_a_configuration_error(
    proxy: str, words: str, session: requests.Session
) -> None:
    session.proxies["https"] = proxy
    with pytest.raises(ConfigurationError) as raised:
        client("https://localhost:1/token", session=session).request_token()
    assert words in str(raised.value)
    assert "check HTTPS_PROXY" in str(raised.value)
    assert "pr0xypass" not in str(raised.value)


def test_a_proxy_scheme_without_its_package_is_a_configuration_error(
    session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socks", None)
    monkeypatch.delitem(sys.modules, "urllib3.contrib.socks", raising=False)

    def without_the_package(*_: Any, **__: Any) -> None:  # what requests has in its place then
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    monkeypatch.setattr(requests.adapters, "SOCKSProxyManager", without_the_package)
    session.proxies["https"] = "socks5://127.0.0.1:1"
    began = time.monotonic()
    with pytest.raises(ConfigurationError, match="Missing dependencies for SOCKS support"):
        client("https://localhost:1/token", session=session).request_token()
    assert time.monotonic() - began < 1.0


# --- adapters and hooks ------------------------------------------------------------------------


class Stub(requests.adapters.BaseAdapter):
    """An adapter of a user's own, whose response is not of urllib3."""

    def __init__(self, raw: Any = None, content: bytes | None = None) -> None:
        super().__init__()
        self.raw, self.content = raw, content

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.raw = 200, self.raw
        if self.content is not None:
            response._content = self.content
        return response

    def close(self) -> None:
        pass


BODY = b'{"access_token": "t0ken", "token_type": "Bearer"}'


@pytest.mark.parametrize(
    "stub",
    [Stub(raw=io.BytesIO(BODY)), Stub(content=BODY), Stub(raw=io.BytesIO(b"x"), content=BODY)],
    ids=["a file", "a content", "both"],
)
def test_a_response_over_a_plain_file_is_read(stub: Stub, session: requests.Session) -> None:
    session.mount("https://", stub)
    assert client("https://localhost:1/token", session=session).request_token().value == "t0ken"


@pytest.mark.rule(18)
@pytest.mark.parametrize("stub", [{"raw": io.BytesIO(b" " * 2**21)}, {"content": b" " * 2**21}])
def test_a_plain_file_is_read_up_to_the_limit(stub: Any, session: requests.Session) -> None:
    session.mount("https://", Stub(**stub))
    error = failure(TOKEN, "https://localhost:1/token", session=session)
    assert "larger than 1048576 bytes" in str(error)


def test_a_hook_that_replaces_the_content_in_place_is_honoured(session: requests.Session) -> None:
    def unwrap(response: requests.Response, **_: Any) -> None:
        response._content = response.content.partition(b"\n")[2]

    session.hooks["response"].append(unwrap)
    with Server(answer(b"while(1);\n" + BODY)) as server:
        assert client(server, session=session).request_token().value == "t0ken"


def test_a_hook_that_replaces_the_file_in_place_is_honoured(session: requests.Session) -> None:
    def unwrap(response: requests.Response, **_: Any) -> None:
        response.raw = io.BytesIO(response.raw.read().partition(b"\n")[2])

    session.hooks["response"].append(unwrap)
    with Server(answer(b"while(1);\n" + BODY)) as server:
        assert client(server, session=session).request_token().value == "t0ken"


def test_a_hook_that_reads_the_file_takes_nothing_away(session: requests.Session) -> None:
    session.hooks["response"].append(lambda response, **_: response.raw.read() and None)
    with Server(answer(BODY)) as server:
        assert client(server, session=session).request_token().value == "t0ken"


# --- many addresses ----------------------------------------------------------------------------


def test_eight_addresses_that_swallow_packets_do_not_use_up_the_time_of_the_ninth(
    endpoint: Endpoint, swallowing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(GOOD) as server:
        resolve_to(monkeypatch, "localhost", *[swallowing] * 8, server.port)
        began = time.monotonic()
        endpoint.call(client("http://localhost/token", timeout=(0.8, 5.0)))
        assert time.monotonic() - began < 1.5
        assert server.targets == [endpoint.path]


def test_if_no_address_can_be_connected_to_the_message_says_so(
    swallowing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, "localhost", *[swallowing] * 9)
    began = time.monotonic()
    error = failure(TOKEN, "http://localhost/token", timeout=(0.4, 5.0))
    assert time.monotonic() - began < 2.0
    assert type(error) is TokenEndpointTimeout
    assert "no address of http://localhost/token could be connected to in time" in str(error)


def test_with_a_users_session_the_message_is_the_same(
    swallowing: int, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, "localhost", *[swallowing] * 9)
    error = failure(TOKEN, "http://localhost/token", timeout=(0.2, 0.2), session=session)
    assert "no address of http://localhost/token could be connected to in time" in str(error)


def test_a_name_without_an_address_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "localhost")
    error = failure(TOKEN, "http://localhost/token")
    assert type(error) is TokenEndpointUnreachable
    assert "could not be reached: the name has no address" in str(error)


# --- caches beneath us -------------------------------------------------------------------------


def test_a_token_request_says_no_store() -> None:
    with Server(token()) as server:
        client(server).request_token()
        TokenRequest(server.url, method="GET").request_token()
        said = [request.headers["Cache-Control"] for request in server.requests]
    assert said == ["no-store", "no-store"]
