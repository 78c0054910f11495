"""JWT bearer grants beside client authentication, with supplied assertions, and for ID tokens."""

from __future__ import annotations

import base64
import dataclasses
import json
import pickle
from typing import Any

import pytest
import requests
from joserfc import jwt

from requests_cc import (
    ClientCredentialsAdapter,
    ClientSecretBasic,
    ConfigurationError,
    InvalidClient,
    InvalidGrant,
    InvalidTokenResponse,
    JWTBearer,
    TLSClientAuth,
    TokenCache,
    TokenEndpointUnreachable,
    mount,
)
from requests_cc.testing import Client, LocalServer
from tests.support.scripts import Reply, Request, answer, drop, token
from tests.support.server import Server

from .helpers import (
    EC,
    EC_PEM,
    RSA,
    RSA_PEM,
    Other,
    Signer,
    assert_hidden,
    failure,
    in_an_hour,
    unsigned_jwt,
)

URL = "https://auth.example.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION = "eyJhbGciOiJFUzI1NiJ9.eyJpc3Mi.J9l-ZhwP"


def supplied(server: str = URL, **settings: Any) -> JWTBearer:
    return JWTBearer(server, **{"assertion": ASSERTION, **settings})


def test_an_assertion_of_another_server_is_sent_as_it_is() -> None:
    # RFC 7523 §4
    with Server(token()) as server:
        supplied(server.url).request_token()
        (request,) = server.requests
    assert request.body.decode() == (
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
        "&assertion=eyJhbGciOiJFUzI1NiJ9.eyJpc3Mi.J9l-ZhwP"
    )


def test_on_behalf_of_a_user_at_entra_is_one_object() -> None:
    # Microsoft identity platform, "OAuth 2.0 On-Behalf-Of flow", shared secret
    with Server(token()) as server:
        supplied(
            server.url,
            client_id="535fb089-9ff3-47b6-9bfb-4f1264799865",
            client_secret="sampleCredentials",
            auth="client_secret_post",
            scope="https://graph.microsoft.com/user.read offline_access",
            params={"requested_token_use": "on_behalf_of"},
        ).request_token()
        (request,) = server.requests
    assert request.form == {
        "grant_type": [GRANT],
        "client_id": ["535fb089-9ff3-47b6-9bfb-4f1264799865"],
        "client_secret": ["sampleCredentials"],
        "assertion": [ASSERTION],
        "scope": ["https://graph.microsoft.com/user.read offline_access"],
        "requested_token_use": ["on_behalf_of"],
    }


def test_its_own_assertion_is_sent_beside_client_authentication() -> None:
    with Server(token()) as server:
        JWTBearer(
            server.url, issuer="i", key=RSA_PEM, client_id="me", client_secret="s"
        ).request_token()
        (request,) = server.requests
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"me:s").decode()
    claims = request.form["assertion"][0].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["iss"] == "i"


def test_a_signer_signs_the_grant() -> None:
    with Server(token()) as server:
        source = JWTBearer(server.url, issuer="i", key=Signer())
        source.request_token()
        (request,) = server.requests
        assert not isinstance(source.cache_key, str)
    assertion = jwt.decode(request.form["assertion"][0], RSA, algorithms=["RS256"])
    assert assertion.header["kid"] == "of-the-kms"


def test_a_public_client_is_named_in_the_body() -> None:
    with Server(token()) as server:
        supplied(server.url, client_id="me").request_token()
        (request,) = server.requests
    assert request.form["client_id"] == ["me"]
    assert "Authorization" not in request.headers


def test_a_supplied_assertion_is_read_anew_for_each_attempt() -> None:
    """Its jti may be good once (RFC 7523 §3)."""
    with Server(drop, token()) as server:
        supplied(server.url, assertion=Other("assertion")).request_token()
        sent = [request.form["assertion"] for request in server.requests]
    assert sent == [["assertion-1"], ["assertion-2"]]


def test_the_error_of_its_source_reaches_the_caller_as_it_is() -> None:
    source = Other()
    source.error = TokenEndpointUnreachable("its own")
    with Server(token()) as server:
        assert str(failure(supplied(server.url, assertion=source).request_token)) == "its own"
        assert server.requests == []
    assert source.calls == 1


def google_account(token_uri: str) -> dict[str, str]:
    return {
        "client_email": "robot@project.iam.gserviceaccount.com",
        "private_key": RSA_PEM,
        "private_key_id": "7",
        "token_uri": token_uri,
    }


def test_an_id_token_of_google_is_the_token_and_expires_as_it_says() -> None:
    # Google Cloud, "Get an ID token": the claim target_audience, and no scope
    expiry = in_an_hour()

    def respond(request: Request) -> bytes:
        (assertion,) = request.form["assertion"]
        claims = json.loads(base64.urlsafe_b64decode(assertion.split(".")[1] + "=="))
        assert claims["target_audience"] == "https://service.run.app"
        assert {"scope", "sub", "jti"}.isdisjoint(claims)
        return answer({"id_token": unsigned_jwt(exp=expiry, aud=claims["target_audience"])})

    with Server(respond) as server:
        source = JWTBearer.from_google_service_account(
            google_account(server.url), target_audience="https://service.run.app"
        )
        issued = source.request_token()
    assert issued.value.count(".") == 2
    assert issued.expires_at == expiry
    assert ClientCredentialsAdapter(source).origins == ("https://service.run.app",)


def test_a_response_without_an_id_token_is_refused() -> None:
    with Server(token()) as server:
        source = JWTBearer(server.url, issuer="i", key=RSA_PEM, target_audience="a")
        error = failure(source.request_token)
    assert isinstance(error, InvalidTokenResponse)
    assert "no id_token" in str(error)


def test_an_id_token_is_renewed_after_a_rejection() -> None:
    issued: list[str] = []

    def respond(_: Request) -> bytes:
        issued.append(unsigned_jwt(exp=in_an_hour(), number=len(issued)))
        return answer({"id_token": issued[-1]})

    def api(request: Request) -> Reply:
        return Reply(200 if request.token == issued[-1] and len(issued) > 1 else 401)

    with Server(respond) as server, Server(api) as service, requests.Session() as session:
        source = JWTBearer.from_google_service_account(
            google_account(server.url), target_audience=service.origin
        )
        mount(session, ClientCredentialsAdapter(source, cache=TokenCache()))
        assert session.get(service.origin, timeout=20).status_code == 200
    assert len(issued) == 2


def test_token_call_rejection_renewal_beside_a_client() -> None:
    me = Client("s3cr3t", keys=[EC.as_dict(private=False)])
    with LocalServer({"me": me}) as server, requests.Session() as session:
        source = JWTBearer(
            server.token_url, issuer="me", key=EC_PEM, client_id="me", client_secret="s3cr3t"
        )
        adapter = ClientCredentialsAdapter(source, origins=server.api_url, cache=TokenCache())
        mount(session, adapter)
        assert session.get(server.api_url, timeout=20).status_code == 200
        server.revoke_tokens()
        assert session.get(server.api_url, timeout=20).status_code == 200
        assert len(server.token_requests) == 2


def test_an_assertion_of_another_time_is_said_to_be_the_clocks() -> None:
    me = Client(keys=[EC.as_dict(private=False)])
    with LocalServer({"me": me}) as server:
        source = JWTBearer(server.token_url, issuer="me", key=EC_PEM, claims={"nbf": in_an_hour()})
        error = failure(source.request_token)
    assert isinstance(error, InvalidGrant)
    assert "this machine's clock" in str(error)


def test_the_advice_knows_how_the_client_was_encoded() -> None:
    advice = 'auth=ClientSecretBasic(encoding="loose")'
    for auth, advised in ((None, True), (ClientSecretBasic(encoding="loose"), False)):
        with Server(answer({"error": "invalid_client"}, "401 Unauthorized")) as server:
            source = supplied(server.url, client_id="m!e", client_secret="s|s", auth=auth)
            assert (advice in str(failure(source.request_token))) == advised


def test_a_refused_client_is_reported_without_the_assertion() -> None:
    with LocalServer({"me": "secret"}) as server:
        source = supplied(server.token_url, client_id="me", client_secret="wr0ng-secret")
        error = failure(source.request_token)
    assert isinstance(error, InvalidClient)
    for secret in (ASSERTION, "wr0ng-secret"):
        assert_hidden(secret, error)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"assertion": None}, "issuer must be a non-empty str; it is missing"),
        ({"assertion": None, "issuer": "me"}, "key must be PEM"),
        ({"issuer": "me"}, "issuer is for an assertion that is signed here"),
        ({"key": RSA_PEM}, "key is for an assertion"),
        ({"claims": {}}, "claims cannot be added to assertion="),
        ({"assertion": 1}, "assertion must be a str"),
        ({"params": {"assertion": "x"}}, "params repeats 'assertion': use assertion= instead"),
        ({"client_secret": "s"}, "client_id is missing"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        supplied(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "scope is missing: .* or pass target_audience="),
        ({"scope": "a", "target_audience": "b"}, "target_audience is for an ID token"),
    ],
)
def test_a_google_account_has_a_scope_or_a_target_audience(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        JWTBearer.from_google_service_account(google_account(URL), **settings)


def test_a_key_tells_apart_what_shapes_the_token() -> None:
    sources = [
        supplied(),
        supplied(assertion="another"),
        supplied(client_id="me"),
        supplied(client_id="me", client_secret="a"),
        supplied(client_id="me", client_secret="b"),
        supplied(params={"a": "b"}),
        JWTBearer(URL, issuer="me", key=RSA_PEM),
        JWTBearer(URL, issuer="me", key=RSA_PEM, target_audience="a"),
    ]
    assert len({source.cache_key for source in sources}) == len(sources)
    assert all(isinstance(source.cache_key, str) for source in sources)


def test_it_is_a_value_that_shows_no_assertion() -> None:
    source = supplied(client_id="me", client_secret=["s3cr3t-1"], scope="read")
    assert dataclasses.replace(source) == source
    assert pickle.loads(pickle.dumps(source)) == source
    assert repr(source) == (
        "JWTBearer('https://auth.example.com/token', scope='read', client_id='me')"
    )
    assert source.label == "me at https://auth.example.com/token"
    assert supplied().label == "a supplied assertion at https://auth.example.com/token"
    for secret in (ASSERTION, "s3cr3t-1"):
        assert_hidden(secret, source, source.cache_key, source._request.authentication)


def test_its_certificate_is_the_adapters(certificate: tuple[str, str]) -> None:
    assert supplied(client_id="me", auth=TLSClientAuth(certificate)).cert == certificate
