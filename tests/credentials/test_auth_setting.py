"""What the setting auth may be, and what it becomes."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Iterator
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest
import requests
from requests.auth import AuthBase, HTTPDigestAuth

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    ClientSecretBasic,
    ClientSecretJWT,
    ClientSecretPost,
    ConfigurationError,
    InvalidClient,
    TemporarilyUnavailable,
)
from requests_cc.client_auth.basic import NoClientAuthentication
from requests_cc.credentials import authenticated_request
from requests_cc.credentials.auth_setting import client_authentication
from tests.support.scripts import Request, answer
from tests.support.server import Server

SERVER = AuthorizationServer("https://auth.example.com/token")


class Theirs(AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def signed(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


@pytest.mark.parametrize(
    ("auth", "method"),
    [
        (Theirs(), "Theirs"),
        (HTTPDigestAuth("me", "x"), "HTTPDigestAuth"),
        (signed, "signed"),
        (ClientSecretPost(), "client_secret_post"),
        (None, "client_secret_basic"),
    ],
    ids=["object", "digest", "function", "post", "None"],
)
def test_a_message_can_name_the_method(auth: object, method: str) -> None:
    assert client_authentication(auth, SERVER).method == method


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("client_secret_basic", ClientSecretBasic()),
        ("client_secret_post", ClientSecretPost()),
        ("client_secret_jwt", ClientSecretJWT()),
        ("none", NoClientAuthentication()),
    ],
)
def test_a_name_stands_for_an_object(name: str, meant: object) -> None:
    authentication = client_authentication(name, SERVER)
    assert authentication == meant
    assert authentication.method == name


def test_an_object_is_taken_as_it_is() -> None:
    theirs = SimpleNamespace(authenticate=len, method="m", needs_secret=False, key_part=())
    assert client_authentication(theirs, SERVER) is theirs


@pytest.mark.parametrize("missing", ["method", "needs_secret", "key_part"])
def test_an_object_that_is_not_whole_says_what_it_lacks(missing: str) -> None:
    theirs = SimpleNamespace(authenticate=len, method="m", needs_secret=False, key_part=())
    delattr(theirs, missing)
    with pytest.raises(ConfigurationError, match=f"has no {missing}: see requests_cc.protocols"):
        client_authentication(theirs, SERVER)


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ("basic", "^auth is not a known client authentication method: use one of client_secret"),
        ("", "^auth is not a known client authentication method: use one of"),
        ("private_key_jwt", r"needs more than a name: pass auth=PrivateKeyJWT\(key\)"),
        ("tls_client_auth", r"pass auth=TLSClientAuth\(cert\)"),
        ("self_signed_tls_client_auth", r"pass auth=TLSClientAuth\(cert\)"),
        (ClientSecretPost, r"auth is the class ClientSecretPost: pass ClientSecretPost\(...\)"),
        (7, "not int"),
        (("me", "secret"), "not tuple"),
    ],
    ids=str,
)
def test_an_invalid_client_authentication_is_refused(auth: object, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        client_authentication(auth, SERVER)


@pytest.mark.parametrize(
    "secret",
    [
        "s3cr3t",
        "correct_horse",
        "client_secret_bsic",
    ],
)
def test_a_secret_in_place_of_a_method_is_not_repeated(secret: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        ClientCredentials("https://auth.example.com/token", "me", auth=secret)
    assert str(raised.value) == (
        "auth is not a known client authentication method: use one of client_secret_basic, "
        "client_secret_jwt, client_secret_post, or pass auth= an object"
    )


@pytest.mark.parametrize(
    ("accepted", "method"),
    [
        (["client_secret_post", "client_secret_basic"], "client_secret_basic"),
        (["private_key_jwt", "client_secret_post"], "client_secret_post"),
        (["client_secret_jwt"], "client_secret_jwt"),
    ],
)
def test_the_method_that_the_server_accepts_is_the_default(accepted, method: str) -> None:
    server = AuthorizationServer("https://auth.example.com/token", auth_methods=accepted)
    assert client_authentication(None, server).method == method


def test_a_server_that_wants_more_than_a_secret_is_an_error_that_says_so() -> None:
    server = AuthorizationServer("https://auth.example.com/token", auth_methods=["private_key_jwt"])
    with pytest.raises(
        ConfigurationError, match=r"accepts private_key_jwt, and a client_secret.*auth="
    ):
        ClientCredentials(server, "me", "s3cret")


@pytest.mark.parametrize(
    ("accepted", "advice"),
    [
        (
            ["client_secret_bsic"],
            "auth= to one of client_secret_basic, client_secret_jwt, client_secret_post, or to an "
            "object",
        ),
        (
            ["none"],
            "auth= to one of client_secret_basic, client_secret_jwt, client_secret_post, or to an "
            "object",
        ),
        (["tls_client_auth", "none"], "auth=TLSClientAuth(cert)"),
    ],
)
def test_a_server_whose_methods_are_of_no_use_leads_to_those_that_are(
    accepted: list[str], advice: str
) -> None:
    server = AuthorizationServer("https://auth.example.com/token", auth_methods=accepted)
    with pytest.raises(ConfigurationError) as raised:
        ClientCredentials(server, "me", "s3cret")
    assert str(raised.value) == (
        f"the server accepts {', '.join(accepted)}, and a client_secret alone is not enough for "
        f"that: set {advice}"
    )


# --- whether the client can ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "auth", [None, "client_secret_basic", "client_secret_post", "client_secret_jwt"]
)
def test_a_secret_that_is_missing_is_reported(auth: str | None) -> None:
    method = auth or "client_secret_basic"
    with pytest.raises(ConfigurationError, match=f"client_secret is missing: {method} needs it"):
        ClientCredentials("https://auth.example.com/token", "me", auth=auth)


def test_a_public_client_has_no_secret() -> None:
    with pytest.raises(ConfigurationError, match='auth="none" sends no client_secret'):
        ClientCredentials("https://auth.example.com/token", "me", "s3cret", auth="none")
    ClientCredentials("https://auth.example.com/token", "me", auth="none")


def test_a_colon_in_the_client_id_needs_the_strict_encoding() -> None:
    url = "https://auth.example.com/token"
    with pytest.raises(ConfigurationError, match='use encoding="strict"'):
        ClientCredentials(url, "a:b", "s3cret", auth=ClientSecretBasic("loose"))
    ClientCredentials(url, "a:b", "s3cret", auth=ClientSecretBasic("strict"))
    ClientCredentials(url, "ab", "s3cret", auth=ClientSecretBasic("loose"))


# --- what a server's metadata prefers -----------------------------------------------------------

METADATA = "/.well-known/oauth-authorization-server"
SECRET = "a secret that is long enough for HS256"


@pytest.fixture
def published() -> Iterator[Server]:
    """A server whose token endpoint gives tokens; what methods it accepts is yet to be said."""
    with Server(path="") as server:
        server.routes["/token"] = {"access_token": "t0ken"}
        publish(server)
        yield server


def publish(server: Server, **members: object) -> None:
    urls = {"issuer": server.url, "token_endpoint": f"{server.url}/token"}
    server.routes[METADATA] = {**urls, **members}


def discovered(server: Server, **settings: object) -> ClientCredentials:
    settings.setdefault("client_secret", SECRET)
    found = AuthorizationServer.discover(server.url, timeout=(5.0, 5.0))
    return ClientCredentials(found, "me", **settings)  # type: ignore[arg-type]


def method_of(request: Request) -> str:
    """How the client of a token request authenticated."""
    form = parse_qs(request.body.decode())
    if "client_assertion" in form:
        (assertion,) = form["client_assertion"]
        header = assertion.partition(".")[0]
        alg = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["alg"]
        return f"client_secret_jwt {alg}"
    if "client_secret" in form:
        return "client_secret_post"
    assert request.headers["Authorization"].startswith("Basic ")
    return "client_secret_basic"


@pytest.mark.parametrize(
    ("members", "method"),
    [
        ({}, "client_secret_basic"),  # "If omitted, the default is" (RFC 8414 §2)
        ({"token_endpoint_auth_methods_supported": None}, "client_secret_basic"),
        (
            {
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "client_secret_basic",
                ]
            },
            "client_secret_basic",
        ),
        (
            {"token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post", 7]},
            "client_secret_post",
        ),
        (
            {"token_endpoint_auth_methods_supported": ["none", "client_secret_jwt"]},
            "client_secret_jwt HS256",
        ),
    ],
)
def test_the_method_that_the_metadata_prefers_is_the_default(
    published: Server, members: dict[str, object], method: str
) -> None:
    publish(published, **members)
    credentials = discovered(published)
    for _ in range(2):
        assert credentials.request_token().value == "t0ken"
    lookup, *requests_for_tokens = published.requests
    assert lookup.target == METADATA
    assert [method_of(request) for request in requests_for_tokens] == [method, method]


def test_what_is_written_goes_before_what_the_metadata_prefers(published: Server) -> None:
    publish(published, token_endpoint_auth_methods_supported=["client_secret_basic"])
    discovered(published, auth="client_secret_post").request_token()
    assert method_of(published.requests[-1]) == "client_secret_post"


def test_nothing_is_looked_up_before_it_is_needed(published: Server) -> None:
    credentials = discovered(published)
    same = pickle.loads(pickle.dumps(credentials))
    assert (repr(same), same.cache_key, same) == (repr(credentials), same.cache_key, credentials)
    assert same.cache_key == credentials.cache_key
    assert isinstance(same.cache_key, str)
    assert same.cache_key != discovered(published, auth="client_secret_basic").cache_key
    assert published.requests == []


def test_a_preference_needs_a_secret(published: Server) -> None:
    with pytest.raises(ConfigurationError, match="client_secret is missing: client authentication"):
        discovered(published, client_secret=None)
    assert published.requests == []


@pytest.mark.parametrize(
    ("accepted", "words"),
    [
        (
            ["private_key_jwt", "tls_client_auth"],
            "accepts private_key_jwt, tls_client_auth, and a client_secret",
        ),
        ([], "accepts no method, and a client_secret alone is not enough for that: set auth="),
    ],
)
def test_metadata_that_wants_more_than_a_secret_is_an_error_that_says_so(
    published: Server, accepted: list[str], words: str
) -> None:
    publish(published, token_endpoint_auth_methods_supported=accepted)
    with pytest.raises(ConfigurationError, match=words) as raised:
        discovered(published).request_token()
    assert raised.value.__context__ is None
    assert published.targets == [METADATA]


def test_a_refusal_advises_another_method_than_the_preferred_one(published: Server) -> None:
    publish(published, token_endpoint_auth_methods_supported=["client_secret_post"])
    published.routes["/token"] = answer(status="401 X")
    with pytest.raises(InvalidClient, match='set auth="client_secret_basic"'):
        discovered(published).request_token()


def test_a_token_that_came_is_kept_if_the_metadata_went(published: Server) -> None:
    credentials = discovered(published)

    def answer_and_forget(_: Request) -> dict[str, str]:
        credentials.server.look_up_again()  # as another thread does whose request failed
        del published.routes[METADATA]
        return {"access_token": "t0ken"}

    published.routes["/token"] = answer_and_forget
    assert credentials.request_token().value == "t0ken"


def test_without_metadata_no_secret_is_sent(
    published: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authenticated_request, "FIRST_PAUSE", 0.01)
    published.routes[METADATA] = answer(status="503 X")
    with pytest.raises(TemporarilyUnavailable, match="no metadata of the issuer"):
        discovered(published).request_token()
    assert set(published.targets).isdisjoint({"/token"})
    assert not [seen for seen in published.requests if seen.body or "Authorization" in seen.headers]


def test_the_names_of_methods_in_a_message_are_readable_and_few() -> None:
    hostile = ["\x1b[31mforged\r\nCRITICAL", *(f"method-{number}" for number in range(9999))]
    server = AuthorizationServer("https://auth.example.com/token", auth_methods=hostile)
    with pytest.raises(ConfigurationError) as raised:
        ClientCredentials(server, "me", "s3cret")
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 1000
