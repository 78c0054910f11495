"""The errors that a caller can catch.

Every error is a :class:`requests.RequestException`: an ``except requests.RequestException`` that
existing code already has keeps working.

.. code-block:: text

    ClientCredentialsError (requests.RequestException)
    ├── ConfigurationError (ValueError)                     a setting is wrong or missing
    ├── TokenRequestError                                   no token can be obtained
    │   ├── TokenEndpointUnreachable (requests.ConnectionError)   refused, dropped, TLS failed
    │   ├── TokenEndpointTimeout (requests.Timeout)         no complete response in time
    │   ├── InvalidTokenResponse                            a response that is not a token
    │   └── OAuthError                                      the server refused (RFC 6749 §5.2)
    │       ├── InvalidClient              invalid_client, and any 401
    │       │   └── UnauthorizedClient     unauthorized_client
    │       ├── InvalidScope               invalid_scope
    │       ├── InvalidGrant               invalid_grant
    │       ├── InvalidRequest             invalid_request
    │       ├── UnsupportedGrantType       unsupported_grant_type
    │       ├── InvalidTarget              invalid_target (RFC 8707 §2)
    │       ├── ServerError                server_error, and other 5xx
    │       └── TemporarilyUnavailable     temporarily_unavailable, 429, 503
    └── TokenStoreError                                     an explicit call of a store failed

``request`` and ``response`` are always None: code that reads ``error.response.status_code`` must
not take the authorization server's response for the API's.

https://requests-cc.readthedocs.io/page/troubleshooting.html has every message by its text.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TypeVar

import requests

E = TypeVar("E", bound=BaseException)


class ClientCredentialsError(requests.RequestException):
    """The base of every error that this library raises.

    :param message: str, what is wrong and what to do about it.
    """

    def __init__(self, message: str = "") -> None:
        # One argument: RequestException is an OSError, where a second one has another meaning.
        super().__init__(message)


class ConfigurationError(ClientCredentialsError, ValueError):
    """A setting is wrong or missing; the message names it and what to pass instead."""


class TokenRequestError(ClientCredentialsError):
    """No token can be obtained.

    :param message: str, what is wrong and what to do about it.
    :param retry_after: float or None, seconds, the server's ``Retry-After`` (RFC 9110 §10.2.3).
    :param retry_at: float or None, seconds since the epoch; no token request is made before then.
    """

    #: True if a retry cannot help until somebody changes a setting, here or at the server.
    permanent = False
    #: int or None, the HTTP status of the response, if there was one.
    status_code: int | None = None

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
        #: float or None, seconds since the failure, if this error repeats an earlier one.
        self.age: float | None = None

    def __str__(self) -> str:
        message = super().__str__()
        if self.retry_at is None:
            return message
        pause = f"no token request before {moment(self.retry_at)}"
        if self.age is None:
            return f"{message} ({pause})"
        return (
            f"{message} (this failure is {self.age:.0f} s old; {pause}; to request a token at "
            f"once, call cache.clear(credentials))"
        )


class TokenEndpointUnreachable(TokenRequestError, requests.ConnectionError):
    """The token endpoint refused or dropped the connection, or TLS with it failed."""


class TokenEndpointTimeout(TokenRequestError, requests.Timeout):
    """The token endpoint sent no complete response within the ``AuthorizationServer``'s timeout."""


class InvalidTokenResponse(TokenRequestError):
    """The response is not a token: not JSON, too large, of a wrong type, a redirect."""


class OAuthError(TokenRequestError):
    """The authorization server refused the token request (RFC 6749 §5.2).

    :param message: str, what is wrong and what to do about it.
    :param error: str or None, the server's error code, if it sent one.
    :param error_description: str or None, the server's words.
    :param error_uri: str or None, the URL of a page about the error.
    :param status_code: int or None, the HTTP status of the response.
    :param retry_after: float or None, seconds, as in :class:`TokenRequestError`.
    """

    permanent = True

    def __init__(
        self,
        message: str = "",
        *,
        error: str | None = None,
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
    """The client was refused: wrong secret, unknown client, or wrong authentication method.

    Any 401, and ``invalid_client`` or ``unauthorized_client`` with any status: servers do not agree
    on the code. ``error`` is the code that the server sent, or None.
    """


class InvalidScope(OAuthError):
    """``invalid_scope``: the scope is unknown, malformed, or not for this client."""


class UnauthorizedClient(InvalidClient):
    """``unauthorized_client``, not with 401: a wrong secret, or a grant that it may not use."""


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
    """An explicit call of a token store failed; the cache itself goes on without the store."""


def moment(seconds: float) -> str:
    """Return a moment, in seconds since the epoch, as a message shows it."""
    try:
        utc = datetime.fromtimestamp(seconds, tz=timezone.utc)
    except (OverflowError, ValueError, OSError):
        return "a time beyond the calendar"
    return utc.isoformat(timespec="seconds").replace("+00:00", "Z")


def own_copy(error: E) -> E:
    """Return a copy of an error for one of several threads that share it.

    :param error: an exception.
    :returns: a copy without traceback, cause or context: no thread adds to another's traceback, and
        no frame is kept. The exception itself if it cannot be copied faithfully.
    """
    kind = type(error)
    builtin = next(base for base in kind.__mro__ if base.__module__ == "builtins")
    if _keeps_more(kind, builtin):
        return error
    # Not copy.copy, which calls __init__: a user's subclass may have other arguments.
    duplicate: E = builtin.__new__(kind, *error.args)
    duplicate.args = error.args
    duplicate.__dict__.update(error.__dict__)
    if isinstance(error, OSError) and isinstance(duplicate, OSError):
        for name in ("errno", "strerror", "filename", "filename2"):
            if getattr(duplicate, name, None) != getattr(error, name, None):
                setattr(duplicate, name, getattr(error, name))
    return duplicate


#: What these hold beside ``args`` and their ``__dict__`` is set by their ``__init__``.
_KEEP_MORE = (UnicodeError, SyntaxError, ImportError, StopIteration, NameError, AttributeError)


def _keeps_more(kind: type[BaseException], builtin: type[BaseException]) -> bool:
    if issubclass(builtin, _KEEP_MORE):
        return True
    own = kind.__mro__[: kind.__mro__.index(builtin)]
    return any(vars(base).get("__slots__") for base in own)
