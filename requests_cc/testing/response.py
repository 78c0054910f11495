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


def challenge(scheme: str, error: str | None = None, scope: str | None = None) -> tuple[str, str]:
    """Return the header that asks for a token: RFC 6750 §3, RFC 9449 §7.1."""
    parameters = {"realm": "requests_cc.testing", "error": error, "scope": scope}
    sent = ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value is not None)
    return "WWW-Authenticate", f"{scheme} {sent}"
