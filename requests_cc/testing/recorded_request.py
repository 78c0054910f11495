"""A request as it arrived at a local server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.message import Message
from urllib.parse import parse_qs


@dataclass(frozen=True, repr=False)
class RecordedRequest:
    """A request as it arrived; frozen, and safe to share between threads.

    Its ``repr`` leaves out the query, the headers and the body: they hold secrets and tokens.

    :param method: str, as sent, for example ``"POST"``.
    :param path: str, the request target as sent, the query included.
    :param headers: looked up by case-insensitive name; ``headers.get_all(name)`` returns repeated
        ones.
    :param body: bytes, after any chunked transfer coding (RFC 9112 §7.1) has been decoded.
    :param received_at: float, the time at which all of it had arrived, in seconds since the epoch.
    :param client_certificate: the certificate (DER) that the client presented, with ``tls=True``.
    """

    method: str
    path: str
    headers: Message
    body: bytes
    received_at: float
    client_certificate: bytes | None = None

    @property
    def form(self) -> dict[str, list[str]]:
        """The parameters of a form-encoded body, each with its values; empty for other bodies."""
        if self.headers.get_content_type() != "application/x-www-form-urlencoded":
            return {}
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    @property
    def json(self) -> object:
        """The value of a body sent as ``application/json``; None for other bodies.

        :raises ValueError: if the body is declared as JSON and is not valid JSON.
        """
        if self.headers.get_content_type() != "application/json":
            return None
        return json.loads(self.body)

    # Not the generated one: pytest shows the fields of a dataclass that has that, secrets too. Two
    # requests differ in any case: headers are compared by identity.
    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        path = self.path.partition("?")[0]
        return f"<RecordedRequest {self.method} {path}, {len(self.body)} bytes>"
