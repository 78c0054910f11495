"""Identities that a platform hands out: managed identities, metadata servers, apps.

Each function returns a source of tokens, which is data over :class:`~requests_cc.TokenRequest` and
:class:`~requests_cc.SelfSignedJWT`; beside it stands the page that documents the request.

Metadata addresses are reached without a proxy. Plain http is accepted for a loopback or link-local
address, and for nothing else.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import requests

from .access_token import AccessToken
from .client_auth.private_key import PrivateKey
from .credentials.arc_challenge import ARC_CHALLENGE
from .credentials.authenticated_request import AuthenticatedRequest
from .credentials.parameters import scope_text
from .credentials.self_signed import SelfSignedJWT
from .credentials.token_request import TokenRequest
from .credentials.tracebacks import entry_point, guarded_constructor
from .errors import ConfigurationError, TokenRequestError
from .settings import optional_text, required_text
from .url import Origin, check_url

__all__ = ["azure_managed_identity", "gcp_metadata", "github_app"]

METADATA = "http://169.254.169.254"  # of Azure and of Google Cloud; link-local (RFC 3927)
METADATA_TIMEOUT = (2.0, 8.0)  # seconds; the address is a hop away, or not there at all
_GOOGLES_NAMES = ("metadata.google.internal", "metadata")


@guarded_constructor
@dataclass(frozen=True, repr=False, eq=False)
class PlatformToken(TokenRequest):
    """A token request whose platform is known.

    :param advice: str, what to check if there is no token.
    :param resource_servers: tuple of str: the URLs among them are an adapter's origins.
    :param busy: tuple of int, the statuses that mean that a retry may help, beside 429 and 5xx.
    """

    advice: str = field(default="", kw_only=True)
    resource_servers: tuple[str, ...] = field(default=(), kw_only=True)
    busy: tuple[int, ...] = field(default=(), kw_only=True)

    @entry_point
    def request_token(self) -> AccessToken:
        """Make one token request; nothing is cached.

        :returns: a new :class:`AccessToken`.
        :raises TokenRequestError: if no token can be obtained; the message says what to check.
        """
        try:
            return super().request_token()
        except TokenRequestError as error:
            failed = error
        failed.args = (f"{failed.args[0]}; {self.advice}",)
        raise failed

    @cached_property
    def cache_key(self) -> Hashable:  # its session never changes
        """Equal only for requests whose tokens may be used in place of each other."""
        return self._key()

    def _request_of(self, method: str) -> AuthenticatedRequest:
        request = super()._request_of(method)
        request.busy = self.busy
        return request


def azure_managed_identity(resource: str, client_id: str | None = None) -> TokenRequest:
    """Return the managed identity of the Azure resource that this code runs on.

    :param resource: str, the API's application ID URI or GUID, such as
        ``"https://management.azure.com/"``; if it is a URL, also an adapter's origin.
    :param client_id: str, the client id of a user-assigned identity; None: the system-assigned one.
    :returns: a source of tokens.
    :raises ConfigurationError: if a setting is wrong, or a variable names another kind of address.

    App Service, Functions and Container Apps are known by the variables ``IDENTITY_ENDPOINT`` and
    ``IDENTITY_HEADER``, Arc by ``IDENTITY_ENDPOINT`` and ``IMDS_ENDPOINT``; without them it is the
    metadata service of a virtual machine. They are read when this function is called.
    """
    required_text(resource, "resource")
    if resource.endswith("/.default"):
        without = resource.removesuffix(".default")
        raise ConfigurationError(f"resource is a scope; pass {without!r}, without .default")
    optional_text(client_id, "client_id")
    if os.environ.get("IDENTITY_SERVER_THUMBPRINT"):
        raise ConfigurationError("Service Fabric is not supported; use a TokenRequest of your own")
    endpoint = os.environ.get("IDENTITY_ENDPOINT")
    header = os.environ.get("IDENTITY_HEADER")
    if endpoint and header:
        return _app_service(endpoint, header, resource, client_id)
    if endpoint and os.environ.get("IMDS_ENDPOINT"):
        return _arc(endpoint, resource, client_id)
    return _imds(resource, client_id)


def _app_service(endpoint: str, header: str, resource: str, client_id: str | None) -> TokenRequest:
    # https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
    # https://learn.microsoft.com/azure/container-apps/managed-identity#rest-endpoint-reference
    query = {"resource": resource, "api-version": "2019-08-01"}
    return _metadata(
        _checked(endpoint, "IDENTITY_ENDPOINT"),
        query if client_id is None else {**query, "client_id": client_id},
        {"X-IDENTITY-HEADER": header},
        advice="check that the app has a managed identity, and its client_id",
        expires="expires_on",
        resource_servers=(resource,),
    )


def _arc(endpoint: str, resource: str, client_id: str | None) -> TokenRequest:
    # https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication
    if client_id is not None:
        raise ConfigurationError(
            "client_id: Azure Arc has system-assigned identities only; omit it"
        )
    return _metadata(
        _checked(endpoint, "IDENTITY_ENDPOINT"),
        {"api-version": "2020-06-01", "resource": resource},
        {"Metadata": "true"},
        auth=ARC_CHALLENGE,
        advice="check that the Azure Connected Machine agent runs and is connected",
        expires="expires_on",
        resource_servers=(resource,),
    )


def _imds(resource: str, client_id: str | None) -> TokenRequest:
    # https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
    host = os.environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST") or METADATA
    query = {"api-version": "2018-02-01", "resource": resource}
    return _metadata(
        _checked(host, "AZURE_POD_IDENTITY_AUTHORITY_HOST") + "/metadata/identity/oauth2/token",
        query if client_id is None else {**query, "client_id": client_id},
        {"Metadata": "true"},
        advice="check that this is an Azure machine with a managed identity, and its client_id",
        expires="expires_on",
        resource_servers=(resource,),
        busy=(404, 410),  # the service is updated: "Error handling" on that page
    )


def gcp_metadata(
    scopes: str | Iterable[str] | None = None, audience: str | None = None
) -> TokenRequest:
    """Return the service account of the Google Cloud resource that this code runs on.

    :param scopes: str or iterable of str, the scopes of an access token; None: the account's.
    :param audience: str, in their place: the audience of an ID token, such as the URL of a Cloud
        Run service; if it is a URL, also an adapter's origin.
    :returns: a source of tokens.
    :raises ConfigurationError: if a setting is wrong, or ``GCE_METADATA_HOST`` names another kind
        of address.
    """
    # https://cloud.google.com/compute/docs/access/authenticate-workloads#applications
    # https://cloud.google.com/compute/docs/instances/verifying-instance-identity#request_signature
    words = scope_text(scopes)
    optional_text(audience, "audience")
    if words is not None and audience is not None:
        raise ConfigurationError("scopes and audience exclude each other: an ID token has no scope")
    host = os.environ.get("GCE_METADATA_HOST")
    given = METADATA if not host or host in _GOOGLES_NAMES else f"http://{host}"
    account = (
        _checked(given, "GCE_METADATA_HOST")
        + "/computeMetadata/v1/instance/service-accounts/default/"
    )
    settings: dict[str, Any] = {
        "headers": {"Metadata-Flavor": "Google"},
        "advice": "check that this machine runs on Google Cloud and has a service account",
    }
    if audience is None:
        query = {} if words is None else {"scopes": words.replace(" ", ",")}
        return _metadata(f"{account}token", query, **settings)
    of_id_token: dict[str, Any] = {"token": None, "expires": None, "resource_servers": (audience,)}
    return _metadata(f"{account}identity", {"audience": audience}, **settings, **of_id_token)


def github_app(
    client_id: str,
    key: PrivateKey,
    installation: int | str,
    *,
    api_url: str = "https://api.github.com",
    permissions: Mapping[str, str] | None = None,
    repositories: Iterable[str | int] | None = None,
) -> TokenRequest:
    """Return an installation of a GitHub App.

    :param client_id: str, the app's client id.
    :param key: the app's private key, as for :class:`~requests_cc.PrivateKeyJWT`.
    :param installation: int, the installation's id.
    :param api_url: str; another one for GitHub Enterprise Server, such as
        ``"https://github.example.com/api/v3"``. It is an adapter's origin.
    :param permissions: mapping, such as ``{"contents": "read"}``; None: all that the app has.
    :param repositories: iterable of names or ids; None: all that the installation has.
    :returns: a source of tokens.
    :raises ConfigurationError: if a setting is wrong, or the extra ``jwt`` is missing.
    """
    # https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
    # https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app
    required_text(client_id, "client_id")
    if not str(installation).isascii() or not str(installation).isdigit():
        raise ConfigurationError("installation must be the installation's id, an int")
    check_url(api_url, "api_url", allow_http=False)
    return PlatformToken(
        f"{api_url.rstrip('/')}/app/installations/{installation}/access_tokens",
        auth=SelfSignedJWT(key, issuer=client_id, alg="RS256", lifetime=600),  # ten minutes at most
        headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
        json=_limits(permissions, repositories) or None,
        token="token",  # noqa: S106 - the name of a member
        expires="expires_at",
        advice="check client_id, key and installation, and this machine's clock",
        resource_servers=(api_url,),
    )


def _limits(
    permissions: Mapping[str, str] | None, repositories: Iterable[str | int] | None
) -> dict[str, Any]:
    """Return what limits an app's token; GitHub takes an empty limit for none at all.

    :raises ConfigurationError: if a limit is empty, or of another type.
    """
    limits: dict[str, Any] = {}
    if permissions is not None:
        if not isinstance(permissions, Mapping) or not permissions:
            raise ConfigurationError(
                'permissions must be a mapping such as {"contents": "read"}; None: all of the app'
            )
        limits["permissions"] = permissions
    if repositories is not None:
        is_list = isinstance(repositories, Iterable) and not isinstance(repositories, (str, bytes))
        named = list(repositories) if is_list else []
        if not named:
            raise ConfigurationError(
                'repositories must be names or ids, such as ["Hello-World"]; None: all of them'
            )
        names = [each for each in named if not isinstance(each, int)]
        ids = [each for each in named if isinstance(each, int)]
        limits.update({"repositories": names} if names else {})
        limits.update({"repository_ids": ids} if ids else {})
    return limits


def _metadata(
    url: str, query: Mapping[str, str], headers: Mapping[str, str], **settings: Any
) -> TokenRequest:
    session = requests.Session()
    session.trust_env = False  # a proxy would be asked for its own metadata
    return PlatformToken(
        url,
        method="GET",
        query=query,
        headers=headers,
        session=session,
        timeout=METADATA_TIMEOUT,
        allow_http=True,  # _checked has seen the address
        **settings,
    )


def _checked(url: str, variable: str) -> str:
    """Return the URL of a metadata service, which is at a loopback or link-local address.

    :raises ConfigurationError: if it is plain http to another address.
    """
    check_url(url, variable, allow_http=True)
    origin = Origin.from_url(url)
    if origin.scheme == "http" and not (origin.is_loopback or _is_link_local(origin.host)):
        raise ConfigurationError(
            f"{variable} is {origin}: plain http is for the metadata service of this machine, at "
            f"a loopback or link-local address; unset it, or use https://"
        )
    return url.rstrip("/") if variable != "IDENTITY_ENDPOINT" else url


def _is_link_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False
