"""What went wrong between us and an authorization server, told without its URL's query."""

from __future__ import annotations

import ssl
from types import TracebackType
from urllib.parse import urlsplit

import requests
import urllib3
from urllib3.util.ssl_match_hostname import CertificateError

from .errors import (
    ClientCredentialsError,
    ConfigurationError,
    InvalidTokenResponse,
    TokenEndpointTimeout,
    TokenEndpointUnreachable,
)

TLS_HINT = (
    "the API session's verify and cert do not reach this request: give the AuthorizationServer a "
    "session= of its own with verify set, or set REQUESTS_CA_BUNDLE"
)


def without_query(url: str) -> str:
    """A URL as a message may show it: queries can hold keys."""
    return urlsplit(url)._replace(query="", fragment="").geturl()


def failure(url: str, cause: BaseException) -> BaseException:
    """The error that a caller is given for what a request raised.

    :param url: str, where the request went.
    :param cause: what was raised.
    :returns: one of our errors, with no link to ``cause`` (whose frames hold the request); or
        ``cause`` itself where it is none of HTTP's, with the frames of the user's own code.
    """
    if isinstance(cause, ClientCredentialsError):
        return cause.with_traceback(None)
    where, reason = without_query(url), _innermost(cause)
    if any(isinstance(error, _TIMEOUTS) for error in (cause, reason)):
        return TokenEndpointTimeout(
            f"{where} gave no whole answer in time: check that it is up, or raise the "
            f"AuthorizationServer's timeout"
        )
    if isinstance(cause, _UNREADABLE):
        return InvalidTokenResponse(f"{where} gave an answer whose Content-Encoding is broken")
    if isinstance(cause, (requests.RequestException, urllib3.exceptions.HTTPError)):
        return _unreachable(where, cause, reason)
    if type(cause) is OSError:  # so requests says that the file of verify or cert is not there
        return ConfigurationError(f"{where} was not asked: {cause}; {TLS_HINT}")
    return cause.with_traceback(_users_frames(cause.__traceback__))


def _unreachable(
    where: str, cause: BaseException, reason: BaseException
) -> TokenEndpointUnreachable:
    if isinstance(reason, _TLS) and not isinstance(reason, _DROPPED):
        error = TokenEndpointUnreachable(
            f"TLS with {where} failed: {_in_words(reason)}; {TLS_HINT}"
        )
        error.permanent = True
        return error
    if isinstance(cause, requests.exceptions.ProxyError):
        return TokenEndpointUnreachable(
            f"the proxy for {where} failed: {_in_words(reason)}; check HTTPS_PROXY, NO_PROXY, or "
            f"the proxies of the AuthorizationServer's session"
        )
    return TokenEndpointUnreachable(
        f"{where} could not be reached: {_in_words(reason)}; check the URL, and that it is up"
    )


def _users_frames(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of HTTP's libraries, whose variables hold what was sent."""
    if traceback is None:
        return None
    rest = _users_frames(traceback.tb_next)
    package = traceback.tb_frame.f_globals.get("__name__", "").partition(".")[0]
    if package in _LIBRARIES:
        return rest
    return TracebackType(rest, traceback.tb_frame, traceback.tb_lasti, traceback.tb_lineno)


def _innermost(error: BaseException) -> BaseException:
    """The first cause of all: those around it repeat the URL, query and all."""
    for _ in range(10):  # a chain of causes is short, unless it is a ring
        candidates = [getattr(error, "reason", None), *error.args, error.__cause__]
        inner = next((c for c in candidates if isinstance(c, BaseException)), error.__context__)
        if inner is None:
            break
        error = inner
    return error


def _in_words(reason: BaseException) -> str:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return reason.verify_message
    if isinstance(reason, ssl.SSLError):
        return getattr(reason, "reason", None) or "the handshake was cut short"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    if type(reason) in (OSError, CertificateError):  # a proxy's refusal, a certificate's names
        return str(reason)
    return _WORDS.get(type(reason).__name__, type(reason).__name__)


_TIMEOUTS = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
_UNREADABLE = (requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError)
_TLS = (ssl.SSLError, CertificateError)

# A connection that ends during the handshake or the answer was dropped, like any other.
_DROPPED = (ssl.SSLEOFError, ssl.SSLZeroReturnError)

_LIBRARIES = ("requests_cc", "requests", "urllib3", "http")

_WORDS = {
    "RemoteDisconnected": "the connection was closed without an answer",
    "IncompleteRead": "the connection was closed in the middle of the answer",
}
