"""Telling the authorization server that a token is not needed any more (RFC 7009)."""

from __future__ import annotations

from .authenticated_request import AuthenticatedRequest
from .client_secret import ClientSecret


def revoke(request: AuthenticatedRequest, secret: ClientSecret) -> None:
    """Makes one revocation request, in a few attempts at the most.

    "Invalid tokens do not cause an error response" (RFC 7009 §2.2).

    :param request: the request, which names the token.
    :param secret: the client's secret or secrets.
    :raises TokenRequestError: when the server refuses, or does not answer.
    """
    request.send(secret)
