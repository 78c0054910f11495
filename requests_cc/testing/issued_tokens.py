"""The tokens a local server has issued, and what they stand for."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Grant:
    """Who asked for a token, and for what.

    :param client_id: None if the request named no client.
    :param scope: as asked for, joined with spaces.
    :param audience: the ``audience`` parameter.
    :param resource: the ``resource`` parameters: RFC 8707 section 2.
    """

    client_id: str | None
    scope: str | None
    audience: str | None
    resource: tuple[str, ...]


class IssuedTokens:
    """The access tokens that are good, unless they have expired; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _grants
        self._grants: dict[str, tuple[Grant, float]] = {}

    def issue(self, grant: Grant, lifetime: float | None) -> str:
        """Return a new token.

        :param lifetime: seconds, counted on the monotonic clock; None: it does not expire.
        """
        token = secrets.token_urlsafe(32)
        expires_at = float("inf") if lifetime is None else time.monotonic() + lifetime
        with self._lock:
            self._grants[token] = grant, expires_at
        return token

    def find(self, token: str) -> Grant | None:
        """Return what this token stands for; None if it is unknown, expired or forgotten."""
        with self._lock:
            grant, expires_at = self._grants.get(token, (None, 0.0))
        return grant if time.monotonic() < expires_at else None

    def forget(self) -> None:
        """Make every token issued so far unknown."""
        with self._lock:
            self._grants.clear()
