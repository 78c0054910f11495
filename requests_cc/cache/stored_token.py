"""A token as it stands in a shared store: bytes, under a name that says nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from ..access_token import AccessToken
from ..errors import InvalidTokenResponse, TokenStoreError
from ..protocols import TokenSource

FORMAT = 1
UNKNOWN_LIFETIME = 3600.0  # seconds that a token without an expiry is kept for others
MOST_SKEW = 300.0  # seconds that another host's clock may be ahead of this one's


def name_in_store(source: TokenSource) -> str | None:
    """The key of a source's token in a store.

    :returns: str, hexadecimal; None where the token may not leave this process.
    """
    kind, key = type(source), source.cache_key
    if not isinstance(key, str):
        return None
    # Two kinds of source may have equal cache keys.
    name = f"{kind.__module__}.{kind.__qualname__}:{key}"
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def packed(token: AccessToken) -> bytes:
    """What is stored of a token: all but ``extra``, which may hold what outlives it.

    :param token: one whose ``issued_at`` is known.
    """
    document = token.to_dict()
    del document["extra"]
    return json.dumps({"format": FORMAT, "token": document}).encode("ascii")


def unpacked(value: bytes, wall: float, *, is_bound: bool = False) -> AccessToken | None:
    """The token that was stored; None: it has expired.

    :param wall: now, seconds since the epoch.
    :param is_bound: bool, whether it must be bound to a key (RFC 9449), or must not be.
    :raises TokenStoreError: when it is none that can be used; the message says why.
    """
    token = _read(value)
    if token is None or token.issued_at is None:
        raise TokenStoreError(
            "it is no token in the format of this version: was it written by a newer one, or by "
            "something else?"
        )
    if (token.token_type == "DPoP") is not is_bound:
        raise TokenStoreError(f"its token has the type {token.token_type}: not what was asked for")
    # What was issued in the future was issued by a clock that is ahead by as much, at least.
    ahead = max(0.0, token.issued_at - wall)
    if ahead > MOST_SKEW:
        raise TokenStoreError(
            f"its token was issued {ahead:.0f} s in the future: set the clocks of the hosts that "
            f"share the store"
        )
    if token.expires_at is None:
        return token
    # ``issued_at`` stays as it is: two tokens of one store are told apart by it.
    token = replace(token, expires_at=token.expires_at - ahead)
    return token if time_to_live(token, wall) > 0 else None


def time_to_live(token: AccessToken, wall: float) -> float:
    """The seconds that a token is kept for others; none are left where it is 0 or less."""
    return UNKNOWN_LIFETIME if token.expires_at is None else token.expires_at - wall


def _read(value: bytes) -> AccessToken | None:
    try:
        document = json.loads(value)
        if document["format"] == FORMAT:
            return AccessToken.from_dict({**document["token"], "extra": None})
    except (ValueError, TypeError, KeyError, RecursionError, InvalidTokenResponse):
        pass  # whoever can write to the store can write anything
    return None
