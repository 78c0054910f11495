"""Refused requests: the errors of RFC 6749 §5.2."""

from __future__ import annotations

from http import HTTPStatus

from requests_cc.testing.recorded_request import RecordedRequest
from requests_cc.testing.response import BASIC_CHALLENGE, Response, error_response

# RFC 6749 §5.1 wants it "in any response containing tokens, credentials, or other sensitive
# information"; the errors of §5.2 have it too.
NO_STORE = ("Cache-Control", "no-store")


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
