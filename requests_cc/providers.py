"""Auth0, Okta, Microsoft Entra ID, AWS Cognito, Google Cloud and Keycloak, by a domain or a name.

Each function returns an :class:`~requests_cc.AuthorizationServer` with the provider's endpoints and
client authentication methods. Settings that a provider is known to refuse raise a
:class:`~requests_cc.ConfigurationError` when :class:`~requests_cc.ClientCredentials` are made with
it. For a session, a timeout or a further endpoint use
``dataclasses.replace(server, timeout=3, introspection_endpoint=...)``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

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
    Habits,
    Row,
)
from .url import check_url

__all__ = ["auth0", "cognito", "entra", "google", "keycloak", "okta"]

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})+"
_REGION = r"[a-z]+(?:-[a-z]+)+-[0-9]+"
_NO_TENANT = ("common", "organizations", "consumers")


def auth0(domain: str) -> AuthorizationServer:
    """Return Auth0's server: ``audience=`` is required; the secret goes into the body.

    :param domain: str, the tenant's domain, such as ``"tenant.eu.auth0.com"``, or a custom one.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: if a setting is wrong.
    """
    words = {"domain": _domain(domain, "domain", "tenant.eu.auth0.com")}
    return _server(AUTH0, words)


def okta(domain: str, authorization_server: str | None = "default") -> AuthorizationServer:
    """Return a server of Okta's: ``scope=`` is required.

    :param domain: str, such as ``"example.okta.com"``, or a custom domain.
    :param authorization_server: str, the id of a custom authorization server; None: the org
        authorization server, for Okta's own API, which takes ``auth=PrivateKeyJWT(key)`` only.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: if a setting is wrong.
    """
    words = {"domain": _domain(domain, "domain", "example.okta.com")}
    if re.fullmatch(r"[^.]+-admin\.okta.*", words["domain"]):
        raise ConfigurationError("domain is the host of Okta's Admin Console: leave out -admin")
    if authorization_server is None:
        return _server(OKTA_ORG, words)
    words["authorization_server"] = _word(
        authorization_server,
        r"[\w-]+",
        'authorization_server must be an id, such as "default" or "aus9o8wzkhckw9TLa0h7", or None',
    )
    return _server(OKTA, words)


def entra(tenant: str, *, host: str = "login.microsoftonline.com") -> AuthorizationServer:
    """Return Microsoft Entra ID's server: it requires ``scope="<application ID URI>/.default"``.

    :param tenant: str, the directory (tenant) ID, or one of its domain names.
    :param host: str, another host for a national cloud, such as ``"login.microsoftonline.us"``.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: if a setting is wrong.
    """
    advice = 'tenant must be the directory (tenant) ID, or a domain like "contoso.onmicrosoft.com"'
    words = {
        "tenant": _word(tenant, r"[\w.-]+", advice),
        "host": _domain(host, "host", "login.microsoftonline.com"),
    }
    if words["tenant"].lower() in _NO_TENANT:
        raise ConfigurationError(
            f"{advice}: {tenant!r} is for users of any directory, and a client belongs to one"
        )
    return _server(ENTRA, words)


def cognito(domain: str, region: str | None = None) -> AuthorizationServer:
    """Return a server of AWS Cognito: a scope is ``"<resource server identifier>/<scope>"``.

    :param domain: str, the user pool's domain, such as ``"auth.example.com"``; with ``region``,
        the prefix of an Amazon Cognito domain.
    :param region: str, such as ``"eu-west-1"``.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: if a setting is wrong.
    """
    if region is not None:
        prefix = _word(domain, _LABEL, "domain must be only the prefix if region is set")
        region = _word(region, _REGION, 'region must be the name of a region, such as "eu-west-1"')
        domain = f"{prefix}.auth.{region}.amazoncognito.com"
    words = {"domain": _domain(domain, "domain", "auth.example.com", "; or a prefix and region=")}
    if words["domain"].startswith("cognito-idp."):
        raise ConfigurationError(
            "domain is the host of the user pool's issuer, which has no token endpoint: pass the "
            "domain that is set for the pool (App integration → Domain)"
        )
    return _server(COGNITO, words)


def google() -> AuthorizationServer:
    """Return Google Cloud's server, for :class:`~requests_cc.JWTBearer`, the only grant it has.

    :returns: an :class:`AuthorizationServer`.
    """
    return _server(GOOGLE, {})


def keycloak(base_url: str, realm: str, *, allow_http: bool = False) -> AuthorizationServer:
    """Return the server of a Keycloak realm.

    :param base_url: str, the URL before ``/realms/``; it ends in ``/auth`` before Keycloak 17, and
        if the relative path is set so.
    :param realm: str, the realm's name.
    :param allow_http: bool, whether ``base_url`` may use plain http beyond loopback, as in a
        cluster.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: if a setting is wrong.
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
    return _server(KEYCLOAK, words, allow_http=allow_http)


def _server(row: Row, words: Mapping[str, str], *, allow_http: bool = False) -> AuthorizationServer:
    def filled(url: str | None) -> str | None:
        return None if url is None else url.format(**words)

    return AuthorizationServer(
        row.token_endpoint.format(**words),
        issuer=filled(row.issuer),
        introspection_endpoint=filled(row.introspection_endpoint),
        revocation_endpoint=filled(row.revocation_endpoint),
        auth_methods=row.auth_methods,
        allow_http=allow_http,
        _habits=Habits(row.name, row.rules, row.assertion_audience),
    )


def _domain(value: object, setting: str, example: str, otherwise: str = "") -> str:
    """Return a domain name in lower case; people copy it with https:// or a slash around it."""
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
