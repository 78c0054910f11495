"""The thread of its own in which an exchange takes place."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from requests_cc.http import exchange
from requests_cc.testing import LocalServer
from tests.support.scripts import token, trickle
from tests.support.server import Server

from .endpoint import ENDPOINTS, client, failure


def test_the_token_request_is_made_without_a_thread_if_none_can_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "requests-cc exchange":
            raise RuntimeError("can't start new thread")
        original(thread)

    with LocalServer() as server:
        monkeypatch.setattr(threading.Thread, "start", start)
        assert client(server.token_url).request_token().value


def test_a_server_that_trickles_without_end_gets_a_bounded_number_of_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchange.hanging, "limit", 1)
    slow: Callable = trickle(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 999, 0.05)
    with Server(slow) as server, Server(token()) as other:
        for words in ("no complete response", "1 timed-out requests to 127.0.0.1"):
            assert words in str(failure(ENDPOINTS["token"], server, timeout=(0.1, 0.2)))
        assert len(server.requests) == 1
        assert client(other.url).request_token().value == "token-1"  # another is asked
    deadline = time.monotonic() + 5
    while any(each.name == "requests-cc exchange" for each in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with Server(token()) as other:
        client(other.url).request_token()
    assert not len(exchange.hanging)
