"""From the setting ``auth`` to a way of client authentication; the names are RFC 7591's (§2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from ..client_auth.assertion import ClientSecretJWT
from ..client_auth.basic import (
    ClientSecretBasic,
    ClientSecretPost,
    NoClientAuthentication,
    RequestsAuth,
)
from ..errors import ConfigurationError
from ..protocols import Authentication, ClientAuthentication, ClientIdentity
from ..server.authorization_server import AuthorizationServer, DiscoveredServer
from ..server.error_response import readable_list

# By preference: what a client with nothing but a secret can do.
_WITH_A_SECRET: dict[str, Callable[[], ClientAuthentication]] = {
    "client_secret_basic": ClientSecretBasic,
    "client_secret_post": ClientSecretPost,
    "client_secret_jwt": ClientSecretJWT,
}
_BY_NAME = {**_WITH_A_SECRET, "none": NoClientAuthentication}
_KNOWN = ", ".join(sorted(_BY_NAME))
#: Names of methods for which a name is not enough: what to pass to ``auth`` in their place.
NEEDS_MORE = {
    "private_key_jwt": "PrivateKeyJWT(key)",
    "tls_client_auth": "TLSClientAuth(cert)",
    "self_signed_tls_client_auth": "TLSClientAuth(cert)",
}
_WITHOUT_A_SECRET = {**NEEDS_MORE, "none": '"none"'}
_OF_HTTP = ("basic", "bearer")  # no methods, but names that are mistaken for them
_LIKE_A_NAME = re.compile(r"(?=.{1,40}\Z)[a-z]+(_[a-z]+)+")


def client_authentication(auth: object, server: AuthorizationServer) -> ClientAuthentication:
    """Reads the setting ``auth``.

    :param auth: the name of a method, a client-authentication object, a requests auth object; or
        None for what the server prefers of what a secret can do.
    :param server: whose preference counts.
    :returns: a client-authentication object.
    :raises ConfigurationError: when it is none of these.
    """
    if auth is None:
        if isinstance(server, DiscoveredServer):
            return PreferredAuthentication(server)
        return preferred(server.auth_methods)
    if isinstance(auth, str):
        return method_named(auth)
    if isinstance(auth, type):
        raise ConfigurationError(f"auth is the class {auth.__name__}: write {auth.__name__}(...)")
    if hasattr(auth, "authenticate"):
        for name in ("method", "needs_secret", "key_part"):
            if not hasattr(auth, name):
                raise ConfigurationError(
                    f"auth={type(auth).__name__}(...) has no {name}: see "
                    f"requests_cc.protocols.ClientAuthentication"
                )
        return auth  # type: ignore[return-value] # it has what the protocol asks
    if callable(auth):
        return RequestsAuth(auth)  # type: ignore[arg-type] # requests takes any callable
    raise ConfigurationError(
        f"auth must be a method's name, a client-authentication object or a requests auth object, "
        f"not {type(auth).__name__}"
    )


def preferred(accepted: Iterable[str] | None) -> ClientAuthentication:
    """How a client with nothing but a secret authenticates where these methods are accepted.

    :param accepted: str, their names; None: not known, so ``client_secret_basic``.
    :raises ConfigurationError: when a secret is not what the server wants.
    """
    names = ("client_secret_basic",) if accepted is None else tuple(accepted)
    for name, method in _WITH_A_SECRET.items():
        if name in names:
            return method()
    wanted = dict.fromkeys(
        f"auth={_WITHOUT_A_SECRET[name]}" for name in names if name in _WITHOUT_A_SECRET
    )
    raise ConfigurationError(
        f"the server accepts {readable_list(names) or 'no method'}, none of which a client_secret "
        f"alone is enough for: set "
        f"{' or '.join(wanted) or f'auth= to one of {_KNOWN}, or to an object'}"
    )


@dataclass(frozen=True)
class PreferredAuthentication:
    """What the server's metadata prefers, which is not known before it is looked up.

    :param server: whose metadata says it.
    """

    server: DiscoveredServer
    needs_secret = True

    @property
    def method(self) -> str:
        return preferred(self.server.auth_methods).method

    @property
    def key_part(self) -> Hashable:
        return ("preferred",)

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        return preferred(self.server.auth_methods).authenticate(identity)


def check_client(authentication: ClientAuthentication, client_id: str, *, has_secret: bool) -> None:
    """Checks that a client can authenticate in the way that was set.

    :param authentication: the way.
    :param client_id: str.
    :param has_secret: bool, whether there is a ``client_secret``.
    :raises ConfigurationError: when it cannot.
    """
    if authentication.needs_secret and not has_secret:
        preference = isinstance(authentication, PreferredAuthentication)
        named = "its authentication" if preference else authentication.method
        raise ConfigurationError(
            f'client_secret is missing: {named} needs it; a public client writes auth="none"'
        )
    if isinstance(authentication, NoClientAuthentication) and has_secret:
        raise ConfigurationError('auth="none" sends no client_secret: leave one of them out')
    loose = isinstance(authentication, ClientSecretBasic) and authentication.encoding == "loose"
    if loose and ":" in client_id:  # RFC 7617 §2: the first colon ends the user-id
        raise ConfigurationError(
            'client_id holds a ":", which ClientSecretBasic(encoding="loose") cannot send: write '
            'encoding="strict", or auth="client_secret_post"'
        )


def method_named(name: str, setting: str = "auth") -> ClientAuthentication:
    """The way of client authentication that a name stands for.

    :param name: str.
    :param setting: str, what holds the name, for the message.
    :raises ConfigurationError: when the name is not known, or not enough.
    """
    if name in NEEDS_MORE:
        raise ConfigurationError(f"{setting}={name!r} is not enough: write auth={NEEDS_MORE[name]}")
    if name in _BY_NAME:
        return _BY_NAME[name]()
    # What is nothing like a name may be the secret, set in the wrong place.
    names = [*_BY_NAME, *NEEDS_MORE, *_OF_HTTP]
    if _LIKE_A_NAME.fullmatch(name) or get_close_matches(name, names):
        problem = f"{setting}={name!r} is not known"
    else:
        problem = f"{setting} is no method that is known"
    raise ConfigurationError(f"{problem}: write one of {_KNOWN}, or give auth= an object")
