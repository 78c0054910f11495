"""What went wrong between us and an authorization server, told without its URL's query."""

from __future__ import annotations

import ssl
from types import TracebackType

import requests
import urllib3
from urllib3.util.ssl_match_hostname import CertificateError

from ..errors import (
    ClientCredentialsError,
    ConfigurationError,
    InvalidTokenResponse,
    TokenEndpointTimeout,
    TokenEndpointUnreachable,
)
from ..url import without_query

TLS_HINT = (
    "the API session's verify and cert do not reach this request: give the AuthorizationServer a "
    "session= of its own with verify set, or set REQUESTS_CA_BUNDLE"
)
CERTIFICATE_HINT = (
    "check the client certificate (TLSClientAuth, or the cert of the AuthorizationServer's "
    "session): its files, its expiry, and that the server knows it or its CA"
)


def failure(url: str, cause: BaseException, *, mutual_tls: bool = False) -> BaseException:
    """The error that a caller is given for what a request raised.

    :param url: str, where the request went.
    :param cause: what was raised.
    :param mutual_tls: bool, whether the client presented a certificate.
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
        return _unreachable(where, cause, reason, mutual_tls)
    if type(cause) is OSError:  # so requests says that the file of verify or cert is not there
        hint = CERTIFICATE_HINT if mutual_tls and "CA certificate" not in str(cause) else TLS_HINT
        return ConfigurationError(f"{where} was not asked: {cause}; {hint}")
    return cause.with_traceback(users_frames(cause.__traceback__))


def is_of_own_certificate(cause: BaseException) -> bool:
    """Whether OpenSSL could not read our own certificate and key, or they do not belong together.

    Nothing was sent then. So it is for a moment while files are being replaced, even at once:
    OpenSSL opens a file that holds both twice.

    :param cause: what a request raised.
    """
    reason = _innermost(cause)
    return isinstance(reason, ssl.SSLError) and (
        getattr(reason, "library", None) == "X509" or _UNREADABLE_PEM in str(reason)
    )


def _unreachable(
    where: str, cause: BaseException, reason: BaseException, mutual_tls: bool
) -> TokenEndpointUnreachable:
    words = _in_words(reason)
    if is_of_own_certificate(reason):
        # Not permanent: files that are being replaced belong together a moment later.
        return TokenEndpointUnreachable(f"{where} was not asked: {words}; {CERTIFICATE_HINT}")
    if isinstance(reason, _TLS) and not isinstance(reason, _DROPPED):
        # An alert is the server's verdict on what was sent, or was not (RFC 8446 §6.2).
        refused = "_ALERT_" in words and (mutual_tls or "CERTIFICATE" in words)
        hint = CERTIFICATE_HINT if refused else TLS_HINT
        error = TokenEndpointUnreachable(f"TLS with {where} failed: {words}; {hint}")
        error.permanent = True
        return error
    if isinstance(cause, requests.exceptions.ProxyError):
        return TokenEndpointUnreachable(
            f"the proxy for {where} failed: {words}; check HTTPS_PROXY, NO_PROXY, or the proxies "
            f"of the AuthorizationServer's session"
        )
    # With TLS 1.3 a server judges the certificate after the handshake, and may just hang up.
    perhaps = f"; or {CERTIFICATE_HINT}" if mutual_tls and isinstance(reason, _PERHAPS) else ""
    return TokenEndpointUnreachable(
        f"{where} could not be reached: {words}; check the URL, and that it is up{perhaps}"
    )


def users_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of this library and those that it calls."""
    if traceback is None:
        return None
    rest = users_frames(traceback.tb_next)
    package = traceback.tb_frame.f_globals.get("__name__", "").partition(".")[0]
    if package in _LIBRARIES:
        return rest
    return TracebackType(rest, traceback.tb_frame, traceback.tb_lasti, traceback.tb_lineno)


def _innermost(error: BaseException) -> BaseException:
    """The first cause of all: those around it repeat the URL, query and all."""
    for _ in range(10):  # a chain of causes is short, unless it is a ring
        candidates = [getattr(error, "reason", None), *error.args, error.__cause__]
        context = None if error.__suppress_context__ else error.__context__
        inner = next((c for c in candidates if isinstance(c, BaseException)), context)
        if inner is None:
            break
        error = inner
    return error


def _in_words(reason: BaseException) -> str:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return reason.verify_message
    if isinstance(reason, ssl.SSLError):
        if _UNREADABLE_PEM in str(reason):
            return "no certificate with its key could be read"
        return getattr(reason, "reason", None) or "the handshake was cut short"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    if type(reason) in (OSError, CertificateError):  # a proxy's refusal, a certificate's names
        return str(reason)
    return _WORDS.get(type(reason).__name__, type(reason).__name__)


_TIMEOUTS = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
_UNREADABLE = (requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError)
_TLS = (ssl.SSLError, CertificateError)
_UNREADABLE_PEM = "PEM lib"  # all that OpenSSL says of a file without what it looks for

# A connection that ends during the handshake or the answer was dropped, like any other.
_DROPPED = (ssl.SSLEOFError, ssl.SSLZeroReturnError)

# What also comes of a client certificate: one that was refused, or whose file may not be read.
_PERHAPS = (*_DROPPED, ConnectionResetError, BrokenPipeError, PermissionError)

_LIBRARIES = ("requests_cc", "requests", "urllib3", "http")

_WORDS = {
    "RemoteDisconnected": "the connection was closed without an answer",
    "IncompleteRead": "the connection was closed in the middle of the answer",
}
