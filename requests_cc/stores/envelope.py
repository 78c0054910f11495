"""What stands in a store under a name: a value, the name itself, and until when it is good."""

from __future__ import annotations

import base64
import json
import math

FORMAT = 1  # of the envelope; part of each name too, so that two formats share no entry
LONGEST = 30 * 86400.0  # seconds that anything is kept: a token without an expiry too
MAX_SIZE = 1024 * 1024  # bytes of a value in its envelope, encrypted; more is read from no store


def lifetime(ttl: float) -> float:
    """The seconds for which a value is kept; 0 for one that has expired."""
    return min(ttl, LONGEST) if ttl > 0 else 0.0  # NaN is not above 0


def pack(name: str, value: bytes, expires_at: float) -> bytes:
    """Makes an envelope: JSON, which clients that decode what they read do not harm.

    :param name: str, where it will be.
    :param expires_at: float, seconds since the epoch.
    """
    document = {
        "format": FORMAT,
        "name": name,
        "expires_at": expires_at,
        "value": base64.b64encode(value).decode("ascii"),
    }
    return json.dumps(document).encode("ascii")


def unpack(name: str, data: bytes, now: float) -> bytes | None:
    """The value in an envelope that was found under a name.

    :param now: float, seconds since the epoch.
    :returns: bytes; None for anything torn, foreign, expired, of another format, or made for
        another name: a token copied from there would be another client's.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return None
    expires_at, value = document.get("expires_at"), document.get("value")
    if not isinstance(expires_at, float) or not now < expires_at < math.inf:
        return None
    if document.get("name") != name or not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return None
