"""Client authentication at the token endpoint."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlsplit

import pytest
import requests
from hypothesis import given, strategies as st

from requests_cc.testing import LocalServer
from requests_cc.testing.client_authentication import Credential

from .clients import GRANT, PATIENCE, basic, bearer, examples, exchange, request_token


def test_a_known_client_authenticates_with_basic_or_post(http_session: requests.Session) -> None:
    with LocalServer({"me": "s3cret"}) as server:
        by_basic = http_session.post(server.token_url, data=GRANT, auth=("me", "s3cret"))
        by_post = request_token(http_session, server, client_secret="s3cret")
        both_named = request_token(http_session, server, client_secret="")
        redundant_id = http_session.post(
            server.token_url, data={**GRANT, "client_id": "me"}, auth=("me", "s3cret")
        )
    statuses = [a.status_code for a in (by_basic, by_post, both_named, redundant_id)]
    assert statuses == [200, 200, 401, 200]


@pytest.mark.parametrize("secret", ["wrong", "s3cret ", "S3CRET", "", None])
def test_a_wrong_secret_is_an_invalid_client(
    http_session: requests.Session, secret: str | None
) -> None:
    with LocalServer({"me": "s3cret"}) as server:
        by_post = request_token(http_session, server, client_secret=secret)
        by_basic = http_session.post(server.token_url, data=GRANT, auth=("me", secret or ""))
    assert by_post.status_code == by_basic.status_code == 401
    assert by_post.json()["error"] == by_basic.json()["error"] == "invalid_client"
    assert "WWW-Authenticate" not in by_post.headers
    assert by_basic.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_an_unknown_client_is_an_invalid_client(http_session: requests.Session) -> None:
    with LocalServer({"me": "s3cret"}) as server:
        unknown = request_token(http_session, server, client_id="you", client_secret="s3cret")
        unnamed = http_session.post(server.token_url, data={"grant_type": "urn:any"})
    assert unknown.status_code == unnamed.status_code == 401
    assert unknown.json()["error"] == unnamed.json()["error"] == "invalid_client"


@pytest.mark.parametrize("secret", [None, ""])
def test_a_client_without_a_secret_sends_its_id_only(
    http_session: requests.Session, secret: str | None
) -> None:
    with LocalServer({"public": secret}) as server:
        alone = request_token(http_session, server, client_id="public")
        empty = request_token(http_session, server, client_id="public", client_secret="")
        extra = request_token(http_session, server, client_id="public", client_secret="x")
    assert [a.status_code for a in (alone, empty, extra)] == [200, 200, 401]


def test_later_changes_of_the_clients_mapping_do_not_reach_the_server(
    http_session: requests.Session,
) -> None:
    clients: dict[str, str | None] = {"me": "old"}
    with LocalServer(clients) as server:
        clients["me"] = "new"
        assert request_token(http_session, server, client_secret="old").status_code == 200


def test_without_clients_any_client_is_accepted_that_names_itself(
    server: LocalServer, http_session: requests.Session
) -> None:
    assert http_session.post(server.token_url, data=GRANT, auth=("x", "y")).status_code == 200
    assert request_token(http_session, server, client_secret="anything").status_code == 200
    assert http_session.post(server.token_url, data=GRANT).json()["error"] == "invalid_client"
    assert http_session.post(server.token_url, data=GRANT, auth=("", "y")).status_code == 401


def test_an_assertion_as_the_grant_needs_no_client(
    server: LocalServer, http_session: requests.Session
) -> None:
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"}
    response = http_session.post(server.token_url, data=form)
    described = http_session.get(server.api_url, headers=bearer(response))
    assert described.json()["client_id"] is None


@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic !!!",
        "Basic bWU=",
        "Basic /zr/",
        "Basic JWZmOng=",
        "Basic é",
        "Basic bT!pz",
        "Bearer bTpz",
    ],
)
def test_an_authorization_header_that_is_not_basic_is_an_invalid_client(
    server: LocalServer, authorization: str
) -> None:
    # Without a colon, not UTF-8, form-encoded but not UTF-8, not base64, another scheme.
    connection = http.client.HTTPConnection(urlsplit(server.origin).netloc, timeout=PATIENCE)
    form = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": authorization}
    connection.request("POST", "/oauth/token", b"grant_type=client_credentials", form)
    response = connection.getresponse()
    assert (response.status, json.load(response)["error"]) == (401, "invalid_client")
    assert "Basic realm=" in response.headers["WWW-Authenticate"]
    connection.close()


@pytest.mark.parametrize("form", [{"client_secret": "s"}, {"client_id": "another"}])
def test_a_client_that_authenticates_twice_is_an_invalid_request(
    server: LocalServer, http_session: requests.Session, form: dict[str, str]
) -> None:
    response = http_session.post(server.token_url, data={**GRANT, **form}, auth=("me", "s"))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_two_authorization_headers_are_an_invalid_request_at_either_endpoint(
    server: LocalServer,
) -> None:
    two = b"Host: h\r\nConnection: close\r\nAuthorization: Basic bTpz\r\n" * 2
    form = (
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 12\r\n\r\ngrant_type=a"
    )
    for request_line, rest in [(b"POST /oauth/token", form), (b"GET /api/", b"\r\n")]:
        response = exchange(server, request_line + b" HTTP/1.1\r\n" + two + rest)
        assert response.startswith(b"HTTP/1.1 400 ")
        assert b'"invalid_request"' in response


client_texts = st.text(
    st.sampled_from("aZ09 +%:&=;/?#'\"\\~-._\x00\n\x7fé€😀"), min_size=1, max_size=20
)


@examples
@given(client_id=client_texts, secret=client_texts, encode=st.sampled_from([quote, quote_plus]))
def test_any_id_and_secret_survive_form_encoding_in_basic(
    client_id: str, secret: str, encode: Callable[..., str]
) -> None:
    with LocalServer({client_id: secret}) as server, requests.Session() as session:
        session.trust_env = False
        headers = basic(f"{encode(client_id, safe='')}:{encode(secret, safe='')}")
        response = session.post(server.token_url, data=GRANT, headers=headers)
        assert response.status_code == 200
        described = session.get(server.api_url, headers=bearer(response))
        assert described.json()["client_id"] == client_id


def test_a_secret_that_was_not_form_encoded_is_another_secret(
    http_session: requests.Session,
) -> None:
    with LocalServer({"me": "a+b%20c"}) as server:
        raw = http_session.post(server.token_url, data=GRANT, headers=basic("me:a+b%20c"))
        encoded = http_session.post(
            server.token_url, data=GRANT, headers=basic("me:" + quote("a+b%20c"))
        )
    assert (raw.status_code, encoded.status_code) == (401, 200)


def test_a_credential_shows_no_secret() -> None:
    assert repr(Credential("post", "me", "s3cret")) == "<Credential post>"
