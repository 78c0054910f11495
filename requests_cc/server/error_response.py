"""From an authorization server's error response to what a caller catches (RFC 6749 §5.2)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urljoin, urlsplit

from .. import errors
from ..errors import InvalidTokenResponse, OAuthError, TokenRequestError
from ..http.exchange import Response, is_transient, retry_after
from ..http.shown import shown
from ..url import without_query

# Error code: the class, and what to do.
_CODES: dict[str, tuple[type[OAuthError], str]] = {
    "invalid_client": (errors.InvalidClient, "{client}"),
    "invalid_scope": (errors.InvalidScope, "check scope, and which scopes this client may request"),
    "unauthorized_client": (
        errors.UnauthorizedClient,
        "{client}; or allow this client the grant at the authorization server",
    ),
    "invalid_grant": (
        errors.InvalidGrant,
        "check the assertion or other grant: its expiry, its audience, this machine's clock; and "
        "whether this client's tokens must be bound to a DPoP key or a certificate",
    ),
    "invalid_request": (
        errors.InvalidRequest,
        "check audience, resource and params, and that the server accepts {method}",
    ),
    "unsupported_grant_type": (
        errors.UnsupportedGrantType,
        "check grant_type, and that this is the token endpoint's URL",
    ),
    "invalid_target": (
        errors.InvalidTarget,
        "check resource, and that this client may request tokens for it",
    ),
    "invalid_dpop_proof": (
        OAuthError,
        "check this machine's clock, and that the server accepts the DPoP key's algorithm",
    ),
    "use_dpop_nonce": (
        OAuthError,
        "the server demands another nonce each time: report it to the server's owner",
    ),
    "server_error": (errors.ServerError, "the server failed: try again later"),
    "temporarily_unavailable": (
        errors.TemporarilyUnavailable,
        "the server is overloaded or limits the rate: try again later",
    ),
}
_OAUTH_MEMBERS = ("error", "error_description", "error_uri")
_OF_DPOP = ("invalid_dpop_proof", "use_dpop_nonce")  # no other secret helps

# Client authentication method: what to check if it was not accepted.
_PROOFS = {
    "client_secret_basic": 'check client_secret and client_id; or set auth="client_secret_post"',
    "client_secret_post": 'check client_secret and client_id; or set auth="client_secret_basic"',
    "client_secret_jwt": (
        "check client_secret and client_id, the audience, and this machine's clock"
    ),
    "private_key_jwt": (
        "check the client id, which key and kid are registered for it, the audience, and this "
        "machine's clock"
    ),
    "tls_client_auth": (
        "check the client id, which certificate is registered for it, and its expiry"
    ),
}


class Attempt:
    """The parts of a sent request on which the advice in an error depends.

    :param url: str, where it went; shown without its query.
    :param endpoint: str, the name of the endpoint, such as ``token_endpoint``.
    :param method: str, the client authentication method.
    :param loose_may_help: bool, whether id or secret were sent with characters encoded that a
        server may not decode.
    :param has_proof: bool, whether it held a DPoP proof.
    :param secrets: str, texts that are hidden if the server repeats them.

    ``busy`` may be set to further statuses of a server that is busy, beside 429 and 503.
    """

    __slots__ = ("busy", "endpoint", "has_proof", "loose_may_help", "method", "secrets", "url")

    def __init__(
        self,
        url: str,
        endpoint: str,
        method: str,
        *,
        loose_may_help: bool,
        has_proof: bool,
        secrets: Iterable[str],
    ) -> None:
        self.url = url
        self.endpoint = endpoint
        self.method = method
        self.loose_may_help = loose_may_help
        self.has_proof = has_proof
        self.secrets = tuple(secrets)
        self.busy: tuple[int, ...] = ()

    @property
    def client_advice(self) -> str:
        """The advice for a refused client; it begins with the secret."""
        advice = _PROOFS.get(
            self.method,
            f"check the client's secret and id, and that the server accepts {self.method}",
        )
        return advice + (', or auth=ClientSecretBasic(encoding="loose")' * self.loose_may_help)


def refusal(response: Response, attempt: Attempt) -> TokenRequestError | None:
    """Return the error that a response reports.

    :returns: an error, or None if the response reports success.
    """
    error = _refusal(response, attempt)
    if error is not None:
        error.status_code = response.status_code
    return error


def _refusal(response: Response, attempt: Attempt) -> TokenRequestError | None:
    members = response.json_object() or {}
    code = members.get("error")
    where, status = without_query(attempt.url), response.status_code
    if isinstance(code, str) and code:
        return _oauth_error(code, members, response, attempt)
    if 300 <= status < 400:  # noqa: PLR2004 - RFC 9110 §15.4
        return InvalidTokenResponse(
            f"{where} returned {status}, {redirect(response, attempt.url, attempt.secrets)}: use "
            f"the URL that it leads to, if you trust that server with the secret"
        )
    if status < 300 and code is None:  # noqa: PLR2004 - RFC 9110 §15.3
        return None
    words = _words(response.body, attempt.secrets, is_error=True) or _of_challenge(
        response, attempt.secrets
    )
    if status < 300:  # noqa: PLR2004 - RFC 9110 §15.3
        return InvalidTokenResponse(
            f"{where} returned {status} with an error of an unknown form{in_brackets(words)}"
        )
    if status == 401 or is_transient(status, attempt.busy):  # noqa: PLR2004 - RFC 6749 §5.2
        return _error_of_status(words, response, attempt)
    return InvalidTokenResponse(
        f"{where} returned {status} without an OAuth error{in_brackets(words)}: check that this "
        f"is the endpoint's URL",
        retry_after=retry_after(response),
    )


def with_words(response: Response, attempt: Attempt) -> Response:
    """Look for the server's own words in a response that reports success, and return it."""
    response.words = _words(response.body, attempt.secrets, is_error=False)
    return response


def redirect(response: Response, url: str, secrets: Iterable[str] = ()) -> str:
    """Return the words about a redirect, with the URL that it leads to.

    :param url: str, where the request went.
    """
    try:
        target = urlsplit(urljoin(url, response.headers["Location"]))
        netloc = target.netloc.rpartition("@")[2]
        leads_to = target._replace(netloc=netloc, query="", fragment="").geturl()
    except (KeyError, ValueError):
        return "a redirect, which is not followed"
    return f"a redirect to {shown(leads_to, secrets)}, which is not followed"


def _words(body: bytes, secrets: Iterable[str], *, is_error: bool) -> str:
    from .server_words import server_words  # noqa: PLC0415 - at the first response

    return server_words(body, secrets, is_error=is_error)


def _of_challenge(response: Response, secrets: Iterable[str]) -> str:
    """Return the words that stand beside an empty body, as Spring sends them (RFC 6750 §3)."""
    challenge = response.headers.get("WWW-Authenticate", "")
    found = re.search(r'error_description="((?:[^"\\]|\\.)*)"', challenge)
    return shown(found[1], secrets) if found else ""


def in_brackets(words: str) -> str:
    """Return a server's words as a message appends them."""
    return f" ({words})" if words else ""


def _error_of_status(words: str, response: Response, attempt: Attempt) -> OAuthError:
    """Return the error of a response that has no error code: none is claimed."""
    where, status = without_query(attempt.url), response.status_code
    kind, advice = _of_status(status, attempt.busy)
    status_and_words = f"{status}{in_brackets(words)}"
    if kind is errors.InvalidClient:
        endpoint = attempt.endpoint.replace("_", " ")
        advice = f"{attempt.client_advice}; is this the {endpoint}?"
        status_and_words = f"{status} without an OAuth error{in_brackets(words)}"
    error = kind(
        f"{where} returned {status_and_words}: {advice}",
        error_description=words or None,
        retry_after=retry_after(response),
    )
    error.permanent = False  # a gateway, which says nothing of the client
    return error


def _of_status(status: int, busy: tuple[int, ...]) -> tuple[type[OAuthError], str]:
    if status == 401:  # noqa: PLR2004 - RFC 6749 §5.2
        return _CODES["invalid_client"]
    if status in (429, 503, *busy):  # RFC 6585 §4, RFC 9110 §15.6.4
        return _CODES["temporarily_unavailable"]
    if status >= 500:  # noqa: PLR2004 - RFC 9110 §15.6
        return _CODES["server_error"]
    return OAuthError, "see the authorization server's documentation"


def _oauth_error(
    code: str, members: dict[str, Any], response: Response, attempt: Attempt
) -> OAuthError:
    status, secrets = response.status_code, attempt.secrets
    kind, advice = _CODES.get(code) or _of_status(status, attempt.busy)
    if status == 401 and code not in _OF_DPOP:  # noqa: PLR2004 - RFC 6749 §5.2
        kind = errors.InvalidClient
        if code != "unauthorized_client":
            advice = "{client}"
    if code not in _CODES:
        code = shown(code, secrets)
    words = _description(members, secrets)
    if code in _OF_DPOP and not attempt.has_proof:
        advice = "the server binds this client's tokens to a key: pass dpop=DPoPKey.generate()"
    advice = advice.format(client=attempt.client_advice, method=attempt.method)
    error = kind(
        f"{code}{in_brackets(words)}: {advice} [{without_query(attempt.url)} returned {status}]",
        error=code,
        error_description=words or None,
        error_uri=_text(members.get("error_uri"), secrets),
        retry_after=retry_after(response),
    )
    if is_transient(status, attempt.busy):
        error.permanent = False  # whatever its error code
    return error


def _description(members: dict[str, Any], secrets: tuple[str, ...]) -> str:
    described = _text(members.get("error_description"), secrets)
    if described is not None:
        return described
    others = {name: value for name, value in members.items() if name not in _OAUTH_MEMBERS}
    return _words(json.dumps(others).encode(), secrets, is_error=False)


def _text(value: object, secrets: tuple[str, ...]) -> str | None:
    return shown(value, secrets) if isinstance(value, str) and value else None
