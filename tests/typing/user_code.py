"""What a user writes, for mypy and pyright alone: ``tox run -e types`` checks it; nothing runs it.

A comment that ignores an error asserts that there is one: both checkers report one that is not
needed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from contextlib import contextmanager

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.auth import HTTPDigestAuth
from typing_extensions import assert_type

import requests_cc
from requests_cc import (
    AccessToken,
    AuthorizationServer,
    ClientCredentials,
    ClientCredentialsAdapter,
    DPoPKey,
    FileTokenStore,
    Introspection,
    JWTBearer,
    OAuthError,
    OriginRouter,
    PrivateKeyJWT,
    SelfSignedJWT,
    TLSClientAuth,
    TokenCache,
    TokenExchange,
    TokenFile,
    TokenRequest,
    TokenRequestError,
    TokenSource,
    TokenStore,
    default_cache,
    mount,
    providers,
    set_default_cache,
)
from requests_cc.events import Event, TokenReceived
from requests_cc.protocols import Authentication, ClientAuthentication, ClientIdentity
from requests_cc.testing import LocalServer

URL = "https://auth.example.com/token"

# What is asked for.
credentials = ClientCredentials(
    URL, "id", "secret", scope=["read", "write"], audience="https://api.example.com"
)
assert_type(credentials, ClientCredentials)
assert_type(dataclasses.replace(credentials, scope="other"), ClientCredentials)
assert_type(ClientCredentials.from_env(), ClientCredentials)
assert_type(credentials.introspect("token"), Introspection)
assert_type(credentials.introspect("token").active, bool)
ClientCredentials(URL, "id", lambda: "secret")
ClientCredentials(URL, "id", ["new", lambda: "old"])
ClientCredentials(URL, "id", "secret", auth="client_secret_post", params={"a": "b", "c": ["d"]})
ClientCredentials(URL, "id", auth=PrivateKeyJWT("-----BEGIN", kid="1"))
ClientCredentials(URL, "id", auth=TLSClientAuth(("cert.pem", "key.pem")))
ClientCredentials(URL, "id", auth=HTTPDigestAuth("id", "secret"))
ClientCredentials(URL, "id", "secret", dpop=DPoPKey.generate())
ClientCredentials(providers.auth0("tenant.eu.auth0.com"), "id", "secret")
ClientCredentials(AuthorizationServer.discover("https://issuer.example"), "id", "secret")
assert_type(AuthorizationServer(URL, timeout=3).token_endpoint, str)
discovered = AuthorizationServer.discover("https://issuer.example")
assert_type(dataclasses.replace(discovered, timeout=3), AuthorizationServer)
assert_type(dataclasses.replace(discovered, introspection_endpoint=URL).issuer, "str | None")
dataclasses.replace(providers.auth0("tenant.eu.auth0.com"), session=requests.Session())

ClientCredentials(URL)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
ClientCredentials(URL, "id", 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ClientCredentials(URL, "id", "s", "basic")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
ClientCredentials(URL, "id", scop="read")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
assert_type(dataclasses.replace(credentials, scope=["a", "b"]).scope, "str | None")
requests_cc.Credentials  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # noqa: B018

# The token.
token = credentials.request_token()
assert_type(token, AccessToken)
assert_type(token.value, str)
assert_type(token.scope, "str | None")
assert_type(token.expires_at, "float | None")
assert_type(token.expires_in, "float | None")
assert_type(token.expired(leeway=5), bool)
assert_type(token.authorization, str)
assert_type(AccessToken.from_dict(token.to_dict()), AccessToken)


# Sources, stores, observers and client authentication of a user's own.
class OwnSource:
    label = "own"
    cache_key = ("own", 1)

    def request_token(self) -> AccessToken:
        return AccessToken("value")


class OwnStore:
    def get(self, key: str) -> bytes | None: ...
    def set(self, key: str, value: bytes, ttl: float) -> None: ...
    def delete(self, key: str) -> None: ...

    @contextmanager
    def lock(self, key: str, timeout: float) -> Generator[bool]:
        yield True


class OwnAuthentication:
    method = "own"
    needs_secret = False
    key_part = "own"

    def authenticate(self, identity: ClientIdentity) -> Authentication:
        return Authentication(params={"client": identity.client_id})


class NoSource:
    cache_key = "no source"


source: TokenSource = OwnSource()
jwt_bearer: TokenSource = JWTBearer(URL, issuer="me", key="-----BEGIN")
self_signed: TokenSource = SelfSignedJWT("-----BEGIN", issuer="me", audience=["a", "b"])
token_file: TokenSource = TokenFile("token", lifetime=60)
other_form: TokenSource = TokenRequest(
    "https://api.example.com/login",
    json={"jwt": token_file, "user": "me"},
    expires=3600,
    auth=self_signed,
)
TokenRequest("https://api.example.com", method="GET", token=None, expires=None, query={"a": "b"})
exchange: TokenSource = TokenExchange(URL, "id", "secret", subject=token_file, actor=lambda: "a")
JWTBearer(URL, assertion=token_file, client_id="id", client_secret="secret")
TokenExchange(URL)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
own_store = OwnStore()
store: TokenStore = own_store
authentication: ClientAuthentication = OwnAuthentication()
ClientCredentials(URL, "id", auth=OwnAuthentication())


# The cache.
def observe(event: Event) -> None:
    if isinstance(event, TokenReceived):
        assert_type(event.duration, float)


cache = TokenCache(FileTokenStore("folder"), leeway=30, maxsize=100)
assert_type(cache.token(OwnSource()), AccessToken)
assert_type(cache.renew(credentials, token), "AccessToken | None")
assert_type(cache.stats().requests, int)
assert_type(default_cache(), TokenCache)
assert_type(set_default_cache(cache), TokenCache)
TokenCache(OwnStore())
TokenCache({})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
cache.token(NoSource())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# The adapter.
adapter = ClientCredentialsAdapter(OwnSource(), origins="https://api.example.com", cache=cache)
assert_type(adapter.origins, "tuple[str, ...]")
router = OriginRouter({"https://api.example.com": adapter}, default=HTTPAdapter())
assert_type(router.adapter_for("https://api.example.com/x"), BaseAdapter)
session = requests.Session()
session.mount("https://api.example.com/", adapter)
mount(session, adapter)
ClientCredentialsAdapter(NoSource())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# Errors.
try:
    session.get("https://api.example.com/path")
except OAuthError as error:
    assert_type(error.error_description, "str | None")
    assert_type(error.status_code, "int | None")
except TokenRequestError as error:
    assert_type(error.retry_at, "float | None")
    assert_type(error.permanent, bool)

# The server for tests.
with LocalServer({"id": "secret"}) as server:
    assert_type(server, LocalServer)
    assert_type(server.token_url, str)
    assert_type(server.token_requests[0].path, str)
