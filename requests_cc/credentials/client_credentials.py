"""The client credentials grant as a value (RFC 6749 §4.4)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

from requests.auth import AuthBase

from ..access_token import AccessToken
from ..client_auth.basic import NoClientAuthentication
from ..client_auth.secret import ClientSecret, Secret, as_secrets
from ..errors import ConfigurationError
from ..protocols import Cert, ClientAuthentication
from ..server.authorization_server import AuthorizationServer
from ..settings import required_line, required_text
from ..value import Value
from .auth_setting import check_client, check_session_auth, client_authentication
from .authenticated_request import AuthenticatedRequest
from .misuse import constructor
from .parameters import (
    Params,
    audiences,
    cache_key,
    further_params,
    pairs,
    params_key_part,
    resource_uris,
    scope_text,
)
from .source import Source, SourceKey, server_of
from .tracebacks import entry_point

if TYPE_CHECKING:
    from ..client_auth.dpop import DPoPKey
    from .introspection import Introspection


class ClientCredentials(Source, Value):
    """A client, its authorization server and what it requests; it can make one token request.

    :param server: str, the token endpoint's URL; or an :class:`AuthorizationServer`, which says
        how it is reached. Kept as an :class:`AuthorizationServer`.
    :param client_id: str.
    :param client_secret: str; a callable returning str, called for each token request; or a
        sequence of those, tried in order while the server responds ``invalid_client``.
    :param auth: how the client authenticates: ``"client_secret_basic"``,
        ``"client_secret_post"``, ``"client_secret_jwt"``, ``"none"``, a client authentication
        object, or any requests auth object. None: what the server prefers of the first three;
        ``client_secret_basic`` if that is not known.
    :param scope: str, or iterable of str that are joined with a space (RFC 6749 §3.3).
    :param audience: str or iterable of str, sent as the parameter ``audience``, once each.
    :param resource: str or iterable of str: absolute URIs, sent once each (RFC 8707 §2).
    :param grant_type: str.
    :param params: mapping, further parameters of the token request, to a str, to a callable that
        returns one and is called for each request, or to a list of those that is repeated.
    :param cert: as in requests: a path, or the pair of paths (certificate, key). The client
        presents this certificate at the authorization server and at the API, whatever ``auth`` is
        (RFC 8705 §3); the tokens are bound to it. Files that are replaced are read again.
    :param dpop: a :class:`DPoPKey` that the tokens are bound to (RFC 9449), or None.
    :raises ConfigurationError: if a setting is wrong or missing.

    Frozen: safe to share between threads, and ``dataclasses.replace(credentials, scope="other")``
    gives a variation. Its ``repr`` shows no secret. A pickle holds a literal ``client_secret``, as
    a pickled requests session holds its ``auth``.
    """

    server: AuthorizationServer
    client_id: str
    client_secret: Secret | Sequence[Secret] | None
    auth: str | ClientAuthentication | AuthBase | None
    scope: str | None
    audience: str | tuple[str, ...] | None
    resource: tuple[str, ...]
    grant_type: str
    params: Params
    cert: Cert | None
    dpop: DPoPKey | None

    @constructor  # its arguments are secrets
    def __init__(  # noqa: PLR0913 - the settings that are documented above
        self,
        server: AuthorizationServer | str,
        client_id: str,
        client_secret: Secret | Sequence[Secret] | None = None,
        *,
        auth: str | ClientAuthentication | AuthBase | None = None,
        scope: str | Iterable[str] | None = None,
        audience: str | Iterable[str] | None = None,
        resource: str | Iterable[str] | None = None,
        grant_type: str = "client_credentials",
        params: Params | None = None,
        cert: Cert | None = None,
        dpop: DPoPKey | None = None,
    ) -> None:
        self._set(
            client_id=required_line(client_id, "client_id"),
            client_secret=as_secrets(client_secret),
            auth=auth,
            scope=scope_text(scope),
            audience=audiences(audience),
            resource=resource_uris(resource),
            grant_type=required_text(grant_type, "grant_type"),
            params=further_params(params),
            server=server_of(server),
            dpop=_checked_dpop(dpop),
        )
        authentication = client_authentication(auth, self.server)
        has_secret = client_secret is not None
        check_client(authentication, self.client_id, has_secret=has_secret)
        if not isinstance(authentication, NoClientAuthentication):
            check_session_auth(self.server.session, authentication)
        authentication, bound_to = _with_certificate(authentication, cert)
        self._set(cert=bound_to, _secret=ClientSecret(self.client_secret))
        self._set(_request=self._token_request(authentication))

    @classmethod
    def from_env(cls, prefix: str = "OAUTH_") -> ClientCredentials:
        """Read the settings from environment variables.

        :param prefix: str, before each name: ``TOKEN_URL`` or ``ISSUER`` (whose metadata is looked
            up), ``CLIENT_ID``, ``AUTH``, ``SCOPE``, ``AUDIENCE``, ``RESOURCE`` (each may be several
            with a space between them), ``PARAM_<name>`` (any other parameter); what proves who the
            client is, one of ``CLIENT_SECRET``, ``PRIVATE_KEY`` (PEM or JWK; beside it ``KEY_ID``),
            ``CERTIFICATE_FILE`` (beside it ``CERTIFICATE_KEY_FILE``), ``CLIENT_ASSERTION_FILE``;
            how the server is reached: ``TIMEOUT`` (seconds: one number, or two to connect and to
            read), ``CA_BUNDLE`` (a path), ``ALLOW_HTTP`` (1 or 0). ``NAME_FILE`` names a file that
            holds the setting; the files of secret and assertion are read again for each token
            request. A variable that nearly fits is named in an error, or in a WARNING.
        :returns: :class:`ClientCredentials`.
        :raises ConfigurationError: if a setting is wrong or missing.
        """
        from .environment import Environment  # noqa: PLC0415 - optional
        from .from_environment import client_arguments  # noqa: PLC0415 - optional

        return cls(**client_arguments(Environment(prefix)))

    @entry_point
    def introspect(self, token: AccessToken | str) -> Introspection:
        """Introspect a token at the authorization server, with the same client authentication.

        :param token: an :class:`AccessToken`, or its value.
        :returns: an :class:`Introspection`; a token that is not active raises no error.
        :raises ConfigurationError: if the server's ``introspection_endpoint`` is not known.
        :raises TokenRequestError: if there is no response, or it is not an introspection response.

        RFC 7662 §2.
        """
        from .introspection import introspection_in  # noqa: PLC0415 - optional

        request = self._request_about(token, "introspection_endpoint")
        return introspection_in(request.send(self._secret), request)

    @entry_point
    def revoke(self, token: AccessToken | str) -> None:
        """Revoke a token at the authorization server, with the same client authentication.

        :param token: an :class:`AccessToken`, or its value. An invalid one raises no error:
            "Invalid tokens do not cause an error response" (RFC 7009 §2.2).
        :raises ConfigurationError: if the server's ``revocation_endpoint`` is not known.
        :raises TokenRequestError: if the server refuses, or does not respond.

        RFC 7009 §2.
        """
        self._request_about(token, "revocation_endpoint").send(self._secret)

    @SourceKey
    def cache_key(self) -> Hashable:
        """Equal only for credentials whose tokens may be exchanged for each other.

        A str, a digest of all that shapes the token; or, if ``auth`` is an object whose parts
        cannot be read, a tuple that is meaningful in this process only.
        """
        authentication = self._request.authentication
        return cache_key(
            "client_credentials",
            self._request.server.key_part,
            self.client_id,
            type(authentication).__qualname__,
            authentication.key_part,
            self._secret.key_part,
            params_key_part(self._request.params),
            None if self.dpop is None else self.dpop.thumbprint,
        )

    @property
    def label(self) -> str:
        """The client and its server, as log lines and events name them."""
        return f"{self.client_id} at {self._request.server.given_url}"

    def _token_request(self, authentication: ClientAuthentication) -> AuthenticatedRequest:
        server = self.server
        audience = self.audience or ""
        settings = {
            "scope": self.scope or "",
            "audience": audience if isinstance(audience, str) else " ".join(audience),
            "resource": " ".join(self.resource),
        }
        if server.habits is not None:
            server.habits.check(self.grant_type, settings)
        params = {
            "grant_type": self.grant_type,
            "scope": self.scope,
            "audience": self.audience,
            "resource": self.resource,
            **self.params,
        }
        return AuthenticatedRequest(
            server, "token_endpoint", self.client_id, authentication, pairs(params), self.dpop
        )

    def _request_about(self, token: AccessToken | str, endpoint: str) -> AuthenticatedRequest:
        value = token.value if isinstance(token, AccessToken) else required_text(token, "token")
        return self._request.to(endpoint, (("token", value), ("token_type_hint", "access_token")))

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


def _with_certificate(
    authentication: ClientAuthentication, cert: Cert | None
) -> tuple[ClientAuthentication, Cert | None]:
    """Return the authentication, with ``cert`` if that is set, and the certificate it presents."""
    own: Cert | None = getattr(authentication, "cert", None)
    if cert is None and own is None:
        return authentication, None
    from ..client_auth import certificate  # noqa: PLC0415 - few clients have one

    cert = None if cert is None else certificate.given_cert(cert)
    if cert is None:
        return authentication, None if own is None else certificate.cert_of_auth(own)
    if own is not None:
        raise ConfigurationError(
            f"cert is set beside auth={type(authentication).__name__}(...), which has a "
            f"certificate of its own: leave cert out"
        )
    both = certificate.WithCertificate(authentication, cert)
    return both, both.cert


def _checked_dpop(dpop: DPoPKey | None) -> DPoPKey | None:
    if dpop is None:
        return None
    from ..client_auth.dpop import DPoPKey  # noqa: PLC0415 - few clients have one

    if not isinstance(dpop, DPoPKey):
        raise ConfigurationError("dpop must be a DPoPKey: DPoPKey(key) or DPoPKey.generate()")
    return dpop
