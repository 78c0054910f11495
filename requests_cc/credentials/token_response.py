"""Reading a token: from its response (RFC 6749 §5.1), and when it expires by its own words."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from ..access_token import AccessToken, Expiry
from ..errors import InvalidTokenResponse
from ..http.exchange import Response
from ..server.error_response import in_brackets
from ..settings import is_number
from .authenticated_request import AuthenticatedRequest

logger = logging.getLogger("requests_cc")

A_YEAR = 366 * 86_400  # seconds
LATEST_MOMENT = 10**11  # seconds since the epoch, in the year 5138
_PARTS = 3  # of a JWT: header, claims, signature (RFC 7515 §7.1)
MAX_SAID = 1024  # servers that a process warns about
_said: set[tuple[str, str]] = set()

#: From a JSON object and the time of the request to a token: the first thing that a grant may do
#: in its own way.
Reader = Callable[[Mapping[str, Any], float], AccessToken]


def token_in(
    response: Response, request: AuthenticatedRequest, read: Reader = AccessToken.from_response
) -> AccessToken:
    """Return the token in a response.

    :param response: the authorization server's response, which reports success.
    :param read: makes a token of the JSON object, or raises :class:`InvalidTokenResponse`.
    :raises InvalidTokenResponse: if it holds no token that can be used.
    """
    try:
        return _of_the_right_type(_token(response, request.server.given_url, read), request)
    except InvalidTokenResponse as error:
        error.status_code = response.status_code
        request.server.look_up_again()  # the endpoint may have moved
        raise


def _token(response: Response, url: str, read: Reader) -> AccessToken:
    members, words = response.json_object(), in_brackets(response.words)
    if members is None:
        raise InvalidTokenResponse(
            f"{url} returned {response.status_code} without a JSON object{words}: check that this "
            f"is the token endpoint's URL"
        )
    try:
        report_expiry(Expiry.of(members, response.requested_at), response.requested_at, url)
        return read(members, response.requested_at)
    except InvalidTokenResponse as error:
        raise InvalidTokenResponse(
            f"{url} returned {response.status_code} without a token that can be used: "
            f"{error}{words}; check that this is the token endpoint's URL"
        ) from None


def report_expiry(expiry: Expiry, requested_at: float, url: str) -> None:
    """Log, once for each server, an expiry that is probably not what the server means."""
    if expiry.unreadable is not None:
        _say_once(
            "%s returned a token whose %s cannot be read: the token is used until an API rejects "
            "it; ask the server's owner for expires_in in seconds",
            url,
            expiry.unreadable,
        )
    elif expiry.at is not None and expiry.at - requested_at > A_YEAR:
        _say_once(
            "%s returned a token that expires in %s days: check that the server writes seconds, "
            "not milliseconds",
            url,
            f"{(expiry.at - requested_at) / 86_400:.0f}",
        )


def jwt_expiry(token: str) -> float | None:
    """Return the ``exp`` of a JWT (RFC 7519 §4.1.4).

    Its signature is not verified: the claim decides only when the next token is requested.

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


def _say_once(message: str, url: str, detail: str) -> None:
    if (message, url) not in _said and len(_said) < MAX_SAID:
        _said.add((message, url))
        logger.warning(message, url, detail)


def _of_the_right_type(token: AccessToken, request: AuthenticatedRequest) -> AccessToken:
    wanted = "Bearer" if request.dpop is None else "DPoP"
    if token.token_type == wanted:
        return token
    advice = (
        "check that the server binds this client's tokens to a key (RFC 9449), or leave out dpop="
        if wanted == "DPoP"
        else "the server binds this client's tokens to a key (RFC 9449); pass dpop=DPoPKey(key) to "
        "ClientCredentials, or have the server issue Bearer tokens"
    )
    raise InvalidTokenResponse(
        f"the token response of {request.server.given_url} has token_type {token.token_type} "
        f"instead of {wanted}: {advice}"
    )
