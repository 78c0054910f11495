"""An API on loopback, and sessions whose adapter is for it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import requests

from requests_cc import ClientCredentials, ClientCredentialsAdapter, TokenCache, mount
from requests_cc.testing import LocalServer
from tests.support.scripts import Reply, Request, Response
from tests.support.server import Server


class Api(Server):
    """Takes any token until it is revoked, unless its script says otherwise."""

    def __init__(
        self, *scripts: Callable[[Request], Response], tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(*(scripts or [needs_token]), tls=tls)
        self.revoked: set[str | None] = set()

    def revoke(self) -> None:
        """Respond with 401 to every token that has arrived so far."""
        self.revoked |= {*self.tokens}

    def respond(self, request: Request) -> Response:
        if request.token in self.revoked:
            return Reply(401, body=b"revoked")
        return super().respond(request)


def needs_token(request: Request) -> Reply:
    """Accept whatever token there is."""
    return Reply() if request.token else Reply(401, body=b"no token")


def credentials_for(server: LocalServer, origin: str, **more: object) -> ClientCredentials:
    """Return credentials at this authorization server, for the API at this origin."""
    settings: dict[str, object] = {"audience": origin, **more}
    return ClientCredentials(server.token_url, "client", "s3cret-of-the-client", **settings)  # type: ignore[arg-type]


def session_for(server: LocalServer, origin: str, **options: object) -> requests.Session:
    """Return a session with an adapter of its own cache, mounted on this origin."""
    options.setdefault("cache", TokenCache())
    session = requests.Session()
    adapter = ClientCredentialsAdapter(credentials_for(server, origin), **options)  # type: ignore[arg-type]
    mount(session, adapter)
    return session


@contextmanager
def api_and_session(
    server: LocalServer, script: Callable[[Request], Response], **options: object
) -> Iterator[tuple[Api, requests.Session]]:
    """Give an API, and a session with an adapter for it."""
    with Api(script) as api, session_for(server, api.origin, **options) as session:
        yield api, session
