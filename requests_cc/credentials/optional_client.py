"""The client of a grant that proves itself: it may authenticate beside that, or not at all.

"Authentication of the client is optional" (RFC 7521 section 4.1, RFC 8693 section 2.1).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol

from requests.auth import AuthBase

from ..client_auth.basic import NoClientAuthentication, RequestsAuth, spellings
from ..client_auth.secret import ClientSecret, Secret
from ..errors import ConfigurationError
from ..protocols import Authentication, Cert, ClientAuthentication, ClientIdentity
from ..server.authorization_server import AuthorizationServer
from ..settings import required_line
from .auth_setting import check_client, client_authentication
from .authenticated_request import AuthenticatedRequest
from .parameters import Pair, cache_key, params_key_part
from .source import Source, SourceKey


class Anonymous:
    """No client at all: the grant alone is sent."""

    method = "no client authentication"
    needs_secret = False
    key_part: Hashable = ("anonymous",)

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        return Authentication()


def optional_client(
    client_id: object, client_secret: object, auth: object, server: AuthorizationServer
) -> ClientAuthentication:
    """Return how a client authenticates that may have neither an id nor a secret.

    :param client_id: str; None: the grant names no client.
    :param client_secret: as for :class:`~requests_cc.ClientCredentials`.
    :param auth: as there. None without a secret: a public client, which sends its id alone.
    :raises ConfigurationError: if the three do not fit together.
    """
    if client_id is not None:
        required_line(client_id, "client_id")
        habits = server.habits
        is_public = habits is None or habits.authentication is None
        if client_secret is None and auth is None and is_public:
            return NoClientAuthentication()
        method = client_authentication(auth, server)
        check_client(method, str(client_id), has_secret=client_secret is not None)
        return method
    if client_secret is not None:
        raise ConfigurationError("client_id is missing: client_secret needs it; pass both")
    if auth is None:
        return Anonymous()
    method = client_authentication(auth, server)
    if not isinstance(method, RequestsAuth):
        raise ConfigurationError("client_id is missing: this client authentication sends it")
    return method


class Grant(Protocol):
    """The part of a grant that is new in each attempt."""

    @property
    def key_part(self) -> Hashable:
        """The part of a cache key."""

    def params(self, identity: ClientIdentity) -> Mapping[str, str]:
        """Return parameters for one attempt; each value is a secret."""


class Granted:
    """Client authentication and the grant, which are both new in each attempt.

    :param client: how the client authenticates.
    :param grant: what proves the grant.
    """

    needs_secret = False

    def __init__(self, client: ClientAuthentication, grant: Grant) -> None:
        self.client = client
        self._grant = grant

    @property
    def method(self) -> str:
        return self.client.method

    @property
    def encoding(self) -> str:
        """As of :class:`~requests_cc.ClientSecretBasic`: an error's advice depends on it."""
        return getattr(self.client, "encoding", "strict")

    @property
    def key_part(self) -> Hashable:
        return (type(self.client).__qualname__, self.client.key_part, self._grant.key_part)

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        grant = self._grant.params(identity)
        client = self.client.authenticate(identity)
        secrets = [spelling for value in grant.values() for spelling in spellings(value)]
        return Authentication(
            params={**grant, **client.params},
            auth=client.auth,
            cert=client.cert,
            secrets=(*client.secrets, *secrets),
        )


class GrantSource(Source):
    """Base class of the sources whose grant proves itself.

    A subclass calls :meth:`_ask_with` when it is made.
    """

    client_id: str | None
    client_secret: Secret | Sequence[Secret] | None
    auth: str | ClientAuthentication | AuthBase | None
    _kind: str

    @SourceKey
    def cache_key(self) -> Hashable:
        """Equal only for sources whose tokens may be used in place of each other."""
        request = self._request
        return cache_key(
            self._kind,
            request.server.key_part,
            self.client_id,
            request.authentication.key_part,
            self._secret.key_part,
            params_key_part(request.params),
        )

    @property
    def cert(self) -> Cert | None:
        """The client certificate that the tokens are bound to, as in requests, or None."""
        granted: Any = self._request.authentication
        return getattr(granted.client, "cert", None)

    def _ask_with(self, grant: Grant, params: tuple[Pair, ...]) -> None:
        """Make the token request of the settings.

        :param grant: what proves the grant.
        :param params: its other parameters.
        """
        server: AuthorizationServer = self.server  # type: ignore[attr-defined] # of a subclass
        client = optional_client(self.client_id, self.client_secret, self.auth, server)
        request = AuthenticatedRequest(
            server, "token_endpoint", self.client_id or "", Granted(client, grant), params
        )
        self._set(_request=request, _secret=ClientSecret(self.client_secret))
