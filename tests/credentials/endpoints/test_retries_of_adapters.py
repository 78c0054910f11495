"""What ``max_retries`` of a user's adapter does to a request: it connects again."""

from __future__ import annotations

import threading

import pytest
import requests
from urllib3 import Retry

from requests_cc import (
    AuthorizationServer,
    ClientCredentials,
    TemporarilyUnavailable,
    TokenRequestError,
)
from tests.support.scripts import answer, drop, token
from tests.support.server import PATIENCE, Server

from .endpoint import SECRET, Endpoint, client, failure


def origin_of(server: Server) -> str:
    return server.url.removesuffix("/token")


OVERLOADED = answer(b"", "503 Service Unavailable", {"Retry-After": "3600"})


@pytest.mark.rule(19)
@pytest.mark.parametrize(
    "retry",
    [Retry(3, status_forcelist=[503], allowed_methods=None), Retry(3, allowed_methods=None)],
    ids=["a status", "any status with Retry-After"],
)
def test_an_adapters_retries_do_not_sleep_for_as_long_as_a_server_likes(
    endpoint: Endpoint, retry: Retry, session: requests.Session
) -> None:
    session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
    with Server(OVERLOADED) as server:
        error = failure(endpoint, server, session=session)
        assert isinstance(error, TemporarilyUnavailable)
        assert error.retry_after == 3600
        assert len(server.requests) == 1
    for each in threading.enumerate():
        if each.name == "requests-cc exchange":
            each.join(PATIENCE)
            assert not each.is_alive()


@pytest.mark.rule(19)
def test_a_lookup_does_not_sleep_for_as_long_as_a_server_likes(session: requests.Session) -> None:
    session.mount("http://", requests.adapters.HTTPAdapter(max_retries=3))
    with Server(OVERLOADED) as server:
        discovered = AuthorizationServer.discover(origin_of(server), session=session)
        with pytest.raises(TokenRequestError, match="503"):
            ClientCredentials(discovered, "me", SECRET).request_token()


@pytest.mark.rule(19)
def test_an_adapters_retries_repeat_no_request_that_was_sent(
    endpoint: Endpoint, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests_cc.credentials.authenticated_request.ATTEMPTS", 1)
    retry = Retry(3, allowed_methods=None)
    session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
    with Server(drop) as server:
        failure(endpoint, server, session=session)
        assert len(server.requests) == 1


@pytest.mark.parametrize("thread", ["of its own", "the caller's"])
def test_beside_token_requests_an_adapters_retries_are_as_they_were(
    session: requests.Session, monkeypatch: pytest.MonkeyPatch, thread: str
) -> None:
    if thread == "the caller's":
        monkeypatch.setattr("requests_cc.threads.started", lambda _: False)
    retry = Retry(3, status_forcelist=[503], allowed_methods=None)
    session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
    replies = iter([token(), answer(b"", "503 Busy"), answer(b"fine")])
    with Server(lambda _: next(replies)) as server:
        client(server, session=session).request_token()
        assert session.get(origin_of(server)).content == b"fine"
