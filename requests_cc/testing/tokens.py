"""Access tokens: issued, looked up and revoked."""

from __future__ import annotations

import math
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from requests_cc.testing.jose import SigningKey
from requests_cc.testing.settings import Settings

MAX_TOKENS = 100_000  # that are remembered: the newest


@dataclass(frozen=True)
class Grant:
    """The client and the parameters of the token request that led to a token.

    :param client_id: None if the request named no client.
    :param scope: the granted scopes, joined with spaces.
    :param audience: the ``audience`` parameters.
    :param resource: the ``resource`` parameters: RFC 8707 §2.
    :param subject: the token's subject if it is not the client.
    :param bound_to: the ``cnf`` of the token: ``jkt`` (RFC 9449 §6) or ``x5t#S256`` (RFC 8705 §3).
    """

    client_id: str | None
    scope: str | None
    audience: tuple[str, ...]
    resource: tuple[str, ...]
    subject: str | None = None
    bound_to: dict[str, str] = field(default_factory=dict)

    @property
    def token_type(self) -> str:
        """``DPoP`` if the token is bound to a DPoP key, else ``Bearer``."""
        return "DPoP" if "jkt" in self.bound_to else "Bearer"


@dataclass(frozen=True)
class IssuedToken:
    """A token that was issued.

    :param value: what the client sends; not in the ``repr``.
    :param claims: the claims of RFC 9068 §2.2, also those of an opaque token.
    :param expires_at: on the monotonic clock.
    """

    value: str = field(repr=False)
    grant: Grant
    claims: dict[str, Any] = field(repr=False)
    expires_at: float


class IssuedTokens:
    """The access tokens that were issued and not revoked; safe to share between threads.

    :param settings: read each time a token is issued.
    :param signing_key: None: tokens are opaque.
    """

    def __init__(self, settings: Settings, signing_key: SigningKey | None) -> None:
        self.signing_key = signing_key
        self._settings = settings
        self._lock = threading.Lock()  # guards _tokens
        self._tokens: dict[str, IssuedToken] = {}

    def issue(self, grant: Grant, lifetime: float | None) -> IssuedToken:
        """Issue a token.

        :param lifetime: seconds on the monotonic clock; None: the token does not expire.
        """
        claims = self._claims(grant, lifetime)
        # RFC 9068 §2.1: the header's typ is "at+jwt".
        value = (
            secrets.token_urlsafe(32)
            if self.signing_key is None
            else self.signing_key.sign(claims, "at+jwt")
        )
        expires_at = math.inf if lifetime is None else time.monotonic() + lifetime
        token = IssuedToken(value, grant, claims, expires_at)
        with self._lock:
            self._tokens[value] = token
            if len(self._tokens) > MAX_TOKENS:
                del self._tokens[next(iter(self._tokens))]
        return token

    def find(self, value: str) -> IssuedToken | None:
        """Return a token; None if it is unknown, expired or revoked."""
        with self._lock:
            token = self._tokens.get(value)
        return token if token is not None and time.monotonic() < token.expires_at else None

    def revoke(self, value: str) -> None:
        """Revoke one token."""
        with self._lock:
            self._tokens.pop(value, None)

    def revoke_all(self) -> None:
        """Revoke every token issued so far."""
        with self._lock:
            self._tokens.clear()

    def _claims(self, grant: Grant, lifetime: float | None) -> dict[str, Any]:
        # RFC 9068 §3: without a resource, aud is the server's default, which is its API.
        audience = [*grant.audience, *grant.resource] or [self._settings.api_url]
        now = time.time()
        claims = {
            "iss": self._settings.issuer,
            "sub": grant.subject or grant.client_id,
            "aud": audience[0] if len(audience) == 1 else audience,
            "client_id": grant.client_id,
            "scope": grant.scope,
            "iat": int(now),
            "exp": None if lifetime is None else int(now + lifetime),
            "jti": secrets.token_urlsafe(16),
            "cnf": grant.bound_to or None,
            **self._settings.token_claims,
        }
        return {name: value for name, value in claims.items() if value is not None}
