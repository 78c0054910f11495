"""A token as a shared store keeps it: bytes, under a name that reveals nothing."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import replace

from ...access_token import AccessToken, HeaderValue
from ...errors import InvalidTokenResponse, TokenStoreError
from ...protocols import TokenSource

FORMAT = 1
UNKNOWN_LIFETIME = 3600.0  # seconds for which a store keeps a token without an expiry
LARGEST_EXTRA = 64 * 1024  # characters of JSON
MOST_SKEW = 300.0  # seconds that another host's clock may be ahead of this one's


def name_in_store(source: TokenSource) -> str | None:
    """Return the name of a source's token in a store.

    :returns: str, hexadecimal, whose ``repr`` is masked: it is a fast hash of a digest of the
        secret, and crash reporters show the variables of frames; None if the token may not leave
        this process.
    """
    key = source.cache_key
    if not isinstance(key, str):
        return None
    # Two kinds of source may have equal cache keys. Without the module, whose name may change from
    # one version of this library to the next.
    name = f"{type(source).__qualname__}:{key}"
    return HeaderValue(hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest())


def packed(token: AccessToken, *, with_extra: bool = False) -> bytes:
    """Return what a store keeps of a token.

    :param token: its ``issued_at`` must be known.
    :param with_extra: bool, ``extra`` too, which may hold longer-lived secrets; if JSON can hold
        it, and it is not large.
    """
    document = token.to_dict()
    extra = document.pop("extra")
    if with_extra:
        with suppress(TypeError, ValueError, RecursionError):
            if len(json.dumps(extra)) <= LARGEST_EXTRA:
                document["extra"] = extra
    return json.dumps({"format": FORMAT, "token": document}).encode("ascii")


def unpacked(value: bytes, wall: float, *, is_bound: bool) -> AccessToken | None:
    """Return the token that a store kept, or None if the token has expired.

    :param wall: now, seconds since the epoch.
    :param is_bound: bool, whether the token must be bound to a key (RFC 9449), or must not be.
    :raises TokenStoreError: if it cannot be used; the message says why.
    """
    token = _read(value)
    if token is None or token.issued_at is None:
        raise TokenStoreError(
            "it is not a token in this version's format; a newer version or another program may "
            "have written it"
        )
    if (token.token_type == "DPoP") is not is_bound:
        raise TokenStoreError(f"its token has the wrong type, {token.token_type}")
    # A token issued in the future comes from a clock that is ahead by at least as much.
    ahead = max(0.0, token.issued_at - wall)
    if ahead > MOST_SKEW:
        raise TokenStoreError(
            f"its token was issued {ahead:.0f} s in the future; set the clocks of the hosts that "
            f"share the store"
        )
    if token.expires_at is None:
        return token
    # issued_at stays unchanged, since it tells two tokens of one store apart.
    token = replace(token, expires_at=token.expires_at - ahead)
    return token if time_to_live(token, wall) > 0 else None


def time_to_live(token: AccessToken, wall: float) -> float:
    """Return the seconds for which a store keeps a token; 0 or less: not at all."""
    return UNKNOWN_LIFETIME if token.expires_at is None else token.expires_at - wall


def _read(value: bytes) -> AccessToken | None:
    try:
        document = json.loads(value)
        if document["format"] == FORMAT:
            return AccessToken.from_dict(document["token"])
    except (ValueError, TypeError, KeyError, RecursionError, InvalidTokenResponse):
        pass  # whoever can write to the store can write anything
    return None
