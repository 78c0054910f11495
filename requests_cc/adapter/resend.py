"""The dialogue after a 401: at most one renewal and one resend, and one resend for a nonce."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import requests
import urllib3

from ..access_token import AccessToken
from ..cache.renewal import Renewal
from ..http.body import read_body, with_body
from ..protocols import ProofKey

UNAUTHORIZED = 401  # RFC 9110 section 15.5.2
LEAST_SERVER_ERROR = 500  # RFC 9110 section 15.6
LARGEST_REJECTION = 64 * 1024  # bytes that are kept of a response that is followed by another


class Attempt(NamedTuple):
    """A request that was sent with a token, and how to send it again.

    :param token: the one that was sent.
    :param send: sends the request again, with the token that it is given.
    :param rewind: see :func:`rewinder`; None if the request has no body.
    :param stream: bool, whether the caller reads the response's body itself.
    :param proof_key: the key that the tokens are bound to (RFC 9449), or None.
    """

    token: AccessToken
    send: Callable[[AccessToken], requests.Response]
    rewind: Callable[[], bool] | None
    stream: bool
    proof_key: ProofKey | None

    def can_be_resent(self) -> bool:
        """Put the body back to where it stood, and return whether that worked."""
        return self.rewind is None or self.rewind()


def resend_once(
    response: requests.Response,
    attempt: Attempt,
    renewal_of: Callable[[AccessToken], Renewal | None],
) -> requests.Response:
    """Renew the token after a 401 and send the request again, if that can help.

    :param response: the 401, unread.
    :param renewal_of: :meth:`TokenCache.renewal` for the token's source.
    :returns: the response to the resend; the 401 if there is no resend.
    :raises TokenRequestError: if the renewal fails.
    """
    token = attempt.token
    rejection = _with_nonce(response, attempt, token)
    if not _rejects(rejection, token):
        return rejection
    renewal = renewal_of(token)
    if renewal is None:
        return rejection
    if not attempt.can_be_resent():
        _let_go(rejection, stream=attempt.stream)
        with suppress(Exception):  # for the next call; a user's own source may raise anything
            renewal.token()
        return rejection
    release(rejection)  # before anyone waits for a token: the pool may hold a single connection
    renewed = renewal.token()
    if renewed is None:
        return rejection
    resent = _after(rejection, attempt.send(renewed))
    if rejection is response:  # three sends in all
        resent = _with_nonce(resent, attempt, renewed)
    if _rejects(resent, renewed):
        renewal.rejected()
    elif resent.status_code < LEAST_SERVER_ERROR and not _wants_nonce(resent, renewed):
        renewal.accepted()
    return resent


def _with_nonce(
    response: requests.Response, attempt: Attempt, token: AccessToken
) -> requests.Response:
    """Send the request again with the nonce that a response demands; the token stays.

    Without a nonce in the response, or if the body cannot be sent again, return the response. RFC
    9449 section 9.
    """
    key = attempt.proof_key
    if key is None or not _wants_nonce(response, token):
        return response
    url = str(response.request.url)
    if not key.take_nonce(url, response.headers) or not attempt.can_be_resent():
        return response
    release(response)
    # Once more: a late response to another thread may have brought an older nonce.
    key.take_nonce(url, response.headers)
    return _after(response, attempt.send(token))


def _after(before: requests.Response, response: requests.Response) -> requests.Response:
    response.history = [*before.history, before, *response.history]
    return response


# What a 401 says:


def _rejects(response: requests.Response, token: AccessToken) -> bool:
    """Return whether a response rejects the token, so that another token may help."""
    return (
        response.status_code == UNAUTHORIZED
        # RFC 6750 section 3.1: another token of the same scope does not help.
        and "insufficient_scope" not in _errors(response, token)
        and not _wants_nonce(response, token)
    )


def _wants_nonce(response: requests.Response, token: AccessToken) -> bool:
    """Return whether a response rejects the proof, and not the token (RFC 9449 section 9)."""
    if response.status_code != UNAUTHORIZED:
        return False
    errors = _errors(response, token)
    return "use_dpop_nonce" in errors and "invalid_token" not in errors


def _errors(response: requests.Response, token: AccessToken) -> set[str | None]:
    """Return the error codes of the challenges for the token's scheme, or else of all."""
    from .challenge import Challenge  # noqa: PLC0415 - its pattern takes a while to compile

    challenges = Challenge.parse(response.headers.get("WWW-Authenticate", ""))
    scheme = token.token_type.lower()
    own = [challenge for challenge in challenges if challenge.scheme == scheme]
    return {challenge.parameters.get("error") for challenge in own or challenges}


# The body of a request that may be sent again:


def rewinder(body: Any) -> Callable[[], bool]:
    """Remember where a request's body stands, before it is sent.

    :param body: of a prepared request.
    :returns: a function that puts the body back there, and returns whether it could. A generator or
        a pipe cannot be sent again; bytes and str always can.
    """
    if isinstance(body, (bytes, str, bytearray, memoryview)):
        return _nothing_to_rewind
    try:
        position = body.tell()
    except Exception:  # noqa: BLE001 - the body is the user's own object, with errors of its own
        return _cannot_rewind

    def rewind() -> bool:
        try:
            body.seek(position)
        except Exception:  # noqa: BLE001 - as above
            return False
        return True

    return rewind


def _nothing_to_rewind() -> bool:
    return True


def _cannot_rewind() -> bool:
    return False


# The connection of a response that is followed by another:


def release(response: requests.Response) -> None:
    """Return a response's connection to its pool, and keep the first 64 KiB of its body.

    :param response: unread.
    """
    raw: Any = response.raw
    if not hasattr(raw, "stream"):
        return  # from a transport without connections
    try:
        body, whole = read_body(raw, LARGEST_REJECTION, decode=False)
    except (urllib3.exceptions.HTTPError, OSError):
        body, whole = b"", False
    if not whole:
        raw.close()
    raw.release_conn()
    response.raw = with_body(raw, body, decoded=False)


def _let_go(response: requests.Response, *, stream: bool) -> None:
    """Return the connection of a caller's own response, whose body must stay whole, if possible."""
    length = response.headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) <= LARGEST_REJECTION:
        release(response)
    elif not stream:
        response.content  # noqa: B018 - requests reads it next; here, before the wait for a token
