"""From an error of requests to one of ours, whose message shows no query of a URL."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from http.client import HTTPException
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
    TokenRequestError,
)
from ..url import without_query
from .shown import shown

TLS_HINT = (
    "the API session's verify and cert do not apply to this request; pass the AuthorizationServer "
    "a session= with verify set, or set REQUESTS_CA_BUNDLE"
)
CERTIFICATE_HINT = (
    "check the client certificate (TLSClientAuth, or the cert of the AuthorizationServer's "
    "session): its files, its expiry, and that the server knows it or its CA"
)
PROXY_HINT = "check HTTPS_PROXY, NO_PROXY, or the proxies of the AuthorizationServer's session"


def failure(
    url: str,
    cause: BaseException,
    secrets: Iterable[str] | None = None,
    *,
    mutual_tls: bool = False,
) -> BaseException:
    """Return the error to raise in place of one that a request raised.

    :param url: str, the URL of the request.
    :param cause: the error that the request raised.
    :param secrets: str, texts of the request to hide in the words of ``cause``; None if it was not
        yet on its way.
    :param mutual_tls: bool, whether the client presented a certificate.
    :returns: one of our errors, without a link to ``cause`` (whose frames hold the request); or
        ``cause`` itself, if the user's code raised it before the request was on its way, or it is
        not an ``Exception``, with only the frames of the user's code.
    """
    if isinstance(cause, ClientCredentialsError):
        return cause.with_traceback(None)
    frames = users_frames(cause.__traceback__)
    if not isinstance(cause, Exception) or (secrets is None and frames is not None):
        return cause.with_traceback(frames)
    where, reason, secrets = without_query(url), _innermost(cause), tuple(secrets or ())
    error = _before_sending(where, cause, secrets, mutual_tls) or _too_late(where, cause, reason)
    if error is not None:
        return error
    if isinstance(cause, _UNREADABLE):
        return InvalidTokenResponse(f"{where} sent a response with a broken Content-Encoding")
    if isinstance(cause, (requests.RequestException, urllib3.exceptions.HTTPError)):
        words = shown(_in_words(reason), secrets)
        return _unreachable(where, cause, reason, words, mutual_tls)
    words = f"{type(cause).__name__}: {shown(str(cause), secrets)}".removesuffix(": ")
    return _other(where, words, is_users=frames is not None)


def _before_sending(
    where: str, cause: BaseException, secrets: tuple[str, ...], mutual_tls: bool
) -> BaseException | None:
    """Return the error for a wrong setting of the session or the environment."""
    words = shown(str(cause), secrets)
    if isinstance(cause, _SETTINGS):
        cannot_parse = isinstance(_innermost(cause), urllib3.exceptions.LocationParseError)
        # The URL may hold the proxy's password.
        words = "the proxy's URL cannot be parsed" if cannot_parse else _URL.sub("the URL", words)
        hint = PROXY_HINT
    elif type(cause) is OSError and words.startswith("Could not find "):  # requests'
        hint = CERTIFICATE_HINT if mutual_tls and "CA certificate" not in words else TLS_HINT
    elif _is_of_ca_bundle(_innermost(cause)):
        words, hint = "no CA certificate can be read from the CA bundle", TLS_HINT
    else:
        return None
    return ConfigurationError(f"no request was sent to {where}: {words}; {hint}")


def _too_late(where: str, cause: BaseException, reason: BaseException) -> BaseException | None:
    if isinstance(cause, requests.ConnectTimeout):
        return TokenEndpointTimeout(
            f"no address of {where} could be connected to in time; check the network, and that the "
            f"server is up, or set a longer timeout= of the AuthorizationServer"
        )
    if any(isinstance(error, _TIMEOUTS) for error in (cause, reason)):
        return TokenEndpointTimeout(
            f"{where} sent no complete response in time; check that it is up, or set a longer "
            f"timeout= of the AuthorizationServer"
        )
    return None


def _other(where: str, words: str, *, is_users: bool) -> BaseException:
    """Return the error for what is not of HTTP's kind."""
    if not is_users:  # http.client reads a chunk of negative length, for example
        return InvalidTokenResponse(f"{where} sent a response that is not valid HTTP ({words})")
    return TokenRequestError(
        f"the request to {where} failed: {words}; check the adapters and hooks of the "
        f"AuthorizationServer's session"
    )


def is_of_own_certificate(cause: BaseException) -> bool:
    """Return whether OpenSSL could not read our certificate and key, or they do not match.

    Then no request was sent. This can last for a moment while the files are being replaced, even
    one file that holds both: OpenSSL opens it twice.

    :param cause: the error that a request raised.
    """
    reason = _innermost(cause)
    return isinstance(reason, ssl.SSLError) and (
        getattr(reason, "reason", None) == _MISMATCH
        or (_UNREADABLE_PEM in str(reason) and not _is_of_ca_bundle(reason))
    )


def _is_of_ca_bundle(reason: BaseException) -> bool:
    """Return whether OpenSSL could not read the certificates to trust."""
    # What reads a certificate of our own is the library SSL.
    is_of_x509 = isinstance(reason, ssl.SSLError) and getattr(reason, "library", None) == "X509"
    return is_of_x509 and getattr(reason, "reason", None) != _MISMATCH


def _unreachable(
    where: str, cause: BaseException, reason: BaseException, words: str, mutual_tls: bool
) -> TokenEndpointUnreachable:
    if is_of_own_certificate(reason):
        # Not permanent: files that are being replaced match a moment later.
        return TokenEndpointUnreachable(
            f"no request was sent to {where}: {words}; {CERTIFICATE_HINT}"
        )
    if isinstance(reason, _TLS) and not isinstance(reason, _DROPPED):
        # With an alert, the server refuses the certificate, or misses it (RFC 8446 §6.2).
        refused = "_ALERT_" in words and (mutual_tls or "CERTIFICATE" in words)
        hint = CERTIFICATE_HINT if refused else TLS_HINT
        error = TokenEndpointUnreachable(f"TLS with {where} failed: {words}; {hint}")
        error.permanent = True
        return error
    if isinstance(cause, requests.exceptions.ProxyError):
        return TokenEndpointUnreachable(f"the proxy for {where} failed: {words}; {PROXY_HINT}")
    if isinstance(reason, HTTPException) and type(reason).__name__ not in _WORDS:
        return TokenEndpointUnreachable(
            f"{where} sent a response that is not valid HTTP ({words}); check the scheme and the "
            f"port of the URL"
        )
    # With TLS 1.3 a server checks the certificate after the handshake, and may just hang up.
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
    """Return the first cause: the errors around it repeat the URL with its query."""
    for _ in range(10):  # a chain of causes is short, unless it is a ring
        candidates = [getattr(error, "reason", None), *error.args, error.__cause__]
        context = None if error.__suppress_context__ else error.__context__
        inner = next((c for c in candidates if isinstance(c, BaseException)), context)
        if inner is None or isinstance(error, HTTPException):
            break
        error = inner
    return error


def _in_words(reason: BaseException) -> str:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return reason.verify_message
    if isinstance(reason, ssl.SSLError):
        if _UNREADABLE_PEM in str(reason):
            return "no certificate with its key can be read"
        return getattr(reason, "reason", None) or "the handshake was cut short"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    if type(reason) in (OSError, CertificateError):  # a proxy's refusal, a certificate's names
        return str(reason)
    return _WORDS.get(type(reason).__name__, type(reason).__name__)


_URL = re.compile(r"""['"]?\w[\w+.-]*://[^\s'"]+['"]?""")
# The errors that requests and urllib3 raise before they connect.
_SETTINGS = (
    requests.exceptions.InvalidProxyURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    urllib3.exceptions.LocationValueError,
    urllib3.exceptions.ProxySchemeUnknown,
    urllib3.exceptions.ProxySchemeUnsupported,
)
_TIMEOUTS = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
_UNREADABLE = (requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError)
_TLS = (ssl.SSLError, CertificateError)
_MISMATCH = "KEY_VALUES_MISMATCH"  # of OpenSSL's X509, which compares key and certificate
_UNREADABLE_PEM = "PEM lib"  # OpenSSL's only words for a file without certificate or key

# A connection that ends during the handshake or the response was dropped, as without TLS.
_DROPPED = (ssl.SSLEOFError, ssl.SSLZeroReturnError)

# Errors that can also come from a client certificate that was refused, or a file that is protected.
_PERHAPS = (*_DROPPED, ConnectionResetError, BrokenPipeError, PermissionError)

_LIBRARIES = ("requests_cc", "requests", "urllib3", "http")

_WORDS = {
    "RemoteDisconnected": "the connection was closed without a response",
    "IncompleteRead": "the connection was closed in the middle of the response",
    "TooManyInterimResponses": "it sends 100 Continue without end",
}
