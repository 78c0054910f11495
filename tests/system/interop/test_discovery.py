"""Finding the endpoints: RFC 8414, OpenID Connect Discovery, RFC 9728."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

import requests_cc
from requests_cc import AuthorizationServer

from .material import Material
from .methods import METHODS
from .protected_api import ProtectedApi
from .provider import Provider

POST = METHODS["client_secret_post"]
Application = Callable[..., requests.Session]


def looked_up(provider: Provider) -> int:
    """How often the metadata document was fetched so far."""
    answer = provider.http.get(f"{provider.admin_url}/requests", timeout=30).json()
    return sum(one["route"] == "discovery" and one["status"] == 200 for one in answer)


@pytest.fixture(params=["without a path", "with a path and a slash"])
def either(request: pytest.FixtureRequest, provider: Provider, tenant: Provider) -> Provider:
    return provider if request.param == "without a path" else tenant


@pytest.mark.parametrize("end", ["", "/", "/.well-known/openid-configuration"])
def test_the_issuer_is_found_with_and_without_a_trailing_slash(
    end: str, either: Provider, material: Material
) -> None:
    server = AuthorizationServer.discover(either.base + end, session=either.http)

    assert POST.credentials(server, material).request_token().value
    assert server.token_endpoint == f"{either.base}/token"
    assert server.issuer == either.issuer


def test_nothing_is_looked_up_until_a_token_is_needed_and_then_once(
    provider: Provider, material: Material
) -> None:
    before = looked_up(provider)
    server = AuthorizationServer.discover(provider.issuer, session=provider.http)
    source = POST.credentials(server, material)
    assert looked_up(provider) == before

    token = source.request_token()
    source.request_token()
    assert source.introspect(token).active
    source.revoke(token)

    assert looked_up(provider) == before + 1


def test_the_servers_own_list_of_methods_is_enough(provider: Provider, material: Material) -> None:
    server = AuthorizationServer.discover(provider.issuer, session=provider.http)

    source = requests_cc.ClientCredentials(server, POST.name, POST.client_secret)

    assert source.request_token().value


def test_a_document_of_another_issuer_is_refused(provider: Provider, material: Material) -> None:
    # The TLS listener's document says that the issuer is the plain one.
    server = AuthorizationServer.discover(provider.tls_url, session=provider.http)
    before = len(provider.requests(POST.name))

    with pytest.raises(requests_cc.ClientCredentialsError, match="issuer") as caught:
        POST.credentials(server, material).request_token()

    assert provider.issuer in str(caught.value)
    assert len(provider.requests(POST.name)) == before


def test_an_issuer_that_is_not_there_is_an_error_with_each_url_that_was_tried(
    provider: Provider, material: Material
) -> None:
    server = AuthorizationServer.discover(f"{provider.issuer}/nobody", session=provider.http)

    with pytest.raises(requests_cc.ClientCredentialsError) as caught:
        POST.credentials(server, material).request_token()

    for url in (
        f"{provider.issuer}/.well-known/oauth-authorization-server/nobody",
        f"{provider.issuer}/nobody/.well-known/openid-configuration",
    ):
        assert url in str(caught.value)


@pytest.mark.parametrize("path", ["", "/any"])
def test_a_protected_resource_names_its_authorization_server(
    path: str,
    provider: Provider,
    api: ProtectedApi,
    material: Material,
    application: Application,
) -> None:
    server = AuthorizationServer.discover_for(
        f"{api.url}{path}", issuers=[provider.issuer], session=provider.http
    )
    source = POST.credentials(server, material)

    assert application(source).get(f"{api.url}/any").status_code == 200
    assert server.issuer == provider.issuer


def test_an_authorization_server_that_is_not_trusted_gets_no_secret(
    provider: Provider, api: ProtectedApi, material: Material
) -> None:
    server = AuthorizationServer.discover_for(
        api.url, issuers=["https://trusted.example"], session=provider.http
    )
    before = len(provider.requests(POST.name))

    with pytest.raises(requests_cc.ClientCredentialsError, match=r"trusted\.example|issuers"):
        POST.credentials(server, material).request_token()

    assert len(provider.requests(POST.name)) == before
