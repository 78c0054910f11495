"""The authorization servers of Auth0, Okta, SAP and other providers, by a domain or a name.

Each function returns an :class:`~requests_cc.AuthorizationServer` with the provider's endpoints and
client authentication methods. Settings that a provider is known to refuse raise a
:class:`~requests_cc.errors.ConfigurationError` when :class:`~requests_cc.ClientCredentials` are
made with it, unless ``strict=False``. For a session, a timeout or a further endpoint use
``dataclasses.replace(server, timeout=3, introspection_endpoint=...)``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from .errors import ConfigurationError
from .server.authorization_server import AuthorizationServer
from .server.provider_table import (
    ADOBE,
    AUTH0,
    COGNITO,
    DATABRICKS,
    DATABRICKS_ACCOUNT,
    ENTRA,
    GOOGLE,
    KEYCLOAK,
    OKTA,
    OKTA_ORG,
    PING,
    SALESFORCE,
    SAP,
    SAP_X509,
    SERVICENOW,
    SNOWFLAKE,
    ZOOM,
    Habits,
    Row,
)
from .server.sap_binding import SapBinding
from .settings import check_bool
from .url import check_url

if TYPE_CHECKING:
    from .protocols import ClientAuthentication

__all__ = [
    "adobe", "auth0", "cognito", "databricks", "entra", "google", "keycloak", "okta", "ping",
    "salesforce", "sap", "servicenow", "snowflake", "zoom",
]  # fmt: skip

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})+"
_REGION = r"[a-z]+(?:-[a-z]+)+-[0-9]+"
_GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ENTRA_ISSUER = "https://{host}/{tenant}/v2.0"
_PING_REGIONS = ("com", "eu", "ca", "asia", r"com\.au", "sg")
_PING_WORDS = '"com", "eu", "ca", "asia", "com.au" or "sg"'
_NO_TENANT = ("common", "organizations", "consumers")


def auth0(domain: str, *, strict: bool = True) -> AuthorizationServer:
    """Return Auth0's server: ``audience=`` or ``resource=`` is required; secrets go into the body.

    :param domain: str, the tenant's domain, such as ``"tenant.eu.auth0.com"``, or a custom one.
    :param strict: bool, whether settings that the provider is known to refuse raise an error.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: if a setting is wrong.
    """
    words = {"domain": _domain(domain, "domain", "tenant.eu.auth0.com")}
    return _server(AUTH0, words, strict=strict)


def okta(
    domain: str, authorization_server: str | None = "default", *, strict: bool = True
) -> AuthorizationServer:
    """Return a server of Okta's; without ``scope=`` it grants its default scopes.

    :param domain: str, such as ``"example.okta.com"``, or a custom domain.
    :param authorization_server: str, the id of a custom authorization server; None: the org
        authorization server, for Okta's own API, which takes ``auth=PrivateKeyJWT(key)`` only.
    :param strict: bool, whether settings that the provider is known to refuse raise an error.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: if a setting is wrong.
    """
    words = {"domain": _domain(domain, "domain", "example.okta.com")}
    if re.fullmatch(r"[^.]+-admin\.okta.*", words["domain"]):
        raise ConfigurationError("domain is the host of Okta's Admin Console: leave out -admin")
    if authorization_server is None:
        return _server(OKTA_ORG, words, strict=strict)
    words["authorization_server"] = _word(
        authorization_server,
        r"[\w-]+",
        'authorization_server must be an id, such as "default" or "aus9o8wzkhckw9TLa0h7", or None',
    )
    return _server(OKTA, words, strict=strict)


def entra(
    tenant: str, *, host: str = "login.microsoftonline.com", strict: bool = True
) -> AuthorizationServer:
    """Return Microsoft Entra ID's server: it requires ``scope="<application ID URI>/.default"``.

    :param tenant: str, the directory (tenant) ID, or one of its domain names.
    :param host: str, another host for a national cloud, such as ``"login.microsoftonline.us"``.
    :param strict: bool, whether settings that the provider is known to refuse raise an error.
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
    # The issuer holds the directory's ID, also where the token endpoint holds a domain.
    row = ENTRA._replace(issuer=_ENTRA_ISSUER) if re.fullmatch(_GUID, words["tenant"]) else ENTRA
    return _server(row, words, strict=strict)


def cognito(domain: str, region: str | None = None, *, strict: bool = True) -> AuthorizationServer:
    """Return a server of AWS Cognito: a scope is ``"<resource server identifier>/<scope>"``.

    :param domain: str, the user pool's domain, such as ``"auth.example.com"``; with ``region``,
        the prefix of an Amazon Cognito domain.
    :param region: str, such as ``"eu-west-1"``. GovCloud has a host of its own (auth-fips).
    :param strict: bool, whether settings that the provider is known to refuse raise an error.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: if a setting is wrong.
    """
    if region is not None:
        prefix = _word(domain, _LABEL, "domain must be only the prefix if region is set")
        region = _word(region, _REGION, 'region must be the name of a region, such as "eu-west-1"')
        host = "auth-fips" if region.startswith("us-gov-") else "auth"
        domain = f"{prefix}.{host}.{region}.amazoncognito.com"
    words = {"domain": _domain(domain, "domain", "auth.example.com", "; or a prefix and region=")}
    if words["domain"].startswith("cognito-idp."):
        raise ConfigurationError(
            "domain is the host of the user pool's issuer, which has no token endpoint: pass the "
            "domain that is set for the pool (App integration → Domain)"
        )
    return _server(COGNITO, words, strict=strict)


def google(*, strict: bool = True) -> AuthorizationServer:
    """Return Google Cloud's server, for :class:`~requests_cc.JWTBearer`, the only grant it has.

    :param strict: bool, whether settings that the provider is known to refuse raise an error.
    :returns: an :class:`AuthorizationServer`.
    """
    return _server(GOOGLE, {}, strict=strict)


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
    check_url(base_url, "base_url", allow_http=allow_http, advice="pass allow_http=True")
    parts = urlsplit(base_url)
    if parts.query or re.search("/(realms|admin)(/|$)", parts.path):
        raise ConfigurationError(
            'base_url must end before /realms/, such as "https://auth.example.com" (before '
            'Keycloak 17 "https://auth.example.com/auth")'
        )
    words = {
        "base_url": base_url.rstrip("/?"),
        "realm": quote(
            _word(realm, "[^\n\ud800-\udfff]+", "realm must be the realm's name"), safe=""
        ),
    }
    return _server(KEYCLOAK, words, allow_http=allow_http)


def sap(binding: Mapping[str, Any]) -> AuthorizationServer:
    """Return SAP's server (XSUAA or Identity Authentication) by a service binding or key.

    ``ClientCredentials(sap(binding), binding["clientid"], binding["clientsecret"])`` sends the
    secret in the body. For a binding of the kind ``x509`` leave the secret out: the certificate and
    the key in the binding are presented, from a file that only this user can read, and that is
    removed when the process ends. A daemon calls this after its last fork.

    :param binding: mapping, its credentials: ``url`` and ``clientid``, in ``credentials`` or
        ``uaa`` too; for ``x509`` also ``certificate``, ``key`` and, if there is one, ``certurl``.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: if it is not such a binding.
    """
    found = SapBinding.of(binding)
    words = {"url": found.url, "path": found.path}
    if found.pem is None:
        return _server(SAP, words)
    from .client_auth.certificate import TLSClientAuth  # noqa: PLC0415 - few bindings have one
    from .client_auth.pem_files import file_of_pem  # noqa: PLC0415 - likewise

    return _server(SAP_X509, words, authentication=TLSClientAuth(file_of_pem(found.pem)))


def salesforce(domain: str, *, strict: bool = True) -> AuthorizationServer:
    """Return the server of a Salesforce org; its tokens have no expiry.

    :param domain: str, the org's My Domain, such as ``"example.my.salesforce.com"``.
    :param strict: bool, whether settings that the provider is known to refuse raise an error.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: if a setting is wrong.
    """
    words = {"domain": _domain(domain, "domain", "example.my.salesforce.com")}
    if strict and words["domain"] in ("login.salesforce.com", "test.salesforce.com"):
        raise ConfigurationError(
            f"domain {words['domain']} has no client credentials flow: pass the org's My Domain, "
            f'such as "example.my.salesforce.com" (Setup, My Domain)'
        )
    return _server(SALESFORCE, words, strict=strict)


def databricks(
    host: str, account: str | None = None, *, strict: bool = True
) -> AuthorizationServer:
    """Return the server of a Databricks workspace or account: ``scope="all-apis"``.

    :param host: str, the workspace's, such as ``"dbc-a1b2345c-d6e7.cloud.databricks.com"``; with
        ``account`` the account console's, such as ``"accounts.cloud.databricks.com"``.
    :param account: str, the account ID.
    :param strict: bool, whether settings that the provider is known to refuse raise an error.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: if a setting is wrong.
    """
    words = {"host": _domain(host, "host", "dbc-a1b2345c-d6e7.cloud.databricks.com")}
    if account is None:
        return _server(DATABRICKS, words, strict=strict)
    words["account"] = _word(account, _GUID, "account must be the account ID, which is a GUID")
    return _server(DATABRICKS_ACCOUNT, words, strict=strict)


def snowflake(account: str) -> AuthorizationServer:
    """Return the server of a Snowflake account.

    Snowflake's own APIs also take a JWT that the client signs: :class:`~requests_cc.SelfSignedJWT`.

    :param account: str, the account identifier, such as ``"myorg-account123"``, or its whole host.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: if a setting is wrong.
    """
    suffix = ".snowflakecomputing.com"
    # "use hyphens in place of underscores", which a host cannot have
    name = account.replace("_", "-") if isinstance(account, str) else account
    whole = name if not isinstance(name, str) or suffix in name.lower() else f"{name}{suffix}"
    domain = _domain(whole, "account", "myorg-account123.snowflakecomputing.com")
    return _server(SNOWFLAKE, {"domain": domain})


def servicenow(instance: str) -> AuthorizationServer:
    """Return the server of a ServiceNow instance; the secret goes into the body.

    :param instance: str, its name, such as ``"dev12345"``, or its host.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: if a setting is wrong.
    """
    is_name = isinstance(instance, str) and re.fullmatch(_LABEL, instance, re.IGNORECASE | re.ASCII)
    whole = f"{instance}.service-now.com" if is_name else instance
    domain = _domain(whole, "instance", "dev12345.service-now.com")
    return _server(SERVICENOW, {"domain": domain})


def zoom(*, strict: bool = True) -> AuthorizationServer:
    """Return Zoom's server, for Server-to-Server OAuth apps.

    They need ``grant_type="account_credentials"`` and ``params={"account_id": "..."}``.

    :param strict: bool, whether settings that the provider is known to refuse raise an error.
    :returns: an :class:`AuthorizationServer`.
    """
    return _server(ZOOM, {}, strict=strict)


def adobe(*, strict: bool = True) -> AuthorizationServer:
    """Return Adobe's server (IMS): ``scope=`` is one text with commas; the secret goes in the body.

    :param strict: bool, whether settings that the provider is known to refuse raise an error.
    :returns: an :class:`AuthorizationServer`.
    """
    return _server(ADOBE, {}, strict=strict)


def ping(environment: str, region: str = "com") -> AuthorizationServer:
    """Return the server of a PingOne environment.

    :param environment: str, the environment's ID.
    :param region: str, the top-level domain of its region: ``"com"`` (North America), ``"eu"``,
        ``"ca"``, ``"asia"``, ``"com.au"`` or ``"sg"``.
    :returns: an :class:`AuthorizationServer`.
    :raises ConfigurationError: if a setting is wrong.
    """
    words = {
        "environment": _word(environment, _GUID, "environment must be its ID, which is a GUID"),
        "region": _word(region, "|".join(_PING_REGIONS), f"region must be {_PING_WORDS}"),
    }
    return _server(PING, words)


def _server(
    row: Row,
    words: Mapping[str, str],
    *,
    strict: bool = True,
    allow_http: bool = False,
    authentication: ClientAuthentication | None = None,
) -> AuthorizationServer:
    def filled(url: str | None) -> str | None:
        return None if url is None else url.format(**words)

    check_bool(strict, "strict")
    rules = row.rules if strict else ()
    return AuthorizationServer(
        row.token_endpoint.format(**words),
        issuer=filled(row.issuer),
        introspection_endpoint=filled(row.introspection_endpoint),
        revocation_endpoint=filled(row.revocation_endpoint),
        auth_methods=row.auth_methods,
        allow_http=allow_http,
        _habits=Habits(row.name, rules, row.assertion_audience, row.page, authentication),
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
