"""What each package's test shows: tokens arrive and are renewed, bodies whole, nothing recorded."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from requests_cc import (
    ClientCredentials,
    ClientCredentialsAdapter,
    ClientCredentialsAuth,
    TokenCache,
    mount,
)
from requests_cc.testing import LocalServer, RecordedRequest

CLIENT_ID = "shop"
SECRET = "the-secret-of-the-shop"
BODY = bytes(range(256)) * 300

Stored = "str | bytes | Path"


def token_of(request: RecordedRequest) -> str:
    """Return the token that a request carried."""
    scheme, _, token = str(request.headers["Authorization"]).partition(" ")
    assert scheme == "Bearer"
    return token


class Journey:
    """A local server, credentials for it, and what a test does with a package.

    :param server: it runs already.
    :param printed: returns what the test printed and logged so far.
    """

    def __init__(self, server: LocalServer, printed: Callable[[], str]) -> None:
        self.server = server
        self.credentials = ClientCredentials(server.token_url, CLIENT_ID, SECRET)
        self.cache = TokenCache()
        self._printed = printed

    @property
    def url(self) -> str:
        """The API's URL, which ends with a slash."""
        return self.server.api_url

    def adapter(self, **options: Any) -> ClientCredentialsAdapter:
        """Return an adapter for the API, or for other ``origins=``."""
        return ClientCredentialsAdapter(self.credentials, **self._with_defaults(options))

    def auth(self, **options: Any) -> ClientCredentialsAuth:
        """Return an auth object for the API, or for other ``origins=``."""
        return ClientCredentialsAuth(self.credentials, **self._with_defaults(options))

    def _with_defaults(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"origins": self.server.origin, "cache": self.cache, **options}

    def mounted(self, session: requests.Session, **options: Any) -> Any:
        """Mount an adapter on a package's session, and return the session."""
        mount(session, self.adapter(**options))
        return session

    def assert_whole(
        self,
        call: Callable[[int], object],
        *,
        body: bytes | None = None,
        stored: Callable[[], Iterable[str | bytes | Path]] = tuple,
    ) -> None:
        """Call twice, the second time with a revoked token, and assert what arrived.

        :param call: makes one API call with the package; it gets the number of the call.
        :param body: what each request must carry; None: whatever the package sends, twice the same.
        :param stored: returns all that the package keeps; a path is that of a file or a folder.
        """
        call(1)
        first = self.server.api_requests
        assert first, "no request arrived"
        token = token_of(first[-1])
        assert {token_of(request) for request in first} == {token}

        self.server.revoke_tokens()
        call(2)
        rejected, resent, *rest = self.server.api_requests[len(first) :]
        renewed = token_of(resent)
        assert token_of(rejected) == token != renewed
        assert {token_of(request) for request in rest} <= {renewed}
        assert len(self.server.token_requests) == 2
        assert (resent.method, resent.path) == (rejected.method, rejected.path)
        assert digest(resent.body) == digest(rejected.body)
        if body is not None:
            assert digest(resent.body) == digest(first[-1].body) == digest(body)
        self.assert_recorded_nowhere(stored())

    def assert_recorded_nowhere(self, stored: Iterable[str | bytes | Path]) -> None:
        """Assert that neither the output, the log nor a package's store has a token or secret."""
        hidden = {SECRET, *self.tokens()}
        assert len(hidden) > 1
        for content in (self._printed(), *stored):
            for text in texts(content):
                found = [each for each in hidden if each.encode() in text]
                assert not found, where(found[0].encode(), text)

    def tokens(self) -> set[str]:
        """Return every token that arrived at the API."""
        with_one = [each for each in self.server.api_requests if "Authorization" in each.headers]
        return {token_of(request) for request in with_one}


def where(found: bytes, text: bytes) -> str:
    """Return what stands before something that should not be recorded."""
    return "recorded after " + repr(text[: text.index(found)][-200:])


def digest(body: bytes) -> str:
    """Return what a failed comparison can show of a long body."""
    return f"{len(body)} bytes, {hashlib.sha256(body).hexdigest()}"


def texts(content: str | bytes | Path) -> Iterator[bytes]:
    """Return a store's content, file by file if it is a folder."""
    if isinstance(content, Path):
        files = content.rglob("*") if content.is_dir() else [content]
        yield from (path.read_bytes() for path in files if path.is_file())
    else:
        yield content.encode() if isinstance(content, str) else content


def printed(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> str:
    """Return what a test logged, at the DEBUG level too, and printed since the last call."""
    out, err = capfd.readouterr()
    return caplog.text + out + err


def log_everything(caplog: pytest.LogCaptureFixture) -> None:
    """Let each package log whatever it can."""
    caplog.set_level(logging.DEBUG)
