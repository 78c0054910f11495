"""The token request (RFC 6749 §3.2, §4.4.2)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..access_token import AccessToken
from ..client_auth.secret import ClientSecret
from ..errors import ClientCredentialsError, InvalidTokenResponse, TokenRequestError
from ..http.exchange import Answer
from .authenticated_request import AuthenticatedRequest


def request_token(request: AuthenticatedRequest, secret: ClientSecret) -> AccessToken:
    """Makes one token request, in a few attempts at the most.

    :param request: the token request.
    :param secret: the client's secret or secrets.
    :returns: an :class:`AccessToken`.
    :raises TokenRequestError: when no token could be had.
    """
    answer = request.send(secret)
    try:
        return _token_in(answer, request)
    except InvalidTokenResponse:
        request.server.look_up_again()  # perhaps the endpoint has moved
        raise


def _token_in(answer: Answer, request: AuthenticatedRequest) -> AccessToken:
    members = answer.json_object()
    if members is None:
        raise InvalidTokenResponse(
            f"{request.server.given_url} answered {answer.status_code} without a JSON object: "
            f"check that this is the token endpoint's URL"
        )
    try:
        token = AccessToken.from_response(members, answer.requested_at)
    except InvalidTokenResponse as error:
        reason = str(error)
    else:
        return _of_the_wanted_type(token, request)
    raise InvalidTokenResponse(
        f"{request.server.given_url} answered {answer.status_code} without a token that can be "
        f"used: {reason}; check that this is the token endpoint's URL"
    )


def _of_the_wanted_type(token: AccessToken, request: AuthenticatedRequest) -> AccessToken:
    wanted = "Bearer" if request.dpop is None else "DPoP"
    if token.token_type == wanted:
        return token
    advice = (
        "check that the server binds this client's tokens to a key (RFC 9449), or leave out dpop="
        if wanted == "DPoP"
        else "the server binds this client's tokens to a key (RFC 9449): write dpop=DPoPKey(key)"
    )
    raise InvalidTokenResponse(
        f"the token response of {request.server.given_url} has token_type {token.token_type} where "
        f"{wanted} was asked for: {advice}"
    )


def as_told(failure: ClientCredentialsError) -> ClientCredentialsError:
    """A failure as a caller is given it: without the frames it came through, which hold secrets.

    :param failure: what a request to the authorization server raised.
    """
    if isinstance(failure, TokenRequestError) and failure.retry_after is not None:
        failure.retry_at = time.time() + failure.retry_after
    return failure.with_traceback(None)


@dataclass(frozen=True, slots=True)
class Introspection:
    """What the authorization server says of a token.

    :param active: bool; False is an answer and no error: expired, revoked, or not for you to know.
    :param scope: str or None.
    :param client_id: str or None, whom the token was issued to.
    :param exp: int or None, seconds since the epoch.
    :param aud: str or list of str, as the server wrote it, or None: whom the token is for.
    :param extra: mapping, the other members, and those of the above that are not of their form.

    Frozen: safe to share between threads. RFC 7662 §2.2.
    """

    active: bool
    scope: str | None = None
    client_id: str | None = None
    exp: int | None = None
    aud: str | list[str] | None = field(default=None, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)


def introspect(request: AuthenticatedRequest, secret: ClientSecret) -> Introspection:
    """Makes one introspection request, in a few attempts at the most.

    :param request: the request, which names the token.
    :param secret: the client's secret or secrets.
    :returns: an :class:`Introspection`.
    :raises InvalidTokenResponse: when the answer is no introspection response.
    :raises TokenRequestError: when there is no answer.
    """
    answer = request.send(secret)
    members = answer.json_object() or {}
    if not isinstance(members.get("active"), bool):
        request.server.look_up_again()  # perhaps the endpoint has moved
        raise InvalidTokenResponse(
            f"the introspection endpoint of {request.server.given_url} answered "
            f'{answer.status_code} without the boolean "active" (RFC 7662 §2.2): check '
            f"introspection_endpoint"
        )
    known = {name: read(members.get(name)) for name, read in _READ.items()}
    # What is not of its form is kept all the same: it may tell a person something.
    extra = {name: value for name, value in members.items() if known.get(name) is None}
    return Introspection(**known, extra=extra)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _seconds(value: object) -> int | None:
    if isinstance(value, float):
        # JSON, as Python reads it, knows numbers that are not finite: they have no int.
        return int(value) if math.isfinite(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _audience(value: object) -> str | list[str] | None:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    return _text(value)


_READ: dict[str, Callable[[Any], Any]] = {
    "active": bool,
    "scope": _text,
    "client_id": _text,
    "exp": _seconds,
    "aud": _audience,
}


def revoke(request: AuthenticatedRequest, secret: ClientSecret) -> None:
    """Makes one revocation request, in a few attempts at the most.

    "Invalid tokens do not cause an error response" (RFC 7009 §2.2).

    :param request: the request, which names the token.
    :param secret: the client's secret or secrets.
    :raises TokenRequestError: when the server refuses, or does not answer.
    """
    request.send(secret)
