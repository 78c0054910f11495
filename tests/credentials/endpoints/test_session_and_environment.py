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
    ConfigurationError,
    InvalidRequest,
    TokenEndpointUnreachable,
)
from requests_cc.testing import LocalServer
from tests.support.scripts import answer
from tests.support.server import Server

from .endpoint import GOOD, SECRET, Endpoint, client, failure


@pytest.mark.rule(3)
def test_netrc_is_never_used(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login they password theirs\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Server(GOOD) as server:
        requests.get(server.url)
        endpoint.call(client(server, auth="client_secret_post"))
        endpoint.call(client(server, None, auth="none"))
        endpoint.call(client(server, "s3cret"))
        sent = [request.headers["Authorization"] for request in server.requests]
    basic = base64.b64encode(b"me:s3cret").decode()
    assert sent[0].startswith("Basic ")  # netrc works at all
    assert sent[1:] == [None, None, f"Basic {basic}"]


@pytest.mark.rule(3)
@pytest.mark.parametrize("of", ["environment", "session"])
def test_a_proxy_is_used_and_the_sessions_comes_first(
    endpoint: Endpoint, of: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    with Server(GOOD) as proxy, requests.Session() as session:
        monkeypatch.setenv(
            "HTTP_PROXY", proxy.origin if of == "environment" else "http://127.0.0.1:1"
        )
        if of == "session":
            session.proxies["http"] = proxy.origin
        url = "http://auth.example.com/token"
        endpoint.call(client(url, session=session, allow_http=True))
        assert proxy.targets == [f"http://auth.example.com{endpoint.path}"]


# http.client of Python 3.10 leaves the socket of a refused tunnel to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_proxy_that_refuses_is_named(endpoint: Endpoint) -> None:
    session = requests.Session()
    with Server(answer(b"", "407 Proxy Authentication Required")) as proxy:
        session.proxies["https"] = f"http://user:pr0xypass@127.0.0.1:{proxy.port}"
        error = failure(endpoint, "https://auth.example.com/token", session=session)
    session.close()
    with warnings.catch_warnings():  # urllib3 1.26 leaves the sockets of refused tunnels to gc
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    assert type(error) is TokenEndpointUnreachable
    assert f"the proxy for https://auth.example.com{endpoint.path} failed: " in str(error)
    assert "407" in str(error)
    assert "pr0xypass" not in str(error)


def test_the_sessions_headers_auth_and_adapters_are_used(endpoint: Endpoint) -> None:
    sent = []

    class Recording(requests.adapters.HTTPAdapter):
        def send(self, request, *args, **kwargs):
            sent.append(request)
            return super().send(request, *args, **kwargs)

    session = requests.Session()
    session.headers["X-Tenant"] = "blue"
    session.auth = ("gate", "keeper")
    session.mount("http://", Recording())
    with Server(GOOD) as server:
        credentials = client(server, session=session, auth="none", secret=None)
        endpoint.call(credentials)
    assert sent[0].headers["X-Tenant"] == "blue"
    assert sent[0].headers["Authorization"] == "Basic " + base64.b64encode(b"gate:keeper").decode()


@pytest.mark.parametrize(
    ("auth", "named"),
    [
        (None, "client_secret_basic"),
        ("client_secret_post", "client_secret_post"),
        ("client_secret_jwt", "client_secret_jwt"),
        (requests.auth.HTTPBasicAuth("me", "s3cret"), "HTTPBasicAuth"),
    ],
)
def test_a_sessions_auth_beside_another_method_is_refused_then_and_later(
    endpoint: Endpoint, auth: object, named: str
) -> None:
    session = requests.Session()
    with Server(GOOD) as server:
        credentials = client(server, session=session, auth=auth)
        session.auth = ("gate", "keeper")
        with pytest.raises(ConfigurationError, match=f"session.auth is set beside {named}, and"):
            endpoint.call(credentials)
        with pytest.raises(ConfigurationError, match="pass it as auth= in place of"):
            client(server, session=session, auth=auth)
        assert server.requests == []
    server_without_metadata = AuthorizationServer.discover(
        "https://auth.example.com", session=session
    )
    with pytest.raises(ConfigurationError, match="set beside client authentication, and"):
        ClientCredentials(server_without_metadata, "me", "s3cret")


def test_a_sessions_raise_for_status_hook_hides_no_oauth_error(endpoint: Endpoint) -> None:
    session = requests.Session()
    session.hooks["response"].append(lambda response, **_: response.raise_for_status())
    with Server(answer({"error": "invalid_request"}, "400 Bad")) as server:
        assert type(failure(endpoint, server, session=session)) is InvalidRequest


def test_a_hook_of_the_session_can_read_the_response(endpoint: Endpoint) -> None:
    seen = []
    session = requests.Session()
    session.hooks["response"].append(lambda response, **_: seen.append(response.json()))
    with Server(GOOD) as server:
        endpoint.call(client(server, session=session))
    assert seen[0]["access_token"] == "token-1"


def test_an_adapter_may_read_the_response_first(endpoint: Endpoint) -> None:
    class Reading(requests.adapters.HTTPAdapter):
        def send(self, *args, **kwargs):
            response = super().send(*args, **kwargs)
            assert response.content
            return response

    session = requests.Session()
    session.mount("http://", Reading())
    with Server(GOOD) as server:
        endpoint.call(client(server, session=session))


def test_an_http_error_of_an_adapter_without_a_response_is_unreachable(
    endpoint: Endpoint,
) -> None:
    class Raising(requests.adapters.HTTPAdapter):
        def send(self, *args, **kwargs):
            raise requests.HTTPError("from an adapter of theirs")

    session = requests.Session()
    session.mount("http://", Raising())
    assert (
        type(failure(endpoint, "http://127.0.0.1:1/token", session=session))
        is TokenEndpointUnreachable
    )


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


@pytest.mark.parametrize("body_format", ["form", "json"])
def test_a_sessions_content_type_does_not_mislabel_the_body(
    endpoint: Endpoint, body_format: str
) -> None:
    as_json = body_format == "json" and endpoint.method == "request_token"
    with requests.Session() as session, Server(GOOD) as server:
        session.headers["Content-Type"] = "text/plain"
        endpoint.call(client(server, session=session, body_format=body_format))
        [request] = server.requests
    content_type = "application/json" if as_json else "application/x-www-form-urlencoded"
    assert request.headers.get_all("Content-Type") == [content_type]
