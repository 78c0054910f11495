"""OAuth 2.0 client credentials for requests: mount one adapter, and never think about tokens.

Each name is imported from its room when it is first used, so that ``import requests_cc`` costs
little.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import providers
    from .access_token import AccessToken
    from .adapter import ClientCredentialsAdapter, mount
    from .authorization_server import AuthorizationServer
    from .cache import TokenCache, default_cache, set_default_cache
    from .client_assertion import AssertionFile, ClientSecretJWT, PrivateKeyJWT
    from .client_auth import ClientSecretBasic, ClientSecretPost
    from .client_credentials import ClientCredentials
    from .dpop import DPoPKey
    from .errors import (
        ClientCredentialsError,
        ConfigurationError,
        InvalidClient,
        InvalidGrant,
        InvalidRequest,
        InvalidScope,
        InvalidTarget,
        InvalidTokenResponse,
        OAuthError,
        ServerError,
        TemporarilyUnavailable,
        TokenEndpointTimeout,
        TokenEndpointUnreachable,
        TokenRequestError,
        TokenStoreError,
        UnauthorizedClient,
        UnsupportedGrantType,
    )
    from .introspection import Introspection
    from .journal import CacheStats
    from .jwt_bearer import JWTBearer
    from .mutual_tls import TLSClientAuth
    from .origin_router import OriginRouter
    from .protocols import TokenSource, TokenStore
    from .stores.file import FileTokenStore
    from .stores.redis import RedisTokenStore

__all__ = [
    "AccessToken",
    "AssertionFile",
    "AuthorizationServer",
    "CacheStats",
    "ClientCredentials",
    "ClientCredentialsAdapter",
    "ClientCredentialsError",
    "ClientSecretBasic",
    "ClientSecretJWT",
    "ClientSecretPost",
    "ConfigurationError",
    "DPoPKey",
    "FileTokenStore",
    "Introspection",
    "InvalidClient",
    "InvalidGrant",
    "InvalidRequest",
    "InvalidScope",
    "InvalidTarget",
    "InvalidTokenResponse",
    "JWTBearer",
    "OAuthError",
    "OriginRouter",
    "PrivateKeyJWT",
    "RedisTokenStore",
    "ServerError",
    "TLSClientAuth",
    "TemporarilyUnavailable",
    "TokenCache",
    "TokenEndpointTimeout",
    "TokenEndpointUnreachable",
    "TokenRequestError",
    "TokenSource",
    "TokenStore",
    "TokenStoreError",
    "UnauthorizedClient",
    "UnsupportedGrantType",
    "default_cache",
    "mount",
    "providers",
    "set_default_cache",
]

__version__ = "0.1.0"

_ROOMS = {
    "AccessToken": "access_token",
    "AssertionFile": "client_assertion",
    "AuthorizationServer": "authorization_server",
    "CacheStats": "journal",
    "ClientCredentials": "client_credentials",
    "ClientCredentialsAdapter": "adapter",
    "ClientCredentialsError": "errors",
    "ClientSecretBasic": "client_auth",
    "ClientSecretJWT": "client_assertion",
    "ClientSecretPost": "client_auth",
    "ConfigurationError": "errors",
    "DPoPKey": "dpop",
    "FileTokenStore": "stores.file",
    "Introspection": "introspection",
    "InvalidClient": "errors",
    "InvalidGrant": "errors",
    "InvalidRequest": "errors",
    "InvalidScope": "errors",
    "InvalidTarget": "errors",
    "InvalidTokenResponse": "errors",
    "JWTBearer": "jwt_bearer",
    "OAuthError": "errors",
    "OriginRouter": "origin_router",
    "PrivateKeyJWT": "client_assertion",
    "RedisTokenStore": "stores.redis",
    "ServerError": "errors",
    "TLSClientAuth": "mutual_tls",
    "TemporarilyUnavailable": "errors",
    "TokenCache": "cache",
    "TokenEndpointTimeout": "errors",
    "TokenEndpointUnreachable": "errors",
    "TokenRequestError": "errors",
    "TokenSource": "protocols",
    "TokenStore": "protocols",
    "TokenStoreError": "errors",
    "UnauthorizedClient": "errors",
    "UnsupportedGrantType": "errors",
    "default_cache": "cache",
    "mount": "adapter",
    "set_default_cache": "cache",
}


def __getattr__(name: str) -> object:
    if name == "providers":
        return import_module(f".{name}", __name__)
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{_ROOMS[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
