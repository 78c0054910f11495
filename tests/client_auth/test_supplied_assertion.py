"""An assertion that something else signs: a callable, another source, a file."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from requests_cc import (
    AccessToken,
    AssertionFile,
    AuthorizationServer,
    ClientAssertion,
    ClientCredentials,
    ConfigurationError,
    InvalidClient,
    TemporarilyUnavailable,
    TokenEndpointUnreachable,
)
from requests_cc.client_auth.assertion import JWT_BEARER
from requests_cc.testing import LocalServer
from tests.support.scripts import answer, token
from tests.support.server import Server


class Supplier:
    """A source of tokens, such as a managed identity."""

    def __init__(self, *values: str, cache_key: Any = "supplier") -> None:
        self.values = iter(values)
        self.cache_key = cache_key

    def request_token(self) -> AccessToken:
        return AccessToken(next(self.values))


def assertions(server: Server) -> list[str]:
    return [request.form["client_assertion"][0] for request in server.requests]


@pytest.mark.rule(19, 25)
def test_a_callable_is_called_for_each_attempt_with_the_audience() -> None:
    asked = []

    def get(audience: str) -> str:
        asked.append(audience)
        return f"assertion-{len(asked)}"

    with Server(answer(b"", "503 Busy"), token()) as server:
        ClientCredentials(server.url, "me", auth=ClientAssertion(get)).request_token()
        reached = AuthorizationServer(server.url, issuer="https://issuer.example")
        ClientCredentials(reached, "me", auth=ClientAssertion(get)).request_token()
        assert assertions(server) == ["assertion-1", "assertion-2", "assertion-3"]
        assert server.requests[0].form["client_assertion_type"] == [JWT_BEARER]
        assert server.requests[0].form["client_id"] == ["me"]
        assert asked == [server.url, server.url, "https://issuer.example"]


def test_the_token_of_another_source_is_the_assertion() -> None:
    with Server(token()) as server:
        auth = ClientAssertion(Supplier("t0ken-1", "t0ken-2"), assertion_type="urn:x")
        credentials = ClientCredentials(server.url, "me", auth=auth)
        credentials.request_token()
        credentials.request_token()
        assert assertions(server) == ["t0ken-1", "t0ken-2"]
        assert server.requests[0].form["client_assertion_type"] == ["urn:x"]


def test_what_the_other_source_raises_is_raised_as_it_is_and_once() -> None:
    with LocalServer({"me": "right"}) as other, Server(token()) as server:
        inner = ClientCredentials(other.token_url, "me", "wrong")
        credentials = ClientCredentials(server.url, "you", auth=ClientAssertion(inner))
        with pytest.raises(InvalidClient, match=other.token_url):
            credentials.request_token()
        assert len(other.token_requests) == 1
        assert server.requests == []


@pytest.mark.parametrize("value", [None, 7, "", "two words", "ä", b"x"])
def test_what_is_not_an_assertion_is_neither_sent_nor_shown(value: Any) -> None:
    credentials = ClientCredentials(
        "https://auth.example.com/token", "me", auth=ClientAssertion(lambda audience: value)
    )
    with pytest.raises(
        ConfigurationError,
        match=r"ClientAssertion returned (nothing|a value that is not)",
    ) as raised:
        credentials.request_token()
    assert str(value) not in str(raised.value) or value in (None, "", 7)


@pytest.mark.parametrize(
    ("get", "words"), [(None, "NoneType"), ("x", "str"), (Supplier, "a class")]
)
def test_a_get_is_a_callable_or_a_source(get: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=f"takes a callable, .* not {words}"):
        ClientAssertion(get)
    with pytest.raises(ConfigurationError, match="assertion_type"):
        ClientAssertion(len, assertion_type="")


def test_its_key_is_that_of_the_callable_or_the_source() -> None:
    def key(get: Any) -> object:
        return ClientCredentials("https://x/token", "me", auth=ClientAssertion(get)).cache_key

    def get(audience: str) -> str:
        raise AssertionError("called")

    assert isinstance(key(get), tuple)
    assert key(get) == key(get)
    assert key(get) != key(lambda audience: "x")
    assert isinstance(key(Supplier()), str)
    assert key(Supplier()) == key(Supplier()) != key(Supplier(cache_key="other"))
    assert isinstance(key(Supplier(cache_key=("a",))), tuple)


def test_each_is_a_value_that_shows_nothing(tmp_path: Path) -> None:
    auth = ClientAssertion(len)
    assert repr(auth) == "ClientAssertion(builtin_function_or_method)"
    assert replace(auth, assertion_type="urn:y").assertion_type == "urn:y"
    assert pickle.loads(pickle.dumps(auth)) == auth
    file = AssertionFile(tmp_path / "a")
    assert isinstance(file, ClientAssertion)
    assert replace(file, assertion_type="urn:y").path == str(tmp_path / "a")
    assert pickle.loads(pickle.dumps(file)) == file
    assert hash(file) == hash(AssertionFile(str(tmp_path / "a")))
    assert str(tmp_path) in repr(file)


@pytest.mark.rule(19)
def test_a_file_that_did_not_change_is_not_sent_in_a_second_attempt(tmp_path: Path) -> None:
    path = tmp_path / "assertion"
    path.write_text("first.x.y")
    with Server(answer(b"", "503 Busy")) as server:
        credentials = ClientCredentials(server.url, "me", auth=AssertionFile(path))
        with pytest.raises(TemporarilyUnavailable):
            credentials.request_token()
        assert assertions(server) == ["first.x.y"]

    def replaced(request: Any) -> Any:
        path.write_text("second.x.y")
        return answer(b"", "503 Busy")

    with Server(replaced, token()) as server:
        ClientCredentials(server.url, "me", auth=AssertionFile(path)).request_token()
        ClientCredentials(server.url, "me", auth=AssertionFile(path)).request_token()
        assert assertions(server) == ["first.x.y", "second.x.y", "second.x.y"]
    with pytest.raises(TokenEndpointUnreachable):
        credentials.request_token()
