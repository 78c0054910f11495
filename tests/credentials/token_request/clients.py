"""A client of a token endpoint, and what its token request raises."""

from __future__ import annotations

import pytest

from requests_cc import AuthorizationServer, ClientCredentials, TokenRequestError

SECRET = "s3cr3t/with+signs ü"
HTML = "<html><body>Welcome</body></html>"


def client(url: str, secret: object = SECRET, **settings: object) -> ClientCredentials:
    of_server = {"timeout": (2.0, 2.0)}
    for name in ("timeout", "session", "body_format"):
        if name in settings:
            of_server[name] = settings.pop(name)
    return ClientCredentials(AuthorizationServer(url, **of_server), "me", secret, **settings)


def failure(url: str, **settings: object) -> TokenRequestError:
    with pytest.raises(TokenRequestError) as raised:
        client(url, **settings).request_token()
    return raised.value
