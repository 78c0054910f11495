"""Tokens by requests of another form than RFC 6749."""

from __future__ import annotations

import base64
import dataclasses
import json
import logging
import pickle
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import requests
from hypothesis import given, strategies as st
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from requests_cc import (
    ClientCredentialsAdapter,
    ConfigurationError,
    InvalidClient,
    InvalidTokenResponse,
    ServerError,
    TokenCache,
    TokenEndpointTimeout,
    TokenEndpointUnreachable,
    TokenFile,
    TokenRequest,
    mount,
)
from requests_cc.credentials import token_response
from requests_cc.credentials.token_members import member, moment, token_of
from requests_cc.protocols import TokenSource
from tests.support.plain_stores import DictStore
from tests.support.scripts import Reply, Request, answer, drop, hang
from tests.support.server import Server
from tests.support.sources import ManualClock

from .helpers import Other, assert_hidden, failure, in_an_hour, unsigned_jwt

URL = "https://api.example.com/login"


def fine(**members: Any) -> bytes:
    return answer({"access_token": "token-1", "expires_in": 3600, **members})


def sent(response: bytes | None = None, **settings: Any) -> Request:
    """The one request that a source makes."""
    with Server(response or fine()) as server:
        path = settings.pop("path", "/login")
        TokenRequest(server.origin + path, **settings).request_token()
        (request,) = server.requests
    return request


# --- what is sent --------------------------------------------------------------------------------


def test_json_is_sent_to_the_byte() -> None:
    request = sent(json={"username": "me", "password": "s3cr3t", "ttl": 60, "tags": [True, None]})
    assert (request.method, request.target) == ("POST", "/login")
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body) == {
        "username": "me",
        "password": "s3cr3t",
        "ttl": 60,
        "tags": [True, None],
    }
    assert request.headers["Accept"] == "application/json"
    assert "Authorization" not in request.headers


def test_a_form_is_sent_to_the_byte() -> None:
    request = sent(data={"user": "me", "scope": ["a", "b"]}, headers={"X-Tenant": "t"})
    assert request.body == b"user=me&scope=a&scope=b"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["X-Tenant"] == "t"
    assert sent(data=b"<xml/>", headers={"Content-Type": "text/xml"}).body == b"<xml/>"


def test_a_get_sends_a_query_and_headers() -> None:
    request = sent(
        method="get",
        path="/login?fixed=1",
        query={"key": "k y", "n": 1},
        headers={"Accept": "text/plain"},
    )
    assert (request.method, request.target) == ("GET", "/login?fixed=1&key=k+y&n=1")
    assert request.headers["Accept"] == "text/plain"
    assert request.body == b""


@pytest.mark.parametrize(
    ("auth", "authorization"),
    [
        (("me", "s3cr3t"), "Basic " + base64.b64encode(b"me:s3cr3t").decode()),
        (HTTPBasicAuth("me", "s3cr3t"), "Basic " + base64.b64encode(b"me:s3cr3t").decode()),
        (Other("bearer"), "Bearer bearer-1"),
        (None, None),
    ],
)
def test_auth_is_a_requests_auth_object_or_another_source(
    auth: Any, authorization: str | None
) -> None:
    assert sent(auth=auth).headers["Authorization"] == authorization


def test_digest_authentication_works() -> None:
    challenge = {"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth"'}
    with Server(answer("", "401 Unauthorized", challenge), fine()) as server:
        TokenRequest(server.url, auth=HTTPDigestAuth("me", "s3cr3t")).request_token()
        assert server.requests[1].headers["Authorization"].startswith("Digest ")


def test_callables_and_sources_are_read_anew_for_each_attempt(tmp_path: Any) -> None:
    password, other = iter(["one", "two", "three"]), Other()
    (tmp_path / "jwt").write_text("of-the-pod")
    with Server(drop, fine(), fine()) as server:
        source = TokenRequest(
            server.url,
            json={
                "password": lambda: next(password),
                "nested": [{"jwt": TokenFile(tmp_path / "jwt")}],
            },
            headers={"X-Token": other},
        )
        source.request_token()
        source.request_token()
        bodies = [json.loads(request.body) for request in server.requests]
        headers = [request.headers["X-Token"] for request in server.requests]
    assert [body["password"] for body in bodies] == ["one", "two", "three"]
    assert {body["nested"][0]["jwt"] for body in bodies} == {"of-the-pod"}
    assert headers == ["other-1", "other-2", "other-3"]


def test_the_error_of_another_source_reaches_the_caller_as_it_is() -> None:
    other = Other()
    other.error = TokenEndpointUnreachable("its own")
    with Server(fine()) as server:
        assert str(failure(TokenRequest(server.url, auth=other).request_token)) == "its own"
        assert server.requests == []
    assert other.calls == 1


def test_a_session_sends_it_with_what_it_adds() -> None:
    with requests.Session() as session:
        session.headers["X-Gateway"] = "g"
        session.auth = ("gate", "keeper")
        request = sent(session=session)
        assert request.headers["X-Gateway"] == "g"
        assert request.headers["Authorization"].startswith("Basic ")
        with pytest.raises(ConfigurationError, match=r"session.auth is set beside auth="):
            sent(session=session, auth=Other())


# --- what comes back -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "token"),
    [
        ({"token": "t"}, "token"),
        ({"data": {"auth": {"jwt": "t"}}}, "data.auth.jwt"),
        ({"tokens": [{"id": 1}, {"value": "t"}]}, "tokens.1.value"),
        ([{"token": "t"}], "0.token"),
        ({"a.b": "t"}, "a.b"),
    ],
)
def test_the_token_stands_where_its_name_says(document: Any, token: str) -> None:
    with Server(answer(document)) as server:
        issued = TokenRequest(server.url, token=token).request_token()
    assert issued.authorization == "Bearer t"


@pytest.mark.parametrize("body", ["token-1\n", '"token-1"'])
def test_the_body_may_be_the_token(body: str) -> None:
    with Server(answer(body)) as server:
        assert TokenRequest(server.url, token=None).request_token().value == "token-1"


def test_other_members_are_kept_and_the_token_is_not_repeated() -> None:
    with Server(answer({"auth": {"token": "t"}, "user": 7})) as server:
        issued = TokenRequest(server.url, token="auth.token").request_token()
    assert issued.extra == {"user": 7}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (3600, 4600.0),
        ("3600", 4600.0),
        (1.5, 1001.5),
        (0, 1000.0),
        (1_800_000_000, 1_800_000_000.0),
        ("1800000000", 1_800_000_000.0),
        (1_800_000_000_123, 1_800_000_000.123),
        ("2027-01-15T08:00:00Z", 1_800_000_000.0),
        ("2027-01-15T08:00:00.1234567Z", 1_800_000_000.0),
        ("2027-01-15T09:00:00+01:00", 1_800_000_000.0),
        ("2027-01-15T07:30:00-0030", 1_800_000_000.0),
        ("2027-01-15 08:00:00", 1_800_000_000.0),
        ("20270115T080000Z", 1_800_000_000.0),
        ("2027-01-15T08:00Z", 1_800_000_000.0),
        ("2027-01-15 08:00:00 UTC", 1_800_000_000.0),
        ("2027-13-15T08:00:00Z", None),
        ("2027-01-15T08:00:00+99:00", None),
        ("in an hour", None),
        (True, None),
        (float("nan"), None),
        (10**15, None),
        ("1" * 17, None),
        ({}, None),
    ],
)
def test_an_expiry_is_a_lifetime_or_a_moment(written: object, expected: float | None) -> None:
    assert moment(written, 1000.0) == expected


@pytest.mark.parametrize("name", ["expires_in_ms", "ttlMs", "data.lifetimeMillis", "milliseconds"])
def test_a_lifetime_whose_name_says_so_is_in_milliseconds(name: str) -> None:
    assert moment(3_600_000, 1000.0, name) == 4600.0
    assert moment(1_800_000_000_123, 1000.0, name) == 1_800_000_000.123


@pytest.mark.parametrize("name", ["items", "expires_in", "terms"])
def test_other_lifetimes_are_in_seconds(name: str) -> None:
    assert moment(3600, 1000.0, name) == 4600.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc") | st.text(), inner),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["a", "a.b", "a.0", "0.a", None]), st.sampled_from(["b", "a.c", None]))
def test_no_document_raises_anything_else(
    document: object, name: str | None, expires: str | None
) -> None:
    with suppress(InvalidTokenResponse):
        issued, _ = token_of(json.dumps(document).encode(), name, expires, 1000.0)
        assert issued.expires_at is None or issued.expires_at < 10**11


def test_members_that_are_not_there_are_none() -> None:
    assert member({"a": [1]}, "a.1") is None
    assert member({"a": [1]}, "a.x") is None
    assert member({"a": 1}, "a.b") is None
    assert member(None, "a") is None


@pytest.mark.parametrize(
    ("members", "expires", "expiry"),
    [
        ({"expires_in": 60}, "expires_in", 60.0),
        ({"data": {"until": "2100-01-01T00:00:00Z"}}, "data.until", 4_102_444_800.0),
        ({"expires_in": 60}, 120, 120.0),
        ({"expires_in": 60}, None, None),
        ({}, "expires_in", None),
    ],
)
def test_the_expiry_stands_where_its_name_says(
    members: dict[str, Any], expires: Any, expiry: float | None
) -> None:
    with Server(answer({"access_token": "t", **members})) as server:
        before = time.time()
        issued = TokenRequest(server.url, expires=expires).request_token()
    if expiry is None:
        assert issued.expires_at is None
    else:
        expected = expiry if expiry > 10**9 else before + expiry
        assert issued.expires_at == pytest.approx(expected, abs=5)


def test_a_jwt_without_another_expiry_expires_as_it_says() -> None:
    expiry = in_an_hour()
    with Server(answer({"access_token": unsigned_jwt(exp=expiry)})) as server:
        assert TokenRequest(server.url).request_token().expires_at == expiry


def test_an_expiry_that_cannot_be_read_costs_the_expiry_and_one_warning(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_response, "_said", set())
    with Server(answer({"access_token": "t", "until": "soon"})) as server:
        source = TokenRequest(server.url, expires="until")
        assert source.request_token().expires_at is None
        source.request_token()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "until" in record.getMessage()


@pytest.mark.parametrize(
    ("response", "settings", "message"),
    [
        (
            answer({"jwt": "t", "id": 1}),
            {},
            "access_token is missing: the response has 'jwt', 'id'",
        ),
        (answer({}), {}, "the response has no members"),
        (answer([]), {}, "the response is a JSON list, not an object"),
        (answer("hello"), {}, "the response is not JSON"),
        (answer({"access_token": 7}), {}, "access_token is not a text but int"),
        (answer({"access_token": "a b"}), {}, "visible ASCII"),
        (answer(""), {"token": None}, "without a token"),
    ],
)
def test_a_response_without_a_token_says_what_it_has(
    response: bytes, settings: dict[str, Any], message: str
) -> None:
    with Server(response) as server:
        error = failure(TokenRequest(server.url, **settings).request_token)
    assert type(error) is InvalidTokenResponse
    assert message in str(error)
    assert "pass token=" in str(error)


# --- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (answer("no", "401 Unauthorized"), InvalidClient),
        (answer("no", "404 Not Found"), InvalidTokenResponse),
        (answer("no", "500 Oh"), ServerError),
        (answer("", "302 Found", {"Location": "/elsewhere"}), InvalidTokenResponse),
        (answer("a" * (1024 * 1024 + 1)), InvalidTokenResponse),
        (drop, TokenEndpointUnreachable),
        (hang, TokenEndpointTimeout),
    ],
)
def test_a_failure_is_typed_and_shows_nothing_that_was_sent(
    script: Any, kind: type[Exception]
) -> None:
    with Server(script) as server:
        error = failure(
            TokenRequest(
                f"{server.origin}/login?in=s3cr3t-url",
                query={"a": "s3cr3t-query"},
                headers={"X-Key": "s3cr3t-header"},
                json={"password": "s3cr3t-body"},
                auth=Other("s3cr3t-bearer"),
                timeout=(0.5, 0.5),
            ).request_token
        )
        assert {request.target.partition("?")[0] for request in server.requests} == {"/login"}
    assert isinstance(error, kind)
    assert_hidden("s3cr3t", error)


def test_what_a_server_repeats_of_a_request_is_hidden() -> None:
    def repeat(request: Request) -> bytes:
        words = f"{request.target} {request.headers} {request.body.decode()}"
        return answer({"error": "no", "error_description": words[:250]}, "400 Bad Request")

    with Server(repeat) as server:
        source = TokenRequest(
            server.url,
            data={"password": "pw1", "user": lambda: "m3"},
            query={"k": "s3cr3t-query"},
            auth=("me", "s3cr3t-word"),
        )
        error = failure(source.request_token)
    for secret in ("pw1", "m3", "s3cr3t-query", "s3cr3t-word"):
        assert_hidden(secret, error)


def test_transient_failures_are_retried_and_others_are_not() -> None:
    with Server(drop, answer("", "503 Busy"), fine()) as server:
        assert TokenRequest(server.url).request_token().value == "token-1"
        assert len(server.requests) == 3
    with Server(answer("", "400 Bad Request"), fine()) as server:
        failure(TokenRequest(server.url).request_token)
        assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["s3cr3t\n", " s3cr3t", "s3cr3t\r\nX: y"])
def test_a_header_that_cannot_be_sent_is_named_and_not_shown(value: str) -> None:
    source = TokenRequest(URL, headers={"X-Key": lambda: value})
    with pytest.raises(ConfigurationError, match=r"headers\['X-Key'\] must be a str") as raised:
        source.request_token()
    assert_hidden("s3cr3t", raised.value)


@pytest.mark.rule(18)
def test_plain_http_beyond_loopback_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="plain http"):
        TokenRequest("http://api.example.com/login")
    assert TokenRequest("http://api.example.com/login", allow_http=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": None}, "url is missing"),
        ({"url": "https://u:p@a.example/"}, "user name"),
        ({"method": "DELETE"}, "method must be one of GET, POST, PUT, PATCH"),
        ({"method": 1}, "method must be a non-empty str"),
        ({"method": "GET", "json": {}}, "data and json are not for GET"),
        ({"data": {}, "json": {}}, "data and json exclude each other"),
        ({"token": ""}, "token must be a non-empty str"),
        ({"expires": 0}, "expires must be a non-empty str"),
        ({"headers": []}, "headers must be a mapping, or None"),
        ({"query": "a=b"}, "query must be a mapping, or None"),
        ({"headers": {1: "a"}}, "each name in headers must be"),
        ({"json": {"a": {"b": object()}}}, r"json\['a'\]\['b'\] must be a str, a callable"),
        ({"json": {"a": float("inf")}}, r"json\['a'\] must be a finite number"),
        ({"auth": "token"}, "auth must be a requests auth object"),
        ({"auth": HTTPBasicAuth}, "auth must be a requests auth object"),
        ({"session": 1}, "session must be a requests.Session"),
        ({"timeout": 0}, "timeout must be"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        TokenRequest(**{"url": URL, **settings})


# --- as a source ---------------------------------------------------------------------------------


def test_token_call_rejection_renewal() -> None:
    issued: list[str] = []

    def respond(request: Request) -> bytes | Reply:
        if request.target == "/login":
            assert json.loads(request.body) == {"user": "me", "password": "s3cr3t"}
            issued.append(f"token-{len(issued) + 1}")
            return answer({"data": {"jwt": issued[-1], "ttl": 600}})
        return Reply(200 if request.token == issued[-1] else 401)

    with Server(respond) as server, requests.Session() as session:
        source = TokenRequest(
            f"{server.origin}/login",
            json={"user": "me", "password": "s3cr3t"},
            token="data.jwt",
            expires="data.ttl",
        )
        cache = TokenCache()
        mount(session, ClientCredentialsAdapter(source, origins=server.origin, cache=cache))
        assert [session.get(server.origin, timeout=20).status_code for _ in range(3)] == [200] * 3
        assert issued == ["token-1"]
        issued.append("another")  # the API forgot it
        assert session.get(server.origin, timeout=20).status_code == 200
        assert issued == ["token-1", "another", "token-3"]


def test_a_key_tells_apart_what_shapes_the_token() -> None:
    def vault() -> str:
        raise AssertionError("called")

    variations: list[dict[str, Any]] = [
        {},
        {"url": f"{URL}?a=b"},
        {"method": "PUT"},
        {"auth": ("a", "b")},
        {"auth": ("a", "c")},
        {"auth": Other()},
        {"headers": {"a": "b"}},
        {"query": {"a": "b"}},
        {"data": {"a": "b"}},
        {"data": b"a=b"},
        {"data": "a=b"},
        {"json": {"a": "b"}},
        {"json": {"a": ["b"]}},
        {"json": {"a": {"b": 1}}},
        {"json": {"a": {"b": True}}},
        {"token": "jwt"},
    ]
    keys = [TokenRequest(**{"url": URL, **settings}).cache_key for settings in variations]
    assert len(set(keys)) == len(keys)
    assert all(isinstance(key, str) for key in keys)
    assert TokenRequest(URL, timeout=3, expires=None).cache_key == keys[0]
    one, same = (TokenRequest(URL, json={"p": vault}).cache_key for _ in range(2))
    assert one == same
    assert not isinstance(one, str)
    assert one != TokenRequest(URL, json={"p": print}).cache_key


def test_a_store_keeps_its_token() -> None:
    store = DictStore(ManualClock())
    with Server(fine()) as server:
        for _ in range(2):
            TokenCache(store).token(TokenRequest(server.url, json={"a": "b"}))
        assert len(store.entries) == 1
        TokenCache(store).token(TokenRequest(server.url, json={"a": lambda: "b"}))
        assert len(store.entries) == 1


def test_it_is_a_value_that_shows_nothing_that_it_sends() -> None:
    password: Callable[[], str] = pickle.dumps  # type: ignore[assignment] # any that pickles
    given = {"password": "s3cr3t-body", "list": [{"a": password}]}
    source = TokenRequest(
        f"{URL}?key=s3cr3t-url",
        headers={"X-Key": "s3cr3t-header"},
        json=given,
        auth=("me", "s3cr3t"),
    )
    given["password"] = "changed"
    assert source.json == {"password": "s3cr3t-body", "list": [{"a": password}]}
    assert isinstance(source, TokenSource)
    assert source.label == "the token of https://api.example.com/login"
    assert source.server.given_url == "https://api.example.com/login"
    assert repr(source) == (
        "TokenRequest('https://api.example.com/login', method='POST', token='access_token', "
        "expires='expires_in')"
    )
    assert dataclasses.replace(source, method="POST") == source
    assert dataclasses.replace(source, expires=60).expires == 60.0
    assert hash(dataclasses.replace(source)) == hash(source)
    assert pickle.loads(pickle.dumps(source)) == source
    assert_hidden(
        "s3cr3t", source, source.cache_key, source._request, source._request.authentication
    )
