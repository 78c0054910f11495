"""The protected API's side of a request: RFC 6750 sections 2.1 and 3."""

from __future__ import annotations

import hashlib
from http import HTTPStatus

from requests_cc.testing.answer import Answer, bearer_challenge, error_answer, json_answer
from requests_cc.testing.endpoint import Failure
from requests_cc.testing.issued_tokens import Grant, IssuedTokens
from requests_cc.testing.recorded_request import RecordedRequest


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
