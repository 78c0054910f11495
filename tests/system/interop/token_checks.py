"""What a protected API asks of an access token: its signature, or the authorization server."""

from __future__ import annotations

import threading
import time
from typing import Any

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from .methods import API_CLIENT
from .provider import Provider


class TokenChecks:
    """Checks JWTs by signature (RFC 9068 §4) and all others by introspection (RFC 7662 §2).

    Safe to call from several threads.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._lock = threading.Lock()  # guards the one look-up of the keys
        self._keys: KeySet | None = None
        self.denied: set[str] = set()

    def members(self, token: str) -> dict[str, Any] | None:
        """What is known of a token; None when it is no good."""
        found = self._of_jwt(token) if token.count(".") == 2 else self._of_opaque(token)
        if found is None or found.get("jti") in self.denied:
            return None
        return found

    def _of_jwt(self, token: str) -> dict[str, Any] | None:
        try:
            decoded = jwt.decode(token, self._server_keys(), algorithms=["ES256"])
        except (JoseError, ValueError):
            return None
        claims = decoded.claims
        good = (
            decoded.header.get("typ") == "at+jwt"
            and claims.get("iss") == self._provider.issuer
            and claims.get("exp", 0) > time.time()
        )
        return claims if good else None

    def _of_opaque(self, token: str) -> dict[str, Any] | None:
        answer = _answer(
            "POST",
            f"{self._provider.base}/token/introspection",
            data={"token": token},
            auth=(API_CLIENT.name, API_CLIENT.client_secret),
        )
        return answer if answer["active"] else None

    def _server_keys(self) -> KeySet:
        with self._lock:
            if self._keys is None:
                keys: Any = _answer("GET", f"{self._provider.base}/jwks")
                self._keys = KeySet.import_key_set(keys)
            return self._keys


def _answer(method: str, url: str, **options: Any) -> dict[str, Any]:
    with requests.request(method, url, timeout=30, **options) as response:
        response.raise_for_status()
        members: dict[str, Any] = response.json()
        return members
