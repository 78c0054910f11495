"""Asking about a token (RFC 7662) and giving it back (RFC 7009)."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import requests

import requests_cc

from .material import Material
from .methods import JWT_RESOURCE, METHODS, OPAQUE_RESOURCE
from .protected_api import ProtectedApi
from .provider import Provider

Application = Callable[..., requests.Session]


@pytest.mark.parametrize("name", METHODS)
def test_a_token_is_active_until_it_is_revoked(
    name: str, provider: Provider, material: Material
) -> None:
    source = METHODS[name].credentials(
        provider.server(), material, scope="read", resource=OPAQUE_RESOURCE
    )
    token = source.request_token()

    known = source.introspect(token)
    source.revoke(token)

    assert known.active is True
    assert known.client_id == source.client_id
    assert known.scope == "read"
    assert known.aud == OPAQUE_RESOURCE
    assert known.exp is not None
    assert abs(known.exp - time.time() - 300) < 60
    assert known.extra["iss"] == provider.issuer
    assert source.introspect(token).active is False


def test_a_token_that_nobody_issued_is_inactive_and_may_be_revoked(
    provider: Provider, material: Material
) -> None:
    source = METHODS["client_secret_post"].credentials(provider.server(), material)

    assert source.introspect("nobody-issued-this").active is False
    source.revoke("nobody-issued-this")


def test_a_server_that_does_not_introspect_jwts_is_quoted(
    provider: Provider, material: Material
) -> None:
    source = METHODS["client_secret_post"].credentials(
        provider.server(), material, resource=JWT_RESOURCE
    )
    token = source.request_token()

    for ask in (source.introspect, source.revoke):
        with pytest.raises(requests_cc.OAuthError, match="unsupported_token_type") as caught:
            ask(token)
        assert token.value not in str(caught.value)


def test_the_wrong_secret_may_not_introspect_a_token(
    provider: Provider, material: Material
) -> None:
    method = METHODS["client_secret_post"]
    token = method.credentials(provider.server(), material).request_token()
    wrong = method.credentials(provider.server(), material, client_secret="wrong")

    for ask in (wrong.introspect, wrong.revoke):
        with pytest.raises(requests_cc.InvalidClient):
            ask(token)


@pytest.mark.parametrize("name", ["client_secret_basic", "private_key_jwt-ES256", "dpop"])
def test_the_caches_token_is_revoked_and_forgotten(
    name: str,
    provider: Provider,
    api: ProtectedApi,
    material: Material,
    application: Application,
) -> None:
    cache = requests_cc.TokenCache()
    source = METHODS[name].credentials(provider.server(), material)
    session = application(source, cache)
    session.get(f"{api.url}/any").raise_for_status()
    first = api.arrived[-1].token

    cache.revoke(source)

    assert source.introspect(first).active is False
    answer = session.get(f"{api.url}/any")
    assert answer.status_code == 200
    assert answer.history == []
    assert api.arrived[-1].token != first
