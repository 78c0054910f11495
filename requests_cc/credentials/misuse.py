"""Frequent mistakes in using a source, and the line to write instead."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import NoReturn, ParamSpec, TypeVar

from ..errors import ConfigurationError
from .tracebacks import entry_point

P = ParamSpec("P")
T = TypeVar("T")

_SERVER = 'pass AuthorizationServer("https://auth.example.com/oauth/token", {0}=...) as the server'
_SESSION = (
    'set {0} of a requests.Session, and pass AuthorizationServer("https://auth.example.com/oauth/'
    'token", session=session) as the server'
)
_ADAPTER = "pass ClientCredentialsAdapter(credentials, {0}=...)"
_URL = 'pass the URL first: ClientCredentials("https://auth.example.com/oauth/token", client_id)'
_INSTEAD = {
    **dict.fromkeys(("token_url", "token_endpoint", "token_uri", "url", "endpoint"), _URL),
    **dict.fromkeys(("access_token_url", "token_endpoint_url", "server_url"), _URL),
    **dict.fromkeys(("timeout", "allow_http", "session", "body_format"), _SERVER),
    **dict.fromkeys(("verify", "proxies", "headers", "cert"), _SESSION),
    **dict.fromkeys(("origins", "cache", "transport", "header", "scheme", "rejects"), _ADAPTER),
    "issuer": 'pass AuthorizationServer.discover("https://auth.example.com") as the server',
    "scopes": 'pass scope=["read", "write"]',
    "audiences": "pass audience=[...]",
    "resources": "pass resource=[...]",
    "secret": "pass client_secret=...",
    "private_key": "pass auth=PrivateKeyJWT(key)",
    **dict.fromkeys(("extra_params", "extra", "data", "body"), "pass params=..."),
    **dict.fromkeys(
        ("auth_method", "token_endpoint_auth_method", "client_auth_method"),
        'pass auth="client_secret_post", for example',
    ),
    **dict.fromkeys(
        ("leeway", "store", "observers"),
        "pass TokenCache({0}=...) to the adapter: "
        "ClientCredentialsAdapter(credentials, cache=cache)",
    ),
}


def constructor(call: Callable[P, T]) -> Callable[P, T]:
    """Make a constructor an entry point that explains the names which it does not have."""
    code = call.__code__
    known = set(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])

    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        for name in kwargs:
            if name in _INSTEAD and name not in known:
                raise ConfigurationError(
                    f"ClientCredentials has no setting {name}: {_INSTEAD[name].format(name)}"
                )
        return call(*args, **kwargs)

    return update_wrapper(entry_point(checked), call)


class Misused:
    """The methods that requests calls of a source in the place of an adapter or an auth object."""

    def __call__(self, *_args: object, **_options: object) -> NoReturn:
        """Raise the error that a source as ``auth=`` is."""
        raise ConfigurationError(
            f"auth is a {type(self).__name__}, which is not a requests auth object; pass "
            f"auth=ClientCredentialsAuth(credentials)"
        )

    def send(self, *_args: object, **_options: object) -> NoReturn:
        """Raise the error that a source in ``session.mount()`` is."""
        raise ConfigurationError(
            f"a {type(self).__name__} is mounted on the session, which is not an adapter; write "
            f"session.mount(url, ClientCredentialsAdapter(credentials))"
        )

    def close(self) -> None:
        """Do nothing: a session closes all that is mounted on it."""
