"""The protected API: RFC 6750 §2.1 and §3, RFC 9449 §7."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias

from requests_cc.testing.endpoint import Failure
from requests_cc.testing.proof import InvalidProofError, ProofChecker, bound_to_certificate
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import RefusedError, Response, challenge, json_response, refused
from requests_cc.testing.settings import PATHS, Settings
from requests_cc.testing.tokens import Grant, IssuedToken, IssuedTokens

Content: TypeAlias = "bytes | str | Mapping[str, Any] | list[Any]"
Body: TypeAlias = "Content | Callable[[RecordedRequest], Content | Response]"


@dataclass(frozen=True)
class OwnResponse:
    """A response that a test gave to a path of the API; see :meth:`LocalServer.respond`."""

    path: str
    status: int
    body: Body
    headers: tuple[tuple[str, str], ...]
    method: str | None
    scope: str | None

    def is_for(self, request: RecordedRequest, path: str) -> bool:
        """Return True if the request is for this path and method."""
        if self.method is not None and self.method != request.method:
            return False
        if self.path.endswith("*"):
            return path.startswith(self.path[:-1])
        return path == self.path

    def response(self, request: RecordedRequest) -> Response:
        """Return the response to a request."""
        body = self.body(request) if callable(self.body) else self.body
        if isinstance(body, Response):
            return body
        if isinstance(body, bytes):
            return Response(self.status, self.headers, body)
        is_text = isinstance(body, str)
        content = body if isinstance(body, str) else json.dumps(body)
        content_type = "text/plain; charset=utf-8" if is_text else "application/json"
        headers = self.headers
        if "content-type" not in {name.lower() for name, _ in headers}:
            headers = (("Content-Type", content_type), *headers)
        return Response(self.status, headers, content.encode())


class Api:
    """Checks the tokens of requests; safe to share between threads."""

    def __init__(self, settings: Settings, tokens: IssuedTokens, proofs: ProofChecker) -> None:
        self._settings = settings
        self._tokens = tokens
        self._proofs = proofs
        self._lock = threading.Lock()  # guards _own
        self._own: tuple[OwnResponse, ...] = ()

    def add(self, own: OwnResponse) -> None:
        """Add a response, which takes precedence over earlier ones."""
        with self._lock:
            self._own = (own, *self._own)

    def reset(self) -> None:
        """Discard the added responses."""
        with self._lock:
            self._own = ()

    def respond(self, request: RecordedRequest) -> Response:
        """Return the path's own response, or describe the request.

        :raises RefusedError: if the token is missing or not valid.
        """
        token = self._token(request)
        path = request.path.partition("?")[0].removeprefix(PATHS["api"])
        own = next((each for each in self._own if each.is_for(request, path)), None)
        if own is None:
            return json_response(HTTPStatus.OK, _description(request, token.grant))
        if own.scope is not None and own.scope not in (token.grant.scope or "").split():
            raise refused(
                HTTPStatus.FORBIDDEN,
                "insufficient_scope",
                f"The token needs the scope {own.scope}.",
                challenge(token.grant.token_type, "insufficient_scope", own.scope),
            )
        return own.response(request)

    def _token(self, request: RecordedRequest) -> IssuedToken:
        authorizations = request.headers.get_all("Authorization", [])
        if len(authorizations) > 1:
            raise refused(
                HTTPStatus.BAD_REQUEST,
                "invalid_request",
                "The request has more than one Authorization header.",
                challenge("Bearer", "invalid_request"),
            )
        scheme, _, value = "".join(authorizations).partition(" ")
        if scheme.lower() not in ("bearer", "dpop"):
            # RFC 6750 §3.1: to a request without a token the server "SHOULD NOT include an error
            # code or other error information".
            raise RefusedError(Response(HTTPStatus.UNAUTHORIZED, (challenge("Bearer"),)))
        value = value.strip(" ")
        token = self._tokens.find(value)
        problem = (
            "The token is unknown, has expired or was revoked."
            if token is None
            else self._unbound(request, token, scheme)
        )
        if token is None or problem:
            raise self._rejection(scheme, problem)
        return token

    def _rejection(self, scheme: str, problem: str) -> RefusedError:
        status = self._settings.rejection_status
        known = "DPoP" if scheme.lower() == "dpop" else "Bearer"
        # An API that says so with a 200 has no challenge.
        headers = [challenge(known, "invalid_token")] if status >= HTTPStatus.BAD_REQUEST else []
        return refused(status, "invalid_token", problem, *headers)

    def _unbound(self, request: RecordedRequest, token: IssuedToken, scheme: str) -> str:
        """Return what is wrong with the request's proof of possession; "" if nothing is."""
        bound_to = token.grant.bound_to
        if scheme.lower() != token.grant.token_type.lower():
            return f"The token must be sent with the scheme {token.grant.token_type}."
        if "jkt" in bound_to:
            try:
                thumbprint = self._proofs.key_thumbprint(request, token.value)
            except InvalidProofError as error:
                raise refused(
                    HTTPStatus.UNAUTHORIZED,
                    error.error,
                    error.description,
                    challenge("DPoP", error.error),
                    *self._proofs.headers(),
                ) from None
            return "" if thumbprint == bound_to["jkt"] else "The token is bound to another key."
        if bound_to and bound_to != bound_to_certificate(request):
            return "The token is bound to another client certificate."
        return ""


def api_failure(failure: Failure) -> Response | None:
    """Return the response of a planned failure; None drops the connection."""
    # RFC 6750 §3: the challenge is a MUST if the token is missing or not valid, else a MAY.
    challenged = failure.status == HTTPStatus.UNAUTHORIZED or failure.error is not None
    return failure.response(*[challenge("Bearer", failure.error)] if challenged else [])


def _description(request: RecordedRequest, grant: Grant) -> dict[str, object]:
    audience = grant.audience
    return {
        "method": request.method,
        "path": request.path,
        "client_id": grant.client_id,
        "scope": grant.scope,
        "audience": (audience[0] if audience else None) if len(audience) < 2 else audience,  # noqa: PLR2004 - none or one
        "resource": grant.resource,
        "body_length": len(request.body),
        "body_sha256": hashlib.sha256(request.body).hexdigest(),
    }
