"""The dialogue after a rejection: at most one renewal, one resend, and one more for a nonce."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import requests

from ..access_token import AccessToken
from ..cache.renewal import Renewal
from ..protocols import ProofKey
from .rejected_body import let_go, release
from .rejection import Rejections, Verdict

LEAST_SERVER_ERROR = 500  # RFC 9110 section 15.6


class Attempt(NamedTuple):
    """A request that was sent with a token, and how to send it again.

    :param token: the one that was sent.
    :param send: sends the request again, with the token that it is given.
    :param rewind: made by ``rewinder`` before the first send; None if the request has no body.
    :param stream: bool, whether the caller reads the response's body itself.
    :param proof_key: the key that the tokens are bound to (RFC 9449), or None.
    :param rejections: tells which responses reject the token.
    """

    token: AccessToken
    send: Callable[[AccessToken], requests.Response]
    rewind: Callable[[], bool] | None
    stream: bool
    proof_key: ProofKey | None
    rejections: Rejections

    def can_be_resent(self) -> bool:
        """Put the body back to where it stood, and return whether that worked."""
        return self.rewind is None or self.rewind()

    def judge(self, response: requests.Response, token: AccessToken) -> Verdict:
        """Return what an unread response says of the token that was sent."""
        return self.rejections.judge(response, token)


def resend_once(
    response: requests.Response,
    attempt: Attempt,
    renewal_of: Callable[[AccessToken], Renewal | None],
) -> requests.Response:
    """Renew the token after a rejection, and send the request again with the new one.

    :param response: what may be a rejection, unread.
    :param renewal_of: :meth:`TokenCache.renewal` for the token's source.
    :returns: the response to the resend; the given one if there is no resend.
    :raises TokenRequestError: if the renewal fails.
    """
    token = attempt.token
    rejection, verdict = _with_nonce(response, attempt, token)
    renewal = renewal_of(token) if verdict.rejected else None
    if renewal is None:
        return rejection
    if not attempt.can_be_resent():
        attempt.rejections.report_unsent()
        let_go(rejection, stream=attempt.stream)
        with suppress(Exception):  # for the next call; a user's own source may raise anything
            renewal.token()
        return rejection
    release(rejection)  # before anyone waits for a token: the pool may hold a single connection
    renewed = renewal.token()
    if renewed is None:
        return rejection
    resent = _after(rejection, attempt.send(renewed))
    if rejection is response:  # three sends in all
        resent, verdict = _with_nonce(resent, attempt, renewed)
    else:
        verdict = attempt.judge(resent, renewed)
    if verdict.rejected:
        renewal.rejected()
    elif resent.status_code < LEAST_SERVER_ERROR and not verdict.wants_nonce:
        renewal.accepted()
    return resent


def send_first_token(response: requests.Response, attempt: Attempt) -> requests.Response:
    """Send a request with a token that the API rejected without one.

    :param response: unread.
    :returns: the response to the resend; the given one if there is no resend.
    """
    if not attempt.judge(response, attempt.token).rejected or not attempt.can_be_resent():
        return response
    release(response)
    return _after(response, attempt.send(attempt.token))


def _with_nonce(
    response: requests.Response, attempt: Attempt, token: AccessToken
) -> tuple[requests.Response, Verdict]:
    """Send the request again with the nonce that a response demands; the token stays.

    Without a nonce in the response, or if the body cannot be sent again, return the response. RFC
    9449 section 9.
    """
    verdict = attempt.judge(response, token)
    key = attempt.proof_key
    if key is None or not verdict.wants_nonce:
        return response, verdict
    url = str(response.request.url)
    if not key.take_nonce(url, response.headers) or not attempt.can_be_resent():
        return response, verdict
    release(response)
    # Once more: a late response to another thread may have brought an older nonce.
    key.take_nonce(url, response.headers)
    resent = _after(response, attempt.send(token))
    return resent, attempt.judge(resent, token)


def _after(before: requests.Response, response: requests.Response) -> requests.Response:
    response.history = [*before.history, before, *response.history]
    return response
