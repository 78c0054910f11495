"""A client whose server has three endpoints, and what a request to each of them raises."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from requests_cc import AccessToken, AuthorizationServer, ClientCredentials, TokenRequestError
from tests.support.scripts import token
from tests.support.server import Server

SECRET = "s3cr3t/with+signs ü that is long enough"
TOKEN = "0p4que.t0ken/with+signs"
HTML = "<html><body>Welcome</body></html>"
GOOD = token("token-1", active=True)  # a success at each endpoint


class Endpoint(NamedTuple):
    """One of them; ``path`` is where :func:`client` has it, ``setting`` its name at the server."""

    method: str
    path: str
    setting: str

    def call(self, credentials: ClientCredentials, token: AccessToken | str = TOKEN) -> object:
        """Make one request."""
        arguments = () if self.method == "request_token" else (token,)
        return getattr(credentials, self.method)(*arguments)


ENDPOINTS = {
    "token": Endpoint("request_token", "/token", "token_endpoint"),
    "introspection": Endpoint("introspect", "/introspect", "introspection_endpoint"),
    "revocation": Endpoint("revoke", "/revoke", "revocation_endpoint"),
}


def client(server: Server | str, secret: object = SECRET, **settings: object) -> ClientCredentials:
    """Return a client of a server with all three endpoints; some settings are the server's."""
    url = server if isinstance(server, str) else server.url
    of_server: dict[str, object] = {
        endpoint.setting: url.replace("/token", endpoint.path)
        for endpoint in ENDPOINTS.values()
        if endpoint.path != "/token"
    }
    of_server["timeout"] = (5.0, 5.0)
    for name in ("timeout", "session", "body_format", "mtls_endpoint_aliases", "allow_http"):
        if name in settings:
            of_server[name] = settings.pop(name)
    return ClientCredentials(AuthorizationServer(url, **of_server), "me", secret, **settings)  # type: ignore[arg-type]


def failure(endpoint: Endpoint, server: Server | str, **settings: object) -> TokenRequestError:
    with pytest.raises(TokenRequestError) as raised:
        endpoint.call(client(server, **settings), AccessToken(TOKEN))
    return raised.value
