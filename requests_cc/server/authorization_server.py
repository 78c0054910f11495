"""The authorization server: its endpoints, and how they are reached (RFC 6749 §3.2, RFC 8414)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import requests

from ..errors import ConfigurationError, InvalidTokenResponse
from ..url import check_url, without_query
from .discovery import IssuerOfResource, Metadata, same_issuer
from .metadata import ServerDocument
from .settings import (
    Reach,
    Timeout,
    check_body_format,
    check_optional_urls,
    endpoint_aliases,
    names,
    trusted_issuers,
)


@dataclass(frozen=True)
class AuthorizationServer:
    """An authorization server and how it is reached.

    :param token_endpoint: str, its absolute http(s) URL, without fragment or userinfo.
    :param issuer: str, its issuer identifier.
    :param introspection_endpoint: str, where it tells about tokens (RFC 7662).
    :param revocation_endpoint: str, where it revokes them (RFC 7009).
    :param mtls_endpoint_aliases: mapping from an endpoint's name, such as ``"token_endpoint"``, to
        the URL that a client with a certificate uses in its place (RFC 8705 §5).
    :param auth_methods: iterable of str, the client authentication methods that it accepts
        (``token_endpoint_auth_methods_supported``). None: not known.
    :param body_format: ``"form"`` (RFC 6749 §4.4.2) or ``"json"``, for servers that want that.
    :param session: a :class:`requests.Session` for these requests, never the API's: its proxies,
        ``verify``, ``cert``, headers and adapters are yours to set. None: a new one for each
        token request, with the environment's proxies and CA bundle. netrc is never used.
    :param timeout: seconds to connect and seconds to wait for each piece of an answer, as a pair
        or as one number for both; their sum is the most that one exchange can take.
    :param allow_http: bool, whether plain http beyond loopback is accepted.
    :raises ConfigurationError: when a setting is wrong.

    Frozen; as safe to share between threads as its ``session`` is. RFC 8414 §2.
    """

    token_endpoint: str
    issuer: str | None = field(default=None, kw_only=True)
    introspection_endpoint: str | None = field(default=None, kw_only=True)
    revocation_endpoint: str | None = field(default=None, kw_only=True)
    mtls_endpoint_aliases: Mapping[str, str] | None = field(default=None, kw_only=True, hash=False)
    auth_methods: Iterable[str] | None = field(default=None, kw_only=True)
    body_format: Literal["form", "json"] = field(default="form", kw_only=True)
    session: requests.Session | None = field(default=None, kw_only=True, repr=False)
    timeout: Timeout = field(default=(5.0, 30.0), kw_only=True)
    allow_http: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        aliases = endpoint_aliases(self.mtls_endpoint_aliases)
        object.__setattr__(self, "mtls_endpoint_aliases", aliases)
        object.__setattr__(self, "auth_methods", names(self.auth_methods, "auth_methods"))
        check_url(self.token_endpoint, "token_endpoint", allow_http=self.allow_http)
        further = {
            "introspection_endpoint": self.introspection_endpoint,
            "revocation_endpoint": self.revocation_endpoint,
            "issuer": self.issuer,
            **{f"mtls_endpoint_aliases[{name!r}]": url for name, url in (aliases or {}).items()},
        }
        check_optional_urls(further, allow_http=self.allow_http)
        check_body_format(self.body_format)
        object.__setattr__(self, "timeout", self.reach.timeout)

    @classmethod
    def discover(
        cls,
        issuer: str,
        *,
        session: requests.Session | None = None,
        timeout: Timeout = (5.0, 30.0),
        allow_http: bool = False,
    ) -> AuthorizationServer:
        """A server whose endpoints stand in its metadata, looked up when one is needed.

        :param issuer: str, the server's issuer identifier, or the URL of its metadata document.
        :param session: as for :class:`AuthorizationServer`; it fetches the metadata too.
        :param timeout: likewise.
        :param allow_http: likewise.
        :returns: an :class:`AuthorizationServer`; reading one of its endpoints looks it up. For a
            variation call this again: ``dataclasses.replace`` takes none that was discovered.
        :raises ConfigurationError: when a setting is wrong.

        RFC 8414 §3, OpenID Connect Discovery 1.0 §4.
        """
        check_url(issuer, "issuer", allow_http=allow_http)
        reach = Reach.checked(session, timeout, allow_http)
        return DiscoveredServer(Metadata(issuer, same_issuer, reach))

    @classmethod
    def discover_for(
        cls,
        resource_url: str,
        *,
        issuers: Iterable[str] | None = None,
        session: requests.Session | None = None,
        timeout: Timeout = (5.0, 30.0),
        allow_http: bool = False,
    ) -> AuthorizationServer:
        """The server that a protected resource names, looked up when an endpoint is needed.

        The resource chooses who receives the client's secret: limit whom to trust.

        :param resource_url: str, the protected resource's identifier.
        :param issuers: iterable of str, the issuers that may be chosen. None: any.
        :param session: as for :class:`AuthorizationServer`; it fetches the metadata too.
        :param timeout: likewise.
        :param allow_http: likewise.
        :returns: an :class:`AuthorizationServer`; reading one of its endpoints looks it up.
        :raises ConfigurationError: when a setting is wrong.

        RFC 9728 §3.
        """
        check_url(resource_url, "resource_url", allow_http=allow_http)
        trusted = trusted_issuers(issuers, allow_http=allow_http)
        reach = Reach.checked(session, timeout, allow_http)
        return DiscoveredServer(Metadata(resource_url, IssuerOfResource(trusted), reach))

    def endpoint(self, name: str, *, mutual_tls: bool = False) -> str:
        """The URL of one of the server's endpoints.

        :param name: str, as in RFC 8414 §2: ``token_endpoint``, ``introspection_endpoint`` or
            ``revocation_endpoint``.
        :param mutual_tls: bool, whether the client presents a certificate (RFC 8705 §5).
        :raises ConfigurationError: when it is not known.
        :raises TokenRequestError: when the server's metadata cannot be had.
        """
        alias = (self.mtls_endpoint_aliases or {}).get(name) if mutual_tls else None
        url: str | None = alias or getattr(self, name)
        if url is None:
            raise ConfigurationError(
                f"{name} of {self.given_url} is not known: write AuthorizationServer(..., "
                f"{name}=...), or dataclasses.replace(server, {name}=...)"
            )
        return url

    def check_request(
        self, *, scope: str | None, audience: str | None, resource: Sequence[str], grant_type: str
    ) -> None:
        """Checks what is asked for against what this server is known to want: nothing, here.

        :raises ConfigurationError: when it would be refused.
        """

    def look_up_again(self) -> None:
        """Forgets what was looked up: the next request looks again. Nothing was, here."""

    @property
    def given_url(self) -> str:
        """The URL that it was made with, which names it in messages, without its query."""
        return without_query(self.token_endpoint)

    @property
    def reach(self) -> Reach:
        """``session``, ``timeout`` as a pair, and ``allow_http``."""
        return Reach.checked(self.session, self.timeout, self.allow_http)

    @property
    def key_part(self) -> Hashable:
        """What of it shapes a token: its URL, and what the session adds to each request."""
        return (self.token_endpoint, self.reach.key_part)

    def __repr__(self) -> str:
        return f"AuthorizationServer({self.given_url!r})"


class DiscoveredServer(AuthorizationServer):
    """An authorization server whose metadata says where its endpoints are.

    :param metadata: what looks them up.
    """

    metadata: Metadata

    def __init__(self, metadata: Metadata) -> None:
        session, timeout, allow_http = metadata.reach
        settings = {"session": session, "timeout": timeout, "allow_http": allow_http}
        for name, value in {**settings, "metadata": metadata, "body_format": "form"}.items():
            object.__setattr__(self, name, value)

    @property
    def token_endpoint(self) -> str:
        return self.endpoint("token_endpoint")

    @property
    def issuer(self) -> str | None:
        return self._document.issuer

    @property
    def introspection_endpoint(self) -> str | None:
        return self._document.endpoint("introspection_endpoint")

    @property
    def revocation_endpoint(self) -> str | None:
        return self._document.endpoint("revocation_endpoint")

    @property
    def mtls_endpoint_aliases(self) -> Mapping[str, str] | None:
        return self._document.mtls_endpoint_aliases

    @property
    def auth_methods(self) -> tuple[str, ...]:
        return self._document.auth_methods

    def endpoint(self, name: str, *, mutual_tls: bool = False) -> str:
        url = self._document.endpoint(name, mutual_tls=mutual_tls)
        if url is None:
            raise InvalidTokenResponse(
                f"the metadata of {self.given_url} names no {name}: check that the server has one"
            )
        return url

    def look_up_again(self) -> None:
        self.metadata.forget()

    @property
    def given_url(self) -> str:
        return without_query(self.metadata.url)

    @property
    def key_part(self) -> Hashable:
        return (self.metadata.key_part, self.reach.key_part)

    @property
    def _document(self) -> ServerDocument:
        """Its metadata document, looked up where it is not there yet."""
        return ServerDocument(self.metadata.document(), self.given_url, self.allow_http)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DiscoveredServer) and self._settings == other._settings

    def __hash__(self) -> int:
        return hash(self._settings)

    @property
    def _settings(self) -> tuple[Hashable, ...]:
        return (self.metadata.key_part, *self.metadata.reach)

    def __repr__(self) -> str:
        return f"AuthorizationServer.discover({self.given_url!r})"
