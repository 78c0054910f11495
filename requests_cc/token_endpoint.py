"""The token request (RFC 6749 §3.2, §4.4.2)."""

from __future__ import annotations

from .access_token import AccessToken
from .authenticated_request import AuthenticatedRequest
from .client_secret import ClientSecret
from .errors import InvalidTokenResponse
from .exchange_failure import without_query


def request_token(
    request: AuthenticatedRequest, secret: ClientSecret, token_type: str
) -> AccessToken:
    """Makes one token request, in a few attempts at the most.

    :param request: the token request.
    :param secret: the client's secret or secrets.
    :param token_type: str, the type that the token must have.
    :returns: an :class:`AccessToken`.
    :raises TokenRequestError: when no token could be had.
    """
    answer = request.send(secret)
    members = answer.json_object()
    if members is None:
        raise InvalidTokenResponse(
            f"{without_query(request.url)} answered {answer.status_code} without a JSON object: "
            f"check that this is the token endpoint's URL"
        )
    token = AccessToken.from_response(members, answer.requested_at)
    if token.token_type != token_type:
        raise InvalidTokenResponse(
            f"the token response has token_type {token.token_type} where {token_type} was asked for"
        )
    return token
