"""What a local server sends back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

BASIC_CHALLENGE = ("WWW-Authenticate", 'Basic realm="requests_cc.testing"')


@dataclass(frozen=True)
class Answer:
    """A status, headers and a body; the handler adds what every answer needs.

    :param status: the HTTP status code.
    :param headers: pairs of name and value.
    :param body: not in the ``repr``: it can hold a token.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)


def json_answer(
    status: int, content: Mapping[str, object], headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    """Return an answer whose body is a JSON object."""
    body = json.dumps(content).encode()
    return Answer(status, (("Content-Type", "application/json"), *headers), body)


def error_answer(
    status: int, error: str, description: str, headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    """Return an error in the JSON of RFC 6749 section 5.2."""
    return json_answer(status, {"error": error, "error_description": description}, headers)


def bearer_challenge(error: str | None = None) -> tuple[str, str]:
    """Return the header that wants a token, or another one: RFC 6750 section 3."""
    challenge = 'Bearer realm="requests_cc.testing"'
    return "WWW-Authenticate", challenge if error is None else f'{challenge}, error="{error}"'
