"""What servers and gateways send in place of an RFC 6749 error, and what a caller sees of it."""

from __future__ import annotations

import dataclasses

import pytest
import requests

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ClientSecretBasic,
    InvalidClient,
    InvalidTokenResponse,
    OAuthError,
    ServerError,
    TemporarilyUnavailable,
    TokenRequestError,
    UnauthorizedClient,
)
from requests_cc.testing import LocalServer
from tests.support.scripts import answer, token
from tests.support.server import Server

from . import endpoint
from .endpoint import ENDPOINTS, client


def failure(url: str, **settings: object) -> TokenRequestError:
    return endpoint.failure(ENDPOINTS["token"], url, **settings)


WRONG_SECRETS = [  # status, body, .error, the server's words
    ("401 No", {"error": "invalid_client"}, "invalid_client", ""),
    ("400 Bad", {"error": "invalid_client"}, "invalid_client", ""),
    (
        "401 No",
        {"error": "unauthorized_client", "error_description": "Invalid client credentials"},
        "unauthorized_client",
        "Invalid client credentials",  # Keycloak
    ),
    ("400 Bad", {"error": "unauthorized_client"}, "unauthorized_client", ""),
    (
        "401 No",
        {"error": "access_denied", "error_description": "Unauthorized"},  # Auth0
        "access_denied",
        "Unauthorized",
    ),
    (
        "401 No",
        {"error": "unauthorized", "error_description": "Bad credentials"},  # UAA
        "unauthorized",
        "Bad credentials",
    ),
    (
        "401 No",
        {"errorCode": "invalid_client", "errorSummary": "Invalid value for client_id"},  # Okta
        None,
        "Invalid value for client_id",
    ),
    ("401 No", {"fault": {"faultstring": "Invalid ApiKey"}}, None, "Invalid ApiKey"),  # Apigee
    ("401 No", {"errors": [{"title": "No such app"}]}, None, "No such app"),  # JSON:API
    ("401 No", {"error": {"code": 7, "message": "Who is this?"}}, None, "Who is this?"),
    ("401 No", {"message": "No API key found"}, None, "No API key found"),  # Kong
    ("401 No", {"result": {"info": "wrong key, sorry"}}, None, "wrong key, sorry"),
    ("401 No", b"<html><head><title>Sign &amp; in</title></head>", None, "Sign & in"),
    ("401 No", b"<Error><Message>Denied here</Message></Error>", None, "Denied here"),
    ("401 No", b"Unknown\r\nclient", None, "Unknown client"),
    ("401 No", b'"Unknown client"', None, "Unknown client"),
    (
        "401 No",  # not UTF-8
        '{"error": "invalid_client", "error_description": "clé périmée"}'.encode("latin-1"),
        "invalid_client",
        "clé périmée",
    ),
    ("401 No", "clé périmée".encode("latin-1"), None, "clé périmée"),
    ("401 No", "\ufeff<title>Non autorisé</title>".encode(), None, "Non autorisé"),
    ("401 No", b"", None, ""),
    ("401 No", b"<html><body></body></html>", None, ""),
    ("401 No", b'{"error": ', None, ""),
]


@pytest.mark.parametrize(("status", "body", "code", "words"), WRONG_SECRETS)
def test_a_refused_secret_leads_to_the_next_one_whatever_the_server_calls_it(
    status: str, body: object, code: str | None, words: str
) -> None:
    with Server(answer(body, status), token("from the new secret")) as server:
        credentials = client(server.url, ["old", "new"])
        with pytest.raises(Exception, match="access_token must be"):
            credentials.request_token()  # the second one's token has spaces, so this shows
        assert len(server.requests) == 2
    with Server(answer(body, status)) as server:
        error = failure(server.url)
    assert isinstance(error, InvalidClient)
    assert (error.error, error.error_description) == (code, words or None)
    assert words in str(error)
    assert ": check client_secret and client_id" in str(error)
    assert ("invalid_client" in str(error)) == (code == "invalid_client")
    assert error.permanent is (code is not None)


def test_a_rotation_at_a_server_that_says_unauthorized_client_fails_no_call() -> None:
    current = "old"

    def keycloak(request):
        if request.form["client_secret"] == [current]:
            return token()
        return answer({"error": "unauthorized_client"}, "401 Unauthorized")

    with Server(keycloak) as server:
        credentials = client(server.url, ["old", "new"], auth="client_secret_post")
        for number in range(40):
            current = "old" if number < 20 else "new"
            assert credentials.request_token().value == "token-1"


def test_unauthorized_client_of_a_known_client_is_about_the_grant_too() -> None:
    with Server(answer({"error": "unauthorized_client"}, "400 Bad")) as server:
        error = failure(server.url)
    assert type(error) is UnauthorizedClient
    assert "allow this client the grant" in str(error)


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        ("200 OK", b"<html><title>Welcome</title></html>", InvalidTokenResponse, "Welcome"),
        ("200 OK", {"message": "use /v2/token"}, InvalidTokenResponse, "use /v2/token"),
        ("200 OK", {"error": {"message": "slow down"}}, InvalidTokenResponse, "slow down"),
        ("200 OK", b"not ready yet", InvalidTokenResponse, "not ready yet"),
        ("400 Bad", {"detail": "no such tenant"}, InvalidTokenResponse, "no such tenant"),
        ("403 No", {"Message": "not in your plan"}, InvalidTokenResponse, "not in your plan"),
        ("404 No", b"<h1>Nothing here</h1>", InvalidTokenResponse, "Nothing here"),
        ("429 No", {"error": "slow", "message": "10 a day"}, TemporarilyUnavailable, "10 a day"),
        ("429 No", b"Slow down", TemporarilyUnavailable, "Slow down"),
        ("502 Bad", b"<title>Bad gateway</title>", ServerError, "Bad gateway"),
        ("500 Bad", {"error": "oops", "message": "disk full"}, ServerError, "disk full"),
        ("503 Busy", {"errorSummary": "maintenance"}, TemporarilyUnavailable, "maintenance"),
    ],
)  # fmt: skip
def test_the_servers_own_words_reach_the_reader(
    status: str, body: object, kind: type, words: str
) -> None:
    with Server(answer(body, status)) as server:
        error = failure(server.url)
    assert type(error) is kind
    assert f"({words})" in str(error)
    if isinstance(error, OAuthError):
        assert error.error == (body.get("error") if isinstance(body, dict) else None)


@pytest.mark.parametrize(
    "body",
    [
        b"t0ken0123456789",
        b"access_token=t0ken0123456789&token_type=bearer",
        b'"t0ken0123456789"',
        b"<token>t0ken0123456789</token>",
        b'{"data": {"token": "t0ken0123456789"}}',
        b'{"access_token": ["t0ken0123456789"]}',
        b'["t0ken0123456789"]',
        b'{"data": {"token": "t0ken0123456789", "text": "t0ken0123456789t0ken0123456789 is it"}}',
        b"your token: t0ken0123456789t0ken0123456789",
    ],
)
def test_a_token_in_an_unknown_form_is_in_no_message(body: bytes) -> None:
    with Server(answer(body)) as server:
        error = failure(server.url)
    assert type(error) is InvalidTokenResponse
    assert "t0ken" not in str(error)


@pytest.mark.parametrize(
    ("settings", "hint", "missing"),
    [
        ({"secret": "plain"}, 'auth="client_secret_post"', "loose"),
        ({"secret": "with/slash"}, 'ClientSecretBasic(encoding="loose")', None),
        (
            {"secret": "with/slash", "auth": ClientSecretBasic(encoding="loose")},
            'auth="client_secret_post"',
            "loose",
        ),
        (
            {"secret": "with/slash", "auth": "client_secret_post"},
            'auth="client_secret_basic"',
            "loose",
        ),
        (
            {"secret": None, "auth": requests.auth.HTTPBasicAuth("a", "b")},
            "the server accepts HTTPBasicAuth",
            "loose",
        ),
    ],
)
def test_the_hint_of_a_401_offers_what_may_help(
    settings: dict, hint: str, missing: str | None
) -> None:
    with Server(answer({"error": "invalid_client"}, "401 No")) as server:
        error = str(failure(server.url, **settings))
    assert hint in error
    assert missing is None or missing not in error
    assert "is this the token endpoint?" not in error


@pytest.mark.parametrize("status", ["401 No", "403 No"])
def test_the_words_of_a_challenge_stand_in_for_an_empty_body(status: str) -> None:
    challenge = 'Bearer error="invalid_token", error_description="Sign in \\"first\\""'
    with Server(answer(b"", status, {"WWW-Authenticate": challenge})) as server:
        error = failure(server.url)
    assert '(Sign in \\"first\\")' in str(error)
    with Server(answer(b"Body", status, {"WWW-Authenticate": challenge})) as server:
        error = failure(server.url)
    assert "(Body)" in str(error)


def test_a_401_with_nothing_of_oauth_asks_if_this_is_the_token_endpoint() -> None:
    with Server(answer(b"<title>Log in</title>", "401 No")) as server:
        assert "(Log in)" in str(failure(server.url))
        assert "is this the token endpoint?" in str(failure(server.url))


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://auth.example.com/token/", "https://auth.example.com/token/"),
        ("https://me:pw@auth.example.com/t?key=k#x", "https://auth.example.com/t,"),
        ("/token/", "/token/"),
        ("https://auth.example.com/\x1b[31m", "https://auth.example.com/[31m"),
        ("http://[", "a redirect, which is not followed"),
        ("https://auth.example.com/s3cr3t-of-ours", "https://auth.example.com/[hidden]"),
    ],
)
def test_a_refused_redirect_shows_where_it_leads(location: str, shown: str) -> None:
    with Server(answer(b"", "301 Moved", {"Location": location})) as server:
        error = str(failure(server.url, secret="s3cr3t-of-ours"))
    assert shown in error
    assert "key=k" not in error
    assert "pw@" not in error


def test_what_a_session_adds_is_hidden_if_the_server_repeats_it() -> None:
    session = requests.Session()
    session.headers["X-Gateway-Key"] = "g4te"
    session.headers["X-Trace"] = b"tr4ce-tr4ce"
    session.params = {"tenant_secret": "t3nant"}
    session.cookies["sticky"] = "c00kie-c00kie"
    session.auth = ("gate", "k33per")
    words = ["g4te", "tr4ce-tr4ce", "t3nant", "c00kie-c00kie", "k33per", "Z2F0ZTprMzNwZXI="]
    refused = answer({"message": " / ".join([*words, "fine"])}, "400 Bad")
    with session, Server(refused) as server:
        credentials = ClientCredentials(
            AuthorizationServer(server.url, session=session), "me", auth="none"
        )
        with pytest.raises(TokenRequestError) as raised:
            credentials.request_token()
        error = raised.value
    assert "[hidden] / [hidden]" in str(error)
    assert "fine" in str(error)
    assert not [word for word in words if word in str(error)]


def test_basic_credentials_that_cannot_be_read_are_hidden_whole() -> None:
    session = requests.Session()
    session.headers["Proxy-Authorization"] = "Basic no-base-64!"
    with session, Server(answer({"message": "what is no-base-64! ?"}, "400 Bad")) as server:
        assert "what is [hidden] ?" in str(failure(server.url, session=session))


def test_a_secret_across_the_ends_of_lines_is_hidden() -> None:
    with Server(answer(b"not s3cr3t-\r\nof-ours", "400 Bad")) as server:
        assert "(not [hidden])" in str(failure(server.url, secret="s3cr3t-of-ours"))


def test_a_server_that_hides_its_words_deep_is_searched_so_far() -> None:
    deep: object = {"message": "too deep"}
    for _ in range(9):
        deep = {"a": deep, "b": [deep]}
    with Server(answer(deep, "400 Bad")) as server:
        assert "too deep" not in str(failure(server.url))


def test_an_introspection_endpoint_that_is_none_has_words_too() -> None:
    with LocalServer() as local, Server(answer(b"<title>Home page</title>")) as server:
        credentials = client(local.token_url)
        elsewhere = dataclasses.replace(credentials.server, introspection_endpoint=server.url)
        with pytest.raises(InvalidTokenResponse, match="Home page"):
            dataclasses.replace(credentials, server=elsewhere).introspect("t")
