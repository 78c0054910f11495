"""What to ask for: the client-credentials grant as a value (RFC 6749 §4.4)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from typing import Any

from requests.auth import AuthBase

from ..access_token import AccessToken
from ..client_auth.dpop import DPoPKey
from ..client_auth.secret import ClientSecret, Secret
from ..errors import ClientCredentialsError, ConfigurationError
from ..protocols import Cert, ClientAuthentication
from ..server.authorization_server import AuthorizationServer
from ..settings import optional_text, required_text
from .auth_setting import check_client, client_authentication
from .authenticated_request import AuthenticatedRequest
from .endpoints import Introspection, as_told, introspect, request_token, revoke
from .environment import Environment
from .from_environment import client_arguments
from .parameters import (
    Params,
    cache_key,
    further_params,
    pairs,
    resource_uris,
    scope_text,
)

_TEXTS = (str, bytes, bytearray)


@dataclass(frozen=True, repr=False)
class ClientCredentials:
    """A client, its authorization server and what it asks for; it can make one token request.

    :param server: str, the token endpoint's URL; or an :class:`AuthorizationServer`, which says
        how it is reached.
    :param client_id: str.
    :param client_secret: str; a callable returning str, called for each token request; or a
        sequence of those, tried in order when the server answers ``invalid_client``.
    :param auth: how the client proves who it is: ``"client_secret_basic"``,
        ``"client_secret_post"``, ``"client_secret_jwt"``, ``"none"``, a client-authentication
        object, or any requests auth object. None: what the server prefers of the first three;
        where that is not known, ``client_secret_basic``.
    :param scope: str, or iterable of str that are joined with a space (RFC 6749 §3.3).
    :param audience: str, sent as the parameter ``audience``.
    :param resource: str or iterable of str: absolute URIs, sent once each (RFC 8707 §2).
    :param grant_type: str.
    :param params: mapping, further parameters of the token request, to a str or to a list of str
        that is repeated.
    :param dpop: a :class:`DPoPKey` that the tokens are bound to (RFC 9449), or None.
    :raises ConfigurationError: when a setting is wrong or missing.

    Frozen: safe to share between threads, and ``dataclasses.replace(credentials, scope="other")``
    gives a variation. Its ``repr`` shows no secret. A pickle holds a literal ``client_secret``, as
    a pickled requests session holds its ``auth``.
    """

    server: AuthorizationServer | str
    client_id: str
    # Not hashed: a callable or an auth object need not be hashable, as HTTPBasicAuth is not.
    client_secret: Secret | Sequence[Secret] | None = field(default=None, hash=False)
    auth: str | ClientAuthentication | AuthBase | None = field(
        default=None, kw_only=True, hash=False
    )
    scope: str | Iterable[str] | None = field(default=None, kw_only=True)
    audience: str | None = field(default=None, kw_only=True)
    resource: str | Iterable[str] | None = field(default=None, kw_only=True)
    grant_type: str = field(default="client_credentials", kw_only=True)
    params: Params | None = field(default=None, kw_only=True, hash=False)
    dpop: DPoPKey | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        in_one_form = {
            "client_id": required_text(self.client_id, "client_id"),
            "scope": scope_text(self.scope),
            "audience": optional_text(self.audience, "audience"),
            "resource": resource_uris(self.resource),
            "grant_type": required_text(self.grant_type, "grant_type"),
            "params": further_params(self.params),
        }
        for name, value in in_one_form.items():
            object.__setattr__(self, name, value)
        if self.dpop is not None and not isinstance(self.dpop, DPoPKey):
            raise ConfigurationError("dpop must be a DPoPKey, DPoPKey(key) or DPoPKey.generate()")
        if isinstance(self.client_secret, Sequence) and not isinstance(self.client_secret, _TEXTS):
            object.__setattr__(self, "client_secret", tuple(self.client_secret))
        # Made now rather than at the first request, so that what is wrong is said here.
        self._request, self._secret  # noqa: B018 - made by being read

    @classmethod
    def from_env(cls, prefix: str = "OAUTH_") -> ClientCredentials:
        """Read the settings from environment variables.

        :param prefix: str, before each name: ``TOKEN_URL`` or ``ISSUER`` (whose metadata is looked
            up), ``CLIENT_ID``, ``AUTH``, ``SCOPE``, ``AUDIENCE``, ``RESOURCE`` (several with a
            space between them), ``PARAM_<name>`` (any other parameter); what proves who the client
            is, one of ``CLIENT_SECRET``, ``PRIVATE_KEY`` (PEM or JWK; beside it ``KEY_ID``),
            ``CERTIFICATE_FILE`` (beside it ``CERTIFICATE_KEY_FILE``), ``CLIENT_ASSERTION_FILE``;
            how the server is reached: ``TIMEOUT`` (seconds: one number, or two to connect and to
            read), ``CA_BUNDLE`` (a path), ``ALLOW_HTTP`` (1 or 0). ``NAME_FILE`` names a file that
            holds the setting; the files of secret and assertion are read anew for each token
            request.
        :returns: :class:`ClientCredentials`.
        :raises ConfigurationError: if a setting is wrong or missing.
        """
        return cls(**client_arguments(Environment(prefix)))

    def request_token(self) -> AccessToken:
        """Makes one token request; nothing is kept.

        :returns: a new :class:`AccessToken`.
        :raises TokenRequestError: when no token could be had.
        """
        try:
            return request_token(self._request, self._secret)
        except ClientCredentialsError as error:
            failure = error
        raise as_told(failure)

    def introspect(self, token: AccessToken | str) -> Introspection:
        """Asks the authorization server about a token, with the same client authentication.

        :param token: an :class:`AccessToken`, or its value.
        :returns: an :class:`Introspection`; that a token is not active is an answer, no error.
        :raises ConfigurationError: when the server's ``introspection_endpoint`` is not known.
        :raises TokenRequestError: when there is no answer, or none that can be read.

        RFC 7662 §2.
        """
        try:
            request = self._request_about(token, "introspection_endpoint")
            del token  # a text would be shown with this frame's variables
            return introspect(request, self._secret)
        except ClientCredentialsError as error:
            failure = error
        raise as_told(failure)

    def revoke(self, token: AccessToken | str) -> None:
        """Has the authorization server revoke a token, with the same client authentication.

        :param token: an :class:`AccessToken`, or its value. One that is not valid is no error.
        :raises ConfigurationError: when the server's ``revocation_endpoint`` is not known.
        :raises TokenRequestError: when the server refuses, or does not answer.

        RFC 7009 §2.
        """
        try:
            request = self._request_about(token, "revocation_endpoint")
            del token  # a text would be shown with this frame's variables
            return revoke(request, self._secret)
        except ClientCredentialsError as error:
            failure = error
        raise as_told(failure)

    @cached_property
    def cache_key(self) -> Hashable:
        """Equal only for credentials whose tokens may be exchanged for each other.

        A str, a digest of all that shapes the token; where ``auth`` is an object whose parts
        cannot be read, a tuple that means something in this process only.
        """
        authentication = self._request.authentication
        return cache_key(
            "client_credentials",
            self._request.server.key_part,
            self.client_id,
            type(authentication).__qualname__,
            authentication.key_part,
            self._secret.key_part,
            self._request.params,
            None if self.dpop is None else self.dpop.thumbprint,
        )

    @property
    def cert(self) -> Cert | None:
        """The client certificate that the tokens are bound to, as in requests, or None."""
        return getattr(self._request.authentication, "cert", None)

    @property
    def label(self) -> str:
        """Which client at which server, as log lines and events name it."""
        return f"{self.client_id} at {self._request.server.given_url}"

    @cached_property
    def _request(self) -> AuthenticatedRequest:
        server = self.server
        if not isinstance(server, AuthorizationServer):
            server = AuthorizationServer(required_text(server, "server"))
        authentication = client_authentication(self.auth, server)
        server.check_request(
            scope=scope_text(self.scope),
            audience=self.audience,
            resource=resource_uris(self.resource),
            grant_type=self.grant_type,
        )
        has_secret = self.client_secret is not None
        check_client(authentication, self.client_id, has_secret=has_secret)
        params = [
            *pairs("grant_type", self.grant_type),
            *pairs("scope", self.scope),
            *pairs("audience", self.audience),
            *pairs("resource", self.resource),
        ]
        for name, value in (self.params or {}).items():
            params += pairs(name, value)  # type: ignore[arg-type] # __post_init__ made them str
        return AuthenticatedRequest(
            server, "token_endpoint", self.client_id, authentication, tuple(params), self.dpop
        )

    def _request_about(self, token: AccessToken | str, endpoint: str) -> AuthenticatedRequest:
        value = token.value if isinstance(token, AccessToken) else required_text(token, "token")
        params = (("token", value), ("token_type_hint", "access_token"))
        return replace(self._request, endpoint=endpoint, params=params, dpop=None)

    @cached_property
    def _secret(self) -> ClientSecret:
        return ClientSecret(self.client_secret)

    def __repr__(self) -> str:
        shown = {
            "client_id": self.client_id,
            "auth": self.auth and self._request.authentication.method,
            "scope": self.scope,
            "audience": self.audience,
            "resource": self.resource or None,
        }
        settings = ", ".join(f"{name}={value!r}" for name, value in shown.items() if value)
        return f"ClientCredentials({self._request.server.given_url!r}, {settings})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Rebuilt from its fields alone: what is derived from them may mean nothing elsewhere.
        return partial(type(self), **{f.name: getattr(self, f.name) for f in fields(self)}), ()
