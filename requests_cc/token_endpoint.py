"""The token request (RFC 6749 §3.2, §4.4.2)."""

from __future__ import annotations

import time

from .access_token import AccessToken
from .authenticated_request import AuthenticatedRequest
from .client_secret import ClientSecret
from .errors import ClientCredentialsError, InvalidTokenResponse, TokenRequestError
from .exchange import Answer


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
