"""Auth0, Okta, Microsoft Entra ID, AWS Cognito, Google Cloud, Keycloak, by the few words one has.

Each function gives an :class:`~requests_cc.AuthorizationServer` with the provider's endpoints and
its way of client authentication. What a provider is known to refuse is refused before anything is
sent, when :class:`~requests_cc.ClientCredentials` are made with it. What they differ in is data, in
:mod:`requests_cc.provider_table`; a further endpoint is added with
``dataclasses.replace(server, introspection_endpoint=...)``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import requests

from .errors import ConfigurationError
from .server.authorization_server import AuthorizationServer
from .server.provider_table import (
    AUTH0,
    COGNITO,
    ENTRA,
    GOOGLE,
    KEYCLOAK,
    OKTA,
    OKTA_ORG,
    Provider,
    Row,
)
from .server.settings import Timeout
from .url import check_url

__all__ = ["auth0", "cognito", "entra", "google", "keycloak", "okta"]

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})+"
_REGION = r"[a-z]+(?:-[a-z]+)+-[0-9]+"
_NO_TENANT = ("common", "organizations", "consumers")


def auth0(
    domain: str,
    *,
    session: requests.Session | None = None,
    timeout: Timeout = (5.0, 30.0),
    allow_http: bool = False,
) -> AuthorizationServer:
    """Auth0: ``ClientCredentials`` need ``audience=``; the secret goes into the body.

    :param domain: str, the tenant's, such as ``"tenant.eu.auth0.com"``, or a custom domain.
    :param session: with ``timeout`` and ``allow_http``: as for an :class:`AuthorizationServer`.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: when a setting is wrong.
    """
    words = {"domain": _domain(domain, "domain", "tenant.eu.auth0.com")}
    return _server(AUTH0, words, session, timeout, allow_http=allow_http)


def okta(
    domain: str,
    authorization_server: str | None = "default",
    *,
    session: requests.Session | None = None,
    timeout: Timeout = (5.0, 30.0),
    allow_http: bool = False,
) -> AuthorizationServer:
    """Okta: ``ClientCredentials`` need ``scope=``.

    :param domain: str, such as ``"example.okta.com"``, or a custom domain.
    :param authorization_server: str, the id of a custom authorization server; None: the org
        authorization server, for Okta's own API, which takes ``auth=PrivateKeyJWT(key)`` only.
    :param session: with ``timeout`` and ``allow_http``: as for an :class:`AuthorizationServer`.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: when a setting is wrong.
    """
    words = {"domain": _domain(domain, "domain", "example.okta.com")}
    if re.fullmatch(r"[^.]+-admin\.okta.*", words["domain"]):
        raise ConfigurationError("domain is that of Okta's Admin Console: leave out -admin")
    if authorization_server is None:
        return _server(OKTA_ORG, words, session, timeout, allow_http=allow_http)
    words["authorization_server"] = _word(
        authorization_server,
        r"[\w-]+",
        'authorization_server must be the id of one, such as "default" or "aus9o8wzkhckw9TLa0h7", '
        "or None",
    )
    return _server(OKTA, words, session, timeout, allow_http=allow_http)


def entra(
    tenant: str,
    *,
    host: str = "login.microsoftonline.com",
    session: requests.Session | None = None,
    timeout: Timeout = (5.0, 30.0),
    allow_http: bool = False,
) -> AuthorizationServer:
    """Microsoft Entra ID: ``ClientCredentials`` need ``scope="<application ID URI>/.default"``.

    :param tenant: str, the directory (tenant) ID, or one of its domain names.
    :param host: str, another for a national cloud, such as ``"login.microsoftonline.us"``.
    :param session: with ``timeout`` and ``allow_http``: as for an :class:`AuthorizationServer`.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: when a setting is wrong.
    """
    advice = 'tenant must be the directory (tenant) ID, or a domain like "contoso.onmicrosoft.com"'
    words = {
        "tenant": _word(tenant, r"[\w.-]+", advice),
        "host": _domain(host, "host", "login.microsoftonline.com"),
    }
    if words["tenant"].lower() in _NO_TENANT:
        raise ConfigurationError(
            f"{advice}: a client signs in to one directory, and {tenant!r} is for users of any"
        )
    return _server(ENTRA, words, session, timeout, allow_http=allow_http)


def cognito(
    domain: str,
    region: str | None = None,
    *,
    session: requests.Session | None = None,
    timeout: Timeout = (5.0, 30.0),
    allow_http: bool = False,
) -> AuthorizationServer:
    """AWS Cognito: a scope is ``"<resource server identifier>/<scope>"``.

    :param domain: str, the user pool's domain, such as ``"auth.example.com"``; with ``region``,
        the prefix of a domain of Cognito's own.
    :param region: str, such as ``"eu-west-1"``.
    :param session: with ``timeout`` and ``allow_http``: as for an :class:`AuthorizationServer`.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: when a setting is wrong.
    """
    if region is not None:
        prefix = _word(domain, _LABEL, "domain must be the prefix alone where there is a region")
        region = _word(region, _REGION, 'region must be the name of one, such as "eu-west-1"')
        domain = f"{prefix}.auth.{region}.amazoncognito.com"
    words = {"domain": _domain(domain, "domain", "auth.example.com", "; or a prefix and region=")}
    if words["domain"].startswith("cognito-idp."):
        raise ConfigurationError(
            "domain is the host of the user pool's issuer, which has no token endpoint: write the "
            "domain that is set for the pool (App integration → Domain)"
        )
    return _server(COGNITO, words, session, timeout, allow_http=allow_http)


def google(
    *,
    session: requests.Session | None = None,
    timeout: Timeout = (5.0, 30.0),
    allow_http: bool = False,
) -> AuthorizationServer:
    """Google Cloud, for :class:`~requests_cc.JWTBearer`: it knows no client credentials.

    :param session: with ``timeout`` and ``allow_http``: as for an :class:`AuthorizationServer`.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: when a setting is wrong.
    """
    return _server(GOOGLE, {}, session, timeout, allow_http=allow_http)


def keycloak(
    base_url: str,
    realm: str,
    *,
    session: requests.Session | None = None,
    timeout: Timeout = (5.0, 30.0),
    allow_http: bool = False,
) -> AuthorizationServer:
    """Keycloak.

    :param base_url: str, the URL before ``/realms/``: before Keycloak 17, and where the relative
        path is set so, it ends in ``/auth``.
    :param realm: str, the realm's name.
    :param session: with ``timeout`` and ``allow_http``: as for an :class:`AuthorizationServer`.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: when a setting is wrong.
    """
    check_url(base_url, "base_url", allow_http=allow_http)
    parts = urlsplit(base_url)
    if parts.query or re.search("/(realms|admin)(/|$)", parts.path):
        raise ConfigurationError(
            'base_url must end before /realms/, such as "https://auth.example.com" (before '
            'Keycloak 17 "https://auth.example.com/auth")'
        )
    words = {
        "base_url": base_url.rstrip("/?"),
        "realm": quote(_word(realm, ".+", "realm must be the realm's name"), safe=""),
    }
    return _server(KEYCLOAK, words, session, timeout, allow_http=allow_http)


def _server(
    row: Row,
    words: Mapping[str, str],
    session: requests.Session | None,
    timeout: Timeout,
    *,
    allow_http: bool,
) -> AuthorizationServer:
    def filled(url: str | None) -> str | None:
        return None if url is None else url.format(**words)

    return Provider(
        row.token_endpoint.format(**words),
        issuer=filled(row.issuer),
        introspection_endpoint=filled(row.introspection_endpoint),
        revocation_endpoint=filled(row.revocation_endpoint),
        auth_methods=row.auth_methods,
        session=session,
        timeout=timeout,
        allow_http=allow_http,
        name=row.name,
        rules=row.rules,
    )


def _domain(value: object, setting: str, example: str, otherwise: str = "") -> str:
    """A domain name, from what people copy: with https:// before it, or a slash after it."""
    # Without re.ASCII, and with re.IGNORECASE, U+017F is an "s".
    match = isinstance(value, str) and re.fullmatch(
        rf"(?:https://)?(?P<domain>{_DOMAIN})/?", value, re.IGNORECASE | re.ASCII
    )
    if not match:
        raise ConfigurationError(
            f'{setting} must be a domain name, such as "{example}", without a path or a port'
            f"{otherwise}"
        )
    return match["domain"].lower()


def _word(value: object, wanted: str, advice: str) -> str:
    if not isinstance(value, str) or re.fullmatch(wanted, value, re.ASCII) is None:
        raise ConfigurationError(advice)
    return value
