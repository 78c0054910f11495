"""A token that something else keeps fresh in a file."""

from __future__ import annotations

import dataclasses
import os
import pickle
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from requests_cc import (
    ClientCredentialsAdapter,
    ConfigurationError,
    TokenCache,
    TokenExchange,
    TokenFile,
    TokenRequestError,
    mount,
)
from requests_cc.credentials import token_file
from requests_cc.credentials.token_file import PAUSES
from requests_cc.protocols import TokenSource
from tests.support.plain_stores import DictStore
from tests.support.scripts import Reply, Request, token
from tests.support.server import Server
from tests.support.sources import ManualClock

from .helpers import assert_hidden, failure, in_an_hour, unsigned_jwt


class Agent:
    """Keeps the token in a file fresh; each version has a time of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.version = 0

    def write(self, text: str) -> None:
        self.version += 1
        fresh = self.path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        os.utime(fresh, ns=(self.version, self.version))
        os.replace(fresh, self.path)


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path / "token")


def test_the_file_is_the_token(agent: Agent) -> None:
    agent.write("\ufefftoken-1\n")
    before = time.time()
    issued = TokenFile(agent.path).request_token()
    assert issued.authorization == "Bearer token-1"
    assert issued.expires_at is None
    assert issued.issued_at == pytest.approx(before, abs=5)


def test_a_jwt_expires_as_it_says_or_with_the_lifetime(agent: Agent) -> None:
    expiry = in_an_hour()
    agent.write(unsigned_jwt(exp=expiry))
    assert TokenFile(agent.path).request_token().expires_at == expiry
    soon = TokenFile(agent.path, lifetime=60).request_token().expires_at
    assert soon == pytest.approx(time.time() + 60, abs=5)


def test_a_changed_file_is_read_again_at_once(agent: Agent) -> None:
    with Server(Reply()) as api, requests.Session() as session:
        source = TokenFile(agent.path)
        mount(session, ClientCredentialsAdapter(source, origins=api.origin, cache=TokenCache()))
        for text in ("token-1", "token-1", "token-2"):
            agent.write(text)
            session.get(api.origin, timeout=20)
        assert api.tokens == ["token-1", "token-1", "token-2"]


def test_it_is_read_once_while_it_does_not_change(agent: Agent) -> None:
    agent.write("token-1")
    cache, source = TokenCache(), TokenFile(agent.path)
    assert cache.token(source) is cache.token(source)
    assert cache.token(TokenFile(agent.path)) is cache.token(source)
    assert cache.stats().requests == 1


def test_it_is_read_again_after_a_rejection(agent: Agent) -> None:
    """Whatever the file's time says: some agents keep it."""

    def api(request: Request) -> Reply:
        if request.token == "token-1":
            agent.version -= 1
            agent.path.write_text("token-2", encoding="utf-8")
            os.utime(agent.path, ns=(1, 1))
            return Reply(401)
        return Reply()

    agent.write("token-1")
    with Server(api) as server, requests.Session() as session:
        source = TokenFile(agent.path)
        mount(session, ClientCredentialsAdapter(source, origins=server.origin, cache=TokenCache()))
        assert session.get(server.origin, timeout=20).status_code == 200
        assert server.tokens == ["token-1", "token-2"]


def test_a_rejected_token_that_is_still_in_the_file_is_not_sent_twice(agent: Agent) -> None:
    agent.write("token-1")
    with Server(Reply(401)) as api, requests.Session() as session:
        source = TokenFile(agent.path)
        mount(session, ClientCredentialsAdapter(source, origins=api.origin, cache=TokenCache()))
        assert session.get(api.origin, timeout=20).status_code == 401
        assert api.tokens == ["token-1"]


def test_it_is_read_again_when_it_is_due(agent: Agent) -> None:
    clock = ManualClock()
    clock.wall = time.time()
    cache, source = TokenCache(clock=clock, background=False), TokenFile(agent.path, lifetime=60)
    agent.write("token-1")
    cache.token(source)
    clock.forward(61)
    cache.token(source)
    assert cache.stats().requests == 2


@pytest.mark.rule(12)
def test_a_token_serves_on_while_the_file_is_torn_empty_or_gone(agent: Agent) -> None:
    cache, source = TokenCache(), TokenFile(agent.path)
    agent.write("token-1")
    assert cache.token(source).value == "token-1"
    for torn in ("", "tok en", "é"):
        agent.write(torn)
        assert cache.token(source).value == "token-1"
    agent.path.unlink()
    assert cache.token(source).value == "token-1"
    agent.write("token-2")
    assert cache.token(source).value == "token-2"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        (b" \n", "is empty"),
        (b"half of a\ntoken", "does not hold a token"),
        (b"\xff\xfe", "does not hold a token"),
        (b"a" * (1024 * 1024 + 1), "does not hold a token"),
        (unsigned_jwt(exp=1).encode(), "holds a token that expired at 1970-01-01T00:00:01Z"),
        (
            unsigned_jwt(exp=-(10**20)).encode(),
            "holds a token that expired at a time beyond the calendar",
        ),
    ],
)
def test_a_file_without_a_token_is_an_error_that_names_the_path(
    agent: Agent, content: bytes | None, problem: str
) -> None:
    if content is not None:
        agent.path.write_bytes(content)
    cache, source = TokenCache(), TokenFile(agent.path)
    for call in (source.request_token, lambda: cache.token(source)):
        error = failure(call)
        assert type(error) is TokenRequestError
        assert f"the token file {agent.path} {problem}" in str(error)
        assert "check" in str(error)
        assert not error.permanent
        if content is not None and content.strip():
            assert_hidden(content.decode("utf-8", "replace")[:100], error)


def test_a_writer_that_truncates_the_file_first_is_waited_for(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        agent.write("token-1" if len(pauses) == len(PAUSES) else "")

    monkeypatch.setattr(token_file, "time", SimpleNamespace(time=time.time, sleep=sleep))
    agent.write("")
    assert TokenFile(agent.path).request_token().value == "token-1"
    assert tuple(pauses) == PAUSES


def test_a_file_that_appears_later_is_read_at_once(agent: Agent) -> None:
    cache, source = TokenCache(), TokenFile(agent.path)
    failure(lambda: cache.token(source))
    agent.write("token-1")
    assert cache.token(source).value == "token-1"


def test_no_store_gets_its_token_since_paths_repeat_on_other_machines(agent: Agent) -> None:
    agent.write("token-1")
    store = DictStore(ManualClock())
    assert TokenCache(store).token(TokenFile(agent.path)).value == "token-1"
    assert store.entries == {}


def test_as_a_subject_a_new_token_in_the_file_keeps_the_key(agent: Agent) -> None:
    agent.write("token-1")
    with Server(token()) as server:
        source = TokenExchange(server.url, subject=TokenFile(agent.path))
        key = source.cache_key
        source.request_token()
        agent.write("token-2")
        again = TokenExchange(server.url, subject=TokenFile(agent.path))
        assert again.cache_key == key
        assert isinstance(key, str)
        source.request_token()
        sent = [request.form["subject_token"] for request in server.requests]
    assert sent == [["token-1"], ["token-2"]]


def test_its_path_is_absolute(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(agent.path.parent)
    source = TokenFile("token")
    monkeypatch.chdir("/")
    agent.write("token-1")
    assert source.path == str(agent.path)
    assert source.request_token().value == "token-1"
    assert source.cache_key == TokenFile(agent.path).cache_key
    assert source.cache_key != TokenFile(agent.path, lifetime=60).cache_key


def test_a_wrong_setting_is_named() -> None:
    with pytest.raises(ConfigurationError, match="path"):
        TokenFile("")
    with pytest.raises(ConfigurationError, match="contents"):
        TokenFile(unsigned_jwt())
    with pytest.raises(ConfigurationError, match="lifetime must be"):
        TokenFile("token", lifetime=0)


def test_it_is_a_value_that_shows_no_token(agent: Agent) -> None:
    agent.write("s3cr3t-token")
    source = TokenFile(agent.path)
    assert isinstance(source, TokenSource)
    source.request_token()
    assert repr(source) == f"TokenFile({str(agent.path)!r})"
    assert (
        repr(TokenFile(agent.path, lifetime=60)) == f"TokenFile({str(agent.path)!r}, lifetime=60)"
    )
    assert source.label == f"the token file {agent.path}"
    assert dataclasses.replace(source) == source
    assert pickle.loads(pickle.dumps(source)) == source
    assert b"s3cr3t" not in pickle.dumps(source)
    assert_hidden("s3cr3t-token", source, source.cache_key)
