"""The authorization server: its endpoints, and how they are reached (RFC 6749 §3.2, RFC 8414)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import requests

from ..errors import ConfigurationError, InvalidTokenResponse
from ..value import Value
from .metadata import Metadata, checked_names
from .reach import Reach, Timeout

if TYPE_CHECKING:
    from .provider_table import Habits


class _NotGiven:
    """The default of settings that can be replaced with None."""

    def __repr__(self) -> str:
        return "None"  # in the signature: to leave a new server's setting out is to pass None


_NOT_GIVEN: Any = _NotGiven()


class AuthorizationServer(Value):
    """An authorization server and how it is reached.

    :param token_endpoint: str, its absolute http(s) URL, without fragment or userinfo.
    :param issuer: str, its issuer identifier.
    :param introspection_endpoint: str, the URL of its introspection endpoint (RFC 7662).
    :param revocation_endpoint: str, the URL of its revocation endpoint (RFC 7009).
    :param mtls_endpoint_aliases: mapping from an endpoint's name, such as ``"token_endpoint"``, to
        the URL that a client with a certificate uses in its place (RFC 8705 §5).
    :param auth_methods: iterable of str, the client authentication methods that it accepts
        (``token_endpoint_auth_methods_supported``). None: not known.
    :param body_format: ``"form"`` (RFC 6749 §4.4.2), or ``"json"`` for servers that require it.
    :param session: a :class:`requests.Session` for these requests, never the API's: set its
        proxies, ``verify``, ``cert``, headers and adapters as you like. None: a new one for each
        token request, with the environment's proxies and CA bundle. netrc is never used.
    :param timeout: seconds to connect and seconds to wait for each piece of a response, as a pair
        or as one number for both; their sum is the most that one exchange can take.
    :param allow_http: bool, whether plain http beyond loopback is accepted.
    :raises ConfigurationError: if a setting is wrong.

    Frozen; as safe to share between threads as its ``session`` is.
    ``dataclasses.replace(server, timeout=3)`` gives a variation and makes no request, whether the
    server was given, discovered, or comes from :mod:`requests_cc.providers`. RFC 8414 §2.
    """

    body_format: Literal["form", "json"]
    session: requests.Session | None
    timeout: tuple[float, float]
    allow_http: bool
    reach: Reach  # the three above; kept, since each call of an API asks for its stamp
    _metadata: Metadata
    _habits: Habits | None

    @classmethod
    def __setting_names__(cls) -> tuple[str, ...]:
        # Without the members of the metadata: dataclasses.replace reads every setting, and reading
        # one of those may look the metadata up. _metadata has what was given of them.
        return ("body_format", "session", "timeout", "allow_http", "_metadata", "_habits")

    def __init__(  # noqa: PLR0913 - the settings that are documented above
        self,
        token_endpoint: str = _NOT_GIVEN,
        *,
        issuer: str | None = _NOT_GIVEN,
        introspection_endpoint: str | None = _NOT_GIVEN,
        revocation_endpoint: str | None = _NOT_GIVEN,
        mtls_endpoint_aliases: Mapping[str, str] | None = _NOT_GIVEN,
        auth_methods: Iterable[str] | None = _NOT_GIVEN,
        body_format: Literal["form", "json"] = "form",
        session: requests.Session | None = None,
        timeout: Timeout = (5.0, 10.0),
        allow_http: bool = False,
        _metadata: Metadata | None = None,
        _habits: Habits | None = None,
    ) -> None:
        members = {
            "token_endpoint": token_endpoint,
            "issuer": issuer,
            "introspection_endpoint": introspection_endpoint,
            "revocation_endpoint": revocation_endpoint,
            "mtls_endpoint_aliases": mtls_endpoint_aliases,
            "auth_methods": auth_methods,
        }
        given = {name: value for name, value in members.items() if value is not _NOT_GIVEN}
        if body_format not in ("form", "json"):
            raise ConfigurationError('body_format must be "form" or "json"')
        reach = Reach.checked(session, timeout, allow_http)
        metadata = (_metadata or Metadata({})).changed(given, reach)
        self._set(
            session=session,
            timeout=reach.timeout,
            allow_http=allow_http,
            reach=reach,
            body_format=body_format,
            _metadata=metadata,
            _habits=_habits,
        )

    @property
    def token_endpoint(self) -> str:
        """The URL of the token endpoint; reading it looks the metadata up if need be."""
        return self.endpoint("token_endpoint")

    @property
    def issuer(self) -> str | None:
        """The issuer identifier, or None."""
        issuer: str | None = self._metadata.member("issuer")
        return issuer

    @property
    def introspection_endpoint(self) -> str | None:
        """The URL of the introspection endpoint, or None."""
        introspection_endpoint: str | None = self._metadata.member("introspection_endpoint")
        return introspection_endpoint

    @property
    def revocation_endpoint(self) -> str | None:
        """The URL of the revocation endpoint, or None."""
        revocation_endpoint: str | None = self._metadata.member("revocation_endpoint")
        return revocation_endpoint

    @property
    def mtls_endpoint_aliases(self) -> Mapping[str, str] | None:
        """The URLs for clients with a certificate, by the endpoint's name, or None."""
        mtls_endpoint_aliases: Mapping[str, str] | None = self._metadata.member(
            "mtls_endpoint_aliases"
        )
        return mtls_endpoint_aliases

    @property
    def auth_methods(self) -> Iterable[str] | None:
        """The client authentication methods that it accepts; None: not known."""
        auth_methods: Iterable[str] | None = self._metadata.member("auth_methods")
        return auth_methods

    @classmethod
    def discover(
        cls,
        issuer: str,
        *,
        url: str | None = None,
        session: requests.Session | None = None,
        timeout: Timeout = (5.0, 10.0),
        allow_http: bool = False,
    ) -> AuthorizationServer:
        """Return a server whose metadata says where its endpoints are.

        The metadata is looked up once, when an endpoint is first needed.

        :param issuer: str, the server's issuer identifier, or the URL of its metadata document.
        :param url: str, the URL of the document, if it is read under another name, such as an
            internal one; its ``issuer`` must be ``issuer``. None: it follows from the issuer.
        :param session: as for :class:`AuthorizationServer`; it fetches the metadata too.
        :param timeout: as for :class:`AuthorizationServer`.
        :param allow_http: as for :class:`AuthorizationServer`.
        :returns: an :class:`AuthorizationServer`. Reading one of its endpoints looks the metadata
            up; ``dataclasses.replace(server, introspection_endpoint=...)`` sets one that the
            metadata lacks.
        :raises ConfigurationError: if a setting is wrong.

        RFC 8414 §3, OpenID Connect Discovery 1.0 §4.
        """
        from .discovery import Discovery, SameIssuer  # noqa: PLC0415 - optional

        reach = Reach.checked(session, timeout, allow_http)
        metadata = Metadata({}, Discovery(issuer, SameIssuer(url), reach))
        return cls(session=session, timeout=timeout, allow_http=allow_http, _metadata=metadata)

    @classmethod
    def discover_for(
        cls,
        resource_url: str,
        *,
        issuers: Iterable[str],
        metadata_url: str | None = None,
        session: requests.Session | None = None,
        timeout: Timeout = (5.0, 10.0),
        allow_http: bool = False,
    ) -> AuthorizationServer:
        """Return the server that a protected resource names in its own metadata.

        Both documents are looked up once, when an endpoint is first needed, without anything that
        the session holds for the server: headers, parameters, cookies, certificate.

        :param resource_url: str, the protected resource's identifier.
        :param issuers: iterable of str, the issuers that may be chosen: the resource's metadata
            chooses who receives the client's secret.
        :param metadata_url: str, the URL of the resource's document, such as ``resource_metadata``
            in its challenge names. None: it follows from ``resource_url``, or is at the root.
        :param session: as for :class:`AuthorizationServer`; its adapters, proxies and ``verify``
            fetch the metadata too.
        :param timeout: as for :class:`AuthorizationServer`.
        :param allow_http: as for :class:`AuthorizationServer`.
        :returns: an :class:`AuthorizationServer`, as :meth:`discover` does.
        :raises ConfigurationError: if a setting is wrong.

        RFC 9728 §3.
        """
        from .discovery import Discovery, IssuerOfResource  # noqa: PLC0415 - optional

        trusted = checked_names(issuers, "issuers") if issuers is not None else None
        if trusted is None:
            raise ConfigurationError("issuers is missing: pass the issuers that you trust")
        find_issuer = IssuerOfResource(trusted, metadata_url)
        reach = Reach.checked(session, timeout, allow_http)
        metadata = Metadata({}, Discovery(resource_url, find_issuer, reach))
        return cls(session=session, timeout=timeout, allow_http=allow_http, _metadata=metadata)

    def endpoint(self, name: str, *, mutual_tls: bool = False) -> str:
        """Return the URL of one of the server's endpoints.

        :param name: str, as in RFC 8414 §2: ``token_endpoint``, ``introspection_endpoint`` or
            ``revocation_endpoint``.
        :param mutual_tls: bool, whether the client presents a certificate (RFC 8705 §5).
        :raises ConfigurationError: if it is not known.
        :raises TokenRequestError: if the server's metadata cannot be fetched, or names no such
            endpoint.
        """
        url = self._metadata.endpoint(name, mutual_tls=mutual_tls)
        if url is not None:
            return url
        discovery = self._metadata.discovery
        if discovery is None or self.knows(name):
            raise ConfigurationError(
                f"{name} of {self.given_url} is not known: pass AuthorizationServer(..., "
                f"{name}=...), or use dataclasses.replace(server, {name}=...)"
            )
        raise InvalidTokenResponse(
            f"the metadata of {discovery.shown_url} names no {name}: check that the server has "
            f"one, or use dataclasses.replace(server, {name}=...)"
        )

    def names(self, endpoint: str) -> bool:
        """Return whether the server has an endpoint.

        :param endpoint: str, its name, as in RFC 8414 §2.
        :raises TokenRequestError: if the server's metadata cannot be fetched.
        """
        return self._metadata.endpoint(endpoint) is not None

    def auth_methods_of(self, endpoint: str) -> Iterable[str] | None:
        """Return the client authentication methods that an endpoint accepts; None: not known.

        :param endpoint: str, its name, as in RFC 8414 §2.
        :raises TokenRequestError: if the server's metadata cannot be fetched.
        """
        if endpoint == "token_endpoint" or self.knows("auth_methods"):
            return self.auth_methods
        methods: Iterable[str] = self._metadata.member(f"{endpoint}_auth_methods_supported")
        return methods

    def knows(self, name: str) -> bool:
        """Return whether reading a member of the metadata makes no request.

        :param name: str, the name of the attribute.
        """
        return self._metadata.is_known(name)

    def look_up_again(self) -> None:
        """Discard the metadata that was looked up, if any: the next request looks it up again."""
        if self._metadata.discovery is not None:
            self._metadata.discovery.forget()

    @property
    def assertion_algorithms(self) -> tuple[str, ...] | None:
        """The algorithms that the server accepts in client assertions, or None if not known.

        :raises TokenRequestError: if the server's metadata cannot be fetched.
        """
        algorithms: tuple[str, ...] | None = self._metadata.member("assertion_algorithms")
        return algorithms

    @property
    def habits(self) -> Habits | None:
        """The settings that the provider is known to refuse, or None."""
        return self._habits

    @property
    def given_url(self) -> str:
        """The URL that stands for the server in messages, without its query."""
        return self._metadata.url

    @property
    def key_part(self) -> Hashable:
        """The part of a cache key: the server's URL, and what the session adds to each request."""
        return (self._metadata.key_part, self.reach.key_part)

    def __repr__(self) -> str:
        discovery = self._metadata.discovery
        if discovery is None:
            return f"AuthorizationServer({self.given_url!r})"
        return f"AuthorizationServer.{discovery.made_by}({discovery.shown_url!r})"
