"""What follows a 401: at most one renewal of the token and one resend, and one more for a nonce."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import requests
import urllib3

from ..access_token import AccessToken
from ..cache.token_cache import TokenCache
from ..http.body import read_body, with_body
from ..protocols import ProofKey, TokenSource
from .challenge import Challenge

LARGEST_REJECTION = 64 * 1024  # bytes that are kept of an answer in whose place another comes


def rewinder(body: Any) -> Callable[[], bool]:
    """Remembers where a body stands, before it is sent.

    :param body: what a prepared request carries.
    :returns: a function that puts the body back there and tells whether it could. A generator or a
        pipe cannot be sent again; bytes, str and their like are as they were.
    """
    if body is None or isinstance(body, (bytes, str, bytearray, memoryview)):
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


def is_small(response: requests.Response) -> bool:
    """Whether a response says that :func:`release` would keep its whole body."""
    length = response.headers.get("Content-Length", "")
    return length.isascii() and length.isdigit() and int(length[:20]) <= LARGEST_REJECTION


def release(response: requests.Response) -> bool:
    """Gives a response's connection back to its pool, and keeps the body's first 64 KiB.

    :param response: one of which nothing was read yet.
    :returns: bool, whether that is the whole body.
    """
    raw: Any = response.raw
    if not hasattr(raw, "stream"):
        return True  # from a transport without connections
    try:
        body, whole = read_body(raw, LARGEST_REJECTION, decode=False)
    except (urllib3.exceptions.HTTPError, OSError):
        body, whole = b"", False
    if not whole:
        raw.close()
    raw.release_conn()
    response.raw = with_body(raw, body, decoded=False)
    return whole


def _nothing_to_rewind() -> bool:
    return True


def _cannot_rewind() -> bool:
    return False


UNAUTHORIZED = 401  # RFC 9110 §15.5.2
LEAST_SERVER_ERROR = 500  # RFC 9110 §15.6


class Unauthorized(NamedTuple):
    """A request that was answered 401.

    :param response: the answer.
    :param token: what was sent.
    :param stream: bool, whether the caller reads the answer's body itself.
    :param rewind: puts the request's body back to where it stood, and tells whether it could; None
        where there is no body.
    :param send: sends the request again, with the token that it is given.
    :param proof_key: what the token is bound to (RFC 9449), or None.
    """

    response: requests.Response
    token: AccessToken
    stream: bool
    rewind: Callable[[], bool] | None
    send: Callable[[AccessToken], requests.Response]
    proof_key: ProofKey | None = None

    def answer(self, source: TokenSource, cache: TokenCache) -> requests.Response:
        """The last resend's answer, or the 401 where nothing can be resent.

        :param source: of the token.
        :param cache: what renews it.
        :raises TokenRequestError: when the renewal fails.
        """
        rejected = self._with_its_nonce(self.response, self.token)
        if not _is_of_the_token(rejected, self.token) or cache.declines(source, self.token):
            return rejected
        if not self._can_be_resent():
            self._renew_for_the_next_call(rejected, source, cache)
            return rejected
        # Before anyone waits for a token: the pool may hold one connection.
        whole = release(rejected)
        renewed = cache.renew(source, self.token)
        if renewed is None:
            # The 401 is the caller's: where it was cut, it is asked for again.
            return rejected if whole else _after(rejected.history, self.send(self.token))
        last = _after([*rejected.history, rejected], self.send(renewed))
        if rejected is self.response:  # three sends in all
            last = self._with_its_nonce(last, renewed)
        self._report(last, renewed, source, cache)
        return last

    def _with_its_nonce(self, response: requests.Response, token: AccessToken) -> requests.Response:
        """Resends with the nonce that an answer demands; the token is good, and stays.

        RFC 9449 §9. Without a nonce to be had, or once the body is gone, the answer stands.
        """
        if self.proof_key is None or not _wants_nonce(response, token):
            return response
        keep_nonce = partial(self.proof_key.take_nonce, str(response.request.url), response.headers)
        if not keep_nonce() or not self._can_be_resent():
            return response
        release(response)
        keep_nonce()  # once more: a late answer to another thread may have brought an older one
        return _after([*response.history, response], self.send(token))

    def _report(
        self,
        last: requests.Response,
        renewed: AccessToken,
        source: TokenSource,
        cache: TokenCache,
    ) -> None:
        """Tells the cache what became of the token that it renewed."""
        if _is_of_the_token(last, renewed):
            cache.hold(source, renewed)
        elif last.status_code < LEAST_SERVER_ERROR and not _wants_nonce(last, renewed):
            cache.accept(source, renewed)

    def _can_be_resent(self) -> bool:
        return self.rewind is None or self.rewind()

    def _renew_for_the_next_call(
        self, rejected: requests.Response, source: TokenSource, cache: TokenCache
    ) -> None:
        """This call has its answer, the 401, whole; nothing that a renewal raises changes it."""
        if is_small(rejected):
            release(rejected)
        elif not self.stream:
            rejected.content  # noqa: B018 - as requests does next, but before the wait
        with suppress(Exception):  # a user's own source may raise anything
            cache.renew(source, self.token)


def _after(before: list[requests.Response], response: requests.Response) -> requests.Response:
    response.history = [*before, *response.history]
    return response


def _is_of_the_token(response: requests.Response, token: AccessToken) -> bool:
    """Whether it rejects the token, so that another one may help."""
    return (
        response.status_code == UNAUTHORIZED
        # RFC 6750 §3.1: another token of the same scope is no better.
        and "insufficient_scope" not in _errors(response, token)
        and not _wants_nonce(response, token)
    )


def _wants_nonce(response: requests.Response, token: AccessToken) -> bool:
    """RFC 9449 §9: it speaks of the proof. What rejects the token as well is of the token."""
    if response.status_code != UNAUTHORIZED:
        return False
    errors = _errors(response, token)
    return "use_dpop_nonce" in errors and "invalid_token" not in errors


def _errors(response: requests.Response, token: AccessToken) -> set[str | None]:
    """The error codes of the challenges for what was sent; if there is none such, of all."""
    challenges = Challenge.parse(response.headers.get("WWW-Authenticate", ""))
    scheme = token.token_type.lower()
    own = [challenge for challenge in challenges if challenge.scheme == scheme]
    return {challenge.parameters.get("error") for challenge in own or challenges}
