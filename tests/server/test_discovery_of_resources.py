"""Discovery by a resource or under another name: where it looks, whom it trusts, what it sends."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import requests
import trustme

from requests_cc import AuthorizationServer, ClientCredentials, ConfigurationError
from requests_cc.errors import InvalidTokenResponse, TokenRequestError
from tests.support.certificates import server_context
from tests.support.scripts import answer, token
from tests.support.server import Server

RESOURCE = "/.well-known/oauth-protected-resource"
RFC8414 = "/.well-known/oauth-authorization-server"


@pytest.fixture
def auth() -> Iterator[Server]:
    with Server(path="") as running:
        running.routes[RFC8414] = {
            "issuer": running.url,
            "token_endpoint": f"{running.url}/token",
            "introspection_endpoint": f"{running.url}/introspect",
            "revocation_endpoint": f"{running.url}/revoke",
        }
        running.routes["/token"] = token()
        running.routes["/introspect"] = answer({"active": True})
        running.routes["/revoke"] = answer(b"")
        yield running


@pytest.fixture
def api(auth: Server) -> Iterator[Server]:
    with Server(path="") as running:
        running.routes[RESOURCE] = {
            "resource": running.url,
            "authorization_servers": [auth.url],
        }
        yield running


def test_whom_to_trust_is_required(api: Server) -> None:
    with pytest.raises(TypeError, match="issuers"):
        AuthorizationServer.discover_for(api.url)  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match="pass the issuers that you trust"):
        AuthorizationServer.discover_for(api.url, issuers=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/v1/things", "/v1?tenant=blue"])
def test_the_root_location_is_the_fallback(api: Server, auth: Server, path: str) -> None:
    server = AuthorizationServer.discover_for(f"{api.url}{path}", issuers=[auth.url])
    assert server.token_endpoint == f"{auth.url}/token"
    assert api.targets[-1] == RESOURCE


def test_the_resources_document_may_be_elsewhere(api: Server, auth: Server) -> None:
    api.routes["/metadata.json"] = api.routes.pop(RESOURCE)
    server = AuthorizationServer.discover_for(
        api.url, issuers=[auth.url], metadata_url=f"{api.url}/metadata.json"
    )
    assert server.token_endpoint == f"{auth.url}/token"
    assert api.targets == ["/metadata.json"]
    other = AuthorizationServer.discover_for(api.url, issuers=[auth.url])
    assert server.key_part != other.key_part


@pytest.mark.parametrize("setting", ["metadata_url", "url"])
def test_where_a_document_is_must_be_a_url_that_can_be_trusted(setting: str) -> None:
    settings: dict[str, Any] = {setting: "http://auth.example.com/metadata"}
    make: Any = AuthorizationServer.discover
    if setting == "metadata_url":
        make = partial(AuthorizationServer.discover_for, issuers=["https://auth.example.com"])
    with pytest.raises(ConfigurationError, match=f"^{setting} .*plain http"):
        make("https://api.example.com", **settings)


def test_the_metadata_can_be_read_under_an_internal_name(auth: Server) -> None:
    issuer = "https://auth.example.com"
    auth.routes["/internal"] = {"issuer": issuer, "token_endpoint": f"{auth.url}/token"}
    server = AuthorizationServer.discover(issuer, url=f"{auth.url}/internal")
    assert (server.issuer, server.token_endpoint) == (issuer, f"{auth.url}/token")
    assert auth.targets == ["/internal"]
    assert ClientCredentials(server, "me", "s3cret").request_token().value == "token-1"


def test_what_is_read_under_an_internal_name_must_name_the_issuer(auth: Server) -> None:
    server = AuthorizationServer.discover("https://other.example", url=f"{auth.url}{RFC8414}")
    with pytest.raises(InvalidTokenResponse, match=r"it must be https://other\.example"):
        _ = server.token_endpoint


def test_what_a_session_holds_for_its_server_reaches_no_resource(api: Server, auth: Server) -> None:
    with requests.Session() as session:
        session.headers["X-Key"] = "s3cret-key"
        session.params = {"key": "s3cret-param"}
        session.cookies["sid"] = "s3cret-cookie"
        session.hooks["response"].append(lambda response, **_: seen.append(response.url))
        seen: list[str] = []
        server = AuthorizationServer.discover_for(api.url, issuers=[auth.url], session=session)
        _ = server.token_endpoint
        assert seen == []
        for request in [*api.requests, *auth.requests]:
            assert b"s3cret" not in request.raw
        credentials = ClientCredentials(server, "me", "pass", auth="client_secret_post")
        auth.routes["/token?key=s3cret-param"] = token()
        credentials.request_token()
    sent = auth.requests[-1].raw
    assert all(part in sent for part in (b"s3cret-key", b"s3cret-param", b"s3cret-cookie"))


def test_metadata_read_over_https_names_no_plain_http_endpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, auth: Server
) -> None:
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with Server(path="", tls=server_context(authority)) as secure:
        secure.routes[RFC8414] = {
            "issuer": secure.url,
            "token_endpoint": f"{auth.url}/token",
            "mtls_endpoint_aliases": {"revocation_endpoint": f"{auth.url}/revoke"},
        }
        server = AuthorizationServer.discover(secure.url)
        with pytest.raises(InvalidTokenResponse, match="uses plain http; the document came by"):
            _ = server.token_endpoint
        with pytest.raises(InvalidTokenResponse, match="uses plain http; the document came by"):
            server.endpoint("revocation_endpoint", mutual_tls=True)
        allowed = AuthorizationServer.discover(secure.url, allow_http=True)
        assert allowed.token_endpoint == f"{auth.url}/token"


def test_a_server_without_a_token_endpoint_can_introspect_and_revoke(auth: Server) -> None:
    del auth.routes[RFC8414]["token_endpoint"]  # type: ignore[union-attr]
    server = AuthorizationServer.discover(auth.url)
    for method in (None, "client_secret_post", "client_secret_jwt"):
        secret = "s3cret that is long enough for HMAC"
        credentials = ClientCredentials(server, "me", secret, auth=method)
        assert credentials.introspect("t0ken").active
        credentials.revoke("t0ken")
    with pytest.raises(TokenRequestError, match="names no token_endpoint"):
        credentials.request_token()


@pytest.mark.parametrize("endpoint", ["introspection_endpoint", "revocation_endpoint"])
def test_the_methods_of_each_endpoint_are_followed(auth: Server, endpoint: str) -> None:
    document: Any = auth.routes[RFC8414]
    document["token_endpoint_auth_methods_supported"] = ["client_secret_basic"]
    document[f"{endpoint}_auth_methods_supported"] = ["client_secret_post", 7]
    credentials = ClientCredentials(AuthorizationServer.discover(auth.url), "me", "s3cret")
    credentials.request_token()
    credentials.introspect("t0ken")
    credentials.revoke("t0ken")
    posted = {request.target: "client_secret" in request.form for request in auth.requests[1:]}
    assert posted == {
        "/token": False,
        "/introspect": endpoint.startswith("intro"),
        "/revoke": endpoint.startswith("revo"),
    }


def test_a_redirect_of_the_metadata_shows_where_it_leads(auth: Server) -> None:
    auth.routes[RFC8414] = answer(b"", "302 X", {"Location": "https://other.example/x?key=k"})
    with pytest.raises(TokenRequestError) as raised:
        _ = AuthorizationServer.discover(auth.url).token_endpoint
    assert "302, a redirect to https://other.example/x, which is not followed" in str(raised.value)
