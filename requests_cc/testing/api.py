"""The protected API: RFC 6750 §2.1 and §3."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus

from requests_cc.testing.endpoint import Failure
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import (
    Response,
    bearer_challenge,
    error_response,
    json_response,
)


@dataclass(frozen=True)
class Grant:
    """The client and the parameters of the token request that led to a token.

    :param client_id: None if the request named no client.
    :param scope: the requested scopes, joined with spaces.
    :param audience: the ``audience`` parameter.
    :param resource: the ``resource`` parameters: RFC 8707 §2.
    """

    client_id: str | None
    scope: str | None
    audience: str | None
    resource: tuple[str, ...]


class IssuedTokens:
    """The access tokens that were issued and not revoked; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards _grants
        self._grants: dict[str, tuple[Grant, float]] = {}

    def issue(self, grant: Grant, lifetime: float | None) -> str:
        """Return a new token.

        :param lifetime: seconds on the monotonic clock; None: the token does not expire.
        """
        token = secrets.token_urlsafe(32)
        expires_at = float("inf") if lifetime is None else time.monotonic() + lifetime
        with self._lock:
            self._grants[token] = grant, expires_at
        return token

    def find(self, token: str) -> Grant | None:
        """Return the token's grant; None if the token is unknown, expired or revoked."""
        with self._lock:
            grant, expires_at = self._grants.get(token, (None, 0.0))
        return grant if time.monotonic() < expires_at else None

    def forget(self) -> None:
        """Revoke every token issued so far."""
        with self._lock:
            self._grants.clear()


def respond_to_api_request(request: RecordedRequest, tokens: IssuedTokens) -> Response:
    """Describe the request if its token is valid; else reject the token."""
    authorizations = request.headers.get_all("Authorization", [])
    if len(authorizations) > 1:
        return _refusal(
            HTTPStatus.BAD_REQUEST,
            "invalid_request",
            "The request has more than one Authorization header.",
        )
    scheme, _, token = "".join(authorizations).partition(" ")
    if scheme.lower() != "bearer":
        # §3.1: to a request without a token the server "SHOULD NOT include an error code or
        # other error information".
        return Response(HTTPStatus.UNAUTHORIZED, (bearer_challenge(),))
    grant = tokens.find(token.strip(" "))
    if grant is None:
        return _refusal(
            HTTPStatus.UNAUTHORIZED,
            "invalid_token",
            "The token is unknown, has expired or was revoked.",
        )
    return json_response(HTTPStatus.OK, _description(request, grant))


def fail_api_request(failure: Failure) -> Response | None:
    """Return the failure's response; None drops the connection."""
    # §3: the challenge is a MUST if the token is missing or not valid, and a MAY otherwise.
    challenged = failure.status == HTTPStatus.UNAUTHORIZED or failure.error is not None
    return failure.response(*[bearer_challenge(failure.error)] if challenged else [])


def _description(request: RecordedRequest, grant: Grant) -> dict[str, object]:
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


def _refusal(status: int, error: str, description: str) -> Response:
    return error_response(status, error, description, (bearer_challenge(error),))
