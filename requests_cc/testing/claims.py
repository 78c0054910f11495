"""The checks that client assertions, assertion grants and DPoP proofs have in common."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from typing import Any

from requests_cc.testing.jose import InvalidJWTError

SKEW = 60.0  # seconds that the client's clock may differ
MAX_SEEN = 10_000  # identifiers that are remembered: the newest


class Replays:
    """The identifiers of JWTs that were accepted; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _seen
        self._seen: dict[object, None] = {}

    def check(self, *identifier: object) -> None:
        """Record an identifier.

        :raises InvalidJWTError: if it was recorded before.
        """
        with self._lock:
            if identifier in self._seen:
                raise InvalidJWTError("its jti was used before")
            self._seen[identifier] = None
            if len(self._seen) > MAX_SEEN:
                del self._seen[next(iter(self._seen))]

    def forget(self) -> None:
        """Forget all identifiers."""
        with self._lock:
            self._seen.clear()


def check_times(claims: Mapping[str, Any], *, max_age: float | None = None) -> None:
    """Check ``exp``, ``nbf`` and ``iat`` against the wall clock: RFC 7519 §4.1.

    :param max_age: seconds since ``iat``, which is required then instead of ``exp``.
    :raises InvalidJWTError: if one is missing, not a number, or out of range.
    """
    now = time.time()
    required = "exp" if max_age is None else "iat"
    for name in {required, *({"exp", "nbf", "iat"} & claims.keys())}:
        value = claims.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidJWTError(f"its {name} must be a number of seconds since the epoch")
    if claims.get("exp", now + 1) <= now:
        raise InvalidJWTError("it has expired")
    if max(claims.get("nbf", now), claims.get("iat", now)) > now + SKEW:
        raise InvalidJWTError("its iat or nbf is in the future")
    if max_age is not None and claims["iat"] < now - max_age:
        raise InvalidJWTError(f"its iat is more than {max_age:.0f} seconds ago")


def check_audience(claims: Mapping[str, Any], accepted: Collection[str]) -> None:
    """Check that ``aud`` names this server: RFC 7523 §3.

    :raises InvalidJWTError: if it does not.
    """
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if not any(name in accepted for name in named):
        raise InvalidJWTError(f"its aud must be {' or '.join(sorted(accepted))}")
