"""The audience of a client assertion: the issuer wherever one is known."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from joserfc.jwk import ECKey, RSAKey

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ClientSecretJWT,
    ConfigurationError,
    PrivateKeyJWT,
    TokenRequestError,
    providers,
)
from requests_cc.client_auth.assertion import TYPED
from tests.client_auth.test_client_assertion import claims_of, header_of
from tests.support.scripts import Request, answer, token
from tests.support.server import Server

KEY = PrivateKeyJWT(ECKey.generate_key("P-256"))
RSA = RSAKey.generate_key(2048)
SECRET = "a-secret-of-thirty-two-characters"


def sent_in(request: Request) -> tuple[str, str]:
    """The audience and the type of the assertion in a request."""
    assertion = request.form["client_assertion"][0]
    return claims_of(assertion)["aud"], header_of(assertion)["typ"]


def client(server: AuthorizationServer | str, auth: Any = KEY) -> ClientCredentials:
    secret = SECRET if isinstance(auth, ClientSecretJWT) else None
    return ClientCredentials(server, "me", secret, auth=auth, scope="a")


@pytest.mark.rule(25)
@pytest.mark.parametrize("auth", [KEY, ClientSecretJWT()])
def test_the_token_endpoint_is_the_audience_only_if_nobody_knows_an_issuer(auth: Any) -> None:
    with Server(token()) as server:
        client(server.url, auth).request_token()
        with_issuer = AuthorizationServer(server.url, issuer="https://issuer.example")
        client(with_issuer, auth).request_token()
        assert [sent_in(request) for request in server.requests] == [
            (server.url, "JWT"),
            ("https://issuer.example", TYPED),
        ]


@pytest.mark.rule(25)
def test_introspection_and_revocation_follow_the_same_rule() -> None:
    with Server(answer({"active": True})) as server:
        endpoints = {
            "introspection_endpoint": f"{server.origin}/introspect",
            "revocation_endpoint": f"{server.origin}/revoke",
        }
        for issuer in (None, "https://issuer.example"):
            credentials = client(AuthorizationServer(server.url, issuer=issuer, **endpoints))
            credentials.introspect("t0ken")
            credentials.revoke("t0ken")
        sent = [sent_in(request) for request in server.requests]
        assert sent == [(server.url, "JWT")] * 2 + [("https://issuer.example", TYPED)] * 2


@pytest.mark.rule(25)
def test_no_assertion_that_metadata_asks_for_is_good_at_another_server() -> None:
    """The document's endpoints are the attacker's own, its token endpoint is somebody else's."""
    with Server() as honest, Server() as hostile:
        honest.routes["/token"] = answer({"error": "invalid_client"}, "401 No")
        for path in ("/introspect", "/revoke", "/mtls"):
            hostile.routes[path] = answer({"active": True})
        document = {
            "issuer": hostile.origin,
            "token_endpoint": honest.url,
            "introspection_endpoint": f"{hostile.origin}/introspect",
            "revocation_endpoint": f"{hostile.origin}/revoke",
            "mtls_endpoint_aliases": {"token_endpoint": f"{hostile.origin}/mtls"},
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_jwt"],
        }
        hostile.routes["/.well-known/oauth-authorization-server"] = answer(document)
        for auth in (KEY, ClientSecretJWT()):
            credentials = client(AuthorizationServer.discover(hostile.origin), auth)
            credentials.introspect("t0ken")
            credentials.revoke("t0ken")
            with pytest.raises(TokenRequestError):
                credentials.request_token()
        bodies = [r for server in (honest, hostile) for r in server.requests if r.body]
        assert len(bodies) == 6
        # The honest server knows itself by another issuer, and by its token endpoint.
        assert {sent_in(request) for request in bodies} == {(hostile.origin, TYPED)}


def sent_to(server: AuthorizationServer, ask: str, auth: PrivateKeyJWT) -> dict[str, Any]:
    """The header and the claims of the assertion that a provider is sent."""
    kept: list[requests.PreparedRequest] = []

    class Keep(requests.adapters.BaseAdapter):
        def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> Any:
            kept.append(request)
            raise requests.ConnectionError

        def close(self) -> None:
            pass

    with requests.Session() as session:
        session.mount("https://", Keep())
        reached = dataclasses.replace(server, session=session)
        scope = "https://x.example/.default" if "entra" in ask else "api:read"
        scope = "okta.users.read" if "org" in ask else scope
        credentials = ClientCredentials(reached, "me", auth=auth, scope=scope, audience="x")
        call: Any = credentials.request_token
        if "introspect" in ask:
            call = partial(credentials.introspect, "t0ken")
        with pytest.raises(TokenRequestError):
            call()
    body = kept[0].body
    form = parse_qs(body if isinstance(body, str) else body.decode())  # type: ignore[union-attr]
    assertion = form["client_assertion"][0]
    return {**header_of(assertion), **claims_of(assertion)}


@pytest.mark.rule(25)
@pytest.mark.parametrize(
    ("server", "ask", "audience", "typ"),
    [
        (
            providers.okta("example.okta.com"),
            "token",
            "https://example.okta.com/oauth2/default/v1/token",
            "JWT",
        ),
        (
            providers.okta("example.okta.com"),
            "introspect",
            "https://example.okta.com/oauth2/default/v1/introspect",
            "JWT",
        ),
        (
            providers.okta("example.okta.com", None),
            "token, org",
            "https://example.okta.com/oauth2/v1/token",
            "JWT",
        ),
        (
            providers.entra("contoso.onmicrosoft.com"),
            "token, entra",
            "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token",
            "JWT",
        ),
        (providers.auth0("a.auth0.com"), "token", "https://a.auth0.com/", TYPED),
        (
            providers.keycloak("https://keycloak.example", "r"),
            "token",
            "https://keycloak.example/realms/r",
            TYPED,
        ),
    ],
)
def test_a_provider_that_documents_another_audience_gets_that(
    server: AuthorizationServer, ask: str, audience: str, typ: str
) -> None:
    found = sent_to(server, ask, KEY)
    assert (found["aud"], found["typ"]) == (audience, typ)


@pytest.mark.rule(25)
def test_what_the_user_says_goes_before_everything_else() -> None:
    said = PrivateKeyJWT(RSA, audience="https://other.example", typ="custom+jwt")
    found = sent_to(providers.okta("example.okta.com"), "token", said)
    assert (found["aud"], found["typ"]) == ("https://other.example", "custom+jwt")
    found = sent_to(
        providers.okta("example.okta.com"), "token", PrivateKeyJWT(RSA, audience="issuer")
    )
    assert (found["aud"], found["typ"]) == ("https://example.okta.com/oauth2/default", TYPED)


# --- the algorithm, by the server's metadata ------------------------------------------------------


def discovered(server: Server, listed: object) -> AuthorizationServer:
    document = {
        "issuer": server.origin,
        "token_endpoint": server.url,
        "token_endpoint_auth_signing_alg_values_supported": listed,
    }
    server.routes["/.well-known/oauth-authorization-server"] = answer(document)
    server.routes["/token"] = token()
    return AuthorizationServer.discover(server.origin)


@pytest.mark.parametrize(
    ("listed", "alg"),
    [
        (["PS256", "ES256"], "PS256"),
        (["ES256", "RS512", "RS384"], "RS384"),
        (None, "RS256"),
        ([], "RS256"),
        ("PS256", "RS256"),
        ([7, "\x1b[31m", "PS512"], "PS512"),
    ],
)
def test_the_first_algorithm_that_fits_key_and_server_is_taken(listed: object, alg: str) -> None:
    with Server() as server:
        client(discovered(server, listed), PrivateKeyJWT(RSA)).request_token()  # type: ignore[arg-type]
        assert header_of(server.requests[-1].form["client_assertion"][0])["alg"] == alg


def test_an_algorithm_that_was_said_is_taken_whatever_the_server_lists() -> None:
    with Server() as server:
        reached = discovered(server, ["ES256"])
        for auth in (
            PrivateKeyJWT(RSA, alg="PS384"),
            PrivateKeyJWT({**RSA.as_dict(private=True), "alg": "PS384"}),
        ):
            ClientCredentials(reached, "me", auth=auth).request_token()
            assert header_of(server.requests[-1].form["client_assertion"][0])["alg"] == "PS384"


def test_a_key_that_the_server_takes_no_algorithm_of_is_named() -> None:
    with Server() as server:
        credentials = ClientCredentials(
            discovered(server, ["ES256"]), "me", auth=PrivateKeyJWT(RSA)
        )
        with pytest.raises(ConfigurationError, match="signed with ES256, and key signs with RS256"):
            credentials.request_token()
        assert json.dumps(server.targets).count("/token") == 0
