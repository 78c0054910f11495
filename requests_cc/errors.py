"""What a caller can catch.

Every error is a :class:`requests.RequestException`: an ``except requests.RequestException`` that
existing code already has keeps working.

.. code-block:: text

    ClientCredentialsError (requests.RequestException)
    ├── ConfigurationError (ValueError)                     a setting is wrong or missing
    ├── TokenRequestError                                   no token could be had
    │   ├── TokenEndpointUnreachable (requests.ConnectionError)   refused, dropped, TLS failed
    │   ├── TokenEndpointTimeout (requests.Timeout)         no whole answer in time
    │   ├── InvalidTokenResponse                            an answer that is no token
    │   └── OAuthError                                      the server said no (RFC 6749 §5.2)
    │       ├── InvalidClient              invalid_client
    │       ├── InvalidScope               invalid_scope
    │       ├── UnauthorizedClient         unauthorized_client
    │       ├── InvalidGrant               invalid_grant
    │       ├── InvalidRequest             invalid_request
    │       ├── UnsupportedGrantType       unsupported_grant_type
    │       ├── InvalidTarget              invalid_target (RFC 8707 §2)
    │       ├── ServerError                server_error, and a 5xx without OAuth JSON
    │       └── TemporarilyUnavailable     temporarily_unavailable, 429, 503
    └── TokenStoreError                                     an explicit call on a store failed

``request`` and ``response`` are always None: code that reads ``error.response.status_code`` must
not take the authorization server's answer for the API's.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TypeVar

import requests

E = TypeVar("E", bound=BaseException)


class ClientCredentialsError(requests.RequestException):
    """The base of every error that this library raises.

    :param message: str, what is wrong and what to do next.
    """

    def __init__(self, message: str = "") -> None:
        # One argument: RequestException is an OSError, which gives a second one another meaning.
        super().__init__(message)


class ConfigurationError(ClientCredentialsError, ValueError):
    """A setting is wrong or missing; the message names it and what to write instead."""


class TokenRequestError(ClientCredentialsError):
    """No token could be had.

    :param message: str, what is wrong and what to do next.
    :param retry_after: float or None, the seconds that the server asked to be left alone
        (``Retry-After``, RFC 9110 §10.2.3).
    :param retry_at: float or None, no token request is made before then (seconds since the epoch).
    """

    #: True when asking again cannot help until somebody changes a setting here or at the server.
    permanent = False

    def __init__(
        self,
        message: str = "",
        *,
        retry_after: float | None = None,
        retry_at: float | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.retry_at = retry_at

    def __str__(self) -> str:
        message = super().__str__()
        if self.retry_at is None:
            return message
        return f"{message} (no token request before {_moment(self.retry_at)})"


class TokenEndpointUnreachable(TokenRequestError, requests.ConnectionError):
    """The token endpoint refused or dropped the connection, or TLS with it failed."""


class TokenEndpointTimeout(TokenRequestError, requests.Timeout):
    """The token endpoint gave no whole answer within the ``AuthorizationServer``'s timeout."""


class InvalidTokenResponse(TokenRequestError):
    """The answer is no token: not JSON, too large, of a wrong type, a redirect."""


class OAuthError(TokenRequestError):
    """The authorization server refused the token request (RFC 6749 §5.2).

    :param message: str, what is wrong and what to do next.
    :param error: str, the server's error code.
    :param error_description: str or None, the server's words.
    :param error_uri: str or None, where the server says more.
    :param status_code: int or None, the HTTP status of the answer.
    :param retry_after: float or None, seconds, as in :class:`TokenRequestError`.
    """

    permanent = True

    def __init__(
        self,
        message: str = "",
        *,
        error: str = "",
        error_description: str | None = None,
        error_uri: str | None = None,
        status_code: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.error = error
        self.error_description = error_description
        self.error_uri = error_uri
        self.status_code = status_code


class InvalidClient(OAuthError):
    """``invalid_client``: unknown client, wrong secret, or another authentication method wanted."""


class InvalidScope(OAuthError):
    """``invalid_scope``: the scope is unknown, malformed, or not for this client."""


class UnauthorizedClient(OAuthError):
    """``unauthorized_client``: this client may not use this grant."""


class InvalidGrant(OAuthError):
    """``invalid_grant``: the assertion or other grant is wrong, expired or used up."""


class InvalidRequest(OAuthError):
    """``invalid_request``: a parameter is missing, repeated or malformed."""


class UnsupportedGrantType(OAuthError):
    """``unsupported_grant_type``: the server does not know this grant."""


class InvalidTarget(OAuthError):
    """``invalid_target``: the ``resource`` is unknown or not for this client (RFC 8707 §2)."""


class ServerError(OAuthError):
    """``server_error``: the authorization server failed."""

    permanent = False


class TemporarilyUnavailable(OAuthError):
    """``temporarily_unavailable``: the authorization server is overloaded or limits the rate."""

    permanent = False


class TokenStoreError(ClientCredentialsError):
    """An explicit call on a token store failed; the cache itself goes on without the store."""


def _moment(seconds: float) -> str:
    try:
        moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    except (OverflowError, ValueError, OSError):
        return "the end of time"
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def own_copy(error: E) -> E:
    """What one of several waiters raises of an error that they share.

    :param error: an exception.
    :returns: a copy without traceback, cause or context, where the error is this library's or a
        subclass of one, so that no thread adds to another's traceback; any other exception itself,
        as it is.
    """
    if not isinstance(error, ClientCredentialsError):
        return error
    # Not copy.copy, which calls __init__: a user's subclass may want other arguments there.
    duplicate = OSError.__new__(type(error))
    duplicate.args = error.args
    duplicate.__dict__.update(error.__dict__)
    return duplicate
