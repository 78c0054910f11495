"""Where the endpoints are: as set, or as the server's metadata says, looked up again if need be."""

from __future__ import annotations

import json

import pytest

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ConfigurationError,
    OAuthError,
    TokenRequestError,
)
from tests.support.scripts import Script, answer, drop, hang
from tests.support.server import Server

from .endpoint import ENDPOINTS, GOOD, HTML, SECRET, TOKEN, Endpoint

WELL_KNOWN = "/.well-known/oauth-authorization-server"
GONE = {
    "refuses": drop,
    "hangs": hang,
    "is not found": answer(b"", "404 No"),
    "is another page": answer(HTML),
}


def metadata(server: Server, url: str) -> dict[str, str]:
    """Return a document in which this is the URL of every endpoint."""
    settings = [endpoint.setting for endpoint in ENDPOINTS.values()]
    return {"issuer": server.url, **dict.fromkeys(settings, url)}


@pytest.mark.parametrize("gone", GONE)
def test_an_endpoint_that_has_moved_is_looked_up_again(endpoint: Endpoint, gone: str) -> None:
    if (endpoint.method, gone) == ("revoke", "is another page"):
        return  # any success is a revocation (RFC 7009 §2.2)
    script: Script = GONE[gone]
    with Server(script) as old, Server(GOOD) as new, Server(path="") as server:
        server.routes[WELL_KNOWN] = metadata(server, old.url)
        found = AuthorizationServer.discover(server.url, timeout=(1.0, 1.0))
        credentials = ClientCredentials(found, "me", SECRET)
        with pytest.raises(TokenRequestError):
            endpoint.call(credentials)
        server.routes[WELL_KNOWN] = metadata(server, new.url)
        endpoint.call(credentials)
        assert server.targets == [WELL_KNOWN, WELL_KNOWN]
        assert len(new.requests) == 1


@pytest.mark.parametrize("refused", [{"error": "invalid_client"}, {"error": "invalid_request"}])
def test_an_endpoint_that_refuses_is_where_it_was(
    endpoint: Endpoint, refused: dict[str, str]
) -> None:
    with Server(path="") as server:
        server.routes[WELL_KNOWN] = metadata(server, f"{server.url}/all")
        server.routes["/all"] = answer(json.dumps(refused).encode(), "400 X")
        credentials = ClientCredentials(AuthorizationServer.discover(server.url), "me", SECRET)
        for _ in range(2):
            with pytest.raises(OAuthError):
                endpoint.call(credentials)
        assert server.targets == [WELL_KNOWN, "/all", "/all"]


@pytest.mark.parametrize("name", ["introspection", "revocation"])
def test_an_endpoint_that_is_not_known_says_what_to_pass(name: str) -> None:
    endpoint = ENDPOINTS[name]
    credentials = ClientCredentials("https://auth.example.com/token", "me", "s3cret")
    with pytest.raises(ConfigurationError) as raised:
        endpoint.call(credentials, TOKEN)
    assert str(raised.value) == (
        f"{endpoint.setting} of https://auth.example.com/token is not known: pass "
        f"AuthorizationServer(..., {endpoint.setting}=...), or use dataclasses.replace(server, "
        f"{endpoint.setting}=...)"
    )


@pytest.mark.rule(18)
@pytest.mark.parametrize("name", ["introspection", "revocation"])
def test_plain_http_beyond_loopback_is_refused_when_it_is_set(name: str) -> None:
    setting = ENDPOINTS[name].setting
    url = "http://auth.example.com/about?key=k3y"
    with pytest.raises(ConfigurationError, match=f"^{setting} .*plain http") as raised:
        AuthorizationServer("https://auth.example.com/token", **{setting: url})
    assert "k3y" not in str(raised.value)
    AuthorizationServer("https://auth.example.com/token", **{setting: url}, allow_http=True)
