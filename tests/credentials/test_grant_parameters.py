"""The settings that become parameters."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, strategies as st

from requests_cc import (
    ClientCredentials,
    ClientCredentialsAdapter,
    ConfigurationError,
    InvalidRequest,
)
from requests_cc.client_auth.secret import SecretFile
from requests_cc.credentials.parameters import (
    audiences,
    further_params,
    pairs,
    resource_uris,
    scope_text,
)
from requests_cc.testing import LocalServer
from tests.support.scripts import answer
from tests.support.server import Server

LONE = "\ud800"


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (None, None),
        ("", None),
        ([], None),
        ("read", "read"),
        ("read write", "read write"),
        (["write", "read"], "write read"),
        (("a", "b"), "a b"),
        ((word for word in "ab"), "a b"),
        ({"b": 1, "a": 2}.keys(), "a b"),
    ],
)
def test_a_scope_is_words_with_a_space_between_them(scope: object, text: str | None) -> None:
    assert scope_text(scope) == text  # type: ignore[arg-type]


@given(st.sets(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1)))
def test_a_set_has_one_order(words: set[str]) -> None:
    assert scope_text(words) == (" ".join(sorted(words)) or None)
    assert scope_text(frozenset(words)) == scope_text(words)


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (7, "scope must be a str or an iterable of str, not int"),
        (b"read", "not bytes"),
        ({"read": True}, "not dict"),
        (["read", 7], "each part of scope must be a non-empty str; it is int"),
        ({"read", 7}, "each part of scope"),
        (["read", ""], "it is empty"),
        (["read", None], "it is missing"),
        ([LONE], "UTF-8"),
    ],
)
def test_an_invalid_scope_is_refused(scope: object, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        scope_text(scope)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "uri", ["https://api.example.com", "https://api.example.com/v1?x=1", "urn:example:api", "api:x"]
)
def test_a_resource_is_an_absolute_uri(uri: str) -> None:
    assert resource_uris(uri) == (uri,)
    assert resource_uris([uri, "urn:b"]) == (uri, "urn:b")
    assert resource_uris({"urn:b", "urn:a"}) == ("urn:a", "urn:b")


def test_there_need_be_no_resource() -> None:
    assert resource_uris(None) == ()


@pytest.mark.parametrize(
    "uri", ["api", "/api", "//api.example.com", "https:", "https://h/#", "urn:a#b", "https://[h"]
)
def test_a_resource_must_be_an_absolute_uri(uri: str) -> None:
    with pytest.raises(ConfigurationError, match=r"must be an absolute URI .*RFC 8707"):
        resource_uris(uri)


def test_params_are_text_in_one_order() -> None:
    params = further_params({"b": ["y", 2], "a": 1, "c": (), "d": ""})
    assert list(params.items()) == [("a", "1"), ("b", ("y", "2")), ("c", ()), ("d", "")]
    assert further_params(None) == {}


@pytest.mark.rule(24)
@pytest.mark.parametrize(
    ("params", "words"),
    [
        ([("a", "b")], "params must be a mapping, not list"),
        ({"": "x"}, "each name in params"),
        ({1: "x"}, "each name in params"),
        ({LONE: "x"}, "UTF-8"),
        ({"a": None}, r"params\['a'\] must be a str, a callable or a list of those, not NoneType"),
        ({"a": True}, "not bool"),
        ({"a": 1.5}, "not float"),
        ({"a": b"s3cret"}, "not bytes"),
        ({"a": ["x", None]}, "not NoneType"),
        ({"a": {"s3cret": "x"}}, "not dict"),
        ({"a": f"s3cret{LONE}"}, r"params\['a'\] cannot be encoded as UTF-8"),
    ],
)
def test_invalid_params_are_refused_and_not_shown(params: object, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as raised:
        further_params(params)  # type: ignore[arg-type]
    assert "s3cret" not in str(raised.value)


@pytest.mark.rule(24)
@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("grant_type", "grant_type"),
        ("client_id", "client_id"),
        ("client_secret", "client_secret"),
        ("scope", "scope"),
        ("audience", "audience"),
        ("resource", "resource"),
        ("client_assertion", "auth"),
        ("client_assertion_type", "auth"),
    ],
)
def test_params_repeat_no_parameter_that_has_a_setting(name: str, setting: str) -> None:
    with pytest.raises(ConfigurationError, match=f"params repeats '{name}': use {setting}="):
        further_params({name: "x"})


def test_a_parameter_is_sent_not_at_all_or_once_or_repeated() -> None:
    params = {"a": None, "b": "x", "c": ("x", "y"), "d": (), "e": str}
    assert pairs(params) == (("b", "x"), ("c", "x"), ("c", "y"), ("e", str))


@pytest.mark.parametrize(
    ("audience", "kept"),
    [
        (None, None),
        ([], None),
        ("a", "a"),
        (["a"], "a"),
        (["b", "a"], ("b", "a")),
        ({"b", "a"}, ("a", "b")),
    ],
)
def test_audiences_are_kept_in_one_form(audience: object, kept: object) -> None:
    assert audiences(audience) == kept  # type: ignore[arg-type]


@pytest.mark.parametrize("audience", ["", 7, b"a", ["a", ""], [None]])
def test_what_is_not_an_audience_is_refused(audience: object) -> None:
    with pytest.raises(ConfigurationError, match="audience"):
        audiences(audience)  # type: ignore[arg-type]


def test_several_audiences_are_sent_once_each_and_are_origins() -> None:
    urls = ["https://b.example.com", "https://a.example.com"]
    with LocalServer({"me": "s3cret"}) as server:
        credentials = ClientCredentials(server.token_url, "me", "s3cret", audience=urls)
        credentials.request_token()
        (request,) = server.token_requests
    assert request.form["audience"] == urls
    assert ClientCredentialsAdapter(credentials).origins == tuple(sorted(urls))
    assert dataclasses.replace(credentials, scope="x").audience == tuple(urls)
    assert credentials.cache_key != dataclasses.replace(credentials, audience=urls[:1]).cache_key


def test_a_callable_is_called_for_each_attempt_and_its_value_is_hidden() -> None:
    values = iter(["first-value", "second-value", "third-value"])
    params = {"code": lambda: next(values), "several": ["a", lambda: "b"]}
    with LocalServer({"me": "s3cret"}) as server:
        credentials = ClientCredentials(server.token_url, "me", "s3cret", params=params)
        assert "first-value" not in repr(credentials)
        server.fail_next(1)
        credentials.request_token()
        credentials.request_token()
        forms = [request.form for request in server.token_requests]
    assert [form["code"] for form in forms] == [["first-value"], ["second-value"], ["third-value"]]
    assert forms[0]["several"] == ["a", "b"]


def test_what_a_server_repeats_of_a_callables_value_is_hidden() -> None:
    error = {"error": "invalid_request", "error_description": "what is one-time-code?"}
    with Server(answer(error, "400 Bad")) as server:
        credentials = ClientCredentials(
            server.url, "me", "s3cret", params={"code": lambda: "one-time-code"}
        )
        with pytest.raises(InvalidRequest) as caught:
            credentials.request_token()
    assert "one-time-code" not in f"{caught.value!r}{caught.value.__dict__}"


def test_a_callable_counts_in_the_key_by_its_equality() -> None:
    def key(value: object) -> object:
        return ClientCredentials("https://x/token", "me", "s", params={"p": value}).cache_key

    def one() -> str:
        raise AssertionError("called")

    assert isinstance(key(one), tuple)
    assert key(one) == key(one)
    assert len({key(one), key(lambda: "x"), key("x")}) == 3
    assert isinstance(key(SecretFile("/run/code")), str)


@pytest.mark.parametrize("value", [None, 7, b"x", LONE])
def test_a_callable_that_returns_no_text_is_named(value: object) -> None:
    credentials = ClientCredentials("https://x/token", "me", "s", params={"p": lambda: value})  # type: ignore[dict-item, return-value]
    with pytest.raises(ConfigurationError, match=r"the callable params\['p'\] returned"):
        credentials.request_token()
