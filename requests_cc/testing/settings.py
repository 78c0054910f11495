"""A local server's URLs and settings, as its parts read them."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import Response

PATHS = {
    "token": "/oauth/token",
    "introspection": "/oauth/introspect",
    "revocation": "/oauth/revoke",
    "api": "/api/",
}
JWKS_PATH = "/.well-known/jwks.json"
DEFAULT_LIFETIME = 3600


class Settings(abc.ABC):
    """A local server's URLs, and the settings that may change while it runs, from any thread.

    :raises RuntimeError: each URL, before the first start of a server without ``port=``.
    """

    @property
    @abc.abstractmethod
    def origin(self) -> str:
        """Scheme, host and port: ``http://127.0.0.1:PORT``, or https with ``tls=True``."""

    @property
    def issuer(self) -> str:
        """The issuer identifier (RFC 8414 §2), for ``AuthorizationServer.discover``."""
        return self.origin

    @property
    def token_url(self) -> str:
        """The token endpoint's URL."""
        return self.origin + PATHS["token"]

    @property
    def introspection_url(self) -> str:
        """The introspection endpoint's URL: RFC 7662."""
        return self.origin + PATHS["introspection"]

    @property
    def revocation_url(self) -> str:
        """The revocation endpoint's URL: RFC 7009."""
        return self.origin + PATHS["revocation"]

    @property
    def jwks_url(self) -> str:
        """The URL of the public keys that JWT access tokens are verified with: RFC 7517 §5."""
        return self.origin + JWKS_PATH

    @property
    def api_url(self) -> str:
        """The protected API's URL; it ends with a slash, and every path below it is protected."""
        return self.origin + PATHS["api"]

    token_lifetime: float | None = DEFAULT_LIFETIME
    """Seconds: the lifetime of tokens issued from now on, and their ``expires_in``; 3600 at first.
    None: they do not expire, and ``expires_in`` is left out. The server's clock is monotonic."""

    token_delay: float = 0.0
    """How long a token request takes, a failing one too, in seconds; 0 at first. A token's lifetime
    starts after the delay."""

    token_claims: Mapping[str, Any] = MappingProxyType({})
    """Further claims of JWT access tokens issued from now on, and of introspection responses."""

    rejection_status: int = HTTPStatus.UNAUTHORIZED
    """The API's status for an unknown, expired or revoked token; 401 at first. Some APIs use 403,
    or a 200 with an error in the body."""

    dpop_nonce: str | None = None
    """The nonce that DPoP proofs must have (RFC 9449 §8, §9); None: none is required."""

    on_response: Callable[[RecordedRequest, Response | None], object] | None = None
    """Called with each request and its response (None: the connection was dropped) before the
    response is sent, in the thread that serves the connection; calls may overlap."""

    def _reset_settings(self) -> None:
        """Set all settings but ``on_response`` to their first values."""
        self.token_lifetime = DEFAULT_LIFETIME
        self.token_delay = 0.0
        self.token_claims = MappingProxyType({})
        self.rejection_status = HTTPStatus.UNAUTHORIZED
        self.dpop_nonce = None
