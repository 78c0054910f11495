"""Responses, and the JSON and challenges in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

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


def bearer_challenge(error: str | None = None) -> tuple[str, str]:
    """Return the header that asks for a token (RFC 6750 §3), with the error if there is one."""
    challenge = 'Bearer realm="requests_cc.testing"'
    return "WWW-Authenticate", challenge if error is None else f'{challenge}, error="{error}"'
