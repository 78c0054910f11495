"""Discovery: the metadata documents, and the library that reads them."""

from __future__ import annotations

import pytest
import requests

from requests_cc import AuthorizationServer, ClientCredentials, ClientCredentialsAdapter, mount
from requests_cc.testing import Client, LocalServer

PUBLIC_DOCUMENTS = ["oauth-authorization-server", "openid-configuration"]


def test_the_library_discovers_the_server_and_calls_the_api(server: LocalServer) -> None:
    found = AuthorizationServer.discover(server.issuer)
    credentials = ClientCredentials(found, "me", "s", audience=server.api_url)
    with requests.Session() as session:
        mount(session, ClientCredentialsAdapter(credentials))
        assert session.get(server.api_url).status_code == 200
    token = credentials.request_token()
    assert credentials.introspect(token).active
    credentials.revoke(token)
    assert not credentials.introspect(token).active
    assert found.token_endpoint == server.token_url
    assert len(server.requests("metadata")) == 1


def test_the_library_discovers_the_server_from_the_api(server: LocalServer) -> None:
    found = AuthorizationServer.discover_for(server.api_url, issuers=[server.issuer])
    assert found.token_endpoint == server.token_url


@pytest.mark.parametrize("name", PUBLIC_DOCUMENTS)
def test_the_document_describes_the_server(http_session: requests.Session, name: str) -> None:
    clients = {"me": Client("s", auth_methods="client_secret_post client_secret_jwt")}
    with LocalServer(clients, scopes="read write", grants=["client_credentials"]) as server:
        response = http_session.get(f"{server.origin}/.well-known/{name}")
    document = response.json()
    assert document["issuer"] == server.issuer == server.origin
    assert document["token_endpoint"] == server.token_url
    assert document["introspection_endpoint"] == server.introspection_url
    assert document["revocation_endpoint"] == server.revocation_url
    assert document["jwks_uri"] == server.jwks_url
    assert document["scopes_supported"] == ["read", "write"]
    assert document["grant_types_supported"] == ["client_credentials"]
    for endpoint in ("token", "introspection", "revocation"):
        assert document[f"{endpoint}_endpoint_auth_methods_supported"] == [
            "client_secret_post",
            "client_secret_jwt",
        ]
    algorithms = document["token_endpoint_auth_signing_alg_values_supported"]
    assert algorithms == ["HS256", "HS384", "HS512"]


def test_a_server_for_every_client_supports_what_needs_no_tls(
    server: LocalServer, http_session: requests.Session
) -> None:
    document = http_session.get(f"{server.origin}/.well-known/openid-configuration").json()
    assert document["token_endpoint_auth_methods_supported"] == [
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
        "private_key_jwt",
        "none",
    ]
    assert "scopes_supported" not in document
    assert "urn:ietf:params:oauth:grant-type:jwt-bearer" in document["grant_types_supported"]


def test_a_server_for_secrets_alone_lists_no_algorithms(http_session: requests.Session) -> None:
    with LocalServer({"me": Client("s", auth_methods=["client_secret_basic"])}) as server:
        url = f"{server.origin}/.well-known/oauth-authorization-server"
        document = http_session.get(url).json()
    assert "token_endpoint_auth_signing_alg_values_supported" not in document


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/orders"])
def test_the_api_has_metadata_of_its_own(
    server: LocalServer, http_session: requests.Session, path: str
) -> None:
    url = f"{server.origin}/.well-known/oauth-protected-resource{path}"
    document = http_session.get(url).json()
    assert document["resource"] == server.origin + path
    assert document["authorization_servers"] == [server.issuer]


@pytest.mark.parametrize("path", ["other", "oauth-protected-resource", "oauth-protected-resource/"])
def test_there_is_no_other_document(
    server: LocalServer, http_session: requests.Session, path: str
) -> None:
    assert http_session.get(f"{server.origin}/.well-known/{path}").status_code == 404


def test_a_document_is_read_with_get(server: LocalServer, http_session: requests.Session) -> None:
    response = http_session.post(f"{server.origin}/.well-known/openid-configuration")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


def test_a_discovery_may_be_planned_to_fail(
    server: LocalServer, http_session: requests.Session
) -> None:
    server.fail_next(status=404, at="metadata")
    url = f"{server.origin}/.well-known/oauth-authorization-server"
    assert [http_session.get(url).status_code for _ in range(2)] == [404, 200]


def test_an_opaque_server_has_no_keys(server: LocalServer, http_session: requests.Session) -> None:
    assert http_session.get(server.jwks_url).json() == {"keys": []}
