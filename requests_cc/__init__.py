"""OAuth 2.0 client credentials for requests: mount one adapter, and never think about tokens.

.. code-block:: python

    import requests
    from requests_cc import ClientCredentials, ClientCredentialsAdapter, mount

    credentials = ClientCredentials("https://auth.example.com/oauth/token", "client", "secret")
    session = requests.Session()
    mount(session, ClientCredentialsAdapter(credentials, origins="https://api.example.com"))
    session.get("https://api.example.com/path")

https://requests-cc.readthedocs.io/ has the quickstart, and every error by its text.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for type checkers, which cannot follow __getattr__; a test compares the two
    from . import providers as providers, sources as sources
    from .access_token import AccessToken as AccessToken
    from .adapter.adapter import ClientCredentialsAdapter as ClientCredentialsAdapter
    from .adapter.auth import ClientCredentialsAuth as ClientCredentialsAuth
    from .adapter.mounting import (
        OriginRouter as OriginRouter,
        mount as mount,
    )
    from .cache.stats import CacheStats as CacheStats
    from .cache.stores.file import FileTokenStore as FileTokenStore
    from .cache.stores.redis import RedisTokenStore as RedisTokenStore
    from .cache.token_cache import (
        TokenCache as TokenCache,
        default_cache as default_cache,
        set_default_cache as set_default_cache,
    )
    from .client_auth.assertion import (
        ClientSecretJWT as ClientSecretJWT,
        PrivateKeyJWT as PrivateKeyJWT,
    )
    from .client_auth.basic import (
        ClientSecretBasic as ClientSecretBasic,
        ClientSecretPost as ClientSecretPost,
    )
    from .client_auth.certificate import TLSClientAuth as TLSClientAuth
    from .client_auth.dpop import DPoPKey as DPoPKey
    from .client_auth.supplied_assertion import (
        AssertionFile as AssertionFile,
        ClientAssertion as ClientAssertion,
    )
    from .credentials.client_credentials import ClientCredentials as ClientCredentials
    from .credentials.introspection import Introspection as Introspection
    from .credentials.jwt_bearer import JWTBearer as JWTBearer
    from .credentials.self_signed import SelfSignedJWT as SelfSignedJWT
    from .credentials.token_exchange import TokenExchange as TokenExchange
    from .credentials.token_file import TokenFile as TokenFile
    from .credentials.token_request import TokenRequest as TokenRequest
    from .errors import (
        ClientCredentialsError as ClientCredentialsError,
        ConfigurationError as ConfigurationError,
        InvalidClient as InvalidClient,
        InvalidGrant as InvalidGrant,
        InvalidRequest as InvalidRequest,
        InvalidScope as InvalidScope,
        InvalidTarget as InvalidTarget,
        InvalidTokenResponse as InvalidTokenResponse,
        OAuthError as OAuthError,
        ServerError as ServerError,
        TemporarilyUnavailable as TemporarilyUnavailable,
        TokenEndpointTimeout as TokenEndpointTimeout,
        TokenEndpointUnreachable as TokenEndpointUnreachable,
        TokenRequestError as TokenRequestError,
        TokenStoreError as TokenStoreError,
        UnauthorizedClient as UnauthorizedClient,
        UnsupportedGrantType as UnsupportedGrantType,
    )
    from .protocols import (
        TokenSource as TokenSource,
        TokenStore as TokenStore,
    )
    from .server.authorization_server import AuthorizationServer as AuthorizationServer

else:  # a type checker would take any unknown name for an object

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(f".{_MODULES[name] or name}", __name__)
        value: object = getattr(module, name) if _MODULES[name] else module
        globals()[name] = value
        return value


__version__ = "0.1.0"

# The public names, by the module that each one comes from: it is imported when the name is first
# used, so that "import requests_cc" costs little.
_MODULES = {
    name: module
    for module, names in {
        "access_token": "AccessToken",
        "adapter.adapter": "ClientCredentialsAdapter",
        "adapter.auth": "ClientCredentialsAuth",
        "adapter.mounting": "OriginRouter mount",
        "cache.stats": "CacheStats",
        "cache.stores.file": "FileTokenStore",
        "cache.stores.redis": "RedisTokenStore",
        "cache.token_cache": "TokenCache default_cache set_default_cache",
        "client_auth.assertion": "ClientSecretJWT PrivateKeyJWT",
        "client_auth.basic": "ClientSecretBasic ClientSecretPost",
        "client_auth.certificate": "TLSClientAuth",
        "client_auth.dpop": "DPoPKey",
        "client_auth.supplied_assertion": "AssertionFile ClientAssertion",
        "credentials.client_credentials": "ClientCredentials",
        "credentials.introspection": "Introspection",
        "credentials.jwt_bearer": "JWTBearer",
        "credentials.self_signed": "SelfSignedJWT",
        "credentials.token_exchange": "TokenExchange",
        "credentials.token_file": "TokenFile",
        "credentials.token_request": "TokenRequest",
        "errors": (
            "ClientCredentialsError ConfigurationError InvalidClient InvalidGrant InvalidRequest "
            "InvalidScope InvalidTarget InvalidTokenResponse OAuthError ServerError "
            "TemporarilyUnavailable TokenEndpointTimeout TokenEndpointUnreachable "
            "TokenRequestError TokenStoreError UnauthorizedClient UnsupportedGrantType"
        ),
        "protocols": "TokenSource TokenStore",
        "server.authorization_server": "AuthorizationServer",
        "": "providers sources",
    }.items()
    for name in names.split()
}
__all__ = list(_MODULES)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "__doc__"])
