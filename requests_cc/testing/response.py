"""Responses: the JSON and the challenges in them, and the errors of RFC 6749 §5.2."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from requests_cc.testing.recorded_request import RecordedRequest

# RFC 6749 §5.1 wants it "in any response containing tokens, credentials, or other sensitive
# information"; the errors of §5.2 have it too.
NO_STORE = ("Cache-Control", "no-store")
BASIC_CHALLENGE = ("WWW-Authenticate", 'Basic realm="requests_cc.testing"')


@dataclass(frozen=True)
class Response:
    """A status, headers and a body; the connection adds ``Date`` and ``Content-Length``.

    :param status: the HTTP status code.
    :param headers: pairs of name and value.
    :param body: bytes; not in the ``repr``, since it can hold a token.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)


def json_response(
    status: int, content: Mapping[str, object], headers: tuple[tuple[str, str], ...] = ()
) -> Response:
    """Return a response whose body is a JSON object."""
    body = json.dumps(content).encode()
    return Response(status, (("Content-Type", "application/json"), *headers), body)


def error_response(
    status: int, error: str, description: str, headers: tuple[tuple[str, str], ...] = ()
) -> Response:
    """Return an error response: the JSON of RFC 6749 §5.2."""
    return json_response(status, {"error": error, "error_description": description}, headers)


def challenge(scheme: str, error: str | None = None, scope: str | None = None) -> tuple[str, str]:
    """Return the header that asks for a token: RFC 6750 §3, RFC 9449 §7.1."""
    parameters = {"realm": "requests_cc.testing", "error": error, "scope": scope}
    sent = ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value is not None)
    return "WWW-Authenticate", f"{scheme} {sent}"


class RefusedError(Exception):
    """The request is refused; ``response`` is the error response."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def refused(status: int, error: str, description: str, *headers: tuple[str, str]) -> RefusedError:
    """Return the exception for an OAuth error."""
    return RefusedError(error_response(status, error, description, (NO_STORE, *headers)))


def bad_request(error: str, description: str, *headers: tuple[str, str]) -> RefusedError:
    """Return the exception for an OAuth error with the status 400."""
    return refused(HTTPStatus.BAD_REQUEST, error, description, *headers)


def invalid_client(request: RecordedRequest, description: str) -> RefusedError:
    """Return the exception for a failed client authentication."""
    return refused(
        HTTPStatus.UNAUTHORIZED, "invalid_client", description, *basic_challenge(request)
    )


def basic_challenge(request: RecordedRequest) -> tuple[tuple[str, str], ...]:
    """Return the headers of a 401 at an endpoint of the authorization server."""
    # §5.2: "If the client attempted to authenticate via the "Authorization" request header
    # field", a 401 names the scheme to use.
    return (BASIC_CHALLENGE,) if "Authorization" in request.headers else ()
