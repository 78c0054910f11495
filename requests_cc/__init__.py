"""OAuth 2.0 client credentials for requests: mount one adapter, and never think about tokens.

Each name is imported from its room when it is first used, so that ``import requests_cc`` costs
little.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import providers
    from .access_token import AccessToken
    from .adapter.adapter import ClientCredentialsAdapter
    from .adapter.mounting import OriginRouter, mount
    from .cache.journal import CacheStats
    from .cache.stores.file import FileTokenStore
    from .cache.stores.redis import RedisTokenStore
    from .cache.token_cache import TokenCache, default_cache, set_default_cache
    from .client_auth.assertion import AssertionFile, ClientSecretJWT, PrivateKeyJWT
    from .client_auth.basic import ClientSecretBasic, ClientSecretPost
    from .client_auth.certificate import TLSClientAuth
    from .client_auth.dpop import DPoPKey
    from .credentials.client_credentials import ClientCredentials
    from .credentials.endpoints import Introspection
    from .credentials.jwt_bearer import JWTBearer
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
    from .protocols import TokenSource, TokenStore
    from .server.authorization_server import AuthorizationServer

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
    "AssertionFile": "client_auth.assertion",
    "AuthorizationServer": "server.authorization_server",
    "CacheStats": "cache.journal",
    "ClientCredentials": "credentials.client_credentials",
    "ClientCredentialsAdapter": "adapter.adapter",
    "ClientCredentialsError": "errors",
    "ClientSecretBasic": "client_auth.basic",
    "ClientSecretJWT": "client_auth.assertion",
    "ClientSecretPost": "client_auth.basic",
    "ConfigurationError": "errors",
    "DPoPKey": "client_auth.dpop",
    "FileTokenStore": "cache.stores.file",
    "Introspection": "credentials.endpoints",
    "InvalidClient": "errors",
    "InvalidGrant": "errors",
    "InvalidRequest": "errors",
    "InvalidScope": "errors",
    "InvalidTarget": "errors",
    "InvalidTokenResponse": "errors",
    "JWTBearer": "credentials.jwt_bearer",
    "OAuthError": "errors",
    "OriginRouter": "adapter.mounting",
    "PrivateKeyJWT": "client_auth.assertion",
    "RedisTokenStore": "cache.stores.redis",
    "ServerError": "errors",
    "TLSClientAuth": "client_auth.certificate",
    "TemporarilyUnavailable": "errors",
    "TokenCache": "cache.token_cache",
    "TokenEndpointTimeout": "errors",
    "TokenEndpointUnreachable": "errors",
    "TokenRequestError": "errors",
    "TokenSource": "protocols",
    "TokenStore": "protocols",
    "TokenStoreError": "errors",
    "UnauthorizedClient": "errors",
    "UnsupportedGrantType": "errors",
    "default_cache": "cache.token_cache",
    "mount": "adapter.mounting",
    "set_default_cache": "cache.token_cache",
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
