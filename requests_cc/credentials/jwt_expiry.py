"""When a JWT expires, by its own words (RFC 7519 section 4.1.4).

Its signature is not verified: the claim decides only when the next token is requested.
"""

from __future__ import annotations

import base64
import json

from ..settings import is_number

LATEST_MOMENT = 10**11  # seconds since the epoch, in the year 5138
_PARTS = 3  # header, claims, signature (RFC 7515 section 7.1)


def jwt_expiry(token: str) -> float | None:
    """Return the ``exp`` of a JWT.

    :param token: str, any token.
    :returns: float, seconds since the epoch; None if the token is not a JWT, or has no ``exp``.
    """
    parts = token.split(".")
    if len(parts) != _PARTS:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    moment = claims.get("exp") if isinstance(claims, dict) else None
    return float(moment) if is_number(moment) and moment < LATEST_MOMENT else None
