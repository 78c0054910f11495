"""From an authorization server's error response to what a caller catches (RFC 6749 §5.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .. import errors
from ..errors import (
    InvalidTokenResponse,
    OAuthError,
    TokenRequestError,
)
from ..http.exchange import Response, is_transient, retry_after
from ..url import without_query

LONGEST_TEXT = 300  # characters of the server's own words
_HIDDEN = "[hidden]"

# Error code: the class, and what to do.
_CODES: dict[str, tuple[type[OAuthError], str]] = {
    "invalid_client": (
        errors.InvalidClient,
        "{proof}, and that the server accepts {method}",
    ),
    "invalid_scope": (errors.InvalidScope, "check scope, and which scopes this client may request"),
    "unauthorized_client": (
        errors.UnauthorizedClient,
        "allow this client the grant at the authorization server",
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

# Client authentication method: what to check if it was not accepted.
_PROOFS = {
    "client_secret_jwt": "check the client id and secret, the audience, and this machine's clock",
    "private_key_jwt": (
        "check the client id, which key and kid are registered for it, the audience, and this "
        "machine's clock"
    ),
    "tls_client_auth": (
        "check the client id, which certificate is registered for it, and its expiry"
    ),
}


def refusal(
    answer: Response, url: str, method: str, secrets: Iterable[str]
) -> TokenRequestError | None:
    """Return the error that a response reports.

    :param answer: the authorization server's response.
    :param url: str, where the request went; shown without its query.
    :param method: str, the client authentication method that was used.
    :param secrets: str, texts that are hidden if the server repeats them.
    :returns: an error, or None if the response reports success.
    """
    members = answer.json_object() or {}
    code = members.get("error")
    where, status = without_query(url), answer.status_code
    if isinstance(code, str) and code:
        return _oauth_error(code, members, answer, where, method, tuple(secrets))
    if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110 §15.3
        if code is None:
            return None
        return InvalidTokenResponse(f"{where} returned {status} with an error of an unknown form")
    if 300 <= status < 400:  # noqa: PLR2004 - RFC 9110 §15.4
        return InvalidTokenResponse(
            f"{where} returned {status}, a redirect, which is not followed: use the URL that it "
            f"leads to, if you trust that server with the secret"
        )
    code = _code_of_status(status)
    if code is not None:
        return _oauth_error(code, {}, answer, where, method, ())
    return InvalidTokenResponse(
        f"{where} returned {status} without an OAuth error: check that this is the endpoint's URL",
        retry_after=retry_after(answer),
    )


def _code_of_status(status: int) -> str | None:
    if status == 401:  # noqa: PLR2004 - RFC 6749 §5.2
        return "invalid_client"
    if status in (429, 503):  # RFC 6585 §4, RFC 9110 §15.6.4
        return "temporarily_unavailable"
    return "server_error" if status >= 500 else None  # noqa: PLR2004 - RFC 9110 §15.6


def _oauth_error(
    code: str,
    members: dict[str, Any],
    answer: Response,
    where: str,
    method: str,
    secrets: tuple[str, ...],
) -> OAuthError:
    if code not in _CODES:
        code = _readable(code, secrets)
    description = _text(members.get("error_description"), secrets)
    error_type, advice = _CODES.get(
        code, (OAuthError, "see the authorization server's documentation")
    )
    described = "" if description is None else f" ({description})"
    proof = _PROOFS.get(method, "check the client id and secret")
    advice = advice.format(proof=proof, method=method)
    error = error_type(
        f"{code}{described}: {advice} [{where} returned {answer.status_code}]",
        error=code,
        error_description=description,
        error_uri=_text(members.get("error_uri"), secrets),
        status_code=answer.status_code,
        retry_after=retry_after(answer),
    )
    if is_transient(answer.status_code):
        error.permanent = False  # whatever its error code
    return error


def _text(value: object, secrets: tuple[str, ...]) -> str | None:
    return _readable(value, secrets) if isinstance(value, str) and value else None


def _readable(text: str, secrets: tuple[str, ...]) -> str:
    """Return the server's words fit for a terminal and a log: they may repeat what we sent."""
    text = _printable(text)
    for secret in sorted(filter(None, map(_printable, secrets)), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


MOST_SHOWN = 10  # items of a document's list in a message; the list can have any length


def readable(value: object) -> str:
    """Return a member of a document as a message may show it."""
    if not isinstance(value, str):
        return "missing" if value is None else f"not a str but {type(value).__name__}"
    path, mark, _ = value.partition("?")  # queries can hold keys
    text = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in path)
    return f"{text[:LONGEST_TEXT]}…" if mark or len(text) > LONGEST_TEXT else text


def readable_list(values: Sequence[object]) -> str:
    """Return the first of several members of a document as a message may show them."""
    return ", ".join(map(readable, values[:MOST_SHOWN]))
