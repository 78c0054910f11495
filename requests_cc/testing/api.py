"""The protected API's side of a request: RFC 6750 sections 2.1 and 3."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus

from requests_cc.testing.endpoint import (
    Answer,
    Failure,
    bearer_challenge,
    error_answer,
    json_answer,
)
from requests_cc.testing.recorded_request import RecordedRequest


@dataclass(frozen=True)
class Grant:
    """Who asked for a token, and for what.

    :param client_id: None if the request named no client.
    :param scope: as asked for, joined with spaces.
    :param audience: the ``audience`` parameter.
    :param resource: the ``resource`` parameters: RFC 8707 section 2.
    """

    client_id: str | None
    scope: str | None
    audience: str | None
    resource: tuple[str, ...]


class IssuedTokens:
    """The access tokens that are good, unless they have expired; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _grants
        self._grants: dict[str, tuple[Grant, float]] = {}

    def issue(self, grant: Grant, lifetime: float | None) -> str:
        """Return a new token.

        :param lifetime: seconds, counted on the monotonic clock; None: it does not expire.
        """
        token = secrets.token_urlsafe(32)
        expires_at = float("inf") if lifetime is None else time.monotonic() + lifetime
        with self._lock:
            self._grants[token] = grant, expires_at
        return token

    def find(self, token: str) -> Grant | None:
        """Return what this token stands for; None if it is unknown, expired or forgotten."""
        with self._lock:
            grant, expires_at = self._grants.get(token, (None, 0.0))
        return grant if time.monotonic() < expires_at else None

    def forget(self) -> None:
        """Make every token issued so far unknown."""
        with self._lock:
            self._grants.clear()


def answer_api_request(request: RecordedRequest, tokens: IssuedTokens) -> Answer:
    """Say what arrived if it came with a good token; else what was wrong with the token."""
    authorizations = request.headers.get_all("Authorization", [])
    if len(authorizations) > 1:
        return _refusal(
            HTTPStatus.BAD_REQUEST, "invalid_request", "There is more than one Authorization."
        )
    scheme, _, token = "".join(authorizations).partition(" ")
    if scheme.lower() != "bearer":
        # Section 3.1: to a request without a token the server "SHOULD NOT include an error code or
        # other error information".
        return Answer(HTTPStatus.UNAUTHORIZED, (bearer_challenge(),))
    grant = tokens.find(token.strip(" "))
    if grant is None:
        return _refusal(
            HTTPStatus.UNAUTHORIZED,
            "invalid_token",
            "The token is unknown, has expired or was revoked.",
        )
    return json_answer(HTTPStatus.OK, _account(request, grant))


def fail_api_request(failure: Failure) -> Answer | None:
    """Return the failure's answer; None drops the connection."""
    # Section 3: a challenge is a MUST without a token or with one that does not do, and a MAY else.
    challenged = failure.status == HTTPStatus.UNAUTHORIZED or failure.error is not None
    return failure.answer(*[bearer_challenge(failure.error)] if challenged else [])


def _account(request: RecordedRequest, grant: Grant) -> dict[str, object]:
    return {
        "method": request.method,
        "path": request.path,
        "client_id": grant.client_id,
        "scope": grant.scope,
        "audience": grant.audience,
        "resource": grant.resource,
        "body_length": len(request.body),
        "body_sha256": hashlib.sha256(request.body).hexdigest(),
    }


def _refusal(status: int, error: str, description: str) -> Answer:
    return error_answer(status, error, description, (bearer_challenge(error),))
