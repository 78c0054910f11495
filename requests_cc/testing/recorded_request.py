"""What arrived at a local server."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.message import Message
from urllib.parse import parse_qs


@dataclass(frozen=True, repr=False)
class RecordedRequest:
    """One request as it arrived; frozen, and safe to share between threads.

    Its ``repr`` leaves out the query, the headers and the body: they hold secrets and tokens.

    :param method: as sent, for example ``"POST"``.
    :param path: the request target as sent, the query included.
    :param headers: by case-insensitive name; ``headers.get_all(name)`` finds repeated ones.
    :param body: the content, with any chunked transfer coding (RFC 9112 section 7.1) undone.
    :param received_at: when it had arrived in full, in seconds since the epoch.
    """

    method: str
    path: str
    headers: Message
    body: bytes
    received_at: float

    @property
    def form(self) -> dict[str, list[str]]:
        """The form-encoded body's parameters, each with all its values; empty for other bodies."""
        if self.headers.get_content_type() != "application/x-www-form-urlencoded":
            return {}
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    @property
    def json(self) -> object:
        """The value of a body sent as ``application/json``; None for other bodies.

        :raises ValueError: if the body says that it is JSON and is not.
        """
        if self.headers.get_content_type() != "application/json":
            return None
        return json.loads(self.body)

    def __repr__(self) -> str:
        path = self.path.partition("?")[0]
        return f"<RecordedRequest {self.method} {path}, {len(self.body)} bytes>"
