"""The providers: their token requests as their documents show them, and what is refused early.

Each request travels for real, to a server on loopback that stands for the provider.
"""

from __future__ import annotations

import dataclasses
import json
import pickle
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from joserfc.jwk import RSAKey
from requests.adapters import HTTPAdapter

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ConfigurationError,
    JWTBearer,
    PrivateKeyJWT,
    providers,
)
from tests.support.scripts import token
from tests.support.server import Server

JWT_CLIENT_ASSERTION = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"


class ToLoopback(HTTPAdapter):
    """Sends what is for an https host to a server on loopback; the request stays as it is."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self.schemes: list[str] = []

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        redirected = request.copy()
        parts = urlsplit(request.url)
        self.schemes.append(parts.scheme)
        redirected.headers["Host"] = parts.netloc
        redirected.url = parts._replace(scheme="http", netloc=f"127.0.0.1:{self._port}").geturl()
        return super().send(redirected, *args, **options)


def through(session: requests.Session, server: AuthorizationServer) -> AuthorizationServer:
    return dataclasses.replace(server, session=session)


@dataclasses.dataclass
class Sent:
    """A request as it arrived, in bytes."""

    line: bytes
    headers: dict[bytes, bytes]
    pairs: list[bytes]


def sent(make: Callable[[requests.Session], Any]) -> Sent:
    """The token request of a source, which is made with the session that it is given."""
    with Server(token()) as server, requests.Session() as session:
        session.trust_env = False
        adapter = ToLoopback(server.port)
        session.mount("https://", adapter)
        assert make(session).request_token().value == "token-1"
        assert adapter.schemes == ["https"]
        (received,) = server.requests
    head, _, body = received.raw.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    headers = {name.lower(): value for name, value in (one.split(b": ", 1) for one in lines)}
    assert int(headers.pop(b"content-length")) == len(body)
    # What requests itself says of the connection and of its own name.
    for name in (b"user-agent", b"connection", b"accept-encoding", b"cache-control"):
        headers.pop(name)
    # A space may be "+" or "%20" (WHATWG URL §5.1); the documents write either.
    return Sent(line, headers, sorted(body.replace(b"+", b"%20").split(b"&")))


def same(request: Sent, line: str, headers: dict[str, str], body: str) -> None:
    """The request is what a document shows, but for the order of its parameters."""
    form = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
    expected = {**form, **{name.lower(): value for name, value in headers.items()}}
    assert request.line == line.encode()
    assert request.headers == {n.encode(): v.encode() for n, v in expected.items()}
    assert request.pairs == sorted(body.encode().split(b"&"))


# --- each provider's own example ---------------------------------------------------------------


def test_auth0_as_its_document_shows() -> None:
    # "Call Your API Using the Client Credentials Flow", example POST to token URL,
    # https://auth0.com/docs/get-started/authentication-and-authorization-flow/
    # client-credentials-flow/call-your-api-using-the-client-credentials-flow
    same(
        sent(
            lambda session: ClientCredentials(
                through(session, providers.auth0("tenant.eu.auth0.com")),
                "YOUR_CLIENT_ID",
                "YOUR_CLIENT_SECRET",
                audience="YOUR_API_IDENTIFIER",
            )
        ),
        "POST /oauth/token HTTP/1.1",
        {"Host": "tenant.eu.auth0.com"},
        "grant_type=client_credentials&client_id=YOUR_CLIENT_ID&client_secret=YOUR_CLIENT_SECRET"
        "&audience=YOUR_API_IDENTIFIER",
    )


def test_okta_as_its_document_shows() -> None:
    # "Implement authorization by grant type: Client Credentials", request for token (its id and
    # secret are the clientid:clientsecret of "Base64-encode the client ID and client secret"),
    # https://developer.okta.com/docs/guides/implement-grant-type/clientcreds/main/
    same(
        sent(
            lambda session: ClientCredentials(
                through(session, providers.okta("example.okta.com")),
                "clientid",
                "clientsecret",
                scope="customScope",
            )
        ),
        "POST /oauth2/default/v1/token HTTP/1.1",
        {"Host": "example.okta.com", "Authorization": "Basic Y2xpZW50aWQ6Y2xpZW50c2VjcmV0"},
        "grant_type=client_credentials&scope=customScope",
    )


def test_oktas_org_authorization_server_as_its_document_shows() -> None:
    # "Implement OAuth for Okta with a service app", get an access token,
    # https://developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp/main/
    # The client_id is one parameter more than there, and "optional" (RFC 7521 §4.2).
    key = RSAKey.generate_key(2048, {"kid": "my_key_id"})
    request = sent(
        lambda session: ClientCredentials(
            through(session, providers.okta("example.okta.com", None)),
            "0oar95zt9zIpYuz6A0h7",
            auth=PrivateKeyJWT(key),
            scope="okta.users.read",
        )
    )
    assertion = taken(request, "client_assertion")
    same(
        request,
        "POST /oauth2/v1/token HTTP/1.1",
        {"Host": "example.okta.com"},
        f"grant_type=client_credentials&scope=okta.users.read"
        f"&client_assertion_type={JWT_CLIENT_ASSERTION}&client_assertion={assertion}"
        f"&client_id=0oar95zt9zIpYuz6A0h7",
    )
    header, claims = decoded(assertion)
    assert (header["alg"], header["kid"]) == ("RS256", "my_key_id")
    assert claims["aud"] == "https://example.okta.com/oauth2/v1/token"
    assert claims["iss"] == claims["sub"] == "0oar95zt9zIpYuz6A0h7"


def test_entra_as_its_document_shows() -> None:
    # "Microsoft identity platform and the OAuth 2.0 client credentials flow", first case: access
    # token request with a shared secret,
    # https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
    # The port 443 in the document's Host is https's own (RFC 9110 §4.2.2).
    same(
        sent(
            lambda session: ClientCredentials(
                through(session, providers.entra("contoso.onmicrosoft.com")),
                "535fb089-9ff3-47b6-9bfb-4f1264799865",
                "sampleCredentials",
                scope="https://graph.microsoft.com/.default",
            )
        ),
        "POST /contoso.onmicrosoft.com/oauth2/v2.0/token HTTP/1.1",
        {"Host": "login.microsoftonline.com"},
        "client_id=535fb089-9ff3-47b6-9bfb-4f1264799865"
        "&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
        "&client_secret=sampleCredentials&grant_type=client_credentials",
    )


COGNITO_SCOPES = ["resourceServerIdentifier1/scope1", "resourceServerIdentifier2/scope2"]


@pytest.mark.parametrize(
    "words", [("mydomain", "us-east-1"), ("mydomain.auth.us-east-1.amazoncognito.com",)]
)
def test_cognito_as_its_document_shows(words: tuple[str, ...]) -> None:
    # "The token issuer endpoint", client credentials with basic authorization, with the id and the
    # secret of its example of an Authorization header, and without the client_id that its example
    # repeats in the body ("Not required when you provide the app client ID in the Authorization
    # header") and the client metadata for a trigger,
    # https://docs.aws.amazon.com/cognito/latest/developerguide/token-endpoint.html
    basic = "ZGpjOTh1M2ppZWRtaTI4M2V1OTI4OmFiY2RlZjAxMjM0NTY3ODkw"
    same(
        sent(
            lambda session: ClientCredentials(
                through(session, providers.cognito(*words)),
                "djc98u3jiedmi283eu928",
                "abcdef01234567890",
                scope=COGNITO_SCOPES,
            )
        ),
        "POST /oauth2/token HTTP/1.1",
        {"Host": "mydomain.auth.us-east-1.amazoncognito.com", "Authorization": f"Basic {basic}"},
        "grant_type=client_credentials&scope="
        "resourceServerIdentifier1%2Fscope1%20resourceServerIdentifier2%2Fscope2",
    )


def test_cognito_with_the_secret_in_the_body_as_its_document_shows() -> None:
    # The same document, client credentials with POST body authorization.
    same(
        sent(
            lambda session: ClientCredentials(
                through(session, providers.cognito("auth.example.com")),
                "1example23456789",
                "9example87654321",
                auth="client_secret_post",
                scope="my_resource_server_identifier/my_custom_scope",
            )
        ),
        "POST /oauth2/token HTTP/1.1",
        {"Host": "auth.example.com"},
        "grant_type=client_credentials&client_id=1example23456789"
        "&scope=my_resource_server_identifier%2Fmy_custom_scope&client_secret=9example87654321",
    )


def test_google_as_its_document_shows() -> None:
    # "Using OAuth 2.0 for Server to Server Applications", preparing to make an authorized API call,
    # HTTP/REST, https://developers.google.com/identity/protocols/oauth2/service-account
    account = "761326798069-r5mljlln1rd4lrbhg75efgigp36m78j5@developer.gserviceaccount.com"
    scope = "https://www.googleapis.com/auth/devstorage.read_only"
    request = sent(
        lambda session: JWTBearer(
            through(session, providers.google()),
            issuer=account,
            key=RSAKey.generate_key(2048),
            kid="370ab79b4513eb9bad7c9bd16a95cb76b5b2a56a",
            subject="",
            lifetime=3600,
            claims={"scope": scope},
        )
    )
    assertion = taken(request, "assertion")
    same(
        request,
        "POST /token HTTP/1.1",
        {"Host": "oauth2.googleapis.com"},
        f"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}",
    )
    header, claims = decoded(assertion)
    assert header == {
        "alg": "RS256",
        "typ": "JWT",
        "kid": "370ab79b4513eb9bad7c9bd16a95cb76b5b2a56a",
    }
    lasting = claims.pop("exp") - claims.pop("iat")
    del claims["jti"]  # not in the document, and of RFC 7523 §3
    assert lasting == 3600
    assert claims == {"iss": account, "scope": scope, "aud": "https://oauth2.googleapis.com/token"}


@pytest.mark.parametrize(
    ("base_url", "prefix"),
    [("https://auth.example.com", ""), ("https://auth.example.com/auth/", "/auth")],
)
def test_keycloak_as_its_document_shows(base_url: str, prefix: str) -> None:
    # "Using a service account",
    # https://www.keycloak.org/docs/latest/server_admin/#_service_accounts
    basic = "cHJvZHVjdC1zYS1jbGllbnQ6cGFzc3dvcmQ="
    same(
        sent(
            lambda session: ClientCredentials(
                through(session, providers.keycloak(base_url, "demo")),
                "product-sa-client",
                "password",
            )
        ),
        f"POST {prefix}/realms/demo/protocol/openid-connect/token HTTP/1.1",
        {"Host": "auth.example.com", "Authorization": f"Basic {basic}"},
        "grant_type=client_credentials",
    )


def taken(request: Sent, name: str) -> str:
    """The value of a parameter that differs in each request, as it was sent."""
    start = f"{name}=".encode()
    (pair,) = [pair for pair in request.pairs if pair.startswith(start)]
    return pair.removeprefix(start).decode()


def decoded(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims = (
        json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        for part in assertion.split(".")[:2]
    )
    return header, claims


# --- what is refused before anything is sent ----------------------------------------------------

AUTH0 = providers.auth0("tenant.eu.auth0.com")
OKTA = providers.okta("example.okta.com")
OKTA_ORG = providers.okta("example.okta.com", None)
ENTRA = providers.entra("contoso.onmicrosoft.com")
COGNITO = providers.cognito("mydomain", "us-east-1")
GOOGLE = providers.google()
KEYCLOAK = providers.keycloak("https://auth.example.com", "demo")


@pytest.mark.parametrize(
    ("server", "settings", "words"),
    [
        (AUTH0, {}, "Auth0: audience is missing: set audience= to the Identifier of the API"),
        (AUTH0, {"scope": "read:users"}, "audience is missing"),
        (AUTH0, {"scope": "a"}, r"see https://auth0.com/docs/\S+, or pass strict=False to the"),
        (AUTH0, {"audience": []}, "audience is missing"),
        (OKTA, {"scope": "openid"}, "scope='openid' is refused"),
        (OKTA, {"scope": "customScope profile"}, "scope='customScope profile' is refused"),
        (OKTA, {"scope": "okta.users.read"}, r"okta\(domain, None\)"),
        (ENTRA, {}, 'Microsoft Entra ID: scope is missing: set scope="<application ID URI>'),
        (ENTRA, {"scope": "https://graph.microsoft.com/User.Read"}, "is refused: set scope="),
        (ENTRA, {"scope": "https://graph.microsoft.com/"}, "is refused"),
        (ENTRA, {"scope": ".default"}, "is refused"),
        (ENTRA, {"scope": "https://a.example/a-default"}, "is refused"),
        (ENTRA, {"scope": "https://a.example/-default"}, "is refused"),
        (ENTRA, {"scope": "https://a.example/.default https://b.example/.default"}, "is refused"),
        (ENTRA, {"scope": "https://a.example/.defaults"}, "is refused"),
        (ENTRA, {"resource": "https://graph.microsoft.com"}, "leave it out.*AADSTS901002"),
        (COGNITO, {"scope": "openid"}, "Cognito: scope='openid' is refused"),
        (COGNITO, {"scope": "photos/read write"}, '"<resource server identifier>/<scope>"'),
        (GOOGLE, {}, r"Google: grant_type='client_credentials' is refused: .*"
                     r"JWTBearer\.from_google_service_account\(path, scope\)"),
        (GOOGLE, {"scope": "https://www.googleapis.com/auth/cloud-platform"}, "JWTBearer"),
    ],
)  # fmt: skip
def test_what_a_provider_refuses_is_refused_at_construction(
    server: AuthorizationServer, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as raised:
        ClientCredentials(server, "me", "s3cret", **settings)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("scope", [None, "customScope", "okta.users.read customScope", "openid"])
def test_oktas_org_authorization_server_refuses_other_scopes(scope: str | None) -> None:
    key = RSAKey.generate_key(2048)
    with pytest.raises(ConfigurationError, match="Okta's org authorization server: scope"):
        ClientCredentials(OKTA_ORG, "me", auth=PrivateKeyJWT(key), scope=scope)
    assert ClientCredentials(
        OKTA_ORG, "me", auth=PrivateKeyJWT(key), scope=["okta.users.read", "ssf.manage"]
    )


def test_oktas_org_authorization_server_wants_more_than_a_secret() -> None:
    with pytest.raises(ConfigurationError, match="private_key_jwt"):
        ClientCredentials(OKTA_ORG, "me", "s3cret", scope="okta.users.read")


@pytest.mark.parametrize(
    ("server", "settings"),
    [
        (AUTH0, {"audience": "urn:my-api", "scope": "read:users"}),
        (AUTH0, {"resource": "https://api.example.com"}),
        (OKTA, {}),
        (ENTRA, {"scope": "00000003-0000-0000-c000-000000000000/.default"}),
        (ENTRA, {"scope": "api://00000003-0000-0000-c000-000000000000/.default"}),
        (OKTA, {"scope": ["customScope", "openidish", "oktapus"]}),
        (ENTRA, {"scope": "api://535fb089-9ff3-47b6-9bfb-4f1264799865/.default"}),
        (ENTRA, {"scope": "https://graph.microsoft.com//.default"}),
        (COGNITO, {}),
        (COGNITO, {"scope": ["photos/read", "https://api.example.com/write"]}),
        (KEYCLOAK, {}),
        (KEYCLOAK, {"scope": "email profile", "audience": "https://api.example.com"}),
    ],
)
def test_what_a_provider_takes_is_taken(
    server: AuthorizationServer, settings: dict[str, Any]
) -> None:
    assert ClientCredentials(server, "me", "s3cret", **settings)


def test_a_variation_is_checked_too() -> None:
    credentials = ClientCredentials(AUTH0, "me", "s3cret", audience="urn:my-api")
    with pytest.raises(ConfigurationError, match="audience is missing"):
        dataclasses.replace(credentials, audience=None)


@pytest.mark.parametrize("server", [AUTH0, ENTRA, GOOGLE])
def test_another_grant_has_other_needs(server: AuthorizationServer) -> None:
    ClientCredentials(server, "me", "s3cret", grant_type="refresh_token")
    with pytest.raises(ConfigurationError):
        ClientCredentials(server, "me", "s3cret")


# --- the few words ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "endpoint"),
    [
        (AUTH0, "https://tenant.eu.auth0.com/oauth/token"),
        (providers.auth0("https://tenant.eu.auth0.com/"), AUTH0.token_endpoint),
        (providers.auth0("Tenant.EU.auth0.com"), AUTH0.token_endpoint),
        (providers.auth0("login.example.com"), "https://login.example.com/oauth/token"),
        (OKTA, "https://example.okta.com/oauth2/default/v1/token"),
        (
            providers.okta("https://id.example.com", "aus9o8wzkhckw9TLa0h7"),
            "https://id.example.com/oauth2/aus9o8wzkhckw9TLa0h7/v1/token",
        ),
        (providers.okta("my-administration.okta.com", None),
         "https://my-administration.okta.com/oauth2/v1/token"),
        (
            providers.entra("8eaef023-2b34-4da1-9baa-8bc8c9d6a490"),
            "https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
            "/oauth2/v2.0/token",
        ),
        (
            providers.entra("contoso.us", host="login.microsoftonline.us"),
            "https://login.microsoftonline.us/contoso.us/oauth2/v2.0/token",
        ),
        (
            providers.cognito("my-domain", "us-gov-west-1"),
            "https://my-domain.auth-fips.us-gov-west-1.amazoncognito.com/oauth2/token",
        ),
        (
            providers.cognito("my-domain", "eu-west-1"),
            "https://my-domain.auth.eu-west-1.amazoncognito.com/oauth2/token",
        ),
        (providers.cognito("https://auth.example.com/"), "https://auth.example.com/oauth2/token"),
        (GOOGLE, "https://oauth2.googleapis.com/token"),
        (
            providers.keycloak("http://localhost:8080/", "my realm/1"),
            "http://localhost:8080/realms/my%20realm%2F1/protocol/openid-connect/token",
        ),
    ],
)  # fmt: skip
def test_a_few_words_give_the_token_endpoint(server: AuthorizationServer, endpoint: str) -> None:
    assert server.token_endpoint == endpoint


@pytest.mark.parametrize(
    ("server", "issuer", "introspection", "revocation"),
    [
        (AUTH0, "https://tenant.eu.auth0.com/", None, None),
        (
            OKTA,
            "https://example.okta.com/oauth2/default",
            "https://example.okta.com/oauth2/default/v1/introspect",
            "https://example.okta.com/oauth2/default/v1/revoke",
        ),
        (
            OKTA_ORG,
            "https://example.okta.com",
            "https://example.okta.com/oauth2/v1/introspect",
            "https://example.okta.com/oauth2/v1/revoke",
        ),
        (ENTRA, None, None, None),
        (
            providers.entra("8eaef023-2b34-4da1-9baa-8bc8c9d6a490"),
            "https://login.microsoftonline.com/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0",
            None,
            None,
        ),
        (COGNITO, None, None, None),
        (GOOGLE, "https://accounts.google.com", None, "https://oauth2.googleapis.com/revoke"),
        (
            KEYCLOAK,
            "https://auth.example.com/realms/demo",
            "https://auth.example.com/realms/demo/protocol/openid-connect/token/introspect",
            "https://auth.example.com/realms/demo/protocol/openid-connect/revoke",
        ),
    ],
)
def test_a_few_words_give_the_other_endpoints_too(
    server: AuthorizationServer,
    issuer: str | None,
    introspection: str | None,
    revocation: str | None,
) -> None:
    assert server.issuer == issuer
    assert server.introspection_endpoint == introspection
    assert server.revocation_endpoint == revocation


@pytest.mark.parametrize("function", [providers.auth0, providers.okta, providers.cognito])
@pytest.mark.parametrize(
    "domain",
    [
        None, 7, "", "tenant", "tenant.auth0.com/oauth/token", "tenant.auth0.com:443", ".auth0.com",
        "http://tenant.auth0.com", "https://me:s3cret@tenant.auth0.com", "tenant.auth0.com?s3cret",
        "tenant.auth0.com#", "tenant..com", "-a.auth0.com", "tenant.auth0.com ", "a.com\n",
        "\u017fecret.auth0.com", "{domain}.auth0.com", "https://https://tenant.auth0.com",
    ],
)  # fmt: skip
def test_an_invalid_domain_is_refused_and_not_shown(
    function: Callable[..., AuthorizationServer], domain: Any
) -> None:
    with pytest.raises(ConfigurationError, match="domain must be a domain name, such as") as raised:
        function(domain)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: providers.okta("example-admin.okta.com"), "Admin Console: leave out -admin"),
        (lambda: providers.okta("a-admin.oktapreview.com"), "Admin Console: leave out -admin"),
        (lambda: providers.okta("example.okta.com", ""), "authorization_server must be an id"),
        (lambda: providers.okta("example.okta.com", "a/b"), "authorization_server must be an id"),
        (lambda: providers.okta("example.okta.com", 7), "authorization_server must be an id"),
        (lambda: providers.entra("common"), "tenant must be the directory.*'common' is for users"),
        (lambda: providers.entra("Organizations"), "tenant must be the directory"),
        (lambda: providers.entra("consumers"), "tenant must be the directory"),
        (lambda: providers.entra(""), "tenant must be the directory"),
        (lambda: providers.entra(None), "tenant must be the directory"),
        (lambda: providers.entra("https://login.microsoftonline.com/x"), "tenant must be"),
        (lambda: providers.entra("x", host="login"), "host must be a domain name"),
        (lambda: providers.cognito("mydomain"), "; or a prefix and region="),
        (lambda: providers.cognito("a.auth.us-east-1.amazoncognito.com", "us-east-1"), "prefix"),
        (lambda: providers.cognito("mydomain", "Ireland"), "region must be the name of a region"),
        (lambda: providers.cognito("mydomain", ""), "region must be the name of a region"),
        (lambda: providers.cognito("cognito-idp.us-east-1.amazonaws.com"), "pool's issuer"),
        (lambda: providers.keycloak("auth.example.com", "demo"), "base_url is not a valid URL"),
        (lambda: providers.keycloak("http://auth.example.com", "demo"), "base_url.*plain http"),
        (lambda: providers.keycloak("https://a.example/realms/x", "x"), "end before /realms/"),
        (lambda: providers.keycloak("https://a.example/auth/realms", "x"), "end before /realms/"),
        (lambda: providers.keycloak("https://a.example/admin/", "x"), "end before /realms/"),
        (lambda: providers.keycloak("https://a.example?x=1", "x"), "end before /realms/"),
        (lambda: providers.keycloak("https://a.example", ""), "realm must be the realm's name"),
        (
            lambda: providers.keycloak("https://a.example", "\ud800"),
            "realm must be the realm's name",
        ),
        (lambda: providers.keycloak("https://a.example", None), "realm must be the realm's name"),
    ],
)
def test_a_wrong_word_is_named(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        make()


def test_keycloaks_path_may_speak_of_realms_otherwise() -> None:
    server = providers.keycloak("https://a.example/my-realms/administration?", "x")
    assert server.token_endpoint.startswith("https://a.example/my-realms/administration/realms/x/")


@pytest.mark.parametrize("server", [AUTH0, OKTA, OKTA_ORG, ENTRA, COGNITO, GOOGLE, KEYCLOAK])
def test_a_session_and_a_timeout_are_set_by_replace(server: AuthorizationServer) -> None:
    session = requests.Session()
    changed = dataclasses.replace(server, session=session, timeout=7)
    assert (changed.session, changed.timeout) == (session, (7.0, 7.0))
    assert changed.habits == server.habits
    assert changed.token_endpoint == server.token_endpoint
    assert changed.issuer == server.issuer
    assert dataclasses.replace(changed, session=None, timeout=(5, 10)) == server
    with pytest.raises(ConfigurationError, match="timeout must be"):
        dataclasses.replace(server, timeout=0)


def test_a_keycloak_in_a_cluster_may_use_plain_http() -> None:
    server = providers.keycloak("http://auth.internal", "demo", allow_http=True)
    assert server.allow_http
    with pytest.raises(ConfigurationError, match="plain http"):
        dataclasses.replace(server, allow_http=False)


def test_a_provider_is_a_value() -> None:
    again = providers.auth0("tenant.eu.auth0.com")
    assert again == AUTH0
    assert hash(again) == hash(AUTH0)
    assert again != OKTA
    assert pickle.loads(pickle.dumps(AUTH0)) == AUTH0
    assert repr(AUTH0) == "AuthorizationServer('https://tenant.eu.auth0.com/oauth/token')"


def test_a_providers_tokens_are_those_of_its_token_endpoint() -> None:
    plain = AuthorizationServer(AUTH0.token_endpoint, auth_methods=AUTH0.auth_methods)
    one, other = (
        ClientCredentials(server, "me", "s3cret", audience="urn:my-api")
        for server in (AUTH0, plain)
    )
    assert one.cache_key == other.cache_key


def test_a_further_endpoint_is_added_by_a_variation() -> None:
    url = "https://tenant.eu.auth0.com/introspect"
    server = dataclasses.replace(AUTH0, introspection_endpoint=url)
    assert server.endpoint("introspection_endpoint") == url
    with pytest.raises(ConfigurationError, match="audience is missing"):
        ClientCredentials(server, "me", "s3cret")


def test_the_form_is_decoded_to_what_was_set() -> None:
    request = sent(
        lambda session: ClientCredentials(
            through(session, providers.auth0("tenant.eu.auth0.com")),
            "me",
            "a+b c&d=é",
            audience="https://api.example.com/?a=b",
        )
    )
    assert dict(parse_qsl(b"&".join(request.pairs).decode())) == {
        "grant_type": "client_credentials",
        "client_id": "me",
        "client_secret": "a+b c&d=é",
        "audience": "https://api.example.com/?a=b",
    }


def test_a_providers_rules_are_those_of_client_credentials_alone() -> None:
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    server = providers.okta("dev-1.okta.com")
    assert ClientCredentials(server, "me", "s3cret", grant_type=exchange).grant_type == exchange
