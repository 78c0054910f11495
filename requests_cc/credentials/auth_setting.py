"""From the setting ``auth`` to an object; the names are those of RFC 7591 §2."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

import requests

from ..client_auth.basic import (
    ClientSecretBasic,
    ClientSecretPost,
    NoClientAuthentication,
    RequestsAuth,
)
from ..errors import ConfigurationError
from ..http.shown import readable_list
from ..protocols import Authentication, ClientAuthentication, ClientIdentity
from ..server.authorization_server import AuthorizationServer


def _client_secret_jwt() -> ClientAuthentication:
    from ..client_auth.assertion import ClientSecretJWT  # noqa: PLC0415 - few clients sign

    return ClientSecretJWT()


# By preference: the methods for which a secret is enough.
_WITH_A_SECRET: dict[str, Callable[[], ClientAuthentication]] = {
    "client_secret_basic": ClientSecretBasic,
    "client_secret_post": ClientSecretPost,
    "client_secret_jwt": _client_secret_jwt,
}
_BY_NAME = {**_WITH_A_SECRET, "none": NoClientAuthentication}
_KNOWN = ", ".join(sorted(_WITH_A_SECRET))
#: Names of methods for which a name is not enough: what to pass to ``auth`` in their place.
NEEDS_MORE = {
    "private_key_jwt": "PrivateKeyJWT(key)",
    "tls_client_auth": "TLSClientAuth(cert)",
    "self_signed_tls_client_auth": "TLSClientAuth(cert)",
}


def client_authentication(auth: object, server: AuthorizationServer) -> ClientAuthentication:
    """Return the client authentication object that the setting ``auth`` stands for.

    :param auth: the name of a method, a client authentication object, a requests auth object; or
        None for the method that the server prefers of those for which a secret is enough.
    :param server: the server whose preference counts.
    :raises ConfigurationError: if it is none of these.
    """
    if auth is None:
        if server.habits is not None and server.habits.authentication is not None:
            return server.habits.authentication
        if server.knows("auth_methods"):
            return preferred(server.auth_methods)
        return PreferredAuthentication(server)
    if isinstance(auth, str):
        return method_named(auth)
    if isinstance(auth, type):
        raise ConfigurationError(f"auth is the class {auth.__name__}: pass {auth.__name__}(...)")
    if hasattr(auth, "authenticate"):
        for name in ("method", "needs_secret", "key_part"):
            if not hasattr(auth, name):
                raise ConfigurationError(
                    f"auth={type(auth).__name__}(...) has no {name}: see "
                    f"requests_cc.protocols.ClientAuthentication"
                )
        return auth  # type: ignore[return-value] # it has every member of the protocol
    if callable(auth):
        return RequestsAuth(auth)  # type: ignore[arg-type] # requests takes any callable
    raise ConfigurationError(
        f"auth must be a method's name, a client authentication object or a requests auth object, "
        f"not {type(auth).__name__}"
    )


def preferred(accepted: Iterable[str] | None) -> ClientAuthentication:
    """Return the preferred client authentication of a client that has only a secret.

    :param accepted: iterable of str, the methods that the server accepts; None: not known, so
        ``client_secret_basic``.
    :raises ConfigurationError: if a secret is not enough for any of them.
    """
    names = ("client_secret_basic",) if accepted is None else tuple(accepted)
    for name, method in _WITH_A_SECRET.items():
        if name in names:
            return method()
    wanted = dict.fromkeys(f"auth={NEEDS_MORE[name]}" for name in names if name in NEEDS_MORE)
    raise ConfigurationError(
        f"the server accepts {readable_list(names) or 'no method'}, and a client_secret alone is "
        f"not enough for that: set "
        f"{' or '.join(wanted) or f'auth= to one of {_KNOWN}, or to an object'}"
    )


class PreferredAuthentication:
    """The method that a server's metadata prefers, which is looked up for each attempt.

    :param server: the server.
    :param endpoint: str, the name of the endpoint: each may accept other methods.
    """

    needs_secret = True
    key_part: Hashable = ("preferred",)

    def __init__(self, server: AuthorizationServer, endpoint: str = "token_endpoint") -> None:
        self._server = server
        self._endpoint = endpoint

    def at(self, endpoint: str) -> PreferredAuthentication:
        """Return the method that the metadata prefers at another endpoint."""
        return PreferredAuthentication(self._server, endpoint)

    @property
    def method(self) -> str:
        return self._preferred.method

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        return self._preferred.authenticate(identity)

    @property
    def _preferred(self) -> ClientAuthentication:
        return preferred(self._server.auth_methods_of(self._endpoint))


def check_client(authentication: ClientAuthentication, client_id: str, *, has_secret: bool) -> None:
    """Check that a client can authenticate with the method that was set.

    :param has_secret: bool, whether there is a ``client_secret``.
    :raises ConfigurationError: if it cannot.
    """
    if authentication.needs_secret and not has_secret:
        needs = _name_of(authentication)
        raise ConfigurationError(
            f"client_secret is missing: {needs} needs it; pass client_secret=, or auth= an object "
            f"that proves the client otherwise, such as PrivateKeyJWT(key)"
        )
    if isinstance(authentication, NoClientAuthentication) and has_secret:
        raise ConfigurationError('auth="none" sends no client_secret: leave one of them out')
    loose = isinstance(authentication, ClientSecretBasic) and authentication.encoding == "loose"
    if loose and ":" in client_id:  # RFC 7617 §2: the first colon ends the user-id
        raise ConfigurationError(
            'client_id holds a ":", which ClientSecretBasic(encoding="loose") cannot send: use '
            'encoding="strict", or auth="client_secret_post"'
        )


def check_session_auth(
    session: requests.Session | None, authentication: ClientAuthentication
) -> None:
    """Check that a session's own auth does not stand beside a client authentication method.

    :param session: the session of the server, or None.
    :raises ConfigurationError: if the session has an ``auth``: a request has one of the two.
    """
    if session is not None and session.auth:
        method = _name_of(authentication)
        raise ConfigurationError(
            f"session.auth is set beside {method}, and a request to the authorization server has "
            f"only one of them: unset session.auth, or pass it as auth= in place of {method}"
        )


def _name_of(authentication: ClientAuthentication) -> str:
    by_metadata = isinstance(authentication, PreferredAuthentication)  # which is looked up
    return "client authentication" if by_metadata else authentication.method


def method_named(name: str, setting: str = "auth") -> ClientAuthentication:
    """Return the client authentication object that a name stands for.

    :param setting: str, the name of the setting in the message.
    :raises ConfigurationError: if the name is not known, or the method needs more than a name. The
        message does not show an unknown name: it may be a secret in the wrong place.
    """
    if name in NEEDS_MORE:
        raise ConfigurationError(
            f"{setting}={name!r} needs more than a name: pass auth={NEEDS_MORE[name]}"
        )
    if name not in _BY_NAME:
        raise ConfigurationError(
            f"{setting} is not a known client authentication method: use one of {_KNOWN}, or pass "
            f"auth= an object"
        )
    return _BY_NAME[name]()
