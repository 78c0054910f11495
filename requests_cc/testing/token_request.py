"""The token endpoint: RFC 6749 §2.3.1, §3.2, §4.4 and §5."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import unquote_plus

from requests_cc.testing.api import Grant, IssuedTokens
from requests_cc.testing.endpoint import Failure
from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import (
    BASIC_CHALLENGE,
    Response,
    error_response,
    json_response,
)

# §5.1 wants it "in any response containing tokens, credentials, or other sensitive
# information"; the errors of §5.2 have it too.
_NO_STORE = ("Cache-Control", "no-store")

Clients = Mapping[str, str | None] | None


class RefusedError(Exception):
    """The token request is refused; ``response`` is the error response."""

    def __init__(
        self, status: int, error: str, description: str, *headers: tuple[str, str]
    ) -> None:
        super().__init__(error)
        self.response = error_response(status, error, description, (_NO_STORE, *headers))


def respond_to_token_request(
    request: RecordedRequest, clients: Clients, tokens: IssuedTokens, lifetime: float | None
) -> Response:
    """Issue a token, or return the error response.

    :param clients: secrets by client id; None: every client is accepted.
    :param tokens: receives the new token.
    :param lifetime: seconds; None: the token does not expire, and the response has no
        ``expires_in``.
    """
    try:
        grant = _grant(request, clients)
    except RefusedError as refused:
        return refused.response
    content: dict[str, object] = {
        "access_token": tokens.issue(grant, lifetime),
        "token_type": "Bearer",
    }
    if lifetime is not None:
        content["expires_in"] = lifetime
    if grant.scope is not None:
        content["scope"] = grant.scope
    return json_response(HTTPStatus.OK, content, (_NO_STORE,))


def fail_token_request(request: RecordedRequest, failure: Failure) -> Response | None:
    """Return the failure's response; None drops the connection."""
    challenge = _challenge(request) if failure.status == HTTPStatus.UNAUTHORIZED else ()
    return failure.response(*challenge)


def _grant(request: RecordedRequest, clients: Clients) -> Grant:
    if request.method != "POST":
        raise RefusedError(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "invalid_request",
            "A token request must be a POST.",
            ("Allow", "POST"),
        )
    parameters = _parameters(request)
    grant_type = _single(parameters, "grant_type")
    if grant_type is None:
        raise _invalid_request("grant_type is missing: send it in a form-encoded or JSON body.")
    client_id, secret = _claimed_client(request, parameters)
    if not _is_known(client_id, secret, clients, grant_type):
        raise _invalid_client(request, "The client is unknown, or its secret is wrong.")
    return Grant(
        client_id=client_id,
        scope=_single(parameters, "scope"),
        audience=_single(parameters, "audience"),
        resource=_strings(parameters, "resource"),
    )


def _parameters(request: RecordedRequest) -> Mapping[str, object]:
    try:
        content = request.json
    except ValueError:
        raise _invalid_request("The body is declared as JSON and is not valid JSON.") from None
    if content is None:
        return request.form
    if not isinstance(content, dict):
        raise _invalid_request("The JSON body must be an object.")
    return content


def _strings(parameters: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = parameters.get(name)
    values = value if isinstance(value, list) else [value]
    # §3.2: "Parameters sent without a value MUST be treated as if they were omitted".
    sent = [each for each in values if each not in (None, "")]
    strings = tuple(each for each in sent if isinstance(each, str))
    if len(strings) < len(sent):
        raise _invalid_request(f"{name} must be a string.")
    return strings


def _single(parameters: Mapping[str, object], name: str) -> str | None:
    values = _strings(parameters, name)
    if len(values) > 1:  # §3.2: "parameters MUST NOT be included more than once".
        raise _invalid_request(f"{name} must be sent only once.")
    return values[0] if values else None


def _claimed_client(
    request: RecordedRequest, parameters: Mapping[str, object]
) -> tuple[str | None, str | None]:
    client_id = _single(parameters, "client_id")
    secret = _single(parameters, "client_secret")
    authorizations = request.headers.get_all("Authorization", [])
    if not authorizations:
        return client_id, secret
    # §2.3: "The client MUST NOT use more than one authentication method in each request."
    if len(authorizations) > 1 or secret is not None:
        raise _invalid_request("The client must authenticate only once.")
    basic = _decoded_basic(authorizations[0])
    if basic is None:
        raise _invalid_client(
            request, "The Authorization header is not valid for the Basic scheme."
        )
    if client_id not in (None, basic[0]):
        raise _invalid_request("client_id and the Authorization header name different clients.")
    return basic


def _decoded_basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, encoded = authorization.partition(" ")
    try:
        text = base64.b64decode(encoded.strip(" "), validate=True).decode()
        # §2.3.1: both are form-encoded before they are joined with a colon.
        client_id, secret = (unquote_plus(part, errors="strict") for part in text.split(":", 1))
    except ValueError:
        return None
    return (client_id, secret) if scheme.lower() == "basic" else None


def _is_known(client_id: str | None, secret: str | None, clients: Clients, grant_type: str) -> bool:
    if clients is None:
        # §4.4: "MUST only be used by confidential clients". Not so with an assertion as the
        # grant, RFC 7523 §3.1: "with or without client authentication or identification".
        return bool(client_id) or grant_type != "client_credentials"
    if client_id is None or client_id not in clients:
        return False
    # §2.3.1: a client "MAY omit the parameter if the client secret is an empty string".
    return (secret or "") == (clients[client_id] or "")


def _invalid_request(description: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, "invalid_request", description)


def _invalid_client(request: RecordedRequest, description: str) -> RefusedError:
    return RefusedError(
        HTTPStatus.UNAUTHORIZED, "invalid_client", description, *_challenge(request)
    )


def _challenge(request: RecordedRequest) -> tuple[tuple[str, str], ...]:
    # §5.2: "If the client attempted to authenticate via the "Authorization" request header
    # field", a 401 names the scheme to use.
    return (BASIC_CHALLENGE,) if "Authorization" in request.headers else ()
