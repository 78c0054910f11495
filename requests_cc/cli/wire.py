"""Watch the requests and responses of a session, without their secrets."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import requests
from requests.adapters import HTTPAdapter

from ..url import without_query
from .output import hidden, note, safe

_TOKEN_SCHEMES = ("bearer", "dpop")


class Exchange(NamedTuple):
    """A request and its response, without their secrets.

    :param url: str, without its query.
    :param status: int.
    :param reason: str, the word beside the status.
    :param content_type: str, of the response; empty if it names none.
    :param seconds: float, how long it took.
    """

    url: str
    status: int
    reason: str
    content_type: str
    seconds: float


class Wire(HTTPAdapter):
    """A requests adapter that remembers the last exchange, and writes each one to stderr.

    :param verbose: bool, whether it writes.
    """

    def __init__(self, *, verbose: bool) -> None:
        super().__init__()
        self._verbose = verbose
        self.last: Exchange | None = None

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send a request; see requests for the parameters."""
        url = without_query(request.url or "")
        self._write(f"> {request.method} {url}", request.headers.get("Authorization"))
        started = time.monotonic()
        try:
            response = super().send(request, stream, timeout, verify, cert, proxies)
        except (requests.RequestException, OSError) as error:
            self._write(f"< no response: {type(error).__name__}")
            raise
        seconds, media_type = time.monotonic() - started, response.headers.get("Content-Type", "")
        self.last = Exchange(
            url, response.status_code, safe(response.reason or ""), safe(media_type), seconds
        )
        self._write(f"< {self.last.status} {self.last.reason} ({seconds * 1000:.0f} ms)")
        challenge = response.headers.get("WWW-Authenticate")
        if challenge is not None:
            self._write(f"< WWW-Authenticate: {safe(challenge)}")
        return response

    def _write(self, line: str, authorization: Any = None) -> None:
        if not self._verbose:
            return
        note(line)
        if authorization is not None:
            note(f"> Authorization: {_without_secret(authorization)}")


def watched_session(wire: Wire) -> requests.Session:
    """Return a session whose requests go over a wire."""
    session = requests.Session()
    session.mount("https://", wire)
    session.mount("http://", wire)
    return session


def _without_secret(authorization: str | bytes) -> str:
    """Return the scheme, and of a token its end; of a user name and password nothing."""
    text = authorization if isinstance(authorization, str) else authorization.decode("latin-1")
    scheme, _, value = text.partition(" ")
    return f"{scheme} {hidden(value) if scheme.lower() in _TOKEN_SCHEMES else '…'}"
