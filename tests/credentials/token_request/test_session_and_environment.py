"""What a session and the environment change: proxies, headers, hooks, adapters."""

from __future__ import annotations

import base64
import gc
import warnings
from pathlib import Path

import pytest
import requests

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    InvalidRequest,
    TokenEndpointUnreachable,
)
from requests_cc.testing import LocalServer
from tests.support.scripts import answer, token
from tests.support.server import Server

from .clients import SECRET, client, failure


@pytest.mark.rule(3)
def test_netrc_is_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login they password theirs\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with LocalServer({"me": "s3cret", "public": None}) as server:
        api = requests.get(server.api_url)  # that netrc works at all
        assert api.request.headers["Authorization"].startswith("Basic ")
        client(server.token_url, "s3cret", auth="client_secret_post").request_token()
        ClientCredentials(server.token_url, "public", auth="none").request_token()
        client(server.token_url, "s3cret").request_token()
        basic = base64.b64encode(b"me:s3cret").decode()
        sent = [request.headers["Authorization"] for request in server.token_requests]
    assert sent == [None, None, f"Basic {basic}"]


@pytest.mark.rule(3)
def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(token()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        server = AuthorizationServer("http://auth.example.com/token", allow_http=True)
        assert ClientCredentials(server, "me", SECRET).request_token().value == "token-1"
        assert proxy.requests[0].raw.startswith(b"POST http://auth.example.com/token HTTP/1.1")


def test_a_proxy_of_the_session_goes_before_the_environments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    session = requests.Session()
    with Server(token()) as proxy:
        session.proxies["http"] = f"http://127.0.0.1:{proxy.port}"
        server = AuthorizationServer(
            "http://auth.example.com/token", session=session, allow_http=True
        )
        assert ClientCredentials(server, "me", SECRET).request_token().value == "token-1"


def test_a_proxy_that_refuses_is_named() -> None:
    session = requests.Session()
    with Server(answer(b"", "407 Proxy Authentication Required")) as proxy:
        session.proxies["https"] = f"http://user:pr0xypass@127.0.0.1:{proxy.port}"
        error = failure("https://auth.example.com/token", session=session)
    session.close()
    with warnings.catch_warnings():  # urllib3 1.26 leaves the sockets of refused tunnels to gc
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    assert type(error) is TokenEndpointUnreachable
    assert "the proxy for https://auth.example.com/token failed: " in str(error)
    assert "407" in str(error)
    assert "pr0xypass" not in str(error)


def test_the_sessions_headers_auth_and_adapters_are_used() -> None:
    sent = []

    class Recording(requests.adapters.HTTPAdapter):
        def send(self, request, *args, **kwargs):
            sent.append(request)
            return super().send(request, *args, **kwargs)

    session = requests.Session()
    session.headers["X-Tenant"] = "blue"
    session.auth = ("gate", "keeper")
    session.mount("http://", Recording())
    with Server(token()) as server:
        client(server.url, session=session, auth="client_secret_post").request_token()
    assert sent[0].headers["X-Tenant"] == "blue"
    assert sent[0].headers["Authorization"] == "Basic " + base64.b64encode(b"gate:keeper").decode()


def test_a_sessions_raise_for_status_hook_hides_no_oauth_error() -> None:
    session = requests.Session()
    session.hooks["response"].append(lambda response, **_: response.raise_for_status())
    with Server(answer({"error": "invalid_request"}, "400 Bad")) as server:
        assert type(failure(server.url, session=session)) is InvalidRequest


def test_a_hook_of_the_session_can_read_the_answer() -> None:
    seen = []
    session = requests.Session()
    session.hooks["response"].append(lambda response, **_: seen.append(response.json()))
    with Server(token()) as server:
        client(server.url, session=session).request_token()
    assert seen[0]["access_token"] == "token-1"


def test_an_adapter_that_reads_the_answer_first_is_no_hindrance() -> None:
    class Reading(requests.adapters.HTTPAdapter):
        def send(self, *args, **kwargs):
            response = super().send(*args, **kwargs)
            assert response.content
            return response

    session = requests.Session()
    session.mount("http://", Reading())
    with Server(token()) as server:
        assert client(server.url, session=session).request_token().value == "token-1"


def test_a_hook_that_raises_an_http_error_before_there_is_an_answer_is_unreachable() -> None:
    class Raising(requests.adapters.HTTPAdapter):
        def send(self, *args, **kwargs):
            raise requests.HTTPError("from an adapter of theirs")

    session = requests.Session()
    session.mount("http://", Raising())
    assert type(failure("http://127.0.0.1:1/token", session=session)) is TokenEndpointUnreachable


def test_the_body_can_be_json() -> None:
    with LocalServer() as server:
        credentials = client(
            server.token_url,
            body_format="json",
            auth="client_secret_post",
            resource=["https://a.example", "https://b.example", "https://c.example"],
            audience="https://api.example.com",
        )
        credentials.request_token()
        (request,) = server.token_requests
    assert request.json == {
        "grant_type": "client_credentials",
        "client_id": "me",
        "client_secret": SECRET,
        "audience": "https://api.example.com",
        "resource": ["https://a.example", "https://b.example", "https://c.example"],
    }


@pytest.mark.parametrize(
    ("body_format", "content_type"),
    [("form", "application/x-www-form-urlencoded"), ("json", "application/json")],
)
def test_a_sessions_content_type_does_not_mislabel_the_body(body_format, content_type) -> None:
    with requests.Session() as session, Server(token()) as server:
        session.headers["Content-Type"] = "text/plain"
        reached = AuthorizationServer(server.url, session=session, body_format=body_format)
        ClientCredentials(reached, "id", "secret").request_token()
        [request] = server.requests
    assert request.headers.get_all("Content-Type") == [content_type]
