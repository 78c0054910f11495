"""Revoking the cache's current token (RFC 7009); endpoints/ has the request for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ConfigurationError,
    JWTBearer,
    OAuthError,
    TokenCache,
    TokenEndpointUnreachable,
)
from tests.support.scripts import answer, drop, token
from tests.support.server import Server
from tests.support.sources import OneToken

REVOKED = answer(b"")
REFUSED = answer({"error": "unsupported_token_type"}, "400 Bad")


@pytest.fixture
def issuing() -> Iterator[Server]:
    with Server(token("token-1"), token("token-2")) as server:
        yield server


def client(revoking: Server, issuing: Server | None = None) -> ClientCredentials:
    """A client of a server whose tokens come from one place, and are revoked at another."""
    server = AuthorizationServer(
        revoking.url if issuing is None else issuing.url, revocation_endpoint=revoking.url
    )
    return ClientCredentials(server, "me", "s3cret", auth="client_secret_post")


def test_the_caches_token_is_revoked_and_forgotten(issuing: Server) -> None:
    cache = TokenCache()
    with Server(REVOKED) as revoking:
        credentials = client(revoking, issuing)
        assert cache.token(credentials).value == "token-1"
        cache.revoke(credentials)
        (request,) = revoking.requests
    assert b"token=token-1&" in request.body
    assert cache.token(credentials).value == "token-2"


@pytest.mark.parametrize(
    ("bad", "error_type"), [(REFUSED, OAuthError), (drop, TokenEndpointUnreachable)]
)
def test_it_is_kept_if_the_server_does_not_revoke_it(
    bad: bytes, error_type: type, issuing: Server
) -> None:
    cache = TokenCache()
    with Server(bad) as revoking:
        credentials = client(revoking, issuing)
        cache.token(credentials)
        with pytest.raises(error_type):
            cache.revoke(credentials)
    assert cache.token(credentials).value == "token-1"


def test_without_a_token_there_is_nothing_to_revoke(issuing: Server) -> None:
    with Server(REVOKED) as revoking:
        TokenCache().revoke(client(revoking, issuing))
        assert revoking.requests == []
    assert issuing.requests == []


def test_a_source_that_cannot_revoke_says_what_to_call() -> None:
    with pytest.raises(
        ConfigurationError, match=r"has no method revoke\(token\); use invalidate\(\)"
    ):
        TokenCache().revoke(OneToken())
    assert not hasattr(JWTBearer, "revoke")
