"""The token and its expiry in a response of another form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from ..access_token import AccessToken, Expiry
from ..client_auth.secret import cleaned
from ..errors import InvalidTokenResponse
from ..http.body import json_in, text_in
from ..settings import is_number
from .token_response import LATEST_MOMENT, jwt_expiry

EARLIEST_MOMENT = 10**9  # seconds since the epoch, in 2001: a smaller number is a lifetime
EARLIEST_MILLISECONDS = 10**11  # of the epoch; as seconds that is the year 5138
MOST_SHOWN = 10  # names of members in a message
# "expires_in_ms", "ttlMs", "lifetimeMillis": such a lifetime is in milliseconds.
_SAYS_MILLISECONDS = re.compile(r".*(?:_ms|[a-z]Ms|[Mm]illis(?:econds)?)")
_NUMBER = re.compile(r"-?[0-9]{1,17}(\.[0-9]{1,17})?")
_MOMENT = re.compile(
    r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})[Tt ]([0-9]{2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,][0-9]+)?)?"
    r" ?(?:[Zz]|UTC|([+-])([0-9]{2}):?([0-9]{2})?)?"
)


def token_of(
    body: bytes, token: str | None, expires: str | float | None, requested_at: float
) -> tuple[AccessToken, Expiry]:
    """Return the token and its expiry in a response.

    :param body: bytes, the response's body.
    :param token: str, the dotted name of the token's member; None: the body is the token.
    :param expires: str, the dotted name of the expiry's member; float, the token's lifetime in
        seconds; None: it does not say.
    :param requested_at: float, seconds since the epoch.
    :raises InvalidTokenResponse: if there is no token.
    """
    document = _json(body)
    if token is None:
        value = document if isinstance(document, str) else cleaned(text_in(body))
    else:
        value = member(document, token)
    if not isinstance(value, str) or not value:
        raise InvalidTokenResponse(f"{token} is {_found(value)}: {_names(document)}")
    expiry = _expiry(document, expires, requested_at)
    at = jwt_expiry(value) if expiry.at is None else expiry.at
    issued = AccessToken(
        value, expires_at=at, issued_at=requested_at, extra=_extra(document, token)
    )
    return issued, expiry


def member(document: Any, name: str) -> Any:
    """Return a member of a JSON document.

    :param document: what JSON can hold.
    :param name: str, such as ``"data.token"``, or ``"tokens.0.value"`` with the index of a list. A
        member with that very name, dots and all, comes first.
    :returns: the member, or None.
    """
    if isinstance(document, dict) and name in document:
        return document[name]
    for part in name.split("."):
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isascii() and part.isdigit():
            document = document[int(part)] if int(part) < len(document) else None
        else:
            return None
    return document


def moment(written: object, requested_at: float, name: str = "") -> float | None:
    """Return an expiry in seconds since the epoch.

    :param written: a number or a numeric text: seconds from now, or since the epoch, or
        milliseconds since the epoch, as fits its size; or a moment as in ISO 8601, UTC unless it
        says otherwise.
    :param requested_at: float, seconds since the epoch.
    :param name: str, of the member; one such as ``expires_in_ms`` holds milliseconds.
    :returns: float; None if it is none of these.
    """
    at = _moment(written, requested_at, 1000 if _SAYS_MILLISECONDS.fullmatch(name) else 1)
    return at if at is not None and at < LATEST_MOMENT else None


def _moment(written: object, requested_at: float, divisor: int) -> float | None:
    if isinstance(written, str) and _NUMBER.fullmatch(written.strip()):
        written = float(written)
    if is_number(written):
        if written >= EARLIEST_MILLISECONDS:
            return written / 1000
        return float(written) if written >= EARLIEST_MOMENT else requested_at + written / divisor
    return _iso_8601(written.strip()) if isinstance(written, str) else None


def _iso_8601(text: str) -> float | None:
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    *date, seconds, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        zone = timezone(-offset if sign == "-" else offset)
        return datetime(*map(int, date), int(seconds or 0), tzinfo=zone).timestamp()  # type: ignore[misc,arg-type] # five numbers
    except ValueError:
        return None


def _expiry(document: Any, expires: str | float | None, requested_at: float) -> Expiry:
    if expires is None:
        return Expiry(None)
    if not isinstance(expires, str):
        return Expiry(requested_at + expires)
    written = member(document, expires)
    if written is None:
        return Expiry(None)
    at = moment(written, requested_at, expires)
    return Expiry(None, expires) if at is None else Expiry(at)


def _json(body: bytes) -> Any:
    try:
        return json_in(body)
    except (ValueError, RecursionError):
        return None


def _found(value: object) -> str:
    return "missing" if value in (None, "") else f"not a text but {type(value).__name__}"


def _names(document: Any) -> str:
    if document is None:
        return "the response is not JSON"
    if not isinstance(document, Mapping):
        return f"the response is a JSON {type(document).__name__}, not an object"
    names = [f"{name!r:.60}" for name in list(document)[:MOST_SHOWN]]
    return f"the response has {', '.join(names) or 'no members'}"


def _extra(document: Any, token: str | None) -> dict[str, Any]:
    """Return the other members; a token that stands deeper takes its branch with it."""
    if not isinstance(document, dict) or token is None:
        return {}
    branch = token if token in document else token.split(".")[0]
    return {name: value for name, value in document.items() if name != branch}
